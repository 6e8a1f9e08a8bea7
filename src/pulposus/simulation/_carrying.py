r"""Fields of one disc carried between two of its meshes, in the coordinates of the reference cylinder (mechanics_imaging 1.4, 2.1).

Nutrients, cells and matrix live on the nodes of trilinear elements, mechanics on the Gauss points of quadratic ones. Both meshes are
images of the same cylinder :math:`(\xi, \eta, \zeta)`, so a point of one lies at a known place of the other.

To the Gauss points a field goes tissue by tissue: a node on the border of two tissues holds a mixture of both, so only the nodes that lie
wholly in a tissue speak for it. The value at a point x is that of the linear function that fits the nearest of them best,

.. math:: f(x) = \sum_i w_i f_i, \qquad w = W A\, (A^T W A)^{-1} p(x), \qquad p = (1, \xi, \eta, \zeta), \quad A_i = p(x_i),

with weights W that fall with the distance (moving least squares; Lancaster and Salkauskas 1981, doi:10.1090/S0025-5718-1981-0616367-1).
Linear functions are carried exactly, smooth ones to second order. Back to the nodes goes the displacement, which is continuous: the shape
functions of the quadratic element in which a node lies.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pulposus.disc import Disc
from pulposus.mesh import Topology, reference_points
from pulposus.mesh._quadratic import _PLACES, QuadraticMesh

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Nodes that a fit may use, fewest first: the first number that determines a linear function is taken.
_NEIGHBOURS = (12, 20, 32, 48)
# A fit is determined when the nodes spread over a fair part of their distance along every axis: the least ratio of its singular values.
_RANK = 0.05
# Elements that are tried for a node, nearest centre first, and the steps of Newton's method in each.
_CANDIDATES = 12
# Points that a picture takes a value from, and the distance in the cylinder within which a node and a point are one.
_NEAREST, _TOUCHING = 8, 1e-9
_STEPS = 12


class ToPoints(eqx.Module):
    """From the nodes of a disc to points, such as the Gauss points of its mechanics.

    Attributes:
        nodes: Numbers of the nodes, column by column, that a point takes its value from, (elements, points, neighbours).
        weights: Their weights; they add up to one, some are negative beside a border.
    """

    nodes: Int[Array, "elements points neighbours"]
    weights: Float[Array, "elements points neighbours"]

    def __call__(self, field: Float[Array, "columns levels"]) -> Float[Array, "elements points"]:
        """A nodal field at the points."""
        return jnp.sum(self.weights * field.reshape(-1)[self.nodes], axis=-1)

    def bounded(self, field: Float[Array, "columns levels"]) -> Float[Array, "elements points"]:
        """The same, kept between the lowest and the highest value of the field: beside a border the linear function is continued."""
        return jnp.clip(self(field), jnp.min(field), jnp.max(field))


class FromPoints(eqx.Module):
    """From the Gauss points of one tissue to the nodes of a disc that touch it, for pictures.

    Attributes:
        points: Numbers of the points, element by element, that a node takes its value from, (columns, levels, neighbours).
        weights: Their weights, positive, with the sum one.
        inside: Whether a node touches the tissue.
    """

    points: Int[Array, "columns levels neighbours"]
    weights: Float[Array, "columns levels neighbours"]
    inside: Bool[Array, "columns levels"]

    def __call__(self, field: Float[Array, "elements points"], elsewhere: float) -> Float[Array, "columns levels"]:
        """A field of the points at the nodes, and a constant elsewhere."""
        near = jnp.sum(self.weights * field.reshape(-1)[self.points], axis=-1)
        return jnp.where(self.inside, near, elsewhere)


class ToNodes(eqx.Module):
    """From the nodes of quadratic elements to the nodes of a disc.

    Attributes:
        nodes: Nodes of the element in which a node of the disc lies, (columns, levels, 20).
        weights: Their shape functions there.
    """

    nodes: Int[Array, "columns levels shapes"]
    weights: Float[Array, "columns levels shapes"]

    def __call__(self, field: Float[Array, "nodes 3"]) -> Float[Array, "columns levels 3"]:
        """A vector field of the quadratic elements at the nodes of the disc."""
        return jnp.einsum("clk,clkx->clx", self.weights, field[self.nodes])


def node_reference(disc: Disc, nucleus_radius: float, endplate_radius: float) -> FloatArray:
    """(xi, eta, zeta) of the nodes of an undeformed disc, (columns, levels, 3).

    Args:
        disc: The disc.
        nucleus_radius, endplate_radius: rho_N and rho_CEP.
    """
    section = reference_points(disc.topology, nucleus_radius, endplate_radius)
    z = np.asarray(disc.coordinates)[..., 2]
    zeta = (2.0 * z - z[:, :1] - z[:, -1:]) / (z[:, -1:] - z[:, :1])
    lateral = np.broadcast_to(section[:, None, :], (*zeta.shape, 2))
    return np.concatenate([lateral, zeta[..., None]], axis=-1)


def to_points(
    disc: Disc, reference: FloatArray, tissue: IntArray, points: Float[np.ndarray, "elements points 3"]
) -> ToPoints:
    """Weights from the nodes of a disc to points, tissue by tissue.

    Args:
        disc: The disc whose nodes carry the fields.
        reference: Their places (`node_reference`).
        tissue: Tissue of every element of the points, (elements,).
        points: Places of the points.

    Raises:
        ValueError: The disc has no node that lies wholly in a tissue of the points, or too few to determine a linear function.
    """
    places = reference.reshape(-1, 3)
    nodes = np.empty((*points.shape[:2], _NEIGHBOURS[-1]), dtype=np.int64)
    weights = np.zeros(nodes.shape)
    for code in np.unique(tissue):
        own = np.flatnonzero(_pure_nodes(disc, int(code)).ravel())
        here = np.flatnonzero(tissue == code)
        found, share = _fit(places[own], points[here].reshape(-1, 3))
        nodes[here] = own[found].reshape(len(here), -1, _NEIGHBOURS[-1])
        weights[here] = share.reshape(len(here), -1, _NEIGHBOURS[-1])
    return ToPoints(jnp.asarray(nodes), jnp.asarray(weights))


def from_points(
    disc: Disc, reference: FloatArray, tissue: IntArray, points: Float[np.ndarray, "elements points 3"], code: int
) -> FromPoints:
    """Weights from the points of a tissue to the nodes that touch it: inverse squares of the distances to the nearest ones.

    Means of this kind (Shepard 1968, doi:10.1145/800186.810616) stay between the values of the points.

    Args:
        disc: The disc of the nodes.
        reference: Their places (`node_reference`).
        tissue: Tissue of every element of the points, (elements,).
        points: Places of the points.
        code: The tissue.
    """
    inside = _touched(disc.topology, disc.tissue_of_element == code)
    own = np.flatnonzero(np.repeat(tissue == code, points.shape[1]))
    distance, found = KDTree(points.reshape(-1, 3)[own]).query(reference[inside], k=_NEAREST)
    share = 1.0 / np.maximum(np.asarray(distance), _TOUCHING) ** 2
    numbers = np.zeros((*inside.shape, _NEAREST), dtype=np.int64)
    weights = np.full(numbers.shape, 1.0 / _NEAREST)
    numbers[inside], weights[inside] = own[np.asarray(found)], share / share.sum(axis=1, keepdims=True)
    return FromPoints(jnp.asarray(numbers), jnp.asarray(weights), jnp.asarray(inside))


def _pure_nodes(disc: Disc, code: int) -> NDArray[np.bool_]:
    """Nodes all of whose elements are of one tissue, (columns, levels)."""
    inside, outside = (
        _touched(disc.topology, kind) for kind in (disc.tissue_of_element == code, disc.tissue_of_element != code)
    )
    return inside & ~outside


def _touched(mesh: Topology, elements: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Nodes of the marked elements."""
    nodes = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    quads, layers = np.nonzero(elements)
    for corner in range(4):
        nodes[mesh.quads[quads, corner], layers] = True
        nodes[mesh.quads[quads, corner], layers + 1] = True
    return nodes


