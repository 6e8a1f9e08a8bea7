"""Files that are either complete or absent: written beside their place, then renamed onto it. Folders that belong to one result."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Iterator, Sequence
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


def make_empty_folder(path: Path, what: str, begun: str, ended: str) -> None:
    """Make the folder of a result, which may exist when it is empty.

    Args:
        path: The folder.
        what: Name of the result, such as "run".
        begun, ended: Files that stand in the folder of a begun and of a finished result.

    Raises:
        InvalidInput: The folder cannot be made, or holds something already.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        held = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise refuse(path, error) from error
    if held:
        unfinished = begun in held and ended not in held
        raise InvalidInput(
            f"the folder {path.name} already holds {f'an unfinished {what}' if unfinished else 'files'} ({', '.join(held[:3])})",
            where=str(path),
            allowed="a new or an empty folder",
            remedy=f"continue it with: pulposus resume {shlex.quote(str(path))}"
            if unfinished
            else "choose another folder with --out",
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


def make_folder(folder: Path, names: Sequence[str]) -> None:
    """Make a folder for some files.

    Args:
        folder: Made if absent.
        names: Files that it must not hold yet.

    Raises:
        InvalidInput: The folder cannot be written, or holds such a file already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = [name for name in names if (folder / name).exists()]
    except OSError as error:
        raise refuse(folder, error) from error
    if held:
        raise InvalidInput(
            f"the folder {folder.name} already holds {held[0]}",
            where=str(folder),
            allowed="a new folder, or one without a result",
            remedy="choose another folder with --out",
        )
