r"""Axial force and bending moment on a disc by posture, and the daily cycle (mechanics_imaging 2.4; rulings 26).

.. math::

    F = F_{posture} \frac{m}{m_{ref}} \ \text{(people)}, \qquad F = p_{posture} A \ \text{(animals)}

The forces of people follow from pressures measured in the nucleus of one man of 70 kg (Spine 1999;24:755) and scale with body mass. Animals
are given the same pressure over their own area, supine and standing only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx

from pulposus.errors import InvalidInput
from pulposus.mechanics._arrays import Scalar, as_field

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

POSTURES = (
    "supine",
    "standing",
    "sitting",
    "sitting_slouched",
    "standing_flexed",
    "sitting_flexed",
    "lifting_round_back",
    "lifting_bent_knees",
    "lifting_close",
)
_ANIMAL_POSTURES = ("supine", "standing")
_PERSON = "human"


class SpineLoad(eqx.Module):
    """What a posture puts on a disc.

    Attributes:
        force: Axial compression [N], positive.
        moment: Bending moment [N mm], positive in flexion.
    """

    force: Scalar = eqx.field(converter=as_field)
    moment: Scalar = eqx.field(converter=as_field, default=0.0)


class DailyCycle(eqx.Module):
    """A day: so long on the feet, the rest lying.

    Attributes:
        day, night: Loads.
        day_length: Of the first part [day].
    """

    day: SpineLoad
    night: SpineLoad
    day_length: Scalar = eqx.field(converter=as_field)


def posture_load(
    posture: str,
    parameters: ParameterSet,
    *,
    body_mass: float | None = None,
    species: str = _PERSON,
    area: float | None = None,
) -> SpineLoad:
    """The load of a posture.

    Args:
        posture: One of `POSTURES`.
        parameters: The loaded parameters.
        body_mass: Of a person [kg]; the reference man's where left out.
        species: Animals take a pressure over their area instead.
        area: Cross-section of an animal's disc [mm2].

    Raises:
        InvalidInput: No load is known for the posture or animal, or body mass or area is missing, superfluous or not positive.
    """
    known = POSTURES if species == _PERSON else _ANIMAL_POSTURES
    if posture not in known:
        raise InvalidInput(f'no load is known for "{posture}" of species {species}', allowed=", ".join(known))
    if species == _PERSON:
        _refuse(area, "an area", "people: their forces scale with body mass")
        scale = _mass_ratio(body_mass, parameters)
        moment = f"mechanics.load.{posture}.moment"
        bending = parameters.value(moment) if moment in parameters else 0.0
        return SpineLoad(scale * parameters.value(f"mechanics.load.{posture}.force"), scale * bending)
    _refuse(body_mass, "a body mass", "animals: their forces scale with the area of the disc")
    if area is None or not area > 0.0:
        raise InvalidInput(
            f"the area of the disc of {species} is missing or not positive", allowed="an area above 0 mm2"
        )
    return SpineLoad(area * parameters.value(f"mechanics.load.animal.{posture}_pressure"))


def daily_cycle(parameters: ParameterSet, *, body_mass: float | None = None) -> DailyCycle:
    """The day of a person: 16 h of the day's force, 8 h of the night's.

    Args:
        parameters: The loaded parameters.
        body_mass: [kg]; the reference man's where left out.

    Raises:
        InvalidInput: The body mass is not positive.
    """
    scale = _mass_ratio(body_mass, parameters)
    day, night = (SpineLoad(scale * parameters.value(f"mechanics.load.{part}.force")) for part in ("day", "night"))
    return DailyCycle(day, night, parameters.value("mechanics.load.day_length"))


def _mass_ratio(body_mass: float | None, parameters: ParameterSet) -> float:
    reference = parameters.value("mechanics.load.reference_body_mass")
    if body_mass is None:
        return 1.0
    if not body_mass > 0.0:
        raise InvalidInput(f"a body mass of {body_mass:g} kg", allowed="above 0 kg")
    return body_mass / reference


def _refuse(given: float | None, what: str, why: str) -> None:
    if given is not None:
        raise InvalidInput(f"{what} has no meaning for {why}", remedy="leave it out")
