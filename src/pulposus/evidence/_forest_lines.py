"""Lines of a forest plot: what each shows, and its mark: a square with a whisker, a diamond, or the bar of a prediction interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulposus.evidence._meta_result import MetaResult
from pulposus.evidence._plot_canvas import POOL, PREDICTION, STUDY

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class ForestRow:
    """One study (or one pool of a cumulative plot).

    Attributes:
        label: Name.
        estimate: Outcome.
        ci_low: Lower bound.
        ci_high: Upper bound.
        weight: Weight in percent; None draws a square of middle size.
        group: Subgroup; None without subgroups.
        columns: Texts of further columns, such as n or the cell source.
    """

    label: str
    estimate: float
    ci_low: float
    ci_high: float
    weight: float | None = None
    group: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One line of the plot, from the top.

    Attributes:
        kind: `study`, `group` (its name), `subpool`, `pool`, `prediction`, `note`, `rule` or `gap`.
        label: Text of the first column.
        row: The study.
        result: The pool.
    """

    kind: str
    label: str
    row: ForestRow | None = None
    result: MetaResult | None = None


def draw_mark(axes: Axes, line: Line, y: float, ends: tuple[float, float], heaviest: float) -> None:
    """Draw the mark of a line.

    Args:
        axes: Where.
        line: The line.
        y: Its place, counted from the top.
        ends: Ends of the axis; what lies beyond is cut and gets an arrow.
        heaviest: Largest weight of a study, whose square is the largest.
    """
    if line.row is not None:
        row = line.row
        _whisker(axes, row.ci_low, row.ci_high, y, ends, STUDY)
        share = 0.5 if row.weight is None or heaviest == 0.0 else row.weight / heaviest
        if ends[0] <= row.estimate <= ends[1]:
            axes.plot(
                [row.estimate],
                [y],
                marker="s",
                markersize=2.5 + 6.0 * math.sqrt(share),
                color=STUDY,
                linestyle="none",
                zorder=3,
            )
        return
    if line.result is None:
        return
    if line.kind == "prediction":
        low, high = line.result.prediction_low, line.result.prediction_high
        assert low is not None and high is not None
        inside = max(low, ends[0]), min(high, ends[1])
        axes.plot(inside, [y, y], color=PREDICTION, linewidth=4.0, solid_capstyle="butt", zorder=3)
        return
    from matplotlib.patches import Polygon

    result = line.result
    half = 0.30 if line.kind == "pool" else 0.24
    corners = [
        (max(result.ci_low, ends[0]), y),
        (result.estimate, y - half),
        (min(result.ci_high, ends[1]), y),
        (result.estimate, y + half),
    ]
    for bound, arrow in ((result.ci_low, "<"), (result.ci_high, ">")):
        if not ends[0] <= bound <= ends[1]:
            place = ends[0] if bound < ends[0] else ends[1]
            axes.plot([place], [y], marker=arrow, markersize=4.5, color=POOL, linestyle="none", zorder=3, clip_on=False)
    whole = line.kind == "pool"
    axes.add_patch(
        Polygon(corners, closed=True, facecolor=POOL if whole else "#ffffff", edgecolor=POOL, linewidth=1.0, zorder=3)
    )


def _whisker(axes: Axes, low: float, high: float, y: float, ends: tuple[float, float], colour: str) -> None:
    first, last = max(low, ends[0]), min(high, ends[1])
    if first >= last:
        return
    axes.plot([first, last], [y, y], color=colour, linewidth=1.1, zorder=2)
    for bound, clipped, arrow in ((first, low < ends[0], "<"), (last, high > ends[1], ">")):
        axes.plot(
            [bound],
            [y],
            marker=arrow if clipped else "|",
            markersize=4.5,
            color=colour,
            linestyle="none",
            zorder=2,
            clip_on=False,
        )
