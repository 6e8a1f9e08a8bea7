r"""Newton's method for a disc at one load (mechanics_imaging 2.1).

.. math:: K(x)\, \delta = -R(x), \qquad x \leftarrow x + s\, \delta

The tangent K is new in every step; the factors that precondition it are kept, also from load to load and from time to time, until a linear
solution takes more than a dozen steps. A step moves no node further than a share of the height, keeps J above n_s at all Gauss points, and
is halved until it lowers the potential energy (drained) or the residual.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from pulposus.mechanics._arrays import Flag, Scalar
from pulposus.mechanics._krylov import conjugate_residuals
from pulposus.mechanics._residual import Evaluation, evaluate
from pulposus.mechanics._system import System, Unknowns, displacement_of, weights
from pulposus.mechanics._tangent import (
    Factors,
    element_matrices,
    factors_of,
    multiply,
    precondition,
    tangent_of,
)


class SolverOptions(eqx.Module):
    """How a disc is solved.

    Attributes:
        tolerance: Residual norm over the norm of the element forces that it is the sum of.
        most_iterations: Newton steps at one load.
        most_krylov_steps: Steps of one linear solution.
        largest_move: Largest displacement of a node in one Newton step, over the height.
        load_step: Largest first step of the load, as pressure on the endplate [MPa]; later ones grow.
        smallest_share: Share of `load_step` below which a load counts as out of reach.
    """

    tolerance: float = eqx.field(static=True, default=1e-11)
    most_iterations: int = eqx.field(static=True, default=20)
    most_krylov_steps: int = eqx.field(static=True, default=40)
    largest_move: float = eqx.field(static=True, default=0.15)
    load_step: float = eqx.field(static=True, default=0.7)
    smallest_share: float = eqx.field(static=True, default=1.0 / 32.0)


# Krylov steps after which new factors are cheaper than old ones: factors cost about a hundred steps, a tangent about thirty.
_REFRESH = 12
_MOST_HALVINGS = 10
# Share of the linear prediction by which a step has to improve (Armijo).
_DECREASE = 1e-4
# Residual of a linear solution above which its step is not worth a trial.
_SOLVED = 0.1
_LINEAR_TOLERANCE = 1e-6
# Of a system of derivatives: two digits above rounding, so that the progress of the iteration ends it.
_DERIVATIVE_TOLERANCE = 1e-13


class NewtonResult(NamedTuple):
    """Where Newton's method ended.

    Attributes:
        unknowns: The last iterate.
        factors: The last factors.
        stale: Whether the next use should begin with new factors.
        converged: Whether the residual is below the tolerance.
        iterations: Newton steps.
    """

    unknowns: Unknowns
    factors: Factors
    stale: Flag
    converged: Flag
    iterations: Int[Array, ""]


class _State(NamedTuple):
    """A point, and the step that is tried from it.

    `certain` accepts the next trial as it is (the start, and a point whose step is computed again with new factors); `fresh` says that the
    factors are those of the point's own tangent.
    """

    unknowns: Unknowns
    at: Evaluation
    step: Unknowns
    share: Scalar
    halvings: Array
    certain: Flag
    factors: Factors
    fresh: Flag
    stale: Flag
    stuck: Flag
    iterations: Array


def no_factors(parts: System) -> Factors:
    """A place for factors that have not been computed."""

    def build(parts: System) -> Factors:
        places = parts.places
        tangent = tangent_of(parts, jnp.zeros(places.unknowns), jnp.zeros((places.nodes, 3)))
        return factors_of(parts, element_matrices(tangent), tangent)

    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), eqx.filter_eval_shape(build, parts))


def newton(
    parts: System,
    start: Unknowns,
    load: Float[Array, "6"],
    factors: Factors,
    stale: Flag,
    options: SolverOptions,
) -> NewtonResult:
    """Solve the equations at one load.

    A pass evaluates one trial. Where it is an improvement, the next step is computed from it, else half of the step is tried next.
    """

    def small(at: Evaluation) -> Flag:
        return at.norm <= options.tolerance * at.scale

    def unfinished(state: _State) -> Bool[Array, ""]:
        going = state.certain | ~small(state.at)
        return going & ~state.stuck & (state.iterations <= options.most_iterations)

    def attempt(state: _State) -> _State:
        trial = state.unknowns + state.share * state.step
        at = evaluate(parts, trial, load)
        better = state.certain | _improves(parts, state, at)
        state = state._replace(
            unknowns=jnp.where(better, trial, state.unknowns),
            at=jax.tree.map(lambda new, old: jnp.where(better, new, old), at, state.at),
            certain=jnp.asarray(False),
        )
        return lax.cond(
            better & ~small(state.at) & (state.at.room > 0.0),
            lambda: _next_step(parts, state, options),
            lambda: _shorter_step(state, better),
        )

    zero, no = jnp.zeros(()), jnp.asarray(False)
    nowhere = Evaluation(jnp.zeros_like(start), zero, zero, zero, zero, jnp.zeros((parts.places.nodes, 3)))
    first = _State(start, nowhere, nowhere.residual, zero, jnp.asarray(0), ~no, factors, no, stale, no, jnp.asarray(0))
    last = lax.while_loop(unfinished, attempt, first)
    return NewtonResult(last.unknowns, last.factors, last.stale, small(last.at) & ~last.stuck, last.iterations)


def _improves(parts: System, state: _State, at: Evaluation) -> Flag:
    """Whether a trial is a state, and better than the point it started from."""
    lower = at.norm <= (1.0 - _DECREASE * state.share) * state.at.norm
    if parts.storage is None:
        slope = jnp.sum(state.at.residual * state.step)
        lower = lower | ((slope < 0.0) & (at.energy <= state.at.energy + _DECREASE * state.share * slope))
    return lower & (at.room > 0.0) & jnp.isfinite(at.norm)


def _shorter_step(state: _State, found: Flag) -> _State:
    """Half of the step; after too many halvings once more from new factors, and then no further. Nothing where the solution was found."""
    spent = ~found & (state.halvings >= _MOST_HALVINGS)
    return state._replace(
        share=jnp.where(spent, 0.0, 0.5 * state.share),
        halvings=jnp.where(spent, 0, state.halvings + 1),
        certain=spent & ~state.fresh,
        stale=state.stale | spent,
        # Not `room <= 0`: a room that is no number is none either, and would be tried for ever.
        stuck=(spent & state.fresh) | (found & ~(state.at.room > 0.0)),
    )


def _next_step(parts: System, state: _State, options: SolverOptions) -> _State:
    """Newton's step from an accepted point, with new factors where the old ones are stale."""
    tangent = tangent_of(parts, state.unknowns, state.at.forces)
    matrices = element_matrices(tangent)
    factors = lax.cond(state.stale, lambda: factors_of(parts, matrices, tangent), lambda: state.factors)
    error = state.at.norm / state.at.scale
    result = conjugate_residuals(
        lambda vector: multiply(parts, matrices, tangent, vector[:, None])[:, 0],
        -state.at.residual,
        lambda vector: precondition(parts.places, factors, vector),
        weights(parts),
        jnp.maximum(_LINEAR_TOLERANCE, 0.1 * options.tolerance / error),
        options.most_krylov_steps,
    )
    here = displacement_of(parts, state.unknowns)
    move = jnp.max(jnp.abs(displacement_of(parts, state.unknowns + result.solution) - here))
    solved = result.relative_residual < _SOLVED
    return state._replace(
        step=jnp.where(solved, result.solution, 0.0),
        share=jnp.minimum(1.0, options.largest_move * parts.height / jnp.where(move > 0.0, move, 1.0)),
        halvings=jnp.asarray(0),
        certain=~solved & ~state.stale,
        factors=factors,
        fresh=state.stale,
        stale=(result.steps > _REFRESH) | ~solved,
        stuck=~solved & state.stale,
        iterations=state.iterations + 1,
    )


