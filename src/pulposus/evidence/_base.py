"""The evidence base: the shipped tables, and studies that a user adds.

A base is immutable; `with_tables` and `merge` give a new one. Its digest names exactly these rows, so that a result can be traced.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import pydantic

from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.evidence._laboratory_records import AnimalOutcome, AnimalStudy, InVitro, PublishedAnimalPool
from pulposus.evidence._other_records import (
    Claim,
    Comparison,
    Disagreement,
    Expectation,
    ProtocolItem,
    PublishedPool,
    Statement,
    Threshold,
)
from pulposus.evidence._records import AdverseEvent, Arm, Measure, Outcome, Study
from pulposus.evidence._tables import read_table, table_text


class Table(NamedTuple):
    """A table of the base.

    Attributes:
        file: Name of the CSV.
        model: What a row is.
        text: One line for people.
    """

    file: str
    model: type[pydantic.BaseModel]
    text: str


TABLES = {
    "studies": Table("studies.csv", Study, "clinical studies, reviews and case reports"),
    "arms": Table("arms.csv", Arm, "groups of the studies"),
    "outcomes": Table("outcomes.csv", Outcome, "pain, disability, images and responders by arm and month"),
    "adverse_events": Table("adverse_events.csv", AdverseEvent, "events by arm"),
    "measures": Table("measures.csv", Measure, "what the names of the outcomes mean"),
    "pooled": Table("pooled.csv", PublishedPool, "pooled results that were published"),
    "expectations": Table("expectations.csv", Expectation, "pools that the tables should give"),
    "comparisons": Table("comparisons.csv", Comparison, "published pools and ours, with reasons for differences"),
    "thresholds": Table("thresholds.csv", Threshold, "important changes and measurement errors"),
    "disagreements": Table("disagreements.csv", Disagreement, "values that sources give differently, side by side"),
    "claims": Table("claims.csv", Claim, "claims with their verdicts"),
    "protocol_items": Table(
        "protocol_items.csv", ProtocolItem, "what a protocol states, with the checklists that ask for it"
    ),
    "statements": Table("statements.csv", Statement, "what studies state of it beyond their row"),
    "animal_studies": Table("animal_studies.csv", AnimalStudy, "animal studies and models"),
    "animal_outcomes": Table("animal_outcomes.csv", AnimalOutcome, "outcomes of the animal studies"),
    "in_vitro": Table("in_vitro.csv", InVitro, "cells in culture"),
    "pooled_animal": Table("pooled_animal.csv", PublishedAnimalPool, "pooled results of animal studies"),
}
"""Every table by name."""

CLINICAL = ("studies", "arms", "outcomes", "adverse_events")
"""Tables that a user can add to."""


@dataclasses.dataclass(frozen=True)
class EvidenceBase:
    """Every table, as tuples of records.

    Attributes:
        version: Version of the shipped tables; with additions `+user`.
        text_read: What was read, for the note beside every result.
    """

    version: str
    text_read: str
    studies: tuple[Study, ...] = ()
    arms: tuple[Arm, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    adverse_events: tuple[AdverseEvent, ...] = ()
    measures: tuple[Measure, ...] = ()
    pooled: tuple[PublishedPool, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    claims: tuple[Claim, ...] = ()
    protocol_items: tuple[ProtocolItem, ...] = ()
    statements: tuple[Statement, ...] = ()
    animal_studies: tuple[AnimalStudy, ...] = ()
    animal_outcomes: tuple[AnimalOutcome, ...] = ()
    in_vitro: tuple[InVitro, ...] = ()
    pooled_animal: tuple[PublishedAnimalPool, ...] = ()

    @functools.cached_property
    def by_study(self) -> dict[str, Study]:
        """Studies by name."""
        return {study.study_id: study for study in self.studies}

    @functools.cached_property
    def by_measure(self) -> dict[str, Measure]:
        """Measures by the name of the outcome."""
        return {measure.outcome: measure for measure in self.measures}

    @functools.cached_property
    def by_arm(self) -> dict[tuple[str, str], Arm]:
        """Arms by study and name."""
        return {(arm.study_id, arm.arm): arm for arm in self.arms}

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of every table as CSV."""
        total = hashlib.sha256()
        for name, table in TABLES.items():
            total.update(table_text(getattr(self, name), table.model).encode("utf-8"))
        return total.hexdigest()

    def study(self, name: str) -> Study:
        """A study by its name, whatever its capitals.

        Raises:
            InvalidInput: There is none.
        """
        found = self.by_study.get(name) or {key.lower(): one for key, one in self.by_study.items()}.get(name.lower())
        if found is None:
            authors = [key for key, one in self.by_study.items() if one.first_author.lower() == name.lower()]
            raise InvalidInput(
                f'there is no study "{name}"',
                where=f"study {name}",
                allowed="a name of `pulposus evidence list`",
                remedy=f"of that author: {', '.join(authors)}" if authors else nearest(name.upper(), self.by_study),
            )
        return found

    def rows_of(self, study_id: str) -> dict[str, tuple[Any, ...]]:
        """Arms, outcomes and events of a study."""
        return {
            name: tuple(row for row in getattr(self, name) if row.study_id == study_id)
            for name in ("arms", "outcomes", "adverse_events")
        }

    def with_tables(self, additions: Mapping[str, Sequence[Any]]) -> EvidenceBase:
        """This base and further rows of the clinical tables; a study that is already there is refused.

        Raises:
            InvalidInput: A study of that name exists.
        """
        for study in additions.get("studies", ()):
            if study.study_id in self.by_study:
                raise InvalidInput(
                    f'the study "{study.study_id}" is already in the evidence base',
                    where=f"study {study.study_id}",
                    remedy="give the added study another name, or add outcomes only",
                )
        changed = {name: (*getattr(self, name), *additions.get(name, ())) for name in CLINICAL}
        version = self.version if self.version.endswith("+user") else f"{self.version}+user"
        return dataclasses.replace(self, version=version, **changed)


