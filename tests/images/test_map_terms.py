"""The terms of the map that only a fitted disc has, against polygons and finite differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pulposus.disc._anatomy import with_nucleus
from pulposus.disc._map import (
    endplate_surface,
    endplate_terms,
    ring_area,
    ring_centroid,
    section_determinant,
    section_point,
)


@pytest.fixture
def wavy(generic):
    random = np.random.default_rng(2)
    return dataclasses.replace(
        generic,
        width_harmonics=0.02 * random.normal(size=(6, 2)),
        depth_harmonics=0.02 * random.normal(size=(6, 2)),
        superior=random.normal(size=16),
        inferior=random.normal(size=16),
    )


@pytest.mark.parametrize("rho", [0.5, 1.0])
def test_area_and_centroid_of_a_wavy_ring(wavy, rho):
    angle = 2.0 * np.pi * np.arange(20000) / 20000
    x, y = section_point(wavy, rho * np.cos(angle), rho * np.sin(angle))
    cross = x * np.roll(y, -1) - y * np.roll(x, -1)
    area = 0.5 * cross.sum()
    # A polygon of n sides lacks a share of about 7/n^2.
    assert ring_area(wavy, rho) == pytest.approx(area, rel=1e-6)
    assert ring_centroid(wavy, rho) == pytest.approx(((y + np.roll(y, -1)) * cross).sum() / (6.0 * area), abs=1e-5)


def test_determinant_of_a_wavy_section(wavy):
    xi, eta = np.random.default_rng(3).uniform(-0.7, 0.7, (2, 50))
    step = 1e-6
    by_xi = [
        (a - b) / (2 * step)
        for a, b in zip(section_point(wavy, xi + step, eta), section_point(wavy, xi - step, eta), strict=True)
    ]
    by_eta = [
        (a - b) / (2 * step)
        for a, b in zip(section_point(wavy, xi, eta + step), section_point(wavy, xi, eta - step), strict=True)
    ]
    # Central differences of step 1e-6 leave 1e-9 of about 500.
    assert section_determinant(wavy, xi, eta) == pytest.approx(by_xi[0] * by_eta[1] - by_xi[1] * by_eta[0], rel=1e-6)


def test_the_nucleus_of_a_wavy_section(wavy):
    placed = with_nucleus(wavy, 0.4, 1.5)
    assert ring_area(placed, placed.nucleus_radius) / ring_area(placed) == pytest.approx(0.4, abs=1e-9)
    assert ring_centroid(placed) - ring_centroid(placed, placed.nucleus_radius) == pytest.approx(1.5, abs=1e-9)


def test_an_endplate_is_the_sum_of_its_terms(wavy):
    assert endplate_surface(wavy.superior, 0.3, -0.4) == pytest.approx(
        sum(c * t for c, t in zip(wavy.superior, endplate_terms(0.3, -0.4), strict=True))
    )
