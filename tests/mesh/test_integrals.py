"""Integrals of nodal fields with the end correction along the axis."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import integrate, layer_volumes, node_volumes, point_topology, slab_topology, slab_volumes


def _integral(mesh, coordinates, weight, values):
    return float(
        integrate(
            mesh,
            coordinates[..., 2],
            node_volumes(mesh, coordinates, weight),
            layer_volumes(mesh, coordinates, weight),
            values,
        )
    )


def test_layer_volumes_add_up(coarse, bent):
    coordinates = bent(coarse)
    weight = np.ones((len(coarse.quads), coarse.levels - 1))
    assert float(jnp.sum(layer_volumes(coarse, coordinates, weight))) == pytest.approx(
        float(jnp.sum(node_volumes(coarse, coordinates))), rel=1e-12
    )


def test_quadratic_profiles_are_exact(coarse, cylinder):
    """The derivative on uneven nodes is exact for a quadratic, and the rule for a cubic."""
    coordinates = cylinder(coarse, 3.0, 2.0, 1.5)
    z = coordinates[..., 2]
    everywhere = np.ones((len(coarse.quads), coarse.levels - 1))
    exact = np.pi * 6.0 * (2.0 * 3.0 + 2.0 * 1.5**3 / 3.0)
    assert _integral(coarse, coordinates, everywhere, 2.0 + 0.5 * z + z**2) == pytest.approx(
        exact, rel=1e-12
    )  # rounding


def test_a_kink_at_a_named_plane_is_allowed(coarse, cylinder):
    coordinates = cylinder(coarse)
    z = coordinates[..., 2]
    plane = 0.88
    everywhere = np.ones((len(coarse.quads), coarse.levels - 1))
    kinked = jnp.where(jnp.abs(z) > plane + 1e-12, 5.0 * (jnp.abs(z) - plane) + (jnp.abs(z) - plane) ** 2, 0.0)
    exact = 2.0 * np.pi * (5.0 * 0.12**2 / 2.0 + 0.12**3 / 3.0)
    assert _integral(coarse, coordinates, everywhere, kinked) == pytest.approx(exact, rel=1e-12)


def test_only_the_region_counts(coarse, cylinder):
    coordinates = cylinder(coarse)
    nucleus = np.broadcast_to((coarse.quad_region == 0)[:, None], (len(coarse.quads), coarse.levels - 1)).astype(float)
    values = jnp.ones((coarse.columns, coarse.levels)).at[coarse.rim].set(1e3)
    assert _integral(coarse, coordinates, nucleus, values) == pytest.approx(np.pi * 0.36 * 2.0, rel=1e-12)


def _slab_integral(layers, power):
    mesh = slab_topology(0, layers)
    heights = jnp.linspace(0.0, 1.0, layers + 1) ** power
    volumes = slab_volumes(heights, 2.0, np.ones(layers))
    return float(integrate(mesh, heights[None], volumes, 2.0 * jnp.diff(heights)[None], jnp.exp(heights)[None]))


def test_order_of_the_rule():
    """End-corrected trapezoidal rule with second-order derivatives: order 4 on smoothly graded nodes; the plain rule has 2."""
    exact = 2.0 * (np.e - 1.0)
    errors = [abs(_slab_integral(layers, 1.3) - exact) for layers in (16, 32, 64)]
    orders = np.log2(errors[:-1]) - np.log2(errors[1:])
    # x^1.3 is not smooth at 0, where its nodes are not evenly graded: the last order is held to the lower side of 4 only.
    assert orders[-1] > 3.0
    even = [abs(_slab_integral(layers, 1.0) - exact) for layers in (16, 32, 64)]
    assert np.log2(even[1] / even[2]) == pytest.approx(4.0, abs=0.2)  # third-order ends enter with weight h


def test_one_layer_is_the_trapezoidal_rule():
    mesh = slab_topology(0, 1)
    heights = jnp.array([0.0, 2.0])
    values = jnp.array([[1.0, 4.0]])
    result = integrate(mesh, heights[None], slab_volumes(heights, 1.0, np.ones(1)), jnp.diff(heights)[None], values)
    assert float(result) == pytest.approx(5.0)


def test_one_node():
    mesh = point_topology()
    assert (
        float(integrate(mesh, jnp.zeros((1, 1)), jnp.full((1, 1), 3.0), jnp.zeros((1, 0)), jnp.full((1, 1), 2.0)))
        == 6.0
    )
