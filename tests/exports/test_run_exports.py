"""Every format of a run, read back by another program or from its plain text."""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.exports import RUN_FORMATS, StoredRun, export_run, open_run
from pulposus.exports._nifti import ImageTarget
from pulposus.exports._run import default_path
from pulposus.exports._stored import parse_moment
from pulposus.parameters import load_parameters

Oxygen = Callable[[np.ndarray, float], np.ndarray]
# Fields of files for pictures are written in single precision: 2^-24 of a value near 2.
SINGLE = 1.5e-7


@pytest.fixture
def run(run_folder: Path) -> StoredRun:
    return open_run(run_folder)


@pytest.fixture
def sham(run_folder: Path) -> StoredRun:
    return open_run(run_folder, "without_cells")


def test_the_stored_run_is_the_one_that_was_written(run: StoredRun, disc: Disc, oxygen: Oxygen) -> None:
    np.testing.assert_array_equal(run.mesh.points, np.asarray(disc.coordinates).reshape(-1, 3))
    np.testing.assert_array_equal(run.values("oxygen", 2), oxygen(np.asarray(disc.coordinates), 182.625))
    np.testing.assert_array_equal(run.values("donor", 0), run.values("free", 0) + run.values("attached", 0) + 0.18)
    assert run.disc == "human/L4-L5/grade3"
    assert {"T2", "donor", "glycosaminoglycan"} < set(run.fields)


def test_t2_is_that_of_the_matrix_room_and_dark_in_the_endplates(run: StoredRun) -> None:
    t2, water = run.values("T2", 0), run.values("water_fraction", 0)
    column, level = 0, run.data.sizes["level"] // 2
    solid = 1.43 * (1.0 - water[column, level]) / water[column, level]
    # mechanics_imaging 4.1 in the nucleus.
    assert t2[column, level] == pytest.approx(1000.0 / (83.8 * solid**1.967), rel=1e-6)
    # The cartilage endplate is a dark line, below 12 ms by mechanics_imaging 4.1.
    assert t2[column, 0] == load_parameters().value("imaging.t2.endplate") < 12.0
    assert np.isfinite(t2).all()


def test_xdmf_is_read_by_meshio(run: StoredRun, tmp_path: Path, oxygen: Oxygen) -> None:
    meshio = pytest.importorskip("meshio")
    written = export_run(run, "xdmf", tmp_path / "run.xdmf", names=["oxygen", "donor"])
    assert [file.name for file in written.files] == ["run.xdmf", "run.h5"]
    with meshio.xdmf.TimeSeriesReader(tmp_path / "run.xdmf") as reader:
        points, cells = reader.read_points_cells()
        np.testing.assert_array_equal(points, run.mesh.points)
        np.testing.assert_array_equal(cells[0].data, run.mesh.hexahedra)
        assert reader.num_steps == 4
        for index, day in enumerate(run.times):
            time, point_data, cell_data = reader.read_data(index)
            assert time == day
            np.testing.assert_allclose(point_data["oxygen_kPa"], oxygen(points, day), rtol=SINGLE)
            np.testing.assert_array_equal(cell_data["tissue"][0], run.mesh.tissue)
            assert set(point_data) == {"oxygen_kPa", "donor_million_per_mL"}


def test_vtu_is_read_by_vtk(run: StoredRun, tmp_path: Path, oxygen: Oxygen) -> None:
    vtk = pytest.importorskip("vtk", reason="the optional extra viz is not installed")
    from vtk.util.numpy_support import vtk_to_numpy

    written = export_run(run, "vtu", tmp_path, names=["oxygen", "T2"])
    entries = ElementTree.parse(written.files[0]).getroot().findall("Collection/DataSet")
    assert [float(entry.attrib["timestep"]) for entry in entries] == list(run.times)
    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(tmp_path / entries[-1].attrib["file"]))
    reader.Update()
    grid = reader.GetOutput()
    np.testing.assert_array_equal(vtk_to_numpy(grid.GetPoints().GetData()), run.mesh.points)
    np.testing.assert_allclose(
        vtk_to_numpy(grid.GetPointData().GetArray("oxygen_kPa")), oxygen(run.mesh.points, 365.25), rtol=SINGLE
    )
    np.testing.assert_array_equal(vtk_to_numpy(grid.GetCellData().GetArray("tissue")), run.mesh.tissue)
    assert (vtk_to_numpy(grid.GetPointData().GetArray("T2_ms")) > 0.0).all()


