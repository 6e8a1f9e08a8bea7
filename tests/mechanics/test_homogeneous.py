"""Homogeneous equilibrium: the swelling states of mechanics_imaging 2.6 (V1, V5), drained and undrained, failure, derivatives."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mechanics import NeoHookean, drained, equilibrium, require_equilibrium, undrained

FREE, WALLS = (False, False, False), (True, True, False)
# Tolerance of V1 and V5.
TOLERANCE = 1e-6


def free(material):
    return equilibrium(material, drained(FREE, (0.0, 0.0, 0.0)))


def confined(material, stress: float):
    return equilibrium(material, drained(WALLS, (1.0, 1.0, stress)))


def test_v1_free_swelling_of_gel_a(gel_a) -> None:
    state = free(gel_a)
    assert int(state.status) == 0
    assert float(state.load_share) == 1.0
    np.testing.assert_allclose(state.stretch, 1.221255, atol=TOLERANCE)
    assert float(state.volume_ratio) == pytest.approx(1.821459, abs=TOLERANCE)
    assert float(gel_a.donnan.pressure(state.volume_ratio)) == pytest.approx(0.040774, abs=TOLERANCE)
    np.testing.assert_allclose(state.stress, 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("stress", "stretch"),
    [(0.0, 1.409532), (-0.1, 1.110965), (-0.2, 0.931297), (-0.3, 0.813694), (-0.5, 0.669044), (-1.0, 0.501337)],
)
def test_v1_confined_gel_a(gel_a, stress: float, stretch: float) -> None:
    state = confined(gel_a, stress)
    assert float(state.stretch[2]) == pytest.approx(stretch, abs=TOLERANCE)
    if stress == -0.2:
        np.testing.assert_allclose(state.stress[:2], -0.188127, atol=TOLERANCE)


def test_v1_unconfined_gel_a(gel_a) -> None:
    state = equilibrium(gel_a, drained(FREE, (0.0, 0.0, -0.05)))
    np.testing.assert_allclose(state.stretch, [1.324767, 1.324767, 0.899055], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("stress", "stretch"), [(0.0, 1.412056), (-0.1, 1.111030), (-0.2, 0.931904), (-0.3, 0.816824), (-0.5, 0.678170)]
)
def test_v5_confined_gel_b(gel_b, stress: float, stretch: float) -> None:
    assert float(confined(gel_b, stress).stretch[2]) == pytest.approx(stretch, abs=TOLERANCE)


def test_v5_free_swelling_of_gel_b(gel_b) -> None:
    np.testing.assert_allclose(free(gel_b).stretch, 1.308667, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("stretch", "lateral", "stress"),
    [
        (0.7, 1.107935, -0.330121),
        (0.8, 1.067338, -0.210677),
        (0.9, 1.031702, -0.102143),
        (1.1, 0.971493, 0.098620),
        (1.2, 0.945633, 0.195622),
    ],
)
def test_neo_hookean_bar(gel_a, stretch: float, lateral: float, stress: float) -> None:
    """E = 1, nu = 0.3, no charge; uniaxial (2.6)."""
    dry = eqx.tree_at(lambda m: m.donnan.fixed_charge, gel_a, jnp.zeros(()))
    bar = eqx.tree_at(lambda m: m.solid, dry, NeoHookean.from_engineering(1.0, 0.3))
    state = equilibrium(bar, drained((False, False, True), (0.0, 0.0, stretch)))
    np.testing.assert_allclose(state.stretch[:2], lateral, atol=TOLERANCE)
    assert float(state.stress[2]) == pytest.approx(stress, abs=TOLERANCE)
    walls = equilibrium(bar, drained((True, True, True), (1.0, 1.0, 0.8)))
    np.testing.assert_allclose(walls.stress, [-0.160921, -0.160921, -0.333998], atol=TOLERANCE)


def test_without_drainage_the_volume_stays_and_the_water_takes_the_load(gel_b) -> None:
    start = free(gel_b)
    pressed = equilibrium(gel_b, undrained(WALLS, (*start.stretch[:2], -0.4), start.volume_ratio), start)
    np.testing.assert_allclose(pressed.stretch, start.stretch, rtol=1e-12)
    assert float(pressed.chemical_potential) == pytest.approx(0.4, rel=1e-12)
    loose = equilibrium(gel_b, undrained(FREE, (0.0, 0.0, -0.05), start.volume_ratio), start)
    assert float(loose.volume_ratio) == pytest.approx(float(start.volume_ratio), rel=1e-12)
    assert float(loose.chemical_potential) > 0.0
    assert float(loose.stretch[2]) < float(start.stretch[2]) < float(loose.stretch[0])


def test_the_volume_stays_above_the_solid_under_any_load(gel_b) -> None:
    state = equilibrium(gel_b, drained(WALLS, (1.0, 1.0, -500.0)), increments=50)
    assert int(state.status) == 0
    assert 0.2 < float(state.volume_ratio) < 0.21


def test_no_equilibrium_is_data_and_says_how_far_it_got(gel_b) -> None:
    """A specimen cannot be held at a stretch that leaves less room than the solid fraction 0.2."""
    state = equilibrium(gel_b, drained((True, True, True), (1.0, 1.0, 0.1)))
    assert int(state.status) == 1
    # Of equal factors to 0.1, seven tenths of the way are 0.1995: below ns. Six tenths are 0.251.
    assert 0.0 < float(state.load_share) <= 0.6 + 1e-12
    with pytest.raises(SolverFailed, match="confined: no equilibrium found, the load was reached to"):
        require_equilibrium(state, "confined")
    require_equilibrium(free(gel_b), "free")


def test_increments_are_needed(gel_b) -> None:
    with pytest.raises(InvalidInput):
        equilibrium(gel_b, drained(FREE, (0.0, 0.0, 0.0)), increments=0)


def test_v10_a_specimen_does_not_depend_on_its_batch(gel_b) -> None:
    loads = jnp.array([-0.05, -0.1, -0.2, -0.3])
    batch = jax.vmap(lambda stress: confined(gel_b, stress).stretch[2])(loads)
    for index, stress in enumerate(loads):
        # Tolerance of V10.
        assert float(batch[index]) == pytest.approx(float(confined(gel_b, stress).stretch[2]), rel=1e-12)


CHANGES = {
    "charge": lambda m: m.donnan.fixed_charge,
    "bulk modulus": lambda m: m.solid.bulk_modulus,
    "shear modulus": lambda m: m.solid.shear_modulus,
    "solid fraction": lambda m: m.donnan.solid_fraction,
    "fibres": lambda m: m.fibres.stiffness,
}


@pytest.fixture(scope="module")
def stretch_of(v0):
    """Axial stretch of an annulus specimen under 0.05 MPa, with factors on its constants and on the load."""
    material = v0("annulus", 3)

    @jax.jit
    def axial(factors):
        changed = material
        for place, factor in zip(CHANGES.values(), factors[:-1], strict=True):
            changed = eqx.tree_at(place, changed, place(changed) * factor)
        target = jnp.zeros(3).at[2].set(-0.05 * factors[-1])
        return equilibrium(changed, drained(FREE, target)).stretch[2]

    return axial


def test_derivatives_against_central_differences(stretch_of) -> None:
    """1e-6 relative to the largest derivative: a central difference of step 1e-5 has errors of 1e-10 from curvature and from rounding."""
    ones = jnp.ones(len(CHANGES) + 1)
    reverse = jax.jit(jax.grad(stretch_of))(ones)
    differences = []
    for index in range(len(ones)):
        step = jnp.zeros(len(ones)).at[index].set(1e-5)
        differences.append(float(stretch_of(ones + step) - stretch_of(ones - step)) / 2e-5)
    np.testing.assert_allclose(reverse, differences, atol=1e-6 * np.abs(differences).max())
    forward = jax.jit(lambda x: jax.jvp(stretch_of, (x,), (ones,))[1])(ones)
    assert float(forward) == pytest.approx(float(jnp.sum(reverse)), rel=1e-9)
    # Every constant and the load matter: a derivative that is lost would be zero.
    assert np.abs(differences).min() > 1e-4
