"""The mesh as an Abaqus input file (`.inp`): nodes, C3D8 elements with one element set per tissue, and named surfaces.

Numbers start at 1. Surfaces are written twice: as element faces (`*Surface, type=ELEMENT`) and as node sets, since programs differ in what
they read. The face numbers S1 to S6 of C3D8 are those of `HEXAHEDRON_FACES` in the same order. The file holds no materials and no steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pulposus.exports._mesh import TISSUES, VolumeMesh
from pulposus.report._atomic import write_text

# A data line of Abaqus holds at most sixteen numbers.
_PER_LINE = 16


def _lines(numbers: Iterable[int]) -> list[str]:
    """Numbers, sixteen per line."""
    row = [str(number) for number in numbers]
    return [", ".join(row[start : start + _PER_LINE]) for start in range(0, len(row), _PER_LINE)]


def write_abaqus(path: Path, mesh: VolumeMesh, title: str) -> Path:
    """Write the mesh.

    Args:
        path: The `.inp` file.
        mesh: Mesh of the disc.
        title: One line for the heading.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    lines = [
        "*Heading",
        f" {title}",
        "** Simulated by pulposus. Research use only, not medical advice.",
        "** Lengths in mm; x right, y anterior, z cranial.",
        "*Node, nset=disc",
        *(f"{number}, {x!r}, {y!r}, {z!r}" for number, (x, y, z) in enumerate(mesh.points.tolist(), start=1)),
    ]
    for code, (name, label) in enumerate(TISSUES):
        members = np.nonzero(mesh.tissue == code)[0]
        if len(members):
            lines += [f"** {label}", f"*Element, type=C3D8, elset={name}"]
            lines += [
                f"{element + 1}, " + ", ".join(str(node + 1) for node in mesh.hexahedra[element]) for element in members
            ]
    for name, surface in mesh.surfaces.items():
        lines += [f"*Nset, nset={name}", *_lines(node + 1 for node in mesh.surface_nodes(name))]
        for side in np.unique(surface.faces):
            owners = surface.elements[surface.faces == side]
            lines += [f"*Elset, elset={name}_S{side + 1}", *_lines(owner + 1 for owner in owners)]
        lines.append(f"*Surface, type=ELEMENT, name={name}_surface")
        lines += [f"{name}_S{side + 1}, S{side + 1}" for side in np.unique(surface.faces)]
    return write_text(path, "\n".join([*lines, ""]))
