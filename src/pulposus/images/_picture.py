"""A picture of a fit: the mask and the fitted disc in the three planes of the disc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pulposus.disc._map import endplate_surface, section_point
from pulposus.errors import InvalidInput
from pulposus.images._outline import CURVE

if TYPE_CHECKING:
    from pulposus.images._imported import ImportedDisc

_FIT = "#440154"


def save_fit_picture(disc: ImportedDisc, path: Path) -> None:
    """Draw mask and fit: seen from above, and cut along the midline and across the middle.

    Args:
        disc: The imported disc, accepted or refused.
        path: File to write; its ending is the format.

    Raises:
        InvalidInput: The file cannot be written.
    """
    from matplotlib.figure import Figure

    form, columns = disc.fit.form, disc.columns
    x, y, z = columns.x - disc.fit.shift[0], columns.y - disc.fit.shift[1], columns.z - disc.fit.shift[2]
    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    panels = figure.subplot_mosaic([["above", "midline"], ["above", "across"]], width_ratios=[1.15, 1.0])
    above, midline, across = panels["above"], panels["midline"], panels["across"]
    shown = {"cmap": "Greys", "vmin": 0.0, "vmax": 2.5, "shading": "nearest", "rasterized": True}
    image = above.pcolormesh(x, y, columns.length.T, cmap="cividis", shading="nearest", rasterized=True)
    figure.colorbar(image, ax=above, label="height of the mask [mm]", shrink=0.8)
    for radius, colour, name in ((1.0, "white", "outline of the fit"), (form.nucleus_radius, "#fde725", "nucleus")):
        ring = section_point(form, radius * np.cos(CURVE), radius * np.sin(CURVE))
        above.plot(*ring, color=colour, linewidth=1.5, linestyle="-" if radius == 1.0 else "--", label=name)
    above.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.01),
        ncols=2,
        frameon=True,
        facecolor="#5b6876",
        labelcolor="white",
        fontsize=8,
    )
    above.set(xlabel="left to right [mm]", ylabel="back to front [mm]", aspect="equal")
    nearest_x, nearest_y = int(np.argmin(np.abs(x))), int(np.argmin(np.abs(y)))
    xi, eta = disc.fit.xi, disc.fit.eta
    for axes, title, label, position, slab, cut in (
        (midline, "along the midline", "back to front [mm]", y, columns.held[nearest_x], np.s_[nearest_x, :]),
        (across, "across the middle", "left to right [mm]", x, columns.held[:, nearest_y], np.s_[:, nearest_y]),
    ):
        axes.pcolormesh(position, z, slab.T, **shown)
        inside = disc.fit.inside[cut]
        lower, upper = (endplate_surface(face, xi[cut], eta[cut])[inside] for face in (form.inferior, form.superior))
        there = position[inside]
        axes.plot(
            np.concatenate([there, there[::-1], there[:1]]), np.concatenate([lower, upper[::-1], lower[:1]]), color=_FIT
        )
        axes.set(title=title, xlabel=label, ylabel="height [mm]", aspect="equal")
        axes.set_ylim(z[0], z[-1])
    found = disc.measurements
    figure.suptitle(
        f"{disc.name}: {disc.status}; Dice {found.dice:.3f}, volume {100.0 * (found.volume / disc.mask_volume - 1.0):+.1f} %; "
        "grey: interpolated mask, lines: fit. Research use only, not medical advice.",
        fontsize=9,
    )
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise InvalidInput(
            f'cannot write "{path}" ({error.strerror})',
            where="option --picture",
            remedy="choose a folder that can be written",
        ) from None
