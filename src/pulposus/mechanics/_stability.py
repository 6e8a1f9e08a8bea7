r"""How loosely a disc holds its vertebrae: neutral zone, range of motion, laxity, anterior translation (mechanics_imaging 2.5).

.. math::

    NZ = \theta(+0.5\,\text{N m}) - \theta(-0.5\,\text{N m}), \qquad ROM = \theta(+7.5\,\text{N m}) - \theta(-7.5\,\text{N m}), \qquad
    \text{laxity} = NZ / ROM

Moments come fast (undrained) on the disc at its supine preload, on top of the reaction that held it. It is the disc alone: without facet
joints and ligaments the range is larger than that of a segment, so numbers are to be read relative to the healthy self. The clinical limits
of 3 to 4 mm and 10 to 15 degrees are those of segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar, Status
from pulposus.mechanics._equilibrium import undrained_equilibrium
from pulposus.mechanics._loading import BENDING, free_to_bend
from pulposus.mechanics._solid_problem import Deformation
from pulposus.mechanics._whole_disc import MechanicalDisc, require_state

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

PLANES = {"flexion-extension": "flexion", "lateral bending": "lateral", "axial rotation": "torsion"}
"""Planes of motion, each with the direction of a positive moment."""


class Moments(eqx.Module):
    """Moments of the test [N mm].

    Attributes:
        neutral: Of the neutral zone.
        largest: Of the range of motion.
    """

    neutral: Scalar
    largest: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> Moments:
        """Read the parameter set."""
        values = (parameters.value(f"mechanics.stability.{name}_moment") for name in ("neutral", "range"))
        return cls(*(jnp.asarray(value) for value in values))


class Stability(NamedTuple):
    """Rotation of the upper endplate in one plane.

    Attributes:
        moments: Applied, rising, (4,) [N mm]; those of the range are what was reached where equilibrium was lost before.
        rotation: At these moments, positive in the direction of a positive moment [degree].
        translation: In the plane of bending, positive forward or to the side that the moment leans to [mm]; along the axis in torsion.
        neutral_zone, range_of_motion: [degree].
        laxity: Their ratio.
        translation_per_degree: Over the range of motion [mm per degree].
        status: Key of `STATUS_TEXT`; where the largest moment was not reached, the range is that of the moments that were.
    """

    moments: Float[Array, "moments"]
    rotation: Float[Array, "moments"]
    translation: Float[Array, "moments"]
    neutral_zone: Scalar
    range_of_motion: Scalar
    laxity: Scalar
    translation_per_degree: Scalar
    status: Status


def stability(disc: MechanicalDisc, plane: str, moments: Moments) -> Stability:
    """The test in one plane.

    Args:
        disc: At rest.
        plane: One of `PLANES`.
        moments: Of the test.

    Raises:
        SolverFailed: No equilibrium was found under the moments of the neutral zone.
    """
    direction = BENDING[PLANES[plane]]
    bent = free_to_bend(disc.problem, disc.rested, direction)
    applied = (-moments.largest, -moments.neutral, moments.neutral, moments.largest)
    states: dict[int, Deformation] = {}
    for side in ((1, 0), (2, 3)):
        # Each side starts from rest and goes on from the smaller to the larger moment.
        state = bent.start
        for number in side:
            state = undrained_equilibrium(bent.problem, bent.under(applied[number], direction), state)
            if number in (1, 2):
                require_state(state, f"the disc in {plane}")
            states[number] = state
    motions = jnp.stack([states[number].motion - bent.start.motion for number in range(len(applied))])
    rotation = jnp.rad2deg(direction.sign * motions[:, direction.axis])
    neutral_zone, whole = rotation[2] - rotation[1], rotation[3] - rotation[0]
    loads = jnp.stack([states[number].load - bent.load for number in range(len(applied))])
    return Stability(
        moments=direction.sign * loads[:, direction.axis],
        rotation=rotation,
        translation=motions[:, direction.along],
        neutral_zone=neutral_zone,
        range_of_motion=whole,
        laxity=neutral_zone / whole,
        translation_per_degree=(motions[3, direction.along] - motions[0, direction.along]) / whole,
        status=jnp.maximum(states[0].status, states[3].status),
    )