def solve_linearised(parts: System, unknowns: Unknowns, right: Unknowns, options: SolverOptions) -> Unknowns:
    """Solve the tangent at a point to the last digits; differentiable in the right-hand side in both modes."""
    # No load: the forces of the tissue do not know of it.
    tangent = tangent_of(parts, unknowns, evaluate(parts, unknowns, jnp.zeros(6)).forces)
    matrices = element_matrices(tangent)
    factors = factors_of(parts, matrices, tangent)
    weight = weights(parts)

    def product(vector: Unknowns) -> Unknowns:
        # The identity on what is not free makes the matrix regular; the right-hand side is zero there.
        return multiply(parts, matrices, tangent, vector[:, None])[:, 0] + jnp.where(parts.places.free, 0.0, vector)

    def inverse(vector: Unknowns) -> Unknowns:
        return precondition(parts.places, factors, vector) + jnp.where(parts.places.free, 0.0, vector)

    def forward(_: object, values: Unknowns) -> Unknowns:
        return conjugate_residuals(
            product, values, inverse, weight, _DERIVATIVE_TOLERANCE, options.most_krylov_steps
        ).solution

    def transposed(_: object, values: Unknowns) -> Unknowns:
        product_transposed, inverse_transposed = (jax.linear_transpose(linear, values) for linear in (product, inverse))
        return conjugate_residuals(
            lambda vector: product_transposed(vector)[0],
            values,
            lambda vector: inverse_transposed(vector)[0],
            1.0 / weight,
            _DERIVATIVE_TOLERANCE,
            options.most_krylov_steps,
        ).solution

    return lax.custom_linear_solve(product, right, forward, transposed)
