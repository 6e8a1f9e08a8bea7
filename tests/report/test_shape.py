"""A run with mechanics in its files: points of the present shape, displacement, volumes that cells are counted in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pulposus.report import RunRecord, write_vtu
from pulposus.report._fields import all_fields, displacement
from pulposus.report._images import _shape_words
from pulposus.report._netcdf import fields_dataset
from pulposus.report._runs import living_share
from pulposus.report._scene import build_scene
from pulposus.report._tables import write_timeseries
from pulposus.report._words import shape_note

SQUEEZE = 0.9


@pytest.fixture(scope="module")
def squeezed(run_record: RunRecord) -> RunRecord:
    """The synthetic run in a disc that lost a tenth of its height after the first stored time, with the cells that it had."""
    nodes = np.asarray(run_record.disc.coordinates)
    times = run_record.trajectory.sizes["time"]
    share = np.where(np.arange(times) > 0, SQUEEZE, 1.0)[:, None, None]
    dimensions = ("time", "column", "level")

    def moved(data):
        found = data.copy()
        for name in ("native", "senescent", "free", "attached", "differentiated", "dead"):
            found[name] = data[name] / share
        none = np.zeros(data["oxygen"].shape)
        found["displacement_right"] = (dimensions, none)
        found["displacement_anterior"] = (dimensions, none)
        found["displacement_cranial"] = (dimensions, (share - 1.0) * nodes[None, ..., 2])
        found["fibre_stretch"] = (dimensions, none + 1.04)
        found["volume_ratio"] = (dimensions, none + share)
        return found

    native = run_record.native_course
    return replace(
        run_record,
        trajectory=moved(run_record.trajectory),
        sham=moved(run_record.sham),
        native_course=None if native is None else moved(native),
    )


def test_cells_are_counted_in_the_volume_that_they_live_in(run_record: RunRecord, squeezed: RunRecord) -> None:
    """Nodes of a tenth less volume with a ninth more cells per volume hold the same number."""
    for one, other in zip(run_record.regions, squeezed.regions, strict=True):
        now = other.in_run(squeezed.trajectory)
        np.testing.assert_allclose(
            now.cells(squeezed.trajectory["native"].to_numpy()),
            one.cells(run_record.trajectory["native"].to_numpy()),
            rtol=1e-12,
        )
        # A uniform squeeze changes no mean and no extreme of a field.
        oxygen = run_record.trajectory["oxygen"].to_numpy()
        np.testing.assert_allclose(now.mean(oxygen), one.mean(oxygen), rtol=1e-12)
        np.testing.assert_array_equal(now.extremes(oxygen), one.extremes(oxygen))
    assert run_record.regions[0].in_run(run_record.trajectory) is run_record.regions[0]
    np.testing.assert_allclose(
        living_share(squeezed.regions[0], squeezed.trajectory),
        living_share(run_record.regions[0], run_record.trajectory),
        rtol=1e-12,
    )


def test_the_dots_of_the_3d_view_count_them_too(run_record: RunRecord, squeezed: RunRecord) -> None:
    before, after = (build_scene(one).description["anatomy"]["cells"]["totals"] for one in (run_record, squeezed))
    np.testing.assert_allclose(after, before, rtol=1e-3)  # four digits are written


def test_the_tables_hold_the_shape(squeezed: RunRecord, tmp_path: Path) -> None:
    text = write_timeseries(tmp_path / "t.csv", squeezed).read_text(encoding="utf-8")
    assert "with_cells,disc,fibre_stretch,mean,1.04" in text
    data = fields_dataset(squeezed)
    assert data["displacement_cranial"].attrs["units"] == "mm"
    assert data["volume_ratio"].dtype == np.float32
    assert {"displacement_right", "fibre_stretch", "volume_ratio"} <= {info.key for info in all_fields(data)}


def test_what_is_pictured_is_said(run_record: RunRecord, squeezed: RunRecord) -> None:
    assert "height stays that of the image" in _shape_words(run_record)
    assert "at that time" in _shape_words(squeezed)
    assert displacement(run_record.trajectory, 0) is None
    assert shape_note(run_record) == ""
    # Half the height of 10 mm, a tenth of it.
    assert "moves more than 0.500 mm" in shape_note(squeezed)


def test_vtk_shows_the_present_shape(squeezed: RunRecord, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk", reason="the optional extra viz is not installed")
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(write_vtu(tmp_path / "disc.vtu", squeezed, 3)))
    reader.Update()
    assert reader.GetErrorCode() == 0
    grid = reader.GetOutput()
    points = vtk_to_numpy(grid.GetPoints().GetData())
    nodes = np.asarray(squeezed.disc.coordinates).reshape(-1, 3)
    np.testing.assert_allclose(points, nodes * [1.0, 1.0, SQUEEZE], rtol=1e-12)
    moved = vtk_to_numpy(grid.GetPointData().GetArray("displacement_mm"))
    # The vector is kept in single precision.
    np.testing.assert_allclose(points - moved, nodes, atol=1e-6)
    names = {grid.GetPointData().GetArrayName(number) for number in range(grid.GetPointData().GetNumberOfArrays())}
    assert {"fibre_stretch", "volume_ratio", "without_cells_displacement_mm"} <= names
    assert not any(name.startswith("displacement_cranial") for name in names)
