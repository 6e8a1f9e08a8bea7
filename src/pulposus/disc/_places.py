r"""Places in a disc: where a needle enters and ends, and which nodes a track, a tear or a patch covers.

A needle is thinner than an element, so a track is given as shares of nodes that are exact in total: the tube is sampled by points that
each carry a part :math:`\delta V` of its volume, and a point gives it to the nodes of its element by their shape functions,

.. math:: v_a = \sum_p \delta V\, N_a(x_p), \qquad \sum_a v_a = \text{volume of the tube inside nucleus and annulus} .

The columns of a mesh are vertical, so the shape functions at a point are the inverse of a bilinear map in the section and a linear
one along the axis. It runs once per disc, outside compiled code.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.disc._disc import Disc
from pulposus.disc._layout import ANNULUS, NUCLEUS
from pulposus.mesh import Topology, element_volumes, face_areas

Nodal = Float[np.ndarray, "columns levels"]

# Points of a tube: stations along it, rings of equal area in its section, points of a ring. A tube inside the disc is exact with any
# number; a hundredth of its length or of its section matters only where it crosses the surface.
_STATIONS, _RINGS, _SPOKES = 200, 8, 16
# Points whose quadrilaterals are looked for at once; bounds the memory to some ten megabytes.
_BATCH = 2048
_ROUNDING = 1e-9
# Newton steps of the inverse bilinear map; it converges quadratically, in four or five steps on the elements of a valid disc.
_NEWTON_STEPS = 12
# Steps that are always taken, so that no point of the element is still outside it, and the change at which the rest may be left out.
_LEAST_STEPS = 4
_CONVERGED = 1e-14


class Located(NamedTuple):
    """Shape functions of a section at points of it; points outside have left the list.

    Attributes:
        kept: Numbers of the points that lie in the section.
        quad: Quadrilateral of each.
        columns: Its four columns, (kept, 4).
        weights: Their shape functions at the point, of sum 1, (kept, 4).
    """

    kept: Int[np.ndarray, "kept"]
    quad: Int[np.ndarray, "kept"]
    columns: Int[np.ndarray, "kept 4"]
    weights: Float[np.ndarray, "kept 4"]


def nucleus_volume(disc: Disc) -> float:
    """Volume of the nucleus [mL]; the cartilage endplates do not belong to it."""
    volumes = np.asarray(element_volumes(disc.topology, disc.coordinates))
    return 1e-3 * float(volumes[disc.tissue_of_element == NUCLEUS].sum())


def tip_position(disc: Disc, right: float, anterior: float, cranial: float) -> Float[np.ndarray, "3"]:
    """Needle tip [mm]: the centre of the nucleus, moved by shares of the half width, half depth and half central height."""
    points = np.asarray(disc.coordinates)
    column, level = disc.topology.centre
    half = 0.5 * np.array([np.ptp(points[..., 0]), np.ptp(points[..., 1]), np.ptp(points[column, :, 2])])
    return points[column, level] + half * np.array([right, anterior, cranial])


def central_height(disc: Disc) -> float:
    """Height of the disc on the axis of its nucleus [mm]."""
    column, _ = disc.topology.centre
    return float(np.ptp(np.asarray(disc.coordinates)[column, :, 2]))


def rim_point(mesh: Topology, points: Float[np.ndarray, "columns levels 3"], angle: float) -> Float[np.ndarray, "3"]:
    """Point of the outer annulus at mid height.

    Args:
        mesh: Topology.
        points: Node coordinates [mm].
        angle: From the posterior midline [degree]; positive to the right, 90 is the right side, 180 the front.
    """
    rim = 0.5 * (points[mesh.rim, 0] + points[mesh.rim, -1])
    offset = rim - rim.mean(axis=0)
    around = np.degrees(np.arctan2(offset[:, 0], -offset[:, 1]))
    order = np.argsort(around)
    wrapped = (angle + 180.0) % 360.0 - 180.0
    return np.array([np.interp(wrapped, around[order], rim[order, axis], period=360.0) for axis in range(3)])


def locate(mesh: Topology, section: Float[np.ndarray, "columns 2"], points: Float[np.ndarray, "points 2"]) -> Located:
    """Quadrilateral of every point of a section, and the shape functions of its corners there.

    Args:
        mesh: Topology.
        section: Columns of the section [mm].
        points: Points [mm]; those outside are left out of the answer.
    """
    parts = [_locate(mesh, section, points, start) for start in range(0, len(points), _BATCH)]
    return Located(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _locate(mesh: Topology, section: np.ndarray, points: np.ndarray, start: int) -> Located:
    """`locate` for one batch of points."""
    batch = points[start : start + _BATCH]
    margin = _ROUNDING * np.ptp(section, axis=0).max()
    corners = section[mesh.quads]
    # Points of a batch lie close together, so most elements drop out at once.
    at_hand = np.all(corners.max(axis=1) >= batch.min(axis=0) - margin, axis=1)
    at_hand &= np.all(corners.min(axis=1) <= batch.max(axis=0) + margin, axis=1)
    numbers = np.nonzero(at_hand)[0]
    corners = corners[numbers]
    low, high = corners.min(axis=1), corners.max(axis=1)
    near = np.ones((len(batch), len(corners)), dtype=bool)
    for axis in range(2):
        near &= batch[:, None, axis] >= low[None, :, axis] - margin
        near &= batch[:, None, axis] <= high[None, :, axis] + margin
    point, quad = np.nonzero(near)
    local = _inverse_bilinear(corners[quad], batch[point])
    inside = np.abs(local).max(axis=1, initial=0.0) <= 1.0 + _ROUNDING
    # A point on a shared edge lies in two elements, whose shape functions agree there: the first one serves.
    kept, first = np.unique(point[inside], return_index=True)
    chosen = np.nonzero(inside)[0][first]
    found = numbers[quad[chosen]]
    return Located(start + kept, found, mesh.quads[found], _bilinear(local[chosen]))


_SIGNS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _bilinear(local: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 4"]:
    """Shape functions of the four corners, (1 + r r_a)(1 + s s_a)/4."""
    return 0.25 * (1.0 + local[:, None, 0] * _SIGNS[:, 0]) * (1.0 + local[:, None, 1] * _SIGNS[:, 1])


def _inverse_bilinear(
    corners: Float[np.ndarray, "n 4 2"], points: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "n 2"]:
    """Reference coordinates of points in their quadrilaterals; outside -1 to 1 where they do not lie in them."""
    local = np.zeros_like(points)
    for number in range(_NEWTON_STEPS):
        defect = np.einsum("na,nax->nx", _bilinear(local), corners) - points
        slope = [
            np.einsum("na,nax->nx", 0.25 * _SIGNS[:, i] * (1.0 + local[:, None, 1 - i] * _SIGNS[:, 1 - i]), corners)
            for i in range(2)
        ]
        determinant = slope[0][:, 0] * slope[1][:, 1] - slope[0][:, 1] * slope[1][:, 0]
        step = [
            defect[:, 0] * slope[1][:, 1] - defect[:, 1] * slope[1][:, 0],
            slope[0][:, 0] * defect[:, 1] - slope[0][:, 1] * defect[:, 0],
        ]
        # A point of another element may be driven off; it is outside either way.
        last = local
        local = np.clip(
            local - np.stack(step, axis=1) / np.where(determinant == 0.0, 1.0, determinant)[:, None], -4.0, 4.0
        )
        inside = np.abs(local).max(axis=1, initial=0.0) <= 1.0 + _ROUNDING
        if np.abs(local - last)[inside].max(initial=0.0) < _CONVERGED and number >= _LEAST_STEPS:
            break
    return local


def tube_volume(
    disc: Disc, start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"], radius: float
) -> tuple[Nodal, Nodal]:
    """Volume [mm3] that a straight round tube takes of the nucleus and of the annulus at every node.

    Args:
        disc: The disc, not a batch.
        start, end: Centres of its flat ends [mm]; what lies outside nucleus and annulus counts nothing.
        radius: Its radius [mm].
    """
    mesh, coordinates = disc.topology, np.asarray(disc.coordinates)
    points = _tube_points(start, end, radius)
    part = np.pi * radius**2 * float(np.linalg.norm(end - start)) / len(points)
    place = locate(mesh, coordinates[:, 0, :2], points[:, :2])
    heights = np.einsum("pa,pal->pl", place.weights, coordinates[place.columns, :, 2])
    above = points[place.kept, 2]
    layer = (above[:, None] >= heights).sum(axis=1) - 1
    between = (layer >= 0) & (layer < mesh.levels - 1)
    layer = np.where(between, layer, 0)
    rows = np.arange(len(layer))
    share = (above - heights[rows, layer]) / (heights[rows, layer + 1] - heights[rows, layer])
    tissue = np.where(between, disc.tissue_of_element[place.quad, layer], -1)
    volumes = []
    for code in (NUCLEUS, ANNULUS):
        volume = np.zeros((mesh.columns, mesh.levels))
        weights = part * place.weights * (tissue == code)[:, None]
        np.add.at(volume, (place.columns, layer[:, None]), weights * (1.0 - share)[:, None])
        np.add.at(volume, (place.columns, layer[:, None] + 1), weights * share[:, None])
        volumes.append(volume)
    return volumes[0], volumes[1]


def tissue_at(disc: Disc, point: Float[np.ndarray, "3"]) -> int:
    """Tissue code of the element that contains a point [mm]; -1 outside the disc."""
    coordinates = np.asarray(disc.coordinates)
    place = locate(disc.topology, coordinates[:, 0, :2], point[None, :2])
    if not len(place.kept):
        return -1
    heights = np.einsum("pa,pal->pl", place.weights, coordinates[place.columns, :, 2])[0]
    layer = int((point[2] >= heights).sum()) - 1
    inside = 0 <= layer < disc.topology.levels - 1
    return int(disc.tissue_of_element[place.quad[0], layer]) if inside else -1


def patch_share(disc: Disc, centre: tuple[float, float], radius: float) -> Float[np.ndarray, "columns"] | None:
    """Share of every column's part of an endplate inside a round patch; None where the patch leaves the endplate.

    Args:
        disc: The disc, not a batch.
        centre: Centre of the patch (x, y) [mm].
        radius: Radius of the patch [mm].
    """
    mesh, endplate = disc.topology, disc.layout.endplate_quads
    section = np.asarray(disc.coordinates)[:, 0, :2]
    points = np.array(centre) + radius * _section_points()
    place = locate(mesh, section, points)
    if len(place.kept) < len(points) or not endplate[place.quad].all():
        return None
    covered = np.zeros(mesh.columns)
    np.add.at(covered, place.columns, np.pi * radius**2 / len(points) * place.weights)
    flat = jnp.asarray(np.concatenate([section, np.zeros((mesh.columns, 1))], axis=1))
    area = np.asarray(face_areas(mesh, flat, endplate.astype(np.float64)))
    return share_of(covered, area, area)


def share_of(
    part: Float[np.ndarray, "*n"], capacity: Float[np.ndarray, "*n"], whole: Float[np.ndarray, "*n"]
) -> np.ndarray:
    r"""Shares :math:`\min(C_a, \lambda v_a) / V_a` of parts that sum to the parts' total, as far as the capacity goes.

    A part that is sampled can exceed what a node holds by its sampling error; the excess goes to the other nodes in proportion to their
    parts. Where nothing is exceeded, :math:`\lambda` is 1.

    Args:
        part: Sampled parts v of the nodes.
        capacity: Largest part C of every node.
        whole: What the share refers to, V; 0 where there is nothing to share.
    """
    level = np.where(part > 0.0, capacity, 0.0)
    if (part > capacity).any():
        some = np.flatnonzero(level.ravel() > 0.0)
        order = some[np.argsort((level.ravel()[some] / part.ravel()[some]), kind="stable")]
        full, rest = level.ravel()[order], part.ravel()[order]
        filled = np.concatenate([[0.0], np.cumsum(full)[:-1]])
        open_part = np.cumsum(rest[::-1])[::-1]
        scale = (min(part.sum(), full.sum()) - filled) / open_part
        # The nodes fill in this order; the first whose own ratio is not below the common factor is not filled.
        first = int(np.argmax(scale <= full / rest * (1.0 + _ROUNDING)))
        level = np.minimum(level, scale[first] * part)
    else:
        level = part
    return np.minimum(level, whole) / np.where(whole > 0.0, whole, 1.0)


def _section_points() -> Float[np.ndarray, "points 2"]:
    """Points of equal weight in the unit circle, mirrored about both axes."""
    radii = np.sqrt((np.arange(_RINGS) + 0.5) / _RINGS)
    angles = 2.0 * np.pi * (np.arange(_SPOKES) + 0.5) / _SPOKES
    return np.stack([np.outer(radii, np.cos(angles)).ravel(), np.outer(radii, np.sin(angles)).ravel()], axis=1)


def _tube_points(start: np.ndarray, end: np.ndarray, radius: float) -> Float[np.ndarray, "points 3"]:
    """Points of equal weight in a tube that is not vertical."""
    along = (end - start) / np.linalg.norm(end - start)
    across = np.cross(along, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    section = radius * _section_points() @ np.stack([across, np.cross(across, along)])
    stations = start + np.outer((np.arange(_STATIONS) + 0.5) / _STATIONS, end - start)
    return (stations[:, None] + section[None]).reshape(-1, 3)
