"""The quadratic mesh: shape functions, connectivity, volumes, areas, and the order in which a solver takes the nodes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import (
    QuadraticMesh,
    axial_positions,
    block_lattice,
    block_mesh,
    quadratic_mesh,
    reference_points,
    topology,
)
from pulposus.mesh._quadratic import (
    CORNER_SHAPE,
    CORNER_SLOPE,
    FACE_CORNER_SHAPE,
    FACE_WEIGHTS,
    POINTS,
    SHAPE,
    SLOPE,
    WEIGHTS,
)
from pulposus.mesh._topology import PLANS, Plan

RADIUS, HEIGHT = 22.0, 10.0
RESOLUTIONS = ("mechanics", "mechanics-fine", "mechanics-cylinder", "mechanics-cylinder-coarse")


def cylinder(resolution: str) -> tuple[QuadraticMesh, np.ndarray]:
    lattice = topology(resolution)
    lateral = RADIUS * reference_points(lattice, 0.65, 0.8)
    axial = 0.5 * HEIGHT * axial_positions(lattice, 0.06 if lattice.plan.plate else 0.0)
    shape = (lattice.columns, lattice.levels, 2)
    return quadratic_mesh(lattice), np.concatenate(
        [np.broadcast_to(lateral[:, None], shape), np.broadcast_to(axial[..., None], (*shape[:2], 1))], axis=2
    )


def test_shape_functions_reproduce_quadratic_fields() -> None:
    """The 20 functions span all quadratics, so values and slopes of one are exact; 1e-13 is rounding."""
    mesh, lattice = cylinder("mechanics-cylinder-coarse")
    nodes = mesh.gather(jnp.asarray(lattice))[mesh.elements[0]]
    assert SHAPE.shape == (27, 20)
    assert nodes.shape == (20, 3)
    corners = np.array(
        [[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]]
    )
    pairs = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
    local = np.concatenate([corners, [(corners[a] + corners[b]) / 2 for a, b in pairs]])

    def field(at: np.ndarray) -> np.ndarray:
        x, y, z = at.T
        return 1.0 + 2.0 * x - y + 3.0 * x * y + x**2 - 2.0 * z**2 + x * y * z

    def slope(at: np.ndarray) -> np.ndarray:
        x, y, z = at.T
        return np.stack([2.0 + 3.0 * y + 2.0 * x + y * z, -1.0 + 3.0 * x + x * z, -4.0 * z + x * y], axis=1)

    np.testing.assert_allclose(SHAPE @ field(local), field(POINTS), atol=1e-13)
    np.testing.assert_allclose(np.einsum("par,a->pr", SLOPE, field(local)), slope(POINTS), atol=1e-13)
    np.testing.assert_allclose(CORNER_SHAPE @ corners[:, 0], POINTS[:, 0], atol=1e-14)
    np.testing.assert_allclose(
        np.einsum("pcr,c->pr", CORNER_SLOPE, corners[:, 2] * 1.0), np.tile([0, 0, 1.0], (27, 1)), atol=1e-14
    )
    np.testing.assert_allclose(FACE_CORNER_SHAPE.sum(axis=1), 1.0, atol=1e-14)
    assert WEIGHTS.sum() == pytest.approx(8.0, abs=1e-14)
    assert FACE_WEIGHTS.sum() == pytest.approx(4.0, abs=1e-14)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_cylinder_has_its_volume_and_faces(resolution: str) -> None:
    """A quadratic side leaves the circle by (pi / n)^4 / 30 or so: 8e-4 with 8 sides around, 5e-5 with 16."""
    mesh, lattice = cylinder(resolution)
    around = 2 * mesh.topology.plan.square
    tolerance = (np.pi / around) ** 4 / 30.0
    nodes = mesh.gather(jnp.asarray(lattice))
    _, volume = mesh.point_slopes(nodes)
    area = np.pi * RADIUS**2
    assert float(volume.min()) > 0.0
    assert float(volume.sum()) == pytest.approx(area * HEIGHT, rel=tolerance)
    for faces, expected in ((mesh.lower, area), (mesh.upper, area), (mesh.side, 2.0 * np.pi * RADIUS * HEIGHT)):
        assert float(faces.weights(nodes).sum()) == pytest.approx(expected, rel=tolerance)
    radius = np.linalg.norm(np.asarray(nodes)[mesh.side.nodes.ravel(), :2], axis=1)
    np.testing.assert_allclose(radius, RADIUS, rtol=1e-14)
    assert np.all(np.asarray(nodes)[mesh.upper.nodes.ravel(), 2] == pytest.approx(0.5 * HEIGHT))
    assert np.all(np.asarray(nodes)[mesh.lower.nodes.ravel(), 2] == pytest.approx(-0.5 * HEIGHT))


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_regions_follow_the_lattice(resolution: str) -> None:
    """The nucleus has the volume of its radius, the plates have their share of the layers."""
    mesh, lattice = cylinder(resolution)
    _, volume = mesh.point_slopes(mesh.gather(jnp.asarray(lattice)))
    by_element = np.asarray(volume.sum(axis=1))
    share = by_element[mesh.element_region == 0].sum() / by_element.sum()
    assert share == pytest.approx(0.65**2, rel=2e-3)
    plate = by_element[mesh.element_layer != 1].sum() / by_element.sum()
    assert plate == pytest.approx(2 * 0.06 if mesh.topology.plan.plate else 0.0, rel=1e-9)


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_groups_are_coupled_to_the_next_only(resolution: str) -> None:
    mesh, _ = cylinder(resolution)
    np.testing.assert_array_equal(np.sort(np.concatenate(mesh.groups)), np.arange(len(mesh.nodes)))
    group = np.empty(len(mesh.nodes), dtype=int)
    leading = np.zeros(len(mesh.nodes), dtype=bool)
    for number, nodes in enumerate(mesh.groups):
        group[nodes] = number
        leading[nodes[: mesh.interface]] = True
    of_element = group[mesh.elements]
    assert np.max(of_element.max(axis=1) - of_element.min(axis=1)) == 1
    # Where an element reaches into the next group, it reaches its leading nodes only.
    deeper = of_element > of_element.min(axis=1, keepdims=True)
    assert np.all(leading[mesh.elements][deeper])


def test_fields_of_the_lattice_reach_the_points() -> None:
    """A linear field of the lattice's coordinates is the same field of the points' coordinates."""
    mesh, lattice = cylinder("mechanics")
    nodes = mesh.gather(jnp.asarray(lattice))
    places = mesh.at_points(nodes)
    np.testing.assert_allclose(np.asarray(mesh.point_reference(jnp.asarray(lattice))), np.asarray(places), atol=1e-12)
    corners = mesh.corners_at_points(nodes[mesh.corners, 2])
    # Corners carry the height of every straight vertical edge exactly.
    np.testing.assert_allclose(np.asarray(corners), np.asarray(places[..., 2]), atol=1e-12)


def test_odd_numbers_of_cells_are_refused() -> None:
    PLANS["odd"] = Plan(square=2, inner=1, middle=1, outer=1, plate=0, core=2, grading=1.0, quadratic=True)
    try:
        with pytest.raises(ValueError, match="even numbers of cells"):
            quadratic_mesh(topology("odd"))
    finally:
        del PLANS["odd"]


def test_a_block_is_a_block() -> None:
    mesh = block_mesh((2, 1, 3))
    places = mesh.gather(jnp.asarray(block_lattice(mesh, (2, 1, 3)))) * jnp.array([[2.0, 3.0, 5.0]])
    _, volume = mesh.point_slopes(places)
    assert mesh.elements.shape == (6, 20)
    assert mesh.side.nodes.shape == (0, 8)
    assert float(volume.sum()) == pytest.approx(30.0, rel=1e-13)
    assert float(mesh.upper.weights(places).sum()) == pytest.approx(6.0, rel=1e-13)
    assert block_mesh((2, 1, 3)) is mesh
    with pytest.raises(ValueError, match="one element or more"):
        block_mesh((1, 0, 1))
