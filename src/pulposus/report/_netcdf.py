"""`fields.nc`: every field of all runs as NetCDF-4 with the attributes of the CF conventions (units in UDUNITS notation).

Solutes and cells keep double precision; signals, matrix and shape are stored in single precision, seven digits, to halve the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._atomic import replacing
from pulposus.report._fields import all_fields, field_values, living_fields, shape_fields, times
from pulposus.report._geometry import TISSUE_NAMES
from pulposus.report._runs import comparators, runs
from pulposus.report._tables import study_name

if TYPE_CHECKING:
    import xarray

    from pulposus.disc import Disc
    from pulposus.report._record import RunRecord

CONVENTIONS = "CF-1.11"
_AXES = (("x", "to the right"), ("y", "anterior"), ("z", "cranial"))


def _mesh_variables(disc: Disc) -> dict[str, Any]:
    coordinates = np.asarray(disc.coordinates, dtype=np.float64)
    codes = {-1: "void", **TISSUE_NAMES}
    positions = {
        name: (("column", "level"), coordinates[..., axis], {"units": "mm", "long_name": f"position, {direction}"})
        for axis, (name, direction) in enumerate(_AXES)
    }
    return positions | {
        "quads": (
            ("quad", "corner"),
            np.asarray(disc.topology.quads, dtype=np.int32),
            {"long_name": "columns of every quadrilateral, counter-clockwise", "units": "1"},
        ),
        "tissue": (
            ("quad", "layer"),
            np.asarray(disc.tissue_of_element, dtype=np.int8),
            {
                "long_name": "tissue of the element",
                "flag_values": np.array(list(codes), dtype=np.int8),
                "flag_meanings": " ".join(name.replace(" ", "_") for name in codes.values()),
            },
        ),
    }


def _column_variables(trajectory: xarray.Dataset) -> dict[str, Any]:
    labels = {
        "z": ("mm", "position, cranial"),
        "volume": ("mm3", "volume of the node"),
        "nucleus_volume": ("mm3", "volume inside the nucleus"),
    }
    return {
        name: (("column", "level"), trajectory[name].to_numpy(), {"units": unit, "long_name": label})
        for name, (unit, label) in labels.items()
    }


def fields_dataset(record: RunRecord) -> xarray.Dataset:
    """All runs on the mesh, with coordinates, elements and tissues.

    Raises:
        ValueError: The runs were stored at different times.
    """
    import xarray

    moments = times(record.trajectory)
    shown = runs(record)
    if not all(np.array_equal(moments, times(run.data)) for run in shown):
        message = "the run and its comparators must be stored at the same times"
        raise ValueError(message)
    dimensions = ("run", "time", "column", "level")
    single = (*living_fields(record.trajectory), *shape_fields(record.trajectory))
    variables: dict[str, Any] = {
        info.key: (
            dimensions,
            np.stack([field_values(run.data, info.key) for run in shown]).astype(
                np.float32 if info in single else np.float64
            ),
            {"units": info.udunits, "long_name": info.label, "coordinates": "x y z" if record.is_spatial else "z"},
        )
        for info in all_fields(record.trajectory)
    }
    variables |= _mesh_variables(record.disc) if record.is_spatial else _column_variables(record.trajectory)
    time_attributes = {"units": "day", "long_name": "time since injection", "axis": "T"}
    return xarray.Dataset(
        variables,
        coords={
            "run": ("run", [run.key for run in shown], {"long_name": f"the disc with cells; {comparators(record)}"}),
            "time": ("time", moments, time_attributes),
        },
        attrs={
            "Conventions": CONVENTIONS,
            "title": f"pulposus run {study_name(record.protocol)}",
            "source": f"pulposus {record.manifest.get('version', '')} (simulated)".replace("  ", " "),
            "comment": "Simulated fields. Research use only, not medical advice.",
            "disc": record.disc.description.name,
            "resolution": record.disc.topology.resolution if record.is_spatial else "one column",
        },
    )


def write_netcdf(path: Path, record: RunRecord) -> Path:
    """Write `fields.nc` in one step, compressed."""
    dataset = fields_dataset(record)
    packed = {"zlib": True, "complevel": 4, "shuffle": True, "_FillValue": None}
    encoding: dict[str, dict[str, Any]] = {info.key: packed for info in all_fields(record.trajectory)}
    encoding |= {
        name: {"_FillValue": None} for name in ("x", "y", "z", "volume", "nucleus_volume", "time") if name in dataset
    }
    with replacing(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
    return path
