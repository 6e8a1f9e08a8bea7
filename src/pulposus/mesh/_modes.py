r"""Lateral modes of the cross-section: the smooth directions in which axial line solves are slow.

They are the lowest eigenvectors of :math:`K_2 v = \lambda M_2 v` on a reference ellipse with its edge held at zero. A preconditioner
uses them as a Galerkin basis, so they need not be the modes of the disc at hand.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from pulposus.mesh._topology import Topology, reference_points

# A mid-size human disc; only the conditioning of the preconditioner depends on these three numbers.
_REFERENCE_AXES = np.array([25.0, 18.0])
_REFERENCE_NUCLEUS_RADIUS = 0.66
_REFERENCE_ENDPLATE_RADIUS = 0.81
MODES = 160
_DENSE_LIMIT = 1500


def _section_matrices(mesh: Topology) -> tuple[scipy.sparse.csr_matrix, NDArray[np.float64]]:
    """Stiffness matrix and lumped mass of bilinear elements on the reference ellipse."""
    corners = (reference_points(mesh, _REFERENCE_NUCLEUS_RADIUS, _REFERENCE_ENDPLATE_RADIUS) * _REFERENCE_AXES)[
        mesh.quads
    ]
    signs = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    stiffness = np.zeros((len(corners), 4, 4))
    mass = np.zeros((len(corners), 4))
    for point in signs / np.sqrt(3.0):
        factors = 0.5 * (1.0 + signs * point)
        local = 0.5 * signs * factors[:, ::-1]
        jacobian = np.einsum("qcx,cr->qxr", corners, local)
        determinant = np.linalg.det(jacobian)
        gradient = np.einsum("cr,qrx->qcx", local, np.linalg.inv(jacobian))
        stiffness += determinant[:, None, None] * np.einsum("qax,qbx->qab", gradient, gradient)
        mass += determinant[:, None] * factors.prod(axis=1)
    rows, columns = np.repeat(mesh.quads, 4, axis=1).ravel(), np.tile(mesh.quads, (1, 4)).ravel()
    matrix = scipy.sparse.csr_matrix((stiffness.ravel(), (rows, columns)), shape=(mesh.columns, mesh.columns))
    return matrix, np.bincount(mesh.quads.ravel(), mass.ravel(), mesh.columns).astype(np.float64)


@cache
def lateral_modes(mesh: Topology) -> NDArray[np.float32]:
    """Lowest modes of the cross-section, orthonormal in the lumped mass, shape (columns, at most MODES).

    A mesh of one column has no lateral mode: the shape is (1, 0).
    """
    if mesh.columns == 1:
        return np.zeros((1, 0), dtype=np.float32)
    stiffness, mass = _section_matrices(mesh)
    free = np.setdiff1d(np.arange(mesh.columns), mesh.rim)
    scale = 1.0 / np.sqrt(mass[free])
    symmetric = scipy.sparse.diags(scale) @ stiffness[free][:, free] @ scipy.sparse.diags(scale)
    count = min(MODES, len(free))
    if len(free) <= _DENSE_LIMIT:
        _, vectors = scipy.linalg.eigh(symmetric.toarray(), subset_by_index=(0, count - 1))
    else:
        # A fixed start vector keeps the result reproducible.
        _, vectors = scipy.sparse.linalg.eigsh(symmetric.tocsc(), count, sigma=0.0, which="LM", v0=np.ones(len(free)))
    modes = np.zeros((mesh.columns, count), dtype=np.float32)
    modes[free] = scale[:, None] * vectors
    return modes
