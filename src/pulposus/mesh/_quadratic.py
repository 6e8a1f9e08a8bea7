r"""Quadratic hexahedra on the extruded O-grid: 20 nodes for displacements, 8 for a potential, 27 Gauss points.

Every 2 x 2 x 2 cells of a `Topology` make one element, so its nodes are nodes of that lattice (without the middles of faces and of the
element) and a disc gives their coordinates as it stands. The element is isoparametric,

.. math:: X(\xi) = \sum_{a=1}^{20} N_a(\xi)\, X_a, \qquad \mu(\xi) = \sum_{c=1}^{8} M_c(\xi)\, \mu_c ,

with the serendipity functions N (Zienkiewicz, Taylor, Zhu, The Finite Element Method, chapter 6) and the trilinear functions M: the element
of Taylor and Hood, which does not lock where the volume is kept. Nodes are ordered as in VTK's quadratic hexahedron.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import product

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.mesh._topology import FloatArray, IntArray, Topology

_CORNERS = np.array(
    [[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], dtype=np.int64
)
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
# Reference coordinates of the 20 nodes, in {-1, 0, 1}.
_PLACES = np.concatenate([_CORNERS, [(_CORNERS[a] + _CORNERS[b]) // 2 for a, b in _EDGES]])

# Nodes of a face, counter-clockwise seen from outside (the lower face: from inside), corners first, then the middles of the edges
# that follow them.
LOWER_FACE = (0, 1, 2, 3, 8, 9, 10, 11)
UPPER_FACE = (4, 5, 6, 7, 12, 13, 14, 15)
SIDE_FACE = (1, 2, 6, 5, 9, 18, 13, 17)


def _gauss(dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Points (3^d, d) and weights (3^d,) of the Gauss rule of three points along every axis, exact to degree 5."""
    places = np.array([-np.sqrt(0.6), 0.0, np.sqrt(0.6)])
    weights = np.array([5.0, 8.0, 5.0]) / 9.0
    points = np.array(list(product(places, repeat=dimensions)))
    return points, np.array(list(product(weights, repeat=dimensions))).prod(axis=1)


def _linear(places: IntArray, point: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Multilinear functions of the corners of a square or cube and their slopes."""
    factors = 0.5 * (1.0 + places * point)
    axes = range(places.shape[1])
    slopes = [0.5 * places[:, axis] * np.delete(factors, axis, axis=1).prod(axis=1) for axis in axes]
    return factors.prod(axis=1), np.stack(slopes, axis=1)


def _serendipity(places: IntArray, point: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Quadratic serendipity functions (nodes,) of a square (8 nodes) or cube (20) and their slopes (nodes, d).

    At a corner N = prod(1 + s x) (sum(s x) - (d - 1)) / 2^d, at the middle of an edge N = (1 - x_e^2) prod(1 + s x) / 2^(d - 1).
    """
    dimensions = places.shape[1]
    middle = places == 0
    factors = np.where(middle, 1.0 - point**2, 1.0 + places * point)
    factor_slopes = np.where(middle, -2.0 * point, places)
    at_corner = ~middle.any(axis=1)
    rise = np.where(at_corner, places @ point - (dimensions - 1), 1.0)
    share = np.where(at_corner, 0.5**dimensions, 0.5 ** (dimensions - 1))
    values = share * factors.prod(axis=1) * rise
    slopes = np.empty(places.shape)
    for axis in range(dimensions):
        others = np.delete(factors, axis, axis=1).prod(axis=1)
        rise_slope = np.where(at_corner, places[:, axis], 0.0)
        slopes[:, axis] = share * others * (factor_slopes[:, axis] * rise + factors[:, axis] * rise_slope)
    return values, slopes


POINTS, WEIGHTS = _gauss(3)
SHAPE, SLOPE = (np.stack(table) for table in zip(*(_serendipity(_PLACES, point) for point in POINTS), strict=True))
CORNER_SHAPE, CORNER_SLOPE = (
    np.stack(table) for table in zip(*(_linear(_CORNERS, point) for point in POINTS), strict=True)
)

FACE_POINTS, FACE_WEIGHTS = _gauss(2)
_FACE_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.int64)
_FACE_PLACES = np.concatenate([_FACE_CORNERS, [[0, -1], [1, 0], [0, 1], [-1, 0]]])
FACE_SLOPE = np.stack([_serendipity(_FACE_PLACES, point)[1] for point in FACE_POINTS])
FACE_CORNER_SHAPE = np.stack([_linear(_FACE_CORNERS, point)[0] for point in FACE_POINTS])


