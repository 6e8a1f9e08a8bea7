"""Series and values from the rows of the matrix."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report import RunRecord
from pulposus.report._matrix_rows import (
    AGGRECAN_SHARE,
    ALL_QUANTITIES,
    ANNULUS_ORDER,
    GLYCOSAMINOGLYCAN_NUCLEUS,
    GROWTH_FACTOR,
    Quantity,
    Series,
    final_row,
    mean_of,
    present,
    series,
    series_of,
)


def test_a_series_is_that_of_its_run(living_record: RunRecord) -> None:
    line = series(living_record, "sham", GLYCOSAMINOGLYCAN_NUCLEUS)
    rows = [row for row in living_record.matrix if row["run"] == "sham"]
    assert line is not None
    assert line.values.tolist() == [row["nucleus"]["glycosaminoglycan_mg_per_mL"] for row in rows]
    assert line.moments.tolist() == [row["time_day"] for row in rows]


def test_rows_need_not_be_in_order_and_may_miss_a_part() -> None:
    rows = [
        {"time_day": 2.0, "nucleus": {"cytokine": 0.4}},
        {"time_day": 0.0, "nucleus": {"cytokine": 0.2}},
        {"time_day": 1.0, "nucleus": {"cytokine": None}, "annulus": None},
    ]
    quantity = Quantity("nucleus", "cytokine", "cytokine", "-")
    line = series_of(rows, quantity)
    assert line is not None
    assert line.moments.tolist() == [0.0, 2.0]
    # Linear between the stored times.
    assert line.at(1.0) == pytest.approx(0.3, rel=1e-15)
    assert series_of(rows, ANNULUS_ORDER) is None


def test_the_share_of_aggrecan_is_in_percent() -> None:
    quantity = Quantity("nucleus", AGGRECAN_SHARE, "aggrecan share", "%")
    row = {"nucleus": {"aggrecan_mg_per_mL": 9.0, "glycosaminoglycan_mg_per_mL": 20.0}}
    # One division and one product of doubles.
    assert mean_of(row, quantity) == pytest.approx(45.0, rel=1e-15)
    assert np.isnan(mean_of({"nucleus": {"glycosaminoglycan_mg_per_mL": 20.0}}, quantity))
    assert np.isnan(mean_of({"nucleus": {"aggrecan_mg_per_mL": 0.0, "glycosaminoglycan_mg_per_mL": 0.0}}, quantity))


def test_shares_of_a_quantity_that_begins_at_zero() -> None:
    days = np.array([0.0, 1.0])
    assert Series(days, np.array([4.0, 5.0])).shares.tolist() == [100.0, 125.0]
    assert Series(days, np.array([0.0, 5.0])).shares.tolist() == [100.0, 100.0]


def test_only_what_is_known_is_shown(living_record: RunRecord, synthetic: SimpleNamespace) -> None:
    shown = {quantity.name for quantity in present(living_record, ALL_QUANTITIES)}
    assert "annulus_fissure" in shown
    # The fixture gives no growth factor and has no image.
    assert not {"nucleus_growth_factor_ng_per_mL", "disc_T2_ms"} & shown
    given = [{**row, "nucleus": {**row["nucleus"], "growth_factor_ng_per_mL": 2.0}} for row in living_record.matrix]
    assert present(replace(living_record, matrix=given), [GROWTH_FACTOR]) == [GROWTH_FACTOR]
    assert present(synthetic.record(), ALL_QUANTITIES) == []


def test_the_last_row(living_record: RunRecord, run_record: RunRecord) -> None:
    last = final_row(living_record, "native_course")
    assert last is not None
    assert (last["time_day"], last["run"]) == (1826.25, "native_course")
    assert final_row(run_record, "sham") is None
