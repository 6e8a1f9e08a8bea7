"""A course in which mechanics gives the disc its shape at chosen times (mechanics_imaging 2.1: coupling in time).

The course is followed piece by piece. At the start, after every insult and whenever the interval has passed, the disc takes the shape of
the supine equilibrium that its matrix keeps; its cells and solids stay with it, and the nutrients are solved anew. Each piece keeps its
own checkpoints, so a run that was killed goes on from its last stored time and meets the same shapes again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.nutrition import SolverOptions
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._course import SINGLE, Course, Progress, follow, on_host
from pulposus.simulation._events import Event, InsultEvent
from pulposus.simulation._matrix_summary import matrix_fields
from pulposus.simulation._mechanics import DiscMechanics, MechanicsReading, deform
from pulposus.simulation._model import DiscModel
from pulposus.simulation._reshaping import DeformedBiology, reshaped_event
from pulposus.simulation._state import SimulationState
from pulposus.simulation._step import StepControl
from pulposus.simulation._trajectory import Snapshot, Trajectory, snapshot

# A piece that rounding makes longer than the interval is not cut again.
_LONGER = 1.0 + 1e-9

INTERVAL = 91.3125
"""Days between two shapes, a quarter of a year, where nothing else is asked for."""


@dataclass(frozen=True, eq=False)
class CoupledTrajectory(Trajectory):
    """The stored states of a disc that mechanics deformed; its model is that of the end.

    Attributes:
        models: Constants at every stored state.
        shapes: Disc at every stored state.
        readings: Mechanics, at the times at which it was solved.
    """

    models: Sequence[DiscModel]
    shapes: Sequence[Disc]
    readings: Sequence[MechanicsReading]

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """Numbers that describe each stored state, in its own shape."""
        return [snapshot(model, state) for model, state in zip(self.models, self.states, strict=True)]

    @cached_property
    def coordinates_over_time(self) -> Float[np.ndarray, "time columns levels 3"]:
        """Nodes at the stored times [mm]."""
        return np.stack([np.asarray(shape.coordinates) for shape in self.shapes])

    def _matrix_fields(self) -> dict[str, np.ndarray]:
        found = []
        for model, state in zip(self.models, self.states, strict=True):
            biology = model.biology
            if isinstance(biology, DeformedBiology) and state.signals is not None and state.matrix is not None:
                # A stored state lies in the memory of the host.
                signals, matrix = jax.tree.map(jnp.asarray, (state.signals, state.matrix))
                found.append(matrix_fields(biology, signals, matrix, biology.water))
        return {name: np.stack([np.asarray(fields[name]) for fields in found]) for name in (found[0] if found else ())}


def follow_coupled(
    course: Course,
    model: DiscModel,
    state: SimulationState,
    mechanics: DiscMechanics,
    control: StepControl,
    options: SolverOptions,
    *,
    interval: float = INTERVAL,
    after: CoupledTrajectory | None = None,
    check: Callable[[SimulationState, float], None] = lambda state, time: None,
    checkpoints: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> CoupledTrajectory:
    """Take a disc through a course and give it the shape of its equilibrium on the way.

    Args:
        course: What happens.
        model, state: The disc as it was imaged, or as the course before it left it, at the first stored time, before its events.
        mechanics: Of this disc.
        control, options: Steps and accuracy.
        interval: Longest time between two shapes [day].
        after: The course before this one, such as the history of the treated disc; none where the disc has the shape of its image.
        check, progress: As in `follow`.
        checkpoints: Folder for states.

    Raises:
        InvalidInput: The interval is not positive.
        SolverFailed: No equilibrium was found.
    """
    if not interval > 0.0:
        raise InvalidInput(f"an interval of {interval:g} days", where="mechanics", allowed="days, more than 0")
    first, last = course.times[0], course.times[-1]
    shape, equilibrium = mechanics.disc, mechanics.rested
    if after is not None:
        shape, equilibrium = after.shapes[-1], after.readings[-1].state
    opening = Course(course.name, [first], {first: _fitted(course.events.get(first, ()), mechanics, model, shape)})
    model, opened = follow(opening, model, state, SINGLE, control, options, check=check)
    state = opened[0]
    found: list[tuple[SimulationState, DiscModel, Disc]] = []
    readings: list[MechanicsReading] = []
    for number, piece in enumerate(pieces(course, interval)):
        deformed = deform(mechanics, model, state, shape, equilibrium)
        model, shape, equilibrium = deformed.model, deformed.disc, deformed.reading.state
        readings.append(deformed.reading)
        state = on_host(SINGLE.feed(model, deformed.state, options))
        check(state, piece.times[0])
        found.append((state, model, shape))
        if len(piece.times) == 1:
            break
        events = {time: _fitted(happening, mechanics, model, shape) for time, happening in piece.events.items()}
        shaped = model
        model, states = follow(
            Course(course.name, piece.times, events),
            model,
            state,
            SINGLE,
            control,
            options,
            check=check,
            checkpoints=Checkpoints(checkpoints, f"{course.name}-{number:03d}") if checkpoints else None,
            progress=_within(progress, first, last, piece.times[0]),
        )
        # The constants that an event of this piece has changed differ in what the state is not read with: only the shape counts there.
        found += [(one, shaped, shape) for one in states[1:-1]]
        state = states[-1]
    wanted = set(course.times)
    stored = [one for one in found if float(one[0].time) in wanted]
    states, models, shapes = (list(part) for part in zip(*stored, strict=True))
    return CoupledTrajectory(model, states, np.asarray(mechanics.disc.coordinates), models, shapes, readings)


def _fitted(events: tuple[Event, ...], mechanics: DiscMechanics, model: DiscModel, shape: Disc) -> tuple[Event, ...]:
    """Events that were planned for the image, in the present shape."""
    return tuple(reshaped_event(event, model, mechanics.disc, shape) for event in events)


def pieces(course: Course, interval: float) -> list[Course]:
    """The course cut where the disc takes a new shape: at its start, insults and end, and so that no piece is longer than the interval.

    A piece holds the stored times from one shape to the next and the events after its first time; the last one is the end alone. Where
    two stored times lie further apart than the interval, times between them are added.
    """
    times, cuts = list(course.times), [course.times[0]]
    for time, following in pairwise(times):
        injured = any(isinstance(event, InsultEvent) for event in course.events.get(time, ()))
        if time > cuts[-1] and (injured or following - cuts[-1] > _LONGER * interval):
            cuts.append(time)
        while following - cuts[-1] > _LONGER * interval:
            cuts.append(cuts[-1] + interval)
    if times[-1] > cuts[-1]:
        cuts.append(times[-1])
    every = sorted({*times, *cuts})
    found = []
    for begin, end in zip(cuts, [*cuts[1:], cuts[-1]], strict=True):
        inside = [time for time in every if begin <= time <= end]
        found.append(
            Course(course.name, inside, {time: course.events[time] for time in inside[1:] if time in course.events})
        )
    return found


def _within(
    progress: Callable[[Progress], None] | None, first: float, last: float, begin: float
) -> Callable[[Progress], None] | None:
    """Progress of a piece as that of its course."""
    if progress is None:
        return None

    def tell(one: Progress) -> None:
        progress(one._replace(time=begin - first + one.time, end=last - first))

    return tell
