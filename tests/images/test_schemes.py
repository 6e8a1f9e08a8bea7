"""Label schemes: the table of mechanics_imaging 1.6, its traps, and that nothing is guessed."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.images import SCHEMES
from pulposus.images._schemes import BY_HAND, choose, resembling, scheme_named
from pulposus.images._select import select
from pulposus.images._surroundings import surroundings_of

TABLE = {  # L5-S1, L4-L5, L3-L4, L2-L3, L1-L2, L5, L1, sacrum, canal
    "spider": (201, 202, 203, 204, 205, 1, 5, None, 100),
    "totalspineseg": (100, 95, 94, 93, 92, 45, 41, 50, 2),
    "totalspineseg-old": (202, 203, 204, 205, 206, 18, 22, 92, 201),
    "spineps": (124, 123, 122, 121, 120, 24, 20, 26, None),
}
LEVELS = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")


def labels(*values: int) -> np.ndarray:
    return np.array([0, *values], dtype=np.int64).reshape(1, 1, -1)


def of_scheme(name: str) -> np.ndarray:
    scheme = SCHEMES[name]
    return labels(*(number for number in (*scheme.discs.values(), *scheme.vertebrae.values(), scheme.canal) if number))


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    scheme, row = SCHEMES[name], TABLE[name]
    assert tuple(scheme.discs[level] for level in LEVELS) == row[:5]
    assert (scheme.vertebrae["L5"], scheme.vertebrae["L1"], scheme.vertebrae.get("S1"), scheme.canal) == row[5:]


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("level", LEVELS)
def test_a_named_scheme_gives_the_label(name, level):
    choice = choose(of_scheme(name), level, None, name, None, "mask")
    assert choice.label == SCHEMES[name].discs[level]
    assert choice.scheme is SCHEMES[name]


@pytest.mark.parametrize("name", TABLE)
def test_a_known_scheme_is_recognised_but_not_taken(name):
    assert [scheme.name for scheme in resembling(frozenset(of_scheme(name).ravel().tolist()) - {0})] == [name]
    with pytest.raises(InvalidInput, match=f"they look like {name}") as caught:
        choose(of_scheme(name), "L4-L5", None, None, None, "mask")
    assert f"--scheme {name}" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "label", "level", "meaning"),
    [
        ("spider", 100, "L5-S1", "the spinal canal"),
        ("totalspineseg", 100, "L4-L5", "the disc L5-S1"),
        ("totalspineseg", 92, "L5-S1", "the disc L1-L2"),
        ("totalspineseg-old", 92, "L1-L2", "the sacrum"),
        ("totalspineseg-old", 202, "L4-L5", "the disc L5-S1"),
        ("spider", 202, "L5-S1", "the disc L4-L5"),
        ("totalspineseg-old", 201, "L5-S1", "the spinal canal"),
        ("spider", 1, "L5-S1", "vertebra L5"),
    ],
)
def test_the_traps_are_refused_in_words(name, label, level, meaning):
    with pytest.raises(InvalidInput, match=f"looks like {name}, where {label} is {meaning}"):
        choose(of_scheme(name), level, label, None, None, "mask")
    with pytest.raises(InvalidInput, match=f"in {name} the disc {level} is {SCHEMES[name].discs[level]}, not {label}"):
        choose(of_scheme(name), level, label, name, None, "mask")
    # The user may know better, and says so.
    assert choose(of_scheme(name), level, label, BY_HAND, None, "mask").label == label


def test_a_label_of_one_s_own_needs_no_scheme():
    choice = choose(labels(1, 2, 3, 4, 5), "L4-L5", 2, None, None, "mask")
    assert (choice.label, choice.scheme, choice.notes) == (2, None, ())
    with pytest.raises(InvalidInput, match="which label is L4-L5 is not said; the file holds 1, 2, 3, 4, 5"):
        choose(labels(1, 2, 3, 4, 5), "L4-L5", None, None, None, "mask")


def test_a_label_that_agrees_with_what_the_file_looks_like_confirms_it():
    choice = choose(of_scheme("totalspineseg"), "L4-L5", 95, None, None, "mask")
    assert choice.scheme is SCHEMES["totalspineseg"]
    assert "look like totalspineseg" in choice.notes[0]


@pytest.mark.parametrize(
    ("voxels", "arguments", "words"),
    [
        (labels(), ("L4-L5", 2, None, None), "the mask is empty"),
        (labels(1, 2), ("L4-L5", 7, None, None), "no voxel has the label 7"),
        (labels(1, 2), ("L4-L5", 0, None, None), "no voxel has the label 0"),
        (labels(1, 2), ("L4-L5", None, "spidr", None), 'unknown label scheme "spidr"'),
        (labels(1, 2), ("L4-L5", None, "spider", None), "no voxel has the label 202"),
        (labels(100, 62, 49), ("L4-L5", None, "spineps-subregion", None), "one label for all discs"),
        (labels(27, 28, 29, 30, 31), ("L4-L5", None, "totalsegmentator-mr", 1), "version 2, which has no discs"),
        (labels(18, 19, 20, 21, 22, 201, 202), ("L1", None, "spider", None), 'no level "L1"'),
    ],
)
def test_what_cannot_be_chosen(voxels, arguments, words):
    with pytest.raises(InvalidInput, match=words):
        choose(voxels, *arguments, "mask")


def test_a_misspelt_scheme_gets_a_hint():
    with pytest.raises(InvalidInput) as caught:
        scheme_named("totalspinesg")
    assert caught.value.remedy == 'did you mean "totalspineseg"?'


def test_one_label_for_all_discs_is_counted_from_below():
    voxels = np.zeros((10, 10, 40), dtype=np.int64)
    for start in (5, 17, 29):
        voxels[2:8, 2:8, start : start + 5] = 20
    voxels[0, 0, 0] = 20
    affine = np.diag([1.0, 1.0, -1.0, 1.0])  # the last index is the lowest
    choice = choose(voxels, "L5-S1", None, "totalsegmentator-mr", 1, "mask")
    chosen = select(voxels, affine, choice, "mask")
    assert chosen.mask[4, 4].nonzero()[0].tolist() == [29, 30, 31, 32, 33]
    with pytest.raises(InvalidInput, match="no disc 4 from below") as caught:
        select(voxels, affine, choose(voxels, "L5-S1", None, "totalsegmentator-mr", 4, "mask"), "mask")
    assert "1 to 3" in caught.value.allowed


def test_neighbours_give_the_axis_the_direction_and_the_contact():
    voxels = np.zeros((50, 70, 40), dtype=np.int64)
    voxels[5:45, 25:60, 15:23] = 95
    voxels[5:45, 25:60, 23:38] = 44
    voxels[5:45, 25:60, 2:15] = 45
    voxels[20:30, 5:15, :] = 2
    affine = np.eye(4)
    scheme = SCHEMES["totalspineseg"]
    found = surroundings_of(voxels, voxels == 95, affine, scheme, "L4-L5", 2.0)
    assert (found.touches_below, found.touches_above) == (True, True)
    assert found.normal == pytest.approx([0.0, 0.0, 1.0], abs=1e-9)
    assert found.canal == pytest.approx([24.5, 9.5, 18.5])
    voxels[voxels == 45] = 0
    voxels[5:45, 25:60, 2:6] = 45
    apart = surroundings_of(voxels, voxels == 95, affine, scheme, "L4-L5", 2.0)
    assert (apart.touches_below, apart.touches_above, apart.normal) == (False, True, None)
    alone = surroundings_of(np.where(voxels == 95, 95, 0), voxels == 95, affine, scheme, "L4-L5", 2.0)
    assert (alone.touches_below, alone.touches_above, alone.canal) == (None, None, None)