@dataclass(frozen=True, eq=False)
class Faces:
    """One surface of the mesh.

    Attributes:
        nodes: Of every face, corners first, (faces, 8).
        corners: Numbers of the potential's nodes, (faces, 4).
        elements: The element behind every face, (faces,).
    """

    nodes: IntArray = field(repr=False)
    corners: IntArray = field(repr=False)
    elements: IntArray = field(repr=False)

    def weights(self, coordinates: Float[Array, "nodes 3"]) -> Float[Array, "faces 9"]:
        """Area that every Gauss point stands for."""
        places = coordinates[self.nodes]
        along, across = (jnp.einsum("fax,pa->fpx", places, jnp.asarray(FACE_SLOPE[..., axis])) for axis in range(2))
        return jnp.sqrt(jnp.sum(jnp.cross(along, across) ** 2, axis=-1)) * FACE_WEIGHTS[None]


@dataclass(frozen=True, eq=False)
class QuadraticMesh:
    """Connectivity of quadratic elements; compared and hashed by identity, so it can be static in a compiled function.

    Attributes:
        topology: The lattice; its elements are pairs of cells along every axis.
        nodes: Column and level of every node, (nodes, 2).
        elements: Nodes of every element, (elements, 20).
        corners: Node of every node of the potential, (corners,).
        element_corners: Numbers in `corners` of the corners of every element, (elements, 8).
        element_region: `Topology.quad_region` of every element, (elements,).
        element_layer: `Topology.layer_region` of every element: 0 lower plate, 1 core, 2 upper plate, (elements,).
        lower, upper, side: The surface.
        groups: Nodes in the order in which a direct solver eliminates them: ring by ring of elements from the outside in, in every ring
            first the nodes of its outer surface, then those in its middle; the central block last. A group is coupled to the next one only.
        interface: Number of nodes of the outer surface of a ring, the first of every group.
    """

    topology: Topology
    nodes: IntArray = field(repr=False)
    elements: IntArray = field(repr=False)
    corners: IntArray = field(repr=False)
    element_corners: IntArray = field(repr=False)
    element_region: IntArray = field(repr=False)
    element_layer: IntArray = field(repr=False)
    lower: Faces = field(repr=False)
    upper: Faces = field(repr=False)
    side: Faces = field(repr=False)
    groups: tuple[IntArray, ...] = field(repr=False)
    interface: int = field(repr=False)

    def gather(self, values: Float[Array, "columns levels *rest"]) -> Float[Array, "nodes *rest"]:
        """A field of the lattice, such as `disc.coordinates`, at the nodes."""
        return jnp.asarray(values)[self.nodes[:, 0], self.nodes[:, 1]]

    def at_points(self, values: Float[Array, "nodes *rest"]) -> Float[Array, "elements 27 *rest"]:
        """A field of the nodes at the Gauss points."""
        return jnp.einsum("pa,ea...->ep...", jnp.asarray(SHAPE), values[self.elements])

    def point_reference(self, values: Float[Array, "columns levels *rest"]) -> Float[Array, "elements 27 *rest"]:
        """A smooth field of the lattice, such as its reference coordinates, at the Gauss points."""
        return self.at_points(self.gather(values))

    def corners_at_points(self, values: Float[Array, "corners *rest"]) -> Float[Array, "elements 27 *rest"]:
        """A field of the potential's nodes at the Gauss points."""
        return jnp.einsum("pc,ec...->ep...", jnp.asarray(CORNER_SHAPE), values[self.element_corners])

    def point_slopes(
        self, coordinates: Float[Array, "nodes 3"]
    ) -> tuple[Float[Array, "elements 27 3 3"], Float[Array, "elements 27"]]:
        """Inverse of the element map's slope dX/dxi, and the volume that every Gauss point stands for.

        The slope of the functions in space is `SLOPE @ inverse`. The volume is negative where an element is turned inside out.
        """
        jacobian = jnp.einsum("eax,par->epxr", coordinates[self.elements], jnp.asarray(SLOPE))
        first, second, third = (jacobian[..., axis] for axis in range(3))
        cofactors = [jnp.cross(second, third), jnp.cross(third, first), jnp.cross(first, second)]
        determinant = jnp.sum(first * cofactors[0], axis=-1)
        return jnp.stack(cofactors, axis=-2) / determinant[..., None, None], determinant * WEIGHTS[None]


