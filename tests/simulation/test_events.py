"""What happens at one moment: insults, injections, ageing, and the times between which they act."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc, Lesion
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import (
    Course,
    DiscModel,
    Plan,
    SimulationResult,
    SimulationState,
    StepControl,
    follow,
    plan_of,
    simulate,
)
from pulposus.simulation._course import SINGLE
from pulposus.simulation._events import InjectionEvent, InsultEvent
from pulposus.simulation._settle import moved_to
from pulposus.therapy import load_protocol

SLAB = ["numerics.level=slab", "numerics.resolution=coarse"]
CONTROL, OPTIONS = StepControl(), SolverOptions(tolerance=1e-6)
YEAR = 365.25


# Injections


@pytest.fixture(scope="module")
def twice() -> SimulationResult:
    """A dose at day 0 and another two weeks later."""
    return simulate(load_protocol("orozco-2011", [*SLAB, "dose.repeat_at=[14 day]"]), until=28.0)


def at(result: SimulationResult, day: float, arm: str = "with_cells") -> SimulationState:
    return next(state for state in result.arms[arm].states if float(state.time) == day)


def test_a_second_dose_adds_cells(twice: SimulationResult, month: SimulationResult) -> None:
    """The disc that got one dose is the same until then."""
    assert twice.with_cells.cell_rows()[8] == month.with_cells.cell_rows()[8]
    free, only = (float(jnp.sum(state.cells.free)) for state in (at(twice, 14.0), at(month, 14.0)))
    assert free > 10.0 * only
    dose = twice.treatment.injected_cells
    assert float(at(twice, 14.0).ledger.injected) == pytest.approx(2.0 * dose, rel=1e-14)
    assert float(at(month, 14.0).ledger.injected) == pytest.approx(dose, rel=1e-14)
    assert twice.with_cells.cell_rows()[-1]["alive"] > 1.2 * month.with_cells.cell_rows()[-1]["alive"]


def test_a_second_dose_reopens_the_track(twice: SimulationResult, month: SimulationResult) -> None:
    """Of the cells that are free, a larger share leaks in the days after it than of the first dose in the same days, whose track has
    closed."""
    leaked = {
        name: float(at(result, 21.0).ledger.flows.leaked) - float(at(result, 14.0).ledger.flows.leaked)
        for name, result in (("twice", twice), ("once", month))
    }
    assert leaked["twice"] > 10.0 * leaked["once"]


def test_clocks_after_a_second_dose(twice: SimulationResult) -> None:
    """Track and gel start again, exposure goes on, and the stimulus of the culture is that of the mixture."""
    first, second = at(twice, 0.0).clocks, at(twice, 14.0).clocks
    assert (float(first.since_injection), float(first.since_culture), float(first.since_exposure)) == (0.0, 0.0, 0.0)
    assert float(second.since_injection) == 0.0
    assert float(second.since_exposure) == pytest.approx(14.0, rel=1e-12)
    assert 0.0 < float(second.since_culture) < 14.0


def test_the_steps_are_short_again_after_every_event(twice: SimulationResult) -> None:
    assert float(at(twice, 14.0).since_event) == 0.0
    later = at(twice, 21.0)
    assert float(later.since_event) == pytest.approx(7.0, rel=1e-12)


def test_nutrients_are_in_balance_with_the_cells_right_after_an_event(
    twice: SimulationResult, month: SimulationResult
) -> None:
    """A second dose costs glucose at once."""
    assert float(np.mean(at(twice, 14.0).solutes[2])) < float(np.mean(at(month, 14.0).solutes[2]))


def test_growth_factor_raises_synthesis(month: SimulationResult) -> None:
    """Without cells; the sham has the same needle and saline."""
    dose = ["dose.cells=0 cell", "dose.growth_factor={name: GDF-5, amount: 1000 ng}"]
    result = simulate(load_protocol("orozco-2011", [*SLAB, *dose]), until=28.0)
    assert result.with_cells is not result.sham
    start = at(result, 0.0)
    spread = float(jnp.sum(result.with_cells.model.volume * start.signals.growth_factor)) * 1e-3
    assert spread == pytest.approx(result.treatment.supplement.growth_factor_mass, rel=1e-9)
    assert float(jnp.max(at(result, 0.0, "sham").signals.growth_factor)) == 0.0
    made = [
        float(
            at(result, 28.0, arm).matrix_ledger.made.glycosaminoglycan
            - at(result, 0.0, arm).matrix_ledger.made.glycosaminoglycan
        )
        for arm in ("with_cells", "sham")
    ]
    assert made[0] > 1.01 * made[1]


def test_platelets_act_as_long_as_they_last() -> None:
    """The paracrine factor is there while the pulse lasts, and decays when it has ended; leukocytes raise the cytokine."""
    rich = simulate(
        load_protocol("platelet-rich-plasma", [*SLAB, "dose.platelet_rich_plasma.leukocytes=rich"]), until=28.0
    )
    poor = simulate(load_protocol("platelet-rich-plasma", SLAB), until=28.0)
    duration = poor.treatment.supplement.paracrine_duration
    assert 0.0 < duration < 28.0
    assert duration in poor.with_cells.times, "no step contains the end of the release"

    def level(day: float) -> float:
        return float(jnp.max(at(poor, day).signals.paracrine))

    assert level(0.0) == 0.0
    assert level(duration) > 0.0
    assert float(jnp.max(at(poor, duration, "sham").signals.paracrine)) == 0.0
    decay = float(poor.with_cells.model.biology.signals.parameters.transport.decay)
    later = next(time for time in poor.with_cells.times if time > duration)
    assert level(later) < level(duration)
    assert level(28.0) < 2.0 * level(duration) / (1.0 + decay * (28.0 - duration))
    cytokine = [float(jnp.mean(at(result, 1.0).signals.cytokine)) for result in (rich, poor)]
    assert cytokine[0] > 1.05 * cytokine[1]


# Insults


@pytest.fixture(scope="module")
def punctured(human_disc: Disc, constants: ParameterSet) -> Plan:
    settings = ["insults=[{kind: annular-puncture, needle_gauge: 14, time_before_treatment: 30 day}]"]
    return plan_of(load_protocol("orozco-2011", settings), human_disc, constants, "slab", 1.0)


def test_an_insult_injures(settled: tuple[DiscModel, SimulationState], punctured: Plan) -> None:
    model, state = settled
    (event,) = punctured.history.events[-30.0]
    changed, after = SINGLE.happen(event, model, state)
    assert float(jnp.sum(after.matrix.aggrecan)) < float(jnp.sum(state.matrix.aggrecan))
    assert float(jnp.sum(after.cells.native)) < float(jnp.sum(state.cells.native))
    assert float(changed.biology.setting.acute) == 1.0
    assert float(model.biology.setting.acute) == 0.0
    assert float(changed.biology.access) > float(model.biology.access)
    assert float(jnp.max(changed.biology.lesion.trauma)) > 0.0
    assert float(after.since_event) == 0.0


def test_trauma_raises_the_cytokine(settled: tuple[DiscModel, SimulationState], punctured: Plan) -> None:
    model, state = settled
    (event,) = punctured.history.events[-30.0]
    _, states = follow(Course("insult", [0.0, 1.0], {0.0: (event,)}), model, state, SINGLE, CONTROL, OPTIONS)
    assert float(jnp.mean(states[1].signals.cytokine)) > 1.001 * float(jnp.mean(state.signals.cytokine))


def test_two_insults_compose(settled: tuple[DiscModel, SimulationState], punctured: Plan) -> None:
    """What is left of the first trauma, by its own clock, is there beside the second."""
    model, state = settled
    (event,) = punctured.history.events[-30.0]
    once, state = SINGLE.happen(event, model, state)
    later = moved_to(state, 1.0)
    twice, after = SINGLE.happen(event, once, later)
    left = [np.asarray(one.biology.lesion.matrix_left) for one in (once, twice)]
    np.testing.assert_allclose(left[1], left[0] ** 2, rtol=1e-12)
    assert float(twice.biology.insult_time) == 1.0
    assert float(jnp.max(twice.biology.lesion.trauma)) > float(jnp.max(once.biology.lesion.trauma))
    removed = float(after.matrix_ledger.removed.collagen_I)
    assert float(state.matrix_ledger.removed.collagen_I) < removed < 2.0 * float(state.matrix_ledger.removed.collagen_I)


def test_a_disc_without_a_matrix_has_nothing_to_injure(treated: DiscModel) -> None:
    state = SINGLE.start(treated, 0.05, OPTIONS)
    event = InsultEvent(Lesion.none(*treated.volume.shape), jnp.zeros(()))
    assert event.happen(treated, state) is state
    assert event.change(treated, jnp.zeros(())) is treated


def test_an_injection_into_a_disc_without_a_matrix_is_an_injection(treated: DiscModel) -> None:
    state = SINGLE.start(treated, 0.05, OPTIONS)
    free, none = jnp.full(treated.volume.shape, 0.5), jnp.zeros(treated.volume.shape)
    event = InjectionEvent(free, 2.0 * free, jnp.asarray(3.0), jnp.zeros(()), none, none)
    model, after = SINGLE.happen(event, treated, state)
    assert model.biology is None
    np.testing.assert_array_equal(np.asarray(model.leak_weight), np.asarray(2.0 * free))
    np.testing.assert_allclose(np.asarray(after.cells.free), np.asarray(state.cells.free + free), rtol=1e-15)


# The time before the treatment


def test_the_history_ends_where_the_treatment_begins() -> None:
    insult = "insults=[{kind: nucleotomy, removed_fraction: 0.3, time_before_treatment: 14 day}]"
    result = simulate(load_protocol("orozco-2011", [*SLAB, insult]), until=1.0)
    history = result.history
    assert history is not None
    assert (history.times[0], history.times[-1]) == (-14.0, 0.0)
    assert np.all(np.diff(history.times) > 0.0)
    for arm in result.arms.values():
        assert arm.times[0] == 0.0
    end, native = history.states[-1], result.native_course.states[0]
    for name in ("native", "senescent", "dead"):
        np.testing.assert_array_equal(getattr(native.cells, name), getattr(end.cells, name))
    np.testing.assert_array_equal(native.matrix.aggrecan, end.matrix.aggrecan)
    assert float(jnp.sum(at(result, 0.0, "sham").matrix.aggrecan)) < float(jnp.sum(end.matrix.aggrecan)), "the needle"


def test_nothing_before_the_treatment_leaves_no_history(month: SimulationResult, slab_plan: Plan) -> None:
    assert month.history is None
    assert slab_plan.history is None


def test_an_insult_at_the_treatment_is_part_of_both_procedures(human_disc: Disc, constants: ParameterSet) -> None:
    """A discectomy and the injection on one day; the native course is spared both."""
    settings = ["insults=[{kind: discectomy, removed_fraction: 0.15, opening: 6 mm}]", "delivery.pressure_model=false"]
    plan = plan_of(load_protocol("orozco-2011", settings), human_disc, constants, "slab", 1.0)
    kinds = {name: [type(event).__name__ for event in course.events.get(0.0, ())] for name, course in plan.arms.items()}
    assert kinds == {
        "with_cells": ["InsultEvent", "InsultEvent", "InjectionEvent"],
        "sham": ["InsultEvent", "InsultEvent"],
        "native_course": [],
    }
    assert plan.history is None
    assert plan.insults == {0.0: ("discectomy", "needle puncture, gauge 22")}


def test_an_insult_of_the_disc_file_happens_right_before_the_treatment(tmp_path, constants: ParameterSet) -> None:
    from pulposus.disc import load_disc

    file = tmp_path / "disc.yaml"
    shape = "{kind: anatomical, species: human, level: L4-L5}"
    insult = "[{kind: annular-puncture, needle_gauge: 18}]"
    file.write_text(f"schema_version: 1\nname: own\nshape: {shape}\ngrade: 4\ninsults: {insult}\n", encoding="utf-8")
    disc = load_disc(file, "coarse", constants)
    plan = plan_of(load_protocol("no-treatment"), disc, constants, "slab", 1.0)
    assert [type(event).__name__ for event in plan.arms["sham"].events[0.0]] == ["InsultEvent"]
    assert plan.insults == {0.0: ("those of the disc file",)}
    assert plan.arms["native_course"].events == {}


# Loading


def test_another_loading_begins_with_the_treatment(month: SimulationResult) -> None:
    """Leak follows the load; nothing jumps, and every arm is loaded alike."""
    rested = simulate(load_protocol("orozco-2011", [*SLAB, "co_care.load_index=0.5"]), until=1.0)
    leaked, usual = (float(at(result, 1.0).ledger.flows.leaked) for result in (rested, month))
    assert 0.0 < leaked < 0.95 * usual
    first = rested.native_course.states[0]
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(month.native_course.states[0]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(float(arm.model.surroundings.load) == 0.5 for arm in rested.arms.values())


# Ageing


@pytest.fixture(scope="module")
def still() -> SimulationResult:
    """Ten years untreated, without a driver."""
    return simulate(load_protocol("no-treatment", SLAB), until=10.0 * YEAR)


def aged_by(driver: str) -> SimulationResult:
    return simulate(load_protocol("no-treatment", [*SLAB, f"disc.ageing={driver}"]), until=10.0 * YEAR)


def test_ageing_by_nutrition_lowers_glucose(still: SimulationResult, constants: ParameterSet) -> None:
    """Ten years untreated: the supply falls by 1 - exp(-r t), and glucose with it, against the same disc without a driver; in that one it
    rises, since native cells die. Senescence keeps its rate."""
    aged = aged_by("nutrition")
    assert aged.with_cells is aged.native_course, "nothing is done to this disc"
    pairs = zip(aged.native_course.nutrition_rows(), still.native_course.nutrition_rows(), strict=True)
    glucose = [(one["glucose_mM"]["nucleus_mean"], other["glucose_mM"]["nucleus_mean"]) for one, other in pairs]
    share = np.array([one / other for one, other in glucose])
    assert np.all(np.diff(share) < 0.0)
    assert share[0] == 1.0
    rates = [float(run.native_course.model.parameters.native.senescence.rate) for run in (aged, still)]
    assert rates[0] == rates[1]
    supply = aged.disc.supply.endplate_supply
    times = aged.native_course.times
    left = np.asarray(supply) * math.exp(
        -constants.value("matrix.ageing.supply_loss_rate") * 0.5 * (times[-2] + times[-1])
    )
    first, last = (np.asarray(run.native_course.model.problem.exchange) for run in (still, aged))
    central = np.asarray(first[:, 0, [0, -1]]) > 0.0
    ratio = np.where(central, last[:, 0, [0, -1]] / first[:, 0, [0, -1]], 1.0)
    # The Robin coefficient is P / (1 - P) times the same number before and after.
    full = np.asarray(supply)
    assert np.min(ratio) == pytest.approx(float(np.min((left / (1.0 - left)) / (full / (1.0 - full)))), rel=1e-9)


def test_ageing_by_cytokine_raises_senescence(still: SimulationResult, constants: ParameterSet) -> None:
    """The rate of senescence grows as exp(r t), and with it the senescent share; the supply stays."""
    aged = aged_by("cytokine")
    times = aged.native_course.times
    rates = [float(run.native_course.model.parameters.native.senescence.rate) for run in (aged, still)]
    growth = constants.value("matrix.ageing.senescence_growth_rate") * 0.5 * (times[-2] + times[-1])
    assert rates[0] / rates[1] == pytest.approx(math.exp(growth), rel=1e-12)

    def senescent(result: SimulationResult) -> float:
        cells = result.native_course.states[-1].cells
        return float(np.sum(cells.senescent) / np.sum(cells.senescent + cells.native))

    def cytokine(result: SimulationResult) -> float:
        return result.native_course.matrix_rows()[-1]["nucleus"]["cytokine"]

    assert senescent(aged) > senescent(still)
    assert cytokine(aged) > cytokine(still)
    supply = [np.asarray(result.native_course.model.problem.exchange) for result in (aged, still)]
    np.testing.assert_allclose(supply[0], supply[1], rtol=1e-12)
    age = [float(result.native_course.model.biology.setting.age) for result in (aged, still)]
    assert age[0] - age[1] == pytest.approx(times[-2] / YEAR, rel=1e-9)


def test_the_ageing_of_a_model_without_a_matrix(human_disc: Disc, constants: ParameterSet, treated: DiscModel) -> None:
    """Supply and senescence alone."""
    protocol = load_protocol("no-treatment", ["disc.ageing=cytokine"])
    plan = plan_of(protocol, human_disc, constants, "disc", 400.0)
    (event,) = plan.arms["native_course"].events[365.25]
    changed = event.change(treated, jnp.asarray(365.25))
    assert changed.biology is None
    assert float(changed.parameters.native.senescence.rate) > float(treated.parameters.native.senescence.rate)
    assert math.isfinite(float(event.years))
