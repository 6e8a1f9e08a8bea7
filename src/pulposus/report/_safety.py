"""Signals of harm that the model can give, with their evidence, and the guard against claims that the biology does not carry.

They are signals of a model, not medical advice: a signal that is not raised says nothing about a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulposus.report._figure import Table
from pulposus.report._wording import exact, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

DISCLAIMER = (
    "Signals of a model, not medical advice. A signal that is not raised does not say that a treatment is safe."
)
OVER_CLAIM = "over-claim"
RAISED, QUIET = "raised", "not raised"


def safety_table(record: RunRecord) -> Table:
    """All signals, the raised ones first."""
    ordered = sorted(record.safety, key=lambda row: not row.get("flagged"))
    rows = tuple(
        (
            str(row["signal"]),
            RAISED if row.get("flagged") else QUIET,
            number(row.get("value")),
            str(row.get("unit") or "–"),
            exact(row.get("threshold")),
            str(row.get("status") or "–"),
            str(row.get("source") or "–"),
            str(row.get("note") or ""),
        )
        for row in ordered
    )
    marked = frozenset(place for place, row in enumerate(rows) if row[1] == RAISED)
    head = ("signal", "flag", "value", "unit", "threshold", "status", "source", "note")
    return Table(head, rows, "Safety signals (simulated; not medical advice)", marked)


def raised_signals(record: RunRecord) -> list[str]:
    """Names of the raised signals."""
    return [str(row["signal"]) for row in record.safety if row.get("flagged")]


def is_over_claim(row: Mapping[str, Any]) -> bool:
    """Whether a row is the guard against over-claims, however its name is spelt ("over-claim", "over_claim guard", "overclaim")."""
    return OVER_CLAIM.replace("-", "") in "".join(letter for letter in str(row["signal"]).lower() if letter.isalpha())


def with_unit(row: Mapping[str, Any]) -> str:
    """The unit of a signal as it follows its number: " MPa", " per year", or nothing for a pure number."""
    unit = str(row.get("unit") or "")
    if unit in ("", "-", "1"):
        return ""
    return f" per {unit.removeprefix('1/')}" if unit.startswith("1/") else f" {unit}"


def over_claim_note(record: RunRecord) -> str:
    """The red note beside a gain that is faster than aggrecan is renewed (cells_matrix 9); empty where the guard is quiet."""
    row = next((row for row in record.safety if is_over_claim(row) and row.get("flagged")), None)
    if row is None:
        return ""
    from pulposus.parameters import load_parameters

    half_life = load_parameters()["therapy.safety.aggrecan_half_life"]
    unit = with_unit(row)
    return (
        f"Do not take this gain at face value: glycosaminoglycan rises by {number(row.get('value'))}{unit}, above the limit of "
        f"{exact(row.get('threshold'))}{unit}. Aggrecan of the human nucleus was measured to have a half-life of about "
        f"{exact(half_life.value)} {half_life.unit}s ({half_life.source}), so a disc that refills faster is more likely an error of this "
        "model or of its inputs than an effect of cells."
    )
