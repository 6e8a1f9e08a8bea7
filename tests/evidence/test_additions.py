"""Studies of a user: CSV, YAML and folders, checked together with the base."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence import add_files, load_evidence, select
from pulposus.evidence._additions import Added

YAML = """
schema_version: 1
studies:
  - study_id: MINE2026
    cell_class: expanded-msc
    allocation: randomised
    text_read: user
    source: my own trial
    status: verified
    followup_months: 12
    arms:
      - {arm: cells, role: treated, content: cells, n: 20}
      - {arm: saline, role: comparator, content: saline, n: 18}
    outcomes:
      - {arm: cells, outcome: VAS, scale_min: 0, scale_max: 100, month: 0, n: 20, mean: 66, sd: 15, source: mine, status: verified}
      - {arm: cells, outcome: VAS, scale_min: 0, scale_max: 100, month: 52 week, n: 19, mean: 38, sd: 22, source: mine, status: verified}
      - {arm: saline, outcome: VAS, scale_min: 0, scale_max: 100, month: 0, n: 18, mean: 65, sd: 16, source: mine, status: verified}
      - {arm: saline, outcome: VAS, scale_min: 0, scale_max: 100, month: 52 week, n: 17, mean: 45, sd: 23, source: mine, status: verified}
    adverse_events:
      - {arm: cells, event: discitis, category: infection, serious: "yes", events: 0, total: 20, source: mine, status: verified}
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_yaml_study_joins_the_pools(tmp_path: Path) -> None:
    extended = add_files([written(tmp_path, "mine.yaml", YAML)])
    (row,) = [row for row in select(extended.base, "between-arms").rows if row.study.study_id == "MINE2026"]
    assert row.estimate == pytest.approx((38 - 66) - (45 - 65))
    assert dataclasses.astuple(Added.of(extended)) == (1, 2, 4, 1)
    assert "MINE2026" not in load_evidence().by_study  # the shipped base is never changed


def test_yaml_problems_name_line_and_field(tmp_path: Path) -> None:
    bad = YAML.replace("mean: 66", "mean: many").replace("expanded-msc", "expanded-mcs")
    with pytest.raises(InvalidDocument) as caught:
        add_files([written(tmp_path, "mine.yaml", bad)])
    where = [problem.where for problem in caught.value.problems]
    assert any("mine.yaml:5:" in place and "studies.0.cell_class" in place for place in where)
    assert any("studies.0.outcomes.0.mean" in place for place in where)


def test_rows_that_contradict_the_tables_are_refused_with_every_problem(tmp_path: Path) -> None:
    bad = YAML.replace("arm: cells, outcome", "arm: cels, outcome").replace("mean: 45", "mean: 145")
    with pytest.raises(InvalidDocument) as caught:
        add_files([written(tmp_path, "mine.yaml", bad)])
    what = [problem.what for problem in caught.value.problems]
    assert 'the arm "cels" is not there' in what
    assert any("145 lies outside the scale" in text for text in what)


def test_a_csv_of_outcomes_extends_a_known_study(tmp_path: Path) -> None:
    text = "study_id,arm,outcome,scale_min,scale_max,month,n,mean,sd,source,status\n"
    text += "KUMA2017,AT-MSC + HA,VAS,0,100,6,10,38,20,mine,verified\n"
    extended = add_files([written(tmp_path, "more.csv", text)])
    assert [row.mean for row in extended.added["outcomes"]] == [38.0]
    assert len(extended.base.outcomes) == len(load_evidence().outcomes) + 1


def test_a_csv_names_row_and_field(tmp_path: Path) -> None:
    text = "study_id,arm,outcome,source,status,mean\nKUMA2017,AT-MSC + HA,VAS,mine,verified,x\n"
    path = written(tmp_path, "more.csv", text)
    with pytest.raises(InvalidDocument) as caught:
        add_files([path])
    assert caught.value.problems[0].where == f"{path}: row 2, field mean"


def test_a_folder_of_tables_is_read_whole(tmp_path: Path) -> None:
    written(
        tmp_path,
        "studies.csv",
        "study_id,cell_class,allocation,text_read,source,status\nA1,unclear,single-arm,user,x,verified\n",
    )
    written(tmp_path, "arms.csv", "study_id,arm,role,content\nA1,c,treated,cells\n")
    written(tmp_path, "events.csv", "study_id,arm,event,source,status,events,total\nA1,c,pain,x,verified,1,9\n")
    extended = add_files([tmp_path])
    assert dataclasses.astuple(Added.of(extended)) == (1, 1, 0, 1)


def test_warnings_about_the_additions_are_notes(tmp_path: Path) -> None:
    extended = add_files([written(tmp_path, "mine.yaml", YAML.replace("sd: 15", "sd: 3.3"))])
    assert any("looks like a standard error" in note for note in extended.notes)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.csv", "a,b\n1,2\n", "do not tell which table"),
        ("mine.xlsx", "", "cannot be imported"),
        ("mine.yaml", YAML.replace("MINE2026", "OROZ2011"), "already in the evidence base"),
    ],
)
def test_what_cannot_be_added_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        add_files([written(tmp_path, name, text)])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing to import"):
        add_files([tmp_path])
