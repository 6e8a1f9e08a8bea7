r"""Operator splitting in time: nutrients, cells, motion (cells_matrix 2.9).

Solutes follow the cells within hours, so they are quasi-steady. A step predicts the cells with the solutes at its start, solves the
solutes for the predicted cells, and repeats the cells with the mean of both; the difference of the two answers measures what the splitting
misses (it is the leading error of the first) and sets the next step, from hours right after the injection to weeks.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellFlows, CellState, advance
from pulposus.nutrition import SolverOptions, solve
from pulposus.simulation._ledger import total
from pulposus.simulation._model import DiscModel
from pulposus.simulation._motility import migrate
from pulposus.simulation._state import SimulationState


class StepControl(eqx.Module):
    """How the steps are chosen.

    Attributes:
        first: First step [day].
        shortest, longest: Bounds of a step [day].
        early_growth: In the first days no step is longer than `first + early_growth * time`, since leak, attachment and anoikis change
            fastest then.
        tolerance: Largest difference of predicted and corrected cells in a step, over the injected (donor) or initial (native) number.
        most_steps: Steps between two stored times after which the run stops as failed.
    """

    first: float = eqx.field(static=True, default=0.05)
    shortest: float = eqx.field(static=True, default=1e-4)
    longest: float = eqx.field(static=True, default=30.0)
    early_growth: float = eqx.field(static=True, default=0.1)
    tolerance: float = eqx.field(static=True, default=5e-4)
    most_steps: int = eqx.field(static=True, default=2000)


def _cells_after(model: DiscModel, state: SimulationState, solutes: Array, step: Array) -> tuple[CellState, CellFlows]:
    """Cells after a step in given solutes, with their motion."""
    cells, flows = advance(
        state.cells, model.environment(solutes), model.product, model.parameters, state.time, step, model.leak_weight
    )
    cytokine = jnp.broadcast_to(model.surroundings.cytokine, model.volume.shape)
    moved = migrate(
        model.mesh, model.unit_stencil, model.volume, model.parameters.motility, cytokine, cells.attached, step
    )
    return eqx.tree_at(lambda one: one.attached, cells, moved), flows


def _difference(model: DiscModel, one: CellState, other: CellState) -> Float[Array, ""]:
    """Largest of the differences of donor and of native cells, over the injected and the initial number."""
    initial = total(model.volume, model.initial_cells.native_alive)
    donor = total(model.volume, jnp.abs(one.donor - other.donor))
    native = total(model.volume, jnp.abs(one.native_alive - other.native_alive))

    def share(number: Array, whole: Array) -> Array:
        return jnp.where(whole > 0.0, number / jnp.where(whole > 0.0, whole, 1.0), 0.0)

    return jnp.maximum(share(donor, model.injected), share(native, initial))


def coupled_step(
    model: DiscModel, state: SimulationState, step: Float[Array, ""], options: SolverOptions
) -> tuple[SimulationState, Float[Array, ""]]:
    """One step of a given length.

    Args:
        model: The disc.
        state: State at the start.
        step: Length [day].
        options: Accuracy of the nutrition solve.

    Returns:
        State at the end and the estimated error, as a share of the cells.
    """
    predicted, _ = _cells_after(model, state, state.solutes, step)
    solution = solve(model.nutrition(predicted), state.solutes, options)
    cells, flows = _cells_after(model, state, 0.5 * (state.solutes + solution.solutes), step)
    following = SimulationState(
        time=state.time + step,
        step=state.step,
        cells=cells,
        solutes=solution.solutes,
        ledger=state.ledger.add(model.volume, flows),
        status=solution.status,
        steps=state.steps + 1,
        rejected=state.rejected,
    )
    return following, _difference(model, cells, predicted)


def advance_by_steps(
    model: DiscModel, state: SimulationState, steps: Float[Array, "n"], options: SolverOptions
) -> SimulationState:
    """Take a fixed list of steps; differentiable in forward mode (the sweeps of the motion have no reverse mode)."""

    def one(current: SimulationState, step: Float[Array, ""]) -> tuple[SimulationState, None]:
        following, _ = coupled_step(model, current, step, options)
        return following, None

    last, _ = lax.scan(one, state, steps)
    return last


def advance_adaptively(
    model: DiscModel, state: SimulationState, end: Float[Array, ""], control: StepControl, options: SolverOptions
) -> SimulationState:
    """Go on to a time with steps chosen by the error estimate; stops early, with a status, if the solutes cannot be solved.

    Args:
        model: The disc.
        state: State at the start.
        end: Time to reach [day].
        control: How the steps are chosen.
        options: Accuracy of the nutrition solve.
    """
    first = state.steps

    def unfinished(current: SimulationState) -> Array:
        return (current.time < end) & (current.status == 0) & (current.steps - first < control.most_steps)

    def one(current: SimulationState) -> SimulationState:
        ceiling = jnp.minimum(control.longest, control.first + control.early_growth * current.time)
        wanted = jnp.clip(current.step, control.shortest, ceiling)
        left = end - current.time
        # A remainder shorter than the next step is split in two, so that no step is much shorter than its neighbours.
        step = jnp.where(wanted >= left, left, jnp.where(2.0 * wanted > left, 0.5 * left, wanted))
        following, error = coupled_step(model, current, step, options)
        good = (following.status == 0) & ((error <= control.tolerance) | (step <= control.shortest))
        stuck = (following.status != 0) & (step <= control.shortest)
        factor = jnp.clip(0.9 * jnp.sqrt(control.tolerance / jnp.maximum(error, 1e-300)), 0.2, 2.0)
        factor = jnp.where(following.status == 0, factor, 0.2)
        # A step that the end cut short does not shrink the next one.
        next_step = jnp.where(good & (step < wanted), jnp.maximum(wanted, step * factor), step * factor)
        kept = eqx.tree_at(
            lambda one: (one.rejected, one.status),
            current,
            (current.rejected + 1, jnp.where(stuck, following.status, 0)),
        )
        chosen = jax.tree.map(lambda new, old: jnp.where(good, new, old), following, kept)
        reached = jnp.where(good & (step >= left), end, chosen.time)
        return eqx.tree_at(lambda one: (one.step, one.time), chosen, (next_step, reached))

    return lax.while_loop(unfinished, one, state)
