"""Uncertainty: an ensemble of runs over the priors of the constants in use, and the priors that drive the spread.

Every member draws its own constants and its own dose and volume where the protocol gives a range, and builds its own disc; a draw in which
the disc could not take the treatment contradicts the study and is replaced. On the axial slab, the default, all members run as one batch;
a member knows the axis of the nucleus only: no shape of the bolus, no needle track, no annulus. In 3D a member is the disc on the coarse
mesh, on a core of its own, and is kept when it is finished. The result says which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pulposus import _backend  # noqa: F401
from pulposus.disc import load_disc
from pulposus.errors import InvalidInput, PartialFailure
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.simulation._course import Progress
from pulposus.simulation._drivers import Driver, draw, drawn, rank_correlation, uncertain
from pulposus.simulation._members import GAIN, run_as_batch, run_each
from pulposus.simulation._plan import Plan, plan_of
from pulposus.simulation._recording import RecordingParameters
from pulposus.simulation._step import StepControl
from pulposus.therapy import Protocol

EnsembleLevel = Literal["slab", "3d"]
LEVELS: Mapping[str, str] = {"slab": "axial slab (level 1)", "3d": "coarse 3D (level 2)"}
"""What a level is called in a result."""

# Draws for a member: a draw in which the treatment is impossible (too much pressure or volume) is replaced by the next one.
_ATTEMPTS = 4
# Outcomes at the end that the draws are ranked against.
_OUTCOMES = ("alive", "glycosaminoglycan_nucleus_mean", GAIN, "native_alive_fraction")


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
    checkpoints: Path | None = None,
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
        checkpoints: Folder in which the finished members of a 3D ensemble are kept, and looked for.
        progress: Called after every stored time, or after every member in 3D.

    Returns:
        `time_day`, `quantiles` (quantity -> p05, p50, p95 over time), the numbers `members` that finished and `failed` that did not, the
        reasons of the `refused` draws, `level`, and `drivers`, each with its rank correlation with the living donor cells at the end and,
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
    grade = load_disc(name, "coarse", constants).description.grade
    attempts = _ATTEMPTS * members
    drivers = draw(protocol, constants, uncertain(used.used()), attempts, grade)
    plans, kept, refused = [], [], []
    for number in range(attempts):
        if len(plans) == members:
            break
        try:
            plans.append(plan(*drawn(protocol, constants, drivers, number)))
            kept.append(number)
        except InvalidInput as error:
            refused.append(error.what)
    if not plans:
        raise PartialFailure(
            f"none of {attempts} draws can be injected: {refused[0]}",
            where=f"ensemble of {protocol.name}",
            remedy="lower dose or volume",
        )
    steps, accuracy = control or StepControl(), options or SolverOptions(tolerance=1e-6)
    if level == "slab":
        rows, good = run_as_batch(plans, steps, accuracy, progress)
    else:
        rows, good = run_each(plans, steps, accuracy, progress, checkpoints)
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
