"""Likelihood of the variances of random effects when the sampling covariance is known: its maximum and its profile.

    log L = -1/2 (k log 2 pi + log|M| + r'M^-1 r)                                        maximum likelihood
          + 1/2 (p log 2 pi + log|X'X| - log|X'M^-1 X|)                                  restricted
    slope = 1/2 (r'M^-1 dM M^-1 r - tr(P dM)), P = M^-1 (ML) or M^-1 - M^-1 X (X'M^-1 X)^-1 X'M^-1 (REML)

The search runs from several starts in units of the median sampling variance, so neither the unit of the outcome nor one bad start decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pulposus.errors import SolverFailed
from pulposus.evidence._covariance import Structure
from pulposus.evidence._study_data import FloatArray, StudyData

# Slope of the log-likelihood per median sampling variance that still counts as the summit.
_MOST_SLOPE = 1e-3


@dataclass(frozen=True)
class GeneralFit:
    """Generalised least squares at one covariance of the outcomes.

    Attributes:
        coefficients: b, shape (p,).
        covariance: (X'M^-1 X)^-1, shape (p, p).
        inverse: M^-1, shape (k, k).
        residual: y - X b, shape (k,).
        log_likelihood: log L.
    """

    coefficients: FloatArray
    covariance: FloatArray
    inverse: FloatArray
    residual: FloatArray
    log_likelihood: float


def general_fit(data: StudyData, covariance: FloatArray, *, restricted: bool) -> GeneralFit:
    """Generalised least squares at a given covariance of the outcomes, and its log-likelihood."""
    triangle = np.linalg.cholesky(covariance)
    inverse_triangle = np.linalg.inv(triangle)
    inverse = inverse_triangle.T @ inverse_triangle
    basis, upper = np.linalg.qr(inverse_triangle @ data.design)
    inverse_upper = np.linalg.inv(upper)
    coefficients = inverse_upper @ (basis.T @ (inverse_triangle @ data.yi))
    residual = data.yi - data.design @ coefficients
    value = -0.5 * (
        data.k * math.log(2.0 * math.pi)
        + 2.0 * float(np.sum(np.log(np.diag(triangle))))
        + float(residual @ inverse @ residual)
    )
    if restricted:
        _, design = np.linalg.slogdet(data.design.T @ data.design)
        value += 0.5 * (
            data.p * math.log(2.0 * math.pi) + float(design) - 2.0 * float(np.sum(np.log(np.abs(np.diag(upper)))))
        )
    return GeneralFit(coefficients, inverse_upper @ inverse_upper.T, inverse, residual, value)


def maximise(data: StudyData, known: FloatArray, structure: Structure, *, restricted: bool) -> FloatArray:
    """Best parameters of the random effects over several starts; the likelihood is measured in units of the median variance."""
    from scipy import optimize

    unit = float(np.median(np.diag(known)))

    def loss(scaled: FloatArray) -> tuple[float, FloatArray]:
        theta = scaled * structure.scale(unit)
        fit = general_fit(data, known + structure.covariance(theta), restricted=restricted)
        projection = fit.inverse
        if restricted:
            weighted = fit.inverse @ data.design
            projection = fit.inverse - weighted @ fit.covariance @ weighted.T
        pull = fit.inverse @ fit.residual
        gradient = np.array(
            [0.5 * (pull @ part @ pull - np.sum(projection * part)) for part in structure.derivatives(theta)]
        )
        return -fit.log_likelihood, -gradient * structure.scale(unit)

    best: Any = None
    for start in structure.starts():
        found = optimize.minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=structure.bounds(),
            options={"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9},
        )
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None or float(np.max(np.abs(_free_gradient(best, structure)), initial=0.0)) > _MOST_SLOPE:
        raise SolverFailed(
            "the likelihood of the variances between and within clusters has no maximum that the search reaches",
            where="variance components",
            remedy="pool one outcome per cluster, or look for an outcome that is far too large",
        )
    return best.x * structure.scale(unit)


def _free_gradient(found: Any, structure: Structure) -> FloatArray:
    """Slope at the end in the directions that no bound holds."""
    gradient = np.asarray(found.jac, dtype=np.float64)
    held = [
        low is not None and value <= low and slope > 0.0
        for (low, _), value, slope in zip(structure.bounds(), found.x, gradient, strict=True)
    ]
    return gradient[~np.array(held, dtype=bool)]


def profile_interval(
    data: StudyData,
    known: FloatArray,
    structure: Structure,
    theta: FloatArray,
    which: int,
    *,
    restricted: bool,
    level: float,
) -> tuple[float, float]:
    """Values of one variance at which the likelihood, maximised over the other, is within chi² / 2 of its maximum."""
    from scipy import optimize, stats

    best = general_fit(data, known + structure.covariance(theta), restricted=restricted).log_likelihood
    drop = 0.5 * float(stats.chi2.ppf(level, 1))
    unit = float(np.median(np.diag(known))) + float(np.sum(theta))

    def below(value: float) -> float:
        def loss(other: float) -> float:
            place = np.array([value, other] if which == 0 else [other, value])
            return -general_fit(data, known + structure.covariance(place), restricted=restricted).log_likelihood

        least = loss(0.0)
        for top in (unit, 20.0 * unit):
            found: Any = optimize.minimize_scalar(
                loss, bounds=(0.0, top), method="bounded", options={"xatol": 1e-9 * unit}
            )
            least = min(least, float(found.fun))
        return best - drop + least

    def crossing(low: float, high: float) -> float:
        found: Any = optimize.root_scalar(below, bracket=(low, high), method="brentq", xtol=1e-9 * unit)
        return float(found.root)

    estimate = float(theta[which])
    low = 0.0
    if estimate > 0.0 and below(0.0) > 0.0:
        low = crossing(0.0, estimate)
    high = estimate + unit
    while below(high) < 0.0:
        high *= 2.0
    return low, crossing(estimate, high)
