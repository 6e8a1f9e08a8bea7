"""Sources and decay of the signals on one node, where every law has a closed form."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellState, Environment
from pulposus.matrix import (
    Load,
    Medium,
    SignalInputs,
    SignalModel,
    SignalParameters,
    SignalState,
    advance_signals,
    steady_enzyme,
)
from pulposus.matrix._signals import cytokine_production, inhibitor_loss, paracrine_secretion
from pulposus.parameters import load_parameters

CONSTANTS = load_parameters()
LAWS = SignalParameters.from_parameters(CONSTANTS)
DECAY = np.log(2.0) / 0.5
# A place without stress: the switches are off by hundreds of widths.
CALM = Environment(oxygen=2.0, glucose=100.0, pH=20.0, osmolarity=400.0)
REST = Load(-20.0, 1.0)
EXACT = 1e-14

SHARES = {grade: CONSTANTS.value(f"grades.senescent_share.{grade}") for grade in ("I", "II", "III", "IV", "V")}


def node(value: float) -> jnp.ndarray:
    return jnp.full((1, 1), value)


def one_node(**changes: float) -> SignalModel:
    numbers = {"source_factor": 1.0, "secretion": 1.0, "growth_factor_decay": np.log(2.0)} | changes
    return SignalModel(Medium.of_point(jnp.asarray(5.0)), LAWS, node(3.6), **numbers)


def cells(native: float = 0.0, senescent: float = 0.0, attached: float = 0.0, differentiated: float = 0.0) -> CellState:
    return CellState(node(native), node(senescent), node(0.0), node(attached), node(differentiated), node(0.0))


def signals(
    cytokine: float = 0.0, paracrine: float = 0.0, growth_factor: float = 0.0, enzyme: float = 0.0
) -> SignalState:
    return SignalState(node(cytokine), node(paracrine), node(growth_factor), node(enzyme))


def production(model: SignalModel, lagged: SignalState, population: CellState, trauma: float = 0.0) -> float:
    return float(cytokine_production(model, lagged, population, CALM, REST, trauma)[0, 0])


def settled(model: SignalModel, population: CellState, inputs: SignalInputs, start: SignalState) -> SignalState:
    """The steady state that repeated steps reach."""

    @eqx.filter_jit
    def run(state: SignalState) -> SignalState:
        def once(last: SignalState, _: None) -> tuple[SignalState, None]:
            return advance_signals(model, last, last, population, CALM, REST, inputs, 1e4), None

        return jax.lax.scan(once, state, None, length=80)[0]

    return run(start)


def test_the_four_sources_of_cytokine() -> None:
    model, nothing = one_node(), signals()
    assert production(model, nothing, cells(senescent=0.72)) == pytest.approx(5.0 * 0.72 / 3.6, rel=EXACT)
    assert production(model, signals(cytokine=2.0), cells()) == pytest.approx(0.83 * 4.0 / 5.0, rel=EXACT)
    assert production(model, nothing, cells(), trauma=3.0) == 3.0
    assert production(model, nothing, cells(native=3.6)) == pytest.approx(0.0, abs=1e-12)
    acid = eqx.tree_at(lambda one: one.pH, CALM, jnp.asarray(6.75))
    stressed = cytokine_production(model, nothing, cells(native=1.8), acid, REST)
    assert float(stressed[0, 0]) == pytest.approx(0.3 * 0.5 * 0.5, rel=EXACT)


def test_the_paracrine_factor_divides_every_source() -> None:
    model = one_node()
    population = cells(native=2.0, senescent=1.0)
    free = production(model, signals(cytokine=1.0), population, trauma=1.0)
    assert production(model, signals(1.0, paracrine=1.0), population, trauma=1.0) == pytest.approx(
        0.5 * free, rel=EXACT
    )
    stronger = SignalParameters.from_parameters(CONSTANTS.replace({"matrix.paracrine_inhibition": 0.2}))
    model = eqx.tree_at(lambda one: one.parameters, model, stronger)
    assert production(model, signals(1.0, paracrine=1.0), population, trauma=1.0) == pytest.approx(
        free / 6.0, rel=EXACT
    )


def test_a_place_without_cells_of_its_own_makes_nothing() -> None:
    model = eqx.tree_at(lambda one: one.healthy_density, one_node(), node(0.0))
    assert production(model, signals(), cells()) == 0.0


def test_the_disc_factor_scales_what_its_cells_make_and_nothing_else() -> None:
    """One step from nothing: c = h (f q + sc2 + 0.2 k + q_c) / (1 + k_c h)."""
    step, inputs = 0.5, SignalInputs(trauma=1.5, immune_kill=0.7, cytokine=0.3)
    for factor in (1.0, 2.5):
        model = one_node(source_factor=factor)
        after = advance_signals(model, signals(), signals(), cells(senescent=0.36), CALM, REST, inputs, step)
        expected = step * (factor * 5.0 * 0.1 + 1.5 + 0.2 * 0.7 + 0.3) / (1.0 + DECAY * step)
        assert float(after.cytokine[0, 0]) == pytest.approx(expected, rel=EXACT)


def test_one_million_attached_cells_keep_the_paracrine_factor_at_one() -> None:
    after = settled(one_node(), cells(attached=1.0), SignalInputs(), signals())
    assert float(after.paracrine[0, 0]) == pytest.approx(1.0, rel=1e-12)
    less = settled(one_node(secretion=1.2), cells(differentiated=1.0), SignalInputs(), signals())
    assert float(less.paracrine[0, 0]) == pytest.approx(0.3 * 1.2, rel=1e-12)
    pulse = settled(one_node(), cells(), SignalInputs(paracrine=DECAY), signals())
    assert float(pulse.paracrine[0, 0]) == pytest.approx(1.0, rel=1e-12)


def test_the_switch_and_the_absence_of_donor_cells_leave_the_same_signals_bit_for_bit() -> None:
    native = cells(native=2.88, senescent=0.72)
    treated = cells(native=2.88, senescent=0.72, attached=3.0, differentiated=2.0)
    start = signals(cytokine=1.0, enzyme=0.9)
    sham = advance_signals(one_node(), start, start, native, CALM, REST, SignalInputs(), 0.7)
    off = advance_signals(one_node(secretion=0.0), start, start, treated, CALM, REST, SignalInputs(), 0.7)
    for one, other in zip(jax.tree.leaves(sham), jax.tree.leaves(off), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert float(paracrine_secretion(one_node(), treated)[0, 0]) == pytest.approx(DECAY * 3.6, rel=EXACT)


def test_growth_factor_decays_at_its_own_rate_and_is_released() -> None:
    model = one_node(growth_factor_decay=0.35)
    start = signals(growth_factor=8.0)
    after = advance_signals(model, start, start, cells(), CALM, REST, SignalInputs(growth_factor=2.0), 0.5)
    assert float(after.growth_factor[0, 0]) == pytest.approx((8.0 + 2.0 * 0.5) / (1.0 + 0.35 * 0.5), rel=EXACT)


def test_enzyme_unit() -> None:
    """e_IV = 2.07644 (rulings 22), printed to five decimals; the activity is 1 at cytokine 1 and pH 6.8."""
    assert float(inhibitor_loss(jnp.asarray(6.8), LAWS.enzyme)) == pytest.approx(2.07644, abs=5e-6)
    assert float(steady_enzyme(jnp.asarray(1.0), jnp.asarray(0.0), jnp.asarray(6.8), LAWS)) == 1.0
    assert float(steady_enzyme(jnp.asarray(1.0), jnp.asarray(1.0), jnp.asarray(6.8), LAWS)) == 0.5
    assert float(inhibitor_loss(jnp.asarray(9.0), LAWS.enzyme)) == 1.0  # f_T is capped: alkali does not protect


@pytest.mark.parametrize(
    "cytokine,pH,activity",
    [(0.05, 7.00, 0.03557), (0.15, 6.96, 0.1152), (0.4, 6.93, 0.3247), (1.0, 6.89, 0.8705), (1.5, 6.88, 1.328)],
)
def test_enzyme_of_the_grades(cytokine: float, pH: float, activity: float) -> None:
    """The check row of the grade table: the grade's cytokine at the lowest pH of the `impaired` benchmark, printed to four digits."""
    found = float(steady_enzyme(jnp.asarray(cytokine), jnp.asarray(0.0), jnp.asarray(pH), LAWS))
    assert found == pytest.approx(activity, rel=5e-4)


