"""Reading images: NIfTI with nibabel, MetaImage and NRRD with SimpleITK, DICOM segmentations with highdicom.

Every reader gives patient coordinates right-anterior-superior (ITK and DICOM say left-posterior-superior) and refuses what cannot be a
label image with one sentence. Nothing is read before the size in the header is known to be sane.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.errors import InvalidInput, MissingPart
from pulposus.images._header import REMEDY, check_affine, overridden
from pulposus.images._volume import Volume

NIFTI = (".nii", ".nii.gz")
ITK = (".mha", ".mhd", ".nrrd", ".nhdr")
DICOM = (".dcm",)
LARGEST = 1_000_000_000
"""Voxels; a whole body at 1 mm has a tenth of it."""
_TO_MM = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}  # NIfTI: unknown, metre, millimetre, micrometre
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
_CONFLICT = 0.5  # mm at the far corner of the image between the two orientations of a NIfTI header


def read_volume(
    path: Path,
    spacing: Float[NDArray, "3"] | None = None,
    axes: Float[NDArray, "3 3"] | None = None,
    *,
    labels: bool = True,
) -> Volume:
    """Read an image.

    Args:
        path: A file; its ending says the format.
        spacing: Voxel size [mm] in place of the header's.
        axes: Directions of the array axes in place of the header's, a column each.
        labels: Whether the voxels have to be whole numbers.

    Raises:
        InvalidInput: The file cannot be read, is no such image, or its header is impossible; says how to go on.
        MissingPart: The reader of the format is not installed.
    """
    if not path.is_file():
        raise InvalidInput(
            "this is a folder" if path.is_dir() else "the file does not exist",
            where=str(path),
            allowed="an image: " + ", ".join((*NIFTI, *ITK, *DICOM)),
            remedy="check the path",
        )
    name = path.name.lower()
    given = spacing is not None and axes is not None
    names: dict[int, str] = {}
    if name.endswith(NIFTI):
        voxels, affine, header = _nifti(path, given)
    elif name.endswith(ITK):
        voxels, affine, header = _itk(path)
    elif name.endswith(DICOM):
        from pulposus.images._dicom_segmentation import read_segmentation

        voxels, affine, names = read_segmentation(path)
        header = "DICOM segmentation"
    else:
        raise InvalidInput(
            f'the ending of "{path.name}" is not that of an image',
            where=str(path),
            allowed=", ".join((*NIFTI, *ITK, *DICOM)),
        )
    if spacing is not None or axes is not None:
        affine = overridden(affine, spacing, axes)
        said = " and ".join(text for text, value in (("--spacing", spacing), ("--axes", axes)) if value is not None)
        header = f"{said} in place of the {header}"
    check_affine(affine, str(path))
    if labels:
        voxels = _whole(voxels, path)
    return Volume(voxels, affine, path.name, digest_of(path), header, names)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    """Turns whatever a format's library raises on a damaged file into one sentence."""
    try:
        yield
    except (InvalidInput, MissingPart):
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)[:160]
        raise InvalidInput(
            f"the file cannot be read as {what}: {first}",
            where=str(path),
            remedy="export it again; it may be damaged or cut off",
        ) from error


def _nifti(path: Path, given: bool) -> tuple[NDArray[Any], Float[NDArray, "4 4"], str]:
    """Voxels, affine and source of the affine of a NIfTI file; `given` says that the user places the voxels."""
    try:
        import nibabel
    except ImportError as error:
        raise MissingPart("NIfTI files need the package nibabel", remedy="pip install 'pulposus[images]'") from error
    with _readable(path, "NIfTI"):
        image: Any = nibabel.load(path)  # pyright: ignore[reportPrivateImportUsage]
        header = image.header
        shape = _three_dimensional(image.shape, path)
        if np.dtype(header.get_data_dtype()).fields is not None or np.iscomplexobj(
            np.zeros(1, header.get_data_dtype())
        ):
            raise InvalidInput(
                "the voxels are colours or complex numbers", where=str(path), allowed="one number per voxel"
            )
        voxels = np.asanyarray(image.dataobj).reshape(shape)
        scale = _TO_MM.get(int(header["xyzt_units"]) & 7, 1.0)
        affine, source = _nifti_affine(header, shape, given, path)
        affine = np.diag([scale, scale, scale, 1.0]) @ affine
    return voxels, affine, source


