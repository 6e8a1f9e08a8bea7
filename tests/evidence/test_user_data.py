"""Anybody's CSV for a meta-analysis: bad rows are refused with file, row and field, never dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.evidence import read_effects

TABLE = "Study,yi,vi,se,year,site,design\nA,-0.5,0.04,0.2,1990,north,rct\nB,-0.2,0.01,0.1,2000,south,rct\nC,0.1,0.09,0.3,2010,north,rct\n"


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str = TABLE) -> Path:
        path = tmp_path / "data.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_variances_and_standard_errors_are_the_same(table) -> None:
    by_variance, by_error = read_effects(table(), "yi", "vi"), read_effects(table(), "yi", sei="se")
    assert by_variance.vi == pytest.approx(by_error.vi, rel=1e-12)
    assert by_variance.labels == ("A", "B", "C")  # the column "Study" is found whatever its capitals
    assert by_variance.rows == (2, 3, 4)


def test_moderators_are_numbers_or_words(table) -> None:
    found = read_effects(table(), "yi", "vi", moderators=("year", "site")).moderators
    assert found == {"year": [1990.0, 2000.0, 2010.0], "site": ["north", "south", "north"]}


def test_studies_without_a_name_have_that_of_their_row(table) -> None:
    assert read_effects(table("yi,vi\n1,1\n2,1\n"), "yi", "vi").labels == ("row 2", "row 3")
    assert read_effects(table(), "yi", "vi", label="site").labels == ("north", "south", "north")


@pytest.mark.parametrize(
    ("old", "new", "options", "where"),
    [
        ("-0.5,", ",", {}, "row 2, field yi"),
        ("-0.5,", "much,", {}, "row 2, field yi"),
        ("-0.5,", "nan,", {}, "row 2, field yi"),
        ("0.04", "-0.04", {}, "row 2, field vi"),
        ("0.04", "0", {}, "row 2, field vi"),
        ("0.04", "inf", {}, "row 2, field vi"),
        ("2000", "", {"moderators": ("year",)}, "row 3, field year"),
        ("2000", "late", {"moderators": ("year",)}, "row 3, field year"),
    ],
)
def test_a_bad_cell_is_refused_with_its_place(table, old: str, new: str, options, where: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_effects(table(TABLE.replace(old, new, 1)), "yi", "vi", **options)
    assert [problem.where.endswith(where) for problem in caught.value.problems] == [True]


def test_every_bad_cell_is_reported_at_once(table) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_effects(table(TABLE.replace("-0.5", "a").replace("0.09", "-1")), "yi", "vi")
    assert len(caught.value.problems) == 2


def test_a_decimal_comma_gets_its_own_advice(table) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_effects(table('yi,vi\n"0,5",1\n1,1\n'), "yi", "vi")
    assert "decimal point" in caught.value.problems[0].remedy


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("yi",), {}, "one column of spreads"),
        (("yi", "vi"), {"sei": "se"}, "one column of spreads"),
        (("y", "vi"), {}, 'no column "y"'),
        (("yi", "vi"), {"moderators": ("sites",)}, 'no column "sites"'),
        (("yi", "vi"), {"label": "names"}, 'no column "names"'),
    ],
)
def test_wrong_columns_are_refused(table, arguments, options, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_effects(table(), *arguments, **options)


def test_a_head_without_rows_is_refused(table) -> None:
    with pytest.raises(InvalidInput, match="no rows"):
        read_effects(table("yi,vi\n"), "yi", "vi")


def test_controlled_and_uncontrolled_studies_never_share_a_pool_silently(table) -> None:
    mixed = table(TABLE.replace("south,rct", "south,single-arm"))
    with pytest.raises(InvalidInput, match="controlled and uncontrolled"):
        read_effects(mixed, "yi", "vi")
    assert read_effects(mixed, "yi", "vi", mixed=True).yi == (-0.5, -0.2, 0.1)
    assert read_effects(mixed, "yi", "vi", moderators=("design",)).moderators["design"] == ["rct", "single-arm", "rct"]
