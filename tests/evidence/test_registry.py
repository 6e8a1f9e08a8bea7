"""ClinicalTrials.gov API v2 records in and out; the fixtures are invented records in that layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence import (
    add_files,
    change_scores,
    import_record,
    load_evidence,
    protocol_record,
    read_registry,
    schemas,
    study_record,
)
from pulposus.evidence._registry_words import (
    arm_content,
    cell_class_of,
    donor_of,
    instrument_of,
    month_of,
    months_in,
    number_in,
    scale_of,
)
from pulposus.therapy import list_protocols, load_protocol

FOLDER = Path(__file__).parent / "registry"
BASE = load_evidence()


def rows(name: str, **wanted):
    return [
        row
        for row in read_registry(FOLDER).tables[name]
        if all(getattr(row, key) == value for key, value in wanted.items())
    ]


def test_a_randomised_record_with_results_becomes_a_study() -> None:
    (study,) = rows("studies", study_id="NCT90000001")
    assert (study.cell_class, study.donor, study.expanded, study.cell_source) == (
        "expanded-msc",
        "allogeneic",
        True,
        "bone marrow",
    )
    assert (study.allocation, study.blinding, study.phase, study.funding) == (
        "randomised",
        "double-blind",
        "2/3",
        "industry",
    )
    assert (study.n_treated, study.n_control, study.mean_age, study.female_pct) == (40, 20, 42.0, 45.0)
    assert (study.followup_months, study.country, study.registry) == (24.0, "Norway", ("NCT90000001", "INVENTED-1"))


def test_arms_have_role_content_and_size() -> None:
    found = {arm.arm: (arm.role, arm.content, arm.n) for arm in rows("arms", study_id="NCT90000001")}
    assert found == {"Cells": ("treated", "cells", 40), "Saline": ("comparator", "saline", 20)}


def test_spreads_keep_the_name_that_the_record_gives_them() -> None:
    (sd,) = rows("outcomes", study_id="NCT90000001", arm="Cells", outcome="VAS_change")
    assert (sd.mean, sd.sd, sd.se, sd.n, sd.month, sd.scale_max) == (-31.5, 24.0, None, 36, 12.0, 100.0)
    (se,) = rows("outcomes", study_id="NCT90000001", arm="Cells", outcome="ODI", month=12.0)
    assert (se.mean, se.sd, se.se, se.n) == (30.0, None, 2.5, 36)
    (interval,) = rows("outcomes", study_id="NCT90000003", arm="Product X cells", outcome="VAS")
    assert (interval.ci_low, interval.ci_high, interval.scale_max) == (1.9, 4.3, 10.0)
    assert interval.n == 9  # participants, not discs


def test_the_baseline_is_month_zero() -> None:
    (start,) = rows("outcomes", study_id="NCT90000001", arm="Saline", outcome="VAS")
    assert (start.month, start.mean, start.sd, start.n) == (0.0, 67.0, 15.0, 20)
    (odi,) = rows("outcomes", study_id="NCT90000001", arm="Saline", outcome="ODI")
    assert (odi.month, odi.mean) == (0.0, 47.0)


def test_counts_of_participants_are_events() -> None:
    found = [row for row in rows("outcomes", study_id="NCT90000001", arm="Cells") if row.events is not None]
    assert [(row.outcome, row.events, row.total) for row in found] == [
        ("other: Participants with at least 50% less pain", 16, 36)
    ]


def test_adverse_events_are_counted_by_arm() -> None:
    found = {(row.arm, row.event): (row.events, row.total, row.serious, row.category) for row in rows("adverse_events")}
    assert found["Cells", "Discitis"] == (1, 40, "yes", "infection")
    assert found["Saline", "any serious adverse event"] == (1, 20, "yes", "any-serious")
    assert found["Cells", "death, any cause"] == (0, 40, "yes", "death")
    assert found["Saline", "Back pain"] == (4, 20, "no", "other")


def test_what_cannot_be_placed_is_said_and_not_guessed() -> None:
    notes = "\n".join(read_registry(FOLDER).notes)
    for text in (
        "a value of Saline is NA, left out",
        '"Back pain NRS": the record does not state the scale',
        'the time is one of "3 and 6 months"',
        "a geometric mean is not placed",
        'a group "Needle only (control)" that is no arm',
        "the class of the product is not clear",
    ):
        assert text in notes
    (median,) = rows("outcomes", study_id="NCT90000003", outcome="NRS")
    assert (median.median, median.month, median.scale_max) == (4.0, None, None)
    (control,) = rows("arms", study_id="NCT90000003", arm="Needle only (control)")
    assert (control.role, control.content, control.note) == (
        "comparator",
        "sham",
        "role read from the words of the registry",
    )


def test_a_spread_of_another_kind_is_named() -> None:
    record = json.loads((FOLDER / "NCT90000001.json").read_text(encoding="utf-8"))
    measure = record["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"][0]
    measure["dispersionType"] = "Full Range"
    found = import_record(record)
    assert any('of the kind "full range"' in note for note in found.notes)
    assert [row.sd for row in found.tables["outcomes"] if row.outcome == "VAS_change"] == [None, None]


def test_a_record_without_results_is_a_study_without_outcomes() -> None:
    (study,) = rows("studies", study_id="NCT90000002")
    assert (study.cell_class, study.allocation, study.n_control, study.blinding) == (
        "marrow-concentrate",
        "single-arm",
        0,
        "open",
    )
    assert study.followup_months == pytest.approx(52 * 7 / 30.4375)
    assert rows("outcomes", study_id="NCT90000002") == []


def test_imported_rows_join_the_base_and_can_be_pooled() -> None:
    extended = add_files([FOLDER])
    assert extended.base.version.endswith("+user")
    scores = [one for one in change_scores(extended.base) if one.study.study_id == "NCT90000001"]
    assert {(one.arm.arm, one.change, one.spread) for one in scores} == {
        ("Cells", -31.5, "printed"),
        ("Saline", -24.0, "printed"),
    }


def test_the_record_of_a_known_trial_joins_its_cohort(tmp_path: Path) -> None:
    record = json.loads((FOLDER / "NCT90000001.json").read_text(encoding="utf-8"))
    record["protocolSection"]["identificationModule"]["nctId"] = "NCT01290367"
    (tmp_path / "a.json").write_text(json.dumps(record), encoding="utf-8")
    extended = add_files([tmp_path / "a.json"])
    assert extended.base.study("NCT01290367").cohort == "AMIR2021"
    assert any("counted as the same patients" in note for note in extended.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "no study record"),
        ("{}", "no study record"),
        ('{"protocolSection": {}}', "neither a registry number"),
        (
            '{"protocolSection": {"identificationModule": {"nctId": "NCT1"}, "designModule": {"phases": 3}}}',
            "not built as a study record",
        ),
        ('{"protocolSection": {"identificationModule": {"nctId": "N C T"}}}', "1 problem"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_records_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message) as caught:
        read_registry(path)
    assert str(path) in str(caught.value)
    if message == "1 problem":
        assert isinstance(caught.value, InvalidDocument)


def test_unreadable_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_registry(tmp_path / "no.json")
    with pytest.raises(InvalidInput, match="no JSON file"):
        read_registry(tmp_path)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(InvalidInput, match="not text"):
        read_registry(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 months", [12.0]),
        ("Month 12", [12.0]),
        ("Baseline, 3, 6, and 12 months", [0.0, 3.0, 6.0, 12.0]),
        ("up to 3 years", [36.0]),
        ("6-month visit", [6.0]),
        ("at discharge", []),
    ],
)
def test_times_in_words(text: str, expected: list[float]) -> None:
    assert months_in(text) == pytest.approx(expected)


def test_the_time_of_a_change_is_not_its_baseline() -> None:
    assert month_of("", "Baseline and 12 months", change=True) == (12.0, "")
    assert month_of("", "Baseline and 12 months", change=False)[0] is None
    assert month_of("Month 6", "Baseline and 12 months", change=False) == (6.0, "")
    assert month_of("", "", change=False) == (None, "no time is stated")


@pytest.mark.parametrize(
    ("title", "unit", "expected"),
    [
        ("Oswestry Disability Index", "", "ODI"),
        ("Change in ODI", "", "ODI_change"),
        ("Percent change in back pain VAS", "percent", "VAS_pct_change"),
        ("Leg pain (VAS)", "mm", "VAS_leg"),
        ("Reduction of radicular pain on VAS", "mm", "VAS_leg_change"),
        ("Low back pain", "score on a visual analogue scale", "VAS"),
        ("Numeric rating scale of pain", "", "NRS"),
        ("Proportion of VAS responders", "percent", ""),
        ("Percent change in RMDQ", "percent", ""),
        ("EQ-5D utility", "", "EQ5D"),
        ("Disc height", "mm", ""),
    ],
)
def test_instruments_in_words(title: str, unit: str, expected: str) -> None:
    assert instrument_of(title, unit, "") == expected


@pytest.mark.parametrize(
    ("outcome", "unit", "description", "expected"),
    [
        ("VAS", "mm", "", (0.0, 100.0)),
        ("VAS", "cm", "", (0.0, 10.0)),
        ("VAS", "units on a scale", "", (None, None)),
        ("VAS", "units on a scale", "from 0 to 10", (0.0, 10.0)),
        ("VAS", "units on a scale", "0-10 or 0-100", (None, None)),
        ("ODI", "units on a scale", "", (0.0, 100.0)),
        ("NRS", "points", "follow-up of 3 to 6 months", (None, None)),
        ("VAS_pct_change", "percent", "", (-100.0, 100.0)),
        ("VAS_change", "units", "-100 to 100", (-100.0, 100.0)),
    ],
)
def test_scales_in_words_are_never_guessed(outcome: str, unit: str, description: str, expected) -> None:
    assert scale_of(outcome, "", unit, description)[:2] == expected


def test_products_in_words() -> None:
    assert cell_class_of("autologous bone marrow aspirate concentrate") == "marrow-concentrate"
    assert cell_class_of("mesenchymal stem cells") == "unclear"  # whether they were expanded is not said
    assert cell_class_of("viable disc allograft") == "tissue-allograft"
    assert cell_class_of("methylene blue") == "none"
    assert donor_of("autologous and allogeneic") is None
    assert arm_content("needle without cells", "ACTIVE_COMPARATOR") == "sham"
    assert arm_content("saline, volume as that of the cells", "PLACEBO_COMPARATOR") == "saline"
    assert arm_content("anything", "NO_INTERVENTION") == "usual-care"
    assert arm_content("something else", "OTHER") == "unclear"
    assert number_in("1,234.5") == 1234.5
    assert number_in("NA") is None
    assert number_in("inf") is None


@pytest.mark.parametrize("study", [one.study_id for one in BASE.studies])
def test_exporting_and_importing_a_study_gives_its_numbers_back(study: str) -> None:
    record = json.loads(json.dumps(study_record(BASE.study(study), BASE)))
    again = import_record(record)
    kept = (
        "arm",
        "outcome",
        "scale_min",
        "scale_max",
        "month",
        "n",
        "mean",
        "sd",
        "se",
        "ci_low",
        "ci_high",
        "median",
        "events",
        "total",
    )

    def numbers(rows):
        found = set()
        for row in rows:
            values = {name: getattr(row, name) for name in kept}
            if row.events is not None:
                values |= {"scale_min": None, "scale_max": None, "n": None, "mean": None}
            if row.outcome not in BASE.by_measure or BASE.by_measure[row.outcome].form == "share":
                values |= {"scale_min": None, "scale_max": None}
            if row.mean is not None or row.median is not None or (row.events is not None and row.total is not None):
                found.add(tuple(values.items()))
        return found

    before = numbers(BASE.rows_of(study)["outcomes"])
    after = numbers(again.tables["outcomes"])
    assert before <= after


def test_a_study_record_says_that_it_is_no_registration() -> None:
    record = study_record(BASE.study("NORI2017"), BASE)
    assert "no registration" in record["protocolSection"]["descriptionModule"]["briefSummary"]
    assert record["protocolSection"]["identificationModule"]["nctId"] == "NCT01860417"
    assert "nctId" not in study_record(BASE.study("OROZ2011"), BASE)["protocolSection"]["identificationModule"]
    assert record["hasResults"]
    assert not study_record(BASE.study("BRTX100"), BASE)["hasResults"]


@pytest.mark.parametrize("name", list_protocols())
def test_every_built_in_protocol_becomes_a_record_that_can_be_imported(name: str) -> None:
    record = json.loads(json.dumps(protocol_record(load_protocol(name))))
    study = import_record(record).tables["studies"][0]
    identity = load_protocol(name).id
    assert study.study_id in (identity.name, *identity.registry)


def test_a_protocol_record_has_dose_arms_outcomes_and_criteria() -> None:
    overrides = [
        "comparator.arm=saline",
        "population.pain_window=[40, 90]",
        'population.age=["18 year", "65 year"]',
        "statistics.primary=VAS",
    ]
    section = protocol_record(load_protocol("orozco-2011", overrides))["protocolSection"]
    assert section["armsInterventionsModule"]["armGroups"][1]["type"] == "PLACEBO_COMPARATOR"
    assert "10 million cells in 1 mL saline" in section["armsInterventionsModule"]["interventions"][0]["name"]
    assert section["outcomesModule"]["secondaryOutcomes"][0]["timeFrame"] == "0 months, 12 months"
    assert "low back pain (VAS) 40 to 90" in section["eligibilityModule"]["eligibilityCriteria"]
    assert section["eligibilityModule"]["minimumAge"] == "18 Years"
    assert section["designModule"]["phases"] == ["PHASE1", "PHASE2"]


def test_the_schemas_describe_protocols_and_studies() -> None:
    found = schemas()
    assert found["protocol"]["title"] == "pulposus protocol"
    assert "outcomes" in found["studies"]["$defs"]["StudyEntry"]["properties"]
