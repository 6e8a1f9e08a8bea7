"""The nucleus on a T2-weighted image: an image made from a known nucleus gives it back; a black disc keeps the default."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc._map import ring_area
from pulposus.images import import_disc

from .conftest import save


def signal_of(generic, cubic, contrast):
    """A T2-weighted image of the generic disc: bright nucleus, dark annulus, noise."""
    from pulposus.images._endplates import reference_points_of

    voxels, affine = cubic
    index = np.argwhere(np.ones(voxels.shape, dtype=bool)) @ affine[:3, :3].T + affine[:3, 3]
    xi, eta = reference_points_of(generic, index[:, 0], index[:, 1])
    inside = (np.hypot(xi, eta) <= generic.nucleus_radius).reshape(voxels.shape)
    noise = np.random.default_rng(1).normal(0.0, 8.0, voxels.shape)
    return (100.0 + contrast * inside + noise).astype(np.float32)


def test_a_bright_nucleus_is_found(generic, cubic, cubic_file, parameters, tmp_path):
    scan = save(tmp_path / "t2.nii.gz", signal_of(generic, cubic, 120.0), cubic[1])
    found = import_disc(cubic_file, "L4-L5", 2, t2=scan, parameters=parameters)
    truth = float(ring_area(generic, generic.nucleus_radius) / ring_area(generic))
    assert "T2-weighted image t2.nii.gz" in found.fit.nucleus.origin
    assert found.fit.nucleus.area_fraction == pytest.approx(
        truth, abs=0.02
    )  # half a voxel around a ring of 93 mm in 1519 mm2: 0.03
    assert found.fit.nucleus.offset == pytest.approx(2.049 / 37.5, abs=0.01)  # ruling 38


def test_a_black_disc_keeps_the_default(generic, cubic, cubic_file, imported, parameters, tmp_path):
    scan = save(tmp_path / "black.nii.gz", signal_of(generic, cubic, 0.0), cubic[1])
    found = import_disc(cubic_file, "L4-L5", 2, t2=scan, parameters=parameters)
    assert "default of the level" in found.fit.nucleus.origin
    assert found.fit.nucleus.area_fraction == pytest.approx(imported.fit.nucleus.area_fraction)


def test_an_image_of_something_else_keeps_the_default(generic, cubic, cubic_file, parameters, tmp_path):
    affine = cubic[1].copy()
    affine[:3, 3] += 200.0
    scan = save(tmp_path / "away.nii.gz", signal_of(generic, cubic, 120.0), affine)
    found = import_disc(cubic_file, "L4-L5", 2, t2=scan, parameters=parameters)
    assert found.fit.nucleus.origin == "default of the level: the image does not cover the disc"
