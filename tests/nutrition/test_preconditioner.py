"""Block elimination along the axis and the lateral modes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import NutritionProblem, nutrition_problem
from pulposus.nutrition._krylov import bicgstab
from pulposus.nutrition._newton import _jacobian_product
from pulposus.nutrition._preconditioner import BlockTridiagonal, _inverse_3x3, lateral_operator, preconditioner
from pulposus.nutrition._problem import reaction_jacobian, residual


@pytest.mark.parametrize("scale", [1.0, 1e-14, 1e15])
def test_inverse_of_blocks(scale):
    """Also where the product of three entries leaves the range of single precision (units of metres: entries of 1e-14)."""
    blocks = jax.random.normal(jax.random.key(0), (7, 3, 3)) + 4.0 * jnp.eye(3)[None]
    for dtype, tolerance in ((jnp.float64, 1e-12), (jnp.float32, 1e-5)):
        inverse = np.asarray(_inverse_3x3((scale * blocks).astype(dtype)), dtype=np.float64)
        assert scale * inverse == pytest.approx(np.linalg.inv(np.asarray(blocks)), abs=tolerance)


def test_block_tridiagonal_systems():
    levels, lines = 6, 4
    keys = jax.random.split(jax.random.key(3), 4)
    below, above = (0.5 * jax.random.normal(key, (levels, lines, 3)) for key in keys[:2])
    diagonal = jax.random.normal(keys[2], (levels, lines, 3, 3)) + 6.0 * jnp.eye(3)[None, None]
    right = jax.random.normal(keys[3], (levels, lines, 3))
    solution = np.asarray(BlockTridiagonal.eliminate(below, diagonal, above).solve(right))
    for line in range(lines):
        dense = np.zeros((levels, 3, levels, 3))
        for level in range(levels):
            dense[level, :, level] = diagonal[level, line]
            if level > 0:
                dense[level, :, level - 1] = np.diag(below[level, line])
            if level < levels - 1:
                dense[level, :, level + 1] = np.diag(above[level, line])
        exact = np.linalg.solve(dense.reshape(3 * levels, -1), np.asarray(right[:, line]).ravel())
        assert solution[:, line].ravel() == pytest.approx(exact, abs=1e-12)


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
    reaction = reaction_jacobian(problem, problem.start)
    invert = preconditioner(problem, lateral_operator(problem), reaction)
    assert invert.modal is None
    vector = problem.free[None] * jax.random.normal(jax.random.key(5), shape)
    image = _jacobian_product(problem, reaction, vector)
    assert np.asarray(invert(image)) == pytest.approx(np.asarray(vector), abs=1e-10)


@pytest.fixture(scope="module")
def linear_system(human, kinetics):
    problem = eqx.filter_jit(nutrition_problem)(human, kinetics)
    return problem, reaction_jacobian(problem, problem.start)


def test_fixed_nodes_stay(linear_system):
    problem, reaction = linear_system
    invert = eqx.filter_jit(preconditioner)(problem, lateral_operator(problem), reaction)
    result = np.asarray(invert(problem.free[None] * jnp.ones((3, 1, 1))))
    assert np.all(result[:, np.asarray(problem.free) == 0.0] == 0.0)
    assert np.all(np.isfinite(result))


def test_modes_pay(linear_system):
    """For the smooth residual of a cold start, lines alone need about twice the steps of lines and modes; both solve the same system."""
    problem, reaction = linear_system
    operator = lateral_operator(problem)
    right = -residual(problem, problem.start)

    @eqx.filter_jit
    def steps(with_modes):
        both = preconditioner(problem, operator, reaction)
        chosen = both if with_modes else eqx.tree_at(lambda p: p.modal, both, None, is_leaf=lambda x: x is None)
        return bicgstab(lambda v: _jacobian_product(problem, reaction, v), right, chosen, jnp.ones(3), 1e-8, 400)

    with_modes, lines = steps(True), steps(False)
    for result in (with_modes, lines):
        assert float(result.relative_residual) <= 1e-8
    assert 1.5 * int(with_modes.steps) < int(lines.steps)
    scale = float(jnp.max(jnp.abs(lines.solution)))
    assert np.asarray(with_modes.solution) == pytest.approx(np.asarray(lines.solution), abs=1e-5 * scale)
