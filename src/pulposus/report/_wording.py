"""Numbers and times as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

DAYS_PER_MONTH = 30.4375


def number(value: Any, digits: int = 3) -> str:
    """A measured number with a few significant digits; text passes through, a missing value becomes an en dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    value = float(value)
    if not math.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    size = abs(value)
    if size >= 1e5 or size < 1e-3:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return f"{value:,.{decimals}f}"


def signed(value: float, digits: int = 3) -> str:
    """A difference with its sign."""
    return f"{'−' if value < 0.0 else '+' if value > 0.0 else '±'}{number(abs(value), digits)}"


# Two runs that mean the same differ by the rounding of their sums.
_ROUNDING = 1e-12


def difference(value: float, other: float) -> str:
    """The first less the second, with its sign; zero where only rounding is left."""
    change = value - other
    return signed(0.0 if abs(change) <= _ROUNDING * max(abs(value), abs(other)) else change)


def exact(value: Any) -> str:
    """A given number as it was given, without zeros that would claim a precision; text passes through."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(exact(part) for part in value)
    return number(value)


def quantity(text: str) -> str:
    """A quantity of a resolved protocol in the unit that people use: days become seconds, hours or months."""
    amount, _, unit = text.partition(" ")
    try:
        value = float(amount)
    except ValueError:
        return text
    if unit != "day":
        return f"{exact(value)} {unit}".strip()
    if value == 0.0 or value >= 1.0:
        months = value / DAYS_PER_MONTH
        if value > 0.0 and abs(months - round(months)) < 1e-6:
            return f"{round(months)} month"
        return f"{exact(value)} day"
    seconds = 86400.0 * value
    return f"{exact(round(seconds, 3))} s" if seconds < 3600.0 else f"{exact(round(seconds / 3600.0, 6))} hour"


def cells(count: float | None) -> str:
    """A number of cells: "4.93 million", "10 million", "12,400", "0"."""
    if count is None or not math.isfinite(count):
        return "–"
    size = abs(count)
    if size >= 1e6:
        return f"{_short(count / 1e6)} million"
    if size >= 1e3:
        return f"{float(f'{count:.3g}'):,.0f}"
    return f"{count:.0f}"


def _short(value: float) -> str:
    """Three digits; a whole number without its zeros."""
    return f"{value:,.0f}" if value.is_integer() else number(value)


def cells_in_common(counts: Sequence[float]) -> tuple[tuple[str, ...], str]:
    """Several numbers of cells in one unit: the texts and the unit."""
    if max(abs(count) for count in counts) < 1e6:
        return tuple(cells(count) for count in counts), "cells"
    return tuple(_short(round(count / 1e6, 3)) for count in counts), "million cells"


def share(value: float) -> str:
    """A fraction in percent."""
    return f"{number(100.0 * value, 2 if abs(value) < 0.1 else 3)} %"


def moment(day: float) -> str:
    """A time since injection: "6 h", "day 28", "day 365 (12 months)"; a time before it: "84 days before"."""
    if day < 0.0:
        return f"{exact(float(f'{-day:.4g}'))} days before"
    if day == 0.0:
        return "day 0"
    if day < 1.0:
        hours = 24.0 * day
        return f"{hours:.0f} h" if hours >= 1.0 else f"{60.0 * hours:.0f} min"
    name = f"day {exact(round(day, 1) if day < 10.0 else round(day))}"
    months = day / DAYS_PER_MONTH
    # Follow-up is stated in months; a stored time within a day of one is named so.
    if months >= 1.5 and abs(months - round(months)) * DAYS_PER_MONTH < 1.0:
        return f"{name} ({round(months)} months)"
    return name


def ensemble_name(level: str, members: int) -> str:
    """Label of an ensemble's interval, such as "axial slab ensemble (level 1), 64 members"."""
    name, separator, rest = level.partition(" (")
    return f"{name} ensemble{separator}{rest}, {members} members"
