"""Meta-analysis of outcomes that depend on each other: arms, times or districts within a study, several outcomes of one study.

    y = X b + Z u + e,  u ~ N(0, G),  e ~ N(0, V) with V known,  M = V + Z G Z'
    nested        G: one variance between clusters, one within (three levels)     Konstantopoulos 2011, doi:10.1002/jrsm.35
    unstructured  G: a covariance matrix of the outcomes of one cluster           Berkey et al. 1998, Statistics in Medicine 17:2537
    REML          log L = -1/2 (log|M| + log|X'M^-1 X| - log|X'X| + r'M^-1 r + (k - p) log 2 pi), maximised over G >= 0

Sampling errors of one cluster may be correlated: a constant correlation `rho`, or the whole matrix V.

    intervals of a variance: profile likelihood;  I² of a level = 100 sigma² / (sum of sigma² + (k - p) / tr P(V))
    cluster-robust  CR1: n / (n - p), t on n - p (n clusters);  CR2 with Satterthwaite degrees of freedom: `_cluster_robust`

Written here: statsmodels' mixed models cannot hold the sampling covariance fixed, PyMARE and PyMetaAnalysis have no multilevel model
(docs/evidence-statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pulposus.evidence._cluster_robust import Robust, cluster_robust
from pulposus.evidence._covariance import (
    IntArray,
    cluster_numbers,
    nested_structure,
    sampling_covariance,
    unstructured_structure,
)
from pulposus.evidence._meta_result import Coefficient, quantile
from pulposus.evidence._random_effects import GeneralFit, general_fit, maximise, profile_interval
from pulposus.evidence._study_data import FloatArray, StudyData, require_choice, require_level, study_data

ROBUST = ("CR1", "CR2")
TESTS = ("z", "t")


@dataclass(frozen=True)
class VarianceComponent:
    """One variance (or covariance) of the random effects.

    Attributes:
        name: `between STUDY`, `within STUDY`, or the pair of outcomes.
        estimate: Its value in squared units of the outcome.
        ci_low: Profile-likelihood bound; None if it was not asked for.
        ci_high: Upper bound.
    """

    name: str
    estimate: float
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class MultilevelResult:
    """What a multilevel meta-analysis found.

    Attributes:
        k: Number of outcomes.
        clusters: Number of clusters (studies).
        coefficients: Coefficients with model-based or cluster-robust intervals.
        components: Variances of the random effects.
        intraclass: Share of the variance that outcomes of a cluster have in common (nested models), else None.
        i2: I² of each component in percent (nested models), else empty.
        q: Residual heterogeneity r'V^-1 r at the generalised least squares of V.
        q_df: k - p.
        q_p: Its p value.
        log_likelihood: At the maximum.
        prediction_low: Lower bound for a new outcome of a new cluster (nested models without moderators), else None.
        prediction_high: Upper bound.
        method: REML or ML.
        inference: `z`, `t` (k - p), `CR1` or `CR2`.
        df: Degrees of freedom of each coefficient; None with z.
        level: Level of the intervals.
        notes: What a reader should know.
    """

    k: int
    clusters: int
    coefficients: tuple[Coefficient, ...]
    components: tuple[VarianceComponent, ...]
    intraclass: float | None
    i2: tuple[float, ...]
    q: float
    q_df: int
    q_p: float
    log_likelihood: float
    prediction_low: float | None
    prediction_high: float | None
    method: str
    inference: str
    df: tuple[float, ...] | None
    level: float
    notes: tuple[str, ...]


def multilevel_meta_analysis(
    yi: ArrayLike,
    vi: ArrayLike,
    cluster: Sequence[Any],
    *,
    inner: Sequence[Any] | None = None,
    rho: float = 0.0,
    sampling: ArrayLike | None = None,
    moderators: Mapping[str, Any] | None = None,
    method: str = "REML",
    inference: str = "CR2",
    level: float = 0.95,
    labels: Sequence[str] | None = None,
    profile: bool = False,
) -> MultilevelResult:
    """Pool outcomes that are nested in clusters.

    Args:
        yi: k outcomes.
        vi: Their sampling variances.
        cluster: The study (or district, cohort) of each outcome.
        inner: If given, the kind of each outcome: the random effects of the kinds of one cluster have a free covariance matrix
            (unstructured) instead of the two variances of three levels (nested). At most once per cluster and kind.
        rho: Correlation of the sampling errors within a cluster.
        sampling: Whole covariance matrix of the sampling errors instead of `rho`, shape (k, k); its diagonal must be `vi`.
        moderators: As in `meta_analysis`.
        method: REML or ML.
        inference: `z` or `t` (model-based), `CR1` or `CR2` (cluster-robust).
        level: Level of the intervals.
        labels: Names of the outcomes.
        profile: Compute profile-likelihood intervals of the variances of a nested model.

    Raises:
        InvalidInput: Values that cannot be pooled; fewer than two clusters.
        SolverFailed: No maximum of the likelihood was found.
    """
    from scipy import stats

    require_choice(method, ("REML", "ML"), "method")
    require_choice(inference, TESTS + ROBUST, "inference")
    require_level(level)
    data = study_data(yi, vi, moderators=moderators, labels=labels)
    numbers = cluster_numbers(cluster, data.labels)
    known = sampling_covariance(data, numbers, rho=rho, sampling=sampling)
    structure = nested_structure(numbers) if inner is None else unstructured_structure(numbers, inner, data.labels)
    restricted = method == "REML"
    theta = maximise(data, known, structure, restricted=restricted)
    fit = general_fit(data, known + structure.covariance(theta), restricted=restricted)
    variances = structure.variances(theta)
    bounds = [(None, None)] * len(variances)
    if profile and inner is None:
        bounds = [
            profile_interval(data, known, structure, theta, which, restricted=restricted, level=level)
            for which in range(len(variances))
        ]
    found = _inference(fit, data, numbers, inference)
    base = general_fit(data, known, restricted=restricted)
    df = data.k - data.p
    mean = _coefficients(data, fit, found, inference, level)
    low, high = _prediction(mean, variances, found, inference, level) if inner is None and data.p == 1 else (None, None)
    q = float(base.residual @ base.inverse @ base.residual)
    return MultilevelResult(
        k=data.k,
        clusters=int(numbers.max()) + 1,
        coefficients=mean,
        components=tuple(
            VarianceComponent(name, float(value), *bound)
            for name, value, bound in zip(structure.names, variances, bounds, strict=True)
        ),
        intraclass=_intraclass(variances) if inner is None else None,
        i2=_levels_of_i2(data, base, variances) if inner is None else (),
        q=q,
        q_df=df,
        q_p=float(stats.chi2.sf(q, df)),
        log_likelihood=fit.log_likelihood,
        prediction_low=low,
        prediction_high=high,
        method=method,
        inference=inference,
        df=None if inference == "z" else tuple(float(value) for value in found.df),
        level=level,
        notes=_notes(numbers, inference),
    )


def _inference(fit: GeneralFit, data: StudyData, numbers: IntArray, inference: str) -> Robust:
    if inference in ROBUST:
        return cluster_robust(data.design, fit.residual, np.linalg.inv(fit.inverse), numbers, kind=inference)
    return Robust(fit.covariance, np.full(data.p, float(data.k - data.p)))


def _coefficients(
    data: StudyData, fit: GeneralFit, found: Robust, inference: str, level: float
) -> tuple[Coefficient, ...]:
    from scipy import stats

    listed: list[Coefficient] = []
    for name, value, variance, df in zip(
        data.names, fit.coefficients, np.diag(found.covariance), found.df, strict=True
    ):
        estimate, se = float(value), math.sqrt(float(variance))
        half = _quantile(inference, float(df), level) * se
        statistic = estimate / se
        p = 2.0 * float(stats.norm.sf(abs(statistic)) if inference == "z" else stats.t.sf(abs(statistic), df))
        listed.append(Coefficient(name, estimate, se, estimate - half, estimate + half, statistic, p))
    return tuple(listed)


def _quantile(inference: str, df: float, level: float) -> float:
    return quantile("z" if inference == "z" else "t", df, level)


def _prediction(
    coefficients: tuple[Coefficient, ...], variances: FloatArray, found: Robust, inference: str, level: float
) -> tuple[float, float]:
    mean = coefficients[0]
    half = _quantile(inference, float(found.df[0]), level) * math.sqrt(mean.se**2 + float(np.sum(variances)))
    return mean.estimate - half, mean.estimate + half


def _intraclass(variances: FloatArray) -> float | None:
    total = float(np.sum(variances))
    return float(variances[0]) / total if total > 0.0 else None


def _levels_of_i2(data: StudyData, base: GeneralFit, variances: FloatArray) -> tuple[float, ...]:
    weighted = base.inverse @ data.design
    projection = base.inverse - weighted @ base.covariance @ weighted.T
    typical = (data.k - data.p) / float(np.trace(projection))
    total = float(np.sum(variances)) + typical
    return tuple(100.0 * float(value) / total for value in variances)


def _notes(numbers: IntArray, inference: str) -> tuple[str, ...]:
    clusters = int(numbers.max()) + 1
    if clusters < 5 and inference in ROBUST:
        return (f"with {clusters} clusters cluster-robust intervals are uncertain themselves",)
    return ()
