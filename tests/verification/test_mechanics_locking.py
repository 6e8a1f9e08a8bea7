"""V7 of mechanics_imaging 3.1: no locking where the volume is (nearly) kept.

Cook's tapered panel: 48 long, 44 high where it is clamped, 16 high at the free end, whose upper corner lies at 60; in plane strain,
pulled up at the free end. Tissue without time to give off its water keeps its volume by the potential: this is the element of the disc, and
it is what V7 asks. A dry ground matrix of K / mu = 1000 has displacements alone. It does not lock, but is some percent stiff on coarse
meshes, which the last test bounds; disc tissue has K / mu of 50 and less where it is drained.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import NeoHookean, PorousNeoHookean
from pulposus.mesh import block_lattice, block_mesh

SHEAR = 1.0
# Small enough for plain Newton steps without load steps: a nearly incompressible panel that rotates is stiff.
TRACTION = 0.006


def panel(cells: int) -> tuple:
    mesh = block_mesh((cells, cells, 1))
    unit = np.asarray(mesh.gather(jnp.asarray(block_lattice(mesh, (cells, cells, 1)))))
    s, t = unit[:, 0], unit[:, 1]
    low, high = 44.0 * s, 44.0 + 16.0 * s
    return mesh, unit, np.stack([48.0 * s, low + t * (high - low), 4.0 * unit[:, 2]], axis=1)


def lift(cells: int, tissue, block_solver, wet=None) -> float:
    """Rise of the upper corner of the free end [mm]."""
    mesh, unit, places = panel(cells)
    fixed = np.zeros_like(places, dtype=bool)
    fixed[:, 2] = True
    fixed[unit[:, 0] == 0.0] = True
    force = np.zeros_like(places)
    # A uniform dead load on the free end: every face of serendipity nodes takes -1/12 at corners, 1/3 at the middles of edges.
    local = ((1, 2, 6, 5), (9, 18, 13, 17))
    end = np.flatnonzero(np.all(unit[mesh.elements[:, local[0]], 0] == 1.0, axis=1))
    area = 16.0 * 4.0 / cells
    for nodes, share in zip(local, (-1.0 / 12.0, 1.0 / 3.0), strict=True):
        np.add.at(force[:, 1], mesh.elements[end][:, nodes], share * TRACTION * area)
    found, _ = block_solver(
        mesh, places, tissue(mesh), fixed, np.zeros_like(places), force, None if wet is None else wet(mesh)
    )
    return float(found[np.all(unit == np.array([1.0, 1.0, 0.0]), axis=1), 1][0])


@pytest.mark.slow
def test_v7_undrained_tissue(block_solver, block_tissue, block_water, dry_tissue) -> None:
    """The volume is kept exactly (K / mu without limit): monotone, and within 2 % of a mesh four times as fine."""
    solid = PorousNeoHookean(SHEAR, 0.5 * SHEAR, 0.2)

    def wet(mesh):
        corners = len(mesh.corners)
        kept = np.ones((len(mesh.elements), 27))
        return block_water(np.zeros(corners, dtype=bool), np.zeros(corners), kept, None, np.zeros(corners))

    coarse, middle, fine = (
        lift(n, lambda mesh: block_tissue(dry_tissue(solid), mesh), block_solver, wet) for n in (8, 16, 32)
    )
    assert coarse < middle < fine
    assert coarse == pytest.approx(fine, rel=0.02)


def test_v7_bound_of_a_nearly_incompressible_matrix(block_solver, block_tissue, dry_tissue) -> None:
    """Displacements alone at K / mu = 1000: monotone, the error at least halves with h, the doubled mesh moves the tip by less than 5 %."""
    solid = NeoHookean(SHEAR, 1000.0 * SHEAR - 2.0 / 3.0 * SHEAR)
    coarse, middle, fine = (
        lift(n, lambda mesh: block_tissue(dry_tissue(solid), mesh), block_solver) for n in (4, 8, 16)
    )
    assert coarse < middle < fine
    assert fine - middle < 0.5 * (middle - coarse)
    assert middle == pytest.approx(fine, rel=0.05)
