"""Sections of a protocol about the disc, the delivery, the comparator and the run (clinical_model 11)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pulposus.documents import Document
from pulposus.therapy._fields import Age, Annulus, Approach, Arm, Duration, Pressure, Route, Size, refused
from pulposus.units import Quantity

SHORTEST_INJECTION = 1e-3 / 86400.0
"""Days; shorter than any plunger, and long enough that the inflow is a number."""


class DiscChoice(Document):
    """The disc that is treated."""

    name: str
    """Built-in disc such as human/L4-L5/grade4, or the path of a disc.yaml."""
    also: tuple[str, ...] = ()
    """Other discs that the study contains, such as the other grades of a mixture; each is a run of its own."""
    annulus: Annulus | None = None
    """State of the annulus before the needle: it decides how freely cells leak afterwards. By default that which the insults leave."""
    leak_weight: float | None = Field(default=None, ge=0.0, le=2.5)
    """Openness of the way out right after the injection, in place of that of `annulus`."""
    glycosaminoglycan_change: Annotated[float, Quantity("1/year", minimum=-0.04, maximum=0.0)] | None = None
    """Natural course: relative change of the glycosaminoglycan of the nucleus per year, such as -1 percent/year; by default that
    of the grade."""
    age: Age | None = None
    """Age of the subject, which sets the turnover of collagen; by default that of a middle-aged adult."""
    ageing: Literal["none", "nutrition", "cytokine"] = "none"
    """What drives the ageing of the disc during the follow-up. nutrition: the supply falls; cytokine: cells turn senescent."""
    ageing_severity: float = Field(default=1.0, ge=0.0, le=10.0)
    """Factor on the rate of ageing, for genes, smoking and what else is known of the subject."""


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
    needle_gauge: int | None = Field(default=None, ge=14, le=34)
    """Gauge; a higher number is a thinner needle."""
    needles: Literal["one", "two"] | None = None
    """One needle or a needle through a needle (record)."""
    tip: Tip = Tip()
    """Where the needle ends."""
    duration: Duration | None = None
    """From the first to the last drop; 0 s is an instant bolus."""
    dwell_time: Duration = Field(default=0.0, json_schema_extra={"default": "0 s"})
    """Time that the needle stays after the last drop."""
    hold_time: Duration = Field(default=0.0, json_schema_extra={"default": "0 h"})
    """Time between the release test and the injection."""
    pressure_model: bool = True
    """Compute the back-flow from pressure; false takes the carrier's table value."""
    accommodated_fraction: float | None = Field(default=None, ge=0.05, le=1.0)
    """Share of the tissue that the injectate may occupy; by default that of the annulus state."""
    leak_from: Literal["cleft", "track"] = "cleft"
    """Where free cells leak after the injection. cleft: everywhere in the bolus, whose cells float in one cleft that is open to the needle
    track; track: only where the track or a fissure passes, which depends on the mesh, since a track is thinner than an element."""
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
        if value is not None and value != 0.0 and not SHORTEST_INJECTION <= value <= 1.0:
            raise refused(
                f"an injection phase of {value * 86400.0:g} s is absurd",
                allowed="0 s, or 1 ms to 1 day",
                remedy="check the unit: 30 s, 2 min",
            )
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
            what = (
                "the size of the sponge is missing"
                if self.sponge is None
                else f'a sponge cannot be placed by "{self.route}"'
            )
            raise refused(
                what,
                allowed="sponge with route: fenestration",
                remedy='add "sponge" with width, depth and height' if self.sponge is None else "",
            )
        return self


class Comparator(Document):
    """What the treatment is compared with."""

    arm: Arm = "none"
    """none: the disc is left alone; conservative: left alone and loaded less; sham-needle: puncture without injection; saline; carrier."""
    blinding: str = ""
    """Who does not know the arm (record)."""
    blinding_index: float | None = Field(default=None, ge=-1.0, le=1.0)
    """Measured blinding index (record)."""
    crossover: str = ""
    """Rule for crossing over (record)."""


class CoCare(Document):
    """What happens beside the injection."""

    load_index: float = Field(default=1.0, ge=0.0, le=3.0)
    """Daily loading, 1 is normal activity; less under physiotherapy and advice. Leak follows it."""
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
    paracrine: bool = True
    """Donor cells and platelets secrete a factor that calms the disc."""
    puncture_damage: bool = True
    """The needle of the treatment injures the disc."""
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
    ensemble_level: Literal["slab", "3d"] = "slab"
    """Level of its members: the axial slab, or the disc in 3D on the coarse mesh."""
    mechanics: Literal["off", "readout", "coupled"] = "off"
    """off; readout: height, pressure and stiffness of the disc over time; coupled: nutrients and cells feel its shape as well. In 3D."""
    mechanics_interval: Annotated[float, Quantity("day", minimum=0.0, exclusive_minimum=True)] = 91.3125
    """Longest time between two shapes of a coupled run, and between two representative days."""
    mechanics_day: bool = False
    """Follow a representative day of 16 h and 8 h; in a coupled run nutrients and cells feel its mean shape and water."""
    switches: MechanismSwitches = MechanismSwitches()
    """Mechanisms on or off."""
