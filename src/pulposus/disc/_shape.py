"""From the `shape` of a disc document to the coefficients of the map (mechanics_imaging 1.2 to 1.5, rulings 5, 8, 37 and 38)."""

from __future__ import annotations

import numpy as np

from pulposus.disc._anatomy import ELLIPSE, Dimensions, Outline, disc_map
from pulposus.disc._document import AnatomicalShape, EllipticCylinder, LayeredCylinder, ShapeCoefficients
from pulposus.disc._library import GENERIC
from pulposus.disc._map import DiscMap
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput


def anatomical_map(shape: AnatomicalShape, species: str, level: str, sheet: Sheet, where: str) -> DiscMap:
    """The map of an animal's disc; heights that are not written are reduced by the grade.

    Args:
        shape: What the user wrote.
        species: Printed name of the library.
        level: Printed name of the library.
        sheet: Source of every number.
        where: File or name, for errors.

    Raises:
        InvalidInput: Sizes are written for the generic disc, which has its own.
    """
    if shape.coefficients is not None:
        return _written_map(shape.coefficients, sheet)
    if level.endswith(GENERIC):
        return _generic_map(shape, sheet, where)
    return _library_map(shape, species, level, sheet)


def _human_outline(sheet: Sheet, kidney: float) -> Outline:
    """The worked outline of mechanics_imaging 1.4 with another d2."""
    names = ("a1", "b2", "a3", "c1", "c3", "e")
    a1, b2, a3, c1, c3, e = (sheet.take(f"outline {name}", f"geometry.generic.{name}") for name in names)
    return Outline(
        width_first=a1, width_second=b2, width_third=a3, depth_first=c1, depth_second=kidney, depth_third=c3, squeeze=e
    )


def _library_map(shape: AnatomicalShape, species: str, level: str, sheet: Sheet) -> DiscMap:
    human = species == "human"
    place = f"geometry.human.{level}" if human else f"geometry.species.{species}.{level}"
    collapse = sheet.graded("height factor", "height_factor")

    def height(part: str, given: float | None) -> float:
        return sheet.take(f"{part} height", f"{place}.{part}_height" if human else f"{place}.height", given, collapse)

    area_key = "geometry.human.nucleus_area_fraction" if human else f"{place}.nucleus_area_fraction"
    if level == "tail":
        outline, offset = ELLIPSE, shape.nucleus_offset or 0.0
    else:
        kidney_key = f"{place}.d2" if human else "geometry.species.quadruped_d2"
        outline = _human_outline(sheet, sheet.take("outline d2", kidney_key, shape.kidney))
        offset = sheet.take("nucleus offset", "geometry.human.nucleus_offset", shape.nucleus_offset)
    centre, rise = _endplate_thickness(shape, species, place, sheet)
    return disc_map(
        outline,
        Dimensions(
            width=sheet.take("width", f"{place}.width", shape.width),
            depth=sheet.take("depth", f"{place}.depth", shape.depth),
            anterior_height=height("anterior", shape.anterior_height),
            central_height=height("central", shape.central_height),
            posterior_height=height("posterior", shape.posterior_height),
            nucleus_area_fraction=sheet.take("nucleus area fraction", area_key, shape.nucleus_area_fraction),
            nucleus_offset=offset,
            cranial_share=_cranial_share(shape, sheet),
            endplate_radius=sheet.take("endplate radius", "geometry.generic.rho_CEP"),
            endplate_centre=centre,
            endplate_rise=rise,
        ),
    )


def _cranial_share(shape: AnatomicalShape, sheet: Sheet) -> float:
    if shape.cranial_share is not None:
        return shape.cranial_share
    cranial = sheet.take("cranial concavity", "geometry.human.cranial_concavity")
    return cranial / (cranial + sheet.take("caudal concavity", "geometry.human.caudal_concavity"))


