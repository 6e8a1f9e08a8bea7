"""The two drivers of ageing, each on its own switch (cells_matrix 3)."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.matrix import Ageing, ageing_multipliers
from pulposus.parameters import load_parameters

PARAMETERS = load_parameters()
DECADE = 3652.5


@pytest.mark.parametrize(
    ("drivers", "supply", "senescence"),
    [
        ({}, 1.0, 1.0),
        ({"nutrition": 1.0}, np.exp(-0.1), 1.0),
        ({"cells": 1.0}, 1.0, np.exp(0.2)),
        ({"nutrition": 1.0, "cells": 1.0}, np.exp(-0.1), np.exp(0.2)),
        ({"nutrition": 1.0, "cells": 1.0, "severity": 2.0}, np.exp(-0.2), np.exp(0.4)),
    ],
)
def test_drivers_over_a_decade(drivers, supply, senescence):
    found = ageing_multipliers(Ageing.from_parameters(PARAMETERS, **drivers), DECADE)
    # 0.01 and 0.02 per year.
    assert float(found.endplate_supply) == pytest.approx(supply, rel=1e-13)
    assert float(found.senescence) == pytest.approx(senescence, rel=1e-13)


def test_nothing_has_aged_at_the_start():
    found = ageing_multipliers(Ageing.from_parameters(PARAMETERS, nutrition=1.0, cells=1.0, severity=3.0), 0.0)
    assert (float(found.endplate_supply), float(found.senescence)) == (1.0, 1.0)


def test_the_rates_are_priors():
    for key in ("supply_loss_rate", "senescence_growth_rate"):
        record = PARAMETERS[f"matrix.ageing.{key}"]
        assert record.status == "prior"
        assert record.distribution != "fixed"
