"""Pooling: properties every estimator has, other packages, bad input, and likelihoods that are hard to climb."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.errors import InvalidInput, SolverFailed
from pulposus.evidence import _heterogeneity
from pulposus.evidence._heterogeneity import (
    FIXED,
    METHODS,
    RANDOM,
    between_study_variance,
    log_likelihood,
    q_profile,
    weighted_fit,
)
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._meta_result import TESTS
from pulposus.evidence._study_data import study_data

BCG_YI = [
    -0.8893,
    -1.5854,
    -1.3481,
    -1.4416,
    -0.2175,
    -0.7861,
    -1.6209,
    0.0120,
    -0.4694,
    -1.3713,
    -0.3394,
    0.4459,
    -0.0173,
]
BCG_VI = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714]

# Outcomes within a few standard errors of each other, variances within a factor of 100: what studies look like.
STUDIES = st.lists(
    st.tuples(st.floats(-5.0, 5.0).map(lambda x: round(x, 6)), st.floats(0.01, 1.0)), min_size=3, max_size=9
).filter(lambda studies: np.ptp([y for y, _ in studies]) > 1e-2)
EVERY = pytest.mark.parametrize("method", METHODS)


def columns(studies: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([y for y, _ in studies]), np.array([v for _, v in studies])


# Sums in another order agree to about 1e-15; the likelihood searches stop where a step of tau² is 1e-12 of its scale.
CLOSE = {"rel": 1e-7, "abs": 1e-9}


@EVERY
@settings(max_examples=15, deadline=None)
@given(studies=STUDIES, seed=st.integers(0, 1000))
def test_order_of_studies_does_not_matter(method: str, studies: list[tuple[float, float]], seed: int) -> None:
    yi, vi = columns(studies)
    order = np.random.default_rng(seed).permutation(yi.size)
    one, other = (
        meta_analysis(yi, vi, method=method, test="adhoc"),
        meta_analysis(yi[order], vi[order], method=method, test="adhoc"),
    )
    assert other.estimate == pytest.approx(one.estimate, **CLOSE)
    assert other.tau2 == pytest.approx(one.tau2, **CLOSE)
    assert other.se == pytest.approx(one.se, **CLOSE)
    assert np.array(other.weights) == pytest.approx(np.array(one.weights)[order], **CLOSE)


@EVERY
@settings(max_examples=15, deadline=None)
@given(studies=STUDIES, shift=st.floats(-50.0, 50.0))
def test_a_shift_moves_the_mean_only(method: str, studies: list[tuple[float, float]], shift: float) -> None:
    yi, vi = columns(studies)
    one, other = (
        meta_analysis(yi, vi, method=method, test="adhoc"),
        meta_analysis(yi + shift, vi, method=method, test="adhoc"),
    )
    assert other.estimate == pytest.approx(one.estimate + shift, rel=1e-7, abs=1e-7)
    # 50 + y loses up to six bits of y.
    assert other.tau2 == pytest.approx(one.tau2, rel=1e-6, abs=1e-8)
    assert other.q == pytest.approx(one.q, rel=1e-6, abs=1e-7)


@EVERY
@settings(max_examples=15, deadline=None)
@given(studies=STUDIES, factor=st.floats(1e-4, 1e4))
def test_another_unit_gives_the_same_result_in_that_unit(
    method: str, studies: list[tuple[float, float]], factor: float
) -> None:
    yi, vi = columns(studies)
    one = meta_analysis(yi, vi, method=method, test="adhoc")
    other = meta_analysis(factor * yi, factor**2 * vi, method=method, test="adhoc")
    assert other.estimate == pytest.approx(factor * one.estimate, rel=1e-7, abs=1e-9 * factor)
    assert other.tau2 == pytest.approx(factor**2 * one.tau2, rel=1e-7, abs=1e-9 * factor**2)
    assert (other.i2, other.p, other.q) == pytest.approx((one.i2, one.p, one.q), **CLOSE)


@EVERY
@settings(max_examples=15, deadline=None)
@given(studies=STUDIES)
def test_the_opposite_direction_gives_the_opposite_mean(method: str, studies: list[tuple[float, float]]) -> None:
    yi, vi = columns(studies)
    one, other = meta_analysis(yi, vi, method=method, test="adhoc"), meta_analysis(-yi, vi, method=method, test="adhoc")
    assert other.estimate == pytest.approx(-one.estimate, **CLOSE)
    assert (other.ci_low, other.ci_high) == pytest.approx((-one.ci_high, -one.ci_low), **CLOSE)
    assert (other.tau2, other.p) == pytest.approx((one.tau2, one.p), **CLOSE)


@pytest.mark.parametrize("method", FIXED)
@settings(max_examples=15, deadline=None)
@given(studies=STUDIES, which=st.integers(0, 2))
def test_fixed_effects_count_a_study_twice_as_one_of_half_the_variance(
    method: str, studies: list[tuple[float, float]], which: int
) -> None:
    yi, vi = columns(studies)
    half = vi.copy()
    half[which] /= 2.0
    twice = meta_analysis([*yi, yi[which]], [*vi, vi[which]], method=method, test="z")
    once = meta_analysis(yi, half, method=method, test="z")
    assert (twice.estimate, twice.se, twice.q) == pytest.approx((once.estimate, once.se, once.q), **CLOSE)


@settings(max_examples=20, deadline=None)
@given(studies=STUDIES)
def test_duplicating_every_study_doubles_the_information_of_maximum_likelihood(
    studies: list[tuple[float, float]],
) -> None:
    """The likelihood of tau² is squared, so its summit stays and the variance of the mean halves. REML and moments count k - 1 instead."""
    yi, vi = columns(studies)
    one = meta_analysis(yi, vi, method="ML", test="z")
    two = meta_analysis(np.tile(yi, 2), np.tile(vi, 2), method="ML", test="z")
    assert two.tau2 == pytest.approx(one.tau2, rel=1e-6, abs=1e-8)
    assert two.se == pytest.approx(one.se / math.sqrt(2.0), rel=1e-6)


@pytest.mark.parametrize("method", ["ML", "REML"])
@settings(max_examples=20, deadline=None)
@given(studies=STUDIES)
def test_likelihood_has_no_higher_place(method: str, studies: list[tuple[float, float]]) -> None:
    data = study_data(*columns(studies))
    tau2 = between_study_variance(data, method)
    summit = log_likelihood(data, tau2, restricted=method == "REML")
    for other in np.concatenate([[0.0], np.geomspace(1e-6, 1e3, 80)]):
        # The summit is flat: 1e-9 in log-likelihood is a relative distance of 1e-5 in tau².
        assert log_likelihood(data, float(other), restricted=method == "REML") <= summit + 1e-9


@settings(max_examples=20, deadline=None)
@given(studies=STUDIES)
def test_paule_mandel_solves_its_equation(studies: list[tuple[float, float]]) -> None:
    data = study_data(*columns(studies))
    tau2 = between_study_variance(data, "PM")
    q = weighted_fit(data, tau2).q
    assert q == pytest.approx(data.k - 1.0, rel=1e-8) if tau2 > 0.0 else q <= data.k - 1.0


@settings(max_examples=20, deadline=None)
@given(studies=STUDIES)
def test_q_profile_bounds_enclose_paule_mandel(studies: list[tuple[float, float]]) -> None:
    data = study_data(*columns(studies))
    low, high = q_profile(data, 0.95)
    # The mean of chi² lies between its 2.5 % and 97.5 % points for every number of degrees of freedom above 0.
    assert 0.0 <= low <= between_study_variance(data, "PM") + 1e-12
    assert high >= between_study_variance(data, "PM") - 1e-12


@pytest.mark.parametrize("test", TESTS)
def test_level_widens_intervals(test: str) -> None:
    narrow, wide = (meta_analysis(BCG_YI, BCG_VI, test=test, level=level) for level in (0.8, 0.99))
    assert wide.ci_low < narrow.ci_low < narrow.estimate < narrow.ci_high < wide.ci_high
    assert wide.prediction_low is not None and narrow.prediction_low is not None
    assert wide.prediction_low < narrow.prediction_low < narrow.ci_low
    assert wide.tau2_ci is not None and narrow.tau2_ci is not None
    assert wide.tau2_ci[0] < narrow.tau2_ci[0] < narrow.tau2_ci[1] < wide.tau2_ci[1]


def test_adhoc_is_never_narrower_than_the_normal_standard_error() -> None:
    # Outcomes closer than their variances allow: Knapp-Hartung narrows, ad hoc does not.
    yi, vi = [0.10, 0.11, 0.10, 0.12], [0.2, 0.3, 0.2, 0.4]
    normal, knapp, adhoc = (meta_analysis(yi, vi, test=test) for test in TESTS)
    assert knapp.se < 0.1 * normal.se
    assert adhoc.se == normal.se and adhoc.df == 3 and adhoc.prediction_rule.startswith("t quantile on k - p = 3")
    spread = [meta_analysis(BCG_YI, BCG_VI, test=test) for test in ("knha", "adhoc")]
    assert spread[0].se == spread[1].se


def test_weights_are_shares_in_percent_and_studies_without_spread_are_weighted_by_precision() -> None:
    result = meta_analysis([1.0, 1.5], [1.0, 3.0], method="FE", test="z")
    assert result.weights == pytest.approx((75.0, 25.0), rel=1e-14)
    assert sum(meta_analysis(BCG_YI, BCG_VI).weights) == pytest.approx(100.0, rel=1e-14)


def test_two_studies_by_hand() -> None:
    """y = 0 and 2 with v = 1/2: Q = 4, tau²(DL) = 3 / 2, mean 1, se² = (1/2 + 3/2) / 2 = 1; s² = y'Py / 1 = 1."""
    result = meta_analysis([0.0, 2.0], [0.5, 0.5], method="DL", test="knha")
    assert (result.q, result.tau2, result.estimate, result.se) == pytest.approx((4.0, 1.5, 1.0, 1.0), rel=1e-14)
    assert (result.i2, result.h2) == pytest.approx((75.0, 4.0), rel=1e-14)
    # t on one degree of freedom is Cauchy: p = 2 (1/2 - atan(1) / pi) = 1/2.
    assert (result.statistic, result.p) == pytest.approx((1.0, 0.5), rel=1e-12)
    assert "with 2 studies" in result.notes[0]


