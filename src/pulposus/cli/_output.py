"""What every command prints: one JSON document or text on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
"""The `--json` option of a command."""


def print_json(document: Any) -> None:
    """Print the one JSON document of a command; arrays become lists.

    Raises:
        ValueError: A number is not finite: JSON has no such number, and a result should have no such value.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    sys.stdout.write(f"{text}\n")


def print_text(*lines: str) -> None:
    """Print a command's result for people."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_note(*lines: str) -> None:
    """Print progress or a remark; it is not part of the result."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table whose columns start at the same place."""
    table = [list(row) for row in rows]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _plain(value: Any) -> Any:
    """Numbers and lists of an array."""
    return value.tolist()
