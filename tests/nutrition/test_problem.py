"""The residual and its derivative."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.nutrition import flux_balance, metabolic_rates, nutrition_problem, residual
from pulposus.nutrition._problem import reaction_jacobian


@pytest.fixture(scope="module")
def problem(human, kinetics):
    return eqx.filter_jit(nutrition_problem)(human, kinetics)


@pytest.fixture(scope="module")
def solutes(problem):
    """Somewhere in the physical range, rough."""
    return problem.start * jax.random.uniform(jax.random.key(0), problem.start.shape, minval=0.3, maxval=1.0)


def test_fixed_nodes_hold_their_values(problem, solutes):
    fixed = np.asarray(problem.free) == 0.0
    assert np.asarray(residual(problem, solutes))[:, fixed] == pytest.approx(
        np.asarray(solutes - problem.start)[:, fixed]
    )


def test_diffusion_only_moves(problem, solutes):
    """The sum over all nodes leaves exchange, load and cells: diffusion creates nothing."""
    total = np.asarray(jnp.sum(flux_balance(problem, solutes), axis=(1, 2)))
    made = jnp.sum(problem.demand * metabolic_rates(problem.kinetics, solutes), axis=(1, 2))
    exchanged = jnp.sum(problem.exchange * solutes - problem.load, axis=(1, 2))
    scale = float(jnp.max(jnp.abs(problem.stencil))) * solutes.size
    assert total == pytest.approx(np.asarray(exchanged - made), abs=1e-15 * scale)


def test_derivative_of_the_reaction(problem, solutes):
    """Against central differences; the laws are smooth, so the error is h^2 + rounding/h."""
    blocks = np.asarray(reaction_jacobian(problem, solutes))
    step = 1e-5
    for other in range(3):
        shift = jnp.zeros_like(solutes).at[other].set(step)

        def made(values):
            return problem.demand * metabolic_rates(problem.kinetics, values)

        difference = np.asarray(made(solutes + shift) - made(solutes - shift)) / (2.0 * step)
        assert blocks[:, other] == pytest.approx(difference, rel=1e-6, abs=1e-6 * np.abs(blocks).max())


def test_other_cells(problem):
    changed = problem.with_demand(2.0 * problem.demand)
    assert np.asarray(changed.demand) == pytest.approx(2.0 * np.asarray(problem.demand))
    assert changed.stencil is problem.stencil
