"""The fields of a run: their names for people, their units in the program and in the notation of UDUNITS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    import xarray

MILLION_PER_ML = "million/mL"


@dataclass(frozen=True)
class FieldInfo:
    """How a field is named and measured.

    Attributes:
        key: Variable name.
        label: Name for people.
        unit: Unit as printed.
        udunits: The same unit in the notation of UDUNITS (CF conventions).
        suffix: The unit as the ending of a column name; empty for a pure number.
    """

    key: str
    label: str
    unit: str
    udunits: str
    suffix: str


SOLUTES = (
    FieldInfo("oxygen", "oxygen tension", "kPa", "kPa", "kPa"),
    FieldInfo("glucose", "glucose concentration", "mM", "mmol L-1", "mM"),
    FieldInfo("lactate", "lactate concentration", "mM", "mmol L-1", "mM"),
    FieldInfo("pH", "pH", "-", "1", ""),
)
POPULATIONS = (
    FieldInfo("native", "native cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL"),
    FieldInfo("senescent", "senescent native cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL"),
    FieldInfo("free", "free donor cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL"),
    FieldInfo("attached", "attached donor cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL"),
    FieldInfo("differentiated", "differentiated donor cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL"),
    FieldInfo("dead", "dead cells of every origin, not yet cleared", MILLION_PER_ML, "1e6 mL-1", "million_per_mL"),
)
CYTOKINE = FieldInfo("cytokine", "catabolic cytokine", "-", "1", "")
SIGNALS = (
    CYTOKINE,
    FieldInfo("enzyme", "enzyme activity", "-", "1", ""),
    FieldInfo("paracrine", "paracrine factor", "-", "1", ""),
    FieldInfo("growth_factor", "growth factor given", "ng/mL", "ng mL-1", "ng_per_mL"),
)
GLYCOSAMINOGLYCAN = FieldInfo("glycosaminoglycan", "glycosaminoglycan", "mg/mL", "mg mL-1", "mg_per_mL")
WATER = FieldInfo("water_fraction", "water fraction", "-", "1", "")
MATRIX = (
    GLYCOSAMINOGLYCAN,
    FieldInfo("aggrecan", "aggrecan that aggregates", "mg/mL", "mg mL-1", "mg_per_mL"),
    FieldInfo("fragments", "fragments of aggrecan", "mg/mL", "mg mL-1", "mg_per_mL"),
    FieldInfo("collagen_II", "collagen II", "mg/mL", "mg mL-1", "mg_per_mL"),
    FieldInfo("collagen_I", "collagen I", "mg/mL", "mg mL-1", "mg_per_mL"),
    WATER,
    # One milliequivalent of a single charge is one millimole; UDUNITS knows no equivalents and no osmoles.
    FieldInfo("fixed_charge_density", "fixed charge per water", "mEq/mL", "mmol mL-1", "mEq_per_mL"),
    FieldInfo("osmolarity", "osmolarity", "mOsm", "mmol L-1", "mOsm"),
    FieldInfo("annulus_order", "order of the annulus", "-", "1", ""),
    FieldInfo("fissure", "fissure fraction", "-", "1", ""),
)
# Of a run with mechanics, lying at rest.
DISPLACEMENT = (
    FieldInfo("displacement_right", "displacement since the image, to the right", "mm", "mm", "mm"),
    FieldInfo("displacement_anterior", "displacement since the image, anterior", "mm", "mm", "mm"),
    FieldInfo("displacement_cranial", "displacement since the image, cranial", "mm", "mm", "mm"),
)
VOLUME_RATIO = FieldInfo("volume_ratio", "volume that cells and matrix live in, over that of the image", "-", "1", "")
SHAPE = (
    *DISPLACEMENT,
    FieldInfo("fibre_stretch", "stretch along the fibres of the annulus", "-", "1", ""),
    VOLUME_RATIO,
)
DONOR = FieldInfo("donor", "live donor cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL")
_CELLS_ONLY = SOLUTES + POPULATIONS
_SHOWN = (*SOLUTES, DONOR, POPULATIONS[0])
LIVE_DONOR = ("free", "attached", "differentiated")
_SUMS = {DONOR.key: LIVE_DONOR, GLYCOSAMINOGLYCAN.key: ("aggrecan", "fragments")}


def carries(dataset: xarray.Dataset, key: str) -> bool:
    """Whether a run has a field, or all terms of its sum."""
    return all(name in dataset for name in _SUMS.get(key, (key,)))


def _carried(dataset: xarray.Dataset, infos: tuple[FieldInfo, ...]) -> tuple[FieldInfo, ...]:
    return tuple(info for info in infos if carries(dataset, info.key))


def living_fields(dataset: xarray.Dataset) -> tuple[FieldInfo, ...]:
    """Signals and matrix of a run; none of a run with cells only."""
    return _carried(dataset, (*SIGNALS, *MATRIX))


def shape_fields(dataset: xarray.Dataset) -> tuple[FieldInfo, ...]:
    """What mechanics gives of a run; none of a run without it. Only where it acted the volumes change."""
    return _carried(dataset, SHAPE)


def all_fields(dataset: xarray.Dataset) -> tuple[FieldInfo, ...]:
    """Every field of a run: solutes, cells, signals, matrix, mechanics."""
    return (*_CELLS_ONLY, *living_fields(dataset), *shape_fields(dataset))


def native_fields(dataset: xarray.Dataset) -> tuple[FieldInfo, ...]:
    """What a run without donor cells has of them."""
    return (*SOLUTES, *POPULATIONS[:2], *living_fields(dataset), *shape_fields(dataset))


def shown_fields(dataset: xarray.Dataset) -> tuple[FieldInfo, ...]:
    """Fields of the pictures and of the 3D view."""
    return (*_SHOWN, *_carried(dataset, (GLYCOSAMINOGLYCAN, CYTOKINE, WATER)))


def field_values(dataset: xarray.Dataset, key: str) -> Float[np.ndarray, "time column level"]:
    """Values of a stored field, or of a sum: the live donor populations for `donor`, aggrecan and fragments for `glycosaminoglycan`."""
    if key in _SUMS:
        return np.sum([dataset[name].to_numpy() for name in _SUMS[key]], axis=0)
    return dataset[key].to_numpy()


def displacement(dataset: xarray.Dataset, index: int) -> Float[np.ndarray, "column level 3"] | None:
    """Displacement since the image at a stored time [mm]; None without mechanics."""
    if not carries(dataset, DISPLACEMENT[0].key):
        return None
    return np.stack([dataset[info.key][index].to_numpy() for info in DISPLACEMENT], axis=-1)


def times(dataset: xarray.Dataset) -> Float[np.ndarray, "time"]:
    """Stored times in days."""
    return dataset["time"].to_numpy().astype(np.float64)


def suffixed(info: FieldInfo) -> str:
    """Column name of a field with its unit, such as `oxygen_kPa`."""
    return f"{info.key}_{info.suffix}" if info.suffix else info.key
