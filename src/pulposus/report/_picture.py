"""The static picture of the disc: its left half, cut open at mid-sagittal, coloured by every field at the end.

It stands where the interactive view cannot run and on paper. Faces are projected in parallel and painted from back to front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from pulposus.report._fields import field_values, shown_fields, suffixed, times
from pulposus.report._figure import Figure, Table, canvas, csv_link, mark_simulated, picture_link
from pulposus.report._geometry import Surface, node_points
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pulposus.report._record import RunRecord

# From the disc to the eye: from the right, in front and above.
_EYE = np.array([0.72, 0.55, 0.5])
_AMBIENT, _DIFFUSE = 0.62, 0.38


def camera(eye: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """Rows: right and up on the picture, and towards the eye."""
    towards = eye / np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], towards)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(towards, right), towards])


def _paint(
    axes: Axes, surface: Surface, points: Float[np.ndarray, "nodes 3"], values: Float[np.ndarray, "nodes"]
) -> tuple[float, float]:
    """Draw the faces that look at the eye, farthest first; returns the range of the values."""
    import matplotlib
    from matplotlib.collections import LineCollection, TriMesh
    from matplotlib.tri import Triangulation

    seen = points @ camera(_EYE).T
    corners = seen[surface.faces]
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    facing = np.nonzero(normals[:, 2] > 0.0)[0]
    facing = facing[np.argsort(corners[facing][..., 2].mean(axis=1))]
    faces, light = surface.faces[facing], _AMBIENT + _DIFFUSE * normals[facing, 2]
    low, high = float(values[surface.faces].min()), float(values[surface.faces].max())
    span = high - low if high > low else 1.0
    # Every face has corners of its own, because its light is its own.
    colours = matplotlib.colormaps["viridis"]((values[faces].ravel() - low) / span)
    colours[:, :3] *= np.repeat(light, 4)[:, None]
    quads = np.arange(faces.size).reshape(-1, 4)
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    spread = seen[faces.ravel()]
    mesh = TriMesh(Triangulation(spread[:, 0], spread[:, 1], triangles))
    mesh.set_facecolor(list(colours))
    axes.add_collection(mesh)
    visible = np.zeros(len(points), dtype=bool)
    visible[faces.ravel()] = True
    lines = surface.lines[visible[surface.lines].all(axis=1)]
    axes.add_collection(LineCollection(list(seen[lines][..., :2]), colors="black", linewidths=0.6))
    used = seen[surface.faces.ravel()]
    for set_limits, axis in ((axes.set_xlim, 0), (axes.set_ylim, 1)):
        margin = 0.02 * np.ptp(used[:, axis])
        set_limits(used[:, axis].min() - margin, used[:, axis].max() + margin)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return low, high


def disc_picture(record: RunRecord) -> Figure:
    """Views of the cut disc at the end, one for every shown field."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    surface = next(one for one in record.surfaces if one.key == "sagittal")
    points = node_points(record.disc)
    moments = times(record.trajectory)
    end = moment(float(moments[-1]))
    rows: list[tuple[str, ...]] = []
    shown = shown_fields(record.trajectory)
    down = -(-len(shown) // 3)
    with canvas(11.0, 2.6 * down) as drawn:
        grid = drawn.subplots(down, 3, squeeze=False)
        for axes in grid.ravel()[len(shown) :]:
            axes.set_axis_off()
        for info, axes in zip(shown, grid.ravel(), strict=False):
            values = field_values(record.trajectory, info.key)[-1].reshape(-1)
            low, high = _paint(axes, surface, points, values)
            colours = ScalarMappable(Normalize(low, high if high > low else low + 1e-9), colormaps["viridis"])
            bar = drawn.colorbar(colours, ax=axes, orientation="horizontal", aspect=28, shrink=0.8, pad=0.02)
            bar.ax.tick_params(labelsize=7.5)
            bar.ax.locator_params(nbins=5)
            axes.set_title(info.label if info.unit == "-" else f"{info.label} [{info.unit}]")
            rows.append((info.label, info.unit, number(low), number(high)))
        mark_simulated(drawn)
        image = picture_link(drawn)
    used = np.unique(surface.faces)
    names = tuple(suffixed(info) for info in shown)
    columns = [field_values(record.trajectory, info.key)[-1].reshape(-1) for info in shown]
    return Figure(
        key="disc",
        image=image,
        alt=(
            f"{len(shown)} pictures of the left half of the disc, cut open at mid-sagittal, at {end}: "
            + "; ".join(f"{row[0]} {row[2]} to {row[3]} {row[1]}" for row in rows)
            + "."
        ),
        caption=(
            f"Simulated. Left half of the disc at {end} with cells, seen from the right, in front and above; one disc (n = 1). "
            "The front face is the mid-sagittal section. "
            "Lines: borders of the nucleus, annulus and cartilage endplates. Each field has its own range."
        ),
        table=Table(
            ("field", "unit", "smallest", "largest"), tuple(rows), f"Ranges on the shown surfaces at {end}, with cells"
        ),
        data=csv_link(
            ("x_mm", "y_mm", "z_mm", *names),
            [(*(float(part) for part in points[node]), *(float(values[node]) for values in columns)) for node in used],
        ),
    )
