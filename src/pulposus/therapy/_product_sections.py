"""Sections of a protocol about the cell product: donor, tissue, culture and release (clinical_model 11)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pulposus.documents import Document
from pulposus.therapy._fields import (
    Age,
    Amount,
    Duration,
    Fraction,
    Length,
    Mass,
    Relation,
    Source,
    refused,
)
from pulposus.units import Quantity

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
