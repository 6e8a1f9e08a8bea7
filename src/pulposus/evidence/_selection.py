"""From changes to rows that can be pooled: one row per cohort, one kind of contrast (clinical_model 1 and 2, rules 5 to 7).

    before-after    y = change of the treated arms,            v = SD^2 / n
    between-arms    y = change(treated) - change(comparator),  v = SD_t^2 / n_t + SD_c^2 / n_c

A change before-after holds the natural course, regression to the mean and the context of a procedure: it is not the effect of cells, and no
function here puts both kinds into one list.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._changes import ASSUMED, ChangeScore, Spread, change_scores
from pulposus.evidence._record_fields import CellClass
from pulposus.evidence._records import Study
from pulposus.evidence._scales import Group, combined

Contrast = Literal["before-after", "between-arms"]
CONTRASTS: tuple[Contrast, ...] = ("before-after", "between-arms")
ABOUT = {
    "before-after": "change since baseline of treated arms without their control: holds natural course, regression to the mean and context",
    "between-arms": "difference between treated and control arms of one trial",
}


class LeftOut(NamedTuple):
    """A study that is not in a pool, and why."""

    study_id: str
    reason: str


@dataclasses.dataclass(frozen=True)
class EffectRow:
    """One cohort in a pool.

    Attributes:
        study: Its study.
        contrast: Kind of evidence.
        domain: What is measured.
        month: Months after the treatment.
        estimate: Points of 100; negative is better.
        variance: Sampling variance.
        n: Treated patients.
        n_control: Control patients; 0 before-after.
        arms: Names of the arms.
        spread: Where the standard deviations come from.
        status: Status of the least known number.
        flags: What a reader should know.
    """

    study: Study
    contrast: Contrast
    domain: str
    month: float
    estimate: float
    variance: float
    n: int
    n_control: int
    arms: tuple[str, ...]
    spread: str
    status: str
    flags: tuple[str, ...]

    @property
    def label(self) -> str:
        """Author and year."""
        return self.study.label

    @property
    def cell_class(self) -> CellClass:
        """Class of the product."""
        return self.study.cell_class

    def as_dict(self) -> dict[str, object]:
        """Plain data."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "study"}
        return {
            "study_id": self.study.study_id,
            "label": self.label,
            "cohort": self.study.cohort,
            "cell_class": self.cell_class,
            "allocation": self.study.allocation,
            **plain,
            "se": self.variance**0.5,
        }


@dataclasses.dataclass(frozen=True)
class Selection:
    """Rows for a pool and what was left out."""

    contrast: Contrast
    domain: str
    month: float
    rows: tuple[EffectRow, ...]
    left_out: tuple[LeftOut, ...]


def select(
    base: EvidenceBase,
    contrast: Contrast,
    domain: str = "back pain",
    month: float = 12.0,
    *,
    window: float = 0.5,
    nearest: bool = False,
    classes: Sequence[str] = (),
    exclude: Sequence[str] = (),
    spread: Spread = "best",
    correlation: float | None = None,
    derived_baselines: bool = False,
) -> Selection:
    """One row per cohort with its number at a time.

    Args:
        base: The evidence.
        contrast: Kind of evidence; there is no default, since the two are never one.
        domain: `back pain` or `disability`.
        month: Time after the treatment.
        window: Months around `month` that also count; the nearest one is taken.
        nearest: Take the time nearest to `month`, however far.
        classes: Classes of products; all where empty.
        exclude: Studies to leave out.
        spread: See `changes`.
        correlation: See `changes`.
        derived_baselines: See `changes`.
    """
    scores = change_scores(base, domain, correlation=correlation, spread=spread, derived_baselines=derived_baselines)
    by_study: dict[str, list[ChangeScore]] = defaultdict(list)
    for score in scores:
        if score.study.kind in ("cells", "tissue") and (not classes or score.study.cell_class in classes):
            by_study[score.study.study_id].append(score)
    left_out = [LeftOut(name, "left out by request") for name in exclude if name in by_study]
    rows: list[EffectRow] = []
    for study_id, found in by_study.items():
        if study_id not in exclude:
            row = _row(found, contrast, month, window, nearest=nearest)
            if isinstance(row, str):
                left_out.append(LeftOut(study_id, row))
            else:
                rows.append(row)
    kept, doubled = one_per_cohort(rows)
    return Selection(contrast, domain, month, kept, (*left_out, *doubled))


