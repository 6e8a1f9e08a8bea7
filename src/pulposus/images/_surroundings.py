"""The vertebrae and the canal beside a disc, where the mask has them: frame and contact (mechanics_imaging 1.6, steps 3 and 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects

from pulposus.images._frame import CRANIAL, indexed_points
from pulposus.images._schemes import Scheme

FEWEST = 30
"""Voxels of an interface below which no plane is fitted to it."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What lies beside a disc.

    Attributes:
        touches_below, touches_above: Whether the vertebrae touch the disc; None where they are not in the image.
        normal: Normal of the mean of the two interface planes; None unless both vertebrae touch.
        canal: Centroid of the canal at the level of the disc [mm]; None where it is not in the image.
    """

    touches_below: bool | None
    touches_above: bool | None
    normal: Float[NDArray, "3"] | None
    canal: Float[NDArray, "3"] | None

    @property
    def text(self) -> str:
        """What a frame made with it rests on."""
        axis = "axis of least variance" if self.normal is None else "interfaces with both vertebrae"
        forward = "anterior direction of the image" if self.canal is None else "direction from the spinal canal"
        return f"{axis}; {forward}"


NOTHING = Surroundings(None, None, None, None)


def surroundings_of(
    voxels: NDArray[np.int64],
    mask: Bool[NDArray, "i j k"],
    affine: Float[NDArray, "4 4"],
    scheme: Scheme | None,
    level: str,
    gap: float,
) -> Surroundings:
    """Neighbours of a disc in a label image of a known scheme.

    Args:
        voxels: The label image.
        mask: Voxels of the disc.
        affine: Of the image.
        scheme: Meaning of the labels; nothing is known without one.
        level: Level of the disc.
        gap: Distance within which a vertebra touches the disc [mm].
    """
    if scheme is None:
        return NOTHING
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    margin = np.ceil(2.0 * gap / spacing).astype(int) + 1
    part = find_objects(mask.astype(np.int8))[0]
    box = tuple(
        slice(max(limits.start - width, 0), limits.stop + width) for limits, width in zip(part, margin, strict=True)
    )
    distance: Any = distance_transform_edt(~mask[box], sampling=spacing)
    placed = affine.copy()
    placed[:3, 3] += affine[:3, :3] @ np.array([limits.start for limits in box])
    touches: list[bool | None] = []
    normals = []
    for neighbour in scheme.neighbours(level):
        if neighbour is None or not np.any(voxels == neighbour):
            touches.append(None)
            continue
        interface = (voxels[box] == neighbour) & (distance <= gap)
        touches.append(bool(interface.any()))
        if interface.sum() >= FEWEST:
            points = indexed_points(interface, placed)
            normal = np.linalg.eigh(np.cov(points.T))[1][:, 0]
            normals.append(normal if normal @ CRANIAL >= 0.0 else -normal)
    canal = None
    if scheme.canal is not None:
        # At the level of the disc: the canal's voxels in the height range of the disc.
        candidates = indexed_points(voxels == scheme.canal, affine)
        heights = indexed_points(mask, affine)[:, 2]
        near = candidates[(candidates[:, 2] >= heights.min()) & (candidates[:, 2] <= heights.max())]
        canal = near.mean(axis=0) if len(near) >= FEWEST else None
    mean = None if len(normals) < 2 else np.mean(normals, axis=0)
    return Surroundings(touches[0], touches[1], mean, canal)
