"""The direct solver of block-tridiagonal matrices, and the Krylov iteration around it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import _block_solver
from pulposus.mechanics._block_solver import BlockMatrix, BlockVector, factorise, invert, solve
from pulposus.mechanics._krylov import conjugate_residuals

GROUPS, SIZE, WIDTH, LAST = 3, 10, 6, 9


def blocks(rng: np.random.Generator) -> tuple[BlockMatrix, np.ndarray]:
    """A well-conditioned matrix of the structure, and the same as one array."""

    def some(*shape: int) -> np.ndarray:
        return rng.normal(size=shape) / np.sqrt(SIZE)

    diagonal = np.stack([4.0 * np.eye(SIZE) + some(SIZE, SIZE) for _ in range(GROUPS)])
    upper, lower = some(GROUPS, SIZE, WIDTH), some(GROUPS, WIDTH, SIZE)
    last = 4.0 * np.eye(LAST) + some(LAST, LAST)
    full = np.zeros((GROUPS * SIZE + LAST,) * 2)
    for k in range(GROUPS):
        here, following = slice(k * SIZE, (k + 1) * SIZE), slice((k + 1) * SIZE, (k + 1) * SIZE + WIDTH)
        full[here, here], full[here, following], full[following, here] = diagonal[k], upper[k], lower[k]
    full[GROUPS * SIZE :, GROUPS * SIZE :] = last
    return BlockMatrix(*(jnp.asarray(part) for part in (diagonal, upper, lower, last))), full


def columns_of(flat: np.ndarray) -> BlockVector:
    return BlockVector(jnp.asarray(flat[: GROUPS * SIZE].reshape(GROUPS, SIZE, -1)), jnp.asarray(flat[GROUPS * SIZE :]))


def flat_of(blocks: BlockVector) -> np.ndarray:
    return np.concatenate([np.asarray(blocks.groups).reshape(GROUPS * SIZE, -1), np.asarray(blocks.last)])


def test_inverse_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A matrix without symmetry and of an odd size, halved three times; rounding times the condition."""
    monkeypatch.setattr(_block_solver, "_SMALLEST", 5)
    matrix = 3.0 * np.eye(27) + np.random.default_rng(0).normal(size=(27, 27)) / 5.0
    np.testing.assert_allclose(invert(jnp.asarray(matrix)) @ matrix, np.eye(27), atol=1e-13)


def test_solution_and_transposed_solution() -> None:
    """Against LAPACK on the whole matrix; the transpose of the solve solves the transposed matrix."""
    rng = np.random.default_rng(1)
    matrix, full = blocks(rng)
    right = rng.normal(size=(len(full), 2))
    factors = factorise(matrix)
    np.testing.assert_allclose(flat_of(solve(factors, columns_of(right))), np.linalg.solve(full, right), atol=1e-12)
    transposed = jax.linear_transpose(lambda column: solve(factors, column), columns_of(right))
    (found,) = transposed(columns_of(right))
    np.testing.assert_allclose(flat_of(found), np.linalg.solve(full.T, right), atol=1e-12)


def test_a_batch_is_solved_like_its_members() -> None:
    rng = np.random.default_rng(2)
    members = [blocks(rng)[0] for _ in range(2)]
    batch = jax.tree.map(lambda *parts: jnp.stack(parts), *members)
    right = columns_of(rng.normal(size=(GROUPS * SIZE + LAST, 1)))
    together = jax.vmap(lambda matrix: solve(factorise(matrix), right))(batch)
    for number, member in enumerate(members):
        alone = solve(factorise(member), right)
        np.testing.assert_allclose(together.groups[number], alone.groups, atol=1e-13)


def test_krylov_steps_recover_double_precision() -> None:
    """Factors in single precision leave 1e-6; a few steps bring the residual to rounding."""
    rng = np.random.default_rng(3)
    matrix, full = blocks(rng)
    factors = factorise(BlockMatrix(*(part.astype(jnp.float32) for part in matrix)))
    right = rng.normal(size=len(full))

    def inverse(vector: jax.Array) -> jax.Array:
        solved = solve(factors, jax.tree.map(lambda part: part.astype(jnp.float32), columns_of(vector[:, None])))
        return jnp.concatenate([solved.groups.reshape(-1), solved.last.reshape(-1)]).astype(jnp.float64)

    dense = jnp.asarray(full)
    weight = jnp.asarray(rng.uniform(0.5, 2.0, len(full)))
    result = conjugate_residuals(lambda x: dense @ x, jnp.asarray(right), inverse, weight, 1e-13, 20)
    np.testing.assert_allclose(result.solution, np.linalg.solve(full, right), atol=1e-12)
    assert int(result.steps) <= 4
    rough = conjugate_residuals(lambda x: dense @ x, jnp.asarray(right), inverse, weight, 1e-3, 20)
    assert int(rough.steps) == 1


def test_krylov_steps_without_a_preconditioner() -> None:
    """The identity as preconditioner needs many steps and stops at its limit with an honest residual."""
    rng = np.random.default_rng(4)
    _, full = blocks(rng)
    dense, right, one = jnp.asarray(full), jnp.asarray(rng.normal(size=len(full))), jnp.ones(len(full))
    result = conjugate_residuals(lambda x: dense @ x, right, lambda x: x, one, 1e-13, 3)
    assert int(result.steps) == 3
    honest = float(jnp.linalg.norm(right - dense @ result.solution) / jnp.linalg.norm(right))
    assert float(result.relative_residual) == pytest.approx(honest, rel=1e-10)
    nothing = conjugate_residuals(lambda x: dense @ x, jnp.zeros_like(right), lambda x: x, one, 1e-13, 3)
    assert int(nothing.steps) == 0
    assert float(jnp.max(jnp.abs(nothing.solution))) == 0.0
