"""Where the cells went: from the nominal dose to the cells alive at the end, and every account of the ledger over time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import times
from pulposus.report._figure import (
    ATTACHED,
    DEAD,
    DIFFERENTIATED,
    FAINT,
    FREE,
    LEAKED,
    RUN_LINES,
    WITH,
    Figure,
    Table,
    canvas,
    csv_link,
    mark_simulated,
    svg_link,
    time_axis,
)
from pulposus.report._runs import comparators, native_share, runs
from pulposus.report._wording import cells, moment, number, share

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

_STATES = (("free", FREE, ""), ("attached", ATTACHED, ""), ("differentiated", DIFFERENTIATED, ""))
_LOSSES = (("leaked", LEAKED, "///"), ("dead", DEAD, "..."))
MILLION = 1e6


def account(record: RunRecord) -> list[tuple[str, float, float, str]]:
    """Steps from the nominal dose to the cells alive at the end: name, start and end of the bar [cells], colour."""
    end = record.cells[-1]
    steps = record.dose_steps
    bars: list[tuple[str, float, float, str]] = []
    level = end["injected"]
    if "nominal" in steps:
        released = steps.get("released_viable", steps["nominal"])
        bars.append(("nominal dose", 0.0, steps["nominal"], WITH))
        bars.append(("not viable\nat release", steps["nominal"], released, DEAD))
        bars.append(("died in\nthe needle", released, level, DEAD))
    bars.append(("injected,\nviable", 0.0, level, WITH))
    for name, key, sign, colour in (
        ("leaked", "leaked", -1.0, LEAKED),
        ("died", "dead", -1.0, DEAD),
        ("born", "born", 1.0, DIFFERENTIATED),
    ):
        bars.append((name, level, level + sign * end[key], colour))
        level += sign * end[key]
    bars.append(("alive", 0.0, end["alive"], WITH))
    bars.extend((name, 0.0, end[name], colour) for name, colour, _ in _STATES)
    return bars


def waterfall(record: RunRecord) -> Figure:
    """The balance of the cells at the end."""
    bars = account(record)
    end = moment(record.cells[-1]["time_day"])
    with canvas(11.0, 4.0) as drawn:
        axes = drawn.subplots()
        for place, (_, start, stop, colour) in enumerate(bars):
            low, high = min(start, stop) / MILLION, max(start, stop) / MILLION
            losing = stop < start
            axes.bar(
                place,
                high - low,
                bottom=low,
                color=colour,
                width=0.68,
                hatch="///" if losing else None,
                edgecolor="white",
            )
            sign = "−" if losing else ("+" if start > 0.0 else "")
            axes.annotate(
                f"{sign}{_millions(high - low)}",
                (place, high),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
            )
        for place, ((_, _, stop, _), (_, start, _, _)) in enumerate(pairwise(bars)):
            if start == stop and start > 0.0:
                axes.plot([place + 0.34, place + 0.66], [stop / MILLION] * 2, color="#5b6876", linewidth=0.8)
        axes.set_xticks(range(len(bars)), [name for name, *_ in bars])
        axes.set_ylabel("cells [million]")
        axes.set_ylim(0.0, 1.1 * max(max(start, stop) for _, start, stop, _ in bars) / MILLION or 1.0)
        axes.grid(visible=False, axis="x")
        axes.set_title(f"from the dose to {end}")
        mark_simulated(drawn)
        image = svg_link(drawn)
    nominal = bars[0][2]
    rows = tuple(
        (
            name.replace("\n", " "),
            cells(stop - start if start else stop),
            share((stop - start if start else stop) / nominal) if nominal else "–",
        )
        for name, start, stop, _ in bars
    )
    return Figure(
        key="waterfall",
        image=image,
        alt=f"Bar chart: {', '.join(f'{row[0]} {row[1]}' for row in rows)}.",
        caption=(
            f"Simulated. Account of the donor cells [million cells] from the dose to {end}, one disc (n = 1). Hatched bars are losses; "
            "leaked, died and born are summed over the whole time; injected + born = alive + leaked + died. "
            "The last three bars split the living cells."
        ),
        table=Table(("step", "cells", "share of the first bar"), rows, "Account of the donor cells"),
        data=csv_link(
            ("step", "from_cells", "to_cells"),
            [(name.replace("\n", " "), start, stop) for name, start, stop, _ in bars],
        ),
    )


def _millions(value: float) -> str:
    """A bar's height; less than a thousand cells is too few to be seen."""
    return number(value) if value >= 1e-3 else ("<0.001" if value * MILLION >= 1.0 else "0")


