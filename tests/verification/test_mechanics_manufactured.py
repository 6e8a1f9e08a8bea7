r"""V3 of mechanics_imaging 3.1: manufactured solutions on a smoothly distorted mesh.

A compressible osmotic tissue with fibres is given the displacement u, and a potential mu of the place now (on the moving map),

.. math:: u = 0.15\,X_1 e_1 + \varepsilon\,(\sin 2X_1 \cos X_2 \cos X_3, \dots), \qquad \mu = 0.1 \sin(1.5\,x_1) \cos(x_2 + x_3 / 2)

with the body force -Div P and the source of water by automatic differentiation. The first part of u keeps both fibre families in tension,
where their law is smooth. Quadratic displacements converge with order 3 in L2 and the trilinear potential, on the given deformation, with
order 2. Solved together both have order 2: the mean of a linear potential is off by h^2 in every element, and the solid answers to that.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import Donnan, Fibres, Material, Permeability, PorousNeoHookean
from pulposus.mechanics._arrays import volume_ratio
from pulposus.mechanics._element import geometry, grown_stress, moved_water
from pulposus.mesh import block_lattice, block_mesh
from pulposus.mesh._quadratic import CORNER_SHAPE, SHAPE

EPS = 0.05
DT = jnp.asarray(0.02)
ONE = jnp.ones(())
MATERIAL = Material(
    PorousNeoHookean(0.3, 0.4, 0.25),
    Donnan(0.18, 0.25, 1.0, 0.3, 2.578731),
    Permeability(20.0, 1.2),
    Fibres(0.4, 5.0, np.array([[np.cos(0.5), np.sin(0.5), 0.0], [np.cos(0.5), -np.sin(0.5), 0.0]])),
)


def displacement(X: jax.Array) -> jax.Array:
    x, y, z = X
    waves = jnp.stack(
        [
            jnp.sin(2 * x + 0.3) * jnp.cos(y) * jnp.cos(z),
            jnp.sin(2 * y) * jnp.cos(x + z),
            jnp.sin(2 * z) * jnp.cos(x - y),
        ]
    )
    return jnp.stack([0.15 * x, 0.0 * y, 0.0 * z]) + EPS * waves


def potential(X: jax.Array) -> jax.Array:
    """A field of the place now, so a function of the moving map."""
    x, y, z = X + displacement(X)
    return 0.1 * jnp.sin(1.5 * x) * jnp.cos(y + 0.5 * z)


def gradient(X: jax.Array) -> jax.Array:
    return jnp.eye(3) + jax.jacfwd(displacement)(X)


def stress(X: jax.Array) -> jax.Array:
    return grown_stress(gradient(X), potential(X), MATERIAL, ONE)


def passing(X: jax.Array) -> jax.Array:
    return moved_water(gradient(X), jax.grad(potential)(X), MATERIAL, ONE, DT)


def body_force(X: jax.Array) -> jax.Array:
    return -jnp.einsum("iJJ->i", jax.jacfwd(stress)(X))


def dry_body_force(X: jax.Array) -> jax.Array:
    """The same where mu is zero."""
    drained = jax.jacfwd(lambda at: grown_stress(gradient(at), jnp.zeros(()), MATERIAL, ONE))(X)
    return -jnp.einsum("iJJ->i", drained)


def source(X: jax.Array) -> jax.Array:
    """Strong form of the water's residual with J = 1 before."""
    return -(volume_ratio(gradient(X)) - 1.0) + jnp.trace(jax.jacfwd(passing)(X))


def distorted(cells: int) -> tuple:
    mesh = block_mesh((cells, cells, cells))
    places = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, (cells, cells, cells)))))
    x, y, z = places.T
    bend = np.sin(np.pi * x) * np.sin(np.pi * y) * np.sin(np.pi * z)
    return (
        mesh,
        places + 0.06 * bend[:, None] * np.array([1.0, -1.0, 0.5]),
        np.any((places == 0) | (places == 1), axis=1),
    )


everywhere = jax.jit(lambda law, at: jax.vmap(jax.vmap(law))(at), static_argnums=0)


def loads(mesh, places: np.ndarray, density, table: np.ndarray, numbers: np.ndarray, count: int) -> np.ndarray:
    """Consistent nodal loads of a density."""
    weight = np.asarray(geometry(mesh, jnp.asarray(places)).volume)
    values = np.asarray(everywhere(density, mesh.at_points(jnp.asarray(places))))
    total = np.zeros((count, *values.shape[2:]))
    np.add.at(total, numbers, np.einsum("ep,ep...,pa->ea...", weight, values, table))
    return total


def distance(mesh, places: np.ndarray, found: jax.Array, law) -> float:
    """L2 distance of a field at the Gauss points from a law."""
    weight = np.asarray(geometry(mesh, jnp.asarray(places)).volume)
    off = np.asarray(found) - np.asarray(everywhere(law, mesh.at_points(jnp.asarray(places))))
    return float(np.sqrt(np.sum(weight * np.sum(off.reshape(*weight.shape, -1) ** 2, axis=-1))))


def solve(cells: int, part: str, block_solver, block_tissue, block_water) -> tuple[float, float]:
    """L2 errors of displacement and potential where only the solid, only the water, or both are unknown."""
    mesh, places, surface = distorted(cells)
    u = np.asarray(jax.vmap(displacement)(jnp.asarray(places)))
    mu = np.asarray(jax.vmap(potential)(jnp.asarray(places[mesh.corners])))
    outer = surface[mesh.corners]
    fixed = np.repeat((surface | (part == "water"))[:, None], 3, axis=1)
    # Newton starts inside from the first part of u, so that all fibres are in tension from the beginning.
    start = np.where(fixed, u, places * np.array([0.15, 0.0, 0.0]))
    law = dry_body_force if part == "solid" else body_force
    force = loads(mesh, places, law, SHAPE, mesh.elements, len(mesh.nodes))
    water = None
    if part != "solid":
        supply = loads(mesh, places, source, CORNER_SHAPE, mesh.element_corners, len(mesh.corners))
        before = np.ones((len(mesh.elements), 27))
        water = block_water(outer, np.where(outer, mu, 0.0), before, float(DT), supply)
    found, wet = block_solver(mesh, places, block_tissue(MATERIAL, mesh), fixed, start, force, water)
    return (
        distance(mesh, places, mesh.at_points(jnp.asarray(found)), displacement),
        distance(mesh, places, mesh.corners_at_points(jnp.asarray(wet)), potential),
    )


def orders(cells: tuple[int, int], part: str, *tools) -> np.ndarray:
    coarse, fine = (np.array(solve(number, part, *tools)) for number in cells)
    return np.log(coarse / fine) / np.log(cells[1] / cells[0])


@pytest.mark.slow
def test_order_of_the_displacement(block_solver, block_tissue, block_water) -> None:
    """Drained: 3 within 0.1."""
    assert orders((4, 8), "solid", block_solver, block_tissue, block_water)[0] == pytest.approx(3.0, abs=0.1)


def test_order_of_the_potential(block_solver, block_tissue, block_water) -> None:
    """On a given deformation: 2 within 0.1."""
    assert orders((4, 8), "water", block_solver, block_tissue, block_water)[1] == pytest.approx(2.0, abs=0.1)


@pytest.mark.slow
def test_order_of_both(block_solver, block_tissue, block_water) -> None:
    """Both unknown: at least 2, within 0.1 from below."""
    assert np.all(orders((3, 6), "both", block_solver, block_tissue, block_water) > 1.9)
