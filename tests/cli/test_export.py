"""`pulposus export`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from pulposus.disc import load_disc
from pulposus.report import RunRecord, write_netcdf
from pulposus.report._fields import POPULATIONS, SOLUTES

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an export reads of a run directory."""
    folder = tmp_path_factory.mktemp("stored") / "run"
    folder.mkdir()
    disc = load_disc("human/L4-L5/grade3", "coarse")
    shape = (3, *disc.coordinates.shape[:2])
    data = xarray.Dataset(
        {info.key: (("time", "column", "level"), np.full(shape, 2.5)) for info in (*SOLUTES, *POPULATIONS)},
        coords={"time": ("time", [0.0, 180.0, 365.25])},
    )
    record = RunRecord(
        protocol={"id": {"name": "example"}}, disc=disc, trajectory=data, sham=data, cells=(), ensemble=None, nutrition=(),
        ledger_error=0.0, warnings=(), parameters=(), manifest={"version": "0.0.0"},
    )  # fmt: skip
    write_netcdf(folder / "fields.nc", record)
    for name, content in (("protocol.resolved", {}), ("manifest", {}), ("summary", {"disc": {"grade": 3}})):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    """A copy that a test may write into."""
    shutil.copytree(stored, tmp_path / "run")
    return tmp_path / "run"


def test_an_export_goes_beside_the_run(run: Run, folder: Path) -> None:
    ending = run("export", str(folder), "--to", "xdmf", "--field", "oxygen")
    assert (ending.code, ending.out) == (0, f"{folder / 'exports' / 'xdmf.xdmf'}\n")
    assert "not medical advice" in ending.err


def test_json_says_what_is_in_the_files(run: Run, folder: Path, tmp_path: Path) -> None:
    ending = run("export", str(folder), "--to", "csv", "--time", "6mo", "--out", str(tmp_path / "a.csv"), "--json",
                 "--field", "oxygen", "--field", "pH", "--run", "without_cells")  # fmt: skip
    assert ending.code == 0
    assert ending.json["files"] == [str(tmp_path / "a.csv")]
    assert ending.json["times_day"] == [180.0]
    assert ending.json["course"] == "without_cells"
    assert [field["name"] for field in ending.json["fields"]] == ["oxygen", "pH"]
    # 6 months are 182.625 days.
    assert "the nearest stored time, day 180, was taken" in ending.err


def test_a_stored_time_needs_no_note(run: Run, folder: Path, tmp_path: Path) -> None:
    ending = run("export", str(folder), "--to", "febio", "--time", "12mo", "--out", str(tmp_path / "a.feb"))
    assert ending.code == 0
    assert "nearest" not in ending.err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--to", "xlsx"), "unknown format"),
        (("--to", "csv", "--time", "5y"), "no time 1826.25 day"),
        (("--to", "csv", "--time", "5"), "no unit"),
        (("--to", "csv", "--field", "oxigen"), "no field"),
        (("--to", "csv", "--run", "native_course"), "no course"),
        (("--to", "csv", "--voxel", "1 mm"), "--voxel"),
        (("--to", "csv", "--patient", "disc.yaml"), "--patient"),
        (("--to", "nifti", "--patient", "none.yaml"), "does not exist"),
        (("--to", "vtu", "--out", "/proc/none/x"), "cannot write"),
    ],
)
def test_bad_input_is_one_message(run: Run, folder: Path, arguments: tuple[str, ...], what: str) -> None:
    ending = run("export", str(folder), *arguments, "--json")
    assert ending.code == 3
    assert what in ending.json["error"]["what"]
    assert "Traceback" not in ending.err
    assert not (folder / "exports").exists()


def test_a_disc_without_a_patient(run: Run, folder: Path, tmp_path: Path) -> None:
    shape = "{kind: anatomical, species: human, level: L4-L5}"
    (tmp_path / "disc.yaml").write_text(f"schema_version: 1\nname: mine\nshape: {shape}\n")
    ending = run("export", str(folder), "--to", "nifti", "--patient", str(tmp_path / "disc.yaml"), "--json")
    assert ending.code == 3
    assert "no place in a patient" in ending.json["error"]["what"]


def test_no_run(run: Run, tmp_path: Path) -> None:
    assert run("export", str(tmp_path / "none"), "--to", "csv").code == 3
    assert run("export").code == 2
