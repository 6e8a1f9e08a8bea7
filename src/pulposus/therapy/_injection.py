r"""Pressure, volume and leak of an injection (cells_matrix 2.2; rulings 14, 16).

The disc holds the injected volume :math:`V_s` against its stiffness; water leaves through the tissue and, once the needle is withdrawn,
through its track:

.. math::

    \dot V_s = Q - \frac{q}{R_{perm}} - \frac{q}{R_{trk}}, \qquad q = k_0 V_s + k_1 V_s^2, \qquad
    V_{leak} = \int \frac{q}{R_{trk}} \, dt

q is the pressure above that at rest. The inflow Q is constant between the first and the last drop and zero afterwards, so each phase is a
Riccati equation with constant coefficients :math:`\dot V = Q - a V - b V^2` and the solution is exact for every :math:`k_1 \ge 0`:

.. math::

    V(t) = \frac{V_0 D + (2 Q - a V_0) T}{D + (a + 2 b V_0) T}, \qquad D = \sqrt{a^2 + 4 b Q}, \quad T = \tanh(D t / 2)

It is positive by construction. Both outflows are driven by the same q, so their ratio in a phase is that of the conductances and the volume
balance closes exactly. After withdrawal the share :math:`\rho / (1 + \rho)` of what is stored leaks, :math:`\rho = R_{perm} / R_{trk}`.
Ingredients after the ramp-and-dwell experiment of https://doi.org/10.1302/1358-992X.2020.6.067; the burst pressure of aged discs after 21 G
after Wang 2007, Spine 32:1809.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pulposus.parameters import ParameterSet


class Hydraulics(NamedTuple):
    """Constants of the pressure model for one needle, carrier and annulus.

    Attributes:
        stiffness: k0 [MPa/mL].
        stiffness_nonlinear: k1 [MPa/mL2].
        permeation_resistance: R_perm [MPa day/mL].
        track_ratio: rho = R_perm / R_trk of the open track.
        sealed_ratio: The same while the needle seals the track.
        burst_pressure: Pressure that the annulus holds [MPa].
    """

    stiffness: float
    stiffness_nonlinear: float
    permeation_resistance: float
    track_ratio: float
    sealed_ratio: float
    burst_pressure: float


class Volumes(NamedTuple):
    """Where the injected volume is at one time [mL], and the pressure above rest [MPa]."""

    stored: float
    permeated: float
    leaked: float
    pressure: float


class Injection(NamedTuple):
    """Result of an injection.

    Attributes:
        peak_pressure: Highest pressure above rest [MPa], at the last drop.
        withdrawal: Volumes when the needle is withdrawn.
        leaked_volume: Volume that leaves through the track in all [mL].
        backflow_fraction: The same as a share of the injected volume.
    """

    peak_pressure: float
    withdrawal: Volumes
    leaked_volume: float
    backflow_fraction: float

    @classmethod
    def with_backflow(cls, volume: float, fraction: float) -> Injection:
        """An injection whose back-flow is given instead of computed: no pressure is known."""
        return cls(0.0, Volumes((1.0 - fraction) * volume, 0.0, 0.0, 0.0), fraction * volume, fraction)

    def without_leak(self) -> Injection:
        """The same injection with a track that lets nothing through."""
        return self._replace(leaked_volume=0.0, backflow_fraction=0.0)


def hydraulics(parameters: ParameterSet, *, gauge: int, fissure: float, gelled: bool) -> Hydraulics:
    """Constants for a needle gauge, a fissure fraction of the annulus (0 to 1) and a carrier."""
    value = {key: record.value for key, record in parameters.under("cells.injection").items()}
    ratio = value["track_conductance_ratio"]
    ratio *= value["gauge_factor"] ** ((value["reference_gauge"] - gauge) / value["gauge_step"])
    ratio *= 1.0 + value["fissure_gain"] * fissure
    if gelled:
        ratio *= value["gelled_factor"]
    return Hydraulics(
        stiffness=value["stiffness"],
        stiffness_nonlinear=value["stiffness_nonlinear"],
        permeation_resistance=value["relaxation_time"] * value["stiffness"],
        track_ratio=ratio,
        sealed_ratio=1.0 / value["sealed_resistance_ratio"],
        burst_pressure=value["burst_pressure"] * (1.0 - value["burst_fissure_slope"] * fissure),
    )


def needle_survival(parameters: ParameterSet, gauge: int) -> float:
    """Share of living cells that survive the shear of the needle, 1 - 0.02 (G - 18)/4 for thin needles (cells_matrix 2.2)."""
    loss = parameters.value("cells.needle.loss_per_gauge") * max(
        gauge - parameters.value("cells.needle.reference_gauge"), 0.0
    )
    return max(1.0 - loss, 0.0)


def pressure(stored: float, constants: Hydraulics) -> float:
    """Pressure above rest [MPa], q = k0 V + k1 V^2."""
    return constants.stiffness * stored + constants.stiffness_nonlinear * stored**2


def stored_volume(time: float, initial: float, inflow: float, constants: Hydraulics, ratio: float) -> float:
    """V_s [mL] some time [day] after it was `initial`, at constant inflow [mL/day] and track ratio."""
    resistance = constants.permeation_resistance / (1.0 + ratio)
    a, b = constants.stiffness / resistance, constants.stiffness_nonlinear / resistance
    scale = math.sqrt(a * a + 4.0 * b * inflow)
    ramp = math.tanh(0.5 * scale * time)
    return (initial * (scale - a * ramp) + 2.0 * inflow * ramp) / (scale + (a + 2.0 * b * initial) * ramp)


def volumes_at(time: float, volume: float, duration: float, dwell: float, constants: Hydraulics) -> Volumes:
    """State of the injection at a time after the first drop.

    Args:
        time: Time [day], not negative.
        volume: Injected volume [mL].
        duration: From the first to the last drop [day]; 0 is an instant bolus.
        dwell: Time that the needle stays after the last drop [day].
        constants: Constants of the pressure model.
    """
    stored, permeated, leaked = (0.0, 0.0, 0.0) if duration > 0.0 else (volume, 0.0, 0.0)
    phases = (
        (duration, volume / duration if duration > 0.0 else 0.0, constants.sealed_ratio),
        (dwell, 0.0, constants.sealed_ratio),
        (math.inf, 0.0, constants.track_ratio),
    )
    start = 0.0
    for length, inflow, ratio in phases:
        elapsed = min(length, time - start)
        if elapsed > 0.0:
            before = stored
            stored = stored_volume(elapsed, before, inflow, constants, ratio)
            outflow = inflow * elapsed + before - stored
            permeated += outflow / (1.0 + ratio)
            leaked += outflow * ratio / (1.0 + ratio)
            start += elapsed
    return Volumes(stored, permeated, leaked, pressure(stored, constants))


def inject(volume: float, duration: float, dwell: float, constants: Hydraulics, largest_backflow: float) -> Injection:
    """Inject a volume and let the disc settle.

    Args:
        volume: Injected volume [mL]; 0 gives no pressure and no leak.
        duration: From the first to the last drop [day]; 0 is an instant bolus.
        dwell: Time that the needle stays after the last drop [day].
        constants: Constants of the pressure model.
        largest_backflow: Upper limit of the back-flow fraction.
    """
    peak = volumes_at(duration, volume, duration, dwell, constants)
    withdrawal = volumes_at(duration + dwell, volume, duration, dwell, constants)
    leaked = withdrawal.leaked + withdrawal.stored * constants.track_ratio / (1.0 + constants.track_ratio)
    fraction = min(leaked / volume, largest_backflow) if volume > 0.0 else 0.0
    return Injection(peak.pressure, withdrawal, fraction * volume, fraction)


def backflow_limit(ratio: float, dwell: float, relaxation_time: float) -> float:
    """f_bf = rho/(1 + rho) exp(-t_dwell/tau), the limit of an instant bolus in a linear disc (cells_matrix 2.2)."""
    return ratio / (1.0 + ratio) * math.exp(-dwell / relaxation_time)


def largest_volume(duration: float, constants: Hydraulics) -> float:
    """Volume [mL] whose peak pressure is the burst pressure, injected in the given time [day].

    The stored volume at the burst pressure follows from q; the inflow that reaches it is found by bisection, since the peak grows with the
    volume.
    """
    k0, k1, burst = constants.stiffness, constants.stiffness_nonlinear, constants.burst_pressure
    stored = 2.0 * burst / (k0 + math.sqrt(k0 * k0 + 4.0 * k1 * burst))
    low, high = stored, stored + burst * duration * (1.0 + constants.sealed_ratio) / constants.permeation_resistance
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = volumes_at(duration, middle, duration, 0.0, constants).pressure <= burst
        low, high = (middle, high) if below else (low, middle)
    return low
