"""One course of a disc through time: stored times, and what happens at some of them.

A course runs one disc or a batch of them: `SINGLE` and `BATCH` hold the compiled functions of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from pulposus import _backend  # noqa: F401
from pulposus.errors import InvalidInput
from pulposus.nutrition import SolverOptions, solve
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._events import Event
from pulposus.simulation._model import DiscModel
from pulposus.simulation._settle import balanced
from pulposus.simulation._state import SimulationState, start_state
from pulposus.simulation._step import StepControl, advance_adaptively

# Days at which a run stores its state, besides the end, the visits of the protocol and the times of its events.
STORED_DAYS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 21.0, 28.0, 42.0, 60.0, 90.0, 120.0, 150.0)
_YEAR = 365.25
_MINUTE = 1.0 / 1440.0


class Progress(NamedTuple):
    """How far a run is.

    Attributes:
        run: Name of the course, such as "with_cells", or "ensemble".
        time: Time reached since the start of the course [day].
        end: Time to reach [day].
        steps: Steps taken so far.
    """

    run: str
    time: float
    end: float
    steps: int


def stored_times(end: float, visits: Iterable[float] = (), events: Iterable[float] = ()) -> list[float]:
    """Times at which a run stores its state [day].

    Dense at first, then every half year; 0, 1 and 28 days, the end and the times of events are always in.

    Args:
        end: Length of the follow-up.
        visits: Visits of the protocol.
        events: Times at which something happens; those after the end are left out.

    Raises:
        InvalidInput: The end is not after the start.
    """
    if not 0.0 < end < np.inf:
        raise InvalidInput(f"a follow-up of {end:g} days cannot be run", where="until", allowed="days, more than 0")
    halves = [_YEAR * half / 2.0 for half in range(1, 2 + int(2.0 * end / _YEAR) + 1)]
    quarters = [_YEAR * quarter / 12.0 for quarter in (8.0, 10.0)]
    always = {0.0, 1.0, 28.0, end, *events}
    times = sorted(time for time in {*always, *STORED_DAYS, *halves, *quarters, *visits} if 0.0 <= time <= end)
    # Two times closer than a minute are one.
    return [time for number, time in enumerate(times) if time in always or time - times[number - 1] > _MINUTE]


@dataclass(frozen=True, eq=False)
class Course:
    """What happens to a disc, and when its state is stored.

    Attributes:
        name: Name, for messages and checkpoints.
        times: Stored times, ascending [day].
        events: What happens at a stored time; the state is stored after it.
    """

    name: str
    times: Sequence[float]
    events: Mapping[float, tuple[Event, ...]] = field(default_factory=dict)


class Runner(NamedTuple):
    """Compiled functions for one disc or for a batch.

    Attributes:
        start: `start_state`.
        advance: `advance_adaptively`.
        balance: `balanced`.
        happen: An event on model and state.
        feed: The state with the nutrients in balance with its cells, after events.
    """

    start: Callable[..., SimulationState]
    advance: Callable[..., SimulationState]
    balance: Callable[..., tuple[DiscModel, SimulationState]]
    happen: Callable[[Event, DiscModel, SimulationState], tuple[DiscModel, SimulationState]]
    feed: Callable[[DiscModel, SimulationState, SolverOptions], SimulationState]


def _happen(event: Event, model: DiscModel, state: SimulationState) -> tuple[DiscModel, SimulationState]:
    changed = event.change(model, state.time)
    return changed, event.happen(changed, state)


def _feed(model: DiscModel, state: SimulationState, options: SolverOptions) -> SimulationState:
    solution = solve(model.nutrition(state.cells), state.solutes, options, model.transport)
    # A disc that has stopped stays stopped.
    status = jnp.where(state.status != 0, state.status, solution.status.astype(jnp.int64))
    return replace(state, solutes=solution.solutes, status=status)


def _feed_all(models: DiscModel, states: SimulationState, options: SolverOptions) -> SimulationState:
    return jax.vmap(lambda model, state: _feed(model, state, options))(models, states)


def _start_all(models: DiscModel, first: float, options: SolverOptions) -> SimulationState:
    return jax.vmap(lambda model: start_state(model, first, options))(models)


def _advance_all(
    models: DiscModel, states: SimulationState, end: jax.Array, control: StepControl, options: SolverOptions
) -> SimulationState:
    return jax.vmap(lambda model, state: advance_adaptively(model, state, end, control, options))(models, states)


SINGLE = Runner(
    start=eqx.filter_jit(start_state),
    advance=eqx.filter_jit(advance_adaptively),
    balance=eqx.filter_jit(balanced),
    happen=eqx.filter_jit(_happen),
    feed=eqx.filter_jit(_feed),
)
BATCH = Runner(
    start=eqx.filter_jit(_start_all),
    advance=eqx.filter_jit(_advance_all),
    balance=eqx.filter_jit(jax.vmap(balanced)),
    happen=eqx.filter_jit(jax.vmap(_happen)),
    feed=eqx.filter_jit(_feed_all),
)


def on_host(state: SimulationState) -> SimulationState:
    """The same state in host memory, so that a long run does not fill the device."""
    return jax.tree.map(np.asarray, state)


def follow(
    course: Course,
    model: DiscModel,
    state: SimulationState,
    runner: Runner,
    control: StepControl,
    options: SolverOptions,
    *,
    check: Callable[[SimulationState, float], None] = lambda state, time: None,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[DiscModel, list[SimulationState]]:
    """Take a disc, or a batch, through a course.

    Args:
        course: What happens.
        model: Constants before the first event.
        state: State at the first stored time, before the events of that time.
        runner: `SINGLE` or `BATCH`.
        control, options: Steps and accuracy.
        check: Called with every state and the time it should have reached; raises to stop.
        checkpoints: Where states are kept; a run goes on from the last one it finds there.
        progress: Called after every stored time.

    Returns:
        The constants at the end and the states at the stored times, each after the events of its time.
    """
    states: list[SimulationState] = []
    kept: list[SimulationState] = []
    for number, time in enumerate(course.times):
        if number > 0:
            if number < len(kept):
                state = kept[number]
            else:
                state = on_host(
                    runner.advance(model, states[-1], jnp.asarray(time, dtype=jnp.float64), control, options)
                )
                check(state, time)
        events = course.events.get(time, ())
        for event in events:
            # A stored state is that after the events; of those before it only the change of the constants counts again.
            model, after = runner.happen(event, model, state)
            state = state if number < len(kept) else on_host(after)
        if any(event.jumps for event in events) and number >= len(kept):
            state = on_host(runner.feed(model, state, options))
            check(state, time)
        if number == 0 and checkpoints:
            kept = checkpoints.load(state, course.times)
        states.append(state)
        if checkpoints and number >= len(kept):
            checkpoints.save(number, state)
        if progress and number > 0 and number >= len(kept):
            first, last = course.times[0], course.times[-1]
            progress(Progress(course.name, time - first, last - first, int(np.max(np.asarray(state.steps)))))
    return model, states
