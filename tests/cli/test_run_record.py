"""What the record of a run adds to the simulation: safety inputs and the numbers of the balance."""

from __future__ import annotations

import math

import pytest

from pulposus.cli._job import ensemble_lines
from pulposus.cli._run_record import balance_factors, half_life, largest_yearly_gain, safety_of, warning_of
from pulposus.parameters import load_parameters
from pulposus.simulation import SimulationResult, simulate
from pulposus.therapy import SafetySignal, load_protocol

YEAR = 365.25


@pytest.fixture(scope="module")
def opened() -> SimulationResult:
    """A minipig disc that is opened with the treatment."""
    return simulate(load_protocol("omlor-2014", ["numerics.level=slab"]), until=2.0)


def test_the_largest_gain_is_that_of_the_best_year() -> None:
    times = [0.0, YEAR, 2.0 * YEAR, 5.0 * YEAR]
    # By hand: 10 % in the first year, then nothing.
    assert largest_yearly_gain(times, [40.0, 44.0, 44.0, 44.0]) == pytest.approx(0.1, rel=1e-12)


def test_a_short_run_counts_as_a_whole() -> None:
    assert largest_yearly_gain([0.0, YEAR / 8.0, YEAR / 4.0], [40.0, 39.0, 41.0]) == pytest.approx(0.1, rel=1e-12)


def test_an_operation_is_no_harm_of_the_needle(opened: SimulationResult) -> None:
    names = {signal.name for signal in safety_of(opened, load_parameters())}
    assert opened.opened_at_treatment
    assert "puncture harm" not in names
    assert "largest safe dose" in names


def test_the_balance_is_told(opened: SimulationResult) -> None:
    told = balance_factors(opened.with_cells)
    biology = opened.with_cells.model.biology
    assert biology is not None
    # The specification's human grade I would be 12 years; this is a pig of 1.5 years, times the split of its grade.
    factor = float(biology.setting.cleavage_factor)
    clock = math.log(2.0) / (YEAR * float(biology.setting.clock.aggrecan_turnover))
    share = 1.0 / 0.13 / (1.0 / 0.13 + (1.0 / 0.059 - 1.0 / 0.13))
    expected = clock * (share / factor + 1.0 - share)
    assert half_life(opened.with_cells) == pytest.approx(expected, rel=2e-3)
    assert half_life(opened.with_cells) in told.values()


def test_a_flagged_signal_is_a_sentence() -> None:
    signal = SafetySignal("leak", 2.0, "million cell", None, None, True, "cells outside", "prior", "x")
    assert warning_of(signal) == "safety signal leak (2 million cell): cells outside"


def test_only_drivers_beyond_chance_are_told() -> None:
    rows = [
        {"key": key, "rank_correlations": {"alive": value, "glycosaminoglycan_nucleus_mean": 0.0}}
        for key, value in (("a", 0.9), ("b", 0.2))
    ]
    band = {label: [1.0] for label in ("p05", "p50", "p95")}
    ensemble = {
        "members": 26,
        "level": "slab",
        "quantiles": {"alive": band, "glycosaminoglycan_nucleus_mean": band},
        "drivers": rows,
    }
    # 1.96 / sqrt(25) = 0.392.
    lines = ensemble_lines(ensemble)
    assert "a (+0.90)" in lines[1] and "b (" not in lines[1] and "0.39" in lines[1]
    assert lines[2].endswith("no prior beyond chance")
