"""What the ensemble says: bands over time, and the priors that drive the spread."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._ensemble import CELL_KEYS, ensemble_label, quantity_label, run_series
from pulposus.report._figure import (
    FAINT,
    WITH,
    WITHOUT,
    Figure,
    Table,
    canvas,
    csv_link,
    mark_simulated,
    svg_link,
    time_axis,
)
from pulposus.report._wording import exact, moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

ALIVE = "alive"
MOST_BARS = 15
_QUANTILES = ("p05", "p50", "p95")


def bands(record: RunRecord, ensemble: Mapping[str, Any]) -> Figure:
    """Median and 5-95 % band of every quantity of the ensemble, with the run of this report as a line."""
    moments = [float(day) for day in ensemble["time_day"]]
    quantiles: Mapping[str, Mapping[str, Sequence[float]]] = ensemble["quantiles"]
    across = 3
    down = -(-len(quantiles) // across)
    rows: list[tuple[str, ...]] = []
    columns: dict[str, np.ndarray] = {"time_day": np.asarray(moments)}
    with canvas(11.0, 2.6 * down) as drawn:
        grid = drawn.subplots(down, across, squeeze=False)
        for axes in grid.ravel()[len(quantiles) :]:
            axes.set_axis_off()
        for axes, (key, spread) in zip(grid.ravel(), quantiles.items(), strict=False):
            label, factor = quantity_label(key)
            low, middle, high = (factor * np.asarray(spread[name], dtype=np.float64) for name in _QUANTILES)
            axes.fill_between(moments, low, high, color=WITH, alpha=0.22, linewidth=0, label="ensemble 5–95 %")
            axes.plot(moments, middle, color=WITH, linewidth=2.0, label="ensemble median")
            run = run_series(record, key)
            if run is not None:
                axes.plot(run[0], factor * run[1], "--", color="black", linewidth=1.3, label="this run")
            axes.set_title(textwrap.fill(label, 36))
            if key in CELL_KEYS:
                axes.set_ylim(bottom=0.0)
            time_axis(axes, moments, narrow=True)
            rows.append((label, number(low[-1]), number(middle[-1]), number(high[-1])))
            columns |= {f"{key}_{name}": np.asarray(spread[name], dtype=np.float64) for name in _QUANTILES}
        grid[0, 0].legend(loc="best", fontsize=7.5)
        drawn.supxlabel("time since injection (logarithmic beyond 1 d)", fontsize=9)
        drawn.text(0.995, 0.005, "simulated", ha="right", fontsize=7.5, color="#5b6876", style="italic")
        image = svg_link(drawn)
    names = tuple(columns)
    return Figure(
        key="bands",
        image=image,
        alt=f"Bands over time of {len(quantiles)} quantities; their values at the end stand in the table below.",
        caption=(
            f"Simulated. {_sentence(ensemble_label(record))}: median and 5–95 % band over draws from the priors. "
            "The dashed black line is the run of this report, which solves the disc at its own level "
            "and uses the default value of every prior."
        ),
        table=Table(("quantity", "5 %", "50 %", "95 %"), tuple(rows), f"Ensemble at {moment(moments[-1])}"),
        data=csv_link(names, [tuple(float(columns[name][i]) for name in names) for i in range(len(moments))]),
    )


def chance_correlation(members: int) -> float:
    """Rank correlation that 95 % of unrelated inputs stay below: 1.96 / sqrt(members - 1), the normal approximation."""
    return 1.96 / math.sqrt(max(members - 1, 1))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−") if math.isfinite(value) else "–"


def _sentence(text: str) -> str:
    """The text with a capital at its beginning; other letters stay ("3D")."""
    return text[:1].upper() + text[1:]


def _correlation(row: Mapping[str, Any], outcome: str) -> float:
    """Rank correlation of a driver with an outcome; not a number where there is none."""
    value = row["rank_correlation"] if outcome == ALIVE else row.get("rank_correlations", {}).get(outcome)
    return float("nan" if value is None else value)


def outcomes(ensemble: Mapping[str, Any]) -> list[str]:
    """Outcomes that the drivers are correlated with: the living donor cells at the end, then those that the ensemble adds."""
    further = (outcome for row in ensemble["drivers"] for outcome in row.get("rank_correlations", {}))
    return list(dict.fromkeys([ALIVE, *further]))


def outcome_name(outcome: str) -> str:
    """Name of an outcome without its unit."""
    return "donor cells alive" if outcome == ALIVE else quantity_label(outcome)[0].partition(" [")[0]


def drivers(record: RunRecord, ensemble: Mapping[str, Any], outcome: str = ALIVE) -> Figure:
    """Rank correlation of every sampled prior with an outcome at the end; the table has all outcomes."""
    pairs = [(one, _correlation(one, outcome)) for one in ensemble["drivers"]]
    # A prior without a correlation (an outcome that does not vary) comes last.
    pairs.sort(key=lambda pair: -abs(pair[1]) if math.isfinite(pair[1]) else 1.0)
    shown = [(one, value) for one, value in pairs if math.isfinite(value)][:MOST_BARS]
    chance = chance_correlation(int(ensemble["members"]))
    with canvas(11.0, 1.1 + 0.29 * len(shown)) as drawn:
        axes = drawn.subplots()
        axes.axvspan(-min(chance, 1.0), min(chance, 1.0), color=FAINT, alpha=0.5, linewidth=0)
        for place, (_, value) in enumerate(reversed(shown)):
            positive = value >= 0.0
            axes.barh(
                place,
                value,
                color=WITH if positive else WITHOUT,
                hatch=None if positive else "///",
                edgecolor="white",
                height=0.7,
            )
            axes.annotate(
                _signed(value),
                (value, place),
                (4 if positive else -4, 0),
                textcoords="offset points",
                va="center",
                ha="left" if positive else "right",
                fontsize=8,
            )
        axes.set_yticks(range(len(shown)), [str(one["key"]) for one, _ in reversed(shown)])
        axes.axvline(0.0, color="#5b6876", linewidth=0.8)
        axes.set_xlim(-1.15, 1.15)
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.set_xlabel(f"Spearman rank correlation with {outcome_name(outcome)} at the end [-]")
        axes.grid(visible=False, axis="y")
        mark_simulated(drawn)
        image = svg_link(drawn)
    names = ("key", "value", "low", "high", "unit", "status")
    every = [outcome, *(other for other in outcomes(ensemble) if other != outcome)]
    numbers = [(one, [_correlation(one, other) for other in every]) for one, _ in pairs]
    rows = tuple(
        (*(exact(one.get(name)) for name in names), *(_signed(value) for value in values)) for one, values in numbers
    )
    strongest = ", ".join(f"{row[0]} {row[len(names)]}" for row in rows[:5])
    heads = (f"rank correlation with {outcome_name(other)}" for other in every)
    return Figure(
        key="drivers" if outcome == ALIVE else f"drivers-{outcome.replace('_', '-')}",
        image=image,
        alt=f"Bar chart of rank correlations with {outcome_name(outcome)}, largest first: {strongest}.",
        caption=(
            f"Simulated. {_sentence(ensemble_label(record))}: rank correlation of each sampled prior with {outcome_name(outcome)} "
            f"at the end; the {len(shown)} strongest of {len(pairs)} (all in the table). Far from 0: this prior drives "
            f"the answer, and measuring it would narrow the band most. Inside the grey area (±{chance:.2f}) lie 95 % of unrelated inputs."
        ),
        table=Table(("prior", *names[1:], *heads), rows, "Sampled priors and their rank correlation"),
        data=csv_link(
            (*names, *("rank_correlation" if other == ALIVE else f"rank_correlation_{other}" for other in every)),
            [(*(one.get(name, "") for name in names), *values) for one, values in numbers],
        ),
    )


def uncertainty_figures(record: RunRecord) -> list[Figure]:
    """Bands and drivers, of the living cells and of glycosaminoglycan where the ensemble has it; nothing without an ensemble."""
    if record.ensemble is None:
        return []
    figures = [bands(record, record.ensemble)]
    if not record.ensemble["drivers"]:
        return figures
    matrix = [outcome for outcome in outcomes(record.ensemble) if outcome.startswith("glycosaminoglycan")]
    return [*figures, *(drivers(record, record.ensemble, outcome) for outcome in (ALIVE, *matrix[:1]))]
