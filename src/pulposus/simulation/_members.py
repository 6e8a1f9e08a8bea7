"""The members of an ensemble: run as one batch, or each on a core of its own and kept when finished."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.errors import InvalidInput
from pulposus.nutrition import SolverOptions
from pulposus.simulation._course import BATCH, SINGLE, Course, Progress, Runner, follow
from pulposus.simulation._events import Event
from pulposus.simulation._model import DiscModel
from pulposus.simulation._plan import Plan
from pulposus.simulation._settle import SETTLING, moved_to
from pulposus.simulation._state import SimulationState
from pulposus.simulation._step import StepControl
from pulposus.simulation._trajectory import CELLS_PER_MILLION, snapshot

Row = dict[str, np.ndarray]
"""Quantities of all members at one time, (members,) each."""

GAIN = "glycosaminoglycan_gain_over_sham"
# Quantities of a member: cells, then means of the nucleus.
_CELLS = ("alive", "free", "attached", "differentiated", "leaked", "dead", "born")
_MATRIX = ("glycosaminoglycan", "collagen_II", "water_fraction", "cytokine", "enzyme")


@dataclass(frozen=True, eq=False)
class _Batch:
    """Plans of all members as one: constants and events with a leading axis.

    Attributes:
        model: Constants.
        history: Course before the treatment, or None.
        with_cells, sham: Courses from day 0.
    """

    model: DiscModel
    history: Course | None
    with_cells: Course
    sham: Course


def _stack(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _stacked_course(courses: Sequence[Course]) -> Course:
    """One course of the same times, whose events have a leading axis."""
    first = courses[0]

    def event(time: float, place: int) -> Event:
        return _stack([course.events[time][place] for course in courses])

    events = {time: tuple(event(time, place) for place in range(len(found))) for time, found in first.events.items()}
    return Course(first.name, first.times, events)


def _batch(plans: Sequence[Plan]) -> _Batch:
    histories = [plan.history for plan in plans if plan.history is not None]
    return _Batch(
        model=_stack([plan.model for plan in plans]),
        history=_stacked_course(histories) if histories else None,
        with_cells=_stacked_course([plan.arms["with_cells"] for plan in plans]),
        sham=_stacked_course([plan.arms["sham"] for plan in plans]),
    )


def _quantities(model: DiscModel, state: SimulationState) -> dict[str, Float[Array, ""]]:
    """The numbers of one member whose spread is shown."""
    one = snapshot(model, state)
    cells = {name: CELLS_PER_MILLION * getattr(one.totals, name) for name in _CELLS}
    matrix = {} if one.matrix is None else {f"{name}_nucleus_mean": one.matrix.nucleus[name] for name in _MATRIX}
    return (
        cells
        | {
            "native_alive_fraction": one.totals.native_alive_fraction,
            "oxygen_nucleus_mean": one.oxygen.nucleus_mean,
            "glucose_nucleus_mean": one.glucose.nucleus_mean,
            "pH_nucleus_mean": one.pH.nucleus_mean,
        }
        | matrix
    )


_quantities_all = eqx.filter_jit(jax.vmap(_quantities))
_quantities_of = eqx.filter_jit(_quantities)


def _run(
    batch: _Batch,
    runner: Runner,
    control: StepControl,
    options: SolverOptions,
    progress: Callable[[Progress], None] | None,
) -> tuple[list[Row], np.ndarray]:
    """Quantities over time, and which members reached the end in both arms; a single member has no leading axis."""
    measure = _quantities_all if runner is BATCH else _quantities_of
    states = runner.start(batch.model, control.first, options)
    model, states = runner.balance(batch.model, moved_to(states, -SETTLING))
    states = runner.advance(model, states, jnp.zeros(()), control, options)
    good = _good(states, 0.0)
    model, states = runner.balance(model, states)
    if batch.history is not None:
        begun = moved_to(states, batch.history.times[0])
        model, kept = follow(batch.history, model, begun, runner, control, options)
        states = kept[-1]
        good = good & _good(states, batch.history.times[-1])

    def arm(course: Course, told: Callable[[Progress], None] | None) -> tuple[list[Row], np.ndarray]:
        final, reached = follow(course, model, states, runner, control, options, progress=told)
        rows = [{name: np.asarray(value) for name, value in measure(final, state).items()} for state in reached]
        return rows, _good(reached[-1], course.times[-1])

    treated, finished = arm(batch.with_cells, progress)
    sham, also = arm(batch.sham, None)
    name = "glycosaminoglycan_nucleus_mean"
    rows = [row | {GAIN: row[name] - other[name]} for row, other in zip(treated, sham, strict=True)]
    return rows, np.asarray(good & finished & also)


def run_as_batch(
    plans: Sequence[Plan], control: StepControl, options: SolverOptions, progress: Callable[[Progress], None] | None
) -> tuple[list[Row], np.ndarray]:
    """All members as one batch."""

    def tell(step: Progress) -> None:
        if progress:
            progress(step._replace(run="ensemble"))

    return _run(_batch(plans), BATCH, control, options, tell)


def run_each(
    plans: Sequence[Plan],
    control: StepControl,
    options: SolverOptions,
    progress: Callable[[Progress], None] | None,
    kept: Path | None,
) -> tuple[list[Row], np.ndarray]:
    """Every member on a core of its own.

    In 3D a member has work enough for a core, and takes its own steps; in a batch all wait for the one with the most.

    Args:
        plans: The members.
        control, options, progress: As in `run_ensemble`.
        kept: Folder of the finished members; they are read and not computed again.
    """
    end = plans[0].arms["with_cells"].times[-1]

    def one(number: int) -> tuple[list[Row], np.ndarray]:
        file = None if kept is None else kept / f"member_{number:04d}.npz"
        if file is not None and file.is_file():
            return _read(file)
        plan = plans[number]
        single = _Batch(plan.model, plan.history, plan.arms["with_cells"], plan.arms["sham"])
        rows, good = _run(single, SINGLE, control, options, None)
        if file is not None:
            _write(file, rows, good)
        return rows, good

    # The first one alone compiles what all others share.
    answers = [one(0)]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for answer in pool.map(one, range(1, len(plans))):
            answers.append(answer)
            if progress:
                progress(Progress("ensemble", end * len(answers) / len(plans), end, len(answers)))
    rows = [
        {name: np.stack([answer[place][name] for answer, _ in answers]) for name in answers[0][0][place]}
        for place in range(len(answers[0][0]))
    ]
    return rows, np.array([good for _, good in answers], dtype=bool)


_GOOD = "reached_the_end"


def _write(file: Path, rows: list[Row], good: np.ndarray) -> None:
    """Keep a finished member; the file is complete or absent."""
    held: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]} | {_GOOD: good}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    with partial.open("wb") as target:
        np.savez(target, **held)
    partial.replace(file)


def _read(file: Path) -> tuple[list[Row], np.ndarray]:
    """A finished member.

    Raises:
        InvalidInput: The file is damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as held:
            stacked = {name: held[name] for name in held.files}
        good = stacked.pop(_GOOD)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInput(
            f"{file.name} is damaged", where=str(file.parent), remedy="remove this file to compute the member again"
        ) from error
    length = len(next(iter(stacked.values())))
    return [{name: np.asarray(values[place]) for name, values in stacked.items()} for place in range(length)], good


def _good(states: SimulationState, time: float) -> np.ndarray:
    """Members that reached a time [day]."""
    return np.asarray((np.asarray(states.status) == 0) & (np.asarray(states.time) >= time))
