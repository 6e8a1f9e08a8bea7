"""The ensemble: draws from the priors, the same for the same seed, and a result that says what it rests on."""

from __future__ import annotations

import inspect
import math
from pathlib import Path

import equinox as eqx
import numpy as np
import pytest
import scipy.stats

from pulposus.disc import Disc, load_disc
from pulposus.errors import InvalidInput, PartialFailure
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import (
    DiscModel,
    Plan,
    Progress,
    SimulationState,
    StepControl,
    _ensemble,
    _members,
    plan_of,
    run_ensemble,
    stored_times,
)
from pulposus.simulation import _course as course
from pulposus.simulation._drivers import draw, drawn, rank_correlation, uncertain
from pulposus.simulation._recording import RecordingParameters
from pulposus.therapy import Protocol, load_protocol

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


@pytest.fixture(scope="module")
def keys(protocol: Protocol, constants: ParameterSet) -> list[str]:
    """The constants with a range that a member of the ensemble uses."""
    used = RecordingParameters(constants)
    plan_of(protocol, load_disc("human/L4-L5/grade4", "coarse", used), used, "slab", 7.0)
    return uncertain(used.used())


def test_the_ten_priors_and_the_open_numbers_of_the_study_are_drawn(
    protocol: Protocol, constants: ParameterSet, keys: list[str]
) -> None:
    drivers = {one.key: one for one in draw(protocol, constants, keys, 8)}
    assert set(drivers) >= TEN | {"protocol.dose.cells", "protocol.dose.volume", "grades.endplate_supply.impaired.IV"}
    for driver in drivers.values():
        assert driver.low < driver.high
        assert driver.draws.shape == (8,)
        assert np.all((driver.draws >= driver.low) & (driver.draws <= driver.high))
        assert np.ptp(driver.draws) > 0.0


def test_the_ten_of_the_specification_stand_first(keys: list[str]) -> None:
    """All rows of a table count, such as w0 of every state of the annulus."""
    tables = ("cells.leak.weight_", "cells.carrier.", "matrix.aggrecan_turnover.")
    named = [key in TEN or key.startswith(tables) for key in keys]
    assert named == sorted(named, reverse=True)
    assert sum(named) >= len(TEN)


def test_only_constants_in_use_are_drawn(keys: list[str], constants: ParameterSet) -> None:
    """A study with saline in a human disc of grade IV: no other carrier, species or grade, no size, no limit of a warning. Grade I is the
    healthy reference of the matrix."""
    assert all(constants[key].low < constants[key].high for key in keys)
    for prefix in ("geometry.", "therapy.safety.", "therapy.warning.", "cells.carrier.fibrin", "insults.nucleotomy"):
        assert not [key for key in keys if key.startswith(prefix)], prefix
    assert not [key for key in keys if key.endswith((".II", ".III", ".V")) and key.startswith("grades.endplate")]
    assert "cells.native.growth_rate" not in keys


def test_a_member_is_the_study_with_its_draws(protocol: Protocol, constants: ParameterSet, keys: list[str]) -> None:
    drivers = draw(protocol, constants, keys, 4)
    study, values = drawn(protocol, constants, drivers, 2)
    taken = {one.key: one.draws[2] for one in drivers}
    assert (study.dose.cells, study.dose.volume) == (taken["protocol.dose.cells"], taken["protocol.dose.volume"])
    assert values.value("cells.donor.growth_rate") == taken["cells.donor.growth_rate"]
    others = set(constants) - set(taken)
    assert all(values.value(key) == constants.value(key) for key in others)


def test_more_members_keep_the_first_ones(protocol: Protocol, constants: ParameterSet, keys: list[str]) -> None:
    few, many = (draw(protocol, constants, keys, members) for members in (4, 16))
    for one, other in zip(few, many, strict=True):
        np.testing.assert_array_equal(one.draws, other.draws[:4])


def test_one_more_open_number_changes_no_other_draw(
    protocol: Protocol, constants: ParameterSet, keys: list[str]
) -> None:
    with_range = {one.key: one.draws for one in draw(protocol, constants, keys, 8)}
    without = with_dose(protocol, cells_range=None, volume_range=None)
    fewer = {one.key: one.draws for one in draw(without, constants, keys, 8)}
    assert set(with_range) - set(fewer) == {"protocol.dose.cells", "protocol.dose.volume"}
    for key, draws in fewer.items():
        np.testing.assert_array_equal(draws, with_range[key])


def test_another_seed_draws_other_numbers(protocol: Protocol, constants: ParameterSet, keys: list[str]) -> None:
    other = protocol.model_copy(update={"seed": protocol.seed + 1})
    for one, two in zip(*(draw(study, constants, keys, 8) for study in (protocol, other)), strict=True):
        assert not np.any(one.draws == two.draws), one.key


