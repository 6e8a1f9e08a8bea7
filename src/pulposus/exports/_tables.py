"""A run as one tidy table, and as a NetCDF file.

The table has one row per stored time and node and one column per variable; the name of a column ends with its unit.
"""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pulposus.exports._mesh import TISSUES
from pulposus.exports._stored import T2, StoredRun
from pulposus.report._atomic import replacing
from pulposus.report._fields import FieldInfo, suffixed

_PLACES = ("x_mm", "y_mm", "z_mm")


def _nodes(run: StoredRun) -> tuple[list[str], list[list[str]], np.ndarray]:
    """Names of the columns that say where a node lies, their text, and the number of every node on the full grid."""
    if not run.is_spatial:
        heights = run.data["z"].to_numpy().reshape(-1)
        volumes = run.data["volume"].to_numpy().reshape(-1)
        rows = [
            [str(number), repr(float(z)), repr(float(v))]
            for number, (z, v) in enumerate(zip(heights, volumes, strict=True))
        ]
        return ["node", "z_mm", "volume_mm3"], rows, np.arange(len(heights))
    mesh = run.mesh
    held = np.zeros((len(mesh.points), len(TISSUES)), dtype=bool)
    held[mesh.hexahedra, mesh.tissue[:, None]] = True
    rows = [
        [
            str(source),
            *(repr(float(part)) for part in point),
            "+".join(name for (name, _), inside in zip(TISSUES, row, strict=True) if inside),
        ]
        for source, point, row in zip(mesh.source, mesh.points, held, strict=True)
    ]
    return ["node", *_PLACES, "tissue"], rows, mesh.source


def write_csv(path: Path, run: StoredRun, fields: Sequence[FieldInfo], indices: Sequence[int]) -> Path:
    """Write the tidy table; a node between two tissues names both, a value that does not exist is empty.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    names, places, source = _nodes(run)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["time_day", "run", *names, *(suffixed(info) for info in fields)])
        for index in indices:
            moment = repr(float(run.times[index]))
            columns = [run.values(info.key, index).reshape(-1)[source].tolist() for info in fields]
            for number, place in enumerate(places):
                values = [column[number] for column in columns]
                writer.writerow(
                    [moment, run.course, *place, *("" if math.isnan(value) else repr(value) for value in values)]
                )
    return path


def copy_netcdf(path: Path, run: StoredRun) -> Path:
    """The fields of all courses, byte for byte as the run wrote them.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    with replacing(path) as temporary:
        shutil.copyfile(run.path / "fields.nc", temporary)
    return path


def write_netcdf(path: Path, run: StoredRun, fields: Sequence[FieldInfo], indices: Sequence[int]) -> Path:
    """Some fields and times of one course as NetCDF-4, with mesh and attributes of the run.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    import xarray

    data = run.data.isel(time=list(indices))
    kept = {
        info.key: (
            ("time", "column", "level"),
            np.stack([run.values(info.key, index) for index in indices]),
            {"units": info.udunits, "long_name": info.label},
        )
        for info in fields
    }
    frame = [name for name in (*data.data_vars, *data.coords) if "time" not in data[name].dims and name != "run"]
    shared = {str(name): data[name].variable for name in frame}
    subset = xarray.Dataset(
        kept | shared, coords={"time": data["time"].variable}, attrs=data.attrs | {"course": run.course}
    )
    encoding = {name: {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": None} for name in kept}
    if T2.key in encoding:
        encoding[T2.key]["_FillValue"] = np.nan
    with replacing(path) as temporary:
        subset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
    return path
