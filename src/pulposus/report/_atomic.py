"""Files that are either complete or absent: written beside their place, then renamed onto it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pulposus.errors import InvalidInput


def refuse(path: Path, error: OSError) -> InvalidInput:
    """The error for a place that cannot be written."""
    return InvalidInput(
        f"cannot write {path.name}: {error.strerror or error}",
        where=str(path),
        allowed="a folder that you may write to, with enough space",
        remedy="choose another folder with --out",
    )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`; it takes the place of `path` when the block ends without an error.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise refuse(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise refuse(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def write_text(path: Path, content: str) -> Path:
    """Write UTF-8 text with Unix line ends in one step."""
    return write_bytes(path, content.encode("utf-8"))
