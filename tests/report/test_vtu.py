"""Files for ParaView, read back by VTK itself."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report import RunRecord, write_time_series, write_vtu
from pulposus.report._geometry import all_hexahedra, disc_regions, occupied

vtk = pytest.importorskip("vtk", reason="the optional extra viz is not installed")


def read(path: Path):
    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    return reader.GetOutput()


def array(data, name: str) -> np.ndarray:
    from vtk.util.numpy_support import vtk_to_numpy

    found = data.GetArray(name)
    assert found is not None, name
    return vtk_to_numpy(found)


def test_points_cells_fields_and_tissue(run_record: RunRecord, tmp_path: Path) -> None:
    from vtk.util.numpy_support import vtk_to_numpy

    grid = read(write_vtu(tmp_path / "disc.vtu", run_record, 3))
    topology = run_record.disc.topology
    np.testing.assert_array_equal(
        vtk_to_numpy(grid.GetPoints().GetData()), np.asarray(run_record.disc.coordinates).reshape(-1, 3)
    )
    cells = vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(-1, 8)
    np.testing.assert_array_equal(cells, all_hexahedra(topology).reshape(-1, 8))
    assert set(vtk_to_numpy(grid.GetCellTypes() if hasattr(grid, "GetCellTypes") else grid.GetCellTypesArray())) == {
        vtk.VTK_HEXAHEDRON
    }
    np.testing.assert_array_equal(array(grid.GetCellData(), "tissue"), run_record.disc.tissue_of_element.ravel())
    for name, data, key in (
        ("oxygen_kPa", run_record.trajectory, "oxygen"),
        ("pH", run_record.trajectory, "pH"),
        ("free_million_per_mL", run_record.trajectory, "free"),
        ("without_cells_glucose_mM", run_record.sham, "glucose"),
    ):
        np.testing.assert_array_equal(
            array(grid.GetPointData(), name), data[key].to_numpy()[3].ravel().astype(np.float32)
        )
    donor = sum(run_record.trajectory[key].to_numpy()[3] for key in ("free", "attached", "differentiated"))
    np.testing.assert_array_equal(
        array(grid.GetPointData(), "donor_million_per_mL"), np.ravel(donor).astype(np.float32)
    )


def test_orientation_is_that_of_vtk(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    """VTK's own cell volumes are positive only for the right corner order."""
    run = synthetic.record()
    sizes = vtk.vtkCellSizeFilter()
    sizes.SetInputData(read(write_vtu(tmp_path / "disc.vtu", run, 0)))
    sizes.Update()
    volumes = array(sizes.GetOutput().GetCellData(), "Volume")
    assert volumes.min() > 0.0
    whole, _ = disc_regions(run.disc)
    # Straight prisms: tetrahedra of VTK and our quadrature give the same volume up to the float64 arithmetic of 5,000 cells.
    assert volumes.sum() == pytest.approx(whole.volumes.sum(), rel=1e-9)


def test_void_is_left_out(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    disc = synthetic.cylinder("coarse", void_beside_endplate=True)
    grid = read(write_vtu(tmp_path / "disc.vtu", synthetic.record(disc=disc), 0))
    mask = occupied(disc)
    assert grid.GetNumberOfCells() == mask.sum() < mask.size
    assert grid.GetNumberOfPoints() == len(np.unique(all_hexahedra(disc.topology)[mask]))
    assert array(grid.GetCellData(), "tissue").min() == 0


def test_time_series_in_days(run_record: RunRecord, tmp_path: Path, synthetic: SimpleNamespace) -> None:
    files = write_time_series(tmp_path, run_record)
    assert files[-1] == tmp_path / "fields.pvd"
    sets = ElementTree.parse(files[-1]).getroot().findall("Collection/DataSet")
    assert [float(one.attrib["timestep"]) for one in sets] == list(synthetic.times)
    assert all((tmp_path / one.attrib["file"]).is_file() for one in sets)
    last = read(tmp_path / sets[-1].attrib["file"])
    expected = run_record.trajectory["oxygen"].to_numpy()[-1].ravel().astype(np.float32)
    np.testing.assert_array_equal(array(last.GetPointData(), "oxygen_kPa"), expected)


def test_a_run_with_a_matrix(living_record: RunRecord, tmp_path: Path) -> None:
    data = read(write_vtu(tmp_path / "disc.vtu", living_record, 2)).GetPointData()
    both = [
        (source["aggrecan"] + source["fragments"]).to_numpy()[2].ravel().astype(np.float32)
        for source in (living_record.trajectory, living_record.sham)
    ]
    np.testing.assert_array_equal(array(data, "glycosaminoglycan_mg_per_mL"), both[0])
    np.testing.assert_array_equal(array(data, "without_cells_glycosaminoglycan_mg_per_mL"), both[1])
    np.testing.assert_array_equal(
        array(data, "growth_factor_ng_per_mL"), np.zeros(data.GetArray("cytokine").GetNumberOfTuples(), np.float32)
    )