def test_fixed_effects_have_neither_spread_nor_prediction() -> None:
    result = meta_analysis(BCG_YI, BCG_VI, method="FE", test="z")
    assert result.tau2 == 0.0 and result.tau2_ci is None and result.tau2_se is None
    assert (
        result.prediction_low is None and result.prediction_high is None and "no distribution" in result.prediction_rule
    )
    assert result.i2 == pytest.approx(100.0 * (1.0 - 12.0 / result.q), rel=1e-12)
    assert not result.notes
    assert "multiplicative dispersion" in meta_analysis(BCG_YI, BCG_VI, method="FE").notes[0]


@pytest.mark.parametrize("method", RANDOM)
def test_outcomes_that_are_equal(method: str) -> None:
    with pytest.raises(InvalidInput, match="all 3 outcomes are equal"):
        meta_analysis([2.0, 2.0, 2.0], [0.1, 0.2, 0.3], method=method)
    result = meta_analysis([2.0, 2.0, 2.0], [0.1, 0.2, 0.3], method=method, test="adhoc")
    assert (result.estimate, result.tau2, result.tau2_ci, result.i2) == (
        pytest.approx(2.0, rel=1e-14),
        0.0,
        (0.0, 0.0),
        0.0,
    )


def test_one_study() -> None:
    with pytest.raises(InvalidInput, match="one study cannot be pooled"):
        meta_analysis([2.0], [0.25])
    with pytest.raises(InvalidInput, match="one study cannot be pooled"):
        meta_analysis([2.0], [0.25], method="FE")
    alone = meta_analysis([2.0], [0.25], method="FE", test="z")
    assert (alone.estimate, alone.se, alone.q, alone.q_df, alone.q_p, alone.i2, alone.h2) == (
        2.0,
        0.5,
        0.0,
        0,
        1.0,
        0.0,
        1.0,
    )


