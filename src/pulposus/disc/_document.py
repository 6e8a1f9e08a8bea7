"""What a person may write in a disc.yaml.

Every key but `shape` may be left out: what is missing comes from the parameter files, for the species, level and grade of the disc. The
benchmark discs write every number.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from pulposus.disc._insult_document import InsultSection
from pulposus.documents import Document
from pulposus.units import Quantity

Length = Annotated[float, Quantity("mm", minimum=0.0, exclusive_minimum=True)]
Thickness = Annotated[float, Quantity("mm", minimum=0.0)]
Position = Annotated[float, Quantity("mm")]
Density = Annotated[float, Quantity("1e6 cell/mL", minimum=0.0)]
Diffusion = Annotated[float, Quantity("mm^2/day", minimum=0.0, exclusive_minimum=True)]
Tension = Annotated[float, Quantity("kPa", minimum=0.0)]
Concentration = Annotated[float, Quantity("mM", minimum=0.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
OpenFraction = Annotated[float, Field(gt=0.0, lt=1.0)]
Factor = Annotated[float, Field(ge=0.0)]


Harmonic = tuple[float, float]


class ShapeCoefficients(Document):
    """The coefficients of the closed-form map themselves, such as an import from an image writes them (mechanics_imaging 1.4 and 1.6)."""

    half_width: Length
    """a."""
    half_depth: Length
    """b."""
    origin: Position
    """y0."""
    width_first: float
    """a1, first harmonic of x."""
    width_second: float
    """b2."""
    width_third: float
    """a3."""
    depth_first: float
    """c1, first harmonic of y."""
    depth_second: float
    """d2; below about -0.2 the posterior border is concave."""
    depth_third: float
    """c3."""
    width_harmonics: tuple[Harmonic, ...] = ()
    """What x has beside them: cosine and sine of the first, second, ... harmonic, relative to a."""
    depth_harmonics: tuple[Harmonic, ...] = ()
    """What y has beside them, relative to b."""
    squeeze: float
    """e, widens and flattens the nucleus."""
    nucleus_shift: Position
    """delta, moves the interior backward."""
    nucleus_radius: OpenFraction
    """Reference radius of the nucleus."""
    endplate_radius: OpenFraction
    """Reference radius of the cartilage endplates."""
    endplate_centre: Thickness
    """Thickness of each cartilage endplate at its centre."""
    endplate_rise: Thickness
    """How much thicker a cartilage endplate is at its margin."""
    endplate_power: Annotated[int, Field(ge=1, le=8, strict=True)] = 4
    """Power of the rise towards the margin."""
    endplate_share: Annotated[float, Field(gt=0.0, le=0.5)] = 0.5
    """Largest share of a column that one cartilage endplate may take."""
    superior: Annotated[tuple[Position, ...], Field(min_length=6, max_length=16)]
    """Coefficients of the superior face: s0 to s5, then the coronal tilt and finer terms."""
    inferior: Annotated[tuple[Position, ...], Field(min_length=6, max_length=16)]
    """Coefficients of the inferior face."""

    @model_validator(mode="after")
    def _same_orders(self) -> ShapeCoefficients:
        if len(self.width_harmonics) != len(self.depth_harmonics) or len(self.superior) != len(self.inferior):
            raise ValueError("the harmonics of x and y, and the terms of the two faces, must be as many")
        return self


class PatientFrame(Document):
    """Where the disc lies in the patient it was imported from."""

    origin: tuple[Position, Position, Position]
    """Origin of the disc's frame in the coordinates of the image: right, anterior, superior."""
    axes: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
    """Unit vectors x (right), y (anterior), z (cranial) of the disc in the coordinates of the image, a row each."""

    @model_validator(mode="after")
    def _a_rotation(self) -> PatientFrame:
        if (
            np.abs(np.array(self.axes) @ np.array(self.axes).T - np.eye(3)).max() > 1e-4
            or np.linalg.det(self.axes) < 0.0
        ):
            raise ValueError("the axes are not three orthogonal unit vectors of a right-handed frame")
        return self


