r"""Diffusion of a signal that decays: implicit in time, and never negative (cells_matrix 2.6, 2.9).

.. math::

    \partial_t u = D \nabla^2 u + S - k u

with :math:`-D\,\partial_n u = P u` on the cartilage endplates (Robin, zero outside), :math:`u = 0` on the outer annulus and no flux through
the rest. Backward Euler over a step :math:`h` (:math:`h = \infty` is the steady field) on lumped volumes :math:`V` and the exchange
stencil :math:`K` of unit conductivity gives

.. math:: [V (1/h + k) + D K + P A]\, u = V (u_0 / h + S)

a symmetric M-matrix. Conjugate gradients solve it, preconditioned by exact solves along the axial lines (decay bounds what is left, the
lateral exchange); derivatives in both modes solve the same system. The last step is one sweep of line relaxation,

.. math:: L u = V (u_0 / h + S) + (L - M)\, u^+ , \qquad L - M \ge 0, \; L^{-1} \ge 0

with the lines :math:`L` of the matrix :math:`M`: a positive map, so the result is positive whatever the accuracy of the iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.cells._arrays import Scalar
from pulposus.disc import Disc
from pulposus.mesh import Topology, apply_stencil, face_areas, node_volumes, point_topology, slab_stencil, slab_volumes
from pulposus.mesh._exchange import exchange_stencil

Nodal = Float[Array, "columns levels"]

# Residual norm over that of the right-hand side at which the iteration ends.
_TOLERANCE = 1e-10
# A safeguard: the meshes and constants in use need less than a tenth.
_MOST_STEPS = 1000


class Medium(eqx.Module):
    """Where signals diffuse.

    Attributes:
        mesh: Topology.
        exchange: Exchange stencil of unit conductivity [mm].
        volume: Volume of every node [mm3].
        endplate_area: Area of the endplate faces at every node [mm2].
        free: 1 where the signal is sought, 0 where it is zero: outer annulus and void.
    """

    mesh: Topology = eqx.field(static=True)
    exchange: Float[Array, "columns width 3 levels"]
    volume: Nodal
    endplate_area: Nodal
    free: Nodal

    @classmethod
    def of_disc(cls, disc: Disc) -> Medium:
        """The disc in 3D."""
        mesh, layout = disc.topology, disc.layout
        solid = jnp.asarray(disc.tissue_of_element >= 0, dtype=jnp.float64)
        volume = node_volumes(mesh, disc.coordinates, solid)
        fed = layout.endplate_quads.astype(np.float64)
        area = jnp.zeros_like(volume)
        for level in (0, -1):
            area = area.at[:, level].set(face_areas(mesh, disc.coordinates[:, level], fed))
        held = jnp.asarray(layout.annulus_nodes | layout.void_nodes)
        return cls(
            mesh=mesh,
            exchange=exchange_stencil(mesh, disc.coordinates, solid[None])[0],
            volume=volume,
            endplate_area=area,
            free=1.0 - held.astype(jnp.float64),
        )

    @classmethod
    def of_bar(cls, mesh: Topology, heights: Float[Array, "levels"], area: Scalar) -> Medium:
        """The axis of a disc as a bar [mm, mm2] between two endplates; its sides are sealed."""
        layers = np.ones(len(heights) - 1)
        volume = slab_volumes(heights, area, layers)
        return cls(
            mesh=mesh,
            exchange=slab_stencil(heights, area, jnp.ones((1, len(layers))))[0],
            volume=volume,
            endplate_area=jnp.zeros_like(volume).at[:, jnp.array([0, -1])].set(area),
            free=jnp.ones_like(volume),
        )

    @classmethod
    def of_point(cls, volume: Scalar) -> Medium:
        """One well-mixed node [mm3] that loses nothing to the outside."""
        node = jnp.reshape(volume, (1, 1))
        none = jnp.zeros_like(node)
        return cls(point_topology(), jnp.zeros((1, 1, 3, 1)), node, none, jnp.ones_like(node))


class Transport(eqx.Module):
    """How a signal spreads and decays.

    Attributes:
        diffusivity: D [mm2/day].
        decay: k [1/day], above zero.
        permeability: Permeability P of the endplates to it [mm/day].
    """

    diffusivity: Scalar
    decay: Scalar
    permeability: Scalar


class Diffused(NamedTuple):
    """Signals at the end of a step, and the steps of the iteration that found each of them."""

    values: Float[Array, "signals columns levels"]
    steps: Int[Array, "signals"]


class _Lines(NamedTuple):
    """Eliminated axial lines, axial index first: inverse pivots, and the couplings (not positive) to the level below and above."""

    inverse: Float[Array, "levels columns"]
    below: Float[Array, "levels columns"]
    above: Float[Array, "levels columns"]


class _System(NamedTuple):
    """Matrix of a step on the free nodes: its diagonal addition to the stencil [mm3/day], the stencil [mm3/day], and its lines."""

    mesh: Topology
    free: Nodal
    diagonal: Nodal
    stencil: Float[Array, "columns width 3 levels"]
    lines: _Lines


def _eliminate(diagonal: Nodal, below: Nodal, above: Nodal) -> _Lines:
    def pivot(last: tuple[Array, Array], row: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
        last_inverse, last_above = last
        own, lower, upper = row
        inverse = 1.0 / (own - lower * last_inverse * last_above)
        return (inverse, upper), inverse

    rows = (diagonal.T, below.T, above.T)
    nothing = jnp.zeros_like(diagonal[:, 0])
    _, inverse = lax.scan(pivot, (nothing, nothing), rows)
    return _Lines(inverse, below.T, above.T)


def _solve_lines(lines: _Lines, right: Nodal) -> Nodal:
    """Solution of the lines; positive where the right-hand side is, since no term is negative."""

    def forward(last: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        inverse, lower, value = row
        value = inverse * (value - lower * last)
        return value, value

    def backward(following: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        inverse, upper, value = row
        value = value - inverse * upper * following
        return value, value

    nothing = jnp.zeros_like(right[:, 0])
    _, reduced = lax.scan(forward, nothing, (lines.inverse, lines.below, right.T))
    _, solution = lax.scan(backward, nothing, (lines.inverse, lines.above, reduced), reverse=True)
    return solution.T


def _system(medium: Medium, transport: Transport, rate: Scalar) -> _System:
    """The matrix of a step; `rate` is 1/h [1/day]."""
    free = medium.free
    stencil = transport.diffusivity * medium.exchange
    diagonal = medium.volume * (rate + transport.decay) + transport.permeability * medium.endplate_area
    lowered, raised = jnp.pad(free, ((0, 0), (1, 0)))[:, :-1], jnp.pad(free, ((0, 0), (0, 1)))[:, 1:]
    lines = _eliminate(
        jnp.where(free > 0.0, diagonal + stencil[:, 0, 1], 1.0),
        stencil[:, 0, 0] * free * lowered,
        stencil[:, 0, 2] * free * raised,
    )
    return _System(medium.mesh, free, diagonal, stencil, lines)


def _product(system: _System, values: Nodal) -> Nodal:
    """Matrix times values; the identity on the other nodes."""
    inside = system.free * values
    spread = apply_stencil(system.mesh.neighbours, system.stencil[None], inside[None])[0]
    return jnp.where(system.free > 0.0, spread + system.diagonal * inside, values)


def _conjugate_gradients(
    product: Callable[[Nodal], Nodal], right: Nodal, preconditioner: Callable[[Nodal], Nodal]
) -> tuple[Nodal, Int[Array, ""]]:
    """Solution and number of steps (Hestenes and Stiefel 1952, doi:10.6028/jres.049.044)."""
    wanted = _TOLERANCE**2 * jnp.sum(right * right)

    def unfinished(state: tuple[Array, ...]) -> Array:
        # An iteration that is not finite ends too.
        return (jnp.sum(state[1] * state[1]) > wanted) & (state[4] < _MOST_STEPS)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        solution, residual, direction, weight, steps = state
        image = product(direction)
        length = weight / jnp.sum(direction * image)
        residual = residual - length * image
        steered = preconditioner(residual)
        following = jnp.sum(residual * steered)
        return (
            solution + length * direction,
            residual,
            steered + following / weight * direction,
            following,
            steps + 1,
        )

    steered = preconditioner(right)
    start = (jnp.zeros_like(right), right, steered, jnp.sum(right * steered), jnp.zeros((), dtype=jnp.int64))
    solution, _, _, _, steps = lax.while_loop(unfinished, step, start)
    return solution, steps


def diffuse(
    medium: Medium,
    transport: Transport,
    start: Float[Array, "signals columns levels"],
    source: Float[Array, "signals columns levels"],
    step: Scalar,
) -> Diffused:
    """Signals of one transport law after a step.

    Args:
        medium: Where they diffuse.
        transport: Their law.
        start: Values at the start, not negative.
        source: Their sources over the step [1/day], not negative.
        step: Length of the step [day]; infinity gives the steady signals.

    Returns:
        Values at the end, not negative.
    """
    rate = 1.0 / step
    system = _system(medium, transport, rate)
    lateral = system.stencil.at[:, 0].set(0.0)

    def product(values: Nodal) -> Nodal:
        return _product(system, values)

    def solve(matrix: Callable[[Nodal], Nodal], right: Nodal) -> tuple[Nodal, Int[Array, ""]]:
        return _conjugate_gradients(matrix, right, lambda values: _solve_lines(system.lines, values))

    def one(first: Nodal, fed: Nodal) -> tuple[Nodal, Int[Array, ""]]:
        right = system.free * medium.volume * (rate * first + fed)
        solution, steps = lax.custom_linear_solve(product, right, solve, symmetric=True, has_aux=True)
        # Not `maximum`: its derivative at zero, where a signal is absent, would be one half.
        positive = jnp.where(solution >= 0.0, solution, 0.0)
        arriving = -apply_stencil(system.mesh.neighbours, lateral[None], positive[None])[0]
        return _solve_lines(system.lines, right + system.free * arriving), steps

    return Diffused(*lax.map(lambda signal: one(*signal), (start, source)))


def outflow(medium: Medium, transport: Transport, values: Nodal) -> tuple[Scalar, Scalar]:
    """Signal that leaves through the endplates and through the outer annulus [1 mm3/day].

    With it the balance of a step is exact: over the free nodes, the change of `volume * values` over the length of the step is the source
    less `decay * volume * values` less both.
    """
    through_endplates = transport.permeability * jnp.sum(medium.free * medium.endplate_area * values)
    inside = medium.free * values
    spread = apply_stencil(medium.mesh.neighbours, medium.exchange[None], inside[None])[0]
    return through_endplates, -transport.diffusivity * jnp.sum((1.0 - medium.free) * spread)
