"""Quality gates of an import (mechanics_imaging 1.6, step 8; rulings 28): a disc that fails one is refused, with the reason.

Gates that need neighbours are off where the image has no vertebrae; sizes are limits of human discs.
"""

from __future__ import annotations

from dataclasses import dataclass

from pulposus.images._quality import Measurements
from pulposus.parameters import ParameterSet

REASONS = {
    "low-dice": "the fitted disc overlaps the interpolated mask too little",
    "volume-differs": "the volume of the fitted disc differs too much from that of the mask",
    "surface-far": "the fitted surface lies too far from the surface of the mask in the mean",
    "height-implausible": "the height at the centre is not that of a human disc",
    "width-implausible": "the width is not that of a human disc",
    "depth-implausible": "the depth is not that of a human disc",
    "map-folds": "the outline is too irregular for the map of the disc, which would fold",
    "tilt-implausible": "the disc is tilted so far that the orientation of the image must be wrong",
    "cut-by-field-of-view": "the border of the image cuts the disc",
    "no-vertebra-above": "the disc does not touch the vertebra above it",
    "no-vertebra-below": "the disc does not touch the vertebra below it",
    "scattered-label": "a large part of the label lies away from its largest piece, so it is not one disc",
}
"""Every reason for which a fitted disc is refused, by its code."""


@dataclass(frozen=True)
class Refusal:
    """A gate that did not hold.

    Attributes:
        code: One of `REASONS`.
        text: What was found and what is allowed.
    """

    code: str
    text: str


@dataclass(frozen=True)
class Circumstances:
    """What the gates need beside the measurements.

    Attributes:
        mask_volume: Voxels times their size [mm3].
        pixel: Spacing within the slices [mm].
        stack: Whether the slices are thick.
        human: Whether the limits of human sizes hold.
        folded: Whether the map folds.
        tilt: Angle to the cranial axis of the image [degree].
        cut: Where the border of the image cuts the disc.
        touches_below, touches_above: Whether the neighbours touch the disc; None where they are not in the image.
        stray_share: Share of the label away from its largest piece.
    """

    mask_volume: float
    pixel: float
    stack: bool
    human: bool
    folded: bool
    tilt: float
    cut: tuple[str, ...]
    touches_below: bool | None
    touches_above: bool | None
    stray_share: float


def judge(found: Measurements, about: Circumstances, parameters: ParameterSet) -> tuple[Refusal, ...]:
    """The gates that do not hold, in the order of `REASONS`."""

    def limit(name: str) -> float:
        return parameters.value(f"segmentation.gate.{name}")

    refusals: list[Refusal] = []

    def refuse(code: str, text: str) -> None:
        refusals.append(Refusal(code, f"{REASONS[code]}: {text}"))

    if found.dice < limit("dice"):
        refuse("low-dice", f"{found.dice:.3f}, at least {limit('dice'):g} is needed")
    difference = found.volume / about.mask_volume - 1.0
    if abs(difference) > limit("volume"):
        refuse("volume-differs", f"by {100.0 * difference:+.1f} %, at most {100.0 * limit('volume'):g} % is allowed")
    farthest = limit("surface_distance_stack" if about.stack else "surface_distance") * about.pixel
    if found.mean_surface_distance > farthest:
        refuse("surface-far", f"{found.mean_surface_distance:.2f} mm, at most {farthest:.2f} mm is allowed")
    if about.human:
        for quantity, value in (
            ("height", found.height_middle),
            ("width", found.own_width),
            ("depth", found.own_depth),
        ):
            low, high = limit(f"{quantity}_low"), limit(f"{quantity}_high")
            if not low < value < high:
                refuse(f"{quantity}-implausible", f"{value:.3g} mm, {low:g} to {high:g} mm is allowed")
    if about.folded:
        refuse("map-folds", f"its smallest area element is {found.smallest_determinant:.2f} of the mean one")
    if about.tilt > limit("tilt"):
        refuse("tilt-implausible", f"{about.tilt:.0f} degrees, at most {limit('tilt'):g} are allowed; see --axes")
    if about.cut:
        refuse("cut-by-field-of-view", "at " + ", ".join(about.cut))
    for side, touches in (("above", about.touches_above), ("below", about.touches_below)):
        if touches is False:
            refuse(f"no-vertebra-{side}", f"nearer than {limit('neighbour_gap'):g} mm is needed")
    if about.stray_share > limit("stray_share"):
        refuse("scattered-label", f"{100.0 * about.stray_share:.0f} % of its voxels")
    return tuple(refusals)
