"""Published analyses, replayed to the digits that are printed there: their data, and what counts as the printed value.

Every test beside this module names the page on which its numbers stand. Data: `tests/evidence/data`, with their sources in its README. The
tolerance is half a unit of the last printed digit. metafor stops its likelihood searches when tau² moves by less than 1e-5, ours go on to
the summit; where that shows in a printed digit, the test allows what tau² +- 1e-5 changes and says so. Its Q-profile bounds come from R's
`uniroot` with the tolerance eps^(1/4) = 1.2e-4, which is allowed for them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pulposus.evidence._effect_sizes import EffectSizes
from pulposus.evidence._event_sizes import log_odds_ratio, log_risk_ratio
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._meta_result import MetaResult

DATA = Path(__file__).parents[1] / "data"
METAFOR_STOPS = 1e-5
UNIROOT_STOPS = 1.3e-4


class Table:
    """A CSV file by columns."""

    def __init__(self, name: str) -> None:
        with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))

    def text(self, column: str) -> list[str]:
        return [row[column] for row in self.rows]

    def number(self, column: str) -> np.ndarray:
        return np.array([float(row[column]) for row in self.rows])


def printed(value: float | None, text: str, slack: float = 0.0) -> None:
    """The value rounds to the printed text, up to `slack`."""
    assert value is not None
    decimals = len(text.partition(".")[2])
    assert abs(value - float(text)) <= 0.5 * 10.0**-decimals * (1.0 + 1e-9) + slack, (
        f"{value!r} is not printed as {text}"
    )


def all_printed(values: Sequence[float | None] | np.ndarray, texts: str, slack: float = 0.0) -> None:
    """Each value rounds to its text."""
    for value, text in zip(values, texts.split(), strict=True):
        printed(None if value is None else float(value), text, slack)


def interval(result: MetaResult, show: Callable[[float], float] = float) -> list[float]:
    """Estimate and interval of a pool, on the scale that is shown."""
    return [show(result.estimate), show(result.ci_low), show(result.ci_high)]


def bcg() -> EffectSizes:
    """Log risk ratios of the BCG trials."""
    table = Table("colditz1994")
    a, b, c, d = (table.number(name) for name in ("tpos", "tneg", "cpos", "cneg"))
    return log_risk_ratio(a, a + b, c, c + d, labels=[f"{row['author']} {row['year']}" for row in table.rows])


def bcg_odds() -> EffectSizes:
    """Log odds ratios of the BCG trials."""
    table = Table("colditz1994")
    a, b, c, d = (table.number(name) for name in ("tpos", "tneg", "cpos", "cneg"))
    return log_odds_ratio(a, a + b, c, c + d)


def hypericum() -> tuple[EffectSizes, dict[str, np.ndarray]]:
    """Log risk ratios and moderators of Viechtbauer 2007: weekly dose in g less 34, baseline score less 20, their product."""
    table = Table("linde2005")
    effects = log_risk_ratio(*(table.number(name) for name in ("events1", "n1", "events2", "n2")))
    dosage = table.number("dosage") * 7.0 / 1000.0 * table.number("duration") - 34.0
    baseline = table.number("baseline") - 20.0
    return effects, {"dosage": dosage, "baseline": baseline, "both": dosage * baseline}


def magnesium(*, without_the_largest: bool) -> tuple[MetaResult, np.ndarray]:
    """Pool and sample sizes of the magnesium trials (Egger 2001)."""
    table = Table("egger2001")
    columns = [table.number(name)[: 15 if without_the_largest else 16] for name in ("events1", "n1", "events2", "n2")]
    effects = log_odds_ratio(*columns)
    assert effects.corrected.sum() == 1
    return meta_analysis(effects.yi, effects.vi, test="z"), effects.ni
