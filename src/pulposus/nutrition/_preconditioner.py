r"""Preconditioner of the Jacobian: axial lines plus lateral modes.

The mesh is extruded, its layers are thin and the endplates feed it from above and below, so the axial direction couples most strongly.
Two exact parts are added:

- *lines*: every column alone, with its own boundary conditions, as a tridiagonal system of 3x3 blocks (the solutes are coupled by the
  metabolic laws at every node);
- *modes*: the smooth lateral directions, in which lines are slow. In the basis of `mesh.lateral_modes` the coupling between different
  modes is left out, so each mode is again a tridiagonal system of 3x3 blocks (the Galerkin diagonal of this very Jacobian). On a level
  where the inside of the section is partly fixed no mode is smooth, and the lines are left alone.

All lines and modes are eliminated along the axis in one sweep.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32

from pulposus import _backend  # noqa: F401
from pulposus.nutrition._jacobian import AxialCouplings, Blocks, TransportOperator, Vector, block_times


def _inverse_3x3(matrix: Float32[Array, "3 3 lines"]) -> Float32[Array, "3 3 lines"]:
    """Inverse by cofactors (a batched LAPACK call costs ten times as much for blocks this small).

    Products of three entries can leave the range of single precision, so the largest entry is divided out first.
    """
    largest = jnp.max(jnp.abs(matrix), axis=(0, 1), keepdims=True)
    matrix = matrix / largest

    def cofactor(row: int, column: int) -> Array:
        a, b, c, d = (row + 1) % 3, (row + 2) % 3, (column + 1) % 3, (column + 2) % 3
        return matrix[a, c] * matrix[b, d] - matrix[a, d] * matrix[b, c]

    determinant = matrix[0, 0] * cofactor(0, 0) + matrix[0, 1] * cofactor(0, 1) + matrix[0, 2] * cofactor(0, 2)
    adjugate = jnp.stack([jnp.stack([cofactor(column, row) for column in range(3)]) for row in range(3)])
    return adjugate / (determinant[None, None] * largest)


class BlockTridiagonal(eqx.Module):
    """Eliminated tridiagonal systems of 3x3 blocks with diagonal off-blocks, axial index first.

    Attributes:
        inverse: Inverse of every pivot block.
        below, above: Coupling to the level below and above.
    """

    inverse: Float32[Array, "levels 3 3 lines"]
    below: Float32[Array, "levels 3 lines"]
    above: Float32[Array, "levels 3 lines"]

    @classmethod
    def eliminate(
        cls,
        below: Float32[Array, "levels 3 lines"],
        diagonal: Float32[Array, "levels 3 3 lines"],
        above: Float32[Array, "levels 3 lines"],
    ) -> BlockTridiagonal:
        """Forward elimination of the pivots."""

        def pivot(carry: tuple[Array, Array], row: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
            last_inverse, last_above = carry
            lower, block, upper = row
            inverse = _inverse_3x3(block - lower[:, None] * last_inverse * last_above[None])
            return (inverse, upper), inverse

        first = (jnp.zeros_like(diagonal[0]), jnp.zeros_like(above[0]))
        _, inverse = lax.scan(pivot, first, (below, diagonal, above))
        return cls(inverse, below, above)

    def solve(self, right: Float32[Array, "levels 3 lines"]) -> Float32[Array, "levels 3 lines"]:
        """Solution of the systems."""

        def forward(last: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            inverse, lower, value = row
            value = block_times(inverse, value - lower * last)
            return value, value

        def backward(following: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            inverse, upper, value = row
            value = value - block_times(inverse, upper * following)
            return value, value

        zero = jnp.zeros_like(right[0])
        _, reduced = lax.scan(forward, zero, (self.inverse, self.below, right))
        _, solution = lax.scan(backward, zero, (self.inverse, self.above, reduced), reverse=True)
        return solution


class Preconditioner(eqx.Module):
    """Approximate inverse of the Jacobian on the free nodes.

    Attributes:
        systems: The columns of nodes, then the lateral modes.
        modes: Lateral modes of the cross-section.
        smooth: 1 on the levels on which the modes act.
    """

    systems: BlockTridiagonal
    modes: Float32[Array, "columns modes"]
    smooth: Float32[Array, "levels 1 1"]

    def __call__(self, right: Vector) -> Vector:
        """Apply it to a vector that is zero on fixed nodes."""
        columns = right.shape[2]
        coarse = self.smooth * jnp.einsum("zsc,ck->zsk", right, self.modes)
        solution = self.systems.solve(jnp.concatenate([right, coarse], axis=2))
        return solution[:, :, :columns] + jnp.einsum("zsk,ck->zsc", self.smooth * solution[:, :, columns:], self.modes)


def preconditioner(operator: TransportOperator, blocks: Blocks) -> Preconditioner:
    """Preconditioner of the Jacobian with these local blocks (transposed blocks precondition the transposed Jacobian)."""
    modal = operator.smooth[..., None] * jnp.einsum("zijc,ck->zijk", blocks, operator.modes**2)
    pairs = zip(operator.columns, operator.modal, strict=True)
    lines = AxialCouplings(*(jnp.concatenate(pair, axis=2) for pair in pairs))
    unit = jnp.eye(3, dtype=jnp.float32)[None, ..., None]
    diagonal = lines.own[:, :, None] * unit + jnp.concatenate([blocks, modal], axis=3)
    systems = BlockTridiagonal.eliminate(lines.below, diagonal, lines.above)
    return Preconditioner(systems, operator.modes, operator.smooth)
