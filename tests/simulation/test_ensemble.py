"""The ensemble: draws from the priors, the same for the same seed, and a result that says what it rests on."""

from __future__ import annotations

import math

import equinox as eqx
import numpy as np
import pytest
import scipy.stats

from pulposus.errors import InvalidInput, PartialFailure
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, Progress, SimulationState, StepControl, run_ensemble, stored_times
from pulposus.simulation import _ensemble as ensemble
from pulposus.therapy import Protocol, load_protocol

GRADE, PRESET = 4, "impaired"
MEMBERS = 5
# w0, k_leak, k_an, r0, tau_m, Kg, y_mD, Kp, kT, aE: the ten of cells_matrix 2.9.
TEN = {
    "cells.leak.weight_intact",
    "cells.carrier.saline.leak_rate",
    "cells.carrier.saline.anoikis_rate",
    "cells.donor.growth_rate",
    "cells.donor.mitogen_window",
    "cells.native.glucose_half",
    "matrix.differentiated_synthesis_weight",
    "matrix.paracrine_inhibition",
    "matrix.aggrecan_turnover.human_nucleus",
    "matrix.enzyme_gain",
}
CELLS = ("alive", "free", "attached", "differentiated", "leaked", "dead", "born")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return load_protocol("orozco-2011")


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def result(protocol: Protocol, told: list[Progress]) -> dict:
    return run_ensemble(protocol, MEMBERS, until=7.0, progress=told.append)


def with_dose(protocol: Protocol, **changed: object) -> Protocol:
    return protocol.model_copy(update={"dose": protocol.dose.model_copy(update=changed)})


# Draws


def test_the_ten_priors_and_the_open_numbers_of_the_study_are_drawn(
    protocol: Protocol, constants: ParameterSet
) -> None:
    drivers = {one.key: one for one in ensemble.draw(protocol, constants, GRADE, PRESET, 8)}
    assert set(drivers) >= TEN | {"protocol.dose.cells", "protocol.dose.volume", "grades.endplate_supply.impaired.IV"}
    for driver in drivers.values():
        assert driver.low < driver.high
        assert driver.draws.shape == (8,)
        assert np.all((driver.draws >= driver.low) & (driver.draws <= driver.high))
        assert np.ptp(driver.draws) > 0.0


def test_more_members_keep_the_first_ones(protocol: Protocol, constants: ParameterSet) -> None:
    few, many = (ensemble.draw(protocol, constants, GRADE, PRESET, members) for members in (4, 16))
    for one, other in zip(few, many, strict=True):
        np.testing.assert_array_equal(one.draws, other.draws[:4])


def test_one_more_open_number_changes_no_other_draw(protocol: Protocol, constants: ParameterSet) -> None:
    with_range = {one.key: one.draws for one in ensemble.draw(protocol, constants, GRADE, PRESET, 8)}
    without = with_dose(protocol, cells_range=None, volume_range=None)
    fewer = {one.key: one.draws for one in ensemble.draw(without, constants, GRADE, PRESET, 8)}
    assert set(with_range) - set(fewer) == {"protocol.dose.cells", "protocol.dose.volume"}
    for key, draws in fewer.items():
        np.testing.assert_array_equal(draws, with_range[key])


def test_another_seed_draws_other_numbers(protocol: Protocol, constants: ParameterSet) -> None:
    other = protocol.model_copy(update={"seed": protocol.seed + 1})
    for one, two in zip(
        *(ensemble.draw(study, constants, GRADE, PRESET, 8) for study in (protocol, other)), strict=True
    ):
        assert not np.any(one.draws == two.draws), one.key


def test_a_dose_is_drawn_evenly_in_its_logarithm(protocol: Protocol, constants: ParameterSet) -> None:
    """Kolmogorov-Smirnov against the even law: with 2000 draws the 0.1 % limit of the distance is 1.95 / sqrt(2000) = 0.044."""
    study = with_dose(protocol, cells_range=(0.1, 10.0))
    drivers = {one.key: one for one in ensemble.draw(study, constants, GRADE, PRESET, 2000)}
    draws = drivers["protocol.dose.cells"].draws
    share = np.log(draws / 0.1) / math.log(100.0)
    assert scipy.stats.kstest(share, "uniform").statistic < 0.044


def test_a_dose_range_from_zero_is_drawn_evenly(protocol: Protocol, constants: ParameterSet) -> None:
    study = with_dose(protocol, cells_range=(0.0, 10.0))
    drivers = {one.key: one for one in ensemble.draw(study, constants, GRADE, PRESET, 2000)}
    assert scipy.stats.kstest(drivers["protocol.dose.cells"].draws / 10.0, "uniform").statistic < 0.044


def test_what_is_not_given_is_not_drawn(protocol: Protocol, constants: ParameterSet) -> None:
    nothing = with_dose(protocol, cells=0.0, volume=0.0)
    assert not [one for one in ensemble.draw(nothing, constants, GRADE, PRESET, 2) if one.key.startswith("protocol.")]


# A run


def test_the_result_says_what_it_is(result: dict, told: list[Progress]) -> None:
    assert result["time_day"] == stored_times(7.0)
    assert (result["members"], result["refused"], result["failed"]) == (MEMBERS, [], 0)
    assert "slab" in result["level"]
    assert [(step.run, step.time) for step in told] == [("ensemble", time) for time in result["time_day"][1:]]


