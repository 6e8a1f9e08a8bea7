"""Complete or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulposus.errors import InvalidInput
from pulposus.report._atomic import replacing, write_text


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "one\n")
    write_text(path, "zwei ä\n")
    assert path.read_bytes() == "zwei ä\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_text(tmp_path / "file.txt", "old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "not a folder")
    with pytest.raises(InvalidInput, match="cannot write") as caught:
        write_text(tmp_path / "file" / "below.txt", "x")
    assert caught.value.exit_code == 3
    assert "--out" in caught.value.remedy


def test_an_error_of_the_system_while_writing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InvalidInput, match="cannot write"):
        write_text(tmp_path / "taken", "a folder stands here")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]
