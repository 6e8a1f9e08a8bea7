"""Funnel plot: outcome against standard error, with contours of significance and the funnel of the pool.

Shades mark where a study alone would have p below 0.10, 0.05 and 0.01 against the reference (Peters et al. 2008,
doi:10.1016/j.jclinepi.2007.11.010); dashed lines hold 95 % of the studies if they differed by sampling error only. Studies that trim and
fill adds are hollow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pulposus.errors import InvalidInput
from pulposus.evidence._meta_result import MetaResult, quantile
from pulposus.evidence._plot_canvas import DISCLAIMER, FILLED, INK, POOL, SOFT, STUDY, describe, style
from pulposus.evidence._plot_scale import scale
from pulposus.evidence._small_study import AsymmetryTest, TrimAndFill

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Shades from dark to light: p above 0.10 is white.
_CONTOURS = ((0.10, "#f1f4f7"), (0.05, "#dfe6ed"), (0.01, "#c9d5e0"))


def funnel_plot(
    result: MetaResult,
    *,
    filled: TrimAndFill | None = None,
    test: AsymmetryTest | None = None,
    contours: bool = True,
    reference: float = 0.0,
    title: str = "",
    x_label: str = "",
    scale_name: str = "linear",
    decimals: int = 2,
) -> Figure:
    """Draw a funnel plot.

    Args:
        result: Pool without moderators.
        filled: Trim and fill of the same studies: adds the studies that it filled in and its estimate.
        test: An asymmetry test, printed in the corner.
        contours: Shade the regions of significance around the reference.
        reference: Outcome of no effect.
        title: Heading.
        x_label: Outcome and unit.
        scale_name: `linear`, `log` or `logit`.
        decimals: Decimals of printed values.

    Returns:
        The figure; its label is a description in words.

    Raises:
        InvalidInput: The pool has moderators.
    """
    from matplotlib.figure import Figure

    if result.data.p > 1:
        raise InvalidInput("the model has moderators", where="moderators", allowed="a pool without moderators")
    shown = scale(scale_name, decimals)
    yi, se = result.data.yi, np.sqrt(result.data.vi)
    added = np.zeros(0) if filled is None else filled.result.data.yi[result.k :]
    added_se = np.zeros(0) if filled is None else np.sqrt(filled.result.data.vi[result.k :])
    deepest = 1.06 * float(max(se.max(), added_se.max(initial=0.0)))
    widest = quantile("z", 1, result.level) * deepest
    marks = [result.estimate - widest, result.estimate + widest, *((reference,) if contours else ())]
    every = np.concatenate([yi, added, marks])
    low, high = float(every.min()), float(every.max())
    low, high = low - 0.03 * (high - low), high + 0.03 * (high - low)
    with style():
        figure = Figure(figsize=(7.2, 4.5), layout="constrained")
        axes = figure.add_subplot()
        axes.set_xlim(low, high)
        axes.set_ylim(deepest, 0.0)
        if contours:
            _shade(axes, reference, deepest)
        _funnel(axes, result, deepest, widest)
        axes.plot(
            yi,
            se,
            marker="o",
            markersize=5.0,
            color=STUDY,
            markeredgecolor=INK,
            markeredgewidth=0.5,
            linestyle="none",
            label="study",
            zorder=4,
        )
        if filled is not None:
            axes.plot(
                added,
                added_se,
                marker="o",
                markersize=5.0,
                markerfacecolor="#ffffff",
                markeredgecolor=INK,
                linestyle="none",
                label=f"filled in ({filled.missing})",
                zorder=4,
            )
            axes.axvline(
                filled.result.estimate,
                color=FILLED,
                linewidth=1.2,
                linestyle=":",
                label=f"with filled studies {shown.text(filled.result.estimate)}",
                zorder=3,
            )
        places, texts = shown.ticks(low, high)
        axes.set_xticks(places, texts)
        axes.set_xlabel(x_label)
        axes.set_ylabel("Standard error")
        if title:
            axes.set_title(title, loc="left", fontsize=10.0, fontweight="bold")
        _legend(figure, axes)
        note = DISCLAIMER if test is None else f"{_test_text(test)}\n{DISCLAIMER}"
        figure.supxlabel(note, x=0.01, ha="left", fontsize=7.0, color=SOFT, style="italic")
    describe(figure, _words(result, filled, test, title or x_label or "outcome", shown.text))
    return figure


def _shade(axes: Axes, reference: float, deepest: float) -> None:
    depth = np.array([0.0, deepest])
    low, high = axes.get_xlim()
    bounds = [quantile("z", 1, 1.0 - p) for p, _ in _CONTOURS]
    for place, (p, colour) in enumerate(_CONTOURS):
        inner = bounds[place] * depth
        last = place + 1 == len(bounds)
        outer = np.full(2, max(abs(low - reference), abs(high - reference))) if last else bounds[place + 1] * depth
        text = f"p < {p:g}" if last else f"{_CONTOURS[place + 1][0]:g} < p < {p:g}"
        axes.fill_betweenx(
            depth,
            reference + inner,
            reference + np.maximum(outer, inner),
            color=colour,
            linewidth=0.0,
            label=text,
            zorder=0,
        )
        axes.fill_betweenx(
            depth, reference - np.maximum(outer, inner), reference - inner, color=colour, linewidth=0.0, zorder=0
        )
    axes.axvline(reference, color=SOFT, linewidth=0.7, zorder=1)


def _funnel(axes: Axes, result: MetaResult, deepest: float, widest: float) -> None:
    axes.axvline(result.estimate, color=POOL, linewidth=1.3, label="pool", zorder=2)
    for sign in (-1.0, 1.0):
        axes.plot(
            [result.estimate, result.estimate + sign * widest],
            [0.0, deepest],
            color=POOL,
            linewidth=0.9,
            linestyle=(0, (4, 3)),
            label=f"{100.0 * result.level:g}% of studies without heterogeneity" if sign < 0.0 else None,
            zorder=2,
        )


def _legend(figure: Figure, axes: Axes) -> None:
    handles, texts = axes.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside right upper", handlelength=1.6)


def _test_text(test: AsymmetryTest) -> str:
    statistic = f"{test.statistic:.2f}".replace("-", "−")
    symbol = "tau" if "Kendall" in test.name else "z" if test.df is None else f"t({test.df})"
    return f"{test.name[0].upper()}{test.name[1:]}: {symbol} = {statistic}, p = {test.p:.3f}."


def _words(
    result: MetaResult, filled: TrimAndFill | None, test: AsymmetryTest | None, subject: str, text: object
) -> str:
    assert callable(text)
    se = np.sqrt(result.data.vi)
    parts = [
        f"Funnel plot of {subject}: {result.k} studies with standard errors from {se.min():.3g} to {se.max():.3g} "
        f"around a pool of {text(result.estimate)}."
    ]
    if filled is not None:
        parts.append(
            f"Trim and fill adds {filled.missing} studies on the {filled.side}; the pool would be {text(filled.result.estimate)}."
        )
    if test is not None and math.isfinite(test.p):
        parts.append(_test_text(test))
    return " ".join(parts)
