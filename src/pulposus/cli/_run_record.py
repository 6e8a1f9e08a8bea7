"""From a finished simulation to the record that the run directory is made of."""

from __future__ import annotations

import math
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus import __version__

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.report import RunRecord
    from pulposus.simulation import MechanicsReading, SimulationResult, Trajectory
    from pulposus.therapy import SafetySignal

_NUTRITION_DAYS = (0.0, 1.0, 28.0)
_YEAR = 365.25
_MECHANICS_KEYS = (
    "intradiscal_pressure_MPa",
    "stiffness_N_per_mm",
    "effective_modulus_MPa",
    "day_pressure_MPa",
    "bulge_mm",
    "fibre_stretch_p95",
    "water_volume_mm3",
    "disc_volume_mm3",
)


def run_record(
    result: SimulationResult,
    ensemble: dict[str, Any] | None,
    constants: ParameterSet,
    command: str,
    seconds: float,
    ensemble_seconds: float,
) -> RunRecord:
    """The record of a run.

    Args:
        result: The simulated courses.
        ensemble: The ensemble, if one was run.
        constants: Model constants of the run.
        command: The command as typed.
        seconds, ensemble_seconds: Computing time in all, and of the ensemble.
    """
    from pulposus.report import RunRecord

    treatment, treated, sham, native = result.treatment, result.with_cells, result.sham, result.native_course
    rows = treated.nutrition_rows()
    last = rows[-1]["time_day"]
    nutrition = [row for row in rows if any(abs(row["time_day"] - day) < 1e-6 for day in (*_NUTRITION_DAYS, last))]
    signals = safety_of(result, constants)
    warnings = [*treatment.warnings, *(warning_of(one) for one in signals if one.flagged)]
    if ensemble is not None:
        warnings += ensemble_warnings(ensemble)
        if result.mechanics:
            warnings.append("the members of the ensemble have no mechanics: they keep the shape of the image")
    nominal = 1e6 * treatment.nominal_cells
    return RunRecord(
        protocol=result.protocol.resolved(),
        disc=result.disc,
        trajectory=treated.dataset,
        sham=sham.dataset,
        native_course=native.dataset,
        cells=treated.cell_rows(),
        native_start=1e6 * float(treated.states[0].ledger.native_initial),
        matrix=[row for name in result.arms for row in state_rows(result, name)],
        history=state_rows(result, "history", "with_cells"),
        insults=result.insult_rows(),
        safety=[safety_row(signal) for signal in signals],
        matrix_ledger_error=treated.matrix_ledger_error,
        ensemble=ensemble,
        nutrition=nutrition,
        ledger_error=treated.ledger_error,
        warnings=warnings,
        parameters=[record.as_dict() for record in result.parameters],
        manifest={
            "version": __version__,
            "commit": commit(),
            "seed": result.protocol.seed,
            "machine": machine(),
            "seconds": round(seconds, 2),
            "command": command,
            "lock": lock_digest(),
        },
        dose_steps={
            "nominal": nominal,
            "released_viable": nominal * treatment.release_viability,
            "injected": 1e6 * treatment.injected_cells,
        },
        numerics={
            "steps with cells": int(treated.states[-1].steps),
            "steps refused with cells": int(treated.states[-1].rejected),
            "steps without cells": int(sham.states[-1].steps),
            "back-flow fraction": treatment.backflow_fraction,
            "bolus density [10^6/mL]": treatment.bolus_density,
            "peak injection pressure [MPa]": treatment.peak_pressure,
            "ensemble seconds": round(ensemble_seconds, 2),
        }
        | balance_factors(treated)
        | (nutrient_balance(result) if result.protocol.numerics.level == "disc" else {}),
    )


def state_rows(result: SimulationResult, course: str, run: str = "") -> list[dict[str, Any]]:
    """Matrix, signals and mechanics of a course over time.

    Args:
        result: The simulated courses.
        course: An arm, or `history`.
        run: Name in the rows; that of the course where left out.
    """
    trajectory = result.history if course == "history" else result.arms[course]
    if trajectory is None:
        return []
    mechanics = {one.time: mechanics_row(one) for one in result.mechanics.get(course, ())}
    return [
        {**row, "run": run or course}
        | ({"mechanics": mechanics[row["time_day"]]} if row["time_day"] in mechanics else {})
        for row in trajectory.matrix_rows()
    ]


