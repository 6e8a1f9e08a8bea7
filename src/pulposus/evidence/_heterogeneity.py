"""The variance between studies: estimators of tau², and its Q-profile interval.

Model: y = X b + u + e, u ~ N(0, tau²), e_i ~ N(0, v_i). With W = diag(1 / (v + tau²)) and P = W - W X (X'WX)^-1 X'W,

    Q(tau²) = y'Py                        generalised Q (Q = Q(0) is Cochran's)
    DL      (Q - (k - p)) / tr P(0)       DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2
    HE      (RSS - tr(P_ols V)) / (k - p) Hedges & Olkin 1985
    SJ      t0 y'P(t0)y / (k - p)         Sidik & Jonkman 2005, doi:10.1111/j.1467-9876.2005.00489.x
    PM      Q(tau²) = k - p               Paule & Mandel 1982, doi:10.6028/jres.087.022 (equal to empirical Bayes)
    ML      s = y'PPy - tr W       = 0    information tr(WW) / 2
    REML    s = y'PPy - tr P       = 0    information tr(PP) / 2; Viechtbauer 2005, doi:10.3102/10769986030003261
    interval: Q(tau²) = chi² quantiles    Viechtbauer 2007, doi:10.1002/sim.2514

Written here because no maintained Python package has all of these with moderators (docs/evidence-statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pulposus.errors import SolverFailed
from pulposus.evidence._study_data import FloatArray, StudyData

FIXED = ("FE", "EE")
RANDOM = ("DL", "HE", "SJ", "PM", "ML", "REML")
METHODS = FIXED + RANDOM
# Variances at the scale of the median sampling variance; a step below this share of it changes no printed digit.
_STEP_TOLERANCE = 1e-12
_MOST_STEPS = 100
_MOST_HALVINGS = 40


@dataclass(frozen=True)
class WeightedFit:
    """Weighted least squares of the outcomes at one tau².

    Attributes:
        coefficients: b, shape (p,).
        covariance: (X'WX)^-1, shape (p, p).
        weights: W, shape (k,).
        q: y'Py.
        basis: Orthonormal columns of W^(1/2) X, shape (k, p).
        log_determinant: log det X'WX.
    """

    coefficients: FloatArray
    covariance: FloatArray
    weights: FloatArray
    q: float
    basis: FloatArray
    log_determinant: float

    @property
    def projection(self) -> FloatArray:
        """P, shape (k, k)."""
        root = np.sqrt(self.weights)
        return root[:, None] * (np.eye(root.size) - self.basis @ self.basis.T) * root[None, :]


def weighted_fit(data: StudyData, tau2: float) -> WeightedFit:
    """Coefficients, their covariance and Q at a given tau², by an orthogonal decomposition (calendar years are ill-conditioned)."""
    weights = 1.0 / (data.vi + tau2)
    root = np.sqrt(weights)
    basis, triangle = np.linalg.qr(root[:, None] * data.design)
    inverse = np.linalg.inv(triangle)
    coefficients = inverse @ (basis.T @ (root * data.yi))
    residual = data.yi - data.design @ coefficients
    return WeightedFit(
        coefficients=coefficients,
        covariance=inverse @ inverse.T,
        weights=weights,
        q=float(np.sum(weights * residual**2)),
        basis=basis,
        log_determinant=2.0 * float(np.sum(np.log(np.abs(np.diag(triangle))))),
    )


def between_study_variance(data: StudyData, method: str) -> float:
    """Estimate tau² (never negative), in squared units of the outcome.

    Args:
        data: Studies and design with k > p.
        method: One of `METHODS`; 0 for the fixed-effect methods.

    Raises:
        SolverFailed: The likelihood has no maximum that the scoring steps or the bounded search reach.
    """
    if method in FIXED:
        return 0.0
    # Any unit of the outcome takes the same steps: variances are measured in their median.
    scale = float(np.median(data.vi))
    unit = math.sqrt(scale)
    shift = float(np.average(data.yi, weights=1.0 / data.vi))
    scaled = StudyData((data.yi - shift) / unit, data.vi / scale, data.design, data.names, data.labels)
    estimators: dict[str, Callable[[StudyData], float]] = {
        "DL": _dersimonian_laird,
        "HE": _hedges,
        "SJ": _sidik_jonkman,
        "PM": _paule_mandel,
        "ML": lambda studies: _likelihood(studies, restricted=False),
        "REML": lambda studies: _likelihood(studies, restricted=True),
    }
    return scale * max(0.0, estimators[method](scaled))


def q_profile(data: StudyData, level: float) -> tuple[float, float]:
    """Interval of tau² from Q(tau²), which falls from Q(0) to 0.

    A bound at which even tau² = 0 gives too small a Q is 0; if that holds for both, the interval is (0, 0): the outcomes agree better than
    their sampling variances allow.
    """
    from scipy import stats

    df = data.k - data.p
    beyond = (1.0 - level) / 2.0
    return (
        _root_of_q(data, float(stats.chi2.ppf(1.0 - beyond, df))),
        _root_of_q(data, float(stats.chi2.ppf(beyond, df))),
    )


def typical_variance(data: StudyData) -> float:
    """The sampling variance (k - p) / tr P(0) that stands for all studies in I² and H² (Higgins & Thompson 2002, doi:10.1002/sim.1186)."""
    return (data.k - data.p) / float(np.trace(weighted_fit(data, 0.0).projection))


def variance_standard_error(data: StudyData, tau2: float, method: str) -> float | None:
    """Standard error of tau² from the expected information of ML and REML; None for the other methods."""
    if method == "REML":
        projection = weighted_fit(data, tau2).projection
        return math.sqrt(2.0 / float(np.sum(projection**2)))
    if method == "ML":
        return math.sqrt(2.0 / float(np.sum(weighted_fit(data, tau2).weights ** 2)))
    return None


def log_likelihood(data: StudyData, tau2: float, *, restricted: bool) -> float:
    """Log-likelihood of tau² (restricted: of k - p error contrasts) at the best coefficients, with all its constants."""
    fit = weighted_fit(data, tau2)
    value = -0.5 * (data.k * math.log(2.0 * math.pi) - float(np.sum(np.log(fit.weights))) + fit.q)
    if not restricted:
        return value
    _, design = np.linalg.slogdet(data.design.T @ data.design)
    return value + 0.5 * (data.p * math.log(2.0 * math.pi) + float(design) - fit.log_determinant)


def _dersimonian_laird(data: StudyData) -> float:
    fit = weighted_fit(data, 0.0)
    return (fit.q - (data.k - data.p)) / float(np.trace(fit.projection))


def _hedges(data: StudyData) -> float:
    hat = data.design @ np.linalg.pinv(data.design)
    complement = np.eye(data.k) - hat
    return float((data.yi @ complement @ data.yi - np.diag(complement) @ data.vi) / (data.k - data.p))


def _sidik_jonkman(data: StudyData) -> float:
    start = float(np.var(data.yi))
    if start == 0.0:
        return 0.0
    return start * weighted_fit(data, start).q / (data.k - data.p)


def _paule_mandel(data: StudyData) -> float:
    return _root_of_q(data, float(data.k - data.p))


def _root_of_q(data: StudyData, target: float) -> float:
    """The tau² at which Q(tau²) equals the target; 0 if Q(0) does not reach it."""
    from scipy import optimize

    def excess(tau2: float) -> float:
        return weighted_fit(data, tau2).q - target

    if excess(0.0) <= 0.0:
        return 0.0
    upper = max(float(np.median(data.vi)), float(np.var(data.yi)))
    while excess(upper) > 0.0:
        upper *= 4.0
    found: Any = optimize.root_scalar(excess, bracket=(0.0, upper), method="brentq", xtol=1e-14 * upper, rtol=1e-14)
    return float(found.root)


def _likelihood(data: StudyData, *, restricted: bool) -> float:
    """Fisher scoring with step halving; a bounded search over tau² if that does not settle or ends below another summit."""
    scored = _scoring(data, restricted=restricted)
    searched = _bounded_search(data, restricted=restricted)
    if scored is None:
        scored = searched
    elif (
        log_likelihood(data, searched, restricted=restricted)
        > log_likelihood(data, scored, restricted=restricted) + 1e-8
    ):
        scored = _scoring(data, restricted=restricted, start=searched) or searched
    if not math.isfinite(scored) or not math.isfinite(log_likelihood(data, scored, restricted=restricted)):
        raise SolverFailed(
            f"the {'restricted ' if restricted else ''}likelihood of the variance between studies has no finite maximum",
            where="tau²",
            remedy="use the method PM or DL, and look at the outcomes: one may be far too large or a variance far too small",
        )
    return scored


def _scoring(data: StudyData, *, restricted: bool, start: float | None = None) -> float | None:
    tau2 = max(0.0, _hedges(data)) if start is None else start
    value = log_likelihood(data, tau2, restricted=restricted)
    for _ in range(_MOST_STEPS):
        fit = weighted_fit(data, tau2)
        projection = fit.projection
        pull = projection @ data.yi
        if restricted:
            score, information = pull @ pull - np.trace(projection), np.sum(projection**2)
        else:
            score, information = pull @ pull - np.sum(fit.weights), np.sum(fit.weights**2)
        step = float(score / information)
        for _ in range(_MOST_HALVINGS):
            proposal = max(0.0, tau2 + step)
            reached = log_likelihood(data, proposal, restricted=restricted)
            if reached >= value - 1e-13 * abs(value):
                break
            step *= 0.5
        else:
            return tau2
        moved = abs(proposal - tau2)
        tau2, value = proposal, reached
        if moved <= _STEP_TOLERANCE * (1.0 + tau2):
            return tau2
    return None


def _bounded_search(data: StudyData, *, restricted: bool) -> float:
    """Best of a grid from 0 to far above the variance of the outcomes, refined between its neighbours."""
    from scipy import optimize

    def loss(tau2: float) -> float:
        return -log_likelihood(data, tau2, restricted=restricted)

    top = 100.0 * (float(np.var(data.yi)) + float(np.max(data.vi)))
    grid = np.concatenate([[0.0], np.geomspace(1e-4 * float(np.min(data.vi)), top, 60)])
    best = int(np.argmin([loss(float(tau2)) for tau2 in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)])
    found: Any = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10 * high})
    refined = float(found.x)
    return refined if loss(refined) <= loss(float(grid[best])) else float(grid[best])
