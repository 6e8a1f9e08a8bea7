"""A course in which mechanics gives the disc its shape at chosen times (mechanics_imaging 2.1: coupling in time).

The course is followed piece by piece. At the start, after every insult and whenever the interval has passed, the disc takes the shape of
the supine equilibrium that its matrix keeps, or the mean shape of a representative day; its cells and solids stay with it, and the
nutrients are solved anew. Each piece keeps its own checkpoints, so a run that was killed goes on from its last stored time and meets the
same shapes again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.nutrition import SolverOptions
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._course import SINGLE, Course, Progress, follow, on_host
from pulposus.simulation._events import Event, InsultEvent
from pulposus.simulation._mechanics import DiscMechanics
from pulposus.simulation._mechanics_course import deform
from pulposus.simulation._mechanics_reading import MechanicsReading
from pulposus.simulation._model import DiscModel
from pulposus.simulation._reshaping import reshaped_event
from pulposus.simulation._state import SimulationState
from pulposus.simulation._step import StepControl
from pulposus.simulation._trajectory import Trajectory

# A piece that rounding makes longer than the interval is not cut again.
_LONGER = 1.0 + 1e-9

INTERVAL = 91.3125
"""Days between two shapes, a quarter of a year, where nothing else is asked for."""


@dataclass(frozen=True, eq=False)
class CoupledTrajectory(Trajectory):
    """The stored states of a disc that mechanics deformed; its model is that of the end.

    Attributes:
        lived_with: Constants at every stored state.
        shapes: Disc at every stored state.
        solved: Mechanics at the times at which it was solved; `readings` repeats it for the stored states in between.
        imaged_volume: Of the nodes [mm3].
    """

    lived_with: Sequence[DiscModel] = field(kw_only=True)
    shapes: Sequence[Disc] = field(kw_only=True)
    solved: Sequence[MechanicsReading] = field(kw_only=True)
    imaged_volume: Float[np.ndarray, "columns levels"] = field(kw_only=True)

    @property
    def models(self) -> Sequence[DiscModel]:
        """Constants at every stored state, in its own shape."""
        return self.lived_with

    def _shape_fields(self) -> dict[str, np.ndarray]:
        volumes = np.stack([np.asarray(model.volume) for model in self.models])
        tissue = self.imaged_volume > 0.0
        ratio = np.where(tissue, volumes, 1.0) / np.where(tissue, self.imaged_volume, 1.0)
        return {**super()._shape_fields(), "volume_ratio": ratio}


def follow_coupled(
    course: Course,
    model: DiscModel,
    state: SimulationState,
    mechanics: DiscMechanics,
    control: StepControl,
    options: SolverOptions,
    *,
    interval: float = INTERVAL,
    daily: bool = False,
    start: Disc | None = None,
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
        daily: Whether the shape is the mean of a representative day instead of the supine one.
        start: Shape of the disc at the start; that of its image where left out.
        after: The course before this one, such as the history of the treated disc, whose shape it goes on in.
        check, progress: As in `follow`.
        checkpoints: Folder for states.

    Raises:
        InvalidInput: The interval is not positive.
        SolverFailed: No equilibrium was found.
    """
    if not interval > 0.0:
        raise InvalidInput(f"an interval of {interval:g} days", where="mechanics", allowed="days, more than 0")
    first, last = course.times[0], course.times[-1]
    shape, equilibrium = mechanics.disc if start is None else start, mechanics.rested
    if after is not None:
        shape, equilibrium = after.shapes[-1], after.solved[-1].state
    opening = Course(course.name, [first], {first: _fitted(course.events.get(first, ()), mechanics, model, shape)})
    model, opened = follow(opening, model, state, SINGLE, control, options, check=check)
    state = opened[0]
    found: list[tuple[SimulationState, DiscModel, Disc, MechanicsReading]] = []
    solved: list[MechanicsReading] = []
    for number, piece in enumerate(pieces(course, interval)):
        deformed = deform(mechanics, model, state, shape, equilibrium, daily=daily)
        model, shape, equilibrium = deformed.model, deformed.disc, deformed.reading.state
        solved.append(deformed.reading)
        state = on_host(SINGLE.feed(model, deformed.state, options))
        check(state, piece.times[0])
        found.append((state, model, shape, solved[-1]))
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
        found += [(one, shaped, shape, solved[-1]) for one in states[1:-1]]
        state = states[-1]
    wanted = set(course.times)
    stored = [one for one in found if float(one[0].time) in wanted]
    states, models, shapes, readings = (list(part) for part in zip(*stored, strict=True))
    return CoupledTrajectory(
        model,
        states,
        np.asarray(mechanics.disc.coordinates),
        readings,
        lived_with=models,
        shapes=shapes,
        solved=solved,
        imaged_volume=np.asarray(mechanics.imaged.volume),
    )


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