class AnatomicalShape(Document):
    """A disc of an animal: the closed-form map, from what is measured on it."""

    kind: Literal["anatomical"]
    """A disc of an animal."""
    species: str
    """Species of the library, such as human, rat or sheep."""
    level: str
    """Level, such as L4-L5, lumbar or tail."""
    width: Length | None = None
    """Largest left-right extent."""
    depth: Length | None = None
    """Largest front-back extent."""
    anterior_height: Length | None = None
    """Height at the anterior rim, bone to bone, of the disc as it is: a height that is written here is not reduced by the grade."""
    central_height: Length | None = None
    """Height at the centre, bone to bone, of the disc as it is."""
    posterior_height: Length | None = None
    """Height at the posterior rim, bone to bone, of the disc as it is."""
    nucleus_area_fraction: OpenFraction | None = None
    """Share of the cross-section inside the nucleus."""
    nucleus_offset: Annotated[float, Field(ge=-0.2, le=0.2)] | None = None
    """How far the nucleus lies behind the centroid of the disc, share of the depth."""
    kidney: Annotated[float, Field(ge=-0.4, le=0.4)] | None = None
    """Second harmonic d2 of the outline; below about -0.2 the posterior border is concave."""
    cranial_share: Fraction | None = None
    """Share of the concavity that belongs to the superior face."""
    endplate_centre: Thickness | None = None
    """Thickness of each cartilage endplate at its centre."""
    endplate_rise: Thickness | None = None
    """How much thicker a cartilage endplate is at its margin."""
    coefficients: ShapeCoefficients | None = None
    """Coefficients of the map, in place of all the sizes above."""
    frame: PatientFrame | None = None
    """Where the disc lies in the patient, for discs that were imported from an image."""

    @model_validator(mode="after")
    def _sizes_or_coefficients(self) -> AnatomicalShape:
        sizes = self.model_fields_set - {"kind", "species", "level", "coefficients", "frame"}
        if self.coefficients is not None and sizes:
            raise ValueError(f"coefficients and {min(sizes)} say the same: write one of them")
        return self


class EllipticCylinder(Document):
    """An upright elliptic cylinder without cartilage endplates, for benchmarks."""

    kind: Literal["elliptic-cylinder"]
    """An elliptic cylinder without cartilage endplates."""
    half_width: Length
    """Semi-axis from left to right."""
    half_depth: Length
    """Semi-axis from front to back."""
    height: Length
    """Full height."""
    nucleus_area_fraction: OpenFraction
    """The nucleus is where (x / half_width)^2 + (y / half_depth)^2 is at most this."""


class LayeredCylinder(Document):
    """An elliptic cylinder of nucleus and annulus with a flat cartilage endplate on each side, for benchmarks (transport 8.7)."""

    kind: Literal["layered-cylinder"]
    """A cylinder with a flat cartilage endplate outside the nucleus height on each side."""
    half_width: Length
    """Semi-axis of the outer annulus from left to right."""
    half_depth: Length
    """Semi-axis of the outer annulus from front to back."""
    nucleus_half_width: Length
    """Semi-axis of the nucleus from left to right; the nucleus and the endplates are similar to the outline."""
    endplate_half_width: Length
    """Semi-axis of the cartilage endplates from left to right."""
    nucleus_height: Length
    """Height of nucleus and annulus, without the cartilage endplates."""
    endplate_thickness: Length
    """Thickness of each cartilage endplate."""


class BySolute(Document):
    """One coefficient per solute."""

    oxygen: Diffusion
    lactate: Diffusion
    glucose: Diffusion


class HindranceBySolute(Document):
    """One factor per solute."""

    oxygen: Factor | None = None
    lactate: Factor | None = None
    glucose: Factor | None = None


class TissueKeys(Document):
    """Properties of one tissue."""

    cell_density: Density | None = None
    """Living cells, senescent ones included, per volume of tissue."""
    senescent_share: Fraction | None = None
    """Senescent share of the living cells."""
    transport_water_fraction: OpenFraction | None = None
    """Water volume fraction of the transport laws."""
    water_mass_fraction: OpenFraction | None = None
    """Mass of water over the mass of the wet tissue, converted to the water volume fraction of the transport laws."""
    hindrance: HindranceBySolute | None = None
    """Factor on the Mackie-Meares diffusivity."""
    diffusivity: BySolute | None = None
    """Diffusion coefficients in the tissue water; replaces the Mackie-Meares law and its hindrance."""

    @model_validator(mode="after")
    def _one_water(self) -> TissueKeys:
        if self.transport_water_fraction is not None and self.water_mass_fraction is not None:
            raise ValueError("transport_water_fraction and water_mass_fraction say the same: write one of them")
        return self


