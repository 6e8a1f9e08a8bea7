"""Our pools beside the expected and the published ones, with the reasons for differences (clinical_model 1).

Expected pools are recomputed as they were made: DerSimonian-Laird, normal test, one assumed standard deviation. Published pools are put
beside the default of this room: REML with Knapp-Hartung, the spreads that are printed.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._event_pools import pool_events
from pulposus.evidence._other_records import Comparison, Expectation
from pulposus.evidence._pools import Pool, pool
from pulposus.evidence._selection import EffectRow, select


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A pooled value with its intervals; None where not given."""

    k: int | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    prediction_low: float | None = None
    prediction_high: float | None = None
    i2: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class SideBySide:
    """A pool of ours beside another.

    Attributes:
        name: What is pooled.
        unit: Unit of both.
        ours: Ours.
        studies: Studies in ours.
        other: The expected or published one.
        source: Where the other comes from.
        reason: Why they differ.
    """

    name: str
    unit: str
    ours: Numbers
    studies: tuple[str, ...]
    other: Numbers
    source: str
    reason: str

    @property
    def intervals_overlap(self) -> bool | None:
        """Whether the confidence intervals meet; None where one is missing."""
        ends = (self.ours.ci_low, self.ours.ci_high, self.other.ci_low, self.other.ci_high)
        if any(end is None for end in ends):
            return None
        low, high, other_low, other_high = (float(end) for end in ends if end is not None)
        return low <= other_high and other_low <= high

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours.as_dict(),
            "studies": list(self.studies),
            "other": self.other.as_dict(),
            "source": self.source,
            "intervals_overlap": self.intervals_overlap,
            "reason": self.reason,
        }


def expected_pools(base: EvidenceBase) -> tuple[SideBySide, ...]:
    """The pools that clinical_model 1 expects, recomputed as it did."""
    return tuple(_expected(base, one) for one in base.expectations)


def published_pools(base: EvidenceBase) -> tuple[SideBySide, ...]:
    """Published pools beside the nearest one of ours."""
    return tuple(_published(base, one) for one in base.comparisons)


def expected_pool(base: EvidenceBase, one: Expectation) -> Pool:
    """The pool behind an expectation."""
    between = one.contrast == "between-arms"
    selection = select(
        base,
        one.contrast,
        one.domain,
        one.month,
        nearest=between,
        derived_baselines=between,
        exclude=one.left_out,
        spread="assumed",
    )
    return pool(selection, name=one.pool, method="DL", test="z", across_classes=True)


def _expected(base: EvidenceBase, one: Expectation) -> SideBySide:
    found = expected_pool(base, one)
    other = Numbers(one.k, one.estimate, one.ci_low, one.ci_high, one.prediction_low, one.prediction_high, one.i2)
    derived = [row.study.study_id for row in found.rows if "baseline derived from the other arms" in row.flags]
    reason = "the same rows and method; the expectation is rounded to whole points"
    if derived:
        reason += f"; {', '.join(derived)} has no printed baseline: ours is the mean that its other arms imply, theirs about 70"
    return SideBySide(one.pool, "points of 100", _numbers(found), _names(found.rows), other, "clinical_model 1", reason)


def _published(base: EvidenceBase, one: Comparison) -> SideBySide:
    row = next(row for row in base.pooled if (row.review_id, row.outcome) == (one.review_id, one.outcome))
    other = Numbers(row.k, row.effect, row.ci_low, row.ci_high, i2=row.i2)
    name = f"{row.first_author} {row.year}, {row.outcome}, {row.comparison}"
    ours, studies = _ours(base, one)
    unit = {"points": "points of 100", "SMD": "SMD", "share": "share of patients"}[one.measure]
    return SideBySide(name, unit, ours, studies, other, row.source, one.reason)


def _ours(base: EvidenceBase, one: Comparison) -> tuple[Numbers, tuple[str, ...]]:
    if one.contrast is None:
        events = pool_events(base, "surgery", one.month)
        i2 = events.result.i2 if events.result is not None else None
        numbers = Numbers(len(events.rows), events.share, events.ci_low, events.ci_high, i2=i2)
        return numbers, tuple(row.study.study_id for row in events.rows)
    between = one.contrast == "between-arms"
    selection = select(
        base, one.contrast, one.domain, one.month, classes=one.classes, nearest=between, derived_baselines=between
    )
    if one.measure == "SMD":
        selection = dataclasses.replace(selection, rows=tuple(standardised(row) for row in selection.rows))
    found = pool(selection, across_classes=not one.classes)
    return _numbers(found), _names(found.rows)


def standardised(row: EffectRow) -> EffectRow:
    """A difference between arms as Hedges' g; the pooled SD of the changes is that behind the variance of the difference."""
    from pulposus.evidence._effect_sizes import hedges_g

    sd = (row.variance / (1.0 / row.n + 1.0 / row.n_control)) ** 0.5
    found = hedges_g([row.estimate], [sd], [row.n], [0.0], [sd], [row.n_control])
    return dataclasses.replace(row, estimate=float(found.yi[0]), variance=float(found.vi[0]))


def _numbers(found: Pool) -> Numbers:
    result = found.result
    if result is None:
        return Numbers(len(found.rows), None, None, None)
    return Numbers(
        result.k,
        result.estimate,
        result.ci_low,
        result.ci_high,
        result.prediction_low,
        result.prediction_high,
        result.i2,
    )


def _names(rows: tuple[EffectRow, ...]) -> tuple[str, ...]:
    return tuple(row.study.study_id for row in rows)
