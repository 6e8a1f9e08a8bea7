"""Nutrition over time: the nucleus mean and the range in the disc, with cells beside without cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import SOLUTES, field_values, suffixed, times
from pulposus.report._figure import WITH, WITHOUT, Figure, Table, canvas, csv_link, mark_simulated, svg_link, time_axis
from pulposus.report._geometry import regions
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord


def nutrition_timeline(record: RunRecord) -> Figure:
    """Four panels: oxygen, glucose, lactate, pH."""
    disc, nucleus = regions(record.disc)
    moments = times(record.trajectory)
    runs = (("with cells", record.trajectory, WITH, "-"), ("without cells", record.sham, WITHOUT, "--"))
    columns: dict[str, np.ndarray] = {"time_day": moments}
    with canvas(11.0, 5.4) as drawn:
        grid = drawn.subplots(2, 2, squeeze=False)
        for info, axes in zip(SOLUTES, grid.ravel(), strict=True):
            for name, data, colour, dash in runs:
                values = field_values(data, info.key)
                low, high = disc.extremes(values)
                mean = nucleus.mean(values)
                axes.fill_between(moments, low, high, color=colour, alpha=0.13, linewidth=0)
                axes.plot(moments, mean, dash, color=colour, linewidth=2.0, label=f"{name}: nucleus mean")
                axes.plot(moments, low, dash, color=colour, linewidth=0.8)
                axes.plot(moments, high, dash, color=colour, linewidth=0.8)
                ending = name.replace(" ", "_")
                columns |= {
                    f"{suffixed(info)}_{statistic}_{ending}": series
                    for statistic, series in (("nucleus_mean", mean), ("disc_min", low), ("disc_max", high))
                }
            axes.set_title(info.label)
            axes.set_ylabel(info.key if info.unit == "-" else f"{info.key} [{info.unit}]")
            time_axis(axes, [float(one) for one in moments])
        grid[0, 0].legend(loc="best")
        mark_simulated(drawn)
        image = svg_link(drawn)
    chosen = sorted({0, len(moments) - 1, *(int(np.abs(moments - day).argmin()) for day in (1.0, 7.0, 28.0, 91.0, 182.0))})
    rows = tuple(
        (
            moment(float(moments[i])),
            info.label,
            info.unit,
            *(
                number(float(columns[f"{suffixed(info)}_{statistic}_{run}"][i]))
                for run in ("with_cells", "without_cells")
                for statistic in ("nucleus_mean", "disc_min", "disc_max")
            ),
        )
        for i in chosen
        for info in SOLUTES
    )
    head = (
        "time",
        "field",
        "unit",
        "with cells: nucleus mean",
        "disc min",
        "disc max",
        "without cells: nucleus mean",
        "disc min",
        "disc max",
    )
    names = tuple(columns)
    return Figure(
        key="nutrition-time",
        image=image,
        alt="Four line charts over time, oxygen, glucose, lactate and pH: nucleus mean and range in the disc, with and without cells.",
        caption=(
            "Simulated. Nutrition over time in one disc (n = 1). Thick lines: mean of the nucleus; bands with thin borders: smallest to "
            "largest value in the disc. Solid blue: with cells; dashed grey: the same disc without cells."
        ),
        table=Table(head, rows, "Nutrition at chosen times"),
        data=csv_link(names, [tuple(float(columns[name][i]) for name in names) for i in range(len(moments))]),
    )
