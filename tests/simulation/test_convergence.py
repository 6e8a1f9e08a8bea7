"""Steps and meshes: the coupled answer converges (cells_matrix 6.12), and it moves as physiology asks (cells_matrix 6.14)."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, Product
from pulposus.disc import load_disc
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, SimulationState, advance_by_steps, axial_model, start_state
from pulposus.simulation._checkpoint import Checkpoints

OPTIONS = SolverOptions(tolerance=1e-10)
DAYS = 4.0
CHUNK = 8
START = eqx.filter_jit(lambda model: start_state(model, 0.05, OPTIONS))
# Steps are taken in chunks of one length, so that every number of steps shares one compilation.
GO_ON = eqx.filter_jit(lambda model, state, steps: advance_by_steps(model, state, steps, OPTIONS))


def slab(
    resolution: str, kinetics: Kinetics, product: Product, parameters: CellParameters, density: float = 2.0
) -> DiscModel:
    """The axis of a degenerated disc with free cells in its nucleus."""
    disc = load_disc("human/L4-L5/grade3", resolution)
    shape = (1, disc.topology.levels)
    model = axial_model(disc, kinetics, product, parameters, jnp.zeros(shape), jnp.asarray(1.0), jnp.asarray(0.0))
    share = model.where.nucleus / model.volume
    number = density * jnp.sum(model.where.nucleus) * 1e-3
    return eqx.tree_at(
        lambda one: (one.initial_cells, one.injected),
        model,
        (model.initial_cells.with_injected(density * share), number),
    )


def run(model: DiscModel, count: int, days: float = DAYS) -> SimulationState:
    """State after equal steps."""
    state = START(model)
    for _ in range(count // CHUNK):
        state = GO_ON(model, state, jnp.full(CHUNK, days / count))
    return state


def alive(model: DiscModel, count: int, days: float = DAYS) -> float:
    """Living donor cells over the injected number after equal steps."""
    return float(run(model, count, days).totals(model).alive / model.injected)


def test_the_coupled_step_is_of_second_order(
    kinetics: Kinetics, product: Product, cell_parameters: CellParameters
) -> None:
    """Midpoint cells, and solutes averaged over the step: order 2; the splitting alone (6.12) asks for at least 1. Successive differences
    estimate the order; 0.3 is their own next-order error at these steps."""
    model = slab("coarse", kinetics, product, cell_parameters)
    results = np.array([alive(model, count) for count in (16, 32, 64, 128)])
    orders = np.log2(np.diff(results)[:-1] / np.diff(results)[1:])
    np.testing.assert_allclose(orders, 2.0, atol=0.3)


def test_finer_axes_converge(kinetics: Kinetics, product: Product, cell_parameters: CellParameters) -> None:
    """13, 17 and 37 levels: lumped linear elements are of second order, so the standard axis is closer to the fine one than the coarse."""
    results = [alive(slab(name, kinetics, product, cell_parameters), 40) for name in ("coarse", "standard", "fine")]
    coarse, standard = (abs(value - results[2]) for value in results[:2])
    assert standard < coarse < 0.02


def test_a_restart_goes_on_as_the_straight_run(
    tmp_path: Path, kinetics: Kinetics, product: Product, cell_parameters: CellParameters
) -> None:
    """A state that was written and read again gives the same bits as the one that stayed in memory."""
    model = slab("coarse", kinetics, product, cell_parameters)
    middle, kept = run(model, 2 * CHUNK), Checkpoints(tmp_path, "run")
    kept.save(0, middle)
    steps = jnp.full(CHUNK, 0.25)
    straight, restarted = (GO_ON(model, state, steps) for state in (middle, kept.load(middle, [float(middle.time)])[0]))
    for one, other in zip(jax.tree.leaves(straight), jax.tree.leaves(restarted), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_larger_share_dies_of_a_larger_dose(
    kinetics: Kinetics, product: Product, cell_parameters: CellParameters
) -> None:
    """Survival falls with the density (6.14): the cells starve each other, and the native cells with them."""
    models = [slab("coarse", kinetics, product, cell_parameters, density) for density in (0.5, 4.0, 32.0)]
    shares = [alive(model, 40) for model in models]
    assert shares[0] > shares[1] > shares[2]
    native = [float(run(model, 40).totals(model).native_alive) for model in models]
    assert native[0] > native[2]


@pytest.mark.parametrize("key", ["cells.carrier.saline.leak_rate", "cells.leak.weight_intact"])
def test_fewer_cells_stay_where_more_leak(
    key: str, constants: ParameterSet, kinetics: Kinetics, cell_parameters: CellParameters
) -> None:
    """Retention falls with k_leak and w0 (6.14)."""
    low, high = (
        Product.from_parameters(constants.replace({key: value}), carrier="saline")
        for value in (constants[key].low, constants[key].high)
    )
    assert alive(slab("coarse", kinetics, low, cell_parameters), 40) > alive(
        slab("coarse", kinetics, high, cell_parameters), 40
    )