class Anisotropy(Document):
    """Slower diffusion across the lamellae of the annulus than along them."""

    radial_ratio: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Radial over axial diffusivity; the measured one where left out."""


class AnnulusKeys(TissueKeys):
    """Properties of the annulus."""

    anisotropy: Anisotropy | None = None
    """Slower radial diffusion in the whole annulus; isotropic where left out."""


class Tissues(Document):
    """The three tissues."""

    nucleus: TissueKeys = TissueKeys()
    """Nucleus pulposus."""
    annulus: AnnulusKeys = AnnulusKeys()
    """Annulus fibrosus; its inner two thirds where `outer_annulus` is written."""
    outer_annulus: TissueKeys | None = None
    """Outer third of the annulus, with its own cells and water (an empty section takes published ones); none where left out."""
    endplate: TissueKeys = TissueKeys()
    """Cartilage endplates."""


class BloodValues(Document):
    """What the vessels of one surface offer."""

    oxygen: Tension | None = None
    """Oxygen tension."""
    lactate: Concentration | None = None
    """Lactate."""
    glucose: Concentration | None = None
    """Glucose."""


class SupplyPatch(Document):
    """A round patch of an endplate with its own supply, such as a central calcification or a scar."""

    face: Literal["inferior", "superior"]
    """Which face."""
    x: Position = 0.0
    """Centre of the patch, right of the middle."""
    y: Position = 0.0
    """Centre of the patch, in front of the middle."""
    radius: Length
    """Radius of the patch."""
    endplate_supply: Fraction
    """Conductance of the endplate route inside the patch relative to an intact one."""


class MarrowContact(Document):
    """Bone that touches the cartilage endplates in marrow windows only."""

    fraction: OpenFraction | None = None
    """Share of the interface in contact with marrow."""
    radius: Length | None = None
    """Radius of a window."""


class SupplyKeys(Document):
    """Boundary conditions."""

    endplate: BloodValues = BloodValues()
    """Values in the marrow at the endplates."""
    annulus: BloodValues = BloodValues()
    """Values at the outer annulus."""
    endplate_supply: Fraction | None = None
    """Conductance of the endplate route relative to an intact one: 1 intact, 0 sealed."""
    marrow_contact: MarrowContact | None = None
    """Marrow windows from which the relative supply is computed, in place of `endplate_supply` and of the grade's."""
    patches: tuple[SupplyPatch, ...] = ()
    """Round patches of the endplates with their own supply; a later one covers an earlier one."""
    annulus_sealed: bool = False
    """No exchange at the outer annulus."""
    endplate_vessels: Fraction = 1.0
    """Vascular supply of the endplates: oxygen and glucose times this, lactate times two minus this; not for a calcified endplate."""
    annulus_vessels: Fraction = 1.0
    """Vascular supply of the outer annulus."""

    @model_validator(mode="after")
    def _one_conductance(self) -> SupplyKeys:
        if self.endplate_supply is not None and self.marrow_contact is not None:
            raise ValueError("endplate_supply and marrow_contact are the same mechanism: write one of them")
        return self


class AcidityLaw(Document):
    """pH = neutral - slope x lactate, or neutral - lactate / lactate_per_unit."""

    neutral: Annotated[float, Field(gt=4.0, lt=10.0)] | None = None
    """pH at zero lactate."""
    slope: Annotated[float, Quantity("1/mM", minimum=0.0, exclusive_minimum=True)] | None = None
    """Fall of pH per lactate."""
    lactate_per_unit: Annotated[float, Quantity("mM", minimum=0.0, exclusive_minimum=True)] | None = None
    """Lactate that lowers the pH by one."""

    @model_validator(mode="after")
    def _one_slope(self) -> AcidityLaw:
        if self.slope is not None and self.lactate_per_unit is not None:
            raise ValueError("slope and lactate_per_unit say the same: write one of them")
        return self


class MetabolismKeys(Document):
    """Form of the metabolic model."""

    preset: Literal["upf2025", "field", "mixture"] = "upf2025"
    """Where the water fraction stands: on the oxygen sink (upf2025), nowhere (field), or on storage and diffusion (mixture)."""
    glucose_limiter: Concentration | None = None
    """Half constant of the glucose limiter; zero switches it off."""
    multiplier: Factor | None = None
    """Factor on all native rates."""
    active_fraction: Fraction | None = None
    """Share of native cells that consume."""
    oxygen_solubility: Annotated[float, Quantity("mM/kPa", minimum=0.0, exclusive_minimum=True)] | None = None
    """Dissolved oxygen per tension."""
    pH: AcidityLaw = AcidityLaw()
    """pH from lactate."""