def test_a_dose_is_drawn_evenly_in_its_logarithm(protocol: Protocol, constants: ParameterSet, keys: list[str]) -> None:
    """Kolmogorov-Smirnov against the even law: with 2000 draws the 0.1 % limit of the distance is 1.95 / sqrt(2000) = 0.044."""
    study = with_dose(protocol, cells_range=(0.1, 10.0))
    drivers = {one.key: one for one in draw(study, constants, [], 2000)}
    draws = drivers["protocol.dose.cells"].draws
    share = np.log(draws / 0.1) / math.log(100.0)
    assert scipy.stats.kstest(share, "uniform").statistic < 0.044


def test_a_dose_range_from_zero_is_drawn_evenly(protocol: Protocol, constants: ParameterSet, keys: list[str]) -> None:
    study = with_dose(protocol, cells_range=(0.0, 10.0))
    drivers = {one.key: one for one in draw(study, constants, [], 2000)}
    assert scipy.stats.kstest(drivers["protocol.dose.cells"].draws / 10.0, "uniform").statistic < 0.044


def test_what_is_not_given_is_not_drawn(protocol: Protocol, constants: ParameterSet, keys: list[str]) -> None:
    nothing = with_dose(protocol, cells=0.0, volume=0.0)
    assert not [one for one in draw(nothing, constants, [], 2) if one.key.startswith("protocol.")]


# A run


def test_the_result_says_what_it_is(result: dict, told: list[Progress]) -> None:
    assert result["time_day"] == stored_times(7.0)
    assert (result["members"], result["failed"]) == (MEMBERS, 0)
    assert "slab" in result["level"]
    assert [(step.run, step.time) for step in told] == [("ensemble", time) for time in result["time_day"][1:]]


def test_quantiles_are_in_order(result: dict) -> None:
    assert set(result["quantiles"]) >= {*CELLS, "native_alive_fraction", "glucose_nucleus_mean"}
    for name, series in result["quantiles"].items():
        assert list(series) == ["p05", "p50", "p95"]
        low, middle, high = (np.array(series[label]) for label in series)
        assert np.all((low <= middle) & (middle <= high)), name
        assert len(middle) == len(result["time_day"])
    assert 0.9 < result["quantiles"]["native_alive_fraction"]["p50"][0] < 1.0, "the needle costs a few native cells"
    assert result["quantiles"]["alive"]["p05"][-1] < result["quantiles"]["alive"]["p95"][-1]


def test_drivers_are_ranked_by_what_they_do_to_the_living_cells(result: dict) -> None:
    ranks = [abs(row["rank_correlation"]) for row in result["drivers"]]
    assert ranks == sorted(ranks, reverse=True)
    assert 0.0 < max(ranks) <= 1.0
    assert {row["key"] for row in result["drivers"]} >= TEN
    assert all(row["low"] < row["high"] and row["status"] and row["unit"] for row in result["drivers"])


def test_drivers_are_ranked_against_every_outcome(result: dict) -> None:
    outcomes = {"alive", "glycosaminoglycan_nucleus_mean", "glycosaminoglycan_gain_over_sham", "native_alive_fraction"}
    for row in result["drivers"]:
        assert set(row["rank_correlations"]) == outcomes
        assert row["rank_correlation"] == row["rank_correlations"]["alive"]
        assert all(-1.0 <= value <= 1.0 for value in row["rank_correlations"].values())
    strongest = max(abs(row["rank_correlations"]["glycosaminoglycan_nucleus_mean"]) for row in result["drivers"])
    assert strongest > 0.5


def test_the_gain_over_sham_starts_at_nothing(result: dict) -> None:
    gain = result["quantiles"]["glycosaminoglycan_gain_over_sham"]
    assert [gain[label][0] for label in gain] == [0.0, 0.0, 0.0]
    assert gain["p50"][-1] != 0.0


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
    assert set(sham["quantiles"]["glycosaminoglycan_gain_over_sham"]["p95"]) == {0.0}


def test_a_draw_that_cannot_be_injected_is_counted_and_replaced(protocol: Protocol, result: dict) -> None:
    """The draws of the volume lie on both sides of the most that a disc takes."""
    study = with_dose(protocol, volume_range=(0.9, 3.0))
    some = run_ensemble(study, MEMBERS, until=0.25)
    assert some["refused"]
    assert 0 < some["members"] <= MEMBERS
    assert len(some["refused"]) + some["members"] + some["failed"] <= 4 * MEMBERS
    assert all("more than the nucleus" in reason or "MPa" in reason for reason in some["refused"])


def test_a_study_with_a_history_is_run_from_its_first_insult(protocol: Protocol) -> None:
    """Matter that left before the treatment is missing at day 0."""
    injured = load_protocol(
        "orozco-2011", ["insults=[{kind: nucleotomy, removed_fraction: 0.4, time_before_treatment: 14 day}]"]
    ).model_copy(update={"dose": protocol.dose})
    found = run_ensemble(injured, 2, until=1.0)
    usual = run_ensemble(protocol, 2, until=1.0)
    assert found["time_day"] == usual["time_day"]
    name = "native_alive_fraction"
    assert found["quantiles"][name]["p95"][0] < 0.8 < usual["quantiles"][name]["p05"][0]


