"""A disc in balance before anything is done to it: the natural history of its glycosaminoglycan, the cytokine of its grade."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.matrix import nucleus_turnover
from pulposus.nutrition import SolverOptions
from pulposus.parameters import GRADES, ParameterSet
from pulposus.simulation import DiscModel, SimulationState, StepControl, plan_of, settle
from pulposus.simulation._course import SINGLE
from pulposus.simulation._settle import moved_to
from pulposus.therapy import load_protocol

CONTROL, OPTIONS = StepControl(), SolverOptions(tolerance=1e-6)
YEAR = 365.25


def turnover(model: DiscModel, state: SimulationState) -> tuple[float, float]:
    """Synthesis and loss of glycosaminoglycan in the nucleus [mg/mL/day]."""
    biology, state = model.biology, jax.tree.map(jnp.asarray, state)
    around = model.environment(state.solutes, state.signals, state.matrix)
    made, lost = nucleus_turnover(
        biology.setting, state.matrix, state.cells, around, state.signals, biology.load, biology.laws.matrix
    )
    return float(made), float(lost)


@pytest.mark.parametrize("grade", [1, 3, 4])
def test_the_nucleus_changes_at_the_rate_of_the_natural_history(constants: ParameterSet, grade: int) -> None:
    """To rounding: one factor on the synthesis makes it so."""
    disc = load_disc(f"human/L4-L5/grade{grade}", "coarse")
    plan = plan_of(load_protocol("no-treatment"), disc, constants, "slab", 1.0)
    model, state = settle(plan, CONTROL, OPTIONS)
    made, lost = turnover(model, state)
    change = constants.value(f"grades.glycosaminoglycan_change.{GRADES[grade - 1]}")
    weight = np.asarray(model.biology.setting.nucleus_weight)
    content = float(np.sum(weight * (state.matrix.aggrecan + state.matrix.fragments)))
    assert made - lost == pytest.approx(change * content, abs=1e-12 * lost)
    assert content == pytest.approx(constants.value(f"grades.glycosaminoglycan.nucleus.{GRADES[grade - 1]}"), rel=0.02)


def test_a_natural_history_of_choice(constants: ParameterSet) -> None:
    disc = load_disc("human/L4-L5/grade3", "coarse")
    protocol = load_protocol("no-treatment", ["disc.glycosaminoglycan_change=-2 percent/year"])
    model, state = settle(plan_of(protocol, disc, constants, "slab", 1.0), CONTROL, OPTIONS)
    made, lost = turnover(model, state)
    content = float(model.biology.setting.nucleus_mean(jnp.asarray(state.matrix.aggrecan + state.matrix.fragments)))
    assert (made - lost) / content == pytest.approx(-0.02 / YEAR, rel=1e-9)


def test_the_cytokine_is_that_of_the_grade_and_stays(settled: tuple[DiscModel, SimulationState]) -> None:
    """Its mean over the nucleus to the rounding of a steady solve; a day later without treatment the same to 1e-3: the cells change by
    1e-5 in a day, and the law answers with less than that times its gain."""
    model, state = settled
    weight, grade = np.asarray(model.biology.setting.nucleus_weight), float(model.surroundings.cytokine)
    assert float(np.sum(weight * state.signals.cytokine)) == pytest.approx(grade, rel=1e-9)
    later = SINGLE.advance(model, state, jnp.asarray(1.0, dtype=jnp.float64), CONTROL, OPTIONS)
    np.testing.assert_allclose(np.asarray(later.signals.cytokine), state.signals.cytokine, rtol=1e-3)
    np.testing.assert_allclose(np.asarray(later.signals.enzyme), state.signals.enzyme, rtol=1e-3)


def test_the_composition_is_that_of_the_grade_and_the_accounts_are_closed(
    settled: tuple[DiscModel, SimulationState],
) -> None:
    model, state = settled
    for one, other in zip(jax.tree.leaves(state.matrix), jax.tree.leaves(model.biology.initial_matrix), strict=True):
        np.testing.assert_array_equal(one, np.asarray(other))
    assert (float(state.time), float(state.since_event), int(state.steps), int(state.rejected)) == (0.0, 0.0, 0, 0)
    totals = jax.tree.map(jnp.asarray, state).totals(model)
    assert float(totals.native_alive_fraction) == 1.0
    assert all(float(leaf) == 0.0 for leaf in jax.tree.leaves(state.ledger.flows))
    assert all(float(leaf) == 0.0 for leaf in jax.tree.leaves((state.matrix_ledger.made, state.matrix_ledger.lost)))


def test_cells_and_nutrients_have_lived_with_each_other(settled: tuple[DiscModel, SimulationState]) -> None:
    """Two months of the grade: fewer native cells where they starve, none more than the grade has."""
    model, state = settled
    start, now = (
        float(jnp.sum(model.volume * cells.native_alive))
        for cells in (model.initial_cells, jax.tree.map(jnp.asarray, state.cells))
    )
    assert 0.5 * start < now < start


def test_a_disc_without_a_matrix_only_opens_its_accounts(treated: DiscModel) -> None:
    state = SINGLE.start(treated, 0.05, OPTIONS)
    model, balanced = SINGLE.balance(treated, moved_to(state, -60.0))
    assert model.biology is None
    assert balanced.matrix is None
    assert float(balanced.time) == -60.0
    np.testing.assert_array_equal(np.asarray(balanced.cells.native), np.asarray(state.cells.native))
