"""Plots: what they draw, what they say in words, what is saved, and what is refused."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Polygon

from pulposus.errors import InvalidInput
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._plot_canvas import (
    DISCLAIMER,
    DOTS_PER_INCH,
    FORMATS,
    INK,
    PAPER,
    POOL,
    PREDICTION,
    SOFT,
    STUDY,
    description,
    plot_bytes,
    save_plot,
)
from pulposus.evidence._plot_scale import Scale, scale
from pulposus.evidence._plots_forest import ForestRow, cumulative_plot, forest_plot, forest_rows, p_text
from pulposus.evidence._plots_funnel import funnel_plot
from pulposus.evidence._plots_time import Course, outcome_over_time_plot
from pulposus.evidence._sensitivity import cumulative, subgroups
from pulposus.evidence._small_study import begg_test, egger_test, trim_and_fill

YI = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861]
VI = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069]
LABELS = ["Aronson", "Ferguson", "Rosenthal", "Hart", "Frimodt-Moller", "Stein"]
GROUPS = ["a", "a", "a", "b", "b", "b"]
COURSES = [
    Course("Orozco 2011", "cells", (3.0, 12.0), (-35.0, -49.0), (-50.0, -64.0), (-20.0, -34.0)),
    Course("VAST saline", "control", (3.0, 12.0), (-22.0, -30.5), (math.nan, math.nan), (math.nan, math.nan)),
    Course("registry", "other", (0.0, 24.0), (0.0, -12.0)),
]


@pytest.fixture(scope="module")
def pool():
    return meta_analysis(YI, VI, labels=LABELS)


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts] + [text.get_text() for text in figure.texts]


def test_forest_plot_prints_every_study_the_pool_and_the_use(pool) -> None:
    figure = forest_plot(
        forest_rows(pool, columns=[(str(n),) for n in range(6)]),
        pool,
        scale_name="log",
        title="BCG",
        x_label="Risk ratio",
        favours=("vaccine", "control"),
        column_heads=("n",),
        footnote="six trials",
    )
    printed = texts(figure)
    assert set(LABELS) <= set(printed) and DISCLAIMER in printed and "six trials" in printed and "BCG" in printed
    assert "0.41 [0.13, 1.26]" in printed and f"{pool.weights[0]:.1f}%" in printed
    assert "95% prediction interval" in printed and "Random effects, REML, Knapp-Hartung (k = 6)" in printed
    assert any(text.startswith("Heterogeneity: Q = ") and "τ²" in text for text in printed)
    assert "← vaccine" in printed and "control →" in printed


def test_squares_grow_with_weight_and_the_diamond_is_the_interval(pool) -> None:
    axes = forest_plot(forest_rows(pool), pool, limits=(-4.0, 4.0)).axes[0]
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    sizes = [line.get_markersize() for line in squares]
    assert np.argsort(sizes).tolist() == np.argsort(pool.weights).tolist()
    (diamond,) = [patch for patch in axes.patches if isinstance(patch, Polygon)]
    corners = diamond.get_xy()[:, 0]
    assert (corners.min(), corners.max()) == pytest.approx((pool.ci_low, pool.ci_high), rel=1e-12)
    (bar,) = [line for line in axes.lines if line.get_color() == PREDICTION]
    assert tuple(bar.get_xdata()) == pytest.approx((pool.prediction_low, pool.prediction_high), rel=1e-12)


def test_what_lies_beyond_the_axis_ends_in_an_arrow(pool) -> None:
    axes = forest_plot(forest_rows(pool), pool, limits=(-1.2, -0.3)).axes[0]
    markers = {line.get_marker() for line in axes.lines}
    assert {"<", ">"} <= markers
    # Outcomes beyond the axis draw no square.
    inside = sum(-1.2 <= y <= -0.3 for y in YI)
    assert sum(line.get_marker() == "s" for line in axes.lines) == inside
    far = forest_plot([ForestRow("far", 5.0, 4.0, 6.0)], None, limits=(-1.0, 1.0)).axes[0]
    assert not [line for line in far.lines if line.get_color() == STUDY]


def test_subgroups_have_hollow_diamonds_and_a_test(pool) -> None:
    figure = forest_plot(forest_rows(pool, groups=GROUPS), pool, subgroups=subgroups(pool, GROUPS))
    diamonds = [patch for patch in figure.axes[0].patches if isinstance(patch, Polygon)]
    assert [patch.get_facecolor()[:3] == (1.0, 1.0, 1.0) for patch in diamonds] == [True, True, False]
    assert any(text.startswith("Difference between subgroups: Q = ") for text in texts(figure))
    assert "Subgroup a:" in description(figure) and "Subgroup b:" in description(figure)


def test_a_fixed_pool_has_no_prediction_bar() -> None:
    fixed = meta_analysis(YI, VI, method="FE", test="z")
    figure = forest_plot(forest_rows(fixed), fixed, reference=None)
    assert "95% prediction interval" not in texts(figure) and "Prediction" not in description(figure)
    assert "Fixed effects, FE, normal test (k = 6)" in texts(figure)
    assert not any("τ²" in text for text in texts(figure))


def test_a_subgroup_of_one_study_is_named_so() -> None:
    three = meta_analysis(YI[:3], VI[:3], test="z")
    groups = ["a", "a", "b"]
    assert "one study" in texts(
        forest_plot(forest_rows(three, groups=groups), three, subgroups=subgroups(three, groups))
    )


def test_rows_without_an_interval_still_have_an_axis() -> None:
    axes = forest_plot([ForestRow("one", 0.0, 0.0, 0.0)], None).axes[0]
    low, high = axes.get_xlim()
    assert low < 0.0 < high


def test_cumulative_plot_adds_study_by_study(pool) -> None:
    figure = cumulative_plot(cumulative(pool), x_label="log risk ratio")
    assert "Aronson" in texts(figure) and "+ Stein" in texts(figure) and "6" in texts(figure)
    assert "Forest plot of log risk ratio: 6 rows." in description(figure)


def test_description_holds_the_numbers(pool) -> None:
    words = description(forest_plot(forest_rows(pool), pool, x_label="log risk ratio"))
    assert "Aronson −0.89 [−2.01, 0.23]." in words
    assert (
        f"Pool of 6: −{abs(pool.estimate):.2f}" in words and "Prediction interval" in words and "Heterogeneity" in words
    )


def test_funnel_plot_shows_studies_filled_studies_and_contours(pool) -> None:
    filled = trim_and_fill(pool, side="right")
    figure = funnel_plot(pool, filled=filled, test=egger_test(pool), x_label="log risk ratio", title="BCG")
    axes = figure.axes[0]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert list(points[0].get_xdata()) == pytest.approx(YI) and list(points[0].get_ydata()) == pytest.approx(
        np.sqrt(VI)
    )
    assert len(points[1].get_xdata()) == filled.missing
    assert axes.get_ylim()[1] == 0.0 and axes.get_ylim()[0] > max(np.sqrt(VI))
    assert len(axes.collections) == 6
    assert f"Trim and fill adds {filled.missing} studies on the right" in description(
        figure
    ) and "t(4) = " in description(figure)


def test_funnel_plot_without_contours_or_with_a_rank_test(pool) -> None:
    figure = funnel_plot(pool, contours=False, test=begg_test(pool))
    assert not figure.axes[0].collections and "tau = " in description(figure)
    mixed = egger_test(meta_analysis(YI, VI, test="z"), model="mixed")
    assert "z = " in description(funnel_plot(pool, test=mixed))
    plain = description(funnel_plot(pool))
    assert plain.startswith("Funnel plot of outcome: 6 studies") and "Trim" not in plain


def test_the_funnel_holds_what_sampling_error_alone_would_give(pool) -> None:
    axes = funnel_plot(pool).axes[0]
    sides = [line for line in axes.lines if line.get_linestyle() == "--" and line.get_color() == POOL]
    depth = axes.get_ylim()[0]
    ends = sorted(line.get_xdata()[1] for line in sides)
    assert ends == pytest.approx([pool.estimate - 1.959964 * depth, pool.estimate + 1.959964 * depth], rel=1e-6)


def test_outcome_over_time_names_every_arm_and_the_smallest_change() -> None:
    figure = outcome_over_time_plot(
        COURSES,
        smallest_change=-15.0,
        smallest_change_text="15 mm (Ostelo 2008)",
        title="Pain",
        y_label="VAS, mm",
        footnote="bars: 95 %",
    )
    printed = texts(figure)
    assert {"Orozco 2011", "VAST saline", "registry"} <= set(printed)
    assert "Orozco 2011 (cells): -49 at 12 months." in description(figure)
    assert "2 of 3 end beyond the smallest important change of -15." in description(figure)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["cells", "control", "other", "15 mm (Ostelo 2008)"]


def test_times_are_where_they_are() -> None:
    """Arms stand aside by points on paper, not in months; every course starts at no change."""
    figure = outcome_over_time_plot(COURSES[:2])
    lines = [
        line for line in figure.axes[0].lines if line.get_linestyle() in {"-", "--"} and len(line.get_xdata()) == 3
    ]
    assert [list(line.get_xdata()) for line in lines] == [[0.0, 3.0, 12.0]] * 2
    assert list(lines[0].get_ydata()) == [0.0, -35.0, -49.0]
    assert figure.axes[0].get_xlabel() == "Months after treatment" and figure.axes[0].get_xscale() == "linear"
    low, high = figure.axes[0].get_ylim()
    assert low < -64.0 and high > 0.0
    long = outcome_over_time_plot([Course("Centeno 2017", "cells", (3.0, 72.0), (-10.0, -19.0))]).axes[0]
    assert "square-root" in long.get_xlabel() and 60.0 in long.get_xticks()


def test_names_at_the_ends_do_not_cover_each_other() -> None:
    courses = [Course(f"study {number}", "cells", (12.0,), (-30.0 - 0.01 * number,)) for number in range(9)]
    figure = outcome_over_time_plot(courses)
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    heights = sorted(text.xyann[1] for text in axes.texts if text.get_text().startswith("study"))
    assert min(np.diff(heights)) >= 0.0419 * (high - low)
    assert "important" not in description(figure)
    faces = [line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o"]
    assert faces[8] == PAPER and PAPER not in faces[:8]


def test_scales() -> None:
    log, logit, linear = scale("log", 2), scale("logit", 3), scale("linear", 1)
    assert (log.text(math.log(0.5)), logit.text(0.0), linear.text(-3.04)) == ("0.50", "0.500", "−3.0")
    assert linear.text(-0.01) == "0.0" and linear.text(0.0) == "0.0"
    places, shown = log.ticks(math.log(0.05), math.log(3.0))
    assert shown[0] == "0.05" and places[0] == pytest.approx(math.log(0.05))
    assert len(log.ticks(-8.0, 8.0)[0]) <= 8 and logit.ticks(-3.0, 3.0)[1][0] == "0.05"
    assert linear.ticks(-20.0, 40.0)[1][0] == "−20"
    with pytest.raises(InvalidInput, match="the scale 'sqrt' is not known"):
        scale("sqrt", 2)


def test_p_values_as_readers_expect_them() -> None:
    assert [p_text(p) for p in (1e-9, 0.0123, 0.54)] == ["p < 0.0001", "p = 0.0123", "p = 0.54"]


@pytest.mark.parametrize("kind", FORMATS)
def test_saved_plots_are_identical_and_carry_their_description(pool, kind: str, tmp_path: Path) -> None:
    figures = [forest_plot(forest_rows(pool), pool, title="A < B") for _ in range(2)]
    file = save_plot(figures[0], tmp_path / "deep" / f"forest.{kind}")
    content = file.read_bytes()
    assert content == plot_bytes(figures[1], kind)
    if kind == "svg":
        assert b'role="img" aria-label="Forest plot of A &lt; B: 6 rows.' in content and b"<dc:date>" not in content
    else:
        width, height = struct.unpack(">II", content[16:24])
        assert content.startswith(b"\x89PNG") and b"Forest plot of A < B" in content
        assert width == pytest.approx(figures[0].get_figwidth() * DOTS_PER_INCH, abs=1.0) and height > 300


def test_text_is_dark_enough_on_white() -> None:
    """Contrast of at least 4.5 to 1 for text and 3 to 1 for marks (WCAG 2.1, 1.4.3 and 1.4.11)."""

    def contrast(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255.0 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)

    assert all(contrast(colour) >= 4.5 for colour in (INK, SOFT))
    assert all(contrast(colour) >= 3.0 for colour in (STUDY, POOL, PREDICTION))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: forest_plot([], r), "there is nothing to draw"),
        (lambda r: forest_plot(forest_rows(r), r, column_heads=("n",)), "Aronson has 0 columns for 1 heads"),
        (lambda r: forest_plot(forest_rows(r), r, subgroups=subgroups(r, GROUPS)), "Aronson is in no subgroup"),
        (lambda r: funnel_plot(meta_analysis(YI, VI, moderators={"x": np.arange(6.0)})), "the model has moderators"),
        (lambda r: outcome_over_time_plot([]), "there is nothing to draw"),
        (lambda r: outcome_over_time_plot([Course("one", "sham", (1.0,), (0.0,))]), "the arm 'sham' is not known"),
        (lambda r: outcome_over_time_plot([Course("one", "cells", (1.0,), ())]), "differ in number"),
        (
            lambda r: outcome_over_time_plot([Course("one", "cells", (1.0,), (math.nan,))]),
            "a time or a change is missing",
        ),
        (lambda r: outcome_over_time_plot([Course("one", "cells", (0.0,), (1.0,))]), "no time is after the treatment"),
        (lambda r: plot_bytes(forest_plot(forest_rows(r), r), "pdf"), "plots are not written as 'pdf'"),
    ],
)
def test_bad_input_is_one_clear_message(pool, call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InvalidInput, match=message):
        call(pool)


def test_a_scale_is_a_value() -> None:
    assert Scale("log", 2) == scale("log", 2)
