"""Sections of a protocol about the cell product: donor, tissue, culture, release and dose (clinical_model 11)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pulposus.documents import Document
from pulposus.therapy._fields import (
    Age,
    Amount,
    CarrierName,
    Cells,
    Duration,
    Fraction,
    Length,
    Mass,
    Relation,
    Source,
    Volume,
    refused,
)
from pulposus.units import Quantity

LARGEST_DOSE = 1000.0
"""Million cells per disc; twenty times the largest published dose. Nothing of the kind can be meant."""

PUBLISHED_DOSES = "published doses reach from 0.02 million (rat) to 52 million cells (human) per disc"

# What is harvested from each source, and the field that holds it.
HARVEST: dict[Source, str] = {
    "bone-marrow": "volume",
    "adipose": "mass",
    "peripheral-blood": "volume",
    "umbilical-cord-blood": "volume",
    "wharton-jelly": "length",
    "disc-cells": "mass",
}


class Donor(Document):
    """Who the cells come from."""

    relation: Relation
    """autologous, allogeneic or xenogeneic."""
    species: str | None = None
    """Species of the donor; by default that of the disc (required for xenogeneic cells)."""
    age: Age | None = None
    """Age; cells of donors over 40 years grow more slowly."""
    sex: str = ""
    """Sex of the donor."""
    screening: str = ""
    """Tests of the donor."""
    hla_policy: str = ""
    """Matching of tissue antigens."""

    @model_validator(mode="after")
    def _xenogeneic_species(self) -> Donor:
        if self.relation == "xenogeneic" and self.species is None:
            raise refused(
                "the species of a xenogeneic donor is missing", remedy='add "species", for example species: human'
            )
        return self


class Origin(Document):
    """The tissue that the cells come from."""

    source: Source
    """Kind of tissue."""
    site: str = ""
    """Where it was taken, such as iliac crest."""
    volume: Amount | None = None
    """Harvested aspirate or blood."""
    mass: Mass | None = None
    """Harvested fat or disc tissue."""
    length: Length | None = None
    """Harvested umbilical cord."""

    @property
    def harvest(self) -> float | None:
        """Harvested amount in the unit of the source's yield: mL, g or cm."""
        return getattr(self, HARVEST[self.source])

    @model_validator(mode="after")
    def _amount_fits_source(self) -> Origin:
        needed = HARVEST[self.source]
        for name in ("volume", "mass", "length"):
            if name != needed and getattr(self, name) is not None:
                raise refused(
                    f"a {name} of {self.source} cannot be used",
                    allowed=needed,
                    remedy=f'write "{needed}" instead of "{name}"',
                )
        return self


class Separation(Document):
    """How the cells are taken from the tissue (record)."""

    method: str = ""
    """Method, such as a density gradient."""
    time_to_processing: Duration | None = None
    """Time between harvest and laboratory."""


class Culture(Document):
    """How the cells are expanded."""

    medium: str = ""
    """Culture medium."""
    serum: Literal["autologous", "fetal-bovine", "platelet-lysate", "human", "none"] | None = None
    """Serum of the medium."""
    oxygen: Annotated[float, Quantity("kPa", minimum=0.0, maximum=101.0)] | None = None
    """Oxygen of the incubator."""
    seeding_density: Annotated[float, Quantity("cell/cm^2", minimum=0.0)] | None = None
    """Cells per area at seeding."""
    passages: int | None = Field(default=None, ge=0, le=40)
    """Passages; used for the doublings where neither they nor the harvest are stated."""
    population_doublings: float | None = Field(default=None, ge=0.0, le=100.0)
    """Doublings since harvest; by default from the dose and the harvest."""
    duration: Duration | None = None
    """Days in culture as reported (the model computes its own)."""
    cryopreserved: bool | None = None
    """Whether the cells were frozen."""
    thaw: str = ""
    """How they were thawed."""


class Characteristics(Document):
    """What is known of the cells at release."""

    viability: Fraction | None = None
    """Living share at the release test, 0 to 1."""
    predifferentiated_fraction: Fraction | None = None
    """Share of nucleus-like cells at release; by default that of the source."""
    surface_markers: str = ""
    """CD panel."""
    colony_forming: str = ""
    """CFU-F."""
    potency_assay: str = ""
    """Potency assay and its result."""
    endotoxin: str = ""
    """Endotoxin."""
    sterility: str = ""
    """Sterility."""
    mycoplasma: str = ""
    """Mycoplasma."""
    karyotype: str = ""
    """Karyotype."""


class Dose(Document):
    """What is injected into one disc."""

    cells: Cells
    """Cells in the syringe, living and dead together; 0 is the sham arm."""
    cells_range: tuple[Cells, Cells] | None = None
    """Low and high value where the dose is uncertain or reported differently."""
    volume: Volume
    """Injected volume."""
    volume_range: tuple[Volume, Volume] | None = None
    """Low and high value where the volume is uncertain."""
    carrier: CarrierName
    """What the cells come in."""
    gelled: bool | None = None
    """Whether the carrier is a gel when the needle is withdrawn; by default fibrin, collagen and alginate are."""
    additives: tuple[str, ...] = ()
    """Anything else in the syringe (record)."""
    repeat: str = ""
    """Rule for a second injection (record)."""

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

    @model_validator(mode="after")
    def _cells_need_volume(self) -> Dose:
        if self.cells > 0.0 and self.volume == 0.0:
            raise refused("cells cannot be injected in a volume of 0", remedy='set "volume", for example 1 mL')
        return self

    @property
    def concentration(self) -> float:
        """Cells per volume of the syringe [10^6/mL]; 0 for an empty one."""
        return self.cells / self.volume if self.volume > 0.0 else 0.0

    @property
    def is_gel(self) -> bool:
        """Whether the carrier is a gel when the needle is withdrawn."""
        return self.carrier in ("fibrin", "collagen", "alginate") if self.gelled is None else self.gelled
