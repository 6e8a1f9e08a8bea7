"""Drawing of a forest plot: columns of text left and right of an axis, one row per line, sizes measured from the text itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.evidence._forest_lines import Line, draw_mark
from pulposus.evidence._meta_result import MetaResult
from pulposus.evidence._plot_canvas import DISCLAIMER, FAINT, INK, PAPER, SOFT
from pulposus.evidence._plot_scale import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches: height of a row, space between columns, width of the axis, margin of the page.
_ROW, _GAP, _PLOT, _MARGIN = 0.235, 0.16, 3.1, 0.12
_VALUE_HEADS = {"linear": "Estimate", "log": "Ratio", "logit": "Proportion"}


def draw_forest(
    lines: list[Line],
    shown: Scale,
    ends: tuple[float, float],
    *,
    title: str,
    x_label: str,
    reference: float | None,
    favours: tuple[str, str] | None,
    study_head: str,
    heads: Sequence[str],
    result: MetaResult | None,
    footnote: str,
) -> Figure:
    from matplotlib.figure import Figure

    level = 95.0 if result is None else 100.0 * result.level
    weights = [line.row.weight for line in lines if line.row is not None and line.row.weight is not None]
    left = _columns(lines, study_head, heads)
    right = [[f"{_VALUE_HEADS[shown.name]} [{level:g}% CI]", *(_value(line, shown) for line in lines)]]
    if weights:
        right.append(["Weight", *(_weight(line) for line in lines)])

    left_widths, right_widths = _column_widths(lines, left, right)
    left_width = sum(left_widths) + _GAP * len(left_widths)
    width = 2.0 * _MARGIN + left_width + _PLOT + sum(right_widths) + _GAP * (len(right_widths) + 1)
    head = 0.30 + (0.28 if title else 0.0)
    foot = 0.62 + (0.2 if favours else 0.0) + (0.17 if footnote else 0.0)
    height = head + foot + _ROW * len(lines)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes(((_MARGIN + left_width) / width, foot / height, _PLOT / width, _ROW * len(lines) / height))
    _frame(axes, shown, ends, len(lines), reference, favours, x_label)
    _texts(figure, axes, lines, left, left_widths, right, right_widths)
    for place, line in enumerate(lines):
        draw_mark(axes, line, float(place), ends, max(weights, default=0.0))
    if title:
        figure.text(_MARGIN / width, 1.0 - 0.1 / height, title, fontweight="bold", fontsize=10.0, va="top")
    if footnote:
        figure.text(_MARGIN / width, 0.24 / height, footnote, fontsize=7.0, color=SOFT, va="bottom")
    figure.text(_MARGIN / width, 0.07 / height, DISCLAIMER, fontsize=7.0, color=SOFT, style="italic", va="bottom")
    return figure


def _column_widths(lines: list[Line], left: list[list[str]], right: list[list[str]]) -> tuple[list[float], list[float]]:
    """Inches that the columns need; the first is wide enough for the names of the pools to run under the others."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    paper = Figure()
    renderer = FigureCanvasAgg(paper).get_renderer()

    def inches(text: str, *, bold: bool) -> float:
        drawn = paper.text(0, 0, text, fontweight="bold" if bold else "normal")
        return float(drawn.get_window_extent(renderer).width) / paper.dpi

    def widest(texts: Sequence[str], *, bold: bool) -> float:
        return max((inches(text, bold=bold) for text in texts if text), default=0.0)

    names = [line.label for line in lines if line.kind in {"study", "group", "subpool"}]
    first = max(
        widest(names, bold="subpool" in {line.kind for line in lines}) + _MARGIN, widest(left[0][:1], bold=True)
    )
    found = [first, *(max(widest(column[1:], bold=False), widest(column[:1], bold=True)) for column in left[1:])]
    pools = widest([line.label for line in lines if line.kind == "pool"], bold=True)
    found[0] += max(0.0, pools - sum(found) - _GAP * (len(found) - 1))
    return found, [max(widest(column[1:], bold=True), widest(column[:1], bold=True)) for column in right]


