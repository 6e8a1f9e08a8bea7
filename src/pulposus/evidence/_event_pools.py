"""Shares of patients with an event, pooled over treated arms (Freeman-Tukey, back-transformed at the harmonic mean of n).

No events in n patients still allow a share up to 1 - 0.025^(1/n): a small study without events shows little.
A study counts only where it reports the kind of event at all; those that saw none are less likely to list it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._record_fields import EventCategory
from pulposus.evidence._records import AdverseEvent, Study
from pulposus.evidence._selection import LeftOut

if TYPE_CHECKING:
    from pulposus.evidence._meta_result import MetaResult


@dataclasses.dataclass(frozen=True)
class EventRow:
    """Events of one cohort."""

    study: Study
    row: AdverseEvent
    events: int
    total: int


@dataclasses.dataclass(frozen=True)
class EventPool:
    """Pooled share of an event.

    Attributes:
        category: Kind of event.
        rows: One per cohort.
        left_out: Studies that are not in it, and why.
        result: On the Freeman-Tukey scale; None with fewer than two rows.
        share: Pooled share.
        ci_low: Lower end of its interval.
        ci_high: Upper end of its interval.
    """

    category: str
    rows: tuple[EventRow, ...]
    left_out: tuple[LeftOut, ...]
    result: MetaResult | None
    share: float | None
    ci_low: float | None
    ci_high: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "category": self.category,
            "share": self.share,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "k": len(self.rows),
            "studies": [
                {
                    "study_id": one.study.study_id,
                    "event": one.row.event,
                    "month": one.row.month,
                    "events": one.events,
                    "total": one.total,
                }
                for one in self.rows
            ],
            "left_out": [one._asdict() for one in self.left_out],
        }


def select_events(
    base: EvidenceBase, category: EventCategory, month: float = 12.0, *, exclude: tuple[str, ...] = ()
) -> tuple[tuple[EventRow, ...], tuple[LeftOut, ...]]:
    """One row per cohort of treated patients: the time nearest to `month`, then the larger count."""
    best: dict[str, EventRow] = {}
    left_out: list[LeftOut] = []
    for row in base.adverse_events:
        study, arm = base.by_study[row.study_id], base.by_arm[row.study_id, row.arm]
        if row.category != category or study.kind not in ("cells", "tissue") or arm.role != "treated":
            continue
        if row.study_id in exclude:
            left_out.append(LeftOut(row.study_id, "left out by request"))
        elif row.events is None or not row.total:
            left_out.append(LeftOut(row.study_id, f'"{row.event}": the number of patients is not printed'))
        else:
            found = EventRow(study, row, row.events, row.total)
            known = best.get(study.cohort)
            if known is None or _order(found, month) < _order(known, month):
                best[study.cohort] = found
    return tuple(best.values()), tuple(dict.fromkeys(left_out))


def pool_events(
    base: EvidenceBase,
    category: EventCategory,
    month: float = 12.0,
    *,
    exclude: tuple[str, ...] = (),
    method: str = "REML",
    test: str = "z",
    level: float = 0.95,
) -> EventPool:
    """Pool the share of an event over the treated arms of every cohort."""
    from pulposus.evidence._event_sizes import freeman_tukey_proportion, harmonic_mean, inverse_freeman_tukey
    from pulposus.evidence._meta import meta_analysis

    rows, left_out = select_events(base, category, month, exclude=exclude)
    if len(rows) < 2:
        return EventPool(category, rows, left_out, None, None, None, None)
    labels = [row.study.label for row in rows]
    sizes = freeman_tukey_proportion([row.events for row in rows], [row.total for row in rows], labels=labels)
    result = meta_analysis(sizes.yi, sizes.vi, method=method, test=test, level=level, labels=labels)
    middle = harmonic_mean([row.total for row in rows])
    share, low, high = (
        float(one) for one in inverse_freeman_tukey([result.estimate, result.ci_low, result.ci_high], [middle] * 3)
    )
    return EventPool(category, rows, left_out, result, share, low, high)


def _order(row: EventRow, month: float) -> tuple[float, int]:
    apart = abs((row.row.month if row.row.month is not None else month) - month)
    return apart, -row.events
