"""Free cells in the carrier: gel, track, attachment and leak (cells_matrix 2.3; rulings 14, 15)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import Product
from pulposus.cells._retention import attachment_rate, gel_fraction, leak_rate, track_weight


def test_gel_halves_in_its_half_life_and_saline_has_none():
    half_lives = jnp.array([7.0, 7.0, 0.0])
    times = jnp.array([0.0, 7.0, 3.0])
    np.testing.assert_array_equal(jax.vmap(gel_fraction)(times, half_lives), [1.0, 0.5, 0.0])


def test_track_closes_with_the_seal_time(parameters):
    assert float(track_weight(jnp.array(5.0), jnp.array(2.5), parameters.seal_time)) == pytest.approx(2.5 / np.e)


@pytest.mark.parametrize(("gel", "attachment", "leak"), [(1.0, 0.40, 0.15), (0.5, 0.325, 0.475), (0.0, 0.25, 0.8)])
def test_rates_go_to_the_saline_row_as_the_gel_disappears(constants, gel, attachment, leak):
    product = Product.from_parameters(constants, carrier="hyaluronan")
    left = jnp.array(gel)
    assert float(attachment_rate(left, product)) == pytest.approx(attachment, rel=1e-14)
    found = leak_rate(left, jnp.array(0.5), jnp.array(1.2), 2.0, product)
    assert float(found) == pytest.approx(leak * 0.5 * 1.2 * 2.0, rel=1e-14)
