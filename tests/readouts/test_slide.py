"""Sections, stains, cells and scores of virtual histology (cells_matrix 8)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.parameters import ParameterSet
from pulposus.readouts import DiscView, Stain, graded_view, score_slide, slide_figure, thompson_grade
from pulposus.readouts._picture import png
from pulposus.readouts._score import crossing
from pulposus.readouts._section import Window, cut_section, magnified_window, whole_window
from pulposus.readouts._slide import (
    SlideConstants,
    draw_cells,
    expected_cells,
    paint,
    sample_cells,
    stain_amounts,
)
from pulposus.readouts._slide_figure import field_windows, scale_length, slide


@pytest.fixture(scope="module")
def constants(parameters: ParameterSet) -> SlideConstants:
    return SlideConstants.from_parameters(parameters)


def _nucleus(disc: DiscView, width: float = 2.0, pixels: int = 100) -> Window:
    return magnified_window(disc, -1.0, 0.5, width, pixels)


def test_a_section_holds_the_fields_of_the_disc(grades: list[DiscView]) -> None:
    """In the middle of the nucleus and of the annulus the composition is that of the grade table."""
    disc = grades[2]
    nucleus = cut_section(disc, _nucleus(disc))
    assert (nucleus.tissue == 0).all()
    np.testing.assert_allclose(nucleus.glycosaminoglycan, 45.0, rtol=1e-12)  # uniform in a tissue
    np.testing.assert_allclose(nucleus.collagen, 7.25 + 14.5, rtol=1e-12)
    annulus = cut_section(disc, magnified_window(disc, 0.6, 0.5, 1.0, 40))
    assert (annulus.tissue == 1).all()
    np.testing.assert_allclose(annulus.collagen, 130.0 + 35.0, rtol=1e-12)
    assert (np.diff(annulus.depth[0]) <= 0.0).all()  # from the front inward
    assert 0.4 < annulus.depth.mean() < 0.8


def test_the_whole_section_has_the_area_of_the_midline(grades: list[DiscView]) -> None:
    """Pixels of the disc times their area against the trapezoid over the columns of the midline: 1 % by the pixels of the edge."""
    disc = grades[0]
    window = whole_window(disc, 400, 1.5)
    section = cut_section(disc, window)
    line = np.abs(disc.reference[:, 0]) < 1e-9
    order = np.argsort(disc.section[line, 1])
    y, heights = disc.section[line, 1][order], (disc.faces[1] - disc.faces[0])[line][order]
    assert (section.tissue >= 0).sum() * window.pixel**2 == pytest.approx(np.trapezoid(heights, y), rel=0.01)
    assert section.anterior[0] == 1.0
    assert section.anterior[-1] == -1.0
    assert np.isinf(section.gap[:, 0]).all()  # outside the outline there is no bone
    assert (section.gap[0, 20:-20] > 0.0).all()


def test_number_of_cells_is_the_density_times_the_volume_of_the_section(
    grades: list[DiscView], constants: SlideConstants
) -> None:
    """3.6 million per mL in 4 by 3 mm and 5 um: 216 cells; clusters make the spread of the sum larger than Poisson's: 25 %."""
    disc = grades[3]
    section = cut_section(disc, _nucleus(disc, 4.0, 200))
    expected = 3.6e3 * 4.0 * 3.0 * 0.005
    assert expected_cells(section, constants).sum() == pytest.approx(expected, rel=1e-9)
    counts = [len(sample_cells(section, constants, seed).row) for seed in range(40)]
    # Mean of 40 slides: 216 (1 + 0.8 + ...) / 40 leaves 1.8 %; three of them.
    assert np.mean(counts) == pytest.approx(expected, rel=0.055)


