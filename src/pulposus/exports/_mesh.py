"""The mesh of a disc as other programs hold it: numbered nodes, hexahedra with a tissue, and named surfaces.

Nodes that belong to no tissue are left out. A surface is a list of faces of hexahedra, each with its four nodes counter-clockwise seen from
outside. The names are those of the nutrient fluxes (rulings 27), with the rim in two parts:

- `endplate_inferior`, `endplate_superior`: faces towards the bone over the cartilage endplates (the whole faces of a shape without them);
- `rim_inferior`, `rim_superior`: faces towards the bone over the annulus;
- `outer_annulus`: the side of the annulus; `endplate_margin`: the side of cartilage endplates that end in the open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from pulposus.report._geometry import HEXAHEDRON_FACES

if TYPE_CHECKING:
    from pulposus.disc import Disc

# Code, name in files and name for people of the tissues.
TISSUES = (("nucleus", "nucleus pulposus"), ("annulus", "annulus fibrosus"), ("endplate", "cartilage endplate"))
NUCLEUS, ANNULUS, ENDPLATE = 0, 1, 2
_BOTTOM, _TOP = 0, 1


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Faces of a named surface.

    Attributes:
        elements: Elements that own the faces, (faces,).
        faces: Number of the face in `HEXAHEDRON_FACES`, (faces,).
        nodes: Nodes of the faces, counter-clockwise seen from outside, (faces, 4).
    """

    elements: Int[NDArray, "faces"]
    faces: Int[NDArray, "faces"]
    nodes: Int[NDArray, "faces 4"]


@dataclass(frozen=True, eq=False)
class VolumeMesh:
    """Hexahedra of a disc.

    Attributes:
        points: Nodes [mm]; x right, y anterior, z cranial, (nodes, 3).
        hexahedra: Nodes of every element: four of the lower quadrilateral, then the four above them, (elements, 8).
        tissue: 0 nucleus, 1 annulus, 2 cartilage endplate, (elements,).
        source: Number of every node on the full grid (column * levels + level), (nodes,).
        surfaces: Faces by the name of their surface; a surface without faces is left out.
    """

    points: Float[NDArray, "nodes 3"]
    hexahedra: Int[NDArray, "elements 8"]
    tissue: Int[NDArray, "elements"]
    source: Int[NDArray, "nodes"]
    surfaces: dict[str, FaceSet]

    def at_nodes(self, values: Float[NDArray, "columns levels"]) -> Float[NDArray, "nodes"]:
        """Values of a field of the full grid at the nodes of the mesh."""
        return values.reshape(-1)[self.source]

    def surface_nodes(self, name: str) -> Int[NDArray, "n"]:
        """Nodes of a surface in ascending order."""
        return np.unique(self.surfaces[name].nodes)


def volume_mesh(
    coordinates: Float[NDArray, "columns levels 3"],
    quads: Int[NDArray, "quads 4"],
    tissue: Int[NDArray, "quads layers"],
) -> VolumeMesh:
    """The mesh of an extruded grid.

    Args:
        coordinates: Nodes [mm].
        quads: Columns of every quadrilateral, counter-clockwise seen from above.
        tissue: Tissue of every element, -1 where there is none.
    """
    levels = coordinates.shape[1]
    layers = np.arange(levels - 1)
    lower = quads[:, None, :] * levels + layers[None, :, None]
    held = tissue >= 0
    elements = np.concatenate([lower, lower + 1], axis=2)[held].astype(np.int64)
    source, compact = np.unique(elements, return_inverse=True)
    hexahedra = compact.reshape(elements.shape)
    codes = tissue[held].astype(np.int64)
    return VolumeMesh(
        points=coordinates.reshape(-1, 3)[source].astype(np.float64),
        hexahedra=hexahedra,
        tissue=codes,
        source=source,
        surfaces=_surfaces(hexahedra, codes),
    )


def mesh_of_disc(disc: Disc) -> VolumeMesh:
    """The mesh of one disc."""
    return volume_mesh(np.asarray(disc.coordinates), disc.topology.quads, np.asarray(disc.tissue_of_element))


def _surfaces(hexahedra: Int[NDArray, "elements 8"], tissue: Int[NDArray, "elements"]) -> dict[str, FaceSet]:
    """Outer faces by name: the tissue behind a face and the side of the element tell which surface it belongs to."""
    nodes = hexahedra[:, HEXAHEDRON_FACES].reshape(-1, 4)
    _, first, count = np.unique(np.sort(nodes, axis=1), axis=0, return_index=True, return_counts=True)
    outer = np.sort(first[count == 1])
    element, side = np.divmod(outer, len(HEXAHEDRON_FACES))
    behind = tissue[element]
    plates = bool(np.any(tissue == ENDPLATE))
    fed = behind == ENDPLATE if plates else np.ones_like(behind, dtype=bool)
    flat = {"inferior": side == _BOTTOM, "superior": side == _TOP}
    parts = {f"endplate_{name}": mask & fed for name, mask in flat.items()}
    parts |= {f"rim_{name}": mask & ~fed for name, mask in flat.items()}
    beside = side > _TOP
    parts |= {"outer_annulus": beside & (behind != ENDPLATE), "endplate_margin": beside & (behind == ENDPLATE)}
    return {name: FaceSet(element[mask], side[mask], nodes[outer[mask]]) for name, mask in parts.items() if mask.any()}
