"""The step of the cell populations: ledger, positivity, order, batches (cells_matrix 6.1, 6.2; rulings 11, 15)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.cells import (
    CARRIERS,
    IMMUNITIES,
    SOURCES,
    CellParameters,
    CellState,
    Environment,
    Product,
    advance,
    integrate,
)
from pulposus.cells._integrator import SERIES_BELOW, fed_exponential, mean_exponential
from pulposus.parameters import load_parameters

CONSTANTS = load_parameters()
LAWS = ("native", "donor", "leak.seal", "notochordal", "dead", "immune", "crowding", "carrier")
SAMPLED = {
    key: st.floats(record.low, record.high)
    for key, record in CONSTANTS.items()
    if key.startswith(tuple(f"cells.{law}" for law in LAWS)) and record.low is not None and record.high is not None
}
# The production schedule, hours to weeks: 0.05 d in the first week, 0.5 d to day 90, then 15 d.
STEPS = jnp.concatenate([jnp.full(140, 0.05), jnp.full(166, 0.5), jnp.full(18, 15.0)])


NUMBERS = st.fixed_dictionaries(SAMPLED)
PRODUCTS = st.fixed_dictionaries(
    {
        "carrier": st.sampled_from(CARRIERS),
        "source": st.sampled_from(SOURCES),
        "immunity": st.sampled_from(IMMUNITIES),
        "track_weight": st.floats(0.0, 2.5),
        "potency": st.floats(0.0, 1.0),
    }
)
PLACES = st.fixed_dictionaries(
    {
        "oxygen": st.floats(0.0, 20.0),
        "glucose": st.floats(-0.1, 5.0),
        "pH": st.floats(6.0, 7.5),
        "osmolarity": st.floats(280.0, 600.0),
        "cytokine": st.floats(0.0, 2.0),
        "growth_factor": st.floats(0.0, 50.0),
        "annulus_opening": st.floats(0.0, 1.0),
        "endplate_opening": st.floats(0.0, 1.0),
        "load": st.floats(0.0, 2.0),
    }
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    NUMBERS, PRODUCTS, PLACES, st.booleans(), st.floats(0.01, 1.0), st.floats(0.1, 20.0), st.sampled_from([1.0, 10.0])
)
def test_ledger_positivity_and_bounds_anywhere_in_the_prior(
    numbers, product_kind, place, notochordal, filling, native, coarseness
):
    constants = CONSTANTS.replace(numbers)
    parameters = CellParameters.from_parameters(constants, notochordal=notochordal)
    product = Product.from_parameters(constants, **product_kind)
    dose = filling * float(parameters.crowding_capacity)
    state = CellState.without_donor(native, 0.1 * native).with_injected(dose)
    run = integrate(state, Environment(**place), product, parameters, coarseness * STEPS)
    # cells_matrix 6.1: 1e-10 of the dose; the arithmetic itself closes to rounding.
    assert float(jnp.abs(run.donor_imbalance).max()) < 1e-10 * float(state.free)
    assert float(jnp.abs(run.native_imbalance).max()) < 1e-10 * float(state.native_alive)
    assert float(jnp.abs(run.dead_imbalance).max()) < 1e-10 * float(state.free + state.native_alive)
    for leaf in jax.tree.leaves((run.state, run.ledger)):
        assert np.isfinite(leaf).all()
        assert (leaf >= 0.0).all()
    # Growth stops at the capacity: while rate x step < 2 the midpoint rule cannot jump over it (here 0.3 /d x 5 d = 1.5).
    assert float(run.state.donor.max()) <= float(parameters.crowding_capacity) * (1.0 + 1e-12)
    # Native growth is not crowded by native cells (rulings 11): its bound is the exponential itself.
    most = float(state.native_alive) * np.exp(float(parameters.native.growth_rate) * np.asarray(run.time))
    assert (run.state.native_alive <= most * (1.0 + 1e-12)).all()


def test_mean_exponential_in_value_and_slope_across_the_series():
    points = jnp.array([-60.0, -1.0, -SERIES_BELOW, -1e-5, 0.0, 1e-9, 0.999 * SERIES_BELOW, SERIES_BELOW, 0.5, 30.0])
    exact = np.array([1.0 if x == 0.0 else np.expm1(x) / x for x in np.asarray(points)])
    np.testing.assert_allclose(mean_exponential(points), exact, rtol=1e-15)
    slope = jax.vmap(jax.grad(mean_exponential))(points[2:9])
    # phi' = 1/2 + x/3 + x^2/8 + x^3/30 + x^4/144, compared where it converges; 1e-12 covers the three digits lost above the border.
    x = np.asarray(points)[2:8]
    np.testing.assert_allclose(slope[:6], 0.5 + x / 3 + x**2 / 8 + x**3 / 30, rtol=1e-12)


def test_the_balance_of_a_fed_population_closes_to_rounding():
    start, source, rate, step = (jnp.array(value) for value in (2.0, 0.3, -0.7, 3.0))
    end, integral = fed_exponential(start, source, rate, step)
    assert float(end - start) == pytest.approx(float(rate * integral + source), rel=1e-15)


def test_the_full_model_converges_with_order_two(parameters, constants, grade_three):
    product = Product.from_parameters(constants, carrier="fibrin", immunity="xenogeneic", track_weight=1.0)
    parameters = eqx.tree_at(lambda tree: tree.crowding_capacity, parameters, jnp.array(20.0))
    state = CellState.without_donor(3.0, 0.4).with_injected(12.0)

    def after_a_month(count: int) -> np.ndarray:
        final = jax.tree.map(
            lambda leaf: leaf[-1],
            integrate(state, grade_three, product, parameters, jnp.full(count, 28.0 / count)).state,
        )
        return np.array(jax.tree.leaves(final))

    coarse, middle, fine = (after_a_month(count) for count in (112, 224, 448))
    order = np.log2(np.abs(coarse - middle) / np.abs(middle - fine))
    # Native cells under constant conditions are exact, so their differences are rounding; all others must show order 2.
    changing = np.abs(middle - fine) > 1e-10
    assert changing.sum() >= 3
    np.testing.assert_allclose(order[changing], 2.0, atol=0.1)


def test_a_field_is_a_set_of_well_mixed_drops(parameters, product, grade_three):
    key = np.random.default_rng(5)
    shape = (4, 3)
    fields = [jnp.asarray(key.uniform(0.0, 5.0, shape)) for _ in range(6)]
    weight = jnp.asarray(key.uniform(0.0, 2.0, shape))
    glucose = jnp.asarray(key.uniform(0.0, 1.0, shape))
    local = eqx.tree_at(lambda tree: tree.glucose, grade_three, glucose)
    found, flows = advance(CellState(*fields), local, product, parameters, 1.0, 0.5, weight)
    for place in np.ndindex(shape):
        alone, alone_flows = advance(
            CellState(*(field[place] for field in fields)),
            eqx.tree_at(lambda tree: tree.glucose, grade_three, glucose[place]),
            product,
            parameters,
            1.0,
            0.5,
            weight[place],
        )
        # The same operations on other array shapes: only fused rounding may differ.
        for many, one in zip(jax.tree.leaves((found, flows)), jax.tree.leaves((alone, alone_flows)), strict=True):
            np.testing.assert_allclose(many[place], one, rtol=1e-14, atol=1e-300)


def test_batches_of_treatments_are_independent(constants, parameters, grade_three):
    carriers = [Product.from_parameters(constants, carrier=name) for name in CARRIERS]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *carriers)
    state = CellState.without_donor(3.0).with_injected(2.0)
    steps = jnp.full(112, 0.25)
    together = jax.vmap(lambda one: integrate(state, grade_three, one, parameters, steps).state.donor)(batch)
    for index, carrier in enumerate(carriers):
        alone = integrate(state, grade_three, carrier, parameters, steps).state.donor
        np.testing.assert_allclose(together[index], alone, rtol=1e-13)


def test_nucleus_like_products_attach_as_such(constants, parameters, benign):
    product = Product.from_parameters(constants, source="disc_cells")
    state = CellState.without_donor(3.6).with_injected(1.0)
    after, flows = advance(state, benign, product, parameters, 0.0, 0.5)
    assert float(after.attached) == 0.0
    assert float(after.differentiated) > 0.0
    assert float(flows.differentiated) == float(flows.attached)
