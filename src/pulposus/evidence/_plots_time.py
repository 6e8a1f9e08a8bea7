"""Outcome over time by study, with the smallest change that matters to patients as a line.

Changes from baseline with their intervals; arms are told apart by line and marker, and names stand at the ends of the lines, so no legend
has to be matched by colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pulposus.errors import InvalidInput
from pulposus.evidence._plot_canvas import DISCLAIMER, INK, PAPER, SOFT, describe, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Dark and middle places of viridis; neighbours differ in lightness as well as in hue.
_COLOURS = ("#440154", "#31688e", "#1f9e89", "#6b4c9a", "#0d5c63", "#7d7c00", "#b5651d", "#5b6876")
_THRESHOLD = (0, (6, 3))
_ARMS = {"cells": ("-", "o"), "control": ((0, (4, 2)), "s"), "other": (":", "^")}


@dataclass(frozen=True)
class Course:
    """Change of an outcome in one arm of one study.

    Attributes:
        label: Study, and arm where it has several.
        arm: `cells`, `control` or `other`.
        months: Times after treatment.
        changes: Mean change from baseline at those times.
        ci_low: Lower bounds; NaN where the study gives none.
        ci_high: Upper bounds.
    """

    label: str
    arm: str
    months: tuple[float, ...]
    changes: tuple[float, ...]
    ci_low: tuple[float, ...] = ()
    ci_high: tuple[float, ...] = ()


def outcome_over_time_plot(
    courses: Sequence[Course],
    *,
    smallest_change: float | None = None,
    smallest_change_text: str = "smallest important change",
    title: str = "",
    y_label: str = "Change from baseline",
    footnote: str = "",
) -> Figure:
    """Draw outcome over time.

    Args:
        courses: One entry per arm of a study.
        smallest_change: Change that matters to a patient (MCID), with the sign of improvement; None for no line.
        smallest_change_text: What stands at that line, with its source.
        title: Heading.
        y_label: Outcome and unit.
        footnote: A line below, such as where intervals come from.

    Returns:
        The figure; its label is a description in words.

    Raises:
        InvalidInput: No courses, an arm that is not known, times and changes of different number.
    """
    from matplotlib.figure import Figure

    _check(courses)
    with style():
        figure = Figure(figsize=(7.6, 4.8), layout="constrained")
        axes = figure.add_subplot()
        last = max(max(course.months) for course in courses)
        axes.axhline(0.0, color=SOFT, linewidth=0.8, zorder=1)
        if smallest_change is not None:
            axes.axhline(smallest_change, color=INK, linewidth=1.0, linestyle=_THRESHOLD, zorder=1)
        _months(axes, last)
        for place, course in enumerate(courses):
            _line(axes, course, place, len(courses))
        axes.set_ylabel(y_label)
        axes.grid(axis="y", color="#e4e9ee", linewidth=0.8)
        axes.set_axisbelow(True)
        _names(axes, courses)
        if title:
            axes.set_title(title, loc="left", fontsize=10.0, fontweight="bold", pad=22.0)
        _legend(axes, courses, None if smallest_change is None else smallest_change_text)
        figure.supxlabel(
            "    ".join(part for part in (footnote, DISCLAIMER) if part),
            x=0.01,
            ha="left",
            fontsize=7.0,
            color=SOFT,
            style="italic",
        )
    describe(figure, _words(courses, smallest_change, title or y_label))
    return figure


def _check(courses: Sequence[Course]) -> None:
    if not courses:
        raise InvalidInput("there is nothing to draw", where="courses", allowed="at least one arm of a study")
    for course in courses:
        if course.arm not in _ARMS:
            raise InvalidInput(f"the arm {course.arm!r} is not known", where=course.label, allowed=", ".join(_ARMS))
        number = len(course.months)
        sizes = {len(course.changes), len(course.ci_low) or number, len(course.ci_high) or number}
        if number == 0 or sizes != {number}:
            raise InvalidInput(
                "times, changes and bounds differ in number", where=course.label, allowed="one change per time"
            )
        if not all(math.isfinite(value) for value in (*course.months, *course.changes)) or max(course.months) <= 0.0:
            raise InvalidInput(
                "a time or a change is missing, or no time is after the treatment",
                where=course.label,
                allowed="finite numbers",
            )


def _aside(place: int, number: int) -> float:
    """Points of 1/72 inch by which an arm is drawn aside, so that intervals at one time do not cover each other."""
    return 7.0 * (place / (number - 1) - 0.5) if number > 1 else 0.0


def _line(axes: Axes, course: Course, place: int, number: int) -> None:
    from matplotlib.transforms import ScaledTranslation

    dashes, marker = _ARMS[course.arm]
    colour = _COLOURS[place % len(_COLOURS)]
    # Arms beyond the number of colours have hollow markers.
    filled = place < len(_COLOURS)
    aside = _aside(place, number) / 72.0
    moved = axes.transData + ScaledTranslation(aside, 0.0, axes.figure.dpi_scale_trans)
    later = sorted((time, value) for time, value in zip(course.months, course.changes, strict=True) if time > 0.0)
    axes.plot(
        [0.0, *(time for time, _ in later)],
        [0.0, *(value for _, value in later)],
        transform=moved,
        color=colour,
        linestyle=dashes,
        linewidth=1.4,
        zorder=3,
    )
    axes.plot(
        [time for time, _ in later],
        [value for _, value in later],
        transform=moved,
        color=colour,
        linestyle="none",
        marker=marker,
        markersize=5.0,
        markerfacecolor=colour if filled else PAPER,
        markeredgecolor=PAPER if filled else colour,
        markeredgewidth=0.6 if filled else 1.2,
        zorder=4,
    )
    axes.update_datalim([(time, value) for time, value in later])
    for time, low, high in zip(course.months, course.ci_low, course.ci_high, strict=False):
        if time > 0.0 and math.isfinite(low) and math.isfinite(high):
            axes.plot([time, time], [low, high], transform=moved, color=colour, linewidth=0.9, alpha=0.7, zorder=2)
            axes.update_datalim([(time, low), (time, high)])
    axes.autoscale_view(scalex=False)


def _months(axes: Axes, last: float) -> None:
    """Months on the axis; beyond two years by their square root, so that the first year stays readable."""
    axes.set_xlabel("Months after treatment")
    if last > 24.0:
        axes.set_xscale("function", functions=(lambda time: np.sqrt(np.maximum(time, 0.0)), np.square))
        axes.set_xlabel("Months after treatment (square-root scale)")
        ticks = [tick for tick in (0.0, 1.0, 3.0, 6.0, 12.0, 24.0, 36.0, 60.0, 120.0, 240.0) if tick <= 1.03 * last]
    else:
        step = next(step for step in (0.25, 0.5, 1.0, 3.0, 6.0) if last / step <= 8.0)
        ticks = [step * number for number in range(int(last / step) + 1)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(0.0, 1.04 * last)


def _names(axes: Axes, courses: Sequence[Course]) -> None:
    """Names at the right, moved apart so that none covers another."""
    low, high = axes.get_ylim()
    needed = 0.042 * (high - low)
    ends = sorted(
        ((course.changes[course.months.index(max(course.months))], place) for place, course in enumerate(courses)),
        reverse=True,
    )
    heights: list[float] = []
    for value, _ in ends:
        heights.append(value if not heights else min(value, heights[-1] - needed))
    for place in range(len(heights) - 1, -1, -1):
        floor = low if place == len(heights) - 1 else heights[place + 1] + needed
        heights[place] = max(heights[place], floor)
    for (value, place), height in zip(ends, heights, strict=True):
        course = courses[place]
        colour = _COLOURS[place % len(_COLOURS)]
        axes.annotate(
            course.label,
            (max(course.months), value),
            xytext=(1.02, height),
            textcoords=axes.get_yaxis_transform(),
            ha="left",
            va="center",
            fontsize=7.5,
            color=colour,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "alpha": 0.4,
                "shrinkA": 1.0,
                "shrinkB": 6.0,
            },
        )
    axes.set_ylim(low, high)


def _legend(axes: Axes, courses: Sequence[Course], threshold: str | None) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=INK, linestyle=_ARMS[arm][0], marker=_ARMS[arm][1], markersize=5.0, label=arm)
        for arm in _ARMS
        if any(course.arm == arm for course in courses)
    ]
    if threshold is not None:
        handles.append(Line2D([], [], color=INK, linewidth=1.0, linestyle=_THRESHOLD, label=threshold))
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.3,
        ncols=len(handles),
        handlelength=3.2,
        columnspacing=1.4,
    )


def _words(courses: Sequence[Course], smallest_change: float | None, subject: str) -> str:
    parts = [f"Courses of {len(courses)} arms: {subject}."]
    for course in courses:
        last = max(course.months)
        value = course.changes[course.months.index(last)]
        parts.append(f"{course.label} ({course.arm}): {value:g} at {last:g} months.")
    if smallest_change is not None:
        reached = sum(
            course.changes[course.months.index(max(course.months))] * smallest_change >= smallest_change**2
            for course in courses
        )
        parts.append(f"{reached} of {len(courses)} end beyond the smallest important change of {smallest_change:g}.")
    return " ".join(parts)
