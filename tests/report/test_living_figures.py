"""Figures of signals, matrix and history."""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report import RunRecord
from pulposus.report._fate import native_cells
from pulposus.report._figure import Figure, canvas, compact_svg, time_axis
from pulposus.report._history import history_figure, insult_table
from pulposus.report._maps import matrix_map_figures
from pulposus.report._matrix_figures import difference_to_sham, drawn_series, drawn_unit, matrix_figures, matrix_table
from pulposus.report._matrix_rows import COLLAGEN_II_NUCLEUS, GLYCOSAMINOGLYCAN_NUCLEUS, Series, series
from pulposus.report._panels import LEAST_SPAN, steady_limits
from pulposus.report._picture import disc_picture
from pulposus.report._profile import axial_profiles
from pulposus.report._runs import native_share, runs
from pulposus.report._timelines import nutrition_timeline


def columns(figure: Figure) -> dict[str, list[str]]:
    text = base64.b64decode(figure.data.partition(",")[2]).decode("utf-8")
    rows = list(csv.reader(io.StringIO(text)))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


@pytest.fixture(scope="module")
def figures(living_record: RunRecord) -> dict[str, Figure]:
    history = history_figure(living_record)
    assert history is not None
    every = [*matrix_figures(living_record), *matrix_map_figures(living_record), history]
    return {figure.key: figure for figure in every}


def test_every_figure_says_what_it_is(figures: dict[str, Figure]) -> None:
    assert set(figures) == {
        "matrix-time", "signals-time", "function-time", "matrix-map-sagittal", "matrix-map-transverse", "history"
    }  # fmt: skip
    for figure in figures.values():
        assert figure.caption.startswith("Simulated. ")
        assert "n = 1" in figure.caption
        assert len(figure.alt) > 40
        assert figure.table.rows
        assert all(len(row) == len(figure.table.head) for row in figure.table.rows)
        assert base64.b64decode(figure.image.partition(",")[2]).startswith((b"<?xml", b"RIFF"))


def test_mechanics_has_a_figure_where_it_was_computed(living_record: RunRecord) -> None:
    """The supine height of the first and the last row; a number that was not found is left out."""
    rows = [dict(row) for row in living_record.matrix]
    last = max(row["time_day"] for row in rows)
    for row in rows:
        if row["time_day"] in (0.0, last):
            height = 9.0 if row["time_day"] == 0.0 else 8.9
            row["mechanics"] = {"height_mean_mm": height, "stiffness_N_per_mm": None, "height_evening_mm": height - 0.7}
    figures = {figure.key: figure for figure in matrix_figures(replace(living_record, matrix=rows))}
    data = columns(figures["mechanics-time"])
    assert set(data["quantity"]) == {"mechanics_height_mean_mm"}
    assert {(float(day), float(value)) for day, value in zip(data["time_day"], data["value"], strict=True)} == {
        (0.0, 9.0),
        (last, 8.9),
    }
    assert figures["mechanics-time"].table.rows[0][0] == "mean height"
    assert "off the whole disc" in figures["mechanics-time"].caption
    # A representative day stands in a figure of its own.
    assert set(columns(figures["day-time"])["quantity"]) == {"mechanics_height_evening_mm"}
    assert "nucleus or annulus" in figures["matrix-time"].caption


def test_the_data_of_a_figure_are_those_of_the_rows(figures: dict[str, Figure], living_record: RunRecord) -> None:
    data = columns(figures["matrix-time"])
    assert set(data["run"]) == {"with_cells", "without_cells", "native_course"}
    found = [
        float(value)
        for run, name, value in zip(data["run"], data["quantity"], data["value"], strict=True)
        if (run, name) == ("without_cells", "nucleus_glycosaminoglycan_mg_per_mL")
    ]
    line = series(living_record, "sham", GLYCOSAMINOGLYCAN_NUCLEUS)
    assert line is not None
    # Six printed digits.
    np.testing.assert_allclose(found, line.values, rtol=1e-5)


