"""Moderators: factors, shifts, what they explain, predicted effects, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.errors import InvalidInput
from pulposus.evidence._heterogeneity import METHODS
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._meta_regression import predict

YI = np.array(
    [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694, -1.3713, -0.3394, 0.4459, -0.0173]
)
VI = np.array([0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714])
LATITUDE = np.array([44.0, 55.0, 42.0, 52.0, 13.0, 44.0, 19.0, 13.0, 27.0, 42.0, 18.0, 33.0, 33.0])
ALLOCATION = ["random"] * 4 + ["alternate"] * 2 + ["random"] * 3 + ["systematic"] * 4


def test_a_factor_is_columns_of_its_levels() -> None:
    result = meta_analysis(YI, VI, moderators={"allocation": ALLOCATION})
    assert [one.name for one in result.coefficients] == ["intercept", "allocation: random", "allocation: systematic"]
    assert (
        result.qm_df == (2, 10)
        and result.prediction_low is None
        and "depends on the moderators" in result.prediction_rule
    )
    by_hand = meta_analysis(
        YI, VI, moderators={name: [float(x == name) for x in ALLOCATION] for name in ("random", "systematic")}
    )
    assert by_hand.qm == result.qm


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=10, deadline=None)
@given(shift=st.floats(-2000.0, 2000.0), factor=st.floats(0.01, 100.0))
def test_another_origin_and_unit_of_a_moderator_change_its_coefficient_only(
    method: str, shift: float, factor: float
) -> None:
    one = meta_analysis(YI, VI, moderators={"x": LATITUDE}, method=method)
    other = meta_analysis(YI, VI, moderators={"x": factor * (LATITUDE + shift)}, method=method)
    # Two thousand beside a spread of 14 loses five digits in the intercept column.
    assert other.coefficients[1].estimate == pytest.approx(one.coefficients[1].estimate / factor, rel=1e-6)
    assert (other.tau2, other.q, other.qm) == pytest.approx((one.tau2, one.q, one.qm), rel=1e-6, abs=1e-9)


def test_a_moderator_that_is_the_cause_explains_everything() -> None:
    x = np.linspace(-1.0, 1.0, 12)
    noise = 0.01 * np.cos(np.arange(12.0))
    result = meta_analysis(2.0 + 3.0 * x + noise, np.full(12, 0.01), moderators={"x": x}, test="z")
    assert (result.r2, result.tau2) == (100.0, 0.0)
    # The noise is a tenth of the sampling error, whose share in the slope is 0.1 / sqrt(sum x²) = 0.044.
    assert result.coefficients[1].estimate == pytest.approx(3.0, abs=0.02)
    assert result.qm_df == (1,) and result.qm_p is not None and result.qm_p < 1e-10


def test_no_heterogeneity_leaves_nothing_to_explain() -> None:
    result = meta_analysis([1.0, 1.1, 0.9, 1.0], [1.0, 1.0, 1.0, 1.0], moderators={"x": [1.0, 2.0, 3.0, 4.0]}, test="z")
    assert result.r2 is None and result.tau2 == 0.0
    assert meta_analysis(YI, VI, moderators={"x": LATITUDE}, method="FE", test="z").r2 is None


def test_prediction_at_the_intercept_is_the_coefficient() -> None:
    result = meta_analysis(YI, VI, moderators={"x": LATITUDE - LATITUDE.mean()})
    at = predict(result, {"x": 0.0})
    assert (at.estimate, at.se, at.ci_low, at.ci_high) == pytest.approx(
        (result.estimate, result.se, result.ci_low, result.ci_high), rel=1e-13
    )
    assert at.prediction_low is not None and at.prediction_high is not None
    half = (at.prediction_high - at.prediction_low) / (at.ci_high - at.ci_low)
    assert half == pytest.approx(math.sqrt(result.se**2 + result.tau2) / result.se, rel=1e-12)


def test_prediction_without_moderators_is_the_pool() -> None:
    result = meta_analysis(YI, VI)
    at = predict(result)
    assert (at.estimate, at.prediction_low, at.prediction_high) == pytest.approx(
        (result.estimate, result.prediction_low, result.prediction_high), rel=1e-13
    )
    fixed = predict(meta_analysis(YI, VI, method="FE", test="z"))
    assert fixed.prediction_low is None and fixed.prediction_high is None


def test_calendar_years_are_no_problem() -> None:
    """The year with an intercept is nearly singular (condition 2e5); the slope must not depend on centring."""
    year = np.array([1948, 1949, 1960, 1977, 1973, 1953, 1973, 1980, 1968, 1961, 1974, 1969, 1976], dtype=float)
    plain = meta_analysis(YI, VI, moderators={"year": year})
    centred = meta_analysis(YI, VI, moderators={"year": year - year.mean()})
    assert plain.coefficients[1].estimate == pytest.approx(centred.coefficients[1].estimate, rel=1e-8)
    assert plain.tau2 == pytest.approx(centred.tau2, rel=1e-8)


@pytest.mark.parametrize(
    ("moderators", "message"),
    [
        ({"x": [1.0, 2.0]}, "the moderator x has the shape"),
        ({"x": [1.0, 2.0, 3.0, math.nan]}, "the moderator x of study 4 is nan"),
        ({"x": [2.0] * 4}, "the moderator x is 2 in every study"),
        ({"x": ["a", "b", "", "a"]}, "the moderator x of study 3 is missing"),
        ({"x": ["a"] * 4}, "the moderator x is 'a' in every study"),
        ({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.0]}, "the moderators repeat one another"),
        ({"x": ["a", "b", "c", "d"]}, "4 studies cannot carry 4 coefficients"),
        ({"x": ["a", "b", "c", "d"], "y": [1.0, 2.0, 3.0, 5.0]}, "4 studies cannot carry 5 coefficients"),
    ],
)
def test_bad_moderators_are_one_clear_message(moderators: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        meta_analysis([1.0, 2.0, 3.0, 5.0], [0.1, 0.1, 0.1, 0.1], moderators=moderators)


@pytest.mark.parametrize(
    ("at", "message"),
    [({}, "no value for x"), ({"x": 1.0, "year": 2.0}, "year is not in the model"), (None, "no value for x")],
)
def test_a_prediction_needs_every_moderator_of_the_model(at: dict[str, float] | None, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        predict(meta_analysis(YI, VI, moderators={"x": LATITUDE}), at)


def test_a_pool_takes_no_moderator_in_its_prediction() -> None:
    with pytest.raises(InvalidInput, match="x is not in the model") as caught:
        predict(meta_analysis(YI, VI), {"x": 1.0})
    assert "the model has none" in caught.value.allowed
