"""Discs that the rows of the mechanics table share: the swelling cylinder v0, its day, a hold under a load, and shipped discs at rest."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from pulposus.disc import Disc, load_disc
from pulposus.mechanics import (
    CONVERGED,
    Deformation,
    DiscPlaces,
    MechanicalDisc,
    SolidProblem,
    follow_days,
    hold,
    load_cylinder,
    mechanical_cylinder,
    mechanical_disc,
    read,
    step_lengths,
    undrained_equilibrium,
)
from pulposus.mechanics._day import step_times
from pulposus.mechanics._loading import axial_load
from pulposus.parameters import load_parameters

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "swelling_cylinder.yaml"
PARAMETERS = load_parameters()
HUMAN = "human/L4-L5/grade2"
"""The shipped disc of rows that were measured on healthy people."""
GRADE_IV = (
    "nucleus.fixed_charge=0.142 mEq/mL",
    "nucleus.bulk_modulus=0.30 MPa",
    "nucleus.shear_modulus=0.05 MPa",
    "annulus.fixed_charge=0.11 mEq/mL",
    "annulus.bulk_modulus=0.50 MPa",
    "annulus.shear_modulus=0.35 MPa",
)
GRADE_I = ("nucleus.fixed_charge=0.309 mEq/mL",)
HOURS = 1.0 / 24.0


@lru_cache
def cylinder(changes: tuple[str, ...] = ()) -> MechanicalDisc:
    """The cylinder at rest, with changed keys."""
    return mechanical_cylinder(load_cylinder(BENCHMARK, ["mesh=cylinder-coarse", *changes]))


@lru_cache
def day() -> Any:
    """Two days of the cylinder."""
    whole = cylinder()
    steps = step_lengths(whole.places, whole.problem, PARAMETERS)
    cycle = load_cylinder(BENCHMARK, ["mesh=cylinder-coarse"]).cycle
    return follow_days(whole.places, whole.problem, cycle, whole.rested, steps)


class Loaded(NamedTuple):
    """A shipped disc, and the same at rest."""

    disc: Disc
    rested: MechanicalDisc


@lru_cache
def shipped(name: str) -> Loaded:
    """A shipped disc on the mesh of mechanics."""
    disc = load_disc(name, "mechanics", PARAMETERS)
    return Loaded(disc, mechanical_disc(disc, PARAMETERS))


class Parts(NamedTuple):
    """Two exponentials of a creep: shares of the whole displacement with its jump, and the longer time constant [h]."""

    fast: float
    slow: float
    time_constant: float


class Creep(NamedTuple):
    """A disc under a constant load.

    Attributes:
        times: Since the jump, 0 first [h].
        height: Mean [mm].
        before: Mean height just before the jump [mm].
        last: State at the end.
    """

    times: NDArray[np.float64]
    height: NDArray[np.float64]
    before: float
    last: Deformation

    def time_of(self, share: float, last: float | None = None) -> float:
        """Time after which a share of the way from the jump to a last height [mm] is done [h]; to that at the end where left out."""
        end = self.height[-1] if last is None else last
        return float(np.interp(share, (self.height - self.height[0]) / (end - self.height[0]), self.times))

    def parts(self) -> Parts:
        """The change of height as a jump and two exponentials, least squares over the times."""
        sign = np.sign(self.height[-1] - self.height[0])
        change = sign * (self.height - self.height[0])

        def law(time: NDArray[np.float64], *a: float) -> NDArray[np.float64]:
            return a[0] * (1.0 - np.exp(-time / a[1])) + a[2] * (1.0 - np.exp(-time / a[3]))

        (fast, _, slow, constant), _ = curve_fit(
            law, self.times, change, (0.3 * change[-1], 0.2, 0.7 * change[-1], 2.0)
        )
        whole = float(sign * (self.height[0] - self.before) + fast + slow)
        return Parts(float(fast) / whole, float(slow) / whole, float(constant))


def creep(places: DiscPlaces, problem: SolidProblem, before: Deformation, force: float, hours: float) -> Creep:
    """A jump to a load [N] and its hold."""
    steps = step_times(hours * HOURS, step_lengths(places, problem, PARAMETERS))
    jumped = undrained_equilibrium(problem, axial_load(force), before)
    later = hold(problem, axial_load(force), jumped, jnp.asarray(np.diff(steps, prepend=0.0))).states
    states = [jumped, *(jax.tree.map(lambda leaf, at=number: leaf[at], later) for number in range(len(steps)))]
    assert all(int(state.status) == CONVERGED for state in states), f"no equilibrium under {force:g} N"
    height = np.array([float(read(places, problem, state).heights.mean) for state in states])
    first = float(read(places, problem, before).heights.mean)
    return Creep(np.concatenate([[0.0], steps]) / HOURS, height, first, states[-1])
