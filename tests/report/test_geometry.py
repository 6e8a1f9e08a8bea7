"""Surfaces, sections and regions of the disc."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report._geometry import (
    all_hexahedra,
    boundary_faces,
    disc_regions,
    disc_surfaces,
    node_points,
    occupied,
    sagittal_columns,
)

PERIMETER = 32  # cells of a ring of the coarse mesh


def enclosed_volume(triangles: np.ndarray, points: np.ndarray) -> float:
    """Divergence theorem: a closed surface with outward normals encloses the sum of x . n dA / 3."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return float((a * np.cross(b, c)).sum() / 6.0)


@pytest.mark.parametrize("void", [False, True])
def test_views_are_closed_and_enclose_the_volume_of_their_part(void: bool, synthetic: SimpleNamespace) -> None:
    disc = synthetic.cylinder("coarse", void_beside_endplate=void)
    points = node_points(disc)
    whole, _ = disc_regions(disc)
    views = {view.key: view for view in disc_surfaces(disc)}
    volume = {key: enclosed_volume(view.triangles, points) for key, view in views.items()}
    # Straight prisms: triangulated and trilinear volumes are the same, so only rounding remains.
    assert volume["whole"] == pytest.approx(whole.volumes.sum(), rel=1e-12)
    assert volume["sagittal"] == pytest.approx(0.5 * volume["whole"], rel=1e-12)
    assert volume["transverse"] == pytest.approx(0.5 * volume["whole"], rel=1e-12)
    for view in views.values():
        edges = np.sort(np.stack([view.faces, np.roll(view.faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
        _, count = np.unique(edges, axis=0, return_counts=True)
        assert set(count) <= {2, 4}, "an open edge"


def test_boundary_of_two_elements_leaves_out_their_common_face(synthetic: SimpleNamespace) -> None:
    mesh = synthetic.cylinder("coarse").topology
    pair = all_hexahedra(mesh)[0, :2]
    faces, owner = boundary_faces(pair)
    assert faces.shape == (10, 4)
    assert sorted(np.bincount(owner)) == [5, 5]


def test_lines_mark_tissues_and_sharp_edges(synthetic: SimpleNamespace) -> None:
    whole, sagittal, _ = disc_surfaces(synthetic.cylinder("coarse"))
    # Outer disc: the rim of both faces and the ring of both cartilage endplates; nothing on the smooth side.
    assert len(whole.lines) == 4 * PERIMETER
    points = node_points(synthetic.cylinder("coarse"))
    inside = np.abs(points[sagittal.lines][..., 0]).max(axis=1) < 1e-9
    across = np.abs(points[sagittal.lines][..., 2]).max(axis=1) < 0.3 * synthetic.height
    assert np.any(inside & across), "the border of the nucleus is missing on the cut"


def test_sagittal_columns_run_from_back_to_front_on_the_mid_plane(synthetic: SimpleNamespace) -> None:
    disc = synthetic.cylinder("coarse")
    line = sagittal_columns(disc.topology)
    x, y, _ = np.moveaxis(np.asarray(disc.coordinates)[line, 0], -1, 0)
    assert np.abs(x).max() < 1e-9
    assert np.all(np.diff(y) > 0.0)
    everywhere = np.asarray(disc.coordinates)[:, 0, 1]
    assert (y[0], y[-1]) == (everywhere.min(), everywhere.max())


def test_regions_integrate_a_known_density(synthetic: SimpleNamespace) -> None:
    disc = synthetic.cylinder("coarse")
    whole, nucleus = disc_regions(disc)
    # Area of the polygon of the rim (shoelace formula): the section is the same at every height.
    x, y = np.asarray(disc.coordinates)[disc.topology.rim, 0, :2].T
    area = 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
    assert whole.volumes.sum() == pytest.approx(area * synthetic.height, rel=1e-12)
    assert 0.0 < nucleus.volumes.sum() < whole.volumes.sum()
    ones = np.ones((2, *whole.volumes.shape))
    np.testing.assert_allclose(whole.mean(ones), 1.0, rtol=1e-14)
    # One million per mL in a volume of 1000 mm3 is a million cells.
    np.testing.assert_allclose(whole.cells(ones), whole.volumes.sum() / 1000.0 * 1e6, rtol=1e-12)


def test_extremes_ignore_nodes_of_void(synthetic: SimpleNamespace) -> None:
    disc = synthetic.cylinder("coarse", void_beside_endplate=True)
    whole, _ = disc_regions(disc)
    values = np.where(whole.volumes > 0.0, 1.0, -100.0)
    assert (values < 0.0).any()
    assert [float(bound) for bound in whole.extremes(values)] == [1.0, 1.0]
    assert occupied(disc).sum() < disc.tissue_of_element.size
