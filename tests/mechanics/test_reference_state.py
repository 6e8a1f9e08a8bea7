"""The stress-free disc behind an image: a disc that is loaded forward is found again (rulings 10, 44)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc
from pulposus.errors import SolverFailed
from pulposus.mechanics import drained_equilibrium, reference_state
from pulposus.mechanics._disc_material import ImagedState
from pulposus.mechanics._disc_problem import disc_solid
from pulposus.mechanics._equilibrium import volume_ratios
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._reference_state import NO_FIXED_POINT, Passes, ReferenceState
from pulposus.mechanics._solid_problem import at_rest
from pulposus.mechanics._whole_disc import _require_reference
from pulposus.parameters import ParameterSet

LOAD = axial_load(150.0)


@pytest.fixture(scope="module")
def imaged(tiny_disc: Disc, parameters: ParameterSet):
    """A small disc whose shape counts as stress-free, of a uniform composition, and what an image of it under a load shows."""
    solid = disc_solid(tiny_disc, parameters)
    shape = solid.places.reference.shape[:2]
    zero, one = jnp.zeros(shape), jnp.ones(shape)
    solid = eqx.tree_at(lambda disc: disc.imaged, solid, ImagedState(0.8 * one, 0.2 * one, zero, zero))
    problem = solid.problem(solid.image, one)
    state = drained_equilibrium(problem, LOAD, at_rest(problem))
    assert int(state.status) == 0
    J = volume_ratios(problem, state)
    donnan = problem.material.donnan
    seen = ImagedState(donnan.water_fraction(J), donnan.charge(J), zero, zero)
    picture = eqx.tree_at(lambda one: (one.image, one.imaged), solid, (solid.image + state.displacement, seen))
    return picture, problem, J


def test_the_stress_free_disc_is_found_again(imaged) -> None:
    """Shape to ten times the distance at which the passes stop (they close two thirds of it each), solid to that of the water."""
    picture, problem, J = imaged
    found = reference_state(picture, LOAD)
    assert int(found.status) == 0
    assert float(found.residual) < 0.02 and float(found.water_error) < 0.005
    assert 2 < int(found.passes) < 20
    assert float(jnp.max(jnp.abs(found.problem.coordinates - problem.coordinates))) < 0.2
    np.testing.assert_allclose(
        found.problem.material.donnan.solid_fraction, problem.material.donnan.solid_fraction, atol=0.02
    )
    # And the composition of its supine state is that of the image.
    donnan, supine = found.problem.material.donnan, volume_ratios(found.problem, found.supine)
    np.testing.assert_allclose(donnan.water_fraction(supine), picture.imaged.water, atol=0.005)
    np.testing.assert_allclose(donnan.charge(supine), picture.imaged.fixed_charge, rtol=0.05)
    assert float(jnp.max(jnp.abs(supine - J))) < 0.1
    again = reference_state(picture, LOAD, found)
    assert int(again.passes) <= 2


def test_too_few_passes_are_a_status(imaged) -> None:
    picture, _, _ = imaged
    found = reference_state(picture, LOAD, passes=Passes(most=1))
    assert int(found.status) == NO_FIXED_POINT
    with pytest.raises(SolverFailed, match="after 1 passes"):
        _require_reference(found, "a disc")


@pytest.mark.slow
def test_a_batch_of_discs_is_searched_like_its_members(imaged) -> None:
    """Each disc with its own passes and status, one of which fails; the answers are those alone, to the solver's tolerance in mm."""
    picture, _, _ = imaged
    charge = picture.imaged.fixed_charge
    discs = [
        eqx.tree_at(lambda one: one.imaged.fixed_charge, picture, charge * factor) for factor in (1.0, 0.8, jnp.nan)
    ]
    arrays = [eqx.filter(disc, eqx.is_array) for disc in discs]
    static = eqx.filter(picture, eqx.is_array, inverse=True)
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays)
    together = jax.vmap(lambda one: reference_state(eqx.combine(one, static), LOAD))(batch)
    np.testing.assert_array_equal(together.status, [0, 0, 1])
    assert np.all(np.isfinite(together.supine.displacement))
    for number in range(2):
        alone = reference_state(discs[number], LOAD)
        assert int(together.passes[number]) == int(alone.passes)
        np.testing.assert_allclose(together.problem.coordinates[number], alone.problem.coordinates, atol=1e-9)
        np.testing.assert_allclose(together.supine.displacement[number], alone.supine.displacement, atol=1e-9)


def test_a_supine_disc_without_equilibrium_says_so(imaged) -> None:
    """The load that was reached, not the passes: no shape is behind a disc that cannot be loaded."""
    _, problem, J = imaged
    lost = eqx.tree_at(lambda one: (one.status, one.load), at_rest(problem), (jnp.asarray(1), axial_load(40.0)))
    found = ReferenceState(problem, lost, J, jnp.ones(()), jnp.ones(()), jnp.asarray(1), lost.status)
    with pytest.raises(SolverFailed, match="a disc, supine: no equilibrium found; the last one was at 40 N"):
        _require_reference(found, "a disc")
