"""`pulposus evidence forest`, `funnel`, `timeline`: pictures of pools."""

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
    write_output,
)
from pulposus.cli._evidence_pool import Data, Label, Mixed, Request, Sei, Vi, Yi, require_no_columns, selection_of
from pulposus.cli._output import Json, print_json, print_note
from pulposus.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pulposus.evidence import MetaResult, Pool, Selection

PICTURES = (".svg", ".png")

Out = Annotated[Path | None, typer.Option(help="Picture to write: .svg or .png.")]


def forest(
    out: Out = None,
    data: Data = None,
    yi: Yi = "",
    vi: Vi = "",
    sei: Sei = "",
    label: Label = "",
    mixed: Mixed = False,
    outcome: Outcome = "VAS",
    month: Month = 12.0,
    contrast: Contrast = "between-arms",
    classes: Classes = None,
    exclude: Exclude = None,
    nearest: Nearest = False,
    derived_baselines: DerivedBaselines = False,
    across_classes: AcrossClasses = False,
    cumulative: Annotated[
        bool, typer.Option("--cumulative", help="The pool after each study, in the order of years.")
    ] = False,
    correlation: Correlation = None,
    add: Add = None,
    method: Method = "REML",
    test: Test = "knha",
    level: Level = 0.95,
    as_json: Json = False,
) -> None:
    """Draw a forest plot of a pool."""
    out = _picture(out)
    if data is not None:
        result = Request(data, yi, vi, sei, (), label, mixed, method, test, level).result()
        figure, document = (
            _forest_of_data(result, data, yi, cumulative=cumulative),
            {**result.as_dict(), "data": str(data)},
        )
    else:
        require_no_columns(yi, vi, sei, None, label)
        base = evidence_base(add)
        kind = contrasts_of(contrast or "between-arms")[0]
        selection = selection_of(base, kind, outcome, month, classes, exclude, nearest, derived_baselines, correlation)
        found = _one_pool(selection, method, test, level, across_classes=across_classes)
        figure, document = _forest_of_pool(found, outcome, cumulative=cumulative), found.as_dict()
    _finish(figure, out, document, as_json=as_json)


def funnel(
    out: Out = None,
    data: Data = None,
    yi: Yi = "",
    vi: Vi = "",
    sei: Sei = "",
    label: Label = "",
    mixed: Mixed = False,
    outcome: Outcome = "VAS",
    month: Month = 12.0,
    contrast: Contrast = "between-arms",
    classes: Classes = None,
    exclude: Exclude = None,
    nearest: Nearest = False,
    derived_baselines: DerivedBaselines = False,
    across_classes: AcrossClasses = False,
    trim_and_fill: Annotated[
        bool, typer.Option("--trim-and-fill", help="Add the studies that trim and fill puts in.")
    ] = False,
    correlation: Correlation = None,
    add: Add = None,
    method: Method = "REML",
    test: Test = "knha",
    level: Level = 0.95,
    as_json: Json = False,
) -> None:
    """Draw a funnel plot of a pool, with Egger's test."""
    from pulposus.evidence import egger_test, funnel_plot
    from pulposus.evidence import trim_and_fill as fill

    out = _picture(out)
    if data is not None:
        result = Request(data, yi, vi, sei, (), label, mixed, method, test, level).result()
        title, axis = data.name, yi
    else:
        require_no_columns(yi, vi, sei, None, label)
        base = evidence_base(add)
        kind = contrasts_of(contrast or "between-arms")[0]
        selection = selection_of(base, kind, outcome, month, classes, exclude, nearest, derived_baselines, correlation)
        found = _one_pool(selection, method, test, level, across_classes=across_classes)
        result = _require_result(found)
        title, axis = found.name, _axis(found, outcome)
    asymmetry = egger_test(result) if result.k > 2 else None
    figure = funnel_plot(
        result, filled=fill(result) if trim_and_fill else None, test=asymmetry, title=title, x_label=axis
    )
    document = {"egger": dataclasses.asdict(asymmetry) if asymmetry is not None else None, **result.as_dict()}
    _finish(figure, out, document, as_json=as_json)


