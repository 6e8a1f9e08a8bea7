"""Cells in the mesh: conservation, symmetry, bounds (cells_matrix tests 6.8 and 6.12; rulings 14)."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc import central_column, load_disc
from pulposus.errors import InvalidInput
from pulposus.mesh import node_volumes
from pulposus.therapy import load_protocol, place, place_on_axis, resolve_treatment, sphere_radius

SPONGE = [
    "delivery.route=fenestration",
    "dose.carrier=collagen",
    "delivery.sponge={width: 10 mm, depth: 8 mm, height: 6 mm}",
]


def cells_in(placement, disc) -> float:
    volumes = np.asarray(node_volumes(disc.topology, disc.coordinates, (disc.tissue_of_element >= 0).astype(float)))
    return 1e-3 * float((placement.free * volumes).sum())


@pytest.fixture(scope="module")
def treated(human, parameters):
    treatment = resolve_treatment(load_protocol("orozco-2011"), human, parameters)
    return treatment, place(treatment, human)


@pytest.mark.parametrize(
    ("name", "resolution"),
    [("human/L4-L5/grade4", "coarse"), ("human/L4-L5/grade4", "standard"), ("human/L5-S1/grade2", "coarse")],
)
def test_all_retained_cells_are_in_the_disc_on_any_mesh(name, resolution, parameters):
    disc = load_disc(name, resolution)
    treatment = resolve_treatment(load_protocol("orozco-2011"), disc, parameters)
    # Test 6.8: 1e-12 relative after normalisation.
    assert cells_in(place(treatment, disc), disc) == pytest.approx(treatment.retained_cells, rel=1e-12)


def test_the_density_is_uniform_in_the_bolus(treated, human):
    treatment, placement = treated
    uniform = treatment.retained_cells / treatment.filled_volume
    assert uniform == pytest.approx(treatment.bolus_density, rel=1e-12)
    # No node holds more than the uniform density; nodes shared with a closed endplate, or at the margin, hold less.
    assert placement.free.max() == pytest.approx(uniform, rel=1e-9)
    assert placement.free.min() == 0.0
    column, level = human.topology.centre
    assert placement.free[column, level] == pytest.approx(uniform, rel=1e-9)


def test_no_cell_is_put_into_an_endplate(treated, human):
    _, placement = treated
    inner = human.tissue_of_element.shape[1]
    assert not placement.free[:, [0, inner]].any()


def test_saline_leaves_no_carrier_and_hyaluronan_does(treated, mild, parameters):
    assert not treated[1].carrier.any()
    gel = place(resolve_treatment(load_protocol("crevensten-in-human"), mild, parameters), mild)
    assert gel.carrier.max() == 1.0
    np.testing.assert_array_equal(gel.carrier > 0.0, gel.free > 0.0)


def test_a_central_bolus_is_symmetric(treated, human):
    _, placement = treated
    points = np.asarray(human.coordinates)[:, 0, :2]
    distance = np.linalg.norm(points[:, None] * [-1.0, 1.0] - points[None], axis=-1)
    mirror = distance.argmin(axis=1)
    # The mesh is symmetric; equal up to the rounding of the times.
    assert distance.min(axis=1).max() < 1e-9
    np.testing.assert_allclose(placement.free, placement.free[mirror], rtol=1e-8, atol=1e-9)


def test_cells_leak_alike_everywhere_in_the_cleft(treated):
    _, placement = treated
    np.testing.assert_array_equal(placement.leak_weight, (placement.free > 0.0).astype(float))


def test_the_leak_weight_of_a_track_is_one_on_average_and_largest_at_the_track(human, parameters):
    protocol = load_protocol("orozco-2011", ["delivery.leak_from=track"])
    placement = place(resolve_treatment(protocol, human, parameters), human)
    volumes = np.asarray(node_volumes(human.topology, human.coordinates, (human.tissue_of_element >= 0).astype(float)))
    cells = placement.free * volumes
    assert (placement.leak_weight * cells).sum() / cells.sum() == pytest.approx(1.0, rel=1e-12)
    assert placement.leak_weight.min() == 0.0
    column, level = human.topology.centre
    assert placement.leak_weight[column, level] == placement.leak_weight.max()


def test_the_side_of_the_needle_is_mirrored(human, parameters):
    right, left = (
        place(
            resolve_treatment(
                load_protocol("orozco-2011", [f"delivery.side={side}", "delivery.leak_from=track"]), human, parameters
            ),
            human,
        ).leak_weight
        for side in ("right", "left")
    )
    x = np.asarray(human.coordinates)[..., 0]
    assert (right * x).sum() > 0.0
    assert (right * x).sum() == pytest.approx(-(left * x).sum(), rel=1e-9)


def test_the_sponge_holds_the_cells_in_the_posterior_annulus(human, parameters):
    treatment = resolve_treatment(load_protocol("orozco-2011", SPONGE), human, parameters)
    placement = place(treatment, human)
    assert treatment.backflow_fraction == 0.0
    assert cells_in(placement, human) == pytest.approx(treatment.retained_cells, rel=1e-12)
    y = np.asarray(human.coordinates)[..., 1]
    assert y[placement.free > 0.0].max() < 0.0
    np.testing.assert_allclose(placement.leak_weight[placement.free > 0.0], 1.0, rtol=1e-12)


def test_a_sponge_smaller_than_a_node_is_one_node(human, parameters):
    tiny = [*SPONGE[:2], "delivery.sponge={width: 0.1 mm, depth: 0.1 mm, height: 0.1 mm}", "dose.cells=1 cell"]
    treatment = resolve_treatment(load_protocol("orozco-2011", tiny), human, parameters)
    placement = place(treatment, human)
    assert cells_in(placement, human) == pytest.approx(treatment.retained_cells, rel=1e-12)
    # At most the corners of one element.
    assert 1 <= np.count_nonzero(placement.free) <= 8


@pytest.mark.parametrize("tip", ["{cranial: 0.99}", "{right: 1.0, anterior: 1.0}"])
def test_a_tip_outside_the_soft_tissue_is_refused(tip, human, parameters):
    treatment = resolve_treatment(load_protocol("orozco-2011", [f"delivery.tip={tip}"]), human, parameters)
    with pytest.raises(InvalidInput, match="needle tip") as caught:
        place(treatment, human)
    assert "delivery.tip" in caught.value.where
    assert caught.value.remedy


@pytest.mark.parametrize("overrides", [["comparator.arm=none"], ["comparator.arm=sham-needle"]])
def test_an_arm_without_volume_places_nothing(overrides, human, parameters):
    arm = load_protocol("orozco-2011", overrides).comparator_arm()
    placement = place(resolve_treatment(arm, human, parameters), human)
    assert not placement.free.any()
    assert not placement.carrier.any()
    assert not placement.leak_weight.any()


def test_a_saline_arm_places_no_cells(human, parameters):
    arm = load_protocol("orozco-2011", ["comparator.arm=saline"]).comparator_arm()
    placement = place(resolve_treatment(arm, human, parameters), human)
    assert not placement.free.any()
    assert placement.leak_weight.any()


def test_the_axis_holds_the_same_cells_in_a_sphere(human, parameters):
    column = central_column(human)
    treatment = resolve_treatment(
        load_protocol("crevensten-in-human", ["disc.name=human/L4-L5/grade4"]), human, parameters
    )
    volumes = np.full(human.topology.levels, 250.0)
    placement = place_on_axis(treatment, column, volumes)
    assert placement.free.shape == (1, human.topology.levels)
    assert 1e-3 * (placement.free[0] * volumes).sum() == pytest.approx(treatment.retained_cells, rel=1e-12)
    assert not placement.free[0, [0, -1]].any()
    np.testing.assert_array_equal(placement.leak_weight, 1.0)
    assert placement.carrier.max() == 1.0


def test_a_small_bolus_stays_near_the_tip_on_the_axis(human, parameters):
    column = central_column(human)
    protocol = load_protocol("orozco-2011", ["dose.volume=20 uL", "dose.cells=1e5 cell", "delivery.tip={cranial: 0.2}"])
    treatment = resolve_treatment(protocol, human, parameters)
    placement = place_on_axis(treatment, column, np.full(human.topology.levels, 250.0))
    z = np.asarray(column.positions)
    tip = 0.6 * z[-1] + 0.4 * z[0]
    reach = np.abs(z - tip)[placement.free[0] > 0.0].max()
    # At most the sphere and half a node.
    assert reach <= sphere_radius(treatment.filled_volume, 1.0) + np.diff(z).max()
    assert not placement.carrier.any()


def test_the_axis_takes_no_sponge_and_no_empty_syringe(human, parameters):
    column, volumes = central_column(human), np.full(human.topology.levels, 250.0)
    with pytest.raises(InvalidInput, match="sponge"):
        place_on_axis(resolve_treatment(load_protocol("orozco-2011", SPONGE), human, parameters), column, volumes)
    nothing = load_protocol("orozco-2011").comparator_arm()
    assert not place_on_axis(resolve_treatment(nothing, human, parameters), column, volumes).free.any()
