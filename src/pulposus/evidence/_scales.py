"""Harmonisation of single numbers (clinical_model 2, rules 1 to 4): scales, spreads, changes, times.

x100 = 100 (x - low) / (high - low)           scales to 0-100; spreads and changes without the offset
SD = SE sqrt(n)                                rule 2
SD = sqrt(n) (upper - lower) / (2 t(n - 1))    interval of a mean
SD(change) = sqrt(s0^2 + s1^2 - 2 r s0 s1)     rule 3; no study prints r: 0.3, 0.5 and 0.7
month = 30.4375 day                            rule 1 prints weeks / 4.345; rulings 20 give 4.348
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pulposus.errors import InvalidInput
from pulposus.units import parse_quantity

HUNDRED = 100.0


@dataclass(frozen=True)
class Group:
    """Mean, SD and number of patients of a group."""

    n: int
    mean: float
    sd: float


def months(text: str) -> float:
    """A time such as "12 week" in months of 30.4375 days.

    Raises:
        InvalidInput: No time.
    """
    return parse_quantity(text, "day") / parse_quantity("1 month", "day")


def to_hundred(value: float, low: float, high: float, *, better: str = "lower") -> float:
    """A value of the scale low..high on 0-100 where a lower value is better.

    Raises:
        InvalidInput: The value lies outside its scale, or the scale has no width.
    """
    _require_scale(low, high)
    if not low <= value <= high:
        raise InvalidInput(f"{value:g} lies outside the scale", allowed=f"{low:g} to {high:g}")
    share = (value - low) / (high - low)
    return HUNDRED * (share if better == "lower" else 1.0 - share)


def change_to_hundred(change: float, low: float, high: float, *, better: str = "lower") -> float:
    """A change on the scale low..high in points of 100; negative is better.

    The scale of a change is written either as that of the value (0 to 10) or as that of the change itself (-10 to 10).

    Raises:
        InvalidInput: The change is larger than the scale.
    """
    width = scale_width(low, high)
    if abs(change) > width:
        raise InvalidInput(f"a change of {change:g} is larger than the scale", allowed=f"{-width:g} to {width:g}")
    return HUNDRED * change / width * (1.0 if better == "lower" else -1.0)


def spread_to_hundred(spread: float, low: float, high: float) -> float:
    """A standard deviation or error on the scale low..high in points of 100."""
    return HUNDRED * spread / scale_width(low, high)


def scale_width(low: float, high: float) -> float:
    """Largest possible change of a scale; -10 to 10 is the scale of a change of 0 to 10."""
    _require_scale(low, high)
    return high if low == -high else high - low


def sd_from_se(se: float, n: int) -> float:
    """Standard deviation of n values whose mean has the standard error `se`."""
    _require_patients(n, 1)
    return se * math.sqrt(n)


def sd_from_interval(low: float, high: float, n: int, level: float = 0.95) -> float:
    """Standard deviation of n values whose mean has the interval low..high, by Student's t."""
    from scipy import stats

    _require_patients(n, 2)
    if high <= low:
        raise InvalidInput("the interval has no width", allowed="a lower end below the upper end")
    return math.sqrt(n) * (high - low) / (2.0 * float(stats.t.ppf(0.5 + 0.5 * level, n - 1)))


def sd_of_change(before: float, after: float, correlation: float) -> float:
    """Standard deviation of the change of values with the standard deviations `before` and `after`.

    Raises:
        InvalidInput: A correlation outside -1 to 1, or a negative standard deviation.
    """
    if not -1.0 <= correlation <= 1.0:
        raise InvalidInput(f"a correlation of {correlation:g}", allowed="-1 to 1")
    if before < 0.0 or after < 0.0:
        raise InvalidInput("a standard deviation is negative", allowed="0 or more")
    # A perfect correlation of equal spreads leaves nothing, up to rounding.
    return math.sqrt(max(0.0, before**2 + after**2 - 2.0 * correlation * before * after))


def percent_to_points(percent: float, baseline: float) -> float:
    """A change in percent of a known baseline, in the points of the baseline (rule 4: without one it stays percent)."""
    if baseline <= 0.0:
        raise InvalidInput(f"a baseline of {baseline:g} has no percentages", allowed="above 0")
    return percent * baseline / HUNDRED


def combined(groups: Sequence[Group]) -> Group:
    """Several groups as one, with the mean and SD of all their patients (Cochrane Handbook 6.5.2.10).

    Raises:
        InvalidInput: No group, or one without patients.
    """
    if not groups:
        raise InvalidInput("no groups to combine", allowed="one or more")
    for group in groups:
        _require_patients(group.n, 1)
    n = sum(group.n for group in groups)
    mean = sum(group.n * group.mean for group in groups) / n
    if len(groups) == 1:
        return groups[0]
    squares = sum((group.n - 1) * group.sd**2 + group.n * (group.mean - mean) ** 2 for group in groups)
    return Group(n, mean, math.sqrt(squares / (n - 1)))


def _require_scale(low: float, high: float) -> None:
    if not low < high:
        raise InvalidInput(
            f"the scale {low:g} to {high:g} has no width", allowed="the low end first, such as 0 and 100"
        )


def _require_patients(n: int, least: int) -> None:
    if n < least:
        raise InvalidInput(f"{n} patients have no such spread", allowed=f"{least} or more")
