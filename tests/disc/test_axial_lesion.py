"""The lesion on the axis of the nucleus: totals of the nucleus are kept."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import AnnularPuncture, Lesion, apply_insult, central_column, lesion_on_axis, load_disc, stack_discs
from pulposus.disc._document import DiscDocument
from pulposus.disc._layout import NUCLEUS
from pulposus.disc._places import nucleus_volume
from pulposus.documents import read_document
from pulposus.mesh import node_volumes, slab_volumes

ALL = """\
schema_version: 1
name: mine
shape: {kind: anatomical, species: human, level: L4-L5}
insults:
  - {kind: nucleotomy, removed_fraction: 0.3}
  - {kind: endplate-fracture, face: superior, radius: 5 mm}
  - {kind: enzymatic, aggrecan_left: 0.5}
"""


@pytest.fixture(scope="module", params=["coarse", "standard"])
def disc(request, parameters):
    injured = load_disc("human/L4-L5/grade3", request.param)
    for insult in read_document(ALL, DiscDocument).insults:
        injured = apply_insult(injured, insult, parameters)
    return injured


def bar_volumes(disc) -> np.ndarray:
    """Node volumes of a bar of the nucleus' volume on the axis [mm3]."""
    column = central_column(disc)
    heights = np.diff(np.asarray(column.positions))
    area = 1e3 * nucleus_volume(disc) / heights[column.tissue == NUCLEUS].sum()
    return np.asarray(slab_volumes(column.positions, area, np.ones(len(heights))))


def test_totals_of_the_nucleus_are_kept(disc):
    axial, bar = lesion_on_axis(disc), bar_volumes(disc)
    whole = np.asarray(node_volumes(disc.topology, disc.coordinates, (disc.tissue_of_element >= 0).astype(float)))
    for name in ("lost", "killed", "void", "trauma"):
        in_disc = (np.asarray(getattr(disc.lesion, name)) * whole).sum(axis=(-2, -1))
        on_axis = (np.asarray(getattr(axial, name)) * bar).sum(axis=(-2, -1))
        # Both are shares of the nucleus times its volume; sums of thousands of nodes.
        np.testing.assert_allclose(on_axis, in_disc, rtol=1e-12)
    middle = len(central_column(disc).positions) // 2
    assert float(axial.aggrecan_left[0, middle]) == pytest.approx(0.5, rel=1e-12)


def test_nothing_outside_the_nucleus(disc):
    axial, column = lesion_on_axis(disc), central_column(disc)
    inside = np.zeros(len(column.positions), dtype=bool)
    for layer in np.nonzero(column.tissue == NUCLEUS)[0]:
        inside[layer : layer + 2] = True
    assert axial.lost.shape == (3, 1, len(inside))
    assert not np.asarray(axial.lost)[:, :, ~inside].any()
    assert not np.asarray(axial.trauma)[:, :, ~inside].any()
    np.testing.assert_array_equal(axial.order_left, 1.0)


def test_endplates_and_scalars(disc):
    axial, lesion = lesion_on_axis(disc), disc.lesion
    assert float(axial.endplate_opening[0, 0]) == 0.0
    # The patch of 5 mm over the nucleus, which is wider: a part of it.
    assert 0.0 < float(axial.endplate_opening[1, 0]) < 1.0
    assert float(axial.endplate_permeability_factor[1, 0]) == pytest.approx(
        1.0 + 49.0 * float(axial.endplate_opening[1, 0]), rel=1e-12
    )
    assert float(axial.endplate_permeability_factor[0, 0]) == pytest.approx(1.0, rel=1e-14)
    for name in ("track_weight", "endplate_access", "nucleus_pressure_factor", "acute", "trauma_until"):
        np.testing.assert_array_equal(getattr(axial, name), getattr(lesion, name))


def test_no_lesion_is_no_lesion():
    disc = load_disc("rabbit/lumbar", "coarse")
    none = Lesion.none(1, disc.topology.levels)
    for mine, other in zip(jax.tree.leaves(none), jax.tree.leaves(lesion_on_axis(disc)), strict=True):
        # The permeability factor 1 is a mean of ones.
        np.testing.assert_allclose(mine, other, rtol=1e-14)


def test_the_part_of_a_track_in_the_nucleus_is_spread(parameters):
    needle = AnnularPuncture(kind="annular-puncture", needle_gauge=18)
    disc = load_disc("rat/tail", "coarse")
    injured = apply_insult(disc, needle, parameters)
    fissure = float((np.asarray(lesion_on_axis(injured).fissure) * bar_volumes(disc)).sum())
    whole = np.asarray(node_volumes(disc.topology, disc.coordinates))
    total = float((np.asarray(injured.lesion.fissure) * whole).sum())
    assert 0.2 * total < fissure < total


def test_a_batch(disc):
    axial = jax.vmap(lesion_on_axis)(stack_discs([disc, disc]))
    single = lesion_on_axis(disc)
    for mine, other in zip(jax.tree.leaves(axial), jax.tree.leaves(single), strict=True):
        # The same sums; a batched contraction may order them otherwise.
        np.testing.assert_allclose(mine[1], other, rtol=1e-13, atol=1e-15)
    assert jnp.all(jnp.isfinite(axial.lost))
