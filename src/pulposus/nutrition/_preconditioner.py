r"""Preconditioner of the Jacobian: axial lines plus lateral modes.

The mesh is extruded, its layers are thin and the endplates feed it from above and below, so the axial direction couples most strongly.
Two exact parts are added:

- *lines*: every column alone, with its own boundary conditions, as a tridiagonal system of 3x3 blocks (the solutes are coupled by the
  metabolic laws at every node);
- *modes*: the smooth lateral directions, in which lines are slow. In the basis of `mesh.lateral_modes` the coupling between different
  modes is left out, so each mode is again a tridiagonal system of 3x3 blocks (the Galerkin diagonal of this very Jacobian).

Both are solved by block elimination along the axis. The modal part works in single precision: it only steers the iteration.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.mesh._modes import lateral_modes
from pulposus.nutrition._problem import NutritionProblem


def _inverse_3x3(matrix: Float[Array, "*shape 3 3"]) -> Float[Array, "*shape 3 3"]:
    """Inverse by cofactors (a batched LAPACK call costs ten times as much for blocks this small).

    Products of three entries leave the range of single precision in some unit systems, so the largest entry is divided out first.
    """
    largest = jnp.max(jnp.abs(matrix), axis=(-2, -1), keepdims=True)
    matrix = matrix / largest

    def cofactor(row: int, column: int) -> Array:
        a, b, c, d = (row + 1) % 3, (row + 2) % 3, (column + 1) % 3, (column + 2) % 3
        return matrix[..., a, c] * matrix[..., b, d] - matrix[..., a, d] * matrix[..., b, c]

    determinant = sum(matrix[..., 0, column] * cofactor(0, column) for column in range(3))
    adjugate = jnp.stack(
        [jnp.stack([cofactor(column, row) for column in range(3)], axis=-1) for row in range(3)], axis=-2
    )
    return adjugate / (jnp.asarray(determinant)[..., None, None] * largest)


class BlockTridiagonal(eqx.Module):
    """Eliminated tridiagonal systems of 3x3 blocks with diagonal off-blocks, axial index first.

    Attributes:
        inverse: Inverse of every pivot block.
        below, above: Coupling to the level below and above.
    """

    inverse: Float[Array, "levels lines 3 3"]
    below: Float[Array, "levels lines 3"]
    above: Float[Array, "levels lines 3"]

    @classmethod
    def eliminate(
        cls,
        below: Float[Array, "levels lines 3"],
        diagonal: Float[Array, "levels lines 3 3"],
        above: Float[Array, "levels lines 3"],
    ) -> BlockTridiagonal:
        """Forward elimination of the pivots."""

        def pivot(carry: tuple[Array, Array], row: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], Array]:
            last_inverse, last_above = carry
            lower, block, upper = row
            inverse = _inverse_3x3(block - lower[..., :, None] * last_inverse * last_above[..., None, :])
            return (inverse, upper), inverse

        first = (jnp.zeros_like(diagonal[0]), jnp.zeros_like(above[0]))
        _, inverse = lax.scan(pivot, first, (below, diagonal, above))
        return cls(inverse, below, above)

    def solve(self, right: Float[Array, "levels lines 3"]) -> Float[Array, "levels lines 3"]:
        """Solution of the systems."""

        def times(block: Array, vector: Array) -> Array:
            return jnp.sum(block * vector[..., None, :], axis=-1)

        def forward(last: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            inverse, lower, value = row
            value = times(inverse, value - lower * last)
            return value, value

        def backward(following: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            inverse, upper, value = row
            value = value - times(inverse, upper * following)
            return value, value

        zero = jnp.zeros_like(right[0])
        _, reduced = lax.scan(forward, zero, (self.inverse, self.below, right))
        _, solution = lax.scan(backward, zero, (self.inverse, self.above, reduced), reverse=True)
        return solution


class Preconditioner(eqx.Module):
    """Approximate inverse of the Jacobian on the free nodes."""

    free: Float[Array, "columns levels"]
    lines: BlockTridiagonal
    modes: Float[Array, "columns modes"]
    modal: BlockTridiagonal | None

    def __call__(self, right: Float[Array, "3 columns levels"]) -> Float[Array, "3 columns levels"]:
        """Apply it to a vector that is zero on fixed nodes."""
        solution = jnp.transpose(self.lines.solve(jnp.transpose(right, (2, 1, 0))), (2, 1, 0))
        if self.modal is not None:
            coarse = jnp.einsum("ck,scz->zks", self.modes, right.astype(jnp.float32))
            smooth = jnp.einsum("ck,zks->scz", self.modes, self.modal.solve(coarse))
            solution = solution + smooth.astype(jnp.float64)
        return self.free[None] * solution


class LateralOperator(eqx.Module):
    """The part of the preconditioner that does not change with the solution: the operator without the cells.

    Attributes:
        below, diagonal, above: Axial couplings of every column [levels, columns, solutes]; couplings to fixed nodes removed.
        modes: Lateral modes.
        modal_below, modal_diagonal, modal_above: The same in the modal basis [levels, modes, solutes].
    """

    below: Float[Array, "levels columns 3"]
    diagonal: Float[Array, "levels columns 3"]
    above: Float[Array, "levels columns 3"]
    modes: Float[Array, "columns modes"]
    modal_below: Float[Array, "levels modes 3"]
    modal_diagonal: Float[Array, "levels modes 3"]
    modal_above: Float[Array, "levels modes 3"]


def lateral_operator(problem: NutritionProblem) -> LateralOperator:
    """Axial and modal couplings of a problem."""
    free, neighbours = problem.free, problem.mesh.neighbours
    levels = problem.mesh.levels
    padded = jnp.pad(free, ((0, 0), (1, 1)))
    lowered, raised = padded[:, :-2], padded[:, 2:]
    own = problem.stencil[:, :, 0]
    diagonal = jnp.where(free[None] > 0.0, own[:, :, 1] + problem.exchange, 1.0)
    modes = jnp.asarray(lateral_modes(problem.mesh))
    # The stencil between free nodes only: fixed ones drop out of rows and columns.
    between = jnp.stack([padded[neighbours][..., offset : offset + levels] for offset in range(3)], axis=2)
    between = between * free[:, None, None, :]
    masked = (problem.stencil * between[None]).astype(jnp.float32)
    padding = (jnp.arange(neighbours.shape[1])[None, :] > 0) & (neighbours == neighbours[:, :1])
    pairs = jnp.where(jnp.asarray(padding)[..., None], 0.0, modes[:, None, :] * modes[neighbours])
    projected = jnp.einsum("cwk,scwoz->ozks", pairs, masked)
    exchanged = jnp.einsum("ck,scz->zks", modes**2, (problem.exchange * free[None]).astype(jnp.float32))
    return LateralOperator(
        below=jnp.transpose(own[:, :, 0] * (free * lowered)[None], (2, 1, 0)),
        diagonal=jnp.transpose(diagonal, (2, 1, 0)),
        above=jnp.transpose(own[:, :, 2] * (free * raised)[None], (2, 1, 0)),
        modes=modes,
        modal_below=projected[0],
        modal_diagonal=projected[1] + exchanged,
        modal_above=projected[2],
    )


def preconditioner(
    problem: NutritionProblem, operator: LateralOperator, reaction: Float[Array, "3 3 columns levels"]
) -> Preconditioner:
    """Preconditioner of the Jacobian `K + exchange - reaction` (transposed blocks precondition the transposed Jacobian)."""
    unit = jnp.eye(3)[None, None]
    coupled = jnp.transpose(reaction * problem.free[None, None], (3, 2, 0, 1))
    lines = BlockTridiagonal.eliminate(operator.below, operator.diagonal[..., None, :] * unit - coupled, operator.above)
    modal = None
    if operator.modes.shape[1] > 0:
        smooth = jnp.einsum("ck,zcij->zkij", operator.modes**2, coupled.astype(jnp.float32))
        blocks = operator.modal_diagonal[..., None, :] * unit.astype(jnp.float32) - smooth
        # A level whose nodes are all fixed has no equation; a unit block keeps the elimination regular.
        empty = (operator.modal_diagonal[..., 0] == 0.0)[..., None, None]
        modal = BlockTridiagonal.eliminate(
            operator.modal_below, jnp.where(empty, unit.astype(jnp.float32), blocks), operator.modal_above
        )
    return Preconditioner(problem.free, lines, operator.modes, modal)