def _columns(lines: list[Line], study_head: str, heads: Sequence[str]) -> list[list[str]]:
    columns = [[study_head, *(line.label for line in lines)]]
    for place, name in enumerate(heads):
        columns.append([name, *("" if line.row is None else line.row.columns[place] for line in lines)])
    return columns


def _value(line: Line, shown: Scale) -> str:
    if line.row is not None:
        return shown.interval(line.row.estimate, line.row.ci_low, line.row.ci_high)
    if line.result is None:
        return ""
    if line.kind == "prediction":
        low, high = line.result.prediction_low, line.result.prediction_high
        assert low is not None and high is not None
        return f"[{shown.text(low)}, {shown.text(high)}]"
    return shown.interval(line.result.estimate, line.result.ci_low, line.result.ci_high)


def _weight(line: Line) -> str:
    return "" if line.row is None or line.row.weight is None else f"{line.row.weight:.1f}%"


def _frame(
    axes: Axes,
    shown: Scale,
    ends: tuple[float, float],
    number: int,
    reference: float | None,
    favours: tuple[str, str] | None,
    x_label: str,
) -> None:
    axes.set_xlim(*ends)
    axes.set_ylim(number - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    places, texts = shown.ticks(*ends)
    axes.set_xticks(places, texts)
    axes.set_xlabel(x_label, labelpad=16.0 if favours else 3.0)
    if reference is not None and ends[0] <= reference <= ends[1]:
        axes.axvline(reference, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        if favours:
            fraction = (reference - ends[0]) / (ends[1] - ends[0])
            drop = -0.36 / (number * _ROW)
            style = {"transform": axes.transAxes, "va": "center", "fontsize": 7.5, "color": SOFT}
            axes.text(fraction - 0.03, drop, f"← {favours[0]}", ha="right", **style)
            axes.text(fraction + 0.03, drop, f"{favours[1]} →", ha="left", **style)


def _texts(
    figure: Figure,
    axes: Axes,
    lines: list[Line],
    left: list[list[str]],
    left_widths: list[float],
    right: list[list[str]],
    right_widths: list[float],
) -> None:
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(figure.transFigure, axes.transData)
    width = float(figure.get_figwidth())
    kinds = ["head", *(line.kind for line in lines)]
    bold = {"head", "group", "pool", "subpool"}

    def write(texts: list[str], x: float, align: str) -> None:
        for place, (kind, text) in enumerate(zip(kinds, texts, strict=True)):
            if not text:
                continue
            shift = 0.12 / width if kind in {"study", "subpool"} and "group" in kinds and align == "left" else 0.0
            axes.text(
                x + shift,
                place - 1.0 if kind != "head" else -1.15,
                text,
                transform=across,
                ha=align,
                va="center",
                fontweight="bold" if kind in bold else "normal",
                fontsize=7.5 if kind == "note" else 8.5,
                color=SOFT if kind == "note" else INK,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.0} if kind == "note" else None,
                zorder=4,
            )

    x = _MARGIN
    for place, (texts, size) in enumerate(zip(left, left_widths, strict=True)):
        if place == 0:
            write(texts, x / width, "left")
        else:
            write(texts, (x + size) / width, "right")
        x += size + _GAP
    x += _PLOT
    for texts, size in zip(right, right_widths, strict=True):
        x += _GAP + size
        write(texts, x / width, "right")
    top = [_MARGIN / width, 1.0 - _MARGIN / width]
    axes.plot(top, [-0.72, -0.72], transform=across, color=INK, linewidth=0.8, clip_on=False)
    for place, line in enumerate(lines):
        if line.kind == "rule":
            axes.plot(top, [place, place], transform=across, color=FAINT, linewidth=0.8, clip_on=False)
