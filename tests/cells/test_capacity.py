"""Capacity formulas at the numbers printed in transport 5 (three digits each)."""

import pytest

from pulposus.cells import capacity

# 10 million cells/mL at 60 nmol/(10^6 cells h), in mM/day (rulings 32), and glucose at 4.0741e-10 m2/s in mm2/day.
CONSUMPTION = 10.0 * 60.0 * 0.024
DIFFUSIVITY = 4.0741e-10 * 1e6 * 86400.0


def test_a_millilitre_in_one_lump_cannot_be_fed():
    assert float(capacity.bolus_dip(CONSUMPTION, 6.2, DIFFUSIVITY)) == pytest.approx(2.62, abs=5e-3)


@pytest.mark.parametrize(("weight", "radius", "hours"), [(1.0, 3.83, 2.33), (2.0, 2.71, 1.17)])
def test_largest_bolus_and_time_without_supply(weight, radius, hours):
    demand = weight * CONSUMPTION
    assert float(capacity.largest_bolus_radius(demand, 1.0, DIFFUSIVITY)) == pytest.approx(radius, abs=5e-3)
    assert 24.0 * float(capacity.feeding_time(1.4, demand)) == pytest.approx(hours, abs=5e-3)


@pytest.mark.parametrize(("weight", "share"), [(1.0, 0.34), (2.0, 0.68)])
def test_even_dispersal_adds_a_third_of_the_demand(weight, share):
    assert float(capacity.added_demand_share(10.0, 8.13, 3.6, weight)) == pytest.approx(share, abs=5e-3)
