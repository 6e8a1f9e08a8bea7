"""What a run tells: numbers of cells, summaries of the nutrients, and fields with units."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import numpy as np
import pytest
import xarray

from pulposus.disc import Disc
from pulposus.nutrition import SolverOptions
from pulposus.simulation import Course, DiscModel, SimulationResult, StepControl, Trajectory, follow
from pulposus.simulation._course import SINGLE
from pulposus.simulation._matrix_summary import FIELDS as MATRIX_FIELDS
from pulposus.simulation._matrix_summary import summarise_matrix
from pulposus.simulation._simulate import _gone
from pulposus.units import parse_quantity

TIMES = [0.0, 0.25, 1.0]
ROW = [
    "time_day",
    "injected",
    "born",
    "leaked",
    "dead",
    "free",
    "attached",
    "differentiated",
    "alive",
    "native_alive_fraction",
]
FIELDS = {"oxygen", "glucose", "lactate", "pH", "native", "senescent", "free", "attached", "differentiated", "dead"}


@pytest.fixture(scope="module")
def slab(month: SimulationResult) -> Trajectory:
    """A treated slab, with signals and matrix."""
    course = month.with_cells
    chosen = [state for state in course.states if float(state.time) in TIMES]
    return Trajectory(course.model, chosen, course.coordinates)


@pytest.fixture(scope="module")
def whole(human_disc: Disc, treated: DiscModel) -> Trajectory:
    """A disc in 3D without signals and matrix."""
    control, options = StepControl(), SolverOptions(tolerance=1e-6)
    start = SINGLE.start(treated, control.first, options)
    model, states = follow(Course("a run", TIMES), treated, start, SINGLE, control, options)
    return Trajectory(model, states, np.asarray(human_disc.coordinates))


@pytest.fixture(params=["slab", "whole"])
def trajectory(request: pytest.FixtureRequest) -> Trajectory:
    return request.getfixturevalue(request.param)


def test_rows_of_cells(trajectory: Trajectory) -> None:
    rows = trajectory.cell_rows()
    assert [row["time_day"] for row in rows] == TIMES == trajectory.times.tolist()
    assert all(list(row) == ROW for row in rows)
    for row in rows:
        assert row["alive"] == pytest.approx(row["free"] + row["attached"] + row["differentiated"], rel=1e-14)
        balance = row["injected"] + row["born"] - row["alive"] - row["leaked"] - row["dead"]
        assert abs(balance) < 1e-10 * row["injected"]
    first, last = rows[0], rows[-1]
    assert (first["born"], first["dead"], first["attached"]) == (0.0, 0.0, 0.0)
    assert last["native_alive_fraction"] < first["native_alive_fraction"] <= 1.0
    assert first["injected"] == pytest.approx(1e6 * float(trajectory.states[0].ledger.injected), rel=1e-15)
    assert last["injected"] == first["injected"]
    assert last["born"] > 0.0
    assert last["dead"] > 0.0
    assert last["leaked"] > first["leaked"]
    assert 0.0 < last["native_alive_fraction"] < 1.0


def test_numbers_of_cells_are_the_integrals_of_the_fields(trajectory: Trajectory) -> None:
    """Density in 10^6/mL = 1000 cells/mm3; only the order of a sum differs."""
    volume = np.asarray(trajectory.model.volume)
    for row, state in zip(trajectory.cell_rows(), trajectory.states, strict=True):
        for name in ("free", "attached", "differentiated"):
            assert row[name] == pytest.approx(1e3 * float(np.sum(volume * getattr(state.cells, name))), rel=1e-12)


def test_the_ledger_error_is_small_and_would_show_a_lost_cell(slab: Trajectory) -> None:
    assert slab.ledger_error < 1e-10
    lost = eqx.tree_at(lambda state: state.cells.free, slab.states[-1], 0.999 * slab.states[-1].cells.free)
    broken = Trajectory(slab.model, [*slab.states[:-1], lost], slab.coordinates)
    share = 1e-3 * slab.cell_rows()[-1]["free"] / slab.cell_rows()[-1]["injected"]
    assert broken.ledger_error == pytest.approx(share, rel=1e-9)


def test_the_ledger_error_of_a_disc_without_cells(slab: Trajectory) -> None:
    """In millions where nothing was injected."""
    million = float(slab.states[0].ledger.injected)
    lost = eqx.tree_at(lambda state: state.ledger.injected, slab.states[0], np.zeros(()))
    assert Trajectory(slab.model, [lost], slab.coordinates).ledger_error == pytest.approx(million, rel=1e-12)


def test_a_disc_without_native_cells_has_lost_none(slab: Trajectory) -> None:
    state = eqx.tree_at(
        lambda one: (one.cells.native, one.cells.senescent, one.ledger.native_initial),
        slab.states[0],
        (0.0 * slab.states[0].cells.native, 0.0 * slab.states[0].cells.senescent, np.zeros(())),
    )
    assert Trajectory(slab.model, [state], slab.coordinates).cell_rows()[0]["native_alive_fraction"] == 1.0


def test_the_matrix_ledger_error_is_small_and_would_show_a_lost_milligram(slab: Trajectory) -> None:
    error, last = slab.matrix_ledger_error, slab.states[-1]
    assert error is not None
    assert error < 1e-10
    lost = eqx.tree_at(lambda state: state.matrix.collagen_II, last, 0.999 * last.matrix.collagen_II)
    broken = Trajectory(slab.model, [*slab.states[:-1], lost], slab.coordinates)
    held = float(last.matrix_ledger.initial.collagen_II)
    mass = 1e-6 * float(np.sum(np.asarray(slab.model.volume) * last.matrix.collagen_II))
    assert broken.matrix_ledger_error == pytest.approx(mass / held, rel=1e-9)


def test_rows_of_the_matrix(slab: Trajectory) -> None:
    """Means over the nodes that lie wholly in the nucleus, weighted by their volume; the slab has no annulus."""
    nucleus, volume = np.asarray(slab.model.where.nucleus), np.asarray(slab.model.volume)
    rows, weight = slab.matrix_rows(), np.where(nucleus > volume * (1.0 - 1e-9), volume, 0.0)
    assert [row["time_day"] for row in rows] == TIMES
    for row, state in zip(rows, slab.states, strict=True):
        assert set(row) == {"time_day", "nucleus", "disc"}
        expected = float(np.sum(weight * (state.matrix.aggrecan + state.matrix.fragments)) / np.sum(weight))
        assert row["nucleus"]["glycosaminoglycan_mg_per_mL"] == pytest.approx(expected, rel=1e-12)
        assert row["nucleus"]["aggrecan_mg_per_mL"] + row["nucleus"]["fragments_mg_per_mL"] == pytest.approx(expected)
        assert "annulus_order" not in row["nucleus"]
        assert 0.0 < row["disc"]["relative_stiffness"] < 1.0
        assert 30.0 < row["disc"]["T2_ms"] < 206.0, "between grade V and grade I (rulings 3)"


def test_a_run_without_a_matrix_has_no_rows_of_it(whole: Trajectory, slab: Trajectory) -> None:
    assert summarise_matrix(whole.model, slab.states[0].signals, slab.states[0].matrix) is None
    assert _gone(whole.states[0]).tolist() == [0.0] * 7
    assert whole.matrix_rows() == []
    assert whole.matrix_ledger_error is None
    assert not set(MATRIX_FIELDS) & set(whole.dataset)


def test_the_dataset_holds_the_fields_of_signals_and_matrix(slab: Trajectory) -> None:
    dataset = slab.dataset
    assert set(MATRIX_FIELDS) <= set(dataset)
    for number, state in enumerate(slab.states):
        for name in ("cytokine", "paracrine", "growth_factor", "enzyme"):
            np.testing.assert_array_equal(dataset[name][number], getattr(state.signals, name))
        for name in ("aggrecan", "fragments", "collagen_II", "collagen_I", "annulus_order", "fissure"):
            np.testing.assert_array_equal(dataset[name][number], getattr(state.matrix, name))
    assert float(dataset["water_fraction"].min()) > 0.55
    assert float(dataset["water_fraction"].max()) < 0.9


def test_osmolarity_of_the_grade_moves_with_the_charge(slab: Trajectory) -> None:
    """1000 [sqrt(c^2 + 0.09) - sqrt(c0^2 + 0.09)] mOsm above that of the grade (rulings 7); c in mEq per mL."""
    dataset, biology = slab.dataset, slab.model.biology
    assert biology is not None
    charge, first = dataset["fixed_charge_density"].to_numpy(), np.asarray(biology.charge_at_start)
    rise = 1000.0 * (np.sqrt(charge**2 + 0.09) - np.sqrt(first**2 + 0.09))
    expected = float(biology.osmolarity_at_start) + rise
    np.testing.assert_allclose(dataset["osmolarity"], expected, rtol=1e-9)


@pytest.mark.parametrize("key", ["oxygen_kPa", "glucose_mM", "lactate_mM", "pH"])
def test_rows_of_nutrients(trajectory: Trajectory, key: str) -> None:
    """Extremes over the nodes that carry volume; the centre is the node (0, 0, 0) of the map. Solutes are kept bit by bit; pH is computed
    once in compiled code, which may contract a product and a sum, and once outside, so it may differ in the last bit."""
    inside = np.asarray(trajectory.model.volume) > 0.0
    values = trajectory.dataset[key.partition("_")[0]].to_numpy()
    rows = trajectory.nutrition_rows()
    assert [row["time_day"] for row in rows] == TIMES
    for row, field in zip(rows, values, strict=True):
        assert list(row[key]) == ["min", "max", "mean", "nucleus_mean", "centre"]
        expected = field[inside].min(), field[inside].max(), field[trajectory.model.mesh.centre]
        rounding = 3e-16 if key == "pH" else 0.0
        assert (row[key]["min"], row[key]["max"], row[key]["centre"]) == pytest.approx(expected, rel=rounding, abs=0.0)
        assert row[key]["min"] < row[key]["nucleus_mean"] < row[key]["max"]


def test_the_means_of_a_field_that_is_one(trajectory: Trajectory) -> None:
    """A field of the same value everywhere has this mean over any region, to rounding."""
    flat = [
        eqx.tree_at(lambda state: state.solutes, state, np.full_like(state.solutes, 2.5)) for state in trajectory.states
    ]
    row = Trajectory(trajectory.model, flat, trajectory.coordinates).nutrition_rows()[0]
    assert row["glucose_mM"]["mean"] == pytest.approx(2.5, rel=1e-12)
    assert row["glucose_mM"]["nucleus_mean"] == pytest.approx(2.5, rel=1e-12)


def test_the_dataset_holds_every_field_with_a_unit(trajectory: Trajectory) -> None:
    dataset = trajectory.dataset
    mesh = trajectory.model.mesh
    assert dict(dataset.sizes) == {"time": 3, "column": mesh.columns, "level": mesh.levels}
    assert set(dataset) >= FIELDS
    assert all(values.attrs["units"] and values.attrs["long_name"] for values in dataset.values())
    assert dataset["time"].attrs["units"] == "day"
    for name in FIELDS:
        assert dataset[name].dims == ("time", "column", "level")
        assert bool(np.isfinite(dataset[name]).all())
        assert float(dataset[name].min()) >= 0.0


@pytest.mark.parametrize(
    ("name", "unit"), [("oxygen", "kPa"), ("glucose", "mM"), ("lactate", "mM"), ("free", "1e6 cell/mL")]
)
def test_the_units_are_those_of_the_states(slab: Trajectory, name: str, unit: str) -> None:
    printed = slab.dataset[name].attrs["units"].replace("mmol L-1", "mmol/L").replace("1e6 mL-1", "million cell/mL")
    assert parse_quantity(f"1 {printed}", unit) == 1.0


def test_the_dataset_holds_the_values_of_the_states(trajectory: Trajectory) -> None:
    dataset = trajectory.dataset
    for number, state in enumerate(trajectory.states):
        for name, row in (("oxygen", 0), ("lactate", 1), ("glucose", 2)):
            np.testing.assert_array_equal(dataset[name][number], state.solutes[row])
        for name in ("native", "senescent", "free", "attached", "differentiated", "dead"):
            np.testing.assert_array_equal(dataset[name][number], getattr(state.cells, name))


def test_the_slab_carries_its_geometry_and_the_disc_does_not(slab: Trajectory, whole: Trajectory) -> None:
    dataset: xarray.Dataset = slab.dataset
    np.testing.assert_array_equal(dataset["z"], slab.coordinates[..., 2])
    np.testing.assert_array_equal(dataset["volume"], slab.model.volume)
    assert float(dataset["nucleus_volume"].sum()) < float(dataset["volume"].sum())
    assert not {"z", "volume", "nucleus_volume"} & set(whole.dataset)


@pytest.mark.parametrize("property_of", [lambda run: run.snapshots, lambda run: run.dataset, lambda run: run.times])
def test_what_is_costly_is_computed_once(slab: Trajectory, property_of: Callable) -> None:
    assert property_of(slab) is property_of(slab)