def test_one_vtu_file_holds_one_time(run: StoredRun, tmp_path: Path) -> None:
    written = export_run(run, "vtu", tmp_path / "one.vtu", day=365.25, names=["pH"])
    assert written.files == [tmp_path / "one.vtu"]
    assert written.times == [365.25]
    with pytest.raises(InvalidInput, match="one time"):
        export_run(run, "vtu", tmp_path / "two.vtu", names=["pH"])


def test_nifti_lies_in_the_frame_of_the_disc(run: StoredRun, tmp_path: Path, oxygen: Oxygen) -> None:
    nibabel = pytest.importorskip("nibabel")
    written = export_run(run, "nifti", tmp_path, day=180.0)
    assert written.times == [182.625]
    assert [info.key for info in written.fields] == [
        "oxygen", "glucose", "lactate", "pH", "native", "donor", "glycosaminoglycan", "T2",
    ]  # fmt: skip
    image, tissue = (nibabel.load(tmp_path / f"{name}.nii.gz") for name in ("oxygen_kPa", "tissue"))
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (2, 0)
    inside = np.asarray(tissue.dataobj) > 0
    places = np.argwhere(inside) @ image.affine[:3, :3].T + image.affine[:3, 3]
    np.testing.assert_allclose(image.get_fdata()[inside], oxygen(places, 182.625), rtol=SINGLE)
    assert not image.get_fdata()[~inside].any()
    facts = json.loads((tmp_path / "oxygen_kPa.json").read_text())
    assert (facts["unit"], facts["time_day"], facts["simulated"]) == ("kPa", 182.625, True)
    np.testing.assert_allclose(facts["affine"], image.affine)
    relaxation = nibabel.load(tmp_path / "T2_ms.nii.gz").get_fdata()
    assert (relaxation[inside] > 0.0).all()


def test_nifti_on_the_image_of_a_patient(run: StoredRun, tmp_path: Path, oxygen: Oxygen) -> None:
    """The fields of a disc that lies tilted in a patient, on oblique thick slices: exact at every voxel inside."""
    nibabel = pytest.importorskip("nibabel")
    from pulposus.images import Frame

    tilt, turn = np.radians(25.0), np.radians(10.0)
    pitch = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    yaw = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    frame = Frame(origin=np.array([3.0, -40.0, 612.0]), axes=(pitch @ yaw).T)
    affine = np.array([[0.0, 0.0, 4.4, -40.0], [-0.9, 0.1, 0.0, 0.0], [0.1, -0.9, 0.0, 650.0], [0, 0, 0, 1]])
    nibabel.Nifti1Image(np.zeros((90, 90, 20), np.uint8), affine).to_filename(tmp_path / "scan.nii.gz")
    target = ImageTarget(frame=frame, like=tmp_path / "scan.nii.gz")
    written = export_run(run, "nifti", tmp_path / "out", names=["oxygen"], target=target)
    image = nibabel.load(tmp_path / "out" / "oxygen_kPa.nii.gz")
    assert (image.shape, int(image.header["sform_code"])) == ((90, 90, 20), 1)
    # A NIfTI header holds its affine in single precision: 650 mm to 4e-5.
    np.testing.assert_allclose(image.affine, affine, atol=5e-5)
    inside = np.asarray(nibabel.load(tmp_path / "out" / "tissue.nii.gz").dataobj) > 0
    assert inside.sum() == written.facts["voxels_inside"] > 1000
    places = frame.to_disc(np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3])
    np.testing.assert_allclose(image.get_fdata()[inside], oxygen(places, 365.25), rtol=SINGLE)
    assert written.facts["space"] == "patient"


