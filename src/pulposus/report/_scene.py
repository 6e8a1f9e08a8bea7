"""The scene of the 3D viewer: surfaces of the disc and the fields on them as one compact binary block.

Layout, little-endian: points of the views and of the parts (float32), then triangles and lines of every view, triangles of every part and
the dots of every frame (uint16), then one byte per point for every stored frame of every field and run. A byte b means
low + b / 255 (high - low), with low and high of that frame; the largest error is 0.2 % of its range. Dots are three numbers of 0 to 65535
between the corners of the box around the disc: 1 um in a human disc.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from pulposus.report._anatomy import CELLS_LABEL, COLOURS, DonorCells, disc_parts
from pulposus.report._fields import DONOR, VOLUME_RATIO, field_values, native_fields, shown_fields, times
from pulposus.report._geometry import node_points
from pulposus.report._wording import moment

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

MAXIMUM_FRAMES = 20
# Share of the report's 5 MB that the values may take, before base64; large meshes and more fields get fewer frames.
VALUE_BYTES = 750_000
COLOUR_STOPS = 33


@dataclass(frozen=True)
class Scene:
    """What the viewer reads.

    Attributes:
        description: Plain data: times, fields, views, colours, and where each block lies.
        encoded: The binary block in base64.
    """

    description: dict[str, Any]
    encoded: str


def chosen_frames(count: int, frame_bytes: int) -> Int[np.ndarray, "frames"]:
    """Stored times to show: the first, the last and evenly spread ones between, at most 20 and within the budget."""
    allowed = int(np.clip(VALUE_BYTES // max(frame_bytes, 1), 2, MAXIMUM_FRAMES))
    return np.unique(np.linspace(0, count - 1, min(count, allowed)).round().astype(int))


def quantised(values: Float[np.ndarray, "frames points"]) -> tuple[np.ndarray, list[float], list[float]]:
    """One byte per value, with the range of every frame."""
    low, high = values.min(axis=1), values.max(axis=1)
    span = np.where(high > low, high - low, 1.0)
    steps = np.rint(255.0 * (values - low[:, None]) / span[:, None])
    return steps.astype(np.uint8), [float(f"{one:.7g}") for one in low], [float(f"{one:.7g}") for one in high]


def two_triangles(faces: Int[np.ndarray, "faces 4"]) -> Int[np.ndarray, "triangles 3"]:
    """Two triangles per quadrilateral."""
    return np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])


def _shares(colour: str) -> list[float]:
    """#rrggbb as shares of red, green and blue."""
    return [round(int(colour[start : start + 2], 16) / 255.0, 4) for start in (1, 3, 5)]


def _whole(dots: Float[np.ndarray, "dots 3"], low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> np.ndarray:
    """Positions as whole numbers of 0 to 65535 between two corners."""
    return np.rint(np.clip((dots - low) / (high - low), 0.0, 1.0) * 65535.0).astype("<u2")


def build_scene(record: RunRecord) -> Scene:
    """Surfaces, lines and values of a run on a three-dimensional mesh."""
    import matplotlib

    views = record.surfaces
    # Sixteen bits number 65,536 points; the surfaces of the fine mesh have some 20,000.
    nodes = np.unique(np.concatenate([view.faces.ravel() for view in views]))
    compact = np.full(record.disc.topology.columns * record.disc.topology.levels, -1)
    compact[nodes] = np.arange(len(nodes))
    blocks: list[bytes] = []

    def append(values: np.ndarray) -> dict[str, int]:
        offset = sum(len(block) for block in blocks)
        blocks.append(values.tobytes())
        return {"offset": offset, "length": values.size}

    points = {**append(node_points(record.disc)[nodes].astype("<f4")), "count": len(nodes)}
    parts = disc_parts(record.disc)
    part_nodes = np.unique(np.concatenate([part.faces.ravel() for part in parts]))
    part_points = append(node_points(record.disc)[part_nodes].astype("<f4"))
    view_list = [
        {
            "key": view.key,
            "label": view.label,
            "standpoint": "above" if view.key == "transverse" else "oblique",
            "triangles": append(compact[view.triangles].astype("<u2")),
            "lines": append(compact[view.lines].astype("<u2")),
        }
        for view in views
    ]
    numbers = np.full_like(compact, -1)
    numbers[part_nodes] = np.arange(len(part_nodes))
    part_list = [
        {
            "key": part.key,
            "label": part.label,
            "colour": _shares(part.colour),
            "opacity": part.opacity,
            "triangles": append(numbers[two_triangles(part.faces)].astype("<u2")),
        }
        for part in parts
    ]
    shown = shown_fields(record.trajectory)
    shared = {info.key for info in native_fields(record.sham)}
    series_count = len(shown) + sum(info.key in shared for info in shown)
    moments = times(record.trajectory)
    frames = chosen_frames(len(moments), series_count * len(nodes))

    # The view shows the shape of the image; where mechanics acted on volumes, densities are those of the cells in that shape.
    held = field_values(record.trajectory, DONOR.key)
    if VOLUME_RATIO.key in record.trajectory:
        held = held * field_values(record.trajectory, VOLUME_RATIO.key)
    donors = DonorCells(record.disc, list(held[frames]))
    low, high = node_points(record.disc)[part_nodes].min(axis=0), node_points(record.disc)[part_nodes].max(axis=0)
    cells = {
        "label": CELLS_LABEL,
        "colour": _shares(COLOURS["cells"]),
        "per_dot": donors.per_dot,
        "totals": [float(f"{total:.4g}") for total in donors.totals],
        "low": low.tolist(),
        "high": high.tolist(),
        "frames": [append(_whole(donors.dots(frame), low, high)) for frame in range(len(frames))],
    }

    def series(key: str, *, cells: bool) -> dict[str, Any]:
        dataset = record.trajectory if cells else record.sham
        values = field_values(dataset, key).reshape(len(moments), -1)[frames][:, nodes]
        steps, low, high = quantised(values)
        return {"offset": append(steps)["offset"], "low": low, "high": high}

    fields = [
        {
            "key": info.key,
            "label": info.label,
            "unit": info.unit,
            "runs": {"with": series(info.key, cells=True)}
            | ({"without": series(info.key, cells=False)} if info.key in shared else {}),
        }
        for info in shown
    ]
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 1.0, COLOUR_STOPS))[:, :3]
    description = {
        "points": points,
        "views": view_list,
        "anatomy": {"points": part_points, "parts": part_list, "cells": cells},
        "fields": fields,
        "times": [float(moments[i]) for i in frames],
        "labels": [moment(float(moments[i])) for i in frames],
        "runs": {"with": "with cells", "without": "without cells"},
        "colours": [[round(float(part), 4) for part in stop] for stop in colours],
    }
    return Scene(description, base64.b64encode(b"".join(blocks)).decode("ascii"))
