"""Reading: formats, orientations, headers that cannot be, damaged files."""

from __future__ import annotations

import gzip
import sys

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from pulposus.errors import InvalidInput, MissingPart
from pulposus.images import import_disc, read_volume
from pulposus.images._header import parse_axes, parse_spacing, plausible_spacing
from pulposus.images._volume import orientation

from .conftest import save

AFFINE = np.array([[0.0, 0.0, 4.4, -20.0], [-0.5, 0.0, 0.0, 30.0], [0.0, -0.6, 0.0, 700.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.fixture
def block() -> np.ndarray:
    voxels = np.zeros((12, 10, 8), dtype=np.uint8)
    voxels[2:9, 3:8, 1:6] = 3
    return voxels


def test_nifti_and_metaimage_give_the_same_patient(block, tmp_path):
    image = sitk.GetImageFromArray(np.transpose(block))
    spacing = np.linalg.norm(AFFINE[:3, :3], axis=0)
    flip = np.diag([-1.0, -1.0, 1.0])
    image.SetSpacing(spacing.tolist())
    image.SetDirection((flip @ AFFINE[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin((flip @ AFFINE[:3, 3]).tolist())
    for ending in ("mha", "nrrd", "mhd"):
        sitk.WriteImage(image, str(tmp_path / f"mask.{ending}"))
        found = read_volume(tmp_path / f"mask.{ending}")
        assert np.array_equal(found.voxels, block)
        assert found.affine == pytest.approx(AFFINE)
    nifti = read_volume(save(tmp_path / "mask.nii.gz", block, AFFINE))
    assert nifti.affine == pytest.approx(AFFINE, abs=1e-5)  # a NIfTI header holds single precision
    assert orientation(nifti.affine) == "PIR"
    assert nifti.digest == read_volume(tmp_path / "mask.nii.gz").digest


def test_the_header_s_unit_is_heeded(block, tmp_path):
    image = nibabel.Nifti1Image(block, np.diag([0.001, 0.001, 0.001, 1.0]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "metre.nii")
    assert read_volume(tmp_path / "metre.nii").spacing == pytest.approx(1.0)


def test_a_fourth_axis_of_one_is_no_series(block, tmp_path):
    assert read_volume(save(tmp_path / "one.nii", block[..., None], AFFINE)).voxels.shape == block.shape
    with pytest.raises(InvalidInput, match="12 x 10 x 8 x 2"):
        read_volume(save(tmp_path / "two.nii", np.stack([block, block], axis=-1), AFFINE))


def test_labels_may_be_stored_as_whole_floats(block, tmp_path):
    assert read_volume(save(tmp_path / "f.nii", block.astype(np.float32), AFFINE)).voxels.dtype == np.int64
    with pytest.raises(InvalidInput, match="not whole numbers"):
        read_volume(save(tmp_path / "p.nii", 0.3 * block.astype(np.float32), AFFINE))
    assert read_volume(tmp_path / "p.nii", labels=False).voxels.max() == pytest.approx(0.9)


def with_header(path, block, affine, code=1):
    """A NIfTI file whose stored orientation is this one, whatever it is."""
    content = bytearray(save(path, block, AFFINE).read_bytes())
    content[252:256] = np.array([0, code], dtype="<i2").tobytes()
    content[280:328] = np.asarray(affine, dtype="<f4")[:3].tobytes()
    path.write_bytes(content)
    return path


SHEARED = np.array([[1.0, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("affine", "code", "words"),
    [
        (AFFINE, 0, "where left and right are"),
        (np.diag([np.nan, 1.0, 1.0, 1.0]), 1, "not a number"),
        (np.diag([0.0, 1.0, 1.0, 1.0]), 1, "no size"),
        (np.diag([300.0, 1.0, 1.0, 1.0]), 1, "beyond any scanner"),
        (SHEARED, 1, "right angles"),
    ],
)
def test_headers_that_cannot_be(block, tmp_path, affine, code, words):
    path = with_header(tmp_path / "broken.nii", block, affine, code)
    with pytest.raises(InvalidInput, match=words) as caught:
        read_volume(path)
    assert "--spacing" in caught.value.remedy
    # What the message says leads to success.
    found = read_volume(path, parse_spacing("0.43,0.43,4.4"), parse_axes("PIR"))
    assert found.spacing == pytest.approx([0.43, 0.43, 4.4])
    assert orientation(found.affine) == "PIR"
    assert "--spacing and --axes" in found.header


def test_an_identity_beside_a_voxel_size_is_a_contradiction(block, tmp_path):
    path = tmp_path / "identity.nii"
    nibabel.save(nibabel.Nifti1Image(block, np.eye(4)), path)
    content = bytearray(path.read_bytes())
    content[80:92] = np.array([0.43, 0.43, 4.4], dtype="<f4").tobytes()
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="contradicts itself"):
        read_volume(path)


def test_two_orientations_that_disagree(block, tmp_path):
    image = nibabel.Nifti1Image(block, AFFINE)
    image.header.set_sform(AFFINE, code=1)
    other = AFFINE.copy()
    other[:3, 0] *= -1.0
    image.header.set_qform(other, code=1)
    nibabel.save(image, tmp_path / "two.nii")
    with pytest.raises(InvalidInput, match="contradict each other"):
        read_volume(tmp_path / "two.nii")


def test_a_qform_alone_is_enough(block, tmp_path):
    image = nibabel.Nifti1Image(block, AFFINE)
    image.header.set_sform(None, code=0)
    image.header.set_qform(AFFINE, code=1)
    nibabel.save(image, tmp_path / "q.nii")
    found = read_volume(tmp_path / "q.nii")
    assert found.header == "qform"
    assert found.affine == pytest.approx(AFFINE, abs=1e-4)


@pytest.mark.parametrize("text", ["0.4,0.4", "a,b,c", "0,1,1", "-1,1,1", "nan,1,1", ""])
def test_spacings_that_are_none(text):
    with pytest.raises(InvalidInput, match="is not a voxel size"):
        parse_spacing(text)


def test_spacings_in_other_words():
    assert parse_spacing("0.43 x 0.43 x 4.4 mm") == pytest.approx([0.43, 0.43, 4.4])


@pytest.mark.parametrize("text", ["RA", "RRS", "RLS", "XYZ", "RASI"])
def test_axes_that_are_none(text):
    with pytest.raises(InvalidInput, match="does not say where"):
        parse_axes(text)


def test_axes_in_small_letters():
    assert parse_axes("las") == pytest.approx(np.diag([-1.0, 1.0, 1.0]))


def test_no_order_of_the_spacings_helps_a_ball():
    assert plausible_spacing(np.array([300, 300, 300]), np.array([1.0, 1.0, 2.0]), (13.0, 98.0, 3.0, 40.0)) == ""


def test_missing_readers_are_named(block, tmp_path, monkeypatch):
    path = save(tmp_path / "m.nii", block, AFFINE)
    sitk.WriteImage(sitk.GetImageFromArray(block), str(tmp_path / "m.mha"))
    (tmp_path / "m.dcm").write_bytes(b"0")
    for module, file, package in (
        ("nibabel", path, "nibabel"),
        ("SimpleITK", tmp_path / "m.mha", "SimpleITK"),
        ("highdicom", tmp_path / "m.dcm", "highdicom"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingPart, match=package) as caught:
            read_volume(file)
        assert "pip install 'pulposus[" in caught.value.remedy


def test_other_files(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"0")
    for path, words in (
        (tmp_path / "no.nii", "does not exist"),
        (tmp_path, "folder"),
        (tmp_path / "picture.png", "not that of an image"),
    ):
        with pytest.raises(InvalidInput, match=words):
            read_volume(path)


def test_colours_are_refused(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((4, 4, 4, 3), dtype=np.uint8), isVector=True)
    sitk.WriteImage(image, str(tmp_path / "colour.mha"))
    with pytest.raises(InvalidInput, match="colours or vectors"):
        read_volume(tmp_path / "colour.mha")
    rgb = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(rgb, np.eye(4)), tmp_path / "colour.nii")
    with pytest.raises(InvalidInput, match="colours"):
        read_volume(tmp_path / "colour.nii")


DAMAGES = ("cut", "header", "lengths", "affine", "type", "fractions", "no label", "four axes", "zipped", "text")


def damaged(damage: str, block: np.ndarray, meta: bytes, random: np.random.Generator, number: int) -> tuple[str, bytes]:
    """Ending and bytes of a file with one defect."""
    whole = bytearray(nibabel.Nifti1Image(block, AFFINE).to_bytes())
    if damage == "cut":
        ending, whole = (".mha", bytearray(meta)) if number % 20 else (".nii", whole)
        return ending, bytes(whole[: int(random.integers(0, len(whole) - 1))])
    if damage == "header":
        for place in random.integers(0, 348, 12):
            whole[place] = int(random.integers(0, 256))
    if damage == "lengths":
        whole[40:56] = np.array([3, *random.integers(-5, 32767, 3), 1, 1, 1, 1], dtype="<i2").tobytes()
    if damage == "affine":
        whole[280:328] = random.choice([np.nan, np.inf, 0.0, 1e30, 1.0], 12).astype("<f4").tobytes()
    if damage == "type":
        whole[70:74] = random.choice([1, 8, 16, 32, 64, 128, 768, 1792, 2048, 9999], 2).astype("<i2").tobytes()
    if damage == "fractions":
        return ".nii", nibabel.Nifti1Image((block * random.uniform(0.1, 0.9)).astype(np.float32), AFFINE).to_bytes()
    if damage == "no label":
        return ".nii", nibabel.Nifti1Image(block * np.uint8(random.choice([0, 2, 50])), AFFINE).to_bytes()
    if damage == "four axes":
        return ".nii", nibabel.Nifti1Image(np.stack([block] * int(random.integers(2, 9)), axis=-1), AFFINE).to_bytes()
    if damage == "zipped":
        return random.choice([".nii", ".mha"]), gzip.compress(bytes(whole))
    if damage == "text":
        return random.choice([".nii", ".nii.gz", ".mha", ".nrrd"]), b"label\t3\n" * int(random.integers(0, 200))
    return ".nii", bytes(whole)


def test_two_hundred_damaged_files_give_one_error_each(block, tmp_path, parameters):
    """One line that a person can act on, no traceback, nothing written; what can be read all the same is too small for a disc."""
    random = np.random.default_rng(11)
    sitk.WriteImage(sitk.GetImageFromArray(block), str(tmp_path / "whole.mha"))
    meta = (tmp_path / "whole.mha").read_bytes()
    (tmp_path / "whole.mha").unlink()
    for number in range(200):
        ending, content = damaged(DAMAGES[number % len(DAMAGES)], block, meta, random, number)
        path = tmp_path / f"damaged{ending}"
        path.write_bytes(content)
        with pytest.raises(InvalidInput) as caught:
            import_disc(path, "L4-L5", 3, parameters=parameters)
        assert caught.value.what and "\n" not in caught.value.what, number
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
        path.unlink()
