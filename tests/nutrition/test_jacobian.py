"""The Jacobian in single precision against the derivative of the residual, and its reduction to lines and modes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.nutrition import nutrition_problem, residual, transport_operator
from pulposus.nutrition._jacobian import block_times, from_levels, jacobian_product, local_blocks, to_levels

WEIGHT = jnp.array([2.0, 0.5, 30.0])


@pytest.fixture(scope="module", params=["human", "ax1"])
def problem(request, kinetics):
    """A curved disc with Robin endplates; a layered cylinder with fixed and with void nodes."""
    return eqx.filter_jit(nutrition_problem)(request.getfixturevalue(request.param), kinetics)


@pytest.fixture(scope="module")
def solutes(problem):
    """Somewhere in the physical range, rough."""
    return problem.start * jax.random.uniform(jax.random.key(0), problem.start.shape, minval=0.3, maxval=1.0)


@pytest.fixture(scope="module")
def operator(problem):
    return eqx.filter_jit(transport_operator)(problem)


def test_fields_and_vectors(problem, solutes):
    vector = to_levels(solutes)
    assert vector.shape == (problem.mesh.levels, 3, problem.mesh.columns)
    assert float(vector[2, 1, 5]) == pytest.approx(float(solutes[1, 5, 2]), rel=1e-7)
    assert np.asarray(from_levels(vector)) == pytest.approx(np.asarray(solutes), rel=1e-7)  # half a unit of 2^-23
    assert from_levels(vector).dtype == jnp.float64


def test_product_of_blocks():
    blocks = jax.random.normal(jax.random.key(0), (3, 3, 4))
    vector = jax.random.normal(jax.random.key(1), (3, 4))
    assert np.asarray(block_times(blocks, vector)) == pytest.approx(np.einsum("ijn,jn->in", blocks, vector), abs=1e-14)


@pytest.mark.parametrize("transposed", [False, True])
def test_product_is_the_derivative_of_the_residual(problem, operator, solutes, transposed):
    """To single precision: sums of 30 terms of 6e-8 of the largest."""
    vector = problem.free[None] * jax.random.normal(jax.random.key(3), solutes.shape)
    scale = WEIGHT[:, None, None]
    if transposed:
        _, pull = jax.vjp(lambda values: residual(problem, values), solutes)
        exact = problem.free[None] * pull(scale * vector)[0] / scale
    else:
        _, exact = jax.jvp(lambda values: residual(problem, values), (solutes,), (vector / scale,))
        exact = scale * exact
    blocks = local_blocks(problem, operator, solutes, WEIGHT)
    if transposed:
        blocks = jnp.swapaxes(blocks, 1, 2)
    found = from_levels(eqx.filter_jit(jacobian_product)(operator, blocks, to_levels(vector)))
    largest = float(jnp.max(jnp.abs(exact)))
    assert np.asarray(found) == pytest.approx(np.asarray(exact), abs=5e-6 * largest)


def test_operator_does_not_depend_on_cells_or_exchange(problem, operator):
    other = eqx.tree_at(
        lambda p: (p.demand, p.exchange, p.load, p.start),
        problem,
        (3.0 * problem.demand, problem.exchange + 1.0, problem.load + 2.0, 2.0 * problem.start),
    )
    again = eqx.filter_jit(transport_operator)(other)
    assert all(
        np.array_equal(one, two) for one, two in zip(jax.tree.leaves(operator), jax.tree.leaves(again), strict=True)
    )


def test_modal_couplings_are_the_galerkin_diagonal(problem, operator):
    """The mean over the solutes of the energy of a mode on the free levels: v_k K v_k, by products with the whole operator."""
    blocks = jnp.zeros((problem.mesh.levels, 3, 3, problem.mesh.columns), dtype=jnp.float32)
    smooth = np.asarray(operator.smooth)[:, 0, 0]
    inner = int(np.flatnonzero(smooth)[len(np.flatnonzero(smooth)) // 2])
    assert smooth[inner - 1] == smooth[inner + 1] == 1.0
    for mode in (0, 7, 40):
        shape = np.asarray(operator.modes)[:, mode]
        vector = jnp.zeros((problem.mesh.levels, 3, problem.mesh.columns), dtype=jnp.float32).at[inner].set(shape)
        image = np.asarray(jacobian_product(operator, blocks, vector), dtype=np.float64)
        for offset, coupling in ((-1, operator.modal.above), (0, operator.modal.own), (1, operator.modal.below)):
            energy = image[inner + offset] @ shape.astype(np.float64)
            shared = np.asarray(coupling)[inner + offset, :, mode]
            # Shared out between the solutes in the ratio of their lines; the sum is exact to single precision.
            assert shared.sum() == pytest.approx(energy.sum(), rel=1e-4)


def test_no_modes_where_the_section_is_partly_fixed(problem, operator):
    inside = np.setdiff1d(np.arange(problem.mesh.columns), problem.mesh.rim)
    expected = np.asarray(problem.free)[inside].min(axis=0)
    smooth = np.asarray(operator.smooth)[:, 0, 0]
    assert np.array_equal(smooth, expected)
    assert np.all(np.asarray(operator.modal.own)[smooth == 0.0] == 1.0)
    assert np.all(np.asarray(operator.modal.below)[smooth == 0.0] == 0.0)
    assert np.all(np.asarray(operator.modal.above)[smooth == 0.0] == 0.0)


def test_fixed_nodes_have_no_rows(problem, operator):
    fixed = np.asarray(problem.free).T == 0.0
    rows = np.moveaxis(np.asarray(operator.stencil), (2, 4), (0, 1))
    assert np.all(rows[fixed] == 0.0)
    own = np.moveaxis(np.asarray(operator.columns.own), 2, 1)
    assert np.all(own[fixed] == 1.0)
