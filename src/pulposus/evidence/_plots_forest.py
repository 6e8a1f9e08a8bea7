"""Forest plot: every study with its interval and weight, diamonds for pools and subgroups, a bar for the prediction interval.

The layout is metafor's: study and columns on the left, estimate with interval on the right, one row per study, squares whose area is the
weight. The cumulative plot is the same with a pool in each row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pulposus.errors import InvalidInput
from pulposus.evidence._forest_layout import draw_forest
from pulposus.evidence._forest_lines import ForestRow, Line
from pulposus.evidence._meta_result import MetaResult, quantile
from pulposus.evidence._plot_canvas import describe, style
from pulposus.evidence._plot_scale import Scale, scale
from pulposus.evidence._sensitivity import Step, Subgroups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEST_NAMES = {"z": "normal test", "knha": "Knapp-Hartung", "adhoc": "Knapp-Hartung, ad hoc"}


def forest_rows(
    result: MetaResult, *, groups: Sequence[str] | None = None, columns: Sequence[Sequence[str]] | None = None
) -> list[ForestRow]:
    """The studies of a pool with normal intervals, as every forest plot shows them."""
    data = result.data
    half = quantile("z", 1, result.level)
    return [
        ForestRow(
            label=data.labels[place],
            estimate=float(data.yi[place]),
            ci_low=float(data.yi[place]) - half * math.sqrt(float(data.vi[place])),
            ci_high=float(data.yi[place]) + half * math.sqrt(float(data.vi[place])),
            weight=result.weights[place],
            group=None if groups is None else str(groups[place]),
            columns=() if columns is None else tuple(columns[place]),
        )
        for place in range(data.k)
    ]


def forest_plot(
    rows: Sequence[ForestRow],
    result: MetaResult | None,
    *,
    subgroups: Subgroups | None = None,
    title: str = "",
    x_label: str = "",
    scale_name: str = "linear",
    decimals: int = 2,
    reference: float | None = 0.0,
    favours: tuple[str, str] | None = None,
    study_head: str = "Study",
    column_heads: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    footnote: str = "",
) -> Figure:
    """Draw a forest plot.

    Args:
        rows: Studies, from the top. With subgroups, rows of a group need not stand together.
        result: Pool of all studies: diamond, prediction interval, heterogeneity; None draws the rows alone.
        subgroups: Pools of the groups named in the rows.
        title: Heading.
        x_label: Outcome and unit.
        scale_name: `linear`, `log` (shows ratios) or `logit` (shows proportions).
        decimals: Decimals of the printed values.
        reference: Outcome of no effect; None for no line.
        favours: What it means to lie left and right of the reference.
        study_head: Head of the first column.
        column_heads: Heads of the further columns.
        limits: Ends of the axis, in units of the outcomes; what lies beyond ends in an arrow.
        footnote: A line below the plot, before the note on use.

    Returns:
        The figure; its label is a description in words.

    Raises:
        InvalidInput: No rows, columns that do not fit their heads, a row without a known subgroup.
    """
    _check(rows, column_heads, subgroups)
    shown = scale(scale_name, decimals)
    lines = _lines(rows, result, subgroups)
    ends = limits or _limits(rows, result, reference)
    with style():
        figure = draw_forest(
            lines,
            shown,
            ends,
            title=title,
            x_label=x_label,
            reference=reference,
            favours=favours,
            study_head=study_head,
            heads=column_heads,
            result=result,
            footnote=footnote,
        )
    describe(figure, _words(rows, result, subgroups, shown, title or x_label or "outcome"))
    return figure


def cumulative_plot(steps: Sequence[Step], **options: Any) -> Figure:
    """Forest plot of the pools after each study; options as in `forest_plot`."""
    rows = [
        ForestRow(
            label=("+ " if number else "") + step.label,
            estimate=step.result.estimate,
            ci_low=step.result.ci_low,
            ci_high=step.result.ci_high,
            columns=(str(step.result.k),),
        )
        for number, step in enumerate(steps)
    ]
    heads = options.pop("column_heads", ("studies",))
    return forest_plot(rows, None, study_head="Study added", column_heads=heads, **options)


def _check(rows: Sequence[ForestRow], heads: Sequence[str], subgroups: Subgroups | None) -> None:
    if not rows:
        raise InvalidInput("there is nothing to draw", where="rows", allowed="at least one row")
    known = None if subgroups is None else {step.label for step in subgroups.groups}
    for row in rows:
        if len(row.columns) != len(heads):
            raise InvalidInput(
                f"{row.label} has {len(row.columns)} columns for {len(heads)} heads",
                where=row.label,
                allowed="one text per head",
            )
        if known is not None and row.group not in known:
            raise InvalidInput(
                f"{row.label} is in no subgroup of the pools", where=row.label, allowed=", ".join(sorted(known))
            )


def _lines(rows: Sequence[ForestRow], result: MetaResult | None, subgroups: Subgroups | None) -> list[Line]:
    lines: list[Line] = []
    if subgroups is None:
        lines += [Line("study", row.label, row) for row in rows]
    else:
        for step in subgroups.groups:
            lines.append(Line("group", step.label))
            lines += [Line("study", row.label, row) for row in rows if row.group == step.label]
            lines.append(Line("subpool", _pool_name(step.result, short=True), result=step.result))
            lines.append(Line("gap", ""))
        lines.append(
            Line(
                "note",
                f"Difference between subgroups: Q = {subgroups.q_between:.2f}, df = {subgroups.df}, {p_text(subgroups.p)}",
            )
        )
    if result is not None:
        lines.append(Line("rule", ""))
        lines.append(Line("pool", _pool_name(result, short=False), result=result))
        if result.prediction_low is not None:
            lines.append(Line("prediction", f"{100.0 * result.level:g}% prediction interval", result=result))
        lines.append(Line("note", heterogeneity_text(result)))
    return lines


def heterogeneity_text(result: MetaResult) -> str:
    """Q, I² and tau² in one line."""
    text = f"Heterogeneity: Q = {result.q:.2f}, df = {result.q_df}, {p_text(result.q_p)}; I² = {result.i2:.1f}%"
    return (
        text
        if result.tau2_ci is None
        else f"{text}, τ² = {_short(result.tau2)} ({_short(result.tau2_ci[0])} to {_short(result.tau2_ci[1])})"
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 1000.0 else f"{value:.3g}"


def p_text(p: float) -> str:
    """A p value as readers expect it."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.4f}" if p < 0.1 else f"p = {p:.2f}"


