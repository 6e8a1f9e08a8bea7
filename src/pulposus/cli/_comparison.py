"""A comparison from its arms to its folder: what `compare` and `resume` share.

The folder holds `comparison.json` with the names of the arms, a run directory for every arm under `arms`, and in the end the page, the
numbers and the table of the comparison. An arm keeps its checkpoints until the comparison is complete, so that it can be read again.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.cli._job import Job, begin, computed, remove_checkpoints, reopen
from pulposus.cli._output import print_note
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.report import RunRecord
    from pulposus.therapy import Protocol

COMPARISON = "comparison.json"
_ARMS = "arms"
_PAGE = "compare.html"
MOST_ARMS = 8
"""Arms that the figures can tell apart."""


@dataclass(frozen=True)
class ArmInput:
    """One arm as it was asked for.

    Attributes:
        name: Name of the arm: the protocol as typed, without folders.
        protocol: The protocol with all overrides.
        text: The protocol as its author wrote it.
        disc: The disc.
        parameters: Changed constants, key -> value as text.
    """

    name: str
    protocol: Protocol
    text: str
    disc: str
    parameters: dict[str, str]


@dataclass(frozen=True)
class Comparison:
    """The arms of a comparison and its folder."""

    folder: Path
    jobs: Mapping[str, Job]


def begin_comparison(folder: Path, arms: Sequence[ArmInput], command: str) -> Comparison:
    """Check every arm and make the folder.

    Raises:
        InvalidInput: Two arms have one name, there are too many, an arm cannot be used, or the folder is not empty.
    """
    from pulposus.report._atomic import make_empty_folder, write_text
    from pulposus.report._tables import json_text

    names = [arm.name for arm in arms]
    _refuse_names(names)
    make_empty_folder(folder, "comparison", COMPARISON, _PAGE)
    write_text(folder / COMPARISON, json_text({"arms": {name: _slug(name) for name in names}}))
    jobs = {
        arm.name: begin(folder / _ARMS / _slug(arm.name), arm.protocol, arm.text, arm.disc, arm.parameters, command)
        for arm in arms
    }
    return Comparison(folder, jobs)


def reopen_comparison(folder: Path) -> Comparison:
    """An unfinished comparison.

    Raises:
        InvalidInput: The comparison is finished, or an arm cannot go on.
    """
    if (folder / _PAGE).is_file():
        raise InvalidInput(
            f"the comparison in {folder.name} is finished", where=str(folder), remedy=f"open {folder / _PAGE}"
        )
    try:
        names = json.loads((folder / COMPARISON).read_text(encoding="utf-8"))["arms"]
        jobs = {str(name): reopen(folder / _ARMS / str(slug), finished=True) for name, slug in names.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidInput(
            f"{COMPARISON} cannot be read", where=str(folder), remedy="start the comparison again in another folder"
        ) from error
    return Comparison(folder, jobs)


def finish_comparison(comparison: Comparison) -> dict[str, Any]:
    """Run every arm to its end and write the comparison.

    Returns:
        The comparison as plain data.

    Raises:
        SolverFailed, PartialFailure, InvalidInput: As a run; what is computed is kept.
    """
    from pulposus.report import comparison_document, write_comparison

    folder = comparison.folder
    print_note(f"comparison in {folder}; after an interruption: pulposus resume {shlex.quote(str(folder))}")
    records: list[tuple[str, RunRecord]] = []
    for name, job in comparison.jobs.items():
        print_note(f"arm {name}")
        record = computed(job)
        if not job.directory.finished:
            job.directory.write(record)
            job.directory.events.append("finished", seconds=record.manifest["seconds"])
        records.append((name, record))
    title = f"{len(records)} arms compared"
    write_comparison(folder, records, title)
    for job in comparison.jobs.values():
        remove_checkpoints(job)
    return comparison_document(records, title)


def _refuse_names(names: Sequence[str]) -> None:
    """Refuse arms that a report could not tell apart.

    Raises:
        InvalidInput: Too many arms, or two of one name.
    """
    if len(names) > MOST_ARMS:
        raise InvalidInput(
            f"{len(names)} arms cannot be compared",
            where="argument PROTOCOL...",
            allowed=f"1 to {MOST_ARMS} arms",
            remedy="compare fewer arms at once",
        )
    slugs = [_slug(name) for name in names]
    for name, slug in zip(names, slugs, strict=True):
        if slugs.count(slug) > 1:
            raise InvalidInput(
                f'two arms are called "{name}"',
                where="argument PROTOCOL...",
                allowed="one name for each arm",
                remedy="give the files different names",
            )


def _slug(name: str) -> str:
    """Folder name of an arm."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "arm"
