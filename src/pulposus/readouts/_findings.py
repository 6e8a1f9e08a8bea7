"""What a radiologist may find beside the signal of the nucleus, as explicit fields on a disc (mechanics_imaging 4.3).

A finding is drawn only where somebody asks for it: none of them is an outcome of the simulation. How often they occur is epidemiology: a
high-intensity zone in 11 % of unselected adults (odds 6.8 with degeneration), a Modic change of any type in 6 % of non-clinical samples and
43 % of patients; no prevalence of a vacuum was re-checked. Sizes and contrasts are judgement (prior).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from pulposus.disc._layout import ANNULUS
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.readouts._disc_view import DiscView, Places

MODIC_TYPES = (0, 1, 2, 3)
_LOWEST_VACUUM_GRADE = 4


@dataclass(frozen=True)
class Findings:
    """Findings of one disc; the default is none.

    Attributes:
        high_intensity_zone: A bright spot in the fissured posterior annulus.
        vacuum: Gas at the centre of the nucleus: no signal; grade IV and V only.
        modic: Type of the change in the marrow on both sides of the disc, 0 for none, 1 oedema, 2 fat, 3 sclerosis.
        schmorl: A Schmorl node in the superior bony endplate.
        bulge: How far the disc stands out behind, over 90 degrees of its rim [mm]; the bulge that mechanics computes belongs here.
        hernia: How far a protrusion stands out behind, over 25 degrees of the rim [mm].
    """

    high_intensity_zone: bool = False
    vacuum: bool = False
    modic: int = 0
    schmorl: bool = False
    bulge: float = 0.0
    hernia: float = 0.0


NO_FINDINGS = Findings()


@dataclass(frozen=True)
class FindingSizes:
    """Sizes and contrasts of the findings; see `data/parameters/imaging.toml`, table `finding`. Angles in radian."""

    intensity_zone_t2: float
    intensity_zone_diameter: float
    intensity_zone_fissure: float
    cleft_loss: float
    cleft_thickness: float
    vacuum_share: float
    schmorl_depth: float
    schmorl_radius: float
    bulge_angle: float
    hernia_angle: float

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> FindingSizes:
        """Read the parameter set."""
        values = {name: parameters.value(f"imaging.finding.{name}") for name in cls.__dataclass_fields__}
        for angle in ("bulge_angle", "hernia_angle"):
            values[angle] = float(np.radians(values[angle]))
        return cls(**values)


@dataclass(frozen=True)
class MarrowChange:
    """Factors on T1 and T2 of the marrow for every Modic type, and how far the change reaches [mm]."""

    longitudinal: tuple[float, ...]
    transverse: tuple[float, ...]
    depth: float

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> MarrowChange:
        """Read the parameter set."""
        take = parameters.value
        prefix = "imaging.marrow_change."
        return cls(
            longitudinal=(1.0, *(take(f"{prefix}{kind}_t1") for kind in ("oedema", "fatty", "sclerotic"))),
            transverse=(
                1.0,
                take("imaging.marrow_oedema"),
                *(take(f"{prefix}{kind}_t2") for kind in ("fatty", "sclerotic")),
            ),
            depth=take(f"{prefix}depth"),
        )


def check_findings(findings: Findings, disc: DiscView, sizes: FindingSizes) -> None:
    """Refuse findings that the disc cannot have.

    Raises:
        InvalidInput: A Modic type that does not exist, a negative size, a vacuum in a disc that is not degenerated, or a
            high-intensity zone without a fissure.
    """
    where = "findings"
    if findings.modic not in MODIC_TYPES:
        raise InvalidInput(f"there is no Modic type {findings.modic}", where=where, allowed="0 (none), 1, 2 or 3")
    if min(findings.bulge, findings.hernia) < 0.0 or not np.isfinite(findings.bulge + findings.hernia):
        raise InvalidInput("a bulge or hernia cannot be negative", where=where, allowed="millimetres, at least 0")
    if findings.vacuum and disc.grade < _LOWEST_VACUUM_GRADE:
        raise InvalidInput(f"a disc of grade {disc.grade} has no vacuum", where=where, allowed="grade 4 or 5")
    if findings.high_intensity_zone and not posterior_fissure(disc, sizes).any():
        raise InvalidInput(
            "the posterior annulus has no fissure that could hold a high-intensity zone",
            where=where,
            allowed=f"a fissure fraction above {sizes.intensity_zone_fissure:g} near the midline",
        )


def posterior_fissure(disc: DiscView, sizes: FindingSizes) -> Bool[np.ndarray, "columns levels"]:
    """Nodes of the posterior annulus near the midline whose fissure fraction is above the limit."""
    xi, eta = disc.reference.T
    behind = (eta < 0.0) & (np.abs(xi) < 0.35) & (np.hypot(xi, eta) > disc.nucleus_radius)
    return (
        behind[:, None] & (disc.nodal_volumes[ANNULUS] > 0.0) & (disc.fields["fissure"] > sizes.intensity_zone_fissure)
    )


def intensity_zone(
    disc: DiscView, sizes: FindingSizes, points: Float[np.ndarray, "points 3"]
) -> Bool[np.ndarray, "points"]:
    """Points inside the high-intensity zone: an ellipsoid around the fissured place nearest to the outer posterior midline.

    Args:
        disc: The disc.
        sizes: Sizes.
        points: Positions in the frame of the disc [mm].
    """
    nodes = posterior_fissure(disc, sizes)
    middle = np.abs(np.arange(nodes.shape[1]) - nodes.shape[1] // 2)
    xi, eta = disc.reference.T
    wanted = 0.5 * (1.0 + disc.nucleus_radius) + 0.1
    cost = (np.abs(xi) + np.abs(np.hypot(xi, eta) - wanted))[:, None] + 0.05 * middle[None, :]
    column, level = np.unravel_index(np.argmin(np.where(nodes, cost, np.inf)), nodes.shape)
    radius = 0.5 * sizes.intensity_zone_diameter
    # Twice as high as deep: it follows a fissure between lamellae.
    reach = np.array([radius, 0.6 * radius, radius])
    return (((points - disc.coordinates[column, level]) / reach) ** 2).sum(axis=-1) < 1.0


def vacuum(disc: DiscView, sizes: FindingSizes, places: Places) -> Bool[np.ndarray, "points"]:
    """Points inside the gas: a flat lens at the centre of the nucleus."""
    rho = np.hypot(*places.columns.of_columns(disc.reference).T) / (sizes.vacuum_share * disc.nucleus_radius)
    return places.columns.inside & (rho**2 + ((places.height - 0.5) / 0.18) ** 2 < 1.0)


def cleft_factor(
    sizes: FindingSizes, places: Places, height: Float[np.ndarray, "points"], thickness_scale: float
) -> Float[np.ndarray, "points"]:
    """Factor on T2 of the nucleus by the band of fibrosis at mid-height.

    Args:
        sizes: Sizes.
        places: Places in the disc.
        height: Height of the disc at every point [mm].
        thickness_scale: 1 in man; the band is thinner in a smaller animal.
    """
    away = np.abs(places.height - 0.5) * height / (0.5 * thickness_scale * sizes.cleft_thickness)
    return 1.0 - sizes.cleft_loss * (away < 1.0)


def posterior_rise(
    findings: Findings, sizes: FindingSizes, angle: Float[np.ndarray, "points"]
) -> Float[np.ndarray, "points"]:
    """How far the outline stands out [mm] at an angle from the posterior midline [radian]."""

    def bump(amount: float, width: float) -> np.ndarray:
        share = np.clip(np.abs(angle) / (0.5 * width), 0.0, 1.0)
        return amount * np.cos(0.5 * np.pi * share) ** 2

    return bump(findings.bulge, sizes.bulge_angle) + bump(findings.hernia, sizes.hernia_angle)