def test_nifti_needs_a_patient_and_an_overlap_for_an_image(run: StoredRun, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    from pulposus.images import Frame

    nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)).to_filename(tmp_path / "scan.nii.gz")
    nibabel.Nifti1Image(np.zeros((4, 4), np.uint8), np.eye(4)).to_filename(tmp_path / "flat.nii.gz")
    with pytest.raises(InvalidInput, match="no place in a patient"):
        export_run(run, "nifti", tmp_path / "a", target=ImageTarget(like=tmp_path / "scan.nii.gz"))
    frame = Frame(origin=np.array([900.0, 0.0, 0.0]), axes=np.eye(3))
    with pytest.raises(InvalidInput, match="no voxel"):
        export_run(run, "nifti", tmp_path / "a", target=ImageTarget(frame=frame, like=tmp_path / "scan.nii.gz"))
    with pytest.raises(InvalidInput, match="no usable grid"):
        export_run(run, "nifti", tmp_path / "a", target=ImageTarget(frame=frame, like=tmp_path / "flat.nii.gz"))
    (tmp_path / "text.nii.gz").write_text("no image")
    with pytest.raises(InvalidInput, match="cannot read"):
        export_run(run, "nifti", tmp_path / "a", target=ImageTarget(frame=frame, like=tmp_path / "text.nii.gz"))
    with pytest.raises(InvalidInput, match="no voxel"):
        halfway = Frame(origin=np.full(3, 250.0), axes=np.eye(3))
        export_run(run, "nifti", tmp_path / "a", target=ImageTarget(frame=halfway, voxel=500.0))
    assert not (tmp_path / "a").exists()


def test_abaqus_is_read_by_meshio(run: StoredRun, tmp_path: Path) -> None:
    meshio = pytest.importorskip("meshio")
    written = export_run(run, "abaqus", tmp_path / "disc.inp")
    read = meshio.read(tmp_path / "disc.inp")
    np.testing.assert_array_equal(read.points, run.mesh.points)
    found = {}
    for block in read.cells:
        assert block.type == "hexahedron"
    tissue = np.concatenate([np.full(len(block.data), number) for number, block in enumerate(read.cells)])
    cells = np.concatenate([block.data for block in read.cells])
    for number, name in enumerate(("nucleus", "annulus", "endplate")):
        found[name] = cells[tissue == number]
        np.testing.assert_array_equal(found[name], run.mesh.hexahedra[run.mesh.tissue == number])
    for name in run.mesh.surfaces:
        np.testing.assert_array_equal(np.sort(read.point_sets[name]), run.mesh.surface_nodes(name))
    text = (tmp_path / "disc.inp").read_text()
    assert "*Surface, type=ELEMENT, name=endplate_superior_surface\nendplate_superior_S2, S2\n" in text
    assert max(line.count(",") for line in text.splitlines()) <= 15
    assert written.fields == []


def test_febio_parts_surfaces_materials_and_data(run: StoredRun, tmp_path: Path) -> None:
    written = export_run(run, "febio", tmp_path / "disc.feb", names=["fixed_charge_density", "oxygen"])
    root = ElementTree.parse(written.files[0]).getroot()
    assert root.attrib == {"version": "4.0"}
    points = np.array([[float(part) for part in node.text.split(",")] for node in root.iterfind("Mesh/Nodes/node")])
    np.testing.assert_array_equal(points, run.mesh.points)
    parts = {part.attrib["name"]: part for part in root.iterfind("Mesh/Elements")}
    for code, name in enumerate(("nucleus", "annulus", "endplate")):
        nodes = np.array([[int(number) - 1 for number in element.text.split(",")] for element in parts[name]])
        np.testing.assert_array_equal(nodes, run.mesh.hexahedra[run.mesh.tissue == code])
    for surface in root.iterfind("Mesh/Surface"):
        nodes = np.array([[int(number) - 1 for number in face.text.split(",")] for face in surface])
        np.testing.assert_array_equal(nodes, run.mesh.surfaces[surface.attrib["name"]].nodes)
    domains = {one.attrib["name"]: one.attrib["mat"] for one in root.iterfind("MeshDomains/SolidDomain")}
    materials = {one.attrib["name"]: one for one in root.iterfind("Material/material")}
    assert set(domains) == set(parts) and set(domains.values()) == set(materials)
    table = next(one for one in root.iterfind("MeshData/ElementData") if one.attrib["name"] == "oxygen_kPa_nucleus")
    values = np.array([float(entry.text) for entry in table])
    expected = run.mesh.at_nodes(run.values("oxygen", 3))[run.mesh.hexahedra[run.mesh.tissue == 0]].mean(axis=1)
    np.testing.assert_array_equal(values, expected)
    assert [int(entry.attrib["lid"]) for entry in table] == list(range(1, len(values) + 1))


