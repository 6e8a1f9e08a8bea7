"""Fixed- and random-effects meta-analysis and meta-regression of k outcomes with known sampling variances.

    b = (X'WX)^-1 X'Wy, W = diag(1 / (v + tau²))                       coefficients
    z      cov b = (X'WX)^-1, normal quantiles
    knha   cov b = s² (X'WX)^-1, s² = y'Py / (k - p), t on k - p        Knapp & Hartung 2003, doi:10.1002/sim.1482
    adhoc  the same with max(1, s²)                                     never narrower than z with the same quantile
    Q = y'P(0)y on k - p;  I² = 100 tau² / (tau² + v~);  H² = (tau² + v~) / v~ with the typical sampling variance v~
    (fixed effects: I² = 100 max(0, 1 - (k - p) / Q), H² = Q / (k - p))
    prediction interval  b +- quantile * sqrt(se² + tau²): t on k - p with knha and adhoc, normal with z, as in metafor.

Whatever is a share (I², R², weights) is in percent. Statistics and defaults follow the R package metafor (Viechtbauer 2010,
doi:10.18637/jss.v036.i03); written here because no maintained Python package gives all of these as metafor prints them
(docs/evidence-statistics.md says which package differs where).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pulposus.errors import InvalidInput
from pulposus.evidence._heterogeneity import (
    FIXED,
    METHODS,
    WeightedFit,
    between_study_variance,
    q_profile,
    typical_variance,
    variance_standard_error,
    weighted_fit,
)
from pulposus.evidence._meta_regression import explained_heterogeneity, moderator_test
from pulposus.evidence._meta_result import TESTS, Coefficient, MetaResult, quantile
from pulposus.evidence._study_data import FloatArray, StudyData, require_choice, require_level, study_data

# Below this share of what the sampling variances allow, the outcomes are equal to the last digit.
_EQUAL = 1e-20


def meta_analysis(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    moderators: Mapping[str, Any] | None = None,
    method: str = "REML",
    test: str = "knha",
    level: float = 0.95,
    labels: Sequence[str] | None = None,
) -> MetaResult:
    """Pool k outcomes, with or without moderators.

    Args:
        yi: Outcomes of the studies, one scale and one direction for all.
        vi: Their sampling variances.
        moderators: Name -> one number per study, or one text per study for a factor.
        method: `FE` or `EE` (no variance between studies), or the estimator of tau²: `DL`, `HE`, `SJ`, `PM`, `ML`, `REML`.
        test: `z`, `knha` (Knapp-Hartung) or `adhoc` (Knapp-Hartung that never narrows).
        level: Level of confidence and prediction intervals.
        labels: Names of the studies.

    Raises:
        InvalidInput: Values that cannot be pooled, a name that is not known, one study, outcomes that are all equal with `knha`.
        SolverFailed: No maximum of the likelihood was found.
    """
    require_choice(method, METHODS, "method")
    require_choice(test, TESTS, "test")
    require_level(level)
    data = study_data(yi, vi, moderators=moderators, labels=labels)
    return fit_model(data, method=method, test=test, level=level)


def fit_model(data: StudyData, *, method: str, test: str, level: float) -> MetaResult:
    """`meta_analysis` of studies that were checked already."""
    from scipy import stats

    _require_poolable(data, method, test)
    df = data.k - data.p
    tau2 = between_study_variance(data, method)
    fit = weighted_fit(data, tau2)
    covariance = fit.covariance * _inflation(fit, df, test)
    q = weighted_fit(data, 0.0).q
    coefficients = _coefficients(data.names, fit.coefficients, covariance, test=test, df=df, level=level)
    mean = coefficients[0]
    i2, h2 = _relative_heterogeneity(data, method, tau2, q, df)
    low, high, rule = _prediction(mean, tau2, method=method, test=test, df=df, level=level, moderators=data.p > 1)
    qm, qm_df, qm_p = moderator_test(fit.coefficients, covariance, test=test, df=df)
    return MetaResult(
        k=data.k,
        estimate=mean.estimate,
        se=mean.se,
        ci_low=mean.ci_low,
        ci_high=mean.ci_high,
        statistic=mean.statistic,
        p=mean.p,
        df=None if test == "z" else df,
        tau2=tau2,
        tau2_se=variance_standard_error(data, tau2, method),
        tau2_ci=None if method in FIXED else q_profile(data, level),
        i2=i2,
        h2=h2,
        q=q,
        q_df=df,
        q_p=float(stats.chi2.sf(q, df)) if df > 0 else 1.0,
        prediction_low=low,
        prediction_high=high,
        prediction_rule=rule,
        method=method,
        test=test,
        level=level,
        weights=tuple(float(100.0 * weight) for weight in fit.weights / fit.weights.sum()),
        coefficients=coefficients,
        r2=explained_heterogeneity(data, method, tau2),
        qm=qm,
        qm_df=qm_df,
        qm_p=qm_p,
        notes=_notes(data, method, test),
        data=data,
        covariance=covariance,
    )


def _require_poolable(data: StudyData, method: str, test: str) -> None:
    if data.k == 1 and not (method in FIXED and test == "z"):
        raise InvalidInput(
            "one study cannot be pooled",
            where=data.labels[0],
            allowed="at least two studies",
            remedy="show the study's own interval: method FE with test z",
        )
    spread = data.yi - np.average(data.yi, weights=1.0 / data.vi)
    if test == "knha" and data.k > 1 and float(np.mean(spread**2 / data.vi)) <= _EQUAL:
        raise InvalidInput(
            f"all {data.k} outcomes are equal, so Knapp-Hartung gives an interval without width",
            where="test",
            allowed="outcomes that differ, or another test",
            remedy="use the test adhoc or z",
        )


def _inflation(fit: WeightedFit, df: int, test: str) -> float:
    """The factor s² of Knapp and Hartung, 1 with z."""
    if test == "z":
        return 1.0
    return max(1.0, fit.q / df) if test == "adhoc" else fit.q / df


def _coefficients(
    names: Sequence[str], values: FloatArray, covariance: FloatArray, *, test: str, df: int, level: float
) -> tuple[Coefficient, ...]:
    from scipy import stats

    half = quantile(test, df, level)
    found: list[Coefficient] = []
    for name, estimate, variance in zip(names, values, np.diag(covariance), strict=True):
        se = math.sqrt(float(variance))
        statistic = float(estimate) / se
        p = 2.0 * float(stats.norm.sf(abs(statistic)) if test == "z" else stats.t.sf(abs(statistic), df))
        found.append(
            Coefficient(
                name, float(estimate), se, float(estimate) - half * se, float(estimate) + half * se, statistic, p
            )
        )
    return tuple(found)


def _relative_heterogeneity(data: StudyData, method: str, tau2: float, q: float, df: int) -> tuple[float, float]:
    if df == 0:
        return 0.0, 1.0
    if method in FIXED:
        return (100.0 * max(0.0, 1.0 - df / q) if q > 0.0 else 0.0), q / df
    typical = typical_variance(data)
    return 100.0 * tau2 / (tau2 + typical), (tau2 + typical) / typical


def _prediction(
    mean: Coefficient, tau2: float, *, method: str, test: str, df: int, level: float, moderators: bool
) -> tuple[float | None, float | None, str]:
    if method in FIXED:
        return None, None, "none: a fixed-effect model has no distribution of effects to predict from"
    if moderators:
        return None, None, "depends on the moderators: ask for it at given values"
    half = quantile(test, df, level) * math.sqrt(mean.se**2 + tau2)
    return mean.estimate - half, mean.estimate + half, prediction_rule(test, df)


def prediction_rule(test: str, df: int) -> str:
    """The rule of the prediction interval in words."""
    law = "normal quantile" if test == "z" else f"t quantile on k - p = {df} degrees of freedom"
    return f"{law} times sqrt(se² + tau²)"


def _notes(data: StudyData, method: str, test: str) -> tuple[str, ...]:
    notes: list[str] = []
    if method in FIXED and test != "z":
        notes.append(
            "fixed effects with a Knapp-Hartung test are a model with multiplicative dispersion, not equal effects"
        )
    if method not in FIXED and data.k < 5:
        notes.append(
            f"with {data.k} studies the variance between studies is hardly known: read the interval of tau² too"
        )
    return tuple(notes)
