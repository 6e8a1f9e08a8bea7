"""`pulposus evidence forest`, `funnel`, `timeline`: pictures of pools."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._evidence_options import (
    RESEARCH_USE,
    Add,
    Classes,
    Exclude,
    Outcome,
    contrasts_of,
    domain_of,
    evidence_base,
    require_classes,
    require_studies,
    write_output,
)
from pulposus.cli._evidence_request import Contrast, Request, spread_options
from pulposus.cli._output import Json, print_json, print_note
from pulposus.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pulposus.evidence import MetaResult, Pool

PICTURES = (".svg", ".png")

Out = Annotated[Path | None, typer.Option(help="Picture to write: .svg or .png.")]


@dataclasses.dataclass(frozen=True)
class PictureRequest(Request):
    """What a picture shows: one pool."""

    contrast: Contrast = "between-arms"


@dataclasses.dataclass(frozen=True)
class ForestRequest(PictureRequest):
    """What a forest plot shows."""

    cumulative: Annotated[
        bool, typer.Option("--cumulative", help="The pool after each study, in the order of years.")
    ] = False


@dataclasses.dataclass(frozen=True)
class FunnelRequest(PictureRequest):
    """What a funnel plot shows."""

    trim_and_fill: Annotated[
        bool, typer.Option("--trim-and-fill", help="Add the studies that trim and fill puts in.")
    ] = False


@spread_options
def forest(out: Out = None, *, request: ForestRequest, as_json: Json = False) -> None:
    """Draw a forest plot of a pool."""
    picture = _picture(out)
    if request.data is not None:
        result = request.pool_of_file(request.data)
        figure = _forest_of_data(result, request.data, request)
        document = {**result.as_dict(), "data": str(request.data)}
    else:
        found = _pool_of_evidence(request)
        figure, document = _forest_of_pool(found, request), found.as_dict()
    _finish(figure, picture, document, as_json=as_json)


@spread_options
def funnel(out: Out = None, *, request: FunnelRequest, as_json: Json = False) -> None:
    """Draw a funnel plot of a pool, with Egger's test."""
    from pulposus.evidence import egger_test, funnel_plot, trim_and_fill

    picture = _picture(out)
    if request.data is not None:
        result = request.pool_of_file(request.data)
        title, axis = request.data.name, request.yi
    else:
        found = _pool_of_evidence(request)
        result = _require_result(found)
        title, axis = found.name, _axis(found, request.outcome)
    asymmetry = egger_test(result) if result.k > 2 else None
    filled = trim_and_fill(result) if request.trim_and_fill else None
    figure = funnel_plot(result, filled=filled, test=asymmetry, title=title, x_label=axis)
    document = {"egger": dataclasses.asdict(asymmetry) if asymmetry is not None else None, **result.as_dict()}
    _finish(figure, picture, document, as_json=as_json)


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


def _pool_of_evidence(request: PictureRequest) -> Pool:
    """One pool of the evidence."""
    from pulposus.evidence import pool

    request.require_no_columns()
    base = evidence_base(request.add)
    kind = contrasts_of(request.contrast or "between-arms")[0]
    return pool(request.selection(base, kind), across_classes=request.across_classes, **request.model)


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


def _forest_of_data(result: MetaResult, file: Path, request: ForestRequest) -> Figure:
    from pulposus.evidence import cumulative, cumulative_plot, forest_plot, forest_rows

    if request.cumulative:
        return cumulative_plot(cumulative(result), title=file.name, x_label=request.yi)
    return forest_plot(forest_rows(result), result, title=file.name, x_label=request.yi)


def _forest_of_pool(found: Pool, request: ForestRequest) -> Figure:
    from pulposus.evidence import cumulative, cumulative_plot, forest_plot, forest_rows, subgroups

    result = _require_result(found)
    options: dict[str, Any] = {
        "title": found.name,
        "x_label": _axis(found, request.outcome),
        "decimals": 1,
        "footnote": "Change before-after is not the effect of cells."
        if found.selection.contrast == "before-after"
        else "",
    }
    if request.cumulative:
        return cumulative_plot(cumulative(result, [row.study.year or 0 for row in found.rows]), **options)
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