@pytest.mark.parametrize(
    ("yi", "vi", "options", "message"),
    [
        ([], [], {}, "no studies"),
        ([1.0, 2.0], [0.1], {}, "2 outcomes but 1 variances"),
        ([1.0, math.nan], [0.1, 0.1], {}, "the outcome of study 2 is nan"),
        ([1.0, math.inf], [0.1, 0.1], {}, "the outcome of study 2 is inf"),
        ([1.0, 2.0], [0.1, -0.1], {}, "the sampling variance of study 2 is -0.1"),
        ([1.0, 2.0], [0.1, 0.0], {}, "the sampling variance of study 2 is 0"),
        ([1.0, 2.0], [0.1, math.nan], {}, "the sampling variance of study 2 is nan"),
        (["one", "two"], [0.1, 0.1], {}, "yi holds something that is not a number"),
        ([[1.0, 2.0]], [0.1, 0.1], {}, "yi has 2 dimensions"),
        ([1.0, 2.0], [0.1, 0.1], {"method": "reml"}, "the method 'reml' is not known"),
        ([1.0, 2.0], [0.1, 0.1], {"test": "t"}, "the test 't' is not known"),
        ([1.0, 2.0], [0.1, 0.1], {"level": 95}, "the level is 95"),
        ([1.0, 2.0], [0.1, 0.1], {"labels": ["one"]}, "1 labels for 2 studies"),
    ],
)
def test_bad_input_is_one_clear_message(yi: object, vi: object, options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        meta_analysis(yi, vi, **options)
    assert caught.value.allowed and caught.value.exit_code == 3


def test_a_study_is_named_by_its_label() -> None:
    with pytest.raises(InvalidInput, match="Orozco 2011") as caught:
        meta_analysis([1.0, 2.0], [-1.0, 1.0], labels=["Orozco 2011", "Noriega 2017"])
    assert caught.value.where == "Orozco 2011" and "continuity correction" in caught.value.remedy


@pytest.mark.parametrize("method", ["ML", "REML"])
@pytest.mark.parametrize(
    ("yi", "vi"),
    [
        ([0.0, 0.1, 1e6], [1.0, 1.0, 1.0]),
        ([0.0, 1.0, 2.0, 3.0], [1e-8, 1e8, 1e-8, 1e8]),
        ([1e-7, -1e-7, 2e-7], [1e-18, 2e-18, 1e-18]),
        ([0.0, 0.0, 0.0, 10.0], [1e-4, 1e4, 1e4, 1e-4]),
        (list(np.linspace(-1.0, 1.0, 60)), list(np.geomspace(1e-6, 1e3, 60))),
    ],
)
def test_hard_likelihoods_are_climbed(method: str, yi: list[float], vi: list[float]) -> None:
    data = study_data(yi, vi)
    tau2 = between_study_variance(data, method)
    summit = log_likelihood(data, tau2, restricted=method == "REML")
    places = np.geomspace(1e-4 * min(vi), 1e4 * (np.var(yi) + max(vi)), 400)
    assert all(log_likelihood(data, float(place), restricted=method == "REML") <= summit + 1e-6 for place in places)


def test_two_summits_the_higher_one_is_taken() -> None:
    """Precise studies agree and vague ones differ wildly: the likelihood has a summit near 0 and another far away."""
    yi = [0.0, 0.001, -0.001, 40.0, -40.0, 35.0]
    vi = [1e-6, 1e-6, 1e-6, 1.0, 1.0, 1.0]
    data = study_data(yi, vi)
    tau2 = between_study_variance(data, "REML")
    grid = np.concatenate([[0.0], np.geomspace(1e-10, 1e5, 2000)])
    best = grid[int(np.argmax([log_likelihood(data, float(place), restricted=True) for place in grid]))]
    assert tau2 == pytest.approx(best, rel=0.02)


def test_steps_that_overshoot_are_halved() -> None:
    """From the start of Hedges the full scoring step lowers this likelihood; unhalved steps jump to and fro for ever."""
    yi = [1.675, 0.846, -0.357, -0.225, -0.218, 1.007, -0.387]
    data = study_data(yi, [16.39857, 0.00032, 0.02757, 30.0875, 9.59008, 2.69061, 1.83549])
    assert _heterogeneity._scoring(data, restricted=True) == pytest.approx(
        _heterogeneity._bounded_search(data, restricted=True), rel=1e-4
    )


def test_scoring_that_does_not_settle_falls_back_on_the_bounded_search(monkeypatch: pytest.MonkeyPatch) -> None:
    data = study_data(BCG_YI, BCG_VI)
    settled = between_study_variance(data, "REML")
    monkeypatch.setattr(_heterogeneity, "_MOST_STEPS", 1)
    # The bounded search places tau² to 1e-5 of itself, where the summit is flat in double precision.
    assert between_study_variance(data, "REML") == pytest.approx(settled, rel=1e-5)


def test_scoring_that_stops_at_a_lower_summit_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = study_data(BCG_YI, BCG_VI)
    settled = between_study_variance(data, "REML")
    real = _heterogeneity._scoring
    monkeypatch.setattr(
        _heterogeneity,
        "_scoring",
        lambda data, *, restricted, start=None: (
            1e-6 if start is None else real(data, restricted=restricted, start=start)
        ),
    )
    assert between_study_variance(data, "REML") == pytest.approx(settled, rel=1e-10)


def test_scoring_that_cannot_rise_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    data = study_data(BCG_YI, BCG_VI)
    monkeypatch.setattr(_heterogeneity, "_MOST_HALVINGS", 0)
    start = between_study_variance(data, "HE")
    assert _heterogeneity._scoring(data, restricted=True, start=start) == start


def test_a_likelihood_without_a_summit_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    data = study_data(BCG_YI, BCG_VI)
    monkeypatch.setattr(_heterogeneity, "_scoring", lambda data, *, restricted, start=None: None)
    monkeypatch.setattr(_heterogeneity, "_bounded_search", lambda data, *, restricted: math.inf)
    with pytest.raises(SolverFailed, match="no finite maximum"):
        between_study_variance(data, "REML")


def test_result_is_json() -> None:
    result = meta_analysis(BCG_YI, BCG_VI, moderators={"latitude": np.arange(13.0)})
    document = json.loads(json.dumps(result.as_dict()))
    contract = {
        "k",
        "estimate",
        "se",
        "ci_low",
        "ci_high",
        "p",
        "tau2",
        "tau2_ci",
        "i2",
        "q",
        "q_p",
        "prediction_low",
        "prediction_high",
    }
    assert contract | {"method", "test", "coefficients", "r2", "labels", "weights"} <= set(document)
    assert document["coefficients"][1]["name"] == "latitude"
    assert document["labels"][0] == "study 1" and "data" not in document


def test_import_is_light() -> None:
    """The statistics load NumPy; SciPy, Matplotlib, pandas and JAX only where they are used."""
    code = (
        "import sys, pulposus.evidence as e; e.meta_analysis; e.forest_plot; e.multilevel_meta_analysis; e.bayesian_meta_analysis;"
        "print(' '.join(m for m in ('scipy', 'matplotlib', 'pandas', 'jax', 'numpyro', 'statsmodels') if m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


# --- other packages, where they are right (docs/evidence-statistics.md) ---------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.parametrize("method", ["DL", "PM"])
def test_statsmodels_agrees(method: str) -> None:
    peer = pytest.importorskip("statsmodels.stats.meta_analysis")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = peer.combine_effects(np.array(BCG_YI), np.array(BCG_VI), method_re=method.lower(), use_t=True)
    ours = meta_analysis(BCG_YI, BCG_VI, method=method, test="knha")
    # statsmodels stops Paule-Mandel at 1e-5 of Q.
    assert other.tau2 == pytest.approx(ours.tau2, rel=1e-5)
    assert other.mean_effect_re == pytest.approx(ours.estimate, rel=1e-6)
    assert other.sd_eff_w_re_hksj == pytest.approx(ours.se, rel=1e-5)


@pytest.mark.peer
@pytest.mark.parametrize("method", ["DL", "HE", "ML", "REML"])
def test_pymare_agrees(method: str) -> None:
    estimators = pytest.importorskip("pymare.estimators")
    import pymare

    latitude = np.arange(13.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pymare.Dataset(
            np.array(BCG_YI), np.array(BCG_VI), X=latitude[:, None], X_names=["x"], add_intercept=True
        )
        likelihood = method in {"ML", "REML"}
        estimator = (
            estimators.VarianceBasedLikelihoodEstimator(method)
            if likelihood
            else {"DL": estimators.DerSimonianLaird, "HE": estimators.Hedges}[method]()
        )
        summary = estimator.fit_dataset(dataset).summary()
        spread = summary.get_re_stats()
    ours = meta_analysis(BCG_YI, BCG_VI, moderators={"x": latitude}, method=method)
    # PyMARE's likelihood search is a simplex that stops at 1e-4.
    assert float(np.ravel(summary.tau2)[0]) == pytest.approx(ours.tau2, rel=1e-3 if likelihood else 1e-9)
    assert ours.tau2_ci is not None
    assert (float(spread["ci_l"][0]), float(spread["ci_u"][0])) == pytest.approx(ours.tau2_ci, rel=1e-4)


@pytest.mark.peer
@pytest.mark.parametrize("method", ["DL", "PM", "REML"])
@pytest.mark.parametrize("test", TESTS)
def test_pymetaanalysis_agrees_but_for_its_prediction_interval(method: str, test: str) -> None:
    peer = pytest.importorskip("meta_analyze")
    names = {"z": "normal", "knha": "hartung-knapp", "adhoc": "hartung_knapp_adhoc"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = peer.meta_analysis(
            effect=np.array(BCG_YI), variance=np.array(BCG_VI), tau2_method=method.lower(), ci_method=names[test]
        )
    ours = meta_analysis(BCG_YI, BCG_VI, method=method, test=test)
    assert (other.estimate, other.ci_low, other.ci_high) == pytest.approx(
        (ours.estimate, ours.ci_low, ours.ci_high), rel=1e-7
    )
    assert 100.0 * other.i2 == pytest.approx(ours.i2, rel=1e-7)
    # It uses k - 2 degrees of freedom, metafor and this room k - p (or the normal law).
    assert other.prediction_interval != pytest.approx((ours.prediction_low, ours.prediction_high), rel=1e-3)
