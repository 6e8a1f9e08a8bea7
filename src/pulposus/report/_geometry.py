"""The disc as files and pictures need it: hexahedra without the void, boundary surfaces, sections, volumes of regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from pulposus.report._fields import VOLUME_RATIO

if TYPE_CHECKING:
    import xarray

    from pulposus.disc import Disc
    from pulposus.mesh import Topology

NUCLEUS = 0
TISSUE_NAMES = {0: "nucleus pulposus", 1: "annulus fibrosus", 2: "cartilage endplate"}

# Faces of a hexahedron (four corners of the lower quadrilateral, then the four above them), counter-clockwise seen from outside.
HEXAHEDRON_FACES = np.array([[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]])
# Two faces that meet at a sharper angle than this are drawn with a line between them.
CREASE_COSINE = np.cos(np.radians(40.0))


def node_points(disc: Disc) -> Float[np.ndarray, "nodes 3"]:
    """Coordinates in mm; node number = column * levels + level."""
    return np.asarray(disc.coordinates, dtype=np.float64).reshape(-1, 3)


def all_hexahedra(topology: Topology) -> Int[np.ndarray, "quads layers 8"]:
    """Node numbers of every element in the corner order of VTK."""
    layers = topology.levels - 1
    lower = topology.quads[:, None, :] * topology.levels + np.arange(layers)[None, :, None]
    return np.concatenate([lower, lower + 1], axis=2)


def occupied(disc: Disc) -> Bool[np.ndarray, "quads layers"]:
    """Elements that hold tissue."""
    return np.asarray(disc.tissue_of_element) >= 0


@dataclass(frozen=True)
class Surface:
    """A view of the disc: its boundary, or the boundary of the part that a cut leaves.

    Attributes:
        key: Name in files.
        label: Name for people.
        faces: Node numbers of the quadrilaterals, counter-clockwise seen from outside, shape (faces, 4).
        lines: Node numbers of the lines between tissues and along sharp edges, shape (lines, 2).
    """

    key: str
    label: str
    faces: Int[np.ndarray, "faces 4"]
    lines: Int[np.ndarray, "lines 2"]

    @property
    def triangles(self) -> Int[np.ndarray, "triangles 3"]:
        """Two triangles per face."""
        return np.concatenate([self.faces[:, [0, 1, 2]], self.faces[:, [0, 2, 3]]])


def boundary_faces(
    hexahedra: Int[np.ndarray, "elements 8"],
) -> tuple[Int[np.ndarray, "faces 4"], Int[np.ndarray, "faces"]]:
    """Faces that belong to one element only, and that element."""
    faces = hexahedra[:, HEXAHEDRON_FACES].reshape(-1, 4)
    owner = np.repeat(np.arange(hexahedra.shape[0]), 6)
    _, first, count = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    single = np.sort(first[count == 1])
    return faces[single], owner[single]


def _face_normals(
    faces: Int[np.ndarray, "faces 4"], points: Float[np.ndarray, "nodes 3"]
) -> Float[np.ndarray, "faces 3"]:
    corners = points[faces]
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return normal / np.where(length > 0.0, length, 1.0)


def _border_lines(
    faces: Int[np.ndarray, "faces 4"], tissue: Int[np.ndarray, "faces"], points: Float[np.ndarray, "nodes 3"]
) -> Int[np.ndarray, "lines 2"]:
    """Edges between two faces of different tissue or of clearly different direction."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    face = np.repeat(np.arange(faces.shape[0]), 4)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, face = edges[order], face[order]
    shared = np.nonzero((edges[1:] == edges[:-1]).all(axis=1))[0]
    one, other = face[shared], face[shared + 1]
    normals = _face_normals(faces, points)
    creased = (normals[one] * normals[other]).sum(axis=1) < CREASE_COSINE
    return edges[shared[creased | (tissue[one] != tissue[other])]]


