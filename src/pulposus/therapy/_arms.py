"""Arms without cells that any protocol can be compared with (cells_matrix 5).

Every arm keeps the disc, its earlier injury and the follow-up of the protocol, and gives less:

* `none`: nothing is done; `conservative`: nothing but less daily loading;
* `sham-needle`: the needle alone; `saline`: the needle and the volume; `carrier`: the needle, the volume and the carrier.

An injury at the time of the treatment, such as a discectomy, is part of it: it stays where the disc is opened or punctured and is left out
of `none` and `conservative`.
"""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.therapy._fields import Arm

if TYPE_CHECKING:
    from pulposus.therapy._protocol import Protocol

ARMS: tuple[str, ...] = typing.get_args(Arm)
_UNTOUCHED = ("none", "conservative")
_WITHOUT_VOLUME = (*_UNTOUCHED, "sham-needle")


def derive_arm(protocol: Protocol, arm: str) -> Protocol:
    """A protocol's arm without cells.

    Args:
        protocol: The protocol.
        arm: One of `ARMS`.

    Raises:
        InvalidInput: Unknown arm, or an injection is asked of a protocol that injects nothing.
    """
    if arm not in ARMS:
        raise InvalidInput(
            f'unknown arm "{arm}"',
            where=f"protocol {protocol.name}",
            allowed=", ".join(ARMS),
            remedy=nearest(arm, ARMS),
        )
    dose, delivery = protocol.dose, protocol.delivery
    if arm not in _WITHOUT_VOLUME and dose.volume == 0.0:
        raise InvalidInput(
            f'the protocol injects nothing, so it has no arm "{arm}"',
            where=f"protocol {protocol.name}, field dose.volume",
            allowed=", ".join(_WITHOUT_VOLUME),
            remedy='set "dose.volume", for example 1 mL',
        )
    given: dict[str, Any] = {
        "product": "cells",
        "cells": 0.0,
        "cells_range": None,
        "stem_cell_fraction": None,
        "growth_factor": None,
        "platelet_rich_plasma": None,
    }
    if arm in _WITHOUT_VOLUME:
        given |= {"volume": 0.0, "volume_range": None}
    way: dict[str, Any] = {}
    if arm != "carrier":
        given |= {"carrier": "saline", "gelled": None}
        way = {"route": "none" if arm in _UNTOUCHED else "needle", "sponge": None}
    changed: dict[str, Any] = {
        "id": protocol.id.model_copy(update={"name": f"{protocol.name}.{arm}"}),
        "dose": dose.model_copy(update=given | ({"repeat_at": ()} if arm in _UNTOUCHED else {})),
        "delivery": delivery.model_copy(update=way),
        "reported": (),
    }
    if arm in _UNTOUCHED:
        changed["insults"] = tuple(insult for insult in protocol.insults if insult.time_before_treatment > 0.0)
    if arm == "conservative":
        changed["co_care"] = protocol.co_care.model_copy(update={"load_index": _conservative_load()})
    return protocol.model_copy(update=changed)


def _conservative_load() -> float:
    from pulposus.parameters import load_parameters

    return load_parameters().value("therapy.comparator.conservative_load")
