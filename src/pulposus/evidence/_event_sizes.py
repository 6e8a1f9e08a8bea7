"""Outcomes of events: log odds ratio, log risk ratio, risk difference, proportions and their inverses, each with its sampling variance.

    log odds ratio           ln(a d / (b c))              1/a + 1/b + 1/c + 1/d
    log risk ratio           ln(a/n1) - ln(c/n2)          1/a - 1/n1 + 1/c - 1/n2
    risk difference          a/n1 - c/n2                  p1 (1 - p1)/n1 + p2 (1 - p2)/n2
    logit of a proportion    ln(x / y)                    1/x + 1/y
    proportion               x/n                          p (1 - p)/n
    Freeman-Tukey            (asin sqrt(x/(n+1)) + asin sqrt((x+1)/(n+1))) / 2      1 / (4 n + 2)

for a events and b others of n1 = a + b against c and d of n2 = c + d, or x events and y others of n = x + y. A measure is written as the
law of its cells; a study with an empty cell gets a continuity correction in all its cells, 0.5 unless another is given, and is flagged.
Freeman & Tukey 1950, doi:10.1214/aoms/1177729756; its inverse: Miller 1978, doi:10.1080/00031305.1978.10479283. Definitions and defaults
are those of metafor's `escalc` (OR, RR, RD, PLO, PR, PFT), whose printed values the tests replay; written here because no maintained Python
package covers the list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pulposus.errors import InvalidInput
from pulposus.evidence._effect_sizes import EffectSizes, columns, effects, require_sizes
from pulposus.evidence._study_data import FloatArray, column, study_labels

CORRECTION = 0.5

Effects = tuple[FloatArray, FloatArray]
"""Outcomes of k studies and their sampling variances."""


def _of_two_groups(measure: str):
    """Turn outcome and variance of the cells a, b | c, d (events and others of both groups) into effect sizes of k studies."""

    def decorate(law: Callable[[FloatArray, FloatArray, FloatArray, FloatArray], Effects]):
        def effect_sizes(
            events_1: ArrayLike,
            n_1: ArrayLike,
            events_2: ArrayLike,
            n_2: ArrayLike,
            *,
            correction: float = CORRECTION,
            labels: Sequence[str] | None = None,
        ) -> EffectSizes:
            a, n1, c, n2 = columns(("events_1", events_1), ("n_1", n_1), ("events_2", events_2), ("n_2", n_2))
            names = study_labels(labels, a.size)
            _require_counts(a, n1, names)
            _require_counts(c, n2, names)
            b, d = n1 - a, n2 - c
            empty = (a == 0.0) | (b == 0.0) | (c == 0.0) | (d == 0.0)
            uninformative = ((a == 0.0) & (c == 0.0)) | ((b == 0.0) & (d == 0.0))
            value, variance = law(*_corrected((a, b, c, d), empty, correction, names))
            return EffectSizes(measure, value, variance, n1 + n2, names, empty, uninformative)

        _name_after(law, effect_sizes)
        return effect_sizes

    return decorate


def _of_one_group(measure: str):
    """Turn outcome and variance of the cells x, y (events and others of one group) into effect sizes of k studies."""

    def decorate(law: Callable[[FloatArray, FloatArray], Effects]):
        def effect_sizes(
            events: ArrayLike, n: ArrayLike, *, correction: float = CORRECTION, labels: Sequence[str] | None = None
        ) -> EffectSizes:
            x, size, names = _one_group(events, n, labels)
            empty = (x == 0.0) | (x == size)
            value, variance = law(*_corrected((x, size - x), empty, correction, names))
            return EffectSizes(measure, value, variance, size, names, empty, np.zeros(x.size, dtype=bool))

        _name_after(law, effect_sizes)
        return effect_sizes

    return decorate


def _name_after(law: Callable[..., Effects], made: Callable[..., EffectSizes]) -> None:
    """Name and describe a function as its law, whose arguments it does not have."""
    for attribute in ("__name__", "__qualname__", "__doc__"):
        setattr(made, attribute, getattr(law, attribute))


@_of_two_groups("log odds ratio")
def log_odds_ratio(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> Effects:
    """Log odds ratio of two groups; `correction` is added to all four cells of a study that has an empty one."""
    return np.log(a * d / (b * c)), 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d


@_of_two_groups("log risk ratio")
def log_risk_ratio(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> Effects:
    """Log risk ratio of two groups; `correction` is added to all four cells of a study that has an empty one."""
    n1, n2 = a + b, c + d
    return np.log(a / n1) - np.log(c / n2), 1.0 / a - 1.0 / n1 + 1.0 / c - 1.0 / n2


@_of_two_groups("risk difference")
def risk_difference(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> Effects:
    """Difference of two risks; `correction` is added to all four cells of a study that has an empty one, so its variance is not 0."""
    n1, n2 = a + b, c + d
    p1, p2 = a / n1, c / n2
    return p1 - p2, p1 * (1.0 - p1) / n1 + p2 * (1.0 - p2) / n2


@_of_one_group("logit of a proportion")
def logit_proportion(x: FloatArray, y: FloatArray) -> Effects:
    """Log odds of one group; `correction` is added to both cells of a study without events or with events in everyone."""
    return np.log(x / y), 1.0 / x + 1.0 / y


@_of_one_group("proportion")
def raw_proportion(x: FloatArray, y: FloatArray) -> Effects:
    """Proportion of one group as it is; symmetric intervals may leave 0-1, so the logit is the better scale."""
    n = x + y
    p = x / n
    return p, p * (1.0 - p) / n


def freeman_tukey_proportion(events: ArrayLike, n: ArrayLike, *, labels: Sequence[str] | None = None) -> EffectSizes:
    """Double arcsine of one group: needs no correction for empty cells.

    Its inverse depends on a sample size, so a pooled value has no unique proportion: Röver & Friede 2022, doi:10.1002/jrsm.1591, advise
    against it; prefer the logit and use this one to compare with published pools.
    """
    x, size, names = _one_group(events, n, labels)
    value = 0.5 * (np.arcsin(np.sqrt(x / (size + 1.0))) + np.arcsin(np.sqrt((x + 1.0) / (size + 1.0))))
    return effects("Freeman-Tukey double arcsine", value, 1.0 / (4.0 * size + 2.0), size, names)


def inverse_logit(value: ArrayLike) -> FloatArray:
    """Proportion of a log odds."""
    from scipy import special

    return np.asarray(special.expit(np.asarray(value, dtype=np.float64)))


def inverse_freeman_tukey(value: ArrayLike, n: ArrayLike) -> FloatArray:
    """Proportion of a double arcsine at a sample size (for a pooled value: the harmonic mean of the sizes, Miller 1978).

    Values beyond those of 0 and n events give the proportions 0 and 1.
    """
    y, size = np.broadcast_arrays(np.asarray(value, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not np.all(size > 0.0):
        raise InvalidInput("a sample size is not positive", where="n", allowed="sample sizes above 0")
    low = 0.5 * np.arcsin(np.sqrt(1.0 / (size + 1.0)))
    high = 0.5 * (np.arcsin(np.sqrt(size / (size + 1.0))) + 0.5 * math.pi)
    inside = np.clip(y, low, high)
    sine = np.sin(2.0 * inside)
    root = np.sqrt(np.maximum(0.0, 1.0 - (sine + (sine - 1.0 / sine) / size) ** 2))
    share = 0.5 * (1.0 - np.sign(np.cos(2.0 * inside)) * root)
    return np.where(y <= low, 0.0, np.where(y >= high, 1.0, share))


def harmonic_mean(n: ArrayLike) -> float:
    """Harmonic mean of sample sizes."""
    sizes = column(n, "n")
    if sizes.size == 0 or not np.all(sizes > 0.0):
        raise InvalidInput("a sample size is not positive", where="n", allowed="sample sizes above 0")
    return float(sizes.size / np.sum(1.0 / sizes))


def _one_group(
    events: ArrayLike, n: ArrayLike, labels: Sequence[str] | None
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    x, size = columns(("events", events), ("n", n))
    names = study_labels(labels, x.size)
    _require_counts(x, size, names)
    return x, size, names


def _corrected(
    cells: Sequence[FloatArray], empty: NDArray[np.bool_], correction: float, labels: Sequence[str]
) -> list[FloatArray]:
    """The cells, with the continuity correction added to all cells of the studies that have an empty one."""
    if not math.isfinite(correction) or correction < 0.0:
        raise InvalidInput(
            f"the continuity correction is {correction}", where="correction", allowed="0 or more, such as 0.5"
        )
    if correction == 0.0 and np.any(empty):
        first = labels[int(np.argmax(empty))]
        raise InvalidInput(
            f"{first} has an empty cell and the continuity correction is 0",
            where=first,
            allowed="a correction above 0 for studies with empty cells",
            remedy="give a correction such as 0.5, or leave the study out",
        )
    return [cell + correction * empty for cell in cells]


def _require_counts(x: FloatArray, n: FloatArray, labels: Sequence[str]) -> None:
    require_sizes(n, labels, "n", least=1.0)
    for label, events, size in zip(labels, x, n, strict=True):
        if not 0.0 <= events <= size:
            raise InvalidInput(f"{label} has {events:g} events in {size:g}", where=label, allowed="0 to n events")
