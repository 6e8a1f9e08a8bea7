"""Voxels in the mesh: linear fields are exact on any grid, every centre inside is found, none outside."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc import Disc, load_disc, measure
from pulposus.errors import InvalidInput
from pulposus.exports import VoxelGrid, VoxelMap, locate
from pulposus.exports._mesh import VolumeMesh, mesh_of_disc
from pulposus.exports._nifti import grid_around, tidy_voxel


def centres(found: VoxelMap) -> np.ndarray:
    index = np.stack(np.unravel_index(found.voxels, found.grid.shape), axis=1)
    return index @ found.grid.affine[:3, :3].T + found.grid.affine[:3, 3]


def turned(angle: float) -> np.ndarray:
    """A rotation about an oblique axis."""
    axis = np.array([1.0, 2.0, 2.0]) / 3.0
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


@pytest.fixture(scope="module")
def mesh(disc: Disc) -> VolumeMesh:
    return mesh_of_disc(disc)


@pytest.fixture(scope="module")
def grids() -> dict[str, VoxelGrid]:
    oblique = np.eye(4)
    oblique[:3, :3] = turned(0.7) @ np.diag([-0.9, 1.1, 4.4])
    oblique[:3, 3] = -oblique[:3, :3] @ np.array([40.0, 35.0, 8.0])
    return {"oblique thick slices": VoxelGrid((80, 70, 17), oblique)}


def test_linear_fields_are_exact(mesh: VolumeMesh, grids: dict[str, VoxelGrid]) -> None:
    for name, grid in {**grids, "upright": grid_around(mesh.points, 1.0)}.items():
        found = locate(mesh, grid)
        values = mesh.points @ np.array([0.3, -0.2, 0.5]) + 4.0
        sampled = found.resample(values).reshape(-1)[found.voxels]
        # Trilinear elements hold linear fields; Newton stops at 1e-10 of the reference cube, some 1e-9 mm.
        np.testing.assert_allclose(sampled, centres(found) @ np.array([0.3, -0.2, 0.5]) + 4.0, atol=1e-8, err_msg=name)


def test_the_mask_has_the_volume_of_the_mesh(mesh: VolumeMesh, disc: Disc, grids: dict[str, VoxelGrid]) -> None:
    volume = 1e3 * measure(disc).volume
    upright = locate(mesh, grid_around(mesh.points, 0.5))
    # Counting centres errs by the layer of cut voxels: some 2,700 voxels of 100,000, each wrong by at most half with random sign; 0.5 %.
    assert len(upright.voxels) * upright.grid.voxel_volume == pytest.approx(volume, rel=5e-3)
    thick = locate(mesh, grids["oblique thick slices"])
    # 3,400 voxels of which a third are cut: 2 %.
    assert len(thick.voxels) * thick.grid.voxel_volume == pytest.approx(volume, rel=2e-2)


def test_no_centre_inside_is_missed(mesh: VolumeMesh) -> None:
    """Between the first and the last voxel of a vertical column of this disc there is no gap: its columns are simply connected."""
    found = locate(mesh, grid_around(mesh.points, 0.5))
    mask = found.label(np.ones(len(mesh.hexahedra), dtype=int)).astype(bool)
    first, last = mask.argmax(axis=2), mask.shape[2] - 1 - mask[:, :, ::-1].argmax(axis=2)
    filled = np.where(mask.any(axis=2), last - first + 1, 0)
    assert np.array_equal(filled, mask.sum(axis=2))


def test_labels_are_those_of_the_elements(mesh: VolumeMesh) -> None:
    found = locate(mesh, grid_around(mesh.points, 0.5))
    label = found.label(mesh.tissue + 1)
    assert set(np.unique(label)) == {0, 1, 2, 3}
    middle = tuple(np.rint(np.linalg.solve(found.grid.affine[:3, :3], -found.grid.affine[:3, 3])).astype(int))
    assert label[middle] == 1  # the origin lies in the nucleus


def test_a_grid_beside_the_disc_holds_nothing(mesh: VolumeMesh) -> None:
    away = np.eye(4)
    away[:3, 3] = 500.0
    found = locate(mesh, VoxelGrid((5, 5, 5), away))
    assert not len(found.voxels)
    assert not found.resample(np.ones(len(mesh.points))).any()


def test_a_value_that_does_not_exist_is_outside(mesh: VolumeMesh) -> None:
    values = np.where(mesh.points[:, 2] > 0.0, np.nan, 1.0)
    found = locate(mesh, grid_around(mesh.points, 1.0))
    volume = found.resample(values, outside=-1.0)
    assert set(np.unique(np.round(volume, 9))) == {-1.0, 1.0}


def test_the_voxel_follows_the_height() -> None:
    human, rat = (mesh_of_disc(load_disc(name, "coarse")) for name in ("human/L4-L5/grade1", "rat/tail"))
    assert tidy_voxel(human) == 0.5
    # A rat's tail disc is 0.95 mm high.
    assert tidy_voxel(rat) in (0.02, 0.05)
    with pytest.raises(InvalidInput, match="voxels"):
        grid_around(human.points, 1e-3)
