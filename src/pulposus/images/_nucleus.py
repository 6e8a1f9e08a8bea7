r"""The nucleus on a T2-weighted image (mechanics_imaging 1.6, step 7).

Inside the eroded disc Otsu's threshold parts the bright nucleus from the dark annulus. From the bright columns of the middle half of the
height come the area fraction, how far the centroid lies behind, and from the ratio of the half axes the squeeze e:

.. math:: \frac{W_N / D_N}{W / D} = \frac{1 + e(1-\rho_N^2)}{1 - e(1-\rho_N^2)}

A nucleus that the threshold does not part from the annulus (Pfirrmann IV and V) is not visible: the defaults of the level stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.ndimage import label, map_coordinates

from pulposus.disc._map import endplate_surface, ring_centroid
from pulposus.images._columns import Columns
from pulposus.images._fit import Fit, Nucleus
from pulposus.images._frame import Frame
from pulposus.images._volume import Volume
from pulposus.parameters import ParameterSet

ERODED = 0.92
"""Reference radius inside which the signal is read: the border of the disc is mixed with its surroundings."""
MIDDLE = 0.5
COMPACT = 0.8
"""Share of the bright columns that the largest piece has to hold."""
LARGEST_SQUEEZE = 0.3
_LAYERS = np.linspace(-MIDDLE, MIDDLE, 9)
_BINS = 128


def otsu(values: Float[NDArray, "values"]) -> tuple[float, float]:
    """Otsu's threshold, and the share of the variance that lies between the two classes."""
    counts, edges = np.histogram(values, bins=_BINS)
    middles = 0.5 * (edges[1:] + edges[:-1])
    below = np.cumsum(counts)
    above = below[-1] - below
    moment = np.cumsum(counts * middles)
    mean_below = moment / np.maximum(below, 1)
    mean_above = (moment[-1] - moment) / np.maximum(above, 1)
    between = below * above * (mean_below - mean_above) ** 2 / below[-1] ** 2
    best = int(np.argmax(between))
    return float(edges[best + 1]), float(between[best] / max(np.var(values), 1e-300))


def nucleus_on(
    image: Volume, columns: Columns, fit: Fit, frame: Frame, default: Nucleus, parameters: ParameterSet
) -> Nucleus:
    """The nucleus that a T2-weighted image shows; the default one with a reason where it shows none.

    Args:
        image: T2-weighted image in the same patient space as the mask.
        columns: Columns of the mask.
        fit: Disc fitted with the default nucleus.
        frame: Frame of the columns.
        default: Nucleus of the level.
        parameters: Model constants.
    """
    signal = _column_signal(image, columns, fit, frame)
    rho = np.hypot(fit.xi, fit.eta)
    read = rho < ERODED

    def stay(reason: str) -> Nucleus:
        return Nucleus(default.area_fraction, default.offset, default.squeeze, f"{default.origin}: {reason}")

    if not np.all(np.isfinite(signal[read])):
        return stay("the image does not cover the disc")
    threshold, separability = otsu(signal[read])
    if separability < parameters.value("segmentation.nucleus.separability"):
        return stay(
            f"no nucleus is visible, the threshold explains {100.0 * separability:.0f} % of the signal's variance"
        )
    found: Any = label(read & (signal > threshold))
    pieces = found[0]
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    if sizes.max() < COMPACT * sizes.sum():
        return stay("what is bright lies scattered over the disc")
    x, y = np.meshgrid(columns.x - fit.shift[0], columns.y - fit.shift[1], indexing="ij")
    bright = pieces == int(np.argmax(sizes))
    fraction = float(bright.sum() / fit.inside.sum())
    low, high = (parameters.value(f"segmentation.nucleus.{end}") for end in ("low", "high"))
    if not low <= fraction <= high:
        return stay(
            f"the bright area is {100.0 * fraction:.0f} % of the section, {100 * low:.0f} to {100 * high:.0f} % is plausible"
        )
    depth = 2.0 * fit.form.half_depth
    offset = float((ring_centroid(fit.form) - y[bright].mean()) / depth)
    ratio = (x[bright].std() / y[bright].std()) / (x[fit.inside].std() / y[fit.inside].std())
    squeeze = float(np.clip((ratio - 1.0) / (ratio + 1.0) / (1.0 - fraction), 0.0, LARGEST_SQUEEZE))
    return Nucleus(
        fraction,
        float(np.clip(offset, -0.15, 0.15)),
        squeeze,
        f"T2-weighted image {image.name}, threshold explains {100.0 * separability:.0f} % of the signal's variance",
    )


def _column_signal(image: Volume, columns: Columns, fit: Fit, frame: Frame) -> Float[NDArray, "nx ny"]:
    """Mean signal of the middle half of every column; NaN where the image ends."""
    lower = endplate_surface(fit.form.inferior, fit.xi, fit.eta) + fit.shift[2]
    upper = endplate_surface(fit.form.superior, fit.xi, fit.eta) + fit.shift[2]
    x, y = np.meshgrid(columns.x, columns.y, indexing="ij")
    inverse = np.linalg.inv(image.affine)
    total = np.zeros_like(x)
    for zeta in _LAYERS:
        z = 0.5 * (1.0 - zeta) * lower + 0.5 * (1.0 + zeta) * upper
        placed = frame.to_patient(np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1))
        index = inverse[:3, :3] @ placed.T + inverse[:3, 3:]
        sampled = map_coordinates(image.voxels.astype(np.float64), index, order=1, mode="constant", cval=np.nan)
        total += sampled.reshape(x.shape) / len(_LAYERS)
    return total