@functools.cache
def load_evidence() -> EvidenceBase:
    """The shipped evidence base."""
    return read_evidence(_shipped())


def read_evidence(folder: Any) -> EvidenceBase:
    """An evidence base from a folder of tables, as `export` writes it.

    Args:
        folder: Path (or resource) with `dataset.toml` and one CSV per table.

    Raises:
        InvalidInput: A file is missing or cannot be read.
        InvalidDocument: Cells that do not fit.
    """
    try:
        about = tomllib.loads((folder / "dataset.toml").read_text(encoding="utf-8"))
        texts = {name: (folder / table.file).read_text(encoding="utf-8") for name, table in TABLES.items()}
    except OSError as error:
        raise InvalidInput(
            f"the folder is no evidence base ({error.strerror})",
            where=str(error.filename or folder),
            allowed="dataset.toml and the tables that `pulposus evidence export --to csv` writes",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the folder cannot be read ({error})", where=str(folder)) from None
    rows: dict[str, Any] = {
        name: tuple(read_table(texts[name], table.model, label=table.file)) for name, table in TABLES.items()
    }
    return EvidenceBase(version=str(about.get("version", "")), text_read=str(about.get("text_read", "")), **rows)


def write_evidence(base: EvidenceBase, folder: Path) -> list[Path]:
    """Write every table and `dataset.toml`; returns the files. `read_evidence` reads them again."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "dataset.toml"]
    about = {"version": base.version, "sha256": base.digest, "text_read": base.text_read}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in about.items()]
    written[0].write_text("".join(lines), encoding="utf-8")
    for name, table in TABLES.items():
        written.append(folder / table.file)
        written[-1].write_text(table_text(getattr(base, name), table.model), encoding="utf-8")
    return written


def table_records(records: Iterable[pydantic.BaseModel]) -> list[dict[str, Any]]:
    """Rows as JSON data."""
    return [record.model_dump(mode="json") for record in records]


def _shipped() -> Any:
    return resources.files("pulposus") / "data" / "evidence"
