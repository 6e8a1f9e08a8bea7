"""`pulposus disc import` from the command line: JSON, files, exit codes, wrong input."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from pulposus.disc import load_disc

KEYS = {
    "status",
    "reasons",
    "level",
    "volume_mm3",
    "mask_volume_mm3",
    "dice",
    "mean_surface_distance_mm",
    "height_anterior_mm",
    "height_middle_mm",
    "height_posterior_mm",
    "width_mm",
    "depth_mm",
    "seconds",
}


@pytest.fixture(scope="module")
def mask(tmp_path_factory) -> Path:
    """An elliptic, slightly biconvex disc of 44 x 32 mm in slices of 4 mm, label 3, and a ball, label 9."""
    path = tmp_path_factory.mktemp("masks") / "patient.nii.gz"
    affine = np.diag([4.0, 0.5, 0.5, 1.0])
    affine[:3, 3] = (-26.0, -24.0, -20.0)
    index = np.stack(np.meshgrid(np.arange(14), np.arange(97), np.arange(130), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(index @ affine[:3, :3] + affine[:3, 3], -1, 0)
    radius = (x / 22.0) ** 2 + (y / 16.0) ** 2
    voxels = 3 * ((radius < 1.0) & (np.abs(z) < 5.0 - 1.0 * radius))
    voxels[(x**2 + y**2 + (z - 26.0) ** 2) < 15.5**2] = 9
    image = nibabel.Nifti1Image(voxels.astype(np.uint8), affine)
    nibabel.save(image, path)
    return path


def test_an_accepted_disc_is_written_and_can_be_used(run, mask, tmp_path):
    out, picture = tmp_path / "disc.yaml", tmp_path / "fit.png"
    ending = run(
        "disc",
        "import",
        str(mask),
        "--label",
        "3",
        "--level",
        "L4L5",
        "--out",
        str(out),
        "--picture",
        str(picture),
        "--json",
    )
    assert ending.code == 0
    record = ending.json
    assert set(record) >= KEYS
    assert (record["status"], record["reasons"], record["level"]) == ("accepted", [], "L4-L5")
    # The promise is 3 % of the voxels; they themselves miss the smooth body, pi a b (2 * 5 - 2/2), by 3.2 % at its ends in 4 mm slices.
    voxels = np.count_nonzero(np.asarray(nibabel.load(mask).dataobj) == 3) * 4.0 * 0.5 * 0.5
    assert record["mask_volume_mm3"] == pytest.approx(voxels, rel=1e-6)
    assert record["volume_mm3"] == pytest.approx(voxels, rel=0.03)
    assert voxels == pytest.approx(np.pi * 22.0 * 16.0 * 9.0, rel=0.035)
    assert record["depth_mm"] == pytest.approx(32.0, abs=0.5)
    assert record["height_middle_mm"] == pytest.approx(10.0, abs=0.5)
    assert "research use only" in ending.err.lower()
    assert picture.stat().st_size > 20_000
    assert load_disc(out, "coarse").description.level == "L4-L5"
    assert run("validate", str(out)).code == 0
    shown = run("disc", "show", str(out), "--resolution", "coarse", "--json")
    # The coarse rim is a polygon of 32 sides of the same area: its corners lie 0.5 % outside.
    assert shown.json["measures"]["depth"] == pytest.approx(record["depth_mm"], rel=0.006)


def test_the_result_for_people(run, mask):
    ending = run("disc", "import", str(mask), "--label", "3", "--level", "L4-L5")
    assert ending.code == 0
    assert ending.out.startswith("patient L4-L5: accepted\n")
    assert "overlap (Dice)" in ending.out


def test_a_refused_disc_exits_with_3_and_is_not_written(run, mask, tmp_path):
    out = tmp_path / "disc.yaml"
    ending = run("disc", "import", str(mask), "--label", "9", "--level", "L3-L4", "--out", str(out), "--json")
    assert ending.code == 3
    assert ending.json["status"] == "refused"
    assert "height-implausible" in ending.json["reasons"]
    assert len(ending.json["explanations"]) == len(ending.json["reasons"])
    assert not out.exists()
    assert "no disc written" in ending.err


def test_a_disc_that_exists_is_kept(run, mask, tmp_path):
    out = tmp_path / "disc.yaml"
    out.write_text("edited by hand", encoding="utf-8")
    ending = run("disc", "import", str(mask), "--label", "3", "--level", "L4-L5", "--out", str(out))
    assert ending.code == 3
    assert "exists already" in ending.err
    assert out.read_text(encoding="utf-8") == "edited by hand"


def _damaged(mask: Path, damage: str) -> bytes:
    """The bytes of an uncompressed NIfTI file with one defect."""
    image = nibabel.load(mask)
    voxels = np.asarray(image.dataobj)
    kinds = {"fractions": voxels * 0.37, "no label": voxels * 0, "four axes": np.stack([voxels, voxels], axis=-1)}
    held = kinds.get(damage, voxels)
    kind = np.float32 if damage == "fractions" else np.uint8
    content = bytearray(nibabel.Nifti1Image(held.astype(kind), image.affine).to_bytes())
    if damage == "truncated":
        return bytes(content[: len(content) // 2])
    if damage == "complex":
        content[70:74] = np.array([32, 64], dtype="<i2").tobytes()
    if damage == "no numbers":
        content[280:284] = np.array([np.nan], dtype="<f4").tobytes()
    if damage == "huge":
        content[40:48] = np.array([3, 32767, 32767, 32767], dtype="<i2").tobytes()
    return bytes(content)


@pytest.mark.parametrize(
    "damage", ["truncated", "complex", "fractions", "no label", "no numbers", "four axes", "huge", "empty file"]
)
def test_damaged_input_gives_one_error_and_writes_nothing(run, mask, tmp_path, damage):
    path = tmp_path / "damaged.nii"
    path.write_bytes(b"" if damage == "empty file" else _damaged(mask, damage))
    ending = run(
        "disc", "import", str(path), "--label", "3", "--level", "L4-L5",
        "--out", str(tmp_path / "disc.yaml"), "--picture", str(tmp_path / "fit.png"),
    )  # fmt: skip
    assert ending.code == 3
    assert ending.out == ""
    assert ending.err.count("error[") == 1
    assert "Traceback" not in ending.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["damaged.nii"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--label", "4", "--level", "L4-L5"), 3, "no voxel has the label 4"),
        (("--level", "L4-L5"), 3, "which label is L4-L5 is not said"),
        (("--label", "3", "--level", "L9-L5"), 3, "unknown human level"),
        (("--label", "3", "--level", "L4-L5", "--spacing", "1,2"), 3, "is not a voxel size"),
        (("--label", "3", "--level", "L4-L5", "--axes", "XYZ"), 3, "does not say where"),
        (("--label", "3", "--level", "L4-L5", "--out", "disc.txt"), 3, "cannot write to"),
        (("--label", "3", "--level", "L4-L5", "--out", "/no/such/folder/disc.yaml"), 3, "does not exist"),
        (("--label", "3", "--level", "L4-L5", "--picture", "fit.doc"), 3, "cannot write to"),
        (("--label", "3", "--level", "L4-L5", "--nucleus-set", "NP"), 2, "no element sets"),
        (("--label", "3", "--level", "L4-L5", "--grade", "6"), 2, ""),
        (("--label", "three", "--level", "L4-L5"), 2, ""),
        (("--label", "3"), 2, "--level"),
    ],
)
def test_wrong_input(run, mask, arguments, code, words):
    ending = run("disc", "import", str(mask), *arguments)
    assert ending.code == code
    assert words in ending.err
    assert "Traceback" not in ending.err
    assert ending.out == ""


def test_a_mesh_takes_no_labels(run, tmp_path):
    (tmp_path / "disc.inp").write_text("*Node\n", encoding="utf-8")
    ending = run("disc", "import", str(tmp_path / "disc.inp"), "--level", "L4-L5", "--label", "3")
    assert ending.code == 2
    assert "a mesh has no labels" in ending.err
