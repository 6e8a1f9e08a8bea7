"""`fields.nc`: every stored field of both runs as NetCDF-4 with the attributes of the CF conventions (units in UDUNITS notation)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._atomic import replacing
from pulposus.report._fields import STORED, times
from pulposus.report._geometry import TISSUE_NAMES
from pulposus.report._tables import WITH_CELLS, WITHOUT_CELLS

if TYPE_CHECKING:
    import xarray

    from pulposus.report._record import RunRecord

CONVENTIONS = "CF-1.11"
_AXES = (("x", "to the right"), ("y", "anterior"), ("z", "cranial"))


def fields_dataset(record: RunRecord) -> xarray.Dataset:
    """Both runs on the mesh, with coordinates, elements and tissues.

    Raises:
        ValueError: The two runs were stored at different times.
    """
    import xarray

    moments = times(record.trajectory)
    if not np.array_equal(moments, times(record.sham)):
        message = "the run and its sham must be stored at the same times"
        raise ValueError(message)
    dimensions = ("run", "time", "column", "level")
    variables: dict[str, Any] = {
        info.key: (
            dimensions,
            np.stack([record.trajectory[info.key].to_numpy(), record.sham[info.key].to_numpy()]),
            {"units": info.udunits, "long_name": info.label, "coordinates": "x y z"},
        )
        for info in STORED
    }
    coordinates = np.asarray(record.disc.coordinates, dtype=np.float64)
    for axis, (name, direction) in enumerate(_AXES):
        variables[name] = (("column", "level"), coordinates[..., axis], {"units": "mm", "long_name": f"position, {direction}"})
    topology = record.disc.topology
    variables["quads"] = (
        ("quad", "corner"),
        np.asarray(topology.quads, dtype=np.int32),
        {"long_name": "columns of every quadrilateral, counter-clockwise", "units": "1"},
    )
    codes = {-1: "void", **TISSUE_NAMES}
    variables["tissue"] = (
        ("quad", "layer"),
        np.asarray(record.disc.tissue_of_element, dtype=np.int8),
        {
            "long_name": "tissue of the element",
            "flag_values": np.array(list(codes), dtype=np.int8),
            "flag_meanings": " ".join(name.replace(" ", "_") for name in codes.values()),
        },
    )
    time_attributes = {"units": "day", "long_name": "time since injection", "axis": "T"}
    return xarray.Dataset(
        variables,
        coords={
            "run": ("run", [WITH_CELLS, WITHOUT_CELLS], {"long_name": "the disc with and without donor cells"}),
            "time": ("time", moments, time_attributes),
        },
        attrs={
            "Conventions": CONVENTIONS,
            "title": f"pulposus run {record.protocol.get('id', '')}".strip(),
            "source": f"pulposus {record.manifest.get('version', '')} (simulated)".replace("  ", " "),
            "comment": "Simulated fields. Research use only, not medical advice.",
            "disc": record.disc.description.name,
            "resolution": topology.resolution,
        },
    )


def write_netcdf(path: Path, record: RunRecord) -> Path:
    """Write `fields.nc` in one step, compressed without loss."""
    dataset = fields_dataset(record)
    encoding = {info.key: {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": None} for info in STORED}
    encoding |= {name: {"_FillValue": None} for name in ("x", "y", "z", "time")}
    with replacing(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
    return path
