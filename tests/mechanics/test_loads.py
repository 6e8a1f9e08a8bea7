"""Loads by posture, body mass and species (mechanics_imaging 2.4; rulings 26)."""

from __future__ import annotations

import pytest

from pulposus.errors import InvalidInput
from pulposus.mechanics import POSTURES, daily_cycle, posture_load

TABLE = {
    "supine": (250.0, 0.0),
    "standing": (630.0, 0.0),
    "sitting": (580.0, 0.0),
    "sitting_slouched": (380.0, 0.0),
    "standing_flexed": (1390.0, 0.0),
    "sitting_flexed": (1050.0, 5000.0),
    "lifting_round_back": (2900.0, 7500.0),
    "lifting_bent_knees": (2150.0, 7500.0),
    "lifting_close": (1390.0, 7500.0),
}


def test_the_table_of_postures(parameters) -> None:
    assert set(POSTURES) == set(TABLE)
    for posture, (force, moment) in TABLE.items():
        load = posture_load(posture, parameters)
        assert (float(load.force), float(load.moment)) == (force, moment)


def test_forces_and_moments_scale_with_body_mass(parameters) -> None:
    load = posture_load("lifting_close", parameters, body_mass=84.0)
    assert float(load.force) == pytest.approx(1.2 * 1390.0, rel=1e-14)
    assert float(load.moment) == pytest.approx(1.2 * 7500.0, rel=1e-14)


def test_animals_take_a_pressure_over_their_area(parameters) -> None:
    """0.16 and 0.41 MPa are 250 N and 630 N over the 1520 mm2 of the generic disc, to two digits."""
    for posture, pressure in (("supine", 0.16), ("standing", 0.41)):
        load = posture_load(posture, parameters, species="sheep", area=400.0)
        assert float(load.force) == pytest.approx(400.0 * pressure, rel=1e-14)
        person = float(posture_load(posture, parameters).force) / parameters.value("mechanics.load.area")
        assert person == pytest.approx(pressure, abs=5.1e-3)


def test_the_day(parameters) -> None:
    cycle = daily_cycle(parameters, body_mass=35.0)
    assert [float(load.force) for load in (cycle.day, cycle.night)] == [250.0, 125.0]
    assert float(cycle.day_length) == pytest.approx(16.0 / 24.0, rel=1e-15)


@pytest.mark.parametrize(
    ("posture", "options"),
    [
        ("flying", {}),
        ("sitting", {"species": "sheep", "area": 400.0}),
        ("standing", {"species": "sheep"}),
        ("standing", {"species": "sheep", "area": -1.0}),
        ("standing", {"species": "sheep", "area": 400.0, "body_mass": 60.0}),
        ("standing", {"area": 400.0}),
        ("standing", {"body_mass": 0.0}),
    ],
)
def test_bad_input_is_refused(parameters, posture: str, options: dict) -> None:
    with pytest.raises(InvalidInput):
        posture_load(posture, parameters, **options)