def _nifti_affine(
    header: Any, shape: tuple[int, int, int], given: bool, path: Path
) -> tuple[Float[NDArray, "4 4"], str]:
    """The affine that a NIfTI header means: the sform before the qform.

    Raises:
        InvalidInput: There is none, or the two contradict each other.
    """
    sform, qform = header.get_sform(coded=True), header.get_qform(coded=True)
    if given:
        return np.eye(4), "header"
    if sform[0] is None and qform[0] is None:
        raise InvalidInput(
            "the header does not say where left and right are (no sform, no qform)", where=str(path), remedy=REMEDY
        )
    zooms = np.array(header.get_zooms()[:3], dtype=np.float64)
    if sform[0] is None:
        return np.array(qform[0], dtype=np.float64), "qform"
    affine = np.array(sform[0], dtype=np.float64)
    if (
        np.all(np.isfinite(affine))
        and np.allclose(affine[:3, :3], np.eye(3))
        and not np.allclose(zooms, 1.0, atol=1e-3)
    ):
        raise InvalidInput(
            "the header contradicts itself: its orientation has voxels of 1 mm, its voxel size is "
            f"{', '.join(f'{zoom:.3g}' for zoom in zooms)} mm",
            where=str(path),
            remedy=REMEDY,
        )
    if qform[0] is not None and np.all(np.isfinite(affine)):
        corner = np.array([*shape, 1.0])
        if np.abs(affine @ corner - np.array(qform[0]) @ corner).max() > _CONFLICT:
            raise InvalidInput(
                "the two orientations in the header (sform, qform) contradict each other",
                where=str(path),
                remedy=REMEDY,
            )
    return affine, "sform"


def _itk(path: Path) -> tuple[NDArray[Any], Float[NDArray, "4 4"], str]:
    try:
        import SimpleITK as sitk  # noqa: N813 - the name that its manual uses
    except ImportError as error:
        raise MissingPart(
            f"{path.suffix} files need the package SimpleITK", remedy="pip install 'pulposus[images]'"
        ) from error
    with _readable(path, "an image"):
        reader: Any = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        shape = _three_dimensional(reader.GetSize(), path)
        if reader.GetNumberOfComponents() != 1:
            raise InvalidInput("the voxels are colours or vectors", where=str(path), allowed="one number per voxel")
        image = reader.Execute()
        voxels = np.transpose(sitk.GetArrayFromImage(image)).reshape(shape)
        affine = np.eye(4)
        dimension = image.GetDimension()
        direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:3, :3]
        affine[:3, :3] = direction * np.array(image.GetSpacing()[:3])
        affine[:3, 3] = image.GetOrigin()[:3]
    return voxels, _FLIP @ affine, f"{path.suffix[1:]} header"


def _three_dimensional(shape: tuple[int, ...], path: Path) -> tuple[int, int, int]:
    """The first three lengths of a shape whose others are one.

    Raises:
        InvalidInput: Fewer or more dimensions, an empty one, or more voxels than any scan.
    """
    if len(shape) < 3 or any(length != 1 for length in shape[3:]):
        raise InvalidInput(
            f"the image has the shape {' x '.join(str(length) for length in shape)}",
            where=str(path),
            allowed="three dimensions",
            remedy="save one volume of the series",
        )
    if min(shape[:3]) < 1 or np.prod([float(length) for length in shape[:3]]) > LARGEST:
        raise InvalidInput(
            f"the image has the shape {' x '.join(str(length) for length in shape)}",
            where=str(path),
            allowed=f"at most {LARGEST:g} voxels, and at least one",
        )
    return (int(shape[0]), int(shape[1]), int(shape[2]))


def _whole(voxels: NDArray[Any], path: Path) -> NDArray[np.int64]:
    """Labels as integers.

    Raises:
        InvalidInput: The voxels are no whole numbers: probabilities or a signal.
    """
    if voxels.dtype.kind in "bui":
        return voxels.astype(np.int64)
    whole = np.rint(voxels)
    if not np.all(np.isfinite(voxels)) or np.abs(voxels - whole).max() > 1e-3 or np.abs(whole).max() > 1e9:
        raise InvalidInput(
            "the voxels are not whole numbers: this is a signal or a probability, not a label image",
            where=str(path),
            allowed="labels",
            remedy="give the segmentation, and the scan itself with --t2",
        )
    return whole.astype(np.int64)
