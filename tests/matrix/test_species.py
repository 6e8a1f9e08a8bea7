"""The clocks of the species (cells_matrix 2.7, 4; rulings 23, 25)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import list_discs
from pulposus.errors import InvalidInput
from pulposus.matrix import Clock, known_species
from pulposus.matrix._species import AggrecanTurnover
from pulposus.parameters import load_parameters

PARAMETERS = load_parameters()
YEAR = 365.25


def test_every_species_of_the_library_has_a_clock():
    assert {disc.species for disc in list_discs(PARAMETERS)} <= set(known_species(PARAMETERS))
    for species in known_species(PARAMETERS):
        assert float(Clock.from_parameters(PARAMETERS, species).aggrecan_turnover) > 0.0


@pytest.mark.parametrize(
    ("species", "days", "collagen_years", "order_days"),
    [
        ("sheep", 730.0, 10.0, 365.0),
        ("goat", 730.0, 10.0, 365.0),
        ("pig", 550.0, 8.0, 365.0),
        ("minipig", 550.0, 8.0, 365.0),
        ("dog", 730.0, 8.0, 365.0),
        ("rabbit", 120.0, 2.0, 150.0),
        ("rat", 50.0, 1.0, 60.0),
        ("mouse", 30.0, 0.7, 60.0),
        ("cow", 730.0, 10.0, 365.0),
    ],
)
def test_animals_as_printed(species, days, collagen_years, order_days):
    clock = Clock.from_parameters(PARAMETERS, species)
    # Half-lives are printed; the stored rate is their double-precision logarithm.
    assert np.log(2.0) / float(clock.aggrecan_turnover) == pytest.approx(days, rel=1e-14)
    for age in (1.0, 45.0, 90.0):
        assert np.log(2.0) / float(clock.collagen_turnover(age)) == pytest.approx(collagen_years * YEAR, rel=1e-14)
    assert 1.0 / float(clock.order_recovery) == pytest.approx(order_days, rel=1e-14)


def test_human_turnover_as_printed():
    clock = Clock.from_parameters(PARAMETERS)
    assert float(clock.aggrecan_turnover) * YEAR == pytest.approx(0.059, rel=1e-14)
    assert float(clock.aggrecan_turnover * clock.annulus_ratio) * YEAR == pytest.approx(0.063, rel=1e-14)
    ages = jnp.array([10.0, 40.0, 45.0, 50.0, 85.0])
    rates = [float(clock.collagen_turnover(age)) * YEAR for age in ages]
    # Constant outside 40 and 50 years, linear between.
    np.testing.assert_allclose(rates, [0.00728, 0.00728, 0.005255, 0.00323, 0.00323], rtol=1e-13)
    # Half-lives printed as 95 and 215 years.
    np.testing.assert_allclose(np.log(2.0) / np.array([rates[0], rates[-1]]), [95.0, 215.0], atol=0.5)
    assert 1.0 / float(clock.order_recovery) == pytest.approx(7300.0, rel=1e-14)


def test_an_unknown_species_is_one_clear_message():
    with pytest.raises(InvalidInput, match="whale") as caught:
        Clock.from_parameters(PARAMETERS, "whale")
    assert "human" in caught.value.allowed


def test_the_pools_are_scaled_by_the_turnover():
    human = Clock.from_parameters(PARAMETERS, "human").aggrecan_turnover
    pools = AggrecanTurnover.two_pools(PARAMETERS, jnp.stack([human, 40.0 * human]))
    np.testing.assert_allclose(pools.cleavage * YEAR, [0.13, 5.2], rtol=1e-14)
    np.testing.assert_allclose(pools.departure * YEAR, [0.108, 4.32], rtol=1e-14)
    assert not pools.direct.any()
    # 1/0.13 + 1/0.108 years.
    np.testing.assert_allclose(pools.residence() / YEAR, np.array([1.0, 0.025]) * (1 / 0.13 + 1 / 0.108), rtol=1e-14)
    np.testing.assert_allclose(AggrecanTurnover.single_pool(human).residence(2.0) / YEAR, 0.5 / 0.059, rtol=1e-14)
