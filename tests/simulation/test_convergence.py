"""Steps and meshes: the coupled answer converges (cells_matrix 6.12), and it moves as physiology asks (cells_matrix 6.14)."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from pulposus.cells import CellParameters, Product
from pulposus.disc import load_disc
from pulposus.mesh import reference_points
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import (
    Course,
    DiscModel,
    Plan,
    SimulationState,
    StepControl,
    advance_by_steps,
    axial_model,
    follow,
    plan_of,
    start_state,
)
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._course import SINGLE
from pulposus.therapy import load_protocol

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


def test_the_step_with_signals_and_matrix_is_at_least_of_first_order(settled: tuple, slab_plan: Plan) -> None:
    """Signals are implicit and of first order, cells and matrix midpoint rules that see them (cells_matrix 6.12: at least 1). Successive
    differences estimate the order; the decay of a signal over the longest of these steps, a sixteenth of a day, bounds their error by 0.15.
    The cells alone, in balance with their nutrients, are of second order."""
    model, state = settled
    model, state = SINGLE.happen(slab_plan.arms["with_cells"].events[0.0][-1], model, state)
    state = SINGLE.feed(model, state, OPTIONS)
    weight = model.biology.setting.nucleus_weight
    results = []
    for count in (64, 128, 256, 512):
        end = state
        for _ in range(count // CHUNK):
            end = GO_ON(model, end, jnp.full(CHUNK, DAYS / count))
        glycosaminoglycan = jnp.sum(weight * end.matrix.glycosaminoglycan)
        cytokine = jnp.sum(weight * end.signals.cytokine)
        results.append([float(end.totals(model).alive), float(glycosaminoglycan), float(cytokine)])
    differences = np.diff(np.array(results), axis=0)
    orders = np.log2(np.abs(differences[:-1] / differences[1:]))
    assert np.all(orders >= 0.85), orders
    assert np.all(orders[:, 0] > 1.7), orders


def test_a_mirrored_disc_stays_mirrored(constants: ParameterSet) -> None:
    """Cells in the centre of an elliptic disc with a needle from behind: right and left, and top and bottom, are the same to the tolerance
    of the solvers, 1e-6 of the largest value of a field (cells_matrix 6.12)."""
    disc = load_disc(Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml", "coarse")
    settings = ["delivery.approach=posterior", "dose.volume=0.5 mL", "delivery.pressure_model=false"]
    plan = plan_of(load_protocol("orozco-2011", settings), disc, constants, "disc", 2.0)
    control, options = StepControl(), SolverOptions(tolerance=1e-6)
    model, state = SINGLE.balance(plan.model, SINGLE.start(plan.model, control.first, options))
    course = Course("mirror", [0.0, 2.0], plan.arms["with_cells"].events)
    _, states = follow(course, model, state, SINGLE, control, options)
    points = reference_points(disc.topology, 0.6, 0.8)
    _, partner = cKDTree(points).query(points * np.array([-1.0, 1.0]))
    assert int(np.sum(partner != np.arange(len(partner)))) > len(partner) // 2
    for state in states:
        for group in (state.cells, state.signals, state.matrix, state.solutes):
            for path, leaf in jax.tree_util.tree_leaves_with_path(group):
                field = np.asarray(leaf)
                scale = max(float(np.max(np.abs(field))), 1e-12)
                for turned in (field[..., partner, :], field[..., ::-1]):
                    np.testing.assert_allclose(turned, field, rtol=0.0, atol=1e-6 * scale, err_msg=str(path))


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