class ConditionKeys(Document):
    """State of the disc beyond its transport."""

    cytokine: Factor | None = None
    """Catabolic cytokine; 1 is typical of grade IV."""
    osmolarity: Annotated[float, Quantity("mOsm", minimum=0.0, exclusive_minimum=True)] | None = None
    """Osmolarity of the nucleus."""
    fissure_fraction: Fraction | None = None
    """Mean fissure fraction of the annulus."""
    annulus_order: Fraction | None = None
    """Structural order of the annulus; 1 is intact."""


class FitRecord(Document):
    """How well the closed-form shape follows what it was fitted to."""

    status: Literal["accepted", "refused"]
    """Whether every quality gate held."""
    reasons: tuple[str, ...] = ()
    """Codes of the gates that did not hold."""
    dice: float
    """Overlap of the fitted disc and the interpolated mask."""
    volume: Annotated[float, Quantity("mm^3")]
    """Volume of the fitted disc."""
    mask_volume: Annotated[float, Quantity("mm^3")]
    """Volume of the mask: voxels times their size."""
    mean_surface_distance: Thickness
    """Mean distance between the two surfaces."""
    outline_residual: Thickness
    """Root mean square distance of the outline."""
    superior_residual: Thickness
    """Root mean square distance of the superior face."""
    inferior_residual: Thickness
    """Root mean square distance of the inferior face."""


class Provenance(Document):
    """What an imported disc came from; kept as a record, never computed with."""

    source: str
    """Name of the file."""
    sha256: str
    """Digest of the file."""
    software: str
    """Program that made this document, with its version."""
    scheme: str
    """Label scheme."""
    label: str
    """Label of the disc in it."""
    spacing: tuple[Length, ...]
    """Edges of a voxel along the axes of the array."""
    orientation: str
    """Directions in which the axes of the array point: R, L, A, P, S, I."""
    header: str
    """Where spacing and orientation come from."""
    nucleus: str
    """Where the nucleus comes from."""
    frame: str
    """What the frame was made from."""
    fit: FitRecord
    """How well the shape fits."""
    notes: tuple[str, ...] = ()
    """What a reader has to know."""


class DiscDocument(Document):
    """A disc."""

    schema_version: Literal[1]
    """Version of this schema."""
    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Name of the disc."""
    note: str = ""
    """Free text, such as where the measures come from."""
    grade: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    """Pfirrmann grade whose constants hold where nothing else is written."""
    grade_preset: Literal["impaired", "structural"] = "impaired"
    """How the grade acts on supply and metabolism: `impaired` lowers the supply and raises the demand, `structural` does neither."""
    shape: Annotated[AnatomicalShape | EllipticCylinder | LayeredCylinder, Field(discriminator="kind")]
    """Form and size."""
    tissues: Tissues = Tissues()
    """Cells, water and diffusion by tissue."""
    supply: SupplyKeys = SupplyKeys()
    """Boundary conditions."""
    metabolism: MetabolismKeys = MetabolismKeys()
    """Form of the metabolic model."""
    condition: ConditionKeys = ConditionKeys()
    """State of the disc beyond its transport."""
    insults: tuple[InsultSection, ...] = ()
    """Acute insults, in the order in which they happened, at the start of the disc's life."""
    provenance: Provenance | None = None
    """Where an imported disc came from, and how well it fits."""
    stress_test: Literal["none", "hindered"] = "none"
    """`hindered`: glucose hindrance in every tissue that has none written, and a factor on all native rates."""

    @model_validator(mode="after")
    def _hindrance_can_act(self) -> DiscDocument:
        parts = (self.tissues.nucleus, self.tissues.annulus, self.tissues.outer_annulus, self.tissues.endplate)
        if self.stress_test == "hindered" and any(part is not None and part.diffusivity is not None for part in parts):
            raise ValueError("a written diffusivity leaves nothing for the stress test to hinder: write one of them")
        return self

    @model_validator(mode="after")
    def _insults_at_the_start(self) -> DiscDocument:
        if any("time_before_treatment" in insult.model_fields_set for insult in self.insults):
            raise ValueError("a disc has no treatment: write insults with time_before_treatment in the protocol")
        return self


def disc_schema() -> dict[str, Any]:
    """JSON Schema of a disc.yaml."""
    return DiscDocument.model_json_schema()
