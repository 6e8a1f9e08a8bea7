"""The step of the matrix: ledger, positivity, order, exactness, shapes (cells_matrix 2.7, 6.2; rulings 23 to 25)."""

from __future__ import annotations

from functools import reduce

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.cells import CellState, Environment
from pulposus.matrix import (
    Load,
    MatrixFlows,
    MatrixParameters,
    MatrixState,
    SignalState,
    advance_matrix,
    known_species,
    node_setting,
)
from pulposus.nutrition import NodeVolumes
from pulposus.parameters import ParameterSet, load_parameters

CONSTANTS = load_parameters()
LAWS = MatrixParameters.from_parameters(CONSTANTS)
STEP = eqx.filter_jit(advance_matrix)
LOAD = Load(0.5, 1.0)
CELLS = CellState(native=3.0, senescent=0.6, free=0.5, attached=1.0, differentiated=0.7, dead=0.2)
PLACE = Environment(oxygen=2.0, glucose=1.2, pH=6.95, osmolarity=400.0)
SIGNALS = SignalState(0.4, 0.3, 2.0, 0.5)
STATE = MatrixState(18.0, 27.0, 29.0, 7.0, 0.8, 0.3)


def volumes(shares=(0.7, 0.2, 0.1)) -> NodeVolumes:
    return NodeVolumes(jnp.asarray(shares)[:, None, None])


def node(parameters: ParameterSet = CONSTANTS, **options):
    setting = node_setting(volumes(), jnp.full((1, 1), 4.8), parameters, **({"fissure_exposure": 1.0} | options))
    return setting.stimulated_by(4.0)


def one_node(tree):
    """The same with every field of shape (1, 1)."""
    return jax.tree.map(lambda leaf: jnp.reshape(leaf, (1, 1)) if leaf.ndim == 0 else leaf, tree)


def balance_errors(before: MatrixState, after: MatrixState, flows: MatrixFlows) -> list[float]:
    """What each pool gained less what its flows say."""
    return [
        float(jnp.max(jnp.abs(error)))
        for error in (
            after.aggrecan - before.aggrecan - flows.glycosaminoglycan_made + flows.fragmented + flows.aggrecan_lost,
            after.fragments - before.fragments - flows.fragmented + flows.fragments_lost,
            after.glycosaminoglycan
            - before.glycosaminoglycan
            - flows.glycosaminoglycan_made
            + flows.glycosaminoglycan_lost,
            after.collagen_II - before.collagen_II - flows.collagen_II_made + flows.collagen_II_lost,
            after.collagen_I - before.collagen_I - flows.collagen_I_made + flows.collagen_I_lost,
        )
    ]


