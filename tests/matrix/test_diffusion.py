"""Implicit diffusion of signals: against a direct solve, positive, conservative, differentiable, with few iterations on every disc."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.disc import Disc, load_disc, stack_discs
from pulposus.disc._layout import layout
from pulposus.matrix import Medium, Transport, diffuse, outflow
from pulposus.mesh import slab_topology

# The iteration ends at a residual of 1e-10 of the right-hand side, and the sweep after it lowers the error further.
SOLVED = 1e-9


@pytest.fixture(autouse=True)
def _strict_ranks() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield


def law(diffusivity: float = 3.5, half_life: float = 0.5, permeability: float = 0.1) -> Transport:
    return Transport(jnp.asarray(diffusivity), jnp.asarray(np.log(2.0) / half_life), jnp.asarray(permeability))


def bar(length: float = 10.0, layers: int = 20, area: float = 2.0) -> Medium:
    return Medium.of_bar(slab_topology(0, layers), jnp.linspace(0.0, length, layers + 1), jnp.asarray(area))


_BAR = bar()
_run = eqx.filter_jit(diffuse)
_medium = eqx.filter_jit(Medium.of_disc)


@pytest.fixture(scope="module")
def human() -> Disc:
    return load_disc("human/L4-L5/grade3", "coarse")


@pytest.fixture(scope="module")
def medium(human: Disc) -> Medium:
    return _medium(human)


def test_the_medium_of_a_disc(human: Disc, medium: Medium) -> None:
    held = human.layout.annulus_nodes
    assert np.array_equal(np.asarray(medium.free) == 0.0, held)
    assert np.array_equal(np.asarray(medium.endplate_area)[:, 1:-1], np.zeros_like(held[:, 1:-1]))
    # Both faces inside the endplate ring, about half of a face of 1450 mm2 each.
    assert 1000.0 < float(jnp.sum(medium.endplate_area)) < 2900.0


def test_void_holds_nothing() -> None:
    disc = load_disc("human/L4-L5/grade3", "coarse")
    layered = replace(disc, layout=layout("coarse", "layered-cylinder"))
    place = _medium(layered)
    void = layered.layout.void_nodes
    assert np.any(void)
    assert np.all(np.asarray(place.volume)[void] == 0.0)
    source = jnp.ones((1, *place.volume.shape))
    steady = np.asarray(_run(place, law(), source, source, jnp.asarray(jnp.inf)).values[0])
    assert np.all(steady[void] == 0.0)
    assert np.all(steady[~void & ~layered.layout.annulus_nodes] > 0.0)


def assembled(medium: Medium, transport: Transport, rate: float) -> tuple[scipy.sparse.csr_matrix, np.ndarray]:
    """The matrix of a step by another route, and its free nodes."""
    values = np.asarray(transport.diffusivity * medium.exchange)
    levels = values.shape[-1]
    column, slot, offset, level = np.nonzero(values)
    other = medium.mesh.neighbours[column, slot] * levels + level + offset - 1
    stencil = scipy.sparse.csr_matrix((values[column, slot, offset, level], (column * levels + level, other)))
    local = (rate + transport.decay) * medium.volume + transport.permeability * medium.endplate_area
    free = np.flatnonzero(np.asarray(medium.free).ravel())
    return (stencil + scipy.sparse.diags(np.asarray(local).ravel())).tocsr()[free][:, free], free


@pytest.mark.parametrize("step", [0.05, 5.0, np.inf])
def test_a_step_solves_its_system(medium: Medium, step: float) -> None:
    start, source = jax.random.uniform(jax.random.key(0), (2, 1, *medium.volume.shape))
    found = np.asarray(_run(medium, law(), start, source, jnp.asarray(step)).values[0]).ravel()
    matrix, free = assembled(medium, law(), 1.0 / step)
    right = np.asarray(medium.volume * (start[0] / step + source[0])).ravel()
    expected = np.zeros_like(found)
    expected[free] = scipy.sparse.linalg.spsolve(matrix.tocsc(), right[free])
    assert found == pytest.approx(expected, abs=SOLVED * expected.max())


@pytest.mark.parametrize("name", ["human/L4-L5/grade3", "mouse/tail"])
def test_few_iterations_suffice_on_the_standard_mesh(name: str) -> None:
    """From 2 mm elements and a range of 1.6 mm to a mouse disc of 1 mm, where decay is nothing beside diffusion."""
    place = _medium(load_disc(name, "standard"))
    source = jnp.ones((1, *place.volume.shape))
    for transport in (law(), law(8.0, 2.0, 0.01)):
        assert int(_run(place, transport, source, source, jnp.asarray(jnp.inf)).steps[0]) < 100


def test_signals_of_one_law_share_a_call(medium: Medium) -> None:
    start = jax.random.uniform(jax.random.key(1), (2, *medium.volume.shape))
    source = jnp.stack([jnp.ones_like(medium.volume), jnp.zeros_like(medium.volume)])
    together = _run(medium, law(), start, source, jnp.asarray(1.0))
    for signal in range(2):
        alone = _run(medium, law(), start[signal : signal + 1], source[signal : signal + 1], jnp.asarray(1.0))
        np.testing.assert_array_equal(np.asarray(together.values[signal]), np.asarray(alone.values[0]))


def test_nothing_in_nothing_out(medium: Medium) -> None:
    nothing = jnp.zeros((1, *medium.volume.shape))
    found = _run(medium, law(), nothing, nothing, jnp.asarray(1.0))
    assert int(found.steps[0]) == 0
    assert np.all(np.asarray(found.values) == 0.0)


def test_an_input_that_is_not_a_number_ends(medium: Medium) -> None:
    nothing = jnp.zeros((1, *medium.volume.shape))
    found = _run(medium, law(), nothing, nothing.at[0, 3, 3].set(jnp.nan), jnp.asarray(1.0))
    assert np.any(np.isnan(np.asarray(found.values)))


def test_one_node_is_the_closed_form() -> None:
    point = Medium.of_point(jnp.asarray(3.0))
    found = _run(point, law(half_life=0.5), jnp.full((1, 1, 1), 2.0), jnp.full((1, 1, 1), 0.7), jnp.asarray(4.0))
    decay = np.log(2.0) / 0.5
    assert float(found.values[0, 0, 0]) == pytest.approx((2.0 / 4.0 + 0.7) / (1.0 / 4.0 + decay), rel=1e-14)


def test_a_wave_decays_at_the_rate_of_the_discrete_law() -> None:
    """Sealed ends: a cosine of wave number q shrinks by 1 / (1 + (k + D k2) h), k2 = (2 - 2 cos(q dz)) / dz2."""
    heights = jnp.linspace(0.0, 10.0, 21)
    wave = 1.0 + jnp.cos(jnp.pi * heights / 10.0)
    found = _run(_BAR, law(permeability=0.0), wave[None, None], jnp.zeros((1, 1, 21)), jnp.asarray(2.0)).values[0, 0]
    decay, squared = np.log(2.0) / 0.5, (2.0 - 2.0 * np.cos(np.pi * 0.05)) / 0.25
    expected = 1.0 / (1.0 + 2.0 * decay) + jnp.cos(jnp.pi * heights / 10.0) / (1.0 + 2.0 * (decay + 3.5 * squared))
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=1e-13)


@given(
    st.floats(1.0, 8.0),
    st.floats(0.1, 2.0),
    st.floats(0.01, 1.0),
    st.floats(1e-4, 300.0),
    st.lists(st.floats(0.0, 10.0), min_size=42, max_size=42),
)
@settings(max_examples=100, deadline=None)
def test_no_signal_turns_negative(
    diffusivity: float, half_life: float, permeability: float, step: float, values: list[float]
) -> None:
    """Whole priors, and steps up to ten times the longest."""
    start, source = jnp.asarray(values).reshape(2, 1, 1, 21)
    found = _run(_BAR, law(diffusivity, half_life, permeability), start, source, jnp.asarray(step)).values
    assert bool(jnp.all(jnp.isfinite(found)))
    assert float(jnp.min(found)) >= 0.0


def test_positive_even_where_the_iteration_undershoots(medium: Medium) -> None:
    """One loaded node: far from it the exact values are below the accuracy of the iteration."""
    start = jnp.zeros((1, *medium.volume.shape)).at[0, 0, 6].set(1e6)
    found = _run(medium, law(), start, jnp.zeros_like(start), jnp.asarray(1e-3)).values
    assert float(jnp.min(found)) >= 0.0
    assert float(jnp.max(found)) > 0.0


@pytest.mark.parametrize("step", [0.1, 30.0])
def test_the_balance_of_a_step(medium: Medium, step: float) -> None:
    """Change of the total = source - decay - what leaves, to 1e-10 of the source."""
    start, source = jax.random.uniform(jax.random.key(2), (2, 1, *medium.volume.shape))
    transport = law()
    end = _run(medium, transport, start, source, jnp.asarray(step)).values[0]
    endplates, annulus = outflow(medium, transport, end)
    weight = medium.free * medium.volume
    change = jnp.sum(weight * (end - start[0])) / step
    made = jnp.sum(weight * source[0])
    lost = transport.decay * jnp.sum(weight * end) + endplates + annulus
    assert float(endplates) > 0.0
    assert float(annulus) > 0.0
    assert float(change) == pytest.approx(
        float(made - lost), abs=1e-10 * float(made + jnp.sum(weight * start[0]) / step)
    )


def test_derivatives_in_both_modes(medium: Medium) -> None:
    """Total signal by diffusivity, decay and source, also where the signal is absent: forward = reverse = central difference."""
    start, shape = jnp.zeros((1, *medium.volume.shape)), medium.volume.shape
    place = jnp.exp(-0.1 * jnp.arange(shape[1]))[None, :] * jnp.ones((shape[0], 1))

    def total(numbers: jnp.ndarray) -> jnp.ndarray:
        transport = Transport(numbers[0], numbers[1], jnp.asarray(0.1))
        values = diffuse(medium, transport, start, (numbers[2] * place)[None], jnp.asarray(2.0)).values
        return jnp.sum(medium.volume * values[0])

    at = jnp.array([3.5, 1.4, 0.5])
    forward, reverse = jax.jit(jax.jacfwd(total))(at), jax.jit(jax.grad(total))(at)
    np.testing.assert_allclose(np.asarray(forward), np.asarray(reverse), rtol=1e-7)
    value = jax.jit(total)
    for index in range(3):
        change = 1e-4 * at[index]
        nudged = [float(value(at.at[index].add(sign * change))) for sign in (1.0, -1.0)]
        # The difference is wrong by the square of the change (1e-8) and by the noise of the solve over it (1e-6).
        assert float(forward[index]) == pytest.approx((nudged[0] - nudged[1]) / (2.0 * float(change)), rel=5e-6)
    absent = jax.jit(jax.jacfwd(total))(at.at[2].set(0.0))
    assert float(absent[2]) == pytest.approx(float(forward[2]), rel=1e-8)  # the field is linear in its source


def test_a_batch_gives_every_disc_its_own_answer(human: Disc) -> None:
    discs = stack_discs([human, load_disc("human/L4-L5/grade5", "coarse")])
    media = eqx.filter_jit(jax.vmap(Medium.of_disc))(discs)
    source = jnp.ones((2, 1, *human.layout.annulus_nodes.shape))
    both = jax.jit(jax.vmap(lambda place, made: diffuse(place, law(), made, made, jnp.asarray(1.0)).values))(
        media, source
    )
    alone = _run(_medium(human), law(), source[0], source[0], jnp.asarray(1.0)).values
    # Batched sums are ordered otherwise: the iterates agree to rounding, the answers to the accuracy of the iteration.
    np.testing.assert_allclose(np.asarray(both[0]), np.asarray(alone), atol=SOLVED)
