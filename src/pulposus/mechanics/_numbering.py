"""Which unknown of a disc stands where: in the flat vector of unknowns, and in the blocks of the direct solver.

The flat vector is the displacement of every node, the motion of the upper endplate, and where there is one the potential of every corner:
`[3 nodes | 6 | corners]`. Unknowns that are no unknowns (nodes of the endplates, corners in the bath) keep their place and are zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import NDArray

from pulposus.mechanics._block_solver import BlockMatrix, BlockVector
from pulposus.mesh import QuadraticMesh
from pulposus.mesh._topology import IntArray

Water = Literal["drained", "closed", "sides open", "all open"]
"""No potential; a potential at every corner; zero on the lateral face; zero on both endplates also."""
Lower = Literal["bonded", "symmetry"]
Side = Literal["free", "confined"]


@dataclass(frozen=True, eq=False)
class Numbering:
    """Places of the unknowns; compared and hashed by identity.

    Attributes:
        nodes, corners: How many there are; no corners where drained.
        free: Whether an entry of the flat vector is an unknown, (unknowns,).
        inside: The same without the motion of the endplate, (unknowns,).
        upper: Whether a node moves with the upper endplate, (nodes,).
        element_unknowns: Places in the flat vector of the unknowns of every element, (elements, 60 or 68).
        group_rows: Place in the flat vector of every row of the blocks; -1 pads, (groups, size).
        last_rows: The same for the last block, (last,).
        width: Leading rows of a group that the group before it is coupled to.
        group, row: Block and row of every entry of the flat vector; -1 where it is not free, (unknowns,).
        touching: For every entry of the flat vector the flat numbers `element * 68 + place` of the element entries that add to it; -1 pads,
            (unknowns, valence).
    """

    nodes: int
    corners: int
    free: NDArray[np.bool_] = field(repr=False)
    inside: NDArray[np.bool_] = field(repr=False)
    upper: NDArray[np.bool_] = field(repr=False)
    element_unknowns: IntArray = field(repr=False)
    group_rows: IntArray = field(repr=False)
    last_rows: IntArray = field(repr=False)
    width: int
    group: IntArray = field(repr=False)
    row: IntArray = field(repr=False)
    touching: IntArray = field(repr=False)

    @property
    def unknowns(self) -> int:
        """Length of the flat vector."""
        return 3 * self.nodes + 6 + self.corners

    def split(self, vector: Float[Array, "unknowns *columns"]) -> tuple[Array, Array, Array]:
        """Displacements (nodes, 3, ...), motion (6, ...), potentials (corners, ...)."""
        first = 3 * self.nodes
        displacement = vector[:first].reshape(self.nodes, 3, *vector.shape[1:])
        return displacement, vector[first : first + 6], vector[first + 6 :]

    def join(self, displacement: Array, motion: Array, potential: Array) -> Float[Array, "unknowns *columns"]:
        """The flat vector."""
        return jnp.concatenate([displacement.reshape(3 * self.nodes, *motion.shape[1:]), motion, potential])

    def gather_elements(self, vector: Float[Array, "unknowns *columns"]) -> Float[Array, "elements local *columns"]:
        """Entries of every element."""
        return vector[self.element_unknowns]

    def sum_elements(self, entries: Float[Array, "elements local *columns"]) -> Float[Array, "unknowns *columns"]:
        """Sums of the entries of the elements, in a fixed order."""
        flat = entries.reshape(-1, *entries.shape[2:])
        mask = (self.touching >= 0).reshape(*self.touching.shape, *(1,) * (flat.ndim - 1))
        return jnp.sum(jnp.where(mask, flat[np.maximum(self.touching, 0)], 0.0), axis=1)

    def to_blocks(self, vector: Float[Array, "unknowns columns"]) -> BlockVector:
        """The free entries in the order of the solver."""
        return BlockVector(_padded(vector, self.group_rows), _padded(vector, self.last_rows))

    def from_blocks(self, blocks: BlockVector) -> Float[Array, "unknowns columns"]:
        """The flat vector of the solver's entries."""
        groups, size, columns = blocks.groups.shape
        ordered = jnp.concatenate([blocks.groups.reshape(groups * size, columns), blocks.last])
        place = np.where(self.inside, self.group * size + self.row, 0)
        return jnp.where(self.inside[:, None], ordered[place], 0.0)

    def assemble(self, entries: Float[Array, "elements local local"]) -> BlockMatrix:
        """The blocks of the sum of element matrices; identity on padding."""
        groups, size = self.group_rows.shape
        last, width = len(self.last_rows), self.width
        counts = (groups * size * size, groups * size * width, groups * width * size, last * last)
        starts = np.cumsum((0, *counts))
        group, row = (
            lax.optimization_barrier(jnp.asarray(table[self.element_unknowns], dtype=jnp.int32))
            for table in (self.group, self.row)
        )
        above, beside = group[:, :, None], group[:, None, :]
        i, j = row[:, :, None], row[:, None, :]
        inside = starts[0] + (above * size + i) * size + j
        in_last = starts[3] + i * last + j
        place = jnp.where(above < groups, inside, in_last)
        place = jnp.where(beside == above + 1, starts[1] + (above * size + i) * width + j, place)
        place = jnp.where(above == beside + 1, starts[2] + (beside * width + i) * size + j, place)
        near = (jnp.abs(above - beside) <= 1) & (above >= 0) & (beside >= 0)
        place = jnp.where(near, place, starts[4])
        flat = jnp.zeros(int(starts[4]), entries.dtype).at[place.reshape(-1)].add(entries.reshape(-1), mode="drop")
        diagonal, upper, lower, end = (flat[starts[k] : starts[k + 1]] for k in range(4))
        padding = jnp.asarray(self.group_rows < 0, dtype=entries.dtype)
        identity = padding[:, :, None] * jnp.eye(size, dtype=entries.dtype)[None]
        return BlockMatrix(
            diagonal.reshape(groups, size, size) + identity,
            upper.reshape(groups, size, width),
            lower.reshape(groups, width, size),
            end.reshape(last, last),
        )


