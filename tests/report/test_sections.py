"""Tables of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pulposus.report import RunRecord
from pulposus.report._figure import Table
from pulposus.report._sections import (
    not_stated_table,
    nutrition_table,
    parameter_table,
    protocol_table,
    reported_table,
    reproduce_table,
    simulated_table,
)


def rows(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.head, row, strict=True)) for row in table.rows]


def with_reported(record: RunRecord, **row: Any) -> RunRecord:
    entry = {"arm": "cells", "source": "https://doi.org/10.0/x", "status": "recalled", **row}
    return replace(record, protocol={**record.protocol, "reported": [entry]})


def test_protocol_leaves_out_what_is_empty_and_speaks_in_usual_units(run_record: RunRecord) -> None:
    content = {row["section"]: row["content"] for row in rows(protocol_table(run_record.protocol))}
    assert content["delivery"] == "route: needle; needle gauge: 22; duration: 60 s; hold time: 2 hour"
    assert content["outcomes"] == "1 instrument: VAS; 1 times: 0 day, 12 month"
    assert content["follow up"] == "duration: 12 month"
    assert "sex" not in content["donor"]
    assert not {"reported", "not stated", "seed"} & set(content)


def test_a_relative_cell_number_is_compared_at_its_own_time(run_record: RunRecord) -> None:
    record = with_reported(
        run_record, outcome="cell number over injected number", time="7.0 day", value=1.0, unit="fraction of injected"
    )
    (row,) = rows(reported_table(record))
    at_week = next(one for one in run_record.cells if one["time_day"] == 7.0)
    assert float(row["simulated (this run)"]) == pytest.approx(at_week["alive"] / at_week["injected"], abs=5e-4)
    assert row["reported"] == "1 fraction of injected"
    assert row["n"] == row["spread"] == "not reported"
    assert rows(simulated_table(record))[0]["paper"] == "see above"


def test_a_direction_is_reported_as_such_and_late_times_are_not_invented(run_record: RunRecord) -> None:
    record = with_reported(run_record, outcome="cell number over injected number", time="730.5 day", direction="down")
    (row,) = rows(reported_table(record))
    assert row["reported"] == "down"
    assert row["simulated (this run)"] == "after the end of the run"


def test_a_sham_has_no_relative_cell_number(run_record: RunRecord) -> None:
    record = with_reported(run_record, outcome="cell number over injected number", time=7.0, direction="down")
    empty = replace(record, cells=[{**row, "injected": 0.0, "alive": 0.0} for row in record.cells])
    assert rows(reported_table(empty))[0]["simulated (this run)"] == "–"


def test_a_time_that_is_no_duration_is_kept_as_text(run_record: RunRecord) -> None:
    (row,) = rows(reported_table(with_reported(run_record, outcome="viability", time="last visit", value=100)))
    assert (row["time"], row["simulated (this run)"]) == ("last visit", "not simulated")


def test_a_row_without_a_value_reports_nothing(run_record: RunRecord) -> None:
    last = rows(reported_table(run_record))[-1]
    assert last["reported"] == "not reported"
    # The paper's silence is not turned into "see above".
    assert rows(simulated_table(run_record))[0]["paper"] == "not reported"


def test_not_stated_items_show_the_prior(run_record: RunRecord) -> None:
    gauge = rows(not_stated_table(run_record))[1]
    assert (gauge["used instead"], gauge["plausible range"]) == ("22", "18 to 27")


def test_parameters_show_range_unit_source_and_status(run_record: RunRecord) -> None:
    first, second = rows(parameter_table(run_record))
    assert (first["value"], first["low"], first["high"], first["unit"], first["status"]) == (
        "0.3",
        "0.1",
        "0.9",
        "1/day",
        "prior",
    )
    assert second["low"] == "–"


def test_nutrition_rows(run_record: RunRecord) -> None:
    table = rows(nutrition_table(run_record))
    assert len(table) == 16
    assert table[0]["field"] == "oxygen tension"
    assert float(table[0]["min"]) == pytest.approx(run_record.nutrition[0]["oxygen_kPa"]["min"], abs=5e-3)


def test_identity_leaves_long_lists_to_the_manifest(run_record: RunRecord) -> None:
    manifest = {**run_record.manifest, "files": {str(i): i for i in range(40)}, "nothing": None}
    names = [row["item"] for row in rows(reproduce_table(replace(run_record, manifest=manifest)))]
    assert "seed" in names
    assert not {"files", "nothing"} & set(names)
