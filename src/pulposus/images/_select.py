"""The voxels of one disc: its largest piece, without stray voxels, and whether the image cuts it (mechanics_imaging 1.6, step 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from pulposus.errors import InvalidInput
from pulposus.images._distance import ANISOTROPIC
from pulposus.images._schemes import Choice

_TOUCHING = np.ones((3, 3, 3))
SMALLEST_PIECE = 0.05
"""Share of the largest piece below which a piece of a label for all discs is no disc."""


@dataclass(frozen=True, eq=False)
class Selection:
    """One disc in a label image.

    Attributes:
        mask: Its voxels, (i, j, k) of the whole image.
        removed: Voxels of the label that lie outside its largest piece.
        notes: What a reader has to know.
    """

    mask: Bool[NDArray, "i j k"]
    removed: int
    notes: tuple[str, ...]


def select(voxels: NDArray[np.int64], affine: Float[NDArray, "4 4"], choice: Choice, where: str) -> Selection:
    """The disc that a choice names.

    Raises:
        InvalidInput: There are not so many discs.
    """
    held = voxels == choice.label
    labelled: Any = label(held, _TOUCHING)
    pieces, count = labelled
    sizes = np.bincount(pieces.ravel())[1:]
    if choice.component is None:
        largest = int(np.argmax(sizes)) + 1
        removed = int(sizes.sum() - sizes[largest - 1])
        note = (
            (
                f"{removed} stray voxel{'s' if removed > 1 else ''} in {count - 1} other piece{'s' if count > 2 else ''} left out",
            )
            if removed
            else ()
        )
        return Selection(pieces == largest, removed, note)
    discs = [index + 1 for index in range(count) if sizes[index] >= SMALLEST_PIECE * sizes.max()]
    discs.sort(key=lambda index: _height(pieces == index, affine))
    if not 1 <= choice.component <= len(discs):
        raise InvalidInput(
            f"there is no disc {choice.component} from below",
            where=where,
            allowed=f"--component 1 to {len(discs)}",
            remedy="discs that touch each other are one piece: separate them in the mask",
        )
    return Selection(
        pieces == discs[choice.component - 1],
        0,
        (f"disc {choice.component} of {len(discs)} from below; its level is the user's word",),
    )


def _height(mask: Bool[NDArray, "i j k"], affine: Float[NDArray, "4 4"]) -> float:
    return float(affine[2, :3] @ np.argwhere(mask).mean(axis=0) + affine[2, 3])


def cut_sides(
    mask: Bool[NDArray, "i j k"], voxels: NDArray[np.int64], affine: Float[NDArray, "4 4"], end_share: float
) -> tuple[str, ...]:
    """Where the border of the image cuts the disc, in words.

    An image that was cropped to its labels touches them on every side and has no field of view to speak of. In a stack the outermost slice
    may hold the end of a disc; the disc is cut there only when that slice is nearly as large as the largest.

    Args:
        mask: Voxels of the disc.
        voxels: The whole label image.
        affine: Of the image.
        end_share: Share of the largest slice above which an end is a cut.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    stack = int(np.argmax(spacing)) if spacing.max() > ANISOTROPIC * np.median(spacing) else None
    limits = find_objects((voxels != 0).astype(np.int8))[0]
    cropped = all(part.start == 0 and part.stop == length for part, length in zip(limits, voxels.shape, strict=True))
    found = []
    for axis in range(3):
        areas = mask.sum(axis=tuple(other for other in range(3) if other != axis))
        for end, name in ((0, "first"), (-1, "last")):
            if areas[end] == 0 or (axis != stack and cropped):
                continue
            if axis == stack and areas[end] <= end_share * areas.max():
                continue
            found.append(f"the {name} plane of array axis {axis + 1}")
    return tuple(found)
