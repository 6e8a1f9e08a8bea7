"""Dimensions of built-in discs: what was asked for is what the mesh has, for every species, level and grade."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pulposus.disc import list_discs, load_disc, measure
from pulposus.disc._anatomy import ELLIPSE, Dimensions, Outline, check_map, disc_map, nucleus_radius
from pulposus.disc._layout import VOID
from pulposus.disc._map import column_height, ring_area, ring_centroid, section_point, validity
from pulposus.errors import InvalidInput
from pulposus.mesh import jacobian_determinants

HUMAN = Outline(1.0171, -0.06252, -0.02683, 1.02243, -0.28, 0.02243, 0.14877)
SIZES = Dimensions(
    width=48.0,
    depth=34.0,
    anterior_height=11.5,
    central_height=11.2,
    posterior_height=7.5,
    nucleus_area_fraction=0.43,
    nucleus_offset=0.05,
    cranial_share=1.5 / 2.2,
    endplate_radius=0.81,
    endplate_centre=0.54,
    endplate_rise=0.32,
)
NAMES = [disc.name for disc in list_discs()]


def test_the_map_has_the_measured_dimensions():
    disc = disc_map(HUMAN, SIZES)
    angle = np.linspace(0.0, 2.0 * np.pi, 40001)
    x, y = section_point(disc, np.cos(angle), np.sin(angle))
    assert np.ptp(y) == pytest.approx(SIZES.depth, abs=1e-6)  # sampling of a smooth extreme
    # a = W/2 by ruling 37: the worked outline is normalised to its width within 2e-5 of it, for any d2.
    assert np.ptp(x) == pytest.approx(SIZES.width, rel=3e-5)
    heights = [column_height(disc, 0.0, eta) for eta in (1.0, 0.0, -1.0)]
    assert heights == pytest.approx([SIZES.anterior_height, SIZES.central_height, SIZES.posterior_height])
    assert ring_area(disc, disc.nucleus_radius) == pytest.approx(SIZES.nucleus_area_fraction * ring_area(disc))
    assert ring_centroid(disc) - ring_centroid(disc, disc.nucleus_radius) == pytest.approx(0.05 * SIZES.depth)
    # Ruling 37: the origin is at mid depth of the midline.
    assert section_point(disc, 0.0, 1.0)[1] == pytest.approx(-section_point(disc, 0.0, -1.0)[1])


def test_concavity_is_shared_between_the_faces():
    disc = disc_map(HUMAN, SIZES)
    rim = np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    concavity = SIZES.central_height - 0.5 * (SIZES.anterior_height + SIZES.posterior_height)
    cranial = disc.superior[0] - (disc.superior[0] + disc.superior[2] + disc.superior[5])
    caudal = -disc.inferior[0] + (disc.inferior[0] + disc.inferior[2] + disc.inferior[5])
    assert cranial == pytest.approx(SIZES.cranial_share * concavity)
    assert cranial + caudal == pytest.approx(concavity)
    # The wedge is shared evenly: the two faces tilt by the same slope.
    assert disc.superior @ rim == pytest.approx(-(disc.inferior @ rim))


def test_the_nucleus_of_an_ellipse_is_a_smaller_ellipse():
    assert nucleus_radius(ELLIPSE, 0.45) == pytest.approx(np.sqrt(0.45))


@pytest.mark.parametrize("name", NAMES)
def test_every_built_in_disc_is_valid(name):
    disc = load_disc(name, "coarse")
    determinants = np.asarray(jacobian_determinants(disc.topology, disc.coordinates))
    assert determinants[:, disc.tissue_of_element != VOID].min() > 0.0
    measures = measure(disc)
    assert measures.volume > 0.0
    assert measures.smallest_element > 0.5
    # The supplied nodes and the free ones together are all nodes; nothing is both.
    assert not (disc.layout.endplate_nodes & disc.layout.annulus_nodes).any()


# Height (bone to bone, healthy), width, depth: the tables of mechanics_imaging 1.2 and 1.3.
PUBLISHED = {
    "human/L1-L2": (9.0, 44.0, 32.0),
    "human/L2-L3": (10.2, 46.0, 33.0),
    "human/L3-L4": (11.2, 48.0, 34.0),
    "human/L4-L5": (12.0, 50.0, 35.0),
    "human/L5-S1": (11.3, 50.0, 34.0),
    "mouse/lumbar": (0.30, 1.8, 1.2),
    "mouse/tail": (0.25, 1.5, 1.4),
    "rat/lumbar": (0.9, 4.0, 3.0),
    "rat/tail": (0.95, 3.9, 3.6),
    "rabbit/lumbar": (1.8, 11.5, 7.5),
    "dog/lumbar": (3.0, 20.0, 13.0),
    "goat/lumbar": (5.0, 27.0, 18.0),
    "sheep/lumbar": (4.5, 30.0, 21.0),
    "pig/lumbar": (5.0, 37.0, 26.0),
    "minipig/lumbar": (5.0, 30.0, 20.0),
    "cow/tail": (8.0, 28.0, 28.0),
}


@pytest.mark.parametrize(("name", "sizes"), PUBLISHED.items(), ids=PUBLISHED)
def test_sizes_are_the_published_ones(name, sizes):
    measures = measure(load_disc(name, "coarse"))
    assert measures.central_height == pytest.approx(sizes[0])
    # The corners of the outline polygon lie outside the curve, so that its area is right: up to 1 % on the coarse mesh of 32 sides.
    assert measures.width == pytest.approx(sizes[1], rel=0.01)
    assert measures.depth == pytest.approx(sizes[2], rel=0.01)


def test_generic_disc_has_the_published_volumes():
    measures = measure(load_disc("human/L4-L5-generic", "standard"))
    # Table 1.1 of mechanics_imaging with its tolerances (1.6): volume 1 %, wedge 0.3 degrees, nucleus fraction 0.01; endplate 10 %.
    assert measures.volume == pytest.approx(19.5727, rel=0.01)
    assert measures.volumes["nucleus"] == pytest.approx(8.1334, rel=0.01)
    assert measures.volumes["endplate"] == pytest.approx(1.2926, rel=0.10)
    assert measures.wedge == pytest.approx(4.69, abs=0.3)
    assert measures.nucleus_area_fraction == pytest.approx(0.4313, abs=0.01)
    assert measures.nucleus_offset == pytest.approx(2.044, rel=0.01)
    assert measures.outline_area == pytest.approx(1519.471, rel=2e-3)  # polygon of 56 sides with the area of the circle


def test_grade_lowers_the_heights_and_leaves_the_cartilage():
    healthy = measure(load_disc("human/L4-L5", "coarse"))
    factors = {1: 1.0, 2: 1.0, 3: 0.95, 4: 0.80, 5: 0.55}  # ruling 5
    for grade, factor in factors.items():
        graded = measure(load_disc(f"human/L4-L5/grade{grade}", "coarse"))
        assert graded.central_height == pytest.approx(factor * healthy.central_height)
        assert graded.volume == pytest.approx(factor * healthy.volume)
        assert graded.volumes["endplate"] == pytest.approx(healthy.volumes["endplate"])


def test_human_cartilage_endplate_follows_its_law():
    disc = load_disc("human/L4-L5", "coarse")
    thickness = np.asarray(disc.supply.endplate_thickness)
    assert thickness.min() == pytest.approx(0.54, abs=1e-9)  # at the centre; ruling 5
    assert thickness.max() == pytest.approx(0.86)
    column = disc.topology.endplate_ring[0]
    plate = disc.topology.plan.plate
    assert float(disc.coordinates[column, plate, 2] - disc.coordinates[column, 0, 2]) == pytest.approx(0.86)
    assert measure(disc).endplate_thickness == pytest.approx(0.646, rel=5e-3)  # mesh mean of ruling 5


def test_cow_endplate_is_the_human_one_scaled_with_height():
    thickness = np.asarray(load_disc("cow/tail", "coarse").supply.endplate_thickness)
    assert thickness.min() == pytest.approx(0.54 * 8.0 / 12.0)  # ruling 37
    assert thickness.max() == pytest.approx(0.86 * 8.0 / 12.0)


def test_a_disc_is_mirror_symmetric():
    disc = load_disc("human/L3-L4/grade4", "coarse")
    points = np.asarray(disc.coordinates)[:, disc.topology.levels // 2, :]
    mirrored = points * np.array([-1.0, 1.0, 1.0])
    distance = np.linalg.norm(points[:, None] - mirrored[None], axis=2).min(axis=1)
    assert distance.max() < 1e-9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nucleus_offset": 0.2}, "folds"),
        ({"posterior_height": 1.0}, "lowest point"),
        ({"nucleus_area_fraction": 0.8}, "does not fit inside the endplate ring"),
    ],
)
def test_impossible_shapes_are_refused_with_the_reason(changes, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        check_map(disc_map(HUMAN, dataclasses.replace(SIZES, **changes)), 0.15, "mine.yaml")
    assert caught.value.where == "mine.yaml"
    assert caught.value.allowed
    assert caught.value.remedy


def test_validity_reports_the_smallest_height():
    assert validity(disc_map(HUMAN, SIZES))[1] == pytest.approx(7.5)  # the posterior rim, which is on the grid
