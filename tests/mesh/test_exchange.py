"""The positive exchange stencil: exact on boxes and parallelepipeds, an M-matrix on every disc, and close to the finite elements."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg

from pulposus.disc import load_disc
from pulposus.mesh import apply_stencil, diffusion_stencil, node_volumes, topology
from pulposus.mesh._exchange import (
    _EDGES,
    _FACE_CORNERS,
    _FACE_NORMAL,
    _PATTERNS,
    _metric,
    element_bonds,
    exchange_stencil,
)
from pulposus.mesh._operators import _CORNER_SIGNS, element_corners

# Sums of a few dozen terms of order one: rounding stays below this.
ROUNDING = 1e-13


def element(sides: np.ndarray) -> jnp.ndarray:
    """Corners of a parallelepiped whose rows are its three edges, shape (1, 1, 8, 3)."""
    return jnp.asarray(0.5 * (1.0 + _CORNER_SIGNS) @ np.asarray(sides, dtype=np.float64))[None, None]


def energy(corners: jnp.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """Energy of two linear fields, given by their gradients."""
    bonds = np.asarray(element_bonds(corners))[0, 0]
    matrix = np.einsum("k,kab->ab", bonds, _PATTERNS)
    points = np.asarray(corners)[0, 0]
    return float(points @ left @ matrix @ (points @ right))


def sparse(mesh, stencil) -> scipy.sparse.csr_matrix:
    values = np.asarray(stencil)
    columns, slots, offsets, levels = np.nonzero(values)
    rows = columns * mesh.levels + levels
    others = mesh.neighbours[columns, slots] * mesh.levels + levels + offsets - 1
    size = mesh.columns * mesh.levels
    return scipy.sparse.csr_matrix((values[columns, slots, offsets, levels], (rows, others)), shape=(size, size))


def test_every_bond_joins_its_two_corners() -> None:
    assert sorted(map(tuple, np.sort(_EDGES[:, :2], axis=1).tolist())) == sorted(
        (a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNER_SIGNS[a] - _CORNER_SIGNS[b]).sum() == 2.0
    )
    for corners in _FACE_CORNERS:
        following = np.roll(corners, -1)
        assert np.all(np.abs(_CORNER_SIGNS[corners] - _CORNER_SIGNS[following]).sum(axis=1) == 2.0)
    assert len({tuple(sorted(corners)) for corners in _FACE_CORNERS.tolist()}) == 6


def test_a_box_has_the_finite_volume_stencil() -> None:
    a, b, c = 2.0, 0.7, 0.3
    bonds = np.asarray(element_bonds(element(np.diag([a, b, c]))))[0, 0]
    # A quarter of the face over the length, for each of the four parallel edges; no bond across a face.
    expected = np.repeat([b * c / (4.0 * a), a * c / (4.0 * b), a * b / (4.0 * c)], 4)
    np.testing.assert_allclose(bonds[:12], expected, rtol=ROUNDING)
    assert np.all(bonds[12:] == 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_linear_fields_are_exact_on_mildly_skewed_parallelepipeds(seed: int) -> None:
    """Skewness below the aspect ratio: the diagonals of two faces that meet in an edge together take less than the edge has."""
    rng = np.random.default_rng(seed)
    sides = np.diag([1.0, 0.8, 0.6]) + rng.uniform(-0.12, 0.12, (3, 3))
    corners = element(sides)
    left, right = rng.normal(size=3), rng.normal(size=3)
    volume = np.linalg.det(sides)
    assert float(jnp.min(element_bonds(corners))) >= 0.0
    assert float(jnp.max(element_bonds(corners)[..., 12:])) > 0.0
    assert energy(corners, left, right) == pytest.approx(volume * left @ right, abs=ROUNDING * volume * 10.0)


@pytest.mark.parametrize("slope", [0.25, 0.5, 1.0])
def test_a_slope_above_the_aspect_ratio_is_limited_along_the_flat_direction_only(slope: float) -> None:
    """Height over length is 0.2. With the cross term cut to that share, a field along x is still exact and one along z has
    1 + 2 s (s - h / L) times its energy."""
    sides = np.array([[1.0, 0.0, slope], [0.0, 1.0, 0.0], [0.0, 0.0, 0.2]])
    corners, volume = element(sides), 0.2
    x, y, z = np.eye(3)
    assert float(jnp.min(element_bonds(corners))) >= 0.0
    assert energy(corners, x, x) == pytest.approx(volume, rel=ROUNDING * 10.0)
    assert energy(corners, y, y) == pytest.approx(volume, rel=ROUNDING * 10.0)
    assert energy(corners, z, z) == pytest.approx(volume * (1.0 + 2.0 * slope * (slope - 0.2)), rel=ROUNDING * 10.0)


@pytest.mark.parametrize("name", ["human/L4-L5/grade1", "human/L4-L5/grade5", "rat/tail", "mouse/tail"])
def test_it_is_a_conservative_m_matrix_on_real_discs(name: str) -> None:
    disc = load_disc(name, "coarse")
    solid = jnp.asarray(disc.tissue_of_element >= 0, dtype=jnp.float64)
    matrix = sparse(disc.topology, exchange_stencil(disc.topology, disc.coordinates, solid[None])[0])
    largest = np.abs(matrix).max()
    between = matrix - scipy.sparse.diags(matrix.diagonal())
    assert between.max() <= 0.0
    assert np.abs(matrix - matrix.T).max() <= ROUNDING * largest
    assert np.abs(matrix.sum(axis=1)).max() <= ROUNDING * largest
    # The mesh is one body: every node is bound to others, and only the constant has no exchange.
    assert matrix.diagonal().min() > 0.0
    assert scipy.sparse.csgraph.connected_components(between)[0] == 1


def dropped_share(disc) -> float:
    """Share of the lateral coupling that the limiter scaled away; the bonds along the axis, large in flat elements, would hide it."""
    corners = element_corners(disc.topology, disc.coordinates)
    _, cross = _metric(corners)
    tilt = cross[:, :, _FACE_CORNERS, _FACE_NORMAL[:, None]]
    first, second = -(tilt[..., 1] + tilt[..., 3]), -(tilt[..., 0] + tilt[..., 2])
    moved = jnp.minimum(jnp.minimum(first, second), 0.0)
    wanted = jnp.sum(first - moved) + jnp.sum(second - moved)
    bonds = element_bonds(corners)
    kept = jnp.sum(bonds[..., 12:])
    return float((wanted - kept) / (jnp.sum(bonds) - jnp.sum(bonds[..., 8:12])))


@pytest.mark.parametrize("grade", [1, 5])
def test_a_signal_in_a_curved_disc_is_that_of_the_finite_elements(grade: int) -> None:
    """Uniform source, decay and absorbing rim at the range of the cytokine (1.6 mm). What diffusion takes from the mean of a region may
    differ by no more than the share of the lateral coupling that is missing (a few percent)."""
    disc = load_disc(f"human/L4-L5/grade{grade}", "coarse")
    mesh, tissue = disc.topology, disc.tissue_of_element
    solid = jnp.asarray(tissue >= 0, dtype=jnp.float64)
    volume = np.asarray(node_volumes(mesh, disc.coordinates, solid)).ravel()
    free = np.flatnonzero(~disc.layout.annulus_nodes.ravel())
    diffusivity, decay = 3.5, np.log(2.0) / 0.5

    def means(stencil) -> np.ndarray:
        matrix = (diffusivity * sparse(mesh, stencil[0]) + scipy.sparse.diags(decay * volume)).tocsc()
        field = np.zeros_like(volume)
        field[free] = scipy.sparse.linalg.spsolve(matrix[free][:, free], decay * volume[free])
        inside = [np.asarray(node_volumes(mesh, disc.coordinates, tissue == code)).ravel() for code in range(3)]
        return np.array([weight @ field / weight.sum() for weight in inside])

    exchange = means(exchange_stencil(mesh, disc.coordinates, solid[None]))
    elements = means(diffusion_stencil(mesh, disc.coordinates, solid[None]))
    share = dropped_share(disc)
    assert 0.0 < share < 0.05
    assert np.all(np.abs(exchange - elements) <= share * (1.0 - elements))


def test_it_converges_to_the_elements_in_energy(bent) -> None:
    """A smooth field on a curved body: the energies differ by what is skewed within an element, which refinement takes away."""
    errors = []
    for resolution in ("coarse", "standard"):
        mesh = topology(resolution)
        coordinates = bent(mesh)
        whole = jnp.ones((1, len(mesh.quads), mesh.levels - 1))
        field = jnp.sin(coordinates[..., 0]) * jnp.cos(coordinates[..., 2])
        found = [
            float(jnp.sum(field * apply_stencil(mesh.neighbours, stencil(mesh, coordinates, whole), field[None])[0]))
            for stencil in (exchange_stencil, diffusion_stencil)
        ]
        errors.append(abs(found[0] / found[1] - 1.0))
    assert errors[0] < 0.05
    assert errors[1] < errors[0]


def test_collapsed_void_is_harmless(tiny, cylinder) -> None:
    coordinates = cylinder(tiny)
    flat = coordinates.at[:, 0, 2].set(coordinates[:, 1, 2])
    conductivity = jnp.ones((1, len(tiny.quads), tiny.levels - 1)).at[:, :, 0].set(0.0)

    def total(points):
        return jnp.sum(exchange_stencil(tiny, points, conductivity) ** 2)

    value, slope = jax.value_and_grad(total)(flat)
    assert np.isfinite(float(value))
    assert np.all(np.isfinite(slope))


def test_a_batch_of_meshes_and_two_fields(tiny, bent, cylinder) -> None:
    batch = jnp.stack([bent(tiny), cylinder(tiny)])
    conductivity = jnp.stack([jnp.ones((len(tiny.quads), tiny.levels - 1)), jnp.full((len(tiny.quads), 3 + 1), 2.0)])
    together = jax.vmap(lambda points: exchange_stencil(tiny, points, conductivity))(batch)
    alone = exchange_stencil(tiny, batch[0], conductivity)
    np.testing.assert_allclose(np.asarray(together[0]), np.asarray(alone), atol=ROUNDING)
    np.testing.assert_allclose(np.asarray(alone[1]), 2.0 * np.asarray(alone[0]), atol=ROUNDING)
