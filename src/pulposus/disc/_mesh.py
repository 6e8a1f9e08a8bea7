"""Nodes of a disc: the map evaluated on the template mesh, with mesh planes on the faces of the cartilage endplates (ruling 38)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from pulposus import _backend  # noqa: F401
from pulposus.disc._layout import Layout
from pulposus.disc._map import DiscMap, column_height, disc_point, endplate_thickness
from pulposus.mesh import Topology, axial_positions, reference_points


def column_points(layout: Layout, disc: DiscMap) -> NDArray[np.float64]:
    """Reference points (xi, eta) of the columns, (columns, 2)."""
    return reference_points(layout.topology, float(disc.nucleus_radius), float(disc.endplate_radius))


def column_thickness(layout: Layout, disc: DiscMap) -> Float[Array, "columns"]:
    """Thickness [mm] of the plate layers of every column; beside the cartilage endplates it is that of their margin.

    It is nowhere more than the disc's share of the column (half of it in discs that were not fitted, which always have room).
    """
    xi, eta = column_points(layout, disc).T
    rho = np.hypot(xi, eta)
    free = endplate_thickness(disc, np.minimum(rho, disc.endplate_radius)) * jnp.ones(layout.topology.columns)
    return jnp.minimum(free, disc.endplate_share * column_height(disc, xi, eta))


def _even_share(mesh: Topology) -> float:
    """Share of a plate region whose layers are as thick as the core layer beside them: a mesh without a named plane."""
    steps = np.diff(axial_positions(mesh, 0.1)[0])
    first = steps[mesh.plan.plate] / steps[mesh.layer_region == 1].sum()
    return mesh.plan.plate * first / (1.0 + 2.0 * mesh.plan.plate * first)


def node_coordinates(layout: Layout, disc: DiscMap) -> Float[Array, "columns levels 3"]:
    """Coordinates [mm] of all nodes; differentiable in every coefficient of the map but the two radii, which place the rings."""
    mesh = layout.topology
    xi, eta = column_points(layout, disc).T
    if layout.has_endplates:
        # The axial coordinate is affine in the share of the plate: two evaluations give it for any share, traced or not.
        share = column_thickness(layout, disc) / column_height(disc, xi, eta)
        thin, thick = axial_positions(mesh, 0.1), axial_positions(mesh, 0.2)
        zeta = thin + (thick - thin) * ((share - 0.1) / 0.1)[:, None]
    else:
        zeta = jnp.asarray(axial_positions(mesh, _even_share(mesh)))
    x, y, z = disc_point(disc, xi[:, None], eta[:, None], zeta)
    return jnp.stack([jnp.broadcast_to(x, zeta.shape), jnp.broadcast_to(y, zeta.shape), z], axis=-1)
