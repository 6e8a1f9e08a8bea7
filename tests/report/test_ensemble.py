"""The ensemble beside the run, and its drivers for several outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pulposus.report import RunRecord
from pulposus.report._ensemble import ensemble_label, is_outside, quantity_label, run_series
from pulposus.report._matrix_rows import ANNULUS_ORDER, GLYCOSAMINOGLYCAN_NUCLEUS, series
from pulposus.report._uncertainty import outcome_name, outcomes, uncertainty_figures


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("glycosaminoglycan_nucleus_mean", "glycosaminoglycan nucleus mean [mg/mL]"),
        ("glycosaminoglycan_gain_over_sham", "glycosaminoglycan gain over sham [mg/mL]"),
        ("collagen_II_nucleus_mean", "collagen II nucleus mean [mg/mL]"),
        ("cytokine_nucleus_mean", "cytokine nucleus mean [-]"),
        ("water_nucleus_mean", "water nucleus mean [-]"),
        ("annulus_order_mean", "annulus order mean [-]"),
        ("growth_factor_nucleus_mean", "growth factor nucleus mean [ng/mL]"),
        ("fixed_charge_density_nucleus_mean", "fixed charge density nucleus mean [mEq/mL]"),
        ("something_else", "something else"),
    ],
)
def test_labels_of_the_matrix(key: str, label: str) -> None:
    assert quantity_label(key) == (label, 1.0)


def test_the_run_has_every_quantity_of_the_matrix(living_record: RunRecord) -> None:
    _, nucleus = living_record.regions
    found = run_series(living_record, "glycosaminoglycan_nucleus_mean")
    assert found is not None
    both = living_record.trajectory["aggrecan"].to_numpy() + living_record.trajectory["fragments"].to_numpy()
    np.testing.assert_array_equal(found[1], nucleus.mean(both))
    water = run_series(living_record, "water_nucleus_mean")
    assert water is not None
    np.testing.assert_array_equal(water[1], nucleus.mean(living_record.trajectory["water_fraction"].to_numpy()))
    order, line = run_series(living_record, "annulus_order_mean"), series(living_record, "with_cells", ANNULUS_ORDER)
    assert order is not None
    assert line is not None
    np.testing.assert_array_equal(order[1], line.values)
    gain = run_series(living_record, "glycosaminoglycan_gain_over_sham")
    pair = [series(living_record, run, GLYCOSAMINOGLYCAN_NUCLEUS) for run in ("with_cells", "sham")]
    assert gain is not None
    assert pair[0] is not None
    assert pair[1] is not None
    np.testing.assert_array_equal(gain[1], pair[0].values - pair[1].values)


def test_a_run_without_a_matrix_has_none_of_it(run_record: RunRecord) -> None:
    for key in ("glycosaminoglycan_nucleus_mean", "annulus_order_mean", "glycosaminoglycan_gain_over_sham"):
        assert run_series(run_record, key) is None
        assert not is_outside(run_record, key)


def test_an_ensemble_in_three_dimensions_is_called_so(living_record: RunRecord) -> None:
    assert ensemble_label(living_record) == "coarse 3D ensemble (level 2), 8 members"
    assert uncertainty_figures(living_record)[0].caption.startswith(
        "Simulated. Coarse 3D ensemble (level 2), 8 members: median"
    )


def test_drivers_of_several_outcomes(living_record: RunRecord, run_record: RunRecord) -> None:
    assert living_record.ensemble is not None
    assert outcomes(living_record.ensemble) == ["alive", "glycosaminoglycan_nucleus_mean", "cytokine_nucleus_mean"]
    assert outcome_name("glycosaminoglycan_nucleus_mean") == "glycosaminoglycan nucleus mean"
    _, alive, matrix = uncertainty_figures(living_record)
    assert (alive.key, matrix.key) == ("drivers", "drivers-glycosaminoglycan-nucleus-mean")
    assert [row[0] for row in matrix.table.rows] == [
        "cells.donor.attachment_rate",
        "cells.donor.growth_rate",
        "cells.donor.leak_rate",
        "therapy.track.initial_open_fraction",
    ]
    assert alive.table.head[-3:] == (
        "rank correlation with donor cells alive",
        "rank correlation with glycosaminoglycan nucleus mean",
        "rank correlation with cytokine nucleus mean",
    )
    assert alive.table.rows[0][-3:] == ("−0.71", "+0.10", "−0.05")
    assert matrix.table.rows[-1][-3:] == ("–", "−0.22", "+0.00")
    assert [figure.key for figure in uncertainty_figures(run_record)] == ["bands", "drivers"]


def test_the_gain_is_compared_at_the_times_of_the_treated_run(living_record: RunRecord) -> None:
    every_second = [row for row in living_record.matrix if row["run"] != "sham"]
    every_second += [row for row in living_record.matrix if row["run"] == "sham"][::2]
    gain = run_series(replace(living_record, matrix=every_second), "glycosaminoglycan_gain_over_sham")
    treated = series(living_record, "with_cells", GLYCOSAMINOGLYCAN_NUCLEUS)
    assert gain is not None
    assert treated is not None
    np.testing.assert_array_equal(gain[0], treated.moments)
