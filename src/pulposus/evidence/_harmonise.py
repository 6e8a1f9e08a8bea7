"""Outcomes on one scale: every printed number as points of 100, negative is better, with flags (clinical_model 2).

A row that cannot be put on the common scale keeps `value = None` and says why; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pulposus.errors import InvalidInput
from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._records import Arm, Measure, Outcome, Study
from pulposus.evidence._scales import change_to_hundred, sd_from_interval, sd_from_se, spread_to_hundred, to_hundred

OTHER = "other: "
"""Start of the name of a measure that the table of measures does not have."""

_SETS = {
    "survivors": "survivors only",
    "completers": "completers only",
    "subset": "part of the arm",
    "post-hoc": "post-hoc part of the arm",
    "crossover": "open label after crossover",
    "pooled-arms": "several arms together",
    "contrast": "difference between arms",
}
SURVIVORS = _SETS["survivors"]
PERCENT_ONLY = "percent of a baseline that is not printed"
_PREFERENCE = {"primary": 0, "registry": 1, "user": 1, "secondary": 2, "company": 3}
_KNOWN = {"verified": 0, "derived": 1, "recalled": 2, "prior": 3}


@dataclass(frozen=True)
class Comparable:
    """An outcome on the common scale.

    Attributes:
        row: The number as printed.
        study: Its study.
        arm: Its arm.
        measure: What was measured.
        value: Points of 100 (negative changes are better), percent for percent changes, share 0 to 1; None where it cannot be told.
        sd: Standard deviation in the same unit; None where not printed.
        sd_origin: `printed`, `from the standard error`, `from the interval`, or empty.
        flags: What a reader should know before comparing.
    """

    row: Outcome
    study: Study
    arm: Arm
    measure: Measure
    value: float | None
    sd: float | None
    sd_origin: str
    flags: tuple[str, ...]

    @property
    def preference(self) -> tuple[int, int]:
        """Smaller is better: verified before recalled, the primary report before a secondary one (rule 8)."""
        return _KNOWN[self.row.status], _PREFERENCE[self.row.source_kind]

    @property
    def whole_arm(self) -> bool:
        """Whether the row is about all patients of the arm."""
        return self.arm.analysis_set == "all"


def harmonise(base: EvidenceBase, rows: Iterable[Outcome] | None = None) -> tuple[Comparable, ...]:
    """Outcomes of the base on the common scale; those that are orphans are left to the integrity checks."""
    found = []
    for row in base.outcomes if rows is None else rows:
        study, arm = base.by_study.get(row.study_id), base.by_arm.get((row.study_id, row.arm))
        measure = base.by_measure.get(row.outcome)
        if study is not None and arm is not None and measure is not None:
            found.append(_comparable(row, study, arm, measure))
    return tuple(found)


def _comparable(row: Outcome, study: Study, arm: Arm, measure: Measure) -> Comparable:
    flags = [_SETS[arm.analysis_set]] if arm.analysis_set in _SETS else []
    if row.source_kind in ("secondary", "company"):
        flags.append(f"{row.source_kind} source")
    if row.status != "verified":
        flags.append(row.status)
    if measure.form == "percent change":
        flags.append(PERCENT_ONLY)
    value, sd, origin = None, None, ""
    try:
        value = _value(row, measure)
        sd, origin = _sd(row, measure)
    except InvalidInput as problem:
        flags.append(problem.what)
    if value is None and row.mean is not None and (row.scale_min is None or row.scale_max is None):
        flags.append("the scale is not known")
    return Comparable(row, study, arm, measure, value, sd, origin, tuple(flags))


def _value(row: Outcome, measure: Measure) -> float | None:
    if measure.form == "share":
        if row.events is not None and row.total:
            return row.events / row.total
        return None if row.mean is None else row.mean / 100.0
    if row.mean is None or row.scale_min is None or row.scale_max is None:
        return None
    if measure.form == "mean":
        return to_hundred(row.mean, row.scale_min, row.scale_max, better=measure.better)
    if measure.form == "percent change":
        return row.mean
    return change_to_hundred(row.mean, row.scale_min, row.scale_max, better=measure.better)


def _sd(row: Outcome, measure: Measure) -> tuple[float | None, str]:
    """The SD on the common scale, and where it comes from; an unlabelled spread is never here (rule 2)."""
    if measure.form == "share" or row.scale_min is None or row.scale_max is None:
        return None, ""
    if row.sd is not None:
        sd, origin = row.sd, "printed"
    elif row.se is not None and row.n:
        sd, origin = sd_from_se(row.se, row.n), "from the standard error"
    elif row.ci_low is not None and row.ci_high is not None and row.n and row.n > 1:
        sd, origin = sd_from_interval(row.ci_low, row.ci_high, row.n), "from the interval"
    else:
        return None, ""
    return (sd if measure.form == "percent change" else spread_to_hundred(sd, row.scale_min, row.scale_max)), origin
