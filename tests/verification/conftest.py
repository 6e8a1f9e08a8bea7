"""Blocks of tissue solved with the elements of the mechanics room, but by a sparse direct solver and plain Newton steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sparse
from scipy.sparse.linalg import splu

from pulposus.mechanics import Donnan, Material, Permeability, Solid, uniform
from pulposus.mechanics._element import (
    Tissue,
    coupled_tangent,
    deformation_gradients,
    geometry,
    solid_residual,
    solid_tangent,
    water_residual,
)
from pulposus.mesh import QuadraticMesh
from pulposus.mesh._quadratic import CORNER_SHAPE


class Wet(NamedTuple):
    """The water of a block: fixed potentials, their values, J before, time to flow (None: undrained), water added per corner."""

    fixed: np.ndarray
    potential: np.ndarray
    volume_before: np.ndarray
    dt: float | None
    source: np.ndarray


def whole(material: Material, mesh: QuadraticMesh) -> Tissue:
    """One tissue without growth."""
    return Tissue(uniform(material, mesh), jnp.ones((len(mesh.elements), 27)))


def dry(solid: Solid, solid_fraction: float = 0.2) -> Material:
    """A ground matrix without charge."""
    return Material(solid, Donnan(0.0, solid_fraction, 1.0, 0.3, 2.578731), Permeability(77.76, 1.2))


def solve_block(
    mesh: QuadraticMesh,
    coordinates: np.ndarray,
    tissue: Tissue,
    fixed: np.ndarray,
    displacement: np.ndarray,
    force: np.ndarray,
    wet: Wet | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Displacements and potentials; fixed ones keep their given values. Forces are dead, per node."""
    nodes, corners = len(mesh.nodes), len(mesh.corners)
    shape = geometry(mesh, jnp.asarray(coordinates))
    local = (mesh.elements[:, :, None] * 3 + np.arange(3)).reshape(len(mesh.elements), 60)
    unknowns = np.concatenate([displacement.ravel(), np.zeros(corners) if wet is None else wet.potential])
    held = np.concatenate([fixed.ravel(), np.ones(corners, dtype=bool) if wet is None else wet.fixed])
    if wet is not None:
        local = np.concatenate([local, 3 * nodes + mesh.element_corners], axis=1)
    size = local.shape[1]
    rows, columns = np.repeat(local, size, axis=1).ravel(), np.tile(local, (1, size)).ravel()
    free = np.flatnonzero(~held)

    @jax.jit
    def linearise(values: jax.Array) -> tuple[jax.Array, jax.Array]:
        F = deformation_gradients(shape, values[: 3 * nodes].reshape(nodes, 3)[mesh.elements])
        potential = values[3 * nodes :][mesh.element_corners]
        mu = potential @ jnp.asarray(CORNER_SHAPE).T
        count = len(mesh.elements)
        residual = solid_residual(shape, tissue, F, mu).reshape(count, 60)
        if wet is None:
            return residual, solid_tangent(shape, tissue, F, mu).reshape(count, 60, 60)
        dt = None if wet.dt is None else jnp.asarray(wet.dt)
        balance = water_residual(shape, tissue, F, potential, jnp.asarray(wet.volume_before), dt)
        slopes = coupled_tangent(shape, tissue, F, potential, dt)
        upper = jnp.concatenate([slopes.uu.reshape(count, 60, 60), slopes.um.reshape(count, 60, 8)], axis=2)
        lower = jnp.concatenate([slopes.mu.reshape(count, 8, 60), slopes.mm], axis=2)
        return jnp.concatenate([residual, balance], axis=1), jnp.concatenate([upper, lower], axis=1)

    given = np.concatenate([force.ravel(), np.zeros(corners) if wet is None else wet.source])
    for _ in range(25):
        entries, matrices = (np.asarray(values) for values in linearise(jnp.asarray(unknowns)))
        residual = np.bincount(local.ravel(), entries.ravel(), len(unknowns)) - given
        matrix = sparse.csc_matrix((matrices.ravel(), (rows, columns)), shape=(len(unknowns),) * 2)[free][:, free]
        change = splu(sparse.csc_matrix(matrix)).solve(-residual[free])
        unknowns[free] += change
        if np.max(np.abs(change)) < 1e-12:
            return unknowns[: 3 * nodes].reshape(nodes, 3), unknowns[3 * nodes :]
    pytest.fail("the block has no solution")


@pytest.fixture
def block_solver() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return solve_block


@pytest.fixture
def block_tissue() -> Callable[[Material, QuadraticMesh], Tissue]:
    return whole


@pytest.fixture
def dry_tissue() -> Callable[..., Material]:
    return dry


@pytest.fixture
def block_water() -> type[Wet]:
    return Wet
