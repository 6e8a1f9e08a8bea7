r"""Arrival time of the injectate front at every node: the eikonal equation on the hexahedral mesh (cells_matrix 2.2).

.. math:: v\, |\nabla T| = 1, \qquad T(\text{tip}) = 0

Each hexahedron is cut into tetrahedra in both of its five-fold ways, so that mirrored discs give mirrored times. A vertex takes the
smallest time of a plane front that enters through the opposite face, along one of its edges or from one of its corners (the local solver
of Fu, Kirby and Whitaker, SIAM J. Sci. Comput. 35:C473, 2013, doi:10.1137/120881956); only elements whose corners changed are visited
again. The scheme is monotone and of first order. Around the tip the time is exact where the tissue is uniform, so the point source does
not spoil the order. NumPy only: it runs once per simulation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from pulposus.mesh import Topology

# Corners of a hexahedron are numbered 0 to 3 around the lower face and 4 to 7 above them.
_FIVE = ((0, 1, 2, 5), (0, 2, 3, 7), (0, 5, 7, 4), (2, 7, 5, 6), (0, 2, 7, 5))
_OTHER_FIVE = ((1, 2, 3, 6), (0, 1, 3, 4), (1, 4, 6, 5), (3, 4, 7, 6), (1, 3, 4, 6))
_TETRAHEDRA = np.array(_FIVE + _OTHER_FIVE)
# Every vertex of every tetrahedron, followed by the three corners of the opposite face, (40, 4).
_UPDATES = np.concatenate([np.roll(_TETRAHEDRA, -turn, axis=1) for turn in range(4)])
_EDGES = ((0, 1), (1, 2), (2, 0))

_UNREACHED = 1e30
# Times that improve by less than this share are left alone. Behind flat elements the updates settle geometrically, so the times end about
# three such shares from their limit: far below the first-order error of the scheme.
_STALL = 1e-6
# Elements updated at once; bounds the memory of the local solver to some ten megabytes.
_BATCH = 2048


class Elements(NamedTuple):
    """Hexahedra through which the front may pass.

    Attributes:
        nodes: Flat node numbers of their corners.
        speed: Front speed in each.
    """

    nodes: Int[np.ndarray, "elements 8"]
    speed: Float[np.ndarray, "elements"]


def open_elements(mesh: Topology, speed: Float[np.ndarray, "quads layers"]) -> Elements:
    """The hexahedra with a positive speed; the node of a column and a level has the number `column * levels + level`."""
    quads, layers = np.nonzero(speed > 0.0)
    lower = mesh.quads[quads] * mesh.levels + layers[:, None]
    return Elements(np.concatenate([lower, lower + 1], axis=1), speed[quads, layers])


def containing_elements(
    elements: Elements, points: Float[np.ndarray, "nodes 3"], position: Float[np.ndarray, "3"]
) -> Int[np.ndarray, "n"]:
    """Numbers of the elements that contain a position, its faces included; empty where it lies outside."""
    corners = points[elements.nodes]
    # Only elements whose bounding box holds the position need the exact test.
    margin = 1e-9 * np.ptp(points, axis=0).max()
    near = np.nonzero(
        ((corners.min(axis=1) <= position + margin) & (corners.max(axis=1) >= position - margin)).all(axis=1)
    )[0]
    tetrahedra = corners[near][:, _TETRAHEDRA]
    edges = np.swapaxes(tetrahedra[:, :, 1:] - tetrahedra[:, :, :1], 2, 3)
    flat = np.abs(np.linalg.det(edges)) < 1e-14 * np.ptp(points, axis=0).max() ** 3
    weights = np.linalg.solve(
        np.where(flat[..., None, None], np.eye(3), edges), (position - tetrahedra[:, :, 0])[..., None]
    )[..., 0]
    inside = (weights >= -1e-9).all(axis=-1) & (weights.sum(axis=-1) <= 1.0 + 1e-9) & ~flat
    return near[inside.any(axis=1)]


def arrival_times(
    mesh: Topology,
    coordinates: Float[np.ndarray, "columns levels 3"],
    speed: Float[np.ndarray, "quads layers"],
    tip: Float[np.ndarray, "3"],
    exact_radius: float | None = None,
) -> Float[np.ndarray, "columns levels"]:
    """Time at which a front from the tip reaches every node.

    Args:
        mesh: Topology.
        coordinates: Node coordinates [mm].
        speed: Front speed in every element; 0 closes it.
        tip: Position of the needle tip [mm].
        exact_radius: Radius around the tip inside which the time is distance over speed. By default half the distance to the nearest
            node of another speed or of the surface; no faster way around exists inside it.

    Returns:
        Times in mm over the unit of speed; infinite where the front never comes.

    Raises:
        ValueError: The tip is in no open element.
    """
    points = coordinates.reshape(-1, 3)
    elements = open_elements(mesh, speed)
    around = containing_elements(elements, points, tip)
    if around.size == 0:
        raise ValueError("the tip is outside the open elements")
    times = np.full(len(points), _UNREACHED)
    distance = np.linalg.norm(points - tip, axis=1)
    for element in around:
        nodes = elements.nodes[element]
        times[nodes] = np.minimum(times[nodes], distance[nodes] / elements.speed[element])
    here = float(elements.speed[around[0]])
    radius = _uniform_radius(mesh, speed, here, distance) if exact_radius is None else exact_radius
    ball = distance <= radius
    times[ball] = distance[ball] / here
    # The earliest nodes go first, a band of one element at a time: late nodes would mostly be improved again.
    band = np.median(np.ptp(points[elements.nodes], axis=1).max(axis=1) / elements.speed)
    changed = times < _UNREACHED
    while changed.any():
        now = changed & (times <= times[changed].min() + band)
        changed = (changed & ~now) | _sweep(times, now, elements, points)
    times[times >= _UNREACHED] = np.inf
    return times.reshape(mesh.columns, mesh.levels)


def _uniform_radius(
    mesh: Topology, speed: Float[np.ndarray, "quads layers"], here: float, distance: Float[np.ndarray, "nodes"]
) -> float:
    """Half the distance from the tip to the nearest node of another speed or of the surface."""
    border = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    border[:, [0, -1]] = True
    border[mesh.rim] = True
    quads, layers = np.nonzero(speed != here)
    for corner in range(4):
        border[mesh.quads[quads, corner], layers] = True
        border[mesh.quads[quads, corner], layers + 1] = True
    return 0.5 * float(distance[border.ravel()].min())


def _sweep(
    times: Float[np.ndarray, "nodes"],
    changed: Bool[np.ndarray, "nodes"],
    elements: Elements,
    points: Float[np.ndarray, "nodes 3"],
) -> Bool[np.ndarray, "nodes"]:
    """Update, in place, the nodes of all elements with a changed corner; returns which nodes improved."""
    active = np.nonzero(changed[elements.nodes].any(axis=1))[0]
    before = times.copy()
    for first in range(0, len(active), _BATCH):
        batch = active[first : first + _BATCH]
        rows = elements.nodes[batch][:, _UPDATES].reshape(-1, 4)
        slowness = np.repeat(1.0 / elements.speed[batch], len(_UPDATES))
        # A front cannot reach a vertex earlier than the earliest corner behind it.
        useful = before[rows[:, 1:]].min(axis=1) < before[rows[:, 0]]
        rows, slowness = rows[useful], slowness[useful]
        arrival = _local_times(points[rows[:, 0]], points[rows[:, 1:]], before[rows[:, 1:]], slowness)
        np.minimum.at(times, rows[:, 0], arrival)
    improved = times < before * (1.0 - _STALL)
    times[~improved] = before[~improved]
    return improved


def _local_times(
    vertex: Float[np.ndarray, "n 3"],
    corners: Float[np.ndarray, "n 3 3"],
    known: Float[np.ndarray, "n 3"],
    slowness: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n"]:
    """Smallest time over the opposite face of T(point) + slowness |vertex - point|, T linear on the face."""
    best = np.minimum.reduce(
        [_through_edge(vertex, corners[:, i], corners[:, j], known[:, i], known[:, j], slowness) for i, j in _EDGES]
    )
    return np.minimum(best, _through_face(vertex, corners, known, slowness))


def _through_edge(
    vertex: Float[np.ndarray, "n 3"],
    start: Float[np.ndarray, "n 3"],
    end: Float[np.ndarray, "n 3"],
    at_start: Float[np.ndarray, "n"],
    at_end: Float[np.ndarray, "n"],
    slowness: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n"]:
    """Smallest time through a point start + t (end - start), 0 <= t <= 1; convex in t, so the clamped stationary point is the minimum."""
    along = end - start
    length = np.sqrt(np.einsum("nx,nx->n", along, along))
    offset = vertex - start
    foot = np.einsum("nx,nx->n", offset, along) / length**2
    height = np.sqrt(np.maximum(np.einsum("nx,nx->n", offset, offset) - (foot * length) ** 2, 0.0))
    slope = (at_end - at_start) / (length * slowness)
    inner = np.abs(slope) < 1.0
    lean = height * slope / np.sqrt(np.where(inner, 1.0 - slope**2, 1.0))
    stationary = np.where(inner, foot - lean / length, np.where(slope > 0.0, 0.0, 1.0))
    t = np.clip(stationary, 0.0, 1.0)
    return (1.0 - t) * at_start + t * at_end + slowness * np.hypot(height, (t - foot) * length)


def _through_face(
    vertex: Float[np.ndarray, "n 3"],
    corners: Float[np.ndarray, "n 3 3"],
    known: Float[np.ndarray, "n 3"],
    slowness: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n"]:
    """Time of the plane front with the known values at the corners, where its ray to the vertex crosses the face; else unreached.

    With rows P_i = vertex - corner_i the gradient g obeys P g = T - known and |g| = slowness, a quadratic in T.
    """
    result = np.full(len(vertex), _UNREACHED)
    rows = vertex[:, None, :] - corners
    cofactor = np.stack(
        [np.cross(rows[:, 1], rows[:, 2]), np.cross(rows[:, 2], rows[:, 0]), np.cross(rows[:, 0], rows[:, 1])], axis=1
    )
    determinant = np.einsum("nx,nx->n", rows[:, 0], cofactor[:, 0])
    usable = (known.max(axis=1) < _UNREACHED) & (determinant != 0.0)
    cofactor, first = cofactor[usable] / determinant[usable, None, None], known[usable].min(axis=1)
    known, slowness = known[usable] - first[:, None], slowness[usable]
    unit = cofactor.sum(axis=1)
    shift = np.einsum("ni,nix->nx", known, cofactor)
    square = np.einsum("nx,nx->n", unit, unit)
    mixed = np.einsum("nx,nx->n", unit, shift)
    discriminant = mixed**2 - square * (np.einsum("nx,nx->n", shift, shift) - slowness**2)
    time = (mixed + np.sqrt(np.maximum(discriminant, 0.0))) / square
    gradient = time[:, None] * unit - shift
    through = (np.einsum("nix,nx->ni", cofactor, gradient) >= 0.0).all(axis=1) & (discriminant >= 0.0)
    result[usable] = np.where(through, first + time, _UNREACHED)
    return result
