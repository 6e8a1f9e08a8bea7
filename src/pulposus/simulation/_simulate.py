"""One disc, one protocol, through time: the main entry of the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from pulposus import _backend  # noqa: F401
from pulposus.disc import DESTINATIONS, Disc, load_disc
from pulposus.errors import SolverFailed
from pulposus.nutrition import SolverOptions
from pulposus.nutrition._newton import STATUS_TEXT
from pulposus.parameters import Parameter, ParameterSet, load_parameters
from pulposus.simulation._choices import disc_of, level_of
from pulposus.simulation._coupled import CoupledTrajectory
from pulposus.simulation._course import SINGLE, Course, Progress, on_host
from pulposus.simulation._following import following_of
from pulposus.simulation._mechanics_reading import MechanicsReading
from pulposus.simulation._model import DiscModel
from pulposus.simulation._plan import Plan, plan_of
from pulposus.simulation._recording import RecordingParameters
from pulposus.simulation._settle import SETTLING, moved_to
from pulposus.simulation._state import SimulationState
from pulposus.simulation._step import StepControl
from pulposus.simulation._trajectory import Trajectory
from pulposus.therapy import Protocol, Treatment, load_protocol


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What `simulate` returns.

    Attributes:
        protocol: The protocol.
        disc: The disc.
        treatment: Its numbers in this disc.
        arms: The courses from day 0 by name: `with_cells`, `sham` (the same procedure without the product) and `native_course` (the disc
            left alone); arms in which the same happens are one object.
        history: The disc before the treatment; None where nothing happened to it.
        parameters: The constants that were used.
        insults: Kinds of the insults of the treated disc by time [day].
        injured: The disc after all insults, as the treatment found it.
        opened_at_treatment: Whether an insult beside the needle happened with the treatment.
        mechanics: Supine disc over time by name of a course, `history` included; empty where no mechanics was asked for.
    """

    protocol: Protocol
    disc: Disc
    treatment: Treatment
    arms: Mapping[str, Trajectory]
    history: Trajectory | None
    parameters: list[Parameter]
    insults: Mapping[float, tuple[str, ...]]
    injured: Disc
    opened_at_treatment: bool
    mechanics: Mapping[str, Sequence[MechanicsReading]]

    @property
    def with_cells(self) -> Trajectory:
        """The treated disc."""
        return self.arms["with_cells"]

    @property
    def sham(self) -> Trajectory:
        """The same procedure without the product."""
        return self.arms["sham"]

    @property
    def native_course(self) -> Trajectory:
        """The disc left alone."""
        return self.arms["native_course"]

    def insult_rows(self) -> list[dict[str, Any]]:
        """What left the treated disc at the insults of every day, and where it went.

        Glycosaminoglycan and collagen [mg], native cells, volume of tissue [mm3].
        """
        rows: list[dict[str, Any]] = []
        before = np.zeros(4 + len(DESTINATIONS))
        earlier = [] if self.history is None else self.history.states[:-1]
        # The account of the arms goes on from that of the history.
        for state in (*earlier, *self.with_cells.states):
            gone, kinds = _gone(state), self.insults.get(float(state.time), ())
            if kinds:
                rows.append(_insult_row(float(state.time), kinds, gone - before))
            before = gone
        return rows


def checked(name: str) -> Callable[[SimulationState, float], None]:
    """A check of every stored state of the run of that name.

    Raises (the check):
        SolverFailed: The solutes could not be solved; states up to the last stored time are in the checkpoints.
    """

    def check(state: SimulationState, wanted: float) -> None:
        status, time = int(state.status), float(state.time)
        if status != 0 or time < wanted:
            reason = STATUS_TEXT[status] if status else "too many steps"
            raise SolverFailed(
                f"the run {name} stopped at day {time:.4g} of {wanted:.4g}: {reason}",
                where=f"step {int(state.steps)}",
                remedy="the stored states are kept; lower the dose, use a finer mesh (numerics.resolution), or report the protocol",
            )

    return check


def settle(plan: Plan, control: StepControl, options: SolverOptions) -> tuple[DiscModel, SimulationState]:
    """The disc of a plan in balance, at day 0, before anything is done to it.

    Args:
        plan: What is simulated.
        control, options: Steps and accuracy.

    Raises:
        SolverFailed: The solutes could not be solved.
    """
    check = checked("settling")
    state = SINGLE.start(plan.model, control.first, options)
    check(state, 0.0)
    model, state = SINGLE.balance(plan.model, moved_to(state, -SETTLING))
    state = SINGLE.advance(model, state, jnp.zeros(()), control, options)
    check(state, 0.0)
    model, state = SINGLE.balance(model, state)
    return model, on_host(state)


