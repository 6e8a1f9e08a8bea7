"""Differentiation into nucleus-like cells: every factor by hand (cells_matrix 2.4)."""

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import Environment
from pulposus.cells._differentiation import differentiation_rate, oxygen_support


def test_oxygen_support_is_linear_between_5_and_20_kpa(parameters):
    support = oxygen_support(jnp.array([0.0, 5.0, 12.5, 20.0, 30.0]), parameters.donor.differentiation)
    np.testing.assert_allclose(support, [1.0, 1.0, 0.75, 0.5, 0.5], rtol=1e-15)


def test_rate_by_hand(parameters):
    environment = Environment(oxygen=2.0, glucose=3.0, pH=6.85, osmolarity=420.0, cytokine=0.4, growth_factor=5.0)
    rate = differentiation_rate(environment, jnp.array(4.0), parameters.donor.differentiation)
    expected = 0.025 * (1 + 3 * 0.5) * (1 + 0.5) * (0.5 + 1.0) / (1 + np.exp(-1.0)) / (1 + 0.5 * 0.4)
    assert float(rate) == pytest.approx(expected, rel=1e-13)


def test_a_healthy_disc_gives_about_five_percent_per_day(parameters):
    healthy = Environment(oxygen=3.0, glucose=3.0, pH=7.2, osmolarity=450.0, cytokine=0.05)
    rate = differentiation_rate(healthy, jnp.array(3.6), parameters.donor.differentiation)
    # "healthy-disc value about 0.05 /d", one digit.
    assert float(rate) == pytest.approx(0.05, abs=5e-3)