def _endplate_thickness(shape: AnatomicalShape, species: str, place: str, sheet: Sheet) -> tuple[float, float]:
    """Thickness of the cartilage endplate at its centre, and its rise to the margin [mm].

    Animals have one number (transport 7); where even that is missing, the human endplate scaled with the height (ruling 37).
    """
    uniform = f"{place}.endplate_thickness"
    if species != "human" and sheet.knows(uniform):
        return sheet.take("endplate thickness", uniform, shape.endplate_centre), shape.endplate_rise or 0.0
    scale = 1.0
    if species != "human":
        scale = sheet.take("height", f"{place}.height") / sheet.take(
            "human height", "geometry.human.L4-L5.central_height"
        )
    return (
        sheet.take("endplate thickness at the centre", "geometry.generic.t0", shape.endplate_centre, scale),
        sheet.take("endplate rise to the margin", "geometry.generic.t1", shape.endplate_rise, scale),
    )


def _generic_map(shape: AnatomicalShape, sheet: Sheet, where: str) -> DiscMap:
    """The worked case of mechanics_imaging 1.4, with its own quadratic endplate; heights scaled by the grade."""
    written = shape.model_fields_set - {"kind", "species", "level"}
    if written:
        raise InvalidInput(
            f"the generic disc has its own shape, {min(written)} cannot be changed",
            where=where,
            allowed="no sizes",
            remedy="use level: L4-L5 and write the sizes there",
        )
    collapse = sheet.graded("height factor", "height_factor")

    def coefficient(name: str, factor: float = 1.0) -> float:
        return sheet.take(f"coefficient {name}", f"geometry.generic.{name}", None, factor)

    half_depth, kidney = coefficient("b"), coefficient("d2")
    superior, inferior = (
        np.array([coefficient(f"{face}.s{order}", collapse) for order in range(6)]) for face in ("superior", "inferior")
    )
    return DiscMap(
        half_width=coefficient("a"),
        half_depth=half_depth,
        origin=half_depth * kidney,
        width_first=coefficient("a1"),
        width_second=coefficient("b2"),
        width_third=coefficient("a3"),
        depth_first=coefficient("c1"),
        depth_second=kidney,
        depth_third=coefficient("c3"),
        squeeze=coefficient("e"),
        nucleus_shift=coefficient("delta"),
        superior=superior,
        inferior=inferior,
        nucleus_radius=coefficient("rho_N"),
        endplate_radius=coefficient("rho_CEP"),
        endplate_centre=coefficient("t0"),
        endplate_rise=coefficient("t1"),
        endplate_power=2,
    )


def _written_map(written: ShapeCoefficients, sheet: Sheet) -> DiscMap:
    """The map whose coefficients stand in the document."""
    numbers = written.model_dump()
    for name in ("superior", "inferior"):
        numbers[name] = np.array(numbers[name])
    for name in ("width_harmonics", "depth_harmonics"):
        numbers[name] = np.array(numbers[name]).reshape(-1, 2)
    form = DiscMap(**numbers)
    for name, unit in (("half_width", "mm"), ("half_depth", "mm"), ("nucleus_radius", "1"), ("nucleus_shift", "mm")):
        sheet.note_given(f"shape {name.replace('_', ' ')}", numbers[name], unit)
    return form


def cylinder_map(shape: EllipticCylinder | LayeredCylinder, where: str) -> DiscMap:
    """An upright elliptic cylinder with flat faces."""
    if isinstance(shape, EllipticCylinder):
        nucleus = float(np.sqrt(shape.nucleus_area_fraction))
        height, thickness = shape.height, 0.0
        # Without endplates the outer named ring has no meaning; half way keeps the rings even.
        ring = 0.5 * (1.0 + nucleus)
    else:
        if not shape.nucleus_half_width < shape.endplate_half_width < shape.half_width:
            raise InvalidInput(
                "the regions of the cylinder do not nest",
                where=where,
                allowed="nucleus_half_width < endplate_half_width < half_width",
            )
        nucleus, ring = shape.nucleus_half_width / shape.half_width, shape.endplate_half_width / shape.half_width
        thickness = shape.endplate_thickness
        height = shape.nucleus_height + 2.0 * thickness
    return disc_map(
        ELLIPSE,
        Dimensions(
            width=2.0 * shape.half_width,
            depth=2.0 * shape.half_depth,
            anterior_height=height,
            central_height=height,
            posterior_height=height,
            nucleus_area_fraction=nucleus**2,
            nucleus_offset=0.0,
            cranial_share=0.5,
            endplate_radius=ring,
            endplate_centre=thickness,
            endplate_rise=0.0,
        ),
    )
