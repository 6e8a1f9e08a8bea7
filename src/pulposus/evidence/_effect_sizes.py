"""Outcomes of measurements: mean change, mean difference, standardised differences, each with its sampling variance.

    mean change              after - before               (s0² + s1² - 2 r s0 s1) / n
    mean difference          m1 - m2                      s1²/n1 + s2²/n2, with a pooled s² (1/n1 + 1/n2)
    Hedges g                 J(n1 + n2 - 2) (m1 - m2) / s    1/n1 + 1/n2 + g² / (2 (n1 + n2))
    standardised change      J(n - 1) (after - before) / s0  2 (1 - r) / n + g² / (2 n)

with J(m) = Gamma(m/2) / (sqrt(m/2) Gamma((m-1)/2)), Hedges 1981, doi:10.3102/10769986006002107. Definitions are those of metafor's
`escalc` (MC, MD, SMD with variance "LS", SMCR), whose printed values the tests replay; written here because no maintained Python package
covers the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pulposus.errors import InvalidInput
from pulposus.evidence._study_data import FloatArray, column, study_labels

_TWO_GROUPS = ("mean_1", "sd_1", "n_1", "mean_2", "sd_2", "n_2")


@dataclass(frozen=True)
class EffectSizes:
    """Outcomes on one scale.

    Attributes:
        measure: What the outcomes are, in words.
        yi: Outcomes, shape (k,).
        vi: Sampling variances, shape (k,).
        ni: Total sample sizes, shape (k,).
        labels: Names of the studies.
        corrected: Studies to whose cells a continuity correction was added, shape (k,).
        uninformative: Studies without any event, or with events in everyone, in both arms: their ratio rests on the correction alone,
            shape (k,).
    """

    measure: str
    yi: FloatArray
    vi: FloatArray
    ni: FloatArray
    labels: tuple[str, ...]
    corrected: NDArray[np.bool_]
    uninformative: NDArray[np.bool_]

    def informative(self) -> EffectSizes:
        """Without the studies that have no event in either arm."""
        keep = ~self.uninformative
        return EffectSizes(
            self.measure,
            self.yi[keep],
            self.vi[keep],
            self.ni[keep],
            tuple(label for label, kept in zip(self.labels, keep, strict=True) if kept),
            self.corrected[keep],
            self.uninformative[keep],
        )


def mean_change(
    before: ArrayLike,
    after: ArrayLike,
    sd_before: ArrayLike,
    sd_after: ArrayLike,
    n: ArrayLike,
    correlation: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
) -> EffectSizes:
    """Change of one group, after minus before, with an assumed or known correlation of the two."""
    m0, m1, s0, s1, size = columns(
        ("before", before), ("after", after), ("sd_before", sd_before), ("sd_after", sd_after), ("n", n)
    )
    names = study_labels(labels, m0.size)
    r = _correlations(correlation, m0.size, names)
    require_sizes(size, names, "n", least=1.0)
    _require_sd(s0, names, "sd_before")
    _require_sd(s1, names, "sd_after")
    return effects("mean change", m1 - m0, (s0**2 + s1**2 - 2.0 * r * s0 * s1) / size, size, names)


def mean_difference(
    mean_1: ArrayLike,
    sd_1: ArrayLike,
    n_1: ArrayLike,
    mean_2: ArrayLike,
    sd_2: ArrayLike,
    n_2: ArrayLike,
    *,
    pooled: bool = False,
    labels: Sequence[str] | None = None,
) -> EffectSizes:
    """Difference of two groups, first minus second; `pooled` uses one standard deviation for both."""
    m1, s1, n1, m2, s2, n2, names = _two_groups((mean_1, sd_1, n_1, mean_2, sd_2, n_2), labels)
    if pooled:
        require_sizes(n1 + n2, names, "n_1 + n_2", least=3.0)
        variance = _pooled_sd(s1, n1, s2, n2) ** 2 * (1.0 / n1 + 1.0 / n2)
    else:
        variance = s1**2 / n1 + s2**2 / n2
    return effects("mean difference", m1 - m2, variance, n1 + n2, names)


def hedges_g(
    mean_1: ArrayLike,
    sd_1: ArrayLike,
    n_1: ArrayLike,
    mean_2: ArrayLike,
    sd_2: ArrayLike,
    n_2: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
) -> EffectSizes:
    """Standardised mean difference with the exact small-sample factor."""
    m1, s1, n1, m2, s2, n2, names = _two_groups((mean_1, sd_1, n_1, mean_2, sd_2, n_2), labels)
    require_sizes(n1 + n2, names, "n_1 + n_2", least=4.0)
    g = _small_sample_factor(n1 + n2 - 2.0) * (m1 - m2) / _pooled_sd(s1, n1, s2, n2)
    return effects(
        "standardised mean difference (Hedges g)", g, 1.0 / n1 + 1.0 / n2 + g**2 / (2.0 * (n1 + n2)), n1 + n2, names
    )


def standardised_mean_change(
    before: ArrayLike,
    after: ArrayLike,
    sd_before: ArrayLike,
    n: ArrayLike,
    correlation: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
) -> EffectSizes:
    """Change of one group in standard deviations before the treatment."""
    m0, m1, s0, size = columns(("before", before), ("after", after), ("sd_before", sd_before), ("n", n))
    names = study_labels(labels, m0.size)
    r = _correlations(correlation, m0.size, names)
    require_sizes(size, names, "n", least=3.0)
    _require_sd(s0, names, "sd_before")
    g = _small_sample_factor(size - 1.0) * (m1 - m0) / s0
    return effects("standardised mean change", g, 2.0 * (1.0 - r) / size + g**2 / (2.0 * size), size, names)


def _small_sample_factor(m: FloatArray) -> FloatArray:
    from scipy import special

    return np.exp(special.gammaln(0.5 * m) - 0.5 * np.log(0.5 * m) - special.gammaln(0.5 * (m - 1.0)))


def _pooled_sd(s1: FloatArray, n1: FloatArray, s2: FloatArray, n2: FloatArray) -> FloatArray:
    return np.sqrt(((n1 - 1.0) * s1**2 + (n2 - 1.0) * s2**2) / (n1 + n2 - 2.0))


def effects(measure: str, yi: FloatArray, vi: FloatArray, ni: FloatArray, labels: tuple[str, ...]) -> EffectSizes:
    none = np.zeros(yi.size, dtype=bool)
    return EffectSizes(measure, yi, vi, ni, labels, none, none)


def columns(*given: tuple[str, ArrayLike]) -> list[FloatArray]:
    arrays = [column(values, name) for name, values in given]
    for (name, _), array in zip(given, arrays, strict=True):
        if array.size != arrays[0].size:
            raise InvalidInput(
                f"{name} has {array.size} values, {given[0][0]} has {arrays[0].size}",
                where=name,
                allowed="one value per study",
            )
        if not np.all(np.isfinite(array)):
            raise InvalidInput(f"{name} holds a missing value", where=name, allowed="finite numbers")
    return arrays


def _two_groups(
    given: Sequence[ArrayLike], labels: Sequence[str] | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, tuple[str, ...]]:
    m1, s1, n1, m2, s2, n2 = columns(*zip(_TWO_GROUPS, given, strict=True))
    names = study_labels(labels, m1.size)
    for size, name in ((n1, "n_1"), (n2, "n_2")):
        require_sizes(size, names, name, least=1.0)
    for sd, name in ((s1, "sd_1"), (s2, "sd_2")):
        _require_sd(sd, names, name)
    return m1, s1, n1, m2, s2, n2, names


def require_sizes(n: FloatArray, labels: Sequence[str], name: str, *, least: float) -> None:
    for label, size in zip(labels, n, strict=True):
        if size < least:
            raise InvalidInput(f"{name} of {label} is {size:g}", where=label, allowed=f"at least {least:g}")


def _require_sd(sd: FloatArray, labels: Sequence[str], name: str) -> None:
    for label, value in zip(labels, sd, strict=True):
        if value <= 0.0:
            raise InvalidInput(
                f"{name} of {label} is {value:g}",
                where=label,
                allowed="a standard deviation above 0 (not a standard error)",
                remedy="SD = SE sqrt(n)",
            )


def _correlations(correlation: ArrayLike, k: int, labels: Sequence[str]) -> FloatArray:
    r = np.asarray(correlation, dtype=np.float64)
    values = np.full(k, float(r)) if r.ndim == 0 else column(r, "correlation")
    if values.size != k:
        raise InvalidInput(
            f"{values.size} correlations for {k} studies", where="correlation", allowed="one, or one per study"
        )
    for label, value in zip(labels, values, strict=True):
        if not -1.0 < value < 1.0:
            raise InvalidInput(f"the correlation of {label} is {value:g}", where=label, allowed="between -1 and 1")
    return values
