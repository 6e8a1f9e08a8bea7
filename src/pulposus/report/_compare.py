"""A comparison of arms: one offline page, one JSON document and one tidy table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.errors import InvalidInput
from pulposus.report import _compare_tables as tables
from pulposus.report._atomic import write_text
from pulposus.report._compare_figures import ARM_STYLES, arms_over_time, intervals
from pulposus.report._compare_measures import Arm, common_end
from pulposus.report._page import render
from pulposus.report._runs import NATIVE_COURSE, WITHOUT_CELLS
from pulposus.report._safety import DISCLAIMER, over_claim_note, raised_signals
from pulposus.report._tables import csv_text, json_text
from pulposus.report._wording import moment
from pulposus.report._words import disc_name

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

PAGE, NUMBERS, TABLE = "compare.html", "compare.json", "compare.csv"
_NAMES = {
    "answer": "Summary",
    "time": "The arms over time",
    "ends": "The arms side by side",
    "uncertainty": "Uncertainty",
    "safety": "Safety signals by arm",
    "reported": "What the papers reported",
    "reproduce": "Reproduce",
}


def _checked(records: Sequence[tuple[str, RunRecord]]) -> list[Arm]:
    """The arms.

    Raises:
        InvalidInput: No arm, more than the figures can tell apart, or two of one name.
    """
    arms = list(records)
    if not 1 <= len(arms) <= len(ARM_STYLES):
        raise InvalidInput(
            f"{len(arms)} arms cannot be compared",
            where="the arms of the comparison",
            allowed=f"1 to {len(ARM_STYLES)} arms",
            remedy="compare fewer arms at once",
        )
    names = [name for name, _ in arms]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(
            f'two arms are called "{twice}"',
            where="the arms of the comparison",
            allowed="one name for each arm",
            remedy="give the protocols different names",
        )
    return arms


def render_comparison(records: Sequence[tuple[str, RunRecord]], title: str) -> str:
    """The page as text.

    Args:
        records: Name and finished run of every arm, at most eight.
        title: Heading.

    Raises:
        InvalidInput: No arm, too many, or two of one name.
    """
    arms = _checked(records)
    first = arms[0][1]
    same = len({record.disc.description.name for _, record in arms}) == 1
    spread = intervals(arms)
    safety = any(record.safety for _, record in arms)
    optional = {"uncertainty": spread, "safety": tables.safety_by_arm(arms) if safety else None}
    sections = {key: name for key, name in _NAMES.items() if optional.get(key, True)}
    alone = any(record.native_course is not None for _, record in arms)
    keys = (WITHOUT_CELLS, NATIVE_COURSE) if alone else (WITHOUT_CELLS,)
    return render(
        "compare.html.j2",
        sections=sections,
        heads={key: f"{place} {name}" for place, (key, name) in enumerate(sections.items(), start=1)},
        **optional,
        title=title,
        disc_text=first.disc.description.text if same else "The arms were run in different discs.",
        question=f"How do {len(arms)} arms differ in {disc_name(first) if same else 'their discs'} at {moment(common_end(arms))}?",
        answer=tables.answer_table(arms),
        over_claims=tables.grouped((name, note) for name, record in arms if (note := over_claim_note(record))),
        raised=tables.grouped((name, signal) for name, record in arms for signal in raised_signals(record)),
        warnings=tables.grouped((name, warning) for name, record in arms for warning in record.warnings),
        arms=tables.arm_table(arms),
        timeline=arms_over_time(arms),
        ends=[tables.ends_table(arms), *(tables.difference_table(arms, key) for key in keys)],
        disclaimer=DISCLAIMER,
        reported=tables.reported_by_arm(arms),
        reproduce=tables.identity_table(arms),
    )


def comparison_document(records: Sequence[tuple[str, RunRecord]], title: str) -> dict[str, Any]:
    """The comparison as plain data, also printed by `pulposus compare --json`."""
    return {
        "title": title,
        "simulated": True,
        "research_use_only": True,
        "arms": {name: tables.arm_document(record) for name, record in _checked(records)},
    }


def write_comparison(
    folder: Path, records: Sequence[tuple[str, RunRecord]], title: str = "Comparison of arms"
) -> dict[str, Path]:
    """Write `compare.html`, `compare.json` and `compare.csv`.

    Args:
        folder: Made if absent.
        records: Name and finished run of every arm, at most eight.
        title: Heading.

    Returns:
        Files by name.

    Raises:
        InvalidInput: No arm, too many, two of one name, or the folder cannot be written.
    """
    arms = _checked(records)
    contents = {
        PAGE: render_comparison(arms, title),
        NUMBERS: json_text(comparison_document(arms, title)),
        TABLE: csv_text(tables.COLUMNS, tables.csv_rows(arms)),
    }
    return {name: write_text(folder / name, content) for name, content in contents.items()}
