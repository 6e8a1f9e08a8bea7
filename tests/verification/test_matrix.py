"""Verification of the matrix against cells_matrix 6.5, 6.11 and 6.14 (rulings 23 to 25), at one node with clamped conditions."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.cells import CellState
from pulposus.matrix import (
    HealthyReference,
    MatrixParameters,
    MatrixSetting,
    MatrixState,
    SignalState,
    advance_matrix,
    known_species,
    node_setting,
)
from pulposus.matrix._species import AggrecanTurnover
from pulposus.nutrition import NodeVolumes
from pulposus.parameters import load_parameters

CONSTANTS = load_parameters()
LAWS = MatrixParameters.from_parameters(CONSTANTS)
REFERENCE = HealthyReference.of_species(CONSTANTS)
STEP = eqx.filter_jit(advance_matrix)
YEAR = 365.25
NATIVE = CellState.without_donor(jnp.full((1, 1), 3.528), jnp.full((1, 1), 0.072))


def nucleus(species: str = "human", pools: str = "two") -> MatrixSetting:
    node = NodeVolumes(jnp.array([1.0, 0.0, 0.0])[:, None, None])
    return node_setting(node, jnp.full((1, 1), 3.6), CONSTANTS, species=species, pools=pools, fissure_exposure=1.0)


def content(aggrecan: float, fragments: float, fissure: float = 0.0) -> MatrixState:
    return MatrixState(*(jnp.full((1, 1), value) for value in (aggrecan, fragments, 35.0, 2.8, 1.0, fissure)))


def quiet(enzyme: float) -> SignalState:
    """The signals of the reference with another enzyme activity."""
    return eqx.tree_at(lambda one: one.enzyme, REFERENCE.signals, jnp.asarray(enzyme))


def after(years, state, setting, signals, cells=NATIVE, laws=LAWS, place=REFERENCE.environment):
    return STEP(state, cells, place, signals, REFERENCE.load, setting, laws, jnp.asarray(years * YEAR))


def making(setting: MatrixSetting, per_year: float) -> MatrixSetting:
    """The same disc with a given synthesis of its native cells [mg/mL/year]."""
    _, flows = after(1.0, content(1.0, 1.0), setting, quiet(0.0))
    present = float(flows.glycosaminoglycan_made[0, 0])
    return eqx.tree_at(lambda one: one.synthesis_factor, setting, jnp.asarray(per_year / present))


# 6.5 Two-pool glycosaminoglycan.


@pytest.mark.parametrize("start", [(0.0, 0.0), (120.0, 3.0)])
def test_6_5_steady_pools_without_enzymes(start):
    setting = making(nucleus(), 4.0)
    final, _ = after(2000.0, content(*start), setting, quiet(0.0))
    # 2000 years are 200 times the slower residence time: exp(-200).
    assert float(final.aggrecan[0, 0]) == pytest.approx(4.0 / 0.13, rel=1e-12)
    assert float(final.fragments[0, 0]) == pytest.approx(4.0 / 0.108, rel=1e-12)
    # kAf is printed with three digits, so the total turnover is 0.0589916 for the printed 0.059.
    assert float(final.glycosaminoglycan[0, 0]) == pytest.approx(4.0 / 0.059, rel=2e-4)
    # "Fragment share 55 %", printed with two digits.
    assert float((final.fragments / final.glycosaminoglycan)[0, 0]) == pytest.approx(0.55, abs=5e-3)


def test_6_5_total_turnover_with_enzymes():
    setting = making(nucleus(), 4.0)
    final, flows = after(2000.0, content(20.0, 20.0), setting, quiet(1.0))
    turnover = 4.0 / float(final.glycosaminoglycan[0, 0])
    # Rulings 23: 0.083768 per year with the printed constants (0.084 as measured).
    assert turnover == pytest.approx(0.083768, abs=5e-7)
    assert turnover == pytest.approx(0.084, abs=5e-4)
    assert float(flows.glycosaminoglycan_made[0, 0]) == pytest.approx(8000.0, rel=1e-12)


@pytest.mark.parametrize(("years", "printed"), [(0.5, 41.6), (1.0, 43.2), (2.0, 46.2), (5.0, 53.7)])
def test_6_5_doubled_synthesis_of_a_single_pool(years, printed):
    # A single pool of 40 mg/mL with kT = 0.084 per year, then twice its synthesis.
    setting = nucleus(pools="single")
    setting = eqx.tree_at(
        lambda one: one.aggrecan, setting, AggrecanTurnover.single_pool(jnp.full((1, 1), 0.084 / YEAR))
    )
    steady = making(setting, 0.084 * 40.0)
    kept, _ = after(years, content(40.0, 0.0), steady, quiet(0.0))
    assert float(kept.glycosaminoglycan[0, 0]) == pytest.approx(40.0, rel=1e-13)
    doubled, _ = after(years, content(40.0, 0.0), making(setting, 2.0 * 0.084 * 40.0), quiet(0.0))
    found = float(doubled.glycosaminoglycan[0, 0])
    # Printed with one decimal, and exactly 40 (2 - exp(-kT t)).
    assert found == pytest.approx(printed, abs=0.05)
    assert found == pytest.approx(40.0 * (2.0 - np.exp(-0.084 * years)), rel=1e-13)
    # What the pool is bound to does not matter to a single pool.
    split, _ = after(years, content(25.0, 15.0), making(setting, 2.0 * 0.084 * 40.0), quiet(0.0))
    assert float(split.glycosaminoglycan[0, 0]) == pytest.approx(found, rel=1e-13)


@pytest.mark.parametrize(
    ("species", "days"), [("human", np.log(2.0) / 0.059 * YEAR), ("rat", 50.0), ("rabbit", 120.0), ("sheep", 730.0)]
)
def test_6_5_half_lives(species, days):
    setting = eqx.tree_at(lambda one: one.synthesis_factor, nucleus(species, "single"), jnp.array(0.0))
    left, _ = after(days / YEAR, content(50.0, 0.0), setting, quiet(0.0))
    # ln 2 over the turnover, in one exact step.
    assert float(left.glycosaminoglycan[0, 0]) == pytest.approx(25.0, rel=1e-12)


def test_6_5_human_half_lives_are_those_of_the_source():
    # Half-lives 12, 11.23 and 5.56 years are printed beside 0.059 +- 0.010, 0.063 (0.05-0.08) and 0.13 +- 0.04 per year. They were not
    # computed from each other; each lies inside the other's range.
    clock = nucleus().clock
    for rate, half_life, key in (
        (clock.aggrecan_turnover, 12.0, "matrix.aggrecan_turnover.human_nucleus"),
        (nucleus().aggrecan.cleavage[0, 0], 5.56, "matrix.large_aggrecan_turnover"),
    ):
        record = CONSTANTS[key]
        assert record.low is not None and record.high is not None
        assert record.low < np.log(2.0) / (half_life * YEAR) < record.high
        assert float(rate) == pytest.approx(record.value, rel=1e-14)
    assert 0.05 < np.log(2.0) / 11.23 < 0.08


def test_6_5_collagen_outlives_the_patient():
    setting = eqx.tree_at(
        lambda one: (one.collagen_II_synthesis, one.age), nucleus(), (jnp.zeros((1, 1)), jnp.array(30.0))
    )
    left, _ = after(95.0, content(40.0, 0.0), setting, quiet(0.0))
    # The half-life is printed as 95 years, to a year: 0.7 % of a half.
    assert float(left.collagen_II[0, 0] / 35.0) == pytest.approx(0.5, abs=4e-3)


def test_doubled_synthesis_is_slow_in_man_and_fast_in_the_rat():
    gains = {}
    for species in ("human", "rat"):
        setting, healthy = nucleus(species), HealthyReference.of_species(CONSTANTS, species)
        pools = setting.aggrecan
        share = float((pools.departure / (pools.departure + pools.cleavage))[0, 0])
        start = content(70.0 * share, 70.0 * (1.0 - share))
        kept, _ = after(1.0, start, setting, healthy.signals, place=healthy.environment)
        assert float(kept.glycosaminoglycan[0, 0]) == pytest.approx(70.0, rel=1e-12)
        doubled = eqx.tree_at(lambda one: one.synthesis_factor, setting, jnp.array(2.0))
        final, _ = after(1.0, start, doubled, healthy.signals, place=healthy.environment)
        gains[species] = float(final.glycosaminoglycan[0, 0]) / 70.0 - 1.0
    # Man: at most kA = 0.13 per year times the share of aggrecan, 0.45. Rat: the slower pool turns over 9.3 times a year, so all but
    # (1 + 9.3 + ...) exp(-9.3) < 0.01 of the gain has come.
    assert 0.0 < gains["human"] < 0.07
    assert gains["rat"] == pytest.approx(1.0, abs=0.01)


# 6.11 Null tests: without what donor cells make and secrete, the matrix does not know them.


@pytest.mark.parametrize("species", known_species(CONSTANTS))
def test_6_11_silent_donor_cells_leave_the_matrix_of_the_sham_arm(species):
    silent = eqx.tree_at(
        lambda one: (
            one.weights.attached,
            one.weights.differentiated,
            one.weights.attached_fibrous,
            one.weights.differentiated_fibrous,
        ),
        LAWS,
        (jnp.zeros(()),) * 4,
    )
    treated = eqx.tree_at(
        lambda one: (one.free, one.attached, one.differentiated, one.dead),
        NATIVE,
        tuple(jnp.full((1, 1), value) for value in (5.0, 10.0, 8.0, 3.0)),
    )
    start = content(18.0, 27.0, fissure=0.3)
    sham, _ = after(2.0, start, nucleus(species), quiet(0.5))
    other, flows = after(2.0, start, nucleus(species), quiet(0.5), treated, silent)
    for one, two in zip(jax.tree.leaves(sham), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-12)
    assert not flows.made_by_donor.any()
    # The same cells with their effects: the test can fail.
    working, _ = after(2.0, start, nucleus(species), quiet(0.5), treated)
    assert float(working.glycosaminoglycan[0, 0]) > float(sham.glycosaminoglycan[0, 0]) * 1.01


# 6.14 Monotonic in what should matter, conditions clamped.


def final_content(differentiated=0.0, attached=0.0, enzyme=0.4, cytokine=0.4, fissure=0.1, years=1.0, species="human"):
    cells = eqx.tree_at(
        lambda one: (one.attached, one.differentiated),
        NATIVE,
        (jnp.full((1, 1), attached), jnp.full((1, 1), differentiated)),
    )
    signals = SignalState(cytokine, 0.0, 0.0, enzyme)
    final, _ = after(years, content(18.0, 27.0, fissure), nucleus(species), signals, cells)
    return float(final.glycosaminoglycan[0, 0])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.floats(0.0, 30.0),
    st.floats(0.1, 30.0),
    st.floats(0.05, 10.0),
    st.sampled_from(["human", "rat", "dog"]),
)
def test_6_14_content_rises_with_nucleus_like_donor_cells(few, more, years, species):
    assert final_content(few + more, years=years, species=species) > final_content(few, years=years, species=species)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(0.0, 10.0), st.floats(0.05, 10.0))
def test_6_14_content_falls_with_enzymes_cytokine_and_fissures(level, more):
    # A hundredth of the range up, at least 2e-4 of the content down: far above rounding.
    assert final_content(enzyme=level + more) < final_content(enzyme=level)
    assert final_content(cytokine=level + more) < final_content(cytokine=level)
    assert final_content(fissure=(level + more) / 20.0) < final_content(fissure=level / 20.0)


def test_6_14_a_nucleus_like_cell_does_more_than_an_attached_one():
    base = final_content()
    assert final_content(differentiated=1.0) - base > 5.0 * (final_content(attached=1.0) - base) > 0.0
