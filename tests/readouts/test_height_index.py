"""Disc height index in its definitions."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.parameters import ParameterSet
from pulposus.readouts import (
    DiscView,
    disc_height_index,
    disc_height_index_of_sum,
    frobin_height,
    midline_heights,
    percent_height_index,
)
from pulposus.readouts._height_index import MidlineHeights, height_class

HEIGHTS = MidlineHeights(anterior=12.0, middle=10.0, posterior=8.0, depth=35.0, wedge=float(np.arctan(4.0 / 35.0)))


def test_definitions() -> None:
    """Closed forms: mean height 10 over mean 25 and over the sum 50 of two vertebrae."""
    assert disc_height_index(HEIGHTS, 24.0, 26.0) == pytest.approx(0.4, rel=1e-14)
    assert disc_height_index_of_sum(HEIGHTS, 24.0, 26.0) == pytest.approx(0.2, rel=1e-14)
    assert percent_height_index(0.3, 0.4) == pytest.approx(75.0, rel=1e-14)


def test_frobin_turns_the_faces_about_the_middle() -> None:
    """At its own angle nothing is corrected; at no angle the front has the height of the middle of front and back."""
    assert frobin_height(HEIGHTS, HEIGHTS.wedge, 40.0) == pytest.approx(12.0 / 40.0, rel=1e-12)
    assert frobin_height(HEIGHTS, 0.0, 40.0) == pytest.approx(10.0 / 40.0, rel=1e-12)


@pytest.mark.parametrize(
    ("index", "name"),
    [(0.4, "normal"), (0.39, "mild"), (0.3, "mild"), (0.29, "moderate"), (0.2, "moderate"), (0.1, "severe")],
)
def test_classes(parameters: ParameterSet, index: float, name: str) -> None:
    assert height_class(index, parameters) == name


def test_heights_of_a_disc_are_those_it_was_built_with(grades: list[DiscView]) -> None:
    """13, 12, 7.8 and 35 mm. The outline of 32 corners lies 0.32 % outside the map's circle, and its third harmonic three times that."""
    found = midline_heights(grades[0])
    np.testing.assert_allclose([found.anterior, found.middle, found.posterior], [13.0, 12.0, 7.8], atol=0.05)
    assert found.depth == pytest.approx(35.0, rel=0.006)
    assert found.wedge == pytest.approx(np.arctan(5.2 / 35.0), abs=0.005)
