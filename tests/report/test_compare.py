"""The comparison of arms: page, JSON and table."""

from __future__ import annotations

import base64
import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.report import RunRecord, render_comparison, write_comparison
from pulposus.report import _compare_tables as tables
from pulposus.report._compare_figures import ARM_STYLES, arms_over_time, intervals
from pulposus.report._compare_measures import ALIVE, GLUCOSE, NATIVE, common_end, comparator, shown_measures, treated
from pulposus.report._matrix_rows import GLYCOSAMINOGLYCAN_NUCLEUS, series
from pulposus.report._page import MAXIMUM_BYTES

Arms = list[tuple[str, RunRecord]]


@pytest.fixture(scope="module")
def arms(living_record: RunRecord, synthetic: SimpleNamespace) -> Arms:
    strong = synthetic.living(gain=1.6, ensemble=None, safety=[])
    quiet = [{**row, "flagged": False} for row in synthetic.safety]
    short = synthetic.living(times=synthetic.times, gain=0.0, safety=quiet, native_course=None)
    return [("saline", living_record), ("gel", strong), ("sham", short)]


def rows(table: tables.Table) -> dict[str, dict[str, str]]:
    return {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}


def test_measures_are_those_of_the_records(arms: Arms) -> None:
    record = arms[0][1]
    disc, nucleus = record.regions
    assert [measure.name for measure in shown_measures(arms)][:4] == [
        "alive_million_cells", "native_alive_percent", "glucose_nucleus_mean_mM", "nucleus_glycosaminoglycan_mg_per_mL"
    ]  # fmt: skip
    alive, glucose = treated(record, ALIVE), treated(record, GLUCOSE)
    assert alive is not None
    assert glucose is not None
    # One product with 1e-6.
    np.testing.assert_allclose(alive.values, [row["alive"] / 1e6 for row in record.cells], rtol=1e-15)
    np.testing.assert_array_equal(glucose.values, nucleus.mean(record.trajectory["glucose"].to_numpy()))
    native = comparator(record, "native_course", NATIVE)
    assert native is not None
    assert native.values[0] == 100.0
    assert comparator(record, "without_cells", ALIVE) is None
    assert comparator(arms[2][1], "native_course", NATIVE) is None
    assert disc.key == "disc"


def test_arms_are_compared_at_the_last_time_that_all_reach(arms: Arms) -> None:
    assert common_end(arms) == 365.25
    ends = rows(tables.ends_table(arms))
    for name, record in arms:
        line = series(record, "with_cells", GLYCOSAMINOGLYCAN_NUCLEUS)
        assert line is not None
        # Three printed digits.
        assert float(ends["glycosaminoglycan, nucleus"][name]) == pytest.approx(line.at(365.25), abs=0.05)
    assert ends["donor cells: born, at the arm's own end"]["gel"].endswith("million")


def test_differences_from_both_comparators(arms: Arms) -> None:
    against_sham = rows(tables.difference_table(arms, "without_cells"))
    row = against_sham["glycosaminoglycan, nucleus"]
    assert float(row["gel"]) > float(row["saline"]) > 0.0
    # Without an effect of the cells both runs of the fixture are the same numbers.
    assert row["sham"] == "±0"
    assert "living donor cells" not in against_sham
    against_native = rows(tables.difference_table(arms, "native_course"))
    assert against_native["glycosaminoglycan, nucleus"]["sham"] == "–"
    assert against_native["cytokine, nucleus"]["saline"].startswith("−")


def test_every_arm_looks_different() -> None:
    colours, dashes, markers = zip(*ARM_STYLES, strict=True)
    assert len(set(colours)) == len(set(map(str, dashes))) == len(set(markers)) == len(ARM_STYLES) == 8


def test_figures_hold_all_arms(arms: Arms) -> None:
    figure = arms_over_time(arms)
    assert figure.caption.startswith("Simulated. 3 arms")
    assert "native course" in figure.caption
    assert {row[2] for row in figure.table.rows} == {"saline", "gel", "sham"}
    assert b"native course" not in base64.b64decode(arms_over_time(arms[2:]).image.partition(",")[2])
    spread = intervals(arms)
    assert spread is not None
    assert {row[1] for row in spread.table.rows} == {"saline", "sham"}
    assert spread.caption.startswith("Simulated. Ensemble of every arm")
    assert intervals(arms[1:2]) is None


def test_intervals_of_ensembles_with_different_quantities(arms: Arms, run_record: RunRecord) -> None:
    spread = intervals([("cells only", run_record), arms[0]])
    assert spread is not None
    per_arm = [row[1] for row in spread.table.rows]
    assert per_arm.count("cells only") < per_arm.count("saline") == 4


