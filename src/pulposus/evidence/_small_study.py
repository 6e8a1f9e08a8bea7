"""Do small studies find more? Asymmetry of the funnel: regression tests, rank test, trim and fill.

    regression, classical   y = b0 + b1 x, weights 1/v, dispersion estimated: t of b1 on k - 2 (Egger et al. 1997,
                            doi:10.1136/bmj.315.7109.629)
    regression, mixed       the same as a random-effects meta-regression (Sterne & Egger 2005): z or t of b1
                            x: standard error, variance, sample size n, 1/n (Peters et al. 2006), sqrt n, sqrt(1/n)
    rank                    Kendall's tau of (y - b) / sqrt(v - 1/sum w) with v (Begg & Mazumdar 1994, doi:10.2307/2533446)
    trim and fill           L0, R0 of Duval & Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x

Asymmetry has more causes than missing studies, and with fewer than ten studies these tests hardly see any (Sterne et al. 2011,
doi:10.1136/bmj.d4002): the results say so. The rank test is SciPy's; the rest follows metafor's `regtest` and `trimfill`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pulposus.errors import InvalidInput, SolverFailed
from pulposus.evidence._heterogeneity import between_study_variance, weighted_fit
from pulposus.evidence._meta import fit_model
from pulposus.evidence._meta_result import MetaResult
from pulposus.evidence._study_data import FloatArray, StudyData, column, require_choice

PREDICTORS = ("se", "variance", "n", "1/n", "sqrt(n)", "sqrt(1/n)")
_FEW = 10
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class AsymmetryTest:
    """A test of funnel asymmetry.

    Attributes:
        name: What was done.
        statistic: t, z, or Kendall's tau.
        df: Degrees of freedom of t, else None.
        p: Two-sided p value.
        limit: Outcome of a study without sampling error (regression on something that vanishes with it), else None.
        limit_low: Lower bound of its interval.
        limit_high: Upper bound.
        notes: What a reader should know.
    """

    name: str
    statistic: float
    df: int | None
    p: float
    limit: float | None
    limit_low: float | None
    limit_high: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrimAndFill:
    """The pool after studies were mirrored into the thin side of the funnel.

    Attributes:
        missing: Number of studies filled in.
        missing_se: Its standard error.
        side: `left` or `right`, where they were filled in.
        estimator: `L0` or `R0`.
        p: p value of no missing study (R0), else None.
        result: Pool of the observed and the filled studies; filled ones are labelled so.
        notes: What a reader should know.
    """

    missing: int
    missing_se: float
    side: str
    estimator: str
    p: float | None
    result: MetaResult
    notes: tuple[str, ...]


def egger_test(
    result: MetaResult, *, model: str = "classical", predictor: str = "se", sample_sizes: ArrayLike | None = None
) -> AsymmetryTest:
    """Regression test.

    Args:
        result: Pool without moderators.
        model: `classical` (weighted, dispersion estimated) or `mixed` (meta-regression with the method and test of `result`).
        predictor: One of `PREDICTORS`.
        sample_sizes: Total sample sizes, for the predictors with n.

    Raises:
        InvalidInput: Fewer than three studies, equal predictors, no sample sizes.
    """
    require_choice(model, ("classical", "mixed"), "model")
    data = _studies(result)
    x = _predictor(data, predictor, sample_sizes)
    design = StudyData(data.yi, data.vi, np.column_stack([np.ones(data.k), x]), ("intercept", predictor), data.labels)
    classical = model == "classical"
    # Fixed effects with Knapp-Hartung are the regression with weights 1/v and an estimated dispersion.
    method, test = ("FE", "knha") if classical else (result.method, result.test)
    fitted = fit_model(design, method=method, test=test, level=result.level)
    limit, slope = fitted.coefficients
    vanishing = predictor not in {"n", "sqrt(n)"}
    kind = "weighted regression with multiplicative dispersion" if classical else "mixed-effects meta-regression"
    return AsymmetryTest(
        name=f"{kind} on {predictor}",
        statistic=slope.statistic,
        df=fitted.df,
        p=slope.p,
        limit=limit.estimate if vanishing else None,
        limit_low=limit.ci_low if vanishing else None,
        limit_high=limit.ci_high if vanishing else None,
        notes=_notes(data.k),
    )


def begg_test(result: MetaResult) -> AsymmetryTest:
    """Rank correlation test; exact without ties and up to 50 studies, as in metafor."""
    from scipy import stats

    data = _studies(result)
    weights = 1.0 / data.vi
    spare = data.vi - 1.0 / weights.sum()
    deviates = (data.yi - np.average(data.yi, weights=weights)) / np.sqrt(spare)
    ties = np.unique(deviates).size < data.k or np.unique(data.vi).size < data.k
    found: Any = stats.kendalltau(deviates, data.vi, method="asymptotic" if ties or data.k >= 50 else "exact")
    tau, p = float(found.statistic), float(found.pvalue)
    if not math.isfinite(tau):
        raise InvalidInput("all sampling variances are equal", where="vi", allowed="variances that differ")
    return AsymmetryTest("rank correlation (Kendall)", tau, None, p, None, None, None, _notes(data.k))


def trim_and_fill(result: MetaResult, *, estimator: str = "L0", side: str | None = None) -> TrimAndFill:
    """Trim the most extreme studies, centre, and fill in their mirror images.

    Args:
        result: Pool without moderators; its method is used in every round.
        estimator: `L0` or `R0`.
        side: Where studies are missing; if left out, the side that the mixed regression test on the standard error points to.

    Raises:
        InvalidInput: Fewer than three studies.
        SolverFailed: The number of missing studies does not settle.
    """
    require_choice(estimator, ("L0", "R0"), "estimator")
    data = _studies(result)
    if side is None:
        side = "left" if _slope(data, result) > 0.0 else "right"
    require_choice(side, ("left", "right"), "side")
    sign = 1.0 if side == "left" else -1.0
    order = np.argsort(sign * data.yi, kind="stable")
    yi, vi = (sign * data.yi)[order], data.vi[order]
    k = data.k
    missing, spread, centre = _missing(yi, vi, data, result, estimator)
    filled = slice(k - missing, k)
    names = tuple(data.labels[place] for place in order)
    augmented = StudyData(
        sign * np.concatenate([yi, 2.0 * centre - yi[filled]]),
        np.concatenate([vi, vi[filled]]),
        np.ones((k + missing, 1)),
        data.names,
        (*names, *(f"filled: {name}" for name in names[filled])),
    )
    return TrimAndFill(
        missing=missing,
        missing_se=spread,
        side=side,
        estimator=estimator,
        p=0.5 ** (missing + 1) if estimator == "R0" else None,
        result=fit_model(augmented, method=result.method, test=result.test, level=result.level),
        notes=_notes(k),
    )


def _missing(
    yi: FloatArray, vi: FloatArray, data: StudyData, result: MetaResult, estimator: str
) -> tuple[int, float, float]:
    """Number of missing studies below the smallest outcome, its standard error, and the centre without the trimmed ones.

    yi is sorted; T = signed ranks of |yi - centre|. L0 = (4 S - k (k + 1)) / (2 k - 1), S the sum of the positive ranks;
    R0 = k - 1 - (largest negative rank).
    """
    k, missing = yi.size, 0
    for _ in range(_MOST_ROUNDS):
        kept = slice(0, k - missing)
        if k - missing < 2:
            break
        part = StudyData(yi[kept], vi[kept], data.design[kept], data.names, data.labels[kept])
        centre = float(weighted_fit(part, between_study_variance(part, result.method)).coefficients[0])
        deviation = yi - centre
        ranks = np.empty(k)
        ranks[np.argsort(np.abs(deviation), kind="stable")] = np.arange(1, k + 1)
        if estimator == "R0":
            number = k - 1.0 - float(np.max(ranks[deviation < 0.0], initial=0.0))
            spread = math.sqrt(2.0 * max(0.0, number) + 2.0)
        else:
            number = (4.0 * float(ranks[deviation > 0.0].sum()) - k * (k + 1)) / (2.0 * k - 1.0)
            spread = 4.0 * math.sqrt(max(0.0, _rank_sum_variance(k, number))) / (2.0 * k - 1.0)
        found = max(0, round(number))
        if found == missing:
            return missing, spread, centre
        missing = found
    raise SolverFailed(
        "the number of missing studies does not settle",
        where="trim and fill",
        remedy="use the other estimator (L0 or R0), or another side",
    )


def _rank_sum_variance(k: int, number: float) -> float:
    """Variance of the sum of positive ranks when `number` studies are missing (Duval & Tweedie 2000)."""
    tail = 10.0 * number**3 + 27.0 * number**2 + 17.0 * number
    return (k * (k + 1) * (2 * k + 1) + tail - 18.0 * k * number**2 - 18.0 * k * number + 6.0 * k**2 * number) / 24.0


def _slope(data: StudyData, result: MetaResult) -> float:
    """Slope of the outcome on the standard error with the method of the pool; 0 if all standard errors are equal."""
    se = np.sqrt(data.vi)
    if np.ptp(se) == 0.0:
        return 0.0
    design = StudyData(data.yi, data.vi, np.column_stack([np.ones(data.k), se]), ("intercept", "se"), data.labels)
    return float(weighted_fit(design, between_study_variance(design, result.method)).coefficients[1])


def _studies(result: MetaResult) -> StudyData:
    data = result.data
    if data.p > 1:
        raise InvalidInput(
            "the model has moderators",
            where="moderators",
            allowed="a pool without moderators",
            remedy="pool without them first",
        )
    if data.k < 3:
        raise InvalidInput(f"{data.k} studies make no funnel", where="studies", allowed="at least three studies")
    return data


def _predictor(data: StudyData, predictor: str, sample_sizes: ArrayLike | None) -> FloatArray:
    require_choice(predictor, PREDICTORS, "predictor")
    if predictor in {"se", "variance"}:
        x = data.vi if predictor == "variance" else np.sqrt(data.vi)
    else:
        if sample_sizes is None:
            raise InvalidInput(
                f"the predictor {predictor} needs sample sizes", where="sample_sizes", allowed="one size per study"
            )
        n = column(sample_sizes, "sample_sizes")
        if n.size != data.k or not np.all(n > 0.0):
            raise InvalidInput(
                "the sample sizes are not one positive number per study",
                where="sample_sizes",
                allowed=f"{data.k} sizes",
            )
        x = {"n": n, "1/n": 1.0 / n, "sqrt(n)": np.sqrt(n), "sqrt(1/n)": np.sqrt(1.0 / n)}[predictor]
    if np.ptp(x) == 0.0:
        raise InvalidInput(f"{predictor} is the same in every study", where="predictor", allowed="values that differ")
    return x


def _notes(k: int) -> tuple[str, ...]:
    general = "asymmetry has more causes than unpublished studies: heterogeneity, poor small studies, chance"
    return (general, f"{k} studies are too few to rely on this test (fewer than {_FEW})") if k < _FEW else (general,)
