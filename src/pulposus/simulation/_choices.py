"""What a protocol says of its own run: the disc and the level. Light, so that a wrong protocol is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.therapy import Protocol


def level_of(protocol: Protocol) -> str:
    """Level at which a protocol is run: "disc" or "slab".

    Raises:
        InvalidInput: The protocol asks for a level that a disc does not have, for mechanics on a level without a shape, or for a day
            without mechanics.
    """
    if protocol.numerics.level == "well-mixed":
        raise InvalidInput(
            "a disc has no well-mixed run: its nutrients depend on the place",
            where=f"protocol {protocol.name}, field numerics.level",
            allowed="disc, slab",
            remedy="use level: slab for a quick look; the well-mixed level serves the laws' own tests (simulation.well_mixed_model)",
        )
    if protocol.numerics.level != "disc" and protocol.numerics.mechanics != "off":
        raise InvalidInput(
            f"mechanics: {protocol.numerics.mechanics} on the level {protocol.numerics.level}",
            where=f"protocol {protocol.name}, field numerics.mechanics",
            allowed="mechanics off, or level disc",
            remedy="set numerics.level=disc: mechanics needs the disc in 3D",
        )
    if protocol.numerics.mechanics_day and protocol.numerics.mechanics == "off":
        raise InvalidInput(
            "a representative day without mechanics",
            where=f"protocol {protocol.name}, field numerics.mechanics_day",
            allowed="mechanics: readout or coupled",
            remedy="set numerics.mechanics=coupled, or numerics.mechanics_day=false",
        )
    return protocol.numerics.level


def disc_of(protocol: Protocol, source: str | Path) -> str:
    """Disc of a protocol; a disc file that a protocol file names lies beside that file.

    Args:
        protocol: The protocol.
        source: Where it was read: a built-in name, or a file, with the arm behind a colon where one was asked for.
    """
    from pulposus.therapy import split_arm

    file = Path(split_arm(source)[0])
    beside = file.parent / protocol.disc.name
    return str(beside) if file.is_file() and beside.is_file() else protocol.disc.name
