"""Pfirrmann grades, continuous grade, readers, and the signal of the nucleus over that of the fluid (mechanics_imaging 4.2)."""

from __future__ import annotations

from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from pulposus.parameters import ParameterSet
from pulposus.readouts import (
    DiscView,
    PfirrmannRule,
    RelaxationLaws,
    Scan,
    Scene,
    image_grade,
    latent_grade,
    modified_grade,
    pfirrmann_grade,
    read_disc,
    read_grades,
    transverse_relaxation,
)
from pulposus.readouts._pfirrmann import border_clarity


@pytest.fixture(scope="module")
def rule(parameters: ParameterSet) -> PfirrmannRule:
    return PfirrmannRule.from_parameters(parameters)


def test_the_five_grade_states_are_read_as_their_grade(scenes: list[Scene], parameters: ParameterSet) -> None:
    """Rule, picture and continuous grade; the continuous one within 0.15, the distance of law and measured means."""
    ratios = []
    for number, scene in enumerate(scenes, start=1):
        reading = read_disc(scene, Scan.from_parameters(parameters), parameters)
        assert reading.pfirrmann_grade == number
        assert reading.pfirrmann_from_image == number
        assert reading.pfirrmann_latent == pytest.approx(number, abs=0.15)
        assert round(reading.pfirrmann_latent) == number
        ratios.append(reading.signal_over_fluid)
    # Worked by hand from the printed laws: phi (1 - exp(-3500/T1)) exp(-100/T2) over 0.54557 of the fluid; three digits.
    np.testing.assert_allclose(ratios, [0.911, 0.688, 0.406, 0.193, 0.052], atol=1.5e-3)


def test_t2_of_the_grade_states_is_the_printed_one(scenes: list[Scene], parameters: ParameterSet) -> None:
    """The central half of the nucleus has the T2 of the law: printed digits of mechanics_imaging 4.1."""
    scan = Scan.from_parameters(parameters)
    found = [read_disc(scene, scan, parameters).nucleus_T2_ms for scene in scenes]
    np.testing.assert_allclose(found, [209.9, 133.6, 80.0, 51.3, 31.3], atol=0.05)


def test_the_state_of_a_run_uses_the_water_law(
    grades: list[DiscView], parameters: ParameterSet, rule: PfirrmannRule, laws: RelaxationLaws
) -> None:
    """The water of the matrix room gives the same grades (rulings 3: I to V recovered, V by height)."""
    water = 0.663 + 0.0028 * np.array([70.0, 60.0, 45.0, 28.0, 14.0])
    t2 = np.asarray(transverse_relaxation(water, np.zeros(5), laws))
    heights = [disc.height_ratio for disc in grades]
    assert [pfirrmann_grade(float(a), b, rule) for a, b in zip(t2, heights, strict=True)] == [1, 2, 3, 4, 5]
    assert pfirrmann_grade(float(t2[4]), 1.0, rule) == 4  # without its height loss, grade V is read as IV


@pytest.mark.parametrize(
    ("t2", "grade"), [(158.8, 1), (158.7, 2), (100.2, 2), (100.1, 3), (66.9, 3), (66.8, 4), (1.0, 4)]
)
def test_cuts(rule: PfirrmannRule, t2: float, grade: int) -> None:
    assert pfirrmann_grade(t2, 0.9, rule) == grade
    assert pfirrmann_grade(t2, 0.59, rule) == 5
    assert pfirrmann_grade(0.84 * t2, 0.9, rule, scale=0.84) == grade


def test_the_cuts_lie_equally_far_from_both_means(parameters: ParameterSet) -> None:
    """(cut - low) / SD_low = (high - cut) / SD_high; the cuts are printed to 0.1 ms."""
    for cut, low, high in (("I_II", "II", "I"), ("II_III", "III", "II"), ("III_IV", "IV", "III")):
        take = {
            name: (
                parameters.value(f"imaging.pfirrmann.t2_mean.{name}"),
                parameters.value(f"imaging.pfirrmann.t2_deviation.{name}"),
            )
            for name in (low, high)
        }
        (a, sa), (b, sb) = take[low], take[high]
        assert parameters.value(f"imaging.pfirrmann.t2_cut.{cut}") == pytest.approx(
            (a * sb + b * sa) / (sa + sb), abs=0.1
        )


