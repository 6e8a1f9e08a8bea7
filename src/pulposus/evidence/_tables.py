"""Tables as CSV: rows in, validated records out, every problem at once with file, row and field.

The first row names the fields; an empty cell is a missing value. Row numbers are those that an editor shows (the head is row 1).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from pulposus.documents import nearest, read_text
from pulposus.errors import InvalidDocument, InvalidInput

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Record = TypeVar("Record", bound=pydantic.BaseModel)


def read_rows(source: Path | str, label: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The head and the numbered rows of a CSV.

    Args:
        source: A file, or the text itself.
        label: Name in messages.

    Raises:
        InvalidInput: The file cannot be read, has no head, names a column twice, or a row has more cells than the head.
    """
    text = read_text(source, label, kind="CSV") if isinstance(source, Path) else source
    first = text.partition("\n")[0]
    # Spreadsheets of countries with a decimal comma separate by semicolons.
    reader = csv.reader(io.StringIO(text), strict=True, delimiter=max(",;\t", key=first.count))
    rows: list[tuple[int, dict[str, str]]] = []
    head: list[str] = []
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if not head:
                head = [cell.strip() for cell in cells]
                _check_head(head, label)
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(head):
                    raise InvalidInput(
                        f"the row has {len(cells)} cells, the head {len(head)}",
                        where=f"{label}: row {number}",
                        remedy="put text that has a comma in double quotes",
                    )
                rows.append((number, dict(zip(head, (cell.strip() for cell in cells), strict=False))))
    except csv.Error as error:
        raise InvalidInput(
            f"not valid CSV: {error}", where=f"{label}: row {number + 1}", remedy="check the quotes"
        ) from None
    if not head:
        raise InvalidInput("the table is empty", where=label, allowed="a head with the names of the columns, then rows")
    return head, rows


def read_table(source: Path | str, model: type[Record], *, label: str = "") -> list[Record]:
    """The records of a CSV.

    Args:
        source: A file, or the text itself.
        model: What a row is.
        label: Name in messages; that of the file where left out.

    Raises:
        InvalidInput: See `read_rows`.
        InvalidDocument: Cells that do not fit; holds every problem.
    """
    name = label or (str(source) if isinstance(source, Path) else "table")
    head, rows = read_rows(source, name)
    problems = _head_problems(head, model, name)
    records: list[Record] = []
    if not problems:
        for number, row in rows:
            try:
                records.append(model.model_validate({key: cell for key, cell in row.items() if cell}))
            except pydantic.ValidationError as error:
                problems += [
                    _problem(detail, f"{name}: row {number}", row) for detail in error.errors(include_url=False)
                ]
    if problems:
        raise InvalidDocument(name, problems)
    return records


def table_text(records: Sequence[pydantic.BaseModel], model: type[pydantic.BaseModel]) -> str:
    """The records as CSV, which `read_table` reads again."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(model.model_fields)
    for record in records:
        writer.writerow([field_text(value) for value in dict(record).values()])
    return buffer.getvalue()


def field_text(value: Any) -> str:
    """A value as a cell: empty for none, `yes` and `no`, words with semicolons, numbers without digits that say nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ";".join(str(item) for item in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def fields_of(model: type[pydantic.BaseModel]) -> Mapping[str, str]:
    """Columns of a table with their meaning, for a head that people write."""
    return {name: field.description or "" for name, field in model.model_fields.items()}


def _check_head(head: Sequence[str], label: str) -> None:
    doubled = [name for index, name in enumerate(head) if name in head[:index]]
    if doubled:
        raise InvalidInput(f'the column "{doubled[0]}" stands twice', where=f"{label}: row 1")
    if not all(head):
        raise InvalidInput("a column has no name", where=f"{label}: row 1", remedy="name every column, or remove it")


def _head_problems(head: Sequence[str], model: type[pydantic.BaseModel], label: str) -> list[InvalidInput]:
    known = model.model_fields
    where = f"{label}: row 1"
    unknown = [
        InvalidInput(f'unknown column "{name}"', where=where, allowed=", ".join(known), remedy=nearest(name, known))
        for name in head
        if name not in known
    ]
    missing = [
        InvalidInput(f'the column "{name}" is missing', where=where, allowed=field.description or "")
        for name, field in known.items()
        if field.is_required() and name not in head
    ]
    return unknown + missing


def _problem(detail: ErrorDetails, where: str, row: Mapping[str, str]) -> InvalidInput:
    """A problem of one cell or of the row as a whole."""
    field = str(detail["loc"][0]) if detail["loc"] else ""
    place = f"{where}, field {field}" if field else where
    if detail["type"] == "quantity":
        context = detail.get("ctx", {})
        return InvalidInput(context["what"], where=place, allowed=context["allowed"], remedy=context["remedy"])
    if detail["type"] == "missing":
        return InvalidInput("the cell is empty", where=place, remedy="fill it; this field is required")
    allowed = detail["msg"].removeprefix("Input should be ").removeprefix("String should ")
    return InvalidInput(
        f'"{row.get(field, "")}" cannot be used here',
        where=place,
        allowed=allowed,
        remedy=nearest(row.get(field, ""), _choices(allowed)),
    )


def _choices(allowed: str) -> Iterable[str]:
    return allowed.replace(" or ", ", ").replace("'", "").split(", ")
