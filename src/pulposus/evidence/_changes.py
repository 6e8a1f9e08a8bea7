"""Changes since baseline of every arm (clinical_model 2, rules 3 and 4).

A change is printed, or the difference of printed means, or a percentage of a baseline:

    change = x(t) - x(0), baseline from the same source where there is one
    SD of the change: printed, else sqrt(s0^2 + s1^2 - 2 r s0 s1), else the assumed one

Every candidate is kept; the preferred one is verified rather than recalled, printed rather than computed, primary rather than secondary.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._harmonise import Comparable, harmonise
from pulposus.evidence._records import Arm, Study
from pulposus.evidence._scales import percent_to_points, sd_of_change
from pulposus.parameters import ParameterSet, load_parameters

Spread = Literal["best", "assumed"]
"""best: the printed SD of the change, else that of both SDs, else the assumed one; assumed: one SD for every arm."""

PRINTED, DIFFERENCE, OF_BASELINE, OF_SISTER_ARMS = (
    "printed change",
    "difference of printed means",
    "percent of the printed baseline",
    "percent of the baseline of the other arms",
)
ASSUMED = "assumed"
_WAYS = (PRINTED, DIFFERENCE, OF_BASELINE, OF_SISTER_ARMS)


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One way to get the change of an arm.

    Attributes:
        change: Points of 100; negative is better.
        how: Printed, difference of means, or percentage of a baseline.
        rows: Rows it rests on.
    """

    change: float
    how: str
    rows: tuple[Comparable, ...]

    @property
    def preference(self) -> tuple[int, int, int]:
        """Smaller is better."""
        known, source = (max(row.preference[part] for row in self.rows) for part in (0, 1))
        return known, _WAYS.index(self.how), source

    @property
    def source(self) -> str:
        """Sources of the rows."""
        return "; ".join(dict.fromkeys(row.row.source for row in self.rows))

    @property
    def status(self) -> str:
        """Status of the least known row; a computed change of verified numbers is derived."""
        worst = max(self.rows, key=lambda row: row.preference[0]).row.status
        return "derived" if worst == "verified" and self.how != PRINTED else worst


@dataclasses.dataclass(frozen=True)
class ChangeScore:
    """The change of one arm at one time.

    Attributes:
        study: Its study.
        arm: Its arm.
        domain: What is measured.
        month: Months after the treatment.
        n: Patients at that time; None where nobody says.
        preferred: The change that is used.
        others: The other candidates, kept side by side.
        sd: Standard deviation of the change.
        spread: Where it comes from.
        flags: What a reader should know.
    """

    study: Study
    arm: Arm
    domain: str
    month: float
    n: int | None
    preferred: Candidate
    others: tuple[Candidate, ...]
    sd: float
    spread: str
    flags: tuple[str, ...]

    @property
    def change(self) -> float:
        """Points of 100; negative is better."""
        return self.preferred.change


def change_scores(
    base: EvidenceBase,
    domain: str = "back pain",
    *,
    correlation: float | None = None,
    spread: Spread = "best",
    derived_baselines: bool = False,
    whole_arms: bool = True,
    constants: ParameterSet | None = None,
) -> tuple[ChangeScore, ...]:
    """The change of every arm at every time.

    Args:
        base: The evidence.
        domain: `back pain` or `disability`.
        correlation: Of baseline and follow-up; that of the parameters where left out.
        spread: Which SD of the change.
        derived_baselines: Whether a percentage may use the baseline that other arms of the same trial imply.
        whole_arms: Leave out parts of arms (survivors, completers, post-hoc parts, crossover).
        constants: Parameters; the built-in ones where left out.
    """
    known = constants if constants is not None else load_parameters()
    r = known.value("evidence.change_correlation") if correlation is None else correlation
    assumed = known.value(f"evidence.assumed_sd_of_change.{domain.replace(' ', '_')}")
    found: list[ChangeScore] = []
    for (study_id, name), rows in _by_arm(harmonise(base), domain).items():
        arm, study = base.by_arm[study_id, name], base.by_study[study_id]
        if whole_arms and arm.analysis_set != "all":
            continue
        sister = _sister_baseline(base, study_id, domain) if derived_baselines else None
        for month in sorted({row.row.month for row in rows if row.row.month}):
            candidates = sorted(_candidates(rows, month, sister), key=lambda one: one.preference)
            if candidates:
                n, flags = _patients(rows, arm, month)
                sd, origin = _spread(rows, month, r, assumed, spread)
                flags += [flag for row in candidates[0].rows for flag in row.flags if not flag.startswith("percent of")]
                if candidates[0].how == OF_SISTER_ARMS:
                    flags.append("baseline derived from the other arms")
                found.append(
                    ChangeScore(
                        study,
                        arm,
                        domain,
                        month,
                        n,
                        candidates[0],
                        tuple(candidates[1:]),
                        sd,
                        origin,
                        tuple(dict.fromkeys(flags)),
                    )
                )
    return tuple(found)


