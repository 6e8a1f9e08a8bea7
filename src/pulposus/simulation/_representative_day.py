r"""One representative day of a simulated disc: time means of its shape over day and night (mechanics_imaging 2.1).

Solutes need hours to days to cross a disc, so they feel the mean of the day rather than the shape of a moment. From the supine equilibrium
the disc goes through two days of 16 h and 8 h; of the second one the displacement is averaged,

.. math:: \bar u = \frac{1}{T} \int_T u \, dt, \qquad \bar v = \frac{V(X + \bar u)}{V_{image}}

over the day, the night and both. One such day stands for the months until mechanics is solved again; every day is never followed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.mechanics._day import DayCourse, Phase, _held, day_outcome, step_times
from pulposus.mechanics._homogeneous import CONVERGED
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._reading import read
from pulposus.mechanics._readouts import heights
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.simulation._mechanics import DiscMechanics
from pulposus.simulation._reshaping import TissueRatios, tissue_ratios

_DAYS = 2


class PhaseMean(NamedTuple):
    """Time mean of a day or a night.

    Attributes:
        height: Over the plate [mm].
        volume_ratio: Of nucleus, annulus and endplate over the image.
    """

    height: float
    volume_ratio: TissueRatios


class DayMeans(NamedTuple):
    """A representative day.

    Attributes:
        displacement: Time mean over 24 h of the nodes of the quadratic elements, from the stress-free shape [mm].
        day, night: Means over the hours on the feet and lying.
        morning_height, evening_height, night_end_height: Just after rising, at the end of the day, of the night [mm].
        evening_pressure, night_end_pressure: In the nucleus [MPa].
        overnight_volume: Gain of volume over the night, share of that in the evening.
    """

    displacement: Float[Array, "nodes 3"]
    day: PhaseMean
    night: PhaseMean
    morning_height: float
    evening_height: float
    night_end_height: float
    evening_pressure: float
    night_end_pressure: float
    overnight_volume: float

    def row(self) -> dict[str, Any]:
        """The numbers as plain data."""
        return {
            "height_day_mm": self.day.height,
            "height_night_mm": self.night.height,
            "height_evening_mm": self.evening_height,
            "height_night_end_mm": self.night_end_height,
            "pressure_evening_MPa": self.evening_pressure,
            "pressure_night_end_MPa": self.night_end_pressure,
            "overnight_volume_share": self.overnight_volume,
            "volume_ratio_day": self.day.volume_ratio._asdict(),
            "volume_ratio_night": self.night.volume_ratio._asdict(),
        }


def representative_day(mechanics: DiscMechanics, problem: SolidProblem, rested: Deformation) -> DayMeans | None:
    """Follow a disc through two days, and average the second one.

    Args:
        mechanics: The disc.
        problem: As it is now.
        rested: Its drained equilibrium under the load of the night.

    Returns:
        The means; None where a state was not found.
    """
    cycle, places = mechanics.cycle, mechanics.solid.places
    day_length = float(cycle.day_length)
    parts = (("day", cycle.day, 0.0, day_length), ("night", cycle.night, day_length, 1.0 - day_length))
    state, phases, means = rested, [], []
    for number in range(_DAYS * len(parts)):
        name, load, begin, length = parts[number % len(parts)]
        times = step_times(length, mechanics.steps)
        states = _held(problem, axial_load(load.force), state, np.diff(times, prepend=0.0))
        state = states[-1]
        if int(state.status) != CONVERGED:
            return None
        if number >= (_DAYS - 1) * len(parts):
            reached = np.concatenate([[0.0], times])
            ends = (states[0], states[-1])
            readings = tuple(read(places, problem, one) for one in ends)
            phases.append(Phase(name, begin, float(load.force), reached[[0, -1]], readings))
            means.append(time_mean(reached, jnp.stack([one.displacement for one in states])))
    outcome = day_outcome(DayCourse(tuple(phases), CONVERGED))
    of_day, of_night = means
    return DayMeans(
        displacement=day_length * of_day + (1.0 - day_length) * of_night,
        day=_phase_mean(mechanics, problem, of_day),
        night=_phase_mean(mechanics, problem, of_night),
        morning_height=outcome.morning_height,
        evening_height=outcome.evening_height,
        night_end_height=outcome.night_end_height,
        evening_pressure=outcome.evening_pressure,
        night_end_pressure=outcome.night_end_pressure,
        overnight_volume=outcome.overnight_volume,
    )


def time_mean(times: Float[np.ndarray, "times"], values: Float[Array, "times ..."]) -> Float[Array, "..."]:
    """Mean over time of values that are linear between the times.

    Args:
        times: Ascending.
        values: At the times.
    """
    step = np.diff(times)
    weight = 0.5 * (np.append(step, 0.0) + np.append(0.0, step)) / (times[-1] - times[0])
    return jnp.tensordot(jnp.asarray(weight), values, axes=1)


def _phase_mean(mechanics: DiscMechanics, problem: SolidProblem, displacement: Float[Array, "nodes 3"]) -> PhaseMean:
    height = heights(mechanics.solid.places, problem.coordinates + displacement).mean
    return PhaseMean(float(height), tissue_ratios(mechanics.disc, mechanics.shape(displacement)))
