"""The disc starts in balance: the steady cytokine of its law with the mean of its grade (rulings 4)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.cells import CellState, Environment
from pulposus.disc import load_disc
from pulposus.matrix import (
    Load,
    Medium,
    SignalInputs,
    SignalModel,
    SignalParameters,
    SignalState,
    Transport,
    advance_signals,
    balance_source,
    steady_enzyme,
)
from pulposus.mesh import slab_topology
from pulposus.nutrition import tissue_volumes
from pulposus.parameters import GRADES, load_parameters

CONSTANTS = load_parameters()
LAWS = SignalParameters.from_parameters(CONSTANTS)
LOAD = Load(0.5, 1.0)
PLACE = Environment(oxygen=2.0, glucose=1.5, pH=6.95, osmolarity=400.0)
_balance = eqx.filter_jit(balance_source)
_advance = eqx.filter_jit(advance_signals)


def drift(model: SignalModel, state: SignalState, cells: CellState, environment: Environment, step: float) -> float:
    """Largest change of a signal over a step, over the largest cytokine."""
    after = _advance(model, state, state, cells, environment, LOAD, SignalInputs(), step)
    changes = jax.tree.map(lambda new, old: jnp.max(jnp.abs(new - old)), after, state)
    return float(jnp.max(jnp.stack(jax.tree.leaves(changes))) / jnp.max(state.cytokine))


@pytest.mark.parametrize("grade", GRADES)
def test_one_node_has_the_closed_form(grade: str) -> None:
    """f = k_c c / q(c)."""
    share, level = (CONSTANTS.value(f"grades.{name}.{grade}") for name in ("senescent_share", "cytokine"))
    native, senescent = jnp.full((1, 1), 3.6 * (1.0 - share)), jnp.full((1, 1), 3.6 * share)
    model = SignalModel(Medium.of_point(jnp.asarray(2.0)), LAWS, native + senescent, 7.0, 1.0, 1.0)
    calm = Environment(oxygen=2.0, glucose=100.0, pH=20.0, osmolarity=400.0)
    cells = CellState.without_donor(native, senescent)
    balanced, state = balance_source(model, cells, calm, Load(-20.0, 1.0), jnp.ones((1, 1)), jnp.asarray(level))
    decay, made = np.log(2.0) / 0.5, 5.0 * share + 0.83 * level**2 / (1.0 + level**2)
    assert float(balanced.source_factor) == pytest.approx(decay * level / made, rel=1e-13)
    assert float(state.cytokine[0, 0]) == pytest.approx(level, rel=1e-13)
    assert float(state.enzyme[0, 0]) == pytest.approx(
        float(steady_enzyme(jnp.asarray(level), jnp.asarray(0.0), calm.pH, LAWS)), rel=1e-13
    )
    assert float(state.paracrine[0, 0]) == 0.0
    assert float(state.growth_factor[0, 0]) == 0.0


@pytest.mark.parametrize("name", ["human/L4-L5/grade3", "rat/tail/grade1"])
def test_a_disc_in_space(name: str) -> None:
    """The mean of the nucleus is met to rounding, and the field stays where it is for any step: what moves is what 20 rounds leave,
    less than 1e-7 with the production's elasticity below one half, and the accuracy of the solve."""
    disc = load_disc(name, "coarse")
    volumes = tissue_volumes(disc)
    density = volumes.average(disc.tissue.cell_density)
    senescent = volumes.average(disc.tissue.cell_density * disc.tissue.senescent_share)
    cells = CellState.without_donor(density - senescent, senescent)
    model = SignalModel(eqx.filter_jit(Medium.of_disc)(disc), LAWS, density, 1.0, 1.0, 1.0)
    nucleus, level = volumes.by_tissue[0], disc.condition.cytokine
    # Acid and hungry towards the middle, so that the stress varies in space.
    near = jnp.exp(-jnp.sum(disc.coordinates**2, axis=-1) / jnp.max(disc.coordinates[..., 2]) ** 2)
    environment = Environment(oxygen=2.0, glucose=2.0 - near, pH=7.2 - 0.4 * near, osmolarity=400.0)
    balanced, state = _balance(model, cells, environment, LOAD, nucleus, level)
    assert float(jnp.sum(nucleus * state.cytokine) / jnp.sum(nucleus)) == pytest.approx(float(level), rel=1e-12)
    assert float(jnp.min(jnp.where(model.medium.free > 0.0, state.cytokine, 1.0))) > 0.0
    for step in (0.05, 30.0):
        assert drift(balanced, state, cells, environment, step) < 1e-7


