"""Steady and transient solves of discs, several populations, failures."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc, stack_discs
from pulposus.errors import SolverFailed
from pulposus.nutrition import (
    Population,
    SolverOptions,
    backward_euler,
    flux_balance,
    native_demand,
    population_demand,
    solve_nutrition,
    solve_nutrition_batch,
    storage,
    tissue_volumes,
)

TIGHT = SolverOptions(tolerance=1e-10)


class TestPopulations:
    """transport 1.2: R = sum_k rho_k a_k q, each population with its own multipliers and yield (ruling 35)."""

    def test_one_native_population(self, human):
        """Cells of one density everywhere are the native demand with that density in all tissues."""
        uniform = eqx.tree_at(lambda d: d.tissue.cell_density, human, jnp.full(3, 5.0))
        rate = float(human.condition.native_rate_factor)
        density = jnp.full((human.topology.columns, human.topology.levels), 5.0 * rate)
        found = np.asarray(population_demand(uniform, [Population(density)]))
        assert found == pytest.approx(np.asarray(native_demand(uniform, tissue_volumes(uniform))), rel=1e-12)

    def test_populations_add_up(self, human):
        shape = (human.topology.columns, human.topology.levels)
        native, donor = jnp.full(shape, 3.6), jnp.linspace(0.0, 9.0, shape[0] * shape[1]).reshape(shape)
        # Donor cells weigh 5 for oxygen and 2 for glucose (ruling 12); these make 1.5 lactate per glucose.
        together = population_demand(human, [Population(native), Population(donor, 5.0, 2.0, 1.5)])
        volumes = tissue_volumes(human)
        total, water = np.asarray(volumes.total), np.asarray(volumes.average(human.oxygen_source_factor))
        n, m = np.asarray(native), np.asarray(donor)
        assert np.asarray(together) == pytest.approx(
            np.stack([water * (n + 5 * m), n + 1.5 * m, n + 2 * m]) * total, rel=1e-12
        )

    def test_no_population(self, human):
        assert np.all(np.asarray(population_demand(human, [])) == 0.0)

    def test_more_cells_leave_less_glucose(self, human, human_state):
        shape = (human.topology.columns, human.topology.levels)
        extra = population_demand(human, [Population(jnp.full(shape, 2.0), 5.0, 2.0)])
        native = native_demand(human, tissue_volumes(human))
        fuller = solve_nutrition(human, demand=native + extra, guess=human_state.solution.solutes)
        assert float(jnp.min(fuller.solution.solutes[2])) < float(jnp.min(human_state.solution.solutes[2]))


class TestTransient:
    def test_storage_of_the_presets(self, human):
        """theta is 1, but the water fraction in `mixture` (transport 1.2)."""
        volume = float(jnp.sum(tissue_volumes(human).total))
        assert float(jnp.sum(storage(human, tissue_volumes(human))[0])) == pytest.approx(volume, rel=1e-12)
        mixture = load_disc("human/L4-L5/grade3", "coarse", overrides=["metabolism.preset=mixture"])
        by_tissue = tissue_volumes(mixture)
        weighted = np.dot([0.76, 0.70, 0.60], np.asarray(jnp.sum(by_tissue.by_tissue, axis=(1, 2))))
        assert np.asarray(jnp.sum(storage(mixture, by_tissue), axis=(1, 2))) == pytest.approx([weighted] * 3, rel=1e-12)

    def test_long_steps_reach_the_steady_state(self, human, human_state):
        problem, steady = human_state
        capacity = storage(human, tissue_volumes(human))
        step = eqx.filter_jit(backward_euler)
        solution = step(problem, capacity, problem.start, jnp.asarray(1e9), TIGHT)
        assert int(solution.status) == 0
        # The storage of a step of 1e9 days is 1e-9 of the diffusion; the reference has a tolerance of 1e-8.
        assert np.asarray(solution.solutes) == pytest.approx(np.asarray(steady.solutes), rel=1e-6)

    def test_short_steps_conserve(self, human, human_state):
        """What is stored in a step is what came in less what was used: the residual of the steady problem times the step."""
        problem, _ = human_state
        capacity = storage(human, tissue_volumes(human))
        step = 0.1 / 24.0
        solution = eqx.filter_jit(backward_euler)(problem, capacity, problem.start, jnp.asarray(step), TIGHT)
        free = np.asarray(problem.free) > 0.0
        stored = np.asarray(capacity * (solution.solutes - problem.start)) / step
        moved = np.asarray(flux_balance(problem, solution.solutes))
        scale = np.abs(moved[:, free]).max()
        assert stored[:, free] == pytest.approx(-moved[:, free], abs=1e-7 * scale)
        oxygen, lactate, glucose = np.asarray(solution.solutes - problem.start)[:, free]
        assert oxygen.mean() < 0.0 < lactate.mean()
        assert glucose.mean() < 0.0


class TestFailure:
    def test_a_single_disc_raises(self, human):
        broken = eqx.tree_at(lambda d: d.supply.endplate_values, human, jnp.array([5.1, jnp.nan, 4.0]))
        with pytest.raises(SolverFailed, match="not finite") as failure:
            solve_nutrition(broken)
        assert failure.value.exit_code == 4
        assert "human/L4-L5/grade3" in failure.value.what
        assert "0 iterations" in failure.value.where

    def test_failure_is_data_in_a_batch(self, human):
        broken = eqx.tree_at(lambda d: d.supply.endplate_values, human, jnp.array([5.1, jnp.nan, 4.0]))
        solution = solve_nutrition_batch(stack_discs([human, broken]))
        assert np.asarray(solution.status).tolist() == [0, 2]


def test_other_parameters(human, human_state, parameters):
    slower = parameters.replace({"nutrition.kinetics.oxygen_amplitude": 3.64})
    other = solve_nutrition(human, slower)
    assert float(jnp.min(other.solution.solutes[0])) > float(jnp.min(human_state.solution.solutes[0]))


def test_shipped_parameters_are_the_default(human, human_state, parameters):
    assert np.array_equal(solve_nutrition(human, parameters).solution.solutes, human_state.solution.solutes)
    batch = solve_nutrition_batch(stack_discs([human, human]), parameters)
    assert np.asarray(batch.solutes[0]) == pytest.approx(np.asarray(human_state.solution.solutes), rel=1e-9)


def test_a_neighbouring_solution_is_a_good_start(human, human_state):
    """performance 0: density x 1.02 from the solution takes fewer steps than from cold."""
    demand = 1.02 * native_demand(human, tissue_volumes(human))
    warm = solve_nutrition(human, demand=demand, guess=human_state.solution.solutes).solution
    cold = solve_nutrition(human, demand=demand, guess=human_state.problem.start).solution
    assert int(warm.krylov_steps) < int(cold.krylov_steps)
    assert np.asarray(warm.solutes) == pytest.approx(np.asarray(cold.solutes), rel=1e-6)
