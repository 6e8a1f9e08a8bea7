"""A confined column in time: V4 (Terzaghi), V6 (ledger), V10 (scaling), creep, relaxation (mechanics_imaging 2.1, 2.6; rulings 43)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.mechanics import (
    Column,
    TimeSteps,
    aggregate_modulus,
    confined_compression,
    confined_stress,
    consolidate,
    drained,
    equilibrium,
    time_steps,
)

ONE = jnp.ones(())
HEIGHT = 5.0
# T, settlement U, base pressure: mechanics_imaging 2.6.
TERZAGHI = [
    (0.01, 0.112838, 1.000000),
    (0.05, 0.252313, 0.996869),
    (0.1, 0.356823, 0.949305),
    (0.2, 0.504088, 0.772312),
    (0.5, 0.763950, 0.370777),
    (1.0, 0.931260, 0.107977),
]


def clock(column: Column) -> float:
    """h^2 / (H_A k) [day]."""
    material = column.material
    return float(column.height**2 / (aggregate_modulus(ONE, material) * material.permeability.at(ONE)))


@pytest.fixture(scope="module")
def column(v0) -> Column:
    return Column.of_height(v0("nucleus", 2), HEIGHT)


@pytest.fixture(scope="module")
def press(column, parameters):
    """Creep of the column, or of a changed one, under 0.5 MPa over three time constants."""

    def under(changed: Column = column, stress: float = -0.5):
        return consolidate(changed, TimeSteps.creep(time_steps(column, 3.0 * clock(column), parameters), stress))

    return under


def test_the_terzaghi_column(column) -> None:
    """V4: small load, 16 uniform elements, steps of 1/2000 h^2/(H_A k), all six T; settlement to 5e-4.

    The base pressure of linear elements of h/16 is wrong by about lambda h_e^2/12 in the rate of the slowest mode and by first order
    in the time step: below 1e-3.
    """
    modulus = float(aggregate_modulus(ONE, column.material))
    load = 1e-6 * modulus
    held = float(confined_stress(ONE, column.material))
    times = clock(column) * np.arange(1, 2001) / 2000.0
    result = consolidate(column, TimeSteps.creep(times, held - load))
    assert int(result.status) == 0
    settlement = np.asarray(result.shortening) / (HEIGHT * load / modulus)
    pressure = np.asarray(result.base_potential) / load
    for time, expected, base in TERZAGHI:
        step = round(2000 * time)
        assert settlement[step] == pytest.approx(expected, abs=5e-4)
        assert pressure[step] == pytest.approx(base, abs=1e-3)
    assert settlement[0] == 0.0
    assert pressure[0] == pytest.approx(1.0, rel=1e-9)


def test_the_printed_time_scale_of_a_nucleus(v0) -> None:
    """h 5 mm, H_A 1 MPa, k 0.9e-15 m4/(N s) of the grade table: 7.716 h (2.6)."""
    result = confined_compression(v0("nucleus", 2), 1.0)
    unit = eqx.tree_at(lambda r: r.reference_modulus, result, ONE)
    assert 24.0 * float(unit.consolidation_time(5.0)) == pytest.approx(7.716, abs=5.1e-4)


def test_v6_water_that_left_is_volume_that_is_gone(press) -> None:
    result = press()
    np.testing.assert_allclose(result.outflow, result.shortening, atol=1e-10 * float(result.shortening[-1]))


def test_creep_ends_in_the_drained_equilibrium(column, press) -> None:
    result = press(column)
    final = equilibrium(column.material, drained((True, True, False), (1.0, 1.0, -0.5))).stretch[2]
    # Three time constants of the reference: the slowest mode is down to exp(-2.47 x 3) = 6e-4, and squeezing makes it slower: 2e-3.
    np.testing.assert_allclose(result.stretch[-1], float(final), atol=2e-3)
    assert np.all(np.diff(result.shortening) > 0.0)
    np.testing.assert_allclose(result.stress, -0.5, rtol=1e-12)
    # At first nothing has moved and the water carries what the solid does not; pressure is potential and osmotic pressure.
    assert float(result.base_pressure[0]) == pytest.approx(0.5, rel=1e-12)
    assert float(result.base_pressure[-1]) == pytest.approx(float(column.material.donnan.pressure(final)), abs=2e-3)


def test_v10_lengths_times_s_and_times_times_s_squared(v0, parameters, column, press) -> None:
    scale = 3.0
    big = eqx.tree_at(lambda c: c.nodes, column, scale * column.nodes)
    times = time_steps(column, 3.0 * clock(column), parameters)
    small = press()
    large = consolidate(big, TimeSteps.creep(scale**2 * times, -0.5))
    # Tolerance of V10.
    np.testing.assert_allclose(large.stretch, small.stretch, rtol=1e-12)
    np.testing.assert_allclose(large.shortening, scale * small.shortening, atol=1e-12 * HEIGHT)


def test_v10_a_column_does_not_depend_on_its_batch(column, parameters) -> None:
    times = time_steps(column, clock(column), parameters)
    batch = jax.vmap(lambda stress: consolidate(column, TimeSteps.creep(times, stress)).shortening)(
        jnp.array([-0.3, -0.5])
    )
    for index, stress in enumerate((-0.3, -0.5)):
        alone = consolidate(column, TimeSteps.creep(times, stress)).shortening
        np.testing.assert_allclose(batch[index], alone, atol=1e-12 * HEIGHT)


def test_relaxation_peaks_at_the_end_of_the_ramp(column, parameters) -> None:
    tau = clock(column)
    times = time_steps(column, 3.0 * tau, parameters)
    ramp = float(times[8])
    result = consolidate(column, TimeSteps.relaxation(times, 1.0, 0.9, ramp))
    stress = np.asarray(result.stress)
    assert int(result.status) == 0
    assert int(np.argmin(stress)) == 9
    assert float(result.shortening[-1]) == pytest.approx(0.1 * HEIGHT, rel=1e-12)
    held = float(confined_stress(jnp.asarray(0.9), column.material))
    # As above: 6e-4 and slower, of a peak of about twice the final stress.
    assert stress[-1] == pytest.approx(held, rel=5e-3)
    assert stress[0] == pytest.approx(float(confined_stress(ONE, column.material)), rel=1e-12)


def test_more_charge_keeps_more_height(column, press) -> None:
    """Derivative of the last shortening by the charge: forward mode against a central difference, 1e-6."""

    def last(factor):
        changed = eqx.tree_at(
            lambda c: c.material.donnan.fixed_charge, column, column.material.donnan.fixed_charge * factor
        )
        return press(changed).shortening[-1]

    _, slope = jax.jvp(last, (ONE,), (ONE,))
    difference = (last(ONE + 1e-5) - last(ONE - 1e-5)) / 2e-5
    assert float(slope) < 0.0
    assert float(slope) == pytest.approx(float(difference), rel=1e-6)


def test_failure_is_data(column) -> None:
    """A mean stretch below the solid fraction cannot be reached: the last state is kept."""
    result = consolidate(column, TimeSteps.relaxation(np.array([0.01, 0.02]), 1.0, 0.1, 0.01))
    assert int(result.status) == 1
    np.testing.assert_array_equal(result.shortening, 0.0)


def test_time_steps_start_where_they_do_not_oscillate(v0, parameters) -> None:
    column = Column.of_height(v0("nucleus", 2), HEIGHT, elements=8, refinement=20.0)
    assert float(column.lengths[0] / column.lengths[-1]) == pytest.approx(20.0, rel=1e-12)
    times = time_steps(column, 1.0, parameters)
    steps = np.diff(np.concatenate([[0.0], times]))
    modulus, k = float(aggregate_modulus(ONE, column.material)), 77.76
    stable = float(column.lengths[-1]) ** 2 / (6.0 * modulus * k)
    assert steps[0] == pytest.approx(max(30.0 / 86400.0, stable), rel=1e-12)
    assert steps.max() <= 1.0 / 24.0 + 1e-12
    assert times[-1] == 1.0


@pytest.mark.parametrize(
    "build",
    [
        lambda column, parameters: Column.of_height(column.material, -1.0),
        lambda column, parameters: Column.of_height(column.material, 1.0, elements=0),
        lambda column, parameters: Column.of_height(column.material, 1.0, refinement=0.5),
        lambda column, parameters: time_steps(column, 0.0, parameters),
        lambda column, parameters: time_steps(column, 1.0, parameters, growth=1.0),
    ],
)
def test_bad_input_is_refused(column, parameters, build) -> None:
    with pytest.raises(InvalidInput):
        build(column, parameters)
