"""Rendered scans and maps as pictures: sagittal, head up, the front of the body to the left, as on a radiologist's screen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pulposus.readouts._render import Kind, Volume

# Screens of radiology show a slice interpolated; this many pixels per voxel.
_ENLARGED = 4
# White of the window, over the signal of cerebrospinal fluid: the coil brightens what lies at the back.
WHITE_OVER_FLUID = 1.22
NAMES: dict[Kind, str] = {
    "t2w": "T2-weighted",
    "t2map": "T2",
    "t1map": "T1",
    "t1rho": "T1rho at 500 Hz",
    "adc": "apparent diffusion",
    "sodium": "sodium per water",
}
_RANGES: dict[Kind, tuple[float, float]] = {
    "t2map": (0.0, 200.0),
    "t1map": (400.0, 1500.0),
    "t1rho": (50.0, 150.0),
    "adc": (1.0e-3, 2.4e-3),
    "sodium": (150.0, 400.0),
}


def screen(slice_values: Float[np.ndarray, "depth height"]) -> Float[np.ndarray, "rows columns"]:
    """A slice as it hangs on the screen: rows from above to below, columns from front to back."""
    return slice_values[::-1, ::-1].T


def enlarged(image: Float[np.ndarray, "rows columns"], factor: int = _ENLARGED) -> Float[np.ndarray, "rows columns"]:
    """A picture with more pixels, by cubic interpolation."""
    from scipy.ndimage import zoom

    return np.asarray(zoom(image, factor, order=3, mode="nearest", grid_mode=True))


def windowed(image: Float[np.ndarray, "rows columns"], white: float) -> Int[np.ndarray, "rows columns"]:
    """Grey values from 0 to 255; `white` and what is brighter is white."""
    return np.clip(np.rint(255.0 * image / white), 0.0, 255.0).astype(np.uint8)


def middle_slice(volume: Volume) -> Float[np.ndarray, "rows columns"]:
    """The median slice as on the screen."""
    return screen(volume.values[volume.values.shape[0] // 2])


def grey_picture(volume: Volume, fluid: float, factor: int = _ENLARGED) -> Int[np.ndarray, "rows columns"]:
    """The median slice of a scan in grey.

    Args:
        volume: A `t2w` volume.
        fluid: Signal of cerebrospinal fluid.
        factor: Pixels per voxel.
    """
    return windowed(enlarged(middle_slice(volume), factor), WHITE_OVER_FLUID * fluid)


def draw_scan(axes: Axes, volume: Volume, fluid: float, overlay: Volume | None = None) -> None:
    """Draw the median slice with a scale and the directions; a map lies over it in colour.

    Args:
        axes: Where to draw.
        volume: A `t2w` volume.
        fluid: Signal of cerebrospinal fluid.
        overlay: A map of the same scene.
    """
    picture = grey_picture(volume, fluid)
    rows, columns = picture.shape
    pixel = volume.scan.voxel / _ENLARGED
    extent = (0.0, columns * pixel, 0.0, rows * pixel)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="bilinear")
    if overlay is not None:
        shown = middle_slice(overlay)
        low, high = _RANGES[overlay.kind]
        coloured = axes.imshow(np.ma.masked_equal(shown, 0.0), cmap="viridis", vmin=low, vmax=high, extent=extent)
        bar = axes.figure.colorbar(coloured, ax=axes, fraction=0.04, pad=0.02)
        bar.set_label(f"{NAMES[overlay.kind]} [{overlay.unit}]", fontsize=8)
        bar.ax.tick_params(labelsize=7.5)
    axes.set_axis_off()
    look = {"color": "#f2f2f2", "fontsize": 7.5}
    width, height = extent[1], extent[3]
    axes.text(0.015 * width, 0.5 * height, "A", va="center", **look)
    axes.text(0.985 * width, 0.5 * height, "P", va="center", ha="right", **look)
    length = 20.0 if width > 60.0 else 10.0 ** np.floor(np.log10(0.25 * width))
    axes.plot([0.04 * width, 0.04 * width + length], [0.035 * height] * 2, color="#f2f2f2", linewidth=1.6)
    axes.text(0.04 * width, 0.05 * height, f"{length:g} mm", **look)
    axes.text(0.015 * width, 0.975 * height, "simulated", va="top", style="italic", **look)


def scan_figure(volume: Volume, fluid: float, title: str, overlay: Volume | None = None) -> Figure:
    """A picture of a scan, or of a map over it, with a title.

    Args:
        volume: A `t2w` volume.
        fluid: Signal of cerebrospinal fluid.
        title: One line.
        overlay: A map of the same scene.
    """
    from matplotlib.figure import Figure

    rows, columns = middle_slice(volume).shape
    width = 5.6
    figure = Figure(
        figsize=(width * (1.16 if overlay is not None else 1.0), width * rows / columns + 0.35),
        dpi=150,
        layout="constrained",
    )
    axes = figure.subplots()
    draw_scan(axes, volume, fluid, overlay)
    axes.set_title(title, fontsize=8.5, loc="left")
    return figure


def png(figure: Figure) -> bytes:
    """A figure as PNG, the same bytes every time."""
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()
