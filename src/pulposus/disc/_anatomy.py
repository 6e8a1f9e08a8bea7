r"""From dimensions that people measure to the coefficients of the map (mechanics_imaging 1.5, rulings 5, 8 and 37).

With heights :math:`H_A, H_C, H_P` (anterior, central, posterior, bone to bone), width W and depth D:

.. math::

    a &= W/2, \qquad b = D / (2 f), \quad f = \text{depth of the outline} / 2b, \qquad y_0 = b\,d_2 \\
    s_0 &= \pm H_C/2, \qquad s_1 = \pm (H_A - H_P)/4, \qquad s_3 = s_4 = 0 \\
    d_{sup} + d_{inf} &= H_C - (H_A + H_P)/2, \qquad s_2 = \mp 2 d, \qquad s_5 = -s_2/2

so that the height is H_A and H_P at the two ends of the midline and flat at the centre. The nucleus radius follows from the share of the
section that the nucleus fills, the shift of the nucleus from how far its centroid lies behind that of the disc.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq

from pulposus.disc._map import DiscMap, depth_extent, ring_area, ring_centroid, validity
from pulposus.errors import InvalidInput


@dataclass(frozen=True)
class Outline:
    """Dimensionless coefficients of the cross-section: a1, b2, a3, c1, d2, c3 and the squeeze e of the nucleus."""

    width_first: float
    width_second: float
    width_third: float
    depth_first: float
    depth_second: float
    depth_third: float
    squeeze: float


ELLIPSE = Outline(
    width_first=1.0, width_second=0.0, width_third=0.0, depth_first=1.0, depth_second=0.0, depth_third=0.0, squeeze=0.0
)


@dataclass(frozen=True)
class Dimensions:
    """What is measured on a disc.

    Attributes:
        width, depth: Largest left-right and front-back extent [mm].
        anterior_height, central_height, posterior_height: On the midline, bone to bone [mm].
        nucleus_area_fraction: Share of the section inside the nucleus.
        nucleus_offset: How far the nucleus' centroid lies behind that of the disc, share of the depth.
        cranial_share: Share of the concavity that belongs to the superior face.
        endplate_radius: Reference radius of the cartilage endplates.
        endplate_centre, endplate_rise: Thickness of a cartilage endplate at its centre, and how much thicker it is at its margin [mm].
    """

    width: float
    depth: float
    anterior_height: float
    central_height: float
    posterior_height: float
    nucleus_area_fraction: float
    nucleus_offset: float
    cranial_share: float
    endplate_radius: float
    endplate_centre: float
    endplate_rise: float


def nucleus_radius(outline: Outline, area_fraction: float) -> float:
    """Reference radius whose ring encloses a share of the section.

    The area inside a ring is a cubic in q = rho^2,
    a1 c1 q (1 - e^2 (1 - q)^2) - 2 b2 d2 q^2 + 3 a3 c3 q^3, and grows with q in a map that does not fold.
    """
    first = outline.width_first * outline.depth_first
    second = -2.0 * outline.width_second * outline.depth_second
    third = 3.0 * outline.width_third * outline.depth_third
    e2 = outline.squeeze**2
    cubic = [
        third - e2 * first,
        second + 2.0 * e2 * first,
        first * (1.0 - e2),
        -area_fraction * (first + second + third),
    ]
    roots = np.roots(np.trim_zeros(cubic, "f"))
    return float(np.sqrt(next(root.real for root in roots if abs(root.imag) < 1e-12 and 0.0 < root.real < 1.0)))


def _radius_of_area(disc: DiscMap, area_fraction: float) -> float:
    """Reference radius whose ring encloses a share of the section, for an outline of any number of harmonics."""
    whole = ring_area(disc)
    radius: Any = brentq(lambda rho: ring_area(disc, rho) - area_fraction * whole, 1e-6, 1.0)
    return float(radius)


def _endplates(sizes: Dimensions) -> tuple[list[float], list[float]]:
    """Coefficients s0 to s5 of the superior and the inferior face."""
    wedge = (sizes.anterior_height - sizes.posterior_height) / 4.0
    concavity = sizes.central_height - 0.5 * (sizes.anterior_height + sizes.posterior_height)
    cranial, caudal = sizes.cranial_share * concavity, (1.0 - sizes.cranial_share) * concavity
    superior = [0.5 * sizes.central_height, wedge, -2.0 * cranial, 0.0, 0.0, cranial]
    inferior = [-0.5 * sizes.central_height, -wedge, 2.0 * caudal, 0.0, 0.0, -caudal]
    return superior, inferior


def disc_map(outline: Outline, sizes: Dimensions) -> DiscMap:
    """The map of a disc with these dimensions; whether it is usable is for `check_map` to say."""
    lowest, highest = depth_extent(outline.depth_first, outline.depth_second, outline.depth_third)
    half_depth = sizes.depth / (highest - lowest)
    superior, inferior = _endplates(sizes)

    unplaced = DiscMap(
        half_width=0.5 * sizes.width,
        half_depth=half_depth,
        origin=half_depth * outline.depth_second,
        width_first=outline.width_first,
        width_second=outline.width_second,
        width_third=outline.width_third,
        depth_first=outline.depth_first,
        depth_second=outline.depth_second,
        depth_third=outline.depth_third,
        squeeze=outline.squeeze,
        nucleus_shift=0.0,
        superior=np.array(superior),
        inferior=np.array(inferior),
        nucleus_radius=1.0,
        endplate_radius=sizes.endplate_radius,
        endplate_centre=sizes.endplate_centre,
        endplate_rise=sizes.endplate_rise,
    )
    return _shifted(
        replace(unplaced, nucleus_radius=nucleus_radius(outline, sizes.nucleus_area_fraction)),
        sizes.nucleus_offset * sizes.depth,
    )


def with_nucleus(disc: DiscMap, area_fraction: float, offset: float) -> DiscMap:
    """The disc whose nucleus fills a share of the section, with its centroid `offset` mm behind that of the section."""
    return _shifted(replace(disc, nucleus_radius=_radius_of_area(disc, area_fraction), nucleus_shift=0.0), offset)


def _shifted(disc: DiscMap, offset: float) -> DiscMap:
    """The disc, which has no shift yet, with the one that brings the nucleus `offset` mm behind.

    On the nucleus ring 1 - rho^2 is constant: a shift translates the whole ring by shift (1 - rho_N^2).
    """
    behind = ring_centroid(disc, 1.0) - ring_centroid(disc, disc.nucleus_radius)
    return replace(disc, nucleus_shift=(offset - behind) / (1.0 - disc.nucleus_radius**2))


def check_map(disc: DiscMap, determinant_floor: float, where: str) -> None:
    """Refuse a shape that folds, that has no room between its cartilage endplates, or whose regions do not nest.

    Args:
        disc: Map of the disc.
        determinant_floor: Smallest allowed section determinant over its mean (ruling 37).
        where: File or name of the disc, for the error.

    Raises:
        InvalidInput: The shape is impossible; says why.
    """
    if not 0.0 < disc.nucleus_radius < disc.endplate_radius < 1.0:
        raise InvalidInput(
            f"the nucleus (radius {disc.nucleus_radius:.3f} of the rim) does not fit inside the endplate ring ({disc.endplate_radius:.3f})",
            where=where,
            allowed="0 < nucleus < endplate < 1",
            remedy="reduce the nucleus",
        )
    ratio, height = validity(disc)
    if ratio < determinant_floor or ring_area(disc) <= 0.0:
        raise InvalidInput(
            f"the cross-section folds: its smallest area element is {ratio:.2f} of the mean one",
            where=where,
            allowed=f"at least {determinant_floor:g}",
            remedy="reduce the offset of the nucleus, the concavity of the outline, or the nucleus",
        )
    plates = 2.0 * (disc.endplate_centre + disc.endplate_rise)
    if height <= 0.0 or (disc.endplate_share >= 0.5 and height <= plates):
        raise InvalidInput(
            f"the disc is {height:.2f} mm high at its lowest point, its cartilage endplates need {plates:.2f} mm",
            where=where,
            allowed=f"heights from bone to bone above {plates:.2f} mm everywhere",
            remedy="raise the anterior, central or posterior height",
        )
