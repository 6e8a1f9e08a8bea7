"""Safety signals of a treatment, each with its evidence (cells_matrix 9; rulings 20).

A signal is a number beside the result: it tells what to watch, and how little is known about it. `safety_signals` takes the protocol, what
became of it in the disc, and what the simulation saw; a signal whose input is missing is left out, so that nothing is claimed unseen.
"""

from __future__ import annotations

from pulposus.disc import Disc
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.therapy import _safety_delivery as delivery
from pulposus.therapy import _safety_product as product
from pulposus.therapy._protocol import Protocol
from pulposus.therapy._safety_signal import Case, Observed, SafetySignal
from pulposus.therapy._treatment import Treatment

_SIGNALS = (
    delivery.leak,
    delivery.infection,
    delivery.opened_disc,
    delivery.pressure,
    delivery.gel_plug,
    delivery.puncture,
    product.starvation,
    product.safe_dose,
    product.immunity,
    product.aged_product,
    product.ectopic_bone,
    product.over_claim,
    product.tumour,
)


def safety_signals(
    protocol: Protocol, treatment: Treatment, disc: Disc, seen: Observed, parameters: ParameterSet | None = None
) -> tuple[SafetySignal, ...]:
    """Every signal that can be given.

    Args:
        protocol: The protocol.
        treatment: Its numbers in the disc.
        disc: The disc as it was when the treatment began.
        seen: What the simulation saw.
        parameters: Model constants; those that ship with the program where left out.
    """
    case = Case(protocol, treatment, disc, seen, load_parameters() if parameters is None else parameters)
    return tuple(signal for signals in _SIGNALS for signal in signals(case))