def mechanics_row(reading: MechanicsReading) -> dict[str, float | None]:
    """A supine disc as a row; numbers that were not found are None."""
    row = reading.row()
    numbers = {f"height_{part}_mm": height for part, height in row["height_mm"].items()}
    numbers |= {key: row[key] for key in _MECHANICS_KEYS}
    numbers |= {key: value for key, value in row.get("day", {}).items() if not isinstance(value, dict)}
    for phase in ("day", "night"):
        ratios = row.get("day", {}).get(f"volume_ratio_{phase}", {})
        numbers |= {f"volume_ratio_{phase}_{tissue}": ratio for tissue, ratio in ratios.items()}
    found = row["status"] == 0
    return {key: value if found and math.isfinite(value) else None for key, value in numbers.items()}


def balance_factors(course: Trajectory) -> dict[str, float]:
    """The factors that put the disc into balance at the start."""
    biology = course.model.biology
    if biology is None:
        return {}
    return {
        "factor on the cytokine source (balanced to the grade)": float(biology.signals.source_factor),
        "factor on glycosaminoglycan synthesis (balanced to the natural history)": float(
            biology.setting.synthesis_factor
        ),
        "factor on the cleavage of aggrecan (balanced to the natural history)": float(biology.setting.cleavage_factor),
        "half-life of glycosaminoglycan in the nucleus with this factor, without enzymes [year]": half_life(course),
    }


def half_life(course: Trajectory) -> float:
    """Half-life of glycosaminoglycan in the balanced nucleus at no enzyme activity [year]: ln 2 times the residence in both pools."""
    import math

    biology = course.model.biology
    assert biology is not None
    setting = biology.setting
    turnover = setting.aggrecan
    residence = 1.0 / (setting.cleavage_factor * turnover.cleavage) + 1.0 / turnover.departure
    return math.log(2.0) * float(setting.nucleus_mean(residence)) / _YEAR


def nutrient_balance(result: SimulationResult) -> dict[str, float]:
    """How well the solutes balance at the end of the treated run: boundary inflow against what the cells use."""
    import jax

    from pulposus.nutrition import summarise

    # The stored states are kept in host memory.
    model, state = result.with_cells.model, jax.tree.map(jax.numpy.asarray, result.with_cells.states[-1])
    balance = summarise(result.disc, model.nutrition(state.cells), state.solutes).balance
    return {
        "oxygen balance at the end, relative error": float(balance.oxygen),
        "glucose balance at the end, relative error": float(balance.glucose),
        "lactate inflow per glucose inflow at the end": float(balance.lactate_per_glucose),
    }


def safety_of(result: SimulationResult, constants: ParameterSet) -> tuple[SafetySignal, ...]:
    """Safety signals of the treated disc, with the largest dose that it can feed."""
    from pulposus.cells._arrays import as_field
    from pulposus.cells._immune import sensitisation
    from pulposus.therapy import Observed, largest_safe_dose, safety_signals

    treatment, treated = result.treatment, result.with_cells
    end = treated.cell_rows()[-1]
    at_criterion = constants.value("cells.safety.native_survival_time")
    given = treatment.injected_cells > 0.0
    product, parameters, clocks = treatment.product, treated.model.parameters, treated.states[-1].clocks
    level = "disc" if result.protocol.numerics.level == "disc" else "slab"
    course = glycosaminoglycan(treated)
    seen = Observed(
        time=end["time_day"],
        leaked=1e-6 * end["leaked"] if given else None,
        low_glucose_share=low_glucose_share(treated, constants) if given else None,
        native_survival=survival_against(treated, result.sham, at_criterion) if given else None,
        glycosaminoglycan=None if course is None else (course[0], course[-1]),
        # What another insult at the treatment took is no harm of the needle.
        sham=None if result.opened_at_treatment else _last(glycosaminoglycan(result.sham)),
        untreated=_last(glycosaminoglycan(result.native_course)),
        yearly_gain=None if course is None else largest_yearly_gain([float(one) for one in treated.times], course),
        sensitisation=float(
            sensitisation(as_field(clocks.since_exposure), product.immune_delay, parameters.immune_switch_width)
        )
        if given
        else None,
        safe_dose=largest_safe_dose(result.injured, result.protocol, constants, level=level) if given else None,
    )
    return safety_signals(result.protocol, treatment, result.injured, seen, constants)


