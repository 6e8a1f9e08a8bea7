"""The results section of a study record: participant flow, baseline, outcome measures, adverse events."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulposus.evidence._harmonise import OTHER
from pulposus.evidence._registry_words import instrument_of, month_of, months_in, number_in, scale_of

_INFECTIONS = re.compile(r"discitis|abscess|osteomyelitis|infection", re.IGNORECASE)
_SD, _SE, _INTERVAL = "standard deviation", "standard error", "95% confidence interval"


@dataclasses.dataclass(frozen=True)
class Group:
    """A group of the results."""

    title: str
    description: str
    n: int | None


@dataclasses.dataclass(frozen=True)
class Results:
    """What the results section says.

    Attributes:
        groups: Groups by title.
        outcomes: Fields of outcome rows.
        events: Fields of adverse-event rows.
        mean_age: Mean age of all.
        female_pct: Share of women.
        notes: What could not be placed.
    """

    groups: tuple[Group, ...]
    outcomes: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    mean_age: float | None
    female_pct: float | None
    notes: tuple[str, ...]


def read_results(section: Mapping[str, Any]) -> Results:
    """The results section, or empty results where there is none."""
    notes: list[str] = []
    flow = section.get("participantFlowModule", {})
    baseline = section.get("baselineCharacteristicsModule", {})
    measures = section.get("outcomeMeasuresModule", {}).get("outcomeMeasures", [])
    outcomes = [row for measure in measures for row in _measure_rows(measure, notes)]
    outcomes += [row for row in _baseline_rows(baseline, notes) if row["arm"].lower() != "total"]
    groups: dict[str, Group] = {}
    for group in _groups(flow, baseline, measures):
        known = groups.get(group.title.lower())
        if known is None or (known.n is None and group.n is not None):
            groups[group.title.lower()] = group
    events = tuple(_event_rows(section.get("adverseEventsModule", {})))
    used = {row["arm"].lower() for row in (*outcomes, *events)}
    for title in dict.fromkeys(row["arm"] for row in events):
        groups.setdefault(title.lower(), Group(title, "", None))
    age, female = _people(baseline)
    kept = tuple(group for name, group in groups.items() if name in used or group.n is not None)
    return Results(kept, tuple(outcomes), events, age, female, tuple(dict.fromkeys(notes)))


def _groups(flow: Mapping[str, Any], baseline: Mapping[str, Any], measures: list[Any]) -> Iterator[Group]:
    started: dict[str, int] = {}
    for period in flow.get("periods", [])[:1]:
        for milestone in period.get("milestones", []):
            if milestone.get("type") == "STARTED":
                for one in milestone.get("achievements", []):
                    number = number_in(one.get("numSubjects"))
                    if number is not None:
                        started[one["groupId"]] = int(number)
    for module in (flow, baseline, *measures):
        counts = started if module is flow else {}
        for group in module.get("groups", []):
            title = group.get("title", "")
            if title and title.lower() != "total":
                yield Group(title, group.get("description", ""), counts.get(group.get("id", "")))


def _measure_rows(measure: Mapping[str, Any], notes: list[str]) -> Iterator[dict[str, Any]]:
    title, unit = measure.get("title", ""), measure.get("unitOfMeasure", "")
    description = measure.get("description", "")
    named = _own_name(title) or instrument_of(title, unit, description)
    outcome = named or f"{OTHER}{title}"
    low, high, scale_note = scale_of(named, title, unit, description) if named else (None, None, "")
    if scale_note and low is None:
        notes.append(f'"{title}": {scale_note}')
    change = "change" in title.lower() or named.endswith("_change")
    kind_of_outcome = f"{measure['type'].lower()} outcome" if measure.get("type") else ""
    for part, category, value, n, arm in _cells(measure):
        month, problem = month_of(f"{part} {category}", measure.get("timeFrame", ""), change=change)
        if problem:
            notes.append(f'"{title}": {problem}')
        extra = " ".join(text for text in (part, category) if text and not months_in(text))
        row = {
            "arm": arm,
            "outcome": f"{outcome}, {extra}" if extra and not named else outcome,
            "scale_min": low,
            "scale_max": high,
            "month": month,
            "n": n,
            "note": "; ".join(text for text in (kind_of_outcome, unit, scale_note, extra) if text),
        }
        yield from _with_value(row, measure, value, notes)


def _own_name(title: str) -> str:
    """Name of a measure that the title begins with, as in records that this program writes."""
    from pulposus.evidence._base import load_evidence

    name = title.partition(":")[0]
    return name if name in load_evidence().by_measure else ""


def _cells(measure: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], int | None, str]]:
    """Every number of a measure with its class, category, participants and group."""
    titles = {group.get("id"): group.get("title", "") for group in measure.get("groups", [])}
    overall = _participants(measure.get("denoms", []))
    for block in measure.get("classes", []):
        counts = {**overall, **_participants(block.get("denoms", []))}
        for category in block.get("categories", []):
            for value in category.get("measurements", []):
                group = value.get("groupId", "")
                yield (
                    block.get("title", ""),
                    category.get("title", ""),
                    value,
                    counts.get(group),
                    titles.get(group, group),
                )


def _participants(denoms: list[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for denom in denoms:
        if denom.get("units", "Participants") == "Participants":
            for count in denom.get("counts", []):
                number = number_in(count.get("value"))
                if number is not None:
                    found[count["groupId"]] = int(number)
    return found


def _with_value(
    row: dict[str, Any], measure: Mapping[str, Any], value: Mapping[str, Any], notes: list[str]
) -> Iterator[dict[str, Any]]:
    """The row with its number and spread, each under the name that the record gives it (rule 2)."""
    number = number_in(value.get("value"))
    kind = measure.get("paramType", "")
    dispersion = measure.get("dispersionType", "").lower()
    if number is None:
        notes.append(
            f'"{measure.get("title", "")}": a value of {row["arm"]} is {value.get("value", "missing")}, left out'
        )
        return
    if kind == "COUNT_OF_PARTICIPANTS":
        yield {**row, "events": int(number), "total": row["n"], "scale_min": None, "scale_max": None}
        return
    if kind == "MEDIAN":
        yield {**row, "median": number}
        return
    if kind not in ("MEAN", "LEAST_SQUARES_MEAN", "NUMBER"):
        notes.append(f'"{measure.get("title", "")}": a {kind.lower().replace("_", " ")} is not placed')
        return
    spread = number_in(value.get("spread"))
    ends = number_in(value.get("lowerLimit")), number_in(value.get("upperLimit"))
    row = {**row, "mean": number}
    if dispersion == _SD:
        row["sd"] = spread
    elif dispersion.startswith(_SE):
        row["se"] = spread
    elif dispersion == _INTERVAL and None not in ends:
        row["ci_low"], row["ci_high"] = ends
    elif spread is not None or None not in ends:
        notes.append(f'"{measure.get("title", "")}": a spread of the kind "{dispersion or "not stated"}" is not placed')
    yield row


def _baseline_rows(module: Mapping[str, Any], notes: list[str]) -> Iterator[dict[str, Any]]:
    """Baseline values of the instruments that the tables know."""
    for measure in module.get("measures", []):
        if instrument_of(measure.get("title", ""), measure.get("unitOfMeasure", ""), measure.get("description", "")):
            whole = {"groups": module.get("groups", []), "denoms": module.get("denoms", []), **measure}
            for row in _measure_rows({**whole, "timeFrame": "baseline"}, notes):
                yield {**row, "month": 0.0}


def _people(module: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Mean age and share of women over all groups."""
    age, female = None, None
    for measure in module.get("measures", []):
        title = measure.get("title", "").lower()
        rows = list(_cells({"groups": module.get("groups", []), "denoms": module.get("denoms", []), **measure}))
        total = [row for row in rows if row[4].lower() == "total"] or (
            rows if len(module.get("groups", [])) == 1 else []
        )
        if (
            title.startswith("age")
            and measure.get("paramType") == "MEAN"
            and "year" in measure.get("unitOfMeasure", "").lower()
        ):
            age = next((number_in(row[2].get("value")) for row in total), None)
        if title.startswith("sex") and measure.get("paramType") == "COUNT_OF_PARTICIPANTS":
            women = next(
                (number_in(row[2].get("value")) for row in total if "female" in f"{row[0]} {row[1]}".lower()), None
            )
            patients = next((row[3] for row in total if row[3]), None)
            female = 100.0 * women / patients if women is not None and patients else None
    return age, female