def test_the_continuous_grade_is_continuous_and_rounds_to_the_rule(rule: PfirrmannRule) -> None:
    t2 = np.linspace(1.0, 260.0, 2000)
    grade = np.array([latent_grade(float(one), 0.9, rule) for one in t2])
    assert (np.diff(grade) <= 0.0).all()
    # The steepest part falls by half a grade in 15.6 ms: 0.03 per ms, 0.004 per step.
    assert np.abs(np.diff(grade)).max() < 0.005
    away = np.abs(grade % 1.0 - 0.5) > 1e-6
    expected = [pfirrmann_grade(float(one), 0.9, rule) for one in t2[away]]
    assert list(np.rint(grade[away]).astype(int)) == expected
    assert latent_grade(200.0, 0.55, rule) == pytest.approx(5.0, abs=1e-12)
    assert latent_grade(200.0, 0.1, rule) == 5.5


@pytest.mark.parametrize(("ratio", "grade"), [(0.76, 1), (0.75, 2), (0.5, 3), (0.3, 4), (0.0, 4)])
def test_grade_of_the_picture_alone(rule: PfirrmannRule, ratio: float, grade: int) -> None:
    assert image_grade(ratio, 1.0, rule) == grade
    assert image_grade(ratio, 0.5, rule) == 5


@pytest.mark.parametrize(
    ("ratio", "height", "grade"),
    [
        (0.95, 1.0, 1),
        (0.8, 1.0, 2),
        (0.6, 1.0, 3),
        (0.4, 0.7, 4),
        (0.2, 1.0, 5),
        (0.2, 0.8, 6),
        (0.2, 0.7, 7),
        (0.2, 0.41, 7),
        (0.1, 0.39, 8),
    ],
)
def test_modified_grade(rule: PfirrmannRule, ratio: float, height: float, grade: int) -> None:
    assert modified_grade(ratio, height, rule) == grade


def test_readers_err_by_four_tenths_of_a_grade(rule: PfirrmannRule) -> None:
    """Of many readers of a clear III the share that says III is P(|N(0, 0.4)| < 0.5); 20,000 leave 0.3 %, three of them."""
    said = read_grades(3.0, rule, 20_000, seed=7)
    expected = 2.0 * NormalDist(0.0, 0.4).cdf(0.5) - 1.0
    assert (said == 3).mean() == pytest.approx(expected, abs=0.009)
    assert set(read_grades(5.4, rule, 200, seed=1)) <= {4, 5}
    np.testing.assert_array_equal(read_grades(2.2, rule, 3, seed=4), read_grades(2.2, rule, 9, seed=4)[:3])


def test_clarity_falls_with_the_grade(scenes: list[Scene], parameters: ParameterSet) -> None:
    """The border blurs: nucleus and annulus become alike."""
    scan = Scan.from_parameters(parameters)
    found = [read_disc(scene, scan, parameters).border_clarity_per_mm for scene in scenes]
    assert all(a > b for a, b in pairwise(found))


def test_clarity_of_a_known_border(grades: list[DiscView]) -> None:
    """A signal that falls linearly with y from 1 to 0 has its 90 and 10 % eight tenths of its length apart."""
    disc = grades[0]
    y = disc.coordinates[..., 1]
    middle, front = y[disc.topology.centre[0], 0], disc.rim[:, 1].max()
    signal = (front - y) / (front - middle)
    assert border_clarity(disc, signal) == pytest.approx(1.0 / (0.8 * (front - middle)), rel=1e-9)
    assert border_clarity(disc, np.ones_like(y)) == 0.0
