"""The metabolic laws of transport 1.2 and 1.3 and their continuation."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.nutrition import (
    Kinetics,
    acidity,
    glucose_limitation,
    lactate_production,
    metabolic_rates,
    oxygen_consumption,
)
from pulposus.nutrition._kinetics import MILLIMOLAR_PER_DAY
from pulposus.parameters import load_parameters

# transport 1.3: pH, oxygen [kPa], qO, qL, qG in nmol/(10^6 cells h), without limiter.
REFERENCE_RATES = [
    (7.1, 5.0, 5.174386, 120.061006, 60.030503),
    (7.4, 5.0, 5.459944, 158.697520, 79.348760),
    (7.1, 1.0, 1.406985, 72.762448, 36.381224),
    (6.9, 1.0, 1.375781, 60.412739, 30.206370),
    (6.8, 0.5, 0.715204, 51.036956, 25.518478),
    (7.328, 5.1, 5.469152, 149.932021, 74.966011),
    (7.1, 0.0, 0.0, 62.364737, 31.182368),
    (7.4, 20.0, 11.384620, 198.740509, 99.370255),
]
PRINTED = 6e-7  # six printed decimals
CONSTANTS = Kinetics.from_parameters(load_parameters())
UNLIMITED = eqx.tree_at(lambda k: k.glucose_limiter, CONSTANTS, jnp.asarray(0.0))


def _lactate_at(pH):
    return (7.4 - pH) * 11.11


def _number(value):
    return jnp.asarray(value, dtype=jnp.float64)


def test_every_constant_is_an_array():
    """A Python number inside would be a new compilation for every value."""
    assert all(eqx.is_array(leaf) and leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(CONSTANTS))
    assert float(CONSTANTS.glucose_limiter) == 0.1  # ruling 29


@pytest.mark.parametrize(("pH", "oxygen", "use", "made", "glucose"), REFERENCE_RATES)
def test_reference_rates(pH, oxygen, use, made, glucose):
    assert float(oxygen_consumption(CONSTANTS, _number(oxygen), _number(pH))) == pytest.approx(use, abs=PRINTED)
    assert float(lactate_production(CONSTANTS, _number(oxygen), _number(pH))) == pytest.approx(made, abs=PRINTED)
    assert float(acidity(CONSTANTS, _number(_lactate_at(pH)))) == pytest.approx(pH, abs=1e-12)
    rates = np.asarray(metabolic_rates(UNLIMITED, jnp.array([oxygen, _lactate_at(pH), 2.0]))) / MILLIMOLAR_PER_DAY
    assert rates == pytest.approx([-use / 0.010268, made, -glucose], rel=1e-12, abs=PRINTED / 0.010268)


def test_limiter_factor():
    """With K_lim = 0.1, multiply by 2/2.1 at 2 mM (transport 1.3)."""
    assert float(glucose_limitation(CONSTANTS, _number(2.0))) == pytest.approx(0.952381, abs=PRINTED)
    assert float(glucose_limitation(UNLIMITED, _number(-3.0))) == 1.0


def test_conversion_of_units():
    """transport 1.3 in SI: a nucleus of 3600 cells/mm3 at pH 7.1 and 5 kPa; rulings 32: 3.6 million/mL gives 1.000000e-6 mM/s per rate."""
    per_second = 3.6 * MILLIMOLAR_PER_DAY / 86400.0
    assert per_second == pytest.approx(1e-6, rel=1e-12)
    for density, factor in ((5.55, 1.541667e-6), (13.5, 3.75e-6), (4.0, 1.111111e-6)):
        assert density * MILLIMOLAR_PER_DAY / 86400.0 == pytest.approx(factor, rel=5e-7)
    oxygen, lactate, glucose = (
        3.6 / 86400.0 * np.asarray(metabolic_rates(UNLIMITED, jnp.array([5.0, _lactate_at(7.1), 2.0])))
    )
    assert oxygen == pytest.approx(-5.039332e-4, rel=5e-7)  # kPa/s
    assert 0.8 * oxygen == pytest.approx(-4.031465e-4, rel=5e-7)
    assert oxygen * 0.010268 == pytest.approx(-5.174386e-6, rel=5e-7)
    assert (lactate, glucose) == pytest.approx((1.200610e-4, -6.003050e-5), rel=5e-7)


def test_jacobian():
    """transport 1.3 at 2 kPa and 4 mM of lactate; eight printed decimals."""
    point = jnp.array([2.0, 4.0, 1.0])
    assert float(acidity(UNLIMITED, point[1])) == pytest.approx(7.0399640, abs=6e-8)
    values = np.asarray(metabolic_rates(UNLIMITED, point)) / MILLIMOLAR_PER_DAY
    slopes = np.asarray(jax.jacfwd(lambda u: metabolic_rates(UNLIMITED, u))(point)) / MILLIMOLAR_PER_DAY
    assert -values[0] * 0.010268 == pytest.approx(2.56088661, abs=6e-9)
    assert values[1] == pytest.approx(79.35778221, abs=6e-9)
    assert -slopes[0] * 0.010268 == pytest.approx([1.06492681, -0.03211469, 0.0], abs=6e-9)
    assert slopes[1] == pytest.approx([10.85614461, -6.64291066, 0.0], abs=6e-9)
    assert slopes[2] == pytest.approx(-0.5 * slopes[1], rel=1e-14)


def test_largest_lactate_production():
    """qL has its maximum in p at 13.793 kPa (transport 1.3)."""
    slope = jax.grad(lambda p: lactate_production(CONSTANTS, p, _number(7.1)))
    assert float(slope(_number(13.793))) == pytest.approx(0.0, abs=1e-2)
    assert float(slope(_number(13.7))) > 0.0 > float(slope(_number(13.9)))


def test_acid_stops_oxygen_use():
    """max(pH - 4.95, 0), ruling 29."""
    assert float(oxygen_consumption(CONSTANTS, _number(3.0), _number(4.9))) == 0.0


@pytest.mark.parametrize("law", [oxygen_consumption, lactate_production])
def test_continuation_below_zero_oxygen_is_continuous(law):
    left, right = (float(law(CONSTANTS, _number(sign * 1e-9), _number(7.0))) for sign in (-1.0, 1.0))
    assert left == pytest.approx(right, abs=1e-6)


def test_oxygen_use_is_smooth_and_linear_below_zero():
    slope = jax.grad(lambda p: oxygen_consumption(CONSTANTS, p, _number(7.0)))
    assert float(slope(_number(-1e-12))) == pytest.approx(float(slope(_number(1e-12))), rel=1e-9)
    assert float(slope(_number(0.0))) == pytest.approx(float(slope(_number(-2.0))), rel=1e-12)


def test_limiter_is_smooth_and_linear_below_zero():
    slope = jax.grad(lambda g: glucose_limitation(CONSTANTS, g))
    for glucose in (-1.0, -1e-12, 0.0, 1e-12):
        assert float(slope(_number(glucose))) == pytest.approx(10.0, rel=1e-9)


physical = st.tuples(st.floats(0.0, 12.0), st.floats(0.0, 10.0), st.floats(0.0, 8.0))


@given(physical, st.floats(0.0, 0.5))
def test_two_lactate_for_each_glucose(state, limiter):
    kinetics = eqx.tree_at(lambda k: k.glucose_limiter, CONSTANTS, _number(limiter))
    oxygen, lactate, glucose = metabolic_rates(kinetics, jnp.array(state))
    assert float(lactate) == -2.0 * float(glucose)
    assert float(oxygen) <= 0.0 <= float(lactate)


@given(physical)
def test_signs_of_the_feedbacks(state):
    """More oxygen raises, more acid lowers both rates; less glucose lowers lactate (transport 1.4)."""
    slopes = np.asarray(jax.jacfwd(lambda u: metabolic_rates(CONSTANTS, u))(jnp.array(state)))
    assert slopes[0, 0] <= 0.0 <= slopes[0, 1]
    assert slopes[1, 0] >= 0.0 >= slopes[1, 1]
    assert slopes[1, 2] >= 0.0


def test_low_oxygen_lowers_lactate():
    """0 against 5 kPa: -48 % at pH 7.1; 1 mM of lactate lowers the production by about 8 % (transport 1.4)."""
    low, high = (float(lactate_production(CONSTANTS, _number(p), _number(7.1))) for p in (0.0, 5.0))
    assert low / high - 1.0 == pytest.approx(-0.48, abs=0.005)
    slope = jax.grad(lambda lactate: jnp.log(lactate_production(CONSTANTS, _number(2.0), acidity(CONSTANTS, lactate))))
    assert float(slope(_number(3.0))) == pytest.approx(-0.0837, abs=1e-4)


def test_the_derivative_of_the_limiter_constant_is_finite():
    """With the limiter off, the derivative must not be poisoned by the branch that is not taken."""
    for kinetics in (CONSTANTS, UNLIMITED):
        slope = jax.grad(lambda k: metabolic_rates(k, jnp.array([2.0, 3.0, 1.0]))[1])(kinetics)
        assert all(np.isfinite(leaf) for leaf in jax.tree.leaves(slope))
