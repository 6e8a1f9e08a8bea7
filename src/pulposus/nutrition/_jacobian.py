r"""The Jacobian of the nutrition problem in single precision: it steers the iteration, the residual in double precision decides.

.. math:: J = K + e - w\, \partial r / \partial u

on the free nodes, with the notation of `_problem`. Its transport part K changes only with the shape and the diffusivities of a disc, so it
is prepared once (`transport_operator`) and may serve many solves. The solutes are weighed against each other (`weight`), so that a
residual of one is comparable with a residual of another.

Vectors have the shape (levels, solutes, columns): a level of nodes is contiguous, as the sweeps along the axis and the products with
lateral modes want it.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Float32

from pulposus import _backend  # noqa: F401
from pulposus.mesh._modes import lateral_modes
from pulposus.mesh._topology import Topology
from pulposus.nutrition._kinetics import metabolic_rates
from pulposus.nutrition._problem import NutritionProblem

Vector = Float32[Array, "levels 3 columns"]
Blocks = Float32[Array, "levels 3 3 columns"]


class AxialCouplings(NamedTuple):
    """Couplings along the axis of independent lines.

    Attributes:
        below, above: To the level below and above.
        own: At the level itself; 1 where a line has no equation.
    """

    below: Float32[Array, "levels 3 lines"]
    own: Float32[Array, "levels 3 lines"]
    above: Float32[Array, "levels 3 lines"]


class TransportOperator(eqx.Module):
    """The transport part of the Jacobian and its reduction to lines.

    Attributes:
        mesh: Topology.
        stencil: Diffusion operator; the rows of fixed nodes are empty.
        free: 1 on free nodes.
        columns: Axial couplings of every column of nodes.
        modes: Lateral modes of the cross-section.
        modal: Axial couplings of every lateral mode (the Galerkin diagonal of the diffusion operator).
        smooth: 1 on levels without fixed nodes inside the rim: the others have no smooth lateral directions.
    """

    mesh: Topology = eqx.field(static=True)
    stencil: Float32[Array, "width 3 levels 3 columns"]
    free: Float32[Array, "levels 1 columns"]
    columns: AxialCouplings
    modes: Float32[Array, "columns modes"]
    modal: AxialCouplings
    smooth: Float32[Array, "levels 1 1"]


def to_levels(values: Float[Array, "3 columns levels"]) -> Vector:
    """A field of three solutes as a vector."""
    return jnp.transpose(values.astype(jnp.float32), (2, 0, 1))


def from_levels(vector: Vector) -> Float[Array, "3 columns levels"]:
    """A vector as a field of three solutes."""
    return jnp.transpose(vector, (1, 2, 0)).astype(jnp.float64)


def _neighbouring(levels: Float32[Array, "levels 1 n"]) -> tuple[Array, Array]:
    """The values of the level below and of the level above; 0 outside."""
    padded = jnp.pad(levels, ((1, 1), (0, 0), (0, 0)))
    return padded[:-2], padded[2:]


def _column_couplings(
    own: Float32[Array, "3 levels 3 columns"], free: Float32[Array, "levels 1 columns"]
) -> AxialCouplings:
    """Couplings of a column to itself; those to and of fixed nodes are left out."""
    below, above = _neighbouring(free)
    return AxialCouplings(own[0] * below, jnp.where(free > 0.0, own[1], 1.0), own[2] * above)


def _modal_couplings(
    mesh: Topology,
    stencil: Float32[Array, "width 3 levels 3 columns"],
    modes: Float32[Array, "columns modes"],
    smooth: Float32[Array, "levels 1 1"],
) -> AxialCouplings:
    """Galerkin diagonal in the modes of the sum of the solutes, shared out to each solute in the ratio of its lines, level by level."""
    together = lax.optimization_barrier(jnp.sum(stencil, axis=3))
    projected = jnp.zeros((3, mesh.levels, modes.shape[1]), dtype=jnp.float32)
    for slot, column in enumerate(mesh.neighbours.T):
        projected = projected + jnp.einsum("ozc,ck->ozk", together[slot], modes * modes[column])
    lines = jnp.sum(jnp.abs(stencil[0]), axis=3)
    total = jnp.sum(lines, axis=2, keepdims=True)
    share = (lines / jnp.where(total > 0.0, total, 1.0))[..., None]
    shared = share * projected[:, :, None]
    below, above = _neighbouring(smooth)
    own = jnp.where((smooth > 0.0) & (shared[1] > 0.0), shared[1], 1.0)
    return AxialCouplings(shared[0] * smooth * below, own, shared[2] * smooth * above)


def transport_operator(problem: NutritionProblem) -> TransportOperator:
    """Prepare the transport part of the Jacobian; it serves every problem with this stencil and these free nodes.

    Args:
        problem: A nutrition problem; its exchange, load, demand and kinetics do not enter.

    Returns:
        The operator; it carries no derivative, since it only steers iterations.
    """
    problem = lax.stop_gradient(problem)
    mesh = problem.mesh
    free = problem.free.T[:, None].astype(jnp.float32)
    modes = jnp.asarray(lateral_modes(mesh))
    inside = np.setdiff1d(np.arange(mesh.columns), mesh.rim)
    smooth = jnp.min(free[:, :, inside], axis=2, keepdims=True)
    rows = (problem.stencil * problem.free[None, :, None, None]).astype(jnp.float32)
    # The barrier has the transposed array written once and read by all that follows.
    stencil = lax.optimization_barrier(jnp.transpose(rows, (2, 3, 4, 0, 1)))
    return TransportOperator(
        mesh=mesh,
        stencil=stencil,
        free=free,
        columns=_column_couplings(stencil[0], free),
        modes=modes,
        modal=_modal_couplings(mesh, stencil, modes, smooth),
        smooth=smooth,
    )


def local_blocks(
    problem: NutritionProblem,
    operator: TransportOperator,
    solutes: Float[Array, "3 columns levels"],
    weight: Float[Array, "3"],
) -> Blocks:
    """The part of the Jacobian that couples the solutes at a node: exchange less the derivative of the cells' production."""
    single = jax.tree.map(lambda value: value.astype(jnp.float32), problem.kinetics)
    values, demand, exchange = (to_levels(field) for field in (solutes, problem.demand, problem.exchange))
    ratio = (weight[:, None] / weight[None]).astype(jnp.float32)

    def rates(solutes: Float32[Array, "levels 3 columns"]) -> Float32[Array, "levels 3 columns"]:
        return jnp.swapaxes(metabolic_rates(single, jnp.swapaxes(solutes, 0, 1)), 0, 1)

    def column(solute: int) -> Float32[Array, "levels 3 columns"]:
        """Derivative of the balance of every solute with respect to one."""
        direction = jnp.zeros_like(values).at[:, solute].set(1.0)
        produced = demand * jax.jvp(rates, (values,), (direction,))[1]
        exchanged = direction * exchange
        return operator.free * (exchanged - ratio[None, :, solute, None] * produced)

    return jnp.stack([column(solute) for solute in range(3)], axis=2)


def block_times(blocks: Float[Array, "3 3 *shape"], vector: Float[Array, "3 *shape"]) -> Float[Array, "3 *shape"]:
    """Product of 3x3 blocks with vectors, as a sum over three arrays: a reduction along so short an axis costs five times as much."""
    return blocks[:, 0] * vector[None, 0] + blocks[:, 1] * vector[None, 1] + blocks[:, 2] * vector[None, 2]


def jacobian_product(operator: TransportOperator, blocks: Blocks, vector: Vector) -> Vector:
    """Product of the Jacobian with a vector that is zero on fixed nodes (transposed blocks give the transposed Jacobian)."""
    levels = vector.shape[0]
    padded = jnp.pad(vector, ((1, 1), (0, 0), (0, 0)))
    total = blocks[:, :, 0] * vector[:, :1] + blocks[:, :, 1] * vector[:, 1:2] + blocks[:, :, 2] * vector[:, 2:]
    for slot, column in enumerate(operator.mesh.neighbours.T):
        # The barrier has the neighbours gathered once and not once for each of their three uses.
        near = lax.optimization_barrier(padded[:, :, column])
        for offset in range(3):
            total = total + operator.stencil[slot, offset] * near[offset : offset + levels]
    return total
