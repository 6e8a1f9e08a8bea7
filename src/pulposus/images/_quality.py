"""How well a fitted disc follows its mask, and what can be measured on it (mechanics_imaging 1.6, step 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from pulposus.disc._map import column_height, endplate_surface, section_point, validity
from pulposus.images._columns import Columns
from pulposus.images._fit import Fit, map_volume
from pulposus.images._frame import Frame
from pulposus.images._outline import CURVE

RIM_HEIGHT = 0.95
"""Where the anterior and posterior height are read (eta): just inside the rim, which is rounded in a real disc."""


@dataclass(frozen=True)
class Measurements:
    """What is measured on a fitted disc; lengths in mm, volumes in mm3.

    Attributes:
        volume: Of the fitted disc.
        dice: Overlap with the interpolated mask.
        mean_surface_distance: Mean distance between the two surfaces, both ways.
        height_anterior, height_middle, height_posterior: On the midline of the fitted disc, bone to bone; see `RIM_HEIGHT`.
        mean_height: Volume over the area that the disc covers along the patient's cranial axis.
        width, depth: Extents along the patient's right and anterior axis.
        own_mean_height: Volume over the area of the outline.
        own_width, own_depth: Extents of the outline in the disc's own frame, which do not change when the patient is turned.
        midline_depth: Depth of the outline on the line x = 0 of that frame.
        smallest_determinant: Smallest over mean area element of the map.
        smallest_height: Of any column.
    """

    volume: float
    dice: float
    mean_surface_distance: float
    height_anterior: float
    height_middle: float
    height_posterior: float
    mean_height: float
    width: float
    depth: float
    own_mean_height: float
    own_width: float
    own_depth: float
    midline_depth: float
    smallest_determinant: float
    smallest_height: float


def filled(columns: Columns, fit: Fit) -> Float[NDArray, "nx ny nz"]:
    """Share of every sample of the columns that lies in the fitted disc."""
    step = columns.z[1] - columns.z[0]
    lower = endplate_surface(fit.form.inferior, fit.xi, fit.eta) + fit.shift[2]
    upper = endplate_surface(fit.form.superior, fit.xi, fit.eta) + fit.shift[2]
    depth = np.minimum(upper[:, :, None] - columns.z, columns.z - lower[:, :, None])
    return np.clip(depth / step + 0.5, 0.0, 1.0) * fit.inside[:, :, None]


def measurements(columns: Columns, fit: Fit, frame: Frame) -> Measurements:
    """Measure a fitted disc against the columns of its mask.

    Args:
        columns: The mask in the frame of the disc.
        fit: The fitted disc.
        frame: Frame of the fitted disc in the patient.
    """
    form = fit.form
    fit_share = filled(columns, fit)
    dice = 2.0 * float(np.minimum(fit_share, columns.held).sum() / (fit_share.sum() + columns.held.sum()))
    volume = map_volume(form)
    xi, eta = np.cos(CURVE), np.sin(CURVE)
    x, y = section_point(form, xi, eta)
    area = 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))
    rims = np.concatenate(
        [np.stack([x, y, endplate_surface(face, xi, eta)], axis=1) for face in (form.inferior, form.superior)]
    )
    placed = frame.to_patient(rims)
    middle = [float(section_point(form, 0.0, sign)[1]) for sign in (-1.0, 1.0)]
    determinant, lowest = validity(form)
    return Measurements(
        volume=volume,
        dice=dice,
        mean_surface_distance=surface_distance(columns.held > 0.5, fit_share > 0.5, columns.z[1] - columns.z[0]),
        height_anterior=float(column_height(form, 0.0, RIM_HEIGHT)),
        height_middle=float(column_height(form, 0.0, 0.0)),
        height_posterior=float(column_height(form, 0.0, -RIM_HEIGHT)),
        mean_height=volume / _shadow(columns, fit_share, frame),
        width=float(np.ptp(placed[:, 0])),
        depth=float(np.ptp(placed[:, 1])),
        own_mean_height=volume / area,
        own_width=float(np.ptp(x)),
        own_depth=float(np.ptp(y)),
        midline_depth=middle[1] - middle[0],
        smallest_determinant=determinant,
        smallest_height=lowest,
    )


def _shadow(columns: Columns, share: Float[NDArray, "nx ny nz"], frame: Frame) -> float:
    """Area [mm2] that a disc covers when it is seen along the patient's cranial axis."""
    step = float(columns.z[1] - columns.z[0])
    index = np.argwhere(share > 0.5)
    # Twice the spacing of the samples, so that a turned grid leaves no holes in the shadow.
    across = np.stack(
        [axis[column] for axis, column in zip((columns.x, columns.y, columns.z), index.T, strict=True)], axis=1
    )
    seen = (across @ frame.axes)[:, :2]
    cell = 1.5 * step
    bins = np.floor((seen - seen.min(axis=0)) / cell).astype(int)
    grid = np.zeros(bins.max(axis=0) + 3, dtype=bool)
    grid[bins[:, 0] + 1, bins[:, 1] + 1] = True
    # Cells on the border are half covered in the mean.
    inner = grid & np.roll(grid, 1, 0) & np.roll(grid, -1, 0) & np.roll(grid, 1, 1) & np.roll(grid, -1, 1)
    return float(0.5 * (grid.sum() + inner.sum())) * cell**2


def surface_distance(first: Bool[NDArray, "i j k"], second: Bool[NDArray, "i j k"], step: float) -> float:
    """Mean distance between the surfaces of two solids on a grid of cubes [mm], both ways."""

    def signed(mask: Bool[NDArray, "i j k"]) -> Float[NDArray, "i j k"]:
        inside: Any = distance_transform_edt(mask)
        outside: Any = distance_transform_edt(~mask)
        return np.where(mask, inside - 0.5, 0.5 - outside)

    distances = [signed(mask) for mask in (first, second)]
    # Samples on both sides of a surface lie half a step from it; the mean of the two sides is the distance at the surface itself.
    sums = [np.abs(other[np.abs(own) < 0.75] - own[np.abs(own) < 0.75]) for own, other in (distances, distances[::-1])]
    return step * float(np.mean(np.concatenate(sums)))
