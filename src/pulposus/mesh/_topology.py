"""The extruded hexahedral O-grid: one topology for every disc of a resolution.

The cross-section is a square block of quadrilaterals surrounded by rings (an O-grid, so there is no pole at the centre); it is extruded
through axial layers. Two rings and two axial planes are named, so that a caller can put them on the borders of regions that it knows.
This module knows nothing of discs: it holds connectivity and the reference coordinates of the unit disc.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# Half diagonal of the central square block over the radius of the first named ring: the value that makes the quadrilaterals
# at the corner of the block and on its side about equally wide.
SQUARE_SHARE = 0.62


@dataclass(frozen=True)
class Plan:
    """Numbers of cells of one resolution.

    Attributes:
        square: Cells along a side of the central block; a ring has four times as many cells.
        inner, middle, outer: Rings between the block and the first named ring, between the two named rings, and outside them.
        plate: Axial layers of each plate region (below the lower and above the upper named plane).
        core: Axial layers between the named planes.
        grading: Thickness of a core layer at mid-height over that of the core layer next to a plate (a geometric series; with an even
            number of layers none lies at mid-height): the solutes change fastest where they enter.
        quadratic: Whether 2 x 2 x 2 cells make one quadratic element (`_quadratic`): its sides are curved, so that the nodes of a ring
            lie on the circle and not outside it. Every number of cells is then even.
    """

    square: int
    inner: int
    middle: int
    outer: int
    plate: int
    core: int
    grading: float
    quadratic: bool = False


PLANS = {
    "coarse": Plan(square=8, inner=4, middle=3, outer=3, plate=2, core=8, grading=2.0),
    "standard": Plan(square=14, inner=4, middle=4, outer=4, plate=3, core=10, grading=2.0),
    "fine": Plan(square=24, inner=12, middle=12, outer=12, plate=7, core=22, grading=3.0),
    "mechanics": Plan(square=8, inner=4, middle=2, outer=4, plate=2, core=8, grading=1.0, quadratic=True),
    "mechanics-fine": Plan(square=12, inner=4, middle=4, outer=6, plate=2, core=12, grading=1.0, quadratic=True),
    "mechanics-cylinder": Plan(square=8, inner=8, middle=6, outer=6, plate=0, core=12, grading=1.0, quadratic=True),
    "mechanics-cylinder-coarse": Plan(
        square=4, inner=4, middle=2, outer=4, plate=0, core=6, grading=1.0, quadratic=True
    ),
}


@dataclass(frozen=True, eq=False)
class Topology:
    """Connectivity shared by all meshes of a resolution; compared and hashed by identity.

    Attributes:
        resolution: Name of the resolution.
        plan: Numbers of cells.
        quads: Columns of every quadrilateral, counter-clockwise, shape (quads, 4).
        quad_region: 0 inside the inner named ring, 1 between the named rings, 2 outside, shape (quads,).
        layer_region: 0 lower plate, 1 core, 2 upper plate, shape (layers,).
        neighbours: Columns that share a quadrilateral with a column, itself first, padded with itself, shape (columns, width).
        rim: Columns on the outer edge, counter-clockwise from the diagonal between +xi and -eta.
        nucleus_ring: Columns on the inner named ring, counter-clockwise.
        endplate_ring: Columns on the outer named ring, counter-clockwise.
    """

    resolution: str
    plan: Plan
    quads: IntArray = field(repr=False)
    quad_region: IntArray = field(repr=False)
    layer_region: IntArray = field(repr=False)
    neighbours: IntArray = field(repr=False)
    rim: IntArray = field(repr=False)
    nucleus_ring: IntArray = field(repr=False)
    endplate_ring: IntArray = field(repr=False)

    @property
    def columns(self) -> int:
        """Number of nodes of the cross-section."""
        return self.neighbours.shape[0]

    @property
    def levels(self) -> int:
        """Number of nodes along the axis."""
        return self.layer_region.shape[0] + 1

    @property
    def nodes(self) -> int:
        """Number of nodes of the mesh."""
        return self.columns * self.levels

    @property
    def centre(self) -> tuple[int, int]:
        """Column and level of the node at the middle of the reference cylinder."""
        return _square_index(self.plan.square, self.plan.square // 2, self.plan.square // 2), self.levels // 2


def _square_index(square: int, i: int, j: int) -> int:
    return i * (square + 1) + j


def _square_border(square: int) -> IntArray:
    """Columns on the border of the block, counter-clockwise from the lower right corner."""
    last = square
    right = [(last, j) for j in range(last)]
    top = [(i, last) for i in range(last, 0, -1)]
    left = [(0, j) for j in range(last, 0, -1)]
    bottom = [(i, 0) for i in range(last)]
    return np.array([_square_index(square, i, j) for i, j in (*right, *top, *left, *bottom)], dtype=np.int64)


def _cross_section(plan: Plan) -> tuple[IntArray, IntArray, list[IntArray]]:
    """Quadrilaterals, their region and the columns of every ring (the border of the block first)."""
    square, perimeter = plan.square, 4 * plan.square
    block = [
        [
            _square_index(square, i, j),
            _square_index(square, i + 1, j),
            _square_index(square, i + 1, j + 1),
            _square_index(square, i, j + 1),
        ]
        for i in range(square)
        for j in range(square)
    ]
    rings = [_square_border(square)]
    first = (square + 1) ** 2
    for _ in range(plan.inner + plan.middle + plan.outer):
        rings.append(np.arange(first, first + perimeter, dtype=np.int64))
        first += perimeter
    quads = list(block)
    for inside, outside in pairwise(ring.tolist() for ring in rings):
        following = np.roll(np.arange(perimeter), -1).tolist()
        quads.extend([inside[k], outside[k], outside[following[k]], inside[following[k]]] for k in range(perimeter))
    region = np.concatenate(
        [
            np.zeros(square * square, dtype=np.int64),
            np.repeat(np.array([0, 1, 2]), [plan.inner * perimeter, plan.middle * perimeter, plan.outer * perimeter]),
        ]
    )
    return np.array(quads, dtype=np.int64), region, rings


def _neighbours(quads: IntArray, columns: int) -> IntArray:
    sharing: list[set[int]] = [set() for _ in range(columns)]
    for quad in quads:
        for column in quad:
            sharing[column].update(int(other) for other in quad)
    width = max(len(others) for others in sharing)
    table = np.empty((columns, width), dtype=np.int64)
    for column, others in enumerate(sharing):
        row = [column, *sorted(others - {column})]
        table[column] = row + [column] * (width - len(row))
    return table


@cache
def topology(resolution: str) -> Topology:
    """The topology of a named resolution.

    Args:
        resolution: "coarse" (about 5,000 nodes), "standard" (15,000) or "fine" (150,000); for quadratic elements "mechanics" (576
            elements), "mechanics-fine" (1,632), and without plates "mechanics-cylinder" (1,056) and "mechanics-cylinder-coarse" (132).

    Raises:
        KeyError: The resolution is unknown.
    """
    plan = PLANS[resolution]
    quads, region, rings = _cross_section(plan)
    columns = int(quads.max()) + 1
    layers = np.repeat(np.array([0, 1, 2]), [plan.plate, plan.core, plan.plate])
    return Topology(
        resolution=resolution,
        plan=plan,
        quads=quads,
        quad_region=region,
        layer_region=layers,
        neighbours=_neighbours(quads, columns),
        rim=rings[-1],
        nucleus_ring=rings[plan.inner],
        endplate_ring=rings[plan.inner + plan.middle],
    )


def reference_points(mesh: Topology, nucleus_radius: float, endplate_radius: float) -> FloatArray:
    """Reference coordinates of the columns in the unit disc.

    The named rings lie on the two radii; in each of the three regions the rings are evenly spaced. The sides of the central block bulge
    outward, half way between a square and a circle, so that neither its corners nor its sides are cramped. A ring of straight sides is a
    polygon; its corners lie outside the circle by the factor that gives the polygon the area of the circle, so that volumes do not depend
    on the mesh. A ring of quadratic sides follows the circle, so its nodes lie on it.

    Args:
        mesh: Topology of the mesh.
        nucleus_radius: Radius of the inner named ring, in (0, 1).
        endplate_radius: Radius of the outer named ring, in (nucleus_radius, 1).

    Returns:
        Points (columns, 2); the second coordinate points anteriorly.

    Raises:
        ValueError: The radii are not ordered 0 < nucleus < endplate < 1.
    """
    if not 0.0 < nucleus_radius < endplate_radius < 1.0:
        message = f"radii must satisfy 0 < nucleus ({nucleus_radius}) < endplate ({endplate_radius}) < 1"
        raise ValueError(message)
    plan = mesh.plan
    sides = 4 * plan.square
    equal_area = 1.0 if plan.quadratic else np.sqrt((2.0 * np.pi / sides) / np.sin(2.0 * np.pi / sides))
    points = np.empty((mesh.columns, 2))
    ticks = np.linspace(-1.0, 1.0, plan.square + 1)
    u, v = (grid.ravel() for grid in np.meshgrid(ticks, ticks, indexing="ij"))
    corner = SQUARE_SHARE * nucleus_radius
    # Blend of the square (u, v)/sqrt(2) and its image on the disc of the same corners.
    disc = np.stack([u * np.sqrt(1.0 - v**2 / 2.0), v * np.sqrt(1.0 - u**2 / 2.0)], axis=-1)
    square = np.stack([u, v], axis=-1) / np.sqrt(2.0)
    block = corner * 0.5 * (square + disc)
    points[: block.shape[0]] = block
    border = block[_square_border(plan.square)]
    angles = -np.pi / 4.0 + 2.0 * np.pi * np.arange(sides) / sides
    direction = equal_area * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    first = block.shape[0]
    for step in range(1, plan.inner + 1):
        share = step / plan.inner
        points[first : first + sides] = (1.0 - share) * border + share * nucleus_radius * direction
        first += sides
    radii = np.concatenate(
        [
            np.linspace(nucleus_radius, endplate_radius, plan.middle + 1)[1:],
            np.linspace(endplate_radius, 1.0, plan.outer + 1)[1:],
        ]
    )
    for radius in radii:
        points[first : first + sides] = radius * direction
        first += sides
    return points


def axial_positions(mesh: Topology, plate_share: FloatArray | float) -> FloatArray:
    """Axial reference coordinate of every node.

    Args:
        mesh: Topology of the mesh.
        plate_share: Thickness of the plate region over the height of the column, in (0, 0.5); a number or (columns,).

    Returns:
        Positions (columns, levels) in [-1, 1]; the named planes lie at -+(1 - 2 plate_share).
    """
    plan = mesh.plan
    share = np.broadcast_to(np.asarray(plate_share, dtype=np.float64), (mesh.columns,))[:, None]
    half = plan.core / 2.0
    distance = np.abs(np.arange(plan.core) + 0.5 - half) / max(half - 0.5, 0.5)
    thickness = plan.grading ** (1.0 - distance)
    core = np.concatenate([[0.0], np.cumsum(thickness) / thickness.sum()]) * 2.0 - 1.0
    plane = 1.0 - 2.0 * share
    lower = -1.0 + (1.0 - plane) * np.linspace(0.0, 1.0, plan.plate + 1)[None, :-1]
    return np.concatenate([lower, plane * core[None, :], -lower[:, ::-1]], axis=1)
