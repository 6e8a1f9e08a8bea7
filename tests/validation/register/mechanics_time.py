"""Rows of mechanics_imaging 3.2 that ask for creep and recovery: 6, 9, 10, 12 and 13."""

from __future__ import annotations

from pulposus.mechanics import day_outcome, drained_equilibrium, read
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._whole_disc import require_state

from .mechanics_shared import HUMAN, creep, cylinder, day, shipped
from .studies import Entry, judged

_AREA = 1520.0
"""Of the cylinder [mm2]."""


def night() -> list[Entry]:
    """Rows 6 and 9: the second day of the cylinder, 16 h under 500 N and 8 h under 250 N."""
    outcome = day_outcome(day())
    rise = outcome.night_end_pressure / outcome.lying_down_pressure
    gain = 100.0 * outcome.overnight_volume
    return [
        Entry(
            "6", "one night in bed, 7 h, constant posture", "H", "pressure 0.10 to 0.24 MPa [V]", "ratio 1.5 to 3",
            f"{outcome.lying_down_pressure:.3f} to {outcome.night_end_pressure:.3f} MPa, ratio {rise:.2f}",
            judged(1.5 <= rise <= 3.0), "frozen; 8 h under 250 N after 16 h under 500 N. Right sign, too small, as in the prototype",
        ),
        Entry(
            "9", "overnight volume, n = 5, 21 to 32 y", "H", "+10.6 % [V]", "+-4 points", f"{gain:+.1f} %",
            judged(6.6 <= gain <= 14.6), "frozen; the night of row 6",
        ),
    ]  # fmt: skip


def upright() -> list[Entry]:
    """Row 10: 6 h under 250 N after a day of 16 h, then 7 h under 500 N."""
    whole = cylinder()
    state, volumes = whole.rested, []
    for force, hours in ((500.0, 16.0), (250.0, 6.0), (500.0, 7.0)):
        state = creep(whole.places, whole.problem, state, force, hours).last
        volumes.append(float(read(whole.places, whole.problem, state).volumes.total))
    loss = 100.0 * (1.0 - volumes[2] / volumes[1])
    return [
        Entry(
            "10", "7 h upright against 6 h supine, MRI, n = 8", "H", "volume -16.2 % [V]", "8 to 20 %", f"-{loss:.1f} %",
            judged(8.0 <= loss <= 20.0), "500 and 250 N; after a day of 16 h on the feet",
        )
    ]  # fmt: skip


def recovery() -> list[Entry]:
    """Row 12: the free cylinder takes 1000 N for 4 h and is left without load for 24 h."""
    whole = cylinder()
    free = drained_equilibrium(whole.problem, axial_load(0.0), whole.rested)
    drained = drained_equilibrium(whole.problem, axial_load(1000.0), whole.rested)
    for state, name in ((free, "the free disc"), (drained, "the disc under 1000 N")):
        require_state(state, name)
    loaded = creep(whole.places, whole.problem, free, 1000.0, 4.0)
    back = creep(whole.places, whole.problem, loaded.last, 0.0, 24.0)
    empty, full = (float(read(whole.places, whole.problem, state).heights.mean) for state in (drained, free))
    # Like for like: both on their way to their equilibria, since the two parts are not followed equally long.
    creeps, recovers = loaded.time_of(0.5, empty), back.time_of(0.5, full)
    pressed, relieved = loaded.parts(), back.parts()
    return [
        Entry(
            "12", "creep at 1000 N for 4 h, then 24 h without load, human discs", "H",
            "recovery 3 to 4 times slower than loading; fast part 10 to 15 %, slow part 40 to 70 % of the equilibrium displacement [V]",
            "trend: half of the way to equilibrium takes more than 1.5 times as long in recovery as in creep",
            f"half of the way in {creeps:.2f} h of creep ({loaded.height[0]:.2f} to {empty:.2f} mm) and {recovers:.2f} h of recovery,"
            f" ratio {recovers / creeps:.2f}; parts of the creep {100.0 * pressed.fast:.0f} and {100.0 * pressed.slow:.0f} %",
            judged(recovers > 1.5 * creeps),
            "recovery takes about as long as loading, as in the prototype; plates of the cylinder drain freely. Two exponentials"
            f" have longer time constants of {pressed.time_constant:.1f} and {relieved.time_constant:.1f} h, but the recovery is"
            " followed six times longer",
        )
    ]  # fmt: skip


def drainage() -> list[Entry]:
    """Row 13: 0.1 to 0.8 MPa for 24 h, on the cylinder and on a disc with cartilage and a film in front of the bone."""
    whole = cylinder()
    human = shipped(HUMAN).rested
    area = float(read(human.places, human.problem, human.rested).section_area)
    entries = []
    for letter, name, subject, section, note in (
        ("a", "the cylinder", whole, _AREA, "plates without cartilage drain too fast"),
        ("b", HUMAN, human, area, "with cartilage endplates and their film as shipped; a lumbar disc, the study had thoracic ones"),
    ):  # fmt: skip
        start = drained_equilibrium(subject.problem, axial_load(0.1 * section), subject.rested)
        require_state(start, f"{name} at 0.1 MPa")
        course = creep(subject.places, subject.problem, start, 0.8 * section, 24.0)
        half, most = course.time_of(0.5), course.time_of(0.632)
        entries.append(
            Entry(
                f"13{letter}", f"creep 0.1 to 0.8 MPa for 24 h, thoracic; {name}", "T",
                "apparent time constant 3.6 to 17 h with the length of the test [V]", "half of the creep of 24 h within 2 to 10 h",
                f"half after {half:.1f} h, 63 % after {most:.1f} h", judged(2.0 <= half <= 10.0), f"not tuned; {note}",
            )
        )  # fmt: skip
    return entries


TIME_STUDIES = (night, upright, recovery, drainage)