def test_two_runs_have_two_lines(living_record: RunRecord) -> None:
    pair = replace(living_record, native_course=None)
    assert [run.label for run in runs(pair)] == ["with cells", "without cells"]
    first = matrix_figures(pair)[0]
    assert first.table.head == ("quantity", "unit", "time", "with cells", "without cells")
    assert "native course" not in first.caption
    assert "native course" not in native_cells(pair).caption


def test_the_cells_of_the_fixture_raise_glycosaminoglycan(living_record: RunRecord) -> None:
    difference = difference_to_sham(living_record, GLYCOSAMINOGLYCAN_NUCLEUS)
    assert difference is not None
    # The fixture adds at most 1.1 mg/mL.
    assert 0.5 < difference < 1.1
    only = [row for row in living_record.matrix if row["run"] == "with_cells"]
    alone = replace(living_record, matrix=only)
    assert difference_to_sham(alone, GLYCOSAMINOGLYCAN_NUCLEUS) is None
    assert {row[-1] for row in matrix_table(alone).rows} == {"–"}
    assert {row[4] for row in matrix_figures(alone)[0].table.rows} == {"–"}


def test_collagen_is_drawn_in_percent_of_the_start(living_record: RunRecord) -> None:
    line = series(living_record, "with_cells", COLLAGEN_II_NUCLEUS)
    assert line is not None
    assert drawn_series(COLLAGEN_II_NUCLEUS, line).values[0] == 100.0
    assert drawn_series(GLYCOSAMINOGLYCAN_NUCLEUS, line) is line
    assert (drawn_unit(COLLAGEN_II_NUCLEUS), drawn_unit(GLYCOSAMINOGLYCAN_NUCLEUS)) == ("% of day 0", "mg/mL")


def test_the_table_has_start_year_end_and_difference(living_record: RunRecord) -> None:
    table = matrix_table(living_record)
    assert table.head == (
        "mean", "unit", "start, with cells",
        "day 365 (12 months), with cells", "day 365 (12 months), without cells", "day 365 (12 months), native course",
        "day 1,826 (60 months), with cells", "day 1,826 (60 months), without cells", "day 1,826 (60 months), native course",
        "with − without cells at the end",
    )  # fmt: skip
    first = table.rows[0]
    assert first[0] == "glycosaminoglycan, nucleus"
    line = series(living_record, "with_cells", GLYCOSAMINOGLYCAN_NUCLEUS)
    assert line is not None
    assert float(first[3]) == pytest.approx(line.at(365.25), abs=0.05)
    assert first[-1].startswith("+")
    # A run of a year has no column "after a year" beside its end.
    short = replace(living_record, matrix=[row for row in living_record.matrix if row["time_day"] <= 365.25])
    assert len(matrix_table(short).head) == 7


def test_a_cells_only_run_has_no_matrix(run_record: RunRecord) -> None:
    assert matrix_figures(run_record) == []
    assert matrix_map_figures(run_record) == []
    assert matrix_table(run_record).rows == ()
    assert len(disc_picture(run_record).table.rows) == 6


def test_maps_show_the_start_and_every_end(figures: dict[str, Figure], living_record: RunRecord) -> None:
    figure = figures["matrix-map-sagittal"]
    assert [row[1] for row in figure.table.rows[:4]] == [
        "day 0, with cells",
        "day 1,826 (60 months), with cells",
        "day 1,826 (60 months), without cells",
        "day 1,826 (60 months), native course",
    ]
    values = np.array(columns(figure)["glycosaminoglycan_mg_per_mL, day 0, with cells"], dtype=float)
    both = living_record.trajectory["aggrecan"] + living_record.trajectory["fragments"]
    # Six printed digits; the largest value of the fixture lies on the section.
    assert values.max() == pytest.approx(float(both[0].max()), rel=1e-5)


