"""Profiles along the axis of the disc, for a run on a single column (level 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import DONOR, field_values, shown_fields, suffixed, times
from pulposus.report._figure import RUN_LINES, WITH, Figure, Table, canvas, csv_link, mark_simulated, svg_link
from pulposus.report._runs import comparators, runs
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord


def axial_profiles(record: RunRecord) -> Figure:
    """Every shown field over the height at the start and at the end."""
    height = record.trajectory["z"].to_numpy()[0]
    moments = times(record.trajectory)
    first, last = moment(float(moments[0])), moment(float(moments[-1]))
    treated, *others = runs(record)
    lines = [(treated, 0, WITH, "-.", 1.2), *((run, -1, *RUN_LINES[run.key], 2.0) for run in (treated, *others))]
    shown = shown_fields(record.trajectory)
    down = -(-len(shown) // 3)
    columns: dict[str, np.ndarray] = {"z_mm": height}
    rows: list[tuple[str, ...]] = []
    with canvas(11.0, 2.8 * down) as drawn:
        grid = drawn.subplots(down, 3, sharey=True, squeeze=False)
        for info, axes in zip(shown, grid.ravel(), strict=False):
            for run, index, colour, dash, width in lines:
                if info is DONOR and run is not treated:
                    continue
                values = field_values(run.data, info.key)[index, 0]
                name = f"{first if index == 0 else last}, {run.label}"
                axes.plot(values, height, dash, color=colour, linewidth=width, label=name)
                columns[f"{suffixed(info)}, {name}"] = values
                rows.append((info.label, name, info.unit, number(values.min()), number(values.max())))
            axes.set_xlabel(info.label if info.unit == "-" else f"{info.label} [{info.unit}]")
        for axes in grid.ravel()[len(shown) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("z [mm], cranial →")
        grid[0, 0].legend(loc="best", fontsize=7.5)
        mark_simulated(drawn)
        image = svg_link(drawn)
    names = tuple(columns)
    return Figure(
        key="profiles",
        image=image,
        alt=f"{len(shown)} profiles over the height of the disc, at {first} and {last}; their ranges stand in the table below.",
        caption=(
            "Simulated. Profiles along the axis of the disc, one axial slab (level 1, n = 1): "
            "thin at the start, solid at the end with cells, "
            f"dashed grey at the end without cells, dotted at the end of the native course ({comparators(record)})."
        ),
        table=Table(("field", "time and run", "unit", "smallest", "largest"), tuple(rows), "Ranges of the profiles"),
        data=csv_link(names, [tuple(float(columns[name][i]) for name in names) for i in range(len(height))]),
    )
