"""Uncertainty: an ensemble of runs over the priors of the constants in use, and the priors that drive the spread.

Every member draws its own constants and its own dose and volume where the protocol gives a range, and builds its own disc; all members run
as one batch. On the axial slab, the default, a member knows the axis of the nucleus only: no shape of the bolus, no needle track, no
annulus. In 3D a member is the disc on the coarse mesh. The result says which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import load_disc
from pulposus.errors import InvalidInput, PartialFailure
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.simulation._course import BATCH, Course, Progress, follow
from pulposus.simulation._drivers import Driver, draw, drawn, rank_correlation, uncertain
from pulposus.simulation._events import Event
from pulposus.simulation._model import DiscModel
from pulposus.simulation._plan import Plan, plan_of
from pulposus.simulation._recording import RecordingParameters
from pulposus.simulation._settle import SETTLING, moved_to
from pulposus.simulation._state import SimulationState
from pulposus.simulation._step import StepControl
from pulposus.simulation._trajectory import CELLS_PER_MILLION, snapshot
from pulposus.therapy import Protocol

EnsembleLevel = Literal["slab", "3d"]
LEVELS: Mapping[str, str] = {"slab": "axial slab (level 1)", "3d": "coarse 3D (level 2)"}
"""What a level is called in a result."""

# Quantities of the ensemble: cells, then means of the nucleus.
_CELLS = ("alive", "free", "attached", "differentiated", "leaked", "dead", "born")
_MATRIX = ("glycosaminoglycan", "collagen_II", "water_fraction", "cytokine", "enzyme")
_GAIN = "glycosaminoglycan_gain_over_sham"
# Outcomes at the end that the draws are ranked against.
_OUTCOMES = ("alive", "glycosaminoglycan_nucleus_mean", _GAIN, "native_alive_fraction")


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


def _rows(model: DiscModel, states: Sequence[SimulationState]) -> list[dict[str, np.ndarray]]:
    """The quantities of all members at every stored time, `(members,)` each."""
    return [{name: np.asarray(values) for name, values in _quantities_all(model, state).items()} for state in states]


def _run(
    batch: _Batch, control: StepControl, options: SolverOptions, progress: Callable[[Progress], None] | None
) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
    """Quantities over time, and which members reached the end in both arms."""
    states = BATCH.start(batch.model, control.first, options)
    model, states = BATCH.balance(batch.model, moved_to(states, -SETTLING))
    states = BATCH.advance(model, states, jnp.zeros(()), control, options)
    good = _good(states, 0.0)
    model, states = BATCH.balance(model, states)
    if batch.history is not None:
        begun = moved_to(states, batch.history.times[0])
        model, kept = follow(batch.history, model, begun, BATCH, control, options)
        states = kept[-1]
        good &= _good(states, batch.history.times[-1])

    def arm(course: Course, told: Callable[[Progress], None] | None) -> list[dict[str, np.ndarray]]:
        nonlocal good
        final, reached = follow(course, model, states, BATCH, control, options, progress=told)
        good &= _good(reached[-1], course.times[-1])
        return _rows(final, reached)

    def tell(step: Progress) -> None:
        if progress:
            progress(step._replace(run="ensemble"))

    treated, sham = arm(batch.with_cells, tell), arm(batch.sham, None)
    name = "glycosaminoglycan_nucleus_mean"
    for row, other in zip(treated, sham, strict=True):
        row[_GAIN] = row[name] - other[name]
    return treated, good


def _good(states: SimulationState, time: float) -> np.ndarray:
    """Members that reached a time [day]."""
    return (np.asarray(states.status) == 0) & (np.asarray(states.time) >= time)


def run_ensemble(
    protocol: Protocol,
    members: int,
    *,
    disc: str | None = None,
    parameters: ParameterSet | None = None,
    until: float | None = None,
    level: EnsembleLevel = "slab",
    control: StepControl | None = None,
    options: SolverOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Run an ensemble of a protocol.

    Args:
        protocol: The study.
        members: Number of members.
        disc: Built-in name or file; the protocol's disc if None.
        parameters: Central constants.
        until: Length of the follow-up [day]; that of the protocol if None.
        level: "slab", or "3d" on the coarse mesh.
        control, options: Steps and accuracy.
        progress: Called after every stored time.

    Returns:
        `time_day`, `quantiles` (quantity -> p05, p50, p95 over time), the numbers `members` that finished and `failed` that did not, the
        reasons of the `refused` ones, `level`, and `drivers`, each with its rank correlation with the living donor cells at the end and,
        under `rank_correlations`, with every outcome that is ranked.

    Raises:
        InvalidInput: Protocol or disc cannot be used, there is no member, or the level is unknown.
        PartialFailure: No member could be run.
    """
    if members < 1:
        raise InvalidInput(f"an ensemble of {members} members cannot be run", where="members", allowed="1 or more")
    if level not in LEVELS:
        raise InvalidInput(f'an ensemble cannot be run at level "{level}"', where="level", allowed=", ".join(LEVELS))
    constants = load_parameters() if parameters is None else parameters
    name = disc or protocol.disc.name
    mesh_level = "slab" if level == "slab" else "disc"

    def plan(study: Protocol, values: ParameterSet) -> Plan:
        return plan_of(study, load_disc(name, "coarse", values), values, mesh_level, until)

    used = RecordingParameters(constants)
    plan(protocol, used)
    drivers = draw(protocol, constants, uncertain(used.used()), members)
    plans, kept, refused = [], [], []
    for number in range(members):
        try:
            plans.append(plan(*drawn(protocol, constants, drivers, number)))
            kept.append(number)
        except InvalidInput as error:
            refused.append(error.what)
    if not plans:
        raise PartialFailure(
            f"none of the {members} members can be injected: {refused[0]}",
            where=f"ensemble of {protocol.name}",
            remedy="lower dose or volume",
        )
    rows, good = _run(_batch(plans), control or StepControl(), options or SolverOptions(tolerance=1e-6), progress)
    if not good.any():
        raise PartialFailure(
            "no member of the ensemble reached the end",
            where=f"ensemble of {protocol.name}",
            remedy="report the protocol",
        )
    quantiles = {
        quantity: {
            label: [float(np.quantile(row[quantity][good], share)) for row in rows]
            for label, share in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95))
        }
        for quantity in rows[0]
    }
    final = {outcome: rows[-1][outcome][good] for outcome in _OUTCOMES}
    return {
        "time_day": list(plans[0].arms["with_cells"].times),
        "quantiles": quantiles,
        "members": int(good.sum()),
        "refused": refused,
        "failed": int((~good).sum()),
        "level": LEVELS[level],
        "drivers": _driver_rows(drivers, np.asarray(kept)[good], final),
    }


def _driver_rows(drivers: list[Driver], chosen: np.ndarray, final: Mapping[str, np.ndarray]) -> list[Mapping[str, Any]]:
    """Every driver with its correlations, that of the living cells first, the strongest first."""
    rows = []
    for one in drivers:
        correlations = {outcome: rank_correlation(one.draws[chosen], values) for outcome, values in final.items()}
        rows.append(
            {
                "key": one.key,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "unit": one.unit,
                "status": one.status,
                "rank_correlation": correlations["alive"],
                "rank_correlations": correlations,
            }
        )
    return sorted(rows, key=lambda row: -abs(row["rank_correlation"]))
