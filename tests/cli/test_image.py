"""`pulposus image`: files, the JSON document, and refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from pulposus.cli import main
from pulposus.cli._image import moment_name

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two days on the coarse mesh."""
    folder = tmp_path_factory.mktemp("image") / "run"
    words = ["run", "orozco-2011", "--until", "2 day", "--ensemble", "0", "--set", "numerics.resolution=coarse"]
    with pytest.raises(SystemExit) as caught:
        main([*words, "--out", str(folder)])
    assert caught.value.code == 0
    return folder


def test_a_scan_is_written_with_volume_labels_and_sidecar(run: Run, finished: Path) -> None:
    ending = run("image", str(finished), "--time", "2 day", "--json")
    assert ending.code == 0
    assert "Research use only" in ending.err
    document = ending.json
    names = [Path(file).name for file in document["files"]]
    assert names == [
        "t2w-2d-with_cells.png",
        "t2w-2d-with_cells.json",
        "t2w-2d-with_cells.nii.gz",
        "t2w-2d-with_cells_labels.nii.gz",
    ]
    assert all(Path(file).is_file() for file in document["files"])
    # A grade IV disc: law 47 ms with the water law of the matrix (rulings 3), within the spread of grade IV.
    assert document["reading"]["pfirrmann_grade"] == 4
    assert document["reading"]["nucleus_T2_ms"] == pytest.approx(47.0, abs=3.0)
    labels = np.asarray(nibabel.load(document["files"][3]).dataobj)
    assert {94, 95, 100, 2} <= set(np.unique(labels).tolist())
    assert json.loads(Path(document["files"][1]).read_text(encoding="utf-8"))["time_day"] == 2.0


def test_the_nearest_stored_time_is_shown_and_said(run: Run, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "map.png"
    ending = run(
        "image", str(finished), "--time", "40 hour", "--kind", "t2map", "--out", str(out), "--arm", "native_course"
    )
    assert ending.code == 0
    assert "nearest stored time: day 2 (asked: day 1.66667)" in ending.err
    assert out.read_bytes()[:4] == b"\x89PNG"
    assert "native_course" in ending.out
    assert sorted(file.name for file in out.parent.iterdir()) == ["map.json", "map.png"]


def test_a_slide(run: Run, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "slide.png"
    words = ("image", str(finished), "--time", "0 day", "--kind", "histology", "--stain", "safranin-o", "--mark-donor")
    ending = run(*words, "--out", str(out), "--json")
    assert ending.code == 0
    assert ending.json["stain"] == "safranin-o"
    assert len(ending.json["score"]["items"]) == 8
    assert ending.json["score"]["fields"]["nucleus_donor_million_per_mL"] > 0.0
    assert out.read_bytes()[:4] == b"\x89PNG"
    assert (
        json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["score"]["total"]
        == ending.json["score"]["total"]
    )
    assert "sum 0 to 16" in run(*words, "--out", str(out)).out


def test_findings_and_slices_of_a_volume(run: Run, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.nii"
    words = (
        "--finding",
        "modic=1",
        "--finding",
        "bulge=2 mm",
        "--finding",
        "vacuum",
        "--slices",
        "3",
        "--neighbour-grade",
        "4",
    )
    ending = run("image", str(finished), "--time", "0 day", "--kind", "adc", "--out", str(out), *words, "--json")
    assert ending.code == 0
    found = ending.json["findings"]["L4-L5"]
    assert (found["modic"], found["bulge"], found["vacuum"]) == (1, 2.0, True)
    assert nibabel.load(out).shape[0] == 3
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", "a.nii", "a_labels.nii"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--time", "3 day"), 3, "stored: 0, 0.25, 0.5, 1, 2 day"),
        (("--time", "-1 day"), 3, "before the treatment"),
        (("--time", "5"), 3, "has no unit"),
        ((), 2, "at which time?"),
        (("--time", "1 day", "--kind", "ct"), 2, 'no image "ct"'),
        (("--time", "1 day", "--stain", "he"), 2, "stains nothing here"),
        (("--time", "1 day", "--kind", "histology", "--stain", "pas"), 2, "stains nothing here"),
        (("--time", "1 day", "--arm", "left"), 2, 'no arm "left"'),
        (("--time", "1 day", "--out", "a.jpg"), 2, "a.jpg is not a picture"),
        (("--time", "1 day", "--kind", "histology", "--out", "a.nii.gz"), 2, "is not a picture"),
        (("--time", "1 day", "--slices", "2"), 3, "cannot be centred"),
        (("--time", "1 day", "--neighbour-grade", "9"), 3, "no grade 9"),
        (("--time", "1 day", "--finding", "tumour"), 3, '"tumour" is no finding'),
        (("--time", "1 day", "--finding", "modic=7"), 3, '"modic=7" is no finding'),
        (("--time", "1 day", "--finding", "bulge=-1 mm"), 3, "cannot be negative"),
    ],
)
def test_wrong_words_are_refused_and_nothing_is_written(
    run: Run,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(finished.rglob("*"))
    ending = run("image", str(finished), *words)
    assert ending.code == code
    assert text in ending.err
    assert "Traceback" not in ending.err
    assert sorted(finished.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_no_run_are_refused(run: Run, finished: Path, tmp_path: Path) -> None:
    assert "is not a run directory" in run("image", str(tmp_path), "--time", "1 day").err
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    for name in ("options.json", "protocol.resolved.json"):
        shutil.copy(finished / name, unfinished / name)
    ending = run("image", str(unfinished), "--time", "1 day")
    assert ending.code == 3
    assert "pulposus resume" in ending.err
    (unfinished / "fields.nc").write_bytes(b"not a file of fields")
    assert "cannot be read" in run("image", str(unfinished), "--time", "1 day").err
    shutil.copy(finished / "fields.nc", unfinished / "fields.nc")
    (unfinished / "options.json").write_text('{"disc": "human/L4-L5/grade4"}', encoding="utf-8")
    assert "is damaged" in run("image", str(unfinished), "--time", "1 day").err


def test_a_run_on_one_column_has_nothing_to_picture(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "slab"
    words = ("run", "orozco-2011", "--until", "1 day", "--ensemble", "0", "--set", "numerics.resolution=coarse")
    assert run(*words, "--set", "numerics.level=slab", "--out", str(folder)).code == 0
    ending = run("image", str(folder), "--time", "1 day")
    assert ending.code == 3
    assert "nothing to picture" in ending.err


def test_names_of_moments() -> None:
    assert [moment_name(day) for day in (0.0, 2.0, 30.4375, 365.25, 100.0)] == ["0d", "2d", "1mo", "12mo", "100d"]
