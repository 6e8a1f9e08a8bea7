r"""Fields on a grid of voxels: every voxel centre is found in its hexahedron and takes the trilinear interpolant there.

A hexahedron maps its reference cube to space by

.. math:: x(r) = \sum_{i=1}^{8} N_i(r)\, x_i, \qquad N_i(r) = \tfrac18 \prod_{k=1}^{3} (1 + r_k s_{ik}) ,

with :math:`s_i` the corner of the cube. The inverse is found by Newton's method in the index space of the grid, where the voxel centres are
whole numbers, so any affine (rotated, oblique, thick slices) takes the same path. The interpolant reproduces linear fields exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from pulposus.exports._mesh import VolumeMesh

_CORNERS = np.array(
    [[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], dtype=float
)
# Hexahedra of a disc are close to parallelepipeds: Newton gains two digits or more per step.
_STEPS = 12
_CONVERGED = 1e-10
_FAR = 3.0
# How far outside its reference cube a point still counts: neighbours overlap by this, so that no point between two elements is lost.
_SLACK = 1e-7
_PAIRS_AT_ONCE = 400_000


@dataclass(frozen=True, eq=False)
class VoxelGrid:
    """A grid of voxels.

    Attributes:
        shape: Numbers of voxels.
        affine: Voxel index to coordinates [mm], (4, 4).
    """

    shape: tuple[int, int, int]
    affine: Float[NDArray, "4 4"]

    @property
    def voxel_volume(self) -> float:
        """Volume of a voxel [mm3]."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))


@dataclass(frozen=True, eq=False)
class VoxelMap:
    """Where the voxels of a grid lie in a mesh.

    Attributes:
        grid: The grid.
        voxels: Flat numbers of the voxels whose centres lie in the mesh, ascending, (inside,).
        elements: Their elements, (inside,).
        nodes: The nodes of these elements, (inside, 8).
        weights: Share of every node in the value, (inside, 8).
    """

    grid: VoxelGrid
    voxels: Int[NDArray, "inside"]
    elements: Int[NDArray, "inside"]
    nodes: Int[NDArray, "inside 8"]
    weights: Float[NDArray, "inside 8"]

    def resample(self, values: Float[NDArray, "nodes"], outside: float = 0.0) -> Float[NDArray, "i j k"]:
        """A nodal field on the grid; `outside` where there is no disc, and where a node of the element has no value."""
        inside = (self.weights * values[self.nodes]).sum(axis=1)
        return self._spread(np.where(np.isfinite(inside), inside, outside), outside)

    def label(self, codes: Int[NDArray, "elements"]) -> Int[NDArray, "i j k"]:
        """A number of every element on the grid, 0 where there is no disc."""
        return self._spread(codes[self.elements], 0).astype(np.int64)

    def _spread(self, inside: NDArray, outside: float) -> NDArray:
        volume = np.full(self.grid.shape, outside, dtype=inside.dtype)
        volume.reshape(-1)[self.voxels] = inside
        return volume


def _weights(r: Float[NDArray, "n 3"]) -> Float[NDArray, "n 8"]:
    """N_i at reference points."""
    return 0.125 * np.prod(1.0 + r[:, None, :] * _CORNERS, axis=2)


def _slopes(r: Float[NDArray, "n 3"]) -> Float[NDArray, "n 8 3"]:
    """dN_i / dr at reference points."""
    factor = 1.0 + r[:, None, :] * _CORNERS
    others = np.stack(
        [factor[..., 1] * factor[..., 2], factor[..., 0] * factor[..., 2], factor[..., 0] * factor[..., 1]], -1
    )
    return 0.125 * _CORNERS * others


