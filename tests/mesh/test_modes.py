"""Lateral modes of the cross-section."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import jn_zeros

from pulposus.mesh import _modes as modes_module
from pulposus.mesh import lateral_modes, point_topology, reference_points, topology
from pulposus.mesh._modes import MODES, _section_matrices

# The modes are stored in single precision.
SINGLE = 2e-5


@pytest.mark.parametrize("resolution", ["coarse", "fine"])  # the dense and the sparse eigensolver
def test_modes_are_orthonormal_and_vanish_on_the_rim(resolution):
    mesh = topology(resolution)
    modes = lateral_modes(mesh)
    stiffness, mass = _section_matrices(mesh)
    assert modes.dtype == np.float32
    assert modes.shape == (mesh.columns, MODES)
    assert np.all(modes[mesh.rim] == 0.0)
    double = modes.astype(np.float64)
    assert double.T @ (mass[:, None] * double) == pytest.approx(np.eye(MODES), abs=SINGLE)
    energies = double.T @ (stiffness @ double)
    quotients = np.diag(energies)
    assert np.all(np.diff(quotients) > -SINGLE * quotients[-1])
    assert energies - np.diag(quotients) == pytest.approx(0.0, abs=SINGLE * quotients[-1])


def test_a_small_mesh_has_as_many_modes_as_inner_columns(tiny):
    assert lateral_modes(tiny).shape == (tiny.columns, tiny.columns - len(tiny.rim))


def test_one_column_has_no_lateral_mode():
    assert lateral_modes(point_topology()).shape == (1, 0)


def test_lowest_eigenvalue_of_a_circle(monkeypatch):
    """The membrane: lambda = (j_01 / R)^2. Bilinear elements err by about (lambda h)^2/12, below 1 % with h = R/10."""
    monkeypatch.setattr(modes_module, "_REFERENCE_AXES", np.array([2.0, 2.0]))
    mesh = topology("coarse")
    stiffness, mass = _section_matrices(mesh)
    modes = modes_module.lateral_modes.__wrapped__(mesh).astype(np.float64)
    assert modes[:, 0] @ (stiffness @ modes[:, 0]) == pytest.approx((jn_zeros(0, 1)[0] / 2.0) ** 2, rel=1e-2)
    points = reference_points(mesh, 0.66, 0.81)
    assert np.sum(mass) == pytest.approx(4.0 * np.pi, rel=1e-12)
    assert np.argmax(np.abs(modes[:, 0])) == np.argmin(np.hypot(*points.T))
