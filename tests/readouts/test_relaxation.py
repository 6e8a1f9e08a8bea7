"""The laws from composition to signal (mechanics_imaging 4.1; rulings 3, 46)."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from pulposus.parameters import ParameterSet
from pulposus.readouts import (
    RelaxationLaws,
    angled_relaxation,
    apparent_diffusion,
    fixed_charge_of_sodium,
    longitudinal_relaxation,
    rotating_frame_relaxation,
    sodium,
    spin_echo_signal,
    transverse_relaxation,
)

GRADE_WATER = (0.86, 0.83, 0.79, 0.75, 0.70)


def test_t2_of_the_nucleus_by_grade(laws: RelaxationLaws) -> None:
    """Water of the grade table gives the printed 209.9, 133.6, 80.0, 51.3, 31.3 ms; half of the last digit."""
    found = transverse_relaxation(np.array(GRADE_WATER), np.zeros(5), laws)
    np.testing.assert_allclose(found, [209.9, 133.6, 80.0, 51.3, 31.3], atol=0.05)


def test_t2_with_the_water_law_of_the_matrix(laws: RelaxationLaws) -> None:
    """Rulings 3: phi_w = 0.663 + 0.0028 X gives 206, 135, 79, 47, 32 ms; printed without decimals."""
    water = 0.663 + 0.0028 * np.array([70.0, 60.0, 45.0, 28.0, 14.0])
    np.testing.assert_allclose(
        transverse_relaxation(water, np.zeros(5), laws), [206.0, 135.0, 79.0, 47.0, 32.0], atol=0.51
    )


def test_t2_lies_within_the_measured_spread(laws: RelaxationLaws, parameters: ParameterSet) -> None:
    """Grades I to IV within one measured standard deviation of the measured mean; V was not measurable."""
    found = np.asarray(transverse_relaxation(np.array(GRADE_WATER[:4]), np.zeros(4), laws))
    for value, grade in zip(found, ("I", "II", "III", "IV"), strict=True):
        mean = parameters.value(f"imaging.pfirrmann.t2_mean.{grade}")
        assert abs(value - mean) < parameters.value(f"imaging.pfirrmann.t2_deviation.{grade}")


def test_t2_of_the_annulus(laws: RelaxationLaws) -> None:
    """Printed 55.9 ms at phi_w 0.68 and 33.2 ms at 0.62: half of the last digit."""
    np.testing.assert_allclose(
        transverse_relaxation(np.array([0.68, 0.62]), np.ones(2), laws), [55.9, 33.2], atol=0.051
    )


def test_the_angle_term_is_neutral_at_its_reference_and_strongest_along_the_field(laws: RelaxationLaws) -> None:
    """(3 cos^2 - 1)^2 / 4 is 1 along the field: R2 grows by q (1 - 0.2) = 0.4; at the magic angle it falls by 0.1."""
    along, magic = angled_relaxation(np.array([50.0, 50.0]), np.array([1.0, np.sqrt(1.0 / 3.0)]), laws)
    # Closed form; double precision.
    assert float(along) == pytest.approx(50.0 / 1.4, rel=1e-12)
    assert float(magic) == pytest.approx(50.0 / 0.9, rel=1e-12)


def test_t1_by_grade(laws: RelaxationLaws) -> None:
    """Printed 1.31 s in grade I; the printed 0.63 s of V belongs to the law at 0.70: 1 / (0.25 + 2.2 * 0.6129)."""
    found = np.asarray(longitudinal_relaxation(np.array([0.86, 0.70]), laws))
    assert found[0] == pytest.approx(1310.0, abs=5.0)
    assert found[1] == pytest.approx(1000.0 / (0.25 + 2.2 * 1.43 * 0.3 / 0.7), rel=1e-12)
    assert found[1] == pytest.approx(630.0, abs=5.0)


def test_t1rho_is_linear_in_glycosaminoglycan(laws: RelaxationLaws) -> None:
    np.testing.assert_allclose(
        rotating_frame_relaxation(np.array([0.0, 70.0]), laws), [50.0, 141.0], rtol=1e-12
    )  # closed form


def test_diffusion(laws: RelaxationLaws) -> None:
    """Printed 2.28e-3 at 0.85 and 2.05e-3 at 0.80: half of the last digit, rounded up once."""
    np.testing.assert_allclose(apparent_diffusion(np.array([0.85, 0.80]), laws), [2.28e-3, 2.05e-3], atol=6e-6)


def test_sodium_and_its_inverse(laws: RelaxationLaws) -> None:
    """Rabbits: 274.8 mM is c = 0.193, and 190.6 mM is 0.073 (rulings 46), half of the last digit."""
    charge = np.asarray(fixed_charge_of_sodium(np.array([274.8, 190.6]), laws))
    np.testing.assert_allclose(charge, [0.193, 0.073], atol=6e-4)
    # Back and forth is an identity of Donnan's law.
    np.testing.assert_allclose(sodium(charge, laws), [274.8, 190.6], rtol=1e-12)
    assert float(sodium(0.0, laws)) == pytest.approx(150.0)  # without charge it is the salt outside


def test_signal_equation() -> None:
    """S = M0 phi (1 - exp(-TR/T1)) exp(-TE/T2), term by term."""
    found = spin_echo_signal(0.8, 1000.0, 100.0, 3500.0, 100.0)
    assert float(found) == pytest.approx(0.8 * (1.0 - np.exp(-3.5)) * np.exp(-1.0), rel=1e-14)


def test_the_laws_can_be_differentiated(laws: RelaxationLaws) -> None:
    """d ln T2 / d ln s is minus the exponent, so that a fit can use gradients."""

    def log_t2(log_solid: jax.Array) -> jax.Array:
        solid = jax.numpy.exp(log_solid) / laws.t2.dry_density
        return jax.numpy.log(transverse_relaxation(1.0 / (1.0 + solid), 0.0, laws))

    slope = jax.grad(log_t2)(jax.numpy.asarray(-1.2))
    assert float(slope) == pytest.approx(-1.967, rel=1e-10)
