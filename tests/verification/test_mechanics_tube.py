"""V8 of mechanics_imaging 3.1: a thick tube in plane strain, linear and inflated at constant volume, on the elements of the disc.

Radii 14.5 and 22 mm, a quarter of the tube. Linear: E = 1, nu = 0.3 under the inner pressure p = 0.5 (2.6), a hundred thousandth of it, so
that what is not linear stays below 1e-4. Inflation: mu = 1, inner radius times 1.1; the volume is kept by the water that has no way out.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import NeoHookean
from pulposus.mechanics._disc_places import FACE_SHAPE
from pulposus.mechanics._element import deformation_gradients, geometry, solid_residual
from pulposus.mesh import block_lattice, block_mesh
from pulposus.mesh._quadratic import CORNER_SHAPE, FACE_SLOPE, FACE_WEIGHTS

INNER, OUTER, LENGTH = 14.5, 22.0, 1.0
CELLS = (4, 6, 1)
# Nodes of the face of an element on the side of its first axis, corners first, then the middles of the edges that follow them (VTK).
INNER_FACE = (0, 3, 7, 4, 11, 19, 15, 16)


def quarter() -> tuple:
    """The mesh, its nodes [mm], their radius, and what symmetry and plane strain fix."""
    mesh = block_mesh(CELLS)
    unit = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, CELLS))))
    radius, angle = INNER + (OUTER - INNER) * unit[:, 0], 0.5 * np.pi * unit[:, 1]
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle), LENGTH * unit[:, 2]], axis=1)
    fixed = np.zeros_like(places, dtype=bool)
    fixed[:, 2] = True
    fixed[unit[:, 1] == 0.0, 1] = True
    fixed[unit[:, 1] == 1.0, 0] = True
    return mesh, places, radius, fixed


def wall_pressure(mesh, places, pressure: float) -> np.ndarray:
    """Forces of a pressure on the inner wall: the integral of its functions times the outward direction over the curved faces."""
    faces = mesh.elements[: CELLS[1] * CELLS[2]][:, INNER_FACE]
    along, across = (np.einsum("fax,pa->fpx", places[faces], FACE_SLOPE[..., axis]) for axis in range(2))
    area = np.cross(along, across) * FACE_WEIGHTS[:, None]
    # Away from the axis, whichever way the face is numbered.
    area *= np.sign(np.sum(area[..., :2] * np.mean(places[faces], axis=1)[:, None, :2]))
    force = np.zeros_like(places)
    np.add.at(force, faces, pressure * np.einsum("fpx,pa->fax", area, FACE_SHAPE))
    return force


def test_v8_linear_tube(block_solver, block_tissue, dry_tissue) -> None:
    """u(a) = 19.559242 and u(b) = 15.376091 for p = 0.5 and E = 1, to 1e-4."""
    mesh, places, radius, fixed = quarter()
    pressure = 0.5e-5
    shear, bulk = 1.0 / 2.6, 1.0 / (3.0 * 0.4)
    tissue = block_tissue(dry_tissue(NeoHookean(shear, bulk - 2.0 / 3.0 * shear)), mesh)
    force, wall = wall_pressure(mesh, places, pressure), radius == INNER
    found, _ = block_solver(mesh, places, tissue, fixed, np.zeros_like(places), force)
    outward = np.sum(found[:, :2] * places[:, :2], axis=1) / radius
    np.testing.assert_allclose(outward[wall] / 1e-5, 19.559242, rtol=1e-4)
    np.testing.assert_allclose(outward[radius == OUTER] / 1e-5, 15.376091, rtol=1e-4)


def test_v8_inflated_tube(block_solver, block_tissue, block_water, dry_tissue) -> None:
    """The outer radius 22.981569 and the pressure 0.096638 that it takes, to 1e-3."""
    mesh, places, radius, fixed = quarter()
    grown = np.sqrt(radius**2 + (1.1 * INNER) ** 2 - INNER**2)
    # The start is the closed form everywhere; held is the inner wall.
    start = np.zeros_like(places)
    start[:, :2] = (grown / radius - 1.0)[:, None] * places[:, :2]
    wall = radius == INNER
    fixed[wall] = True
    tissue = block_tissue(dry_tissue(NeoHookean(1.0, 1.0)), mesh)
    corners = len(mesh.corners)
    kept = np.ones((len(mesh.elements), 27))
    wet = block_water(np.zeros(corners, dtype=bool), np.zeros(corners), kept, None, np.zeros(corners))
    found, potential = block_solver(mesh, places, tissue, fixed, start, np.zeros_like(places), wet)
    moved = np.hypot(*(places + found)[:, :2].T)
    np.testing.assert_allclose(moved[radius == OUTER], 22.981569, rtol=1e-3)
    shape = geometry(mesh, jnp.asarray(places))
    F = deformation_gradients(shape, jnp.asarray(found)[mesh.elements])
    mu = jnp.asarray(potential)[mesh.element_corners] @ jnp.asarray(CORNER_SHAPE).T
    forces = np.zeros_like(places)
    np.add.at(forces, mesh.elements, np.asarray(solid_residual(shape, tissue, F, mu)))
    outward = np.sum(forces[wall, :2] * places[wall, :2]) / INNER
    # All radial components of the forces on a quarter of the wall, over its present area.
    assert outward / (0.5 * np.pi * 1.1 * INNER * LENGTH) == pytest.approx(0.096638, rel=1e-3)
