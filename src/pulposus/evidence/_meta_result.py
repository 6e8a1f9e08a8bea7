"""What a meta-analysis of k outcomes found, for people and as JSON, and the quantile of its tests.

Whatever is a share (I², R², weights) is in percent. `_meta` has the equations.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pulposus.evidence._study_data import FloatArray, StudyData

TESTS = ("z", "knha", "adhoc")


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of the model with its interval and test."""

    name: str
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    statistic: float
    p: float


@dataclass(frozen=True)
class MetaResult:
    """What a meta-analysis found; the single numbers are those of the first coefficient, the mean effect or intercept.

    Attributes:
        k: Number of studies.
        estimate: Mean effect (without moderators) or intercept, in units of the outcome.
        se: Its standard error.
        ci_low: Lower bound of its confidence interval.
        ci_high: Upper bound.
        statistic: z or t of the test against 0.
        p: Two-sided p value.
        df: Degrees of freedom of t; None with normal quantiles.
        tau2: (Residual) variance between studies, squared units of the outcome.
        tau2_se: Its standard error (ML and REML), else None.
        tau2_ci: Q-profile interval of tau²; None for fixed effects.
        i2: I² in percent.
        h2: H².
        q: Cochran's Q, with moderators the residual one.
        q_df: Its degrees of freedom, k - p.
        q_p: Its p value.
        prediction_low: Lower bound for the effect of a new study; None with fixed effects and with moderators (use `predict`).
        prediction_high: Upper bound.
        prediction_rule: How the prediction interval was made, in words.
        method: Estimator of tau², one of `METHODS`.
        test: One of `TESTS`.
        level: Level of all intervals, such as 0.95.
        weights: Weights of the studies in percent.
        coefficients: All coefficients, the intercept first.
        r2: Heterogeneity that the moderators account for, percent; None without moderators or where there was none.
        qm: Statistic of the test of all moderators: chi² on p - 1 with z, F on (p - 1, k - p) with knha; None without moderators.
        qm_df: Its degrees of freedom: (p - 1,) or (p - 1, k - p).
        qm_p: Its p value.
        notes: What a reader should know of these choices.
        data: The studies.
        covariance: Covariance of the coefficients, shape (p, p).
    """

    k: int
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    statistic: float
    p: float
    df: int | None
    tau2: float
    tau2_se: float | None
    tau2_ci: tuple[float, float] | None
    i2: float
    h2: float
    q: float
    q_df: int
    q_p: float
    prediction_low: float | None
    prediction_high: float | None
    prediction_rule: str
    method: str
    test: str
    level: float
    weights: tuple[float, ...]
    coefficients: tuple[Coefficient, ...]
    r2: float | None
    qm: float | None
    qm_df: tuple[int, ...]
    qm_p: float | None
    notes: tuple[str, ...]
    data: StudyData
    covariance: FloatArray

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the studies."""
        return self.data.labels

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, texts and lists for JSON, with the names of the attributes; labels instead of the data."""
        hidden = {"data", "covariance", "coefficients"}
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in hidden}
        coefficients = [{part.name: getattr(one, part.name) for part in fields(one)} for one in self.coefficients]
        lists = {name: list(value) for name, value in plain.items() if isinstance(value, tuple)}
        return {**plain, **lists, "coefficients": coefficients, "labels": list(self.labels)}


def quantile(test: str, df: float, level: float) -> float:
    """Two-sided quantile of the test: normal with z, t on df otherwise."""
    from scipy import stats

    beyond = 0.5 + 0.5 * level
    return float(stats.norm.ppf(beyond) if test == "z" else stats.t.ppf(beyond, df))
