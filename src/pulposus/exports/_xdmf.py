"""A time series as XDMF 3: one small XML file that describes, and one HDF5 file beside it that holds, mesh and fields.

ParaView, VisIt and meshio read the pair. Positions and connectivity are stored once and shared by all times.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from pulposus.exports._mesh import VolumeMesh
from pulposus.exports._stored import StoredRun
from pulposus.report._atomic import replacing, write_bytes
from pulposus.report._fields import FieldInfo, suffixed

NOTICE = "Simulated by pulposus. Research use only, not medical advice. Lengths in mm, times in days."


def _item(parent: ElementTree.Element, file: str, name: str, values: np.ndarray) -> None:
    """A reference to an array of the HDF5 file."""
    kind = "Float" if values.dtype.kind == "f" else "Int"
    item = ElementTree.SubElement(
        parent,
        "DataItem",
        Dimensions=" ".join(str(size) for size in values.shape),
        NumberType=kind,
        Precision=str(values.dtype.itemsize),
        Format="HDF",
    )
    item.text = f"{file}:/{name}"


def write_xdmf(path: Path, run: StoredRun, fields: Sequence[FieldInfo], indices: Sequence[int]) -> list[Path]:
    """Write `path` and, beside it, the HDF5 file of the same name.

    Args:
        path: The `.xdmf` file.
        run: A run in three dimensions.
        fields: Fields to write.
        indices: Stored times to write.

    Returns:
        The two files.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    import h5py

    mesh = run.mesh
    heavy = path.with_suffix(".h5")
    root = ElementTree.Element("Xdmf", Version="3.0")
    root.append(ElementTree.Comment(f" {NOTICE} "))
    domain = ElementTree.SubElement(root, "Domain")
    series = ElementTree.SubElement(domain, "Grid", Name="disc", GridType="Collection", CollectionType="Temporal")
    with replacing(heavy) as temporary, h5py.File(temporary, "w") as store:
        store.attrs["comment"] = NOTICE
        shared = _write_mesh(store, mesh)
        for step, index in enumerate(indices):
            grid = ElementTree.SubElement(series, "Grid", Name=f"disc_{step:04d}", GridType="Uniform")
            ElementTree.SubElement(grid, "Time", Value=repr(float(run.times[index])))
            topology = ElementTree.SubElement(
                grid, "Topology", TopologyType="Hexahedron", NumberOfElements=str(len(mesh.hexahedra))
            )
            _item(topology, heavy.name, "mesh/hexahedra", shared["hexahedra"])
            geometry = ElementTree.SubElement(grid, "Geometry", GeometryType="XYZ")
            _item(geometry, heavy.name, "mesh/points", shared["points"])
            tissue = ElementTree.SubElement(grid, "Attribute", Name="tissue", AttributeType="Scalar", Center="Cell")
            _item(tissue, heavy.name, "mesh/tissue", shared["tissue"])
            for info in fields:
                values = mesh.at_nodes(run.values(info.key, index)).astype(np.float32)
                name = f"time_{step:04d}/{suffixed(info)}"
                dataset = store.create_dataset(name, data=values, compression="gzip", shuffle=True)
                dataset.attrs["units"], dataset.attrs["long_name"] = info.udunits, info.label
                attribute = ElementTree.SubElement(
                    grid, "Attribute", Name=suffixed(info), AttributeType="Scalar", Center="Node"
                )
                _item(attribute, heavy.name, name, values)
    ElementTree.indent(root)
    text = b'<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"
    return [write_bytes(path, text), heavy]


def _write_mesh(store: object, mesh: VolumeMesh) -> dict[str, np.ndarray]:
    """Write what all times share; returns it in the types of the file."""
    shared = {
        "points": mesh.points.astype(np.float64),
        "hexahedra": mesh.hexahedra.astype(np.int64),
        "tissue": mesh.tissue.astype(np.int32),
    }
    for name, values in shared.items():
        store.create_dataset(f"mesh/{name}", data=values, compression="gzip", shuffle=True)  # pyright: ignore[reportAttributeAccessIssue]
    return shared
