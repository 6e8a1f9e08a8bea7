"""Acute insults as a person writes them, in the `insults` of a disc.yaml or of a protocol (cells_matrix 3).

Each section is also the typed record that `apply_insult` takes: immutable, with plain numbers in internal units. What is left out comes
from the parameter file insults.toml. Ranges are those printed in the table of acute insults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pulposus.documents import Document
from pulposus.units import Quantity

Length = Annotated[float, Quantity("mm", minimum=0.0, exclusive_minimum=True)]
Thickness = Annotated[float, Quantity("mm", minimum=0.0)]
Position = Annotated[float, Quantity("mm")]
Volume = Annotated[float, Quantity("mL", minimum=0.0, exclusive_minimum=True)]
Angle = Annotated[float, Quantity("degree", minimum=-180.0, maximum=180.0)]

Approach = Literal["posterior", "posterolateral", "lateral", "anterolateral", "anterior"]
Side = Literal["left", "right"]


def _refused(what: str, allowed: str, remedy: str) -> PydanticCustomError:
    """The error of keys that do not go together; `documents.read_document` adds file, line and field."""
    return PydanticCustomError("quantity", "{what}", {"what": what, "allowed": allowed, "remedy": remedy})


class Insult(Document):
    """What every insult may say."""

    time_before_treatment: Annotated[float, Quantity("day", minimum=0.0)] = Field(
        default=0.0, json_schema_extra={"default": "0 day"}
    )
    """How long before the treatment it happens; only in a protocol, since a disc on its own has no treatment."""


class ThroughAnnulus(Insult):
    """An insult that enters through the annulus."""

    approach: Approach = "posterolateral"
    """Part of the annulus where it enters."""
    side: Side = "right"
    """Side of the body."""
    angle: Angle | None = None
    """Where it enters, from the posterior midline, positive to the right; in place of `approach` and `side`."""

    @model_validator(mode="after")
    def _one_place(self) -> ThroughAnnulus:
        if self.angle is not None and self.model_fields_set & {"approach", "side"}:
            raise _refused(
                "angle says the same as approach and side",
                "angle, or approach and side",
                'leave "approach" and "side" out',
            )
        return self


class AnnularPuncture(ThroughAnnulus):
    """A needle through the annulus into the nucleus, and out again."""

    kind: Literal["annular-puncture"]
    """A needle through the annulus into the nucleus."""
    needle_gauge: Annotated[int, Field(ge=14, le=34, strict=True)] | None = None
    """Gauge; a higher number is a thinner needle."""
    needle_diameter: Thickness | None = None
    """Outer diameter, in place of the gauge; 0 mm is no needle and changes nothing."""
    depth: Length | None = None
    """How deep the needle goes from the outer annulus towards the centre of the nucleus; to the centre where left out."""

    @model_validator(mode="after")
    def _one_needle(self) -> AnnularPuncture:
        if (self.needle_gauge is None) == (self.needle_diameter is None):
            what = "the needle is missing" if self.needle_gauge is None else "the needle stands twice"
            raise _refused(what, "one of needle_gauge and needle_diameter", 'write "needle_gauge: 22", for example')
        return self


class Nucleotomy(Insult):
    """Tissue of the nucleus is taken out with forceps, or sucked out through a wide needle."""

    kind: Literal["nucleotomy", "aspiration"]
    """Nucleus removed by the surgeon."""
    removed_fraction: Annotated[float, Field(ge=0.2, le=0.6)] | None = None
    """Share of the volume of the nucleus that is removed."""


class Discectomy(ThroughAnnulus):
    """An opening is cut into the annulus, and loose nucleus is removed through it."""

    kind: Literal["discectomy", "sequestrectomy"]
    """Opening of the annulus, and removal of loose nucleus."""
    removed_fraction: Annotated[float, Field(ge=0.05, le=0.3)] | None = None
    """Share of the volume of the nucleus that is removed."""
    opening: Length
    """Width of the opening in the annulus."""


class SuperficialAnnularLesion(ThroughAnnulus):
    """A wound of the outer annulus that does not reach the nucleus."""

    kind: Literal["superficial-annular-lesion"]
    """A wound of the outer annulus."""
    width: Length | None = None
    """Width of the wound."""
    depth: Length | None = None
    """Depth of the wound from the outer annulus."""


class EndplateFracture(Insult):
    """An endplate breaks, and nucleus enters the bone."""

    kind: Literal["endplate-fracture"]
    """A round broken patch of one endplate."""
    face: Literal["inferior", "superior"]
    """Which endplate."""
    x: Position = Field(default=0.0, json_schema_extra={"default": "0 mm"})
    """Centre of the patch, right of the middle."""
    y: Position = Field(default=0.0, json_schema_extra={"default": "0 mm"})
    """Centre of the patch, in front of the middle."""
    radius: Length
    """Radius of the patch."""


class RadialFissure(ThroughAnnulus):
    """A tear from the nucleus to the outside of the annulus."""

    kind: Literal["radial-fissure"]
    """A tear through the whole annulus."""
    approach: Approach = "posterior"
    """Part of the annulus that is torn."""
    width: Length
    """Width of the tear."""


class Herniation(ThroughAnnulus):
    """Nucleus leaves the disc through a full fissure, which the disc must have."""

    kind: Literal["herniation"]
    """Nucleus extruded through a full fissure."""
    approach: Approach = "posterior"
    """Part of the annulus that it tears, if it does."""
    volume: Volume
    """Volume of nucleus that leaves."""
    tears_annulus: bool = False
    """The herniation itself tears the annulus, where it has no full fissure."""
    width: Length | None = None
    """Width of that tear."""

    @model_validator(mode="after")
    def _tear_has_a_width(self) -> Herniation:
        if self.tears_annulus != (self.width is not None):
            what = "the width of the tear is missing" if self.tears_annulus else "a width without a tear"
            raise _refused(what, "width with tears_annulus: true", 'add "width" and "tears_annulus: true", or neither')
        return self


class EnzymaticDigestion(Insult):
    """An enzyme such as chymopapain, chondroitinase ABC or trypsin cuts the aggrecan of the nucleus; the cells stay."""

    kind: Literal["enzymatic"]
    """Aggrecan cut by an enzyme."""
    aggrecan_left: Annotated[float, Field(ge=0.3, le=0.7)] | None = None
    """Share of the aggrecan of the nucleus that stays."""
    agent: str = ""
    """Name of the enzyme (record)."""


AnyInsult = (
    AnnularPuncture
    | Nucleotomy
    | Discectomy
    | SuperficialAnnularLesion
    | EndplateFracture
    | RadialFissure
    | Herniation
    | EnzymaticDigestion
)
InsultSection = Annotated[AnyInsult, Field(discriminator="kind")]
