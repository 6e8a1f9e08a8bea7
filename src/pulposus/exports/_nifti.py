"""Fields as NIfTI images with a true affine: in the patient's own space for a disc from an image, else in the disc's own frame.

Coordinates of NIfTI point right, anterior and superior (RAS+), which are the axes of the disc's frame. An image carries a JSON file with
what it shows, its unit, its time and its origin. Outside the disc, and where a quantity does not exist, a voxel is 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.errors import InvalidInput, MissingPart
from pulposus.exports._mesh import TISSUES, VolumeMesh
from pulposus.exports._sampling import VoxelGrid, VoxelMap, locate
from pulposus.report._atomic import replacing, write_text
from pulposus.report._tables import json_text

if TYPE_CHECKING:
    from pulposus.images import Frame

_SCANNER, _ALIGNED = 1, 2
# A disc is about twenty voxels high: half a millimetre in man, a twentieth in the rat.
_VOXELS_PER_HEIGHT = 20.0
_MARGIN_VOXELS = 2
_LARGEST_GRID = 100_000_000


@dataclass(frozen=True, eq=False)
class ImageTarget:
    """Space and voxels of an image.

    Attributes:
        frame: The disc in the patient; None for the disc's own frame.
        voxel: Edge of a voxel [mm]; chosen from the height of the disc where left out.
        like: Image whose voxels are taken; needs a frame.
    """

    frame: Frame | None = None
    voxel: float | None = None
    like: Path | None = None


def load_nibabel() -> Any:
    """The package that reads and writes NIfTI.

    Raises:
        MissingPart: It is not installed.
    """
    try:
        import nibabel
    except ImportError as error:
        raise MissingPart(
            "NIfTI files need the package nibabel", remedy="install it with: pip install nibabel"
        ) from error
    return nibabel


def tidy_voxel(mesh: VolumeMesh) -> float:
    """A round edge of a voxel [mm] that resolves the height of a disc."""
    wanted = float(np.ptp(mesh.points[:, 2])) / _VOXELS_PER_HEIGHT
    decade = 10.0 ** math.floor(math.log10(wanted))
    return max(step * decade for step in (1.0, 2.0, 5.0) if step * decade <= wanted * (1.0 + 1e-9))


def placed(mesh: VolumeMesh, frame: Frame | None) -> VolumeMesh:
    """The mesh in patient coordinates; unchanged without a frame."""
    if frame is None:
        return mesh
    return VolumeMesh(frame.to_patient(mesh.points), mesh.hexahedra, mesh.tissue, mesh.source, mesh.surfaces)


def grid_around(points: Float[NDArray, "nodes 3"], voxel: float) -> VoxelGrid:
    """A grid of cubes along the axes of the coordinates that holds all points, with a margin of two voxels.

    Raises:
        InvalidInput: The grid would be too large.
    """
    low = np.floor(points.min(axis=0) / voxel) - _MARGIN_VOXELS
    high = np.ceil(points.max(axis=0) / voxel) + _MARGIN_VOXELS
    size = high - low + 1.0
    if np.prod(size) > _LARGEST_GRID:
        raise InvalidInput(
            f"a voxel of {voxel:g} mm gives a grid of {np.prod(size):.3g} voxels",
            where="option --voxel",
            allowed=f"at most {_LARGEST_GRID:g} voxels",
            remedy="choose a larger voxel",
        )
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = low * voxel
    return VoxelGrid((int(size[0]), int(size[1]), int(size[2])), affine)


def grid_of_image(path: Path) -> VoxelGrid:
    """The voxels of an image, so that an export lies on it voxel by voxel.

    Raises:
        InvalidInput: The file is no NIfTI image in three dimensions with an affine that can be inverted.
    """
    nibabel = load_nibabel()
    try:
        image = nibabel.load(path)
        shape, affine = image.shape[:3], np.asarray(image.affine, dtype=np.float64)
    except Exception as error:  # nibabel raises whatever its parsers raise
        raise InvalidInput(
            f"cannot read {path.name}: {' '.join(str(error).split())}",
            where="option --like",
            allowed="a NIfTI image (.nii, .nii.gz)",
        ) from None
    if len(shape) != 3 or not np.isfinite(affine).all() or abs(np.linalg.det(affine)) < 1e-12:
        raise InvalidInput(
            f"{path.name} has no usable grid (shape {image.shape})",
            where="option --like",
            allowed="an image in three dimensions whose affine can be inverted",
        )
    return VoxelGrid((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def located(mesh: VolumeMesh, target: ImageTarget) -> VoxelMap:
    """Where the voxels of an export lie in the disc.

    Args:
        mesh: Mesh of the disc in its own frame.
        target: Space and voxels.

    Raises:
        InvalidInput: The disc has no place in a patient, lies outside the image, or the grid would be too large.
    """
    like = target.like
    if like is not None and target.frame is None:
        raise InvalidInput(
            "the disc has no place in a patient, so it cannot be laid on an image",
            where="option --like",
            allowed="a disc that was imported from an image",
            remedy="name its disc.yaml with --patient, or leave --like out",
        )
    here = placed(mesh, target.frame)
    grid = grid_of_image(like) if like is not None else grid_around(here.points, target.voxel or tidy_voxel(mesh))
    found = locate(here, grid)
    if not len(found.voxels):
        raise InvalidInput(
            "no voxel of the image has its centre in the disc",
            where="option --like" if like is not None else "option --voxel",
            remedy="check that the image is of the patient whose disc this is"
            if like is not None
            else "choose a smaller voxel",
        )
    return found


def write_nifti(
    path: Path, values: NDArray, grid: VoxelGrid, facts: Mapping[str, Any], *, in_patient: bool
) -> list[Path]:
    """Write an image and, beside it, the JSON file that says what it is.

    Args:
        path: The `.nii.gz` file.
        values: Voxels; whole numbers are written as bytes, others in single precision.
        grid: Where they lie.
        facts: What the JSON file says.
        in_patient: Whether the affine leads to the patient's scanner coordinates.

    Returns:
        The two files.

    Raises:
        InvalidInput: The folder cannot be written.
        MissingPart: nibabel is not installed.
    """
    nibabel = load_nibabel()
    kind = np.uint8 if values.dtype.kind in "iu" else np.float32
    image = nibabel.Nifti1Image(values.astype(kind), grid.affine)
    code = _SCANNER if in_patient else _ALIGNED
    image.set_sform(grid.affine, code)
    # The quaternion of the q-form cannot hold a shear, so it is left unset and readers take the s-form.
    image.set_qform(None, 0)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"pulposus, simulated, research use only"
    with replacing(path) as temporary:
        temporary.write_bytes(_packed(image.to_bytes()))
    space = "patient (scanner), RAS+" if in_patient else "disc: x right, y anterior, z cranial"
    document = {
        "simulated": True,
        "notice": "Research use only, not medical advice.",
        **facts,
        "space": space,
        "outside": 0,
        "affine": grid.affine,
    }
    return [path, write_text(path.with_name(path.name.removesuffix(".nii.gz") + ".json"), json_text(document))]


def _packed(content: bytes) -> bytes:
    """Compressed without a time stamp, so that the same export has the same bytes."""
    import gzip

    return gzip.compress(content, 6, mtime=0)


def write_tissues(
    path: Path, found: VoxelMap, mesh: VolumeMesh, facts: Mapping[str, Any], *, in_patient: bool
) -> list[Path]:
    """Write the tissues as labels: 1 nucleus, 2 annulus, 3 cartilage endplate."""
    labels = {str(code + 1): label for code, (_, label) in enumerate(TISSUES)}
    return write_nifti(
        path,
        found.label(mesh.tissue + 1),
        found.grid,
        {**facts, "content": "tissue", "labels": labels},
        in_patient=in_patient,
    )
