"""Batch invariance of the nutrition solve: a disc alone equals the disc in batches of 1, 7 and 16, in any order (1e-9 on fields)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc, stack_discs
from pulposus.nutrition import (
    Kinetics,
    SolverOptions,
    nutrition_problems,
    solve_batch,
    solve_nutrition,
    solve_nutrition_batch,
)
from pulposus.nutrition._batch import _solve_together
from pulposus.nutrition._newton import CONVERGED, NOT_FINITE
from pulposus.parameters import load_parameters

# Different shapes, sizes, supplies and demands, so that the lanes of a batch need different numbers of iterations.
HUMAN = tuple(f"human/{level}/grade{grade}" for level in ("L1-L2", "L4-L5", "L5-S1") for grade in (1, 2, 3, 4, 5))
NAMES = (*HUMAN, "mouse/tail")
INVARIANT = 1e-9


@pytest.fixture(scope="module")
def discs():
    return [load_disc(name, "coarse") for name in NAMES]


@pytest.fixture(scope="module")
def alone(discs):
    return [np.asarray(solve_nutrition(disc).solution.solutes) for disc in discs]


def test_the_discs_are_different(alone):
    lowest = [fields[2].min() for fields in alone]
    assert len(np.unique(np.round(lowest, 3))) == len(NAMES)


@pytest.mark.parametrize("size", [1, 7, pytest.param(16, marks=pytest.mark.slow)])
def test_a_disc_does_not_depend_on_its_batch(discs, alone, size):
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(discs))[:size]
        together = solve_nutrition_batch(stack_discs([discs[number] for number in order]))
        assert np.all(np.asarray(together.status) == CONVERGED)
        for lane, number in enumerate(order):
            assert np.asarray(together.solutes[lane]) == pytest.approx(alone[number], rel=INVARIANT), NAMES[number]


def test_lanes_stop_on_their_own(discs):
    order = list(range(16))
    together = solve_nutrition_batch(stack_discs([discs[number] for number in order]))
    assert len(np.unique(np.asarray(together.krylov_steps))) > 2


def test_one_bad_disc_does_not_spoil_the_batch(discs, alone):
    """Failure is data: the lane says that it is not finite, the others are untouched."""
    bad = eqx.tree_at(lambda d: d.tissue.cell_density, discs[2], jnp.array([jnp.nan, 5.55, 13.5]))
    together = solve_nutrition_batch(stack_discs([*discs[:2], bad, *discs[3:]]))
    status = np.asarray(together.status)
    assert status[2] == NOT_FINITE
    assert np.all(np.delete(status, 2) == CONVERGED)
    for lane in (0, 1, 3, 15):
        assert np.asarray(together.solutes[lane]) == pytest.approx(alone[lane], rel=INVARIANT)


def test_the_array_form_of_an_accelerator_gives_the_same_answers(discs):
    """`vmap` over the discs, whose loops run until the slowest lane ends, changes no lane.

    It sums in another order, which may change the number of Krylov steps; at a solver tolerance of 1e-12 that is far below 1e-9."""
    tight = SolverOptions(tolerance=1e-12)
    chosen = [discs[number] for number in (14, 0, 7, 3, 15, 9, 11)]
    problems = nutrition_problems(stack_discs(chosen), Kinetics.from_parameters(load_parameters()))
    together, one_by_one = _solve_together(problems, tight), solve_batch(problems, tight)
    np.testing.assert_allclose(np.asarray(together.solutes), np.asarray(one_by_one.solutes), rtol=INVARIANT)


def test_an_accelerator_takes_the_array_form(discs, monkeypatch):
    """Where the default device is no processor, the batch goes there as one array."""
    problems = nutrition_problems(stack_discs(discs[:2]), Kinetics.from_parameters(load_parameters()))
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    np.testing.assert_array_equal(
        np.asarray(solve_batch(problems).solutes), np.asarray(_solve_together(problems, SolverOptions()).solutes)
    )
