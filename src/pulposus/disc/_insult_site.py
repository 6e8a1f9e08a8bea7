"""Where an insult happens: the tissues of a disc by node, the way in through the annulus, and tubes through them (cells_matrix 3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from pulposus.disc._disc import Disc
from pulposus.disc._insult_document import ThroughAnnulus
from pulposus.disc._layout import ANNULUS, NUCLEUS
from pulposus.disc._places import Nodal, rim_point, share_of, tip_position, tube_volume
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput
from pulposus.mesh import node_volumes


class Site(NamedTuple):
    """What an insult finds.

    Attributes:
        disc: The disc.
        sheet: Constants; notes those that are used.
        where: File or name, for errors.
        volume: Volume of every node [mm3].
        nucleus, annulus: Its parts in the nucleus and in the annulus [mm3].
    """

    disc: Disc
    sheet: Sheet
    where: str
    volume: Nodal
    nucleus: Nodal
    annulus: Nodal

    @property
    def in_nucleus(self) -> Nodal:
        """Share of every node that is nucleus."""
        return self.nucleus / np.where(self.volume > 0.0, self.volume, 1.0)

    @property
    def nucleus_present(self) -> float:
        """Volume of the nucleus that earlier insults have left [mm3]."""
        return float((np.asarray(self.disc.lesion.matrix_left) * self.nucleus).sum())


def site_of(disc: Disc, sheet: Sheet, where: str) -> Site:
    """What an insult finds in a disc.

    Raises:
        InvalidInput: The disc is a batch.
    """
    if disc.description.members:
        raise InvalidInput("an insult happens to one disc, not to a batch", where=where, remedy="injure it, then stack")
    tissue = disc.tissue_of_element

    def volumes(inside: np.ndarray) -> Nodal:
        return np.asarray(node_volumes(disc.topology, disc.coordinates, inside.astype(np.float64)))

    return Site(
        disc=disc,
        sheet=sheet,
        where=where or f"disc {disc.description.name}",
        volume=volumes(tissue >= 0),
        nucleus=volumes(tissue == NUCLEUS),
        annulus=volumes(tissue == ANNULUS),
    )


def entry_angle(insult: ThroughAnnulus, posterolateral: float) -> float:
    """Where an insult enters the annulus, from the posterior midline, positive to the right [degree].

    Args:
        insult: The insult.
        posterolateral: Angle of the posterolateral approach [degree]; the anterolateral one mirrors it.
    """
    if insult.angle is not None:
        return insult.angle
    angles = {
        "posterior": 0.0,
        "posterolateral": posterolateral,
        "lateral": 90.0,
        "anterolateral": 180.0 - posterolateral,
        "anterior": 180.0,
    }
    return angles[insult.approach] if insult.side == "right" else -angles[insult.approach]


def entry_point(insult: ThroughAnnulus, site: Site) -> Float[np.ndarray, "3"]:
    """Point of the outer annulus at mid height where an insult enters."""
    posterolateral = site.sheet.take("posterolateral approach", "therapy.needle.posterolateral_angle")
    return rim_point(site.disc.topology, np.asarray(site.disc.coordinates), entry_angle(insult, posterolateral))


def tube_share(entry: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"], radius: float, site: Site) -> Nodal:
    """Share of every node in a tube through annulus and nucleus."""
    nucleus, annulus = _tubes(entry, end, radius, site)
    return share_of(nucleus + annulus, site.nucleus + site.annulus, site.volume)


def annulus_share(entry: Float[np.ndarray, "3"], radius: float, site: Site) -> Nodal:
    """Share of every node in a tube through the annulus only, from the outside to the nucleus."""
    _, annulus = _tubes(entry, tip_position(site.disc, 0.0, 0.0, 0.0), radius, site)
    return share_of(annulus, site.annulus, site.volume)


def refuse_wider_than_disc(width: float, what: str, site: Site) -> None:
    """An opening as wide as the disc is a slip of the unit.

    Raises:
        InvalidInput: The width [mm] exceeds the smaller lateral size of the disc.
    """
    points = np.asarray(site.disc.coordinates)
    largest = min(float(np.ptp(points[..., axis])) for axis in range(2))
    if width > largest:
        raise InvalidInput(
            f"the {what} of {width:g} mm is wider than the disc",
            where=site.where,
            allowed=f"at most {largest:.3g} mm",
            remedy="check the unit",
        )


def _tubes(
    entry: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"], radius: float, site: Site
) -> tuple[Nodal, Nodal]:
    """Volumes of nucleus and annulus in a tube; it starts one radius outside, so that it is round where it crosses the curved rim."""
    outward = (entry - end) / np.linalg.norm(entry - end)
    return tube_volume(site.disc, entry + radius * outward, end, radius)
