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
STORED = SOLUTES + POPULATIONS
DONOR = FieldInfo("donor", "live donor cells", MILLION_PER_ML, "1e6 mL-1", "million_per_mL")
NATIVE_RUN = (*SOLUTES, *POPULATIONS[:2])
SHOWN = (*SOLUTES, DONOR, POPULATIONS[0])
LIVE_DONOR = ("free", "attached", "differentiated")


def field_values(dataset: xarray.Dataset, key: str) -> Float[np.ndarray, "time column level"]:
    """Values of a stored field, or the sum of the live donor populations for `donor`."""
    if key == DONOR.key:
        return np.sum([dataset[name].to_numpy() for name in LIVE_DONOR], axis=0)
    return dataset[key].to_numpy()


def times(dataset: xarray.Dataset) -> Float[np.ndarray, "time"]:
    """Stored times in days."""
    return dataset["time"].to_numpy().astype(np.float64)


def suffixed(info: FieldInfo) -> str:
    """Column name of a field with its unit, such as `oxygen_kPa`."""
    return f"{info.key}_{info.suffix}" if info.suffix else info.key
