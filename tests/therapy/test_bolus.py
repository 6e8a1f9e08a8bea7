"""Filled region, track and sponge (cells_matrix 2.2 and test 6.8)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.disc import load_disc
from pulposus.therapy._arrival import arrival_times
from pulposus.therapy._bolus import (
    ANNULUS,
    NUCLEUS,
    Front,
    block_share,
    bolus_share,
    filled_share,
    front_speed,
    normalised_leak_weight,
    nucleus_volume,
    rim_point,
    room_of,
    sphere_radius,
    tip_position,
    track_share,
)

FRONT = Front(fissure_gain=10.0, annulus_reduction=0.9)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.99))
def test_the_region_has_the_volume_asked_for(seed, part):
    generator = np.random.default_rng(seed)
    arrival = generator.exponential(size=(7, 5))
    arrival[0] = np.inf
    fillable = generator.uniform(0.1, 1.0, (7, 5))
    fillable[1] = 0.0
    crossing = generator.uniform(0.01, 2.0, (7, 5))
    reachable = fillable[2:].sum()
    share = filled_share(arrival, crossing, fillable, part * reachable)
    assert share.min() >= 0.0
    assert share.max() <= 1.0
    assert not share[:2].any()
    # The balance is solved exactly; sums of 35 numbers.
    assert (share * fillable).sum() == pytest.approx(part * reachable, rel=1e-12)


def test_the_region_grows_continuously():
    arrival = np.array([[0.0, 1.0, 1.0, 3.0]])
    volumes = np.linspace(0.0, 4.0, 401)
    shares = np.array([filled_share(arrival, np.ones((1, 4)), np.ones((1, 4)), volume)[0] for volume in volumes])
    steps = np.diff(shares, axis=0)
    assert steps.min() >= -1e-15
    # 0.01 of volume can move no share by more than that.
    assert steps.max() <= 0.01 + 1e-12
    # Two nodes at the same time fill alike.
    np.testing.assert_array_equal(shares[:, 1], shares[:, 2])


def test_more_than_everything_fills_everything():
    np.testing.assert_array_equal(
        filled_share(np.array([[0.0, 5.0]]), np.ones((1, 2)), np.ones((1, 2)), 9.0), [[1.0, 1.0]]
    )


def test_sphere_radius_is_the_closed_form():
    radius = sphere_radius(1.0, 0.35)
    # 1 mL is 1000 mm3.
    assert 4.0 / 3.0 * math.pi * radius**3 * 0.35 == pytest.approx(1000.0, rel=1e-12)


def test_the_region_of_uniform_tissue_tends_to_a_sphere(box):
    radius = 0.6
    errors = []
    for n in (7, 14, 28):
        mesh, points, volumes = box(n)
        arrival = arrival_times(mesh, points, np.ones((len(mesh.quads), n)), np.zeros(3), exact_radius=0.25)
        share = filled_share(arrival, np.cbrt(volumes), volumes, 4.0 / 3.0 * math.pi * radius**3)
        filled = share * volumes
        square = (filled * (points**2).sum(axis=-1)).sum() / filled.sum()
        errors.append(abs(math.sqrt(5.0 / 3.0 * square) - radius))
    # The radius from the second moment. The front's smearing over one node is O(h^2), the eikonal error O(h): together at least first
    # order, so each halving of h must take away 40 % or more. The coarsest radius spans 2.1 elements; below two there is no sphere.
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]
    assert errors[2] < 0.02 * radius


def test_front_speed_follows_the_law():
    tissue = np.array([[NUCLEUS, ANNULUS, 2, -1]])
    fissure = np.array([[0.0, 0.5, 0.5, 0.0]])
    np.testing.assert_allclose(front_speed(tissue, fissure, FRONT), [[1.0, 0.6, 0.0, 0.0]], rtol=1e-12)


def test_nucleus_volume_excludes_the_endplates(human):
    room = room_of(human, FRONT)
    whole = 1e-3 * room.volume.sum()
    assert nucleus_volume(human) < whole
    assert 1e-3 * room.fillable.sum() < whole
    # The nucleus of a human L4-L5 disc of grade IV; cells_matrix 4 gives 3 (1.5-5) mL.
    assert 1.5 < nucleus_volume(human) < 6.0


def test_the_fissures_lie_in_the_annulus(human):
    room = room_of(human, FRONT)
    column, level = human.topology.centre
    assert room.fissure[column, level] == 0.0
    rim = human.topology.rim
    np.testing.assert_allclose(room.fissure[rim], 0.5, rtol=1e-12)


def test_the_bolus_fills_the_volume_and_prefers_the_nucleus(human):
    room = room_of(human, FRONT)
    tip = tip_position(human, 0.0, 0.0, 0.0)
    share = bolus_share(human, room, tip, 1500.0)
    assert (share * room.fillable).sum() == pytest.approx(1500.0, rel=1e-12)
    in_annulus = (share * room.fillable)[room.fissure > 0.4].sum()
    # 1.5 mL in a nucleus of 4.9 mL, ten times slower outside it: hardly anything goes there.
    assert in_annulus < 0.05 * 1500.0


def test_the_tip_moves_by_half_widths(human):
    centre = tip_position(human, 0.0, 0.0, 0.0)
    points = np.asarray(human.coordinates)
    moved = tip_position(human, 0.5, -0.25, 0.1)
    assert moved[0] - centre[0] == pytest.approx(0.25 * np.ptp(points[..., 0]), rel=1e-12)
    assert moved[1] - centre[1] == pytest.approx(-0.125 * np.ptp(points[..., 1]), rel=1e-12)
    column = human.topology.centre[0]
    assert moved[2] - centre[2] == pytest.approx(0.05 * np.ptp(points[column, :, 2]), rel=1e-12)


def test_rim_points_lie_where_the_angle_says(human):
    points = np.asarray(human.coordinates)
    rim = points[human.topology.rim].mean(axis=1)
    back, right, front = (rim_point(human.topology, points, angle) for angle in (0.0, 90.0, 180.0))
    # The rim has a node at each of these angles within one of its 32 edges.
    edge = np.linalg.norm(np.diff(rim, axis=0), axis=1).max()
    assert back[0] == pytest.approx(0.0, abs=edge)
    assert back[1] < rim[:, 1].mean()
    assert right[0] == pytest.approx(rim[:, 0].max(), abs=edge)
    assert front[1] == pytest.approx(rim[:, 1].max(), abs=edge)
    left, opposite = rim_point(human.topology, points, -45.0), rim_point(human.topology, points, 45.0)
    # The outline is symmetric.
    np.testing.assert_allclose(left, opposite * [-1.0, 1.0, 1.0], atol=1e-9)


def test_the_track_is_one_inside_and_fades_over_one_node():
    points = np.stack(
        np.meshgrid(np.linspace(0.0, 4.0, 41), np.linspace(-2.0, 2.0, 41), [0.0], indexing="ij"), axis=-1
    )[:, :, 0]
    width = np.full(points.shape[:2], 0.5)
    share = track_share(points, width, np.zeros(3), np.array([2.0, 0.0, 0.0]), 0.3)
    distance = np.hypot(np.maximum(points[..., 0] - 2.0, 0.0), points[..., 1])
    np.testing.assert_array_equal(share[distance <= 0.3 - 1e-12], 1.0)
    np.testing.assert_array_equal(share[distance >= 0.8 + 1e-12], 0.0)
    middle = np.isclose(distance, 0.55, atol=1e-9) | np.isclose(distance, 0.5, atol=1e-9)
    np.testing.assert_allclose(share[middle], (0.8 - distance[middle]) / 0.5, atol=1e-12)


def test_the_leak_weight_has_mean_one_in_the_filled_volume():
    generator = np.random.default_rng(3)
    weight, filled = generator.uniform(0.0, 1.0, (6, 4)), generator.uniform(0.0, 2.0, (6, 4))
    normalised = normalised_leak_weight(weight, filled)
    assert (normalised * filled).sum() / filled.sum() == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(normalised / weight, normalised[0, 0] / weight[0, 0], rtol=1e-12)


def test_the_block_lies_at_the_posterior_border(human):
    room = room_of(human, FRONT)
    share = block_share(human, room, (12.0, 8.0, 6.0))
    points = np.asarray(human.coordinates)
    entry = rim_point(human.topology, points, 0.0)
    inside = share > 0.0
    assert inside.any()
    margin = 0.5 * room.width[inside]
    assert (np.abs(points[inside][:, 0]) <= 6.0 + margin).all()
    assert (points[inside][:, 1] - entry[1] <= 8.0 + margin).all()
    assert (np.abs(points[inside][:, 2] - entry[2]) <= 3.0 + margin).all()
    assert not share[room.fillable == 0.0].any()


@pytest.mark.parametrize("name", ["human/L1-L2/grade1", "mouse/tail"])
def test_every_disc_can_be_filled(name):
    disc = load_disc(name, "coarse")
    room = room_of(disc, FRONT)
    volume = 350.0 * nucleus_volume(disc)
    share = bolus_share(disc, room, tip_position(disc, 0.0, 0.0, 0.0), volume)
    assert (share * room.fillable).sum() == pytest.approx(volume, rel=1e-12)
