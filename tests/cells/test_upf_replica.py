"""The replica of the UPF death law at the test points of transport 4 (hard switches, rulings 36)."""

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import upf_replica


@pytest.fixture
def law(constants):
    return upf_replica.UpfDeath.from_parameters(constants)


def test_half_constant_by_density(law):
    value = upf_replica.half_constant(jnp.array([2.0, 3.6, 5.55, 13.5]), law)
    # Printed with six decimals.
    np.testing.assert_allclose(value, [0.508549, 0.010606, 0.000359, 0.000019], atol=5e-7)


def test_death_without_glucose_is_almost_instantaneous(law):
    # "-96 per day" at 3.6 million per mL with the threshold 0.511 mM; 94.29 with 0.5 (rulings 34).
    assert float(upf_replica.density_dependent_glucose_death(0.0, 3.6, law)) == pytest.approx(96.0, abs=0.5)
    shifted = upf_replica.UpfDeath(law.rate, jnp.array(0.5), law.half_scale, law.density_midpoint, law.density_width)
    rate = upf_replica.density_dependent_glucose_death(0.0, 3.6, shifted)
    assert float(rate) == pytest.approx(94.29, abs=5e-3)


def test_hard_acid_switch(parameters):
    rate = upf_replica.hard_acid_death(jnp.array([6.7799, 6.78, 6.9]), parameters.native.acid)
    np.testing.assert_array_equal(rate, [0.325728, 0.0, 0.0])
    # Survival after 1, 3 and 7 days and the half-life, printed in transport 4.
    days = np.array([1.0, 3.0, 7.0])
    np.testing.assert_allclose(np.exp(-float(rate[0]) * days), [0.722002, 0.376369, 0.102274], atol=5e-7)
    assert np.log(2.0) / float(rate[0]) == pytest.approx(2.128, abs=5e-4)