def test_clusters_grow_with_senescence(grades: list[DiscView], constants: SlideConstants) -> None:
    """1 + Poisson(4 s): mean sizes 1.08 in grade I and 2.2 in V."""
    for disc, mean in ((grades[0], 1.08), (grades[4], 2.2)):
        section = cut_section(disc, _nucleus(disc, 4.0, 100))
        sizes = np.concatenate(
            [np.unique(sample_cells(section, constants, seed).cluster, return_counts=True)[1] for seed in range(25)]
        )
        assert sizes.mean() == pytest.approx(mean, rel=0.06)  # some 3,000 clusters: standard error 1 %


def test_donor_cells_and_ghosts_come_in_their_share(grades: list[DiscView], constants: SlideConstants) -> None:
    """A third native, a third donor, a third dead; 700 cells leave 2 %, three of them."""
    full, nothing = np.full_like(grades[0].fields["native"], 5.0), np.zeros_like(grades[0].fields["native"])
    fields = {**grades[0].fields, "native": full, "senescent": nothing, "attached": full, "dead": full}
    section = cut_section(replace(grades[0], fields=fields), _nucleus(grades[0], 4.0, 200))
    cells = sample_cells(section, constants, 3)
    assert cells.donor.mean() == pytest.approx(1.0 / 3.0, abs=0.06)
    assert cells.ghost.mean() == pytest.approx(1.0 / 3.0, abs=0.06)
    assert not (cells.donor & cells.ghost).any()


@pytest.mark.parametrize(
    ("stain", "name", "amount"),
    [
        (Stain.HE, "eosin", 0.55 * (2.8 + 17.5) / 165.0),
        (Stain.HE, "haematoxylin", 0.22),
        (Stain.SAFRANIN_O, "safranin", 0.95),
        (Stain.SAFRANIN_O, "fast_green", 0.50 * (2.8 + 17.5) / 165.0),
        (Stain.COLLAGEN_II, "diaminobenzidine", 0.42),
        (Stain.COLLAGEN_II, "haematoxylin", 0.06),
    ],
)
def test_stains_follow_the_composition(
    grades: list[DiscView], constants: SlideConstants, stain: Stain, name: str, amount: float
) -> None:
    """Grade I nucleus: 70 mg/mL glycosaminoglycan, 35 collagen II, 2.8 collagen I; in proportion, closed form."""
    section = cut_section(grades[0], _nucleus(grades[0]))
    np.testing.assert_allclose(stain_amounts(section, stain, constants)[name], amount, rtol=1e-12)


def _painted(disc: DiscView, parameters: ParameterSet, stain: Stain, **changes: bool) -> np.ndarray:
    return slide(disc, parameters, _nucleus(disc, 0.8, 120), stain, 1, **changes).astype(float)


def test_a_degenerated_nucleus_is_paler_in_safranin(grades: list[DiscView], parameters: ParameterSet) -> None:
    """Less glycosaminoglycan, less red taken from green and blue light; the red channel hardly changes."""
    pictures = [_painted(disc, parameters, Stain.SAFRANIN_O).mean(axis=(0, 1)) for disc in grades]
    green = [picture[1] for picture in pictures]
    assert green == sorted(green)
    assert pictures[0][0] > 2.0 * pictures[0][1]


def test_safranin_absorbs_by_beer_and_lambert(grades: list[DiscView], constants: SlideConstants) -> None:
    """Without cells and texture a pixel is 246 * 10^(-density): mean over a field with texture of 5 %, 3 grey values."""
    disc = replace(
        grades[0],
        fields={
            **grades[0].fields,
            "native": np.zeros_like(grades[0].fields["native"]),
            "senescent": np.zeros_like(grades[0].fields["native"]),
        },
    )
    section = cut_section(disc, _nucleus(disc, 2.0, 60))
    picture = paint(section, Stain.SAFRANIN_O, constants, np.zeros_like(section.depth), 1.0, 0)
    density = 0.95 * constants.stains["safranin"] + 0.5 * 20.3 / 165.0 * constants.stains["fast_green"]
    np.testing.assert_allclose(picture.mean(axis=(0, 1)), 246.0 * 10.0 ** (-density), atol=3.0)


