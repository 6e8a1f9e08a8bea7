"""Where protocols come from: the built-in studies and files, and the arms derived from them; the schema that editors use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pulposus.documents import nearest, read_document
from pulposus.errors import InvalidInput
from pulposus.therapy._protocol import Protocol


def load_protocol(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Protocol:
    """Read a built-in protocol or a YAML file, or one of its arms.

    Args:
        name_or_path: Name of a built-in protocol (`list_protocols` has them), or the path of a file; `orozco-2011:sham-needle` is an arm of
            it (`Protocol.arm`).
        overrides: `key=value` texts, such as `"dose.cells=4e6 cell"`; they change the protocol before the arm is made of it.

    Raises:
        InvalidInput: Unknown name, unreadable file, unknown arm.
        InvalidDocument: The content does not fit the schema; holds every problem.
    """
    name, arm = split_arm(name_or_path)
    protocol = _read(name, overrides)
    return protocol if arm is None else protocol.arm(arm)


def split_arm(name_or_path: str | Path) -> tuple[str, str | None]:
    """The name or path of a protocol and, after a colon, its arm; a file whose own name has a colon is a file."""
    text = str(name_or_path)
    name, colon, arm = text.rpartition(":")
    is_path = any(mark in arm for mark in "/\\.")
    return (text, None) if not colon or is_path or Path(text).exists() else (name, arm)


def protocol_text(name_or_path: str | Path) -> str:
    """The text of a protocol as its author wrote it, for the record of a run; an arm has the text of its protocol.

    Raises:
        OSError: The file cannot be read.
    """
    name, _ = split_arm(name_or_path)
    source = _folder() / f"{name}.yaml" if name in list_protocols() else Path(name)
    return source.read_text(encoding="utf-8")


def list_protocols() -> tuple[str, ...]:
    """Names of the built-in protocols."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml"))
    )


def protocol_schema() -> dict[str, Any]:
    """JSON Schema of a protocol file; editors use it to check and complete."""
    schema = Protocol.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pulposus protocol",
        **{key: entry for key, entry in schema.items() if key != "title"},
    }


def _read(name: str, overrides: Sequence[str]) -> Protocol:
    built_in = list_protocols()
    if name in built_in:
        text = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
        return read_document(text, Protocol, overrides=overrides, name=f"{name} (built in)")
    path = Path(name)
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        raise InvalidInput(
            f'unknown protocol "{name}"',
            where=f"protocol {name}",
            allowed=f"{', '.join(built_in)}, or the path of a YAML file",
            remedy=nearest(name, built_in),
        )
    return read_document(path, Protocol, overrides=overrides)


def _folder() -> Any:
    return resources.files("pulposus") / "data" / "protocols"
