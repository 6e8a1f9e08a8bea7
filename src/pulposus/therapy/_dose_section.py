"""What is injected into one disc: cells, carrier, growth factor, platelets, and when again (cells_matrix 5; clinical_model 11)."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pulposus.documents import Document
from pulposus.therapy._fields import (
    CarrierName,
    Cells,
    Duration,
    GrowthFactorName,
    Protein,
    ProteinConcentration,
    Volume,
    refused,
)

LARGEST_DOSE = 1000.0
"""Million cells per disc; twenty times the largest published dose of cultured cells. Nothing of the kind can be meant."""

PUBLISHED_DOSES = "published doses reach from 0.02 million (rat) to 52 million cells (human) per disc"


class GrowthFactor(Document):
    """A growth factor in the syringe."""

    name: GrowthFactorName
    """Kind; OP-1 is BMP-7."""
    amount: Protein
    """Mass injected into one disc."""


class PlateletRichPlasma(Document):
    """Platelet-rich plasma in the syringe; the injected volume is `dose.volume`."""

    leukocytes: Literal["rich", "poor"]
    """Leukocyte-rich plasma raises the cytokine."""
    growth_factor: ProteinConcentration | None = None
    """Growth factors in the plasma, as an equivalent of TGF-beta; the model's prior where left out."""


class Dose(Document):
    """What is injected into one disc."""

    product: Literal["cells", "concentrate"] = "cells"
    """cells: expanded or sorted cells, all of one kind; concentrate: nucleated cells of the tissue, a few of them stem cells."""
    cells: Cells
    """Cells in the syringe, living and dead together, all nucleated cells of a concentrate; 0 is the sham arm."""
    cells_range: tuple[Cells, Cells] | None = None
    """Low and high value where the dose is uncertain or reported differently."""
    stem_cell_fraction: float | None = Field(default=None, gt=0.0, le=1.0)
    """Share of stem cells in a concentrate; the model's prior where left out."""
    volume: Volume
    """Injected volume."""
    volume_range: tuple[Volume, Volume] | None = None
    """Low and high value where the volume is uncertain."""
    carrier: CarrierName
    """What the cells come in."""
    gelled: bool | None = None
    """Whether the carrier is a gel when the needle is withdrawn; by default fibrin, collagen and alginate are."""
    growth_factor: GrowthFactor | None = None
    """Growth factor in the syringe."""
    platelet_rich_plasma: PlateletRichPlasma | None = None
    """Platelet-rich plasma in the syringe."""
    additives: tuple[str, ...] = ()
    """Anything else in the syringe (record)."""
    repeat_at: tuple[Duration, ...] = ()
    """Times of further injections of the same dose after the first; each is a puncture of its own."""
    repeat_rule: str = ""
    """Rule for a further injection in words (record)."""

    @field_validator("cells")
    @classmethod
    def _credible(cls, value: float) -> float:
        if not 0.0 <= value <= LARGEST_DOSE:
            raise refused(
                f"a dose of {value:g} million cells is {'negative' if value < 0.0 else 'absurd'}",
                allowed=f"0 to {LARGEST_DOSE:g} million cells; {PUBLISHED_DOSES}",
                remedy="0 cell is the sham arm"
                if value < 0.0
                else "check the unit: 10 million cells are written 10e6 cell",
            )
        return value

    @field_validator("cells_range", "volume_range")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0.0 <= value[0] <= value[1]:
            raise refused("the range is not ordered", allowed="the low value first, neither negative")
        return value

    @field_validator("repeat_at")
    @classmethod
    def _after_each_other(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in pairwise((0.0, *value))):
            raise refused(
                "the times of the further injections do not follow each other",
                allowed="times after the first injection, each later than the one before",
                remedy='for example ["3 month", "6 month"]; the first injection is day 0 and is not listed',
            )
        return value

    @model_validator(mode="after")
    def _needs_volume(self) -> Dose:
        given = {
            "cells": self.cells > 0.0,
            "a growth factor": self.growth_factor is not None,
            "platelet-rich plasma": self.platelet_rich_plasma is not None,
        }
        for name, present in given.items():
            if present and self.volume == 0.0:
                raise refused(f"{name} cannot be injected in a volume of 0", remedy='set "volume", for example 1 mL')
        if self.growth_factor is not None and self.platelet_rich_plasma is not None:
            raise refused(
                "a growth factor and platelet-rich plasma in one syringe",
                allowed="growth_factor or platelet_rich_plasma",
                remedy="one growth factor is followed at a time: keep the stronger one",
            )
        return self

    @model_validator(mode="after")
    def _concentrate(self) -> Dose:
        if self.product == "concentrate" and self.cells == 0.0:
            raise refused("a concentrate without cells", remedy='set "cells" to all its nucleated cells')
        if self.product == "cells" and self.stem_cell_fraction is not None:
            raise refused(
                "a share of stem cells belongs to a concentrate", allowed="stem_cell_fraction with product: concentrate"
            )
        return self

    @property
    def concentration(self) -> float:
        """Cells per volume of the syringe [10^6/mL]; 0 for an empty one."""
        return self.cells / self.volume if self.volume > 0.0 else 0.0

    @property
    def is_gel(self) -> bool:
        """Whether the carrier is a gel when the needle is withdrawn."""
        return self.carrier in ("fibrin", "collagen", "alginate") if self.gelled is None else self.gelled

    @property
    def growth_factor_kind(self) -> str:
        """The growth factor that acts, plasma counted as TGF-beta and OP-1 as BMP-7; empty without one."""
        if self.platelet_rich_plasma is not None:
            return "TGF-beta"
        name = self.growth_factor.name if self.growth_factor is not None else ""
        return "BMP-7" if name == "OP-1" else name
