"""Which element is which tissue, and which node lies on which surface: the part of a disc that all discs of one shape share.

A layout depends on the resolution and the kind of shape only, never on coordinates, so a compiled solver serves every disc of that kind.

- `anatomical`: plate layers inside the endplate ring are cartilage endplate, outside it annulus. Bone over the annulus passes no flux.
- `elliptic-cylinder`: no cartilage endplate; nucleus and annulus reach both faces, and the whole faces are fed by bone.
- `layered-cylinder`: the cartilage endplates lie on the nucleus and annulus and end at their own radius; what lies beside them is void.

An edge that belongs to a face and to the outer annulus takes the annulus values (transport 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pulposus.mesh import Topology, topology

ShapeKind = Literal["anatomical", "elliptic-cylinder", "layered-cylinder"]

NUCLEUS, ANNULUS, ENDPLATE = 0, 1, 2
VOID = -1
TISSUES = ("nucleus", "annulus", "endplate")


@dataclass(frozen=True, eq=False)
class Layout:
    """Tissues and surfaces of a mesh; compared and hashed by identity, so it can be static in a compiled function.

    Attributes:
        topology: Connectivity of the mesh.
        kind: Kind of shape.
        tissue_of_element: 0 nucleus, 1 annulus, 2 cartilage endplate, -1 void, shape (quads, layers).
        endplate_nodes: Nodes of both faces that the bone feeds, shape (columns, levels).
        annulus_nodes: Nodes of the outer annulus that vessels feed, shape (columns, levels).
        void_nodes: Nodes that belong to void elements only, shape (columns, levels).
        endplate_quads: Quadrilaterals of a face through which the bone feeds the disc, shape (quads,).
    """

    topology: Topology
    kind: ShapeKind
    tissue_of_element: NDArray[np.int64] = field(repr=False)
    endplate_nodes: NDArray[np.bool_] = field(repr=False)
    annulus_nodes: NDArray[np.bool_] = field(repr=False)
    void_nodes: NDArray[np.bool_] = field(repr=False)
    endplate_quads: NDArray[np.bool_] = field(repr=False)

    @property
    def has_endplates(self) -> bool:
        """Whether the shape has cartilage endplates."""
        return bool(np.any(self.tissue_of_element == ENDPLATE))


def _tissue_of_element(mesh: Topology, kind: ShapeKind) -> NDArray[np.int64]:
    quad = mesh.quad_region[:, None]
    plate = (mesh.layer_region != 1)[None, :]
    tissue = np.broadcast_to(np.where(quad == 0, NUCLEUS, ANNULUS), (len(mesh.quads), len(mesh.layer_region))).copy()
    if kind != "elliptic-cylinder":
        tissue[plate & (quad <= 1)] = ENDPLATE
    if kind == "layered-cylinder":
        tissue[plate & (quad == 2)] = VOID
    return tissue


def _touched(mesh: Topology, elements: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Nodes of the marked elements."""
    nodes = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    quads, layers = np.nonzero(elements)
    for corner in range(4):
        columns = mesh.quads[quads, corner]
        nodes[columns, layers] = True
        nodes[columns, layers + 1] = True
    return nodes


def layout(resolution: str, kind: ShapeKind, annulus_sealed: bool = False) -> Layout:
    """The layout of a kind of shape.

    Args:
        resolution: Name of a mesh resolution.
        kind: Kind of shape.
        annulus_sealed: No vessels at the outer annulus; the rim of the faces then belongs to the endplates.

    Returns:
        The same object for the same arguments.

    Raises:
        KeyError: The resolution is unknown.
    """
    return _layout(resolution, kind, annulus_sealed)


@cache
def _layout(resolution: str, kind: ShapeKind, annulus_sealed: bool) -> Layout:
    mesh = topology(resolution)
    tissue = _tissue_of_element(mesh, kind)
    void = ~_touched(mesh, tissue != VOID)
    annulus = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    if not annulus_sealed:
        annulus[mesh.rim] = True
        if kind == "layered-cylinder":
            annulus[:, : mesh.plan.plate] = False
            annulus[:, mesh.levels - mesh.plan.plate :] = False
    quads = mesh.quad_region <= (2 if kind == "elliptic-cylinder" else 1)
    columns = np.zeros(mesh.columns, dtype=bool)
    columns[mesh.quads[quads].ravel()] = True
    endplate = np.zeros_like(annulus)
    endplate[:, [0, -1]] = columns[:, None]
    return Layout(
        topology=mesh,
        kind=kind,
        tissue_of_element=tissue,
        endplate_nodes=endplate & ~annulus,
        annulus_nodes=annulus,
        void_nodes=void,
        endplate_quads=quads,
    )
