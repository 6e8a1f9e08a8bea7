"""Sections of a protocol that the physics uses (clinical_model 11): disc, donor, product, dose, delivery, comparator, numerics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pulposus.documents import Document
from pulposus.therapy._fields import (
    Age,
    Amount,
    Annulus,
    Approach,
    Arm,
    CarrierName,
    Cells,
    Duration,
    Fraction,
    Length,
    Mass,
    Pressure,
    Relation,
    Route,
    Size,
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


class DiscChoice(Document):
    """The disc that is treated."""

    name: str
    """Built-in disc such as human/L4-L5/grade4, or the path of a disc.yaml."""
    also: tuple[str, ...] = ()
    """Other discs that the study contains, such as the other grades of a mixture; each is a run of its own."""
    annulus: Annulus = "intact"
    """State of the annulus before the needle: it decides how freely cells leak afterwards."""
    leak_weight: float | None = Field(default=None, ge=0.0, le=2.5)
    """Openness of the way out right after the injection, in place of that of `annulus`."""


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
            raise refused("the species of a xenogeneic donor is missing", remedy='add "species", for example species: human')
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
                raise refused(f"a {name} of {self.source} cannot be used", allowed=needed, remedy=f'write "{needed}" instead of "{name}"')
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
                remedy="0 cell is the sham arm" if value < 0.0 else "check the unit: 10 million cells are written 10e6 cell",
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


class Tip(Document):
    """Where the needle ends, from the centre of the nucleus, as a share of the half width, half depth and half height of the disc."""

    right: float = Field(default=0.0, ge=-1.0, le=1.0)
    """To the right of the subject."""
    anterior: float = Field(default=0.0, ge=-1.0, le=1.0)
    """To the front."""
    cranial: float = Field(default=0.0, ge=-1.0, le=1.0)
    """To the head."""


class Sponge(Document):
    """Piece of collagen sponge that is placed in an opening of the posterior annulus."""

    width: Size
    """Left to right."""
    depth: Size
    """From the outer annulus inward."""
    height: Size
    """Along the spine."""


class Delivery(Document):
    """How the product gets into the disc."""

    route: Route = "needle"
    """needle; fenestration: a sponge in an opening of the annulus; none: nothing is done."""
    approach: Approach = "posterolateral"
    """Side of the disc where the needle enters."""
    side: Literal["left", "right"] = "right"
    """Side of the body."""
    needle_gauge: int | None = Field(default=None, ge=14, le=31)
    """Gauge; a higher number is a thinner needle."""
    needles: Literal["one", "two"] | None = None
    """One needle or a needle through a needle (record)."""
    tip: Tip = Tip()
    """Where the needle ends."""
    duration: Duration | None = Field(default=None)
    """From the first to the last drop; 0 s is an instant bolus."""
    dwell_time: Duration = 0.0
    """Time that the needle stays after the last drop."""
    hold_time: Duration = 0.0
    """Time between the release test and the injection."""
    pressure_model: bool = True
    """Compute the back-flow from pressure; false takes the carrier's table value."""
    accommodated_fraction: float | None = Field(default=None, ge=0.05, le=1.0)
    """Share of the tissue that the injectate may occupy; by default that of the annulus state."""
    sponge: Sponge | None = None
    """Size of the sponge (fenestration only)."""
    guidance: str = ""
    """Imaging during the injection (record)."""
    opening_pressure: Pressure | None = None
    """Measured opening pressure (record)."""
    peak_pressure: Pressure | None = None
    """Measured peak pressure (record)."""
    antibiotic: str = ""
    """Antibiotic (record)."""
    contrast: str = ""
    """Contrast agent (record)."""
    anaesthetic: str = ""
    """Local anaesthetic (record)."""
    sedation: str = ""
    """Sedation (record)."""
    leak: str = ""
    """Leak seen during the injection (record)."""

    @field_validator("duration", "dwell_time")
    @classmethod
    def _minutes(cls, value: float | None) -> float | None:
        if value is not None and value > 1.0:
            raise refused(f"an injection of {value:g} days is absurd", allowed="at most 1 day", remedy="check the unit: 30 s, 2 min")
        return value

    @field_validator("hold_time")
    @classmethod
    def _days(cls, value: float) -> float:
        if value > 7.0:
            raise refused(
                f"a hold time of {value:g} days is absurd",
                allowed="at most 7 day; cells are injected within 24 h",
                remedy="frozen time does not count: give the time after thawing",
            )
        return value

    @model_validator(mode="after")
    def _sponge_for_fenestration(self) -> Delivery:
        if (self.route == "fenestration") != (self.sponge is not None):
            what = "the size of the sponge is missing" if self.sponge is None else f'a sponge cannot be placed by "{self.route}"'
            raise refused(what, allowed="sponge with route: fenestration", remedy='add "sponge" with width, depth and height' if self.sponge is None else "")
        return self


class Comparator(Document):
    """What the treatment is compared with."""

    arm: Arm = "none"
    """none: the disc is left alone; saline; carrier-alone; sham-needle: puncture without injection."""
    blinding: str = ""
    """Who does not know the arm (record)."""
    blinding_index: float | None = Field(default=None, ge=-1.0, le=1.0)
    """Measured blinding index (record)."""
    crossover: str = ""
    """Rule for crossing over (record)."""


class CoCare(Document):
    """What happens beside the injection."""

    load_index: float = Field(default=1.0, ge=0.0, le=3.0)
    """Daily loading, 1 is normal activity; 0.8 under physiotherapy and advice. Leak follows it."""
    rest: Duration | None = None
    """Rest after the injection (record)."""
    brace: str = ""
    """Brace (record)."""
    physiotherapy: str = ""
    """Physiotherapy (record)."""
    analgesics: str = ""
    """Rules for pain medication (record)."""


class FollowUp(Document):
    """How long the disc is followed."""

    duration: Annotated[float, Quantity("day", minimum=0.0, exclusive_minimum=True, maximum=36525.0)]
    """Until the end of the run; at most 100 years."""
    visits: tuple[Duration, ...] = ()
    """Times at which the study looked."""


class MechanismSwitches(Document):
    """Mechanisms that can be switched off to see what each contributes."""

    death: bool = True
    """Death of cells in the disc."""
    growth: bool = True
    """Growth of donor cells."""
    differentiation: bool = True
    """Donor cells become nucleus-like."""
    immune: bool = True
    """Immune kill of unmatched cells."""
    leak: bool = True
    """Leak through the needle track, at and after the injection."""


class Numerics(Document):
    """How the run is computed."""

    level: Literal["disc", "slab", "well-mixed"] = "disc"
    """disc: 3D; slab: the axis of the nucleus; well-mixed: one point."""
    resolution: Literal["coarse", "standard", "fine"] = "standard"
    """Mesh of the disc."""
    ensemble: int = Field(default=0, ge=0, le=100_000)
    """Members of the ensemble over the priors; 0 is the single run alone."""
    switches: MechanismSwitches = MechanismSwitches()
    """Mechanisms on or off."""
