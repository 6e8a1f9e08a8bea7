r"""Trilinear finite elements on the extruded O-grid.

The diffusion operator of a field :math:`u` with conductivity :math:`\kappa` per element,

.. math:: (K u)_i = \int \kappa \, \nabla N_i \cdot \nabla u \, dV ,

is stored as a stencil: for every column its neighbours in the cross-section, and for each of them the level below, the same level and the
level above. Volumes are lumped: :math:`V_i = \int N_i dV`, so that reactions are pointwise and every balance is a plain sum over nodes.
Sums run in a fixed order (gathers, no scattered additions), so a result does not depend on the machine's thread count.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from pulposus import _backend  # noqa: F401
from pulposus.mesh._topology import IntArray, Topology

# Corners of a hexahedron: four of the lower quadrilateral, then the four above them.
_CORNER_SIGNS = np.array(
    [[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]],
    dtype=np.float64,
)
_GAUSS = np.array([-1.0, 1.0]) / np.sqrt(3.0)


def _shape_functions(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (8,) and reference gradients (8, 3) of the trilinear shape functions."""
    factors = 0.5 * (1.0 + _CORNER_SIGNS * point)
    values = factors.prod(axis=1)
    gradients = np.stack(
        [0.5 * _CORNER_SIGNS[:, axis] * np.delete(factors, axis, axis=1).prod(axis=1) for axis in range(3)], axis=1
    )
    return values, gradients


_GAUSS_POINTS = np.array([[a, b, c] for a in _GAUSS for b in _GAUSS for c in _GAUSS])
_VALUES = np.stack([_shape_functions(point)[0] for point in _GAUSS_POINTS])
_GRADIENTS = np.stack([_shape_functions(point)[1] for point in _GAUSS_POINTS])


class Incidence(NamedTuple):
    """Where the entries of the element matrices go; -1 pads.

    Attributes:
        pairs: For a column and a neighbour slot, the flat numbers `quad * 16 + corner * 4 + other corner`, shape (columns, width, 4).
        corners: For a column, the flat numbers `quad * 4 + corner`, shape (columns, valence).
    """

    pairs: IntArray
    corners: IntArray


@cache
def incidence(mesh: Topology) -> Incidence:
    """Gather tables of a topology."""
    slots = [{int(other): slot for slot, other in reversed(list(enumerate(row)))} for row in mesh.neighbours]
    width = mesh.neighbours.shape[1]
    pairs: list[list[list[int]]] = [[[] for _ in range(width)] for _ in range(mesh.columns)]
    corners: list[list[int]] = [[] for _ in range(mesh.columns)]
    for number, quad in enumerate(mesh.quads):
        for corner, column in enumerate(quad):
            corners[column].append(number * 4 + corner)
            for other, neighbour in enumerate(quad):
                pairs[column][slots[column][int(neighbour)]].append(number * 16 + corner * 4 + other)
    depth = max(len(entries) for row in pairs for entries in row)
    valence = max(len(entries) for entries in corners)
    return Incidence(
        pairs=np.array([[entries + [-1] * (depth - len(entries)) for entries in row] for row in pairs]),
        corners=np.array([entries + [-1] * (valence - len(entries)) for entries in corners]),
    )


def element_corners(mesh: Topology, coordinates: Float[Array, "columns levels 3"]) -> Float[Array, "quads layers 8 3"]:
    """Corner coordinates of every hexahedron."""
    lower = coordinates[mesh.quads, :-1]
    upper = coordinates[mesh.quads, 1:]
    return jnp.moveaxis(jnp.concatenate([lower, upper], axis=1), 1, 2)


def _gauss_geometry(
    corners: Float[Array, "quads layers 8 3"], gradients: Float[np.ndarray, "8 3"] | Float[Array, "8 3"]
) -> tuple[Array, Array]:
    """Jacobian determinant (quads, layers) and spatial gradients (quads, layers, 8, 3) of the shape functions at one Gauss point."""
    jacobian = jnp.einsum("qlax,ar->qlxr", corners, gradients)
    column = [jacobian[..., :, axis] for axis in range(3)]
    cofactor = jnp.stack(
        [jnp.cross(column[1], column[2]), jnp.cross(column[2], column[0]), jnp.cross(column[0], column[1])], axis=-1
    )
    determinant = jnp.sum(column[0] * cofactor[..., 0], axis=-1)
    # A void element may be collapsed: its determinant is zero and its gradients never enter (its conductivity is zero).
    safe = jnp.where(determinant == 0.0, 1.0, determinant)
    spatial = jnp.einsum("ar,qlxr->qlax", gradients, cofactor) / safe[..., None, None]
    return determinant, spatial