def _fit(nodes: FloatArray, points: FloatArray) -> tuple[IntArray, FloatArray]:
    """Nearest nodes of every point and their weights, padded with zeros."""
    # Nodes lie closer along the axis in a thin endplate than across it: distances count in spacings.
    spacing = _spacing(nodes)
    tree = KDTree(nodes / spacing)
    most = _NEIGHBOURS[-1]
    if len(nodes) < most:
        message = f"{len(nodes)} nodes do not determine a linear function everywhere"
        raise ValueError(message)
    distance, found = (np.asarray(part) for part in tree.query(points / spacing, k=most))
    weights = np.zeros(distance.shape)
    left = np.arange(len(points))
    for count in _NEIGHBOURS:
        basis = np.concatenate(
            [np.ones((len(left), count, 1)), (nodes[found[left, :count]] - points[left, None]) / spacing], axis=-1
        )
        reach = distance[left, count - 1 : count] * 1.0001
        root = np.sqrt(np.exp(-4.0 * (distance[left, :count] / reach) ** 2))
        u, singular, v = np.linalg.svd(root[..., None] * basis, full_matrices=False)
        determined = singular[:, -1] > _RANK * singular[:, 0]
        # At the point itself the basis is (1, 0, 0, 0): the weights are the first row of the pseudo-inverse.
        first = np.einsum("pr,pkr->pk", v[determined, :, 0] / singular[determined], u[determined])
        weights[left[determined], :count] = first * root[determined]
        left = left[~determined]
        if not len(left):
            return found, weights
    message = "the nodes of a tissue do not determine a linear function"
    raise ValueError(message)


