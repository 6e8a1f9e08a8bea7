"""V1, V2 and V5 of mechanics_imaging 3.1: the element under a linear field, its tangent, and gels of 2.6 as blocks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import Donnan, Fibres, Material, NeoHookean, Permeability, PorousNeoHookean
from pulposus.mechanics._element import (
    coupled_tangent,
    deformation_gradients,
    geometry,
    grown_stress,
    moved_water,
    solid_residual,
    water_residual,
)
from pulposus.mesh import block_lattice, block_mesh
from pulposus.mesh._quadratic import CORNER_SHAPE

CELLS = (2, 2, 2)
# R T at 310.15 K in MPa L/mol (mechanics_imaging 2.1).
THERMAL = 2.578731


def gel(solid, charge: float = 0.2, fibres: Fibres | None = None) -> Material:
    return Material(solid, Donnan(charge, 0.2, 1.0, 0.3, THERMAL), Permeability(77.76, 1.2), fibres)


GEL_A = gel(NeoHookean.from_engineering(0.2, 0.2))
GEL_B = gel(PorousNeoHookean(0.1, 0.1 * 2.2 / 2.4, 0.2))
FIBRES = Fibres(0.8, 11.0, np.array([[0.8, 0.6, 0.0], [0.8, -0.6, 0.0]]))


def distorted() -> np.ndarray:
    """A block with inner corners moved by a tenth of an element; sides stay straight, so a linear field is representable."""
    mesh = block_mesh(CELLS)
    places = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, CELLS))))
    rng = np.random.default_rng(3)
    corner = places[mesh.corners]
    inner = np.all((corner > 0.01) & (corner < 0.99), axis=1)
    corner = corner + 0.05 * inner[:, None] * rng.uniform(-1.0, 1.0, corner.shape)
    moved = places.copy()
    moved[mesh.corners] = corner
    pairs = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
    for middle, (a, b) in enumerate(pairs):
        moved[mesh.elements[:, 8 + middle]] = 0.5 * (moved[mesh.elements[:, a]] + moved[mesh.elements[:, b]])
    return moved


def test_patch(block_solver, block_tissue) -> None:
    """V1: a linear field at the boundary is a linear field inside; 1e-10 as the specification asks."""
    mesh = block_mesh(CELLS)
    places = distorted()
    slope = np.array([[0.10, 0.05, -0.02], [-0.03, -0.08, 0.04], [0.02, 0.06, 0.12]])
    exact = places @ slope.T
    surface = np.any((places < 1e-9) | (places > 1.0 - 1e-9), axis=1)
    tissue = block_tissue(gel(GEL_B.solid, fibres=FIBRES), mesh)
    start = np.where(surface[:, None], exact, 0.0)
    found, _ = block_solver(mesh, places, tissue, np.repeat(surface[:, None], 3, 1), start, np.zeros_like(places))
    assert not np.all(surface)
    np.testing.assert_allclose(found, exact, atol=1e-10)


@pytest.mark.parametrize(
    ("material", "stress", "stretch"),
    [(GEL_A, -0.2, 0.931297), (GEL_A, -1.0, 0.501337), (GEL_B, -0.3, 0.816824), (GEL_B, -0.5, 0.678170)],
)
def test_confined_gel(material: Material, stress: float, stretch: float, block_solver, block_tissue) -> None:
    """V1, V5: a plug in a chamber under a dead load, drained; 2e-6 (rulings 43)."""
    mesh = block_mesh((1, 1, 2))
    places = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, (1, 1, 2)))))
    fixed = np.ones_like(places, dtype=bool)
    fixed[:, 2] = places[:, 2] == 0.0
    # Consistent nodal forces of a uniform load on a serendipity square: -1/12 at corners, 1/3 at the middles of edges.
    force = np.zeros_like(places)
    force[mesh.upper.nodes[:, :4], 2] = -stress / 12.0
    force[mesh.upper.nodes[:, 4:], 2] = stress / 3.0
    start = np.zeros_like(places)
    start[:, 2] = (stretch - 1.0) * 0.9 * places[:, 2]
    found, _ = block_solver(mesh, places, block_tissue(material, mesh), fixed, start, force)
    np.testing.assert_allclose(1.0 + found[places[:, 2] == 1.0, 2], stretch, atol=2e-6)


def test_free_swelling(block_solver, block_tissue) -> None:
    """V5: gel B without load swells to 1.308667 along every axis; 2e-6 (rulings 43). Three faces are symmetry planes."""
    mesh = block_mesh((1, 1, 1))
    places = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, (1, 1, 1)))))
    found, _ = block_solver(mesh, places, block_tissue(GEL_B, mesh), places == 0.0, 0.2 * places, np.zeros_like(places))
    np.testing.assert_allclose(found, 0.308667 * places, atol=2e-6)


@pytest.mark.parametrize("dt", [None, 0.01])
def test_tangent_is_the_derivative_of_the_residual(dt: float | None, block_tissue) -> None:
    """V2: element matrices against automatic differentiation of the element residuals; 1e-10 of the largest entry."""
    mesh = block_mesh((1, 1, 1))
    rng = np.random.default_rng(5)
    places = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, (1, 1, 1))))) + 0.02 * rng.uniform(-1, 1, (20, 3))
    shape = geometry(mesh, jnp.asarray(places))
    tissue = block_tissue(gel(GEL_B.solid, fibres=FIBRES), mesh)._replace(growth=jnp.full((1, 27), 1.1))
    displacement = jnp.asarray(0.1 * places + 0.02 * rng.uniform(-1, 1, (20, 3)))[mesh.elements]
    potential = jnp.asarray(0.05 * rng.uniform(-1, 1, (1, 8)))
    time = None if dt is None else jnp.asarray(dt)

    def residuals(u: jax.Array, m: jax.Array) -> tuple[jax.Array, jax.Array]:
        F = deformation_gradients(shape, u)
        mu = m @ jnp.asarray(CORNER_SHAPE).T
        return solid_residual(shape, tissue, F, mu), water_residual(shape, tissue, F, m, jnp.ones((1, 27)), time)

    ((uu, um), (mu, mm)) = jax.jit(jax.jacfwd(residuals, argnums=(0, 1)))(displacement, potential)
    found = coupled_tangent(shape, tissue, deformation_gradients(shape, displacement), potential, time)
    for matrix, expected in (
        (found.uu, uu[..., 0, :, :]),
        (found.um, um[..., 0, :]),
        (found.mu, mu[..., 0, :, :]),
        (found.mm, mm[..., 0, :]),
    ):
        np.testing.assert_allclose(matrix, expected, atol=1e-10 * max(1e-3, float(jnp.max(jnp.abs(expected)))))


def test_frame_invariance() -> None:
    """V2: P(QF) = Q P(F), and the water that passes a reference area does not see Q; 1e-10."""
    rng = np.random.default_rng(7)
    Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    Q = jnp.asarray(Q * np.sign(np.linalg.det(Q)))
    F = jnp.eye(3) + 0.2 * jnp.asarray(rng.uniform(-1, 1, (3, 3)))
    material, growth, mu = gel(GEL_B.solid, fibres=FIBRES), jnp.asarray(1.05), jnp.asarray(0.1)
    np.testing.assert_allclose(
        grown_stress(Q @ F, mu, material, growth), Q @ grown_stress(F, mu, material, growth), atol=1e-10
    )
    slope = jnp.asarray([0.3, -0.1, 0.2])
    dt = jnp.asarray(0.5)
    np.testing.assert_allclose(
        moved_water(Q @ F, slope, material, growth, dt), moved_water(F, slope, material, growth, dt), rtol=1e-10
    )


def test_growth_is_stress_free_growth_of_matter(block_tissue) -> None:
    """A tissue grown by Jg, stretched by Jg^(1/3), carries the stress of the ungrown one: P = Jg^(2/3) P_e (rulings 44)."""
    growth = jnp.asarray(1.3)
    F = jnp.diag(jnp.array([1.05, 0.97, 1.10]))
    material = gel(GEL_B.solid, fibres=FIBRES)
    grown = grown_stress(F * jnp.cbrt(growth), jnp.zeros(()), material, growth)
    plain = grown_stress(F, jnp.zeros(()), material, jnp.ones(()))
    np.testing.assert_allclose(grown, growth ** (2.0 / 3.0) * plain, rtol=1e-12, atol=1e-14)
