"""The ensemble as numbers and words: labels with units, intervals at the end, and the run of the report beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import MATRIX, SIGNALS, SOLUTES, carries, field_values, times
from pulposus.report._matrix_rows import ANNULUS_ORDER, GLYCOSAMINOGLYCAN_NUCLEUS, series
from pulposus.report._wording import ensemble_name

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

CELL_KEYS = ("alive", "leaked", "dead", "free", "attached", "differentiated", "born", "injected")
NUCLEUS_MEAN = "_nucleus_mean"
ANNULUS_ORDER_MEAN = "annulus_order_mean"
# Mean of the nucleus with cells minus that without [mg/mL].
GAIN_OVER_SHAM = "glycosaminoglycan_gain_over_sham"
# Fields that a quantity of the ensemble may begin with, longest name first; "water" is short for the water fraction.
_FIELDS = {"water": "water_fraction"} | {
    info.key: info.key for info in sorted((*SOLUTES, *SIGNALS, *MATRIX), key=lambda info: -len(info.key))
}
_UNITS = {info.key: info.unit for info in (*SOLUTES, *SIGNALS, *MATRIX)}


def _field_of(key: str) -> str | None:
    """The field that a quantity is a statistic of."""
    return next((field for name, field in _FIELDS.items() if key.startswith(name)), None)


def quantity_label(key: str) -> tuple[str, float]:
    """Axis label of a quantity of the ensemble and the factor onto its unit."""
    if key in CELL_KEYS:
        return f"{key} cells [million]", 1e-6
    words = key.replace("_", " ")
    if key.endswith("fraction"):
        return f"{words} [-]", 1.0
    field = _field_of(key)
    unit = _UNITS.get(field or "", "")
    for ending in (" kPa", " mM", " mg per mL", " ng per mL", " mEq per mL"):
        words = words.removesuffix(ending)
    # pH is a pure number by its name.
    return (words if field == "pH" or not unit else f"{words} [{unit}]"), 1.0


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
    field = _FIELDS.get(key.removesuffix(NUCLEUS_MEAN))
    if key.endswith(NUCLEUS_MEAN) and field is not None and carries(record.trajectory, field):
        _, nucleus = record.regions
        return times(record.trajectory), nucleus.in_run(record.trajectory).mean(field_values(record.trajectory, field))
    if key == ANNULUS_ORDER_MEAN:
        line = series(record, "with_cells", ANNULUS_ORDER)
        return None if line is None else (line.moments, line.values)
    if key == GAIN_OVER_SHAM:
        treated, sham = (series(record, run, GLYCOSAMINOGLYCAN_NUCLEUS) for run in ("with_cells", "sham"))
        if treated is None or sham is None:
            return None
        return treated.moments, treated.values - np.interp(treated.moments, sham.moments, sham.values)
    return None


def is_outside(record: RunRecord, quantity: str) -> bool:
    """Whether the run of the report ends outside the 5-95 % band of the ensemble, which is of another level."""
    band, run = final_interval(record, quantity), run_series(record, quantity)
    return band is not None and run is not None and not band[0] <= float(run[1][-1]) <= band[2]
