"""Meshes of one column and of one node."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import apply_stencil, point_topology, slab_stencil, slab_topology, slab_volumes


def test_topology_of_a_slab():
    mesh = slab_topology(2, 6)
    assert (mesh.columns, mesh.levels, mesh.nodes) == (1, 11, 11)
    assert mesh.centre == (0, 5)
    assert mesh.layer_region.tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 2, 2]
    assert slab_topology(2, 6) is mesh
    assert (point_topology().columns, point_topology().levels) == (1, 1)


def test_stencil_of_a_bar():
    mesh = slab_topology(1, 2)
    heights = jnp.array([0.0, 1.0, 3.0, 3.5, 5.0])
    conductivity = jnp.array([[1.0, 2.0, 4.0, 3.0]])
    stencil = slab_stencil(heights, 10.0, conductivity)
    values = jnp.array([[[1.0, 0.0, 2.0, 5.0, -1.0]]])
    # Flux through a layer: conductivity area difference / thickness; a node keeps what comes in less what goes out.
    flux = (
        10.0 * np.array([1.0, 2.0, 4.0, 3.0]) * np.diff([1.0, 0.0, 2.0, 5.0, -1.0]) / np.diff([0.0, 1.0, 3.0, 3.5, 5.0])
    )
    expected = np.concatenate([[0.0], flux]) - np.concatenate([flux, [0.0]])
    assert np.asarray(apply_stencil(mesh.neighbours, stencil, values))[0, 0] == pytest.approx(expected, rel=1e-14)


def test_volumes_of_a_bar():
    heights = jnp.array([0.0, 1.0, 3.0, 3.5])
    volumes = slab_volumes(heights, 2.0, np.array([1, 1, 1]))
    assert np.asarray(volumes)[0] == pytest.approx([1.0, 3.0, 2.5, 0.5])
    core = slab_volumes(heights, 2.0, np.array([0, 1, 0]))
    assert np.asarray(core)[0] == pytest.approx([0.0, 2.0, 2.0, 0.0])
