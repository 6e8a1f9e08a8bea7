"""Scales on which outcomes are shown: as they are, ratios of logarithms, proportions of log odds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pulposus.evidence._study_data import require_choice

SCALES = ("linear", "log", "logit")
_RATIOS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
_SHARES = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
_MOST_TICKS = 7


@dataclass(frozen=True)
class Scale:
    """How outcomes are shown.

    Attributes:
        name: `linear`, `log` (outcomes are logarithms, ratios are shown) or `logit` (outcomes are log odds, proportions are shown).
        decimals: Decimals of printed values.
    """

    name: str
    decimals: int

    def shown(self, value: float) -> float:
        """The value that people read."""
        if self.name == "log":
            return math.exp(value)
        return 1.0 / (1.0 + math.exp(-value)) if self.name == "logit" else value

    def text(self, value: float) -> str:
        """The value as text, with a real minus sign."""
        printed = f"{self.shown(value):.{self.decimals}f}"
        return (
            ("0" + printed[2:] if float(printed) == 0.0 else "−" + printed[1:]) if printed.startswith("-") else printed
        )

    def interval(self, estimate: float, low: float, high: float) -> str:
        """Estimate and interval as in metafor's forest plots."""
        return f"{self.text(estimate)} [{self.text(low)}, {self.text(high)}]"

    def ticks(self, low: float, high: float) -> tuple[list[float], list[str]]:
        """Places on the axis and what stands there."""
        if self.name == "linear":
            from matplotlib.ticker import MaxNLocator

            places = [
                float(tick) for tick in MaxNLocator(_MOST_TICKS - 1).tick_values(low, high) if low <= tick <= high
            ]
            return places, [f"{tick:g}".replace("-", "−") for tick in places]
        values = _RATIOS if self.name == "log" else _SHARES
        inverse = math.log if self.name == "log" else lambda share: math.log(share / (1.0 - share))
        inside = [value for value in values if low <= inverse(value) <= high]
        while len(inside) > _MOST_TICKS:
            inside = inside[::2]
        return [inverse(value) for value in inside], [f"{value:g}" for value in inside]


def scale(name: str, decimals: int) -> Scale:
    """A scale by its name."""
    require_choice(name, SCALES, "scale")
    return Scale(name, decimals)
