"""One disc, one protocol, through time: what may be asked for, what is remembered, what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc, load_disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.nutrition import SolverOptions
from pulposus.parameters import Parameter, ParameterSet
from pulposus.simulation import (
    Course,
    Progress,
    SimulationResult,
    StepControl,
    disc_of,
    simulate,
    stored_times,
)
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._course import SINGLE, follow
from pulposus.simulation._plan import ARMS
from pulposus.simulation._recording import RecordingParameters
from pulposus.simulation._simulate import checked
from pulposus.simulation._step import coupled_step
from pulposus.therapy import Protocol, load_protocol, protocol_text

QUICK = ["numerics.level=slab", "numerics.resolution=coarse"]
BLOCK = """\
schema_version: 1
name: block
shape: {kind: elliptic-cylinder, half_width: 25 mm, half_depth: 18 mm, height: 10 mm, nucleus_area_fraction: 0.45}
"""


@pytest.fixture(scope="module")
def protocol(slab_study: Protocol) -> Protocol:
    return slab_study


# Stored times


@pytest.mark.parametrize("end", [0.0001, 0.5, 1.0, 28.0, 28.0003, 100.0, 365.25, 2000.0])
def test_times_are_in_order_and_hold_the_days_that_are_always_asked_for(end: float) -> None:
    times = stored_times(end)
    assert times == sorted(set(times))
    assert {day for day in (0.0, 1.0, 28.0, end) if day <= end} <= set(times)
    assert (times[0], times[-1]) == (0.0, end)


def test_times_are_at_most_half_a_year_apart() -> None:
    times = stored_times(5 * 365.25)
    assert max(np.diff(times)) <= 365.25 / 2.0
    assert {365.25 * half / 2.0 for half in range(1, 11)} <= set(times)


def test_visits_are_stored_unless_another_time_is_within_a_minute() -> None:
    assert 11.5 in stored_times(28.0, [11.5])
    assert 40.0 not in stored_times(28.0, [40.0])
    assert stored_times(28.0, [7.0 + 0.5 / 1440.0]) == stored_times(28.0)
    assert 28.0 in stored_times(60.0, [28.0 - 0.5 / 1440.0])


@pytest.mark.parametrize("end", [0.0, -3.0, math.nan, math.inf])
def test_an_end_that_is_no_length_of_time(protocol: Protocol, end: float) -> None:
    with pytest.raises(InvalidInput, match="cannot be run"):
        simulate(protocol, until=end)


# A run


def test_all_arms_are_stored_at_the_same_times(month: SimulationResult, protocol: Protocol) -> None:
    times = stored_times(28.0, protocol.follow_up.visits)
    assert tuple(month.arms) == ARMS
    assert all(course.times.tolist() == times for course in month.arms.values())


def test_progress_tells_every_stored_time_of_every_arm(month: SimulationResult, told: list[Progress]) -> None:
    times = month.with_cells.times.tolist()
    assert [(step.run, step.time) for step in told] == [(run, time) for run in ARMS for time in times[1:]]
    assert {step.end for step in told} == {28.0}
    steps = [step.steps for step in told if step.run == "with_cells"]
    assert steps == sorted(steps)
    assert steps[-1] == int(month.with_cells.states[-1].steps)


def test_the_ledger_closes(month: SimulationResult) -> None:
    assert month.with_cells.ledger_error < 1e-10
    assert month.sham.ledger_error == month.native_course.ledger_error == 0.0


def test_cells_cost_nutrients(month: SimulationResult) -> None:
    """Right after the injection: nutrients are in balance with all cells at every stored time."""
    with_cells, without = month.with_cells.nutrition_rows()[0], month.sham.nutrition_rows()[0]
    for key in ("oxygen_kPa", "glucose_mM", "pH"):
        assert with_cells[key]["nucleus_mean"] < without[key]["nucleus_mean"]
    assert with_cells["lactate_mM"]["nucleus_mean"] > without["lactate_mM"]["nucleus_mean"]


@pytest.mark.parametrize("arm", ["sham", "native_course"])
def test_the_other_arms_have_no_donor_cells(month: SimulationResult, arm: str) -> None:
    for row in month.arms[arm].cell_rows():
        assert all(row[name] == 0.0 for name in ("injected", "born", "leaked", "dead", "alive"))


def test_a_run_can_be_cut_short_without_changing_what_was_before(month: SimulationResult, protocol: Protocol) -> None:
    week = simulate(protocol, until=7.0)
    rows = month.with_cells.cell_rows()
    assert week.with_cells.cell_rows() == rows[: len(week.with_cells.times)]


def test_a_mechanism_can_be_switched_off() -> None:
    closed = simulate(load_protocol("orozco-2011", [*QUICK, "numerics.switches.leak=false"]), until=1.0)
    last = closed.with_cells.cell_rows()[-1]
    assert (last["leaked"], last["dead"] > 0.0) == (0.0, True)


# Protocol and disc


def test_a_disc_may_be_given_in_every_form(protocol: Protocol, tmp_path: Path, month: SimulationResult) -> None:
    file = tmp_path / "block.yaml"
    file.write_text(BLOCK, encoding="utf-8")
    names = [
        simulate(protocol, disc, until=0.25).disc.description.name
        for disc in ("human/L4-L5/grade3", file, str(file), load_disc("human/L1-L2/grade2", "coarse"))
    ]
    assert names == ["human/L4-L5/grade3", "block", "block", "human/L1-L2/grade2"]
    assert month.disc.description.name == "human/L4-L5/grade4"


def test_a_disc_file_that_a_protocol_file_names_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    text = protocol_text("sham-saline").replace("human/L4-L5/grade4", "block.yaml")
    assert "block.yaml" in text
    file = folder / "study.yaml"
    file.write_text(f"{text}\nnumerics: {{level: slab, resolution: coarse}}\n", encoding="utf-8")
    (folder / "block.yaml").write_text(BLOCK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert simulate(file, until=0.25).disc.description.name == "block"
    assert simulate(str(file), until=0.25).disc.description.name == "block"
    assert disc_of(load_protocol("orozco-2011"), "orozco-2011") == "human/L4-L5/grade4"


def test_there_is_no_well_mixed_run_of_a_disc() -> None:
    with pytest.raises(InvalidInput, match="no well-mixed run") as caught:
        simulate(load_protocol("orozco-2011", ["numerics.level=well-mixed"]))
    assert caught.value.where.endswith("field numerics.level")
    assert caught.value.allowed == "disc, slab"
    assert "level: slab" in caught.value.remedy


# Constants that a run used


def test_only_constants_that_were_asked_for_are_remembered(constants: ParameterSet) -> None:
    recording = RecordingParameters(constants)
    assert recording.used() == []
    assert recording.value("cells.donor.growth_rate") == constants.value("cells.donor.growth_rate")
    recording.under("cells.injection")
    recording.under("geometry.species")
    keys = [record.key for record in recording.used()]
    assert keys == sorted(
        ["cells.donor.growth_rate", *(f"cells.injection.{key}" for key in constants.under("cells.injection"))]
    )
    assert recording.used()[0] == constants[keys[0]]


def test_the_constants_of_a_run_are_those_of_its_disc_product_and_needle(month: SimulationResult) -> None:
    keys = {record.key for record in month.parameters}
    assert keys >= {
        "cells.donor.growth_rate",
        "cells.carrier.saline.leak_rate",
        "cells.injection.track_conductance_ratio",
        "cells.leak.weight_intact",
        "nutrition.oxygen_solubility",
        "grades.cell_density.nucleus.IV",
    }
    assert not {"cells.carrier.fibrin.leak_rate", "grades.cell_density.nucleus.II"} & keys


def moved(record: Parameter) -> float:
    """Another value inside the range."""
    assert record.low is not None and record.high is not None
    return record.high if record.value != record.high else record.low


def test_constants_that_are_not_listed_do_not_matter(
    month: SimulationResult, constants: ParameterSet, protocol: Protocol
) -> None:
    """Every constant with a range that the list leaves out is moved to an end of its range: not a bit of the result changes."""
    listed = {record.key for record in month.parameters}
    others = {
        record.key: moved(record)
        for record in constants.values()
        if record.key not in listed and record.low is not None and record.low != record.high
    }
    assert len(others) > 50
    changed = simulate(protocol, parameters=constants.replace(others), until=1.0)
    rows = changed.with_cells.cell_rows()
    assert rows == month.with_cells.cell_rows()[: len(rows)]


def test_a_changed_constant_is_used_and_shown(
    month: SimulationResult, constants: ParameterSet, protocol: Protocol
) -> None:
    changed = simulate(protocol, parameters=constants.replace({"cells.donor.growth_rate": 0.2}), until=1.0)
    assert {record.key: record.value for record in changed.parameters}["cells.donor.growth_rate"] == 0.2
    rows = changed.with_cells.cell_rows()
    assert rows[-1]["born"] > 1.2 * month.with_cells.cell_rows()[len(rows) - 1]["born"]


# Failure


def test_a_solver_that_fails_at_the_start(protocol: Protocol) -> None:
    with pytest.raises(SolverFailed, match="the run settling stopped at day 0") as caught:
        simulate(protocol, until=1.0, options=SolverOptions(tolerance=1e-6, most_iterations=1))
    assert "too many iterations" in caught.value.what
    assert caught.value.exit_code == 4


def test_a_solver_that_fails_on_the_way_keeps_the_last_good_state(month: SimulationResult) -> None:
    """Steps shrink until the shortest; then the run ends with the status of the solver, at its last good time."""
    trajectory, control = month.with_cells, StepControl(shortest=0.01)
    hopeless = SolverOptions(tolerance=1e-300, most_iterations=1)
    start = trajectory.states[1]
    end = SINGLE.advance(trajectory.model, start, jnp.asarray(1.0), control, hopeless)
    assert int(end.status) == 1
    assert float(end.time) == float(start.time)
    assert int(end.rejected) > int(start.rejected)
    assert int(end.steps) == int(start.steps)
    for one, other in zip(jax.tree.leaves(end.cells), jax.tree.leaves(start.cells), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_disc_that_does_not_settle(protocol: Protocol, tmp_path: Path) -> None:
    with pytest.raises(
        SolverFailed, match=r"the run settling stopped at day -\d+\.?\d* of 0: too many steps"
    ) as caught:
        simulate(protocol, until=1.0, control=StepControl(most_steps=2), checkpoints=tmp_path)
    assert caught.value.where == "step 2"
    assert not list(tmp_path.iterdir())


def test_a_run_that_takes_too_many_steps_keeps_what_it_has(month: SimulationResult, tmp_path: Path) -> None:
    """A day in steps of at most two between stored times: the state of the start is on disk, and the message says so."""
    kept, control = Checkpoints(tmp_path, "with_cells"), StepControl(most_steps=2)
    course, start = Course("with_cells", [0.0, 1.0]), month.with_cells.states[0]
    with pytest.raises(SolverFailed, match=r"the run with_cells stopped at day 0\.\d+ of 1: too many steps") as caught:
        follow(
            course,
            month.with_cells.model,
            start,
            SINGLE,
            control,
            SolverOptions(tolerance=1e-6),
            check=checked("with_cells"),
            checkpoints=kept,
        )
    assert "kept" in caught.value.remedy
    assert [file.name for file in tmp_path.iterdir()] == ["with_cells_0000.state"]


# Steps


@pytest.mark.slow
def test_the_error_of_a_step_falls_with_its_square(month: SimulationResult) -> None:
    """Predictor and corrector differ by the change of the solutes in the step times the rates: second order."""
    trajectory, options = month.with_cells, SolverOptions(tolerance=1e-10)
    start = trajectory.states[3]
    step = eqx.filter_jit(coupled_step)
    errors = [float(step(trajectory.model, start, jnp.asarray(length), options)[1]) for length in (0.04, 0.02, 0.01)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(orders, 2.0, atol=0.1)


def test_a_step_reaches_its_end_exactly(month: SimulationResult, human_disc: Disc) -> None:
    trajectory = month.with_cells
    assert all(float(state.status) == 0 for state in trajectory.states)
    assert [float(state.time) for state in trajectory.states] == trajectory.times.tolist() == stored_times(28.0)
