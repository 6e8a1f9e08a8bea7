"""DICOM segmentations: one made with highdicom is the disc of the NIfTI file of the same voxels; damaged ones are refused in a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.images import import_disc, read_volume

from .conftest import save, voxelise

highdicom = pytest.importorskip("highdicom", reason="the optional extra dicom is not installed")
pydicom = pytest.importorskip("pydicom", reason="the optional extra dicom is not installed")

SPACING = (0.75, 0.75, 4.0)  # within a sagittal slice along its rows and columns, and between slices
SHAPE = (64, 40, 15)  # columns (to the back), rows (down), slices (to the left)
# Patient directions right-anterior-superior of the three array axes.
DIRECTIONS = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # DICOM points left, posterior, superior


def placed() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = DIRECTIONS * SPACING
    affine[:3, 3] = -affine[:3, :3] @ (np.array(SHAPE) - 1.0) / 2.0
    return affine


def scan(affine: np.ndarray) -> list:
    """Headers of the sagittal slices that a segmentation refers to."""
    study, series, frame = (pydicom.uid.generate_uid() for _ in range(3))
    dicom = FLIP @ affine
    slices = []
    for number in range(SHAPE[2]):
        one = pydicom.Dataset()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        one.SOPClassUID, one.SOPInstanceUID = pydicom.uid.MRImageStorage, pydicom.uid.generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.PatientID, one.PatientName, one.PatientBirthDate, one.PatientSex = "phantom", "Phantom^", "", ""
        one.StudyID, one.StudyDate, one.StudyTime, one.AccessionNumber, one.ReferringPhysicianName = "1", "", "", "", ""
        one.Modality, one.SeriesNumber, one.InstanceNumber, one.PositionReferenceIndicator = "MR", 1, number + 1, ""
        one.Rows, one.Columns = SHAPE[1], SHAPE[0]
        one.PixelSpacing, one.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
        one.ImageOrientationPatient = [*(dicom[:3, 0] / SPACING[0]), *(dicom[:3, 1] / SPACING[1])]
        one.ImagePositionPatient = list(dicom[:3, 3] + number * dicom[:3, 2])
        one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        slices.append(one)
    return slices


def write_segmentation(path: Path, voxels: np.ndarray, affine: np.ndarray, names: dict[int, str]) -> Path:
    """The labels as a binary DICOM-SEG."""
    from pydicom.sr.codedict import codes

    described = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.Spine,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, name in names.items()
    ]
    highdicom.seg.Segmentation(
        source_images=scan(affine),
        pixel_array=np.transpose(voxels, (2, 1, 0)).astype(np.uint8),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=pydicom.uid.generate_uid(),
        series_number=2,
        sop_instance_uid=pydicom.uid.generate_uid(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="0",
        device_serial_number="0",
    ).save_as(path)
    return path


@pytest.fixture(scope="module")
def labels(generic) -> np.ndarray:
    """The worked case as segment 2 beside a block of another structure as segment 1."""
    voxels = 2 * voxelise(generic, placed(), SHAPE).astype(np.uint8)
    voxels[2:60, 34:39, 2:13] = 1
    return voxels


@pytest.fixture(scope="module")
def segmentation(labels, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("seg") / "seg.dcm"
    return write_segmentation(path, labels, placed(), {1: "vertebra", 2: "L4-L5 disc"})


def test_a_segmentation_is_the_disc_of_the_same_nifti(segmentation, labels, parameters, tmp_path):
    nifti = save(tmp_path / "same.nii.gz", labels, placed())
    one, other = (import_disc(path, "L4-L5", 2, parameters=parameters) for path in (segmentation, nifti))
    assert (one.status, one.label) == ("accepted", "L4-L5 disc")
    assert one.mask_volume == pytest.approx(other.mask_volume, rel=1e-6)
    # The array axes differ, so sums are taken in another order, and a NIfTI header holds single precision: no more than rounding.
    for key in ("volume", "dice", "width", "depth", "height_anterior", "height_middle", "height_posterior"):
        assert getattr(one.measurements, key) == pytest.approx(getattr(other.measurements, key), rel=2e-3), key
    assert one.frame.origin == pytest.approx(other.frame.origin, abs=0.02)
    assert one.frame.axes == pytest.approx(other.frame.axes, abs=2e-3)


def test_voxels_lie_where_the_slices_say(segmentation, labels):
    found = read_volume(segmentation)
    assert found.names == {1: "vertebra", 2: "L4-L5 disc"}
    for number in (1, 2):
        places = np.argwhere(found.voxels == number) @ found.affine[:3, :3].T + found.affine[:3, 3]
        truth = np.argwhere(labels == number) @ placed()[:3, :3].T + placed()[:3, 3]
        assert places[np.lexsort(places.round(3).T)] == pytest.approx(truth[np.lexsort(truth.round(3).T)], abs=1e-6)


@pytest.mark.parametrize("damage", ["cut", "no segmentation", "text", "empty", "no segments", "overwritten"])
def test_damaged_segmentations_are_refused_in_one_line(segmentation, tmp_path, damage):
    content = segmentation.read_bytes()
    path = tmp_path / "damaged.dcm"
    if damage == "no segmentation":
        scan(placed())[0].save_as(path, enforce_file_format=True)
    elif damage == "no segments":
        dataset = pydicom.dcmread(segmentation)
        del dataset.SegmentSequence
        dataset.save_as(path)
    else:
        random = np.random.default_rng(2).integers(0, 256, len(content) // 2, dtype=np.uint8).tobytes()
        path.write_bytes(
            {
                "cut": content[: len(content) // 3],
                "text": b"no image at all\n" * 40,
                "empty": b"",
                "overwritten": content[:200] + random,
            }[damage]
        )
    with pytest.raises(InvalidInput, match="cannot be read as a DICOM segmentation") as caught:
        read_volume(path)
    assert "\n" not in caught.value.what
    assert "NIfTI" in caught.value.remedy
