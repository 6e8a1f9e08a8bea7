"""Studies that a user adds: CSV, YAML, registry records or a folder of them, checked together with the base.

A CSV holds rows of one table, which its columns tell. A YAML holds whole studies:

    schema_version: 1
    studies:
      - study_id: MINE2026
        cell_class: expanded-msc
        ...
        arms:
          - {arm: cells, role: treated, content: cells, n: 20}
        outcomes:
          - {arm: cells, outcome: VAS, scale_min: 0, scale_max: 100, month: 0, n: 20, mean: 65.0, sd: 18.0, source: ..., status: verified}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pulposus.documents import Document, read_document
from pulposus.errors import InvalidInput
from pulposus.evidence._base import CLINICAL, TABLES, EvidenceBase, load_evidence
from pulposus.evidence._integrity import require_sound
from pulposus.evidence._records import AdverseEvent, Arm, Outcome, Study
from pulposus.evidence._registry import Imported, read_registry
from pulposus.evidence._tables import read_rows, read_table


class ArmEntry(Arm):
    """An arm inside its study."""

    study_id: str = ""
    """Set by the study."""


class OutcomeEntry(Outcome):
    """An outcome inside its study."""

    study_id: str = ""
    """Set by the study."""


class EventEntry(AdverseEvent):
    """An adverse event inside its study."""

    study_id: str = ""
    """Set by the study."""


class StudyEntry(Study):
    """A study with its arms, outcomes and adverse events."""

    arms: tuple[ArmEntry, ...] = ()
    """Groups."""
    outcomes: tuple[OutcomeEntry, ...] = ()
    """Numbers by arm and month."""
    adverse_events: tuple[EventEntry, ...] = ()
    """Events by arm."""


class StudiesDocument(Document):
    """Studies as YAML."""

    schema_version: Literal[1]
    """Version of this schema: 1."""
    studies: tuple[StudyEntry, ...]
    """Studies."""


# Columns that only one of the tables has.
_TELLING = {"studies": "cell_class", "arms": "role", "outcomes": "outcome", "adverse_events": "event"}


class Extended(NamedTuple):
    """A base with additions.

    Attributes:
        base: The base and the added rows.
        added: Added rows by table.
        notes: What a person should look at.
    """

    base: EvidenceBase
    added: dict[str, list[Any]]
    notes: tuple[str, ...]


def add_files(paths: Sequence[Path], base: EvidenceBase | None = None, *, registry_names: bool = True) -> Extended:
    """A base and the studies of files, checked together.

    Args:
        paths: CSV, YAML or JSON files, or folders of them.
        base: The base; the shipped one where left out.
        registry_names: Let a record of a study that is already there (by registry number) join its cohort instead of being refused.

    Raises:
        InvalidInput: A file that cannot be read, a study that is already there.
        InvalidDocument: Cells that do not fit, or additions that contradict the tables; holds every problem.
    """
    start = base if base is not None else load_evidence()
    given = Imported.joined(read_additions(path) for path in paths)
    added, notes = given.tables, list(given.notes)
    if registry_names:
        added["studies"], joined = _joined(added["studies"], start)
        notes += joined
    whole = start.with_tables(added)
    warnings = require_sound(whole, ", ".join(str(path) for path in paths))
    fresh = {study.study_id for study in added["studies"]} | {row.study_id for name in CLINICAL for row in added[name]}
    notes += [f"{one.where}: {one.what}" for one in warnings if any(f" {name}" in one.where for name in fresh)]
    return Extended(whole, added, tuple(notes))


def read_additions(path: Path) -> Imported:
    """Rows of one file or folder.

    Raises:
        InvalidInput: Unknown kind of file.
        InvalidDocument: Cells that do not fit.
    """
    if path.is_dir():
        return _folder(path)
    kind = path.suffix.lower()
    if kind == ".json":
        return read_registry(path)
    if kind in (".yaml", ".yml"):
        return _yaml(path)
    if kind in (".csv", ".txt", ""):
        return _csv(path)
    raise InvalidInput(
        f'a file named "*{kind}" cannot be imported',
        where=str(path),
        allowed="*.csv, *.yaml, *.json (a ClinicalTrials.gov study record), or a folder of them",
    )


def _folder(path: Path) -> Imported:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".csv", ".yaml", ".yml", ".json"))
    if not files:
        raise InvalidInput("the folder has nothing to import", where=str(path), allowed="*.csv, *.yaml, *.json")
    return Imported.joined(read_additions(file) for file in files)


def _csv(path: Path) -> Imported:
    head, _ = read_rows(path, str(path))
    found = [name for name, column in _TELLING.items() if column in head]
    if len(found) != 1:
        raise InvalidInput(
            "the columns do not tell which table this is",
            where=f"{path}: row 1",
            allowed="; ".join(f"{name}: {', '.join(_required(name))}" for name in CLINICAL),
            remedy="name the columns as `pulposus evidence export --to csv` does",
        )
    return Imported({found[0]: list(read_table(path, TABLES[found[0]].model))})


def _required(table: str) -> list[str]:
    return [name for name, field in TABLES[table].model.model_fields.items() if field.is_required()]


def _yaml(path: Path) -> Imported:
    document = read_document(path, StudiesDocument)
    tables: dict[str, list[Any]] = {name: [] for name in CLINICAL}
    for entry in document.studies:
        tables["studies"].append(Study(**{name: getattr(entry, name) for name in Study.model_fields}))
        for name, model in (("arms", Arm), ("outcomes", Outcome), ("adverse_events", AdverseEvent)):
            tables[name] += [_of_study(row, model, entry.study_id) for row in getattr(entry, name)]
    return Imported(tables)


def _of_study(row: Any, model: Any, study_id: str) -> Any:
    return model(**{**{name: getattr(row, name) for name in model.model_fields}, "study_id": study_id})


def _joined(studies: Iterable[Study], base: EvidenceBase) -> tuple[list[Study], list[str]]:
    """Registry records of known trials become reports of the same cohort, so that no patient counts twice."""
    known = {number.upper(): study for study in base.studies for number in study.registry}
    found, notes = [], []
    for study in studies:
        twin = next((known[number.upper()] for number in study.registry if number.upper() in known), None)
        if (
            twin is not None
            and study.part_of is None
            and study.study_id != twin.study_id
            and study.text_read == "registry"
        ):
            notes.append(f"{study.study_id}: the registry record of {twin.study_id}, counted as the same patients")
            changed = {name: getattr(study, name) for name in Study.model_fields}
            found.append(Study(**{**changed, "part_of": twin.cohort, "cell_class": twin.cell_class, "kind": twin.kind}))
        else:
            found.append(study)
    return found, notes


@dataclasses.dataclass(frozen=True)
class Added:
    """Counts of what was added."""

    studies: int
    arms: int
    outcomes: int
    adverse_events: int

    @classmethod
    def of(cls, extended: Extended) -> Added:
        """The counts of an extension."""
        return cls(**{name: len(extended.added[name]) for name in CLINICAL})
