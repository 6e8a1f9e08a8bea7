"""Safety signals and the guard against over-claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pulposus.report import RunRecord
from pulposus.report._safety import is_over_claim, over_claim_note, raised_signals, safety_table, with_unit


def test_raised_signals_come_first_and_stand_out(living_record: RunRecord) -> None:
    table = safety_table(living_record)
    assert [row[:2] for row in table.rows] == [("over-claim guard", "raised"), ("discitis probability", "not raised")]
    assert table.marked == {0}
    assert table.rows[0][2:7] == ("0.140", "1/year", "0.1", "verified", "https://doi.org/10.1074/jbc.M600296200")
    assert table.rows[1][4] == "–"
    assert raised_signals(living_record) == ["over-claim guard"]


def test_the_guard_quotes_the_half_life_of_aggrecan(living_record: RunRecord) -> None:
    note = over_claim_note(living_record)
    assert "0.140 per year" in note
    assert "limit of 0.1 per year" in note
    assert "half-life of about 12 years" in note
    assert "jbc.M600296200" in note
    quiet = [{**row, "flagged": False} for row in living_record.safety]
    assert over_claim_note(replace(living_record, safety=quiet)) == ""
    assert over_claim_note(replace(living_record, safety=[])) == ""


@pytest.mark.parametrize(
    ("name", "found"),
    [("over_claim", True), ("Over-claim guard", True), ("overclaim", True), ("leak of cells", False)],
)
def test_names_of_the_guard(name: str, found: bool) -> None:
    assert is_over_claim({"signal": name}) is found


@pytest.mark.parametrize(("unit", "text"), [("1/year", " per year"), ("MPa", " MPa"), ("1", ""), ("-", ""), (None, "")])
def test_units_follow_their_number(unit: str | None, text: str) -> None:
    assert with_unit({"unit": unit}) == text
