"""Derivatives of a whole simulation in forward mode against central differences: living cells and the glycosaminoglycan of the nucleus
after 28 days with respect to constants of cells, signals and matrix."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, SimulationState, advance_by_steps, plan_of, start_state
from pulposus.simulation._course import SINGLE
from pulposus.simulation._events import InjectionEvent
from pulposus.therapy import load_protocol

# Rows of the outcome.
CELLS, MATRIX = 0, 1
# What a constant must change, and where it stands; a row of the carrier's table also stands for the time after the gel, and the turnover is
# that of all rates of the two pools together.
CONSTANTS: dict[str, tuple[list[int], Callable[[DiscModel], tuple]]] = {
    "growth rate": ([CELLS, MATRIX], lambda model: (model.parameters.donor.growth.rate,)),
    "mitogen window": ([CELLS], lambda model: (model.parameters.donor.growth.mitogen_window,)),
    "basal death": ([CELLS], lambda model: (model.parameters.donor.basal_death,)),
    "differentiation rate": ([CELLS], lambda model: (model.parameters.donor.differentiation.rate,)),
    "acid width": ([CELLS], lambda model: (model.parameters.donor.acid.width,)),
    "leak rate": ([CELLS, MATRIX], lambda model: (model.product.carrier.leak_rate, model.product.saline.leak_rate)),
    "attachment rate": (
        [CELLS],
        lambda model: (model.product.carrier.attachment_rate, model.product.saline.attachment_rate),
    ),
    "anoikis rate": ([CELLS], lambda model: (model.product.carrier.anoikis_rate,)),
    "oxygen use of a donor cell": ([CELLS], lambda model: (model.product.demand.oxygen,)),
    "metabolism of native cells": ([CELLS], lambda model: (model.native_rate_factor,)),
    "aggrecan turnover": ([MATRIX], lambda model: tuple(jax.tree.leaves(model.biology.setting.aggrecan))),
    "enzyme gain": ([MATRIX], lambda model: (model.biology.laws.matrix.enzyme_gain,)),
    "paracrine inhibition": ([MATRIX], lambda model: (model.biology.signals.parameters.paracrine.inhibition,)),
    "synthesis of a differentiated cell": ([MATRIX], lambda model: (model.biology.laws.matrix.weights.differentiated,)),
    "decay of the signals": ([MATRIX], lambda model: (model.biology.signals.parameters.transport.decay,)),
    "source of cytokine": ([MATRIX], lambda model: (model.biology.signals.source_factor,)),
}
# 28 days in fixed steps: the adaptive choice of steps is no differentiable function.
STEPS = jnp.concatenate([jnp.full(10, 0.1), jnp.full(9, 0.5), jnp.full(15, 1.5)])
OPTIONS = SolverOptions(tolerance=1e-12)
# Relative change of a constant. The difference is wrong by its square (1e-8) and by the noise of a solve to 1e-12 over it (1e-8).
CHANGE = 1e-4


def treated_of(disc: Disc, constants: ParameterSet, level: str) -> tuple[DiscModel, InjectionEvent]:
    """A balanced disc and the injection of a published study."""
    plan = plan_of(load_protocol("orozco-2011", ["numerics.switches.puncture_damage=false"]), disc, constants, level)
    model, _ = SINGLE.balance(plan.model, SINGLE.start(plan.model, 0.1, OPTIONS))
    (event,) = plan.arms["with_cells"].events[0.0]
    assert isinstance(event, InjectionEvent)
    return model, event


def scaled(model: DiscModel, factors: jnp.ndarray) -> DiscModel:
    """The model with every constant multiplied by its factor."""
    for number, (_, where) in enumerate(CONSTANTS.values()):
        model = eqx.tree_at(where, model, replace_fn=lambda value, number=number: value * factors[number])
    return model


def month_of(model: DiscModel, event: InjectionEvent) -> SimulationState:
    """State 28 days after the injection."""
    treated = event.change(model, jnp.zeros(()))
    start = event.happen(treated, start_state(treated, 0.1, OPTIONS))
    return advance_by_steps(treated, start, STEPS, OPTIONS)


def outcome(model: DiscModel, event: InjectionEvent) -> Callable[[jnp.ndarray], jnp.ndarray]:
    """Million living donor cells and mean glycosaminoglycan of the nucleus [mg/mL] after 28 days, as a function of the factors."""

    def both(factors: jnp.ndarray) -> jnp.ndarray:
        changed = scaled(model, factors)
        state = month_of(changed, event)
        nucleus = changed.biology.setting.nucleus_mean(state.matrix.glycosaminoglycan)
        return jnp.stack([state.totals(changed).alive, nucleus])

    return both


def with_derivative(model: DiscModel, event: InjectionEvent) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Outcome and its derivative in a direction, compiled once for both."""
    both = outcome(model, event)
    compiled = jax.jit(lambda factors, direction: jnp.stack(jax.jvp(both, (factors,), (direction,))))
    return lambda factors, direction: np.asarray(compiled(jnp.asarray(factors), jnp.asarray(direction)))


def check(compiled: Callable, direction: np.ndarray, rows: list[int], name: str, change: float = CHANGE) -> None:
    """Derivatives of the outcomes of these rows against central differences over a relative change of the constants."""
    ones = np.ones(len(direction))
    _, derivative = compiled(ones, direction)
    above, below = (compiled(ones + sign * change * direction, direction)[0] for sign in (1.0, -1.0))
    for row in rows:
        assert abs(derivative[row]) > 1e-4, f"{name} does not matter"
        expected = (above[row] - below[row]) / (2.0 * change)
        assert derivative[row] == pytest.approx(expected, rel=1e-5), name


def test_the_gradient_on_the_slab(human_disc: Disc, constants: ParameterSet) -> None:
    compiled = with_derivative(*treated_of(human_disc, constants, "slab"))
    for (name, (rows, _)), direction in zip(CONSTANTS.items(), np.eye(len(CONSTANTS)), strict=True):
        check(compiled, direction, rows, name)


@pytest.mark.slow
def test_the_gradient_in_three_dimensions(human_disc: Disc, constants: ParameterSet) -> None:
    """One direction that changes all constants, each with its sign, so that no two effects on the cells cancel by accident.

    Among five thousand nodes some lie within 1e-4 of a kink of the laws (the glucose threshold, the upwind side of chemotaxis), where the
    error of a difference falls with the change and not with its square: a third of it, whose noise is 3e-8."""
    compiled = with_derivative(*treated_of(human_disc, constants, "disc"))
    signs = np.array([1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, -1.0, -1.0, 1.0])
    check(compiled, signs, [CELLS, MATRIX], "everything", 0.3 * CHANGE)
