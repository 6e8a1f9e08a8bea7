"""Discs, parameters and simple meshes of the therapy tests."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.mesh import topology
from pulposus.parameters import load_parameters


@pytest.fixture(scope="session")
def parameters():
    return load_parameters()


@pytest.fixture(scope="session")
def human():
    """Grade IV, the default of orozco-2011; fissure fraction 0.5."""
    return load_disc("human/L4-L5/grade4", "coarse")


@pytest.fixture(scope="session")
def mild():
    return load_disc("human/L4-L5/grade3", "coarse")


@pytest.fixture(scope="session")
def rat():
    return load_disc("rat/tail", "coarse")


@pytest.fixture
def box():
    """A cube of n x n x n equal hexahedra, with edges from -1 to 1: (mesh, coordinates, nodal volumes)."""

    def build(n: int):
        ticks = np.linspace(-1.0, 1.0, n + 1)
        column = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
        quads = np.stack([column[:-1, :-1], column[1:, :-1], column[1:, 1:], column[:-1, 1:]], axis=-1).reshape(-1, 4)
        rim = np.unique(np.concatenate([column[0], column[-1], column[:, 0], column[:, -1]]))
        none = np.zeros(0, dtype=np.int64)
        mesh = dataclasses.replace(
            topology("coarse"),
            resolution="box",
            quads=quads,
            quad_region=np.zeros(len(quads), dtype=np.int64),
            layer_region=np.ones(n, dtype=np.int64),
            neighbours=np.arange((n + 1) ** 2)[:, None],
            rim=rim,
            nucleus_ring=none,
            endplate_ring=none,
        )
        x, y, z = np.meshgrid(ticks, ticks, ticks, indexing="ij")
        coordinates = np.stack([x, y, z], axis=-1).reshape(mesh.columns, mesh.levels, 3)
        line = np.full(n + 1, 2.0 / n)
        line[[0, -1]] *= 0.5
        volumes = (line[:, None, None] * line[None, :, None] * line[None, None, :]).reshape(mesh.columns, mesh.levels)
        return mesh, coordinates, volumes

    return build
