"""Senescence of native cells: every factor by hand (cells_matrix 2.1)."""

import numpy as np
import pytest

from pulposus.cells import Environment
from pulposus.cells._senescence import senescence_rate


def test_rate_by_hand(parameters):
    stressed = Environment(oxygen=1.0, glucose=1.0, pH=6.8, osmolarity=500.0, cytokine=1.0)
    # 0.003 per year, x 4 by cytokine, x 2 at the acid midpoint, x 1.5 at 500 mOsm.
    assert float(senescence_rate(stressed, parameters.native.senescence)) == pytest.approx(
        0.003 / 365.25 * 4.0 * 2.0 * 1.5, rel=1e-13
    )


def test_a_dilute_disc_is_not_protected(parameters):
    law = parameters.native.senescence
    rates = [
        float(senescence_rate(Environment(oxygen=1.0, glucose=1.0, pH=7.2, osmolarity=osmolarity), law))
        for osmolarity in (300.0, 450.0)
    ]
    assert rates[0] == rates[1]
    # Acid still has a tail of 1/(1 + e^4) at pH 7.2.
    assert rates[0] == pytest.approx(0.003 / 365.25 * (1 + 2 / (1 + np.exp(4.0))), rel=1e-13)


def test_the_paracrine_factor_slows_it(parameters):
    law = parameters.native.senescence
    alone, helped = (
        float(senescence_rate(Environment(oxygen=1.0, glucose=1.0, pH=7.0, osmolarity=400.0, paracrine=p), law))
        for p in (0.0, 3.0)
    )
    assert alone == pytest.approx(4.0 * helped, rel=1e-14)
