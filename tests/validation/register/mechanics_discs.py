"""Rows of mechanics_imaging 3.2 that ask for whole discs of a shape: 7, 15 and 21."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from pulposus.mechanics import SpineLoad, read, undrained_equilibrium
from pulposus.mechanics._homogeneous import CONVERGED
from pulposus.mechanics._loading import BENDING, axial_load, free_to_bend
from pulposus.mechanics._strength import fast_under
from pulposus.mechanics._whole_disc import disc_load, fast_state, require_state

from .mechanics_shared import HUMAN, PARAMETERS, shipped
from .studies import Entry, judged

MEASURED = {
    "standing": 0.50,
    "sitting": 0.46,
    "sitting_slouched": 0.30,
    "standing_flexed": 1.1,
    "sitting_flexed": 0.83,
    "lifting_round_back": 2.3,
    "lifting_bent_knees": 1.7,
    "lifting_close": 1.1,
}
"""Pressure in the nucleus of one man [MPa] (Spine 1999;24:755)."""
LYING = (0.10, 0.12)
SPECIES = (
    "mouse/lumbar",
    "mouse/tail",
    "rat/lumbar",
    "rat/tail",
    "rabbit/lumbar",
    "dog/lumbar",
    "goat/lumbar",
    "sheep/lumbar",
    "pig/lumbar",
    "minipig/lumbar",
    "cow/tail",
)


class _Posture(NamedTuple):
    load: SpineLoad
    pressure: float
    force: float
    moment: float
    reached: bool


def _posture(name: str) -> _Posture:
    disc, rested = shipped(HUMAN)
    load = disc_load(disc, name, PARAMETERS)
    problem, state, moment = fast_under(rested, load)
    reached = int(state.status) == CONVERGED and moment == float(load.moment)
    pressure = float(read(rested.places, problem, state).pressure)
    return _Posture(load, pressure, -float(state.load[2]), moment, reached)


def postures() -> list[Entry]:
    """Row 7: fast from rest."""
    cases, holds = [], []
    for name, measured in MEASURED.items():
        found = _posture(name)
        text = f"{name.replace('_', ' ')} {found.pressure:.2f} ({measured:.2f})"
        if not found.reached:
            text += f" at {found.force:.0f} N and {1e-3 * found.moment:.1f} N m, the last equilibrium before"
            text += f" {float(found.load.force):.0f} N and {1e-3 * float(found.load.moment):.1f} N m"
        cases.append(text)
        holds.append(found.reached and abs(found.pressure / measured - 1.0) <= 0.2)
    lying = _posture("supine").pressure
    return [
        Entry(
            "7a", f"postures of one man; {HUMAN}, fast from rest", "T",
            "standing 0.50, flexed 1.1, lifting 2.3 MPa and others [V]", "each within 20 %",
            f"simulated (measured) MPa: {'; '.join(cases)}", judged(all(holds)),
            f"not independent: the forces were set from these pressures; {sum(holds)} of {len(holds)} within 20 %",
        ),
        Entry(
            "7b", f"the same man lying; {HUMAN}, drained at 250 N", "T", "prone 0.10, on the side 0.12 MPa [V]", "within 20 % of either",
            f"{lying:.3f} MPa", judged(0.8 * LYING[0] <= lying <= 1.2 * LYING[1]),
            "the supine force of 250 N is the rulings' choice; these pressures would ask for about 150 N",
        ),
    ]  # fmt: skip


def pure_moments() -> list[Entry]:
    """Row 15: pressure against a moment of up to 7.5 N m that comes fast on 280 N."""
    rested = shipped(HUMAN).rested
    follower = undrained_equilibrium(rested.problem, axial_load(280.0), rested.rested)
    require_state(follower, "the disc under the follower load")
    start = float(read(rested.places, rested.problem, follower).pressure)
    cases = []
    for name in ("flexion", "extension", "lateral", "torsion"):
        direction = BENDING[name]
        bent = free_to_bend(rested.problem, follower, direction)
        state = bent.start
        reached = 0.0
        for moment in (3750.0, 7500.0):
            state = undrained_equilibrium(bent.problem, bent.under(moment, direction), state)
            reached = 1e-3 * float(jnp.abs(state.load[direction.axis] - bent.load[direction.axis]))
            if int(state.status) != CONVERGED:
                break
        slope = (float(read(rested.places, bent.problem, state).pressure) - start) / reached
        cases.append(f"{name} {slope:+.4f} MPa per N m up to {reached:.2f} N m")
    return [
        Entry(
            "15", f"eight finite-element models, L1 to L5, pure moments; {HUMAN}", "H",
            "medians of the motion differ from those in vitro by 2, 1 and 5 degrees; medians of the pressure agree [V]",
            "slope of the pressure in the range in vitro", f"from {start:.3f} MPa at 280 N: {'; '.join(cases)}", "not computable",
            "no number of that range could be read; the disc alone, without ligaments and facet joints, so motions are not compared",
        )
    ]  # fmt: skip


class _Normal(NamedTuple):
    stiffness: float
    modulus: float


def _normal(name: str) -> _Normal:
    disc, rested = shipped(name)
    state, stiffness = fast_state(rested, disc_load(disc, "standing", PARAMETERS).force)
    require_state(state, f"{name}, standing")
    reading = read(rested.places, rested.problem, rested.rested)
    return _Normal(float(stiffness), float(stiffness * reading.heights.middle / reading.section_area))


def species() -> list[Entry]:
    """Row 21: k h / A, fast at the standing pressure."""
    human = _normal(HUMAN)
    found = {name: _normal(name) for name in SPECIES}
    ratios = {name: one.modulus / human.modulus for name, one in found.items()}
    cases = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return [
        Entry(
            "21", "nine disc types, normalised axial mechanics", "H", "similar across species [V]",
            f"k h / A of every shipped animal within a factor of 2 of {HUMAN}",
            f"{human.modulus:.1f} MPa ({human.stiffness:.0f} N/mm); over that: {cases}",
            judged(all(0.5 <= ratio <= 2.0 for ratio in ratios.values())),
            "one set of materials for all, so it is a check of shapes and of the loads that scale with the area",
        )
    ]  # fmt: skip


DISC_STUDIES = (postures, pure_moments, species)
