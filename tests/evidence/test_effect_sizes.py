"""Outcomes of single studies: closed forms, symmetries, empty cells, bad input. Published values are in `replays`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.errors import InvalidInput
from pulposus.evidence._effect_sizes import hedges_g, mean_change, mean_difference, standardised_mean_change
from pulposus.evidence._event_sizes import (
    freeman_tukey_proportion,
    harmonic_mean,
    inverse_freeman_tukey,
    inverse_logit,
    log_odds_ratio,
    log_risk_ratio,
    logit_proportion,
    raw_proportion,
    risk_difference,
)

GROUP = st.tuples(st.floats(-50.0, 50.0), st.floats(0.5, 30.0), st.integers(2, 500))
COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_mean_change_with_a_correlation_of_one_half_has_the_variance_of_one_measurement() -> None:
    effects = mean_change([70.0], [40.0], [20.0], [20.0], [10], 0.5, labels=["Orozco 2011"])
    assert effects.yi[0] == -30.0
    assert effects.vi[0] == pytest.approx(40.0, rel=1e-14)
    assert effects.labels == ("Orozco 2011",) and effects.measure == "mean change" and not effects.corrected.any()


@settings(max_examples=30, deadline=None)
@given(first=GROUP, second=GROUP)
def test_swapping_the_groups_changes_the_sign_only(
    first: tuple[float, float, int], second: tuple[float, float, int]
) -> None:
    for measure in (mean_difference, hedges_g):
        one = measure(*([x] for x in first), *([x] for x in second))
        other = measure(*([x] for x in second), *([x] for x in first))
        assert other.yi[0] == pytest.approx(-one.yi[0], rel=1e-12, abs=1e-12)
        assert other.vi[0] == pytest.approx(one.vi[0], rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(first=GROUP, second=GROUP, factor=st.floats(0.01, 100.0))
def test_standardised_differences_have_no_unit(
    first: tuple[float, float, int], second: tuple[float, float, int], factor: float
) -> None:
    one = hedges_g(*([x] for x in first), *([x] for x in second))
    scaled = [[group[0] * factor, group[1] * factor, group[2]] for group in (first, second)]
    other = hedges_g(*([x] for x in scaled[0]), *([x] for x in scaled[1]))
    assert (other.yi[0], other.vi[0]) == pytest.approx((one.yi[0], one.vi[0]), rel=1e-10)


def test_the_small_sample_factor_is_that_of_hedges() -> None:
    """J(2) = Gamma(1) / (sqrt(1) Gamma(1/2)) = 1 / sqrt(pi): two groups of two."""
    effects = hedges_g([1.0], [1.0], [2], [0.0], [1.0], [2])
    assert effects.yi[0] == pytest.approx(1.0 / math.sqrt(math.pi), rel=1e-13)
    # For many it is 1 - 3 / (4 m - 1), correct to O(1/m²).
    large = hedges_g([1.0], [1.0], [500], [0.0], [1.0], [502])
    assert large.yi[0] == pytest.approx(1.0 - 3.0 / (4.0 * 1000.0 - 1.0), rel=1e-6)


def test_pooled_and_separate_variances_of_a_difference() -> None:
    separate = mean_difference([5.0], [2.0], [10], [3.0], [4.0], [20])
    assert (separate.yi[0], separate.vi[0]) == (2.0, pytest.approx(0.4 + 0.8, rel=1e-14))
    pooled = mean_difference([5.0], [2.0], [10], [3.0], [4.0], [20], pooled=True)
    assert pooled.vi[0] == pytest.approx((9 * 4.0 + 19 * 16.0) / 28.0 * (0.1 + 0.05), rel=1e-14)


def test_standardised_change_uses_the_deviation_before() -> None:
    effects = standardised_mean_change([10.0], [6.0], [2.0], [1001], [0.5])
    factor = 1.0 - 3.0 / (4.0 * 1000.0 - 1.0)
    assert effects.yi[0] == pytest.approx(-2.0 * factor, rel=1e-6)
    assert effects.vi[0] == pytest.approx(1.0 / 1001.0 + effects.yi[0] ** 2 / 2002.0, rel=1e-14)


@settings(max_examples=40, deadline=None)
@given(first=COUNTS, second=COUNTS)
def test_ratios_change_sign_with_the_groups_and_odds_ratios_with_the_event(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    (a, n1), (c, n2) = first, second
    for measure in (log_odds_ratio, log_risk_ratio, risk_difference):
        one, other = measure([a], [n1], [c], [n2]), measure([c], [n2], [a], [n1])
        assert other.yi[0] == pytest.approx(-one.yi[0], rel=1e-10, abs=1e-12)
        assert other.vi[0] == pytest.approx(one.vi[0], rel=1e-10)
        assert one.vi[0] > 0.0 and one.ni[0] == n1 + n2
    odds, survivors = log_odds_ratio([a], [n1], [c], [n2]), log_odds_ratio([n1 - a], [n1], [n2 - c], [n2])
    assert survivors.yi[0] == pytest.approx(-odds.yi[0], rel=1e-10, abs=1e-12)


def test_an_empty_cell_is_corrected_and_flagged() -> None:
    effects = log_odds_ratio([0, 3, 0], [10, 10, 10], [2, 4, 0], [10, 10, 12])
    assert effects.corrected.tolist() == [True, False, True]
    assert effects.uninformative.tolist() == [False, False, True]
    assert effects.yi[0] == pytest.approx(math.log(0.5 * 8.5 / (10.5 * 2.5)), rel=1e-14)
    kept = effects.informative()
    assert kept.labels == ("study 1", "study 2") and kept.yi.tolist() == effects.yi[:2].tolist()


def test_studies_with_the_event_in_everyone_are_uninformative_too() -> None:
    effects = log_risk_ratio([10], [10], [12], [12])
    assert effects.uninformative.tolist() == [True]
    assert effects.yi[0] == pytest.approx(math.log(10.5 / 11.0) - math.log(12.5 / 13.0), rel=1e-14)


@pytest.mark.parametrize("measure", [log_odds_ratio, log_risk_ratio, risk_difference])
def test_without_a_correction_an_empty_cell_is_refused(measure: object) -> None:
    assert callable(measure)
    with pytest.raises(InvalidInput, match="study 2 has an empty cell and the continuity correction is 0"):
        measure([3, 0], [10, 10], [4, 2], [10, 10], correction=0.0)
    assert measure([3], [10], [4], [10], correction=0.0).yi.size == 1
    with pytest.raises(InvalidInput, match="the continuity correction is -1"):
        measure([3], [10], [4], [10], correction=-1.0)


@settings(max_examples=50, deadline=None)
@given(counts=COUNTS)
def test_transformed_proportions_come_back(counts: tuple[int, int]) -> None:
    x, n = counts
    double_arcsine = freeman_tukey_proportion([x], [n])
    # Near 0 and 1 the double arcsine is flat: half of the digits are lost.
    assert inverse_freeman_tukey(double_arcsine.yi, n)[0] == pytest.approx(x / n, abs=1e-7)
    if 0 < x < n:
        assert inverse_logit(logit_proportion([x], [n]).yi)[0] == pytest.approx(x / n, rel=1e-12)
        assert raw_proportion([x], [n]).yi[0] == x / n


def test_double_arcsine_beyond_the_ends_is_none_or_all() -> None:
    assert inverse_freeman_tukey([-0.1, 0.0, 1.6, 2.0], 20).tolist() == [0.0, 0.0, 1.0, 1.0]


def test_proportions_of_none_and_all_are_corrected() -> None:
    effects = logit_proportion([0, 10, 5], [10, 10, 10])
    assert effects.corrected.tolist() == [True, True, False]
    assert effects.yi[0] == pytest.approx(-effects.yi[1], rel=1e-14)
    assert raw_proportion([0], [10]).yi[0] == pytest.approx(0.5 / 11.0, rel=1e-14)


def test_harmonic_mean() -> None:
    assert harmonic_mean([1.0, 2.0, 4.0]) == pytest.approx(12.0 / 7.0, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_change([1.0], [2.0], [1.0], [0.0], [10], 0.5), "sd_after of study 1 is 0"),
        (lambda: mean_change([1.0], [2.0], [-1.0], [1.0], [10], 0.5), "sd_before of study 1 is -1"),
        (lambda: mean_change([1.0], [2.0], [1.0], [1.0], [0], 0.5), "n of study 1 is 0"),
        (lambda: mean_change([1.0], [2.0], [1.0], [1.0], [10], 1.0), "the correlation of study 1 is 1"),
        (lambda: mean_change([1.0], [2.0], [1.0], [1.0], [10], [0.5, 0.5]), "2 correlations for 1 studies"),
        (lambda: mean_change([1.0], [2.0, 3.0], [1.0], [1.0], [10], 0.5), "after has 2 values, before has 1"),
        (lambda: mean_change([math.nan], [2.0], [1.0], [1.0], [10], 0.5), "before holds a missing value"),
        (lambda: mean_difference([1.0], [1.0], [0], [1.0], [1.0], [5]), "n_1 of study 1 is 0"),
        (lambda: mean_difference([1.0], [1.0], [1], [1.0], [1.0], [1], pooled=True), "n_1 \\+ n_2 of study 1 is 2"),
        (lambda: mean_difference([1.0], [1.0], [5], [1.0], [0.0], [5]), "sd_2 of study 1 is 0"),
        (lambda: hedges_g([1.0], [1.0], [1], [1.0], [1.0], [2]), "n_1 \\+ n_2 of study 1 is 3"),
        (lambda: standardised_mean_change([1.0], [1.0], [1.0], [2], 0.5), "n of study 1 is 2"),
        (lambda: log_odds_ratio([11], [10], [1], [10]), "study 1 has 11 events in 10"),
        (lambda: log_odds_ratio([-1], [10], [1], [10]), "study 1 has -1 events in 10"),
        (lambda: logit_proportion([1], [0]), "n of study 1 is 0"),
        (lambda: logit_proportion([0], [10], correction=0.0), "has an empty cell"),
        (lambda: inverse_freeman_tukey([0.5], [0]), "a sample size is not positive"),
        (lambda: harmonic_mean([]), "a sample size is not positive"),
    ],
)
def test_bad_input_is_one_clear_message(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InvalidInput, match=message):
        call()


def test_an_unlabelled_spread_is_not_taken_for_a_standard_error() -> None:
    with pytest.raises(InvalidInput) as caught:
        mean_change([1.0], [2.0], [0.0], [1.0], [10], 0.5)
    assert "not a standard error" in caught.value.allowed and caught.value.remedy == "SD = SE sqrt(n)"


def test_one_correlation_per_study() -> None:
    effects = mean_change([1.0, 1.0], [2.0, 2.0], [1.0, 1.0], [1.0, 1.0], [10, 10], np.array([0.0, 0.5]))
    assert effects.vi.tolist() == pytest.approx([0.2, 0.1], rel=1e-14)
