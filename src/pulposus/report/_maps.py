"""Maps of nutrition, glycosaminoglycan and cytokine on the mid-sagittal and the mid-height section, at the start and at the end."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from pulposus.report._fields import (
    CYTOKINE,
    GLYCOSAMINOGLYCAN,
    SOLUTES,
    FieldInfo,
    carries,
    field_values,
    suffixed,
    times,
)
from pulposus.report._figure import Figure, Table, canvas, csv_link, mark_simulated, picture_link
from pulposus.report._geometry import sagittal_columns
from pulposus.report._runs import comparators, runs
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

    from pulposus.disc import Disc
    from pulposus.report._record import RunRecord


@dataclass(frozen=True)
class Section:
    """A plane section of the mesh.

    Attributes:
        key, label: Names.
        nodes: Flat node numbers, shape (nodes,).
        plane: In-plane coordinates in mm, shape (nodes, 2).
        quads: Positions in `nodes` of every quadrilateral with tissue, shape (quads, 4).
        borders: Lines between tissues in the plane, shape (lines, 2 ends, 2 coordinates).
        axes: Labels of the two directions.
    """

    key: str
    label: str
    nodes: Int[np.ndarray, "nodes"]
    plane: Float[np.ndarray, "nodes 2"]
    quads: Int[np.ndarray, "quads 4"]
    borders: Float[np.ndarray, "lines 2 2"]
    axes: tuple[str, str]


def _borders(
    quads: Int[np.ndarray, "quads 4"], tissue: Int[np.ndarray, "quads"], plane: Float[np.ndarray, "nodes 2"]
) -> Float[np.ndarray, "lines 2 2"]:
    """Edges of quadrilaterals on the outline or between two tissues."""
    edges = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    owner = np.repeat(tissue, 4)
    unique, inverse = np.unique(edges, axis=0, return_inverse=True)
    lowest = np.full(len(unique), 99)
    highest = np.full(len(unique), -99)
    np.minimum.at(lowest, inverse.ravel(), owner)
    np.maximum.at(highest, inverse.ravel(), owner)
    count = np.bincount(inverse.ravel())
    return plane[unique[(count == 1) | (lowest != highest)]]


def _sagittal(disc: Disc) -> Section:
    topology, tissue = disc.topology, np.asarray(disc.tissue_of_element)
    line = sagittal_columns(topology)
    levels = topology.levels
    # Tissue of the section: that of a quadrilateral on the edge between two neighbouring columns of the line.
    has = [set(map(int, quad)) for quad in topology.quads]
    beside = [next(i for i, quad in enumerate(has) if {int(a), int(b)} <= quad) for a, b in pairwise(line)]
    corner = np.arange(len(line) - 1)[:, None] * levels + np.arange(levels - 1)[None, :]
    quads = np.stack([corner, corner + levels, corner + levels + 1, corner + 1], axis=-1).reshape(-1, 4)
    kind = tissue[beside].reshape(-1)
    nodes = (line[:, None] * levels + np.arange(levels)[None, :]).ravel()
    plane = np.asarray(disc.coordinates, dtype=np.float64)[line][..., 1:].reshape(-1, 2)
    quads, kind = quads[kind >= 0], kind[kind >= 0]
    return Section(
        "sagittal",
        "mid-sagittal section",
        nodes,
        plane,
        quads,
        _borders(quads, kind, plane),
        ("y [mm], anterior →", "z [mm]"),
    )


def _transverse(disc: Disc) -> Section:
    topology, tissue = disc.topology, np.asarray(disc.tissue_of_element)
    level = topology.levels // 2
    nodes = np.arange(topology.columns) * topology.levels + level
    plane = np.asarray(disc.coordinates, dtype=np.float64)[:, level, :2]
    kind = tissue[:, level - 1]
    quads, kind = np.asarray(topology.quads)[kind >= 0], kind[kind >= 0]
    return Section(
        "transverse",
        "mid-height section",
        nodes,
        plane,
        quads,
        _borders(quads, kind, plane),
        ("x [mm], right →", "y [mm]"),
    )


def _draw(axes: Axes, section: Section, values: Float[np.ndarray, "nodes"], limits: tuple[float, float]) -> Any:
    from matplotlib.collections import LineCollection

    triangles = np.concatenate([section.quads[:, [0, 1, 2]], section.quads[:, [0, 2, 3]]])
    drawn = axes.tripcolor(
        section.plane[:, 0],
        section.plane[:, 1],
        values,
        triangles=triangles,
        shading="gouraud",
        cmap="viridis",
        vmin=limits[0],
        vmax=limits[1],
    )
    axes.add_collection(LineCollection(list(section.borders), colors="black", linewidths=0.5))
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.tick_params(labelsize=7.5)
    axes.margins(0.02)
    return drawn


@dataclass(frozen=True)
class MapSet:
    """What one figure of maps shows on a section: a field in every row, a time and run in every column.

    Attributes:
        key: Beginning of the figure's name.
        infos: Fields, one row each.
        columns: Title, data and number of the stored time of every column.
        what: The fields with their units in words.
        columns_are: The columns in words.
    """

    key: str
    infos: tuple[FieldInfo, ...]
    columns: tuple[tuple[str, xarray.Dataset, int], ...]
    what: str
    columns_are: str


def _figure(maps: MapSet, section: Section, size: tuple[float, float]) -> Figure:
    rows: list[tuple[str, ...]] = []
    plotted: list[np.ndarray] = []
    names: list[str] = []
    inside = np.unique(section.quads)
    with canvas(*size) as drawn:
        grid = drawn.subplots(len(maps.infos), len(maps.columns), sharex=True, sharey=True, squeeze=False)
        for info, line in zip(maps.infos, grid, strict=True):
            panels = [field_values(data, info.key)[index].reshape(-1)[section.nodes] for _, data, index in maps.columns]
            limits = (
                min(float(values[inside].min()) for values in panels),
                max(float(values[inside].max()) for values in panels),
            )
            pictures = [_draw(axes, section, values, limits) for axes, values in zip(line, panels, strict=True)]
            for axes, values, (title, _, _) in zip(line, panels, maps.columns, strict=True):
                within = values[inside]
                text = f"{number(within.min())} to {number(within.max())}"
                axes.annotate(text, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=8)
                rows.append((info.label, title, info.unit, number(within.min()), number(within.max())))
                plotted.append(values)
                names.append(f"{suffixed(info)}, {title}")
            unit = "" if info.unit == "-" else f"[{info.unit}]"
            bar = drawn.colorbar(pictures[0], ax=list(line), aspect=12, pad=0.01, shrink=0.9)
            bar.set_label(f"{info.key}\n{unit}".strip(), fontsize=8.0)
            bar.ax.tick_params(labelsize=7.5)
            line[0].set_ylabel(section.axes[1], fontsize=8)
        for axes, (title, _, _) in zip(grid[0], maps.columns, strict=True):
            axes.set_title(title.replace(", ", "\n"), fontsize=8.5, pad=15)
        for axes in grid[-1]:
            axes.set_xlabel(section.axes[0], fontsize=8)
        mark_simulated(drawn)
        image = picture_link(drawn)
    data_rows = [
        (float(section.plane[i, 0]), float(section.plane[i, 1]), *(float(values[i]) for values in plotted))
        for i in inside
    ]
    across, along = (name.split(" ")[0] for name in section.axes)
    return Figure(
        key=f"{maps.key}-{section.key}",
        image=image,
        alt=(
            f"{len(rows)} colour maps on the {section.label}: {', '.join(info.label for info in maps.infos)} in rows; {maps.columns_are} "
            "in columns. The range of every map stands above it and in the table below."
        ),
        caption=(
            f"Simulated. {section.label.capitalize()}: {maps.what}, one disc (n = 1); columns: {maps.columns_are}. "
            "One colour range per row; smallest and largest value above each map; "
            "lines: borders of the nucleus, annulus and cartilage endplates."
        ),
        table=Table(
            ("field", "time and run", "unit", "smallest", "largest"), tuple(rows), f"Ranges on the {section.label}"
        ),
        data=csv_link((f"{across}_mm", f"{along}_mm", *names), data_rows),
    )


def map_figures(record: RunRecord) -> list[Figure]:
    """Maps of the nutrition on both sections, at the start and at the end, with and without cells."""
    pair = runs(record)[:2]
    moments = times(record.trajectory)
    columns = tuple(
        (f"{moment(float(moments[index]))}, {run.label}", run.data, index)
        for index in (0, len(moments) - 1)
        for run in pair
    )
    first_name, last_name = moment(float(moments[0])), moment(float(moments[-1]))
    maps = MapSet(
        "map",
        SOLUTES,
        columns,
        "oxygen tension [kPa], glucose and lactate [mM] and pH",
        f"{first_name} and {last_name}, each with cells beside the same procedure without cells",
    )
    return [
        _figure(maps, _sagittal(record.disc), (11.0, 5.3)),
        _figure(maps, _transverse(record.disc), (11.0, 8.6)),
    ]


def matrix_map_figures(record: RunRecord) -> list[Figure]:
    """Maps of glycosaminoglycan and cytokine on both sections: the start, then the end of every run; none without a matrix."""
    infos = tuple(info for info in (GLYCOSAMINOGLYCAN, CYTOKINE) if carries(record.trajectory, info.key))
    if not infos:
        return []
    shown = runs(record)
    moments = times(record.trajectory)
    first_name, last_name = moment(float(moments[0])), moment(float(moments[-1]))
    start = (f"{first_name}, {shown[0].label}", record.trajectory, 0)
    maps = MapSet(
        "matrix-map",
        infos,
        (start, *((f"{last_name}, {run.label}", run.data, len(moments) - 1) for run in shown)),
        " and ".join(f"{info.label} [{info.unit}]" for info in infos),
        f"{first_name} with cells; {last_name} with cells and in the comparators ({comparators(record)})",
    )
    return [
        _figure(maps, _sagittal(record.disc), (11.0, 0.8 + 1.3 * len(infos))),
        _figure(maps, _transverse(record.disc), (11.0, 0.9 + 1.9 * len(infos))),
    ]
