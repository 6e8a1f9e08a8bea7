r"""What a disc can take, and the refusal of what it cannot (rulings 16).

Three limits: the injected volume is at most the accommodated share of the nucleus, the pressure at most that which the annulus holds, and
the living cells in the filled tissue, :math:`N_0 v_0 f_{ndl}\, \varphi_{acc} / V`, at most 60 million per mL. A refusal names the largest
volume and dose that fit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pulposus.errors import InvalidInput
from pulposus.therapy._injection import Hydraulics, largest_volume
from pulposus.therapy._protocol import Protocol


class Limits(NamedTuple):
    """What a nucleus takes through a needle.

    Attributes:
        nucleus_volume: Volume of the nucleus [mL].
        accommodated_fraction: Share of it that the injectate may occupy.
        burst_pressure: Pressure that the annulus holds [MPa]; infinite with the pressure model off.
        volume: Largest volume that fits [mL].
        density: Largest density of living cells in the filled tissue [10^6/mL].
    """

    nucleus_volume: float
    accommodated_fraction: float
    burst_pressure: float
    volume: float
    density: float


def needle_limits(
    nucleus_volume: float, accommodated_fraction: float, density: float, law: Hydraulics | None, duration: float
) -> Limits:
    """Limits of an injection of some duration [day]; without a pressure law only room and density count."""
    capacity = accommodated_fraction * nucleus_volume
    if law is None:
        return Limits(nucleus_volume, accommodated_fraction, math.inf, capacity, density)
    fits = min(capacity, largest_volume(duration, law))
    return Limits(nucleus_volume, accommodated_fraction, law.burst_pressure, fits, density)


def refuse_what_does_not_fit(
    protocol: Protocol, disc_name: str, limits: Limits, living: float, peak_pressure: float
) -> None:
    """Refuse a volume, pressure or density that the disc cannot take.

    Args:
        protocol: The protocol.
        disc_name: Name of the disc.
        limits: What the nucleus takes.
        living: Living cells that leave the needle [million].
        peak_pressure: Highest pressure above rest [MPa].

    Raises:
        InvalidInput: One of the limits is passed.
    """
    dose, share = protocol.dose, limits.accommodated_fraction
    remedy = f"the largest volume that fits is {volume_text(limits.volume)}"
    if living > 0.0:
        volume = min(dose.volume, rounded_down(limits.volume))
        largest = rounded_down(limits.density * volume / share * dose.cells / living)
        remedy += f"; the largest dose in {volume_text(volume)} is {largest:g} million cells"
    where = f"protocol {protocol.name}, field dose.volume"
    if dose.volume > share * limits.nucleus_volume:
        raise InvalidInput(
            f"{volume_text(dose.volume)} is more than the nucleus of {disc_name} can take",
            where=where,
            allowed=f"at most {share:g} of its {volume_text(limits.nucleus_volume)}",
            remedy=remedy,
        )
    if peak_pressure > limits.burst_pressure:
        raise InvalidInput(
            f"the injection would reach {peak_pressure:.3g} MPa",
            where=where,
            allowed=f"at most {limits.burst_pressure:.3g} MPa, which this annulus holds",
            remedy=f"{remedy}; or inject more slowly (delivery.duration)",
        )
    density = living * share / dose.volume if dose.volume > 0.0 else 0.0
    if density > limits.density:
        raise InvalidInput(
            f"the bolus would hold {density:.3g} million cells per mL of tissue",
            where=f"protocol {protocol.name}, field dose.cells",
            allowed=f"at most {limits.density:g} million cells per mL",
            remedy=remedy,
        )


def refuse_dense_sponge(protocol: Protocol, density: float, largest: float) -> None:
    """Refuse a sponge with more living cells per volume than tissue can hold, both in 10^6/mL.

    Raises:
        InvalidInput: The density is above the largest.
    """
    if density > largest:
        raise InvalidInput(
            f"the sponge would hold {density:.3g} million cells per mL",
            where=f"protocol {protocol.name}, field dose.cells",
            allowed=f"at most {largest:g} million cells per mL",
            remedy=f"the largest dose in this sponge is {rounded_down(protocol.dose.cells * largest / density):g} million cells",
        )


def rounded_down(value: float) -> float:
    """Three significant digits, never more than the positive value, so that what a message offers is accepted."""
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.floor(value / step) * step:.3g}")


def volume_text(volume: float) -> str:
    """A positive volume [mL] as a protocol would state it, rounded down."""
    return f"{rounded_down(volume):g} mL" if volume >= 0.1 else f"{rounded_down(1e3 * volume):g} uL"
