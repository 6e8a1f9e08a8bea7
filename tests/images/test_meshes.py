"""Finite-element meshes: a disc of the program written as Abaqus, FEBio and VTU, read and fitted again."""

from __future__ import annotations

import meshio
import numpy as np
import pytest

from pulposus.disc import load_disc, measure
from pulposus.errors import InvalidInput
from pulposus.images import import_mesh, is_mesh
from pulposus.images._finite_elements import read_mesh


@pytest.fixture(scope="module")
def hexahedra():
    """Nodes and hexahedra of the generic disc on the coarse mesh, nucleus elements marked; and its measures."""
    disc = load_disc("human/L4-L5-generic", "coarse")
    mesh = disc.topology
    levels = mesh.levels
    points = np.asarray(disc.coordinates).reshape(-1, 3)
    cells = np.array(
        [
            [*(column * levels + layer for column in quad), *(column * levels + layer + 1 for column in quad)]
            for quad in mesh.quads
            for layer in range(levels - 1)
        ]
    )
    return points, cells, disc.tissue_of_element.ravel() == 0, measure(disc)


def write_abaqus(path, points, cells, nucleus):
    lines = ["*Heading", "** a comment", "*Node, nset=all"]
    lines += [f"{number + 10}, {x:.6f}, {y:.6f}, {z:.6f}" for number, (x, y, z) in enumerate(points)]
    lines += ["*Element, type=C3D8, elset=disc"]
    lines += [
        f"{number + 1}, "
        + ", ".join(str(node + 10) for node in cell[:4])
        + ",\n"
        + ", ".join(str(node + 10) for node in cell[4:])
        for number, cell in enumerate(cells)
    ]
    members = np.nonzero(nucleus)[0] + 1
    lines += ["*Elset, elset=NP"]
    lines += [", ".join(map(str, members[start : start + 8])) + "," for start in range(0, len(members), 8)]
    lines += [
        "*Elset, elset=first, generate",
        "1, 9, 2",
        "*Elset, elset=both",
        "NP, first",
        "*Material, name=x",
        "*Elastic",
        "1.0, 0.3",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_febio(path, points, cells, nucleus):
    lines = ['<?xml version="1.0"?>', '<febio_spec version="4.0"><Mesh><Nodes name="all">']
    lines += [f'<node id="{number + 1}">{x:.6f},{y:.6f},{z:.6f}</node>' for number, (x, y, z) in enumerate(points)]
    lines += ["</Nodes>"]
    for name, chosen in (("NP", nucleus), ("AF", ~nucleus)):
        lines += [f'<Elements type="hex8" name="{name}">']
        lines += [
            f'<elem id="{number + 1}">{",".join(str(node + 1) for node in cells[number])}</elem>'
            for number in np.nonzero(chosen)[0]
        ]
        lines += ["</Elements>"]
    path.write_text("\n".join([*lines, "</Mesh></febio_spec>"]), encoding="utf-8")
    return path


def write_vtu(path, points, cells, nucleus):
    meshio.Mesh(points, [("hexahedron", cells)], cell_data={"tissue": [np.where(nucleus, 0, 1)]}).write(path)
    return path


@pytest.mark.parametrize(
    ("ending", "write", "name"),
    [("inp", write_abaqus, "NP"), ("feb", write_febio, "NP"), ("vtu", write_vtu, "tissue=0")],
)
def test_a_mesh_of_a_disc_is_found_again(hexahedra, parameters, tmp_path, ending, write, name):
    points, cells, nucleus, truth = hexahedra
    path = write(tmp_path / f"disc.{ending}", points, cells, nucleus)
    assert is_mesh(path)
    found = import_mesh(path, "L4-L5", axes="RAS", nucleus_set=name, parameters=parameters)
    assert found.status == "accepted", found.refusals
    # Tolerances of mechanics_imaging 1.6 step 9: volume 1 %, nucleus fraction 0.01.
    assert found.mask_volume == pytest.approx(1e3 * truth.volume, rel=0.005)
    assert found.measurements.volume == pytest.approx(1e3 * truth.volume, rel=0.01)
    assert found.fit.nucleus.area_fraction == pytest.approx(truth.nucleus_area_fraction, abs=0.01)
    assert found.measurements.own_width == pytest.approx(truth.width, abs=0.3)  # half a column of the grid of 160
    assert found.measurements.own_depth == pytest.approx(truth.depth, abs=0.3)
    assert found.measurements.height_middle == pytest.approx(truth.central_height, abs=0.3)


def test_other_axes_and_metres(hexahedra, parameters, tmp_path):
    points, cells, nucleus, truth = hexahedra
    turned = np.stack([-points[:, 1], points[:, 2], -points[:, 0]], axis=1) / 1000.0  # posterior, superior, left
    path = write_vtu(tmp_path / "metre.vtu", turned, cells[:, [4, 5, 6, 7, 0, 1, 2, 3]], nucleus)
    with pytest.raises(InvalidInput, match="no human disc in mm"):
        import_mesh(path, "L4-L5", axes="PSL", parameters=parameters)
    found = import_mesh(path, "L4-L5", axes="PSL", scale="1000,1000,1000", parameters=parameters)
    assert found.measurements.volume == pytest.approx(1e3 * truth.volume, rel=0.01)
    assert found.frame.axes[2] @ np.array([0.0, 0.0, 1.0]) > 0.99


def test_a_mesh_says_neither_axes_nor_sets_for_itself(hexahedra, parameters, tmp_path):
    points, cells, nucleus, _ = hexahedra
    path = write_abaqus(tmp_path / "disc.inp", points, cells, nucleus)
    with pytest.raises(InvalidInput, match="where right, front and top are"):
        import_mesh(path, "L4-L5", parameters=parameters)
    with pytest.raises(InvalidInput, match='no element set "NQ"') as caught:
        import_mesh(path, "L4-L5", axes="RAS", nucleus_set="NQ", parameters=parameters)
    assert "NP" in caught.value.allowed
    with pytest.raises(InvalidInput, match="which is no nucleus"):
        import_mesh(path, "L4-L5", axes="RAS", nucleus_set="disc", parameters=parameters)


def test_sets_of_an_abaqus_file(hexahedra, tmp_path):
    points, cells, nucleus, _ = hexahedra
    mesh = read_mesh(write_abaqus(tmp_path / "disc.inp", points, cells, nucleus))
    assert mesh.sets["NP"] == frozenset((np.nonzero(nucleus)[0] + 1).tolist())
    assert mesh.sets["first"] == {1, 3, 5, 7, 9}
    assert mesh.sets["both"] == mesh.sets["NP"] | mesh.sets["first"]
    assert len(mesh.elements[8]) == len(cells)


def test_tetrahedra_have_a_closed_surface(tmp_path):
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    meshio.Mesh(points, [("tetra", np.array([[0, 1, 2, 3], [1, 2, 3, 4]]))]).write(tmp_path / "two.vtu")
    assert len(read_mesh(tmp_path / "two.vtu").triangles()) == 6  # eight faces, two of them shared


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.inp", "*Node\n1, 0, 0, 0\n*Element, type=S4\n1, 1, 1, 1, 1\n", "no solid elements"),
        ("b.inp", "*Node\n1, a, b, c\n", "cannot be read"),
        ("c.feb", "<febio_spec><Mesh>", "cannot be read"),
        ("d.feb", '<!DOCTYPE x [<!ENTITY a "b">]><febio_spec/>', "entities"),
        ("e.vtu", "nothing", "cannot be read"),
    ],
)
def test_damaged_meshes(tmp_path, name, content, words):
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=words):
        read_mesh(tmp_path / name)
    with pytest.raises(InvalidInput, match="does not exist"):
        read_mesh(tmp_path / "none.inp")
