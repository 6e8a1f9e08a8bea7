"""Injuries of the disc around a treatment: those that a protocol lists, and the needle itself (cells_matrix 3, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.disc._insult_document import AnnularPuncture, AnyInsult
from pulposus.units import format_quantity

if TYPE_CHECKING:
    from pulposus.therapy._protocol import Protocol

OPENED = ("nucleotomy", "aspiration", "discectomy", "sequestrectomy", "herniation")
"""Kinds that leave a void in the nucleus and a wide way out of it."""
# State of the annulus that an insult leaves; the first that applies is the widest.
_ANNULUS_AFTER = {"nucleotomy": OPENED, "fissured": ("radial-fissure",), "punctured": ("annular-puncture",)}


def in_order(insults: Sequence[AnyInsult]) -> tuple[AnyInsult, ...]:
    """The insults as they happen, the earliest first."""
    return tuple(sorted(insults, key=lambda insult: -insult.time_before_treatment))


def annulus_state(protocol: Protocol) -> str:
    """State of the annulus at the treatment: as stated, else what the insults leave, else intact."""
    if protocol.disc.annulus is not None:
        return protocol.disc.annulus
    kinds = {insult.kind for insult in protocol.insults}
    return next((state for state, causes in _ANNULUS_AFTER.items() if kinds & set(causes)), "intact")


def needle_insult(protocol: Protocol, gauge: int, angle: float) -> AnnularPuncture | None:
    """The puncture by the needle of every injection; None without a needle or with `puncture_damage` off.

    Args:
        protocol: The protocol.
        gauge: Gauge of the needle.
        angle: Where it enters, from the posterior midline to the right [degree].
    """
    if protocol.delivery.route != "needle" or not protocol.numerics.switches.puncture_damage:
        return None
    return AnnularPuncture.model_validate(
        {"kind": "annular-puncture", "needle_gauge": gauge, "angle": format_quantity(angle, "degree")}
    )