def test_quantiles_are_in_order(result: dict) -> None:
    assert set(result["quantiles"]) >= {*CELLS, "native_alive_fraction", "glucose_nucleus_mean"}
    for name, series in result["quantiles"].items():
        assert list(series) == ["p05", "p50", "p95"]
        low, middle, high = (np.array(series[label]) for label in series)
        assert np.all((low <= middle) & (middle <= high)), name
        assert len(middle) == len(result["time_day"])
    assert result["quantiles"]["native_alive_fraction"]["p50"][0] == 1.0
    assert result["quantiles"]["alive"]["p05"][-1] < result["quantiles"]["alive"]["p95"][-1]


def test_drivers_are_ranked_by_what_they_do_to_the_living_cells(result: dict) -> None:
    ranks = [abs(row["rank_correlation"]) for row in result["drivers"]]
    assert ranks == sorted(ranks, reverse=True)
    assert 0.0 < max(ranks) <= 1.0
    assert {row["key"] for row in result["drivers"]} >= TEN
    assert all(row["low"] < row["high"] and row["status"] and row["unit"] for row in result["drivers"])


def test_the_same_seed_gives_the_same_numbers(protocol: Protocol, result: dict) -> None:
    again = run_ensemble(protocol, MEMBERS, until=7.0)
    assert again["quantiles"] == result["quantiles"]
    assert again["drivers"] == result["drivers"]


def test_another_seed_gives_other_numbers(protocol: Protocol, result: dict) -> None:
    other = run_ensemble(protocol.model_copy(update={"seed": 1}), MEMBERS, until=7.0)
    assert other["quantiles"]["alive"] != result["quantiles"]["alive"]


def test_a_sham_ensemble_has_no_donor_cells_and_no_driver(protocol: Protocol) -> None:
    sham = run_ensemble(with_dose(protocol, cells=0.0, cells_range=None), MEMBERS, until=7.0)
    assert all(value == 0.0 for name in CELLS for series in sham["quantiles"][name].values() for value in series)
    assert {row["rank_correlation"] for row in sham["drivers"]} == {0.0}


def test_a_draw_that_cannot_be_injected_is_counted_and_left_out(protocol: Protocol, result: dict) -> None:
    """1.65 mL is the most that this disc takes; the draws between 0.9 and 3 mL lie on both sides."""
    study = with_dose(protocol, volume_range=(0.9, 3.0))
    some = run_ensemble(study, 9, until=0.25)
    assert 0 < len(some["refused"]) < 9
    assert some["members"] + len(some["refused"]) + some["failed"] == 9
    assert all("more than the nucleus" in reason or "MPa" in reason for reason in some["refused"])


@pytest.mark.parametrize(
    ("draws", "results", "expected"),
    [
        ([1.0, 2.0, 3.0], [2.0, 30.0, 31.0], 1.0),
        ([1.0, 2.0, 3.0], [5.0, 4.0, -9.0], -1.0),
        ([1.0, 1.0, 1.0], [5.0, 4.0, 3.0], 0.0),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], 0.0),
        ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0], 0.8),
    ],
)
def test_rank_correlation(draws: list[float], results: list[float], expected: float) -> None:
    assert ensemble._rank_correlation(np.array(draws), np.array(results)) == pytest.approx(expected, abs=1e-15)


# Refusals


def test_an_ensemble_without_members(protocol: Protocol) -> None:
    with pytest.raises(InvalidInput, match="an ensemble of 0 members"):
        run_ensemble(protocol, 0)


def test_an_ensemble_needs_an_end(protocol: Protocol) -> None:
    with pytest.raises(InvalidInput, match="cannot be run"):
        run_ensemble(protocol, 2, until=-1.0)


def test_no_member_can_be_injected(protocol: Protocol) -> None:
    with pytest.raises(PartialFailure, match="none of the 2 members") as caught:
        run_ensemble(with_dose(protocol, volume_range=(9.0, 10.0)), 2)
    assert "more than the nucleus" in caught.value.what
    assert caught.value.exit_code == 5


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch):
    """`fail(0, 2)` makes the solver fail in these members right after the start."""

    def mark(*members: int) -> None:
        start_all = ensemble._start_all

        def some_fail(models: DiscModel, control: StepControl, options: SolverOptions) -> SimulationState:
            states = start_all(models, control, options)
            return eqx.tree_at(lambda state: state.status, states, states.status.at[np.array(members)].set(1))

        monkeypatch.setattr(ensemble, "_start_all", some_fail)

    return mark


def test_no_member_reaches_the_end(protocol: Protocol, fail) -> None:
    fail(*range(MEMBERS))
    with pytest.raises(PartialFailure, match="no member of the ensemble reached the end") as caught:
        run_ensemble(protocol, MEMBERS, until=7.0)
    assert caught.value.exit_code == 5


def test_a_member_that_fails_is_left_out_of_the_quantiles(protocol: Protocol, result: dict, fail) -> None:
    fail(0)
    some = run_ensemble(protocol, MEMBERS, until=7.0)
    assert (some["members"], some["failed"]) == (MEMBERS - 1, 1)
    assert some["quantiles"]["alive"]["p95"][-1] != result["quantiles"]["alive"]["p95"][-1]
