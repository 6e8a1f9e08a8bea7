"""A disc in a batch gives what it gives alone: in batches of 1, 7 and 16, in any order."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import Plan, SimulationState, StepControl, plan_of
from pulposus.simulation._course import BATCH, SINGLE, Runner
from pulposus.simulation._drivers import draw, drawn, uncertain
from pulposus.simulation._members import _stack
from pulposus.simulation._recording import RecordingParameters
from pulposus.therapy import load_protocol

CONTROL, OPTIONS = StepControl(), SolverOptions(tolerance=1e-6)
DISC, DAY = "human/L4-L5/grade4", jnp.asarray(3.0)


@pytest.fixture(scope="module")
def plans(constants: ParameterSet) -> list[Plan]:
    """Sixteen members of an ensemble on the slab: other constants, doses and supplies, so they need other numbers of steps.

    The volume is the same for all, small and slow enough that every annulus holds its pressure."""
    protocol, used = (
        load_protocol("orozco-2011", ["dose.volume=0.4 mL", "delivery.duration=10 min"]),
        RecordingParameters(constants),
    )
    protocol = protocol.model_copy(update={"dose": protocol.dose.model_copy(update={"volume_range": None})})
    plan_of(protocol, load_disc(DISC, "coarse", used), used, "slab", 3.0)
    drivers = draw(protocol, constants, uncertain(used.used()), 16)
    found = []
    for number in range(16):
        study, values = drawn(protocol, constants, drivers, number)
        found.append(plan_of(study, load_disc(DISC, "coarse", values), values, "slab", 3.0))
    return found


def three_days(plans: Sequence[Plan], runner: Runner) -> SimulationState:
    """The members after balance, needle and injection, and three days; on the leading axis of a batch or without one."""
    batch = runner is BATCH

    def one(trees: list) -> object:
        return _stack(trees) if batch else trees[0]

    model = one([plan.model for plan in plans])
    model, state = runner.balance(model, runner.start(model, CONTROL.first, OPTIONS))
    for events in zip(*(plan.arms["with_cells"].events[0.0] for plan in plans), strict=True):
        model, state = runner.happen(one(list(events)), model, state)
    return runner.advance(model, state, DAY, CONTROL, OPTIONS)


@pytest.fixture(scope="module")
def alone(plans: list[Plan]) -> list[SimulationState]:
    return [three_days([plan], SINGLE) for plan in plans]


def together(plans: Sequence[Plan]) -> list[SimulationState]:
    states = three_days(plans, BATCH)
    return [jax.tree.map(lambda leaf, number=number: leaf[number], states) for number in range(len(plans))]


def test_the_members_differ(alone: list[SimulationState]) -> None:
    assert len({int(state.steps) for state in alone}) > 3


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([4], id="1", marks=pytest.mark.slow),
        pytest.param([9, 2, 14, 0, 5, 11, 3], id="7"),
        pytest.param(list(range(16)), id="16", marks=pytest.mark.slow),
        pytest.param(list(range(15, -1, -1)), id="16 backwards", marks=pytest.mark.slow),
    ],
)
def test_a_batch_changes_nobody(plans: list[Plan], alone: list[SimulationState], order: list[int]) -> None:
    """Only the order of rounding may differ: 1e-9 of the largest value of each field, with the same steps. The step to try next comes from
    the difference of two answers, 5e-4 of them, so its rounding is that much larger: 2e-6."""
    for number, state in zip(order, together([plans[member] for member in order]), strict=True):
        assert (int(state.steps), int(state.rejected)) == (int(alone[number].steps), int(alone[number].rejected))
        for (path, one), other in zip(
            jax.tree_util.tree_leaves_with_path(state), jax.tree.leaves(alone[number]), strict=True
        ):
            share = 2e-6 if jax.tree_util.keystr(path) == ".step" else 1e-9
            scale = float(np.max(np.abs(np.asarray(other))))
            np.testing.assert_allclose(
                np.asarray(one), np.asarray(other), rtol=share, atol=share * scale, err_msg=jax.tree_util.keystr(path)
            )
