"""The stress-free disc behind an image: a disc that is loaded forward is found again (rulings 10, 44)."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.errors import SolverFailed
from pulposus.mechanics import drained_equilibrium, load_cylinder, reference_state
from pulposus.mechanics._disc_material import ImagedState, TissueTable
from pulposus.mechanics._disc_problem import DiscSolid
from pulposus.mechanics._equilibrium import volume_ratios
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._reference_state import NO_FIXED_POINT, Passes
from pulposus.mechanics._solid_problem import at_rest
from pulposus.mechanics._whole_disc import _require_reference
from pulposus.parameters import load_parameters

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "swelling_cylinder.yaml"
LOAD = axial_load(150.0)


@pytest.fixture(scope="module")
def imaged():
    """A small stress-free cylinder, bonded on both faces, and what an image of it under a load shows."""
    cylinder = load_cylinder(BENCHMARK, ["mesh=cylinder-coarse"])
    places, coordinates = cylinder.places, cylinder.problem.coordinates
    shape = places.reference.shape[:2]
    zero, one = jnp.zeros(shape), jnp.ones(shape)
    solid = DiscSolid(
        places=places,
        table=TissueTable.of_grade(load_parameters(), 2),
        image=coordinates,
        imaged=ImagedState(0.8 * one, 0.2 * one, zero, zero),
        film=jnp.zeros((2, len(places.mesh.upper.nodes))),
        open_endplates=True,
    )
    problem = solid.problem(coordinates, one)
    state = drained_equilibrium(problem, LOAD, at_rest(problem))
    assert int(state.status) == 0
    J = volume_ratios(problem, state)
    donnan = problem.material.donnan
    seen = ImagedState(donnan.water_fraction(J), donnan.charge(J), zero, zero)
    picture = eqx.tree_at(lambda one: (one.image, one.imaged), solid, (coordinates + state.displacement, seen))
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
    donnan = found.problem.material.donnan
    np.testing.assert_allclose(donnan.water_fraction(found.J), picture.imaged.water, atol=0.005)
    np.testing.assert_allclose(donnan.charge(found.J), picture.imaged.fixed_charge, rtol=0.05)
    assert float(jnp.max(jnp.abs(found.J - J))) < 0.1
    again = reference_state(picture, LOAD, found)
    assert int(again.passes) <= 2


def test_too_few_passes_are_a_status(imaged) -> None:
    picture, _, _ = imaged
    found = reference_state(picture, LOAD, passes=Passes(most=1))
    assert int(found.status) == NO_FIXED_POINT
    with pytest.raises(SolverFailed, match="after 1 passes"):
        _require_reference(found, "a disc")
