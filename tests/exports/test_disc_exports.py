"""Exports of a disc without a run."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pulposus.disc import Disc, measure
from pulposus.errors import InvalidInput
from pulposus.exports import DISC_FORMATS, export_disc
from pulposus.exports._disc import check_disc_format
from pulposus.exports._mesh import mesh_of_disc
from pulposus.exports._nifti import ImageTarget


@pytest.mark.parametrize("to", ["vtu", "abaqus", "febio"])
def test_the_mesh_survives_the_round_trip(disc: Disc, to: str, tmp_path: Path) -> None:
    path = tmp_path / f"disc{DISC_FORMATS[to][1]}"
    files, facts = export_disc(disc, to, path)
    mesh = mesh_of_disc(disc)
    assert files == [path]
    assert facts == {"nodes": 5213, "elements": 4608}
    if to == "febio":
        root = ElementTree.parse(path).getroot()
        points = [[float(part) for part in (node.text or "").split(",")] for node in root.iterfind("Mesh/Nodes/node")]
        assert root.find("MeshData") is None
    else:
        meshio = pytest.importorskip("meshio")
        points = (_vtk_points(path)) if to == "vtu" else meshio.read(path).points
    np.testing.assert_array_equal(points, mesh.points)


def _vtk_points(path: Path) -> np.ndarray:
    vtk = pytest.importorskip("vtk", reason="the optional extra viz is not installed")
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    return vtk_to_numpy(reader.GetOutput().GetPoints().GetData())


def test_the_mask_of_a_disc_in_a_patient(disc: Disc, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    from pulposus.images import Frame

    frame = Frame(origin=np.array([5.0, -30.0, 400.0]), axes=np.eye(3))
    _, facts = export_disc(disc, "nifti-mask", tmp_path / "mask.nii.gz", ImageTarget(frame=frame))
    image = nibabel.load(tmp_path / "mask.nii.gz")
    label = np.asarray(image.dataobj)
    assert set(np.unique(label)) == {0, 1, 2, 3}
    assert facts["space"] == "patient"
    # The layer of cut voxels errs with random sign: 0.5 % of some 100,000 voxels.
    assert facts["mask_volume_mm3"] == pytest.approx(1e3 * measure(disc).volume, rel=5e-3)
    places = np.argwhere(label > 0) @ image.affine[:3, :3].T + image.affine[:3, 3]
    assert abs(places[:, 0].mean() - 5.0) < 0.05
    assert abs(np.ptp(places[:, 2]) - np.ptp(mesh_of_disc(disc).points[:, 2])) < 1.0


def test_the_name_says_what_a_file_is() -> None:
    with pytest.raises(InvalidInput, match="unknown format") as caught:
        check_disc_format("nifti", Path("x.nii.gz"))
    assert "nifti-mask" in caught.value.remedy
    with pytest.raises(InvalidInput, match="not the name"):
        check_disc_format("febio", Path("x.inp"))


@pytest.mark.parametrize(
    ("to", "names"),
    [
        ("abaqus", ("nucleus", "annulus", "endplate")),
        ("febio", ("nucleus", "annulus", "endplate")),
        ("vtu", ("tissue=0", "tissue=1", "tissue=2")),
    ],
)
def test_our_own_importer_reads_mesh_and_tissues(disc: Disc, to: str, names: tuple[str, ...], tmp_path: Path) -> None:
    if to == "vtu":
        pytest.importorskip("meshio")
    from pulposus.images._finite_elements import read_mesh

    path = tmp_path / f"disc{DISC_FORMATS[to][1]}"
    export_disc(disc, to, path)
    mesh, read = mesh_of_disc(disc), read_mesh(path)
    corners = read.points[read.elements[8]]
    # Elements may come back in another order: each is known by its centre, which is written with all digits.
    order, expected = (np.lexsort(one.mean(axis=1).T) for one in (corners, mesh.points[mesh.hexahedra]))
    np.testing.assert_allclose(corners[order], mesh.points[mesh.hexahedra][expected], rtol=0.0, atol=1e-12)
    for code, name in enumerate(names):
        inside = np.isin(read.numbers[8], list(read.sets[name]))
        np.testing.assert_array_equal(inside[order], (mesh.tissue == code)[expected])


@pytest.mark.slow
@pytest.mark.parametrize(("to", "nucleus"), [("febio", "nucleus"), ("abaqus", "nucleus"), ("vtu", "tissue=0")])
def test_an_exported_disc_comes_back_as_the_same_disc(disc: Disc, to: str, nucleus: str, tmp_path: Path) -> None:
    if to == "vtu":
        pytest.importorskip("meshio")
    from pulposus.images._mesh_import import import_mesh

    path = tmp_path / f"disc{DISC_FORMATS[to][1]}"
    export_disc(disc, to, path)
    found = import_mesh(path, "L4-L5", axes="RAS", nucleus_set=nucleus)
    measures = measure(disc)
    # Tolerances of mechanics_imaging 1.6, step 9.
    assert found.status == "accepted"
    assert found.measurements.volume == pytest.approx(1e3 * measures.volume, rel=0.01)
    assert found.fit.nucleus.area_fraction == pytest.approx(measures.nucleus_area_fraction, abs=0.01)
