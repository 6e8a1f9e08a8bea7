"""Factors of synthesis and weights of the populations (cells_matrix 2.7; rulings 24)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellState, Environment
from pulposus.matrix import Load, MatrixParameters, SignalState
from pulposus.matrix._synthesis import (
    annulus_output,
    donor_output,
    fibrous_output,
    fibrous_weight,
    load_factor,
    native_output,
    osmotic_factor,
    oxygen_factor,
    stimulation,
    synthesis_factors,
)
from pulposus.parameters import load_parameters

LAWS = MatrixParameters.from_parameters(load_parameters())
QUIET = SignalState(0.0, 0.0, 0.0, 0.0)
MODERATE = Load(0.5, 1.0)


def factors(load=MODERATE, signals=QUIET, gain=0.0, **changes):
    place = {"oxygen": 10.0, "glucose": 50.0, "pH": 7.2, "osmolarity": 430.0} | changes
    return synthesis_factors(Environment(**place), signals, load, gain, LAWS.synthesis)


def test_all_factors_are_one_in_a_rich_neutral_place():
    found = factors()
    # The glucose switch is exp(-880) from one.
    assert [float(found.glycosaminoglycan), float(found.collagen_II), float(found.collagen_I)] == pytest.approx(
        [1.0] * 3
    )


@pytest.mark.parametrize(("pH", "printed"), [(7.2, 1.0), (6.8, 0.46), (6.4, 0.09)])
def test_acid_as_printed(pH, printed):
    # Printed with two decimals.
    assert float(factors(pH=pH).glycosaminoglycan) == pytest.approx(printed, abs=5e-3)


def test_collagen_has_its_own_midpoints():
    # Half of the plateau at the midpoint: H = 1/2 over H(7.2).
    sour = factors(pH=6.80)
    plateau = 1.0 / (1.0 + np.exp(-(7.2 - 6.80) / 0.2))
    assert float(sour.collagen_II) == pytest.approx(0.5 / plateau, rel=1e-14)
    assert float(sour.collagen_I) == pytest.approx(0.5 / plateau, rel=1e-14)
    hungry = factors(glucose=0.636)
    assert float(hungry.collagen_II) == pytest.approx(0.5, rel=1e-14)
    assert float(hungry.collagen_I) == 1.0
    assert float(factors(glucose=0.57).glycosaminoglycan) == pytest.approx(0.5, rel=1e-14)


def test_oxygen_limits_below_five_kilopascal():
    found = oxygen_factor(jnp.array([-1.0, 0.0, 1.5, 5.0, 12.0]), LAWS.synthesis)
    # 1.3 x 1.5 / 3 = 0.65; 1.3 x 5 / 6.5 = 1.
    np.testing.assert_allclose(found, [0.0, 0.0, 0.65, 1.0, 1.0], rtol=1e-15)


def test_osmolarity_raises_aggrecan_and_lowers_collagen_I():
    # One width below the optimum: a factor e, printed as 2.7 from 280 to 430 mOsm.
    assert float(factors(osmolarity=280.0).glycosaminoglycan) == pytest.approx(np.exp(-1.0), rel=1e-14)
    assert float(factors(osmolarity=280.0).collagen_II) == pytest.approx(np.exp(-1.0), rel=1e-14)
    # 1/f_os would be e; the cap is 2. Half a width off, the inverse itself holds.
    assert float(factors(osmolarity=280.0).collagen_I) == 2.0
    assert float(factors(osmolarity=355.0).collagen_I) == pytest.approx(np.exp(0.25), rel=1e-14)
    assert float(osmotic_factor(jnp.array(355.0), LAWS.synthesis)) == pytest.approx(np.exp(-0.25), rel=1e-14)


@pytest.mark.parametrize(
    ("magnitude", "frequency", "expected"),
    [
        (0.05, 0.0, 1.0),  # at rest the frequency means nothing
        (0.05, 40.0, 1.0),
        (0.5, 1.0, 1.0),
        (1.0, 3.0, 1.0),
        (0.5, 0.1, 1.0),
        (0.5, 0.05, 0.75),  # halfway between static and 0.1 Hz
        (0.5, 0.0, 0.5),
        (1.3, 1.0, np.exp(-1.0)),
        (0.5, 5.0, np.exp(-1.0)),
        (1.3, 5.0, np.exp(-2.0)),
    ],
)
def test_load(magnitude, frequency, expected):
    assert float(load_factor(Load(magnitude, frequency), LAWS.synthesis.load)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("signals", "gain", "expected"),
    [
        ((1.0, 0.0, 0.0), 0.0, 0.5),  # Kcs = 1 halves
        ((0.0, 1.0, 0.0), 0.0, 1.25),  # 1 + 0.5 / 2
        ((0.0, 0.0, 5.0), 4.0, 3.0),  # TGF-beta at KG: 1 + 4 / 2
        ((0.0, 0.0, 5.0), 2.0, 2.0),
        ((3.0, 1e15, 1e15), 4.0, 5.5 / 4.0),  # all at once, saturated
    ],
)
def test_stimulation(signals, gain, expected):
    state = SignalState(*signals, 0.0)
    # 1e15 over its half constant is 5e-15 from saturation.
    assert float(stimulation(state, gain, LAWS.synthesis)) == pytest.approx(expected, rel=1e-13)


def test_populations_contribute_by_their_weights():
    cells = CellState(native=1.0, senescent=10.0, free=1e6, attached=100.0, differentiated=1000.0, dead=1e6)
    weights = LAWS.weights
    assert float(native_output(cells, 1.0, weights)) == pytest.approx(1.0 + 0.3 * 10.0)
    assert float(native_output(cells, 1.5, weights)) == pytest.approx(1.5 + 0.3 * 10.0)
    assert float(donor_output(cells, weights)) == pytest.approx(0.2 * 100.0 + 2.0 * 1000.0)
    assert float(fibrous_output(cells, 0.1, weights)) == pytest.approx(0.1 + 15.0 + 100.0 + 100.0)
    assert float(annulus_output(cells, weights)) == pytest.approx(1.0 + 15.0 + 100.0 + 100.0)


def test_native_fibrosis_by_tissue():
    shares = tuple(jnp.array(column) for column in ([1.0, 0.0, 0.0, 0.5], [0.0, 1.0, 0.0, 0.5], [0.0, 0.0, 1.0, 0.0]))
    found = fibrous_weight(shares, jnp.array(0.4), LAWS.weights)
    # 0.1 (1 + c) in nucleus and endplate, 1 in the annulus.
    np.testing.assert_allclose(found, [0.14, 1.0, 0.14, 0.57], rtol=1e-14)
