r"""Direct solution of a block-tridiagonal matrix with dense blocks, by products of matrices alone.

.. math:: A = \begin{pmatrix} D_1 & U_1 \\ L_1 & D_2 & U_2 \\ & \ddots & \ddots & \ddots \\ & & L_K & E \end{pmatrix}, \qquad
    \hat D_1 = D_1, \quad \hat D_{k+1} = D_{k+1} - L_k \hat D_k^{-1} U_k

A group of unknowns is coupled to the leading unknowns of the next group only, so U_k and L_k have their width and the correction of a block
reaches no further. The inverses of the blocks are formed, by halves,

.. math:: \begin{pmatrix} A & B \\ C & D \end{pmatrix}^{-1} = \begin{pmatrix}
    A^{-1} + X S^{-1} Y & -X S^{-1} \\ -S^{-1} Y & S^{-1} \end{pmatrix}, \quad X = A^{-1} B, \; Y = C A^{-1}, \; S = D - C X

because products run at the speed of the machine on every device, alone and in a batch, while LAPACK's factorisations of blocks of this size
lose a factor of ten to two hundred where other work shares the cores. Rows are exchanged inside the smallest blocks only, which is enough
for the tangents of solids: their leading blocks are far from singular. The answer is a preconditioner (single precision); what it lacks in
digits the Krylov iteration around it adds.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401

# Largest block that is inverted by LAPACK; measured: smaller ones waste time in small products, larger ones in LAPACK.
_SMALLEST = 256


class BlockMatrix(NamedTuple):
    """The matrix of the module.

    Attributes:
        diagonal: D, (groups, size, size).
        upper: U, (groups, size, width).
        lower: L, (groups, width, size).
        last: E, (last, last), at least `width` large.
    """

    diagonal: Float[Array, "groups size size"]
    upper: Float[Array, "groups size width"]
    lower: Float[Array, "groups width size"]
    last: Float[Array, "last last"]


class BlockVector(NamedTuple):
    """One or more columns in the order of the groups.

    Attributes:
        groups: (groups, size, columns).
        last: (last, columns).
    """

    groups: Float[Array, "groups size columns"]
    last: Float[Array, "last columns"]


class BlockFactors(NamedTuple):
    """What a solution needs.

    Attributes:
        inverse: Inverses of the corrected diagonal blocks, (groups, size, size).
        raised: inverse @ upper, (groups, size, width).
        lower: L, (groups, width, size).
        last: Inverse of the corrected last block, (last, last).
    """

    inverse: Float[Array, "groups size size"]
    raised: Float[Array, "groups size width"]
    lower: Float[Array, "groups width size"]
    last: Float[Array, "last last"]


def invert(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Inverse by halves; rows are exchanged inside the smallest blocks only."""
    size = matrix.shape[0]
    if size <= _SMALLEST:
        return jnp.linalg.inv(matrix)
    half = (size + 1) // 2
    first = invert(matrix[:half, :half])
    across = first @ matrix[:half, half:]
    second = invert(matrix[half:, half:] - matrix[half:, :half] @ across)
    down = second @ (matrix[half:, :half] @ first)
    return jnp.block([[first + across @ down, -across @ second], [-down, second]])


def factorise(matrix: BlockMatrix) -> BlockFactors:
    """Eliminate group after group."""
    width = matrix.lower.shape[1]

    def eliminate(correction: Array, blocks: tuple[Array, Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        diagonal, upper, lower = blocks
        inverse = invert(diagonal.at[:width, :width].add(-correction))
        raised = inverse @ upper
        return lower @ raised, (inverse, raised)

    start = jnp.zeros((width, width), matrix.diagonal.dtype)
    correction, (inverse, raised) = lax.scan(eliminate, start, (matrix.diagonal, matrix.upper, matrix.lower))
    return BlockFactors(inverse, raised, matrix.lower, invert(matrix.last.at[:width, :width].add(-correction)))


def solve(factors: BlockFactors, right: BlockVector) -> BlockVector:
    """A^-1 times the columns of a right-hand side; linear in it, so that its transpose solves the transposed matrix."""
    width = factors.lower.shape[1]

    def downward(carried: Array, blocks: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        inverse, lower, column = blocks
        reduced = inverse @ column.at[:width].add(-carried)
        return lower @ reduced, reduced

    start = jnp.zeros((width, right.last.shape[1]), right.last.dtype)
    carried, reduced = lax.scan(downward, start, (factors.inverse, factors.lower, right.groups))
    last = factors.last @ right.last.at[:width].add(-carried)

    def upward(inner: Array, blocks: tuple[Array, Array]) -> tuple[Array, Array]:
        raised, column = blocks
        found = column - raised @ inner
        return found[:width], found

    _, groups = lax.scan(upward, last[:width], (factors.raised, reduced), reverse=True)
    return BlockVector(groups, last)