def timeline(
    out: Out = None,
    outcome: Outcome = "VAS",
    classes: Classes = None,
    exclude: Exclude = None,
    add: Add = None,
    as_json: Json = False,
) -> None:
    """Draw the change since baseline over time, by study and arm, with the smallest important change."""
    from pulposus.evidence import courses_of, important_change, outcome_over_time_plot

    out = _picture(out)
    base = evidence_base(add)
    domain = domain_of(outcome)
    courses = courses_of(base, domain, classes=require_classes(classes), exclude=require_studies(base, exclude))
    threshold = important_change(base, domain)
    figure = outcome_over_time_plot(
        courses,
        smallest_change=-threshold.value,
        smallest_change_text=f"smallest important change ({threshold.source})",
        title=f"{domain}, change since baseline",
        y_label="Points of 100",
        footnote="Treated arms hold natural course and context; some intervals rest on an assumed SD.",
    )
    document = {
        "domain": domain,
        "smallest_important_change": -threshold.value,
        "courses": [dataclasses.asdict(one) for one in courses],
    }
    _finish(figure, out, document, as_json=as_json)


def _one_pool(selection: Selection, method: str, test: str, level: float, *, across_classes: bool) -> Pool:
    from pulposus.evidence import pool

    return pool(selection, method=method, test=test, level=level, across_classes=across_classes)


def _require_result(found: Pool) -> MetaResult:
    if found.result is None:
        raise InvalidInput(
            f"{len(found.rows)} cohort{'s' if len(found.rows) != 1 else ''} in the pool {found.name}",
            allowed="two or more",
            remedy="try another month, --nearest, another contrast or class",
        )
    return found.result


def _axis(found: Pool, outcome: str) -> str:
    what = "change since baseline" if found.selection.contrast == "before-after" else "difference between arms"
    return f"{outcome.upper()}, {what} [points of 100]"


def _forest_of_data(result: MetaResult, path: Path, yi: str, *, cumulative: bool) -> Figure:
    from pulposus.evidence import cumulative as steps
    from pulposus.evidence import cumulative_plot, forest_plot, forest_rows

    if cumulative:
        return cumulative_plot(steps(result), title=path.name, x_label=yi)
    return forest_plot(forest_rows(result), result, title=path.name, x_label=yi)


def _forest_of_pool(found: Pool, outcome: str, *, cumulative: bool) -> Figure:
    from pulposus.evidence import cumulative as steps
    from pulposus.evidence import cumulative_plot, forest_plot, forest_rows, subgroups

    result = _require_result(found)
    options: dict[str, Any] = {
        "title": found.name,
        "x_label": _axis(found, outcome),
        "decimals": 1,
        "footnote": "Change before-after is not the effect of cells."
        if found.selection.contrast == "before-after"
        else "",
    }
    if cumulative:
        return cumulative_plot(steps(result, [row.study.year or 0 for row in found.rows]), **options)
    groups = [row.cell_class for row in found.rows]
    columns = [(f"{row.n} vs {row.n_control}" if row.n_control else str(row.n), f"{row.month:g}") for row in found.rows]
    # Subgroup diamonds need classes with two cohorts each.
    several = len(set(groups)) > 1 and all(groups.count(name) > 1 for name in groups)
    return forest_plot(
        forest_rows(result, groups=groups if several else None, columns=columns),
        result,
        subgroups=subgroups(result, groups) if several else None,
        column_heads=("n", "month"),
        favours=(
            "improved" if found.selection.contrast == "before-after" else "favours treatment",
            "worse" if found.selection.contrast == "before-after" else "favours control",
        ),
        **options,
    )


def _picture(path: Path | None) -> Path:
    if path is None:
        raise UsageError("no picture was named", where="option --out", allowed="--out NAME.svg or --out NAME.png")
    if path.suffix.lower() not in PICTURES:
        raise InvalidInput(
            f'cannot write a picture to "{path}"', where="option --out", allowed="a name ending in .svg or .png"
        )
    return path


def _finish(figure: Figure, out: Path, document: dict[str, Any], *, as_json: bool) -> None:
    from pulposus.evidence import plot_bytes

    write_output(out, plot_bytes(figure, out.suffix.lstrip(".").lower()))
    if as_json:
        print_json({**document, "picture": str(out), "research_use_only": True})
    else:
        print_note(RESEARCH_USE)
