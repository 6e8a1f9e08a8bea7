"""The constants file of the cells room: units, conversions, rulings, and the names that other rooms rely on."""

import math

import pytest

from pulposus.cells import CARRIERS, IMMUNITIES, SOURCES
from pulposus.units import format_quantity, parse_quantity

CARRIER = ("backflow_fraction", "leak_rate", "attachment_rate", "anoikis_rate", "gel_half_life", "growth_factor")
SOURCE = (
    "harvest_yield",
    "first_doubling_time",
    "potency_midpoint",
    "differentiation_factor",
    "paracrine_factor",
    "immunogenicity",
    "predifferentiated_fraction",
)


def test_every_row_of_the_product_tables_is_complete(constants):
    expected = {f"cells.carrier.{name}.{column}" for name in CARRIERS for column in CARRIER}
    expected |= {f"cells.source.{name}.{column}" for name in SOURCES for column in SOURCE}
    expected |= {f"cells.immune.{name}.{column}" for name in IMMUNITIES for column in ("rate", "delay")}
    tables = ("cells.carrier.", "cells.source.")
    assert expected - {*constants} == set()
    assert {key for key in constants if key.startswith(tables)} <= expected


def test_every_unit_can_be_typed_by_a_person(constants):
    for key, record in constants.items():
        if key.startswith("cells.") and record.unit != "1":
            assert parse_quantity(format_quantity(record.value, record.unit), record.unit) == record.value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cells.native.acid_death_rate", 3.77e-6 * 86400),
        ("cells.donor.acid_death_rate", 3.77e-6 * 86400),
        ("cells.native.acid_width", 0.03),
        ("cells.donor.acid_width", 0.06),
        ("cells.native.senescence_rate", 0.003 / 365.25),
        ("cells.dead.clearance_rate", math.log(2.0) / 7.0),
        ("cells.release.hold_loss", 0.01 * 24.0),
        ("cells.injection.relaxation_time", 100.0 / 86400.0),
        ("cells.injection.stiffness_nonlinear", 1.0),
        ("cells.injection.burst_pressure", 2.0),
        ("cells.upf_replica.density_width", math.sqrt(10.0**-1.7989)),
    ],
)
def test_conversions_and_rulings(constants, key, value):
    assert constants.value(key) == pytest.approx(value, rel=1e-12)


def test_needle_survival_is_its_law_at_the_reference_bore(constants):
    loss = constants.value("cells.needle.loss_per_gauge")
    steps = constants.value("cells.injection.reference_gauge") - constants.value("cells.needle.reference_gauge")
    assert constants.value("cells.needle.survival") == pytest.approx(1.0 - loss * steps, rel=1e-15)
