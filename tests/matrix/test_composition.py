"""Charge, water, salt, stiffness and T2 of a composition (cells_matrix 2.7; rulings 3, 7; mechanics_imaging 4.1)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.matrix import MatrixParameters, osmolarity
from pulposus.matrix._composition import (
    composition_water,
    fixed_charge,
    relative_modulus,
    relative_strength,
    t2_relaxation,
)
from pulposus.matrix._matrix_parameters import T2Law
from pulposus.parameters import load_parameters

PARAMETERS = load_parameters()
LAW = MatrixParameters.from_parameters(PARAMETERS).composition
T2 = T2Law.from_parameters(PARAMETERS)
NUCLEUS = tuple(jnp.full(5, share) for share in (1.0, 0.0, 0.0))
ANNULUS = tuple(jnp.full(5, share) for share in (0.0, 1.0, 0.0))
CONTENT = {
    tissue: jnp.array(PARAMETERS.by_grade(f"grades.glycosaminoglycan.{tissue}")) for tissue in ("nucleus", "annulus")
}
ENDPLATE_WATER = jnp.array(0.66)


def test_water_of_the_grades():
    # The water rows of the table, printed with two or three digits: rulings 3 keeps them to 0.009 in the nucleus, 0.0013 in the annulus.
    nucleus = composition_water(CONTENT["nucleus"], NUCLEUS, ENDPLATE_WATER, LAW)
    annulus = composition_water(CONTENT["annulus"], ANNULUS, ENDPLATE_WATER, LAW)
    np.testing.assert_allclose(nucleus, [0.859, 0.831, 0.789, 0.7414, 0.7022], atol=5e-5)
    np.testing.assert_allclose(annulus, PARAMETERS.by_grade("grades.composition_water_fraction.annulus"), atol=1.3e-3)


def test_water_is_held_between_its_limits_and_that_of_the_endplate_stays():
    content = jnp.array([0.0, 1000.0])
    nucleus = composition_water(content, (jnp.ones(2), jnp.zeros(2), jnp.zeros(2)), ENDPLATE_WATER, LAW)
    annulus = composition_water(content, (jnp.zeros(2), jnp.ones(2), jnp.zeros(2)), ENDPLATE_WATER, LAW)
    endplate = composition_water(content, (jnp.zeros(2), jnp.zeros(2), jnp.ones(2)), ENDPLATE_WATER, LAW)
    np.testing.assert_allclose(nucleus, [0.663, 0.90], rtol=1e-15)
    np.testing.assert_allclose(annulus, [0.55, 0.90], rtol=1e-15)
    np.testing.assert_allclose(endplate, [0.66, 0.66], rtol=1e-15)


def test_fixed_charge_of_the_grades():
    for tissue, shares in (("nucleus", NUCLEUS), ("annulus", ANNULUS)):
        charge = fixed_charge(CONTENT[tissue], composition_water(CONTENT[tissue], shares, ENDPLATE_WATER, LAW), LAW)
        # Printed with three decimals from the table's own water, which differs by up to 0.009 in 0.75.
        np.testing.assert_allclose(charge, PARAMETERS.by_grade(f"grades.fixed_charge.{tissue}"), atol=2.5e-3)
    assert float(fixed_charge(jnp.array(5.0), jnp.array(0.0), LAW)) == 0.0


def test_osmolarity_follows_the_charge():
    start = jnp.array(0.2)
    assert float(osmolarity(start, start, jnp.array(405.0), LAW)) == 405.0
    # 1000 (sqrt(0.16 + 0.09) - sqrt(0.04 + 0.09)) = 500 - 360.555.
    assert float(osmolarity(jnp.array(0.4), start, jnp.array(405.0), LAW)) == pytest.approx(
        405.0 + 500.0 - np.sqrt(0.13) * 1e3
    )


def test_fallback_mechanics():
    one = jnp.array(1.0)
    assert float(relative_modulus(one, one, one, LAW)) == pytest.approx(1.0, rel=1e-15)
    found = relative_modulus(jnp.array(0.5), jnp.array(0.8), jnp.array(0.4), LAW)
    assert float(found) == pytest.approx(0.45 * 0.5**1.3 + 0.25 * 0.8 + 0.30 * 0.4, rel=1e-14)
    assert float(relative_strength(jnp.array(0.8), jnp.array(0.25))) == pytest.approx(0.6, rel=1e-15)


def test_relaxation_of_the_grades():
    water = composition_water(CONTENT["nucleus"], NUCLEUS, ENDPLATE_WATER, LAW)
    # Rulings 3: 206/135/79/47/32 ms with the new water law, printed to the millisecond.
    np.testing.assert_allclose(t2_relaxation(water, jnp.zeros(5), T2), [206.0, 135.0, 79.0, 47.0, 32.0], atol=0.5)
    # mechanics_imaging 4.1: annulus 55.9 ms at water 0.68, 33.2 at 0.62.
    annulus = t2_relaxation(jnp.array([0.68, 0.62]), jnp.ones(2), T2)
    np.testing.assert_allclose(annulus, [55.9, 33.2], atol=0.05)