def test_febio_swells_as_the_mechanics_room(run: StoredRun, tmp_path: Path) -> None:
    """FEBio's law with the numbers of the file gives the osmotic pressure of this program; E and nu give mu and K back."""
    from pulposus.mechanics import Donnan
    from pulposus.parameters import load_parameters

    parameters = load_parameters()
    root = ElementTree.parse(export_run(run, "febio", tmp_path / "disc.feb").files[0]).getroot()
    number = lambda parent, tag: float(parent.find(tag).text)  # noqa: E731
    gas, kelvin = number(root, "Globals/Constants/R"), number(root, "Globals/Constants/T")
    for material in root.iterfind("Material/material"):
        matrix, swelling = material.findall("solid")
        water, charge, bath, phi = (number(swelling, tag) for tag in ("phiw0", "cF0", "bosm", "Phi"))
        ours = Donnan.from_parameters(parameters, 1e-3 * charge, 1.0 - water, phi)
        for volume in (0.8, 1.0, 1.2):
            c = water * charge / (volume - 1.0 + water)
            pressure = phi * gas * kelvin * (np.sqrt(c**2 + bath**2) - bath)
            # The constants are written with all their digits.
            assert pressure == pytest.approx(float(ours.pressure(jnp.asarray(volume))), rel=1e-12)
        young, poisson = number(matrix, "E"), number(matrix, "v")
        assert 0.0 < poisson < 0.5
        name = material.attrib["name"]
        key = "mechanics.shear_modulus.endplate" if name == "endplate" else f"grades.shear_modulus.{name}.III"
        assert young / (2.0 * (1.0 + poisson)) == pytest.approx(parameters.value(key), rel=1e-12)
    # The nucleus takes the mean charge of the run, 0.2 mEq/mL in a disc that is symmetric in x.
    nucleus = root.find("Material/material[@name='nucleus']")
    assert number(nucleus.findall("solid")[1], "cF0") == pytest.approx(200.0, rel=1e-3)