@pytest.fixture(scope="module")
def two(slab_study: Protocol, human_disc: Disc, constants: ParameterSet) -> list[Plan]:
    """A plan with the dose of the study, and one with half of it."""
    studies = (slab_study, with_dose(slab_study, cells=5.0))
    return [plan_of(study, human_disc, constants, "slab", 0.5) for study in studies]


def test_members_on_their_own_are_those_of_a_batch(two: list[Plan], tmp_path: Path) -> None:
    """Every member alone takes the steps that it takes in the batch: 1e-9, the order of rounding."""
    heard: list[Progress] = []
    control, options = StepControl(), SolverOptions(tolerance=1e-6)
    batch, good = _members.run_as_batch(two, control, options, None)
    each, also = _members.run_each(two, control, options, heard.append, tmp_path)
    assert good.tolist() == also.tolist() == [True, True]
    for one, other in zip(batch, each, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-9, atol=1e-9, err_msg=name)
    assert [(step.run, step.time, step.end) for step in heard] == [("ensemble", 0.5, 0.5)]


def test_finished_members_are_kept_and_read(two: list[Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control, options = StepControl(), SolverOptions(tolerance=1e-6)
    first, _ = _members.run_each(two, control, options, None, tmp_path / "kept")
    assert [file.name for file in sorted((tmp_path / "kept").iterdir())] == ["member_0000.npz", "member_0001.npz"]
    monkeypatch.setattr(_members, "_run", None)
    again, good = _members.run_each(two, control, options, None, tmp_path / "kept")
    assert good.all()
    for one, other in zip(first, again, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    (tmp_path / "kept" / "member_0001.npz").write_bytes(b"half")
    with pytest.raises(InvalidInput, match=r"member_0001\.npz is damaged") as caught:
        _members.run_each(two, control, options, None, tmp_path / "kept")
    assert "remove this file" in caught.value.remedy


def test_the_level_decides_how_members_are_run(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 3D on the coarse mesh, one by one."""
    seen: list[Plan] = []

    def none_finishes(plans: list[Plan], *rest: object) -> tuple[list, np.ndarray]:
        seen.extend(plans)
        return [], np.array([False, False])

    monkeypatch.setattr(_ensemble, "run_each", none_finishes)
    with pytest.raises(PartialFailure, match="no member of the ensemble reached the end"):
        run_ensemble(protocol, 2, until=1.0, level="3d")
    coarse = load_disc("human/L4-L5/grade4", "coarse").topology
    assert [(plan.model.mesh.columns, plan.model.mesh.levels) for plan in seen] == [(coarse.columns, coarse.levels)] * 2


@pytest.mark.slow
def test_an_ensemble_in_three_dimensions(protocol: Protocol) -> None:
    result = run_ensemble(protocol, 2, until=1.0, level="3d")
    assert "3D" in result["level"]
    assert (result["members"], result["failed"]) == (2, 0)
    slab = run_ensemble(protocol, 2, until=1.0)
    assert [row["key"] for row in sorted(result["drivers"], key=lambda row: row["key"])] == sorted(
        row["key"] for row in slab["drivers"]
    )


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
    assert rank_correlation(np.array(draws), np.array(results)) == pytest.approx(expected, abs=1e-15)


# Refusals


def test_a_level_that_an_ensemble_does_not_have(protocol: Protocol) -> None:
    unchecked = inspect.unwrap(run_ensemble)  # without the types that the tests check at run time
    with pytest.raises(InvalidInput, match='an ensemble cannot be run at level "2d"') as caught:
        unchecked(protocol, 2, level="2d")
    assert caught.value.allowed == "slab, 3d"


def test_an_ensemble_without_members(protocol: Protocol) -> None:
    with pytest.raises(InvalidInput, match="an ensemble of 0 members"):
        run_ensemble(protocol, 0)


def test_an_ensemble_needs_an_end(protocol: Protocol) -> None:
    with pytest.raises(InvalidInput, match="cannot be run"):
        run_ensemble(protocol, 2, until=-1.0)


def test_no_member_can_be_injected(protocol: Protocol) -> None:
    with pytest.raises(PartialFailure, match="none of 8 draws can be injected") as caught:
        run_ensemble(with_dose(protocol, volume_range=(9.0, 10.0)), 2)
    assert "more than the nucleus" in caught.value.what
    assert caught.value.exit_code == 5


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch):
    """`fail(0, 2)` makes the solver fail in these members right after the start."""

    def mark(*members: int) -> None:
        start_all = course.BATCH.start

        def some_fail(models: DiscModel, first: float, options: SolverOptions) -> SimulationState:
            states = start_all(models, first, options)
            return eqx.tree_at(lambda state: state.status, states, states.status.at[np.array(members)].set(1))

        monkeypatch.setattr(_members, "BATCH", course.BATCH._replace(start=some_fail))

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
