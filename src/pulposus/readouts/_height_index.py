r"""Disc height index in its definitions, on the mid-sagittal slice (mechanics_imaging 4.2).

.. math::

    DHI &= \frac{\overline{(H_A, H_M, H_P)}}{\overline{(V_{sup}, V_{inf})}} \quad
    \text{or, in other papers,} \quad \frac{\overline{H}}{V_{sup} + V_{inf}} \\
    \%DHI(t) &= 100\, DHI(t) / DHI(0) \\
    \text{Frobin} &= \frac{H_A - (\gamma - \gamma_0)\, D / 2 \cdot \pi / 180}{D}

H_A, H_M and H_P are the heights at the front, in the middle and at the back, V the mid-body heights of the vertebrae beside the disc. A
report must say which denominator it used: the sum halves the number. %DHI is used in animals. Frobin's height is that of the front,
corrected to a normal angle of the segment and divided by the mean depth of the cranial vertebra (Frobin 1997); here the angle is the wedge
of the disc and the correction turns the faces about the middle of the disc (this program's reading of the published words; prior). The
vertebrae of a scene are a schematic, so an absolute DHI of a simulated disc is only as good as the height of its vertebrae (27 mm, prior);
its change is not touched by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.readouts._disc_view import DiscView


@dataclass(frozen=True)
class MidlineHeights:
    """Heights on the midline [mm], depth of the disc [mm] and its wedge, open to the front [radian]."""

    anterior: float
    middle: float
    posterior: float
    depth: float
    wedge: float

    @property
    def mean(self) -> float:
        """Mean of the three heights [mm]."""
        return (self.anterior + self.middle + self.posterior) / 3.0


def midline_heights(disc: DiscView) -> MidlineHeights:
    """Heights of a disc at the front, in the middle and at the back of its mid-sagittal section."""
    mesh = disc.topology
    heights = disc.coordinates[:, -1, 2] - disc.coordinates[:, 0, 2]
    # The rim starts at -45 degrees from +xi and runs counter-clockwise: 3/8 of it is anterior, 7/8 posterior.
    front, back = mesh.rim[3 * len(mesh.rim) // 8], mesh.rim[7 * len(mesh.rim) // 8]
    depth = float(np.ptp(disc.rim[:, 1]))
    return MidlineHeights(
        anterior=float(heights[front]),
        middle=float(heights[mesh.centre[0]]),
        posterior=float(heights[back]),
        depth=depth,
        wedge=float(np.arctan2(heights[front] - heights[back], depth)),
    )


def disc_height_index(heights: MidlineHeights, superior: float, inferior: float) -> float:
    """DHI: mean disc height over the mean of the two mid-body heights [mm].

    Args:
        heights: Heights of the disc.
        superior, inferior: Mid-body heights of the vertebrae above and below [mm].
    """
    return heights.mean / (0.5 * (superior + inferior))


def disc_height_index_of_sum(heights: MidlineHeights, superior: float, inferior: float) -> float:
    """The same over the sum of the two mid-body heights: half the other."""
    return heights.mean / (superior + inferior)


def percent_height_index(index: float, first: float) -> float:
    """%DHI: an index in percent of that before."""
    return 100.0 * index / first


def frobin_height(heights: MidlineHeights, normal_angle: float, vertebra_depth: float) -> float:
    """Height of the front, at a normal angle, over the mean depth of the cranial vertebra.

    Args:
        heights: Heights of the disc.
        normal_angle: Normal angle of the level [radian].
        vertebra_depth: Mean depth of the vertebra above [mm].
    """
    corrected = heights.anterior - (np.tan(heights.wedge) - np.tan(normal_angle)) * 0.5 * heights.depth
    return float(corrected) / vertebra_depth


def height_class(index: float, parameters: ParameterSet) -> str:
    """What a DHI (over the mean) counts as: normal, mild, moderate or severe narrowing."""
    for name in ("normal", "mild", "moderate"):
        if index >= parameters.value(f"imaging.height_index.{name}"):
            return name
    return "severe"
