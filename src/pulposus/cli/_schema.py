"""`pulposus schema protocol|disc`: JSON Schemas of the documents."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json

app = command_app()


class Kind(StrEnum):
    """Kind of document."""

    PROTOCOL = "protocol"
    DISC = "disc"


@app.command()
def schema(kind: Annotated[Kind, typer.Argument(help="Kind of document.")], as_json: Json = False) -> None:
    """Print the JSON Schema of a document, for editors and other programs."""
    if kind is Kind.PROTOCOL:
        from pulposus.therapy import protocol_schema

        print_json(protocol_schema())
    else:
        from pulposus.disc import disc_schema

        print_json(disc_schema())