def test_slides_are_seeded(grades: list[DiscView], parameters: ParameterSet) -> None:
    window = _nucleus(grades[3], 0.8, 120)
    one = slide(grades[3], parameters, window, Stain.HE, 5)
    np.testing.assert_array_equal(one, slide(grades[3], parameters, window, Stain.HE, 5))
    assert (one != slide(grades[3], parameters, window, Stain.HE, 6)).any()


def test_marked_donor_cells_are_green(grades: list[DiscView], parameters: ParameterSet) -> None:
    full = np.full_like(grades[0].fields["native"], 20.0)
    disc = replace(grades[2], fields={**grades[2].fields, "attached": full})
    plain = _painted(disc, parameters, Stain.SAFRANIN_O)
    marked = _painted(disc, parameters, Stain.SAFRANIN_O, mark_donor=True)
    changed = np.abs(marked - plain).max(axis=2) > 30.0
    assert changed.sum() > 20
    assert (marked[changed][:, 1] > marked[changed][:, 0]).mean() > 0.5


def test_fissures_open_and_needles_show(grades: list[DiscView], parameters: ParameterSet) -> None:
    """Gaps open above a fissure fraction of 0.3: a torn annulus is lighter."""
    torn = replace(grades[0], fields={**grades[0].fields, "fissure": np.full_like(grades[0].fields["fissure"], 0.95)})
    window = magnified_window(grades[0], 0.5, 0.5, 4.0, 160)
    whole, open_ = (slide(disc, parameters, window, Stain.HE, 2).astype(float) for disc in (grades[0], torn))
    assert (open_.min(axis=2) > 200).mean() > (whole.min(axis=2) > 200).mean() + 0.01


def test_order_shows_as_lamellae(grades: list[DiscView], parameters: ParameterSet) -> None:
    """The picture of an ordered annulus varies across the lamellae; that of a scar does not."""
    window = magnified_window(grades[0], 0.6, 0.5, 3.0, 150)
    scar = replace(
        grades[0], fields={**grades[0].fields, "annulus_order": np.full_like(grades[0].fields["fissure"], 0.2)}
    )
    spread = [
        slide(disc, parameters, window, Stain.HE, 2)[..., 1].astype(float).mean(axis=0).std()
        for disc in (grades[0], scar)
    ]
    assert spread[0] > 2.0 * spread[1]


def test_notochordal_cells_are_larger(parameters: ParameterSet, constants: SlideConstants) -> None:
    rabbit = graded_view(load_disc("rabbit/lumbar", "coarse", parameters), parameters)
    assert rabbit.notochordal
    section = cut_section(rabbit, _nucleus(rabbit, 0.5, 120))
    cells = sample_cells(section, constants, 0)
    cleared = []
    for notochordal in (False, True):
        density = np.ones((*section.tissue.shape, 3))
        draw_cells(density, cells, section.window, constants, notochordal=notochordal)
        cleared.append((density[..., 2] < 0.9).mean())
    assert cleared[1] > 2.0 * cleared[0]


def test_a_cell_at_the_edge_and_one_outside_do_not_matter(grades: list[DiscView], constants: SlideConstants) -> None:
    section = cut_section(grades[0], _nucleus(grades[0]))
    cells = sample_cells(section, constants, 0)
    far = replace(cells, row=cells.row + 1e4, column=cells.column + 1e4)
    density = np.ones((*section.tissue.shape, 3))
    draw_cells(density, far, section.window, constants)
    assert (density == 1.0).all()


