r"""Equilibrium of a disc: drained, undrained, and after a time step (mechanics_imaging 2.1; rulings 42, 43).

The load is raised from that of the start to the one that is asked for, in steps that double where Newton's method succeeds and are halved
where it fails, after which none is longer than half of the one that failed; every step begins at the straight continuation of the two
before it. A load that cannot be reached is a status, with the last state that was. The iterations are not differentiated: the derivative of
a solution is :math:`-K^{-1} \partial R`, in both modes.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from pulposus.mechanics._arrays import Flag, Scalar, volume_ratio
from pulposus.mechanics._element import Points, deformation_gradients, geometry, grown_stress
from pulposus.mechanics._homogeneous import CONVERGED, NOT_FOUND
from pulposus.mechanics._newton import SolverOptions, newton, no_factors, solve_linearised
from pulposus.mechanics._residual import residual_of
from pulposus.mechanics._solid_problem import Deformation, SolidProblem, at_rest
from pulposus.mechanics._system import (
    Storage,
    System,
    Unknowns,
    displacement_of,
    room_of,
    start_unknowns,
    system,
)
from pulposus.mechanics._tangent import Factors

Load = Float[Array, "6"]


class PointState(NamedTuple):
    """The state at the Gauss points.

    Attributes:
        F: Deformation gradient, (elements, 27, 3, 3).
        J: Volume ratio.
        potential: mu [MPa].
        volume: Reference volume that every Gauss point stands for [mm3].
        stress: Total Cauchy stress [MPa], (elements, 27, 3, 3).
    """

    F: Float[Array, "elements 27 3 3"]
    J: Points
    potential: Points
    volume: Points
    stress: Float[Array, "elements 27 3 3"]


def drained_equilibrium(
    problem: SolidProblem, load: Load, start: Deformation | None = None, options: SolverOptions | None = None
) -> Deformation:
    """The state in which no water moves any more: mu = 0 everywhere.

    Args:
        problem: The disc.
        load: Force [N] and moment [N mm] on the upper endplate, or its motion [mm, rad] where that is held.
        start: State to go on from, also of another material or another growth; the stress-free configuration where left out.
        options: Accuracy and steps.
    """
    return solve_disc(problem, load, at_rest(problem) if start is None else start, None, options or SolverOptions())


def undrained_equilibrium(
    problem: SolidProblem, load: Load, before: Deformation, options: SolverOptions | None = None
) -> Deformation:
    """The state just after a jump of the load: every corner keeps the water around it.

    Args:
        problem: The disc.
        load: As for `drained_equilibrium`.
        before: State just before the jump.
        options: Accuracy and steps.
    """
    storage = Storage(volume_ratios(problem, before), None)
    return solve_disc(problem, load, before, storage, options or SolverOptions())


def advance(
    problem: SolidProblem,
    load: Load,
    before: Deformation,
    dt: Scalar | float,
    options: SolverOptions | None = None,
) -> Deformation:
    """One implicit Euler step of the length dt [day]; a load that jumps is applied first by `undrained_equilibrium`."""
    storage = Storage(volume_ratios(problem, before), jnp.asarray(dt, dtype=jnp.float64))
    return solve_disc(problem, load, before, storage, options or SolverOptions())


@eqx.filter_jit
def volume_ratios(problem: SolidProblem, state: Deformation) -> Points:
    """J at the Gauss points."""
    return volume_ratios_of(problem, state.displacement)


def volume_ratios_of(problem: SolidProblem, displacement: Float[Array, "nodes 3"]) -> Points:
    """J at the Gauss points of a displacement of the nodes [mm]."""
    shape = geometry(problem.mesh, problem.coordinates)
    F = deformation_gradients(shape, displacement[problem.mesh.elements])
    return jax.vmap(jax.vmap(volume_ratio))(F)


@eqx.filter_jit
def point_states(problem: SolidProblem, state: Deformation) -> PointState:
    """What the tissue feels at the Gauss points."""
    shape = geometry(problem.mesh, problem.coordinates)
    F = deformation_gradients(shape, state.displacement[problem.mesh.elements])
    J = jax.vmap(jax.vmap(volume_ratio))(F)
    mu = problem.mesh.corners_at_points(state.potential)
    nominal = jax.vmap(jax.vmap(grown_stress))(F, mu, problem.material, problem.growth)
    stress = jnp.einsum("epiJ,epkJ->epik", nominal, F) / J[..., None, None]
    return PointState(F, J, mu, shape.volume, stress)


class _Path(NamedTuple):
    """How far a load was raised; `step` is the next step, `ceiling` half of the last one that failed."""

    unknowns: Unknowns
    before: Unknowns
    share: Scalar
    share_before: Scalar
    step: Scalar
    ceiling: Scalar
    factors: Factors
    stale: Flag
    iterations: Array


@eqx.filter_jit
def solve_disc(
    problem: SolidProblem, load: Load, start: Deformation, storage: Storage | None, options: SolverOptions
) -> Deformation:
    """The one solve behind all: drained without storage, else with the volumes before and perhaps a time to flow."""
    arrays, static = eqx.partition(problem, eqx.is_array)

    @jax.custom_jvp
    def solve(
        arrays: SolidProblem, load: Load, storage: Storage | None, start: Deformation
    ) -> tuple[Unknowns, Scalar, Array]:
        return _continue(system(eqx.combine(arrays, static), storage), load, start, options)

    @solve.defjvp
    def solve_jvp(primals: tuple, tangents: tuple) -> tuple:
        arrays, load, storage, _ = primals
        unknowns, share, iterations = solve(*primals)

        def residual(arrays: SolidProblem, load: Load, storage: Storage | None) -> Unknowns:
            return residual_of(system(eqx.combine(arrays, static), storage), unknowns, load)

        _, moved = jax.jvp(residual, (arrays, load, storage), tangents[:3])
        rate = solve_linearised(system(eqx.combine(arrays, static), storage), unknowns, -moved, options)
        none = jax.custom_derivatives.zero_from_primal
        return (unknowns, share, iterations), (rate, none(share), none(iterations))

    unknowns, share, iterations = solve(arrays, load, storage, lax.stop_gradient(start))
    parts = system(problem, storage)
    _, motion, potential = parts.places.split(unknowns)
    return Deformation(
        displacement=displacement_of(parts, unknowns),
        motion=motion,
        potential=potential if parts.places.corners else jnp.zeros(len(problem.mesh.corners)),
        # Of a load that is no number nothing was reached.
        load=jnp.where(share > 0.0, start.load + share * (load - start.load), start.load),
        load_share=share,
        status=jnp.where(share >= 1.0, CONVERGED, NOT_FOUND),
        iterations=iterations,
    )


def _continue(parts: System, load: Load, start: Deformation, options: SolverOptions) -> tuple[Unknowns, Scalar, Array]:
    """Unknowns where the load was last in equilibrium, the share of the load, and the Newton steps it took."""
    begin = start_unknowns(parts, start)
    usual = 1.0 / jnp.maximum(1.0, _load_steps(parts, load - start.load, options))

    def unfinished(path: _Path) -> Bool[Array, ""]:
        return (path.share < 1.0) & (path.step >= options.smallest_share * usual)

    def raise_load(path: _Path) -> _Path:
        share = jnp.where(path.share + path.step > 1.0 - 1e-9, 1.0, path.share + path.step)
        target = start.load + share * (load - start.load)
        way = path.share - path.share_before
        ahead = jnp.where(way > 0.0, (share - path.share) / jnp.where(way > 0.0, way, 1.0), 0.0)
        straight = path.unknowns + ahead * (path.unknowns - path.before)
        guess = jnp.where(room_of(parts, straight) > 0.0, straight, path.unknowns)
        found = newton(parts, guess, target, path.factors, path.stale, options)
        ok = found.converged
        ceiling = jnp.where(ok, path.ceiling, 0.5 * path.step)
        return _Path(
            jnp.where(ok, found.unknowns, path.unknowns),
            jnp.where(ok, path.unknowns, path.before),
            jnp.where(ok, share, path.share),
            jnp.where(ok, path.share, path.share_before),
            jnp.where(ok, jnp.minimum(2.0 * path.step, ceiling), ceiling),
            ceiling,
            found.factors,
            found.stale | ~ok,
            path.iterations + found.iterations,
        )

    zero = jnp.zeros(())
    nowhere = jnp.asarray(jnp.inf)
    first = _Path(begin, begin, zero, zero, usual, nowhere, no_factors(parts), jnp.asarray(True), jnp.asarray(0))
    last = lax.while_loop(unfinished, raise_load, first)
    return last.unknowns, last.share, last.iterations


def _load_steps(parts: System, change: Load, options: SolverOptions) -> Scalar:
    """How many of the usual steps a change of load is; a held strain counts as the pressure that it makes in tissue of 1 MPa."""
    lever = jnp.where(jnp.arange(6) < 3, 1.0, jnp.sqrt(parts.area / jnp.pi))
    size = jnp.abs(change)
    held = jnp.asarray(parts.problem.held)
    return jnp.sum(jnp.where(held, size * lever / parts.height, size / lever / parts.area)) / options.load_step
