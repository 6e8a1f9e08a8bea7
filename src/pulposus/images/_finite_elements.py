"""Finite-element meshes of discs: Abaqus .inp with element sets, VTU through meshio, FEBio .feb (mechanics_imaging 1.6, step 9).

Only corner nodes of solid elements are read: mid-side nodes, shells and membranes say nothing about the shape. A set is a name with element
numbers; in a .feb it is a block of `Elements`, in a .vtu a value of an integer cell field, written `field=value`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from pulposus.errors import InvalidInput, MissingPart

ENDINGS = (".inp", ".vtu", ".feb")
LARGEST_FILE = 500_000_000

# Faces of the elements by local corner, seen from outside counter-clockwise.
_FACES = {
    4: ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)),
    6: ((0, 2, 1), (3, 4, 5), (0, 1, 4, 3), (1, 2, 5, 4), (0, 3, 5, 2)),
    8: ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)),
}
_ABAQUS = re.compile(r"C3D(\d+)", re.IGNORECASE)
_CORNERS = {4: 4, 10: 4, 6: 6, 15: 6, 8: 8, 20: 8, 27: 8}
_FEBIO = {"tet4": 4, "tet10": 4, "tet15": 4, "penta6": 6, "penta15": 6, "hex8": 8, "hex20": 8, "hex27": 8}
_MESHIO = {"tetra": 4, "tetra10": 4, "wedge": 6, "wedge15": 6, "hexahedron": 8, "hexahedron20": 8, "hexahedron27": 8}


@dataclass(frozen=True, eq=False)
class SolidMesh:
    """Solid elements of a mesh.

    Attributes:
        points: Nodes in the units and axes of the file, (nodes, 3).
        elements: Corner nodes of every element, one array per number of corners.
        numbers: The elements' numbers in the file, as in `elements`.
        sets: Element numbers of every named set.
    """

    points: Float[NDArray, "nodes 3"]
    elements: dict[int, Int[NDArray, "elements corners"]]
    numbers: dict[int, Int[NDArray, "elements"]]
    sets: dict[str, frozenset[int]]

    def triangles(self, chosen: frozenset[int] | None = None) -> Int[NDArray, "triangles 3"]:
        """Faces that belong to one element only, split into triangles that are counter-clockwise from outside.

        Args:
            chosen: Numbers of the elements that count; all where left out.
        """
        found: dict[tuple[int, ...], tuple[int, ...] | None] = {}
        for corners, table in self.elements.items():
            kept = table if chosen is None else table[[int(number) in chosen for number in self.numbers[corners]]]
            for local in _FACES[corners]:
                for face in kept[:, local].tolist():
                    key = tuple(sorted(face))
                    found[key] = None if key in found else tuple(face)
        parts = [
            (face[0], face[corner], face[corner + 1])
            for face in found.values()
            if face is not None
            for corner in range(1, len(face) - 1)
        ]
        return np.array(parts, dtype=np.int64).reshape(-1, 3)


def is_mesh(path: Path) -> bool:
    """Whether a name is that of a finite-element mesh."""
    return path.suffix.lower() in ENDINGS


def read_mesh(path: Path) -> SolidMesh:
    """Read a mesh.

    Raises:
        InvalidInput: The file cannot be read or has no solid elements; says why.
        MissingPart: meshio is not installed (VTU only).
    """
    if not path.is_file():
        raise InvalidInput(
            "the file does not exist", where=str(path), allowed=", ".join(ENDINGS), remedy="check the path"
        )
    if path.stat().st_size > LARGEST_FILE:
        raise InvalidInput("the file is too large", where=str(path), allowed=f"at most {LARGEST_FILE // 1_000_000} MB")
    reader = {".inp": _read_abaqus, ".vtu": _read_vtu, ".feb": _read_febio}[path.suffix.lower()]
    try:
        mesh = reader(path)
    except (InvalidInput, MissingPart):
        raise
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)[:160]
        raise InvalidInput(
            f"the mesh cannot be read: {first}", where=str(path), remedy="export it again; it may be damaged"
        ) from error
    if not mesh.elements or not np.all(np.isfinite(mesh.points)):
        raise InvalidInput(
            "the mesh has no solid elements" if not mesh.elements else "a node is not a number",
            where=str(path),
            allowed="tetrahedra, wedges or hexahedra with finite nodes",
        )
    return mesh


def _gathered(
    nodes: dict[int, list[float]], blocks: list[tuple[int, list[int], list[list[int]]]], sets: dict[str, set[int]]
) -> SolidMesh:
    """A mesh from node numbers, blocks of (corners, element numbers, corner numbers), and sets."""
    order = {number: index for index, number in enumerate(nodes)}
    elements: dict[int, list[list[int]]] = {}
    numbers: dict[int, list[int]] = {}
    for corners, named, table in blocks:
        if named:
            elements.setdefault(corners, []).extend([[order[node] for node in row] for row in table])
            numbers.setdefault(corners, []).extend(named)
    return SolidMesh(
        points=np.array(list(nodes.values()), dtype=np.float64).reshape(-1, 3),
        elements={corners: np.array(table, dtype=np.int64) for corners, table in elements.items()},
        numbers={corners: np.array(named, dtype=np.int64) for corners, named in numbers.items()},
        sets={name: frozenset(members) for name, members in sets.items()},
    )


def _read_abaqus(path: Path) -> SolidMesh:
    nodes: dict[int, list[float]] = {}
    blocks: list[tuple[int, list[int], list[list[int]]]] = []
    sets: dict[str, set[int]] = {}
    keyword, options, pending = "", {}, []
    length = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.strip()
        if not text or text.startswith("**"):
            continue
        if text.startswith("*"):
            keyword, options = _abaqus_keyword(text)
            pending = []
            kind = _ABAQUS.match(options.get("type", ""))
            length = int(kind[1]) if keyword == "element" and kind else 0
            if length in _CORNERS:
                blocks.append((_CORNERS[length], [], []))
            continue
        fields = [part.strip() for part in text.rstrip(",").split(",")]
        if keyword == "node":
            nodes[int(fields[0])] = [float(part) for part in fields[1:4]]
        elif keyword == "element" and length in _CORNERS:
            pending += [int(part) for part in fields if part]
            if len(pending) > length:
                corners, named, table = blocks[-1]
                named.append(pending[0])
                table.append(pending[1 : 1 + corners])
                if "elset" in options:
                    sets.setdefault(options["elset"], set()).add(pending[0])
                pending = []
        elif keyword == "elset":
            members = sets.setdefault(options.get("elset", ""), set())
            if "generate" in options:
                first, last, step = (int(part) for part in [*fields, "1"][:3])
                members.update(range(first, last + 1, step))
            else:
                for part in fields:
                    members.update({int(part)} if part.lstrip("-").isdigit() else sets.get(part, set()))
    return _gathered(nodes, blocks, sets)


def _abaqus_keyword(text: str) -> tuple[str, dict[str, str]]:
    """`*Elset, elset=NP, generate` as "elset" and its options; keys in lower case."""
    parts = [part.strip() for part in text[1:].split(",")]
    options = {}
    for part in parts[1:]:
        key, _, value = part.partition("=")
        options[key.strip().lower()] = value.strip().strip('"')
    return parts[0].lower(), options


def _read_febio(path: Path) -> SolidMesh:
    content = path.read_text(encoding="utf-8", errors="replace")
    if "<!DOCTYPE" in content or "<!ENTITY" in content:
        raise InvalidInput(
            "the file declares entities, which a mesh does not need", where=str(path), allowed="plain FEBio XML"
        )
    root = ET.fromstring(content)
    nodes: dict[int, list[float]] = {}
    blocks: list[tuple[int, list[int], list[list[int]]]] = []
    sets: dict[str, set[int]] = {}
    for node in root.iterfind(".//Nodes/node"):
        nodes[int(node.attrib["id"])] = [float(part) for part in (node.text or "").split(",")]
    for block in root.iterfind(".//Elements"):
        corners = _FEBIO.get(block.attrib.get("type", "").lower())
        if corners is None:
            continue
        named = [int(element.attrib["id"]) for element in block.iterfind("elem")]
        table = [
            [int(part) for part in (element.text or "").split(",")][:corners] for element in block.iterfind("elem")
        ]
        blocks.append((corners, named, table))
        sets.setdefault(block.attrib.get("name", block.attrib.get("mat", "")), set()).update(named)
    return _gathered(nodes, blocks, sets)


def _read_vtu(path: Path) -> SolidMesh:
    try:
        import meshio
    except ImportError as error:
        raise MissingPart("VTU meshes need the package meshio", remedy="pip install 'pulposus[images]'") from error
    mesh: Any = meshio.vtu.read(path)
    elements: dict[int, list[NDArray[np.int64]]] = {}
    numbers: dict[int, list[NDArray[np.int64]]] = {}
    sets: dict[str, set[int]] = {}
    first = 0
    for position, block in enumerate(mesh.cells):
        named = np.arange(first, first + len(block.data))
        first += len(block.data)
        corners = _MESHIO.get(block.type)
        if corners is None:
            continue
        elements.setdefault(corners, []).append(np.asarray(block.data)[:, :corners].astype(np.int64))
        numbers.setdefault(corners, []).append(named)
        for field, values in mesh.cell_data.items():
            held = np.asarray(values[position])
            if held.ndim == 1 and held.dtype.kind in "iu":
                for value in np.unique(held):
                    sets.setdefault(f"{field}={value}", set()).update(named[held == value].tolist())
    return SolidMesh(
        points=np.asarray(mesh.points, dtype=np.float64),
        elements={corners: np.concatenate(parts) for corners, parts in elements.items()},
        numbers={corners: np.concatenate(parts) for corners, parts in numbers.items()},
        sets={name: frozenset(members) for name, members in sets.items()},
    )
