"""The mesh as other programs hold it: orientation, tissues, closed and named surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc import Disc, load_disc, measure
from pulposus.exports._mesh import VolumeMesh, mesh_of_disc


@pytest.fixture(scope="module")
def mesh(disc: Disc) -> VolumeMesh:
    return mesh_of_disc(disc)


def areas(mesh: VolumeMesh, name: str) -> np.ndarray:
    """Area vectors of the faces of a surface (exact for bilinear faces)."""
    corners = mesh.points[mesh.surfaces[name].nodes]
    return 0.5 * np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])


def test_every_node_is_used_and_kept_in_place(mesh: VolumeMesh, disc: Disc) -> None:
    assert np.array_equal(np.unique(mesh.hexahedra), np.arange(len(mesh.points)))
    np.testing.assert_array_equal(mesh.points, np.asarray(disc.coordinates).reshape(-1, 3)[mesh.source])
    numbers = np.arange(disc.topology.nodes, dtype=float).reshape(disc.topology.columns, -1)
    np.testing.assert_array_equal(mesh.at_nodes(numbers), mesh.source)


def test_surfaces_close_and_point_outwards(mesh: VolumeMesh) -> None:
    vectors = {name: areas(mesh, name) for name in mesh.surfaces}
    total = np.sum([one.sum(axis=0) for one in vectors.values()], axis=0)
    # The area vectors of a closed surface add up to zero; 3,000 mm2 are summed in double precision.
    assert np.abs(total).max() < 1e-9
    assert vectors["endplate_superior"][:, 2].min() > 0.0 > vectors["endplate_inferior"][:, 2].max()
    assert vectors["rim_superior"][:, 2].min() > 0.0 > vectors["rim_inferior"][:, 2].max()


def test_divergence_theorem_gives_the_volume(mesh: VolumeMesh, disc: Disc) -> None:
    """One third of the flux of x through all surfaces is the volume."""
    flux = 0.0
    for name, surface in mesh.surfaces.items():
        flux += float((mesh.points[surface.nodes].mean(axis=1) * areas(mesh, name)).sum())
    # The midpoint rule on a face that is not flat leaves a term of second order in its warp: parts in a thousand on this mesh.
    assert flux / 3.0 == pytest.approx(1e3 * measure(disc).volume, rel=2e-3)


def test_tissues_and_owners(mesh: VolumeMesh) -> None:
    assert set(mesh.surfaces) == {
        "endplate_superior",
        "endplate_inferior",
        "rim_superior",
        "rim_inferior",
        "outer_annulus",
    }
    assert set(mesh.tissue[mesh.surfaces["endplate_superior"].elements]) == {2}
    assert set(mesh.tissue[mesh.surfaces["outer_annulus"].elements]) == {1}
    for surface in mesh.surfaces.values():
        owners = mesh.hexahedra[surface.elements]
        assert all(set(face) <= set(owner) for face, owner in zip(surface.nodes, owners, strict=True))


def test_a_cylinder_without_plates_is_fed_through_its_whole_faces(tmp_path) -> None:
    text = "{kind: elliptic-cylinder, half_width: 20 mm, half_depth: 15 mm, height: 10 mm, nucleus_area_fraction: 0.4}"
    path = tmp_path / "cylinder.yaml"
    path.write_text(f"schema_version: 1\nname: cylinder\nshape: {text}\n")
    mesh = mesh_of_disc(load_disc(path, "coarse"))
    assert set(mesh.surfaces) == {"endplate_superior", "endplate_inferior", "outer_annulus"}
    # Polygons of the area of their circles: exact.
    assert areas(mesh, "endplate_superior")[:, 2].sum() == pytest.approx(np.pi * 300.0, rel=1e-12)


def test_endplates_that_end_in_the_open(tmp_path) -> None:
    text = (
        "{kind: layered-cylinder, half_width: 20 mm, half_depth: 15 mm, nucleus_half_width: 12 mm, endplate_half_width: 16 mm,"
        " nucleus_height: 8 mm, endplate_thickness: 0.6 mm}"
    )
    path = tmp_path / "layered.yaml"
    path.write_text(f"schema_version: 1\nname: layered\nshape: {text}\n")
    disc = load_disc(path, "coarse")
    mesh = mesh_of_disc(disc)
    assert len(mesh.points) < disc.topology.nodes
    assert {"endplate_margin", "rim_superior"} < set(mesh.surfaces)
    assert set(mesh.tissue[mesh.surfaces["endplate_margin"].elements]) == {2}
    assert np.ptp(mesh.points[mesh.surface_nodes("rim_superior"), 2]) == pytest.approx(0.0, abs=1e-12)
