r"""Newton's method for the nutrition problem, with derivatives by the implicit-function theorem.

Each step solves :math:`J \delta = -F` with the exact 3x3 coupling of the solutes, :math:`J = K + e - w\,\partial r/\partial u`, by
preconditioned BiCGStab; a step that does not lower the residual is halved. The answer of a disc does not depend on the batch it is in:
every number that steers the iteration belongs to one disc.

The derivative of the solution is :math:`\dot u = -J^{-1} \dot F`; forward and reverse mode solve one linear system, and the iterations are
never differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.mesh import apply_stencil
from pulposus.nutrition._jacobian import (
    Blocks,
    TransportOperator,
    block_times,
    from_levels,
    jacobian_product,
    local_blocks,
    to_levels,
    transport_operator,
)
from pulposus.nutrition._krylov import bicgstab
from pulposus.nutrition._preconditioner import preconditioner
from pulposus.nutrition._problem import NutritionProblem, reaction_jacobian, residual

CONVERGED, TOO_MANY_ITERATIONS, NOT_FINITE = 0, 1, 2
STATUS_TEXT = {
    CONVERGED: "converged",
    TOO_MANY_ITERATIONS: "not converged: too many iterations; refine the mesh, lower the cell density or raise the tolerance",
    NOT_FINITE: "not finite: an input is not a number, or a tissue has no diffusivity",
}


class SolverOptions(eqx.Module):
    """How accurately to solve.

    Attributes:
        tolerance: Residual norm of every solute over that of the cold start.
        linear_tolerance: The same for linear systems of derivatives, over the right-hand side.
        most_iterations: Newton steps.
        most_krylov_steps: BiCGStab steps of one Newton step.
    """

    tolerance: float = eqx.field(static=True, default=1e-8)
    linear_tolerance: float = eqx.field(static=True, default=1e-12)
    most_iterations: int = eqx.field(static=True, default=40)
    most_krylov_steps: int = eqx.field(static=True, default=200)


# Accuracy of a Newton step's linear system: loose steps cost more Newton steps than they save, tight ones solve a model that is
# still wrong. Measured on the benchmark discs, the work is flat between 0.02 and 0.2.
_FORCING = 0.05
# The same for a round of iterative refinement: what single precision gives without loss.
_REFINEMENT = 1e-3


class Solution(NamedTuple):
    """Solution of one nutrition problem.

    Attributes:
        solutes: Oxygen [kPa], lactate and glucose [mM].
        status: CONVERGED, TOO_MANY_ITERATIONS or NOT_FINITE.
        iterations: Newton steps.
        krylov_steps: BiCGStab steps in all.
        relative_residual: Largest residual norm of a solute over that of the cold start.
    """

    solutes: Float[Array, "3 columns levels"]
    status: Int[Array, ""]
    iterations: Int[Array, ""]
    krylov_steps: Int[Array, ""]
    relative_residual: Float[Array, ""]


class _State(NamedTuple):
    solutes: Array
    residual: Array
    merit: Array
    error: Array
    iterations: Array
    krylov_steps: Array


def _norms(values: Float[Array, "3 columns levels"]) -> Float[Array, "3"]:
    return jnp.sqrt(jnp.sum(values**2, axis=(1, 2)))


# Norm of a residual that is rounding, over the norm of the fluxes that it is the sum of: about eight units in the last place.
_ROUNDING = 2e-15
# Least scale of a solute over the largest: single precision holds such a ratio, and no solute so scarce means anything.
_LEAST = 1e-30


def _scale(
    problem: NutritionProblem, cold: Float[Array, "3"], solutes: Float[Array, "3 columns levels"], tolerance: float
) -> Float[Array, "3"]:
    """Residual norm of the cold start; a solute (almost) at rest there has converged when only rounding is left.

    The ratio of two scales stays within single precision.
    """
    fluxes = _norms((problem.stencil[:, :, 0, 1] + problem.exchange) * solutes)
    scale = jnp.maximum(cold, _ROUNDING / tolerance * fluxes)
    return jnp.maximum(jnp.maximum(scale, _LEAST * jnp.max(scale)), 1e-300)


def _correction(
    operator: TransportOperator,
    blocks: Blocks,
    right: Float[Array, "3 columns levels"],
    weight: Float[Array, "3"],
    tolerance: Float[Array, ""] | float,
    most_steps: int,
) -> tuple[Float[Array, "3 columns levels"], Int[Array, ""]]:
    """Solution of the Jacobian in single precision, and the Krylov steps it took.

    Args:
        operator, blocks: The Jacobian of weighted solutes (`local_blocks`).
        right: Right-hand side, zero on fixed nodes.
        weight: Weight of every solute in norms.
        tolerance: Wanted residual norm over that of the right-hand side.
        most_steps: BiCGStab steps.
    """
    weighted = right * weight[:, None, None]
    size = jnp.sqrt(jnp.sum(weighted**2))
    size = jnp.where(size > 0.0, size, 1.0)
    result = bicgstab(
        lambda vector: jacobian_product(operator, blocks, vector),
        to_levels(weighted / size),
        preconditioner(operator, blocks),
        jnp.asarray(tolerance, dtype=jnp.float32),
        most_steps,
    )
    return from_levels(result.solution) * (size / weight)[:, None, None], result.steps


def _iterate(
    problem: NutritionProblem,
    operator: TransportOperator,
    guess: Float[Array, "3 columns levels"],
    options: SolverOptions,
) -> Solution:
    cold = _norms(residual(problem, problem.start))
    start_scale = _scale(problem, cold, problem.start, options.tolerance)
    weight = 1.0 / start_scale

    def merit_of(values: Array) -> Array:
        """What a step has to lower: its scale is fixed, so that it cannot change by the scale alone."""
        return jnp.max(_norms(values) / start_scale)

    def error_of(solutes: Array, values: Array) -> Array:
        scale = jnp.maximum(start_scale, _scale(problem, cold, solutes, options.tolerance))
        return jnp.max(_norms(values) / scale)

    def unfinished(state: _State) -> Bool[Array, ""]:
        return (
            (state.error > options.tolerance) & (state.iterations < options.most_iterations) & jnp.isfinite(state.error)
        )

    def step(state: _State) -> _State:
        correction, krylov_steps = _correction(
            operator,
            local_blocks(problem, operator, state.solutes, weight),
            -state.residual,
            weight,
            jnp.maximum(_FORCING, 0.3 * options.tolerance / state.error),
            options.most_krylov_steps,
        )

        def worse(search: tuple[Array, Array, Array, Array]) -> Bool[Array, ""]:
            return ~(search[3] < state.merit) & (search[0] > 1.0 / 64.0)

        def shorten(search: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            share = 0.5 * search[0]
            solutes = state.solutes + share * correction
            values = residual(problem, solutes)
            return share, solutes, values, merit_of(values)

        # The first trial is the full step, so the search starts from twice that.
        twice = (jnp.asarray(2.0), state.solutes, state.residual, jnp.asarray(jnp.inf))
        _, solutes, values, merit = lax.while_loop(worse, shorten, twice)
        error = error_of(solutes, values)
        return _State(solutes, values, merit, error, state.iterations + 1, state.krylov_steps + krylov_steps)

    first = jnp.where(problem.free[None] > 0.0, guess, problem.start)
    values = residual(problem, first)
    zero = jnp.zeros((), dtype=jnp.int64)
    last = lax.while_loop(
        unfinished, step, _State(first, values, merit_of(values), error_of(first, values), zero, zero)
    )
    status = jnp.where(
        last.error <= options.tolerance, CONVERGED, jnp.where(jnp.isfinite(last.error), TOO_MANY_ITERATIONS, NOT_FINITE)
    )
    return Solution(last.solutes, status, last.iterations, last.krylov_steps, last.error)


class _Round(NamedTuple):
    solution: Array
    residual: Array
    norm: Array
    norm_before: Array
    steps: Array


def _refine(
    product: Callable[[Array], Array],
    correct: Callable[[Array], tuple[Array, Array]],
    right: Float[Array, "3 columns levels"],
    weight: Float[Array, "3"],
    options: SolverOptions,
) -> Float[Array, "3 columns levels"]:
    """Iterative refinement of a linear system: residuals in double precision, corrections in single precision.

    Args:
        product: The matrix, in double precision.
        correct: Its approximate inverse, with the Krylov steps that it took.
        right: Right-hand side, zero on fixed nodes.
        weight: Weight of every solute in norms.
        options: `linear_tolerance` and `most_krylov_steps`.
    """

    def norm(values: Array) -> Array:
        return jnp.linalg.norm(_norms(values) * weight)

    def unfinished(state: _Round) -> Bool[Array, ""]:
        # A round that does not halve the residual has reached rounding.
        progress = state.norm < 0.5 * state.norm_before
        return (state.norm > options.linear_tolerance * start) & progress & (state.steps < options.most_krylov_steps)

    def improve(state: _Round) -> _Round:
        correction, steps = correct(state.residual)
        solution = state.solution + correction
        rest = right - product(solution)
        return _Round(solution, rest, norm(rest), state.norm, state.steps + steps)

    start = norm(right)
    first = _Round(jnp.zeros_like(right), right, start, jnp.asarray(jnp.inf), jnp.zeros((), dtype=jnp.int64))
    return lax.while_loop(unfinished, improve, first).solution


def _solve_linearised(
    problem: NutritionProblem,
    operator: TransportOperator,
    solutes: Float[Array, "3 columns levels"],
    right: Float[Array, "3 columns levels"],
    options: SolverOptions,
) -> Float[Array, "3 columns levels"]:
    """Solve the Jacobian of `residual` (identity on fixed nodes), differentiable in the right-hand side in both modes."""
    free = problem.free[None]
    reaction = reaction_jacobian(problem, solutes)
    weight = 1.0 / _scale(problem, _norms(residual(problem, problem.start)), solutes, options.tolerance)
    blocks = local_blocks(problem, operator, solutes, weight)

    def jacobian(reaction: Array, vector: Array) -> Array:
        moved = apply_stencil(problem.mesh.neighbours, problem.stencil, vector) + problem.exchange * vector
        return moved - block_times(reaction, vector)

    def product(vector: Array) -> Array:
        return jnp.where(free > 0.0, jacobian(reaction, vector), vector)

    def inside(blocks: Array, reaction: Array, weight: Array, values: Array) -> Array:
        return _refine(
            lambda vector: free * jacobian(reaction, vector),
            lambda rest: _correction(operator, blocks, rest, weight, _REFINEMENT, options.most_krylov_steps),
            free * values,
            weight,
            options,
        )

    def forward(_: object, values: Array) -> Array:
        fixed = jnp.where(free > 0.0, 0.0, values)
        shed = apply_stencil(problem.mesh.neighbours, problem.stencil, fixed)
        return fixed + inside(blocks, reaction, weight, values - shed)

    def transposed(_: object, values: Array) -> Array:
        # The transpose of the weighted Jacobian acts on solutes with the inverse weights.
        solution = inside(jnp.swapaxes(blocks, 1, 2), jnp.swapaxes(reaction, 0, 1), 1.0 / weight, values)
        shed = apply_stencil(problem.mesh.neighbours, problem.stencil, solution)
        return jnp.where(free > 0.0, solution, values - shed)

    return lax.custom_linear_solve(product, right, forward, transposed)


def solve(
    problem: NutritionProblem,
    guess: Float[Array, "3 columns levels"] | None = None,
    options: SolverOptions | None = None,
    operator: TransportOperator | None = None,
) -> Solution:
    """Solve the nutrition problem of one disc; differentiable in every number of the problem; may be batched with `vmap`.

    Args:
        problem: The discrete problem.
        guess: Where to start (a neighbouring solution); the problem's own start values if None.
        options: Accuracy.
        operator: `transport_operator` of a problem with the same stencil and free nodes, where many are solved; it saves its preparation.

    Returns:
        The solution and how it was reached; `status` tells a failure, nothing is raised.
    """
    options = SolverOptions() if options is None else options
    guess = problem.start if guess is None else guess
    arrays, static = eqx.partition(problem, eqx.is_array)
    if operator is None:
        operator = transport_operator(problem)

    @jax.custom_jvp
    def solve_arrays(arrays: NutritionProblem, guess: Array, operator: TransportOperator) -> Solution:
        return _iterate(eqx.combine(arrays, static), operator, guess, options)

    @solve_arrays.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Solution, Solution]:
        arrays, guess, operator = primals
        solution = solve_arrays(arrays, guess, operator)
        _, moved = jax.jvp(
            lambda values: residual(eqx.combine(values, static), solution.solutes), (arrays,), (tangents[0],)
        )
        rate = _solve_linearised(eqx.combine(arrays, static), operator, solution.solutes, -moved, options)
        none = jax.custom_derivatives.zero_from_primal
        return solution, Solution(rate, *(none(value, symbolic_zeros=False) for value in solution[1:]))

    return solve_arrays(arrays, guess, lax.stop_gradient(operator))
