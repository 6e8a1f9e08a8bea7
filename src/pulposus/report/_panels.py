"""Small line charts side by side: one panel per quantity, one line per run or arm, the same lines in every panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._figure import canvas, mark_simulated, svg_link, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pulposus.report._matrix_rows import Series

# A range below this share of the value is drawn no larger, so that rounding does not look like an effect.
LEAST_SPAN = 0.02
ACROSS = 3


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        label: Name in the legend.
        colour: Colour.
        dash: Line style of Matplotlib.
        series: Times and values as drawn.
        marker: Marker of Matplotlib on some points; empty for none.
        width: Line width in points.
    """

    label: str
    colour: str
    dash: Any
    series: Series
    marker: str = ""
    width: float = 2.0


@dataclass(frozen=True)
class Panel:
    """One quantity: its title, its unit on the axis, its lines, and a note below the panel."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    note: str = ""


def treatment_axis(axes: Axes, moments: Sequence[float]) -> None:
    """Time since injection, for a narrow panel."""
    time_axis(axes, moments, narrow=True)


def steady_limits(values: np.ndarray) -> tuple[float, float]:
    """Limits of an axis with room around the values, at least 2 % of their size apart."""
    low, high = float(values.min()), float(values.max())
    span = max(high - low, LEAST_SPAN * max(abs(low), abs(high)))
    if span == 0.0:
        return -0.05, 1.0
    middle = 0.5 * (low + high)
    floor, ceiling = middle - 0.62 * span, middle + 0.62 * span
    # A quantity that is never negative gets no axis below zero but for the width of its line.
    return (max(floor, -0.04 * ceiling) if low >= 0.0 else floor), ceiling


def draw_panels(
    panels: Sequence[Panel],
    time_label: str,
    axis: Callable[[Axes, Sequence[float]], None] = treatment_axis,
    legend_columns: int = 4,
) -> str:
    """All panels as one picture.

    Args:
        panels: At least one.
        time_label: Below the whole picture.
        axis: Sets the time axis of a panel from the plotted times.
        legend_columns: Entries of the legend beside each other.

    Returns:
        SVG as a `data:` link.
    """
    down = -(-len(panels) // ACROSS)
    handles: dict[str, Any] = {}
    with canvas(11.0, 0.7 + 2.35 * down) as drawn:
        grid = drawn.subplots(down, ACROSS, squeeze=False, gridspec_kw={"wspace": 0.06})
        for axes in grid.ravel()[len(panels) :]:
            axes.set_axis_off()
        for axes, panel in zip(grid.ravel(), panels, strict=False):
            for place, line in enumerate(panel.lines):
                count = len(line.series.moments)
                # The markers of equal lines stand at different points, so that all of them are seen.
                every = max(len(panel.lines), count // 5)
                (handles[line.label],) = axes.plot(
                    line.series.moments,
                    line.series.values,
                    linestyle=line.dash,
                    color=line.colour,
                    linewidth=line.width,
                    marker=line.marker or None,
                    markevery=(place % min(every, count), every),
                    markersize=4.5,
                    label=line.label,
                )
            axes.set_ylim(*steady_limits(np.concatenate([line.series.values for line in panel.lines])))
            axes.set_title(panel.title)
            axes.set_ylabel(panel.unit)
            axis(axes, sorted({float(day) for line in panel.lines for day in line.series.moments}))
            if panel.note:
                axes.set_xlabel(panel.note, fontsize=8)
        drawn.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=legend_columns)
        drawn.text(0.5, 0.005, time_label, ha="center", fontsize=8.5)
        mark_simulated(drawn)
        return svg_link(drawn)