def test_csv_reads_back_exactly(sham: StoredRun, tmp_path: Path) -> None:
    export_run(sham, "csv", tmp_path / "run.csv", names=["oxygen", "T2"])
    with (tmp_path / "run.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    count = len(sham.mesh.points)
    assert len(rows) == 4 * count
    assert list(rows[0]) == ["time_day", "run", "node", "x_mm", "y_mm", "z_mm", "tissue", "oxygen_kPa", "T2_ms"]
    assert {row["run"] for row in rows} == {"without_cells"}
    last = rows[3 * count :]
    assert [float(row["oxygen_kPa"]) for row in last] == sham.mesh.at_nodes(sham.values("oxygen", 3)).tolist()
    assert [float(row["y_mm"]) for row in last] == sham.mesh.points[:, 1].tolist()
    dark = [row for row in last if row["tissue"] == "endplate"]
    assert {float(row["T2_ms"]) for row in dark} == {load_parameters().value("imaging.t2.endplate")}
    assert "nucleus+annulus" in {row["tissue"] for row in last}


def test_csv_of_one_column(slab_folder: Path, tmp_path: Path) -> None:
    run = open_run(slab_folder)
    export_run(run, "csv", tmp_path / "run.csv", day=365.25, names=["oxygen"])
    with (tmp_path / "run.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    assert list(rows[0]) == ["time_day", "run", "node", "z_mm", "volume_mm3", "oxygen_kPa"]
    assert [float(row["oxygen_kPa"]) for row in rows] == run.values("oxygen", 3)[0].tolist()
    assert "T2" not in run.fields
    for to in ("vtu", "xdmf", "nifti", "febio", "abaqus"):
        with pytest.raises(InvalidInput, match="no mesh"):
            export_run(run, to, tmp_path / to)


def test_netcdf_is_a_copy_or_a_part(run: StoredRun, run_folder: Path, tmp_path: Path) -> None:
    whole = export_run(run, "netcdf", tmp_path / "all.nc")
    assert whole.facts == {"copy": True}
    assert (tmp_path / "all.nc").read_bytes() == (run_folder / "fields.nc").read_bytes()
    export_run(run, "netcdf", tmp_path / "part.nc", day=7.0, names=["oxygen", "T2"])
    with xarray.open_dataset(tmp_path / "part.nc", engine="h5netcdf", decode_times=False) as part:
        assert part["oxygen"].dims == ("time", "column", "level")
        np.testing.assert_array_equal(part["oxygen"][0], run.values("oxygen", 1))
        np.testing.assert_array_equal(part["T2"][0], run.values("T2", 1))
        np.testing.assert_array_equal(part["quads"], run.data["quads"])
        assert (part.attrs["course"], part["oxygen"].attrs["units"]) == ("with_cells", "kPa")


@pytest.mark.parametrize(
    ("text", "day"), [("12mo", 365.25), ("12 month", 365.25), ("1y", 365.25), ("6wk", 42.0), ("3 d", 3.0), ("0d", 0.0)]
)
def test_times_as_people_write_them(text: str, day: float) -> None:
    assert parse_moment(text, "option --time") == day


@pytest.mark.parametrize("text", ["12", "mo", "12 kg", "", "1e999 d"])
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_moment(text, "option --time")


def test_what_a_run_does_not_hold(run: StoredRun, tmp_path: Path, run_folder: Path) -> None:
    with pytest.raises(InvalidInput, match="no time 400 day"):
        export_run(run, "csv", tmp_path / "x.csv", day=400.0)
    with pytest.raises(InvalidInput, match="oxigen") as caught:
        export_run(run, "csv", tmp_path / "x.csv", names=["oxigen"])
    assert "oxygen" in caught.value.remedy
    with pytest.raises(InvalidInput, match="unknown format"):
        export_run(run, "xlsx", tmp_path / "x")
    with pytest.raises(InvalidInput, match="mesh only"):
        export_run(run, "abaqus", tmp_path / "x.inp", names=["oxygen"])
    with pytest.raises(InvalidInput, match="course"):
        open_run(run_folder, "native_course")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_not_there_or_not_whole(make_run: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a run directory"):
        open_run(tmp_path)
    half = make_run(tmp_path / "half", finished=False)
    with pytest.raises(InvalidInput, match="not finished"):
        open_run(half)
    broken = make_run(tmp_path / "broken")
    (broken / "fields.nc").write_bytes(struct.pack("<q", 0x1234) * 100)
    with pytest.raises(InvalidInput, match="cannot read"):
        open_run(broken)


def test_places_of_exports(run: StoredRun, run_folder: Path, tmp_path: Path) -> None:
    assert default_path(run, "xdmf") == run_folder / "exports" / "xdmf.xdmf"
    assert set(RUN_FORMATS) == {"vtu", "xdmf", "nifti", "febio", "abaqus", "csv", "netcdf"}
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        export_run(run, "csv", tmp_path / "file" / "x.csv", names=["oxygen"])


def test_without_the_packages_of_images(run: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from pulposus.errors import MissingPart

    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(MissingPart, match="nibabel") as caught:
        export_run(run, "nifti", tmp_path / "a")
    assert "pip install nibabel" in caught.value.remedy
    assert not (tmp_path / "a").exists()


def test_febio_of_a_disc_without_endplates(run: StoredRun) -> None:
    """A tissue that the mesh does not have keeps the constants of its grade."""
    from dataclasses import replace as changed

    from pulposus.exports._febio import TissueConstants
    from pulposus.exports._run import _as_run

    tissue = TissueConstants(0.1, 0.2, 0.7, 0.2, 1.0)
    bare = StoredRun(run.path, run.course, run.data)
    bare.__dict__["mesh"] = changed(run.mesh, tissue=np.zeros_like(run.mesh.tissue))
    assert _as_run(tissue, bare, 2, 0) is tissue
    assert _as_run(tissue, bare, 0, 0).fixed_charge != tissue.fixed_charge
