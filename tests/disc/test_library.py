"""Names of built-in discs."""

from __future__ import annotations

import pytest

from pulposus.disc import canonical_level, list_discs, load_disc
from pulposus.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("L4-L5", "L4-L5"),
        ("L4L5", "L4-L5"),
        ("L4-5", "L4-L5"),
        ("l4-l5", "L4-L5"),
        ("L5-S1", "L5-S1"),
        ("L5S1", "L5-S1"),
        ("l5/s1", "l5/s1"),
        ("L1L3", "L1L3"),
        ("L4-S5", "L4-S5"),
        ("L5-L1", "L5-L1"),
        ("tail", "tail"),
    ],
)
def test_level_spellings(text, printed):
    assert canonical_level(text) == printed


@pytest.mark.parametrize(
    "name", ["human/L4L5/grade3", "human/L4-5/grade3", "Human/l4-l5/Grade3", " human/L4-L5/grade3 "]
)
def test_spellings_are_one_disc(name):
    disc = load_disc(name, "coarse")
    assert disc.description.name == "human/L4-L5/grade3"
    assert disc.description.grade == 3


def test_default_grade_is_one():
    assert load_disc("human/L1-L2", "coarse").description.name == "human/L1-L2/grade1"
    assert load_disc("rat/tail", "coarse").description.name == "rat/tail"
    assert load_disc("rat/tail/grade2", "coarse").description.name == "rat/tail/grade2"
    assert load_disc("human/L4-L5-generic", "coarse").description.name == "human/L4-L5-generic"


def test_list_holds_every_disc_once():
    names = [disc.name for disc in list_discs()]
    assert len(names) == len(set(names)) == 25 + 1 + 11
    assert {f"human/{level}/grade{grade}" for level in ("L1-L2", "L5-S1") for grade in range(1, 6)} <= set(names)
    assert {"rat/tail", "rabbit/lumbar", "dog/lumbar", "goat/lumbar", "sheep/lumbar", "pig/lumbar", "cow/tail"} <= set(
        names
    )


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("rabit/lumbar", "rabbit/lumbar"),
        ("human/L4L5/grade9", "human/L4-L5"),
        ("human/L6-L7", "human/"),
        ("human", "disc list"),
        ("rat/tail/grade3/again", "disc list"),
        ("", "disc list"),
    ],
)
def test_unknown_disc_names_the_nearest_and_all(name, remedy):
    with pytest.raises(InvalidInput, match="unknown disc") as caught:
        load_disc(name, "coarse")
    assert remedy in caught.value.remedy
    assert "rat/lumbar, tail" in caught.value.allowed


def test_unknown_resolution_is_refused():
    with pytest.raises(InvalidInput, match="unknown resolution") as caught:
        load_disc("rat/tail", "huge")
    assert "standard" in caught.value.allowed
