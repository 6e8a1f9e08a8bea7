"""Checks of the numbers of an evidence base: scales, spreads, counts, percentages (clinical_model 2, rules 1 and 2)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._finding import Finding, place
from pulposus.evidence._records import AdverseEvent
from pulposus.evidence._scales import scale_width, sd_from_interval, spread_to_hundred
from pulposus.parameters import ParameterSet

_PERCENT_ROUNDING = 0.51  # a percentage printed without decimals is within half a point; a hundredth for the arithmetic
_SPREAD_DOMAINS = ("back pain", "disability")


def scale_bounds(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """Values outside their scale, values without a scale, spreads wider than the scale."""
    for row in base.outcomes:
        measure = base.by_measure.get(row.outcome)
        if measure is None or measure.form == "percent change":
            continue
        if row.scale_min is None or row.scale_max is None:
            if row.mean is not None and measure.form != "share":
                yield Finding(
                    "scale bounds", "warning", place(row), "the scale is not stated", "give scale_min and scale_max"
                )
            continue
        width = scale_width(row.scale_min, row.scale_max)
        low = row.scale_min if measure.form in ("mean", "share") else -width
        for name in ("mean", "median", "ci_low", "ci_high"):
            value = getattr(row, name)
            if value is not None and not low <= value <= row.scale_max:
                yield Finding(
                    "scale bounds",
                    "error" if name in ("mean", "median") else "warning",
                    place(row),
                    f"{name} {value:g} lies outside the scale {low:g} to {row.scale_max:g}",
                    "check the value and the scale (0 to 10, or 0 to 100)",
                )
        # The widest spread of values on a scale: half of them at either end.
        if row.sd is not None and row.sd > width * (0.5 if measure.form == "mean" else 1.0) * 1.05:
            yield Finding(
                "scale bounds", "error", place(row), f"an SD of {row.sd:g} is impossible on a scale of width {width:g}"
            )


def spreads(base: EvidenceBase, constants: ParameterSet) -> Iterator[Finding]:
    """A standard error printed as SD, an SD printed as a standard error, an interval that fits neither (rule 2)."""
    for row in base.outcomes:
        measure = base.by_measure.get(row.outcome)
        if measure is None or row.scale_min is None or row.scale_max is None:
            continue
        n = row.n or 0
        if row.sd is not None and row.se is not None and n > 0:
            expected = row.se * math.sqrt(n)
            if abs(expected - row.sd) > 0.05 * max(row.sd, expected):
                yield Finding(
                    "spreads",
                    "error",
                    place(row),
                    f"SD {row.sd:g} and SE {row.se:g} do not fit n = {n} (SE times the root of n is {expected:.3g})",
                    "keep the one that the source prints",
                )
        if measure.domain not in _SPREAD_DOMAINS or measure.form not in ("mean", "change"):
            continue
        plausible = constants[f"evidence.plausible_sd.{measure.domain.replace(' ', '_')}"]
        low, high = plausible.low or 0.0, plausible.high or math.inf
        if row.sd is not None and n > 1:
            sd = spread_to_hundred(row.sd, row.scale_min, row.scale_max)
            if sd < low <= sd * math.sqrt(n) <= high:
                yield Finding(
                    "spreads",
                    "warning",
                    place(row),
                    f"an SD of {sd:.3g} points with n = {n} looks like a standard error (SD would be {sd * math.sqrt(n):.3g})",
                    "write it as se if the source says SE, or does not say",
                )
        if row.se is not None and n > 1:
            sd = spread_to_hundred(row.se, row.scale_min, row.scale_max) * math.sqrt(n)
            if sd > high:
                yield Finding(
                    "spreads",
                    "warning",
                    place(row),
                    f"an SE of {row.se:g} with n = {n} gives an SD of {sd:.3g} points: it may be an SD",
                    "write it as sd if the source says SD",
                )
        if (
            row.sd is not None
            and row.ci_low is not None
            and row.ci_high is not None
            and n > 2
            and row.ci_high > row.ci_low
        ):
            implied = sd_from_interval(row.ci_low, row.ci_high, n)
            if not 0.8 <= implied / max(row.sd, 1e-12) <= 1.25:
                yield Finding(
                    "spreads",
                    "warning",
                    place(row),
                    f"the interval implies an SD of {implied:.3g}, printed is {row.sd:g}",
                    "see which of the two the source labels",
                )


def counts(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """More events than patients, more patients than the arm has, percentages that no count gives."""
    for row in (*base.outcomes, *base.adverse_events):
        arm = base.by_arm.get((row.study_id, row.arm))
        if row.events is not None and row.total is not None and row.events > row.total:
            yield Finding("counts", "error", place(row), f"{row.events} events in {row.total} patients")
        size = arm.n if arm is not None else None
        for name in ("n", "total"):
            number = getattr(row, name, None)
            if number is not None and size is not None and number > size:
                yield Finding(
                    "counts", "error", place(row), f"{name} {number} is more than the {size} patients of the arm"
                )
        if isinstance(row, AdverseEvent):
            if row.pct is not None and row.pct > 100.0:
                yield Finding("counts", "error", place(row), f"{row.pct:g} percent of patients")
            if row.pct is not None and row.events is not None and row.total:
                exact = 100.0 * row.events / row.total
                if abs(exact - row.pct) > _PERCENT_ROUNDING:
                    yield Finding(
                        "counts",
                        "error",
                        place(row),
                        f"{row.events} of {row.total} is {exact:.1f} percent, not {row.pct:g}",
                    )


def percentages(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """A percentage of responders that no whole number of the patients gives (the GRIM test; Brown & Heathers 2017)."""
    for row in base.outcomes:
        measure = base.by_measure.get(row.outcome)
        if measure is None or measure.form != "share" or row.mean is None or not row.n or row.events is not None:
            continue
        count = round(row.mean * row.n / 100.0)
        exact = 100.0 * count / row.n
        if abs(exact - row.mean) > _PERCENT_ROUNDING:
            yield Finding(
                "percentages",
                "warning",
                place(row),
                f"{row.mean:g} percent of {row.n} is no whole number of patients (nearest: {count}, {exact:.1f} percent)",
                "the denominator may be another",
            )
