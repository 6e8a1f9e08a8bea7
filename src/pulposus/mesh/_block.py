"""A rectangular block of quadratic elements: specimens, and problems with a known solution.

The same elements as in a disc on a plain lattice. A block is small, so all its nodes are one group of the direct solver.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pulposus.mesh._quadratic import QuadraticMesh, connect, element_nodes
from pulposus.mesh._topology import FloatArray, Plan, Topology


@cache
def block_mesh(elements: tuple[int, int, int]) -> QuadraticMesh:
    """A block of quadratic elements; it has no lateral surface, and its lattice no named rings.

    Args:
        elements: Number of elements along x, y and z, each at least 1.

    Returns:
        The same object for the same numbers.

    Raises:
        ValueError: A number is below 1.
    """
    if min(elements) < 1:
        message = f"a block needs one element or more along every axis, not {elements}"
        raise ValueError(message)
    across, deep, high = (2 * number for number in elements)
    columns = np.arange((across + 1) * (deep + 1)).reshape(across + 1, deep + 1)
    corners = (columns[:-1, :-1], columns[1:, :-1], columns[1:, 1:], columns[:-1, 1:])
    nowhere = np.empty(0, dtype=np.int64)
    lattice = Topology(
        resolution=f"block {elements}",
        plan=Plan(square=0, inner=0, middle=0, outer=0, plate=0, core=high, grading=1.0, quadratic=True),
        quads=np.stack([corner.ravel() for corner in corners], axis=1),
        quad_region=np.zeros(across * deep, dtype=np.int64),
        layer_region=np.ones(high, dtype=np.int64),
        neighbours=np.arange(columns.size)[:, None],
        rim=nowhere,
        nucleus_ring=nowhere,
        endplate_ring=nowhere,
    )
    cells = np.array([columns[i : i + 3, j : j + 3] for i in range(0, across, 2) for j in range(0, deep, 2)])
    used, nodes = element_nodes(cells, lattice.levels)
    region = np.zeros(len(cells), dtype=np.int64)
    return connect(lattice, used, nodes, region, nowhere, (np.arange(len(used)),), 0)


def block_lattice(mesh: QuadraticMesh, elements: tuple[int, int, int]) -> FloatArray:
    """Places of the lattice nodes of a block in the unit cube, (columns, levels, 3)."""
    axes = [np.linspace(0.0, 1.0, 2 * number + 1) for number in elements]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return grid.reshape(mesh.topology.columns, mesh.topology.levels, 3)
