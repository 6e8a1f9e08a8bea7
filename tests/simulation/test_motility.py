"""Motion of cells: conservation, positivity, diffusion in closed form, and the direction of chemotaxis (cells_matrix 2.4)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import Motility
from pulposus.disc import load_disc
from pulposus.mesh import (
    axial_positions,
    node_volumes,
    point_topology,
    reference_points,
    slab_stencil,
    slab_topology,
    slab_volumes,
    topology,
)
from pulposus.mesh._exchange import exchange_stencil
from pulposus.simulation import migrate


def slab(layers: int, length: float) -> tuple:
    mesh = slab_topology(0, layers)
    heights = jnp.linspace(0.0, length, layers + 1)
    return mesh, slab_stencil(heights, 1.0, jnp.ones((1, layers))), slab_volumes(heights, 1.0, np.ones(layers)), heights


def motion(random: float, chemotaxis: float = 0.0) -> Motility:
    return Motility(jnp.asarray(random), jnp.asarray(chemotaxis))


@pytest.mark.parametrize("random,chemotaxis,step", [(0.01, 0.0, 0.05), (0.1, 0.2, 7.0), (0.1, 0.2, 30.0)])
def test_number_is_kept_and_densities_stay_positive_in_a_real_disc(
    random: float, chemotaxis: float, step: float
) -> None:
    disc = load_disc("human/L4-L5/grade4", "coarse")
    mesh = disc.topology
    stencil = exchange_stencil(mesh, disc.coordinates, jnp.ones((1, *disc.tissue_of_element.shape)))
    volume = node_volumes(mesh, disc.coordinates)
    cytokine = 1.0 + 0.1 * disc.coordinates[..., 1]
    start = jnp.exp(-0.1 * jnp.sum(disc.coordinates**2, axis=-1))
    moved = jax.jit(lambda cells: migrate(mesh, stencil, volume, motion(random, chemotaxis), cytokine, cells, step))(
        start
    )
    assert float(jnp.sum(volume * moved)) == pytest.approx(float(jnp.sum(volume * start)), rel=1e-13)
    assert bool(jnp.all(moved > 0.0))
    assert float(jnp.max(jnp.abs(moved - start))) > 0.0


def moments(coordinates: jnp.ndarray, weight: jnp.ndarray) -> np.ndarray:
    """Variance of the place of the cells in each direction [mm2]."""
    share = np.asarray(weight / jnp.sum(weight))
    points = np.asarray(coordinates)
    centre = np.einsum("cz,czx->x", share, points)
    return np.einsum("cz,czx->x", share, (points - centre) ** 2)


@pytest.mark.parametrize("half_height", [8.0, 0.8])
def test_cells_spread_alike_in_every_direction_on_flat_elements(half_height: float) -> None:
    """From a cloud far from every wall the variance grows by 2 D t per direction, which backward Euler keeps exactly. The flat body has
    elements five times as wide as high, and its cloud fills the height. The exchange of a box has exact second moments; elements of the
    central block bulge by a few percent of their width, so 3 %."""
    mesh = topology("coarse")
    points = reference_points(mesh, 0.6, 0.8) * 16.0
    heights = half_height * axial_positions(mesh, 0.2)
    planar = np.broadcast_to(points[:, None], (*heights.shape, 2))
    coordinates = jnp.asarray(np.concatenate([planar, heights[..., None]], axis=-1))
    volume = node_volumes(mesh, coordinates)
    stencil = exchange_stencil(mesh, coordinates, jnp.ones((1, len(mesh.quads), mesh.levels - 1)))
    inside = 2 if half_height < 1.0 else 3
    start = jnp.exp(-0.5 * jnp.sum(coordinates[..., :inside] ** 2, axis=-1) / 1.8**2)
    random, step = 0.1, 5.0
    moved = migrate(mesh, stencil, volume, motion(random), jnp.zeros_like(start), start, step)
    growth = moments(coordinates, volume * moved) - moments(coordinates, volume * start)
    assert growth[:inside] == pytest.approx(2.0 * random * step, rel=0.03)
    if inside == 2:
        assert growth[2] == pytest.approx(0.0, abs=1e-6)


def test_cells_spread_at_their_rate_in_a_thin_human_disc() -> None:
    """The same in the nucleus of a grade V disc, whose curved elements are up to six times as wide as high; the limiter of the exchange
    leaves out 3 % of the lateral coupling, the bulge of the block another 3 %."""
    disc = load_disc("human/L4-L5/grade5", "coarse")
    mesh, coordinates = disc.topology, disc.coordinates
    stencil = exchange_stencil(mesh, coordinates, jnp.ones((1, *disc.tissue_of_element.shape)))
    volume = node_volumes(mesh, coordinates)
    centre = coordinates[disc.topology.centre]
    start = jnp.exp(-0.5 * jnp.sum((coordinates[..., :2] - centre[None, None, :2]) ** 2, axis=-1) / 2.5**2)
    random, step = 0.1, 5.0
    moved = migrate(mesh, stencil, volume, motion(random), jnp.zeros_like(start), start, step)
    growth = moments(coordinates, volume * moved) - moments(coordinates, volume * start)
    assert growth[:2] == pytest.approx(2.0 * random * step, rel=0.06)


def test_a_cosine_decays_at_the_rate_of_diffusion() -> None:
    """m = 1 + cos(pi z / l): backward Euler multiplies the wave by 1 / (1 + D k2 step), k2 = (2 - 2 cos(pi h / l)) / h2 of the linear
    elements with lumped mass; exact on a uniform bar."""
    mesh, stencil, volume, heights = slab(20, 5.0)
    start = 1.0 + 0.5 * jnp.cos(jnp.pi * heights / 5.0)[None]
    step, random, spacing = 3.0, 0.1, 0.25
    moved = migrate(mesh, stencil, volume, motion(random), jnp.zeros_like(start), start, step)
    squared = (2.0 - 2.0 * np.cos(np.pi * spacing / 5.0)) / spacing**2
    expected = 1.0 + 0.5 * jnp.cos(jnp.pi * heights / 5.0)[None] / (1.0 + random * squared * step)
    np.testing.assert_allclose(np.asarray(moved), np.asarray(expected), rtol=1e-8)


def test_cells_climb_the_cytokine() -> None:
    mesh, stencil, volume, heights = slab(20, 5.0)
    start = jnp.ones((1, 21))
    moved = migrate(mesh, stencil, volume, motion(0.0, 0.2), heights[None] / 5.0, start, 10.0)
    centre = jnp.sum(volume * moved * heights[None]) / jnp.sum(volume * moved)
    assert float(centre) > 2.5 + 1e-3


def test_nothing_moves_in_one_node_or_without_motility() -> None:
    one = jnp.full((1, 1), 2.0)
    assert migrate(point_topology(), jnp.zeros((1, 1, 1, 3, 1)), one, motion(0.1), one, one, 1.0) is one
    mesh, stencil, volume, heights = slab(8, 2.0)
    start = 1.0 + heights[None]
    np.testing.assert_allclose(
        np.asarray(migrate(mesh, stencil, volume, motion(0.0), start, start, 5.0)), np.asarray(start), rtol=1e-15
    )


def test_no_cells_stay_no_cells() -> None:
    mesh, stencil, volume, _ = slab(8, 2.0)
    none = jnp.zeros((1, 9))
    assert float(jnp.sum(migrate(mesh, stencil, volume, motion(0.1, 0.1), none, none, 5.0))) == 0.0
