"""Growth of donor cells: the environment products of rulings 18 and the factors."""

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import Environment, Product
from pulposus.cells._growth import crowding, growth_rate, growth_support


@pytest.mark.parametrize(
    ("disc", "glucose", "pH", "osmolarity", "printed"),
    [
        ("rat", 4.0, 7.3, 450.0, 0.74),
        ("rabbit", 4.0, 7.3, 440.0, 0.80),
        ("pig", 3.5, 7.2, 440.0, 0.78),
        ("human III", 2.0, 7.0, 405.0, 0.72),
        ("human IV", 0.5, 6.9, 375.0, 0.40),
    ],
)
def test_environment_products(parameters, disc, glucose, pH, osmolarity, printed):
    del disc
    environment = Environment(oxygen=3.0, glucose=glucose, pH=pH, osmolarity=osmolarity)
    # Printed with two decimals.
    assert float(growth_support(environment, parameters.donor.growth)) == pytest.approx(printed, abs=5e-3)


def test_growth_wears_off_with_the_mitogen(parameters, product, benign):
    rates = [float(growth_rate(benign, jnp.array(day), parameters.donor.growth, product)) for day in (0.0, 21.0)]
    # r0 = 0.12 per day, window 21 d; all supports are one.
    np.testing.assert_allclose(rates, [0.12, 0.12 / np.e], rtol=1e-14)


def test_potency_and_alginate_slow_growth(constants, parameters, benign):
    weak = Product.from_parameters(constants, carrier="alginate", potency=0.5)
    rate = growth_rate(benign, jnp.array(0.0), parameters.donor.growth, weak)
    assert float(rate) == pytest.approx(0.12 * 0.5 * 0.7, rel=1e-14)


def test_crowding_stops_growth_at_the_capacity(parameters):
    factor = crowding(jnp.array([0.0, 15.0, 60.0, 90.0]), parameters.crowding_capacity)
    np.testing.assert_array_equal(factor, [1.0, 0.75, 0.0, 0.0])
