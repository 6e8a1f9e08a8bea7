r"""Signed distance of a mask, interpolated between thick slices (mechanics_imaging 1.6, step 4).

Inside a voxel's mask the distance to the nearest outside voxel centre is half a voxel longer than the distance to the surface, so

.. math:: d = (d_{in} - p/2) \text{ inside}, \qquad d = -(d_{out} - p/2) \text{ outside.}

Between two slices of an anisotropic stack d is interpolated linearly; labels never are. Beyond the last slice that holds the mask the
disc closes within one slice, :math:`d(t) = (1-t) d_{end} - t k`. A voxel under :math:`d_{end} = v` then ends at :math:`t = v/(v+k)`,
and k is chosen so that the mean of these lengths is the half slice that the voxel count gives to an end.

The mask of a thick slice stands for the whole slab. Straight lines between slices cut the corners of a convex shape, so every slice's
distance is shifted, by at most half a pixel, until its slab holds the volume of its voxels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.optimize import brentq

MARGIN = 4  # voxels around the disc
SWEEPS = 4  # the volumes of the slabs are then within half a percent
ANISOTROPIC = 1.5
"""A stack whose slices are this much thicker than its pixels is interpolated; below it the plain distance in space is as good."""


@dataclass(frozen=True, eq=False)
class Solid:
    """A disc as a signed distance on a grid.

    Attributes:
        distance: Distance to the surface [mm], positive inside, (i, j, k).
        affine: From voxel indices to patient coordinates, right-anterior-superior [mm], (4, 4).
        pixel: Spacing within the slices of the mask [mm].
        slice_axis: Axis that was interpolated; None where the voxels are near cubes.
        slice_spacing: Spacing of the slices of the mask [mm].
    """

    distance: Float[NDArray, "i j k"]
    affine: Float[NDArray, "4 4"]
    pixel: float
    slice_axis: int | None
    slice_spacing: float

    @property
    def slice_step(self) -> Float[NDArray, "3"] | None:
        """From one slice of the mask to the next, in patient coordinates [mm]; None where the voxels are near cubes."""
        if self.slice_axis is None:
            return None
        along = self.affine[:3, self.slice_axis]
        return self.slice_spacing * along / np.linalg.norm(along)


def voxel_spacing(affine: Float[NDArray, "4 4"]) -> Float[NDArray, "3"]:
    """Edge lengths of a voxel [mm]."""
    return np.linalg.norm(affine[:3, :3], axis=0)


def signed_distance(mask: Bool[NDArray, "..."], spacing: Float[NDArray, "axes"]) -> Float[NDArray, "..."]:
    """Distance to the surface of a mask [mm], positive inside, in two or three dimensions."""
    half = 0.5 * float(spacing.min())
    inside: Any = distance_transform_edt(mask, sampling=spacing)
    outside: Any = distance_transform_edt(~mask, sampling=spacing)
    return np.where(mask, inside - half, half - outside)


def solid_of(mask: Bool[NDArray, "i j k"], affine: Float[NDArray, "4 4"]) -> Solid:
    """The closed solid of a mask; voxels outside the array are outside the mask.

    Args:
        mask: Voxels of one disc; at least one is set.
        affine: Of the mask, voxel indices to right-anterior-superior [mm].
    """
    spacing = voxel_spacing(affine)
    corner = np.array([indices.min() for indices in np.nonzero(mask)])
    ends = np.array([indices.max() + 1 for indices in np.nonzero(mask)])
    box = np.pad(mask[tuple(slice(*limits) for limits in zip(corner, ends, strict=True))], MARGIN)
    placed = affine.copy()
    placed[:3, 3] += affine[:3, :3] @ (corner - MARGIN)
    axis = int(np.argmax(spacing))
    pixel = float(np.median(spacing))
    if spacing[axis] <= ANISOTROPIC * pixel:
        return Solid(signed_distance(box, spacing), placed, pixel, None, float(spacing[axis]))
    stack = np.moveaxis(box, axis, 2)
    parts = int(np.ceil(spacing[axis] / pixel))
    fine = np.moveaxis(_between_slices(stack, np.delete(spacing, axis), parts), 2, axis)
    first = int(np.nonzero(stack.any(axis=(0, 1)))[0][0]) - 1
    placed[:3, 3] += placed[:3, axis] * first
    placed[:3, axis] /= parts
    return Solid(fine, placed, pixel, axis, float(spacing[axis]))


def _between_slices(
    stack: Bool[NDArray, "i j slices"], spacing: Float[NDArray, "2"], parts: int
) -> Float[NDArray, "i j fine"]:
    """Signed distance on `parts` planes per slice, from one slice before the first that holds the mask to one after the last.

    An empty slice inside the mask is passed over: it is interpolated from its neighbours.
    """
    held = np.nonzero(stack.any(axis=(0, 1)))[0]
    masks = [stack[:, :, index] for index in held]
    planes = np.stack([signed_distance(mask, spacing) for mask in masks])
    # Far outside, the distance says nothing of the shape between two slices; without this bound a thin tip would shrink.
    planes = np.stack([np.maximum(plane, -0.5 * plane.max()) for plane in planes])
    knots = np.concatenate([[held[0] - 1], held, [held[-1] + 1]])
    positions = np.arange((knots[-1] - knots[0]) * parts + 1) / parts + knots[0]
    lower = np.clip(np.searchsorted(knots, positions, side="right") - 1, 0, len(knots) - 2)
    share = ((positions - knots[lower]) / (knots[lower + 1] - knots[lower]))[:, None, None]
    # Every fine plane belongs to the slab of its nearest slice, the closing parts to the slabs of the ends.
    owner = np.clip(np.rint(positions), held[0], held[-1]).astype(int)
    pixel = float(np.sqrt(spacing.prod()))
    wanted = np.array([mask.sum() for mask in masks]) * (parts * pixel**2)
    edges = np.array([(np.abs(plane) < pixel).sum() / 2.0 for plane in planes]) * (parts * pixel)
    fine, shift = planes, np.zeros(len(held))
    for _ in range(SWEEPS):
        moved = planes + shift[:, None, None]
        values = np.concatenate([[_beyond(planes[0])], moved, [_beyond(planes[-1])]])
        fine = values[lower] * (1.0 - share) + values[lower + 1] * share
        areas = np.clip(fine / pixel + 0.5, 0.0, 1.0).sum(axis=(1, 2)) * pixel**2
        held_now = np.array([areas[owner == index].sum() for index in held])
        shift = np.clip(shift + (wanted - held_now) / edges, -0.5 * pixel, 0.5 * pixel)
    return np.moveaxis(fine, 0, 2)


def _beyond(plane: Float[NDArray, "i j"]) -> Float[NDArray, "i j"]:
    """The plane one slice beyond an end: minus the k for which the closing part is half a slice long in the mean."""
    depth = plane[plane > 0.0]
    k: Any = brentq(lambda trial: np.mean(depth / (depth + trial)) - 0.5, 1e-3 * depth.min(), 1e3 * depth.max())
    return np.full_like(plane, -float(k))
