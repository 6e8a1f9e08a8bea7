"""The lesion as data: composition of insults, trauma in time, batches."""

from __future__ import annotations

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.disc import Lesion, compose

COLUMNS, LEVELS = 3, 4


def random_lesion(seed: int) -> Lesion:
    """Any lesion that insults can leave."""
    generator = np.random.default_rng(seed)

    def share(*shape: int) -> np.ndarray:
        return generator.uniform(0.0, 1.0, shape)

    return Lesion(
        lost=share(3, COLUMNS, LEVELS) / 3.0,
        aggrecan_left=share(COLUMNS, LEVELS),
        killed=share(COLUMNS, LEVELS),
        fissure=share(COLUMNS, LEVELS),
        order_left=share(COLUMNS, LEVELS),
        void=share(COLUMNS, LEVELS),
        trauma=5.0 * share(3, COLUMNS, LEVELS),
        trauma_until=np.round(15.0 * share(3)),
        endplate_opening=share(2, COLUMNS),
        endplate_permeability_factor=1.0 + 49.0 * share(2, COLUMNS),
        endplate_access=generator.integers(2),
        full_fissure=generator.integers(2),
        track_weight=2.5 * generator.uniform(),
        acute=generator.integers(2),
        nucleus_pressure_factor=generator.uniform(),
        vascular_ingrowth=generator.integers(2),
        macrophages=generator.integers(2),
    )


def dose(lesion: Lesion) -> np.ndarray:
    """Strength times duration of all sources."""
    return np.asarray(jnp.einsum("scz,s->cz", lesion.trauma, lesion.trauma_until))


def test_no_lesion_leaves_everything():
    none = Lesion.none(COLUMNS, LEVELS)
    np.testing.assert_array_equal(none.matrix_left, 1.0)
    np.testing.assert_array_equal(none.live_cells_left, 1.0)
    np.testing.assert_array_equal(none.trauma_at(0.0), 0.0)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)  # the first example compiles
def test_nothing_more_changes_no_bit(seed):
    lesion, none = random_lesion(seed), Lesion.none(COLUMNS, LEVELS)
    lesion = eqx.tree_at(
        lambda one: one.trauma, lesion, lesion.trauma * jnp.where(lesion.trauma_until > 0.0, 1.0, 0.0)[:, None, None]
    )
    for composed in (compose(lesion, none), compose(none, lesion)):
        for mine, other in zip(jax.tree.leaves(lesion), jax.tree.leaves(composed), strict=True):
            np.testing.assert_array_equal(mine, other)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)  # the first example compiles
def test_shares_stay_shares_and_nothing_is_lost_twice(seed):
    first, second = random_lesion(seed), random_lesion(seed + 1)
    both = compose(first, second)
    # Products of shares and their complements; 1e-15 is a few roundings at 1.
    np.testing.assert_allclose(both.matrix_left, first.matrix_left * second.matrix_left, atol=1e-15)
    for name in ("aggrecan_left", "killed", "fissure", "order_left", "void", "endplate_opening"):
        values = np.asarray(getattr(both, name))
        assert values.min() >= 0.0
        assert values.max() <= 1.0 + 1e-15
    assert (both.fissure >= jnp.maximum(first.fissure, second.fissure) - 1e-15).all()
    np.testing.assert_allclose(
        both.live_cells_left, first.live_cells_left * second.live_cells_left, atol=1e-15, rtol=1e-12
    )
    # The strengths are scaled to the longer duration: strength times duration is kept, to rounding.
    np.testing.assert_allclose(dose(both), dose(first) + dose(second), rtol=1e-13)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)  # the first example compiles
def test_the_order_of_composition_does_not_matter_for_three(seed):
    first, second, third = (random_lesion(seed + i) for i in range(3))
    left, right = compose(compose(first, second), third), compose(first, compose(second, third))
    for mine, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        # A handful of products each; rounding.
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-15)


def needle_and_fracture() -> Lesion:
    trauma = np.zeros((3, COLUMNS, LEVELS))
    trauma[0], trauma[2] = 1.0, 5.0
    return eqx.tree_at(
        lambda one: (one.trauma, one.trauma_until),
        Lesion.none(COLUMNS, LEVELS),
        (jnp.asarray(trauma), jnp.array([3.0, 0.0, 9.0])),
    )


@pytest.mark.parametrize(
    ("time", "strength"), [(0.0, 6.0), (2.9, 6.0), (3.0, 5.0), (8.9, 5.0), (9.0, 0.0), (100.0, 0.0)]
)
def test_trauma_ends_source_by_source(time, strength):
    np.testing.assert_array_equal(needle_and_fracture().trauma_at(time), strength)


def test_the_mean_over_steps_gives_the_dose_on_any_steps():
    lesion = needle_and_fracture()
    times = np.array([0.0, 0.4, 2.7, 3.3, 8.0, 15.0, 40.0])
    total = sum((end - start) * lesion.trauma_between(start, end) for start, end in pairwise(times))
    # 1 x 3 + 5 x 9 days; sums of six terms.
    np.testing.assert_allclose(total, 48.0, rtol=1e-14)
    assert float(jax.jvp(lambda end: lesion.trauma_between(2.0, end)[0, 0], (8.0,), (1.0,))[1]) < 0.0


def test_the_clock_moves_on():
    later = needle_and_fracture().after(4.0)
    np.testing.assert_array_equal(later.trauma_until, [0.0, 0.0, 5.0])
    np.testing.assert_array_equal(later.trauma_at(0.0), 5.0)
    np.testing.assert_array_equal(later.trauma_at(5.0), 0.0)
    np.testing.assert_array_equal(later.trauma[0], 0.0)
    again = compose(later, needle_and_fracture())
    # The second fracture outlasts the first, whose 25 left are spread over nine days.
    np.testing.assert_allclose(again.trauma_at(0.0), 1.0 + 5.0 + 25.0 / 9.0, rtol=1e-14)


def test_a_batch_of_lesions_reads_like_its_members():
    members = [random_lesion(seed) for seed in range(3)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    for number, lesion in enumerate(members):
        np.testing.assert_array_equal(batch.matrix_left[number], lesion.matrix_left)
        np.testing.assert_array_equal(batch.trauma_at(4.0)[number], lesion.trauma_at(4.0))
    composed = jax.vmap(compose)(batch, batch)
    np.testing.assert_allclose(composed.lost[1], compose(members[1], members[1]).lost, rtol=1e-15)