def warning_of(signal: SafetySignal) -> str:
    """A flagged signal as a sentence."""
    unit = "" if signal.unit == "1" else f" {signal.unit}"
    number = "" if signal.value is None else f" ({signal.value:.3g}{unit})"
    return f"safety signal {signal.name}{number}: {signal.statement}"


def safety_row(signal: SafetySignal) -> dict[str, Any]:
    """A signal as a row of the report."""
    spread = "" if signal.low is None or signal.high is None else f"{signal.low:.3g} to {signal.high:.3g}"
    return {
        "signal": signal.name,
        "value": signal.value,
        "unit": signal.unit,
        "threshold": spread,
        "flagged": signal.flagged,
        "status": signal.status,
        "source": signal.source,
        "note": signal.statement,
    }


def glycosaminoglycan(course: Trajectory) -> list[float] | None:
    """Mean of the nucleus over time [mg/mL]; None without a matrix."""
    rows = course.matrix_rows()
    return [row["nucleus"]["glycosaminoglycan_mg_per_mL"] for row in rows] if rows else None


def largest_yearly_gain(times: list[float], values: list[float]) -> float:
    """Largest relative gain of a stored year [1/year]; that of the whole run where it is shorter."""
    spans = [
        (start, end)
        for start in range(len(times))
        for end in range(start + 1, len(times))
        if times[end] - times[start] >= min(_YEAR, times[-1] - times[0])
    ]
    return max((values[end] / values[start] - 1.0) / ((times[end] - times[start]) / _YEAR) for start, end in spans)


def _last(values: list[float] | None) -> float | None:
    return None if values is None else values[-1]


def low_glucose_share(course: Trajectory, constants: ParameterSet) -> float:
    """Largest share of the nucleus below the glucose threshold of the over-dose signal at any stored time."""
    import numpy as np

    nucleus, threshold = np.asarray(course.model.where.nucleus), constants.value("cells.safety.starvation_glucose")
    return max(
        float(np.sum(nucleus * (np.asarray(state.solutes[2]) < threshold)) / np.sum(nucleus)) for state in course.states
    )


def survival_against(treated: Trajectory, sham: Trajectory, day: float) -> float | None:
    """Native cells of the treated disc over those of the sham on a stored day; None where the run is shorter."""
    rows: Mapping[float, float] = {row["time_day"]: row["native_alive_fraction"] for row in sham.cell_rows()}
    for row in treated.cell_rows():
        if abs(row["time_day"] - day) < 1e-6 and rows[row["time_day"]] > 0.0:
            return row["native_alive_fraction"] / rows[row["time_day"]]
    return None


def ensemble_warnings(ensemble: dict[str, Any]) -> list[str]:
    """Members that are missing from the ensemble."""
    found = []
    if ensemble["refused"]:
        found.append(
            f"{len(ensemble['refused'])} draws of the ensemble contradict the study and were replaced: {ensemble['refused'][0]}"
        )
    if ensemble["failed"]:
        found.append(f"{ensemble['failed']} members of the ensemble did not reach the end and are left out")
    return found


def commit() -> str:
    """Commit of the source, where the program runs from a checkout."""
    import subprocess

    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return "installed package"
    if shutil.which("git") is None:
        return "unknown"
    answer = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"


def machine() -> str:
    """The machine in words."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def lock_digest() -> str:
    """Digest of the requirement lock, where the program runs from a checkout."""
    import hashlib

    lock = Path(__file__).resolve().parents[3] / "requirements" / "lock.txt"
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:16] if lock.is_file() else "not a checkout"
