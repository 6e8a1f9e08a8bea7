"""Spacing and orientation of an image: what the header says, what the user says instead, and what cannot be.

A header that is missing, contradicts itself, or gives voxels of no size is refused with the options that repair it. The first and the
second array axis of a stack are easily exchanged, and then every disc is impossible; `plausible_spacing` finds the order that would not be.
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.errors import InvalidInput
from pulposus.images._volume import LETTERS

REMEDY = (
    "say what the voxels are: --spacing 0.43,0.43,4.4 (mm along the array axes) "
    "and --axes PIR (where they point: R or L, A or P, S or I)"
)
OBLIQUE = 0.02
"""Cosine between two array axes beyond which an image is sheared: distances in it would be wrong."""


def parse_spacing(text: str) -> Float[NDArray, "3"]:
    """Three edge lengths [mm] from text such as "0.43,0.43,4.4" or "0.43 x 0.43 x 4.4 mm".

    Raises:
        InvalidInput: Not three positive numbers.
    """
    parts = [part for part in text.lower().removesuffix("mm").replace("x", ",").replace(" ", ",").split(",") if part]
    try:
        numbers = np.array([float(part.removesuffix("mm")) for part in parts])
    except ValueError:
        numbers = np.array([])
    if numbers.shape != (3,) or not np.all(np.isfinite(numbers)) or np.any(numbers <= 0.0):
        raise InvalidInput(
            f'"{text}" is not a voxel size',
            where="option --spacing",
            allowed="three positive numbers, such as 0.43,0.43,4.4",
        )
    return numbers


def parse_axes(text: str) -> Float[NDArray, "3 3"]:
    """Unit vectors of the array axes in patient coordinates, a column each, from letters such as "PIR".

    Raises:
        InvalidInput: Not one letter of each pair R/L, A/P, S/I.
    """
    letters = text.strip().upper()
    table = {letter: (axis, 2.0 * side - 1.0) for axis, pair in enumerate(LETTERS) for side, letter in enumerate(pair)}
    if (
        len(letters) != 3
        or any(letter not in table for letter in letters)
        or len({table[each][0] for each in letters}) != 3
    ):
        raise InvalidInput(
            f'"{text}" does not say where the array axes point',
            where="option --axes",
            allowed="three letters, one of R or L, one of A or P, one of S or I, such as PIR",
        )
    matrix = np.zeros((3, 3))
    for column, letter in enumerate(letters):
        axis, sign = table[letter]
        matrix[axis, column] = sign
    return matrix


def overridden(
    affine: Float[NDArray, "4 4"], spacing: Float[NDArray, "3"] | None, axes: Float[NDArray, "3 3"] | None
) -> Float[NDArray, "4 4"]:
    """An affine with the user's spacing, or the user's axes, or both; with axes of its own the image's origin has no meaning."""
    result = np.array(affine, dtype=np.float64)
    lengths = np.linalg.norm(result[:3, :3], axis=0)
    if axes is not None:
        result[:3, :3] = axes * lengths
        result[:3, 3] = 0.0
    if spacing is not None:
        directions = result[:3, :3] / np.linalg.norm(result[:3, :3], axis=0)
        result[:3, :3] = directions * spacing
    return result


def check_affine(affine: Float[NDArray, "4 4"], where: str) -> None:
    """Refuse an affine that places voxels nowhere.

    Raises:
        InvalidInput: Not finite, without size, sheared, or beyond any scanner.
    """
    problem = ""
    lengths = np.linalg.norm(affine[:3, :3], axis=0) if np.all(np.isfinite(affine)) else np.zeros(3)
    if not np.all(np.isfinite(affine)):
        problem = "the header's orientation is not a number"
    elif np.any(lengths <= 0.0):
        problem = "the header gives a voxel no size"
    elif np.any(lengths > 50.0) or np.any(lengths < 1e-4):
        problem = f"the header's voxel of {_size(lengths)} mm is beyond any scanner"
    else:
        directions = affine[:3, :3] / lengths
        if np.abs(directions.T @ directions - np.eye(3)).max() > OBLIQUE:
            problem = "the header's axes are not at right angles"
    if problem:
        raise InvalidInput(problem, where=where, remedy=REMEDY)


def _size(lengths: Float[NDArray, "3"]) -> str:
    return " x ".join(f"{length:.3g}" for length in lengths)


def plausible_spacing(
    extents: NDArray[np.integer], spacing: Float[NDArray, "3"], limits: tuple[float, float, float, float]
) -> str:
    """Options with which a disc would be possible; empty where no order of the spacings makes it so.

    Args:
        extents: Voxels of the disc along the array axes.
        spacing: Of the header [mm].
        limits: Smallest and largest plausible horizontal extent, smallest and largest vertical extent [mm].
    """
    small, large, low, high = limits
    for order in itertools.permutations(range(3)):
        candidate = spacing[list(order)]
        if np.allclose(candidate, spacing):
            continue
        size = extents * candidate
        vertical = int(np.argmin(size))
        across = np.delete(size, vertical)
        if low <= size[vertical] <= high and np.all(across >= small) and np.all(across <= large):
            letters = ["", "", ""]
            letters[vertical] = "I"
            # In a sagittal stack the slices follow each other from side to side; without one the wider axis is the width.
            width = int(np.argmax(candidate)) if candidate.max() > 1.5 * np.median(candidate) else int(np.argmax(size))
            width = width if width != vertical else int(np.argmax(size))
            letters[width] = "R"
            letters[next(axis for axis in range(3) if not letters[axis])] = "P"
            values = ",".join(f"{length:.7g}" for length in candidate)
            return f"--spacing {values} --axes {''.join(letters)}"
    return ""
