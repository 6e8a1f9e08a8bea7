"""A run from its inputs to its run directory: what `run`, `resume` and `demo` share.

The folder holds everything that a run needs to go on: the protocol, `options.json` with what the command line added, and in `checkpoints`
the finished ensemble and every stored time. The checkpoints are removed when the run is complete.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus import __version__
from pulposus.cli._output import print_note
from pulposus.cli._progress import ProgressLine
from pulposus.documents import Document, read_document
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.report import RunDirectory, RunRecord
    from pulposus.simulation import Progress, SimulationResult
    from pulposus.therapy import Protocol

OPTIONS = "options.json"
CHECKPOINTS = "checkpoints"
ENSEMBLE = "ensemble.json"
DISC_COPY = "disc.yaml"
_NUTRITION_DAYS = (0.0, 1.0, 28.0)


class Options(Document):
    """What the command line adds to the protocol."""

    disc: str
    """Built-in disc name, or the copied disc file."""
    parameters: dict[str, str]
    """Changed constants, key -> value as text."""
    version: str
    """Program version that began the run."""
    command: str
    """The command as typed."""


@dataclass(frozen=True)
class Job:
    """A run with its folder.

    Attributes:
        directory: The run directory.
        protocol: The protocol with all overrides.
        constants: Model constants with all overrides.
        options: See `Options`.
    """

    directory: RunDirectory
    protocol: Protocol
    constants: ParameterSet
    options: Options


def begin(
    folder: Path, protocol: Protocol, protocol_text: str, disc: str, changed: dict[str, str], command: str
) -> Job:
    """Check the inputs against each other and make the run directory.

    Raises:
        InvalidInput: A constant cannot take its value, the disc cannot take the protocol, or the folder cannot be used.
    """
    from pulposus.disc import load_disc
    from pulposus.parameters import load_parameters
    from pulposus.report import RunDirectory
    from pulposus.report._atomic import write_text
    from pulposus.report._tables import json_text
    from pulposus.simulation import level_of
    from pulposus.therapy import resolve_treatment

    constants = load_parameters().replace(changed)
    level_of(protocol)
    resolve_treatment(protocol, load_disc(disc, protocol.numerics.resolution, constants), constants)
    directory = RunDirectory.create(folder, protocol_text, protocol.resolved())
    source = Path(disc)
    if source.is_file():
        shutil.copyfile(source, folder / DISC_COPY)
        disc = DISC_COPY
    options = Options(disc=disc, parameters=changed, version=__version__, command=command)
    write_text(folder / OPTIONS, json_text(options.model_dump()))
    directory.events.append("started", protocol=protocol.name, disc=disc, version=__version__)
    return Job(directory, protocol, constants, options)


def reopen(folder: Path) -> Job:
    """An unfinished run.

    Raises:
        InvalidInput: The folder holds no run, a finished or a damaged one, or one of another version.
    """
    from pulposus.parameters import load_parameters
    from pulposus.report import RunDirectory
    from pulposus.report.run_directory import RESOLVED
    from pulposus.therapy import load_protocol

    directory = RunDirectory.open(folder)
    if directory.finished:
        raise InvalidInput(
            f"the run in {folder.name} is finished", where=str(folder), remedy=f"open {folder / 'report.html'}"
        )
    try:
        options = read_document(folder / OPTIONS, Options)
    except InvalidInput as error:
        raise InvalidInput(
            f"{OPTIONS} of the run cannot be read: {error.what}",
            where=str(folder),
            remedy="start the run again in another folder with: pulposus run",
        ) from error
    if options.version != __version__:
        raise InvalidInput(
            f"the run was begun by version {options.version}",
            where=str(folder),
            allowed=f"runs of this version, {__version__}",
            remedy="install that version to go on, or start the run again",
        )
    constants = load_parameters().replace(options.parameters)
    protocol = load_protocol(folder / RESOLVED)
    directory.events.append("resumed")
    return Job(directory, protocol, constants, options)


def complete(job: Job) -> RunRecord:
    """Run to the end (from the last checkpoint, if there is one) and write the run directory.

    Raises:
        SolverFailed: The solutes could not be solved; the stored states are kept.
        PartialFailure: No member of the ensemble could be run.
        InvalidInput: The folder cannot be written, or its checkpoints cannot be used.
    """
    from pulposus.simulation import simulate

    folder, protocol = job.directory.path, job.protocol
    disc = str(folder / DISC_COPY) if job.options.disc == DISC_COPY else job.options.disc
    line = ProgressLine()

    def progress(step: Progress) -> None:
        line(step)
        job.directory.events.append("stored", run=step.run, time_day=step.time, steps=step.steps)

    print_note(f"run directory {folder}; after an interruption: pulposus resume {shlex.quote(str(folder))}")
    started = time.perf_counter()
    try:
        ensemble = _ensemble(job, disc, progress) if protocol.numerics.ensemble else None
        ensemble_seconds = time.perf_counter() - started
        result = simulate(protocol, disc, job.constants, checkpoints=folder / CHECKPOINTS, progress=progress)
    finally:
        line.close()
    record = run_record(job, result, ensemble, time.perf_counter() - started, ensemble_seconds)
    job.directory.write(record)
    job.directory.events.append("finished", seconds=time.perf_counter() - started)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return record


def _ensemble(job: Job, disc: str, progress: Callable[[Progress], None]) -> dict[str, Any]:
    """The ensemble of a run, computed once: a run that goes on reads it from its folder."""
    from pulposus.report._atomic import write_text
    from pulposus.report._tables import json_text
    from pulposus.simulation import run_ensemble

    kept = job.directory.path / CHECKPOINTS / ENSEMBLE
    if not kept.is_file():
        members = job.protocol.numerics.ensemble
        ensemble = run_ensemble(job.protocol, members, disc=disc, parameters=job.constants, progress=progress)
        write_text(kept, json_text(ensemble))
    return json.loads(kept.read_text(encoding="utf-8"))


def run_record(
    job: Job, result: SimulationResult, ensemble: dict[str, Any] | None, seconds: float, ensemble_seconds: float
) -> RunRecord:
    """The record that the run directory is made of."""
    from pulposus.report import RunRecord

    treatment, treated, untreated = result.treatment, result.with_cells, result.without_cells
    rows = treated.nutrition_rows()
    last = rows[-1]["time_day"]
    nutrition = [row for row in rows if any(abs(row["time_day"] - day) < 1e-6 for day in (*_NUTRITION_DAYS, last))]
    warnings = [*treatment.warnings, *starvation_warnings(treated, untreated)]
    if ensemble is not None:
        warnings += ensemble_warnings(ensemble)
    nominal = 1e6 * treatment.nominal_cells
    return RunRecord(
        protocol=job.protocol.resolved(),
        disc=result.disc,
        trajectory=treated.dataset,
        sham=untreated.dataset,
        cells=treated.cell_rows(),
        ensemble=ensemble,
        nutrition=nutrition,
        ledger_error=treated.ledger_error,
        warnings=warnings,
        parameters=[record.as_dict() for record in result.parameters],
        manifest={
            "version": __version__,
            "commit": commit(),
            "seed": job.protocol.seed,
            "machine": machine(),
            "seconds": round(seconds, 2),
            "command": job.options.command,
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
            "steps without cells": int(untreated.states[-1].steps),
            "back-flow fraction": treatment.backflow_fraction,
            "bolus density [10^6/mL]": treatment.bolus_density,
            "peak injection pressure [MPa]": treatment.peak_pressure,
            "ensemble seconds": round(ensemble_seconds, 2),
        }
        | (nutrient_balance(result) if job.protocol.numerics.level == "disc" else {}),
    )


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


def starvation_warnings(treated: Any, untreated: Any) -> list[str]:
    """Signals of over-dose (cells_matrix 9): glucose below 0.5 mM in more than 5 % of the nucleus, or native loss against no cells."""
    import numpy as np

    found = []
    nucleus = np.asarray(treated.model.where.nucleus)
    shares = [
        float(np.sum(nucleus * (np.asarray(state.solutes[2]) < 0.5)) / np.sum(nucleus)) for state in treated.states
    ]
    worst = int(np.argmax(shares))
    if shares[worst] > 0.05:
        found.append(
            f"over-dose signal: glucose is below 0.5 mM in {shares[worst]:.0%} of the nucleus at day {treated.times[worst]:.3g}"
        )
    by_day = {row["time_day"]: row["native_alive_fraction"] for row in untreated.cell_rows()}
    for row in treated.cell_rows():
        if abs(row["time_day"] - 28.0) < 1e-6:
            share = row["native_alive_fraction"] / by_day[row["time_day"]]
            if share < 0.95:
                found.append(
                    f"over-dose signal: at day 28 the native cells are at {share:.1%} of the disc without cells"
                )
    return found


def ensemble_warnings(ensemble: dict[str, Any]) -> list[str]:
    """Members that are missing from the ensemble."""
    found = []
    if ensemble["refused"]:
        found.append(
            f"{len(ensemble['refused'])} members of the ensemble could not be injected: {ensemble['refused'][0]}"
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


def tell(record: RunRecord, folder: Path) -> None:
    """Say what the run found, on stderr."""
    last = record.cells[-1]
    print_note(
        f"day {last['time_day']:.4g}: {last['alive']:.3g} living donor cells of {last['injected']:.3g} injected"
        f" ({last['leaked']:.3g} leaked, {last['dead']:.3g} died, {last['born']:.3g} born); simulated",
        *(f"warning: {text}" for text in record.warnings),
        f"report: {folder / 'report.html'}",
        "Research use only, not medical advice.",
    )
