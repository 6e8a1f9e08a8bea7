"""Strength, fissure hazard and herniation of a disc as a document: surrogates, each with what it rests on (mechanics_imaging 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulposus.cli._mechanics_treated import NOT_CHECKED
from pulposus.cli._output import print_note

if TYPE_CHECKING:
    from pulposus.cli._mechanics_disc import Subject
    from pulposus.disc import Disc
    from pulposus.mechanics._strength import ActivityStrain, FailureLaw, Strength
    from pulposus.parameters import ParameterSet

_ONLY_RATIOS = "surrogate; no source sets its scale, so only ratios of hazards mean something"
_FIBRES = ("mechanics.fibre.stiffness", "mechanics.fibre.exponent")
_HAZARD = tuple(
    f"mechanics.failure.{name}" for name in ("fibre_strain", "fatigue_exponent", "hazard_per_cycle", "cycles")
)
_HERNIATION = ("mechanics.failure.herniation_pressure", "mechanics.failure.full_fissure")
_SHEEP = "measured on intact sheep discs with bone: 8.42 +- 1.22 kN slow, 6.96 +- 1.48 kN fast, under complex loads"


def strength_document(subject: Subject, disc: Disc) -> dict[str, Any]:
    """Compressive strength, hazard of fissures by place, and whether the disc would herniate, as plain data.

    Args:
        subject: The disc at rest.
        disc: The same as it was loaded.
    """
    from pulposus.mechanics._strength import ACTIVITIES, FailureLaw, activity_strain, compressive_strength

    law = FailureLaw.from_parameters(subject.constants)
    human = disc.description.species in ("", "human")
    print_note(f"{subject.name}: raising a fast load until the fibres fail (about half a minute)")
    bone_density = subject.constants.value("mechanics.strength.bone_density") if human else None
    strength = compressive_strength(subject.rested, law, bone_density)
    activities = {}
    for name in ACTIVITIES if human else ("standing",):
        print_note(f"{subject.name}: strain of the annulus in {name.replace('_', ' ')}")
        activities[name] = activity_strain(subject.rested, subject.load(name))
    constants = subject.constants
    return {
        "strength": _strength(strength, law, disc, bone_density, float(subject.section_area))
        | {"constants": strength_constants(constants, human=human)},
        "fissure_hazard": _hazard(activities, law)
        | {"constants": _records(constants, "mechanics.fibre.stiffness", *_HAZARD)},
        "herniation": _herniation(activities, law, subject, disc) | {"constants": _records(constants, *_HERNIATION)},
    }


def strength_constants(constants: ParameterSet, *, human: bool) -> list[dict[str, Any]]:
    """What the compressive strength rests on, with range, source and status."""
    return _records(constants, *_FIBRES, "mechanics.failure.fibre_strain", *(("mechanics.strength",) if human else ()))


def stability_constants(constants: ParameterSet, disc: Disc) -> list[dict[str, Any]]:
    """What the neutral zone and the range of motion rest on."""
    from pulposus.mechanics import material_keys

    matrix = material_keys("annulus", disc.description.grade)
    return _records(constants, *_FIBRES, matrix["shear modulus"], matrix["bulk modulus"], "mechanics.stability")


def _records(constants: ParameterSet, *prefixes: str) -> list[dict[str, Any]]:
    return [
        record.as_dict()
        for prefix in prefixes
        for record in ([constants[prefix]] if prefix in constants else constants.under(prefix).values())
    ]


def _strength(
    strength: Strength, law: FailureLaw, disc: Disc, bone_density: float | None, area: float
) -> dict[str, Any]:
    found = strength.annulus
    return {
        "compressive_strength_N": strength.compressive,
        "compressive_strength_MPa": strength.compressive / area,
        "limited_by": strength.limited_by,
        "lower_bound": strength.lower_bound,
        "annulus_force_N": found.force,
        "annulus_fibre_strain": found.strain,
        "annulus_fails_at_fibre_strain": float(law.fibre_strain),
        "endplate_force_N": strength.endplate,
        "bone_density_mg_per_mL": bone_density,
        "status": NOT_CHECKED,
        "note": _SHEEP if disc.description.species == "sheep" else "",
    }


def _hazard(activities: dict[str, ActivityStrain], law: FailureLaw) -> dict[str, Any]:
    import jax.numpy as jnp
    import numpy as np

    from pulposus.mechanics import fissure_hazard
    from pulposus.mechanics._disc_places import DEPTHS, SECTORS
    from pulposus.mechanics._strength import ACTIVITIES

    nothing = jnp.zeros((len(SECTORS), len(DEPTHS)))
    strains = [activities[name].strain if name in activities else nothing for name in ACTIVITIES]
    hazard = np.asarray(fissure_hazard(jnp.stack(strains), law))
    sector, depth = np.unravel_index(int(np.argmax(hazard)), hazard.shape)
    return {
        "largest_per_day": float(hazard.max()),
        "place": {"sector": SECTORS[sector], "depth": DEPTHS[depth]},
        "per_day_by_sector": {
            name: dict(zip(DEPTHS, row, strict=True)) for name, row in zip(SECTORS, hazard.tolist(), strict=True)
        },
        "activities": {
            name: {
                "times_per_day": float(law.cycles[ACTIVITIES.index(name)]),
                "force_N": one.force,
                "moment_N_m": 1e-3 * one.moment,
                "largest_fibre_strain_p95": float(one.strain.max()),
                "intradiscal_pressure_MPa": one.pressure,
                "status": "converged" if one.reached else "not reached: numbers of the last equilibrium before",
            }
            for name, one in activities.items()
        },
        "status": _ONLY_RATIOS,
    }


def _herniation(activities: dict[str, ActivityStrain], law: FailureLaw, subject: Subject, disc: Disc) -> dict[str, Any]:
    import jax.numpy as jnp

    from pulposus.mechanics import disc_solid, herniates, torn_sectors
    from pulposus.mechanics._strength import fissures

    places = subject.rested.places
    _, volume = places.mesh.point_slopes(subject.rested.problem.coordinates)
    torn = torn_sectors(fissures(disc_solid(disc, subject.constants), disc.lesion), volume, places, law)
    highest = max(activities, key=lambda name: activities[name].pressure)
    pressure = activities[highest].pressure
    return {
        "sectors_torn_through": int(torn.sum()),
        "of_sectors": len(torn),
        "largest_pressure_MPa": pressure,
        "in_activity": highest,
        "pressure_limit_MPa": float(law.herniation_pressure),
        "would_herniate": bool(herniates(jnp.asarray(pressure), torn, law)),
        "status": "surrogate; a prior limit of the pressure in a fissure that is open from nucleus to outline",
    }