def test_picture_and_profiles_show_the_matrix(living_record: RunRecord, synthetic: SimpleNamespace) -> None:
    names = [row[0] for row in disc_picture(living_record).table.rows]
    assert names[6:] == ["glycosaminoglycan", "catabolic cytokine", "water fraction"]
    few = replace(living_record, trajectory=living_record.trajectory.drop_vars(["aggrecan", "cytokine"]))
    assert len(disc_picture(few).table.rows) == 7
    slab = synthetic.reduced(9, living_record)
    profiles = columns(axial_profiles(slab))
    assert "glycosaminoglycan_mg_per_mL, day 1,826 (60 months), native course" in profiles
    assert not [name for name in profiles if name.startswith("donor") and "native" in name]
    kept = slab.trajectory.drop_vars(["cytokine", "water_fraction"])
    assert len({row[0] for row in axial_profiles(replace(slab, trajectory=kept)).table.rows}) == 7


def test_nutrition_and_native_cells_have_the_native_course(living_record: RunRecord) -> None:
    assert "oxygen_nucleus_mean_native_course_kPa" not in columns(nutrition_timeline(living_record))
    assert "oxygen_kPa_nucleus_mean_native_course" in columns(nutrition_timeline(living_record))
    shares = native_share(living_record)
    assert list(shares) == ["with cells", "without cells", "native course"]
    data = columns(native_cells(living_record))
    assert float(data["native_alive_fraction_native_course"][-1]) == pytest.approx(
        shares["native course"][-1], rel=1e-5
    )


def test_history_ends_at_the_treatment(figures: dict[str, Figure], living_record: RunRecord) -> None:
    data = columns(figures["history"])
    days = [float(day) for day in data["time_day"]]
    assert (min(days), max(days)) == (-1826.25, 0.0)
    assert figures["history"].table.rows[0][2] == "1826 days before"
    assert "Dashed lines: injuries." in figures["history"].caption
    assert history_figure(replace(living_record, history=[])) is None
    assert history_figure(replace(living_record, history=[{"time_day": -1.0, "nucleus": None}])) is None
    healthy = history_figure(replace(living_record, insults=[]))
    assert healthy is not None
    assert "injuries" not in healthy.caption


def test_injuries_say_what_left_the_disc(living_record: RunRecord) -> None:
    nucleotomy, puncture = insult_table(living_record).rows
    assert nucleotomy == (
        "nucleotomy", "84 days before", "10 % of the nucleus removed through a 2 mm window",
        "31.5 mg", "24.0 mg", "2.90 million", "790 mm3", "out of the body",
    )  # fmt: skip
    assert puncture[1:] == ("with the treatment", "22 G needle", "–", "–", "–", "3.10 mm3", "–")


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        # Rounding noise is shown on 2 % of the value, 1.24 of it with the margins.
        ([50.0, 50.0 + 1e-9], 50.0 - 0.62 * LEAST_SPAN * 50.0, 50.0 + 0.62 * LEAST_SPAN * 50.0),
        ([10.0, 20.0], 8.8, 21.2),
        ([0.0, 0.0], -0.05, 1.0),
        ([-1.0, 1.0], -1.24, 1.24),
        ([0.0, 1.0], -0.0448, 1.12),
    ],
)
def test_limits_of_an_axis(values: list[float], low: float, high: float) -> None:
    # A handful of operations on doubles, and 1e-9 in the first case.
    assert steady_limits(np.array(values)) == pytest.approx((low, high), rel=1e-9)


def test_a_long_follow_up_names_its_first_year() -> None:
    days = [0.0, 1826.25]
    with canvas(3.0, 2.0) as drawn:
        axes = drawn.subplots()
        time_axis(axes, days, narrow=True)
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1 d", "7 d", "28 d", "12 mo", "5 y"]
        time_axis(axes, days)
        assert "24 mo" not in [tick.get_text() for tick in axes.get_xticklabels()]


def test_compact_drawings_keep_scales_and_lose_layout() -> None:
    text = '<svg>\n  <!-- a title -->\n  <path d="M 1.23456 7.5 \nL 3 4.001" transform="scale(0.015625)"/>\n</svg>'
    assert compact_svg(text) == '<svg><path d="M 1.23 7.5 L 3 4.00" transform="scale(0.015625)"/></svg>'


def test_series_are_not_changed_by_drawing() -> None:
    line = Series(np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    assert drawn_series(COLLAGEN_II_NUCLEUS, line).values.tolist() == [100.0, 150.0]
    assert line.values.tolist() == [2.0, 3.0]
