"""The disc before the treatment: how its matrix and signals came to the state that was treated, and what every injury took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pulposus.report._figure import ALONE, Figure, Table, csv_link
from pulposus.report._matrix_figures import drawn_series, drawn_unit
from pulposus.report._matrix_rows import (
    ANNULUS_ORDER,
    COLLAGEN_II_NUCLEUS,
    CYTOKINE_NUCLEUS,
    ENZYME_NUCLEUS,
    GLYCOSAMINOGLYCAN_NUCLEUS,
    WATER_NUCLEUS,
    Quantity,
    Series,
    series_of,
)
from pulposus.report._panels import Line, Panel, draw_panels
from pulposus.report._wording import cells, exact, moment, number, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pulposus.report._record import RunRecord

_SHOWN = (
    GLYCOSAMINOGLYCAN_NUCLEUS,
    CYTOKINE_NUCLEUS,
    ENZYME_NUCLEUS,
    WATER_NUCLEUS,
    COLLAGEN_II_NUCLEUS,
    ANNULUS_ORDER,
)
_LEFT = (("glycosaminoglycan_mg", "mg"), ("collagen_mg", "mg"), ("native_cells", "cells"), ("volume_mm3", "mm3"))


def _axis_with(injuries: Sequence[float]) -> Callable[[Axes, Sequence[float]], None]:
    """A linear time axis up to the treatment with a line at every injury."""

    def axis(axes: Axes, moments: Sequence[float]) -> None:
        axes.set_xlim(moments[0], 0.0)
        for day in injuries:
            axes.axvline(day, color="#5b6876", linewidth=0.9, linestyle="--")

    return axis


def history_figure(record: RunRecord) -> Figure | None:
    """Six means on the days before the treatment; None where nothing is known of them."""
    known = [(quantity, series_of(record.history, quantity)) for quantity in _SHOWN]
    lines: list[tuple[Quantity, Series]] = [(quantity, line) for quantity, line in known if line is not None]
    if not lines:
        return None
    injuries = [float(row["time_day"]) for row in record.insults if float(row["time_day"]) < 0.0]
    panels = []
    for quantity, line in lines:
        change = line.values[-1] - line.values[0]
        unit = "" if quantity.unit == "-" else f" {quantity.unit}"
        drawn = Line("disc before the treatment", ALONE, "-", drawn_series(quantity, line))
        axis_unit = drawn_unit(quantity).replace("day 0", "the start")
        panels.append(Panel(quantity.title, f"[{axis_unit}]", (drawn,), f"change: {signed(float(change))}{unit}"))
    image = draw_panels(panels, "days before the treatment", _axis_with(injuries))
    first = min(float(line.moments[0]) for _, line in lines)
    rows = tuple(
        (
            quantity.title,
            quantity.unit,
            moment(float(line.moments[0])),
            number(float(line.values[0])),
            moment(float(line.moments[-1])),
            number(float(line.values[-1])),
        )
        for quantity, line in lines
    )
    words = "; ".join(f"{row[0]} {row[3]} to {row[5]}" for row in rows)
    return Figure(
        key="history",
        image=image,
        alt=f"{len(lines)} line charts over the {moment(first)} the treatment: {words}.",
        caption=(
            "Simulated. The disc before the treatment: means of the nucleus or annulus, one disc (n = 1). "
            f"{'Dashed lines: injuries. ' if injuries else ''}Collagen in percent of the first value. "
            "Axes do not begin at zero and span at least 2 % of the value."
        ),
        table=Table(
            ("mean", "unit", "first time", "value", "last time", "value then"), rows, "The disc before the treatment"
        ),
        data=csv_link(
            ("time_day", "quantity", "value"),
            [
                (float(day), quantity.name, float(value))
                for quantity, line in lines
                for day, value in zip(line.moments, line.values, strict=True)
            ],
        ),
    )


def insult_table(record: RunRecord) -> Table:
    """What every injury took out of the disc, and where it went."""
    rows = []
    for row in record.insults:
        left = row.get("left") or {}
        amounts = (
            cells(left.get(key)) if unit == "cells" else f"{number(left.get(key))}{f' {unit}' if key in left else ''}"
            for key, unit in _LEFT
        )
        day = float(row["time_day"])
        when = moment(day) if day else "with the treatment"
        rows.append((str(row.get("kind", "")), when, str(row.get("what", "")), *amounts, exact(row.get("where"))))
    head = ("injury", "time", "what", "glycosaminoglycan lost", "collagen lost", "native cells lost", "volume", "where")
    return Table(head, tuple(rows), "Injuries of the disc, and what left it (simulated)")
