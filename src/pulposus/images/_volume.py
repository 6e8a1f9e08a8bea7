"""An image in patient space: voxels, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Volume:
    """A three-dimensional image.

    Attributes:
        voxels: Labels or signal, (i, j, k).
        affine: From voxel indices to patient coordinates right, anterior, superior [mm], (4, 4).
        name: Name of the file.
        digest: SHA-256 of the file, or of its files in order.
        header: Where spacing and orientation come from.
        names: What the file itself calls its labels (DICOM segmentations); empty elsewhere.
    """

    voxels: NDArray[np.generic]
    affine: Float[NDArray, "4 4"]
    name: str
    digest: str
    header: str
    names: dict[int, str]

    @property
    def spacing(self) -> Float[NDArray, "3"]:
        """Edges of a voxel [mm]."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)


LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))


def orientation(affine: Float[NDArray, "4 4"]) -> str:
    """The nearest anatomical directions in which the axes of the array point, such as PIR."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return "".join(
        LETTERS[int(np.argmax(np.abs(column)))][int(column[np.argmax(np.abs(column))] > 0.0)] for column in directions.T
    )
