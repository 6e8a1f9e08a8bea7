r"""Operator splitting in time: nutrients, cells, motion, signals, matrix (cells_matrix 2.9).

Solutes follow the cells within hours, so they are quasi-steady. A step predicts cells, signals and matrix with the conditions at its
start, solves the solutes for the predicted cells, and repeats the cells and the matrix with the mean of the conditions at both ends and the
signals with those at the end; the difference of the two answers measures what the splitting misses (it is the leading error of the first)
and sets the next step, from hours right after the injection to weeks.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellFlows, CellState, Environment, advance
from pulposus.matrix import MatrixFlows, MatrixState, SignalState
from pulposus.nutrition import SolverOptions, solve
from pulposus.simulation._ledger import total
from pulposus.simulation._model import DiscModel
from pulposus.simulation._motility import migrate
from pulposus.simulation._state import SimulationState


class StepControl(eqx.Module):
    """How the steps are chosen.

    Attributes:
        first: First step after the start or an event [day].
        shortest, longest: Bounds of a step [day].
        early_growth: In the first days after an event no step is longer than `first + early_growth * time since`, since leak, attachment,
            anoikis and the signals change fastest then.
        tolerance: Largest difference of predicted and corrected cells in a step, over the injected (donor) or initial (native) number, and
            of the glycosaminoglycan over its amount.
        signal_tolerance: The same for the cytokine over its mean; looser, since the cells feel it through saturating laws.
        most_steps: Steps between two stored times after which the run stops as failed.
    """

    first: float = eqx.field(static=True, default=0.05)
    shortest: float = eqx.field(static=True, default=1e-4)
    longest: float = eqx.field(static=True, default=30.0)
    early_growth: float = eqx.field(static=True, default=0.1)
    tolerance: float = eqx.field(static=True, default=5e-4)
    signal_tolerance: float = eqx.field(static=True, default=2e-2)
    most_steps: int = eqx.field(static=True, default=2000)


class _Advanced(NamedTuple):
    """One answer for the end of a step."""

    cells: CellState
    flows: CellFlows
    signals: SignalState | None
    matrix: MatrixState | None
    matrix_flows: MatrixFlows | None


def _advanced(
    model: DiscModel,
    state: SimulationState,
    middle: Environment,
    end: Environment,
    lagged: SignalState | None,
    step: Array,
) -> _Advanced:
    """Cells, signals and matrix after a step.

    Args:
        model, state: The disc and its state at the start.
        middle: Conditions for cells and matrix.
        end: Conditions for the signals, which are implicit in time.
        lagged: Signals whose autocrine source is used.
        step: Length of the step [day].
    """
    cells, flows = advance(state.cells, middle, model.product, model.parameters, state.clocks, step, model.leak_weight)
    cytokine = jnp.broadcast_to(middle.cytokine, model.volume.shape)
    moved = migrate(model.mesh, model.exchange, model.volume, model.parameters.motility, cytokine, cells.attached, step)
    cells = eqx.tree_at(lambda one: one.attached, cells, moved)
    biology = model.biology
    if biology is None or state.signals is None or state.matrix is None or lagged is None:
        return _Advanced(cells, flows, None, None, None)
    kill = flows.deaths.immune / step
    signals = biology.after_signals(
        state.signals, lagged, cells, end, kill, state.time, state.clocks.since_injection, step
    )
    mean_signals = jax.tree.map(_mean, state.signals, signals)
    mean_cells = jax.tree.map(_mean, state.cells, cells)
    matrix, matrix_flows = biology.after_matrix(state.matrix, mean_cells, middle, mean_signals, step)
    return _Advanced(cells, flows, signals, matrix, matrix_flows)


def _mean(one: Array, other: Array) -> Array:
    return 0.5 * (one + other)


def _share(amount: Array, whole: Array) -> Array:
    return jnp.where(whole > 0.0, amount / jnp.where(whole > 0.0, whole, 1.0), 0.0)


def _difference(model: DiscModel, state: SimulationState, one: _Advanced, other: _Advanced, looser: float) -> Array:
    """Largest of the differences of donor cells, native cells, matrix and cytokine, each over its amount.

    Args:
        model, state: The disc and its state at the start of the step.
        one, other: The two answers.
        looser: Weight of the cytokine, the cell tolerance over the signal tolerance.
    """
    volume = model.volume
    donor = total(volume, jnp.abs(one.cells.donor - other.cells.donor))
    native = total(volume, jnp.abs(one.cells.native_alive - other.cells.native_alive))
    error = jnp.maximum(_share(donor, state.ledger.injected), _share(native, state.ledger.native_initial))
    if one.matrix is None or other.matrix is None or one.signals is None or other.signals is None:
        return error
    first, second = one.matrix.glycosaminoglycan, other.matrix.glycosaminoglycan
    matrix = _share(total(volume, jnp.abs(first - second)), total(volume, first))
    before, after = one.signals.cytokine, other.signals.cytokine
    cytokine = _share(total(volume, jnp.abs(before - after)), total(volume, before))
    return jnp.maximum(error, jnp.maximum(matrix, looser * cytokine))


def coupled_step(
    model: DiscModel,
    state: SimulationState,
    step: Float[Array, ""],
    options: SolverOptions,
    looser: float = StepControl.tolerance / StepControl.signal_tolerance,
) -> tuple[SimulationState, Float[Array, ""]]:
    """One step of a given length.

    Args:
        model: The disc.
        state: State at the start.
        step: Length [day].
        options: Accuracy of the nutrition solve.
        looser: Weight of the cytokine in the error, see `StepControl`.

    Returns:
        State at the end and the estimated error, as a share of the cells.
    """
    start = model.environment(state.solutes, state.signals, state.matrix)
    predicted = _advanced(model, state, start, start, state.signals, step)
    solution = solve(model.nutrition(predicted.cells), state.solutes, options, model.transport)
    end = model.environment(solution.solutes, predicted.signals, predicted.matrix)
    middle = jax.tree.map(_mean, start, end)
    corrected = _advanced(model, state, middle, end, predicted.signals, step)
    following = SimulationState(
        time=state.time + step,
        since_event=state.since_event + step,
        step=state.step,
        cells=corrected.cells,
        clocks=state.clocks.later(step),
        solutes=solution.solutes,
        signals=corrected.signals,
        matrix=corrected.matrix,
        ledger=state.ledger.add(model.volume, corrected.flows),
        matrix_ledger=None
        if state.matrix_ledger is None or corrected.matrix_flows is None
        else state.matrix_ledger.add(model.volume, corrected.matrix_flows),
        status=solution.status.astype(jnp.int64),
        steps=state.steps + 1,
        rejected=state.rejected,
    )
    return following, _difference(model, state, corrected, predicted, looser)


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
    looser = control.tolerance / control.signal_tolerance

    def unfinished(current: SimulationState) -> Array:
        return (current.time < end) & (current.status == 0) & (current.steps - first < control.most_steps)

    def one(current: SimulationState) -> SimulationState:
        ceiling = jnp.minimum(control.longest, control.first + control.early_growth * current.since_event)
        wanted = jnp.clip(current.step, control.shortest, ceiling)
        left = end - current.time
        # A remainder shorter than the next step is split in two, so that no step is much shorter than its neighbours.
        step = jnp.where(wanted >= left, left, jnp.where(2.0 * wanted > left, 0.5 * left, wanted))
        following, error = coupled_step(model, current, step, options, looser)
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
