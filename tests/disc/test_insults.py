"""Acute insults, each an operation from a disc to a disc (cells_matrix 3)."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from pulposus.disc import (
    AnnularPuncture,
    Discectomy,
    EndplateFracture,
    EnzymaticDigestion,
    Herniation,
    Nucleotomy,
    RadialFissure,
    SuperficialAnnularLesion,
    apply_insult,
    apply_insults,
    lesion_of,
    load_disc,
    stack_discs,
)
from pulposus.disc._insult_effects import extruded_share
from pulposus.disc._insult_site import entry_angle
from pulposus.disc._layout import ANNULUS, NUCLEUS
from pulposus.disc._places import nucleus_volume
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput
from pulposus.mesh import node_volumes


@pytest.fixture(scope="module")
def disc():
    return load_disc("human/L4-L5/grade3", "coarse")


def puncture(**keys) -> AnnularPuncture:
    return AnnularPuncture.model_validate({"kind": "annular-puncture", **keys})


NUCLEOTOMY = Nucleotomy(kind="nucleotomy", removed_fraction=0.4)
FISSURE = RadialFissure.model_validate({"kind": "radial-fissure", "width": "4 mm"})
FRACTURE = EndplateFracture.model_validate(
    {"kind": "endplate-fracture", "face": "superior", "radius": "5 mm", "x": "2 mm"}
)


def volumes(disc, code: int | None = None) -> np.ndarray:
    tissue = disc.tissue_of_element
    inside = tissue >= 0 if code is None else tissue == code
    return np.asarray(node_volumes(disc.topology, disc.coordinates, inside.astype(float)))


def removed(disc, before: float = 1.0) -> float:
    """Volume that left a disc [mm3]."""
    return float((volumes(disc) * (before - np.asarray(disc.lesion.matrix_left))).sum())


@pytest.mark.parametrize("resolution", ["coarse", "standard"])
@pytest.mark.parametrize("fraction", [0.2, 0.6])
def test_the_asked_share_of_the_nucleus_leaves_on_every_mesh(resolution, fraction, parameters):
    disc = load_disc("human/L4-L5/grade3", resolution)
    injured = apply_insult(disc, Nucleotomy(kind="aspiration", removed_fraction=fraction), parameters)
    # Sums of 5,000 to 15,000 nodes.
    assert removed(injured) == pytest.approx(1e3 * fraction * nucleus_volume(disc), rel=1e-12)
    assert float((volumes(disc) * np.asarray(injured.lesion.void)).sum()) == pytest.approx(removed(injured), rel=1e-12)
    assert not np.asarray(injured.lesion.lost)[:2].any()
    assert float(injured.lesion.track_weight) == 2.5
    assert not np.asarray(injured.lesion.lost)[:, volumes(disc, NUCLEUS) == 0.0].any()


def test_a_second_removal_takes_its_share_of_what_is_left(disc, parameters):
    twice = apply_insults(disc, (FISSURE, NUCLEOTOMY, _herniation("0.5 mL")), parameters)
    once = apply_insults(disc, (FISSURE, NUCLEOTOMY), parameters)
    assert removed(twice) - removed(once) == pytest.approx(500.0, rel=1e-12)
    assert float((volumes(disc) * np.asarray(twice.lesion.lost)[0]).sum()) == pytest.approx(500.0, rel=1e-12)


def _herniation(volume: str, **keys) -> Herniation:
    return Herniation.model_validate({"kind": "herniation", "volume": volume, **keys})


def test_a_thicker_needle_does_more_harm(parameters):
    """Rat tail: 18 and 21 gauge clearly, 25 less (validation row 27, direction only)."""
    disc = load_disc("rat/tail", "coarse")
    harm = [apply_insult(disc, puncture(needle_gauge=gauge), parameters).lesion for gauge in (18, 21, 25)]
    whole = volumes(disc)
    for measure in (
        lambda one: float((whole * (1.0 - np.asarray(one.matrix_left))).sum()),
        lambda one: float((whole * (1.0 - np.asarray(one.live_cells_left))).sum()),
        lambda one: float((whole * np.asarray(one.fissure)).sum()),
        lambda one: float((whole * (1.0 - np.asarray(one.order_left))).sum()),
        lambda one: 1.0 - float(one.nucleus_pressure_factor),
    ):
        thick, middle, thin = (measure(lesion) for lesion in harm)
        assert thick > middle > thin > 0.0


def test_the_extrusion_law_meets_the_printed_ends(parameters):
    sheet = Sheet(parameters, 1)
    # Nominal diameters of gauge 14 and 34.
    assert extruded_share(2.108, 1.0, sheet) == pytest.approx(0.15, rel=1e-12)
    assert extruded_share(0.1842, 1.0, sheet) == pytest.approx(0.02, rel=1e-12)
    assert extruded_share(0.0, 1.0, sheet) == 0.0
    assert extruded_share(5.0, 1.0, sheet) == pytest.approx(0.15, rel=1e-12)


def test_a_needle_counts_for_less_in_a_higher_disc(parameters):
    sheet = Sheet(parameters, 1)
    rabbit, human = (extruded_share(0.718, height, sheet) for height in (1.8, 10.8))
    assert human == pytest.approx(rabbit / 6.0, rel=1e-12)


def test_a_track_has_the_volume_of_its_needle(disc, parameters):
    lesion = apply_insult(disc, puncture(needle_gauge=18, depth="20 mm"), parameters).lesion
    radius = 0.5 * 1.270
    track = float((volumes(disc) * np.asarray(lesion.fissure)).sum())
    # It enters through a curved rim: its outer end is known to within one radius.
    assert track == pytest.approx(np.pi * radius**2 * 20.0, abs=np.pi * radius**3)
    # Order falls by 0.7 of the track, cells die by 0.9 of the track and 0.2 mm around it.
    order = float((volumes(disc) * (1.0 - np.asarray(lesion.order_left))).sum())
    assert order == pytest.approx(0.7 * track, rel=1e-12)
    killed = float((volumes(disc) * np.asarray(lesion.killed)).sum())
    assert killed == pytest.approx(0.9 * np.pi * (radius + 0.2) ** 2 * 20.0, abs=np.pi * (radius + 0.2) ** 3)
    assert float(lesion.acute) == 1.0
    assert float(lesion.track_weight) == 1.0
    np.testing.assert_allclose(lesion.trauma_until, [3.0, 0.0, 0.0])
    assert float(lesion.trauma_at(0.0).max()) == 1.0


def test_no_needle_changes_no_bit(disc, parameters):
    same = apply_insult(disc, puncture(needle_diameter="0 mm"), parameters)
    for mine, other in zip(jax.tree.leaves(disc), jax.tree.leaves(same), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_left_mirrors_right(disc, parameters):
    right, left = (
        apply_insult(disc, puncture(needle_gauge=14, side=side), parameters).lesion for side in ("right", "left")
    )
    section = np.asarray(disc.coordinates)[:, 0, :2]
    mirror = np.linalg.norm(section[:, None] * [-1.0, 1.0] - section[None], axis=-1).argmin(axis=1)
    for name in ("fissure", "killed", "order_left", "matrix_left"):
        # The mesh is symmetric to 1e-9 of its size.
        np.testing.assert_allclose(getattr(right, name), np.asarray(getattr(left, name))[mirror], atol=1e-8)
    assert not np.allclose(right.fissure, left.fissure)


def test_angles_of_the_approaches():
    assert entry_angle(puncture(needle_gauge=22), 45.0) == 45.0
    assert entry_angle(puncture(needle_gauge=22, approach="anterolateral", side="left"), 40.0) == -140.0
    assert entry_angle(puncture(needle_gauge=22, approach="anterior"), 45.0) == 180.0
    assert entry_angle(puncture(needle_gauge=22, angle="-0.5 rad"), 45.0) == pytest.approx(-28.6478897565)
    assert entry_angle(FISSURE, 45.0) == 0.0


def test_a_fracture_opens_one_endplate(disc, parameters):
    lesion = apply_insult(disc, FRACTURE, parameters).lesion
    opening = np.asarray(lesion.endplate_opening)
    assert not opening[0].any()
    assert opening[1].max() == pytest.approx(1.0, abs=0.02)  # sampling of the patch
    factor = np.asarray(lesion.endplate_permeability_factor)
    np.testing.assert_allclose(factor, 1.0 + 49.0 * opening, rtol=1e-14)
    nucleus = 1e3 * nucleus_volume(disc)
    lost = (volumes(disc) * np.asarray(lesion.lost)).sum(axis=(1, 2))
    np.testing.assert_allclose(lost, [0.0, 0.05 * nucleus, 0.0], rtol=1e-12)
    assert float((volumes(disc) * np.asarray(lesion.killed)).sum()) == pytest.approx(0.25 * nucleus, rel=1e-12)
    assert float(lesion.nucleus_pressure_factor) == pytest.approx(0.7, rel=1e-14)
    assert float(lesion.endplate_access) == 1.0
    assert float(lesion.track_weight) == 0.0
    assert float(lesion.trauma_at(8.9).max()) == 5.0
    assert not np.asarray(lesion.fissure).any()


def test_a_wound_stays_in_the_annulus(disc, parameters):
    wound = SuperficialAnnularLesion.model_validate({"kind": "superficial-annular-lesion", "approach": "lateral"})
    lesion = apply_insult(disc, wound, parameters).lesion
    fissure = float((volumes(disc) * np.asarray(lesion.fissure)).sum())
    # 3.5 mm wide and 3 mm deep, as in the minipig; on the lateral rim, whose arc within the tube is low: less than a quarter of a radius.
    assert fissure == pytest.approx(np.pi * 1.75**2 * 3.0, abs=np.pi * 1.75**3 / 4.0)
    assert not np.asarray(lesion.fissure)[volumes(disc, ANNULUS) == 0.0].any()
    np.testing.assert_array_equal(lesion.matrix_left, 1.0)
    np.testing.assert_array_equal(lesion.live_cells_left, 1.0)
    np.testing.assert_array_equal(lesion.trauma, 0.0)
    assert float(lesion.full_fissure) == 0.0


def test_a_fissure_crosses_the_annulus_only(disc, parameters):
    lesion = apply_insult(disc, FISSURE, parameters).lesion
    fissure = np.asarray(lesion.fissure)
    assert not fissure[volumes(disc, ANNULUS) == 0.0].any()
    posterior = np.asarray(disc.coordinates)[..., 1] < 0.0
    assert fissure[posterior].any()
    assert not fissure[~posterior].any()
    assert float(lesion.full_fissure) == float(lesion.vascular_ingrowth) == 1.0
    assert float(lesion.track_weight) == 2.0
    np.testing.assert_array_equal(lesion.matrix_left, 1.0)


def test_a_discectomy_opens_and_empties(disc, parameters):
    operation = Discectomy.model_validate({"kind": "sequestrectomy", "opening": "5 mm", "removed_fraction": 0.1})
    injured = apply_insult(disc, operation, parameters)
    assert removed(injured) == pytest.approx(100.0 * nucleus_volume(disc), rel=1e-12)
    assert np.asarray(injured.lesion.lost)[2].any()
    assert float(injured.lesion.full_fissure) == 1.0
    assert float(injured.lesion.track_weight) == 2.5
    assert float(injured.lesion.trauma_at(13.9).max()) == 3.0
    assert removed(apply_insult(disc, operation.model_copy(update={"removed_fraction": None}), parameters)) == (
        pytest.approx(175.0 * nucleus_volume(disc), rel=1e-12)
    )


def test_a_herniation_needs_a_way_out(disc, parameters):
    with pytest.raises(InvalidInput, match="no full fissure") as caught:
        apply_insult(disc, _herniation("0.5 mL"), parameters)
    assert "radial-fissure" in caught.value.remedy
    torn = apply_insult(disc, _herniation("0.5 mL", tears_annulus=True, width="3 mm"), parameters)
    after_a_fissure = apply_insults(disc, (FISSURE, _herniation("0.5 mL")), parameters)
    for one in (torn, after_a_fissure):
        assert removed(one) == pytest.approx(500.0, rel=1e-12)
        assert float(one.lesion.macrophages) == 1.0
        assert float(one.lesion.full_fissure) == 1.0
        assert np.asarray(one.lesion.lost)[0].any()


def test_an_enzyme_spares_the_cells(disc, parameters):
    enzyme = EnzymaticDigestion(kind="enzymatic", aggrecan_left=0.3, agent="chondroitinase ABC")
    lesion = apply_insult(disc, enzyme, parameters).lesion
    np.testing.assert_array_equal(lesion.live_cells_left, 1.0)
    np.testing.assert_array_equal(lesion.matrix_left, 1.0)
    column, level = disc.topology.centre
    assert float(lesion.aggrecan_left[column, level]) == pytest.approx(0.3, rel=1e-14)
    np.testing.assert_array_equal(np.asarray(lesion.aggrecan_left)[volumes(disc, NUCLEUS) == 0.0], 1.0)


def test_no_share_leaves_zero_to_one_even_where_a_needle_fills_the_disc(parameters):
    disc = load_disc("mouse/tail", "coarse")
    lesion = apply_insults(disc, (puncture(needle_gauge=18), puncture(needle_gauge=20, side="left")), parameters).lesion
    for name in ("matrix_left", "killed", "fissure", "order_left", "void", "aggrecan_left"):
        values = np.asarray(getattr(lesion, name))
        assert values.min() >= 0.0
        assert values.max() <= 1.0


def test_the_lesion_of_one_insult_composes_to_that_of_the_disc(disc, parameters):
    np.testing.assert_array_equal(
        lesion_of(disc, NUCLEOTOMY, parameters).lost, apply_insult(disc, NUCLEOTOMY, parameters).lesion.lost
    )


def test_the_disc_says_what_happened_and_with_which_numbers(disc, parameters):
    injured = apply_insult(disc, FRACTURE, parameters)
    assert injured.description.text.endswith("; endplate-fracture")
    names = [value.name for value in injured.description.values]
    assert "permeability of the fracture" in names
    assert len(names) == len(set(names[len(disc.description.values) :])) + len(disc.description.values)


@pytest.mark.parametrize(
    "insult",
    [
        puncture(needle_gauge=30),
        NUCLEOTOMY,
        FRACTURE,
        FISSURE,
        SuperficialAnnularLesion(kind="superficial-annular-lesion"),
        EnzymaticDigestion(kind="enzymatic"),
    ],
    ids=lambda insult: insult.kind,
)
def test_every_insult_acts(disc, parameters, insult):
    assert not bool(disc.lesion.acts)
    assert bool(apply_insult(disc, insult, parameters).lesion.acts)


def test_injured_discs_stack(disc, parameters):
    batch = stack_discs([disc, apply_insult(disc, FRACTURE, parameters), apply_insult(disc, NUCLEOTOMY, parameters)])
    assert batch.lesion.lost.shape == (3, *disc.lesion.lost.shape)
    assert not np.asarray(batch.lesion.lost)[0].any()
    with pytest.raises(InvalidInput, match="not to a batch"):
        apply_insult(batch, NUCLEOTOMY, parameters)


@pytest.mark.parametrize(
    ("insult", "what", "remedy"),
    [
        (
            puncture(needle_gauge=22, depth="2 mm"),
            "2 mm deep does not end in the nucleus",
            "superficial-annular-lesion",
        ),
        (puncture(needle_gauge=22, depth="80 mm"), "does not end in the nucleus", "depth"),
        (puncture(needle_diameter="90 mm"), "wider than the disc", "unit"),
        (
            SuperficialAnnularLesion.model_validate({"kind": "superficial-annular-lesion", "depth": "15 mm"}),
            "does not end in the annulus",
            "annular-puncture",
        ),
        (
            SuperficialAnnularLesion.model_validate({"kind": "superficial-annular-lesion", "depth": "38 mm"}),
            "does not end in the annulus",
            "depth",
        ),
        (FRACTURE.model_copy(update={"radius": 30.0}), "leaves the endplate", "radius"),
        (_herniation("30 mL", tears_annulus=True, width="3 mm"), "cannot leave", "volume"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(disc, parameters, insult, what, remedy):
    with pytest.raises(InvalidInput, match=what) as caught:
        apply_insult(disc, insult, parameters, "mine.yaml")
    assert caught.value.where == "mine.yaml"
    assert caught.value.allowed
    assert remedy in caught.value.remedy
