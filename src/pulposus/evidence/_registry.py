"""ClinicalTrials.gov API v2 study records into the same tables (clinical_model 10).

A record has a `protocolSection` (who is treated with what) and, where results are posted, a `resultsSection`. What the record does not say
stays empty; what had to be read from words is said in the notes. Field names: https://clinicaltrials.gov/data-api/about-api/study-data-structure.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import pydantic

from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence._base import CLINICAL
from pulposus.evidence._record_fields import CellClass
from pulposus.evidence._records import AdverseEvent, Arm, Outcome, Study
from pulposus.evidence._registry_results import Group, Results, read_results
from pulposus.evidence._registry_words import arm_content, cell_class_of, donor_of, months_in, words_of

_PLACES = {
    "EXPERIMENTAL": "treated",
    "ACTIVE_COMPARATOR": "comparator",
    "PLACEBO_COMPARATOR": "comparator",
    "SHAM_COMPARATOR": "comparator",
    "NO_INTERVENTION": "comparator",
}
_BLINDING = {
    "NONE": "open",
    "SINGLE": "single-blind",
    "DOUBLE": "double-blind",
    "TRIPLE": "double-blind",
    "QUADRUPLE": "double-blind",
}
_PHASES = {"EARLY_PHASE1": "early 1", "PHASE1": "1", "PHASE2": "2", "PHASE3": "3", "PHASE4": "4"}
_TISSUES = ("bone marrow", "adipose", "umbilical cord", "wharton", "placenta", "nucleus pulposus", "disc", "cartilage")


@dataclasses.dataclass(frozen=True)
class Imported:
    """Rows from outside, and what could not be placed.

    Attributes:
        tables: New rows by table.
        notes: What a person should look at.
    """

    tables: dict[str, list[Any]]
    notes: tuple[str, ...] = ()

    @classmethod
    def joined(cls, parts: Iterable[Imported]) -> Imported:
        """The rows and notes of several imports, in their order."""
        tables: dict[str, list[Any]] = {name: [] for name in CLINICAL}
        notes: list[str] = []
        for part in parts:
            for name, rows in part.tables.items():
                tables[name] += rows
            notes += part.notes
        return cls(tables, tuple(notes))


def read_registry(path: Path) -> Imported:
    """Study records of a JSON file (one study, a list, or an answer of the search), or of every JSON file of a folder.

    Raises:
        InvalidInput: No JSON, or no study record.
        InvalidDocument: A record whose fields do not fit.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise InvalidInput("the folder has no JSON file", where=str(path), allowed="study records named *.json")
    return Imported.joined(import_record(record, str(file)) for file in files for record in _records(file))


def import_record(record: Mapping[str, Any], name: str = "record") -> Imported:
    """One study record.

    Raises:
        InvalidInput: It has no registry number.
        InvalidDocument: Its fields do not fit the tables.
    """
    try:
        return _import(record, name)
    except pydantic.ValidationError as error:
        problems = [
            InvalidInput(
                detail["msg"],
                where=f"{name}: {_section(record, 'identificationModule').get('nctId')}, field {detail['loc'][0] if detail['loc'] else ''}",
            )
            for detail in error.errors(include_url=False)
        ]
        raise InvalidDocument(name, problems) from None
    except (AttributeError, TypeError) as error:
        raise InvalidInput(
            f"the record is not built as a study record ({error})",
            where=name,
            allowed="the JSON of https://clinicaltrials.gov/api/v2/studies/{nctId}",
        ) from None


