"""Courses over time of every arm, for the plot of outcome over time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.errors import InvalidInput
from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._changes import ChangeScore, change_scores
from pulposus.evidence._other_records import Threshold

if TYPE_CHECKING:
    from pulposus.evidence._plots_time import Course

_INSTRUMENTS = {"back pain": "VAS", "disability": "ODI"}
_NORMAL = 1.959963984540054  # 97.5 % quantile of the normal law


def courses_of(
    base: EvidenceBase, domain: str = "back pain", *, classes: Sequence[str] = (), exclude: Sequence[str] = ()
) -> list[Course]:
    """Changes of every whole arm over time; an interval only where n is printed.

    A cohort is shown once: reports of a part of it are left out. Single patients are too.
    """
    from pulposus.evidence._plots_time import Course

    arms: dict[tuple[str, str], list[ChangeScore]] = defaultdict(list)
    for score in change_scores(base, domain):
        study = score.study
        shown = study.kind in ("cells", "tissue") and study.part_of is None and study.study_id not in exclude
        if shown and (not classes or study.cell_class in classes) and (score.n is None or score.n > 2):
            arms[study.study_id, score.arm.arm].append(score)
    if not arms:
        raise InvalidInput("no arm prints a change", allowed="another class, or fewer studies left out")
    several = {study for study, _ in arms if sum(name == study for name, _ in arms) > 1}
    found = []
    for (study_id, arm), scores in arms.items():
        first = scores[0]
        halves = [_NORMAL * score.sd / math.sqrt(score.n) if score.n else math.nan for score in scores]
        found.append(
            Course(
                label=f"{first.study.label}, {arm}" if study_id in several else first.study.label,
                arm="cells" if first.arm.role == "treated" else "control",
                months=(0.0, *(score.month for score in scores)),
                changes=(0.0, *(score.change for score in scores)),
                ci_low=(0.0, *(score.change - half for score, half in zip(scores, halves, strict=True))),
                ci_high=(0.0, *(score.change + half for score, half in zip(scores, halves, strict=True))),
            )
        )
    return found


def important_change(base: EvidenceBase, domain: str) -> Threshold:
    """Minimal important change of a domain, in points of 100."""
    instrument = _INSTRUMENTS[domain]
    return next(
        one for one in base.thresholds if one.item == "minimal important change" and one.instrument == instrument
    )
