"""The mechanics table of the validation register judges every row, and docs/validation.md shows what it computes.

No test asserts that a held-out row is met, so that none can be tuned by a test.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from register.mechanics import FROZEN, ROWS, mechanics_register
from register.mechanics_discs import SPECIES
from register.mechanics_tissues import TISSUE_STUDIES
from register.mechanics_treated import SHIPPED, animal_predictions
from register.studies import VERDICTS, Entry

PAGE = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
HALF = PAGE.partition("\n## Mechanics\n")[2]
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def table(heading: str) -> list[list[str]]:
    """Cells of the table under a heading of the mechanics half, its head first."""
    found = re.search(rf"### {re.escape(heading)}.*?\n(\|.*?)(?:\n\n|\Z)", HALF, re.DOTALL)
    assert found, f"the page has no {heading}"
    lines = [line for line in found.group(1).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def entries_of_page() -> dict[str, Entry]:
    """The rows that the page shows."""
    _, *rows = table("The rows of mechanics")
    names = ("number", "study", "use", "observed", "rule", "computed", "verdict", "note")
    return {row[0]: Entry(**dict(zip(names, (cell.strip("*") for cell in row), strict=True))) for row in rows}


def same_figures(shown: str, computed: str) -> bool:
    """Whether two texts differ by at most one unit of the last digit of a number: rounding on another machine."""
    if NUMBER.sub("#", shown) != NUMBER.sub("#", computed):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(computed), strict=True)
    return all(abs(float(a) - float(b)) <= 1.001 * _unit(a) for a, b in pairs)


def _unit(number: str) -> float:
    mantissa, _, power = number.partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def check(entry: Entry) -> None:
    assert entry.verdict in VERDICTS
    assert entry.study and entry.observed and entry.rule and entry.computed
    assert entry.use in ("T", "H", "Q")


def test_figures_are_compared_as_numbers() -> None:
    assert same_figures("0.163 and 1.03 MPa", "0.164 and 1.03 MPa")
    assert same_figures("0.90e-15 m4", "0.91e-15 m4")
    assert not same_figures("0.163 and 1.03 MPa", "0.165 and 1.03 MPa")
    assert not same_figures("-34 %", "+34 %")
    assert not same_figures("half after 1 h", "half within 1 h")


def test_the_page_has_every_row() -> None:
    entries = entries_of_page()
    for entry in entries.values():
        check(entry)
        assert entry.verdict != "not computed yet"
    assert {int(number.rstrip("abc")) for number in entries} == set(range(1, ROWS + 1))
    for number, entry in entries.items():
        assert ("frozen" in entry.note) == (int(number.rstrip("abc")) in FROZEN)


def test_the_page_counts_its_verdicts() -> None:
    entries = entries_of_page().values()
    for verdict in VERDICTS:
        shown = re.search(rf"^\| {verdict} \| (\d+) \| (\d+) \|$", HALF, re.MULTILINE)
        every = [entry for entry in entries if entry.verdict == verdict]
        found = (str(len(every)), str(sum("H" in entry.use for entry in every)))
        assert found == (shown.groups() if shown else ("0", "0"))


def test_the_page_shows_the_strength_of_every_treated_animal() -> None:
    """As predictions that nothing was found to check with, before and after."""
    head, *rows = table("Compressive strength and elastic modulus of animal discs: no published check found")
    assert {"compressive strength [N]", "elastic modulus [MPa]"} <= set(head)
    by_protocol = {protocol: [row[2] for row in rows if row[1] == protocol] for protocol in SHIPPED.values()}
    for moments in by_protocol.values():
        assert moments[0] == "intact"
        assert any(moment.startswith("treated") for moment in moments)
    assert all(f"{animal} " in entries_of_page()["21"].computed for animal in SPECIES)


@pytest.mark.parametrize("study", TISSUE_STUDIES)
def test_rows_of_tissue_are_those_of_the_page(study) -> None:
    shown = entries_of_page()
    for entry in study():
        check(entry)
        assert entry.verdict == shown[entry.number].verdict
        assert same_figures(shown[entry.number].computed, entry.computed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_row_is_that_of_the_page() -> None:
    entries, shown = mechanics_register(), entries_of_page()
    assert [entry.number for entry in entries] == list(shown)
    for entry in entries:
        check(entry)
        assert entry.verdict == shown[entry.number].verdict, entry
        assert same_figures(shown[entry.number].computed, entry.computed), entry


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_predictions_are_those_of_the_page() -> None:
    _, *rows = table("Compressive strength and elastic modulus of animal discs: no published check found")
    found = animal_predictions()
    assert len(found) == len(rows)
    for row, one in zip(rows, found, strict=True):
        assert all(same_figures(shown, computed) for shown, computed in zip(row, one.values(), strict=True)), one
