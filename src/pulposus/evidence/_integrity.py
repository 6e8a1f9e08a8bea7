"""Checks of an evidence base, shipped or a user's (clinical_model 2): what cannot be, what looks wrong, what disagrees.

`error`: the tables contradict themselves and must not be used. `warning`: a number that looks wrong, kept as printed. Where two sources
disagree both are kept: see `_conflicts`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from pulposus.documents import nearest
from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._finding import Finding, place
from pulposus.evidence._harmonise import OTHER
from pulposus.evidence._number_checks import counts, percentages, scale_bounds, spreads
from pulposus.evidence._record_fields import slug
from pulposus.parameters import ParameterSet, load_parameters


def check_evidence(base: EvidenceBase, constants: ParameterSet | None = None) -> tuple[Finding, ...]:
    """Run every check; errors first."""
    known = constants if constants is not None else load_parameters()
    found = [finding for check in CHECKS.values() for finding in check(base, known)]
    return tuple(sorted(found, key=lambda one: one.severity))


def require_sound(base: EvidenceBase, name: str = "the evidence base") -> tuple[Finding, ...]:
    """The warnings of a base without errors.

    Raises:
        InvalidDocument: A check found an error; holds every one.
    """
    findings = check_evidence(base)
    errors = [one for one in findings if one.severity == "error"]
    if errors:
        problems = [InvalidInput(one.what, where=one.where, remedy=one.remedy) for one in errors]
        raise InvalidDocument(name, problems)
    return findings


def _doubled_names(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """Two rows with one name."""
    for table, key in (
        ("studies", lambda row: row.study_id),
        ("arms", lambda row: (row.study_id, row.arm)),
        ("animal_studies", lambda row: row.study_id),
        ("measures", lambda row: row.outcome),
        ("claims", lambda row: row.claim),
    ):
        seen: set[Any] = set()
        for row in getattr(base, table):
            name = key(row)
            if name in seen:
                text = ", ".join(name) if isinstance(name, tuple) else name
                yield Finding(
                    "doubled names", "error", f"{table}: {text}", f'"{text}" stands twice', "keep one of the two"
                )
            seen.add(name)


def _orphans(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """Clinical rows of a study, an arm, a parent or a measure that is not there."""
    studies = base.by_study
    for row in base.arms:
        if row.study_id not in studies:
            yield _orphan(f"arms: {row.study_id}, {row.arm}", "study", row.study_id, studies)
        elif row.parent and (row.study_id, row.parent) not in base.by_arm:
            names = [arm.arm for arm in base.rows_of(row.study_id)["arms"]]
            yield _orphan(f"arms: {row.study_id}, {row.arm}", "parent arm", row.parent, names)
    for row in (*base.outcomes, *base.adverse_events):
        if row.study_id not in studies:
            yield _orphan(place(row), "study", row.study_id, studies)
        elif (row.study_id, row.arm) not in base.by_arm:
            names = [arm.arm for arm in base.rows_of(row.study_id)["arms"]]
            yield _orphan(place(row), "arm", row.arm, names)
    for row in base.outcomes:
        if row.outcome not in base.by_measure and not row.outcome.startswith(OTHER):
            yield _orphan(place(row), "measure", row.outcome, base.by_measure)
    for study in base.studies:
        if study.part_of and study.part_of not in studies:
            yield _orphan(f"studies: {study.study_id}", "study", study.part_of, studies)


def _other_orphans(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """Other rows of a study that is not there."""
    studies, animals = base.by_study, {row.study_id for row in base.animal_studies}
    for row in base.animal_outcomes:
        if row.study_id not in animals:
            yield _orphan(f"animal_outcomes: {row.study_id}, {row.outcome}", "animal study", row.study_id, animals)
    for row in (*base.disagreements, *base.statements):
        if row.study_id not in studies:
            yield _orphan(f"{type(row).__name__.lower()}s: {row.study_id}", "study", row.study_id, studies)
    for claim in base.claims:
        for name in claim.studies:
            if name not in studies and name not in animals:
                yield _orphan(f"claims: {claim.claim}", "study", name, {*studies, *animals})


def _orphan(where: str, kind: str, name: str, known: Any) -> Finding:
    remedy = nearest(name, known) or f"add the {kind}, or correct the name"
    return Finding("orphans", "error", where, f'the {kind} "{name}" is not there', remedy)


def _doubled_cohorts(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """Two studies with one DOI, PubMed number or registry number that are not said to be one cohort."""
    seen: dict[tuple[str, str], str] = {}
    for study in base.studies:
        keys = [("DOI", slug(study.doi))] if study.doi else []
        keys += [("PubMed number", study.pmid)] if study.pmid else []
        keys += [("registry number", number.upper()) for number in study.registry]
        for key in keys:
            other = seen.setdefault(key, study.study_id)
            known = base.by_study.get(other)
            if other != study.study_id and known is not None and known.cohort != study.cohort:
                yield Finding(
                    "doubled cohorts",
                    "error",
                    f"studies: {study.study_id}",
                    f"it has the {key[0]} of {other} ({key[1]}), so the patients may be counted twice",
                    f"set part_of to {known.cohort}, or correct the number",
                )


def _times(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """A visit after the end of the follow-up; a change at the baseline."""
    for row in base.outcomes:
        study, measure = base.by_study.get(row.study_id), base.by_measure.get(row.outcome)
        end = study.followup_months if study is not None else None
        if end is not None and row.month is not None and row.month > end:
            yield Finding("times", "error", place(row), f"the follow-up of {row.study_id} ends at {end:g} months")
        if measure is not None and measure.form in ("change", "percent change") and row.month == 0:
            yield Finding("times", "error", place(row), "a change at month 0")


def _same_twice(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """The same number from the same source twice."""
    seen: dict[Any, int] = defaultdict(int)
    for row in base.outcomes:
        key = (row.study_id, row.arm, row.outcome, row.month, row.source)
        seen[key] += 1
        if seen[key] == 2:
            yield Finding(
                "same twice", "error", place(row), f"two rows of {row.source}", "keep one, or name the other source"
            )


def _selective(base: EvidenceBase, _: ParameterSet) -> Iterator[Finding]:
    """Parts of an arm that leave out those who failed (rule 6)."""
    for arm in base.arms:
        if arm.analysis_set in ("survivors", "completers"):
            yield Finding(
                "survivors",
                "warning",
                f"arms: {arm.study_id}, {arm.arm}",
                "patients who left or were operated on are not in these numbers (survivor bias)",
                "they are left out of pools",
            )


CHECKS: dict[str, Callable[[EvidenceBase, ParameterSet], Iterator[Finding]]] = {
    "doubled names": _doubled_names,
    "orphans": _orphans,
    "orphans elsewhere": _other_orphans,
    "scale bounds": scale_bounds,
    "doubled cohorts": _doubled_cohorts,
    "spreads": spreads,
    "counts": counts,
    "percentages": percentages,
    "times": _times,
    "same twice": _same_twice,
    "survivors": _selective,
}
"""Every check by name."""
