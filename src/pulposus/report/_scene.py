"""The scene of the 3D viewer: surfaces of the disc and the fields on them as one compact binary block.

Layout, little-endian: points (float32), then triangles and lines of every view (uint16), then one byte per point for every stored frame of
every field and run. A byte b means low + b / 255 (high - low), with low and high of that frame; the largest error is 0.2 % of its range.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from pulposus.report._fields import field_values, native_fields, shown_fields, times
from pulposus.report._geometry import node_points
from pulposus.report._wording import moment

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

MAXIMUM_FRAMES = 20
# Share of the report's 5 MB that the values may take, before base64; large meshes and more fields get fewer frames.
VALUE_BYTES = 1_000_000
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
    shown = shown_fields(record.trajectory)
    shared = {info.key for info in native_fields(record.sham)}
    series_count = len(shown) + sum(info.key in shared for info in shown)
    moments = times(record.trajectory)
    frames = chosen_frames(len(moments), series_count * len(nodes))

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
        "fields": fields,
        "times": [float(moments[i]) for i in frames],
        "labels": [moment(float(moments[i])) for i in frames],
        "runs": {"with": "with cells", "without": "without cells"},
        "colours": [[round(float(part), 4) for part in stop] for stop in colours],
    }
    return Scene(description, base64.b64encode(b"".join(blocks)).decode("ascii"))
