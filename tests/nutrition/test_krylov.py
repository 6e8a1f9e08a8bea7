"""BiCGStab on small systems, in single precision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.nutrition._krylov import bicgstab

SHAPE = (5, 3, 4)
SIZE = 60


@pytest.fixture(scope="module")
def system():
    """A well-conditioned system that is not symmetric."""
    matrix = 4.0 * jnp.eye(SIZE) + 0.2 * jax.random.normal(jax.random.key(0), (SIZE, SIZE))
    return matrix.astype(jnp.float32), jax.random.normal(jax.random.key(1), SHAPE, dtype=jnp.float32)


def _solve(matrix, right, tolerance=1e-5, most_steps=100, divide=4.0):
    return bicgstab(
        lambda v: (matrix @ v.ravel()).reshape(SHAPE),
        right,
        lambda v: v / jnp.float32(divide),
        tolerance,
        most_steps,
    )


def test_solution(system):
    matrix, right = system
    result = _solve(matrix, right)
    exact = np.linalg.solve(np.asarray(matrix, dtype=np.float64), np.asarray(right).ravel())
    # The tolerance times the norm of the right-hand side (about 8) over the smallest singular value (above 1).
    assert np.asarray(result.solution).ravel() == pytest.approx(exact, abs=1e-4)
    assert float(result.relative_residual) <= 1e-5
    assert 1 < int(result.steps) < 100


def test_the_recursive_residual_is_the_true_one(system):
    """Its drift is rounding: a few times 6e-8 of the right-hand side and step."""
    matrix, right = system
    result = _solve(matrix, right)
    left = np.asarray(matrix, dtype=np.float64) @ np.asarray(result.solution, dtype=np.float64).ravel()
    true = np.linalg.norm(left - np.asarray(right).ravel()) / np.linalg.norm(right)
    assert true == pytest.approx(float(result.relative_residual), abs=5e-6)


def test_nothing_to_solve(system):
    result = _solve(system[0], jnp.zeros(SHAPE, dtype=jnp.float32))
    assert int(result.steps) == 0
    assert float(result.relative_residual) == 0.0
    assert np.all(np.asarray(result.solution) == 0.0)


def test_steps_are_limited(system):
    result = _solve(*system, most_steps=1)
    assert int(result.steps) == 1
    assert float(result.relative_residual) > 1e-5


def test_an_exact_preconditioner_needs_one_step():
    right = jax.random.normal(jax.random.key(1), SHAPE, dtype=jnp.float32)
    result = _solve(4.0 * jnp.eye(SIZE, dtype=jnp.float32), right)
    assert int(result.steps) == 1
    assert np.all(np.isfinite(result.solution))


def test_breakdown_ends():
    """A matrix that turns every direction by a right angle breaks the first step down; the iteration ends and tells by its norm."""
    turn = jnp.kron(jnp.eye(SIZE // 2), jnp.array([[0.0, 1.0], [-1.0, 0.0]])).astype(jnp.float32)
    result = _solve(turn, jnp.ones(SHAPE, dtype=jnp.float32), divide=1.0)
    assert not float(result.relative_residual) <= 1e-5
