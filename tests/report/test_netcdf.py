"""fields.nc, read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray

from pulposus.report import RunRecord, write_netcdf
from pulposus.report._fields import all_fields


def test_round_trip(run_record: RunRecord, tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "fields.nc", run_record)
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        dataset.load()
    assert dataset.attrs["Conventions"] == "CF-1.11"
    assert list(dataset["run"].to_numpy()) == ["with_cells", "without_cells"]
    for info in all_fields(run_record.trajectory):
        both = dataset[info.key]
        assert both.dims == ("run", "time", "column", "level")
        assert both.attrs["units"] == info.udunits
        assert both.attrs["long_name"] == info.label
        np.testing.assert_array_equal(both.sel(run="with_cells"), run_record.trajectory[info.key])
        np.testing.assert_array_equal(both.sel(run="without_cells"), run_record.sham[info.key])
    np.testing.assert_array_equal(dataset["time"], run_record.trajectory["time"])
    assert dataset["time"].attrs["units"] == "day"
    np.testing.assert_array_equal(np.stack([dataset[axis] for axis in "xyz"], axis=-1), run_record.disc.coordinates)
    np.testing.assert_array_equal(dataset["tissue"], run_record.disc.tissue_of_element)
    assert dataset["tissue"].attrs["flag_meanings"].split()[1] == "nucleus_pulposus"
    np.testing.assert_array_equal(dataset["quads"], run_record.disc.topology.quads)


def test_reduced_run(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    run = synthetic.reduced()
    with xarray.open_dataset(write_netcdf(tmp_path / "fields.nc", run), engine="h5netcdf") as dataset:
        np.testing.assert_array_equal(dataset["z"], run.trajectory["z"])
        assert dataset["volume"].attrs["units"] == "mm3"
        assert "tissue" not in dataset


def test_runs_stored_at_different_times_are_refused(run_record: RunRecord, tmp_path: Path) -> None:
    shifted = replace(run_record, sham=run_record.sham.assign_coords(time=run_record.sham["time"] + 1.0))
    with pytest.raises(ValueError, match="same times"):
        write_netcdf(tmp_path / "fields.nc", shifted)
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_a_matrix(living_record: RunRecord, tmp_path: Path) -> None:
    with xarray.open_dataset(write_netcdf(tmp_path / "fields.nc", living_record), engine="h5netcdf") as dataset:
        dataset.load()
    assert list(dataset["run"].to_numpy()) == ["with_cells", "without_cells", "native_course"]
    charge = dataset["fixed_charge_density"]
    assert (charge.dtype, charge.attrs["units"]) == (np.float32, "mmol mL-1")
    assert living_record.native_course is not None
    both = (living_record.native_course["aggrecan"] + living_record.native_course["fragments"]).to_numpy()
    # Single precision.
    np.testing.assert_allclose(dataset["glycosaminoglycan"].sel(run="native_course"), both, rtol=6e-8)
    assert dataset["oxygen"].dtype == np.float64


def test_a_native_course_at_other_times_is_refused(living_record: RunRecord, tmp_path: Path) -> None:
    assert living_record.native_course is not None
    late = replace(living_record, native_course=living_record.native_course.isel(time=slice(1, None)))
    with pytest.raises(ValueError, match="same times"):
        write_netcdf(tmp_path / "fields.nc", late)
