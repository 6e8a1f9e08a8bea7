r"""The lesion of a disc on the axis of its nucleus, for the level of one dimension (cells_matrix 3, 2.9).

One column cannot tell a track from the tissue beside it. A nodal field f becomes the share of the nucleus that it covers, spread evenly
over the nucleus of the bar,

.. math:: x = \sum_{a \in NP} f_a V_a / V_{NP}, \qquad f_{axis} = x\, V^{NP}_{axis} / V_{axis}

so what left the nucleus, what was killed in it and the dose of its trauma keep their totals; the sum runs over the nodes that hold some
nucleus. The annulus is not on the axis: its order stays.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc._disc import Disc, central_column
from pulposus.disc._layout import NUCLEUS
from pulposus.disc._lesion import Lesion
from pulposus.mesh import node_volumes


def lesion_on_axis(disc: Disc) -> Lesion:
    """The lesion of a disc with fields of shape (1, levels) on its central column.

    Args:
        disc: One disc (use `vmap` for a batch).
    """
    lesion, tissue = disc.lesion, disc.tissue_of_element
    volume = node_volumes(disc.topology, disc.coordinates, (tissue >= 0).astype(np.float64))
    nucleus = node_volumes(disc.topology, disc.coordinates, (tissue == NUCLEUS).astype(np.float64))
    weight = jnp.where(nucleus > 0.0, volume, 0.0) / jnp.sum(nucleus)
    share = _nucleus_share_of_axis(disc)

    def spread(field: Float[Array, "*kinds columns levels"]) -> Float[Array, "*kinds 1 levels"]:
        mean = jnp.einsum("...cz,cz->...", field, weight)
        return mean[..., None, None] * jnp.broadcast_to(share, (*mean.shape, *share.shape))

    by_column = jnp.sum(nucleus, axis=1) / jnp.sum(nucleus)

    def of_face(field: Float[Array, "2 columns"]) -> Float[Array, "2 1"]:
        return (field @ by_column)[:, None]

    return eqx.tree_at(
        lambda one: (
            one.lost,
            one.aggrecan_left,
            one.killed,
            one.fissure,
            one.order_left,
            one.void,
            one.trauma,
            one.endplate_opening,
            one.endplate_permeability_factor,
        ),
        lesion,
        (
            spread(lesion.lost),
            1.0 - spread(1.0 - lesion.aggrecan_left),
            spread(lesion.killed),
            spread(lesion.fissure),
            jnp.ones(share.shape),
            spread(lesion.void),
            spread(lesion.trauma),
            of_face(lesion.endplate_opening),
            of_face(lesion.endplate_permeability_factor),
        ),
    )


def _nucleus_share_of_axis(disc: Disc) -> Float[Array, "1 levels"]:
    """Share of every node of the central column that is nucleus."""
    column = central_column(disc)
    height = jnp.diff(column.positions)
    inside = height * jnp.asarray(column.tissue == NUCLEUS, dtype=jnp.float64)

    def at_nodes(layers: Float[Array, "layers"]) -> Float[Array, "levels"]:
        return jnp.pad(layers, (1, 0)) + jnp.pad(layers, (0, 1))

    return (at_nodes(inside) / at_nodes(height))[None]
