r"""Diffusion as exchange between nodes that never turns negative: a positive stencil on hexahedra.

The trilinear finite-element operator has couplings of the wrong sign on flat elements, so a concentration can undershoot zero. Here the
energy of an element is summed over its corners (nodal quadrature). At corner :math:`p` with edges :math:`e_r` to the neighbours
:math:`q_r` and the dual vectors :math:`w_r` (:math:`w_r \cdot e_s = \delta_{rs}`)

.. math:: E = \sum_p V_p \sum_{rs} G_{rs} (u_{q_r} - u_p)(u_{q_s} - u_p), \qquad G_{rs} = w_r \cdot w_s , \quad V_p = \tfrac18 \det(e) .

On a rectangular box :math:`G` is diagonal and this is the 7-point finite-volume stencil. Skewness adds the terms :math:`r \ne s`: by

.. math:: 2 (u_{q_r} - u_p)(u_{q_s} - u_p) = (u_{q_r} - u_p)^2 + (u_{q_s} - u_p)^2 - (u_{q_r} - u_{q_s})^2

they are bonds along edges and across faces, negative ones on the long diagonals. For a linear field on a parallelogram the squares of the
two diagonals add up to those of the four edges, so a negative diagonal is moved to the edges and to the short diagonal without a change of
the flux. What would then make an edge negative (a slope above the aspect ratio of the element) is scaled down, face by face. All bonds end
positive and symmetric: an M-matrix with zero row sums, so diffusion conserves and obeys the maximum principle.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.mesh._operators import _CORNER_SIGNS, _gather, element_corners, incidence
from pulposus.mesh._topology import Topology

# For every corner its neighbour along each reference axis, shape (8, 3).
_NEIGHBOUR = np.array(
    [
        [
            next(b for b in range(8) if np.array_equal(_CORNER_SIGNS[b] * (1 - 2 * (np.arange(3) == axis)), signs))
            for axis in range(3)
        ]
        for signs in _CORNER_SIGNS
    ]
)
# +1 where the edges of a corner, in the order of the axes, are a right-handed frame.
_HANDEDNESS = -_CORNER_SIGNS.prod(axis=1)
# The two corners and the axis of every edge, shape (12, 3).
_EDGES = np.array([(a, _NEIGHBOUR[a, axis], axis) for axis in range(3) for a in range(8) if _CORNER_SIGNS[a, axis] < 0])
_EDGE_NUMBER = {frozenset((int(a), int(b))): number for number, (a, b, _) in enumerate(_EDGES)}
# Every face: its corners in a circle and the axis normal to it.
_FACES = [
    ((a, int(_NEIGHBOUR[a, r]), int(_NEIGHBOUR[_NEIGHBOUR[a, r], s]), int(_NEIGHBOUR[a, s])), normal)
    for normal, r, s in ((0, 1, 2), (1, 0, 2), (2, 0, 1))
    for a in range(8)
    if _CORNER_SIGNS[a, r] < 0 and _CORNER_SIGNS[a, s] < 0
]
_FACE_CORNERS = np.array([corners for corners, _ in _FACES])
_FACE_NORMAL = np.array([normal for _, normal in _FACES])
# The four edges of every face, in the circle of its corners.
_FACE_EDGES = np.array(
    [[_EDGE_NUMBER[frozenset((c[i], c[(i + 1) % 4]))] for i in range(4)] for c in _FACE_CORNERS.tolist()]
)
# (6 faces, 4, 12 edges): 1 where a side of a face is an edge.
_SIDES = (_FACE_EDGES[:, :, None] == np.arange(12)).astype(np.float64)


def _pattern(first: int, second: int) -> np.ndarray:
    """Element matrix of one bond."""
    unit = np.zeros(8)
    unit[first], unit[second] = 1.0, -1.0
    return np.outer(unit, unit)


# Element matrices of the bonds: 12 edges, then the diagonals (first to third, second to fourth corner) of the six faces.
_PATTERNS = np.array(
    [_pattern(a, b) for a, b, _ in _EDGES.tolist()]
    + [_pattern(c[0], c[2]) for c in _FACE_CORNERS.tolist()]
    + [_pattern(c[1], c[3]) for c in _FACE_CORNERS.tolist()]
)


def _metric(corners: Float[Array, "quads layers 8 3"]) -> tuple[Array, Array]:
    """V G of every corner: the three diagonal terms (quads, layers, 8, axis) and the cross terms (quads, layers, 8, missing axis)."""
    edges = [corners[:, :, _NEIGHBOUR[:, axis]] - corners for axis in range(3)]
    cofactors = [jnp.cross(edges[(axis + 1) % 3], edges[(axis + 2) % 3]) for axis in range(3)]
    determinant = jnp.sum(edges[0] * cofactors[0], axis=-1) * _HANDEDNESS[None, None]
    # A corner of a collapsed element (void) has no metric; what its bonds carry is multiplied by a conductivity of zero.
    volume = jnp.where(determinant > 0.0, 1.0 / jnp.where(determinant > 0.0, 8.0 * determinant, 1.0), 0.0)
    own = [jnp.sum(cofactors[axis] ** 2, axis=-1) * volume for axis in range(3)]
    cross = [jnp.sum(cofactors[(axis + 1) % 3] * cofactors[(axis + 2) % 3], axis=-1) * volume for axis in range(3)]
    return jnp.stack(own, axis=-1), jnp.stack(cross, axis=-1)


def element_bonds(corners: Float[Array, "quads layers 8 3"]) -> Float[Array, "quads layers 24"]:
    """Positive bonds of every element [length]: its 12 edges and the two diagonals of its six faces."""
    own, cross = _metric(corners)
    along = own[:, :, _EDGES[:, 0], _EDGES[:, 2]] + own[:, :, _EDGES[:, 1], _EDGES[:, 2]]
    # The cross term of the corners of every face, (quads, layers, 6, 4).
    tilt = cross[:, :, _FACE_CORNERS, _FACE_NORMAL[:, None]]
    first, second = -(tilt[..., 1] + tilt[..., 3]), -(tilt[..., 0] + tilt[..., 2])
    moved = jnp.minimum(jnp.minimum(first, second), 0.0)
    sides = tilt + jnp.roll(tilt, -1, axis=-1) + moved[..., None]
    # An edge carries no more than it has: the skewness of a face counts as far as its four edges allow.
    wanted = jnp.einsum("qlfi,fie->qle", jnp.maximum(-sides, 0.0), _SIDES)
    allowed = jnp.where(wanted > along, along / jnp.where(wanted > along, wanted, 1.0), 1.0)
    share = jnp.min(allowed[:, :, _FACE_EDGES], axis=-1)
    edges = along + jnp.einsum("qlfi,fie->qle", share[..., None] * sides, _SIDES)
    # Rounding may leave an edge that has nothing left at -1e-17 of what it had.
    diagonals = [share * (first - moved), share * (second - moved)]
    return jnp.concatenate([jnp.maximum(edges, 0.0), *diagonals], axis=-1)


def exchange_stencil(
    mesh: Topology,
    coordinates: Float[Array, "columns levels 3"],
    conductivity: Float[Array, "fields quads layers"],
) -> Float[Array, "fields columns width 3 levels"]:
    """Positive stencil of the diffusion operator, of the form of `diffusion_stencil`.

    Args:
        mesh: Topology.
        coordinates: Node coordinates.
        conductivity: Conductivity of every field in every element, zero in void.

    Returns:
        Entries `[field, column, slot, offset, level]` as in `diffusion_stencil`; none off the diagonal is positive, rows add up to zero.
    """
    bonds = element_bonds(element_corners(mesh, coordinates))
    quads, layers = bonds.shape[:2]
    matrices = jnp.einsum("qlk,kab->qlab", bonds, jnp.asarray(_PATTERNS))
    # [quad, layer, (half, corner), (other half, other corner)] -> [(quad, corner, other corner), half, other half, layer]
    ordered = matrices.reshape(quads, layers, 2, 4, 2, 4).transpose(0, 3, 5, 2, 4, 1)
    table = incidence(mesh).pairs

    def assemble(weight: Float[Array, "quads layers"]) -> Float[Array, "columns width 3 levels"]:
        entries = (ordered * weight[:, None, None, None, None, :]).reshape(quads * 16, 2, 2, layers)
        nodal = _gather(table, entries)
        above_the_element = [(0, 0)] * 2 + [(1, 0)]
        below_the_element = [(0, 0)] * 2 + [(0, 1)]
        same = jnp.pad(nodal[:, :, 0, 0], below_the_element) + jnp.pad(nodal[:, :, 1, 1], above_the_element)
        below = jnp.pad(nodal[:, :, 1, 0], above_the_element)
        above = jnp.pad(nodal[:, :, 0, 1], below_the_element)
        return jnp.stack([below, same, above], axis=2)

    return jax.vmap(assemble)(conductivity)
