"""The mechanics table of the validation register runs and judges every row; no test asserts that a held-out row is met."""

from __future__ import annotations

import pytest
from register.mechanics import (
    annulus_confined,
    annulus_in_tension,
    mechanics_register,
    nucleus_confined,
    nucleus_unconfined,
    waiting,
)
from register.studies import VERDICTS, Entry


def check(entry: Entry) -> None:
    assert entry.verdict in VERDICTS
    assert entry.study and entry.observed
    assert entry.use in ("T", "H", "Q")
    assert entry.computed if entry.verdict in ("met", "not met") else entry.note


@pytest.mark.parametrize("study", [nucleus_confined, annulus_confined, annulus_in_tension, nucleus_unconfined, waiting])
def test_rows_without_a_disc_have_a_verdict(study) -> None:
    for entry in study():
        check(entry)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_row_has_a_verdict() -> None:
    entries = mechanics_register()
    for entry in entries:
        check(entry)
    assert {int(entry.number.rstrip("abc")) for entry in entries} == set(range(1, 22))
    assert len({entry.number for entry in entries}) == len(entries)
