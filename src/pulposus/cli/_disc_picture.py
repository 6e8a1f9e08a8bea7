"""A picture of a disc: three sections through its mesh, coloured by tissue, with the cut planes marked, and its parts in 3D."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pulposus.disc._layout import TISSUES, VOID
from pulposus.report._anatomy_picture import paint_parts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pulposus.disc import Disc, Measures

# Okabe-Ito colours, softened: they stay apart for colour-blind readers and in grey.
COLOURS = {"nucleus": "#8ecbf0", "annulus": "#f2c879", "endplate": "#3f9b7f"}
NAMES = {"nucleus": "nucleus pulposus", "annulus": "annulus fibrosus", "endplate": "cartilage endplate"}


def vertical_section(disc: Disc, axis: int, position: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut through the mesh with the plane x = position (axis 0) or y = position (axis 1).

    The columns of the mesh are vertical, so the plane cuts a quadrilateral of the cross-section along one straight line.

    Returns:
        Cut faces (n, 4, 2) in the other horizontal coordinate and z [mm], and their tissue (n,).
    """
    nodes = np.asarray(disc.coordinates)
    quads = disc.topology.quads
    side = nodes[quads, 0, axis] - position
    following = np.roll(side, -1, axis=1)
    crossed = (side < 0.0) != (following < 0.0)
    share = side / np.where(crossed, side - following, 1.0)
    cut = np.nonzero(crossed.sum(axis=1) == 2)[0]
    edges = np.nonzero(crossed[cut])[1].reshape(-1, 2)
    start = nodes[np.take_along_axis(quads[cut], edges, axis=1)]
    end = nodes[np.take_along_axis(quads[cut], (edges + 1) % 4, axis=1)]
    weight = np.take_along_axis(share[cut], edges, axis=1)[:, :, None, None]
    points = ((1.0 - weight) * start + weight * end)[..., [1 - axis, 2]]
    first, second = points[:, 0], points[:, 1]
    faces = np.stack([first[:, :-1], second[:, :-1], second[:, 1:], first[:, 1:]], axis=2)
    return faces.reshape(-1, 4, 2), disc.tissue_of_element[cut].reshape(-1)


def transverse_section(disc: Disc) -> tuple[np.ndarray, np.ndarray]:
    """The layer at mid height seen from above: faces (n, 4, 2) in x and y [mm], and their tissue (n,)."""
    middle = disc.tissue_of_element.shape[1] // 2
    points = np.asarray(disc.coordinates)[:, 0, :2]
    return points[disc.topology.quads], disc.tissue_of_element[:, middle]


def _draw(axes: Axes, section: tuple[np.ndarray, np.ndarray], line_width: float) -> None:
    from matplotlib.collections import PolyCollection

    faces, tissue = section
    for code, name in enumerate(TISSUES):
        axes.add_collection(
            PolyCollection(
                list(faces[tissue == code]), facecolor=COLOURS[name], edgecolor="#2f3b46", linewidth=line_width
            )
        )
    shown = faces[tissue != VOID].reshape(-1, 2)
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = 0.06 * (high - low).max()
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _name_axes(axes: Axes, coordinate: str, low: str, high: str, upward: str) -> None:
    """Axis labels; the horizontal one names both of its directions."""
    axes.set_xlabel(f"{low}    \u2190    {coordinate} [mm]    \u2192    {high}")
    axes.set_ylabel(upward)


def _facts(measures: Measures) -> str:
    rows = [
        ("width x depth", f"{measures.width:.3g} x {measures.depth:.3g} mm"),
        (
            "heights: front, centre, back",
            f"{measures.anterior_height:.3g}, {measures.central_height:.3g}, {measures.posterior_height:.3g} mm",
        ),
        ("volume", f"{measures.volume:.3g} mL"),
        *((f"  {NAMES[name]}", f"{volume:.3g} mL") for name, volume in measures.volumes.items() if volume > 0.0),
        ("nucleus in the section", f"{100.0 * measures.nucleus_area_fraction:.1f} %"),
        ("wedge, open to the front", f"{measures.wedge:.1f} degrees"),
        ("mesh", f"{measures.nodes} nodes, {measures.elements} hexahedra"),
    ]
    return "\n".join(f"{label:<30}{value}" for label, value in rows)


def disc_figure(disc: Disc, measures: Measures) -> Figure:
    """Mid-transverse, mid-sagittal and mid-coronal sections of a disc."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    nodes = np.asarray(disc.coordinates)
    centre = nodes[disc.topology.centre]
    # A hair beside the symmetry plane, so that the plane does not run along faces of the mesh.
    sagittal_x, coronal_y = 1e-6 * measures.width, float(centre[1]) + 1e-6 * measures.depth
    fine = 0.35 if len(disc.topology.quads) < 1500 else 0.15
    figure = Figure(figsize=(11.5, 8.6), dpi=150, layout="constrained")
    panels = figure.subplot_mosaic([["transverse", "sagittal"], ["transverse", "coronal"], ["facts", "solid"]], width_ratios=[1.25, 1.0],
                                   height_ratios=[1.0, 1.0, 1.1])  # fmt: skip
    figure.suptitle(f"{disc.description.name}: {disc.description.text}", fontsize=12, x=0.01, ha="left")
    transverse, sagittal, coronal = panels["transverse"], panels["sagittal"], panels["coronal"]
    _draw(transverse, transverse_section(disc), fine)
    transverse.set_title("mid-height, from above", fontsize=10, loc="left")
    _name_axes(transverse, "x", "left", "right", "posterior    \u2190    y [mm]    \u2192    anterior")
    transverse.axvline(sagittal_x, color="#b23a48", linewidth=0.9, linestyle=(0, (6, 4)))
    transverse.axhline(coronal_y, color="#5b3e96", linewidth=0.9, linestyle=(0, (6, 4)))
    _draw(sagittal, vertical_section(disc, 0, sagittal_x), fine)
    sagittal.set_title("mid-sagittal (red line), from the right, head up", fontsize=10, loc="left", color="#b23a48")
    _name_axes(sagittal, "y", "posterior", "anterior", "z [mm]")
    _draw(coronal, vertical_section(disc, 1, coronal_y), fine)
    coronal.set_title(
        "coronal through the centre (violet line), from behind, head up", fontsize=10, loc="left", color="#5b3e96"
    )
    _name_axes(coronal, "x", "left", "right", "z [mm]")
    panels["facts"].axis("off")
    panels["facts"].text(
        0.0, 1.0, _facts(measures), family="monospace", fontsize=9, va="top", transform=panels["facts"].transAxes
    )
    present = [name for name, volume in measures.volumes.items() if volume > 0.0]
    panels["facts"].legend(
        handles=[Patch(facecolor=COLOURS[name], edgecolor="#2f3b46", label=NAMES[name]) for name in present],
        loc="upper left",
        bbox_to_anchor=(-0.01, 0.45),
        frameon=False,
        fontsize=9,
        ncols=len(present),
    )
    panels["solid"].set_title("translucent, from the right, in front and above", fontsize=10, loc="left")
    paint_parts(panels["solid"], disc)
    return figure


def save_picture(disc: Disc, measures: Measures, path: Path) -> None:
    """Write the picture; the ending of the path selects the format."""
    disc_figure(disc, measures).savefig(path)
