r"""The day of a disc: creep under the load of the day, recovery at night (mechanics_imaging 2.1, 2.5; rulings 26, 42, 43).

A cycle of 16 h and 8 h starts from the drained equilibrium under the load of the night. Every jump of the load is an undrained solve, after
which implicit Euler steps grow to one hour from

.. math:: \Delta t_1 = \max\left(30\,\text{s},\ \frac{h_e^2}{6 H_A k}\right)

of the layer of elements at the upper endplate, where they drain fastest. Creep done is (h(0+) - h(t)) / (h(0+) - h(end)) of a day; the
overnight gain of volume is relative to the evening; half recovery is the time after which half of the height that a night gives back is
there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from pulposus.mechanics._arrays import Scalar
from pulposus.mechanics._disc_places import DiscPlaces
from pulposus.mechanics._energy import aggregate_modulus
from pulposus.mechanics._equilibrium import Load, undrained_equilibrium
from pulposus.mechanics._homogeneous import CONVERGED, NOT_FOUND
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._loads import DailyCycle
from pulposus.mechanics._material import Material
from pulposus.mechanics._reading import Reading, read
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._transient import hold

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

FloatArray = NDArray[np.float64]

CREEP_HOURS = (1.0, 2.0, 4.0, 8.0)
_HOURS_PER_DAY = 24.0
_USUAL_GROWTH = 1.25


class StepLengths(NamedTuple):
    """Limits of the time steps.

    Attributes:
        first: After a jump [day].
        longest: Later [day].
        growth: Factor from step to step.
    """

    first: float
    longest: float
    growth: float = _USUAL_GROWTH


class Phase(NamedTuple):
    """One load of the cycle.

    Attributes:
        name: "day" or "night".
        begin: Time since the start of the first day [day].
        force: Axial compression [N].
        times: Since `begin`, the jump first [day].
        readings: At these times.
    """

    name: str
    begin: float
    force: float
    times: FloatArray
    readings: tuple[Reading, ...]

    def series(self, of: Callable[[Reading], Scalar]) -> FloatArray:
        """A readout at the times of the phase."""
        return np.array([float(of(one)) for one in self.readings])


class DayCourse(NamedTuple):
    """Days of a disc.

    Attributes:
        phases: Day, night, day, night, ...
        status: Key of `STATUS_TEXT`; where it is not converged, the last phase ends early.
    """

    phases: tuple[Phase, ...]
    status: int


class DayOutcome(NamedTuple):
    """What the last day and the night after it show; heights are means over the plate.

    Attributes:
        morning_height, morning_pressure: Just after rising [mm, MPa].
        evening_height, evening_pressure: At the end of the day.
        lying_down_height, lying_down_pressure: Just after lying down.
        night_end_height, night_end_pressure: At the end of the night, lying.
        overnight_volume: Gain of volume over the night, share of that in the evening.
        overnight_height: Gain of height while lying [mm].
        half_recovery: Time to half of that gain [day].
        creep_done: At `CREEP_HOURS` of the day.
    """

    morning_height: float
    morning_pressure: float
    evening_height: float
    evening_pressure: float
    lying_down_height: float
    lying_down_pressure: float
    night_end_height: float
    night_end_pressure: float
    overnight_volume: float
    overnight_height: float
    half_recovery: float
    creep_done: tuple[float, ...]


def step_lengths(places: DiscPlaces, problem: SolidProblem, parameters: ParameterSet) -> StepLengths:
    """The first and the longest time step of a disc.

    Args:
        places: Of its points.
        problem: The disc.
        parameters: The loaded parameters.
    """
    beside = places.mesh.upper.elements
    axial = problem.coordinates[places.mesh.elements[beside], 2]
    thickness = jnp.max(axial, axis=1) - jnp.min(axial, axis=1)
    stable = float(jnp.min(thickness**2 / (6.0 * _conductivity(problem.material, beside))))
    first = max(parameters.value("mechanics.time_step.shortest_first"), stable)
    return StepLengths(first, max(first, parameters.value("mechanics.time_step.longest")))


def _conductivity(material: Material, elements: NDArray[np.int64]) -> Float[Array, "some"]:
    """H_A k [mm2/day] of elements, at the stress-free volume of their first point."""
    here = jax.tree.map(lambda leaf: leaf[elements, 0], material)

    def at(tissue: Material) -> Scalar:
        one = jnp.ones(())
        return aggregate_modulus(one, tissue) * tissue.permeability.at(one)

    return jax.vmap(at)(here)


def step_times(length: float, steps: StepLengths, stops: Sequence[float] = ()) -> FloatArray:
    """Ends of the time steps of a phase [day], 0 left out.

    Args:
        length: Of the phase [day].
        steps: Limits.
        stops: Times that a step has to end at [day].
    """
    targets = sorted({stop for stop in stops if 0.0 < stop < length} | {length})
    times, now, step = [], 0.0, steps.first
    for target in targets:
        while now < target:
            left = target - now
            # The steps before a stop share what is left, so that none is a sliver.
            now = target if left <= 1.5 * step else now + (0.5 * left if left < 2.0 * step else step)
            times.append(now)
            step = min(steps.growth * step, steps.longest)
    return np.array(times)


def follow_days(
    places: DiscPlaces,
    problem: SolidProblem,
    cycle: DailyCycle,
    rested: Deformation,
    steps: StepLengths,
    *,
    days: int = 2,
    progress: Callable[[float, float], None] | None = None,
) -> DayCourse:
    """Follow a disc through days and nights.

    Args:
        places: Of its points.
        problem: The disc.
        cycle: Loads and length of the day.
        rested: Drained equilibrium under the load of the night.
        steps: Time steps.
        days: Number of days, each with its night.
        progress: Called after every phase with the time [day] and the end.
    """
    day_length = float(cycle.day_length)
    parts = (("day", cycle.day, 0.0, day_length), ("night", cycle.night, day_length, 1.0 - day_length))
    stops = [hour / _HOURS_PER_DAY for hour in CREEP_HOURS]
    phases: list[Phase] = []
    state = rested
    for day in range(days):
        for name, load, begin, length in parts:
            times = step_times(length, steps, stops)
            states = _held(problem, axial_load(load.force), state, np.diff(times, prepend=0.0))
            found = [one for one in states if one.status == CONVERGED]
            readings = tuple(read(places, problem, one) for one in found)
            reached = np.concatenate([[0.0], times])[: len(found)]
            phases.append(Phase(name, day + begin, float(load.force), reached, readings))
            if len(found) < len(states):
                return DayCourse(tuple(phases), NOT_FOUND)
            state = states[-1]
            if progress is not None:
                progress(day + begin + length, float(days))
    return DayCourse(tuple(phases), CONVERGED)


def _held(problem: SolidProblem, load: Load, before: Deformation, steps: FloatArray) -> list[Deformation]:
    """The state after the jump to a load, and after every step under it; where one is not found, those after it are not either."""
    jumped = undrained_equilibrium(problem, load, before)
    if jumped.status != CONVERGED:
        return [jumped]
    later = hold(problem, load, jumped, jnp.asarray(steps)).states
    return [jumped, *(jax.tree.map(lambda leaf, at=number: leaf[at], later) for number in range(len(steps)))]


def day_outcome(course: DayCourse) -> DayOutcome:
    """What the last day of a complete course shows."""
    day, night = course.phases[-2:]
    height, lying = (phase.series(lambda one: one.heights.mean) for phase in (day, night))
    pressure, lying_pressure = (phase.series(lambda one: one.pressure) for phase in (day, night))
    volume = night.series(lambda one: one.volumes.total)
    hours = day.times * _HOURS_PER_DAY
    done = (height[0] - height) / (height[0] - height[-1])
    back = (lying - lying[0]) / (lying[-1] - lying[0])
    return DayOutcome(
        morning_height=height[0],
        morning_pressure=pressure[0],
        evening_height=height[-1],
        evening_pressure=pressure[-1],
        lying_down_height=lying[0],
        lying_down_pressure=lying_pressure[0],
        night_end_height=lying[-1],
        night_end_pressure=lying_pressure[-1],
        overnight_volume=volume[-1] / volume[0] - 1.0,
        overnight_height=lying[-1] - lying[0],
        half_recovery=float(np.interp(0.5, back, night.times)),
        creep_done=tuple(float(np.interp(hour, hours, done)) for hour in CREEP_HOURS),
    )