def _by_arm(rows: Iterable[Comparable], domain: str) -> dict[tuple[str, str], list[Comparable]]:
    groups: dict[tuple[str, str], list[Comparable]] = defaultdict(list)
    for row in rows:
        if row.measure.domain == domain and row.value is not None:
            groups[row.row.study_id, row.row.arm].append(row)
    return groups


def _candidates(rows: list[Comparable], month: float, sister: float | None) -> Iterator[Candidate]:
    baselines = [row for row in rows if row.row.month == 0 and row.measure.form == "mean"]
    for row in rows:
        if row.row.month != month or row.value is None:
            continue
        form = row.measure.form
        if form == "change":
            yield Candidate(row.value, PRINTED, (row,))
        elif form == "mean" and baselines:
            before = _baseline_of(row, baselines)
            if before.value is not None:
                yield Candidate(row.value - before.value, DIFFERENCE, (before, row))
        elif form == "percent change" and baselines:
            before = _baseline_of(row, baselines)
            if before.value:
                yield Candidate(percent_to_points(row.value, before.value), OF_BASELINE, (before, row))
        elif form == "percent change" and sister is not None:
            yield Candidate(percent_to_points(row.value, sister), OF_SISTER_ARMS, (row,))


def _baseline_of(row: Comparable, baselines: list[Comparable]) -> Comparable:
    """The baseline of the same source, else the best-known one."""
    return min(baselines, key=lambda one: (one.row.source != row.row.source, one.preference))


def _sister_baseline(base: EvidenceBase, study_id: str, domain: str) -> float | None:
    """Mean baseline that arms imply which print a change both in points and in percent; randomised arms share it in expectation."""
    rows = [row for row in harmonise(base, base.rows_of(study_id)["outcomes"]) if row.measure.domain == domain]
    points = {(row.row.arm, row.row.month): row.value for row in rows if row.measure.form == "change"}
    implied = [
        100.0 * change / row.value
        for row in rows
        if row.measure.form == "percent change" and row.value
        for change in [points.get((row.row.arm, row.row.month))]
        if change is not None
    ]
    randomised = base.by_study[study_id].allocation == "randomised"
    return sum(implied) / len(implied) if implied and randomised else None


def _patients(rows: list[Comparable], arm: Arm, month: float) -> tuple[int | None, list[str]]:
    at_time = [row.row.n for row in rows if row.row.month == month and row.row.n is not None]
    if at_time:
        return min(at_time), []
    at_start = [row.row.n for row in rows if row.row.month == 0 and row.row.n is not None]
    number = min(at_start) if at_start else arm.n
    return number, ["n of the baseline"] if number is not None else ["n not printed"]


def _spread(
    rows: list[Comparable], month: float, correlation: float, assumed: float, spread: Spread
) -> tuple[float, str]:
    if spread == "best":
        printed = [row for row in rows if row.row.month == month and row.measure.form == "change" and row.sd]
        if printed:
            best = min(printed, key=lambda row: row.preference)
            if best.sd is not None:
                return best.sd, best.sd_origin
        ends = [
            [row for row in rows if row.row.month == time and row.measure.form == "mean" and row.sd]
            for time in (0.0, month)
        ]
        if all(ends):
            first, last = (min(found, key=lambda row: row.preference) for found in ends)
            if first.sd is not None and last.sd is not None:
                recalled = ", recalled" if "recalled" in (first.row.status, last.row.status) else ""
                return sd_of_change(first.sd, last.sd, correlation), f"from both SDs with r = {correlation:g}{recalled}"
    return assumed, ASSUMED
