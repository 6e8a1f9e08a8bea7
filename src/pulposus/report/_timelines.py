"""Nutrition over time: the nucleus mean and the worst value in the disc, with cells beside the comparators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import SOLUTES, field_values, suffixed, times
from pulposus.report._figure import RUN_LINES, Figure, Table, canvas, csv_link, mark_simulated, svg_link, time_axis
from pulposus.report._runs import NATIVE_COURSE, comparators, runs
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord


def nutrition_timeline(record: RunRecord) -> Figure:
    """Four panels: oxygen, glucose, lactate, pH."""
    moments = times(record.trajectory)
    shown = runs(record)
    columns: dict[str, np.ndarray] = {"time_day": moments}
    with canvas(11.0, 5.6) as drawn:
        grid = drawn.subplots(2, 2, squeeze=False)
        for info, axes in zip(SOLUTES, grid.ravel(), strict=True):
            worst = "disc_max" if info.key == "lactate" else "disc_min"
            for run in shown:
                disc, nucleus = (part.in_run(run.data) for part in record.regions)
                colour, dash = RUN_LINES[run.key]
                values = field_values(run.data, info.key)
                low, high = disc.extremes(values)
                series = {"nucleus_mean": nucleus.mean(values), "disc_min": low, "disc_max": high}
                label = f"{run.label}: nucleus mean"
                axes.plot(moments, series["nucleus_mean"], dash, color=colour, linewidth=2.2, label=label)
                # The worst value of the native course would hide that of the same procedure without cells.
                if run.key != NATIVE_COURSE:
                    label = f"{run.label}: worst in the disc"
                    axes.plot(moments, series[worst], dash, color=colour, linewidth=0.9, label=label)
                columns |= {f"{suffixed(info)}_{statistic}_{run.key}": one for statistic, one in series.items()}
            axes.set_title(f"{info.label} (worst = {'highest' if worst == 'disc_max' else 'lowest'})")
            axes.set_ylabel(info.key if info.unit == "-" else f"{info.key} [{info.unit}]")
            time_axis(axes, [float(one) for one in moments])
        drawn.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
        mark_simulated(drawn)
        image = svg_link(drawn)
    chosen = sorted(
        {0, len(moments) - 1, *(int(np.abs(moments - day).argmin()) for day in (1.0, 7.0, 28.0, 91.0, 182.0))}
    )
    rows = tuple(
        (
            moment(float(moments[i])),
            info.label,
            info.unit,
            *(
                number(float(columns[f"{suffixed(info)}_{statistic}_{run.key}"][i]))
                for run in shown
                for statistic in ("nucleus_mean", "disc_min", "disc_max")
            ),
        )
        for i in chosen
        for info in SOLUTES
    )
    statistics = ("nucleus mean", "disc min", "disc max")
    head = ("time", "field", "unit", *(f"{run.label}: {name}" for run in shown for name in statistics))
    names = tuple(columns)
    return Figure(
        key="nutrition-time",
        image=image,
        alt="Four line charts over time, oxygen, glucose, lactate and pH: nucleus mean and worst value, with cells and in the comparators.",
        caption=(
            "Simulated. Nutrition over time in one disc (n = 1). Thick lines: mean of the nucleus; "
            "thin lines: worst value anywhere in the disc (lowest oxygen, glucose and pH, highest lactate). "
            f"Solid blue: with cells; dashed grey: without cells{'; dotted: native course' if len(shown) > 2 else ''} "
            f"({comparators(record)})."
        ),
        table=Table(head, rows, "Nutrition at chosen times"),
        data=csv_link(names, [tuple(float(columns[name][i]) for name in names) for i in range(len(moments))]),
    )
