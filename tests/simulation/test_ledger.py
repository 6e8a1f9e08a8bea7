"""The account of the cells closes at every step, and a disc without cells is the untreated disc (cells_matrix 6.1, 6.8, 6.11)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, Product
from pulposus.cells._arrays import as_field
from pulposus.disc import Disc
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.simulation import DiscModel, StepControl, advance_adaptively, spatial_model, start_state

OPTIONS = SolverOptions(tolerance=1e-6)
CONTROL = StepControl()
# Compiled once for all tests of this file: the models differ in numbers only.
START, ADVANCE = eqx.filter_jit(start_state), eqx.filter_jit(advance_adaptively)


@pytest.fixture(scope="module")
def month(treated: DiscModel) -> list:
    """States of the treated disc at 0, 1, 7 and 28 days."""
    states = [START(treated, CONTROL.first, OPTIONS)]
    for time in (1.0, 7.0, 28.0):
        states.append(ADVANCE(treated, states[-1], jnp.asarray(time), CONTROL, OPTIONS))
    return states


def test_injected_and_born_are_alive_leaked_or_dead(treated: DiscModel, month: list) -> None:
    """Sums of exact flows: 1e-10 of the injected number."""
    for state in month:
        totals = state.totals(treated)
        assert abs(float(totals.imbalance)) < 1e-10 * float(treated.injected)


def test_native_cells_are_counted(treated: DiscModel, month: list) -> None:
    for state in month:
        totals, native = state.totals(treated), state.ledger.flows.native
        expected = float(totals.native_initial + native.born - native.dead)
        assert float(totals.native_alive) == pytest.approx(expected, rel=1e-12)


def test_every_density_stays_positive(month: list) -> None:
    for state in month:
        assert all(bool(jnp.all(values >= 0.0)) for values in jax.tree.leaves(state.cells))


def test_leak_at_once_opens_the_account(treated: DiscModel, month: list) -> None:
    assert float(month[0].totals(treated).leaked) == pytest.approx(0.2 * float(treated.injected), rel=1e-12)


def test_zero_cells_are_the_untreated_disc_bitwise(
    human_disc: Disc, kinetics: Kinetics, product: Product, cell_parameters: CellParameters
) -> None:
    """A product that is not there changes nothing: two products with zero cells give the same bits."""
    shape = (human_disc.topology.columns, human_disc.topology.levels)
    none, zero = jnp.zeros(shape), jnp.asarray(0.0)
    other = eqx.tree_at(
        lambda one: (one.potency, one.track_weight, one.demand.oxygen),
        product,
        (as_field(0.1), as_field(2.0), as_field(9.0)),
    )
    ends = []
    for chosen in (product, other):
        model = spatial_model(human_disc, kinetics, chosen, cell_parameters, none, none, zero, zero)
        state = START(model, CONTROL.first, OPTIONS)
        ends.append(ADVANCE(model, state, jnp.asarray(7.0), CONTROL, OPTIONS))
    for one, two in zip(jax.tree.leaves(ends[0]), jax.tree.leaves(ends[1]), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(two))


def test_a_closer_tolerance_changes_little(treated: DiscModel, month: list) -> None:
    """Steps err by at most 5e-4 of the cells; after a month the living number agrees with ten times finer control to 0.5 %."""
    fine = StepControl(tolerance=5e-5)
    state = START(treated, fine.first, OPTIONS)
    end = ADVANCE(treated, state, jnp.asarray(28.0), fine, OPTIONS)
    assert int(end.steps) > int(month[-1].steps)
    assert float(end.totals(treated).alive) == pytest.approx(float(month[-1].totals(treated).alive), rel=5e-3)
