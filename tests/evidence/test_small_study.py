"""Tests of funnel asymmetry and trim and fill: known answers, symmetries, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pulposus.errors import InvalidInput, SolverFailed
from pulposus.evidence import _small_study
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._small_study import PREDICTORS, begg_test, egger_test, trim_and_fill

# Twenty-one studies and their mirror images about 0.
SE = np.linspace(0.1, 0.9, 21)
FULL = SE * np.tile([1.5, 0.4, -1.1], 7)
SYMMETRIC = (np.concatenate([FULL, -FULL]), np.concatenate([SE, SE]) ** 2)


def test_a_symmetric_funnel_shows_no_asymmetry() -> None:
    result = meta_analysis(*SYMMETRIC, method="FE", test="z")
    assert egger_test(result).statistic == pytest.approx(0.0, abs=1e-10)
    assert begg_test(result).statistic == pytest.approx(0.0, abs=1e-10)
    filled = trim_and_fill(result, estimator="R0")
    assert filled.missing == 0 and filled.result.estimate == pytest.approx(result.estimate, abs=1e-14)
    # Each mirror image ties with its study and metafor gives the second of a tie the higher rank: S = 2 + 4 + ... + 42 = 462,
    # L0 = (4 * 462 - 42 * 43) / 83 = 0.506, which rounds to one study.
    assert trim_and_fill(result, side="left").missing == 1


def test_outcomes_that_are_their_standard_error_lie_on_the_line() -> None:
    """y = 1 + 2 se exactly but for a little noise: slope 2, limit 1."""
    noise = 1e-3 * np.cos(np.arange(21.0))
    result = meta_analysis(1.0 + 2.0 * SE + noise * SE, SE**2, test="z")
    found = egger_test(result)
    assert found.limit == pytest.approx(1.0, abs=1e-3) and found.p < 1e-10
    assert found.df == 19 and found.limit_low is not None and found.limit_low < found.limit


@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("model", ["classical", "mixed"])
def test_the_opposite_direction_gives_the_opposite_statistic(predictor: str, model: str) -> None:
    yi = 0.3 * SE + np.sin(7.0 * SE)
    n = np.round(40.0 / SE)
    one, other = (
        egger_test(meta_analysis(sign * yi, SE**2), model=model, predictor=predictor, sample_sizes=n)
        for sign in (1.0, -1.0)
    )
    assert other.statistic == pytest.approx(-one.statistic, rel=1e-6)
    assert other.p == pytest.approx(one.p, rel=1e-6)
    assert (one.limit is None) == (predictor in {"n", "sqrt(n)"})


def test_trim_and_fill_finds_studies_that_were_taken_away() -> None:
    """Of 42 mirrored studies the 8 furthest on the left are taken away; the filled funnel is centred on 0 again."""
    yi, vi = SYMMETRIC
    keep = np.argsort(yi)[8:]
    result = meta_analysis(yi[keep], vi[keep], method="FE", test="z")
    assert result.estimate > 0.02
    for estimator in ("L0", "R0"):
        filled = trim_and_fill(result, estimator=estimator, side="left")
        # Each estimator counts to within its own standard error.
        assert abs(filled.missing - 8) <= 2.0 * filled.missing_se
        assert abs(filled.result.estimate) < result.estimate
    assert filled.result.labels[-1].startswith("filled: study")


def test_the_mirrored_data_have_their_missing_studies_on_the_other_side() -> None:
    yi, vi = SYMMETRIC
    keep = np.argsort(yi)[8:]
    left = trim_and_fill(meta_analysis(yi[keep], vi[keep], test="z"), side="left")
    right = trim_and_fill(meta_analysis(-yi[keep], vi[keep], test="z"), side="right")
    assert (right.missing, right.missing_se) == (left.missing, left.missing_se)
    assert right.result.estimate == pytest.approx(-left.result.estimate, rel=1e-9)


def test_side_without_a_slope_is_the_right() -> None:
    result = meta_analysis([0.0, 0.1, 0.3, 1.0], [1.0, 1.0, 1.0, 1.0], method="FE", test="z")
    assert trim_and_fill(result).side == "right"


def test_few_studies_are_said_to_be_few() -> None:
    few, many = meta_analysis([0.1, 0.5, 0.2], [0.01, 0.2, 0.05], test="z"), meta_analysis(*SYMMETRIC)
    assert len(egger_test(few).notes) == 2 and "too few" in egger_test(few).notes[1]
    assert len(begg_test(many).notes) == 1
    assert "more causes than unpublished" in trim_and_fill(many).notes[0]


def test_ties_make_the_rank_test_asymptotic() -> None:
    yi, vi = [0.1, 0.5, 0.2, 0.9, 0.4], [0.01, 0.2, 0.05, 0.2, 0.1]
    tied = begg_test(meta_analysis(yi, vi))
    exact = begg_test(meta_analysis(yi, [0.01, 0.2, 0.05, 0.3, 0.1]))
    # An exact p of five studies is a multiple of 1 / 5!.
    assert (exact.p * 120.0) == pytest.approx(round(exact.p * 120.0), abs=1e-9)
    assert 0.0 < tied.p <= 1.0


def test_a_number_that_does_not_settle_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    yi, vi = SYMMETRIC
    keep = np.argsort(yi)[8:]
    monkeypatch.setattr(_small_study, "_MOST_ROUNDS", 1)
    with pytest.raises(SolverFailed, match="does not settle"):
        trim_and_fill(meta_analysis(yi[keep], vi[keep], test="z"), side="left")


def test_trimming_nearly_all_studies_is_a_clear_failure() -> None:
    """One precise study left of two vague ones: S = 2 + 3, so L0 = (20 - 12) / 5 = 1.6 would leave one study."""
    with pytest.raises(SolverFailed, match="does not settle"):
        trim_and_fill(meta_analysis([0.0, 10.0, 11.0], [1e-6, 1.0, 1.0], method="FE", test="z"), side="left")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: egger_test(meta_analysis([0.1, 0.2], [0.1, 0.2])), "2 studies make no funnel"),
        (lambda r: egger_test(r, model="lm"), "the model 'lm' is not known"),
        (lambda r: egger_test(r, predictor="sei"), "the predictor 'sei' is not known"),
        (lambda r: egger_test(r, predictor="1/n"), "the predictor 1/n needs sample sizes"),
        (lambda r: egger_test(r, predictor="n", sample_sizes=[10.0]), "not one positive number per study"),
        (lambda r: egger_test(meta_analysis([0.1, 0.2, 0.4], [0.1] * 3)), "se is the same in every study"),
        (lambda r: begg_test(meta_analysis([0.1, 0.2, 0.4], [0.1] * 3)), "all sampling variances are equal"),
        (lambda r: trim_and_fill(r, estimator="Q0"), "the estimator 'Q0' is not known"),
        (lambda r: trim_and_fill(r, side="top"), "the side 'top' is not known"),
        (lambda r: begg_test(meta_analysis(FULL, SE**2, moderators={"x": SE})), "the model has moderators"),
    ],
)
def test_bad_input_is_one_clear_message(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InvalidInput, match=message):
        call(meta_analysis(*SYMMETRIC))


def test_statistics_are_finite() -> None:
    for found in (egger_test(meta_analysis(*SYMMETRIC)), begg_test(meta_analysis(*SYMMETRIC))):
        assert math.isfinite(found.statistic) and 0.0 <= found.p <= 1.0
