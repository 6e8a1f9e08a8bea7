"""Fields for ParaView: one `.vtu` file per stored time and a `.pvd` file that gives their times in days.

The files follow the XML format of VTK: an unstructured grid of hexahedra with appended raw data, each array compressed by zlib in blocks.
Elements of void and nodes that belong to no element are left out. Fields of the same procedure without cells begin with `without_cells_`;
the native course stands in `fields.nc` only. With mechanics the points are those of the treated disc lying at rest in its present shape;
`displacement_mm` is what it has moved since the image, so Warp By Vector with a factor of -1 gives the image back.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np
from jaxtyping import Float, Int

from pulposus.report._atomic import write_bytes, write_text
from pulposus.report._fields import (
    DISPLACEMENT,
    DONOR,
    all_fields,
    displacement,
    field_values,
    native_fields,
    suffixed,
    times,
)
from pulposus.report._geometry import all_hexahedra, node_points, occupied

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

VTK_HEXAHEDRON = 12
_BLOCK_BYTES = 1 << 17
_TYPE_NAMES = {"f8": "Float64", "f4": "Float32", "i8": "Int64", "i1": "Int8", "u1": "UInt8"}
_BYTE_ORDER = "LittleEndian" if sys.byteorder == "little" else "BigEndian"


def _compressed(values: np.ndarray) -> bytes:
    """One array as VTK appends it: numbers of blocks, size of a block, size of the last one, compressed sizes, then the blocks."""
    raw = np.ascontiguousarray(values).tobytes()
    blocks = [raw[start : start + _BLOCK_BYTES] for start in range(0, len(raw), _BLOCK_BYTES)]
    packed = [zlib.compress(block, 6) for block in blocks]
    partial = len(raw) % _BLOCK_BYTES
    header = np.array([len(blocks), _BLOCK_BYTES, partial, *(len(block) for block in packed)], dtype=np.uint64)
    return header.tobytes() + b"".join(packed)


def vtu_bytes(
    points: Float[np.ndarray, "nodes 3"],
    cells: Int[np.ndarray, "cells 8"],
    point_data: Mapping[str, np.ndarray],
    cell_data: Mapping[str, np.ndarray],
) -> bytes:
    """Content of a `.vtu` file of hexahedra.

    Args:
        points: Coordinates in mm.
        cells: Points of every cell in the order of VTK.
        point_data: Name -> values, shape (nodes,), of vectors (nodes, 3).
        cell_data: Name -> values, shape (cells,).
    """
    appended: list[bytes] = []

    def array(name: str, values: np.ndarray) -> str:
        components = values.shape[1] if values.ndim > 1 else 1
        offset = sum(len(block) for block in appended)
        appended.append(_compressed(values))
        kind = _TYPE_NAMES[values.dtype.str[1:]]
        # One component is the default of the format; said anyway, some readers take a scalar for a vector of length one.
        size = f' NumberOfComponents="{components}"' if components > 1 else ""
        return f'<DataArray type="{kind}" Name={quoteattr(name)}{size} format="appended" offset="{offset}"/>'

    count, corners = cells.shape
    ends = np.arange(1, count + 1, dtype=np.int64) * corners
    kinds = np.full(count, VTK_HEXAHEDRON, dtype=np.uint8)
    lines = [
        '<?xml version="1.0"?>',
        f'<VTKFile type="UnstructuredGrid" version="1.0" byte_order="{_BYTE_ORDER}" header_type="UInt64" '
        'compressor="vtkZLibDataCompressor">',
        "<!-- Simulated by pulposus. Research use only, not medical advice. Lengths in mm. -->",
        f'<UnstructuredGrid><Piece NumberOfPoints="{points.shape[0]}" NumberOfCells="{count}">',
        "<PointData>",
        *(array(name, values) for name, values in point_data.items()),
        "</PointData><CellData>",
        *(array(name, values) for name, values in cell_data.items()),
        "</CellData><Points>",
        array("points", points.astype(np.float64)),
        "</Points><Cells>",
        array("connectivity", cells.astype(np.int64).ravel()),
        array("offsets", ends),
        array("types", kinds),
        "</Cells></Piece></UnstructuredGrid>",
        '<AppendedData encoding="raw">\n_',
    ]
    return "\n".join(lines).encode("utf-8") + b"".join(appended) + b"\n</AppendedData>\n</VTKFile>\n"


def write_vtu(path: Path, record: RunRecord, index: int) -> Path:
    """Write one stored time.

    Args:
        path: File to write.
        record: The run.
        index: Number of the stored time.
    """
    mask = occupied(record.disc)
    elements = all_hexahedra(record.disc.topology)[mask]
    nodes, compact = np.unique(elements, return_inverse=True)
    cell_data = {"tissue": np.asarray(record.disc.tissue_of_element)[mask].astype(np.int8)}

    with_cells, without_cells = record.trajectory.isel(time=[index]), record.sham.isel(time=[index])

    def at_nodes(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1)[nodes].astype(np.float32)

    point_data = {
        suffixed(info): at_nodes(field_values(with_cells, info.key))
        for info in (*all_fields(with_cells), DONOR)
        if info not in DISPLACEMENT
    }
    point_data |= {
        f"without_cells_{suffixed(info)}": at_nodes(field_values(without_cells, info.key))
        for info in native_fields(without_cells)
        if info not in DISPLACEMENT
    }
    points = node_points(record.disc)[nodes]
    for prefix, data in (("", with_cells), ("without_cells_", without_cells)):
        moved = displacement(data, 0)
        if moved is not None:
            point_data[f"{prefix}displacement_mm"] = moved.reshape(-1, 3)[nodes].astype(np.float32)
    moved = displacement(with_cells, 0)
    if moved is not None:
        points = points + moved.reshape(-1, 3)[nodes]
    return write_bytes(path, vtu_bytes(points, compact.reshape(elements.shape), point_data, cell_data))


def write_pvd(path: Path, files: Sequence[str], moments: Sequence[float]) -> Path:
    """Write the list of files with their times in days.

    Args:
        path: File to write.
        files: Paths relative to the folder of `path`.
        moments: Times in days.
    """
    entries = [
        f'<DataSet timestep="{moment!r}" part="0" file={quoteattr(file)}/>'
        for file, moment in zip(files, moments, strict=True)
    ]
    lines = [
        '<?xml version="1.0"?>',
        f'<VTKFile type="Collection" version="0.1" byte_order="{_BYTE_ORDER}">',
        "<!-- time in days -->",
        "<Collection>",
        *entries,
        "</Collection>",
        "</VTKFile>",
        "",
    ]
    return write_text(path, "\n".join(lines))


def write_time_series(folder: Path, record: RunRecord) -> list[Path]:
    """Write `fields/disc_0000.vtu`, ... and `fields.pvd` into a folder; returns the files."""
    moments = [float(moment) for moment in times(record.trajectory)]
    names = [f"fields/disc_{index:04d}.vtu" for index in range(len(moments))]
    written = [write_vtu(folder / name, record, index) for index, name in enumerate(names)]
    return [*written, write_pvd(folder / "fields.pvd", names, moments)]
