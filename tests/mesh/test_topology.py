"""Connectivity of the O-grid and its reference coordinates."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pulposus.mesh import axial_positions, reference_points, topology

RESOLUTIONS = ("coarse", "standard", "fine")
radii = st.tuples(st.floats(0.2, 0.85), st.floats(0.05, 0.9)).map(
    lambda pair: (pair[0], pair[0] + pair[1] * (0.98 - pair[0]))
)


def _cross(corners):
    """Cross product at every corner of quadrilaterals (quads, 4, 2): all positive in a convex, counter-clockwise one."""
    following = np.roll(corners, -1, axis=1) - corners
    previous = np.roll(corners, 1, axis=1) - corners
    return following[..., 0] * previous[..., 1] - following[..., 1] * previous[..., 0]


def _polygon_area(points):
    x, y = points.T
    return 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)


@pytest.mark.parametrize(("resolution", "nodes"), [("coarse", 5213), ("standard", 15249), ("fine", 150997)])
def test_numbers_of_nodes(resolution, nodes):
    """The meshes on which the peers were measured (performance 0): about 5,000, 15,000 and 150,000 nodes."""
    mesh = topology(resolution)
    assert mesh.nodes == mesh.columns * mesh.levels == nodes
    assert topology(resolution) is mesh  # static in compiled functions: compared by identity


def test_unknown_resolution():
    with pytest.raises(KeyError):
        topology("finest")


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_cross_section_is_a_disc(resolution):
    mesh = topology(resolution)
    edges = Counter(tuple(sorted(pair)) for quad in mesh.quads for pair in zip(quad, np.roll(quad, -1), strict=True))
    assert set(edges.values()) == {1, 2}
    border = {edge for edge, count in edges.items() if count == 1}
    assert border == {tuple(sorted(pair)) for pair in zip(mesh.rim, np.roll(mesh.rim, -1), strict=True)}
    assert mesh.columns - len(edges) + len(mesh.quads) == 1  # Euler characteristic: one piece, no hole
    assert set(mesh.quads.ravel()) == set(range(mesh.columns))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_neighbours_share_a_quadrilateral(resolution):
    mesh = topology(resolution)
    assert np.array_equal(mesh.neighbours[:, 0], np.arange(mesh.columns))
    sharing = [set() for _ in range(mesh.columns)]
    for quad in mesh.quads:
        for column in quad:
            sharing[column] |= set(quad)
    assert [set(row) for row in mesh.neighbours] == sharing
    for row in mesh.neighbours:  # every neighbour once, then padding with the column itself
        others = row[1:][row[1:] != row[0]]
        assert len(set(others)) == len(others)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_named_rings_and_regions(resolution):
    mesh = topology(resolution)
    points = reference_points(mesh, 0.6, 0.8)
    for ring, radius in ((mesh.nucleus_ring, 0.6), (mesh.endplate_ring, 0.8), (mesh.rim, 1.0)):
        distance = np.hypot(*points[ring].T)
        assert np.ptp(distance) < 1e-14  # rounding
        # The polygon has the area of the circle, counter-clockwise.
        assert _polygon_area(points[ring]) == pytest.approx(np.pi * radius**2, rel=1e-13)
    area = 0.5 * (_cross(points[mesh.quads])[:, 0] + _cross(points[mesh.quads])[:, 2])
    inside = [np.sum(area[mesh.quad_region <= region]) for region in range(3)]
    assert inside == pytest.approx([np.pi * 0.36, np.pi * 0.64, np.pi], rel=1e-12)


@given(radii)
def test_quadrilaterals_are_convex(pair):
    for resolution in RESOLUTIONS[:2]:
        mesh = topology(resolution)
        assert np.min(_cross(reference_points(mesh, *pair)[mesh.quads])) > 0.0


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_reference_mesh_is_mirror_symmetric(resolution):
    mesh = topology(resolution)
    points = reference_points(mesh, 0.6, 0.8)
    tree = cKDTree(points)
    for mirror in (np.array([-1.0, 1.0]), np.array([1.0, -1.0])):
        distance, partner = tree.query(points * mirror)
        assert np.max(distance) < 1e-14  # rounding
        assert len(set(partner)) == mesh.columns


@pytest.mark.parametrize("radii", [(0.8, 0.6), (0.0, 0.5), (0.5, 1.0), (0.6, 0.6)])
def test_radii_out_of_order(coarse, radii):
    with pytest.raises(ValueError, match="radii must satisfy"):
        reference_points(coarse, *radii)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_centre_node(resolution):
    mesh = topology(resolution)
    column, level = mesh.centre
    assert reference_points(mesh, 0.6, 0.8)[column] == pytest.approx([0.0, 0.0], abs=1e-15)
    assert axial_positions(mesh, 0.05)[column, level] == pytest.approx(0.0, abs=1e-15)


@given(st.floats(0.005, 0.3))
def test_axial_positions(share):
    for resolution in RESOLUTIONS:
        mesh = topology(resolution)
        positions = axial_positions(mesh, share)
        assert positions.shape == (mesh.columns, mesh.levels)
        line = positions[0]
        assert line[0] == -1.0
        assert line[-1] == 1.0
        assert np.all(np.diff(line) > 0.0)
        assert line == pytest.approx(-line[::-1], abs=1e-14)  # mirror symmetric
        plane = 1.0 - 2.0 * share
        plate = mesh.plan.plate
        assert line[plate] == pytest.approx(-plane, abs=1e-14)
        assert line[-1 - plate] == pytest.approx(plane, abs=1e-14)
        thickness = np.diff(line)[plate:-plate]
        half = len(thickness) // 2
        # A geometric series that would reach the grading at mid-height, half a layer beyond the last of this half.
        ratio = mesh.plan.grading ** (1.0 / (half - 0.5))
        assert thickness[1:half] / thickness[: half - 1] == pytest.approx(ratio)


def test_axial_positions_by_column(coarse):
    share = np.linspace(0.02, 0.2, coarse.columns)
    positions = axial_positions(coarse, share)
    assert positions[:, coarse.plan.plate] == pytest.approx(-(1.0 - 2.0 * share))
    assert positions[7] == pytest.approx(axial_positions(coarse, share[7])[0])
