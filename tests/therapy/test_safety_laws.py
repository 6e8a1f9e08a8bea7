"""Laws of the safety signals, against numbers computed by hand (cells_matrix 2.3, 9; rulings 20)."""

from __future__ import annotations

import math

import pytest
from scipy.integrate import quad

from pulposus.therapy._safety_laws import (
    infection_probability,
    osteophyte_probability,
    plug_hazard,
    plug_probability,
    starves,
    yearly_gain,
)

# Closed forms in double precision.
ROUNDING = 1e-12


def osteophyte(leaked=0.5, hazard=2.0, differentiated=0.0, kept=1.0, stay=1.0):
    return osteophyte_probability(
        leaked, hazard, differentiated=differentiated, differentiated_factor=0.2, kept=kept, stay=stay
    )


def test_half_a_million_leaked_cells_make_an_osteophyte_in_63_percent():
    assert osteophyte() == pytest.approx(1.0 - math.exp(-1.0), rel=ROUNDING)
    assert osteophyte(leaked=0.0) == 0.0
    # x0.2 where all are differentiated, x0.1 where a carrier keeps them.
    assert osteophyte(differentiated=1.0) == pytest.approx(1.0 - math.exp(-0.2), rel=ROUNDING)
    assert osteophyte(differentiated=0.5) == pytest.approx(1.0 - math.exp(-0.6), rel=ROUNDING)
    assert osteophyte(kept=0.1) == pytest.approx(1.0 - math.exp(-0.1), rel=ROUNDING)
    assert osteophyte(stay=0.5) == pytest.approx(1.0 - math.exp(-0.5), rel=ROUNDING)


def test_infection_adds_the_product_to_the_needle():
    assert infection_probability(1, 0.00094, 0.00206, 1.0) == pytest.approx(0.003, rel=ROUNDING)
    assert infection_probability(1, 0.00094, 0.00206, 0.3) == pytest.approx(0.0009, rel=ROUNDING)
    assert infection_probability(2, 0.00094, 0.00206, 1.0) == pytest.approx(1.0 - 0.997**2, rel=ROUNDING)
    assert infection_probability(0, 0.00094, 0.00206, 1.0) == 0.0


@pytest.mark.parametrize(("fissure", "hazard"), [(0.0, 0.0), (0.1, 0.0), (0.2, 0.001), (0.3, 0.002), (0.8, 0.002)])
def test_a_plug_needs_a_fissure(fissure, hazard):
    assert plug_hazard(fissure, 0.002, 0.1, 0.3) == pytest.approx(hazard, abs=1e-15)


def test_a_plug_needs_a_gel_that_is_still_there():
    exposure, _ = quad(lambda time: 2.0 ** (-time / 14.0), 0.0, 365.0, epsabs=0.0, epsrel=1e-11)
    # The quadrature is asked for 1e-11.
    assert plug_probability(0.002, 365.0, 14.0) == pytest.approx(1.0 - math.exp(-0.002 * exposure), rel=1e-9)
    assert plug_probability(0.0, 365.0, 14.0) == 0.0


def test_starvation_is_either_criterion():
    assert not starves(0.05, 0.95, 0.05, 0.95)
    assert starves(0.051, 1.0, 0.05, 0.95)
    assert starves(0.0, 0.949, 0.05, 0.95)


def test_the_gain_is_that_of_a_year():
    assert yearly_gain(40.0, 44.0, 365.25) == pytest.approx(0.1, rel=ROUNDING)
    assert yearly_gain(40.0, 44.0, 730.5) == pytest.approx(0.05, rel=ROUNDING)
    assert yearly_gain(40.0, 38.0, 365.25) == pytest.approx(-0.05, rel=ROUNDING)
