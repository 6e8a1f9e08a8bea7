"""Meta-regression: what moderators explain, whether they matter at all, and the effect they predict.

    R²  = 100 max(0, (tau²_0 - tau²) / tau²_0)          tau²_0 of the model without moderators (Raudenbush 2009)
    QM  = b1' cov(b1)^-1 b1 on chi²(m) with z; QM / m on F(m, k - p) with Knapp-Hartung (b1: the m coefficients but the intercept)
    at x: x'b, se² = x' cov(b) x; interval +- quantile * se; prediction +- quantile * sqrt(se² + tau²)

Model, estimators and tests are in `_meta`; the printed values of metafor that the tests replay are named there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pulposus.errors import InvalidInput
from pulposus.evidence._heterogeneity import FIXED, between_study_variance
from pulposus.evidence._meta_result import MetaResult, quantile
from pulposus.evidence._study_data import FloatArray, StudyData


@dataclass(frozen=True)
class PredictedEffect:
    """The effect at given values of the moderators.

    Attributes:
        estimate: Mean effect there.
        se: Its standard error.
        ci_low: Lower bound of its confidence interval.
        ci_high: Upper bound.
        prediction_low: Lower bound for the effect of a new study there; None with fixed effects.
        prediction_high: Upper bound.
    """

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    prediction_low: float | None
    prediction_high: float | None


def explained_heterogeneity(data: StudyData, method: str, tau2: float) -> float | None:
    """R² in percent against the model without moderators; None without moderators, with fixed effects, or if there was none to explain."""
    if data.p == 1 or method in FIXED:
        return None
    alone = between_study_variance(data.without_moderators(), method)
    return None if alone == 0.0 else max(0.0, 100.0 * (alone - tau2) / alone)


def moderator_test(
    coefficients: FloatArray, covariance: FloatArray, *, test: str, df: int
) -> tuple[float | None, tuple[int, ...], float | None]:
    """Test that all coefficients but the intercept are 0: statistic, degrees of freedom, p value; None without moderators."""
    from scipy import stats

    number = coefficients.size - 1
    if number == 0:
        return None, (), None
    chi2 = float(coefficients[1:] @ np.linalg.solve(covariance[1:, 1:], coefficients[1:]))
    if test == "z":
        return chi2, (number,), float(stats.chi2.sf(chi2, number))
    return chi2 / number, (number, df), float(stats.f.sf(chi2 / number, number, df))


def predict(result: MetaResult, at: Mapping[str, float] | None = None) -> PredictedEffect:
    """The effect at given values of the moderators, with confidence and prediction interval.

    Args:
        result: A fitted model.
        at: Name of a column -> value, one for every coefficient but the intercept. The columns of a factor are named `name: level` and
            take 0 or 1.

    Raises:
        InvalidInput: A moderator is missing or is not in the model.
    """
    names = result.data.names[1:]
    values = dict(at or {})
    if unknown := sorted(set(values) - set(names)):
        raise InvalidInput(
            f"{', '.join(unknown)} is not in the model",
            where="at",
            allowed=", ".join(names) or "no moderator: the model has none",
        )
    if missing := [name for name in names if name not in values]:
        raise InvalidInput(
            f"no value for {', '.join(missing)}", where="at", allowed="a value for every moderator of the model"
        )
    place = np.array([1.0, *(float(values[name]) for name in names)])
    estimate = float(place @ np.array([one.estimate for one in result.coefficients]))
    se = math.sqrt(float(place @ result.covariance @ place))
    factor = quantile(result.test, result.q_df, result.level)
    half = factor * se
    wide = None if result.method in FIXED else factor * math.sqrt(se**2 + result.tau2)
    return PredictedEffect(
        estimate=estimate,
        se=se,
        ci_low=estimate - half,
        ci_high=estimate + half,
        prediction_low=None if wide is None else estimate - wide,
        prediction_high=None if wide is None else estimate + wide,
    )
