"""A run that computes the mechanics of its disc: what the protocol asks for, what the result and its record hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pulposus.cli._run_record import state_rows
from pulposus.disc import load_disc
from pulposus.errors import InvalidInput
from pulposus.simulation import CoupledTrajectory, SimulationResult, _following, simulate
from pulposus.simulation._reshaping import DeformedBiology
from pulposus.therapy import load_protocol

CYLINDER = Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml"
COARSE = ("numerics.resolution=coarse",)


@pytest.fixture(scope="module")
def small_meshes() -> pytest.MonkeyPatch:
    """The mesh of the mechanics is the coarsest one, which a cylinder allows."""
    patch = pytest.MonkeyPatch()

    def load(name: str | Path, resolution: str, constants: object):
        return load_disc(name, "mechanics-cylinder-coarse" if resolution == "mechanics" else resolution, constants)

    patch.setattr(_following, "load_disc", load)
    yield patch
    patch.undo()


def run(mode: str, until: float, *more: str) -> SimulationResult:
    protocol = load_protocol(
        "no-treatment", [*COARSE, f"numerics.mechanics={mode}", "numerics.mechanics_interval=1 day", *more]
    )
    return simulate(protocol, CYLINDER, until=until)


@pytest.fixture(scope="module")
def read(small_meshes: pytest.MonkeyPatch) -> SimulationResult:
    return run("readout", 1.0)


def test_every_stored_time_has_a_reading(read: SimulationResult) -> None:
    course = read.native_course
    readings = read.mechanics["native_course"]
    assert [one.time for one in readings] == [float(state.time) for state in course.states]
    assert all(int(one.state.status) == 0 for one in readings)
    assert set(read.mechanics) == set(read.arms)


def test_an_unchanged_disc_has_the_height_of_its_image(read: SimulationResult) -> None:
    """10 mm, to the tolerance of the reference state (0.02 mm); a day changes less than that."""
    first, *_, last = read.mechanics["native_course"]
    assert float(first.reading.heights.mean) == pytest.approx(10.0, abs=0.02)
    assert float(last.reading.heights.mean) == pytest.approx(float(first.reading.heights.mean), abs=0.01)


def test_the_rows_of_the_record_hold_mechanics(read: SimulationResult) -> None:
    rows = state_rows(read, "native_course")
    assert all(row["run"] == "native_course" for row in rows)
    for row, reading in zip(rows, read.mechanics["native_course"], strict=True):
        assert row["mechanics"]["height_mean_mm"] == float(reading.reading.heights.mean)
        assert row["mechanics"]["stiffness_N_per_mm"] == reading.stiffness
    assert state_rows(read, "history") == []


def test_readings_change_nothing(read: SimulationResult) -> None:
    protocol = load_protocol("no-treatment", COARSE)
    without = simulate(protocol, CYLINDER, until=1.0)
    assert without.mechanics == {}
    for one, other in zip(without.native_course.states, read.native_course.states, strict=True):
        np.testing.assert_array_equal(one.cells.native, other.cells.native)
        np.testing.assert_array_equal(one.solutes, other.solutes)
    assert all("mechanics" not in row for row in state_rows(without, "native_course"))


def test_a_coupled_run_takes_its_shape_at_the_interval(small_meshes: pytest.MonkeyPatch) -> None:
    coupled = run("coupled", 2.0)
    assert isinstance(coupled.native_course, CoupledTrajectory)
    assert [one.time for one in coupled.mechanics["native_course"]] == [0.0, 1.0, 2.0]
    assert coupled.native_course.ledger_error < 1e-10
    rows = state_rows(coupled, "native_course")
    assert [row["time_day"] for row in rows if "mechanics" in row] == [0.0, 1.0, 2.0]
    # The water of the means is that of mechanics, and the load of the matrix the pressure of the day.
    course = coupled.native_course
    biology, last = course.model.biology, course.readings[-1]
    assert isinstance(biology, DeformedBiology)
    mean = float(biology.setting.nucleus_mean(biology.water))
    assert rows[-1]["nucleus"]["water_fraction"] == pytest.approx(mean, rel=1e-12)
    assert float(biology.load.magnitude) == pytest.approx(last.day_pressure, rel=1e-12)
    # A disc left alone for two days keeps its shape: nothing happens to it, and it has settled under its own load.
    np.testing.assert_allclose(course.dataset["volume_ratio"], 1.0, atol=2e-3)
    assert np.abs(course.dataset["displacement_cranial"]).max() < 0.02
    assert float(course.dataset["fibre_stretch"].max()) > 1.0


def test_a_run_in_the_mean_shape_of_a_day(small_meshes: pytest.MonkeyPatch) -> None:
    """The disc settles in that shape, so nothing moves at the start of the course either."""
    daily = run("coupled", 1.0, "numerics.mechanics_day=true", "numerics.mechanics_interval=10 day")
    course = daily.native_course
    first, *_, last = course.readings
    assert first.day is not None
    assert last.day is not None
    assert first.day.evening_height < first.day.day.height < first.day.morning_height
    assert first.day.day.height < first.day.night.height < float(first.reading.heights.mean)
    ratio = course.dataset["volume_ratio"].values
    assert 0.7 < ratio.min() < 0.97
    np.testing.assert_allclose(ratio[0], ratio[-1], atol=2e-3)
    biology = course.model.biology
    assert isinstance(biology, DeformedBiology)
    assert float(biology.setting.nucleus_mean(biology.water)) < float(
        biology.setting.nucleus_mean(biology.rested_water)
    )
    assert course.ledger_error < 1e-10
    assert course.matrix_ledger_error is not None
    assert course.matrix_ledger_error < 1e-10
    numbers = state_rows(daily, "native_course")[0]["mechanics"]
    assert numbers["height_day_mm"] == first.day.day.height
    assert numbers["volume_ratio_night_nucleus"] == first.day.night.volume_ratio.nucleus


def test_a_loaded_disc_is_refused() -> None:
    protocol = load_protocol("no-treatment", [*COARSE, "numerics.mechanics=readout"])
    with pytest.raises(InvalidInput, match="mesh of its own"):
        simulate(protocol, load_disc(CYLINDER, "coarse"), until=1.0)


def test_a_day_needs_mechanics() -> None:
    protocol = load_protocol("no-treatment", [*COARSE, "numerics.mechanics_day=true"])
    with pytest.raises(InvalidInput, match="day without mechanics"):
        simulate(protocol, until=1.0)


def test_a_slab_has_no_shape() -> None:
    protocol = load_protocol("no-treatment", ["numerics.level=slab", "numerics.mechanics=readout"])
    with pytest.raises(InvalidInput, match="mechanics: readout on the level slab"):
        simulate(protocol, until=1.0)
