"""`pulposus validate FILE`: checks a document without computing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_text
from pulposus.documents import read_document, top_level_keys

app = command_app()


@app.command()
def validate(
    file: Annotated[str, typer.Argument(help="A protocol or a disc: a YAML file, or the name of a built-in one.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value, such as dose.cells='4e6 cell'."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a protocol or a disc without computing; report every problem at once."""
    kind, name = _check(file, overrides or [])
    if as_json:
        print_json({"file": file, "kind": kind, "name": name, "valid": True})
    else:
        print_text(f"{file}: valid {kind} ({name})")


def _check(file: str, overrides: list[str]) -> tuple[Literal["protocol", "disc"], str]:
    """Kind and name of a valid document.

    Raises:
        InvalidInput: The document cannot be read or used; says why.
    """
    from pulposus.disc import DiscDocument
    from pulposus.therapy import load_protocol

    path = Path(file)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if "shape" in top_level_keys(path):
            return "disc", read_document(path, DiscDocument, overrides=overrides).name
    elif "/" in file:
        return "disc", _built_in_disc(file, overrides)
    protocol = load_protocol(file, overrides)
    for disc in (protocol.disc.name, *protocol.disc.also):
        chosen = path.parent / disc
        if chosen.suffix in (".yaml", ".yml"):
            read_document(chosen, DiscDocument)
        else:
            _built_in_disc(disc, [])
    return "protocol", protocol.name


def _built_in_disc(name: str, overrides: list[str]) -> str:
    from pulposus.disc import DiscDocument, document_of
    from pulposus.parameters import load_parameters

    printed, text = document_of(name, load_parameters())
    return read_document(text, DiscDocument, overrides=overrides, name=printed).name
