"""Anybody's data for a meta-analysis: a CSV with one row per study, an outcome and its variance or standard error."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from pulposus.documents import nearest
from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence._tables import read_rows

_LABELS = ("label", "study", "study_id", "name", "trial", "author")
_CONTRASTS = ("contrast", "design", "controlled", "evidence", "allocation")
_UNCONTROLLED = {
    "before-after",
    "pre-post",
    "uncontrolled",
    "single-arm",
    "single arm",
    "case series",
    "case-report",
    "no",
}
_CONTROLLED = {"between-arms", "controlled", "randomised", "randomized", "rct", "parallel", "yes"}


@dataclasses.dataclass(frozen=True)
class EffectTable:
    """Outcomes of k studies.

    Attributes:
        yi: Outcomes.
        vi: Sampling variances.
        moderators: Numbers or texts by column.
        labels: Names of the studies.
        rows: Row numbers in the file.
    """

    yi: tuple[float, ...]
    vi: tuple[float, ...]
    moderators: Mapping[str, list[float] | list[str]]
    labels: tuple[str, ...]
    rows: tuple[int, ...]


def read_effects(
    path: Path,
    yi: str,
    vi: str = "",
    *,
    sei: str = "",
    moderators: Sequence[str] = (),
    label: str = "",
    mixed: bool = False,
) -> EffectTable:
    """Read the columns of a meta-analysis; a bad row is refused with file, row and field, never dropped.

    Args:
        path: CSV with a head.
        yi: Column of the outcomes.
        vi: Column of the sampling variances; or
        sei: column of the standard errors.
        moderators: Columns of a meta-regression; a column of numbers is one coefficient, a column of words a factor.
        label: Column of the names; the first of `label, study, study_id, name, trial, author` where left out.
        mixed: Allow controlled and uncontrolled studies together.

    Raises:
        InvalidInput: Unreadable file, unknown column, variance and standard error both or neither.
        InvalidDocument: Bad cells; holds every one.
    """
    if bool(vi) == bool(sei):
        raise InvalidInput(
            "one column of spreads is needed",
            where="options --vi, --sei",
            allowed="--vi (variance) or --sei (standard error)",
        )
    name = str(path)
    head, rows = read_rows(path, name)
    for option, column in (
        ("--yi", yi),
        ("--vi", vi),
        ("--sei", sei),
        ("--label", label),
        *(("--mods", one) for one in moderators),
    ):
        if column and column not in head:
            raise InvalidInput(
                f'there is no column "{column}"',
                where=f"{name}: row 1 (option {option})",
                allowed=", ".join(head),
                remedy=nearest(column, head),
            )
    if not rows:
        raise InvalidInput("the table has no rows", where=name, allowed="one row per study")
    problems: list[InvalidInput] = []
    outcomes = [_number(row, yi, name, number, problems) for number, row in rows]
    spreads = [_number(row, vi or sei, name, number, problems, positive=True) for number, row in rows]
    factors = {column: _moderator(rows, column, name, problems) for column in moderators}
    if problems:
        raise InvalidDocument(name, problems)
    if not mixed:
        _require_one_contrast(head, rows, moderators, name)
    column = label or next((one for one in _LABELS for found in head if found.lower() == one), "")
    by_lower = {found.lower(): found for found in head}
    column = by_lower.get(column.lower(), column)
    return EffectTable(
        yi=tuple(outcomes),
        vi=tuple(spreads if vi else [spread**2 for spread in spreads]),
        moderators=factors,
        labels=tuple((row.get(column, "") if column else "") or f"row {number}" for number, row in rows),
        rows=tuple(number for number, _ in rows),
    )


def _number(
    row: Mapping[str, str], column: str, name: str, number: int, problems: list[InvalidInput], *, positive: bool = False
) -> float:
    """The number of a cell; a bad one is noted and becomes 1."""
    text = row.get(column, "")
    where = f"{name}: row {number}, field {column}"
    try:
        value = float(text)
    except ValueError:
        what = "the cell is empty" if not text else f'"{text}" is no number'
        remedy = "write a decimal point, not a comma" if "," in text else "fill the cell, or remove the row and say so"
        problems.append(InvalidInput(what, where=where, allowed="a number", remedy=remedy))
        return 1.0
    if not math.isfinite(value) or (positive and value <= 0.0):
        allowed = "a number above 0" if positive else "a finite number"
        remedy = (
            "a study without spread cannot be weighted; correct it, or remove the row and say so" if positive else ""
        )
        problems.append(InvalidInput(f"{text} cannot be used here", where=where, allowed=allowed, remedy=remedy))
        return 1.0
    return value


def _moderator(
    rows: Sequence[tuple[int, Mapping[str, str]]], column: str, name: str, problems: list[InvalidInput]
) -> list[float] | list[str]:
    texts = [row.get(column, "") for _, row in rows]
    for (number, _), text in zip(rows, texts, strict=True):
        if not text:
            problems.append(
                InvalidInput(
                    "the cell is empty",
                    where=f"{name}: row {number}, field {column}",
                    remedy="fill it, or remove the row and say so",
                )
            )
    numbers = [_as_number(text) for text in texts]
    words = [text for text, number in zip(texts, numbers, strict=True) if number is None and text]
    if not words:
        return [number if number is not None else 0.0 for number in numbers]
    # A few words among numbers are mistakes; a column of words is a factor.
    if len(words) < len(texts) / 2:
        problems.extend(
            InvalidInput(
                f'"{text}" is no number',
                where=f"{name}: row {number}, field {column}",
                allowed="numbers in every row, or words in every row",
            )
            for (number, _), text, value in zip(rows, texts, numbers, strict=True)
            if value is None and text
        )
    return texts


def _as_number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _require_one_contrast(
    head: Sequence[str], rows: Sequence[tuple[int, Mapping[str, str]]], moderators: Sequence[str], name: str
) -> None:
    """Controlled and uncontrolled evidence never share a pool silently."""
    for column in head:
        if column.lower() not in _CONTRASTS or column in moderators:
            continue
        words = {row.get(column, "").strip().lower() for _, row in rows}
        if words & _CONTROLLED and words & _UNCONTROLLED:
            raise InvalidInput(
                f'controlled and uncontrolled studies in one pool (column "{column}")',
                where=f"{name}: {column} has {', '.join(sorted(words))}",
                allowed="one kind of evidence: a change before-after is not an effect",
                remedy=f"pool them apart, compare them with --mods {column}, or say --mixed",
            )
