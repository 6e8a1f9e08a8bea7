from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import axial_positions, reference_points, topology
from pulposus.mesh._topology import PLANS, Plan

NUCLEUS_RADIUS, ENDPLATE_RADIUS, PLATE_SHARE = 0.6, 0.8, 0.06


@pytest.fixture(scope="session")
def tiny():
    """The smallest O-grid with every kind of cell: cheap enough for dense matrices."""
    PLANS["tiny"] = Plan(square=2, inner=1, middle=1, outer=1, plate=1, core=2, grading=2.0)
    return topology("tiny")


@pytest.fixture(scope="session")
def coarse():
    return topology("coarse")


def cylinder_coordinates(mesh, half_width=1.0, half_depth=1.0, half_height=1.0):
    """An upright elliptic cylinder."""
    points = reference_points(mesh, NUCLEUS_RADIUS, ENDPLATE_RADIUS) * np.array([half_width, half_depth])
    heights = half_height * axial_positions(mesh, PLATE_SHARE)
    planar = np.broadcast_to(points[:, None], (*heights.shape, 2))
    return jnp.asarray(np.concatenate([planar, heights[..., None]], axis=-1))


@pytest.fixture(scope="session")
def cylinder():
    return cylinder_coordinates


def bent_coordinates(mesh):
    """A smooth curved body: no face is flat, no element is a brick."""
    x, y, z = np.moveaxis(np.asarray(cylinder_coordinates(mesh, 3.0, 2.0, 1.0)), -1, 0)
    return jnp.asarray(
        np.stack([x + 0.1 * z * y, y + 0.05 * x**2, z * (1.0 + 0.05 * x + 0.03 * y**2) + 0.02 * x * y], axis=-1)
    )


@pytest.fixture(scope="session")
def bent():
    return bent_coordinates
