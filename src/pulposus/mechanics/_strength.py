r"""Damage and strength of a disc: fissure hazard, herniation, compressive strength (mechanics_imaging 2.5; rulings 26).

.. math::

    r &= r_0 \sum_k n_k \left(\frac{\varepsilon_{f,k}}{\varepsilon_u}\right)^m \\
    F_{endplate} &= 0.32\,\text{kN} + 0.00308\, \text{BMD} \cdot A \quad (\text{BMD in mg/mL},\ A\ \text{in cm}^2)

with the strain of the fibres under the load of activity k, taken n_k times a day, and the strain eps_u at which a lamella fails. A disc
herniates where a fissure is full, from the nucleus to the outline within one sector, and the pressure in the nucleus passes a limit. The
compressive strength is the smaller of the endplate's force and the force at which the fibres reach eps_u. Both are surrogates: no
published check of the strength of a treated disc was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from pulposus.mechanics._arrays import Field, Flag, Scalar, as_field
from pulposus.mechanics._disc_material import Points
from pulposus.mechanics._disc_places import ANNULUS, DEPTHS, DiscPlaces, sector_of

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

ACTIVITIES = ("standing", "standing_flexed", "lifting_close")
"""Postures that a day is made of, for the hazard."""
# A fissure that is full lies in one sector of 30 degrees.
_FISSURE_SECTORS = 12


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
