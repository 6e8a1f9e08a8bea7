"""Correlated draws of the grade table (cells_matrix 3; rulings 9)."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.stats import truncnorm

from pulposus.errors import InvalidInput
from pulposus.matrix import GradeMatrix, sample_grade
from pulposus.parameters import GRADES, load_parameters

PARAMETERS = load_parameters()
MEMBERS = 4000
DRAWS = sample_grade(PARAMETERS, 3, 7, MEMBERS)
LOG_NORMAL = ("glycosaminoglycan.nucleus", "cytokine", "cell_density.nucleus")
RANGED = ("senescent_share", "collagen_II.nucleus", "fissure_fraction", "annulus_order", "height_factor")


@pytest.mark.parametrize("key", LOG_NORMAL)
def test_log_normal_rows_keep_the_mean_and_vary_by_thirty_percent(key):
    draws, table = DRAWS[key], PARAMETERS.value(f"grades.{key}.III")
    # Mean of 4000 draws of 30 %: standard error 0.5 %; of the variation itself about 1.2 %. Four of each.
    assert draws.mean() / table == pytest.approx(1.0, abs=0.02)
    assert draws.std() / draws.mean() == pytest.approx(0.30, rel=0.05)


def test_one_quantity_in_several_tissues_has_one_score():
    for first, second in (
        ("glycosaminoglycan.nucleus", "glycosaminoglycan.annulus"),
        ("cell_density.nucleus", "cell_density.endplate"),
    ):
        ratio = DRAWS[first] / DRAWS[second]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-14)


@pytest.mark.parametrize("grade", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("key", RANGED)
def test_fractions_and_height_stay_in_their_range(grade, key):
    record = PARAMETERS[f"grades.{key}.{GRADES[grade - 1]}"]
    assert record.low is not None and record.high is not None
    draws = sample_grade(PARAMETERS, grade, 1, 300)[key]
    assert (draws >= record.low).all() and (draws <= record.high).all()
    assert np.ptp(draws) > 0.0


def test_scores_agree_on_how_healthy_the_disc_is():
    logs = {key: np.log(DRAWS[key]) for key in LOG_NORMAL}
    # Correlation 0.6 of normal scores, standard error (1 - 0.36) / sqrt(4000) = 0.01; four of it.
    assert np.corrcoef(logs["glycosaminoglycan.nucleus"], logs["cell_density.nucleus"])[0, 1] == pytest.approx(
        0.6, abs=0.04
    )
    assert np.corrcoef(logs["glycosaminoglycan.nucleus"], logs["cytokine"])[0, 1] == pytest.approx(-0.6, abs=0.04)
    for key, sign in (("senescent_share", -1), ("fissure_fraction", -1), ("annulus_order", 1), ("height_factor", 1)):
        # Not normal any more, so weaker, but clearly there.
        assert sign * np.corrcoef(logs["glycosaminoglycan.nucleus"], DRAWS[key])[0, 1] > 0.4


def test_height_has_the_given_deviation_where_it_is_not_cut():
    record = PARAMETERS["grades.height_factor.III"]
    assert record.low is not None and record.high is not None
    law = truncnorm((record.low - 0.95) / 0.08, (record.high - 0.95) / 0.08, loc=0.95, scale=0.08)
    draws = DRAWS["height_factor"]
    # Four standard errors of a mean, and about four of a deviation, of 4000 draws.
    assert draws.mean() == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(MEMBERS))
    assert draws.std() == pytest.approx(law.std(), rel=0.06)


def test_draws_do_not_depend_on_how_many_are_made_but_on_the_seed():
    few = sample_grade(PARAMETERS, 3, 7, 5)
    for key, draws in few.items():
        np.testing.assert_array_equal(draws, DRAWS[key][:5])
    assert not np.array_equal(sample_grade(PARAMETERS, 3, 8, 5)["cytokine"], few["cytokine"])


def test_a_member_becomes_a_composition():
    member = {key: draws[2] for key, draws in DRAWS.items()}
    drawn, table = GradeMatrix.of_grade(PARAMETERS, 3, member), GradeMatrix.of_grade(PARAMETERS, 3)
    assert float(drawn.glycosaminoglycan[0]) == member["glycosaminoglycan.nucleus"]
    assert float(drawn.glycosaminoglycan[2]) == float(table.glycosaminoglycan[2]) == 31.24
    assert float(drawn.fissure) == member["fissure_fraction"]
    assert float(drawn.aggrecan_fraction) == 0.4
    assert jax.tree.structure(drawn) == jax.tree.structure(table)


def test_there_is_no_sixth_grade():
    with pytest.raises(InvalidInput, match="6 is no Pfirrmann grade"):
        sample_grade(PARAMETERS, 6, 0, 1)