def _spacing(nodes: FloatArray) -> FloatArray:
    """Usual distance of neighbouring nodes across and along the axis, (3,)."""
    lateral = np.unique(np.round(nodes[:, :2], 9), axis=0)
    across = float(np.median(np.asarray(KDTree(lateral).query(lateral, k=2)[0])[:, 1]))
    heights = [np.sort(column) for column in _columns(nodes)]
    along = float(np.median(np.concatenate([np.diff(column) for column in heights])))
    return np.array([across, across, along])


def _columns(nodes: FloatArray) -> list[FloatArray]:
    """Axial coordinates of the nodes of every column that has two or more."""
    _, number = np.unique(np.round(nodes[:, :2], 9), axis=0, return_inverse=True)
    order = np.argsort(number, kind="stable")
    parts = np.split(nodes[order, 2], np.flatnonzero(np.diff(number[order])) + 1)
    return [part for part in parts if len(part) > 1]


def to_nodes(reference: FloatArray, mesh: QuadraticMesh, lattice: FloatArray) -> ToNodes:
    """Weights from the nodes of quadratic elements to the nodes of a disc.

    Args:
        reference: Places of the nodes of the disc (`node_reference`).
        mesh: Quadratic elements.
        lattice: Places of the lattice of the elements (`node_reference` of the disc on it).

    A node that the polygon of a ring leaves a little outside takes the function of the nearest element, continued.
    """
    corners = lattice[mesh.nodes[:, 0], mesh.nodes[:, 1]][mesh.elements]
    points = reference.reshape(-1, 3)
    candidates = np.asarray(KDTree(corners.mean(axis=1)).query(points, k=_CANDIDATES)[1])
    best = np.full(len(points), np.inf)
    element, local = np.zeros(len(points), dtype=np.int64), np.zeros_like(points)
    for candidate in candidates.T:
        left = np.flatnonzero(best > 0.0)
        place, outside = _local_place(corners[candidate[left]], points[left])
        better = outside < best[left]
        found = left[better]
        best[found], element[found], local[found] = outside[better], candidate[found], place[better]
    shape, _ = _shapes(local)
    size = reference.shape[:2]
    return ToNodes(jnp.asarray(mesh.elements[element].reshape(*size, -1)), jnp.asarray(shape.reshape(*size, -1)))


def _local_place(corners: FloatArray, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Place of points in the coordinates of one element each, and how far outside it lies."""
    place = np.zeros_like(points)
    for _ in range(_STEPS):
        shape, slope = _shapes(place)
        miss = np.einsum("pa,pax->px", shape, corners) - points
        jacobian = np.einsum("par,pax->pxr", slope, corners)
        # Far from the element the map folds; a bounded step and place keep the iteration finite there.
        step = np.linalg.solve(jacobian, miss[..., None])[..., 0]
        place = np.clip(place - np.clip(step, -1.0, 1.0), -2.0, 2.0)
    shape, _ = _shapes(place)
    miss = np.max(np.abs(np.einsum("pa,pax->px", shape, corners) - points), axis=1)
    outside = np.maximum(np.max(np.abs(place), axis=1) - 1.0, 0.0)
    return place, np.where(miss < 1e-9, np.where(outside < 1e-9, 0.0, outside), np.inf)


def _shapes(places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Serendipity functions (points, 20) and slopes (points, 20, 3) at local places, as `mesh._quadratic` defines them."""
    middle = _PLACES == 0
    x = places[:, None, :]
    factors = np.where(middle, 1.0 - x**2, 1.0 + _PLACES * x)
    factor_slopes = np.where(middle, -2.0 * x, _PLACES)
    at_corner = ~middle.any(axis=1)
    rise = np.where(at_corner, (_PLACES * x).sum(axis=-1) - 2.0, 1.0)
    share = np.where(at_corner, 0.125, 0.25)
    # Products of the other two factors, by axis.
    others = np.stack([np.delete(factors, axis, axis=2).prod(axis=2) for axis in range(3)], axis=-1)
    rise_slopes = np.where(at_corner[:, None], _PLACES, 0.0)
    slopes = others * (factor_slopes * rise[..., None] + factors * rise_slopes)
    return share * factors.prod(axis=2) * rise, share[:, None] * slopes
