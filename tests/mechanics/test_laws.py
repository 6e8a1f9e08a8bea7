"""Osmosis, solid, fibres, permeability, and the stress of their total energy: mechanics_imaging 2.1, 2.2, 2.6; V2, V8, V10."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulposus.errors import InvalidInput
from pulposus.mechanics import (
    Donnan,
    FibreMap,
    Fibres,
    NeoHookean,
    PorousNeoHookean,
    aggregate_modulus,
    cauchy_stress,
    fibre_directions,
    material_keys,
    nominal_stress,
    principal_energy,
    principal_stress,
    reference_composition,
    stored_energy,
    tissue_material,
)
from pulposus.parameters import load_parameters

CONSTANTS = load_parameters()
ONE = jnp.ones(())
# Half of the last printed digit, in all comparisons with six printed decimals.
SIX = 5.1e-7
GRADES = range(1, 6)
ANNULUS = tissue_material(CONSTANTS, "annulus", 2)
STRESS = jax.jit(nominal_stress)
ENERGY = jax.jit(stored_energy)


def gel(charge: float) -> Donnan:
    return Donnan.from_parameters(CONSTANTS, charge, 0.2, 1.0)


# Osmosis


@pytest.mark.parametrize(
    ("charge", "pressure"),
    [
        (0.05, 0.010671),
        (0.10, 0.041847),
        (0.15, 0.091313),
        (0.20, 0.156155),
        (0.25, 0.233407),
        (0.30, 0.320444),
        (0.40, 0.515746),
    ],
)
def test_donnan_pressure(charge: float, pressure: float) -> None:
    assert float(gel(charge).pressure(ONE)) == pytest.approx(pressure, abs=SIX)


@pytest.mark.parametrize(("pressure", "charge"), [(0.138, 0.187010), (0.037, 0.093887)])
def test_inverse_donnan_pressure(pressure: float, charge: float) -> None:
    # The slope d pi/dc is below 1.6 MPa mL/mEq, so half a digit of the charge is less than 1e-6 of the pressure.
    assert float(gel(charge).pressure(ONE)) == pytest.approx(pressure, abs=1e-6)


def test_thermal_energy() -> None:
    assert float(gel(0.2).thermal_energy) == pytest.approx(2.578731, abs=SIX)


@settings(deadline=None)
@given(st.floats(0.01, 0.5), st.floats(0.25, 5.0))
def test_the_osmotic_energy_is_never_negative_and_its_slope_is_minus_the_pressure(charge: float, volume: float) -> None:
    donnan, J = gel(charge), jnp.asarray(volume)
    assert float(donnan.energy(J)) > 0.0
    # 1e-9 of the bath's scale: the energy is a difference of two terms that are nearly equal for little charge.
    slope = float(jax.grad(donnan.energy)(J))
    assert slope == pytest.approx(-float(donnan.pressure(J)), abs=1e-9 * 2.58 * 0.3)


def test_water_and_charge_are_kept_when_the_volume_changes() -> None:
    donnan = gel(0.2)
    J = jnp.linspace(0.5, 2.0, 7)
    np.testing.assert_allclose(donnan.charge(J) * donnan.water_fraction(J) * J, 0.2 * 0.8, rtol=1e-14)


@settings(deadline=None)
@given(st.floats(0.5, 0.95), st.floats(0.01, 0.4), st.floats(0.6, 1.0))
def test_the_reference_composition_gives_the_imaged_one(water: float, charge: float, volume: float) -> None:
    solid, at_reference = reference_composition(*(jnp.asarray(x) for x in (water, charge, volume)))
    donnan = Donnan.from_parameters(CONSTANTS, float(at_reference), float(solid), 1.0)
    # 1e-12: a few roundings.
    assert float(donnan.water_fraction(jnp.asarray(volume))) == pytest.approx(water, rel=1e-12)
    assert float(donnan.charge(jnp.asarray(volume))) == pytest.approx(charge, rel=1e-12)


# Table 2.2 by grade (v0), printed with three and two decimals


@pytest.mark.parametrize(
    ("tissue", "pressures", "moduli"),
    [
        ("nucleus", (0.199, 0.163, 0.107, 0.049, 0.014), (1.09, 1.03, 0.78, 0.48, 0.47)),
        ("annulus", (0.129, 0.129, 0.091, 0.050, 0.027), (0.69, 0.69, 0.81, 1.10, 1.20)),
    ],
)
def test_swelling_pressure_and_aggregate_modulus_by_grade(v0, tissue, pressures, moduli) -> None:
    for grade, pressure, modulus in zip(GRADES, pressures, moduli, strict=True):
        material = v0(tissue, grade)
        assert float(material.donnan.pressure(ONE)) == pytest.approx(pressure, abs=5.1e-4)
        assert float(aggregate_modulus(ONE, material)) == pytest.approx(modulus, abs=5.1e-3)


def test_the_aggregate_modulus_has_its_closed_form(v0) -> None:
    """H_A = K0 + 4/3 mu_s + Phi R T c0^2 / ((1 - ns) sqrt(c0^2 + cb^2)) (mechanics_imaging 2.1)."""
    material = v0("nucleus", 2)
    c, cb, RT = 0.275, 0.3, 8.314462618 * 310.15e-3
    closed = 0.65 + 4.0 / 3.0 * 0.02 + 0.59 * RT * c**2 / (0.81 * np.hypot(c, cb))
    assert float(aggregate_modulus(ONE, material)) == pytest.approx(closed, rel=1e-12)


# Gel A and gel B


def test_gel_a_at_the_reference_volume(gel_a) -> None:
    stress = cauchy_stress(jnp.eye(3), jnp.zeros(()), gel_a)
    np.testing.assert_allclose(stress, -0.156155 * np.eye(3), atol=SIX)
    assert -float(jax.grad(gel_a.donnan.pressure)(ONE)) == pytest.approx(0.357606, abs=SIX)
    assert float(aggregate_modulus(ONE, gel_a)) == pytest.approx(0.579828, abs=SIX)


@pytest.mark.parametrize(
    ("stretch", "stress"), [(0.6, -0.174199), (0.7, -0.102064), (0.8, -0.056998), (0.9, -0.024950), (1.1, 0.020717)]
)
def test_gel_b_dry_and_confined(gel_b, stretch: float, stress: float) -> None:
    dry = eqx.tree_at(lambda m: m.donnan.fixed_charge, gel_b, jnp.zeros(()))
    lengths = jnp.array([1.0, 1.0, stretch])
    assert float(principal_stress(lengths, jnp.zeros(()), dry)[2]) == pytest.approx(stress, abs=SIX)


def test_the_stiffening_has_the_bulk_modulus_as_slope_at_the_reference() -> None:
    """d2W/dJ2 of a pure change of volume at J = 1 is K0, since B(1) = 1."""
    solid = PorousNeoHookean(0.1, 0.7, 0.3)

    def energy(J):
        return solid.energy(3.0 * jnp.cbrt(J) ** 2, J)

    assert float(jax.grad(jax.grad(energy))(ONE)) == pytest.approx(0.7, rel=1e-12)
    with pytest.raises(TypeError):
        from pulposus.mechanics import Solid

        Solid()


# Fibres


@pytest.mark.parametrize(
    ("stretch", "stress", "energy"),
    [(1.02, 0.681448, 0.006502), (1.05, 1.988950, 0.044201), (1.10, 5.188727, 0.204834)],
)
def test_fibre_stress_and_energy(stretch: float, stress: float, energy: float) -> None:
    """J sigma_f = lambda dW/d lambda of one family."""
    fibres = Fibres(2.8, 11.0, jnp.eye(3)[:2])

    def one(lam):
        return fibres.energy(jnp.stack([lam, ONE]))

    assert float(one(jnp.asarray(stretch))) == pytest.approx(energy, abs=SIX)
    assert stretch * float(jax.grad(one)(stretch)) == pytest.approx(stress, abs=SIX)


@settings(deadline=None)
@given(st.floats(0.2, 1.0))
def test_fibres_only_pull(stretch: float) -> None:
    fibres = Fibres(2.8, 11.0, jnp.eye(3)[:2])
    both = jnp.full(2, stretch)
    assert float(fibres.energy(both)) == 0.0
    np.testing.assert_array_equal(jax.grad(fibres.energy)(both), 0.0)


def test_the_angle_map_at_its_corners() -> None:
    fibres = FibreMap.from_parameters(CONSTANTS)
    corners = {(0.0, 1.0): 31.0, (1.0, 1.0): 23.0, (0.0, -1.0): 43.0, (1.0, -1.0): 28.0, (0.5, 0.0): 31.25}
    for (depth, forward), angle in corners.items():
        assert float(fibres.angle(jnp.asarray(depth), jnp.asarray(forward))) == pytest.approx(angle, abs=1e-12)
    np.testing.assert_allclose(fibres.stiffness(jnp.array([0.0, 0.5, 1.0])), [0.8, 1.4, 2.0], rtol=1e-14)


@settings(deadline=None)
@given(st.floats(0.0, 90.0), st.floats(-2.0, 2.0))
def test_fibre_directions_lie_at_their_angle(angle: float, lean: float) -> None:
    """Unit vectors at the angle to t; an axial direction that leans along t is made orthogonal to it."""
    tangent = jnp.array([0.6, 0.8, 0.0])
    pair = fibre_directions(jnp.asarray(angle), tangent, jnp.array([0.0, 0.0, 1.0]) + lean * tangent)
    np.testing.assert_allclose(jnp.sum(pair**2, axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(pair @ tangent, np.cos(np.deg2rad(angle)), atol=1e-14)
    np.testing.assert_allclose(pair[:, 2], np.sin(np.deg2rad(angle)) * np.array([1.0, -1.0]), atol=1e-14)


# V2, V10 and the properties of the total energy


def closed_form(F: np.ndarray, mu: float) -> np.ndarray:
    """P of `ANNULUS` by hand, for complex numbers too (mechanics_imaging 2.1)."""
    m, K, ns = (float(getattr(ANNULUS.solid, n)) for n in ("shear_modulus", "bulk_modulus", "solid_fraction"))
    donnan, fibres = ANNULUS.donnan, ANNULUS.fibres
    assert fibres is not None
    J = np.linalg.det(F)
    inverse = np.linalg.inv(F).T
    B = (2.0 * J + ns) / (J - ns) * (1.0 - ns) / (2.0 + ns)
    slope_B = -3.0 * ns / (J - ns) ** 2 * (1.0 - ns) / (2.0 + ns)
    P = m * (F - J ** (2.0 / 3.0) * inverse)
    P = P + K * (B * np.log(J) + 0.5 * slope_B * J * np.log(J) ** 2) * inverse
    c, cb = float(donnan.fixed_charge) * (1.0 - ns) / (J - ns), float(donnan.bath)
    pressure = float(donnan.osmotic_coefficient * donnan.thermal_energy) * (np.sqrt(c**2 + cb**2) - cb)
    P = P - (pressure + mu) * J * inverse
    for direction in np.asarray(fibres.directions):
        pulled = F @ direction
        stretch = np.sqrt(np.sum(pulled**2))
        if stretch.real > 1.0:
            tension = float(fibres.stiffness) * (stretch ** float(fibres.exponent) - 1.0) / stretch**2
            P = P + tension * np.outer(pulled, direction)
    return P


STRETCHED = np.array([[1.12, 0.07, 0.02], [-0.05, 0.93, 0.11], [0.03, -0.08, 1.04]])
SQUEEZED = np.array([[0.88, 0.05, 0.01], [0.02, 0.97, -0.06], [0.04, 0.01, 0.81]])


@pytest.mark.parametrize("F", [STRETCHED, SQUEEZED])
def test_v2_stress_and_tangent(F: np.ndarray) -> None:
    """Against the closed form, and its complex step for the tangent: both exact to rounding; tolerance of V2."""
    mu = jnp.asarray(0.03)
    np.testing.assert_allclose(STRESS(jnp.asarray(F), mu, ANNULUS), closed_form(F, 0.03), atol=1e-10)
    tangent = jax.jacfwd(nominal_stress)(jnp.asarray(F), mu, ANNULUS)
    for i, j in np.ndindex(3, 3):
        step = F.astype(complex)
        step[i, j] += 1e-30j
        np.testing.assert_allclose(tangent[:, :, i, j], closed_form(step, 0.03).imag / 1e-30, atol=1e-10)


entries = st.lists(st.floats(-0.2, 0.2), min_size=9, max_size=9).map(lambda x: np.eye(3) + np.reshape(x, (3, 3)))
turns = st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1)


def rotation(quaternion: list[float]) -> np.ndarray:
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@settings(deadline=None)
@given(entries.filter(lambda F: np.linalg.det(F) > 0.4), turns)
def test_v2_a_turn_of_the_observer_changes_nothing(F: np.ndarray, quaternion: list[float]) -> None:
    Q, mu = rotation(quaternion), jnp.asarray(0.05)
    energy, turned = (float(ENERGY(jnp.asarray(G), ANNULUS)) for G in (F, Q @ F))
    assert energy > 0.0
    assert turned == pytest.approx(energy, abs=1e-10)
    P = np.asarray(STRESS(jnp.asarray(F), mu, ANNULUS))
    np.testing.assert_allclose(STRESS(jnp.asarray(Q @ F), mu, ANNULUS), Q @ P, atol=1e-10)
    cauchy = P @ F.T
    # Moment of momentum: 1e-12 of a stress of at most some MPa is rounding.
    np.testing.assert_allclose(cauchy, cauchy.T, atol=1e-12 * max(1.0, float(np.abs(cauchy).max())))


@settings(deadline=None)
@given(st.lists(st.floats(0.8, 1.3), min_size=3, max_size=3))
def test_stress_along_the_axes_is_that_of_the_tensor(stretch: list[float]) -> None:
    lengths, mu = jnp.asarray(stretch), jnp.asarray(0.05)
    full = cauchy_stress(jnp.diag(lengths), mu, ANNULUS)
    # The fibres lie symmetrically, so there is no shear either.
    np.testing.assert_allclose(full, jnp.diag(principal_stress(lengths, mu, ANNULUS)), atol=1e-12)
    assert float(principal_energy(lengths, ANNULUS)) == pytest.approx(float(stored_energy(jnp.diag(lengths), ANNULUS)))


def test_the_unloaded_matrix_stores_nothing(gel_b) -> None:
    zero = gel_b.solid.energy(jnp.asarray(3.0), ONE)
    assert float(zero) == pytest.approx(0.0, abs=1e-15)


def test_the_solid_cannot_be_squeezed_to_its_own_volume(gel_b) -> None:
    """Confined stress grows without bound as J falls to ns = 0.2."""
    stress = [
        float(principal_stress(jnp.array([1.0, 1.0, 0.2 + room]), jnp.zeros(()), gel_b)[2])
        for room in (1e-2, 1e-4, 1e-6)
    ]
    assert stress[0] < 0.0
    # K0/2 B' (ln J)^2 and pi: both grow at least as 1/(J - ns).
    assert stress[1] < 90.0 * stress[0]
    assert stress[2] < 90.0 * stress[1]


def test_v8_inflation_of_an_incompressible_tube() -> None:
    """Neo-Hookean, mu = 1, radii 14.5 and 22, inner radius times 1.1: p is the integral of hoop less radial stress over ln r."""
    law = NeoHookean(1.0, 1.0)

    def difference(hoop):
        stretch = jnp.stack([hoop, 1.0 / hoop, ONE])
        slope = jax.grad(lambda s: law.energy(jnp.sum(s**2), jnp.prod(s)))(stretch)
        return stretch[0] * slope[0] - stretch[1] * slope[1]

    a, b, inner = 14.5, 22.0, 14.5 * 1.1
    outer = np.sqrt(b**2 + inner**2 - a**2)
    assert outer == pytest.approx(22.981569, abs=SIX)
    points, weights = np.polynomial.legendre.leggauss(20)
    radius = 0.5 * (outer + inner) + 0.5 * (outer - inner) * points
    hoop = radius / np.sqrt(radius**2 - inner**2 + a**2)
    values = np.asarray([float(difference(jnp.asarray(one))) for one in hoop])
    pressure = 0.5 * (outer - inner) * np.sum(weights * values / radius)
    assert pressure == pytest.approx(0.096638, abs=SIX)


# Material


def test_permeability_is_that_of_the_porosity_law(v0) -> None:
    """k0 J^Mk is alpha (1 - n)^-Mk with n = (J - ns)/J and alpha = k0 ns^Mk (mechanics_imaging 2.1)."""
    permeability, ns = v0("nucleus", 2).permeability, 0.19
    J = jnp.linspace(0.5, 1.5, 5)
    alpha = 9e-4 * 86400.0 * ns**1.2
    np.testing.assert_allclose(permeability.at(J), alpha * (1.0 - (J - ns) / J) ** -1.2, rtol=1e-12)


def test_real_discs_take_their_solid_from_the_water_of_composition() -> None:
    for grade, nucleus, annulus in zip(
        GRADES, (0.14, 0.17, 0.21, 0.25, 0.30), (0.32, 0.32, 0.347, 0.38, 0.402), strict=True
    ):
        for tissue, solid in (("nucleus", nucleus), ("annulus", annulus), ("endplate", None)):
            material = tissue_material(CONSTANTS, tissue, grade)
            if solid is not None:
                assert float(material.donnan.solid_fraction) == pytest.approx(solid, abs=1e-12)
            assert (material.fibres is None) == (tissue != "annulus")
    assert float(tissue_material(CONSTANTS, "nucleus", 1, fixed_charge=0.25).donnan.fixed_charge) == 0.25


def test_the_endplate_is_the_same_in_every_grade() -> None:
    keys = material_keys("endplate", 5)
    assert CONSTANTS.value(keys["shear modulus"]) == 0.3
    assert CONSTANTS.value(keys["permeability"]) == pytest.approx(5e-4 * 86400.0, rel=1e-12)


def test_a_fissure_weakens_fibres_and_lets_water_through(v0) -> None:
    whole = v0("annulus", 2)
    torn = whole.damaged(0.25, CONSTANTS)
    assert float(torn.fibres.stiffness / whole.fibres.stiffness) == pytest.approx(0.75, rel=1e-14)
    assert float(torn.permeability.reference / whole.permeability.reference) == pytest.approx(26.0, rel=1e-14)
    nucleus = v0("nucleus", 2).damaged(1.0, CONSTANTS)
    assert float(nucleus.permeability.reference) == pytest.approx(101.0 * 77.76, rel=1e-14)


@pytest.mark.parametrize(
    "build",
    [
        lambda: tissue_material(CONSTANTS, "muscle", 2),
        lambda: tissue_material(CONSTANTS, "nucleus", 6),
        lambda: tissue_material(CONSTANTS, "annulus", 2, depth=1.2),
        lambda: tissue_material(CONSTANTS, "annulus", 2, forward=-1.2),
        lambda: ANNULUS.damaged(1.5, CONSTANTS),
    ],
)
def test_bad_input_is_refused(build) -> None:
    with pytest.raises(InvalidInput) as caught:
        build()
    assert caught.value.allowed
