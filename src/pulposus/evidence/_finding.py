"""What a check of the evidence found, and where."""

from __future__ import annotations

import dataclasses
from typing import Literal

from pulposus.evidence._records import AdverseEvent, Outcome

Severity = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that a check found.

    Attributes:
        check: Name of the check.
        severity: `error` or `warning`.
        where: Table, study, arm, outcome and month.
        what: What is wrong, one sentence.
        remedy: What to do.
    """

    check: str
    severity: Severity
    where: str
    what: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Plain data."""
        return dataclasses.asdict(self)


def place(row: Outcome | AdverseEvent) -> str:
    """Table, study, arm, measure and month of a row."""
    what = row.outcome if isinstance(row, Outcome) else row.event
    time = "" if row.month is None else f", month {row.month:g}"
    table = "outcomes" if isinstance(row, Outcome) else "adverse_events"
    return f"{table}: {row.study_id}, {row.arm}, {what}{time}"