def test_scores_rise_with_the_grade(grades: list[DiscView], parameters: ParameterSet) -> None:
    """0 in grade I, more than 12 of 16 in V; Thompson's grade is the grade."""
    scores = [score_slide(disc, parameters) for disc in grades]
    totals = [score.total for score in scores]
    assert totals[0] == 0
    assert totals == sorted(totals)
    assert totals[4] > 12
    assert [score.masuda for score in scores] == sorted(score.masuda for score in scores)
    assert scores[0].masuda == 4
    assert [thompson_grade(disc, parameters) for disc in grades] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("cells", "points"), [(0.39, 2), (0.41, 1), (0.74, 1), (0.76, 0), (1.29, 0), (1.31, 1), (1.99, 1), (2.01, 2)]
)
def test_limits_of_cellularity(grades: list[DiscView], parameters: ParameterSet, cells: float, points: int) -> None:
    """cells_matrix 8: 0.75-1.3 / 0.4-0.75 or 1.3-2 / below 0.4 or above 2."""
    disc = replace(
        grades[0], fields={**grades[0].fields, "native": np.full_like(grades[0].fields["native"], 3.6 * cells)}
    )
    item = score_slide(disc, parameters).items[2]
    assert item.item == "cells of the nucleus"
    assert item.score == points
    assert item.value == pytest.approx(cells, rel=1e-12)


def test_a_fissure_that_crosses_is_a_full_tear(grades: list[DiscView], parameters: ParameterSet) -> None:
    disc = grades[0]
    rho = np.hypot(*disc.reference.T)
    depth = (rho - disc.nucleus_radius) / (1.0 - disc.nucleus_radius)

    def torn(where: np.ndarray, value: float = 0.9) -> DiscView:
        field = np.where(where[:, None], value, 0.0) * np.ones(disc.coordinates.shape[:2])
        return replace(disc, fields={**disc.fields, "fissure": field})

    behind = (disc.reference[:, 1] < 0.0) & (np.abs(disc.reference[:, 0]) < 0.3)
    through, partial = torn(behind & (depth > -0.2)), torn(behind & (depth > 0.5))
    assert crossing(through, 0.3) == pytest.approx(1.0, abs=1e-9)
    assert 0.2 < crossing(partial, 0.3) < 0.7
    assert [
        score_slide(one, parameters).items[6].score
        for one in (disc, partial, through, torn(behind & (depth > -0.2), 0.5))
    ] == [0, 1, 2, 1]


def test_a_fractured_endplate_is_a_defect(grades: list[DiscView], parameters: ParameterSet) -> None:
    assert score_slide(replace(grades[0], endplate_fractured=True), parameters).items[7].score == 2
    assert [score_slide(disc, parameters).items[7].score for disc in grades] == [0, 0, 1, 1, 2]


def test_a_reader_errs_and_stays_in_range(grades: list[DiscView], parameters: ParameterSet) -> None:
    """Standard deviation 0.8 points: 400 readers leave 3.5 %, three of them."""
    read = np.array([score_slide(grades[3], parameters, seed).reader_total for seed in range(400)])
    assert (read - score_slide(grades[3], parameters).total).std() == pytest.approx(0.8, rel=0.11)
    healthy = np.array([score_slide(grades[0], parameters, seed).reader_total for seed in range(30)])
    assert healthy.min() == 0.0


def test_raw_fields_stand_beside_the_score(grades: list[DiscView], parameters: ParameterSet) -> None:
    document = score_slide(grades[1], parameters).as_dict()
    assert document["fields"]["nucleus_glycosaminoglycan_mg_per_mL"] == pytest.approx(60.0)
    assert document["fields"]["annulus_order"] == pytest.approx(0.95)
    assert document["items"][0]["item"] == "nucleus matrix area"


def test_the_figure_of_a_slide(grades: list[DiscView], parameters: ParameterSet) -> None:
    figure, facts = slide_figure(grades[3], parameters, Stain.COLLAGEN_II, 0, "a run", mark_donor=True)
    assert png(figure)[:4] == b"\x89PNG"
    assert facts["stain"] == "collagen-2"
    assert facts["simulated"]
    assert facts["pixel_um"]["nucleus"] == pytest.approx(2.0)
    assert len(field_windows(grades[3], parameters)) == 3


@pytest.mark.parametrize(("wide", "length"), [(36.0, 5.0), (0.84, 0.2), (3.7, 0.5), (4.1, 1.0)])
def test_scale_bars_are_round(wide: float, length: float) -> None:
    assert scale_length(wide) == pytest.approx(length)