def _newton_step(
    corners: Float[NDArray, "n 8 3"], targets: Float[NDArray, "n 3"], r: Float[NDArray, "n 3"]
) -> Float[NDArray, "n 3"]:
    """J^-1 (target - x(r)) by Cramer's rule; zero where the Jacobian is singular."""
    slopes = _slopes(r)
    first, second, third = (np.einsum("ni,nix->nx", slopes[..., axis], corners) for axis in range(3))
    gap = targets - np.einsum("ni,nix->nx", _weights(r), corners)
    across = np.cross(second, third)
    determinant = (first * across).sum(axis=1)
    singular = np.abs(determinant) < 1e-300
    cofactors = np.stack([across, np.cross(third, first), np.cross(first, second)], axis=1)
    step = np.einsum("nkx,nx->nk", cofactors, gap) / np.where(singular, 1.0, determinant)[:, None]
    return np.where(singular[:, None], 0.0, step)


def _inverse(corners: Float[NDArray, "n 8 3"], targets: Float[NDArray, "n 3"]) -> Float[NDArray, "n 3"]:
    """Reference points of targets; a point that is not in the element ends outside the cube, at most at 3."""
    r = np.zeros_like(targets)
    moving = np.arange(len(targets))
    for _ in range(_STEPS):
        before = r[moving]
        # A point far outside may be sent anywhere; clipping keeps it outside and finite.
        after = np.clip(before + _newton_step(corners[moving], targets[moving], before), -_FAR, _FAR)
        r[moving] = after
        moving = moving[np.abs(after - before).max(axis=1) > _CONVERGED]
        if not len(moving):
            break
    return r


def _candidates(
    corners: Float[NDArray, "elements 8 3"], shape: tuple[int, int, int]
) -> Iterator[tuple[Int[NDArray, "n"], Int[NDArray, "n 3"]]]:
    """Elements and voxels in their bounding boxes, in portions of about `_PAIRS_AT_ONCE`."""
    low = np.maximum(np.ceil(corners.min(axis=1) - _SLACK), 0.0).astype(np.int64)
    high = np.minimum(np.floor(corners.max(axis=1) + _SLACK), np.array(shape) - 1).astype(np.int64)
    extent = np.maximum(high - low + 1, 0)
    count = extent.prod(axis=1)
    portion = np.cumsum(count) // _PAIRS_AT_ONCE
    for one in np.unique(portion[count > 0]):
        chosen = np.nonzero((portion == one) & (count > 0))[0]
        element = np.repeat(chosen, count[chosen])
        number = np.arange(len(element)) - np.repeat(np.cumsum(count[chosen]) - count[chosen], count[chosen])
        size = extent[element]
        k = number % size[:, 2]
        j = (number // size[:, 2]) % size[:, 1]
        i = number // (size[:, 2] * size[:, 1])
        yield element, low[element] + np.stack([i, j, k], axis=1)


def locate(mesh: VolumeMesh, grid: VoxelGrid) -> VoxelMap:
    """Where the voxel centres of a grid lie in a mesh.

    Args:
        mesh: Mesh of the disc.
        grid: Grid; its affine leads to the coordinates of the mesh.
    """
    inverse = np.linalg.inv(grid.affine)
    places = mesh.points @ inverse[:3, :3].T + inverse[:3, 3]
    corners = places[mesh.hexahedra]
    voxels, elements, weights = [], [], []
    for element, index in _candidates(corners, grid.shape):
        r = _inverse(corners[element], index.astype(np.float64))
        inside = np.all(np.abs(r) <= 1.0 + _SLACK, axis=1)
        voxels.append(np.ravel_multi_index(tuple(index[inside].T), grid.shape))
        elements.append(element[inside])
        weights.append(_weights(r[inside]))
    if not voxels:
        nothing = np.empty(0, dtype=np.int64)
        return VoxelMap(grid, nothing, nothing, np.empty((0, 8), dtype=np.int64), np.empty((0, 8)))
    # A centre on a face is found in both neighbours: the first one keeps it, and both give the same value.
    numbers, first = np.unique(np.concatenate(voxels), return_index=True)
    owners = np.concatenate(elements)[first]
    return VoxelMap(grid, numbers, owners, mesh.hexahedra[owners], np.concatenate(weights)[first])
