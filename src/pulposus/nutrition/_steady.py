"""Steady and transient nutrition of one disc or of a batch of discs.

Steady: diffusion balances metabolism. Transient: backward Euler in time (transport 1.6), each step a steady problem with the storage
`theta V / dt` as exchange with the previous state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.errors import SolverFailed
from pulposus.nutrition._assembly import NodeVolumes, nutrition_problem, tissue_volumes
from pulposus.nutrition._batch import solve_batch
from pulposus.nutrition._kinetics import Kinetics
from pulposus.nutrition._newton import CONVERGED, STATUS_TEXT, Solution, SolverOptions, solve
from pulposus.nutrition._problem import NutritionProblem

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class Population(NamedTuple):
    """Cells of one kind (transport 1.2; rulings 35).

    Attributes:
        density: Living cells [10^6/mL].
        oxygen_multiplier: Oxygen use relative to a native nucleus cell.
        glucose_multiplier: Glucose use relative to a native nucleus cell.
        lactate_yield: Lactate made per glucose used.
    """

    density: Float[Array, "columns levels"]
    oxygen_multiplier: Float[Array, ""] | float = 1.0
    glucose_multiplier: Float[Array, ""] | float = 1.0
    lactate_yield: Float[Array, ""] | float = 2.0


def population_demand(disc: Disc, populations: list[Population]) -> Float[Array, "3 columns levels"]:
    """Demand of several populations [10^6/mL mm3]: `sum_k density_k multiplier_k volume`, for each solute."""
    volumes = tissue_volumes(disc)
    water = volumes.average(disc.oxygen_source_factor)
    total = volumes.total
    oxygen = lactate = glucose = jnp.zeros_like(total)
    for population in populations:
        used = population.density * population.glucose_multiplier
        oxygen = oxygen + population.density * population.oxygen_multiplier
        lactate = lactate + used * (0.5 * population.lactate_yield)
        glucose = glucose + used
    return total[None] * jnp.stack([water * oxygen, lactate, glucose])


class SteadyState(NamedTuple):
    """The problem that was solved and its solution."""

    problem: NutritionProblem
    solution: Solution


@eqx.filter_jit
def _steady(
    disc: Disc, constants: Kinetics, demand: Array | None, guess: Array | None, options: SolverOptions
) -> SteadyState:
    problem = nutrition_problem(disc, constants, demand)
    return SteadyState(problem, solve(problem, guess, options))


@eqx.filter_jit
def nutrition_problems(discs: Disc, constants: Kinetics) -> NutritionProblem:
    """The nutrition problems of a batch of discs, with a leading axis on every array."""
    return jax.vmap(lambda disc: nutrition_problem(disc, constants))(discs)


def solve_nutrition(
    disc: Disc,
    parameters: ParameterSet | None = None,
    *,
    demand: Float[Array, "3 columns levels"] | None = None,
    guess: Float[Array, "3 columns levels"] | None = None,
    options: SolverOptions | None = None,
) -> SteadyState:
    """Steady oxygen, lactate and glucose of one disc.

    Args:
        disc: The disc.
        parameters: Constants; the shipped ones if None.
        demand: Demand of the cells (`population_demand`); the native cells if None.
        guess: A neighbouring solution to start from.
        options: Accuracy of the solver.

    Raises:
        SolverFailed: The solver did not converge.
    """
    state = _steady(disc, Kinetics.from_parameters(_or_shipped(parameters)), demand, guess, options or SolverOptions())
    status = int(state.solution.status)
    if status != CONVERGED:
        raise SolverFailed(
            f"nutrition of {disc.description.name}: {STATUS_TEXT[status]}",
            where=f"after {int(state.solution.iterations)} iterations, relative residual {float(state.solution.relative_residual):.1e}",
            remedy="check cell density and diffusivity; a finer mesh (--resolution) resolves steeper profiles",
        )
    return state


def solve_nutrition_batch(
    discs: Disc, parameters: ParameterSet | None = None, *, options: SolverOptions | None = None
) -> Solution:
    """Steady nutrition of a batch of discs (`disc.stack_discs`); a status per disc, nothing is raised.

    The answer of a disc does not depend on the batch it is in.
    """
    return solve_batch(nutrition_problems(discs, Kinetics.from_parameters(_or_shipped(parameters))), options)


def storage(disc: Disc, volumes: NodeVolumes) -> Float[Array, "3 columns levels"]:
    """Storage coefficient theta times volume of every node [mm3]."""
    one = jnp.einsum("t,tcz->cz", disc.storage, volumes.by_tissue)
    return jnp.broadcast_to(one, (3, *one.shape))


def backward_euler(
    problem: NutritionProblem,
    capacity: Float[Array, "3 columns levels"],
    previous: Float[Array, "3 columns levels"],
    step: Float[Array, ""] | float,
    options: SolverOptions | None = None,
) -> Solution:
    """One implicit time step.

    Args:
        problem: The steady problem.
        capacity: Storage coefficient times volume [mm3] (`storage`).
        previous: Solutes at the start of the step.
        step: Length of the step [day].
        options: Accuracy of the solver.
    """
    rate = capacity / step
    stepped = eqx.tree_at(
        lambda values: (values.exchange, values.load),
        problem,
        (problem.exchange + rate, problem.load + rate * previous),
    )
    return solve(stepped, previous, options)


def _or_shipped(parameters: ParameterSet | None) -> ParameterSet:
    if parameters is not None:
        return parameters
    from pulposus.parameters import load_parameters

    return load_parameters()
