"""How complete a study or a protocol is against the protocol standard (clinical_model 11).

    score = required items that are stated / required items that apply

The items are fields of the protocol schema of `pulposus.therapy`. A study is scored on what was read of it: an item that was not found
there may stand in its full text, so "not found" and "not stated" (its readers say so) are kept apart.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from pulposus.evidence._base import EvidenceBase, load_evidence
from pulposus.evidence._other_records import ProtocolItem
from pulposus.evidence._records import Study
from pulposus.evidence._tables import field_text

if TYPE_CHECKING:
    from pulposus.therapy import Protocol

State = Literal["stated", "not stated", "not found", "not applicable"]

DOSES = ("Donor", "Origin", "Separation", "Exhibited characteristics", "Site of delivery")
"""Parts of DOSES (2019, doi:10.2106/JBJS.18.00915)."""
MIBO = (
    "study design",
    "recipients",
    "injury",
    "intervention",
    "donors",
    "tissue harvest",
    "processing",
    "cell culture",
    "cell characteristics",
    "delivery",
    "post-operative care",
    "outcome",
)
"""Sections of MIBO for stem cells (2016); the items below each are those of the protocol schema, not its 25 statements."""
CHECKLISTS = {"DOSES": DOSES, "MIBO": MIBO}

# Columns of a study that state an item.
_COLUMNS = {
    "id.registry": "registry",
    "id.phase": "phase",
    "id.funding": "funding",
    "population.mean_age": "mean_age",
    "population.female_share": "female_pct",
    "population.patients": "n_treated",
    "population.indication": "indication",
    "population.grades": "pfirrmann",
    "donor.relation": "donor",
    "origin.source": "cell_source",
    "dose.cells": "dose",
    "dose.volume": "volume",
    "dose.carrier": "carrier",
    "delivery.route": "delivery",
    "comparator.arm": "comparator",
    "comparator.blinding": "blinding",
    "follow_up.duration": "followup_months",
}


@dataclasses.dataclass(frozen=True)
class ItemState:
    """One item of one study."""

    item: ProtocolItem
    state: State
    value: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        shown = {
            name: getattr(self.item, name)
            for name in ("path", "number", "section", "required", "label", "doses", "mibo")
        }
        return {**shown, "state": self.state, "value": self.value}


@dataclasses.dataclass(frozen=True)
class Completeness:
    """The items of a study or a protocol.

    Attributes:
        name: Study or protocol.
        text_read: What was read of it.
        items: Every item.
    """

    name: str
    text_read: str
    items: tuple[ItemState, ...]

    @property
    def required(self) -> tuple[ItemState, ...]:
        """Required items that apply."""
        return tuple(one for one in self.items if one.item.required and one.state != "not applicable")

    @property
    def stated(self) -> int:
        """Required items that are stated."""
        return sum(one.state == "stated" for one in self.required)

    @property
    def score(self) -> float:
        """Stated over required items, 0 to 1."""
        return self.stated / len(self.required) if self.required else 0.0

    def with_state(self, state: State) -> tuple[ItemState, ...]:
        """Items in one state, required or not."""
        return tuple(one for one in self.items if one.state == state)

    def by_section(self) -> dict[str, tuple[int, int]]:
        """Stated and applicable items of every section, in the order of the schema."""
        return self._counted(dict.fromkeys(one.item.section for one in self.items), "section")

    def checklist(self, name: str) -> dict[str, tuple[int, int]]:
        """Stated and applicable items of every part of a checklist of `CHECKLISTS`."""
        return self._counted(dict.fromkeys(CHECKLISTS[name]), name.lower())

    def _counted(self, parts: dict[str, Any], field: str) -> dict[str, tuple[int, int]]:
        applicable = [one for one in self.items if one.state != "not applicable"]
        return {
            part: (
                sum(one.state == "stated" for one in applicable if getattr(one.item, field) == part),
                sum(getattr(one.item, field) == part for one in applicable),
            )
            for part in parts
        }

    def as_dict(self, *, items: bool = True) -> dict[str, Any]:
        """Plain data."""
        parts = {"sections": self.by_section(), **{name: self.checklist(name) for name in CHECKLISTS}}
        return {
            "name": self.name,
            "text_read": self.text_read,
            "score": self.score,
            "stated": self.stated,
            "required": len(self.required),
            "not_stated": [one.item.path for one in self.with_state("not stated")],
            "not_found": [one.item.path for one in self.with_state("not found")],
            **{
                name: {part: {"stated": stated, "items": total} for part, (stated, total) in counts.items()}
                for name, counts in parts.items()
            },
            **({"items": [one.as_dict() for one in self.items]} if items else {}),
        }


def score_study(study: Study, base: EvidenceBase) -> Completeness:
    """Completeness of a study, on what was read of it; a built-in protocol of the study adds what it states."""
    stated = {
        path: field_text(getattr(study, column))
        for path, column in _COLUMNS.items()
        if field_text(getattr(study, column))
    }
    rows = base.rows_of(study.study_id)
    if rows["outcomes"]:
        stated["outcomes"] = "; ".join(dict.fromkeys(row.outcome for row in rows["outcomes"]))
    if rows["adverse_events"]:
        stated["safety.events"] = "; ".join(dict.fromkeys(row.event for row in rows["adverse_events"]))
    if study.allocation == "randomised":
        stated["statistics.randomisation"] = "randomised"
    stated |= {one.path: one.value for one in base.statements if one.study_id == study.study_id}
    denied: set[str] = set()
    if study.protocol:
        from pulposus.therapy import load_protocol

        protocol = load_protocol(study.protocol)
        denied = {one.item for one in protocol.not_stated}
        stated |= {path: text for path, text in _explicit(protocol).items() if path not in denied}
    return Completeness(
        study.study_id, study.text_read, tuple(_state(item, study, stated, denied) for item in base.protocol_items)
    )


def score_protocol(protocol: Protocol, base: EvidenceBase | None = None) -> Completeness:
    """Completeness of a protocol file: what it sets and does not list under `not_stated`."""
    known = base if base is not None else load_evidence()
    denied = {one.item for one in protocol.not_stated}
    stated = {path: text for path, text in _explicit(protocol).items() if path not in denied}
    study = Study(
        study_id=protocol.name,
        cell_class="unclear" if protocol.dose.cells > 0.0 else "none",
        kind="cells" if protocol.dose.cells > 0.0 else "non-cell",
        allocation="controlled" if protocol.comparator.arm != "none" else "single-arm",
        donor=protocol.donor.relation if protocol.donor is not None else None,
        expanded=protocol.dose.product == "cells" if protocol.dose.cells > 0.0 else None,
        text_read="full-text",
        source="protocol",
        status="verified",
    )
    return Completeness(
        protocol.name, "protocol", tuple(_state(item, study, stated, denied) for item in known.protocol_items)
    )


def _state(item: ProtocolItem, study: Study, stated: dict[str, str], denied: set[str]) -> ItemState:
    if not _applies(item, study):
        return ItemState(item, "not applicable", "")
    for path in item.path.split("|"):
        if path in stated:
            return ItemState(item, "stated", stated[path])
    said = any(path in denied for path in item.path.split("|")) or study.text_read == "full-text"
    return ItemState(item, "not stated" if said else "not found", "")


def _applies(item: ProtocolItem, study: Study) -> bool:
    """Whether a study has to state an item; what is not known of the study counts as yes."""
    cells = study.kind in ("cells", "tissue")
    if item.applies == "cells":
        return cells
    if item.applies == "allogeneic":
        return cells and study.donor != "autologous"
    if item.applies == "expanded":
        return cells and study.expanded is not False
    return study.allocation in ("randomised", "controlled") if item.applies == "controlled" else True


def _explicit(model: pydantic.BaseModel, prefix: str = "") -> dict[str, str]:
    """Fields that the author of a document wrote, by dotted path; empty ones do not count."""
    found: dict[str, str] = {}
    for name in model.model_fields_set:
        value = getattr(model, name)
        if isinstance(value, pydantic.BaseModel):
            found |= _explicit(value, f"{prefix}{name}.")
        elif value not in (None, "", ()):
            found[f"{prefix}{name}"] = f"{len(value)} rows" if name == "outcomes" else field_text(value)
    return found