def simulate(
    protocol: Protocol | str | Path,
    disc: Disc | str | Path | None = None,
    parameters: ParameterSet | None = None,
    *,
    until: float | None = None,
    control: StepControl | None = None,
    options: SolverOptions | None = None,
    checkpoints: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SimulationResult:
    """Simulate a protocol in a disc, beside the same procedure without the product and the disc left alone.

    Args:
        protocol: A protocol, the name of a built-in one, or a file.
        disc: A disc, a built-in name or a file; that of the protocol if None (a file is looked for beside that of the protocol).
        parameters: Model constants; the shipped ones if None.
        until: Length of the follow-up [day]; that of the protocol if None.
        control: How steps are chosen.
        options: Accuracy of the nutrition solve.
        checkpoints: Folder for states; a run that finds some there goes on from them.
        progress: Called after every stored time.

    Returns:
        All courses with everything that led to them.

    Raises:
        InvalidInput: Protocol or disc cannot be used, or do not fit each other.
        SolverFailed: The solutes could not be solved.

    Example:
        >>> result = simulate("orozco-2011", until=28.0)  # doctest: +SKIP
        >>> result.with_cells.cell_rows()[-1]["alive"]  # doctest: +SKIP
    """
    chosen = load_protocol(protocol) if isinstance(protocol, str | Path) else protocol
    if disc is None:
        disc = disc_of(chosen, protocol) if isinstance(protocol, str | Path) else chosen.disc.name
    constants = RecordingParameters(load_parameters() if parameters is None else parameters)
    level = level_of(chosen)
    chosen_disc = disc if isinstance(disc, Disc) else load_disc(disc, chosen.numerics.resolution, constants)
    plan = plan_of(chosen, chosen_disc, constants, level, until)
    steps, accuracy = control or StepControl(), options or SolverOptions(tolerance=1e-6)
    following = following_of(chosen, plan, disc, chosen_disc, constants, steps, accuracy, checkpoints, progress)
    model, state = settle(replace(plan, model=following.model), steps, accuracy)
    history: Trajectory | None = None
    if plan.history is not None:
        begun = moved_to(state, plan.history.times[0])
        model, history = following.run(plan.history, model, begun, checked(plan.history.name))
        state = history.states[-1]
    trajectories = {
        course.name: following.run(course, model, state, checked(course.name), history)[1]
        for course in set_of(plan.arms)
    }
    arms = {arm: trajectories[course.name] for arm, course in plan.arms.items()}
    named = arms if history is None else {"history": history, **arms}
    return SimulationResult(
        chosen,
        chosen_disc,
        plan.treatment,
        arms,
        history,
        constants.used(),
        plan.insults,
        plan.injured,
        plan.opened_at_treatment,
        {name: solved_readings(trajectory) for name, trajectory in named.items() if trajectory.readings},
    )


def solved_readings(trajectory: Trajectory) -> Sequence[MechanicsReading]:
    """Mechanics of a course at the times at which it was solved."""
    return trajectory.solved if isinstance(trajectory, CoupledTrajectory) else trajectory.readings


def set_of(arms: Mapping[str, Course]) -> list[Course]:
    """The courses of some arms, each once, in the order of the arms."""
    courses: list[Course] = []
    for course in arms.values():
        if course not in courses:
            courses.append(course)
    return courses


_WHERE = dict(zip(DESTINATIONS, ("out of the annulus", "into the bone", "out with the surgeon"), strict=True))


def _gone(state: SimulationState) -> np.ndarray:
    """What insults have taken so far.

    Glycosaminoglycan and collagen [mg], native cells removed and killed [million], and the volume of tissue by destination [mm3].
    """
    ledger, account = state.ledger, state.matrix_ledger
    if account is None:
        return np.zeros(4 + len(DESTINATIONS))
    removed = account.removed
    collagen = removed.collagen_II + removed.collagen_I
    numbers = (
        removed.glycosaminoglycan,
        collagen,
        ledger.native_removed,
        ledger.native_killed,
        *account.tissue_removed,
    )
    return np.array([float(number) for number in numbers])


def _insult_row(time: float, kinds: tuple[str, ...], left: np.ndarray) -> dict[str, Any]:
    tissue = dict(zip(DESTINATIONS, left[4:], strict=True))
    return {
        "time_day": time,
        "kind": ", ".join(kinds),
        "what": f"{1e6 * left[3]:.3g} native cells were killed in the disc",
        "left": {
            "glycosaminoglycan_mg": float(left[0]),
            "collagen_mg": float(left[1]),
            "native_cells": 1e6 * float(left[2]),
            "volume_mm3": float(sum(tissue.values())),
        },
        "where": ", ".join(f"{_WHERE[name]} {volume:.3g} mm3" for name, volume in tissue.items() if volume > 0.0)
        or "nowhere",
    }
