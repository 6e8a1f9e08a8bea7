"""Stress of native cells, the acid factor, and the load."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.cells import Environment
from pulposus.matrix import Load, SignalParameters, acid_factor, stress
from pulposus.parameters import load_parameters

LAW = SignalParameters.from_parameters(load_parameters()).stress


def place(glucose: float, pH: float) -> Environment:
    return Environment(oxygen=2.0, glucose=glucose, pH=pH, osmolarity=400.0)


def indicator(glucose: float, pH: float, magnitude: float) -> float:
    return float(stress(place(glucose, pH), Load(magnitude, 1.0), LAW))


def test_each_cause_counts_one_half_at_its_midpoint() -> None:
    """The other two causes are ten widths away: they add less than 2 exp(-10)."""
    away = 2.0 * np.exp(-10.0)
    assert indicator(2.4, 6.75, -0.5) == pytest.approx(0.5, abs=away)
    assert indicator(0.8, 7.6, -0.5) == pytest.approx(0.5, abs=away)
    assert indicator(2.4, 7.6, 1.0) == pytest.approx(0.5, abs=away)


def test_the_printed_law() -> None:
    expected = (
        1.0 / (1.0 + np.exp((6.9 - 6.75) / 0.08))
        + 1.0 / (1.0 + np.exp((0.5 - 0.8) / 0.15))
        + 1.0 / (1.0 + np.exp((1.0 - 0.7) / 0.15))
    )
    assert indicator(0.5, 6.9, 0.7) == pytest.approx(expected, rel=1e-14)


def test_it_runs_from_nothing_to_three() -> None:
    assert indicator(100.0, 14.0, -20.0) < 1e-30
    assert indicator(-100.0, 0.0, 40.0) == pytest.approx(3.0, rel=1e-14)


def test_acid_factor() -> None:
    """Printed: 1 at pH 7.2, 0.46 at 6.8, 0.09 at 6.4 (cells_matrix 2.7)."""
    assert float(acid_factor(7.2, 6.9, 0.2)) == 1.0
    assert float(acid_factor(6.8, 6.9, 0.2)) == pytest.approx(0.46, abs=0.005)
    assert float(acid_factor(6.4, 6.9, 0.2)) == pytest.approx(0.09, abs=0.005)
    assert float(acid_factor(7.4, 6.9, 0.2)) > 1.0
