"""`pulposus evidence meta`: pools of the shipped evidence and of anybody's data."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._evidence_options import (
    RESEARCH_USE,
    AcrossClasses,
    Add,
    Classes,
    Contrast,
    Correlation,
    DerivedBaselines,
    Exclude,
    Level,
    Method,
    Month,
    Nearest,
    Outcome,
    Test,
    contrasts_of,
    domain_of,
    evidence_base,
    require_classes,
    require_studies,
)
from pulposus.cli._output import Json, print_json, print_note, print_text
from pulposus.errors import UsageError

if TYPE_CHECKING:
    from pulposus.evidence import EvidenceBase, MetaResult, Pool, Selection

EVENTS = ("surgery", "any-serious")
"""Outcomes of `meta` that are shares of patients with an event."""

Data = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Your own CSV with one row per study, instead of the shipped evidence."),
]
Yi = Annotated[str, typer.Option("--yi", metavar="COL", help="Column of the outcomes (with --data).")]
Vi = Annotated[str, typer.Option("--vi", metavar="COL", help="Column of the sampling variances.")]
Sei = Annotated[str, typer.Option("--sei", metavar="COL", help="Column of the standard errors, instead of --vi.")]
Mods = Annotated[
    list[str] | None, typer.Option("--mods", metavar="COL", help="Column of a meta-regression; may be repeated.")
]
Label = Annotated[str, typer.Option("--label", metavar="COL", help="Column of the names of the studies.")]
Mixed = Annotated[
    bool, typer.Option("--mixed", help="Allow controlled and uncontrolled studies in one pool of your data.")
]


@dataclasses.dataclass(frozen=True)
class Request:
    """What to pool."""

    data: Path
    yi: str
    vi: str
    sei: str
    mods: tuple[str, ...]
    label: str
    mixed: bool
    method: str
    test: str
    level: float

    def result(self) -> MetaResult:
        """The pool of a user's file."""
        from pulposus.evidence import meta_analysis, read_effects

        if not self.yi:
            raise UsageError("the column of the outcomes is missing", where="option --yi", remedy="add --yi COL")
        table = read_effects(
            self.data, self.yi, self.vi, sei=self.sei, moderators=self.mods, label=self.label, mixed=self.mixed
        )
        return meta_analysis(
            table.yi,
            table.vi,
            moderators=dict(table.moderators) or None,
            method=self.method,
            test=self.test,
            level=self.level,
            labels=table.labels,
        )


