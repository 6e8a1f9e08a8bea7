"""Block elimination along the axis and the lateral modes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import NutritionProblem, nutrition_problem, residual, transport_operator
from pulposus.nutrition._jacobian import jacobian_product, local_blocks, to_levels
from pulposus.nutrition._krylov import bicgstab
from pulposus.nutrition._preconditioner import BlockTridiagonal, _inverse_3x3, preconditioner

ONES = jnp.ones(3)


@pytest.mark.parametrize("scale", [1.0, 1e-14, 1e15])
def test_inverse_of_blocks(scale):
    """Also where the product of three entries leaves the range of single precision (units of metres: entries of 1e-14)."""
    blocks = jax.random.normal(jax.random.key(0), (3, 3, 7)) + 4.0 * jnp.eye(3)[..., None]
    inverse = np.asarray(_inverse_3x3((scale * blocks).astype(jnp.float32)), dtype=np.float64)
    exact = np.moveaxis(np.linalg.inv(np.moveaxis(np.asarray(blocks), 2, 0)), 0, 2)
    assert scale * inverse == pytest.approx(exact, abs=1e-5)


def test_block_tridiagonal_systems():
    levels, lines = 6, 4
    keys = jax.random.split(jax.random.key(3), 4)
    single = jnp.float32
    below, above = (0.5 * jax.random.normal(key, (levels, 3, lines), dtype=single) for key in keys[:2])
    diagonal = jax.random.normal(keys[2], (levels, 3, 3, lines), dtype=single)
    diagonal = diagonal + 6.0 * jnp.eye(3, dtype=single)[None, ..., None]
    right = jax.random.normal(keys[3], (levels, 3, lines), dtype=single)
    solution = np.asarray(BlockTridiagonal.eliminate(below, diagonal, above).solve(right))
    for line in range(lines):
        dense = np.zeros((levels, 3, levels, 3))
        for level in range(levels):
            dense[level, :, level] = diagonal[level, :, :, line]
            if level > 0:
                dense[level, :, level - 1] = np.diag(below[level, :, line])
            if level < levels - 1:
                dense[level, :, level + 1] = np.diag(above[level, :, line])
        exact = np.linalg.solve(dense.reshape(3 * levels, -1), np.asarray(right)[:, :, line].ravel())
        # The system is well conditioned: about ten roundings of 6e-8.
        assert solution[:, :, line].ravel() == pytest.approx(exact, abs=2e-6)


def test_lines_are_exact_in_one_column(kinetics):
    """Without lateral coupling the lines are the whole matrix."""
    layers = 12
    heights = jnp.linspace(0.0, 6.0, layers + 1)
    volume = slab_volumes(heights, 1.0, np.ones(layers))
    shape = (3, 1, layers + 1)
    problem = NutritionProblem(
        mesh=slab_topology(0, layers),
        stencil=slab_stencil(heights, 1.0, jnp.ones((3, layers)) * jnp.array([115.0, 53.0, 35.0])[:, None]),
        free=jnp.ones(shape[1:]).at[0, 0].set(0.0),
        start=jnp.ones(shape),
        exchange=jnp.zeros(shape).at[:, 0, -1].set(3.0),
        load=jnp.zeros(shape),
        demand=4.0 * jnp.broadcast_to(volume, shape),
        kinetics=kinetics,
    )
    operator = transport_operator(problem)
    assert operator.modes.shape == (1, 0)
    blocks = local_blocks(problem, operator, problem.start, ONES)
    vector = to_levels(problem.free[None] * jax.random.normal(jax.random.key(5), shape))
    found = preconditioner(operator, blocks)(jacobian_product(operator, blocks, vector))
    # Rounding of 6e-8 times the condition of the line, about 4 / pi^2 layers^2 = 60.
    assert np.asarray(found) == pytest.approx(np.asarray(vector), abs=5e-5)


@pytest.fixture(scope="module")
def linear_system(human, kinetics):
    problem = eqx.filter_jit(nutrition_problem)(human, kinetics)
    operator = eqx.filter_jit(transport_operator)(problem)
    return problem, operator, local_blocks(problem, operator, problem.start, ONES)


def test_fixed_nodes_stay(linear_system):
    problem, operator, blocks = linear_system
    result = np.asarray(
        eqx.filter_jit(preconditioner)(operator, blocks)(to_levels(problem.free[None] * jnp.ones((3, 1, 1))))
    )
    fixed = np.asarray(problem.free).T == 0.0
    assert np.all(np.moveaxis(result, 1, 2)[fixed] == 0.0)
    assert np.all(np.isfinite(result))


def test_modes_pay(linear_system):
    """For the smooth residual of a cold start, lines alone need about twice the steps of lines and modes; both solve the same system."""
    problem, operator, blocks = linear_system
    right = to_levels(-residual(problem, problem.start))

    @eqx.filter_jit
    def steps(operator):
        return bicgstab(
            lambda v: jacobian_product(operator, blocks, v), right, preconditioner(operator, blocks), 1e-5, 400
        )

    with_modes = steps(operator)
    lines = steps(eqx.tree_at(lambda o: o.smooth, operator, jnp.zeros_like(operator.smooth)))
    for result in (with_modes, lines):
        assert float(result.relative_residual) <= 1e-5
    assert 1.5 * int(with_modes.steps) < int(lines.steps)
    scale = float(jnp.max(jnp.abs(lines.solution)))
    # The error of a solution is the tolerance times the condition of the preconditioned system, some tens.
    assert np.asarray(with_modes.solution) == pytest.approx(np.asarray(lines.solution), abs=1e-3 * scale)