_MESH = slab_topology(2, 10)


@given(
    st.sampled_from([1.0, 4.0, 10.0]),
    st.sampled_from(GRADES),
    st.floats(1.0, 8.0),
    st.floats(0.1, 2.0),
    st.floats(0.01, 1.0),
    st.floats(1.0, 15.0),
    st.floats(0.0, 2.0),
    st.floats(0.0, 1.32),
)
@settings(max_examples=60, deadline=None)
def test_every_draw_of_the_priors_finds_its_balance(
    length: float,
    grade: str,
    diffusivity: float,
    half_life: float,
    permeability: float,
    senescent_source: float,
    stress_source: float,
    autocrine: float,
) -> None:
    """20 rounds at an elasticity that is below one, but not by much, at the corner of the priors: 1e-5."""
    share, level = (CONSTANTS.value(f"grades.{name}.{grade}") for name in ("senescent_share", "cytokine"))
    transport = Transport(jnp.asarray(diffusivity), jnp.log(2.0) / half_life, jnp.asarray(permeability))
    laws = eqx.tree_at(
        lambda one: (one.transport, one.source.senescent, one.source.stress, one.source.autocrine),
        LAWS,
        (transport, jnp.asarray(senescent_source), jnp.asarray(stress_source), jnp.asarray(autocrine)),
    )
    medium = Medium.of_bar(_MESH, jnp.linspace(0.0, length, 15), jnp.asarray(2.0))
    native, senescent = jnp.full((1, 15), 3.6 * (1.0 - share)), jnp.full((1, 15), 3.6 * share)
    cells = CellState.without_donor(native, senescent)
    acid = 7.1 - 0.3 * jnp.sin(jnp.linspace(0.0, np.pi, 15))[None]
    environment = Environment(oxygen=2.0, glucose=1.0, pH=acid, osmolarity=400.0)
    nucleus = medium.volume * ((jnp.arange(15) > 2) & (jnp.arange(15) < 12))[None]
    model = SignalModel(medium, laws, native + senescent, 1.0, 1.0, 1.0)
    balanced, state = _balance(model, cells, environment, LOAD, nucleus, jnp.asarray(level))
    assert float(balanced.source_factor) > 0.0
    assert drift(balanced, state, cells, environment, 30.0) < 1e-5


def test_a_disc_without_a_source_has_no_cytokine() -> None:
    medium = Medium.of_point(jnp.asarray(2.0))
    silent = eqx.tree_at(lambda one: one.source.autocrine, LAWS, jnp.zeros(()))
    model = SignalModel(medium, silent, jnp.ones((1, 1)), 1.0, 1.0, 1.0)
    cells = CellState.without_donor(jnp.zeros((1, 1)))
    balanced, state = balance_source(model, cells, PLACE, LOAD, jnp.ones((1, 1)), jnp.asarray(0.4))
    assert float(balanced.source_factor) == 0.0
    assert float(state.cytokine[0, 0]) == 0.0


def test_derivative_of_the_factor() -> None:
    """On one node d ln f / d ln c = 1 - c q'(c) / q(c); forward and reverse."""
    native, senescent, level = jnp.full((1, 1), 2.88), jnp.full((1, 1), 0.72), 0.8
    model = SignalModel(Medium.of_point(jnp.asarray(2.0)), LAWS, native + senescent, 1.0, 1.0, 1.0)
    cells = CellState.without_donor(native, senescent)
    calm = Environment(oxygen=2.0, glucose=100.0, pH=20.0, osmolarity=400.0)

    def factor(mean: jnp.ndarray) -> jnp.ndarray:
        return balance_source(model, cells, calm, Load(-20.0, 1.0), jnp.ones((1, 1)), mean)[0].source_factor

    made = 1.0 + 0.83 * level**2 / (1.0 + level**2)
    elasticity = 0.83 * 2.0 * level**2 / (1.0 + level**2) ** 2 / made
    expected = np.log(2.0) / 0.5 / made * (1.0 - elasticity)
    assert float(jax.jacfwd(factor)(jnp.asarray(level))) == pytest.approx(expected, rel=1e-10)
    assert float(jax.grad(factor)(jnp.asarray(level))) == pytest.approx(expected, rel=1e-10)
