"""Pools of the shipped (or a user's) evidence, with the guards that keep unlike things apart.

`pool` refuses to mix contrasts, domains and, unless it is asked to, classes of products (clinical_model 2, rule 7). The default is
random effects (REML) with the Knapp-Hartung test.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pulposus.errors import InvalidInput
from pulposus.evidence._selection import ABOUT, EffectRow, LeftOut, Selection

if TYPE_CHECKING:
    from pulposus.evidence._meta_result import MetaResult

ALL_CLASSES = "all classes together"
RESEARCH_USE = "Research use only, not medical advice."
NOT_THE_EFFECT_OF_CELLS = (
    "A change before-after is not the effect of cells: most of it is also seen after saline, sham or carrier. "
    "Compare it with the difference between arms, never instead of it."
)


@dataclasses.dataclass(frozen=True)
class Pool:
    """Rows and their pooled result.

    Attributes:
        name: Name.
        rows: One per cohort.
        left_out: Studies that are not in it, and why.
        result: Pooled result; None where fewer than two rows are there.
        notes: What a reader should know.
    """

    name: str
    selection: Selection
    rows: tuple[EffectRow, ...]
    result: MetaResult | None
    notes: tuple[str, ...]

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Studies that are not in the pool, and why."""
        return self.selection.left_out

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the numbers of the result have the names of `MetaResult`."""
        return {
            "pool": self.name,
            "contrast": self.selection.contrast,
            "domain": self.selection.domain,
            "month": self.selection.month,
            "studies": [row.as_dict() for row in self.rows],
            "left_out": [one._asdict() for one in self.left_out],
            "notes": list(self.notes),
            "result": self.result.as_dict() if self.result is not None else None,
        }


def pool(
    selection: Selection,
    *,
    name: str = "",
    method: str = "REML",
    test: str = "knha",
    level: float = 0.95,
    across_classes: bool = False,
    moderators: dict[str, Sequence[Any]] | None = None,
) -> Pool:
    """Pool the rows of a selection.

    Args:
        selection: One row per cohort; see `select`.
        name: Name of the pool.
        method: Estimator of the variance between studies.
        test: `z` or `knha` (Knapp-Hartung).
        level: Level of the intervals.
        across_classes: Allow classes of products together; it is said in the notes.
        moderators: Values per row of a meta-regression.

    Raises:
        InvalidInput: Rows of different contrasts, domains or (unless allowed) classes, or two rows of one cohort.
    """
    from pulposus.evidence._meta import meta_analysis

    rows = selection.rows
    require_alike(rows, across_classes=across_classes)
    result = None
    if len(rows) > 1:
        result = meta_analysis(
            [row.estimate for row in rows],
            [row.variance for row in rows],
            moderators=moderators,
            method=method,
            test=test,
            level=level,
            labels=[row.label for row in rows],
        )
    return Pool(name or _name(selection), selection, rows, result, _notes(selection, result, across_classes))


def pools_by_class(selection: Selection, **options: Any) -> tuple[Pool, ...]:
    """One pool per class of product, largest first."""
    found = []
    for kind, _ in Counter(row.cell_class for row in selection.rows).most_common():
        rows = tuple(row for row in selection.rows if row.cell_class == kind)
        part = dataclasses.replace(selection, rows=rows)
        found.append(pool(part, name=f"{_name(selection)}, {kind}", **options))
    return tuple(found)


def require_alike(rows: Sequence[EffectRow], *, across_classes: bool) -> None:
    """Refuse rows that do not belong into one pool.

    Raises:
        InvalidInput: See `pool`.
    """
    contrasts = sorted({row.contrast for row in rows})
    if len(contrasts) > 1:
        raise InvalidInput(
            "controlled and uncontrolled evidence in one pool",
            where=", ".join(f"{row.study.study_id} ({row.contrast})" for row in rows),
            allowed="one contrast: before-after or between-arms",
            remedy="pool them apart, or use the bias-adjusted model",
        )
    domains = sorted({row.domain for row in rows})
    if len(domains) > 1:
        raise InvalidInput(f"{' and '.join(domains)} in one pool", allowed="one domain")
    cohorts = [name for name, count in Counter(row.study.cohort for row in rows).items() if count > 1]
    if cohorts:
        raise InvalidInput(
            f"the patients of {cohorts[0]} are counted twice",
            where=", ".join(row.study.study_id for row in rows if row.study.cohort == cohorts[0]),
            allowed="one row per cohort",
        )
    classes = sorted({row.cell_class for row in rows})
    if len(classes) > 1 and not across_classes:
        raise InvalidInput(
            f"several classes of products in one pool: {', '.join(classes)}",
            allowed="one class",
            remedy="pool each class apart (--class NAME), or say --across-classes",
        )


def _name(selection: Selection) -> str:
    return f"{selection.contrast}, {selection.domain}, {selection.month:g} months"


def _notes(selection: Selection, result: MetaResult | None, across_classes: bool) -> tuple[str, ...]:
    rows = selection.rows
    notes = [ABOUT[selection.contrast]]
    if selection.contrast == "before-after":
        notes.append(NOT_THE_EFFECT_OF_CELLS)
    if across_classes and len({row.cell_class for row in rows}) > 1:
        notes.append(f"{ALL_CLASSES}: {', '.join(sorted({row.cell_class for row in rows}))}")
    assumed = [row.study.study_id for row in rows if "assumed" in row.spread]
    if assumed:
        notes.append(f"the standard deviation of the change is assumed in {', '.join(assumed)}")
    recalled = [row.study.study_id for row in rows if row.status == "recalled"]
    if recalled:
        notes.append(f"recalled numbers, not read again: {', '.join(recalled)}")
    other_times = [f"{row.study.study_id} ({row.month:g})" for row in rows if row.month != selection.month]
    if other_times:
        notes.append(f"another month than {selection.month:g}: {', '.join(other_times)}")
    if len(rows) < 2:
        notes.append("fewer than two cohorts: nothing to pool")
    if result is not None and result.test == "knha" and _narrowed(rows, result):
        notes.append(
            "the cohorts agree better than their errors let expect, so the standard error of Knapp-Hartung is narrower than the "
            "normal one; the test adhoc does not allow that"
        )
    return (*notes, *(result.notes if result is not None else ()))


def _narrowed(rows: Sequence[EffectRow], result: MetaResult) -> bool:
    """Whether the standard error of Knapp and Hartung is below the normal one (without moderators)."""
    normal = sum(1.0 / (row.variance + result.tau2) for row in rows) ** -0.5
    return len(result.coefficients) == 1 and result.se < 0.999 * normal
