"""`pulposus demo`: the main job in one word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulposus.cli import _demo
from pulposus.therapy import protocol_text


def test_the_demo_is_the_published_study_with_an_ensemble() -> None:
    assert (_demo.PROTOCOL, _demo.MEMBERS) == ("orozco-2011", 64)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo on a coarse slab for six hours; everything else is as it is."""
    file = tmp_path / "small.yaml"
    text = protocol_text("orozco-2011").replace("duration: 12 month", "duration: 6 hour")
    file.write_text(f"{text}\nnumerics: {{level: slab, resolution: coarse}}\n", encoding="utf-8")
    monkeypatch.setattr(_demo, "PROTOCOL", str(file))
    monkeypatch.setattr(_demo, "MEMBERS", 2)
    return tmp_path


def test_the_answer_is_the_report(run, small: Path) -> None:
    ending = run("demo", "--out", str(small / "demo"))
    assert (ending.code, ending.out) == (0, f"{small / 'demo' / 'report.html'}\n")
    assert (small / "demo" / "report.html").is_file()
    assert "2 draws from the priors" in ending.err


def test_json(run, small: Path) -> None:
    ending = run("demo", "--out", str(small / "demo"), "--json")
    assert ending.json == json.loads((small / "demo" / "summary.json").read_text(encoding="utf-8"))
    assert ending.json["ensemble"]["members"] == 2


def test_the_default_folder(run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small)
    ending = run("demo")
    assert ending.code == 0
    assert ending.out.startswith("runs/")
    assert (small / ending.out.strip()).is_file()


def test_a_folder_that_is_not_empty(run, small: Path) -> None:
    ending = run("demo", "--out", str(small))
    assert (ending.code, ending.out) == (3, "")
    assert "already holds files (small.yaml)" in ending.err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_itself(run, tmp_path: Path) -> None:
    """One standard disc in 3D over twelve months and 64 members: what `make demo` shows."""
    ending = run("demo", "--out", str(tmp_path / "demo"), "--json")
    assert ending.code == 0
    document = ending.json
    assert document["disc"]["resolution"] == "standard"
    assert document["cells"][-1]["time_day"] == 365.25
    assert document["ledger_error"] < 1e-10
    ensemble = document["ensemble"]
    assert ensemble["members"] + len(ensemble["refused"]) + ensemble["failed"] == 64
    assert ensemble["failed"] == 0
    assert {row["time_day"] for row in document["nutrition"]} == {0.0, 1.0, 28.0, 365.25}
    assert (tmp_path / "demo" / "report.html").stat().st_size < 5_000_000
