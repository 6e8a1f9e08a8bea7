r"""Motion of attached donor cells: random motility and chemotaxis along the cytokine (cells_matrix 2.4).

.. math:: \partial_t m = \nabla \cdot (D \nabla m - X m \nabla c)

Implicit in time, as exchange between neighbouring nodes over the positive bonds of `mesh.exchange_stencil`. Chemotaxis carries the cells
of the node it leaves (upwind), so the system is an M-matrix with column sums :math:`V`: the solution is positive and the number of cells is
kept. It is solved by sweeps that are exact along the axis.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import Motility
from pulposus.mesh import Topology

# The sweeps end when no density changes by more than this share of the largest one; the number of cells is exact at any value.
_TOLERANCE = 1e-9
_MOST_SWEEPS = 500


class _Couplings(NamedTuple):
    """Rates of exchange times the step [mm3]: into a node from its neighbour, and out of a node in all."""

    inflow: Float[Array, "columns width 3 levels"]
    outflow: Float[Array, "columns levels"]


def _neighbour_values(mesh: Topology, values: Float[Array, "columns levels"]) -> Float[Array, "columns width 3 levels"]:
    padded = jnp.pad(values, ((0, 0), (1, 1)))[mesh.neighbours]
    levels = values.shape[1]
    return jnp.stack([padded[..., offset : offset + levels] for offset in range(3)], axis=2)


def _couplings(
    mesh: Topology,
    unit_stencil: Float[Array, "columns width 3 levels"],
    motility: Motility,
    cytokine: Float[Array, "columns levels"],
    step: Float[Array, ""],
) -> _Couplings:
    bond = (-unit_stencil).at[:, 0, 1].set(0.0)
    rise = _neighbour_values(mesh, cytokine) - cytokine[:, None, None, :]
    towards = motility.random + motility.chemotaxis * jnp.maximum(rise, 0.0)
    back = motility.random + motility.chemotaxis * jnp.maximum(-rise, 0.0)
    return _Couplings(step * bond * back, step * jnp.sum(bond * towards, axis=(1, 2)))


def _solve_columns(
    lower: Float[Array, "columns levels"],
    diagonal: Float[Array, "columns levels"],
    upper: Float[Array, "columns levels"],
    right: Float[Array, "columns levels"],
) -> Float[Array, "columns levels"]:
    """Tridiagonal systems `-lower x_below + diagonal x - upper x_above = right`; all terms are positive, so is the solution."""
    return lax.linalg.tridiagonal_solve(-lower, diagonal, -upper, right[..., None])[..., 0]


def migrate(
    mesh: Topology,
    unit_stencil: Float[Array, "1 columns width 3 levels"],
    volume: Float[Array, "columns levels"],
    motility: Motility,
    cytokine: Float[Array, "columns levels"],
    attached: Float[Array, "columns levels"],
    step: Float[Array, ""] | float,
) -> Float[Array, "columns levels"]:
    """Move attached cells over one step.

    Args:
        mesh: Topology.
        unit_stencil: Exchange stencil of unit conductivity [mm] (`mesh.exchange_stencil`, `mesh.slab_stencil`).
        volume: Volume of every node [mm3].
        motility: Random motility and chemotaxis [mm2/day].
        cytokine: Cytokine field.
        attached: Attached cells [10^6/mL].
        step: Length of the step [day].

    Returns:
        Their densities at the end; positive, of the same total number.
    """
    if mesh.levels == 1 and mesh.columns == 1:
        return attached
    coupling = _couplings(mesh, unit_stencil[0], motility, cytokine, jnp.asarray(step))
    solid = volume > 0.0
    diagonal = jnp.where(solid, volume + coupling.outflow, 1.0)
    lower, upper = coupling.inflow[:, 0, 0], coupling.inflow[:, 0, 2]
    lateral = coupling.inflow.at[:, 0].set(0.0)
    held = volume * attached

    def sweep(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        density, _, sweeps = state
        arriving = jnp.sum(lateral * _neighbour_values(mesh, density), axis=(1, 2))
        following = _solve_columns(lower, diagonal, upper, held + arriving)
        change = jnp.max(jnp.abs(following - density)) / jnp.maximum(jnp.max(following), 1e-300)
        return following, change, sweeps + 1

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        return (state[1] > _TOLERANCE) & (state[2] < _MOST_SWEEPS)

    start = (attached, jnp.full((), jnp.inf), jnp.zeros((), dtype=jnp.int64))
    density, _, _ = lax.while_loop(unfinished, sweep, start)
    number, before = jnp.sum(volume * density), jnp.sum(held)
    # The sweeps stop short of the exact sum; one factor for all nodes restores the number of cells.
    return density * jnp.where(number > 0.0, before / jnp.where(number > 0.0, number, 1.0), 1.0)
