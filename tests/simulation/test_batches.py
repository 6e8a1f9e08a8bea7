"""A disc in a batch gives what it gives alone: in batches of 1, 7 and 16, in any order."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, SimulationState, StepControl, advance_adaptively, start_state
from pulposus.simulation._ensemble import _advance_all, _member, _stack, _start_all, draw
from pulposus.therapy import load_protocol

CONTROL, OPTIONS = StepControl(), SolverOptions(tolerance=1e-6)
DISC, DAY = "human/L4-L5/grade4", jnp.asarray(3.0)


@pytest.fixture(scope="module")
def models(constants: ParameterSet) -> list[DiscModel]:
    """Sixteen members of an ensemble on the slab: other constants, doses and supplies, so they need other numbers of steps."""
    protocol = load_protocol("orozco-2011")
    drivers = draw(protocol, constants, 4, "impaired", 16)
    return [_member(protocol, DISC, constants, drivers, number)[0] for number in range(16)]


@pytest.fixture(scope="module")
def alone(models: list[DiscModel]) -> list[SimulationState]:
    start, advance = eqx.filter_jit(start_state), eqx.filter_jit(advance_adaptively)
    return [advance(model, start(model, CONTROL.first, OPTIONS), DAY, CONTROL, OPTIONS) for model in models]


def together(models: Sequence[DiscModel]) -> list[SimulationState]:
    stacked = _stack(list(models))
    states = _advance_all(stacked, _start_all(stacked, CONTROL, OPTIONS), DAY, CONTROL, OPTIONS)
    return [jax.tree.map(lambda leaf, number=number: leaf[number], states) for number in range(len(models))]


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
def test_a_batch_changes_nobody(models: list[DiscModel], alone: list[SimulationState], order: list[int]) -> None:
    """Only the order of rounding may differ: 1e-9 of the largest value of each field, with the same steps."""
    for number, state in zip(order, together([models[member] for member in order]), strict=True):
        assert (int(state.steps), int(state.rejected)) == (int(alone[number].steps), int(alone[number].rejected))
        for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(alone[number]), strict=True):
            scale = float(np.max(np.abs(np.asarray(other))))
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-9, atol=1e-9 * scale)
