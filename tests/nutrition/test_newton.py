"""Newton's method: statuses, starts, a well-mixed node and derivatives."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from pulposus.mesh import point_topology, slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import NutritionProblem, SolverOptions, metabolic_rates, residual, solve, transport_operator
from pulposus.nutrition._newton import CONVERGED, NOT_FINITE, STATUS_TEXT, TOO_MANY_ITERATIONS

TIGHT = SolverOptions(tolerance=1e-12)
LAYERS = 16
SHAPE = (3, 1, LAYERS + 1)


@eqx.filter_jit
def _solve(problem, guess=None, options=TIGHT):
    return solve(problem, guess, options)


@pytest.fixture(scope="module")
def slab(kinetics):
    """Half a disc: fixed values at the face, none at the middle."""
    heights = jnp.linspace(0.0, 6.0, LAYERS + 1)
    blood = jnp.array([5.1, 0.8, 4.0])
    return NutritionProblem(
        mesh=slab_topology(0, LAYERS),
        stencil=slab_stencil(heights, 1.0, jnp.ones((3, LAYERS)) * jnp.array([115.2, 53.4, 35.2])[:, None]),
        free=jnp.ones(SHAPE[1:]).at[0, 0].set(0.0),
        start=jnp.broadcast_to(blood[:, None, None], SHAPE),
        exchange=jnp.zeros(SHAPE),
        load=jnp.zeros(SHAPE),
        demand=4.0 * jnp.broadcast_to(slab_volumes(heights, 1.0, np.ones(LAYERS)), SHAPE),
        kinetics=kinetics,
    )


def test_a_solution_has_no_residual(slab):
    solution = _solve(slab)
    assert int(solution.status) == CONVERGED
    assert float(solution.relative_residual) <= 1e-12
    left, cold = residual(slab, solution.solutes), residual(slab, slab.start)
    for solute in range(3):
        assert float(jnp.linalg.norm(left[solute])) <= 1e-11 * float(jnp.linalg.norm(cold[solute]))


def test_a_warm_start_is_kept(slab):
    solution = _solve(slab)
    again = _solve(slab, solution.solutes)
    assert int(again.iterations) == 0
    assert np.array_equal(again.solutes, solution.solutes)


def test_a_bad_guess_is_overcome(slab):
    """Far outside the physical range the laws are continued, and steps that do not help are halved."""
    guess = jnp.stack([jnp.full(SHAPE[1:], value) for value in (-40.0, -60.0, -30.0)])
    far = _solve(slab, guess)
    assert int(far.status) == CONVERGED
    assert np.asarray(far.solutes) == pytest.approx(np.asarray(_solve(slab).solutes), abs=1e-9)
    assert np.asarray(far.solutes)[:, 0, 0] == pytest.approx([5.1, 0.8, 4.0])  # the guess is not used on fixed nodes


def test_a_prepared_operator_changes_nothing(slab):
    prepared = eqx.filter_jit(lambda: solve(slab, None, TIGHT, operator=transport_operator(slab)))()
    alone = _solve(slab)
    assert int(prepared.iterations) == int(alone.iterations)
    assert np.asarray(prepared.solutes) == pytest.approx(np.asarray(alone.solutes), rel=1e-12)


def test_an_operator_of_another_tissue_costs_steps_only(slab):
    """The residual decides: with the operator of a disc of 10 % less diffusivity the answer is the same, and so are its derivatives."""

    def glucose(problem, operator):
        return solve(problem, options=TIGHT, operator=operator).solutes[2, 0, -1]

    other = transport_operator(eqx.tree_at(lambda p: p.stencil, slab, 0.9 * slab.stencil))
    stale = eqx.filter_jit(lambda: solve(slab, options=TIGHT, operator=other))()
    exact = _solve(slab)
    assert int(stale.status) == CONVERGED
    assert int(stale.iterations) > int(exact.iterations)
    assert np.asarray(stale.solutes) == pytest.approx(np.asarray(exact.solutes), rel=1e-10)
    slope = jax.jit(jax.grad(lambda size, operator: glucose(slab.with_demand(size * slab.demand), operator)))
    right, wrong = slope(jnp.ones(()), transport_operator(slab)), slope(jnp.ones(()), other)
    assert float(wrong) == pytest.approx(float(right), rel=1e-9)


def test_iterations_are_limited(slab):
    solution = _solve(slab, None, SolverOptions(tolerance=1e-12, most_iterations=1))
    assert int(solution.status) == TOO_MANY_ITERATIONS
    assert int(solution.iterations) == 1
    assert float(solution.relative_residual) > 1e-12


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
@pytest.mark.parametrize("where", ["demand", "stencil", "start", "guess", "kinetics"])
def test_numbers_that_are_not_finite(slab, where, value):
    guess = slab.start
    if where == "guess":
        guess = guess.at[1, 0, 3].set(value)
    elif where == "kinetics":
        slab = eqx.tree_at(lambda p: p.kinetics.lactate_acid, slab, jnp.asarray(value))
    else:
        field = getattr(slab, where)
        slab = eqx.tree_at(
            lambda p: getattr(p, where), slab, field.at[(0,) * field.ndim].set(value).at[(-1,) * field.ndim].set(value)
        )
    solution = _solve(slab, guess)
    assert int(solution.status) == NOT_FINITE


def test_every_status_has_a_sentence():
    assert set(STATUS_TEXT) == {CONVERGED, TOO_MANY_ITERATIONS, NOT_FINITE}


@pytest.mark.parametrize("tolerance", [1e-6, 1e-8, 1e-12])
def test_a_solute_at_rest_has_converged(slab, tolerance):
    """Cells that use oxygen only leave lactate and glucose at rest: their residual is rounding from the start."""
    options = SolverOptions(tolerance=tolerance)
    oxygen_only = slab.with_demand(slab.demand.at[1:].set(0.0))
    solution = _solve(oxygen_only, None, options)
    assert int(solution.status) == CONVERGED
    assert np.asarray(solution.solutes[1]) == pytest.approx(0.8, rel=1e-12)
    nothing = _solve(slab.with_demand(jnp.zeros(SHAPE)), None, options)
    assert int(nothing.status) == CONVERGED
    assert int(nothing.iterations) == 0


def test_a_well_mixed_node(kinetics):
    """One node that exchanges with blood: e (u - u_b) = w r(u), solved by bisection on oxygen alone."""
    shape = (3, 1, 1)
    blood = jnp.array([5.1, 0.8, 4.0])
    problem = NutritionProblem(
        mesh=point_topology(),
        stencil=slab_stencil(jnp.zeros(1), 1.0, jnp.zeros((3, 0))),
        free=jnp.ones(shape[1:]),
        start=jnp.broadcast_to(blood[:, None, None], shape),
        exchange=jnp.ones(shape),
        load=jnp.broadcast_to(blood[:, None, None], shape),
        demand=jnp.array([0.05, 0.0, 0.0])[:, None, None],
        kinetics=kinetics,
    )
    solution = _solve(problem)
    assert int(solution.status) == CONVERGED

    def balance(oxygen):
        return oxygen - 5.1 - 0.05 * float(metabolic_rates(kinetics, jnp.array([oxygen, 0.8, 4.0]))[0])

    assert float(solution.solutes[0, 0, 0]) == pytest.approx(brentq(balance, 0.0, 5.1, xtol=1e-13), abs=1e-10)
    assert np.asarray(solution.solutes[1:, 0, 0]) == pytest.approx([0.8, 4.0])


def test_derivatives(slab):
    """Forward and reverse mode with respect to a boundary value, the demand, the exchange and a kinetic constant."""

    def glucose(factors):
        boundary, demand, exchange, acid = factors
        problem = eqx.tree_at(
            lambda p: (p.start, p.demand, p.exchange, p.kinetics.lactate_acid),
            slab,
            (
                slab.start.at[2].multiply(boundary),
                slab.demand * demand,
                slab.exchange.at[:, 0, -1].add(exchange - 1.0),
                slab.kinetics.lactate_acid * acid,
            ),
        )
        return solve(problem, options=TIGHT).solutes[2, 0, LAYERS // 2]

    ones = jnp.ones(4)
    reverse = np.asarray(jax.jit(jax.grad(glucose))(ones))
    way = jnp.array([0.3, -0.2, 0.7, 0.1])
    forward = jax.jit(lambda point: jax.jvp(glucose, (point,), (way,))[1])(ones)
    assert float(forward) == pytest.approx(float(reverse @ np.asarray(way)), rel=1e-8)
    value = jax.jit(glucose)
    step = 1e-4  # truncation (6 step)^2/6 and solver 1e-12/step, both below 1e-6
    central = [float(value(ones.at[k].add(step)) - value(ones.at[k].add(-step))) / (2.0 * step) for k in range(4)]
    assert reverse == pytest.approx(central, rel=1e-5)
    assert np.all(np.abs(reverse) > 1e-3)


def test_the_guess_carries_no_derivative(slab):
    slope = jax.jit(jax.grad(lambda guess: jnp.sum(solve(slab, guess, TIGHT).solutes)))(slab.start)
    assert np.all(np.asarray(slope) == 0.0)


def test_lanes_of_a_batch(slab):
    """`solve` itself may be batched: the lanes agree with single solves to the tolerance."""
    demands = jnp.stack([slab.demand, 0.5 * slab.demand])
    together = eqx.filter_jit(jax.vmap(lambda demand: solve(slab.with_demand(demand), options=TIGHT)))(demands)
    assert np.all(np.asarray(together.status) == CONVERGED)
    for lane in range(2):
        alone = _solve(slab.with_demand(demands[lane]))
        assert np.asarray(together.solutes[lane]) == pytest.approx(np.asarray(alone.solutes), rel=1e-9)