RANGED = {
    key: st.floats(record.low, record.high)
    for key, record in CONSTANTS.items()
    if key.startswith(("matrix.", "signals.acid")) and record.low is not None and record.high is not None
}
PLACES = st.fixed_dictionaries(
    {
        "oxygen": st.floats(0.0, 20.0),
        "glucose": st.floats(-0.1, 5.0),
        "pH": st.floats(6.0, 7.6),
        "osmolarity": st.floats(250.0, 600.0),
    }
)
SIGNAL_VALUES = st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 10.0), st.floats(0.0, 500.0), st.floats(0.0, 50.0))
DENSITIES = st.tuples(*[st.floats(0.0, 60.0)] * 6)
CONTENTS = st.tuples(*[st.floats(0.0, 150.0)] * 4, st.floats(0.0, 1.0), st.floats(0.0, 1.0))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(RANGED),
    PLACES,
    SIGNAL_VALUES,
    DENSITIES,
    CONTENTS,
    st.floats(0.0, 3.5),
    st.floats(0.0, 40.0),
    st.sampled_from(known_species(CONSTANTS)),
    st.sampled_from(["two", "single"]),
    st.booleans(),
    st.sampled_from([0.0, 0.05, 15.0, 300.0, 1e6]),
)
def test_ledger_positivity_and_bounds_anywhere_in_the_prior(
    numbers, place, signals, densities, contents, magnitude, frequency, species, pools, acute, step
):
    parameters = CONSTANTS.replace(numbers)
    laws = MatrixParameters.from_parameters(parameters)
    setting = node(parameters, species=species, pools=pools).injured(float(acute))
    state = one_node(MatrixState(*contents))
    after, flows = STEP(
        state,
        one_node(CellState(*densities)),
        one_node(Environment(**place)),
        one_node(SignalState(*signals)),
        Load(magnitude, frequency),
        setting,
        laws,
        jnp.asarray(step),
    )
    for leaf in jax.tree.leaves((after, flows)):
        assert np.isfinite(leaf).all()
        assert (leaf >= 0.0).all()
    # One rounding above the mean of two numbers that are at most 1.
    assert float(after.annulus_order[0, 0]) <= 1.0 + 3e-16
    assert float(after.fissure[0, 0]) <= float(state.fissure[0, 0])
    # Sums of a dozen positive terms; the largest is what was there plus what was made.
    for error, amount in zip(
        balance_errors(state, after, flows),
        (
            state.aggrecan + flows.glycosaminoglycan_made,
            state.fragments + flows.fragmented,
            state.glycosaminoglycan + flows.glycosaminoglycan_made + flows.fragmented,
            state.collagen_II + flows.collagen_II_made,
            state.collagen_I + flows.collagen_I_made,
        ),
        strict=True,
    ):
        assert error <= 2e-14 * float(amount[0, 0]) + 1e-300
    # No pool holds more than it had and what entered it.
    assert float(after.glycosaminoglycan[0, 0]) <= float(
        (state.glycosaminoglycan + flows.glycosaminoglycan_made)[0, 0]
    ) * (1 + 1e-14)


def march(count: int, length: float, changing: bool, fissure: float = 0.3) -> np.ndarray:
    """The matrix after some years in `count` steps; the conditions of a step are those of its middle."""
    setting, step = node(), length / count
    state = eqx.tree_at(lambda one: one.fissure, one_node(STATE), jnp.full((1, 1), fissure))
    # A fast clock makes every pool move within the run.
    setting = eqx.tree_at(lambda one: one.clock.order_recovery, setting, jnp.array(2e-3))
    for index in range(count):
        wave = np.sin(2.0 * np.pi * (index + 0.5) * step / 4000.0) if changing else 0.0
        cells = eqx.tree_at(lambda one: one.native, one_node(CELLS), jnp.full((1, 1), 3.0 * (1.0 + 0.5 * wave)))
        signals = one_node(SignalState(0.4 * (1 + wave), 0.3, 2.0, 2.0 * (1 + 0.8 * wave)))
        state, _ = STEP(state, cells, one_node(PLACE), signals, LOAD, setting, LAWS, jnp.asarray(step))
    return np.array([float(leaf[0, 0]) for leaf in jax.tree.leaves(state)])


def test_the_step_has_order_two_in_changing_conditions():
    coarse, middle, fine = (march(count, 3650.0, True) for count in (10, 20, 40))
    order = np.log2(np.abs(coarse - middle) / np.abs(middle - fine))
    # Midpoint conditions and exact pools: order 2; the next term is still felt at ten steps over a wave.
    np.testing.assert_allclose(order, 2.0, atol=0.25)


def test_constant_conditions_need_one_step_only():
    one, many = march(1, 3650.0, False, fissure=0.0), march(16, 3650.0, False, fissure=0.0)
    # Everything is exact; sixteen steps add their roundings.
    np.testing.assert_allclose(one, many, rtol=1e-12)


def test_only_a_healing_fissure_couples_the_pools_to_the_length_of_the_step():
    one, many = march(1, 3650.0, False), march(16, 3650.0, False)
    np.testing.assert_allclose(one[2:], many[2:], rtol=1e-12)
    assert not np.allclose(one[:2], many[:2], rtol=1e-6)