def test_the_enzyme_relaxes_exactly() -> None:
    """With the cytokine held by an equal source, a step of 2 days is two steps of 1 day, and follows e_ss + (e0 - e_ss) exp(-t)."""
    acid = eqx.tree_at(lambda one: one.pH, CALM, jnp.asarray(6.8))
    start = signals(cytokine=1.0, enzyme=3.0)
    held = SignalInputs(trauma=DECAY - 0.83 * 0.5)

    def after(state: SignalState, step: float) -> SignalState:
        return advance_signals(one_node(), state, start, cells(), acid, REST, held, step)

    once, twice = after(start, 2.0), after(after(start, 1.0), 1.0)
    assert float(once.cytokine[0, 0]) == pytest.approx(1.0, rel=EXACT)
    assert float(once.enzyme[0, 0]) == pytest.approx(1.0 + 2.0 * np.exp(-2.0), rel=1e-13)
    assert float(twice.enzyme[0, 0]) == pytest.approx(float(once.enzyme[0, 0]), rel=1e-13)


@pytest.mark.parametrize("grade,level", [("I", 0.08), ("II", 0.20), ("III", 0.47), ("IV", 1.03), ("V", 1.50)])
def test_a_well_mixed_disc_of_a_grade_has_the_printed_cytokine(grade: str, level: float) -> None:
    """Rulings 4: native cells 3.6 million per mL, healthy density 3.6, printed to two decimals."""
    share = SHARES[grade]
    found = settled(one_node(), cells(3.6 * (1.0 - share), 3.6 * share), SignalInputs(), signals())
    assert float(found.cytokine[0, 0]) == pytest.approx(level, abs=0.005)


