"""`pulposus compare`: arms side by side, one document, and going on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulposus.cli._compare import _name
from pulposus.cli._comparison import COMPARISON, MOST_ARMS

QUICK = ("--set", "numerics.level=slab", "--until", "1 day")


def test_two_arms_in_one_report(run, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    ending = run("compare", "orozco-2011", "orozco-2011:none", *QUICK, "--out", str(folder), "--json")
    assert ending.code == 0, ending.err
    document = json.loads(ending.out)
    assert set(document["arms"]) == {"orozco-2011", "orozco-2011:none"}
    assert document["research_use_only"] is True
    assert {path.name for path in folder.iterdir()} >= {"compare.html", "compare.json", "compare.csv", COMPARISON}
    assert not list(folder.glob("arms/*/checkpoints"))
    again = run("resume", str(folder))
    assert again.code == 3 and "is finished" in again.err


@pytest.mark.slow
def test_an_unfinished_comparison_goes_on(run, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    arms = ("no-treatment", "conservative-care")
    assert run("compare", *arms, *QUICK, "--out", str(folder)).code == 0
    first = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    for name in ("compare.html", "compare.json", "compare.csv"):
        (folder / name).unlink()
    ending = run("resume", str(folder), "--json")
    assert ending.code == 0, ending.err
    second = json.loads(ending.out)
    for arm in arms:
        assert second["arms"][arm]["cells"] == first["arms"][arm]["cells"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("orozco-2011", "orozco-2011"), 'two arms are called "orozco-2011"'),
        (tuple(f"orozco-2011{':none' if n else ''}" for n in range(MOST_ARMS + 1)), f"{MOST_ARMS + 1} arms cannot"),
    ],
)
def test_arms_that_no_report_could_show(run, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    ending = run("compare", *arguments, *QUICK, "--out", str(tmp_path / "x"))
    assert ending.code == 3
    assert message in ending.err


def test_a_damaged_comparison_is_refused(run, tmp_path: Path) -> None:
    (tmp_path / COMPARISON).write_text("{", encoding="utf-8")
    ending = run("resume", str(tmp_path))
    assert ending.code == 3 and "cannot be read" in ending.err


def test_names_of_arms() -> None:
    assert [_name(text) for text in ("orozco-2011", "a/b.yaml", "a/b.yaml:none")] == ["orozco-2011", "b", "b:none"]
