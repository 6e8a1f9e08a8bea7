"""What the ensemble says: bands over time, and the priors that drive the spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._fields import field_values, times
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
from pulposus.report._wording import ensemble_name, exact, moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

_CELL_KEYS = ("alive", "leaked", "dead", "free", "attached", "differentiated", "born", "injected")
MOST_BARS = 15
_QUANTILES = ("p05", "p50", "p95")


def quantity_label(key: str) -> tuple[str, float]:
    """Axis label of a quantity of the ensemble and the factor onto its unit."""
    if key in _CELL_KEYS:
        return f"{key} cells [million]", 1e-6
    if key.endswith("fraction"):
        return f"{key.replace('_', ' ')} [-]", 1.0
    solute = next((name for name in ("oxygen", "glucose", "lactate", "pH") if key.startswith(name)), None)
    unit = {"oxygen": " [kPa]", "glucose": " [mM]", "lactate": " [mM]"}.get(solute or "", "")
    plain = key.removesuffix("_kPa").removesuffix("_mM").replace("_", " ")
    return f"{plain}{unit}", 1.0


def ensemble_label(record: RunRecord) -> str:
    """Label of the interval; empty without an ensemble."""
    if record.ensemble is None:
        return ""
    return ensemble_name(str(record.ensemble["level"]), int(record.ensemble["members"]))


def final_interval(record: RunRecord, quantity: str) -> tuple[float, float, float] | None:
    """5, 50 and 95 % of a quantity at the end; None when the ensemble does not have it."""
    if record.ensemble is None or quantity not in record.ensemble["quantiles"]:
        return None
    quantiles = record.ensemble["quantiles"][quantity]
    return float(quantiles["p05"][-1]), float(quantiles["p50"][-1]), float(quantiles["p95"][-1])


def run_series(record: RunRecord, key: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Times and values of the same quantity in the run of the report; None when the run does not have it."""
    if all(key in row for row in record.cells):
        return np.array([row["time_day"] for row in record.cells]), np.array([row[key] for row in record.cells])
    solute = key.removesuffix("_nucleus_mean")
    if solute != key and solute in record.trajectory:
        _, nucleus = record.regions
        return times(record.trajectory), nucleus.mean(field_values(record.trajectory, solute))
    return None


def is_outside(record: RunRecord, quantity: str) -> bool:
    """Whether the run of the report ends outside the 5-95 % band of the ensemble, which is of another level."""
    band, run = final_interval(record, quantity), run_series(record, quantity)
    return band is not None and run is not None and not band[0] <= float(run[1][-1]) <= band[2]


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
            axes.set_title(label)
            if key in _CELL_KEYS:
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
            f"Simulated. {ensemble_label(record).capitalize()}: median and 5–95 % band over draws from the priors. "
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


def drivers(record: RunRecord, ensemble: Mapping[str, Any]) -> Figure:
    """Rank correlation of every sampled prior with the number of living cells at the end."""
    pairs = [
        (one, float("nan" if one["rank_correlation"] is None else one["rank_correlation"]))
        for one in ensemble["drivers"]
    ]
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
        axes.set_xlabel("Spearman rank correlation with the cells alive at the end [-]")
        axes.grid(visible=False, axis="y")
        mark_simulated(drawn)
        image = svg_link(drawn)
    names = ("key", "value", "low", "high", "unit", "status")
    rows = tuple((*(exact(one.get(name)) for name in names), _signed(value)) for one, value in pairs)
    return Figure(
        key="drivers",
        image=image,
        alt=f"Bar chart of rank correlations, largest first: {', '.join(f'{row[0]} {row[-1]}' for row in rows[:5])}.",
        caption=(
            f"Simulated. {ensemble_label(record).capitalize()}: rank correlation of each sampled prior with the number of "
            f"donor cells alive at the end; the {len(shown)} strongest of {len(pairs)} (all in the table). Far from 0: this prior drives "
            f"the answer, and measuring it would narrow the band most. Inside the grey area (±{chance:.2f}) lie 95 % of unrelated inputs."
        ),
        table=Table(("prior", *names[1:], "rank correlation"), rows, "Sampled priors and their rank correlation"),
        data=csv_link(
            (*names, "rank_correlation"), [(*(one.get(name, "") for name in names), value) for one, value in pairs]
        ),
    )


def uncertainty_figures(record: RunRecord) -> list[Figure]:
    """Bands and drivers; nothing without an ensemble."""
    if record.ensemble is None:
        return []
    figures = [bands(record, record.ensemble)]
    return [*figures, drivers(record, record.ensemble)] if record.ensemble["drivers"] else figures
