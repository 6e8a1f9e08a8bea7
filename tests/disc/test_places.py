"""Tracks, tears and patches on the mesh: volumes that do not depend on it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.disc import load_disc
from pulposus.disc._layout import ANNULUS, ENDPLATE, NUCLEUS
from pulposus.disc._places import (
    locate,
    nucleus_volume,
    patch_share,
    rim_point,
    share_of,
    tip_position,
    tissue_at,
    tube_volume,
)
from pulposus.mesh import face_areas


@pytest.fixture(scope="module", params=["coarse", "standard"])
def disc(request):
    return load_disc("human/L4-L5/grade3", request.param)


def mirrored_columns(disc) -> np.ndarray:
    """Column of the mirror image of every column (left for right)."""
    section = np.asarray(disc.coordinates)[:, 0, :2]
    distance = np.linalg.norm(section[:, None] * [-1.0, 1.0] - section[None], axis=-1)
    assert distance.min(axis=1).max() < 1e-9
    return distance.argmin(axis=1)


def test_shape_functions_give_the_point_back(disc):
    section = np.asarray(disc.coordinates)[:, 0, :2]
    generator = np.random.default_rng(4)
    points = generator.uniform(-30.0, 30.0, (3000, 2))
    place = locate(disc.topology, section, points)
    found = np.einsum("pa,pax->px", place.weights, section[place.columns])
    # The bilinear map is inverted by Newton to rounding at 50 mm.
    np.testing.assert_allclose(found, points[place.kept], atol=1e-10)
    assert place.weights.min() > -1e-8
    # 60 x 60 mm of points, an outline of known area: a binomial count, four standard deviations.
    rim = section[disc.topology.rim]
    area = 0.5 * abs(np.sum(rim[:, 0] * np.roll(rim[:, 1], -1) - np.roll(rim[:, 0], -1) * rim[:, 1]))
    share = area / 3600.0
    assert len(place.kept) / 3000 == pytest.approx(share, abs=4.0 * np.sqrt(share * (1.0 - share) / 3000))


def test_a_tube_inside_keeps_its_volume_and_its_centre(disc):
    centre = tip_position(disc, 0.0, 0.0, 0.0)
    start, end, radius = centre + np.array([-6.0, 1.0, 0.5]), centre + np.array([5.0, -2.0, -0.8]), 0.36
    nucleus, annulus = tube_volume(disc, start, end, radius)
    # The points carry equal parts of pi r2 L and none leaves: sums of 25600 numbers.
    exact = np.pi * radius**2 * np.linalg.norm(end - start)
    assert nucleus.sum() == pytest.approx(exact, rel=1e-12)
    assert not annulus.any()
    # Shape functions reproduce a linear field, so the first moment is exact as well.
    points = np.asarray(disc.coordinates)
    moment = np.einsum("cl,clx->x", nucleus, points) / exact
    np.testing.assert_allclose(moment, 0.5 * (start + end), atol=1e-10)


def test_a_tube_across_the_rim_counts_what_is_inside(disc):
    points = np.asarray(disc.coordinates)
    entry, centre = rim_point(disc.topology, points, 45.0), tip_position(disc, 0.0, 0.0, 0.0)
    radius = 0.6
    inward = (centre - entry) / np.linalg.norm(centre - entry)
    nucleus, annulus = tube_volume(disc, entry - 2.0 * inward, centre, radius)
    exact = np.pi * radius**2 * np.linalg.norm(centre - entry)
    # The rim is oblique to the tube by at most 45 degrees, so its end lies within one radius of the entry.
    assert nucleus.sum() + annulus.sum() == pytest.approx(exact, abs=np.pi * radius**3)
    assert nucleus.sum() > 0.0
    assert annulus.sum() > 0.0


def test_a_thick_tube_takes_no_endplate():
    disc = load_disc("rat/tail", "coarse")
    centre = tip_position(disc, 0.0, 0.0, 0.0)
    nucleus, annulus = tube_volume(disc, centre + np.array([-0.4, 0.0, 0.0]), centre + np.array([0.4, 0.0, 0.0]), 0.635)
    total = np.pi * 0.635**2 * 0.8
    assert 0.3 * total < nucleus.sum() + annulus.sum() < total
    levels = disc.topology.plan.plate
    assert not nucleus[:, :levels].any()
    assert not nucleus[:, -levels:].any()


def test_left_mirrors_right(disc):
    points, centre = np.asarray(disc.coordinates), tip_position(disc, 0.0, 0.0, 0.0)
    right, left = (tube_volume(disc, rim_point(disc.topology, points, angle), centre, 0.5) for angle in (60.0, -60.0))
    mirror = mirrored_columns(disc)
    for mine, other in zip(right, left, strict=True):
        # The mesh is symmetric to 1e-9 mm; the volumes of a tube of some mm3 follow to 1e-8.
        np.testing.assert_allclose(mine, other[mirror], atol=1e-8)


def test_tissue_at_a_point(disc):
    centre = tip_position(disc, 0.0, 0.0, 0.0)
    rim = rim_point(disc.topology, np.asarray(disc.coordinates), 180.0)
    assert tissue_at(disc, centre) == NUCLEUS
    assert tissue_at(disc, 0.9 * rim + 0.1 * centre) == ANNULUS
    assert tissue_at(disc, 1.1 * rim - 0.1 * centre) == -1
    column = disc.topology.centre[0]
    assert tissue_at(disc, np.asarray(disc.coordinates)[column, 0] + np.array([0.0, 0.0, 0.1])) == ENDPLATE
    assert tissue_at(disc, np.asarray(disc.coordinates)[column, 0] - np.array([0.0, 0.0, 0.1])) == -1


def test_a_patch_has_its_area(disc):
    share = patch_share(disc, (2.0, -1.0), 4.0)
    assert share is not None
    section = np.asarray(disc.coordinates)[:, 0, :2]
    flat = jnp.asarray(np.concatenate([section, np.zeros((len(section), 1))], axis=1))
    area = np.asarray(face_areas(disc.topology, flat, disc.layout.endplate_quads.astype(float)))
    assert (share * area).sum() == pytest.approx(np.pi * 16.0, rel=1e-12)
    assert share.max() <= 1.0
    far = np.hypot(*(section - [2.0, -1.0]).T) > 4.0 + 5.0
    assert not share[far].any()


@pytest.mark.parametrize(("centre", "radius"), [((100.0, 0.0), 1.0), ((0.0, 0.0), 30.0), ((22.0, 0.0), 2.0)])
def test_a_patch_that_leaves_the_endplate_is_none(disc, centre, radius):
    assert patch_share(disc, centre, radius) is None


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3.0))
def test_what_exceeds_a_node_goes_to_the_others(seed, scale):
    generator = np.random.default_rng(seed)
    part = scale * generator.exponential(size=(6, 3))
    part[0] = 0.0
    capacity = generator.uniform(0.1, 1.0, (6, 3))
    whole = capacity * generator.uniform(1.0, 2.0, (6, 3))
    share = share_of(part, capacity, whole)
    assert share.min() >= 0.0
    assert not share[0].any()
    assert (share * whole <= capacity * (1.0 + 1e-12)).all()
    # Either all parts find room, or every node that has a part is full; sums of 18 numbers.
    assert (share * whole).sum() == pytest.approx(min(part.sum(), capacity[1:].sum()), rel=1e-12)


def test_parts_that_fit_stay_as_they_are():
    part, capacity = np.array([0.2, 0.0, 0.5]), np.array([0.3, 0.4, 0.5])
    np.testing.assert_array_equal(share_of(part, capacity, np.array([1.0, 0.0, 2.0])), [0.2, 0.0, 0.25])


def test_the_nucleus_of_the_worked_case():
    disc = load_disc("human/L4-L5-generic", "standard")
    # Rulings 38: 8209 mm3 from the map; the mesh inscribes its rings to 0.1 %.
    assert nucleus_volume(disc) == pytest.approx(8.209, rel=2e-3)
