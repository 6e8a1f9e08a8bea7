"""`pulposus disc export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
DISC = ("human/L4-L5/grade3", "--resolution", "coarse")


def test_a_mesh_for_abaqus(run: Run, tmp_path: Path) -> None:
    ending = run("disc", "export", *DISC, "--to", "abaqus", "--out", str(tmp_path / "disc.inp"), "--json")
    assert ending.code == 0
    assert ending.json["files"] == [str(tmp_path / "disc.inp")]
    assert (ending.json["disc"], ending.json["nodes"]) == ("human/L4-L5/grade3", 5213)
    assert "not medical advice" in ending.err


def test_text_names_the_file(run: Run, tmp_path: Path) -> None:
    ending = run(
        "disc", "export", "rat/tail", "--resolution", "coarse", "--to", "vtu", "--out", str(tmp_path / "a.vtu")
    )
    assert (ending.code, ending.out) == (0, f"{tmp_path / 'a.vtu'}\n")


def test_a_mask_in_voxels_of_a_length(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    ending = run(
        "disc", "export", *DISC, "--to", "nifti-mask", "--out", str(tmp_path / "m.nii.gz"), "--voxel", "1 mm", "--json"
    )
    assert (ending.code, ending.json["space"]) == (0, "disc")
    assert ending.json["voxels_inside"] == round(ending.json["mask_volume_mm3"])


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--to", "obj", "--out", "x.obj"), "unknown format"),
        (("--to", "vtu", "--out", "x.feb"), "not the name"),
        (("--to", "vtu", "--out", "x.vtu", "--voxel", "1 mm"), "--voxel"),
        (("--to", "nifti-mask", "--out", "x.nii.gz", "--voxel", "1 s"), "cannot be converted"),
        (("--to", "nifti-mask", "--out", "x.nii.gz", "--voxel", "0 mm"), "too small"),
        (("--to", "nifti-mask", "--out", "x.nii.gz", "--like", "missing.nii.gz"), "no place in a patient"),
        (("--to", "vtu", "--out", "/proc/none/x.vtu"), "cannot write"),
    ],
)
def test_bad_input_is_one_message(run: Run, arguments: tuple[str, ...], what: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ending = run("disc", "export", *DISC, *arguments, "--json")
    assert ending.code == 3
    assert what in ending.json["error"]["what"]
    assert "Traceback" not in ending.err
    assert list(tmp_path.iterdir()) == []


def test_no_format_is_wrong_usage(run: Run) -> None:
    assert run("disc", "export", *DISC).code == 2
