"""The validation register runs, judges every row, and is exact where it has to be.

A row that only has to agree in direction may be met or not; no test asserts that it is met, so that none can be tuned by a test.
"""

from __future__ import annotations

import pytest
from register import STUDIES, VERDICTS, number_of, register
from register.laws import bovine_beads, goat_beads, waiting
from register.nutrition_course import residence, supply_cut
from register.studies import Entry


def check(entry: Entry) -> None:
    """An entry says what was done, what was seen, and how it was judged."""
    assert entry.verdict in VERDICTS
    assert entry.study and entry.observed and entry.rule
    assert {one.strip() for one in entry.use.split(",")} <= {"T", "H", "Q"}
    # A verdict rests on a number; a row without one says why.
    assert entry.computed if entry.verdict in ("met", "not met") else entry.note


def test_residence_is_exact():
    """Row 21: the rates are those of the source to their printed digits."""
    (entry,) = residence()
    check(entry)
    assert entry.verdict == "met"
    for printed in ("0.059", "0.063", "0.084", "0.13", "0.00728", "0.00323"):
        assert f"(printed {printed})" in entry.computed


def test_the_clock_of_the_nucleus_is_exact():
    """Row 22: 3 / kT = 50.8 years, three digits of 3 / 0.059."""
    entries = {entry.number: entry for entry in supply_cut()}
    assert entries["22a"].computed == f"{3.0 / 0.059:.1f} years"
    for entry in entries.values():
        check(entry)


@pytest.mark.parametrize("study", [bovine_beads, goat_beads, waiting])
def test_rows_without_a_disc_have_a_verdict(study):
    for entry in study():
        check(entry)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_row_has_a_verdict():
    entries = register()
    for entry in entries:
        check(entry)
    # All 32 rows of the specification, each part once.
    assert {number_of(entry)[0] for entry in entries} == set(range(1, 33))
    assert len({entry.number for entry in entries}) == len(entries)
    assert len(STUDIES) <= len(entries)
