"""Death laws at the test points of transport 4 (K = 0.2 mM, threshold 0.5 mM) and in their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells._death import acid_death, glucose_death, osmotic_death, switch


def test_the_switch_is_a_half_at_its_midpoint_and_antisymmetric():
    assert float(switch(2.0, 2.0, 0.3)) == 0.5
    # 1 / (1 + e^-1), by hand.
    assert float(switch(2.3, 2.0, 0.3)) == pytest.approx(0.7310585786300049, rel=1e-14)
    assert float(switch(2.7, 2.0, 0.3) + switch(1.3, 2.0, 0.3)) == pytest.approx(1.0, rel=1e-15)


def test_glucose_death_at_the_printed_points(parameters):
    rate = glucose_death(jnp.array([0.0, 0.1, 0.25, 0.4, 0.5, 4.0]), parameters.native.glucose)
    # Printed with six decimals.
    np.testing.assert_allclose(rate, [5.0, 2.666667, 1.111111, 0.333333, 0.0, 0.0], atol=5e-7)


def test_a_cell_below_zero_glucose_starves_as_at_zero(parameters):
    law = parameters.native.glucose
    # -0.2 mM is the pole of the printed formula.
    np.testing.assert_array_equal(glucose_death(jnp.array([-0.2, -3.0]), law), glucose_death(jnp.zeros(2), law))


@pytest.mark.parametrize(("kind", "midpoint", "width"), [("native", 6.78, 0.03), ("donor", 6.80, 0.06)])
def test_acid_death_is_a_logistic_of_the_ruled_width(parameters, kind, midpoint, width):
    law = getattr(parameters, kind).acid
    pH = np.array([6.2, midpoint - width, midpoint, midpoint + width, 7.4])
    expected = 3.77e-6 * 86400.0 / (1.0 + np.exp((pH - midpoint) / width))
    np.testing.assert_allclose(acid_death(jnp.asarray(pH), law), expected, rtol=1e-12)


def test_osmotic_death_rises_through_500_mosm(parameters):
    law = parameters.donor.osmotic
    rate = osmotic_death(jnp.array([300.0, 500.0, 520.0, 900.0]), law)
    np.testing.assert_allclose(rate, 0.02 * np.array([0.0, 0.5, 1 / (1 + np.exp(-1.0)), 1.0]), atol=1e-6)


def test_slopes_are_finite_at_the_kinks(parameters):
    slope = jax.vmap(jax.grad(lambda glucose: glucose_death(glucose, parameters.native.glucose)))
    assert np.isfinite(slope(jnp.array([-1.0, 0.0, 0.5, 0.6]))).all()


def test_notochordal_cells_starve_earlier_and_eat_more(constants, parameters):
    from pulposus.cells import CellParameters

    young = CellParameters.from_parameters(constants, notochordal=True)
    # Rulings 8: threshold 0.8 mM, consumption x 1.5; differentiated donor cells stay mature cells.
    assert float(glucose_death(jnp.array(0.7), young.native.glucose)) == pytest.approx(2.0 * 0.1 / 0.9, rel=1e-13)
    assert float(young.native.consumption_factor) == 1.5
    assert float(parameters.native.consumption_factor) == 1.0
    assert float(young.donor.differentiated_glucose.threshold) == 0.5
