"""Tissues and surfaces of the three kinds of shape."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc import layout
from pulposus.disc._layout import ANNULUS, ENDPLATE, NUCLEUS, VOID

MESH = "coarse"


def at(arrangement, quad_region: int, layer_region: int) -> set[int]:
    mesh = arrangement.topology
    block = arrangement.tissue_of_element[np.ix_(mesh.quad_region == quad_region, mesh.layer_region == layer_region)]
    return set(block.ravel().tolist())


def test_tissues_of_an_anatomical_disc():
    disc = layout(MESH, "anatomical")
    assert at(disc, 0, 1) == {NUCLEUS}
    assert at(disc, 1, 1) == at(disc, 2, 1) == {ANNULUS}
    for plate in (0, 2):
        assert at(disc, 0, plate) == at(disc, 1, plate) == {ENDPLATE}
        assert at(disc, 2, plate) == {ANNULUS}
    assert disc.has_endplates
    assert not disc.void_nodes.any()


def test_surfaces_of_an_anatomical_disc():
    disc = layout(MESH, "anatomical")
    mesh = disc.topology
    inside = np.unique(mesh.quads[mesh.quad_region <= 1])
    expected = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    expected[inside, 0] = expected[inside, -1] = True
    assert (disc.endplate_nodes == expected).all()
    assert disc.annulus_nodes[mesh.rim].all()
    assert disc.annulus_nodes.sum() == len(mesh.rim) * mesh.levels
    # The bone over the rim of the annulus passes nothing: between the endplate ring and the rim no node is supplied.
    outside = np.setdiff1d(np.arange(mesh.columns), np.union1d(inside, mesh.rim))
    assert not (disc.endplate_nodes | disc.annulus_nodes)[outside].any()


def test_elliptic_cylinder_is_fed_on_its_whole_surface():
    disc = layout(MESH, "elliptic-cylinder")
    mesh = disc.topology
    assert not disc.has_endplates
    assert set(disc.tissue_of_element.ravel().tolist()) == {NUCLEUS, ANNULUS}
    assert (disc.endplate_nodes | disc.annulus_nodes)[:, [0, -1]].all()
    # Shared edges take the annulus values (transport 3.1).
    assert disc.annulus_nodes[mesh.rim][:, [0, -1]].all()
    assert not disc.endplate_nodes[mesh.rim].any()
    assert disc.endplate_quads.all()


def test_layered_cylinder_has_void_beside_its_endplates():
    disc = layout(MESH, "layered-cylinder")
    mesh, plate = disc.topology, disc.topology.plan.plate
    assert at(disc, 2, 0) == at(disc, 2, 2) == {VOID}
    assert at(disc, 1, 0) == {ENDPLATE}
    beside = np.setdiff1d(np.arange(mesh.columns), np.unique(mesh.quads[mesh.quad_region <= 1]))
    expected = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    expected[beside, :plate] = expected[beside, mesh.levels - plate :] = True
    assert (disc.void_nodes == expected).all()
    # The side is fed over the height of the nucleus only.
    assert disc.annulus_nodes[mesh.rim, plate : mesh.levels - plate].all()
    assert not (disc.annulus_nodes | disc.endplate_nodes)[disc.void_nodes].any()
    assert disc.annulus_nodes.sum() == len(mesh.rim) * (mesh.levels - 2 * plate)


@pytest.mark.parametrize("kind", ["anatomical", "elliptic-cylinder", "layered-cylinder"])
def test_a_sealed_annulus_is_not_fed(kind):
    sealed, fed = layout(MESH, kind, annulus_sealed=True), layout(MESH, kind)
    assert not sealed.annulus_nodes.any()
    assert (sealed.endplate_nodes[:, 0] == sealed.endplate_nodes[:, -1]).all()
    assert sealed.endplate_nodes.sum() >= fed.endplate_nodes.sum()


def test_equal_layouts_are_one_object():
    assert layout(MESH, "anatomical") is layout(MESH, "anatomical", False)
    assert layout(MESH, "anatomical") is not layout(MESH, "layered-cylinder")


def test_unknown_resolution_is_a_key_error():
    with pytest.raises(KeyError):
        layout("huge", "anatomical")
