"""Every rule of clinical_model 2 as code."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.errors import InvalidInput
from pulposus.evidence import change_scores, harmonise, load_evidence
from pulposus.evidence._records import Arm, Outcome, Study
from pulposus.evidence._scales import (
    Group,
    change_to_hundred,
    combined,
    months,
    percent_to_points,
    sd_from_interval,
    sd_from_se,
    sd_of_change,
    spread_to_hundred,
    to_hundred,
)

BASE = load_evidence()
EXACT = 1e-12  # arithmetic on a few doubles


def study(**changes) -> Study:
    fields = {
        "study_id": "MINE",
        "cell_class": "expanded-msc",
        "allocation": "single-arm",
        "text_read": "user",
        "source": "x",
        "status": "verified",
    }
    return Study(**{**fields, **changes})


def arm(**changes) -> Arm:
    return Arm(**{"study_id": "MINE", "arm": "cells", "role": "treated", "content": "cells", "n": 25, **changes})


def row(outcome: str = "VAS", **changes) -> Outcome:
    fields = {
        "study_id": "MINE",
        "arm": "cells",
        "outcome": outcome,
        "scale_min": 0.0,
        "scale_max": 100.0,
        "n": 25,
        "source": "x",
        "status": "verified",
    }
    return Outcome(**{**fields, **changes})


def base_of(*rows: Outcome, arms: tuple[Arm, ...] = (), **changes):
    return dataclasses.replace(
        BASE,
        studies=(study(**changes),),
        arms=arms or (arm(),),
        outcomes=rows,
        adverse_events=(),
        statements=(),
        claims=(),
        disagreements=(),
    )


# Rule 1: scales, sign, months


def test_rule_1_pain_of_ten_is_put_on_a_hundred() -> None:
    (found,) = harmonise(base_of(row("NRS", scale_max=10.0, month=0, mean=6.5, sd=1.8)))
    assert found.value == pytest.approx(65.0, rel=EXACT)
    assert found.sd == pytest.approx(18.0, rel=EXACT)


@pytest.mark.parametrize(("low", "high"), [(0.0, 10.0), (-10.0, 10.0)])
def test_rule_1_a_change_is_scaled_by_the_width_however_its_scale_is_written(low: float, high: float) -> None:
    assert change_to_hundred(-3.6, low, high) == pytest.approx(-36.0, rel=EXACT)


def test_rule_1_negative_is_better_also_where_the_scale_rises_with_health() -> None:
    (state, change) = harmonise(
        base_of(row("SANE", month=12, mean=60.0), row("EQ5D_change", scale_min=-1.0, scale_max=1.0, month=12, mean=0.2))
    )
    assert state.value == pytest.approx(40.0, rel=EXACT)
    assert change.value == pytest.approx(-20.0, rel=EXACT)


def test_rule_1_months_are_weeks_over_4_345_to_the_ruled_length_of_a_month() -> None:
    assert months("52 week") == pytest.approx(52 / 4.345, rel=1e-3)  # rulings 20 has 30.4375 days, 4.348 weeks
    assert months("1 year") == pytest.approx(12.0, rel=EXACT)


@given(st.floats(0, 1), st.floats(-50, 50), st.floats(0.5, 200))
def test_scaling_keeps_order_and_ends(share: float, low: float, width: float) -> None:
    high = low + width
    value = min(max(low + share * width, low), high)
    assert to_hundred(value, low, high) == pytest.approx(100.0 * (value - low) / (high - low), abs=1e-9)
    assert to_hundred(value, low, high) + to_hundred(value, low, high, better="higher") == pytest.approx(
        100.0, abs=1e-9
    )


def test_values_outside_their_scale_are_flagged_and_never_guessed() -> None:
    (found,) = harmonise(base_of(row("NRS", scale_max=10.0, month=0, mean=65.0)))
    assert found.value is None
    assert "65 lies outside the scale" in found.flags
    (unknown,) = harmonise(base_of(row("NRS", scale_min=None, scale_max=None, month=0, mean=6.5)))
    assert unknown.value is None
    assert "the scale is not known" in unknown.flags
    with pytest.raises(InvalidInput, match="larger than the scale"):
        change_to_hundred(11.0, 0.0, 10.0)
    with pytest.raises(InvalidInput, match="no width"):
        spread_to_hundred(1.0, 5.0, 5.0)


# Rule 2: SE and SD apart


def test_rule_2_a_standard_error_becomes_an_sd_by_the_root_of_n() -> None:
    found = [
        one
        for one in harmonise(BASE)
        if one.row.study_id == "OROZ2011" and one.row.outcome == "VAS" and one.row.month == 0
    ]
    assert found[0].sd == pytest.approx(3.3 * math.sqrt(10), rel=EXACT)
    assert found[0].sd_origin == "from the standard error"


def test_rule_2_an_interval_becomes_an_sd_by_students_t() -> None:
    # Mean of 10 values with SD 5: half-width t(0.975, 9) * 5 / sqrt(10), with t from the tables (2.262157).
    half = 2.2621571627982 * 5.0 / math.sqrt(10)
    assert sd_from_interval(20.0 - half, 20.0 + half, 10) == pytest.approx(5.0, rel=1e-9)
    (found,) = harmonise(base_of(row(month=12, n=10, mean=20.0, ci_low=20.0 - half, ci_high=20.0 + half)))
    assert (found.sd_origin, found.sd) == ("from the interval", pytest.approx(5.0, rel=1e-9))


def test_rule_2_no_spread_is_made_of_nothing() -> None:
    (found,) = harmonise(base_of(row(month=12, mean=20.0)))
    assert (found.sd, found.sd_origin) == (None, "")
    (lonely,) = harmonise(base_of(row(month=12, mean=20.0, se=2.0, n=None)))
    assert lonely.sd is None
    with pytest.raises(InvalidInput):
        sd_from_se(2.0, 0)
    with pytest.raises(InvalidInput):
        sd_from_interval(1.0, 1.0, 9)


# Rule 3: SD of a change


@pytest.mark.parametrize(
    ("r", "expected"), [(0.3, math.sqrt(20**2 + 25**2 - 300)), (0.5, math.sqrt(525)), (0.7, math.sqrt(325))]
)
def test_rule_3_sd_of_change(r: float, expected: float) -> None:
    assert sd_of_change(20.0, 25.0, r) == pytest.approx(expected, rel=EXACT)


@given(st.floats(0, 50), st.floats(0, 50), st.floats(-1, 1))
def test_sd_of_change_lies_between_difference_and_sum_and_is_symmetric(before: float, after: float, r: float) -> None:
    found = sd_of_change(before, after, r)
    assert abs(before - after) - 1e-6 <= found <= before + after + 1e-6
    assert found == pytest.approx(sd_of_change(after, before, r), abs=1e-9)


def test_sd_of_change_is_that_of_simulated_patients() -> None:
    rng = np.random.default_rng(20)
    before, noise = rng.standard_normal((2, 400_000))
    after = 0.6 * before + 0.8 * noise
    # Relative standard error of an SD is 1 / sqrt(2 n) = 0.0011; four of them.
    assert sd_of_change(20.0, 25.0, 0.6) == pytest.approx(np.std(25.0 * after - 20.0 * before), rel=4.5e-3)


def test_impossible_correlations_and_spreads_are_refused() -> None:
    with pytest.raises(InvalidInput, match="correlation"):
        sd_of_change(1.0, 1.0, 1.2)
    with pytest.raises(InvalidInput, match="negative"):
        sd_of_change(-1.0, 1.0, 0.5)


@pytest.mark.parametrize("r", [0.3, 0.5, 0.7])
def test_rule_3_the_correlation_reaches_the_change_scores(r: float) -> None:
    rows = row(month=0, mean=70.0, sd=20.0), row(month=12, mean=40.0, sd=25.0)
    (score,) = change_scores(base_of(*rows), correlation=r)
    assert score.sd == pytest.approx(sd_of_change(20.0, 25.0, r), rel=EXACT)
    assert score.spread == f"from both SDs with r = {r:g}"


def test_a_printed_sd_of_the_change_counts_before_one_that_is_computed_or_assumed() -> None:
    rows = [
        row(month=0, mean=70.0, sd=20.0),
        row(month=12, mean=40.0, sd=25.0),
        row("VAS_change", month=12, mean=-30.0, sd=17.0),
    ]
    (score,) = change_scores(base_of(*rows))
    assert (score.sd, score.spread) == (17.0, "printed")
    (assumed,) = change_scores(base_of(*rows), spread="assumed")
    assert (assumed.sd, assumed.spread) == (25.0, "assumed")


# Rule 4: percent stays percent


def test_rule_4_percent_changes_stay_percent_without_a_printed_baseline() -> None:
    rows = (row("VAS_pct_change", scale_min=-100.0, month=12, mean=-40.0),)
    assert change_scores(base_of(*rows)) == ()
    (score,) = change_scores(base_of(*rows, row(month=0, mean=70.0)))
    assert score.change == pytest.approx(-28.0, rel=EXACT)
    assert score.preferred.how == "percent of the printed baseline"
    with pytest.raises(InvalidInput):
        percent_to_points(-40.0, 0.0)


def test_rule_4_the_baseline_of_other_arms_is_used_only_where_asked_for() -> None:
    def changed(derived: bool) -> dict[str, float]:
        scores = change_scores(BASE, derived_baselines=derived)
        return {one.arm.arm: one.change for one in scores if one.study.study_id == "AMIR2021"}

    assert set(changed(False)) == {"MPC 6M + HA", "MPC 18M + HA"}
    baseline = (3200 / 46 + 4200 / 59) / 2
    assert changed(True)["saline"] == pytest.approx(-0.24 * baseline, rel=EXACT)


def test_a_share_is_a_share() -> None:
    counted, printed, empty = harmonise(
        base_of(
            row("responder_50pct", month=12, events=5, total=20, scale_min=None, scale_max=None),
            row("responder_50pct", month=6, mean=30.0),
            row("responder_50pct", month=3),
        )
    )
    assert (counted.value, printed.value, empty.value) == (0.25, 0.3, None)


# Rule 6: survivors


def test_rule_6_survivors_are_flagged_and_left_out_of_the_changes() -> None:
    found = [one for one in harmonise(BASE) if one.row.arm == "BMC no-surgery subset"]
    assert len(found) == 6
    assert all("survivors only" in one.flags and not one.whole_arm for one in found)
    assert not [one for one in change_scores(BASE) if one.arm.analysis_set != "all"]


# Rule 8: both values stay, the preferred one first


def test_rule_8_verified_counts_before_recalled_and_the_other_value_stays() -> None:
    scores = {one.study.study_id: one for one in change_scores(BASE) if one.month == 12}
    orozco = scores["OROZ2011"]
    assert (orozco.change, orozco.preferred.status) == (-49.0, "verified")
    assert orozco.others[0].change == pytest.approx(20.0 - 68.9)
    assert orozco.others[0].status == "recalled"


def test_rule_8_the_primary_report_counts_before_a_review() -> None:
    rows = [
        row(month=0, mean=60.0, source="review", source_kind="secondary"),
        row(month=0, mean=62.0, source="paper"),
        row(month=12, mean=30.0, source="third"),
    ]
    (score,) = change_scores(base_of(*rows))
    assert score.change == pytest.approx(-32.0)
    assert "n of the baseline" not in score.flags


def test_patients_are_those_of_the_visit_else_of_the_baseline_else_of_the_arm() -> None:
    start, end = row(month=0, mean=60.0, n=30), row(month=12, mean=30.0, n=24)
    assert change_scores(base_of(start, end))[0].n == 24
    (known,) = change_scores(base_of(start, row(month=12, mean=30.0, n=None)))
    assert (known.n, "n of the baseline" in known.flags) == (30, True)
    bare = row(month=0, mean=60.0, n=None), row(month=12, mean=30.0, n=None)
    assert change_scores(base_of(*bare))[0].n == 25
    (unknown,) = change_scores(base_of(*bare, arms=(arm(n=None),)))
    assert (unknown.n, "n not printed" in unknown.flags) == (None, True)


@given(
    st.lists(st.tuples(st.integers(2, 40), st.floats(-80, 20), st.floats(0.5, 40)), min_size=1, max_size=4),
    st.randoms(),
)
def test_arms_taken_together_are_all_their_patients(groups: list[tuple[int, float, float]], random) -> None:
    parts = [Group(*group) for group in groups]
    found = combined(parts)
    # Patients that have exactly these means and SDs: half of them one SD (of n - 1) above, half below, for even numbers.
    sample = []
    for group in parts:
        z = np.arange(group.n) - (group.n - 1) / 2
        z /= np.std(z, ddof=1)
        sample.append(group.mean + group.sd * z)
    every = np.concatenate(sample)
    assert found.n == every.size
    assert found.mean == pytest.approx(every.mean(), abs=1e-8)
    assert found.sd == pytest.approx(np.std(every, ddof=1), rel=1e-8)
    shuffled = parts.copy()
    random.shuffle(shuffled)
    assert combined(shuffled).sd == pytest.approx(found.sd, rel=1e-9)


def test_nothing_and_nobody_cannot_be_combined() -> None:
    with pytest.raises(InvalidInput, match="no groups"):
        combined([])
    with pytest.raises(InvalidInput):
        combined([Group(0, 1.0, 1.0)])
