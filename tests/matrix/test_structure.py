"""Order of the annulus, healing of fissures and the cleft of a dry nucleus (cells_matrix 2.7; rulings 25)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from pulposus.matrix import MatrixParameters
from pulposus.matrix._structure import nucleus_cleft, structure_step
from pulposus.parameters import load_parameters

STEP = jax.jit(structure_step)


@pytest.mark.parametrize("step", [0.1, 5.0, 300.0])
def test_both_equations_are_solved_exactly(step):
    repair, decay, healing = 0.02, 0.01, 0.05
    reference = solve_ivp(
        lambda _, y: [repair * (1.0 - y[0]) - decay * y[0], -healing * y[0] * y[1]],
        (0.0, step),
        [0.3, 0.8],
        method="DOP853",
        rtol=1e-12,
        atol=1e-14,
    ).y[:, -1]
    found = STEP(*(jnp.array(value) for value in (0.3, 0.8, repair, decay, healing, step)))
    # The tolerance of the reference.
    np.testing.assert_allclose(found, reference, rtol=1e-10)


RATE = st.floats(0.0, 10.0)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), RATE, RATE, RATE, st.floats(0.0, 1e5))
def test_both_stay_between_zero_and_one(order, fissure, repair, decay, healing, step):
    ordered, torn = STEP(*(jnp.array(value) for value in (order, fissure, repair, decay, healing, step)))
    # A mean of the start and of 1 or 0: one rounding at most above 1.
    assert 0.0 <= float(ordered) <= 1.0 + 3e-16
    assert 0.0 <= float(torn) <= fissure


def test_order_settles_where_repair_balances_decay():
    ordered, torn = STEP(*(jnp.array(value) for value in (0.0, 0.5, 0.03, 0.01, 0.02, 1e6)))
    assert float(ordered) == pytest.approx(0.75, rel=1e-14)
    assert float(torn) == 0.0


def test_a_scar_does_not_heal_its_fissure():
    ordered, torn = STEP(*(jnp.array(value) for value in (0.0, 0.5, 0.0, 0.01, 0.02, 100.0)))
    assert (float(ordered), float(torn)) == (0.0, 0.5)


def test_the_cleft_opens_below_twenty_milligrams():
    laws = MatrixParameters.from_parameters(load_parameters())
    found = nucleus_cleft(jnp.array([70.0, 20.0, 16.0, 0.0]), laws)
    # H(20 - X; 0, 4).
    np.testing.assert_allclose(
        found, [1.0 / (1.0 + np.exp(12.5)), 0.5, 1.0 / (1.0 + np.exp(-1.0)), 1.0 / (1.0 + np.exp(-5.0))]
    )
