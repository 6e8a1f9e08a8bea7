"""Kinds of fields that the sections of a protocol share: quantities with units, closed word lists, and the error of a bad value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from pulposus.units import Quantity

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Cells = Annotated[float, Quantity("1e6 cell")]
Volume = Annotated[float, Quantity("mL", minimum=0.0, maximum=100.0)]
Amount = Annotated[float, Quantity("mL", minimum=0.0, exclusive_minimum=True, maximum=1000.0)]
Mass = Annotated[float, Quantity("g", minimum=0.0, exclusive_minimum=True, maximum=5000.0)]
Length = Annotated[float, Quantity("cm", minimum=0.0, exclusive_minimum=True, maximum=100.0)]
Size = Annotated[float, Quantity("mm", minimum=0.0, exclusive_minimum=True, maximum=100.0)]
Duration = Annotated[float, Quantity("day", minimum=0.0)]
Age = Annotated[float, Quantity("year", minimum=0.0, maximum=120.0)]
Pressure = Annotated[float, Quantity("MPa", minimum=0.0, maximum=20.0)]
Protein = Annotated[float, Quantity("ng", minimum=0.0, exclusive_minimum=True, maximum=1e9)]
ProteinConcentration = Annotated[float, Quantity("ng/mL", minimum=0.0, maximum=1e4)]

Status = Literal["verified", "recalled", "derived", "prior"]
"""verified: seen in its source; recalled: attributed to a paper, not re-read; derived: computed from others; prior: judgement."""

Source = Literal["bone-marrow", "adipose", "peripheral-blood", "umbilical-cord-blood", "wharton-jelly", "disc-cells"]
Relation = Literal["autologous", "allogeneic", "xenogeneic"]
CarrierName = Literal["saline", "hyaluronan", "fibrin", "collagen", "alginate"]
Annulus = Literal["intact", "punctured", "nucleotomy", "fissured"]
Route = Literal["needle", "fenestration", "none"]
Approach = Literal["posterolateral", "posterior", "lateral", "anterior"]
Arm = Literal["none", "conservative", "sham-needle", "saline", "carrier"]
"""Groups without cells that any protocol can be compared with; `Protocol.arm` makes them."""
GrowthFactorName = Literal["TGF-beta", "GDF-5", "GDF-6", "BMP-7", "OP-1"]
"""OP-1 is another name of BMP-7."""


def refused(what: str, *, allowed: str = "", remedy: str = "") -> PydanticCustomError:
    """The error of a value that the schema cannot judge alone; `documents.read_document` adds file, line and field."""
    return PydanticCustomError("quantity", "{what}", {"what": what, "allowed": allowed, "remedy": remedy})
