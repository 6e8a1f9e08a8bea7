"""Where the disc of a run lies in a patient: from the imported disc.yaml, which has to be the disc of the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.exports import StoredRun, open_run
from pulposus.exports._nifti import ImageTarget
from pulposus.exports._patient import frame_in, frame_of_run, with_place_of

FRAME = "frame: {origin: [3 mm, -40 mm, 612 mm], axes: [[1.0, 0.0, 0.0], [0.0, 0.6, -0.8], [0.0, 0.8, 0.6]]}"


def disc_yaml(path: Path, more: str) -> Path:
    shape = f"{{kind: anatomical, species: human, level: L4-L5, {more}}}"
    path.write_text(f"schema_version: 1\nname: patient\ngrade: 3\nshape: {shape}\n")
    return path


@pytest.fixture
def run(run_folder: Path, tmp_path: Path) -> StoredRun:
    """A copy of the run that a test may write into."""
    shutil.copytree(run_folder, tmp_path / "run")
    return open_run(tmp_path / "run")


def test_the_frame_of_a_document(tmp_path: Path) -> None:
    frame = frame_in(disc_yaml(tmp_path / "disc.yaml", FRAME))
    assert frame is not None
    np.testing.assert_array_equal(frame.to_patient(np.zeros((1, 3))), [[3.0, -40.0, 612.0]])
    np.testing.assert_allclose(frame.to_patient(np.array([[0.0, 0.0, 1.0]])) - frame.origin, [[0.0, 0.8, 0.6]])
    assert frame_in(disc_yaml(tmp_path / "plain.yaml", "width: 50 mm")) is None


def test_the_disc_of_the_run_is_found_by_itself(run: StoredRun, tmp_path: Path) -> None:
    path = disc_yaml(tmp_path / "disc.yaml", FRAME)
    assert frame_of_run(run, None) is None
    (run.path / "options.json").write_text(json.dumps({"disc": str(path)}))
    found = frame_of_run(run, None)
    assert found is not None and found.origin[2] == 612.0
    disc_yaml(path, f"width: 44 mm, {FRAME}")
    assert frame_of_run(run, None) is None
    path.unlink()
    assert frame_of_run(run, None) is None
    (run.path / "options.json").write_text(json.dumps({"disc": "human/L4-L5/grade3"}))
    assert frame_of_run(run, None) is None


def test_a_named_disc_has_to_be_that_of_the_run(run: StoredRun, tmp_path: Path) -> None:
    found = frame_of_run(run, disc_yaml(tmp_path / "disc.yaml", FRAME))
    assert found is not None
    with pytest.raises(InvalidInput, match="not the disc of the run"):
        frame_of_run(run, disc_yaml(tmp_path / "other.yaml", f"width: 44 mm, {FRAME}"))
    with pytest.raises(InvalidInput, match="no place in a patient"):
        frame_of_run(run, disc_yaml(tmp_path / "plain.yaml", "width: 50 mm"))


def test_the_place_of_a_disc_that_is_named_on_the_command_line(tmp_path: Path) -> None:
    target = with_place_of(ImageTarget(voxel=1.0), str(disc_yaml(tmp_path / "disc.yaml", FRAME)))
    assert target.frame is not None and target.voxel == 1.0
    assert with_place_of(ImageTarget(), "human/L4-L5/grade3").frame is None
