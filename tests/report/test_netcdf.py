"""fields.nc, read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray

from pulposus.report import RunRecord, write_netcdf
from pulposus.report._fields import STORED


def test_round_trip(run_record: RunRecord, tmp_path: Path) -> None:
    path = write_netcdf(tmp_path / "fields.nc", run_record)
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        dataset.load()
    assert dataset.attrs["Conventions"] == "CF-1.11"
    assert list(dataset["run"].to_numpy()) == ["with_cells", "without_cells"]
    for info in STORED:
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
