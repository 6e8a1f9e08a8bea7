"""Pressure, volume and leak of the injection (cells_matrix 2.2 and test 6.7)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from pulposus.therapy._injection import (
    Hydraulics,
    Injection,
    backflow_limit,
    hydraulics,
    inject,
    largest_volume,
    needle_survival,
    pressure,
    stored_volume,
    volumes_at,
)

SECOND = 1.0 / 86400.0
MINUTE = 60.0 * SECOND
# Closed forms in double precision.
ROUNDING = 1e-12

positive = st.floats(0.05, 5.0)
# The schema takes 0 (an instant bolus) or at least a millisecond.
seconds = st.one_of(st.just(0.0), st.floats(1e-3, 600.0))


def law(k0=1.0, k1=1.0, relaxation=100.0 * SECOND, ratio=0.3, sealed=1e-6, burst=2.0) -> Hydraulics:
    return Hydraulics(k0, k1, relaxation * k0, ratio, sealed, burst)


def test_linear_ramp_follows_the_closed_form():
    # Test 6.7 with a track that never seals, so that both outflows matter: q = Q R_e (1 - exp(-k0 t / R_e)).
    rho = 0.7
    constants = law(k0=1.7, k1=0.0, sealed=rho)
    volume, duration = 1.3, 2.0 * MINUTE
    inflow = volume / duration
    r_perm = constants.permeation_resistance
    r_track = r_perm / rho
    r_e = 1.0 / (1.0 / r_perm + 1.0 / r_track)
    for time in np.linspace(0.1, 1.0, 7) * duration:
        state = volumes_at(time, volume, duration, 0.0, constants)
        rise = 1.0 - math.exp(-1.7 * time / r_e)
        assert state.pressure == pytest.approx(inflow * r_e * rise, rel=ROUNDING)
        leak = inflow * r_e / r_track * (time - r_e / 1.7 * rise)
        # The leak is a difference of two volumes of up to 1.3 mL: absolute rounding.
        assert state.leaked == pytest.approx(leak, abs=1e-13)
        assert state.stored + state.permeated + state.leaked == pytest.approx(inflow * time, rel=ROUNDING)


def test_nonlinear_course_follows_an_ode_solver():
    constants = law(k0=0.8, k1=2.5, ratio=1.8)
    volume, duration, dwell = 1.5, MINUTE, 0.5 * MINUTE

    def rates(time, state):
        q = pressure(state[0], constants)
        inflow = volume / duration if time < duration else 0.0
        ratio = constants.sealed_ratio if time < duration + dwell else constants.track_ratio
        permeation = q / constants.permeation_resistance
        return [inflow - permeation * (1.0 + ratio), permeation, permeation * ratio]

    state, start = [0.0, 0.0, 0.0], 0.0
    for end in (duration, duration + dwell, duration + dwell + 5.0 * MINUTE):
        solution = solve_ivp(rates, (start, end - 1e-15), state, rtol=1e-11, atol=1e-14, method="DOP853")
        state, start = list(solution.y[:, -1]), end
        exact = volumes_at(end, volume, duration, dwell, constants)
        # The solver is asked for 1e-11 per step over some hundred steps.
        np.testing.assert_allclose([exact.stored, exact.permeated, exact.leaked], state, rtol=1e-8, atol=1e-12)


@given(k0=positive, k1=st.floats(0.0, 5.0), ratio=positive, volume=positive, duration=seconds, dwell=seconds)
def test_the_volume_balance_closes_and_nothing_is_negative(k0, k1, ratio, volume, duration, dwell):
    constants = law(k0=k0, k1=k1, ratio=ratio)
    for time in (0.3 * duration, duration, duration + 0.5 * dwell, duration + dwell + 30.0):
        state = volumes_at(time * SECOND, volume, duration * SECOND, dwell * SECOND, constants)
        injected = volume * min(1.0, time / duration) if duration > 0.0 else volume
        assert state.stored > 0.0 or time == 0.0
        # The outflows are differences of volumes of up to `volume`: rounding may leave an empty one at minus one unit in the last place.
        assert min(state.permeated, state.leaked) >= -1e-15 * volume
        assert state.stored + state.permeated + state.leaked == pytest.approx(injected, rel=1e-12, abs=1e-15)


@given(k0=positive, k1=st.floats(0.0, 5.0), volume=positive, duration=st.floats(1.0, 600.0))
def test_the_pressure_peaks_at_the_last_drop(k0, k1, volume, duration):
    constants = law(k0=k0, k1=k1)
    peak = inject(volume, duration * SECOND, MINUTE, constants, 0.95).peak_pressure
    times = np.linspace(0.0, 2.0 * duration, 23) * SECOND
    course = [volumes_at(time, volume, duration * SECOND, MINUTE, constants).pressure for time in times]
    assert max(course) <= peak * (1.0 + ROUNDING)


@pytest.mark.parametrize("k1", [0.0, 1.0, 5.0])
def test_the_stored_volume_is_a_semigroup(k1):
    # Two steps must equal one: the closed form is the exact flow, so only rounding is allowed.
    constants = law(k1=k1)
    half = stored_volume(20.0 * SECOND, 0.2, 500.0, constants, 0.4)
    assert stored_volume(30.0 * SECOND, half, 500.0, constants, 0.4) == pytest.approx(
        stored_volume(50.0 * SECOND, 0.2, 500.0, constants, 0.4), rel=ROUNDING
    )


def test_a_small_k1_tends_to_the_linear_disc():
    linear, nearly = (stored_volume(MINUTE, 0.1, 1000.0, law(k1=k1), 0.3) for k1 in (0.0, 1e-9))
    # The change is first order in k1 V / k0, 1e-9.
    assert nearly == pytest.approx(linear, rel=1e-8)


@pytest.mark.parametrize("dwell", [0.0, 50.0, 240.0])
def test_an_instant_bolus_gives_the_printed_limit(dwell):
    constants = law(k1=0.0)
    injection = inject(1.0, 0.0, dwell * SECOND, constants, 0.95)
    limit = backflow_limit(0.3, dwell * SECOND, 100.0 * SECOND)
    # While it is sealed the track still takes up to 1e-6 of the volume, which the limit leaves out.
    assert injection.backflow_fraction == pytest.approx(limit, abs=1e-6)


def test_the_printed_value_of_the_limit():
    assert backflow_limit(0.3, 0.0, 1.0) == pytest.approx(0.23, abs=0.005)


def test_a_faster_injection_tends_to_the_instant_one():
    constants = law()
    instant = inject(1.0, 0.0, 0.0, constants, 0.95).backflow_fraction
    gaps = [abs(inject(1.0, time * SECOND, 0.0, constants, 0.95).backflow_fraction - instant) for time in (1.0, 0.5)]
    # The loss during the ramp is of first order in its duration.
    assert gaps[0] / gaps[1] == pytest.approx(2.0, abs=0.05)


def test_leak_after_withdrawal_is_the_share_of_the_conductances():
    constants = law(ratio=1.8)
    injection = inject(1.0, MINUTE, MINUTE, constants, 0.95)
    long_after = volumes_at(2.0, 1.0, MINUTE, MINUTE, constants)
    # After two days of 100 s relaxation nothing is stored any more.
    assert long_after.leaked == pytest.approx(injection.leaked_volume, rel=1e-9)
    assert long_after.stored < 1e-12


def test_the_backflow_is_limited():
    injection = inject(1.0, 0.0, 0.0, law(ratio=1e4), 0.95)
    assert injection.backflow_fraction == 0.95
    assert injection.leaked_volume == 0.95


def test_no_volume_gives_no_pressure_and_no_leak():
    injection = inject(0.0, MINUTE, 0.0, law(), 0.95)
    assert (injection.peak_pressure, injection.leaked_volume, injection.backflow_fraction) == (0.0, 0.0, 0.0)


def test_a_given_backflow_and_a_closed_track():
    given_one = Injection.with_backflow(2.0, 0.2)
    assert given_one.leaked_volume == pytest.approx(0.4, rel=ROUNDING)
    assert given_one.without_leak().leaked_volume == 0.0
    assert given_one.without_leak().backflow_fraction == 0.0


def test_gauge_fissure_and_gel_scale_the_track(parameters):
    def ratio(gauge=22, fissure=0.0, gelled=False):
        return hydraulics(parameters, gauge=gauge, fissure=fissure, gelled=gelled).track_ratio

    assert ratio() == pytest.approx(0.3, rel=ROUNDING)
    assert ratio(gauge=18) / ratio(gauge=22) == pytest.approx(3.0, rel=ROUNDING)
    assert ratio(gauge=26) / ratio(gauge=22) == pytest.approx(1.0 / 3.0, rel=ROUNDING)
    assert ratio(fissure=0.5) / ratio() == pytest.approx(6.0, rel=ROUNDING)
    assert ratio(gelled=True) / ratio() == pytest.approx(1.0 / 30.0, rel=ROUNDING)


def test_constants_of_the_pressure_model(parameters):
    constants = hydraulics(parameters, gauge=22, fissure=0.5, gelled=False)
    assert constants.stiffness == 1.0
    assert constants.stiffness_nonlinear == 1.0
    assert constants.permeation_resistance / SECOND == pytest.approx(100.0, rel=1e-9)
    assert constants.sealed_ratio == pytest.approx(1e-6, rel=ROUNDING)
    assert constants.burst_pressure == pytest.approx(2.0 * (1.0 - 0.75 * 0.5), rel=ROUNDING)


@pytest.mark.parametrize(("gauge", "survival"), [(14, 1.0), (18, 1.0), (22, 0.98), (26, 0.96), (30, 0.94)])
def test_shear_survival(parameters, gauge, survival):
    assert needle_survival(parameters, gauge) == pytest.approx(survival, rel=ROUNDING)


@given(k1=st.floats(0.0, 5.0), duration=seconds, burst=st.floats(0.5, 2.0))
def test_the_largest_volume_just_reaches_the_burst_pressure(k1, duration, burst):
    constants = law(k1=k1, burst=burst)
    largest = largest_volume(duration * SECOND, constants)
    # Bisection over 60 halvings ends at rounding.
    assert inject(largest, duration * SECOND, 0.0, constants, 0.95).peak_pressure == pytest.approx(burst, rel=1e-9)
    assert inject(1.001 * largest, duration * SECOND, 0.0, constants, 0.95).peak_pressure > burst
    assert largest_volume(2.0 * duration * SECOND + SECOND, constants) > largest
