"""Null tests (cells_matrix 6.11): no cells are the sham arm bit by bit, and cells without an effect leave the matrix as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import (
    Course,
    DiscModel,
    SimulationState,
    StepControl,
    advance_by_steps,
    follow,
    plan_of,
    resolve,
    settle,
)
from pulposus.simulation._course import SINGLE
from pulposus.simulation._events import InjectionEvent
from pulposus.simulation._plan import injection_event, mesh_of
from pulposus.therapy import load_protocol

CONTROL, OPTIONS = StepControl(), SolverOptions(tolerance=1e-6)
STEPS = jnp.concatenate([jnp.full(10, 0.1), jnp.full(9, 0.5), jnp.full(10, 2.0)])
GO = eqx.filter_jit(lambda model, state: advance_by_steps(model, state, STEPS, OPTIONS))


def everything(state: SimulationState) -> list[np.ndarray]:
    """All fields of the disc, the accounts of its matrix and native cells, and the steps taken; clocks belong to donor cells."""
    flows = state.ledger.flows
    fields = (state.time, state.step, state.steps, state.cells, state.solutes, state.signals, state.matrix)
    accounts = (state.matrix_ledger, flows, state.ledger.native_removed, state.ledger.native_killed)
    return [np.asarray(leaf) for leaf in jax.tree.leaves((fields, accounts))]


@pytest.mark.parametrize(("level", "times"), [("slab", [0.0, 1.0, 3.0, 28.0]), ("disc", [0.0, 1.0, 3.0])])
def test_zero_cells_are_the_sham_arm_bit_by_bit(
    human_disc: Disc, constants: ParameterSet, level: str, times: list[float]
) -> None:
    """Two injections of a product without cells, each with its needle, against the two needles alone. The plan gives both arms one course,
    so the injection is made from its parts here: that of the treatment without cells, and that of ten million cells that stayed outside."""
    protocol = load_protocol("orozco-2011", ["dose.repeat_at=[3 day]"])
    plan = plan_of(protocol, human_disc, constants, level, times[-1])
    mesh = mesh_of(human_disc, level)
    empty = load_protocol("orozco-2011", ["dose.repeat_at=[3 day]", "dose.cells=0 cell"])
    treatment, injured = resolve(empty, human_disc, constants)
    kept = next(event for event in plan.arms["with_cells"].events[0.0] if isinstance(event, InjectionEvent))
    nothing = jnp.zeros(())
    products = (
        injection_event(mesh, treatment, injured),
        replace(kept, free=jnp.zeros_like(kept.free), injected=nothing, leaked_at_once=nothing),
    )
    assert float(products[0].injected) == float(jnp.max(products[0].free)) == 0.0
    needles = plan.arms["sham"].events
    assert list(needles) == [0.0, 3.0]
    model, start = settle(plan, CONTROL, OPTIONS)

    def run(product: tuple[InjectionEvent, ...]) -> list[SimulationState]:
        course = Course("an arm", times, {time: (*needle, *product) for time, needle in needles.items()})
        return follow(course, model, start, SINGLE, CONTROL, OPTIONS)[1]

    sham = run(())
    for product in products:
        for one, other in zip(run((product,)), sham, strict=True):
            for left, right in zip(everything(one), everything(other), strict=True):
                np.testing.assert_array_equal(left, right)


def test_the_plan_gives_both_arms_without_cells_one_course(human_disc: Disc, constants: ParameterSet) -> None:
    plan = plan_of(load_protocol("orozco-2011", ["dose.cells=0 cell"]), human_disc, constants, "slab", 1.0)
    assert plan.arms["with_cells"] is plan.arms["sham"]
    assert plan.arms["sham"] is not plan.arms["native_course"], "the needle"


def harmless(model: DiscModel) -> DiscModel:
    """The disc under donor cells that make nothing and use nothing; paracrine factor and differentiation are off."""
    weights = model.biology.laws.matrix.weights
    idle = eqx.tree_at(
        lambda one: (one.attached, one.differentiated, one.attached_fibrous, one.differentiated_fibrous),
        weights,
        (jnp.zeros(()),) * 4,
    )
    fasting = [
        eqx.tree_at(lambda one: (one.oxygen, one.glucose), demand, (jnp.zeros(()), jnp.zeros(())))
        for demand in (model.product.demand, model.product.differentiated_demand)
    ]
    return eqx.tree_at(
        lambda one: (one.biology.laws.matrix.weights, one.product.demand, one.product.differentiated_demand),
        model,
        (idle, *fasting),
    )


def difference(model: DiscModel, injection: InjectionEvent) -> tuple[float, float]:
    """Largest relative difference of any matrix field between the disc with and without cells, and donor cells per injected cell."""
    state = SINGLE.start(model, 0.1, OPTIONS)
    model, state = SINGLE.balance(model, state)
    treated, injected = SINGLE.happen(injection, model, state)
    with_cells, without = GO(treated, injected), GO(model, state)
    found = 0.0
    for one, other in zip(jax.tree.leaves(with_cells.matrix), jax.tree.leaves(without.matrix), strict=True):
        scale = np.maximum(np.abs(np.asarray(other)), 1e-3)
        found = max(found, float(np.max(np.abs(np.asarray(one) - np.asarray(other)) / scale)))
    return found, float(with_cells.totals(treated).alive / with_cells.ledger.injected)


def test_cells_without_an_effect_leave_the_matrix_of_the_slab(human_disc: Disc, constants: ParameterSet) -> None:
    """Nutrients are clamped by cells that use none. The same fixed steps, since donor cells have a say in adaptive ones: only rounding is
    left, 1e-12. With their effects the same cells change the matrix."""
    off = ["numerics.switches.differentiation=false", "numerics.switches.paracrine=false"]
    quiet = plan_of(load_protocol("orozco-2011", off), human_disc, constants, "slab", 28.0)
    usual = plan_of(load_protocol("orozco-2011"), human_disc, constants, "slab", 28.0)
    found, alive = difference(harmless(quiet.model), quiet.arms["with_cells"].events[0.0][-1])
    assert found < 1e-12
    assert alive > 0.1
    changed, _ = difference(usual.model, usual.arms["with_cells"].events[0.0][-1])
    assert changed > 1e-4


def test_cells_without_an_effect_leave_the_matrix_of_a_well_mixed_nucleus(
    human_disc: Disc, constants: ParameterSet, well_mixed: Callable
) -> None:
    """Level 0 gives the nutrients, so the demand of the cells may stand; 1e-12 as on the slab."""
    off = ["numerics.switches.differentiation=false", "numerics.switches.paracrine=false"]
    treatment, _ = resolve(load_protocol("orozco-2011", off), human_disc, constants)
    model, injection = well_mixed(human_disc, constants, treatment)
    weights = model.biology.laws.matrix.weights
    idle = eqx.tree_at(
        lambda one: (one.attached, one.differentiated, one.attached_fibrous, one.differentiated_fibrous),
        weights,
        (jnp.zeros(()),) * 4,
    )
    idle_model = eqx.tree_at(lambda one: one.biology.laws.matrix.weights, model, idle)
    found, alive = difference(idle_model, injection)
    assert found < 1e-12
    assert alive > 0.1
    changed, _ = difference(model, injection)
    assert changed > 1e-6
