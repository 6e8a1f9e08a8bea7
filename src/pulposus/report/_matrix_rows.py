"""Signals and matrix over time, as the rows of a run give them: quantities, series, and the values at chosen times.

A row holds `time_day`, `run` and the means of `nucleus`, `annulus` and `disc`, and `mechanics` where it was computed; the name of a number
ends with its unit. What a run does not know is absent or None: a slab has no annulus, a run without imaging no T2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

REGIONS = ("nucleus", "annulus", "disc")
AGGRECAN_SHARE = "aggrecan_share"


@dataclass(frozen=True)
class Quantity:
    """A mean of a region that the report shows.

    Attributes:
        region: Part of the disc.
        key: Name in the rows, or `aggrecan_share`, which is derived.
        label: Name for people.
        unit: As printed; "-" for a pure number.
        relative: Drawn in percent of its start, because years change it little.
    """

    region: str
    key: str
    label: str
    unit: str
    relative: bool = False

    @property
    def name(self) -> str:
        """Name in files: region and key."""
        return f"{self.region}_{self.key}"

    @property
    def title(self) -> str:
        """Name with the region."""
        return self.label if self.region in ("disc", MECHANICS) else f"{self.label}, {self.region}"


GLYCOSAMINOGLYCAN_NUCLEUS = Quantity("nucleus", "glycosaminoglycan_mg_per_mL", "glycosaminoglycan", "mg/mL")
CYTOKINE_NUCLEUS = Quantity("nucleus", "cytokine", "cytokine", "-")
WATER_NUCLEUS = Quantity("nucleus", "water_fraction", "water fraction", "-")
COLLAGEN_II_NUCLEUS = Quantity("nucleus", "collagen_II_mg_per_mL", "collagen II", "mg/mL", relative=True)
ENZYME_NUCLEUS = Quantity("nucleus", "enzyme", "enzyme activity", "-")
ANNULUS_ORDER = Quantity("annulus", "annulus_order", "order", "-")
GROWTH_FACTOR = Quantity("nucleus", "growth_factor_ng_per_mL", "growth factor given", "ng/mL")

MATRIX_QUANTITIES = (
    GLYCOSAMINOGLYCAN_NUCLEUS,
    Quantity("annulus", "glycosaminoglycan_mg_per_mL", "glycosaminoglycan", "mg/mL"),
    Quantity("nucleus", AGGRECAN_SHARE, "aggrecan share", "%"),
    COLLAGEN_II_NUCLEUS,
    Quantity("nucleus", "collagen_I_mg_per_mL", "collagen I", "mg/mL", relative=True),
    Quantity("annulus", "collagen_I_mg_per_mL", "collagen I", "mg/mL", relative=True),
    WATER_NUCLEUS,
    Quantity("nucleus", "fixed_charge_density_mEq_per_mL", "fixed charge", "mEq/mL"),
    Quantity("nucleus", "osmolarity_mOsm", "osmolarity", "mOsm"),
)
SIGNAL_QUANTITIES = (
    CYTOKINE_NUCLEUS,
    ENZYME_NUCLEUS,
    Quantity("nucleus", "paracrine", "paracrine factor", "-"),
    Quantity("annulus", "cytokine", "cytokine", "-"),
    ANNULUS_ORDER,
    Quantity("annulus", "fissure", "fissure fraction", "-"),
    GROWTH_FACTOR,
)
# What the composition means for stiffness, strength and the image; shown where a run knows it.
FUNCTION_QUANTITIES = (
    Quantity("disc", "relative_stiffness", "stiffness over a healthy disc", "-"),
    Quantity("disc", "relative_strength", "strength over a healthy disc", "-"),
    Quantity("disc", "T2_ms", "T2 of the nucleus", "ms"),
)
# The disc lying down, of a run that computes its mechanics.
MECHANICS = "mechanics"
MECHANICS_QUANTITIES = (
    Quantity(MECHANICS, "height_mean_mm", "mean height", "mm"),
    Quantity(MECHANICS, "intradiscal_pressure_MPa", "intradiscal pressure", "MPa"),
    Quantity(MECHANICS, "stiffness_N_per_mm", "stiffness under a fast load", "N/mm"),
    Quantity(MECHANICS, "effective_modulus_MPa", "effective modulus", "MPa"),
    Quantity(MECHANICS, "day_pressure_MPa", "pressure under a fast load", "MPa"),
    Quantity(MECHANICS, "bulge_mm", "bulge", "mm"),
    Quantity(MECHANICS, "fibre_stretch_p95", "stretch along the fibres, 95th percentile", "-"),
)
# A representative day of it, of a run that follows one.
DAY_QUANTITIES = (
    Quantity(MECHANICS, "height_day_mm", "height, mean of the day", "mm"),
    Quantity(MECHANICS, "height_night_mm", "height, mean of the night", "mm"),
    Quantity(MECHANICS, "height_evening_mm", "height in the evening", "mm"),
    Quantity(MECHANICS, "height_night_end_mm", "height at the end of the night", "mm"),
    Quantity(MECHANICS, "pressure_evening_MPa", "pressure in the evening", "MPa"),
    Quantity(MECHANICS, "volume_ratio_day_nucleus", "volume of nucleus, day over image", "-"),
    Quantity(MECHANICS, "volume_ratio_night_nucleus", "volume of nucleus, night over image", "-"),
    Quantity(MECHANICS, "overnight_volume_share", "volume gained overnight", "-"),
)
ALL_QUANTITIES = (*MATRIX_QUANTITIES, *SIGNAL_QUANTITIES, *FUNCTION_QUANTITIES, *MECHANICS_QUANTITIES, *DAY_QUANTITIES)


@dataclass(frozen=True)
class Series:
    """A quantity of one run over time [day]."""

    moments: Float[np.ndarray, "time"]
    values: Float[np.ndarray, "time"]

    def at(self, day: float) -> float:
        """Value at a time, linear between the stored ones."""
        return float(np.interp(day, self.moments, self.values))

    @property
    def shares(self) -> Float[np.ndarray, "time"]:
        """Percent of the first value; all 100 where that is zero."""
        return 100.0 * self.values / self.values[0] if self.values[0] != 0.0 else np.full_like(self.values, 100.0)


def mean_of(row: Mapping[str, Any], quantity: Quantity) -> float:
    """A mean of one row; not a number where the row does not have it."""
    part = row.get(quantity.region) or {}
    if quantity.key == AGGRECAN_SHARE:
        aggrecan, total = part.get("aggrecan_mg_per_mL"), part.get("glycosaminoglycan_mg_per_mL")
        return 100.0 * float(aggrecan) / float(total) if aggrecan is not None and total else float("nan")
    value = part.get(quantity.key)
    return float("nan") if value is None else float(value)


def series_of(rows: Sequence[Mapping[str, Any]], quantity: Quantity) -> Series | None:
    """A quantity over time; None where no row has it."""
    pairs = [(float(row["time_day"]), mean_of(row, quantity)) for row in rows]
    known = sorted(pair for pair in pairs if np.isfinite(pair[1]))
    return Series(*(np.array(part) for part in zip(*known, strict=True))) if known else None


def rows_of(record: RunRecord, row_key: str) -> list[Mapping[str, Any]]:
    """Rows of one run."""
    return [row for row in record.matrix if row["run"] == row_key]


def series(record: RunRecord, row_key: str, quantity: Quantity) -> Series | None:
    """A quantity of one run over time; None where the run does not have it."""
    return series_of(rows_of(record, row_key), quantity)


def present(record: RunRecord, quantities: Sequence[Quantity]) -> list[Quantity]:
    """The quantities that the treated run has; a growth factor only where one is given."""
    found = []
    for quantity in quantities:
        line = series(record, "with_cells", quantity)
        if line is not None and (quantity != GROWTH_FACTOR or line.values.max() > 0.0):
            found.append(quantity)
    return found


def final_row(record: RunRecord, row_key: str) -> Mapping[str, Any] | None:
    """The last row of a run; None where it has none."""
    rows = rows_of(record, row_key)
    return max(rows, key=lambda row: float(row["time_day"])) if rows else None
