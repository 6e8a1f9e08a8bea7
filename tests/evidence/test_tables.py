"""CSV in and out: every problem with file, row and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence._other_records import Threshold
from pulposus.evidence._records import Outcome, Study
from pulposus.evidence._tables import field_text, fields_of, read_rows, read_table, table_text

HEAD = "study_id,arm,outcome,scale_min,scale_max,month,n,mean,sd,source,status\n"
ROW = "MINE,cells,VAS,0,100,12,20,40.5,18,doi:10.1/x,verified\n"


def test_a_row_becomes_a_record() -> None:
    (row,) = read_table(HEAD + ROW, Outcome)
    assert (row.study_id, row.n, row.mean, row.sd, row.se) == ("MINE", 20, 40.5, 18.0, None)


def test_times_may_have_a_unit() -> None:
    (row,) = read_table(HEAD + ROW.replace(",12,", ",26 week,"), Outcome)
    assert row.month == pytest.approx(26 * 7 / 30.4375)
    with pytest.raises(InvalidDocument, match="1 problem"):
        read_table(HEAD + ROW.replace(",12,", ",26 kg,"), Outcome)


def test_every_problem_is_reported_with_row_and_field() -> None:
    bad = (
        HEAD
        + ROW
        + ROW.replace("40.5", "forty").replace("verified", "verifed")
        + ROW.replace("MINE", "")
        + ROW.replace(",18,", ",-1,")
    )
    with pytest.raises(InvalidDocument) as caught:
        read_table(bad, Outcome, label="mine.csv")
    where = [problem.where for problem in caught.value.problems]
    assert where == [
        "mine.csv: row 3, field mean",
        "mine.csv: row 3, field status",
        "mine.csv: row 4, field study_id",
        "mine.csv: row 5, field sd",
    ]
    assert "verified" in caught.value.problems[1].remedy
    assert caught.value.problems[2].what == "the cell is empty"


def test_rules_of_a_whole_row_are_reported() -> None:
    head = "study_id,arm,outcome,scale_min,scale_max,ci_low,ci_high,source,status\n"
    for cells, message in (
        ("A,b,VAS,0,100,5,,x,verified", "only one end"),
        ("A,b,VAS,0,100,5,4,x,verified", "ci_low is larger"),
        ("A,b,VAS,100,0,,,x,verified", "scale_min is not below"),
    ):
        with pytest.raises(InvalidDocument) as caught:
            read_table(head + cells + "\n", Outcome)
        assert message in caught.value.problems[0].what


def test_rules_of_a_study_are_reported() -> None:
    head = "study_id,cell_class,allocation,text_read,source,status,dose_low,dose_high,part_of,recalled\n"
    for cells, message in (
        ("A,expanded-msc,single-arm,abstract,x,verified,3,2,,", "dose_low is larger"),
        ("A,expanded-msc,single-arm,abstract,x,verified,,,A,", "part of itself"),
        ("A,expanded-msc,single-arm,abstract,x,verified,,,,dosis", "no field of a study"),
    ):
        with pytest.raises(InvalidDocument) as caught:
            read_table(head + cells + "\n", Study)
        assert message in caught.value.problems[0].what


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table is empty"),
        ("a,b,a\n1,2,3\n", 'the column "a" stands twice'),
        ("a,,b\n1,2,3\n", "a column has no name"),
        ("a,b\n1,2,3\n", "the row has 3 cells"),
        ('a,b\n1,"2\n', "not valid CSV"),
    ],
)
def test_broken_tables_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_rows(text, "mine.csv")


def test_unknown_and_missing_columns_are_refused_together() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_table("study_id,arm,outcom,source,status\n", Outcome, label="mine.csv")
    what = [problem.what for problem in caught.value.problems]
    assert what == ['unknown column "outcom"', 'the column "outcome" is missing']
    assert "outcome" in caught.value.problems[0].remedy


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text((HEAD + ROW).replace(",", ";"), encoding="utf-8-sig")
    assert read_table(path, Outcome)[0].mean == 40.5


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    (tmp_path / "right.csv").write_text("a\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_rows(tmp_path / "rigth.csv", "rigth.csv")
    assert "right.csv" in caught.value.remedy
    with pytest.raises(InvalidInput, match="folder"):
        read_rows(tmp_path, "x")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="not text"):
        read_rows(tmp_path / "binary.csv", "x")
    (tmp_path / "large.csv").write_bytes(b"a" * 5_000_001)
    with pytest.raises(InvalidInput, match="too large"):
        read_rows(tmp_path / "large.csv", "x")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_rows(Path("/dev/null/x"), "x")


@given(
    st.lists(
        st.builds(
            Threshold,
            item=st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1),
            instrument=st.just("VAS"),
            value=st.floats(-1e9, 1e9).map(lambda value: float(f"{value:.12g}")),
            low=st.none() | st.integers(-1000, 1000).map(float),
            unit=st.just("1"),
            source=st.just('a "quoted", source'),
            status=st.sampled_from(["verified", "prior"]),
            note=st.sampled_from(["", "one; two", "with, comma"]),
        ),
        max_size=4,
    )
)
def test_writing_and_reading_gives_the_same_records(records: list[Threshold]) -> None:
    text = table_text(records, Threshold)
    # The separator is found in the head, which has commas whatever the cells hold.
    assert read_table(text, Threshold) == records


def test_cells_of_every_kind() -> None:
    assert [field_text(value) for value in (None, True, False, ("a", "b"), 0.1, 3, "x")] == [
        "",
        "yes",
        "no",
        "a;b",
        "0.1",
        "3",
        "x",
    ]


def test_columns_have_a_meaning() -> None:
    assert all(fields_of(Outcome).values())