def jacobian_determinants(
    mesh: Topology, coordinates: Float[Array, "columns levels 3"]
) -> Float[Array, "gauss quads layers"]:
    """Determinant of the element map at the eight Gauss points; positive in a valid mesh."""
    corners = element_corners(mesh, coordinates)
    return jnp.stack([_gauss_geometry(corners, gradients)[0] for gradients in _GRADIENTS])


@eqx.filter_jit
def element_volumes(mesh: Topology, coordinates: Float[Array, "columns levels 3"]) -> Float[Array, "quads layers"]:
    """Volume of every element, in the cube of the unit of the coordinates."""
    return jnp.sum(jacobian_determinants(mesh, coordinates), axis=0)


def corner_volumes(mesh: Topology, coordinates: Float[Array, "columns levels 3"]) -> Float[Array, "quads layers 8"]:
    """Integral of each shape function over its element."""
    determinants = jacobian_determinants(mesh, coordinates)
    return jnp.einsum("gql,ga->qla", determinants, _VALUES)


def _gather(table: IntArray, entries: Float[Array, "n ..."]) -> Float[Array, "..."]:
    """Sum of the listed entries; -1 in the table adds nothing."""
    mask = (table >= 0).reshape(table.shape + (1,) * (entries.ndim - 1))
    return jnp.sum(jnp.where(mask, entries[np.maximum(table, 0)], 0.0), axis=table.ndim - 1)


def sum_to_nodes(mesh: Topology, corner_values: Float[Array, "quads layers 8"]) -> Float[Array, "columns levels"]:
    """Nodal sums of values given at the corners of the elements."""
    quads, layers = corner_values.shape[:2]
    table = incidence(mesh).corners
    by_corner = jnp.moveaxis(corner_values.reshape(quads, layers, 2, 4), 3, 1).reshape(quads * 4, layers, 2)
    nodal = _gather(table, by_corner)
    return jnp.pad(nodal[..., 0], ((0, 0), (0, 1))) + jnp.pad(nodal[..., 1], ((0, 0), (1, 0)))


@eqx.filter_jit
def node_volumes(
    mesh: Topology,
    coordinates: Float[Array, "columns levels 3"],
    element_weight: Float[Array, "quads layers"] | Bool[Array, "quads layers"] | np.ndarray | None = None,
) -> Float[Array, "columns levels"]:
    """Lumped volume of every node; with a weight per element, the weighted volume (an indicator gives the volume inside a region)."""
    corners = corner_volumes(mesh, coordinates)
    if element_weight is not None:
        corners = corners * jnp.asarray(element_weight)[..., None]
    return sum_to_nodes(mesh, corners)


class Anisotropy(NamedTuple):
    r"""Conductivity :math:`\kappa (I + (q - 1)\, d\, d^T)` of every element: q times as large along the direction d as across it.

    Attributes:
        direction: Unit vector d of every element; its sign does not matter.
        ratio: q, above zero; 1 where the element is isotropic.
    """

    direction: Float[Array, "quads layers 3"]
    ratio: Float[Array, "quads layers"]


