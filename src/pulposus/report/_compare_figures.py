"""Figures of a comparison: all arms over time, and the intervals of their ensembles at the end."""

from __future__ import annotations

import textwrap
from typing import Any

from pulposus.report._compare_measures import Arm, comparator, shown_measures, treated
from pulposus.report._ensemble import GAIN_OVER_SHAM, ensemble_label, final_interval, quantity_label, run_series
from pulposus.report._figure import INK, Figure, Table, canvas, csv_link, mark_simulated, svg_link
from pulposus.report._matrix_figures import TIME_LABEL
from pulposus.report._panels import Line, Panel, draw_panels
from pulposus.report._runs import NATIVE_COURSE
from pulposus.report._wording import moment, number

# Colour, dash and marker of an arm: any one of the three tells the arms apart, so that a grey print does.
ARM_STYLES: tuple[tuple[str, Any, str], ...] = (
    ("#440154", "-", "o"),
    ("#31688e", "--", "s"),
    ("#2a9d74", "-.", "^"),
    ("#7d7c78", (0, (1, 1)), "D"),
    ("#3b528b", (0, (6, 1, 1, 1, 1, 1)), "v"),
    ("#8a7a1f", (0, (9, 2)), "P"),
    ("#00224e", (0, (3, 2, 1, 2)), "X"),
    ("#21918c", (0, (4, 1, 4, 1, 1, 1)), "*"),
)
_INTERVALS = ("alive", "glycosaminoglycan_nucleus_mean", GAIN_OVER_SHAM, "native_alive_fraction")


def arms_over_time(arms: list[Arm]) -> Figure:
    """One panel per measure with all arms, and the native course of the first arm that has one."""
    measures = shown_measures(arms)
    alone = next((record for _, record in arms if record.native_course is not None), None)
    panels, rows, data = [], [], []
    for measure in measures:
        lines = []
        for (name, record), (colour, dash, marker) in zip(arms, ARM_STYLES, strict=False):
            line = treated(record, measure)
            if line is None:
                continue
            lines.append(Line(name, colour, dash, line, marker, 1.6))
            values = (number(float(one)) for one in (line.values[0], line.values[-1], line.values.min()))
            rows.append((measure.title, measure.unit, name, moment(float(line.moments[-1])), *values))
            data += [
                (name, float(day), measure.name, float(x)) for day, x in zip(line.moments, line.values, strict=True)
            ]
        course = None if alone is None else comparator(alone, NATIVE_COURSE, measure)
        if course is not None:
            lines.append(Line("native course", INK, ":", course, "", 1.4))
        panels.append(Panel(measure.title, f"[{measure.unit}]", tuple(lines)))
    ends = "; ".join(f"{row[0]} {row[2]} {row[5]}" for row in rows)
    return Figure(
        key="arms",
        image=draw_panels(panels, TIME_LABEL, legend_columns=3),
        alt=f"{len(panels)} line charts over time with {len(arms)} arms each; at the end: {ends}.",
        caption=(
            f"Simulated. {len(arms)} arms in one disc each (n = 1 per arm): cells of the whole disc, means of the nucleus or annulus. "
            "Every arm has its own colour, dash and marker"
            f"{'; thin dotted line: the native course, the disc left alone' if alone is not None else ''}. "
            "Axes do not begin at zero and span at least 2 % of the value."
        ),
        table=Table(
            ("measure", "unit", "arm", "end", "value at the start", "value at the end", "smallest value"),
            tuple(rows),
            "Arms over time",
        ),
        data=csv_link(("arm", "time_day", "quantity", "value"), data),
    )


def intervals(arms: list[Arm]) -> Figure | None:
    """5-95 % intervals at the end of the arms that have an ensemble; None where no arm has one."""
    with_ensemble = [(name, record) for name, record in arms if record.ensemble is not None]
    shown = [key for key in _INTERVALS if any(final_interval(record, key) for _, record in with_ensemble)]
    if not shown:
        return None
    rows: list[tuple[str, ...]] = []
    data: list[tuple[Any, ...]] = []
    with canvas(11.0, 1.0 + 0.36 * len(with_ensemble)) as drawn:
        grid = drawn.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for key, axes in zip(shown, grid, strict=True):
            label, factor = quantity_label(key)
            for place, (name, record) in enumerate(with_ensemble):
                found = final_interval(record, key)
                if found is None:
                    continue
                low, middle, high = (factor * one for one in found)
                colour, _, marker = ARM_STYLES[[arm for arm, _ in arms].index(name)]
                axes.plot([low, high], [place, place], color=colour, linewidth=2.5)
                axes.plot([middle], [place], marker=marker, color=colour, markersize=7)
                run = run_series(record, key)
                own = None if run is None else factor * float(run[1][-1])
                if own is not None:
                    axes.plot([own], [place], marker="|", color="black", markersize=13, markeredgewidth=1.6)
                rows.append(
                    (label, name, number(low), number(middle), number(high), number(own), ensemble_label(record))
                )
                data.append((name, key, low / factor, middle / factor, high / factor))
            axes.set_xlabel(textwrap.fill(label, 24))
            axes.set_yticks(range(len(with_ensemble)), [name for name, _ in with_ensemble])
            axes.set_ylim(len(with_ensemble) - 0.5, -0.5)
            axes.locator_params(axis="x", nbins=4)
            axes.grid(visible=False, axis="y")
        mark_simulated(drawn)
        image = svg_link(drawn)
    labels = ", ".join(dict.fromkeys(ensemble_label(record) for _, record in with_ensemble))
    return Figure(
        key="arm-intervals",
        image=image,
        alt=f"Intervals of {len(with_ensemble)} arms at the end: "
        + "; ".join(f"{r[1]} {r[0]} {r[2]} to {r[4]}" for r in rows),
        caption=(
            f"Simulated. Ensemble of every arm at its end ({labels}): line 5–95 %, symbol median over draws from the priors; "
            "upright stroke: the run itself with default values. The draws cover the listed priors only, not the form of the laws."
        ),
        table=Table(
            ("quantity", "arm", "5 %", "50 %", "95 %", "the run itself", "ensemble"),
            tuple(rows),
            "Ensembles of the arms at the end",
        ),
        data=csv_link(("arm", "quantity", "p05", "p50", "p95"), data),
    )