def meta(
    data: Data = None,
    yi: Yi = "",
    vi: Vi = "",
    sei: Sei = "",
    mods: Mods = None,
    label: Label = "",
    mixed: Mixed = False,
    outcome: Outcome = "VAS",
    month: Month = 12.0,
    contrast: Contrast = "",
    classes: Classes = None,
    exclude: Exclude = None,
    nearest: Nearest = False,
    derived_baselines: DerivedBaselines = False,
    across_classes: AcrossClasses = False,
    correlation: Correlation = None,
    bias_adjusted: Annotated[
        bool,
        typer.Option(
            "--bias-adjusted",
            help="One Bayesian model that tells the effect from the change that comes anyway (back pain).",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the Bayesian model.")] = 0,
    add: Add = None,
    method: Method = "REML",
    test: Test = "knha",
    level: Level = 0.95,
    as_json: Json = False,
) -> None:
    """Pool studies: your own CSV (--data), or the shipped evidence by outcome, month and class; surgery and any-serious are shares."""
    from pulposus.cli._evidence_text import pool_lines, result_lines

    if data is not None:
        request = Request(data, yi, vi, sei, tuple(mods or ()), label, mixed, method, test, level)
        result = request.result()
        if as_json:
            print_json({**result.as_dict(), "data": str(data), "research_use_only": True})
        else:
            print_text(str(data), *result_lines(result), "", RESEARCH_USE)
        return
    require_no_columns(yi, vi, sei, mods, label)
    base = evidence_base(add)
    about = {"version": base.version, "sha256": base.digest, "text_read": base.text_read}
    if outcome in EVENTS:
        _print_events(base, outcome, month, exclude, level, about, as_json=as_json)
        return
    if bias_adjusted:
        if domain_of(outcome) != "back pain":
            raise UsageError(
                "the bias-adjusted model knows back pain only", where="option --bias-adjusted", allowed="--outcome VAS"
            )
        options = {
            "classes": require_classes(classes),
            "exclude": require_studies(base, exclude),
            "correlation": correlation,
        }
        _print_bias_adjusted(
            base,
            month,
            level,
            seed,
            about,
            as_json=as_json,
            nearest=nearest,
            derived_baselines=derived_baselines,
            **options,
        )
        return
    pools: list[Pool] = []
    for kind in contrasts_of(contrast):
        selection = selection_of(base, kind, outcome, month, classes, exclude, nearest, derived_baselines, correlation)
        pools += _pools(selection, method, test, level, across_classes=across_classes)
    if as_json:
        print_json(
            {
                "pools": [one.as_dict() for one in pools],
                "evidence": about,
                "research_use_only": True,
            }
        )
        return
    lines = [line for one in pools for line in (*pool_lines(one), "")]
    left = {f"{one.study_id} ({one.reason})" for pool in pools for one in pool.left_out}
    print_text(*lines, f"left out: {'; '.join(sorted(left)) or 'nothing'}", "", RESEARCH_USE)


def _print_events(
    base: EvidenceBase,
    outcome: Any,
    month: float,
    exclude: list[str] | None,
    level: float,
    about: dict[str, str],
    *,
    as_json: bool,
) -> None:
    from pulposus.cli._evidence_text import event_lines
    from pulposus.evidence import pool_events

    found = pool_events(base, outcome, month, exclude=tuple(require_studies(base, exclude)), level=level)
    if as_json:
        print_json({**found.as_dict(), "level": level, "evidence": about, "research_use_only": True})
    else:
        print_text(*event_lines(found, level), "", RESEARCH_USE)


def _print_bias_adjusted(
    base: EvidenceBase, month: float, level: float, seed: int, about: dict[str, str], *, as_json: bool, **options: Any
) -> None:
    from pulposus.cli._evidence_text import posterior_lines
    from pulposus.evidence import Sampling, arm_evidence, bias_adjusted_pool

    rows = arm_evidence(base, month, **options)
    print_note(f"sampling the posterior of {len(rows)} arms")
    found = bias_adjusted_pool(rows, level=level, sampling=Sampling(seed=seed))
    if as_json:
        document = dataclasses.asdict(found)
        print_json(
            {
                **document,
                "arms": [dataclasses.asdict(row) for row in rows],
                "evidence": about,
                "research_use_only": True,
            }
        )
    else:
        print_text(*posterior_lines(found, rows), "", RESEARCH_USE)


def selection_of(
    base: EvidenceBase,
    contrast: Any,
    outcome: str,
    month: float,
    classes: list[str] | None,
    exclude: list[str] | None,
    nearest: bool,
    derived_baselines: bool,
    correlation: float | None,
) -> Selection:
    from pulposus.evidence import select

    return select(
        base,
        contrast,
        domain_of(outcome),
        month,
        nearest=nearest,
        classes=require_classes(classes),
        exclude=require_studies(base, exclude),
        correlation=correlation,
        derived_baselines=derived_baselines,
    )


def _pools(selection: Selection, method: str, test: str, level: float, *, across_classes: bool) -> list[Pool]:
    """Every class apart, and all together where asked for; an empty selection is one pool that says so."""
    from pulposus.evidence import pool, pools_by_class

    options = {"method": method, "test": test, "level": level}
    apart = list(pools_by_class(selection, **options))
    if across_classes and len(apart) > 1:
        apart.append(pool(selection, across_classes=True, **options))
    return apart or [pool(selection, **options)]


def require_no_columns(yi: str, vi: str, sei: str, mods: list[str] | None, label: str) -> None:
    """Columns belong to a file."""
    for name, value in (("--yi", yi), ("--vi", vi), ("--sei", sei), ("--mods", mods), ("--label", label)):
        if value:
            raise UsageError(
                f"{name} names a column, but there is no file", where=f"option {name}", remedy="add --data FILE"
            )
