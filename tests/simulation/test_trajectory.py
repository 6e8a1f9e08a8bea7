"""What a run tells: numbers of cells, summaries of the nutrients, and fields with units."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from pulposus.disc import Disc
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, StepControl, Trajectory
from pulposus.simulation import _simulate as simulation
from pulposus.therapy import load_protocol, resolve_treatment
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


def run(model: DiscModel, coordinates: np.ndarray) -> Trajectory:
    options = SolverOptions(tolerance=1e-6)
    return simulation.run_model(model, coordinates, TIMES, name="a run", control=StepControl(), options=options)


@pytest.fixture(scope="module")
def slab(human_disc: Disc, constants: ParameterSet) -> Trajectory:
    treatment = resolve_treatment(load_protocol("orozco-2011"), human_disc, constants)
    return run(*simulation.build_model(human_disc, treatment, constants, "slab", treatment))


@pytest.fixture(scope="module")
def whole(human_disc: Disc, treated: DiscModel) -> Trajectory:
    return run(treated, np.asarray(human_disc.coordinates))


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
    assert (first["born"], first["dead"], first["attached"], first["native_alive_fraction"]) == (0.0, 0.0, 0.0, 1.0)
    assert first["injected"] == pytest.approx(1e6 * float(trajectory.model.injected), rel=1e-15)
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
    """Relative to a million where nothing was injected."""
    lost = eqx.tree_at(lambda model: model.injected, slab.model, jnp.asarray(0.0))
    million = float(slab.model.injected)
    assert Trajectory(lost, slab.states[:1], slab.coordinates).ledger_error == pytest.approx(million, rel=1e-12)


def test_a_disc_without_native_cells_has_lost_none(slab: Trajectory) -> None:
    cells = slab.states[0].cells
    none = eqx.tree_at(lambda one: (one.native, one.senescent), cells, (0.0 * cells.native, 0.0 * cells.senescent))
    model = eqx.tree_at(lambda one: one.initial_cells, slab.model, none)
    state = eqx.tree_at(lambda one: one.cells, slab.states[0], none)
    assert Trajectory(model, [state], slab.coordinates).cell_rows()[0]["native_alive_fraction"] == 1.0


@pytest.mark.parametrize("key", ["oxygen_kPa", "glucose_mM", "lactate_mM", "pH"])
def test_rows_of_nutrients(trajectory: Trajectory, key: str) -> None:
    """Extremes over the nodes that carry volume; the centre is the node (0, 0, 0) of the map."""
    inside = np.asarray(trajectory.model.volume) > 0.0
    values = trajectory.dataset[key.partition("_")[0]].to_numpy()
    rows = trajectory.nutrition_rows()
    assert [row["time_day"] for row in rows] == TIMES
    for row, field in zip(rows, values, strict=True):
        assert list(row[key]) == ["min", "max", "mean", "nucleus_mean", "centre"]
        assert row[key]["min"] == field[inside].min()
        assert row[key]["max"] == field[inside].max()
        assert row[key]["centre"] == field[trajectory.model.mesh.centre]
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
