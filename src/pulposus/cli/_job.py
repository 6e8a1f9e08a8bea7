"""A run from its inputs to its run directory: what `run`, `resume` and `demo` share.

The folder holds everything that a run needs to go on: the protocol, `options.json` with what the command line added, and in `checkpoints`
the finished ensemble and every stored time. The checkpoints are removed when the run is complete.
"""

from __future__ import annotations

import json
import math
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
    from pulposus.simulation import Progress
    from pulposus.therapy import Protocol

OPTIONS = "options.json"
CHECKPOINTS = "checkpoints"
ENSEMBLE = "ensemble.json"
DISC_COPY = "disc.yaml"


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
    from pulposus.simulation import level_of, resolve

    constants = load_parameters().replace(changed)
    level_of(protocol)
    resolve(protocol, load_disc(disc, protocol.numerics.resolution, constants), constants)
    directory = RunDirectory.create(folder, protocol_text, protocol.resolved())
    source = Path(disc)
    if source.is_file():
        shutil.copyfile(source, folder / DISC_COPY)
        disc = DISC_COPY
    options = Options(disc=disc, parameters=changed, version=__version__, command=command)
    write_text(folder / OPTIONS, json_text(options.model_dump()))
    directory.events.append("started", protocol=protocol.name, disc=disc, version=__version__)
    return Job(directory, protocol, constants, options)


def reopen(folder: Path, *, finished: bool = False) -> Job:
    """A run that is to go on.

    Args:
        folder: Its folder.
        finished: Whether a finished run will do.

    Raises:
        InvalidInput: The folder holds no run, a finished or a damaged one, or one of another version.
    """
    from pulposus.parameters import load_parameters
    from pulposus.report import RunDirectory
    from pulposus.report.run_directory import RESOLVED
    from pulposus.therapy import load_protocol

    directory = RunDirectory.open(folder)
    if directory.finished and not finished:
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
    folder = job.directory.path
    print_note(f"run directory {folder}; after an interruption: pulposus resume {shlex.quote(str(folder))}")
    record = computed(job)
    job.directory.write(record)
    job.directory.events.append("finished", seconds=record.manifest["seconds"])
    remove_checkpoints(job)
    return record


def remove_checkpoints(job: Job) -> None:
    """Remove what only a run that goes on needs."""
    shutil.rmtree(job.directory.path / CHECKPOINTS, ignore_errors=True)


def computed(job: Job) -> RunRecord:
    """The record of a run, computed from its last checkpoint on; nothing but checkpoints and events is written.

    Raises:
        SolverFailed, PartialFailure, InvalidInput: As `complete`.
    """
    from pulposus.cli._run_record import run_record
    from pulposus.simulation import simulate

    folder, protocol = job.directory.path, job.protocol
    disc = str(folder / DISC_COPY) if job.options.disc == DISC_COPY else job.options.disc
    line = ProgressLine()

    def progress(step: Progress) -> None:
        line(step)
        job.directory.events.append("stored", run=step.run, time_day=step.time, steps=step.steps)

    started = time.perf_counter()
    try:
        ensemble = _ensemble(job, disc, progress) if protocol.numerics.ensemble else None
        ensemble_seconds = time.perf_counter() - started
        result = simulate(protocol, disc, job.constants, checkpoints=folder / CHECKPOINTS, progress=progress)
    finally:
        line.close()
    return run_record(
        result, ensemble, job.constants, job.options.command, time.perf_counter() - started, ensemble_seconds
    )


def _ensemble(job: Job, disc: str, progress: Callable[[Progress], None]) -> dict[str, Any]:
    """The ensemble of a run, computed once: a run that goes on reads it from its folder."""
    from pulposus.report._atomic import write_text
    from pulposus.report._tables import json_text
    from pulposus.simulation import run_ensemble

    kept = job.directory.path / CHECKPOINTS / ENSEMBLE
    if not kept.is_file():
        numerics = job.protocol.numerics
        ensemble = run_ensemble(
            job.protocol,
            numerics.ensemble,
            disc=disc,
            parameters=job.constants,
            level=numerics.ensemble_level,
            checkpoints=job.directory.path / CHECKPOINTS,
            progress=progress,
        )
        write_text(kept, json_text(ensemble))
    try:
        return json.loads(kept.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(
            f"{ENSEMBLE} is damaged", where=str(kept.parent), remedy="remove this file to compute the ensemble again"
        ) from error


def tell(record: RunRecord, folder: Path) -> None:
    """Say what the run found, on stderr."""
    last = record.cells[-1]
    lines = [
        f"day {last['time_day']:.4g}: {last['alive']:.3g} living donor cells of {last['injected']:.3g} injected"
        f" ({last['leaked']:.3g} leaked, {last['dead']:.3g} died, {last['born']:.3g} born); simulated"
    ]
    rows = {str(row["run"]): row["nucleus"] for row in record.matrix}
    if rows:
        names = {"with_cells": "treated", "sham": "sham", "native_course": "left alone"}
        amounts = (
            f"{rows[run]['glycosaminoglycan_mg_per_mL']:.3g} {name}" for run, name in names.items() if run in rows
        )
        lines.append(f"glycosaminoglycan of the nucleus [mg/mL]: {', '.join(amounts)}")
    if record.ensemble is not None:
        lines += ensemble_lines(record.ensemble)
    print_note(
        *lines,
        *(f"warning: {text}" for text in record.warnings),
        f"report: {folder / 'report.html'}",
        "Research use only, not medical advice.",
    )


_TOLD_OUTCOMES = {
    "alive": ("living donor cells", ""),
    "glycosaminoglycan_nucleus_mean": ("glycosaminoglycan of the nucleus", " mg/mL"),
}
_TOLD_DRIVERS = 5


def ensemble_lines(ensemble: dict[str, Any]) -> list[str]:
    """The bands of an ensemble at the end, and the priors that drive them."""
    chance = 1.96 / math.sqrt(max(ensemble["members"] - 1, 1))
    lines = [f"{ensemble['members']} members, {ensemble['level']}; 5, 50 and 95 % at the end:"]
    for outcome, (name, unit) in _TOLD_OUTCOMES.items():
        band = ensemble["quantiles"].get(outcome)
        if band is None:
            continue
        values = ", ".join(f"{band[label][-1]:.3g}" for label in ("p05", "p50", "p95"))
        ranked = sorted(ensemble["drivers"], key=lambda row: -abs(row["rank_correlations"][outcome]))
        # Below this 95 % of unrelated inputs stay; a few of many priors pass it by chance.
        beyond = [row for row in ranked if abs(row["rank_correlations"][outcome]) > chance][:_TOLD_DRIVERS]
        drivers = ", ".join(f"{row['key']} ({row['rank_correlations'][outcome]:+.2f})" for row in beyond)
        told = f"rank correlation beyond chance ({chance:.2f}) with {drivers}" if drivers else "no prior beyond chance"
        lines.append(f"  {name}: {values}{unit}; {told}")
    return lines
