"""Meshes of one column (an axial slab) and of one node: the lower levels of the model on the same operators.

A slab is a bar of constant cross-section: its stencil couples a node to the levels below and above only, so every function written for
the three-dimensional stencil works on it unchanged.
"""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.mesh._topology import Plan, Topology


@cache
def slab_topology(plate: int, core: int) -> Topology:
    """One column of `plate + core + plate` layers."""
    empty = np.zeros(0, dtype=np.int64)
    return Topology(
        resolution="slab",
        plan=Plan(square=0, inner=0, middle=0, outer=0, plate=plate, core=core, grading=1.0),
        quads=np.zeros((0, 4), dtype=np.int64),
        quad_region=empty,
        layer_region=np.repeat(np.array([0, 1, 2]), [plate, core, plate]),
        neighbours=np.zeros((1, 1), dtype=np.int64),
        rim=empty,
        nucleus_ring=empty,
        endplate_ring=empty,
    )


@cache
def point_topology() -> Topology:
    """One node: a well-mixed disc."""
    return slab_topology(0, 0)


def slab_stencil(
    heights: Float[Array, "levels"], area: Float[Array, ""] | float, conductivity: Float[Array, "fields layers"]
) -> Float[Array, "fields 1 1 3 levels"]:
    """Stencil of a bar: linear elements of conductance `conductivity * area / thickness`."""
    conductance = conductivity * area / jnp.diff(heights)[None, :]
    below = jnp.pad(conductance, ((0, 0), (1, 0)))
    above = jnp.pad(conductance, ((0, 0), (0, 1)))
    return jnp.stack([-below, below + above, -above], axis=1)[:, None, None]


def slab_volumes(
    heights: Float[Array, "levels"], area: Float[Array, ""] | float, layer_weight: np.ndarray
) -> Float[Array, "1 levels"]:
    """Lumped volumes of the nodes of a bar, weighted by layer."""
    half = 0.5 * area * jnp.diff(heights) * jnp.asarray(layer_weight, dtype=jnp.float64)
    return (jnp.pad(half, (1, 0)) + jnp.pad(half, (0, 1)))[None]