def _event_rows(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    times = months_in(module.get("timeFrame", ""))
    month = times[-1] if len(times) == 1 else None
    titles = {group.get("id"): group.get("title", "") for group in module.get("eventGroups", [])}
    for group in module.get("eventGroups", []):
        for name, key in (("death, any cause", "deaths"), ("any serious adverse event", "serious")):
            affected, risk = group.get(f"{key}NumAffected"), group.get(f"{key}NumAtRisk")
            if affected is not None and risk:
                yield {
                    "arm": group["title"],
                    "event": name,
                    "category": "death" if key == "deaths" else "any-serious",
                    "serious": "yes",
                    "month": month,
                    "events": affected,
                    "total": risk,
                }
    for key, serious in (("seriousEvents", "yes"), ("otherEvents", "no")):
        for event in module.get(key, []):
            for stat in event.get("stats", []):
                if stat.get("numAffected") is not None and stat.get("numAtRisk"):
                    yield {
                        "arm": titles.get(stat.get("groupId"), stat.get("groupId", "")),
                        "event": event.get("term", "event without a name"),
                        "category": "infection" if _INFECTIONS.search(event.get("term", "")) else "other",
                        "serious": serious,
                        "month": month,
                        "events": stat["numAffected"],
                        "total": stat["numAtRisk"],
                        "note": event.get("organSystem", ""),
                    }
