"""`pulposus parameters [SEARCH]`: the model's constants."""

from __future__ import annotations

from typing import Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, aligned, print_json, print_text
from pulposus.errors import InvalidInput
from pulposus.parameters import Parameter, load_parameters

app = command_app()


@app.command()
def parameters(
    search: Annotated[
        list[str] | None, typer.Argument(help="Words that a constant's name, unit, source or note contains.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the model's constants with unit, range, source and status."""
    words = " ".join(search or [])
    known = load_parameters()
    found = known.search(words)
    if not found:
        raise InvalidInput(
            f'no constant matches "{words}"', remedy="search for fewer words; without one, all are listed"
        )
    if as_json:
        print_json({"parameters": [record.as_dict() for record in found]})
    elif words and len(found) <= len(known) // 10:
        print_text(*(line for record in found for line in _card(record)))
    else:
        print_text(
            *aligned(
                [record.key, f"{record.value:.6g}", _unit(record), record.range, record.status] for record in found
            )
        )


def _unit(record: Parameter) -> str:
    return "" if record.unit == "1" else record.unit


def _card(record: Parameter) -> list[str]:
    """A constant with its source and note."""
    spread = f"  ({record.range}, {record.distribution})" if record.range else ""
    lines = [
        record.key,
        f"    {f'{record.value:.10g} {_unit(record)}'.rstrip()}{spread}",
        f"    {record.status}: {record.source}",
    ]
    return [*lines, f"    {record.note}"] if record.note else lines
