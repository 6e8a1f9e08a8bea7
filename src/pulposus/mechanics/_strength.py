r"""Damage and strength of a disc: fissure hazard, herniation, compressive strength (mechanics_imaging 2.5; rulings 26).

.. math::

    r &= r_0 \sum_k n_k \left(\frac{\varepsilon_{f,k}}{\varepsilon_u}\right)^m \\
    F_{endplate} &= 0.32\,\text{kN} + 0.00308\, \text{BMD} \cdot A \quad (\text{BMD in mg/mL},\ A\ \text{in cm}^2)

with the strain of the fibres under the load of activity k, taken n_k times a day, and the strain eps_u at which a lamella fails. A disc
herniates where a fissure is full, from the nucleus to the outline within one sector, and the pressure in the nucleus passes a limit. The
compressive strength is the smaller of the endplate's force and the force at which the fibres reach eps_u, when it comes fast on the rested
disc; the strain of the fibres is their 95th percentile over the annulus. The endplate's law holds for human vertebrae only. All are
surrogates: nothing tears in the model, and no published check of the strength of a treated disc was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from pulposus.disc import Lesion
from pulposus.mechanics._arrays import Field, Flag, Scalar, as_field
from pulposus.mechanics._disc_material import Points
from pulposus.mechanics._disc_places import ANNULUS, DEPTHS, DiscPlaces, sector_of
from pulposus.mechanics._disc_problem import DiscSolid, at_corners
from pulposus.mechanics._equilibrium import undrained_equilibrium
from pulposus.mechanics._homogeneous import CONVERGED
from pulposus.mechanics._loading import BENDING, axial_load, free_to_bend
from pulposus.mechanics._loads import SpineLoad
from pulposus.mechanics._reading import read
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._whole_disc import MechanicalDisc

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

ACTIVITIES = ("standing", "standing_flexed", "lifting_close")
"""Postures that a day is made of, for the hazard."""
# A fissure that is full lies in one sector of 30 degrees.
_FISSURE_SECTORS = 12
# The search for the force at failure ends when the strain is met to this share, or after so many steps.
_MOST_STEPS, _MET = 16, 2e-3
# Its first load, over that at rest: the fibres of a healthy disc fail at ten times the load at rest.
_FIRST = 4.0


class FailureLaw(eqx.Module):
    """Constants of damage and strength.

    Attributes:
        fibre_strain: eps_u.
        exponent: m.
        hazard_per_cycle: r0; a prior over decades, so only ratios of hazards mean something.
        cycles: n_k of `ACTIVITIES` [1/day], (3,).
        herniation_pressure: Pressure in the nucleus above which a full fissure herniates [MPa].
        full_fissure: Fissure fraction from which on a place counts as torn.
        endplate_offset: Of the endplate's strength [N].
        endplate_slope: [N mL/(mg mm2)].
    """

    fibre_strain: Scalar = eqx.field(converter=as_field)
    exponent: Scalar = eqx.field(converter=as_field)
    hazard_per_cycle: Scalar = eqx.field(converter=as_field)
    cycles: Float[Array, "activities"] = eqx.field(converter=as_field)
    herniation_pressure: Scalar = eqx.field(converter=as_field)
    full_fissure: Scalar = eqx.field(converter=as_field)
    endplate_offset: Scalar = eqx.field(converter=as_field)
    endplate_slope: Scalar = eqx.field(converter=as_field)

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> FailureLaw:
        """Read the parameter set."""

        def failure(name: str) -> float:
            return parameters.value(f"mechanics.failure.{name}")

        return cls(
            fibre_strain=failure("fibre_strain"),
            exponent=failure("fatigue_exponent"),
            hazard_per_cycle=failure("hazard_per_cycle"),
            cycles=[failure(f"cycles.{activity}") for activity in ACTIVITIES],
            herniation_pressure=failure("herniation_pressure"),
            full_fissure=failure("full_fissure"),
            endplate_offset=parameters.value("mechanics.strength.endplate_offset"),
            endplate_slope=parameters.value("mechanics.strength.endplate_slope"),
        )


def fissure_hazard(strain: Float[Array, "activities *shape"], law: FailureLaw) -> Field:
    """r [1/day]; fibres that are not pulled do not tear.

    Args:
        strain: Of the fibres under the load of every one of `ACTIVITIES`.
        law: Constants.
    """
    pulled = jnp.maximum(strain, 0.0) / law.fibre_strain
    cycles = law.cycles.reshape((-1,) + (1,) * (strain.ndim - 1))
    return law.hazard_per_cycle * jnp.sum(cycles * pulled**law.exponent, axis=0)


def torn_sectors(fissure: Points, volume: Points, places: DiscPlaces, law: FailureLaw) -> Bool[Array, "sectors"]:
    """Sectors of 30 degrees in which the inner, the middle and the outer third of the annulus are all torn.

    Args:
        fissure: w at the points.
        volume: Volume that every point stands for [mm3].
        places: Of the disc.
        law: Constants.
    """
    annulus = volume * places.within(ANNULUS)
    sector = sector_of(places.reference[..., 0], places.reference[..., 1], _FISSURE_SECTORS)
    part = (sector * len(DEPTHS) + places.depth_third).ravel()
    parts = _FISSURE_SECTORS * len(DEPTHS)
    total = jax.ops.segment_sum(annulus.ravel(), part, parts)
    torn = jax.ops.segment_sum((annulus * fissure).ravel(), part, parts)
    means = torn / jnp.where(total > 0.0, total, 1.0)
    return jnp.all(means.reshape(_FISSURE_SECTORS, len(DEPTHS)) >= law.full_fissure, axis=1)


def herniates(pressure: Scalar, torn: Bool[Array, "sectors"], law: FailureLaw) -> Flag:
    """Whether a full fissure meets a pressure [MPa] above its limit."""
    return jnp.any(torn) & (pressure > law.herniation_pressure)


def endplate_strength(bone_density: Scalar | float, area: Scalar | float, law: FailureLaw) -> Scalar:
    """Force at which the endplate breaks [N].

    Args:
        bone_density: Trabecular mineral density of the vertebra [mg/mL].
        area: Of the endplate [mm2].
        law: Constants.
    """
    return law.endplate_offset + law.endplate_slope * as_field(bone_density) * as_field(area)


def fissures(solid: DiscSolid, lesion: Lesion) -> Points:
    """Fissure fraction at the points: that of the grade, and what an insult tore.

    Args:
        solid: The disc.
        lesion: What insults did, on the nodes of its mesh.
    """
    before = solid.imaged.fissure
    return before + (1.0 - before) * at_corners(solid.places, lesion.fissure)


class FibreFailure(NamedTuple):
    """The end of a fast compression.

    Attributes:
        force: At which the fibres reach eps_u, or the largest at which an equilibrium was found [N].
        strain: 95th percentile of the strain of the fibres there.
        reached: Whether that is eps_u; where not, the force is a lower bound.
    """

    force: float
    strain: float
    reached: bool


def fibre_failure(disc: MechanicalDisc, law: FailureLaw) -> FibreFailure:
    """Force that strains the fibres to eps_u when it comes fast on the rested disc.

    The force is met by the secant method, from below: it never more than doubles.

    Args:
        disc: At rest under a load above 0.
        law: Constants.
    """
    target = float(law.fibre_strain)

    def pressed(force: float, start: Deformation) -> tuple[Deformation, FibreFailure]:
        state = undrained_equilibrium(disc.problem, axial_load(force), start)
        strain = float(read(disc.places, disc.problem, state).fibre_stretch) - 1.0
        return state, FibreFailure(-float(state.load[2]), strain, bool(state.status == CONVERGED))

    state, before = pressed(-float(disc.rested.load[2]), disc.rested)
    force = _FIRST * before.force
    for _ in range(_MOST_STEPS):
        state, now = pressed(force, state)
        if not now.reached or abs(now.strain - target) <= _MET * target:
            return now
        rate = (now.force - before.force) / (now.strain - before.strain)
        force = min(max(now.force + rate * (target - now.strain), 0.5 * now.force), 2.0 * now.force)
        before = now
    return before._replace(reached=False)


class Strength(NamedTuple):
    """Surrogates of the force that a disc bears.

    Attributes:
        annulus: Force at which its fibres fail.
        endplate: Force at which a human endplate breaks [N]; None for animals, whose vertebrae the law does not describe.
    """

    annulus: FibreFailure
    endplate: float | None

    @property
    def compressive(self) -> float:
        """The smaller of the two [N]."""
        return self.annulus.force if self.endplate is None else min(self.annulus.force, self.endplate)

    @property
    def limited_by(self) -> str:
        """Which of the two it is."""
        return "annulus" if self.endplate is None or self.annulus.force <= self.endplate else "endplate"

    @property
    def lower_bound(self) -> bool:
        """Whether the disc bears at least this force: no equilibrium was found at which the fibres fail."""
        return self.limited_by == "annulus" and not self.annulus.reached


def compressive_strength(disc: MechanicalDisc, law: FailureLaw, bone_density: float | None) -> Strength:
    """The strength of bone, disc and bone.

    Args:
        disc: At rest under a load above 0.
        law: Constants.
        bone_density: Trabecular mineral density of a human vertebra [mg/mL]; None for animals.
    """
    area = read(disc.places, disc.problem, disc.rested).section_area
    endplate = None if bone_density is None else float(endplate_strength(bone_density, area, law))
    return Strength(fibre_failure(disc, law), endplate)


class ActivityStrain(NamedTuple):
    """A disc under the fast load of an activity.

    Attributes:
        force, moment: That were reached [N, N mm].
        strain: 95th percentile of the strain of the fibres by sector and depth, (8, 3).
        pressure: In the nucleus [MPa].
        reached: Whether the load of the activity was.
    """

    force: float
    moment: float
    strain: Float[Array, "sectors depths"]
    pressure: float
    reached: bool


def activity_strain(disc: MechanicalDisc, load: SpineLoad) -> ActivityStrain:
    """Strain of the annulus under a force and a moment in flexion that come fast on the rested disc.

    Args:
        disc: At rest.
        load: Of the activity.
    """
    problem, state, moment = fast_under(disc, load)
    reading = read(disc.places, problem, state)
    reached = bool(state.status == CONVERGED) and moment == float(load.moment)
    return ActivityStrain(
        force=-float(state.load[2]),
        moment=moment,
        strain=reading.fibre_stretch_by_part - 1.0,
        pressure=float(reading.pressure),
        reached=reached,
    )


def fast_under(disc: MechanicalDisc, load: SpineLoad) -> tuple[SolidProblem, Deformation, float]:
    """A force, then a moment in flexion, that come fast on the rested disc.

    Args:
        disc: At rest.
        load: What comes.

    Returns:
        The problem with what the moment freed, the last state in equilibrium, and the moment that was reached [N mm].
    """
    pressed = undrained_equilibrium(disc.problem, axial_load(load.force), disc.rested)
    if float(load.moment) == 0.0 or pressed.status != CONVERGED:
        return disc.problem, pressed, 0.0
    direction = BENDING["flexion"]
    bent = free_to_bend(disc.problem, pressed, direction)
    state = undrained_equilibrium(bent.problem, bent.under(load.moment, direction), bent.start)
    return bent.problem, state, float(load.moment) * float(state.load_share)