def ledger_over_time(record: RunRecord) -> Figure:
    """Stacked areas: what became of all cells that ever were in the disc."""
    moments = [float(row["time_day"]) for row in record.cells]
    accounts = (*_STATES, *_LOSSES)
    with canvas(11.0, 4.2) as drawn:
        axes = drawn.subplots()
        series = [np.array([row[key] for row in record.cells]) / MILLION for key, *_ in accounts]
        areas = axes.stackplot(
            moments, series, labels=[key for key, *_ in accounts], colors=[colour for _, colour, _ in accounts]
        )
        for area, (_, _, hatch) in zip(areas, accounts, strict=True):
            area.set(hatch=hatch, edgecolor="white", linewidth=0.6)
        total = np.array([row["injected"] + row["born"] for row in record.cells]) / MILLION
        axes.plot(moments, total, color="black", linewidth=1.2, label="injected + born")
        axes.set_ylabel("cells [million]")
        axes.set_ylim(0.0, 1.08 * float(total.max()) or 1.0)
        axes.set_title("donor cells by account")
        time_axis(axes, moments)
        handles, labels = axes.get_legend_handles_labels()
        drawn.legend(handles[::-1], labels[::-1], loc="outside right center")
        mark_simulated(drawn)
        image = svg_link(drawn)
    keys = ("injected", "born", "leaked", "dead", "free", "attached", "differentiated", "alive")
    rows = tuple(
        (moment(row["time_day"]), *(cells(row[key]) for key in keys), share(row["native_alive_fraction"]))
        for row in record.cells
    )
    return Figure(
        key="ledger",
        image=image,
        alt="Stacked areas over time: free, attached, differentiated, leaked and dead donor cells; their sum is injected plus born.",
        caption=(
            "Simulated. All donor cells by account [million cells], one disc (n = 1). Free, attached and differentiated cells are alive; "
            "leaked and dead are cumulative (hatched). The black line is injected + born: the areas add up to it."
        ),
        table=Table(("time", *keys, "native cells alive"), rows, "Ledger of the cells at the stored times"),
        data=csv_link(
            ("time_day", *(f"{key}_cells" for key in keys), "native_alive_fraction"),
            [
                (float(row["time_day"]), *(float(row[key]) for key in keys), float(row["native_alive_fraction"]))
                for row in record.cells
            ],
        ),
    )


def native_cells(record: RunRecord) -> Figure:
    """What the injection means for the cells that were there before."""
    moments = times(record.trajectory)
    shares = native_share(record)
    shown = runs(record)
    with canvas(11.0, 2.9) as drawn:
        axes = drawn.subplots()
        for run in shown:
            colour, dash = RUN_LINES[run.key]
            axes.plot(moments, 100.0 * shares[run.label], dash, color=colour, linewidth=2.0, label=run.label)
        axes.axhline(100.0, color=FAINT, linewidth=1.0)
        axes.set_ylabel("native cells alive\n[% of day 0]")
        axes.set_title("native cells")
        axes.legend(loc="best")
        time_axis(axes, [float(one) for one in moments])
        mark_simulated(drawn)
        image = svg_link(drawn)
    lines = list(zip(*shares.values(), strict=True))
    rows = tuple(
        (moment(float(day)), *(share(float(one)) for one in line)) for day, line in zip(moments, lines, strict=True)
    )
    ends = ", ".join(f"{value} {name}" for name, value in zip(shares, rows[-1][1:], strict=True))
    return Figure(
        key="native",
        image=image,
        alt=f"Line chart: native cells alive at {rows[-1][0]}: {ends}.",
        caption=(
            "Simulated. Native cells alive in the whole disc [% of day 0], senescent ones included, one disc (n = 1), with donor cells "
            f"(solid) and without (dashed){', native course dotted' if len(shown) > 2 else ''}; {comparators(record)}."
        ),
        table=Table(("time", *shares), rows, "Native cells alive, share of day 0"),
        data=csv_link(
            ("time_day", *(f"native_alive_fraction_{run.key}" for run in shown)),
            [(float(day), *(float(one) for one in line)) for day, line in zip(moments, lines, strict=True)],
        ),
    )


def fate_figures(record: RunRecord) -> list[Figure]:
    """All figures of the section."""
    return [waterfall(record), ledger_over_time(record), native_cells(record)]