def _element_cells(topology: Topology) -> tuple[IntArray, IntArray]:
    """Columns of the 3 x 3 lattice nodes of every quadratic quadrilateral, and its region."""
    plan = topology.plan
    square, perimeter = plan.square, 4 * plan.square
    block = [
        [[(i + p) * (square + 1) + j + q for q in range(3)] for p in range(3)]
        for i in range(0, square, 2)
        for j in range(0, square, 2)
    ]
    rings = _rings(topology)
    outside = [
        [[rings[r + p][(k + q) % perimeter] for q in range(3)] for p in range(3)]
        for r in range(0, len(rings) - 1, 2)
        for k in range(0, perimeter, 2)
    ]
    first_ring = square * square
    per_ring = topology.quad_region[first_ring::perimeter]
    region = np.concatenate([np.zeros(len(block), dtype=np.int64), np.repeat(per_ring[::2], perimeter // 2)])
    return np.array(block + outside, dtype=np.int64), region


def _rings(topology: Topology) -> list[IntArray]:
    """Columns of every ring of the lattice, the border of the central block first."""
    square = topology.plan.square
    first, perimeter = square * square, 4 * square
    quads = topology.quads[first:].reshape(-1, perimeter, 4)
    return [quads[0, :, 0], *(ring[:, 1] for ring in quads)]


@cache
def quadratic_mesh(topology: Topology) -> QuadraticMesh:
    """The quadratic mesh of a lattice.

    Args:
        topology: Its numbers of cells are even, also of the two plates.

    Returns:
        The same object for the same topology.

    Raises:
        ValueError: A number of cells is odd.
    """
    plan = topology.plan
    if any(number % 2 for number in (plan.square, plan.inner, plan.middle, plan.outer, plan.plate, plan.core)):
        message = f"quadratic elements need even numbers of cells; the plan is {plan}"
        raise ValueError(message)
    cells, region = _element_cells(topology)
    layers = (topology.levels - 1) // 2
    outermost = np.arange((len(cells) - 2 * plan.square) * layers, len(cells) * layers)
    used, elements = element_nodes(cells, topology.levels)
    groups, interface = _groups(topology, used)
    return connect(topology, used, elements, region, outermost, groups, interface)


def element_nodes(cells: IntArray, levels: int) -> tuple[IntArray, IntArray]:
    """Nodes of extruded elements.

    Args:
        cells: Columns of the 3 x 3 lattice nodes of every element of the cross-section, (cells, 3, 3).
        levels: Of the lattice.

    Returns:
        The lattice numbers `column * levels + level` of the nodes, rising, and the nodes of every element, layer by layer in every cell.
    """
    # [element of the cross-section, layer, node]
    columns = cells[:, _PLACES[:, 0] + 1, _PLACES[:, 1] + 1]
    level = np.arange(0, levels - 1, 2)[:, None] + _PLACES[None, :, 2] + 1
    flat = (columns[:, None, :] * levels + level[None]).reshape(-1, len(_PLACES))
    used = np.unique(flat)
    return used, np.searchsorted(used, flat)


def connect(
    topology: Topology,
    used: IntArray,
    elements: IntArray,
    region: IntArray,
    outermost: IntArray,
    groups: tuple[IntArray, ...],
    interface: int,
) -> QuadraticMesh:
    """The mesh of given elements.

    Args:
        topology: The lattice.
        used, elements: As from `element_nodes`.
        region: Of every element of the cross-section.
        outermost: Elements whose outer side is the lateral surface.
        groups, interface: As in `QuadraticMesh`.
    """
    corners = np.unique(elements[:, :8])
    element_corners = np.searchsorted(corners, elements[:, :8])
    numbers = np.arange(len(elements)).reshape(len(region), -1)

    def faces(behind: IntArray, local: tuple[int, ...]) -> Faces:
        return Faces(elements[behind][:, list(local)], element_corners[behind][:, list(local[:4])], behind)

    return QuadraticMesh(
        topology=topology,
        nodes=np.stack([used // topology.levels, used % topology.levels], axis=1),
        elements=elements,
        corners=corners,
        element_corners=element_corners,
        element_region=np.repeat(region, numbers.shape[1]),
        element_layer=np.tile(topology.layer_region[::2], len(region)),
        lower=faces(numbers[:, 0], LOWER_FACE),
        upper=faces(numbers[:, -1], UPPER_FACE),
        side=faces(outermost, SIDE_FACE),
        groups=groups,
        interface=interface,
    )


def _groups(topology: Topology, used: IntArray) -> tuple[tuple[IntArray, ...], int]:
    """`QuadraticMesh.groups` and `QuadraticMesh.interface`."""
    column = used // topology.levels

    def nodes_of(columns: IntArray) -> IntArray:
        place = {int(one): order for order, one in enumerate(columns)}
        found = np.flatnonzero(np.isin(column, columns))
        return found[np.argsort([place[int(one)] for one in column[found]], kind="stable")]

    rings = [nodes_of(ring) for ring in _rings(topology)]
    shells = [np.concatenate([rings[r], rings[r - 1]]) for r in range(len(rings) - 1, 0, -2)]
    block = np.flatnonzero(column < (topology.plan.square + 1) ** 2)
    rest = np.setdiff1d(block, rings[0])
    return (*shells, np.concatenate([rings[0], rest])), len(rings[-1])
