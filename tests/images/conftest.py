"""Masks made from the map: voxels whose centres lie in a disc that is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pulposus.disc._document import AnatomicalShape
from pulposus.disc._map import DiscMap, endplate_surface
from pulposus.disc._shape import anatomical_map
from pulposus.disc._sheet import Sheet
from pulposus.parameters import ParameterSet, load_parameters


@pytest.fixture(scope="session")
def parameters() -> ParameterSet:
    return load_parameters()


@pytest.fixture(scope="session")
def library(parameters) -> Callable[[str], DiscMap]:
    """The map of a human level."""

    def build(level: str) -> DiscMap:
        shape = AnatomicalShape(kind="anatomical", species="human", level=level)
        return anatomical_map(shape, "human", level, Sheet(parameters, 1), "test")

    return build


@pytest.fixture(scope="session")
def generic(library) -> DiscMap:
    """The worked case of mechanics_imaging 1.4."""
    return library("L4-L5-generic")


def rotation(about_x: float, about_y: float = 0.0, about_z: float = 0.0) -> np.ndarray:
    """Rotation matrix from angles in degrees."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians([about_x, about_y, about_z])):
        i, j = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def voxelise(
    form: DiscMap,
    affine: np.ndarray,
    shape: tuple[int, int, int],
    axes: np.ndarray | None = None,
    origin: np.ndarray | None = None,
) -> np.ndarray:
    """Voxels of an image whose centres lie in a disc with the given axes (rows) and origin in patient coordinates."""
    from pulposus.images._endplates import reference_points_of

    index = np.stack(np.meshgrid(*(np.arange(length) for length in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    placed = index @ affine[:3, :3].T + affine[:3, 3]
    local = (placed - (0.0 if origin is None else origin)) @ (np.eye(3) if axes is None else axes).T
    inside = np.zeros(len(local), dtype=bool)
    near = np.nonzero(np.abs(local[:, 2]) < 15.0)[0]
    xi, eta = reference_points_of(form, local[near, 0], local[near, 1])
    lower, upper = endplate_surface(form.inferior, xi, eta), endplate_surface(form.superior, xi, eta)
    inside[near] = (np.hypot(xi, eta) <= 1.0) & (local[near, 2] >= lower) & (local[near, 2] <= upper)
    return inside.reshape(shape)


def centred_affine(directions: np.ndarray, spacing: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """An affine whose image is centred on the patient's origin."""
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1.0) / 2.0
    return affine


@pytest.fixture(scope="session")
def cubic(generic) -> tuple[np.ndarray, np.ndarray]:
    """The worked case at 1 mm, in right-anterior-superior order: labels (2 for L4-L5) and affine."""
    shape = (64, 52, 30)
    affine = centred_affine(np.eye(3), np.ones(3), shape)
    return 2 * voxelise(generic, affine, shape).astype(np.uint8), affine


def save(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    """Write a NIfTI file with an sform."""
    import nibabel

    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_sform(affine, code=1)
    image.header.set_qform(None, code=0)
    nibabel.save(image, path)
    return path


@pytest.fixture(scope="session")
def cubic_file(cubic, tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("masks") / "generic.nii.gz", *cubic)


@pytest.fixture(scope="session")
def imported(cubic_file, parameters):
    """The worked case, made into a mask of 1 mm and fitted again."""
    from pulposus.images import import_disc

    return import_disc(cubic_file, "L4-L5", 2, parameters=parameters)
