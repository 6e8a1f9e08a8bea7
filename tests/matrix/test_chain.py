"""The exact chain of two pools: divided differences of exp and the step (cells_matrix 2.7, 6.2)."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from pulposus.matrix._chain import (
    SERIES_BELOW,
    divided_exponential,
    fed_pool_step,
    mean_of_mean,
    once_integrated,
    pool_step,
    twice_integrated,
)

# Zero, tiny, equal and nearly equal pairs, both sides of the border of the series, and far out.
EXPONENTS = [0.0, -1e-12, -1e-5, -0.1, -0.499, -0.5, -0.501, -2.0, -2.0000001, -37.0, -400.0]
PAIRS = [(x, y) for x in EXPONENTS for y in EXPONENTS]


def exact(points: list[float]) -> float:
    """Divided difference of exp as its power series in 400 decimal digits; the terms reach e^400 = 1e174."""
    with localcontext() as context:
        context.prec = 400
        nodes = [Decimal(point) for point in points]
        # homogeneous[k] is h_n of the first k + 1 nodes; the factorial of n + k grows with n.
        homogeneous = [Decimal(1)] * len(nodes)
        factorial = Decimal(math.factorial(len(nodes) - 1))
        total = 1 / factorial
        for degree in range(1, 2000):
            running = Decimal(0)
            for index, node in enumerate(nodes):
                running = running + node * homogeneous[index]
                homogeneous[index] = running
            factorial *= degree + len(nodes) - 1
            total += running / factorial
            if abs(running / factorial) < Decimal("1e-200") and degree > 2 * max(abs(point) for point in points):
                break
        return float(total)


@pytest.mark.parametrize(("function", "zeros"), [(divided_exponential, 0), (once_integrated, 1), (twice_integrated, 2)])
def test_divided_differences(function, zeros):
    x, y = (jnp.array(column) for column in zip(*PAIRS, strict=True))
    found = np.asarray(function(x, y))
    reference = [exact([0.0] * zeros + [first, second]) for first, second in PAIRS]
    # Differences above the border lose less than a digit per order.
    np.testing.assert_allclose(found, reference, rtol=1e-13)
    if zeros:
        assert (found > 0.0).all()


def test_values_at_zero():
    zero = jnp.array(0.0)
    assert float(divided_exponential(zero, zero)) == 1.0
    assert float(once_integrated(zero, zero)) == 0.5
    assert float(mean_of_mean(zero)) == 0.5
    assert float(twice_integrated(zero, zero)) == pytest.approx(1.0 / 6.0, rel=1e-16)


@pytest.mark.parametrize(
    "point", [(-0.2, -0.2), (-SERIES_BELOW, -SERIES_BELOW), (-3.0, -3.0), (-2.0, -0.1), (0.0, -4.0)]
)
def test_slopes_are_smooth_where_rates_agree(point):
    x, y = (jnp.array(value) for value in point)
    # d/dx e[0, x, y] = e[0, x, x, y].
    slope = float(jax.jvp(lambda first: once_integrated(first, y), (x,), (jnp.ones(()),))[1])
    assert slope == pytest.approx(exact([0.0, point[0], point[0], point[1]]), rel=1e-10)


@pytest.mark.parametrize("step", [1e-6, 0.3, 30.0, 3e4])
@pytest.mark.parametrize(
    "rates", [(0.3, 0.2, 0.1), (0.1, 0.1, 0.1), (0.1, 0.1, 0.1 + 1e-9), (2.0, 0.0, 0.05), (0.0, 0.0, 0.0)]
)
def test_the_chain_is_exact_for_any_step(step, rates):
    loss, cleavage, departure = rates
    start, feeding, source = 7.0, 11.0, 0.4
    # State (A, F, integral of A, integral of F, 1) of the linear system.
    system = np.zeros((5, 5))
    system[0, [0, 4]] = -loss, source
    system[1, [0, 1]] = cleavage, -departure
    system[2, 0] = system[3, 1] = 1.0
    reference = expm(system * step) @ np.array([feeding, start, 0.0, 0.0, 1.0])
    a, b, d, s, h = (jnp.array(value) for value in (loss, cleavage, departure, source, step))
    first, first_time = pool_step(jnp.array(feeding), s, a, h)
    second, second_time = fed_pool_step(jnp.array(start), jnp.array(feeding), s, a, b, d, h)
    # expm with squarings of a system whose entries span 1e4 is good to about ten digits.
    np.testing.assert_allclose([first, second, first_time, second_time], reference[:4], rtol=2e-10)


def test_the_balance_of_both_pools_closes_to_rounding():
    values = np.random.default_rng(3).uniform(0.0, 2.0, (7, 50))
    start, feeding, s, a, b, d, _ = (jnp.asarray(column) for column in values)
    h = jnp.array(1.7)
    first, first_time = pool_step(feeding, s, a, h)
    second, second_time = fed_pool_step(start, feeding, s, a, b, d, h)
    # A handful of additions of numbers below ten.
    np.testing.assert_allclose(first - feeding, s * h - a * first_time, atol=2e-14)
    np.testing.assert_allclose(second - start, b * first_time - d * second_time, atol=2e-14)
