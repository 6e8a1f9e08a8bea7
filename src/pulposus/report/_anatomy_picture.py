"""A still picture of the parts of the disc and of its injected cells, seen through translucent surfaces.

Faces that look away from the eye are painted first, then the dots, then the faces that look at the eye, each from far to near: with convex
parts inside each other that is the order of what lies before what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from pulposus.report._anatomy import CELLS_LABEL, COLOURS, Part, disc_parts
from pulposus.report._geometry import CREASE_COSINE, node_points
from pulposus.report._picture import camera

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from pulposus.disc import Disc

# From the disc to the eye: from the right, in front and well above, so that the upper endplate does not close the view.
_EYE = np.array([0.55, 0.75, 0.62])
_AMBIENT, _DIFFUSE = 0.7, 0.3
# A surface of paper needs more colour than one on a screen that can be turned.
_PAPER = 1.25
_DOT_POINTS = 5.0
_EDGE = "#2f3b46"


def paint_parts(axes: Axes, disc: Disc, dots: Float[np.ndarray, "dots 3"] | None = None) -> list[Artist]:
    """Paint nucleus, annulus and cartilage endplates of a disc, and injected cells if there are any.

    Args:
        axes: Where to paint; its frame is taken away.
        disc: One disc.
        dots: Positions of dots [mm].

    Returns:
        Entries for a legend.
    """
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colors import to_rgb
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    parts = disc_parts(disc)
    view = camera(_EYE)
    seen = node_points(disc) @ view.T
    faces = np.concatenate([part.faces for part in parts])
    corners = seen[faces]
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    towards = normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-300)
    depth = corners[..., 2].mean(axis=1)
    colours = np.concatenate(
        [np.tile((*to_rgb(part.colour), _PAPER * part.opacity), (len(part.faces), 1)) for part in parts]
    )
    colours[:, :3] *= (_AMBIENT + _DIFFUSE * np.abs(towards))[:, None]
    for order, facing in ((0, towards <= 0.0), (2, towards > 0.0)):
        chosen = np.nonzero(facing)[0]
        chosen = chosen[np.argsort(depth[chosen])]
        axes.add_collection(
            PolyCollection(
                list(corners[chosen][..., :2]),
                facecolors=list(colours[chosen]),
                edgecolors="none",
                antialiased=False,
                zorder=order,
            )
        )
    for part in parts:
        edges = seen[_sharp_edges(part, seen)][..., :2]
        axes.add_collection(LineCollection(list(edges), colors=_EDGE, linewidths=0.5, alpha=0.6, zorder=3))
    legend: list[Artist] = [
        Patch(facecolor=part.colour, alpha=min(1.0, 2.0 * part.opacity), edgecolor=_EDGE, label=part.label)
        for part in parts
    ]
    if dots is not None and len(dots):
        places = dots @ view.T
        # Once behind the near surfaces and once, faintly, on them: deep cells stay visible and still look deep.
        for order, alpha in ((1, 1.0), (4, 0.45)):
            axes.scatter(
                places[:, 0],
                places[:, 1],
                s=_DOT_POINTS,
                color=COLOURS["cells"],
                linewidths=0.0,
                alpha=alpha,
                zorder=order,
            )
        legend.append(Line2D([], [], linestyle="", marker="o", markersize=4, color=COLOURS["cells"], label=CELLS_LABEL))
    low, high = seen[faces].min(axis=(0, 1)), seen[faces].max(axis=(0, 1))
    _directions(axes, view, low, high)
    margin = 0.05 * (high - low)
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - 3.0 * margin[1], high[1] + margin[1])
    axes.set_aspect("equal")
    axes.set_axis_off()
    return legend


def _directions(
    axes: Axes, view: Float[np.ndarray, "3 3"], low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]
) -> None:
    """Arrows to the right, to the front and upwards in the lower left corner."""
    length = 0.11 * (high[0] - low[0])
    start = np.array([low[0] + 0.9 * length, low[1] - 0.1 * length])
    for name, axis in (("right", 0), ("anterior", 1), ("up", 2)):
        along = length * view[:2, axis]
        axes.annotate(
            "",
            xy=tuple(start + along),
            xytext=tuple(start),
            arrowprops={"arrowstyle": "->", "color": _EDGE, "linewidth": 0.8},
        )
        across, up = start + 1.3 * along
        axes.text(across, up, name, fontsize=7, color=_EDGE, ha="center", va="center")


def _sharp_edges(part: Part, points: Float[np.ndarray, "nodes 3"]) -> np.ndarray:
    """Edges of a part where two faces meet at an angle, or that belong to one face only, (edges, 2)."""
    corners = points[part.faces]
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    edges = np.sort(np.stack([part.faces, np.roll(part.faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    owner = np.repeat(np.arange(len(part.faces)), 4)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, owner = edges[order], owner[order]
    shared = np.nonzero((edges[1:] == edges[:-1]).all(axis=1))[0]
    alone = np.ones(len(edges), dtype=bool)
    alone[shared] = alone[shared + 1] = False
    creased = (normals[owner[shared]] * normals[owner[shared + 1]]).sum(axis=1) < CREASE_COSINE
    return np.concatenate([edges[alone], edges[shared[creased]]])
