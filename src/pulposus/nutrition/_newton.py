r"""Newton's method for the nutrition problem, with derivatives by the implicit-function theorem.

Each step solves :math:`J \delta = -F` with the exact 3x3 coupling of the solutes, :math:`J = K + e - w\,\partial r/\partial u`, by
preconditioned BiCGStab; a step that does not lower the residual is halved. The answer of a disc does not depend on the batch it is in:
every number that steers the iteration belongs to one disc.

The derivative of the solution is :math:`\dot u = -J^{-1} \dot F`; forward and reverse mode solve one linear system, and the iterations are
never differentiated.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.mesh import apply_stencil
from pulposus.nutrition._krylov import bicgstab
from pulposus.nutrition._preconditioner import lateral_operator, preconditioner
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


def _scale(
    problem: NutritionProblem, cold: Float[Array, "3"], solutes: Float[Array, "3 columns levels"], tolerance: float
) -> Float[Array, "3"]:
    """Residual norm of the cold start; a solute (almost) at rest there has converged when only rounding is left."""
    fluxes = _norms((problem.stencil[:, :, 0, 1] + problem.exchange) * solutes)
    return jnp.maximum(jnp.maximum(cold, _ROUNDING / tolerance * fluxes), 1e-300)


def _jacobian_product(problem: NutritionProblem, reaction: Array, vector: Array) -> Array:
    """Jacobian on the free nodes; the vector is zero on fixed nodes."""
    coupled = jnp.sum(reaction * vector[None], axis=1)
    return problem.free[None] * (
        apply_stencil(problem.mesh.neighbours, problem.stencil, vector) + problem.exchange * vector - coupled
    )


def _iterate(problem: NutritionProblem, guess: Float[Array, "3 columns levels"], options: SolverOptions) -> Solution:
    cold = _norms(residual(problem, problem.start))
    operator = lateral_operator(problem)

    start_scale = _scale(problem, cold, problem.start, options.tolerance)

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
        reaction = reaction_jacobian(problem, state.solutes)
        linear = bicgstab(
            lambda vector: _jacobian_product(problem, reaction, vector),
            -state.residual,
            preconditioner(problem, operator, reaction),
            1.0 / start_scale,
            jnp.maximum(_FORCING, 0.3 * options.tolerance / state.error),
            options.most_krylov_steps,
        )

        def trial(share: Array) -> tuple[Array, Array, Array]:
            solutes = state.solutes + share * linear.solution
            values = residual(problem, solutes)
            return solutes, values, merit_of(values)

        def worse(search: tuple[Array, Array, Array, Array]) -> Array:
            return ~(search[3] < state.merit) & (search[0] > 1.0 / 64.0)

        def halve(search: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            share = 0.5 * search[0]
            return (share, *trial(share))

        full = jnp.ones(())
        _, solutes, values, merit = lax.while_loop(worse, halve, (full, *trial(full)))
        error = error_of(solutes, values)
        return _State(solutes, values, merit, error, state.iterations + 1, state.krylov_steps + linear.steps)

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


def _solve_linearised(
    problem: NutritionProblem,
    solutes: Float[Array, "3 columns levels"],
    right: Float[Array, "3 columns levels"],
    options: SolverOptions,
) -> Float[Array, "3 columns levels"]:
    """Solve the Jacobian of `residual` (identity on fixed nodes), differentiable in the right-hand side in both modes."""
    free = problem.free[None]
    reaction = reaction_jacobian(problem, solutes)
    operator = lateral_operator(problem)
    scale = _scale(problem, _norms(residual(problem, problem.start)), solutes, options.tolerance)

    def product(vector: Array) -> Array:
        coupled = jnp.sum(reaction * vector[None], axis=1)
        moved = apply_stencil(problem.mesh.neighbours, problem.stencil, vector) + problem.exchange * vector - coupled
        return jnp.where(free > 0.0, moved, vector)

    def on_free_nodes(blocks: Array, values: Array) -> Array:
        result = bicgstab(
            lambda vector: _jacobian_product(problem, blocks, vector),
            free * values,
            preconditioner(problem, operator, blocks),
            1.0 / scale,
            options.linear_tolerance,
            options.most_krylov_steps,
        )
        return free * result.solution

    def forward(_: object, values: Array) -> Array:
        fixed = jnp.where(free > 0.0, 0.0, values)
        return fixed + on_free_nodes(reaction, values - apply_stencil(problem.mesh.neighbours, problem.stencil, fixed))

    def transposed(_: object, values: Array) -> Array:
        inside = on_free_nodes(jnp.swapaxes(reaction, 0, 1), values)
        shed = apply_stencil(problem.mesh.neighbours, problem.stencil, inside)
        return jnp.where(free > 0.0, inside, values - shed)

    return lax.custom_linear_solve(product, right, forward, transposed)


def solve(
    problem: NutritionProblem,
    guess: Float[Array, "3 columns levels"] | None = None,
    options: SolverOptions | None = None,
) -> Solution:
    """Solve the nutrition problem of one disc; differentiable in every number of the problem; may be batched with `vmap`.

    Args:
        problem: The discrete problem.
        guess: Where to start (a neighbouring solution); the problem's own start values if None.
        options: Accuracy.

    Returns:
        The solution and how it was reached; `status` tells a failure, nothing is raised.
    """
    options = SolverOptions() if options is None else options
    guess = problem.start if guess is None else guess
    arrays, static = eqx.partition(problem, eqx.is_array)

    @jax.custom_jvp
    def solve_arrays(arrays: NutritionProblem, guess: Array) -> Solution:
        return _iterate(eqx.combine(arrays, static), guess, options)

    @solve_arrays.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Solution, Solution]:
        arrays, guess = primals
        solution = solve_arrays(arrays, guess)
        _, moved = jax.jvp(
            lambda values: residual(eqx.combine(values, static), solution.solutes), (arrays,), (tangents[0],)
        )
        rate = _solve_linearised(eqx.combine(arrays, static), solution.solutes, -moved, options)
        none = jax.custom_derivatives.zero_from_primal
        return solution, Solution(rate, *(none(value, symbolic_zeros=False) for value in solution[1:]))

    return solve_arrays(arrays, guess)
