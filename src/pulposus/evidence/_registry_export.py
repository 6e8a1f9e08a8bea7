"""Studies as records in the layout of the ClinicalTrials.gov API v2, and the JSON Schemas of studies and protocols.

The record holds what the study states and nothing else; it is no registration. Results go into outcome measures with one
group per arm, each spread under its own name, so that importing the record gives the rows back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._records import Arm, Outcome, Study

NOTE = "Made by pulposus from published numbers or from a protocol; this is no registration. Research use only."

_ALLOCATION = {"randomised": "RANDOMIZED", "controlled": "NON_RANDOMIZED"}
_MASKING = {"open": "NONE", "single-blind": "SINGLE", "double-blind": "DOUBLE"}
_PHASES = {"1": "PHASE1", "2": "PHASE2", "3": "PHASE3", "4": "PHASE4"}
ARM_TYPES = {
    "saline": "PLACEBO_COMPARATOR",
    "carrier": "PLACEBO_COMPARATOR",
    "sham": "SHAM_COMPARATOR",
    "sham-needle": "SHAM_COMPARATOR",
    "usual-care": "NO_INTERVENTION",
    "none": "NO_INTERVENTION",
    "conservative": "NO_INTERVENTION",
}
_NCT = re.compile(r"NCT\d{8}")


def study_record(study: Study, base: EvidenceBase) -> dict[str, Any]:
    """A study of the base as a record; arms that are parts of others are left out of the arms but keep their results."""
    rows = base.rows_of(study.study_id)
    number = registry_number(study.registry)
    arms = [arm for arm in rows["arms"] if arm.analysis_set == "all"]
    record: dict[str, Any] = {
        "protocolSection": filled(
            {
                "identificationModule": {
                    "nctId": number,
                    "orgStudyIdInfo": {"id": study.study_id},
                    "briefTitle": f"{study.label}: {study.cell_class}, {study.indication}".rstrip(", "),
                    "secondaryIdInfos": [{"id": one} for one in study.registry if one != number],
                },
                "sponsorCollaboratorsModule": {
                    "leadSponsor": {"class": "INDUSTRY" if study.funding.startswith("industry") else "OTHER"}
                }
                if study.funding
                else {},
                "descriptionModule": {"briefSummary": NOTE, "detailedDescription": study.notes},
                "conditionsModule": {"conditions": [study.indication] if study.indication else []},
                "designModule": {
                    "studyType": "INTERVENTIONAL",
                    "phases": phases(study.phase),
                    "designInfo": {
                        "allocation": _ALLOCATION.get(study.allocation, "NA"),
                        "maskingInfo": {"masking": _MASKING[study.blinding]} if study.blinding else {},
                    },
                    "enrollmentInfo": _enrolment(study),
                },
                "armsInterventionsModule": {
                    "armGroups": [
                        {"label": arm.arm, "type": _arm_type(arm), "description": arm.content} for arm in arms
                    ],
                    "interventions": [_intervention(study)] if study.kind in ("cells", "tissue") else [],
                },
                "referencesModule": {
                    "references": [
                        {"type": "RESULT", "citation": study.source, **({"pmid": study.pmid} if study.pmid else {})}
                    ]
                },
            }
        )
    }
    results = _results(rows["outcomes"], base)
    events = _events(rows["adverse_events"])
    if results or events:
        record["resultsSection"] = {
            **({"outcomeMeasuresModule": {"outcomeMeasures": results}} if results else {}),
            **({"adverseEventsModule": events} if events else {}),
        }
    return {**record, "hasResults": bool(results or events)}


def schemas() -> dict[str, Any]:
    """JSON Schemas of the protocol standard and of a file with studies."""
    from pulposus.evidence._additions import StudiesDocument
    from pulposus.therapy import protocol_schema

    schema = StudiesDocument.model_json_schema(mode="validation")
    studies = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pulposus studies",
        **{key: entry for key, entry in schema.items() if key != "title"},
    }
    return {"protocol": protocol_schema(), "studies": studies}


def registry_number(numbers: Sequence[str]) -> str:
    """The ClinicalTrials.gov number among registry numbers; empty where there is none."""
    return next((one for one in numbers if _NCT.fullmatch(one)), "")


def filled(node: Any) -> Any:
    """The node without empty texts, lists and groups: a record states only what is known."""
    if isinstance(node, dict):
        kept = {key: filled(value) for key, value in node.items()}
        return {key: value for key, value in kept.items() if value not in (None, "", [], {})}
    return [filled(one) for one in node] if isinstance(node, list) else node


def phases(text: str) -> list[str]:
    """A phase such as `1/2` in the words of the registry; what follows a comma is left out."""
    return [_PHASES[digit] for digit in re.findall(r"\d", text.partition(",")[0]) if digit in _PHASES] or ["NA"]


def _enrolment(study: Study) -> dict[str, Any]:
    if study.n_treated is None:
        return {}
    return {"count": study.n_treated + (study.n_control or 0), "type": "ACTUAL"}


def _arm_type(arm: Arm) -> str:
    if arm.role == "treated":
        return "EXPERIMENTAL"
    return ARM_TYPES.get(arm.content, "ACTIVE_COMPARATOR")


def _intervention(study: Study) -> dict[str, Any]:
    parts = [study.donor or "", study.cell_source, study.cell_class.replace("-", " ")]
    details = {"dose": study.dose, "volume": study.volume, "carrier": study.carrier, "delivery": study.delivery}
    grown = "expanded in culture" if study.expanded else "not expanded" if study.expanded is False else ""
    return {
        "type": "BIOLOGICAL",
        "name": " ".join(part for part in parts if part),
        "description": "; ".join(
            [*(f"{name}: {text}" for name, text in details.items() if text), *([grown] if grown else [])]
        ),
    }


def _results(rows: Sequence[Outcome], base: EvidenceBase) -> list[dict[str, Any]]:
    """Outcome measures: one per outcome, scale and kind of spread, with a class per month."""
    groups: dict[tuple[Any, ...], list[Outcome]] = defaultdict(list)
    for row in rows:
        spread = "sd" if row.sd is not None else "se" if row.se is not None else "ci" if row.ci_low is not None else ""
        kind = "count" if row.events is not None else "median" if row.median is not None else "mean"
        if row.mean is not None or row.median is not None or row.events is not None:
            groups[row.outcome, row.scale_min, row.scale_max, spread, kind, row.source].append(row)
    return [_result(key, found, base) for key, found in groups.items()]


def _result(key: tuple[Any, ...], rows: list[Outcome], base: EvidenceBase) -> dict[str, Any]:
    outcome, low, high, spread, kind, source = key
    measure = base.by_measure.get(outcome)
    ids = {name: f"OG{number:03d}" for number, name in enumerate(dict.fromkeys(row.arm for row in rows))}
    months = sorted({row.month for row in rows if row.month is not None})
    scale = f" Scale {low:g} to {high:g}." if low is not None and high is not None and kind == "mean" else ""
    return filled(
        {
            "type": "SECONDARY",
            "title": outcome if measure is None else f"{outcome}: {measure.description}",
            "description": f"{scale.strip()} Source: {source}".strip(),
            "reportingStatus": "POSTED",
            "paramType": {"mean": "MEAN", "median": "MEDIAN", "count": "COUNT_OF_PARTICIPANTS"}[kind],
            "dispersionType": {"sd": "Standard Deviation", "se": "Standard Error", "ci": "95% Confidence Interval"}.get(
                spread, ""
            ),
            "unitOfMeasure": "Participants" if kind == "count" else "units on a scale",
            "timeFrame": ", ".join(f"{month:g} months" for month in months),
            "groups": [{"id": number, "title": name} for name, number in ids.items()],
            "classes": [
                _class(month, [row for row in rows if row.month == month], ids)
                for month in dict.fromkeys(row.month for row in rows)
            ],
        }
    )


def _class(month: float | None, rows: list[Outcome], ids: dict[str, str]) -> dict[str, Any]:
    sizes = [(ids[row.arm], row.total if row.events is not None else row.n) for row in rows]
    return {
        "title": "" if month is None else "Baseline" if month == 0 else f"Month {month:g}",
        "denoms": [
            {
                "units": "Participants",
                "counts": [{"groupId": name, "value": str(size)} for name, size in sizes if size is not None],
            }
        ],
        "categories": [{"measurements": [_measurement(row, ids[row.arm]) for row in rows]}],
    }


def _measurement(row: Outcome, group: str) -> dict[str, Any]:
    value = row.events if row.events is not None else row.median if row.median is not None else row.mean
    spread = row.sd if row.sd is not None else row.se
    texts = {"value": value, "spread": spread, "lowerLimit": row.ci_low, "upperLimit": row.ci_high}
    return {"groupId": group, **{key: f"{number:.12g}" for key, number in texts.items() if number is not None}}


def _events(rows: Sequence[Any]) -> dict[str, Any]:
    counted = [row for row in rows if row.events is not None and row.total]
    if not counted:
        return {}
    ids = {name: f"EG{number:03d}" for number, name in enumerate(dict.fromkeys(row.arm for row in counted))}
    months = [row.month for row in counted if row.month is not None]

    def listed(serious: bool) -> list[dict[str, Any]]:
        return [
            {"term": row.event, "stats": [{"groupId": ids[row.arm], "numAffected": row.events, "numAtRisk": row.total}]}
            for row in counted
            if (row.serious == "yes") == serious
        ]

    return filled(
        {
            "timeFrame": f"{max(months):g} months" if months else "",
            "eventGroups": [{"id": number, "title": name} for name, number in ids.items()],
            "seriousEvents": listed(True),
            "otherEvents": listed(False),
        }
    )