def _records(path: Path) -> Iterable[Mapping[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"the file cannot be read ({error.strerror})", where=str(path)) from None
    except UnicodeDecodeError:
        raise InvalidInput("the file is not text", where=str(path), allowed="JSON, encoded as UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"not valid JSON: {error.msg}", where=f"{path}:{error.lineno}:{error.colno}") from None
    except RecursionError:
        raise InvalidInput("the document is nested too deeply", where=str(path)) from None
    found = document.get("studies", [document]) if isinstance(document, dict) else document
    if not isinstance(found, list) or not all(isinstance(one, dict) and "protocolSection" in one for one in found):
        raise InvalidInput(
            "this is no study record",
            where=str(path),
            allowed='JSON with the key "protocolSection", a list of them, or {"studies": [...]}',
        )
    return found


def _section(record: Mapping[str, Any], module: str) -> Mapping[str, Any]:
    return record.get("protocolSection", {}).get(module, {})


def _import(record: Mapping[str, Any], name: str) -> Imported:
    identification = _section(record, "identificationModule")
    number = identification.get("nctId") or identification.get("orgStudyIdInfo", {}).get("id", "")
    if not number:
        raise InvalidInput(
            "the record has neither a registry number nor an id of its own",
            where=f"{name}: identificationModule",
            allowed="nctId, or orgStudyIdInfo.id",
        )
    results = read_results(record.get("resultsSection") or {})
    notes = [f"{number}: {note}" for note in results.notes]
    arms = _arms(record, number, results.groups, notes)
    study = _study(record, number, arms, results, notes)
    source = _source(record, number)
    common = {"study_id": number, "source": source, "status": "verified"}
    names = {arm.arm.lower(): arm.arm for arm in arms}
    outcomes = [
        Outcome(**common, source_kind="registry", **{**row, "arm": names.get(row["arm"].lower(), row["arm"])})
        for row in results.outcomes
    ]
    events = [
        AdverseEvent(**common, **{**row, "arm": names.get(row["arm"].lower(), row["arm"])}) for row in results.events
    ]
    return Imported({"studies": [study], "arms": arms, "outcomes": outcomes, "adverse_events": events}, tuple(notes))


def _arms(record: Mapping[str, Any], number: str, groups: Iterable[Group], notes: list[str]) -> list[Arm]:
    """The arms of the protocol, and groups of the results that have another name."""
    found: dict[str, Arm] = {}
    sizes = {group.title.lower(): group.n for group in groups}
    for group in _section(record, "armsInterventionsModule").get("armGroups", []):
        label = group.get("label", "")
        kind = group.get("type", "")
        described = f"{label} {group.get('description', '')} {' '.join(group.get('interventionNames', []))}"
        found[label.lower()] = Arm(
            study_id=number,
            arm=label,
            role=_PLACES.get(kind, "treated"),  # pyright: ignore[reportArgumentType]
            content=arm_content(described, kind),
            n=sizes.get(label.lower()),
        )
    for group in groups:
        if group.title.lower() in found:
            continue
        content = arm_content(f"{group.title} {group.description}", "")
        control = content not in ("cells", "tissue", "drug", "unclear", "mixed")
        found[group.title.lower()] = Arm(
            study_id=number,
            arm=group.title,
            role="comparator" if control else "treated",
            content=content,
            n=group.n,
            note="role read from the words of the registry",
        )
        if found and _section(record, "armsInterventionsModule").get("armGroups"):
            notes.append(
                f'{number}: the results have a group "{group.title}" that is no arm of the protocol: check its role'
            )
    return list(found.values())


def _study(record: Mapping[str, Any], number: str, arms: list[Arm], results: Results, notes: list[str]) -> Study:
    identification, design = _section(record, "identificationModule"), _section(record, "designModule")
    info = design.get("designInfo", {})
    interventions = _section(record, "armsInterventionsModule").get("interventions", [])
    words = words_of(
        [
            identification.get("briefTitle"),
            identification.get("officialTitle"),
            *(text for one in interventions for text in (one.get("name"), one.get("description"))),
        ]
    )
    kind_of_cells = cell_class_of(words)
    if kind_of_cells == "unclear":
        notes.append(
            f"{number}: the class of the product is not clear from the record: set cell_class ({', '.join(get_args(CellClass))})"
        )
    enrolled = design.get("enrollmentInfo", {}).get("count")
    treated = [arm.n for arm in arms if arm.role == "treated"]
    control = [arm.n for arm in arms if arm.role == "comparator"]
    complete = all(size is not None for size in treated + control) and arms
    sponsor = _section(record, "sponsorCollaboratorsModule").get("leadSponsor", {})
    randomised = info.get("allocation") == "RANDOMIZED"
    allocation = "randomised" if randomised else "controlled" if control else "single-arm"
    times = [row["month"] for row in results.outcomes if row.get("month") is not None]
    others = [one["id"] for one in identification.get("secondaryIdInfos", []) if one.get("id")]
    return Study(
        study_id=number,
        kind="cells"
        if kind_of_cells not in ("none", "tissue-allograft")
        else "tissue"
        if kind_of_cells != "none"
        else "non-cell",
        cell_class=kind_of_cells,
        registry=(*([number] if identification.get("nctId") else []), *others),
        country="; ".join(
            dict.fromkeys(
                place["country"]
                for place in _section(record, "contactsLocationsModule").get("locations", [])
                if place.get("country")
            )
        ),
        design=" ".join(
            [
                *(
                    text.lower().replace("_", " ")
                    for text in (info.get("allocation"), info.get("interventionModel"))
                    if text
                ),
                "(registered)",
            ]
        ),
        allocation=allocation,
        blinding=_BLINDING.get(info.get("maskingInfo", {}).get("masking", "")),  # pyright: ignore[reportArgumentType]
        phase="/".join(_PHASES[phase] for phase in design.get("phases", []) if phase in _PHASES),
        n_treated=sum(size or 0 for size in treated) if complete else None,
        n_control=sum(size or 0 for size in control) if complete else None if control else 0,
        mean_age=results.mean_age,
        female_pct=results.female_pct,
        indication="; ".join(_section(record, "conditionsModule").get("conditions", [])),
        cell_source=next((tissue for tissue in _TISSUES if tissue in words), ""),
        donor=donor_of(words),
        expanded=True if re.search(r"expand|cultured|passage", words) else None,
        comparator="; ".join(arm.arm for arm in arms if arm.role == "comparator") or "none",
        delivery="intradiscal injection" if re.search(r"intra-?dis[ck]al", words) else "",
        followup_months=max([*times, *_planned(record)], default=None),
        funding="industry" if sponsor.get("class") == "INDUSTRY" else "public or other" if sponsor.get("class") else "",
        text_read="registry",
        source=_source(record, number),
        status="verified",
        notes=". ".join(
            [identification.get("briefTitle", ""), *([f"{enrolled} enrolled or planned"] if enrolled else [])]
        ),
    )


def _source(record: Mapping[str, Any], number: str) -> str:
    """Address of the record, or the reference of one that is not registered."""
    if _section(record, "identificationModule").get("nctId"):
        return f"https://clinicaltrials.gov/study/{number}"
    references = _section(record, "referencesModule").get("references", [])
    return next((one["citation"] for one in references if one.get("citation")), f"record {number}")


def _planned(record: Mapping[str, Any]) -> list[float]:
    """Months of every planned outcome."""
    module = _section(record, "outcomesModule")
    planned = [*module.get("primaryOutcomes", []), *module.get("secondaryOutcomes", [])]
    return [month for one in planned for month in months_in(one.get("timeFrame", ""))]