def one_per_cohort(rows: Sequence[EffectRow]) -> tuple[tuple[EffectRow, ...], list[LeftOut]]:
    """Of the reports of one cohort, the main one; then the one with more patients (rule 5)."""
    groups: dict[str, list[EffectRow]] = defaultdict(list)
    for row in rows:
        groups[row.study.cohort].append(row)
    kept, left_out = [], []
    for cohort, group in groups.items():
        best = min(group, key=lambda row: (row.study.study_id != cohort, -(row.n + row.n_control)))
        kept.append(best)
        left_out += [
            LeftOut(row.study.study_id, f"same patients as {best.study.study_id}") for row in group if row is not best
        ]
    return tuple(sorted(kept, key=lambda row: (row.study.year or 0, row.study.study_id))), left_out


def _row(
    scores: list[ChangeScore], contrast: Contrast, month: float, window: float, *, nearest: bool
) -> EffectRow | str:
    """The row of one study, or why there is none."""
    treated = [score for score in scores if score.arm.role == "treated"]
    controls = [score for score in scores if score.arm.role == "comparator"]
    if not treated:
        return "no change of a treated arm is printed"
    times = sorted({score.month for score in treated})
    if contrast == "between-arms":
        if not controls:
            return "no change of a control arm is printed"
        times = [time for time in times if _at(controls, time, window)]
        if not times:
            return "treated and control arms have no time in common"
    time = min(times, key=lambda one: (abs(one - month), one))
    if not nearest and abs(time - month) > window:
        return f"no number at {month:g} months (nearest: {time:g})"
    used = _at(treated, time, window)
    against = _at(controls, time, window) if contrast == "between-arms" else []
    if any(score.n is None or score.n < 2 for score in used + against):
        return "the number of patients is not printed, or is one"
    return _effect(used, against, contrast, time)


def _at(scores: list[ChangeScore], time: float, window: float) -> list[ChangeScore]:
    """The score of every arm nearest to a time; 52 weeks and 12 months are one visit."""
    best: dict[str, ChangeScore] = {}
    for score in scores:
        apart = abs(score.month - time)
        known = best.get(score.arm.arm)
        if apart <= window and (known is None or apart < abs(known.month - time)):
            best[score.arm.arm] = score
    return list(best.values())


def _effect(used: list[ChangeScore], against: list[ChangeScore], contrast: Contrast, month: float) -> EffectRow:
    first = used[0]
    group = _together(used)
    estimate, variance, controls = group.mean, group.sd**2 / group.n, 0
    if against:
        control = _together(against)
        estimate, variance = estimate - control.mean, variance + control.sd**2 / control.n
        controls = control.n
    every = used + against
    flags = [flag for score in every for flag in score.flags]
    if len(used) > 1 or len(against) > 1:
        flags.append("arms of one kind taken together")
    if any(score.others for score in every):
        flags.append("other values exist")
    return EffectRow(
        study=first.study,
        contrast=contrast,
        domain=first.domain,
        month=month,
        estimate=estimate,
        variance=variance,
        n=group.n,
        n_control=controls,
        arms=tuple(score.arm.arm for score in every),
        spread="; ".join(dict.fromkeys(score.spread for score in every)),
        status=max((score.preferred.status for score in every), key=("verified", "derived", "recalled", "prior").index),
        flags=tuple(dict.fromkeys(flags)),
    )


def _together(scores: list[ChangeScore]) -> Group:
    """Arms of one kind as one group; an assumed SD is that of any group of patients, so it holds for the whole too."""
    group = combined([Group(score.n or 0, score.change, score.sd) for score in scores])
    if all(score.spread == ASSUMED for score in scores):
        return dataclasses.replace(group, sd=scores[0].sd)
    return group
