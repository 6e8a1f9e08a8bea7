"""A protocol as a record in the layout of the ClinicalTrials.gov API v2: what it states and nothing else; it is no registration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulposus.evidence._registry_export import ARM_TYPES, NOTE, filled, phases, registry_number

if TYPE_CHECKING:
    from pulposus.therapy import Protocol


def protocol_record(protocol: Protocol) -> dict[str, Any]:
    """A protocol as a record; times are months, amounts those of the protocol."""
    identity, people = protocol.id, protocol.population
    number = registry_number(identity.registry)
    comparator = protocol.comparator.arm
    arms = [{"label": "treated", "type": "EXPERIMENTAL", "description": _product(protocol)}]
    if comparator != "none":
        arms.append(
            {"label": comparator, "type": ARM_TYPES.get(comparator, "PLACEBO_COMPARATOR"), "description": comparator}
        )
    return {
        "protocolSection": filled(
            {
                "identificationModule": {
                    "nctId": number,
                    "orgStudyIdInfo": {"id": identity.name},
                    "briefTitle": identity.title or identity.name,
                    "secondaryIdInfos": [{"id": one} for one in identity.registry if one != number],
                },
                "sponsorCollaboratorsModule": {"leadSponsor": {"name": identity.sponsor} if identity.sponsor else {}},
                "oversightModule": {"oversightHasDmc": bool(protocol.ethics.monitoring) or None},
                "descriptionModule": {"briefSummary": NOTE, "detailedDescription": " ".join(identity.notes)},
                "conditionsModule": {"conditions": [people.indication] if people.indication else []},
                "designModule": {
                    "studyType": "INTERVENTIONAL",
                    "phases": phases(identity.phase),
                    "designInfo": {
                        "allocation": "RANDOMIZED" if protocol.statistics.randomisation else "NA",
                        "maskingInfo": {"maskingDescription": protocol.comparator.blinding},
                    },
                    "enrollmentInfo": {"count": people.patients} if people.patients else {},
                },
                "armsInterventionsModule": {
                    "armGroups": arms,
                    "interventions": [
                        {
                            "type": "BIOLOGICAL",
                            "name": _product(protocol),
                            "description": _delivery(protocol),
                            "armGroupLabels": ["treated"],
                        }
                    ],
                },
                "outcomesModule": {
                    "secondaryOutcomes": [
                        {
                            "measure": one.instrument,
                            "description": one.version,
                            "timeFrame": ", ".join(f"{_months(time):g} months" for time in one.times),
                        }
                        for one in protocol.outcomes
                    ],
                    "primaryOutcomes": [{"measure": protocol.statistics.primary}]
                    if protocol.statistics.primary
                    else [],
                },
                "eligibilityModule": {
                    "minimumAge": f"{people.age[0]:g} Years" if people.age else "",
                    "maximumAge": f"{people.age[1]:g} Years" if people.age else "",
                    "eligibilityCriteria": _criteria(protocol),
                },
                "referencesModule": {
                    "references": [{"type": "BACKGROUND", "citation": one} for one in identity.sources]
                },
                "ipdSharingStatementModule": {"description": protocol.data.availability},
            }
        ),
        "hasResults": False,
    }


def _months(days: float) -> float:
    from pulposus.units import parse_quantity

    return round(days / parse_quantity("1 month", "day"), 3)


def _product(protocol: Protocol) -> str:
    donor, origin, dose = protocol.donor, protocol.origin, protocol.dose
    cells = f"{dose.cells:g} million cells" if dose.cells else "no cells"
    parts = [donor.relation if donor else "", origin.source if origin else "", dose.product if dose.cells else ""]
    return ", ".join([" ".join(part for part in parts if part), f"{cells} in {dose.volume:g} mL {dose.carrier}"]).strip(
        ", "
    )


def _delivery(protocol: Protocol) -> str:
    way = protocol.delivery
    gauge = f", {way.needle_gauge} gauge" if way.needle_gauge is not None else ""
    return f"{way.route}, {way.approach}{gauge}"


def _criteria(protocol: Protocol) -> str:
    people = protocol.population
    windows = (("low back pain (VAS)", people.pain_window), ("ODI", people.disability_window))
    lines = [f"{name} {window[0]:g} to {window[1]:g}" for name, window in windows if window]
    lines += [f"Pfirrmann grade {', '.join(str(grade) for grade in people.grades)}"] if people.grades else []
    lines += [text for text in (people.herniation, people.annulus_integrity, people.prior_surgery) if text]
    return "; ".join(lines)
