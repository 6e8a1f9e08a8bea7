"""timeseries.csv and summary.json."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report import RunRecord, summary, write_summary, write_timeseries
from pulposus.report._runs import native_share
from pulposus.report._tables import COLUMNS, csv_text, json_text


@pytest.fixture(scope="module")
def rows(run_record: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    path = write_timeseries(tmp_path_factory.mktemp("tables") / "timeseries.csv", run_record)
    text = path.read_bytes()
    assert not text.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in text
    return list(csv.DictReader(io.StringIO(text.decode("utf-8"))))


def chosen(rows: list[dict[str, str]], **wanted: str) -> list[float]:
    return [float(row["value"]) for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_one_row_per_time_run_region_quantity_and_statistic(rows: list[dict[str, str]]) -> None:
    assert tuple(rows[0]) == COLUMNS
    keys = [tuple(row[name] for name in COLUMNS[:-1]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert {row["run"] for row in rows} == {"with_cells", "without_cells", "ensemble"}


def test_values_are_those_of_the_fields(rows: list[dict[str, str]], run_record: RunRecord) -> None:
    lowest = chosen(rows, run="with_cells", region="disc", quantity="oxygen_kPa", statistic="min")
    # repr() round trips every float, so the text holds the exact value.
    assert lowest == run_record.trajectory["oxygen"].min(("column", "level")).to_numpy().tolist()
    nucleus = chosen(rows, run="without_cells", region="nucleus", quantity="pH", statistic="mean")
    _, region = run_record.regions
    assert nucleus == region.mean(run_record.sham["pH"].to_numpy()).tolist()


def test_ledger_and_ensemble_rows(
    rows: list[dict[str, str]], run_record: RunRecord, synthetic: SimpleNamespace
) -> None:
    assert chosen(rows, quantity="alive_cells", statistic="ledger") == [row["alive"] for row in run_record.cells]
    assert len(chosen(rows, quantity="native_alive_fraction", statistic="ledger")) == len(synthetic.times)
    assert run_record.ensemble is not None
    assert (
        chosen(rows, run="ensemble", quantity="alive", statistic="p95")
        == run_record.ensemble["quantiles"]["alive"]["p95"]
    )


def test_no_ensemble_no_rows(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    path = write_timeseries(
        tmp_path / "timeseries.csv", synthetic.record(times=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0), ensemble=None)
    )
    assert "ensemble" not in path.read_text(encoding="utf-8")


def test_summary_has_the_promised_keys(run_record: RunRecord, tmp_path: Path) -> None:
    document = json.loads(write_summary(tmp_path / "summary.json", run_record).read_text(encoding="utf-8"))
    assert document == summary(run_record)
    assert document["id"] == "orozco-2011"
    assert document["simulated"] is True
    assert document["disc"]["nodes"] == 401 * 13
    row = document["cells"][-1]
    assert set(row) == {
        "time_day", "injected", "born", "leaked", "dead", "free", "attached", "differentiated", "alive", "native_alive_fraction"
    }  # fmt: skip
    # The fixture is balanced to rounding: 1e7 cells times a few units of double precision.
    assert abs(row["injected"] + row["born"] - row["alive"] - row["leaked"] - row["dead"]) < 1e-6
    assert set(document["nutrition"][0]["oxygen_kPa"]) == {"min", "max", "mean", "nucleus_mean", "centre"}
    assert document["ledger_error"] == 3.2e-14
    assert document["warnings"]


def test_summary_of_the_matrix(living_record: RunRecord, run_record: RunRecord) -> None:
    document = summary(living_record)
    for key in ("matrix", "safety", "history", "insults"):
        assert document[key] == json.loads(json_text(list(getattr(living_record, key))))
    assert document["matrix_ledger_error"] == 4.5e-13
    shares = native_share(living_record)
    assert set(document["arms"]) == {"sham", "native_course"}
    assert document["arms"]["native_course"]["native_alive_fraction"] == shares["native course"][-1]
    assert document["arms"]["sham"]["matrix"]["time_day"] == 1826.25
    plain = summary(run_record)
    assert (plain["matrix"], plain["matrix_ledger_error"]) == ([], None)
    assert set(plain["arms"]) == {"sham"}
    assert plain["arms"]["sham"]["matrix"] is None


def test_time_series_of_the_matrix(living_record: RunRecord, tmp_path: Path) -> None:
    path = write_timeseries(tmp_path / "timeseries.csv", living_record)
    table = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    keys = [tuple(row[name] for name in COLUMNS[:-1]) for row in table]
    assert len(set(keys)) == len(keys)
    wanted = {"region": "nucleus", "quantity": "glycosaminoglycan_mg_per_mL"}
    _, nucleus = living_record.regions
    both = (living_record.sham["aggrecan"] + living_record.sham["fragments"]).to_numpy()
    assert chosen(table, run="without_cells", statistic="mean", **wanted) == nucleus.mean(both).tolist()
    rows_given = [row for row in living_record.matrix if row["run"] == "native_course"]
    assert chosen(table, run="native_course", statistic="matrix", **wanted) == [
        row["nucleus"]["glycosaminoglycan_mg_per_mL"] for row in rows_given
    ]
    before = [row for row in table if row["run"] == "history"]
    assert min(float(row["time_day"]) for row in before) == -1826.25
    # What is not known leaves no row.
    assert not [row for row in table if row["quantity"] == "T2_ms"]
    assert {row["region"] for row in table if row["run"] == "ensemble"} == {"disc"}


def test_json_is_strict() -> None:
    document = {
        "a": np.float64(1.5),
        "b": np.arange(3),
        "c": float("nan"),
        "d": np.bool_(True),
        "e": Path("x"),
        "f": None,
        7: (1, np.int32(2)),
    }
    assert json.loads(json_text(document)) == {
        "a": 1.5,
        "b": [0, 1, 2],
        "c": None,
        "d": True,
        "e": "x",
        "f": None,
        "7": [1, 2],
    }


def test_csv_quotes_what_it_must() -> None:
    assert csv_text(("a", "b"), [("x,y", 0.1), ("z", 2)]) == 'a,b\n"x,y",0.1\nz,2\n'