def test_a_field_is_a_set_of_nodes():
    generator = np.random.default_rng(5)
    shape = (4, 3)
    fields = [jnp.asarray(generator.uniform(0.1, 30.0, shape)) for _ in range(4)]
    state = MatrixState(
        *fields, jnp.asarray(generator.uniform(0.0, 1.0, shape)), jnp.asarray(generator.uniform(0.0, 1.0, shape))
    )
    share = generator.dirichlet(np.ones(3), shape).transpose(2, 0, 1)
    setting = node_setting(NodeVolumes(jnp.asarray(share)), jnp.full(shape, 4.0), CONSTANTS)
    glucose = jnp.asarray(generator.uniform(0.2, 2.0, shape))
    place = eqx.tree_at(lambda one: one.glucose, PLACE, glucose)
    found, flows = STEP(state, CELLS, place, SIGNALS, LOAD, setting, LAWS, 20.0)
    for index in [(0, 0), (3, 1)]:
        alone = jax.tree.map(lambda leaf, at=index: leaf[at] if leaf.shape == shape else leaf, (state, place, setting))
        one, one_flows = STEP(alone[0], CELLS, alone[1], SIGNALS, LOAD, alone[2], LAWS, 20.0)
        for many, single in zip(jax.tree.leaves((found, flows)), jax.tree.leaves((one, one_flows)), strict=True):
            # The same operations on another shape; sums of made and lost may be fused differently.
            assert float(jnp.broadcast_to(many, shape)[index]) == pytest.approx(float(single), rel=1e-13)


def test_flows_start_at_nothing_and_add_up():
    setting, state = node(), one_node(STATE)
    ledger = MatrixFlows.nothing(state)
    assert not any(leaf.any() for leaf in jax.tree.leaves(ledger))
    now = state
    for step in (1.0, 30.0, 365.0):
        now, flows = STEP(now, one_node(CELLS), one_node(PLACE), one_node(SIGNALS), LOAD, setting, LAWS, step)
        ledger = jax.tree.map(jnp.add, ledger, flows)
    # Three steps of rounding of numbers below a hundred.
    assert max(balance_errors(state, now, ledger)) < 1e-12
    parts = reduce(jnp.add, (ledger.made_by_native, ledger.made_by_donor))
    np.testing.assert_array_equal(parts, ledger.glycosaminoglycan_made)


def test_a_fissure_washes_out_where_it_is_exposed_and_more_when_fresh():
    def lost(setting):
        _, flows = STEP(one_node(STATE), one_node(CELLS), one_node(PLACE), one_node(SIGNALS), LOAD, setting, LAWS, 30.0)
        return float(flows.glycosaminoglycan_lost[0, 0])

    chronic, closed = lost(node(species="rat")), lost(node(species="rat", fissure_exposure=0.0))
    acute = lost(node(species="rat").injured(1.0))
    assert closed < chronic < acute
    # The large gain is that of animals: a human disc keeps its own.
    assert lost(node().injured(1.0)) == lost(node())


def test_collagen_keeps_its_balance_at_any_age():
    young, old = node(age=30.0), node(age=30.0).aged(40.0)
    assert float(old.age) == 70.0
    results = []
    for setting in (young, old):
        after, flows = STEP(
            one_node(STATE), one_node(CELLS), one_node(PLACE), one_node(SIGNALS), LOAD, setting, LAWS, 1.0
        )
        results.append(float((flows.collagen_II_made / flows.collagen_II_lost)[0, 0]))
        del after
    # Turnover scales synthesis and loss alike; only the day's own change of the content, 1e-5, differs.
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_the_derivative_of_the_content_by_a_constant():
    def after_a_year(gain):
        laws = eqx.tree_at(lambda one: one.enzyme_gain, LAWS, gain)
        state, _ = advance_matrix(
            one_node(STATE), one_node(CELLS), one_node(PLACE), one_node(SIGNALS), LOAD, node(), laws, 365.25
        )
        return state.glycosaminoglycan[0, 0]

    _, slope = jax.jvp(after_a_year, (jnp.array(0.42),), (jnp.array(1.0),))
    centred = (after_a_year(jnp.array(0.421)) - after_a_year(jnp.array(0.419))) / 0.002
    # The centred difference errs by its step squared, 1e-6, times curvature over slope, below one.
    assert float(slope) == pytest.approx(float(centred), rel=1e-5)
