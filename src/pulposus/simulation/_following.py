"""How the courses of a run are followed: as they are, with mechanics read off them, or with mechanics acting on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc, load_disc
from pulposus.errors import InvalidInput
from pulposus.nutrition import SolverOptions
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._coupled import CoupledTrajectory, follow_coupled
from pulposus.simulation._course import SINGLE, Course, Progress, follow
from pulposus.simulation._mechanics import DiscMechanics, disc_mechanics
from pulposus.simulation._mechanics_course import before_settling, models_along, read_course
from pulposus.simulation._model import DiscModel
from pulposus.simulation._plan import Plan
from pulposus.simulation._state import SimulationState
from pulposus.simulation._step import StepControl
from pulposus.simulation._trajectory import Trajectory

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.therapy import Protocol


@dataclass(frozen=True, eq=False)
class Following:
    """How the courses of one run are followed.

    Attributes:
        model: The disc that settles, in the shape and under the load that it has then.
        coordinates: Nodes of the run [mm].
        control, options: Steps and accuracy.
        checkpoints: Folder for states.
        progress: Called after every stored time.
        mechanics: Of the disc; None without.
        coupled: Whether mechanics acts.
        interval: Longest time between two shapes [day].
        daily: Whether representative days are followed.
        start: Shape in which the disc settles; None for that of its image.
    """

    model: DiscModel
    coordinates: Float[np.ndarray, "columns levels 3"]
    control: StepControl
    options: SolverOptions
    checkpoints: Path | None
    progress: Callable[[Progress], None] | None
    mechanics: DiscMechanics | None = None
    coupled: bool = False
    interval: float = 0.0
    daily: bool = False
    start: Disc | None = None

    def run(
        self,
        course: Course,
        model: DiscModel,
        state: SimulationState,
        check: Callable[[SimulationState, float], None],
        after: Trajectory | None = None,
    ) -> tuple[DiscModel, Trajectory]:
        """The model at the end of a course, and its stored states.

        Args:
            course: What happens.
            model, state: At its start, before the events of that time.
            check: Called with every state and the time that it should have reached.
            after: The course before it.
        """
        if self.mechanics is not None and self.coupled:
            coupled = follow_coupled(
                course,
                model,
                state,
                self.mechanics,
                self.control,
                self.options,
                interval=self.interval,
                daily=self.daily,
                start=self.start,
                after=after if isinstance(after, CoupledTrajectory) else None,
                check=check,
                checkpoints=self.checkpoints,
                progress=self.progress,
            )
            return coupled.model, coupled
        kept = Checkpoints(self.checkpoints, course.name) if self.checkpoints else None
        changed, states = follow(
            course,
            model,
            state,
            SINGLE,
            self.control,
            self.options,
            check=check,
            checkpoints=kept,
            progress=self.progress,
        )
        readings = ()
        if self.mechanics is not None:
            models = models_along(course, model, states)
            readings = read_course(self.mechanics, models, states, days_apart=self.interval if self.daily else None)
        return changed, Trajectory(changed, states, self.coordinates, readings)


def following_of(
    protocol: Protocol,
    plan: Plan,
    source: Disc | str | Path,
    disc: Disc,
    constants: ParameterSet,
    control: StepControl,
    options: SolverOptions,
    checkpoints: Path | None,
    progress: Callable[[Progress], None] | None,
) -> Following:
    """How the courses of a protocol are followed.

    Args:
        protocol: The protocol.
        plan: What is simulated.
        source: The disc as it was given.
        disc: The same, loaded.
        constants: Model constants.
        control, options: Steps and accuracy.
        checkpoints: Folder for states.
        progress: Called after every stored time.

    Raises:
        InvalidInput: Mechanics is asked for, and the disc was given loaded, so that it has no mesh for it.
        SolverFailed: No stress-free state was found.
    """
    numerics = protocol.numerics
    plain = Following(plan.model, plan.coordinates, control, options, checkpoints, progress)
    if numerics.mechanics == "off":
        return plain
    if isinstance(source, Disc):
        raise InvalidInput(
            "mechanics needs the disc on a mesh of its own",
            where="simulate",
            allowed="the name or the file of a disc",
            remedy="give the name or the disc.yaml instead of the loaded disc",
        )
    mechanics = disc_mechanics(disc, load_disc(source, "mechanics", constants), plan.model, constants)
    days, interval = numerics.mechanics_day, numerics.mechanics_interval
    read = replace(plain, mechanics=mechanics, interval=interval, daily=days)
    if numerics.mechanics == "readout":
        return read
    state = SINGLE.start(plan.model, control.first, options)
    begun = before_settling(mechanics, plan.model, state, daily=days)
    return replace(read, coupled=True, model=begun.model, start=begun.disc)