def _pool_name(result: MetaResult, *, short: bool) -> str:
    if result.k == 1:
        return "one study"
    model = "Fixed effects" if result.tau2_ci is None else "Random effects"
    return (
        f"{model} (k = {result.k})"
        if short
        else f"{model}, {result.method}, {_TEST_NAMES[result.test]} (k = {result.k})"
    )


def _limits(rows: Sequence[ForestRow], result: MetaResult | None, reference: float | None) -> tuple[float, float]:
    """From the smallest to the largest outcome, widened for intervals by at most that span."""
    centre = [row.estimate for row in rows]
    if reference is not None:
        centre.append(reference)
    if result is not None:
        centre += [result.ci_low, result.ci_high]
        centre += [bound for bound in (result.prediction_low, result.prediction_high) if bound is not None]
    span = max(centre) - min(centre) or max(row.ci_high - row.ci_low for row in rows) or 1.0
    low = max(min([*centre, *(row.ci_low for row in rows)]), min(centre) - span)
    high = min(max([*centre, *(row.ci_high for row in rows)]), max(centre) + span)
    margin = 0.04 * (high - low) or 0.5 * span
    return low - margin, high + margin


def _words(
    rows: Sequence[ForestRow], result: MetaResult | None, subgroups: Subgroups | None, shown: Scale, subject: str
) -> str:
    parts = [f"Forest plot of {subject}: {len(rows)} rows."]
    parts += [f"{row.label} {shown.interval(row.estimate, row.ci_low, row.ci_high)}." for row in rows]
    for step in () if subgroups is None else subgroups.groups:
        parts.append(
            f"Subgroup {step.label}: {shown.interval(step.result.estimate, step.result.ci_low, step.result.ci_high)}."
        )
    if result is not None:
        parts.append(f"Pool of {result.k}: {shown.interval(result.estimate, result.ci_low, result.ci_high)}.")
        if result.prediction_low is not None and result.prediction_high is not None:
            parts.append(
                f"Prediction interval {shown.text(result.prediction_low)} to {shown.text(result.prediction_high)}."
            )
        parts.append(f"{heterogeneity_text(result)}.")
    return " ".join(parts)
