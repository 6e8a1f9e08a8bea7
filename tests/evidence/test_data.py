"""The shipped tables: they load, every row has a source and a status, and the names in them exist."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from pathlib import Path

import pytest

from pulposus.errors import InvalidInput
from pulposus.evidence import (
    CLINICAL,
    TABLES,
    change_scores,
    check_evidence,
    load_evidence,
    read_evidence,
    write_evidence,
)
from pulposus.therapy import list_protocols, protocol_schema

BASE = load_evidence()


def test_every_table_has_rows() -> None:
    assert {name for name in TABLES if not getattr(BASE, name)} == set()


@pytest.mark.parametrize("table", [name for name, one in TABLES.items() if "status" in one.model.model_fields])
def test_every_row_has_a_source_and_a_status(table: str) -> None:
    for row in getattr(BASE, table):
        assert row.source.strip()
        assert row.status in ("verified", "recalled", "derived", "prior")


def test_the_shipped_tables_have_no_errors_and_exactly_the_known_warnings() -> None:
    findings = check_evidence(BASE)
    assert [one for one in findings if one.severity == "error"] == []
    assert sorted((one.check, one.where) for one in findings) == [
        ("percentages", "outcomes: BEAL2021, allograft 36-month completers, responder_50pct, month 36"),
        ("survivors", "arms: BEAL2021, allograft 36-month completers"),
        ("survivors", "arms: PETT2015, BMC no-surgery subset"),
    ]


def test_no_claim_is_without_a_verdict_of_both_documents() -> None:
    names = [one.claim for one in BASE.claims]
    assert [name for name in names if name.startswith("C")] == [
        "C1", "C2", "C2b", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10",
    ]  # fmt: skip
    assert [name for name in names if name.startswith("A")] == [f"A{number}" for number in range(1, 9)]


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("C1", "confirmed with a nuance"),
        ("C2b", "not found"),
        ("C3", "differs"),
        ("C4", "not found"),
        ("C10", "not established"),
        ("A1", "agrees in part"),
    ],
)
def test_verdicts_are_those_of_the_literature(claim: str, verdict: str) -> None:
    assert next(one for one in BASE.claims if one.claim == claim).verdict == verdict


def test_the_claim_about_cord_blood_has_no_numbers_in_the_tables() -> None:
    # Nothing was found, so nothing may be loaded: no treated arm of 16 patients, no study of cord blood.
    assert not [one for one in BASE.studies if "cord blood" in f"{one.cell_source} {one.indication}".lower()]


def test_studies_name_built_in_protocols_that_exist() -> None:
    assert {one.protocol for one in BASE.studies if one.protocol} <= set(list_protocols())


def _fields(schema: dict, node: dict, prefix: str = "") -> set[str]:
    """Dotted names of every field of a JSON Schema."""
    found: set[str] = set()
    options = [node, *node.get("anyOf", []), *([node["items"]] if isinstance(node.get("items"), dict) else [])]
    for given in options:
        option = schema["$defs"][given["$ref"].rpartition("/")[2]] if "$ref" in given else given
        for name, inner in option.get("properties", {}).items():
            found.add(f"{prefix}{name}")
            if prefix.count(".") < 2:
                found |= _fields(schema, inner, f"{prefix}{name}.")
    return found


def test_every_protocol_item_is_a_field_of_the_protocol_schema() -> None:
    schema = protocol_schema()
    known = _fields(schema, schema)
    paths = {path for item in BASE.protocol_items for path in item.path.split("|")} | {
        one.path for one in BASE.statements
    }
    assert paths <= known


def test_the_sections_of_the_standard_are_all_there_and_required_as_in_the_specification() -> None:
    sections = {item.number: item.required for item in BASE.protocol_items}
    assert sorted(sections) == list(range(1, 19))
    assert {number for number, required in sections.items() if not required} == {5, 11, 13, 16, 18}


def test_the_digest_names_the_rows() -> None:
    changed = dataclasses.replace(BASE, outcomes=BASE.outcomes[1:])
    assert re.fullmatch("[0-9a-f]{64}", BASE.digest)
    assert changed.digest != BASE.digest
    assert dataclasses.replace(BASE).digest == BASE.digest


def test_writing_and_reading_the_tables_gives_the_same_rows(tmp_path) -> None:
    write_evidence(BASE, tmp_path)
    again = read_evidence(tmp_path)
    assert again.digest == BASE.digest
    assert (again.version, again.text_read) == (BASE.version, BASE.text_read)


def test_a_folder_that_is_no_evidence_base_is_refused(tmp_path) -> None:
    with pytest.raises(InvalidInput, match="no evidence base"):
        read_evidence(tmp_path)
    write_evidence(BASE, tmp_path)
    (tmp_path / "dataset.toml").write_text("version = ", encoding="utf-8")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_evidence(tmp_path)


def test_a_study_is_found_whatever_its_capitals_and_an_unknown_one_is_refused_with_the_nearest() -> None:
    assert BASE.study("oroz2011").study_id == "OROZ2011"
    with pytest.raises(InvalidInput) as caught:
        BASE.study("OROZ2012")
    assert "OROZ2011" in caught.value.remedy
    with pytest.raises(InvalidInput) as caught:
        BASE.study("noriega")
    assert "NORI2017, NORI2021" in caught.value.remedy


def test_every_row_of_the_clinical_tables_belongs_to_its_study() -> None:
    rows = BASE.rows_of("NORI2017")
    assert {arm.arm for arm in rows["arms"]} == {"MSC", "control"}
    assert len(rows["outcomes"]) == 16
    assert set(rows) | {"studies"} == set(CLINICAL)


def test_animal_numbers_that_are_recalled_are_said_to_be() -> None:
    # animal_summary: no recalled number may pass for a verified one.
    recalled = {one.study_id for one in BASE.animal_studies if one.recalled == "all"}
    assert "CREV2004" in recalled
    assert all(one.status == "recalled" for one in BASE.animal_outcomes if one.study_id in recalled)


def test_pettine_baselines_pair_within_their_report() -> None:
    score = next(one for one in change_scores(BASE) if one.study.study_id == "PETT2015" and one.month == 12)
    assert score.change == pytest.approx(33.2 - 79.3)  # not 80.1 or 82.1, the baselines of later reports


def test_the_page_of_the_documentation_is_that_of_the_tables() -> None:
    script = Path(__file__).parents[2] / "docs" / "make_evidence.py"
    spec = importlib.util.spec_from_file_location("make_evidence", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.page(BASE) == module.TARGET.read_text(encoding="utf-8"), "run python docs/make_evidence.py"
