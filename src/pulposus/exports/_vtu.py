"""A time series for ParaView: a `.vtu` file per stored time and a `.pvd` file with the times in days.

The same format as in a run directory, but of the fields and times that are asked for, with T2, and of any course.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pulposus.exports._mesh import VolumeMesh
from pulposus.exports._stored import StoredRun
from pulposus.report._atomic import write_bytes
from pulposus.report._fields import FieldInfo, suffixed
from pulposus.report._vtu import vtu_bytes, write_pvd


def write_moment(path: Path, run: StoredRun, fields: Sequence[FieldInfo], index: int) -> Path:
    """Write one stored time as a `.vtu` file."""
    mesh = run.mesh
    data = {suffixed(info): mesh.at_nodes(run.values(info.key, index)).astype(np.float32) for info in fields}
    return write_mesh(path, mesh, data)


def write_mesh(path: Path, mesh: VolumeMesh, point_data: dict[str, np.ndarray]) -> Path:
    """Write a mesh with its tissues as a `.vtu` file."""
    return write_bytes(
        path, vtu_bytes(mesh.points, mesh.hexahedra, point_data, {"tissue": mesh.tissue.astype(np.int8)})
    )


def write_series(folder: Path, run: StoredRun, fields: Sequence[FieldInfo], indices: Sequence[int]) -> list[Path]:
    """Write `fields.pvd` and `fields/disc_0000.vtu`, ... into a folder; returns the `.pvd` file first.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    names = [f"fields/disc_{number:04d}.vtu" for number in range(len(indices))]
    written = [write_moment(folder / name, run, fields, index) for name, index in zip(names, indices, strict=True)]
    return [write_pvd(folder / "fields.pvd", names, [float(run.times[index]) for index in indices]), *written]
