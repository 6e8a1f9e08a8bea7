"""A slide as a picture: the whole mid-sagittal section, and magnified fields of the nucleus, its border and the outer annulus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from pulposus.readouts._disc_view import NUCLEUS
from pulposus.readouts._score import continuity_lost, healthy_glycosaminoglycan
from pulposus.readouts._section import Window, cut_section, magnified_window, whole_window
from pulposus.readouts._slide import STAIN_NAMES, SlideConstants, Stain, paint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pulposus.parameters import ParameterSet
    from pulposus.readouts._disc_view import DiscView

WHOLE_PIXELS = 1300
FIELD_PIXELS = 420
# Depth of a human L4-L5 disc [mm] is the scale of textures; a field is 0.84 mm wide, or less than half the height of the disc.
_FIELDS = (("nucleus", -1.0, 0.5), ("border of nucleus and annulus", 0.02, 0.5), ("outer annulus", 0.75, 0.5))
_INK = "#1d2733"


def disc_scale(disc: DiscView, parameters: ParameterSet) -> float:
    """Depth of the disc over that of the human one."""
    return float(np.ptp(disc.rim[:, 1])) / parameters.value("imaging.spine.reference_depth")


def slide(
    disc: DiscView, parameters: ParameterSet, window: Window, stain: Stain, seed: int, *, mark_donor: bool = False
) -> Int[np.ndarray, "rows columns 3"]:
    """A window of the section in colour.

    Args:
        disc: The disc at one moment.
        parameters: The loaded parameters.
        window: Where to look.
        stain: Which slide.
        seed: Of cells and textures.
        mark_donor: Whether donor cells are green.
    """
    constants = SlideConstants.from_parameters(parameters)
    section = cut_section(disc, window)
    # The law of the cleft at the pixels: it is local in glycosaminoglycan.
    lost = _cleft_at(section.glycosaminoglycan, disc, parameters)
    turgor = disc.mean(disc.glycosaminoglycan, NUCLEUS) / healthy_glycosaminoglycan(parameters)
    return paint(
        section,
        stain,
        constants,
        lost,
        turgor,
        seed,
        notochordal=disc.notochordal,
        mark_donor=mark_donor,
        scale=disc_scale(disc, parameters),
    )


def _cleft_at(content: np.ndarray, disc: DiscView, parameters: ParameterSet) -> np.ndarray:
    nodes = np.sort(disc.glycosaminoglycan.ravel())
    lost = np.sort(continuity_lost(disc, parameters).ravel())[::-1]
    return np.interp(content, nodes, lost)


def field_windows(disc: DiscView, parameters: ParameterSet) -> list[tuple[str, Window]]:
    """The magnified fields of a slide, with their names."""
    height = float((disc.faces[1] - disc.faces[0]).min())
    width = min(FIELD_PIXELS * parameters.value("imaging.slide.pixel"), 0.6 * height)
    return [(name, magnified_window(disc, depth, share, width, FIELD_PIXELS)) for name, depth, share in _FIELDS]


def overview_window(disc: DiscView, parameters: ParameterSet, pixels: int = WHOLE_PIXELS) -> Window:
    """The whole section with bone above and below."""
    return whole_window(disc, pixels, 1.6 * disc_scale(disc, parameters))


def slide_figure(
    disc: DiscView,
    parameters: ParameterSet,
    stain: Stain,
    seed: int = 0,
    title: str = "",
    *,
    mark_donor: bool = False,
) -> tuple[Figure, dict[str, Any]]:
    """A slide with three magnified fields, and what it shows as plain data.

    Args:
        disc: The disc at one moment.
        parameters: The loaded parameters.
        stain: Which slide.
        seed: Of cells and textures.
        title: One line above.
        mark_donor: Whether donor cells are green.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    whole = overview_window(disc, parameters)
    rows, columns = whole.shape
    width = 9.2
    figure = Figure(figsize=(width, width * rows / columns + 3.05), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=[width * rows / columns, 2.35])
    top = figure.add_subplot(grid[0, :])
    show(top, slide(disc, parameters, whole, stain, seed, mark_donor=mark_donor), whole)
    fields = field_windows(disc, parameters)
    for number, (name, window) in enumerate(fields):
        axes = figure.add_subplot(grid[1, number])
        show(axes, slide(disc, parameters, window, stain, seed + 1 + number, mark_donor=mark_donor), window)
        letter = "abc"[number]
        axes.set_title(f"{letter}  {name}", fontsize=8, loc="left", color=_INK)
        corner = (window.back, window.low)
        top.add_patch(
            Rectangle(
                corner, window.front - window.back, window.high - window.low, fill=False, edgecolor=_INK, linewidth=1.0
            )
        )
        top.text(
            0.5 * (window.front + window.back), window.high, letter, fontsize=8, ha="center", va="bottom", color=_INK
        )
    marked = "; donor cells green" if mark_donor else ""
    top.set_title(
        f"{STAIN_NAMES[stain]}{marked}, simulated{': ' if title else ''}{title}", fontsize=8.5, loc="left", color=_INK
    )
    facts = {
        "kind": "histology",
        "simulated": True,
        "research_use_only": "Simulated slide. Research use only, not medical advice.",
        "stain": stain.value,
        "donor_cells_marked": mark_donor,
        "seed": seed,
        "disc": {"name": disc.name, "grade_at_start": disc.grade},
        "pixel_um": {"whole": 1000.0 * whole.pixel, **{name: 1000.0 * window.pixel for name, window in fields}},
        "prior": [
            "densities of stains",
            "textures, gaps and sizes of cells",
            "limits of the score",
            "bone above and below",
        ],
    }
    return figure, facts


def show(axes: Axes, picture: Int[np.ndarray, "rows columns 3"], window: Window) -> None:
    """Draw a window with a scale; the front of the body to the left."""
    axes.imshow(picture, extent=(window.front, window.back, window.low, window.high), interpolation="bilinear")
    axes.set_axis_off()
    wide, high = window.front - window.back, window.high - window.low
    length = scale_length(wide)
    start, level = window.back + 0.03 * wide, window.low + 0.06 * high
    axes.plot([start + length, start], [level, level], color=_INK, linewidth=2.0)
    label = f"{length:g} mm" if length >= 1.0 else f"{1000.0 * length:g} µm"
    backing = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0}
    place = start + 0.5 * length, level + 0.035 * high
    axes.text(*place, label, fontsize=7, ha="center", va="bottom", color=_INK, bbox=backing)


def scale_length(wide: float) -> float:
    """A round length below a quarter of a width: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(0.25 * wide))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= 0.25 * wide))
