"""Cell product: expansion, senescence, potency, viability (cells_matrix 2.5)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from pulposus.therapy import load_protocol
from pulposus.therapy._product import (
    culture_time,
    doubling_time,
    expand,
    first_doubling_time,
    population_doublings,
    potency,
    viability_after_hold,
)

# Closed forms evaluated in double precision: only rounding is allowed.
ROUNDING = 1e-12


def test_three_doublings_make_eight_times_as_many():
    assert population_doublings(8.0, 1.0, 1.0) == pytest.approx(3.0, rel=ROUNDING)
    assert population_doublings(8.0, 2.0, 0.5) == pytest.approx(3.0, rel=ROUNDING)


def test_a_harvest_that_is_enough_needs_no_culture():
    assert population_doublings(1.0, 5.0, 1.0) == 0.0


@given(st.floats(0.1, 30.0), st.floats(5.0, 25.0), st.floats(2.0, 6.0))
def test_culture_time_is_the_integral_of_the_doubling_time(doublings, decline, exponent):
    integral, _ = quad(
        lambda done: doubling_time(2.5, done, decline, exponent), 0.0, doublings, epsabs=0.0, epsrel=1e-11
    )
    # The quadrature is asked for 1e-11; smooth integrand.
    assert culture_time(2.5, doublings, decline, exponent) == pytest.approx(integral, rel=1e-9)


def test_doubling_time_doubles_at_the_decline():
    assert doubling_time(3.0, 10.1, 10.1, 4.0) == pytest.approx(6.0, rel=ROUNDING)


def test_first_doubling_time_follows_age_and_serum():
    assert first_doubling_time(2.5, 35.0, 40.0, 0.01, 1.0) == 2.5
    assert first_doubling_time(2.5, 60.0, 40.0, 0.01, 1.0) == pytest.approx(3.0, rel=ROUNDING)
    assert first_doubling_time(2.5, 40.0, 40.0, 0.01, 1.25) == pytest.approx(2.0, rel=ROUNDING)


def test_half_of_the_potency_is_left_at_the_midpoint():
    assert potency(18.0, 0.1, 18.0, 2.0) == pytest.approx(0.45, rel=ROUNDING)
    assert potency(0.0, 0.0, 18.0, 2.0) == pytest.approx(1.0 / (1.0 + math.exp(-9.0)), rel=ROUNDING)


def test_viability_falls_by_one_percent_per_hour(parameters):
    loss = parameters.value("cells.release.hold_loss")
    assert viability_after_hold(0.9, loss, 1.0) == pytest.approx(0.9 * math.exp(-0.24), rel=1e-9)
    assert viability_after_hold(0.9, loss, 0.0) == 0.9


def test_orozco_is_expanded_from_its_harvest_to_its_dose(parameters):
    expansion = expand(load_protocol("orozco-2011"), parameters)
    doublings = math.log2(10.0 / (40.0 * 0.01))
    assert expansion.population_doublings == pytest.approx(doublings, rel=ROUNDING)
    assert expansion.senescent_fraction == pytest.approx(0.034 / 26.0 * doublings, rel=1e-9)
    assert expansion.culture_time == pytest.approx(2.5 * (doublings + doublings**5 / (5.0 * 10.1**4)), rel=ROUNDING)
    assert expansion.passages == pytest.approx(doublings / 2.0, rel=ROUNDING)
    assert 0.98 < expansion.potency < 1.0


def test_stated_doublings_win_over_the_harvest_and_the_harvest_over_passages(parameters):
    stated = expand(load_protocol("orozco-2011", ["culture.population_doublings=12", "culture.passages=4"]), parameters)
    assert stated.population_doublings == 12.0
    assert stated.passages == 4.0
    harvested = expand(load_protocol("orozco-2011", ["culture.passages=9"]), parameters)
    assert harvested.population_doublings == pytest.approx(math.log2(25.0), rel=ROUNDING)
    passaged = expand(load_protocol("orozco-2011", ["culture.passages=4", "origin.volume=null"]), parameters)
    assert passaged.population_doublings == 8.0


def test_autologous_serum_takes_its_own_factor(parameters):
    faster = parameters.replace({"cells.expansion.autologous_serum_factor": 1.2})
    protocol = load_protocol("orozco-2011", ["culture.serum=autologous"])
    plain, served = expand(protocol, parameters), expand(protocol, faster)
    assert served.culture_time == pytest.approx(plain.culture_time / 1.2, rel=ROUNDING)


def test_an_old_donor_waits_longer(parameters):
    young = expand(load_protocol("orozco-2011"), parameters)
    old = expand(load_protocol("orozco-2011", ["donor.age=60 year"]), parameters)
    assert old.culture_time == pytest.approx(1.2 * young.culture_time, rel=ROUNDING)


def test_nothing_is_expanded_without_cells(parameters):
    assert expand(load_protocol("sham-saline"), parameters) == (0.0, 0.0, 0.0, 0.0, 1.0)