def test_the_splitting_is_of_first_order_in_time() -> None:
    """Against the exact decay to the steady state: halving the step halves the error of backward Euler."""
    population, inputs = cells(), SignalInputs(trauma=1.0)
    linear = eqx.tree_at(lambda one: one.parameters.source.autocrine, one_node(), jnp.zeros(()))
    exact = (1.0 - np.exp(-DECAY * 2.0)) / DECAY
    errors = []
    advance = eqx.filter_jit(advance_signals)
    for steps in (20, 40):
        state = signals()
        for _ in range(steps):
            state = advance(linear, state, state, population, CALM, REST, inputs, jnp.asarray(2.0 / steps))
        errors.append(abs(float(state.cytokine[0, 0]) - exact))
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.15)


def test_derivative_of_a_step_where_no_donor_cell_is() -> None:
    """The cytokine falls with the first secreting cell: dc/dp is not lost at p = 0."""

    def after(density: jnp.ndarray) -> jnp.ndarray:
        population = eqx.tree_at(lambda one: one.attached, cells(senescent=0.72), density * node(1.0))
        first = advance_signals(one_node(), signals(1.0), signals(1.0), population, CALM, REST, SignalInputs(), 1.0)
        return advance_signals(one_node(), first, first, population, CALM, REST, SignalInputs(), 1.0).cytokine[0, 0]

    slope = float(jax.jacfwd(after)(jnp.asarray(0.0)))
    # A central difference needs negative densities, which the law allows: its error is that of the square of 1e-5 and of rounding.
    difference = float(after(jnp.asarray(1e-5)) - after(jnp.asarray(0.0))) / 1e-5
    assert slope < 0.0
    assert slope == pytest.approx(difference, rel=1e-4)