def _padded(vector: Float[Array, "unknowns columns"], rows: IntArray) -> Array:
    return jnp.where((rows >= 0)[..., None], vector[np.maximum(rows, 0)], 0.0)


@cache
def numbering(mesh: QuadraticMesh, lower: Lower, side: Side, water: Water) -> Numbering:
    """The places of the unknowns of a disc; the same object for the same arguments.

    Args:
        mesh: Connectivity.
        lower: Lower face.
        side: Lateral face.
        water: Where there is a potential.
    """
    nodes = len(mesh.nodes)
    corners = 0 if water == "drained" else len(mesh.corners)
    level = mesh.nodes[:, 1]
    upper, bottom = level == mesh.topology.levels - 1, level == 0
    moves = np.repeat(~upper[:, None], 3, axis=1)
    moves[bottom, 2] = False
    if lower == "bonded":
        moves[bottom] = False
    wet = ~_in_bath(mesh, lower, side, water)[:corners]
    if side == "confined":
        moves[:, :2] = False
    free = np.concatenate([moves.ravel(), np.ones(6, dtype=bool), wet])
    inside = np.concatenate([moves.ravel(), np.zeros(6, dtype=bool), wet])
    local = (mesh.elements[:, :, None] * 3 + np.arange(3)).reshape(len(mesh.elements), 60)
    if corners:
        local = np.concatenate([local, 3 * nodes + 6 + mesh.element_corners], axis=1)
    group_rows, last_rows, width = _rows(mesh, free, corners)
    group, row = np.full(len(free), -1), np.full(len(free), -1)
    for number, rows in enumerate((*group_rows, last_rows)):
        used = rows >= 0
        group[rows[used]], row[rows[used]] = number, np.flatnonzero(used)
    return Numbering(
        nodes=nodes,
        corners=corners,
        free=free,
        inside=inside,
        upper=upper,
        element_unknowns=local,
        group_rows=group_rows,
        last_rows=last_rows,
        width=width,
        group=group,
        row=row,
        touching=_touching(local, len(free)),
    )


def _in_bath(mesh: QuadraticMesh, lower: Lower, side: Side, water: Water) -> NDArray[np.bool_]:
    """Whether the potential of a corner is 0, (corners,)."""
    bath = np.zeros(len(mesh.corners), dtype=bool)
    if side == "free" and water in ("sides open", "all open"):
        bath[mesh.side.corners] = True
    if water == "all open":
        bath[mesh.upper.corners] = True
        if lower == "bonded":
            bath[mesh.lower.corners] = True
    return bath


def _rows(mesh: QuadraticMesh, free: NDArray[np.bool_], corners: int) -> tuple[IntArray, IntArray, int]:
    """`Numbering.group_rows`, `last_rows` and `width`."""
    nodes = len(mesh.nodes)
    corner_of = np.full(nodes, -1)
    corner_of[mesh.corners] = np.arange(len(mesh.corners))

    def unknowns_of(some: IntArray) -> IntArray:
        displacements = (some[:, None] * 3 + np.arange(3)).ravel()
        potentials = corner_of[some]
        potentials = potentials[potentials >= 0] + 3 * nodes + 6 if corners else potentials[:0]
        found = np.concatenate([displacements, potentials])
        return found[free[found]]

    *shells, block = mesh.groups
    parts = [(unknowns_of(shell[: mesh.interface]), unknowns_of(shell[mesh.interface :])) for shell in shells]
    inner = unknowns_of(block[: mesh.interface])
    width = max((len(leading) for leading, _ in parts), default=0)
    size = width + max((len(rest) for _, rest in parts), default=0)
    group_rows = np.full((len(parts), size), -1)
    for rows, (leading, rest) in zip(group_rows, parts, strict=True):
        rows[: len(leading)], rows[width : width + len(rest)] = leading, rest
    last_rows = np.concatenate([inner, unknowns_of(block[mesh.interface :])])
    return group_rows, last_rows, width


def _touching(local: IntArray, unknowns: int) -> IntArray:
    """`Numbering.touching`."""
    flat = local.ravel()
    order = np.argsort(flat, kind="stable")
    count = np.bincount(flat, minlength=unknowns)
    first = np.cumsum(count) - count
    rank = np.arange(len(flat)) - first[flat[order]]
    table = np.full((unknowns, count.max()), -1)
    table[flat[order], rank] = order
    return table