def disc_surfaces(disc: Disc) -> tuple[Surface, ...]:
    """The whole disc, its left half (cut at mid-sagittal) and its lower half (cut at mid-height)."""
    from pulposus.mesh import reference_points

    topology = disc.topology
    tissue = np.asarray(disc.tissue_of_element)
    hexahedra = all_hexahedra(topology)
    points = node_points(disc)
    # Any admissible radii tell left from right: the mid-sagittal line of the template is xi = 0 for all of them.
    xi = reference_points(topology, 0.5, 0.75)[:, 0]
    left = np.broadcast_to((xi[topology.quads].mean(axis=1) < 0.0)[:, None], tissue.shape)
    lower = np.broadcast_to((np.arange(topology.levels - 1) < topology.levels // 2)[None, :], tissue.shape)
    kept = (
        ("whole", "whole disc", occupied(disc)),
        ("sagittal", "cut open, mid-sagittal", occupied(disc) & left),
        ("transverse", "cut open, mid-height", occupied(disc) & lower),
    )
    result = []
    for key, label, mask in kept:
        faces, owner = boundary_faces(hexahedra[mask])
        result.append(Surface(key, label, faces, _border_lines(faces, tissue[mask][owner], points)))
    return tuple(result)


def sagittal_columns(topology: Topology) -> Int[np.ndarray, "line"]:
    """Columns of the mid-sagittal plane from posterior to anterior."""
    from pulposus.mesh import reference_points

    points = reference_points(topology, 0.5, 0.75)
    # The plane holds nodes exactly; 1e-9 is far below the spacing of the mesh and far above rounding.
    line = np.nonzero(np.abs(points[:, 0]) < 1e-9)[0]
    return line[np.argsort(points[line, 1])]


@dataclass(frozen=True)
class Region:
    """A part of the disc with the lumped volume of its nodes in mm3, shape (columns, levels) or (time, columns, levels)."""

    key: str
    volumes: Float[np.ndarray, "*time column level"]

    def in_run(self, data: xarray.Dataset) -> Region:
        """The same part with the volumes that a run gave its nodes at every time, where mechanics acted on it."""
        if VOLUME_RATIO.key not in data:
            return self
        return Region(self.key, self.volumes * data[VOLUME_RATIO.key].to_numpy())

    def mean(self, values: Float[np.ndarray, "... column level"]) -> Float[np.ndarray, "..."]:
        """Volume-weighted mean."""
        return (values * self.volumes).sum(axis=(-2, -1)) / self.volumes.sum(axis=(-2, -1))

    def extremes(self, values: Float[np.ndarray, "... column level"]) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest nodal value."""
        held = self.volumes > 0.0
        inside = values[..., held.reshape(-1, *held.shape[-2:]).any(axis=0)]
        return inside.min(axis=-1), inside.max(axis=-1)

    def cells(self, density: Float[np.ndarray, "... column level"]) -> Float[np.ndarray, "..."]:
        """Number of cells from a density in 10^6/mL (1 mm3 = 1e-3 mL)."""
        return (density * self.volumes).sum(axis=(-2, -1)) * 1e3


def disc_regions(disc: Disc) -> tuple[Region, Region]:
    """The whole disc and the nucleus."""
    from pulposus.mesh import node_volumes

    tissue = np.asarray(disc.tissue_of_element)

    def region(key: str, inside: Bool[np.ndarray, "quads layers"]) -> Region:
        return Region(key, np.asarray(node_volumes(disc.topology, disc.coordinates, inside.astype(np.float64))))

    return region("disc", occupied(disc)), region("nucleus", tissue == NUCLEUS)


def reduced_regions(trajectory: xarray.Dataset) -> tuple[Region, Region]:
    """Disc and nucleus of a run on one column or one point, which carries the volumes that its nodes stand for."""
    return Region("disc", trajectory["volume"].to_numpy()), Region("nucleus", trajectory["nucleus_volume"].to_numpy())
