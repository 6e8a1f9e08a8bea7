"""Signals and matrix over time: with cells beside the same procedure without cells and beside the disc left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.report._figure import RUN_LINES, Figure, Table, csv_link
from pulposus.report._matrix_rows import (
    ALL_QUANTITIES,
    DAY_QUANTITIES,
    FUNCTION_QUANTITIES,
    MATRIX_QUANTITIES,
    MECHANICS,
    MECHANICS_QUANTITIES,
    SIGNAL_QUANTITIES,
    Quantity,
    Series,
    present,
    series,
)
from pulposus.report._panels import Line, Panel, draw_panels
from pulposus.report._runs import comparators, runs
from pulposus.report._wording import moment, number, signed

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord
    from pulposus.report._runs import Run

YEAR = 365.25
TIME_LABEL = "time since injection (logarithmic beyond 1 d)"
_TABLE_DAYS = (28.0, 91.3125, 182.625, 365.25, 730.5, 1826.25, 3652.5)


def known_series(record: RunRecord, quantity: Quantity) -> list[tuple[Run, Series]]:
    """A quantity of every run that has it, the treated run first."""
    pairs = [(run, series(record, run.row_key, quantity)) for run in runs(record)]
    return [(run, line) for run, line in pairs if line is not None]


def difference_to_sham(record: RunRecord, quantity: Quantity) -> float | None:
    """With cells minus without cells at the end; None where one of them is not known."""
    treated, sham = (series(record, key, quantity) for key in ("with_cells", "sham"))
    return None if treated is None or sham is None else float(treated.values[-1] - sham.values[-1])


def drawn_series(quantity: Quantity, line: Series) -> Series:
    """A series as it is drawn: in percent of its start where the quantity says so."""
    return Series(line.moments, line.shares) if quantity.relative else line


def drawn_unit(quantity: Quantity) -> str:
    """The unit on the axis."""
    return "% of day 0" if quantity.relative else quantity.unit


def _panel(record: RunRecord, quantity: Quantity) -> Panel:
    lines = tuple(
        Line(run.label, *RUN_LINES[run.key], drawn_series(quantity, line))
        for run, line in known_series(record, quantity)
    )
    difference = difference_to_sham(record, quantity)
    unit = "" if quantity.unit == "-" else f" {quantity.unit}"
    note = "" if difference is None else f"with − without cells at the end: {signed(difference)}{unit}"
    return Panel(quantity.title, f"[{drawn_unit(quantity)}]", lines, note)


def _whereof(quantities: Sequence[Quantity]) -> str:
    """What part of the disc some quantities are of."""
    if all(quantity.region == MECHANICS for quantity in quantities):
        return (
            "read off the whole disc; a fast load is that of the day, put on the disc lying down before any water moves"
        )
    return "means of the nucleus or annulus"


def _figure(record: RunRecord, key: str, quantities: Sequence[Quantity], what: str) -> Figure:
    shown = runs(record)
    lines = {quantity: known_series(record, quantity) for quantity in quantities}
    end = max(float(line.moments[-1]) for pairs in lines.values() for _, line in pairs)
    days = [0.0, *(day for day in _TABLE_DAYS if day < end), end]
    rows = []
    for quantity, pairs in lines.items():
        by_run = {run.key: line for run, line in pairs}
        for day in days:
            values = (number(by_run[run.key].at(day)) if run.key in by_run else "–" for run in shown)
            rows.append((quantity.title, quantity.unit, moment(day), *values))
    ends = "; ".join(
        f"{quantity.title} {', '.join(f'{number(line.values[-1])} {run.label}' for run, line in pairs)}"
        for quantity, pairs in lines.items()
    )
    relative = [quantity.title for quantity in quantities if quantity.relative]
    return Figure(
        key=key,
        image=draw_panels([_panel(record, quantity) for quantity in quantities], TIME_LABEL),
        alt=f"{len(lines)} line charts over time; at {moment(end)}: {ends}.",
        caption=(
            f"Simulated. {what}: {_whereof(quantities)}, one disc (n = 1). Solid blue: with cells; dashed grey: without cells"
            f"{'; dotted: native course' if len(shown) > 2 else ''} ({comparators(record)}). "
            f"{'In percent of day 0: ' + '; '.join(relative) + '. ' if relative else ''}"
            "Axes do not begin at zero and span at least 2 % of the value; numbers stand in the table."
        ),
        table=Table(
            ("quantity", "unit", "time", *(run.label for run in shown)),
            tuple(rows),
            f"{what} at chosen times (linear between stored times)",
        ),
        data=csv_link(
            ("run", "time_day", "quantity", "value"),
            [
                (run.key, float(day), quantity.name, float(value))
                for quantity, pairs in lines.items()
                for run, line in pairs
                for day, value in zip(line.moments, line.values, strict=True)
            ],
        ),
    )


def matrix_figures(record: RunRecord) -> list[Figure]:
    """Matrix, signals and function over time; what the run does not have is left out."""
    groups = (
        ("matrix-time", MATRIX_QUANTITIES, "Matrix of the disc"),
        ("signals-time", SIGNAL_QUANTITIES, "Signals and structure"),
        ("function-time", FUNCTION_QUANTITIES, "Stiffness, strength and T2 that follow from the composition"),
        ("mechanics-time", MECHANICS_QUANTITIES, "Height, pressure and stiffness of the disc lying down"),
        ("day-time", DAY_QUANTITIES, "A representative day of 16 h on the feet and 8 h lying"),
    )
    found = [(key, present(record, quantities), what) for key, quantities, what in groups]
    return [_figure(record, key, quantities, what) for key, quantities, what in found if quantities]


def matrix_table(record: RunRecord) -> Table:
    """Every quantity at the start, after a year and at the end, and the difference that the cells make."""
    shown = runs(record)
    quantities = present(record, ALL_QUANTITIES)
    end = max((float(row["time_day"]) for row in record.matrix), default=0.0)
    days = (YEAR, end) if end > 1.01 * YEAR else (end,)
    rows = []
    for quantity in quantities:
        by_run = {run.key: line for run, line in known_series(record, quantity)}
        start = number(float(by_run[shown[0].key].values[0]))
        values = (number(by_run[run.key].at(day)) if run.key in by_run else "–" for day in days for run in shown)
        difference = difference_to_sham(record, quantity)
        rows.append((quantity.title, quantity.unit, start, *values, "–" if difference is None else signed(difference)))
    head = ("mean", "unit", "start, with cells", *(f"{moment(day)}, {run.label}" for day in days for run in shown))
    return Table(
        (*head, "with − without cells at the end"),
        tuple(rows),
        "Matrix and signals at the start, after a year and at the end (simulated)",
    )
