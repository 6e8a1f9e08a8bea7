"""A solid seen along the axis of its disc: lower and upper surface, and how much of every vertical column the disc fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from pulposus.images._distance import Solid
from pulposus.images._frame import Frame, held_points

MARGIN = 4  # samples around the disc, so that every surface is inside the grid
FEWEST, MOST = 80, 160  # columns across the width, whatever the size of the voxels and of the animal


@dataclass(frozen=True, eq=False)
class Columns:
    """Vertical columns of a disc on a regular grid in its frame; lengths in mm.

    Attributes:
        x, y: Positions of the columns, (nx,) and (ny,).
        z: Positions of the samples along a column, (nz,).
        held: Share of every sample that lies in the disc, (nx, ny, nz).
        lower, upper: Lowest and highest crossing of the surface; NaN where the column misses the disc, (nx, ny).
        length: Length of every column inside the disc, (nx, ny).
    """

    x: Float[NDArray, "nx"]
    y: Float[NDArray, "ny"]
    z: Float[NDArray, "nz"]
    held: Float[NDArray, "nx ny nz"]
    lower: Float[NDArray, "nx ny"]
    upper: Float[NDArray, "nx ny"]
    length: Float[NDArray, "nx ny"]

    @property
    def area(self) -> float:
        """Area of a column [mm2]."""
        return float((self.x[1] - self.x[0]) * (self.y[1] - self.y[0]))

    @property
    def volume(self) -> float:
        """Volume of the disc [mm3]."""
        return float(self.length.sum()) * self.area

    @property
    def met(self) -> Bool[NDArray, "nx ny"]:
        """Columns that meet the disc."""
        return np.isfinite(self.lower)


def columns_of(solid: Solid, frame: Frame) -> Columns:
    """The columns of a solid in a frame."""
    inside = frame.to_disc(held_points(solid))
    extent = float(np.ptp(inside, axis=0).max())
    step = float(np.clip(solid.pixel, extent / MOST, extent / FEWEST))
    low, high = inside.min(axis=0) - MARGIN * step, inside.max(axis=0) + MARGIN * step
    x, y, z = (np.arange(start, stop + step, step) for start, stop in zip(low, high, strict=True))
    # Affine both ways: index = inverse (patient - offset), patient = origin + axes^T point.
    inverse = np.linalg.inv(solid.affine[:3, :3])
    turn = inverse @ frame.axes.T
    start = inverse @ (frame.origin - solid.affine[:3, 3])
    index = (
        start[:, None, None, None]
        + turn[:, 0, None, None, None] * x[None, :, None, None]
        + turn[:, 1, None, None, None] * y[None, None, :, None]
        + turn[:, 2, None, None, None] * z[None, None, None, :]
    )
    distance = map_coordinates(solid.distance, index, order=1, mode="nearest")
    held = np.clip(distance / step + 0.5, 0.0, 1.0)
    lower, upper = _crossings(distance, z), -_crossings(distance[:, :, ::-1], -z[::-1])
    return Columns(x=x, y=y, z=z, held=held, lower=lower, upper=upper, length=held.sum(axis=2) * step)


def _crossings(distance: Float[NDArray, "nx ny nz"], z: Float[NDArray, "nz"]) -> Float[NDArray, "nx ny"]:
    """Where the distance of every column first becomes positive, by linear interpolation; NaN where it never does."""
    positive = distance > 0.0
    after = np.clip(np.argmax(positive, axis=2), 1, None)
    above = np.take_along_axis(distance, after[:, :, None], axis=2)[:, :, 0]
    below = np.take_along_axis(distance, after[:, :, None] - 1, axis=2)[:, :, 0]
    met = positive.any(axis=2)
    share = np.where(met, below / np.where(met, below - above, 1.0), 0.0)
    return np.where(met, z[after - 1] + share * (z[after] - z[after - 1]), np.nan)
