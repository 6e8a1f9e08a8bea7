"""The standard material tests (mechanics_imaging 2.5, 3.2; rulings 45)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.mechanics import (
    annulus_tension,
    confined_compression,
    fibre_directions,
    free_swelling,
    unconfined_compression,
)


@pytest.fixture(scope="module")
def cylinder_annulus(v0):
    """Annulus of the benchmark cylinder V11: fibres at 38 degrees inside and 26 outside."""

    def make(depth: float):
        material = v0("annulus", 2, depth=depth)
        angle = jnp.asarray(38.0 + depth * (26.0 - 38.0))
        pair = fibre_directions(angle, jnp.eye(3)[0], jnp.eye(3)[2])
        return eqx.tree_at(lambda m: m.fibres.directions, material, pair)

    return make


@pytest.mark.parametrize(("depth", "modulus"), [(1.0, 11.3), (0.0, 2.1)])
def test_circumferential_modulus_of_the_annulus(cylinder_annulus, depth: float, modulus: float) -> None:
    """Rulings 45: drained, nominal, tangent at 10 % from the swollen free length; printed with one decimal."""
    result = annulus_tension(cylinder_annulus(depth), 0.1)
    assert int(result.status[0]) == 0
    assert float(result.modulus[0]) == pytest.approx(modulus, abs=0.051)


def test_axial_modulus_of_the_annulus(cylinder_annulus) -> None:
    """Printed as 0.5 to 0.8 MPa for outer and inner (2.2): one decimal."""
    for depth in (0.0, 1.0):
        modulus = float(annulus_tension(cylinder_annulus(depth), 0.1, "axial").modulus[0])
        assert 0.45 < modulus < 0.85


def test_moduli_are_the_slopes_of_the_curves(cylinder_annulus) -> None:
    strain = np.array([0.1 - 1e-5, 0.1, 0.1 + 1e-5])
    result = annulus_tension(cylinder_annulus(1.0), strain)
    for stress, modulus in ((result.stress, result.modulus), (result.undrained_stress, result.undrained_modulus)):
        assert float(modulus[1]) == pytest.approx(float(stress[2] - stress[0]) / 2e-5, rel=1e-6)
    lengths = jnp.log(result.stretch[2] / result.stretch[0])
    np.testing.assert_allclose(result.poisson_ratio[1], -lengths / lengths[0], atol=1e-6)
    np.testing.assert_allclose(result.stretch[:, 0], result.free_stretch[0] * (1.0 + strain), rtol=1e-12)


def test_unconfined_compression_of_the_nucleus(v0) -> None:
    result = unconfined_compression(v0("nucleus", 2), [0.0, 0.05, 0.1])
    np.testing.assert_allclose(result.strain, [0.0, -0.05, -0.1])
    np.testing.assert_array_equal(result.status, 0)
    assert float(result.stress[0]) == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(result.stress) < 0.0)
    # Without time to drain the volume is kept: stiffer, and both moduli below 3 mu_s of the swollen nucleus.
    assert np.all(result.undrained_modulus > result.modulus)
    swollen = 3.0 * 0.02 * float(free_swelling(v0("nucleus", 2)).stretch[0]) ** -1
    # At no strain: E = 3 G at constant volume, with G = mu_s / lambda of the swollen neo-Hookean matrix.
    assert float(result.undrained_modulus[0]) == pytest.approx(swollen, rel=1e-9)
    np.testing.assert_allclose(result.poisson_ratio[:, 0], result.poisson_ratio[:, 1], rtol=1e-9)
    np.testing.assert_allclose(result.poisson_ratio[:, 2], -1.0, rtol=1e-12)


def test_free_swelling_dilutes_the_charge(v0) -> None:
    for tissue in ("nucleus", "annulus"):
        material = v0(tissue, 2)
        result = free_swelling(material)
        ns = float(material.donnan.solid_fraction)
        J = float(result.volume_ratio)
        assert int(result.status) == 0
        assert J > 1.0
        assert float(result.water_fraction) == pytest.approx((J - ns) / J, rel=1e-12)
        assert float(result.fixed_charge) < float(material.donnan.fixed_charge)
        assert float(result.osmotic_pressure) < float(material.donnan.pressure(jnp.ones(())))
        assert float(jnp.prod(result.stretch)) == pytest.approx(J, rel=1e-12)


def test_confined_compression(gel_b, v0) -> None:
    """The stretches of 2.6 give back the stress that they were found under."""
    result = confined_compression(gel_b, [1.412056, 1.111030, 0.931904, 0.816824, 0.678170])
    # Half a digit of the stretch times the modulus, which is 0.2 to 1.4 MPa.
    np.testing.assert_allclose(result.axial_stress, [0.0, -0.1, -0.2, -0.3, -0.5], atol=1e-6)
    assert float(result.swelling_pressure) == pytest.approx(0.156155, abs=5.1e-7)
    assert np.all(np.diff(result.aggregate_modulus) > 0.0)
    assert np.all(np.diff(result.permeability) < 0.0)
    nucleus = confined_compression(v0("nucleus", 2), 1.0)
    assert float(nucleus.axial_stress[0]) == pytest.approx(-float(nucleus.swelling_pressure), rel=1e-12)
    assert float(nucleus.lateral_stress[0]) == pytest.approx(-float(nucleus.osmotic_pressure[0]), rel=1e-12)
    tau = 25.0 / float(nucleus.reference_modulus * nucleus.reference_permeability)
    assert float(nucleus.consolidation_time(5.0)) == pytest.approx(tau, rel=1e-12)


def test_too_little_room_and_impossible_strain_are_data(v0) -> None:
    assert confined_compression(v0("nucleus", 2), [0.9, 0.1]).status.tolist() == [0, 1]
    assert unconfined_compression(v0("nucleus", 2), [0.1, 1.5]).status.tolist() == [0, 1]


def test_a_direction_that_does_not_exist(v0) -> None:
    with pytest.raises(InvalidInput, match='no direction "radial"'):
        annulus_tension(v0("annulus", 2), 0.1, "radial")


def test_a_modulus_can_be_differentiated(cylinder_annulus) -> None:
    """Of the outer annulus by fibre stiffness, against a central difference: 1e-6."""
    material = cylinder_annulus(1.0)

    @jax.jit
    def modulus(factor):
        changed = eqx.tree_at(lambda m: m.fibres.stiffness, material, material.fibres.stiffness * factor)
        return annulus_tension(changed, 0.1).modulus[0]

    slope = float(jax.grad(modulus)(1.0))
    assert slope == pytest.approx(float(modulus(1.0 + 1e-5) - modulus(1.0 - 1e-5)) / 2e-5, rel=1e-6)