def diffusion_stencil(
    mesh: Topology,
    coordinates: Float[Array, "columns levels 3"],
    conductivity: Float[Array, "fields quads layers"],
    anisotropy: Anisotropy | None = None,
) -> Float[Array, "fields columns width 3 levels"]:
    """Stencil of the diffusion operator of several fields.

    Args:
        mesh: Topology.
        coordinates: Node coordinates.
        conductivity: Conductivity of every field in every element.
        anisotropy: A direction of its own in every element; isotropic if None.

    Returns:
        Entries `[field, column, slot, offset, level]`: the weight of the node at `neighbours[column, slot]` and `level + offset - 1`.
    """
    corners = element_corners(mesh, coordinates)

    def add_point(total: Array, gradients: Array) -> tuple[Array, None]:
        determinant, spatial = _gauss_geometry(corners, gradients)
        total = total + jnp.einsum("ql,qlax,qlbx->qlab", determinant, spatial, spatial)
        if anisotropy is not None:
            along = jnp.einsum("qlax,qlx->qla", spatial, anisotropy.direction)
            total = total + jnp.einsum("ql,qla,qlb->qlab", determinant * (anisotropy.ratio - 1.0), along, along)
        return total, None

    quads, layers = corners.shape[:2]
    geometric, _ = jax.lax.scan(add_point, jnp.zeros((quads, layers, 8, 8)), jnp.asarray(_GRADIENTS))
    # [quad, layer, (half, corner), (other half, other corner)] -> [(quad, corner, other corner), half, other half, layer]
    ordered = geometric.reshape(quads, layers, 2, 4, 2, 4).transpose(0, 3, 5, 2, 4, 1)
    table = incidence(mesh).pairs

    def assemble(weight: Float[Array, "quads layers"]) -> Float[Array, "columns width 3 levels"]:
        entries = (ordered * weight[:, None, None, None, None, :]).reshape(quads * 16, 2, 2, layers)
        nodal = _gather(table, entries)
        at_lower = [(0, 0)] * 2 + [(0, 1)]
        at_upper = [(0, 0)] * 2 + [(1, 0)]
        below = jnp.pad(nodal[:, :, 1, 0], at_upper)
        same = jnp.pad(nodal[:, :, 0, 0], at_lower) + jnp.pad(nodal[:, :, 1, 1], at_upper)
        above = jnp.pad(nodal[:, :, 0, 1], at_lower)
        return jnp.stack([below, same, above], axis=2)

    return jax.vmap(assemble)(conductivity)


def ring_normals(mesh: Topology, coordinates: Float[Array, "columns levels 3"]) -> Float[Array, "quads layers 3"]:
    """Outward unit normal of the ring that every element lies in, at its centre.

    It is normal to the circumference and to the axis of the element. In the central block, which has no rings, it is normal to the side
    from the first corner to the last.
    """
    corners = element_corners(mesh, coordinates)
    around = corners[:, :, [2, 3, 6, 7]].sum(axis=2) - corners[:, :, [0, 1, 4, 5]].sum(axis=2)
    upward = corners[:, :, 4:].sum(axis=2) - corners[:, :, :4].sum(axis=2)
    normal = jnp.cross(around, upward)
    square = jnp.sum(normal**2, axis=-1, keepdims=True)
    # A void element may be collapsed: it has no normal and conducts nothing.
    return normal / jnp.sqrt(jnp.where(square == 0.0, 1.0, square))


def apply_stencil(
    neighbours: IntArray,
    stencil: Float[Array, "fields columns width 3 levels"],
    values: Float[Array, "fields columns levels"],
) -> Float[Array, "fields columns levels"]:
    """Product of the stencil with nodal values."""
    padded = jnp.pad(values, ((0, 0), (0, 0), (1, 1)))
    total = jnp.zeros_like(values)
    for slot in range(neighbours.shape[1]):
        # The barrier has the neighbours gathered once and not once for each of their three uses.
        near = lax.optimization_barrier(padded[:, neighbours[:, slot]])
        total = total + stencil[:, :, slot, 0] * near[..., :-2]
        total = total + stencil[:, :, slot, 1] * near[..., 1:-1]
        total = total + stencil[:, :, slot, 2] * near[..., 2:]
    return total


def face_areas(
    mesh: Topology, face: Float[Array, "columns 3"], quad_weight: Float[Array, "quads"] | np.ndarray
) -> Float[Array, "columns"]:
    """Lumped area of every node of a face of the extrusion (one level).

    Args:
        mesh: Topology.
        face: Coordinates of the nodes of the face.
        quad_weight: Weight of every quadrilateral (an indicator selects a part of the face).
    """
    corners = face[mesh.quads]
    total = jnp.zeros(mesh.quads.shape)
    for a in _GAUSS:
        for b in _GAUSS:
            signs = _CORNER_SIGNS[:4, :2]
            factors = 0.5 * (1.0 + signs * np.array([a, b]))
            along = jnp.einsum("qcx,c->qx", corners, 0.5 * signs[:, 0] * factors[:, 1])
            across = jnp.einsum("qcx,c->qx", corners, 0.5 * signs[:, 1] * factors[:, 0])
            area = jnp.linalg.norm(jnp.cross(along, across), axis=-1)
            total = total + area[:, None] * factors.prod(axis=1)[None, :]
    weighted = total * jnp.asarray(quad_weight)[:, None]
    return _gather(incidence(mesh).corners, weighted.reshape(-1))