def test_cells_only_arms_have_no_matrix(run_record: RunRecord, arms: Arms) -> None:
    assert [measure.title for measure in shown_measures([("a", run_record)])] == [
        "living donor cells",
        "native cells alive",
        "glucose, nucleus",
    ]
    mixed = [("cells only", run_record), arms[0]]
    assert rows(tables.ends_table(mixed))["cytokine, nucleus"]["cells only"] == "–"
    assert rows(tables.answer_table(mixed))["cells only"]["cytokine, nucleus"] == "–"
    drawn = arms_over_time(mixed)
    assert not [row for row in drawn.table.rows if row[2] == "cells only" and row[0].startswith("cytokine")]


def test_safety_and_papers_by_arm(arms: Arms) -> None:
    signals = rows(tables.safety_by_arm(arms))
    assert signals["over-claim guard"]["saline"] == "raised: 0.140 per year"
    assert signals["over-claim guard"]["gel"] == "–"
    assert signals["over-claim guard"]["sham"] == "not raised: 0.140 per year"
    assert tables.safety_by_arm(arms).marked == {1}
    reported = tables.reported_by_arm(arms)
    assert reported.head[:3] == ("arm of this comparison", "outcome", "arm in the paper")
    assert [row[0] for row in reported.rows].count("gel") == 3
    assert tables.grouped([("a", "x"), ("b", "y"), ("c", "x")]) == [("a, c", "x"), ("b", "y")]


def test_files(arms: Arms, tmp_path: Path) -> None:
    files = write_comparison(tmp_path / "new", arms, "Three arms")
    assert set(files) == {"compare.html", "compare.json", "compare.csv"}
    document = json.loads(files["compare.json"].read_text(encoding="utf-8"))
    assert (document["title"], document["simulated"], document["research_use_only"]) == ("Three arms", True, True)
    first = document["arms"]["saline"]
    assert first["nominal_cells"] == 1e7
    assert first["matrix"]["time_day"] == 1826.25
    assert set(first["comparators"]) == {"sham", "native_course"}
    assert first["safety_flags"] == ["over-claim guard"]
    assert first["ensemble"]["quantiles"]["alive"].keys() == {"p05", "p50", "p95"}
    assert first["ensemble"]["level"] == "coarse 3D (level 2)"
    assert document["arms"]["gel"]["ensemble"] is None
    table = list(csv.DictReader(files["compare.csv"].read_text(encoding="utf-8").splitlines()))
    assert tuple(table[0]) == ("arm", "time_day", "quantity", "value")
    keys = [(row["arm"], row["time_day"], row["quantity"]) for row in table]
    assert len(set(keys)) == len(keys)
    found = [
        float(row["value"])
        for row in table
        if (row["arm"], row["quantity"]) == ("saline", "nucleus_glycosaminoglycan_mg_per_mL_native_course")
    ]
    line = series(arms[0][1], "native_course", GLYCOSAMINOGLYCAN_NUCLEUS)
    assert line is not None
    assert found == line.values.tolist()


def test_the_page_is_offline_complete_and_small(arms: Arms) -> None:
    text = render_comparison(arms, "Arms <b>")
    assert "Arms &lt;b&gt;" in text
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'\"" in text
    assert "<script" not in text
    assert len(text.encode()) < MAXIMUM_BYTES
    for sentence in (
        "Research use only, not medical advice.",
        "half-life of about 12 years",
        "Signals of a model, not medical advice.",
        "Difference from the native course",
        "The dose is above the largest number that nutrition sustains in this disc. (saline, gel, sham)",
    ):
        assert sentence in text, sentence
    assert [int(one) for one in re.findall(r'-title">(\d) ', text)] == [1, 2, 3, 4, 5, 6, 7]
    targets = re.findall(r'href="#([^"]+)"', text)
    assert set(targets) <= set(re.findall(r'id="([^"]+)"', text))


def test_a_bare_comparison_leaves_out_what_it_does_not_have(run_record: RunRecord) -> None:
    bare = replace(run_record, ensemble=None, warnings=[], protocol={"id": {"name": "x"}})
    description = SimpleNamespace(**{**vars(bare.disc.description), "name": "another"})
    other = replace(bare, disc=replace(bare.disc, description=description))  # pyright: ignore[reportArgumentType]
    text = render_comparison([("one", bare), ("two", other)], "Two")
    assert "The arms were run in different discs." in text
    assert "None of the protocols carries reported outcomes." in text
    assert 'id="uncertainty"' not in text
    assert 'id="safety"' not in text
    assert "Difference from the native course" not in text


def test_arms_that_cannot_be_told_apart_are_refused(run_record: RunRecord, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="9 arms") as caught:
        write_comparison(tmp_path / "no", [(str(i), run_record) for i in range(9)])
    assert caught.value.allowed == "1 to 8 arms"
    with pytest.raises(InvalidInput, match="0 arms"):
        render_comparison([], "none")
    with pytest.raises(InvalidInput, match='two arms are called "a"'):
        render_comparison([("a", run_record), ("a", run_record)], "twice")
    assert not (tmp_path / "no").exists()
