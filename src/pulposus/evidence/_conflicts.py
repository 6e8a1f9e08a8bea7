"""Values of one thing that disagree: kept side by side with their sources, the preferred one first (clinical_model 2, rule 8)."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import Any, NamedTuple

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._changes import ChangeScore, change_scores
from pulposus.evidence._harmonise import Comparable, harmonise
from pulposus.parameters import load_parameters


class Value(NamedTuple):
    """One of the values."""

    value: str
    source: str
    status: str


@dataclasses.dataclass(frozen=True)
class Conflict:
    """Values that disagree.

    Attributes:
        study_id: Study.
        item: What they are about.
        values: The preferred one first.
    """

    study_id: str
    item: str
    values: tuple[Value, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"study_id": self.study_id, "item": self.item, "values": [one._asdict() for one in self.values]}


def find_conflicts(base: EvidenceBase) -> tuple[Conflict, ...]:
    """Recorded disagreements, one outcome with several values, and changes that do not fit the printed means."""
    return (*_recorded(base), *_repeated(base), *_changes(base))


def _recorded(base: EvidenceBase) -> list[Conflict]:
    groups: dict[tuple[str, str], list[Value]] = defaultdict(list)
    for row in sorted(base.disagreements, key=lambda one: not one.preferred):
        groups[row.study_id, row.item].append(Value(row.value, row.source, row.status))
    return [Conflict(study, item, tuple(values)) for (study, item), values in groups.items()]


def _repeated(base: EvidenceBase) -> list[Conflict]:
    groups: dict[tuple[str, str, str, float | None], list[Comparable]] = defaultdict(list)
    for row in harmonise(base):
        if row.value is not None:
            groups[row.row.study_id, row.row.arm, row.row.outcome, row.row.month].append(row)
    return [
        Conflict(
            study,
            f"{outcome} of {arm} at month {month:g}" if month is not None else f"{outcome} of {arm}",
            tuple(
                Value(f"{one.row.mean if one.row.mean is not None else one.value:g}", one.row.source, one.row.status)
                for one in sorted(rows, key=lambda one: one.preference)
            ),
        )
        for (study, arm, outcome, month), rows in groups.items()
        if len({one.value for one in rows}) > 1
    ]


def _changes(base: EvidenceBase) -> list[Conflict]:
    tolerance = load_parameters().value("evidence.rounding_tolerance")
    found = []
    for domain in ("back pain", "disability"):
        for score in change_scores(base, domain, whole_arms=False):
            apart = [
                one
                for one in score.others
                if abs(one.change - score.change) > tolerance and one.how != score.preferred.how
            ]
            if apart:
                found.append(_change_conflict(score, domain))
    return found


def _change_conflict(score: ChangeScore, domain: str) -> Conflict:
    return Conflict(
        score.study.study_id,
        f"change of {domain} of {score.arm.arm} at month {score.month:g}",
        tuple(
            Value(f"{one.change:.3g} ({one.how})", one.source, one.status) for one in (score.preferred, *score.others)
        ),
    )
