"""BiCGStab on small systems."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.nutrition._krylov import bicgstab

SHAPE = (3, 4, 5)
SIZE = 60


@pytest.fixture(scope="module")
def system():
    """A well-conditioned system that is not symmetric."""
    matrix = 4.0 * jnp.eye(SIZE) + 0.2 * jax.random.normal(jax.random.key(0), (SIZE, SIZE))
    return matrix, jax.random.normal(jax.random.key(1), SHAPE)


def _solve(matrix, right, tolerance=1e-10, most_steps=100, weight=(1.0, 1.0, 1.0), divide=4.0):
    return bicgstab(
        lambda v: (matrix @ v.ravel()).reshape(SHAPE),
        right,
        lambda v: v / divide,
        jnp.array(weight),
        tolerance,
        most_steps,
    )


def test_solution(system):
    matrix, right = system
    result = _solve(matrix, right)
    exact = np.linalg.solve(np.asarray(matrix), np.asarray(right).ravel())
    assert np.asarray(result.solution).ravel() == pytest.approx(
        exact, abs=1e-9
    )  # tolerance times 1/smallest singular value
    assert float(result.relative_residual) <= 1e-10
    assert 1 < int(result.steps) < 100


def test_weights_measure_the_solutes(system):
    """A solute with a large weight must be solved to its own scale."""
    matrix, right = system
    scaled = right * jnp.array([1e-6, 1.0, 1.0])[:, None, None]
    block = jnp.kron(jnp.eye(3), matrix[:20, :20])  # the solutes do not mix
    result = _solve(block, scaled, weight=(1e6, 1.0, 1.0))
    left = np.asarray(block @ result.solution.ravel()).reshape(SHAPE) - np.asarray(scaled)
    assert np.linalg.norm(left[0]) < 1e-9 * np.linalg.norm(right) * 1e-6 * 10


def test_nothing_to_solve(system):
    result = _solve(system[0], jnp.zeros(SHAPE))
    assert int(result.steps) == 0
    assert np.all(np.asarray(result.solution) == 0.0)


def test_steps_are_limited(system):
    result = _solve(*system, most_steps=1)
    assert int(result.steps) == 1
    assert float(result.relative_residual) > 1e-10


def test_an_exact_preconditioner_needs_one_step():
    result = _solve(4.0 * jnp.eye(SIZE), jax.random.normal(jax.random.key(1), SHAPE))
    assert int(result.steps) == 1
    assert np.all(np.isfinite(result.solution))


def test_breakdown_ends():
    """A matrix that turns every direction by a right angle breaks the first step down; the iteration ends and tells by its norm."""
    turn = jnp.kron(jnp.eye(SIZE // 2), jnp.array([[0.0, 1.0], [-1.0, 0.0]]))
    result = _solve(turn, jnp.ones(SHAPE), divide=1.0)
    assert not float(result.relative_residual) <= 1e-10
