"""What the vessels offer a disc, from its document and the parameter files (transport 3)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pulposus.disc._disc import SOLUTES, Supply, reduced_supply
from pulposus.disc._document import BloodValues, DiscDocument, SupplyKeys
from pulposus.disc._layout import Layout
from pulposus.disc._map import DiscMap
from pulposus.disc._marrow import marrow_window_supply
from pulposus.disc._mesh import column_thickness, node_coordinates
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput


def build_supply(document: DiscDocument, arrangement: Layout, form: DiscMap, sheet: Sheet, where: str) -> Supply:
    """Boundary conditions of a disc.

    Args:
        document: Validated document.
        arrangement: Layout of the mesh.
        form: Map of the shape.
        sheet: Notes every number.
        where: File or name, for errors.

    Raises:
        InvalidInput: A patch covers nothing, or a shape without cartilage endplates has a partly open one.
    """
    keys = document.supply

    def blood(surface: str, written: BloodValues, vessels: float) -> np.ndarray:
        values = [
            sheet.take(f"{solute} at the {surface}", f"nutrition.boundary.{surface}.{solute}", getattr(written, solute))
            for solute in SOLUTES
        ]
        return np.asarray(reduced_supply(jnp.asarray(values), vessels))

    thickness = column_thickness(arrangement, form)
    conductance = _conductance(document, np.asarray(thickness), arrangement, sheet, where)
    return Supply(
        endplate_values=blood("endplate", keys.endplate, keys.endplate_vessels),
        annulus_values=blood("annulus", keys.annulus, keys.annulus_vessels),
        endplate_supply=_endplate_supply(conductance, keys, arrangement, form, where),
        endplate_thickness=jnp.stack([thickness, thickness]),
    )


def supply_warnings(keys: SupplyKeys, supply: Supply) -> tuple[str, ...]:
    """What transport 3.3 asks of a disc whose endplates lose supply in two ways."""
    lowest = float(jnp.min(supply.endplate_supply))
    if keys.endplate_vessels < 1.0 and lowest < 1.0:
        return (
            f"the vessels ({keys.endplate_vessels:g}) and the conductance ({lowest:.3g}) of the endplates are both reduced: "
            "right for two causes, such as smoking and a calcified endplate, wrong for one",
        )
    return ()


def _conductance(
    document: DiscDocument, thickness: Float[np.ndarray, "columns"], arrangement: Layout, sheet: Sheet, where: str
) -> Float[np.ndarray, "columns"]:
    """Relative supply of an endplate at every column: that of the marrow windows, the written one or the grade's."""
    keys = document.supply
    contact = keys.marrow_contact
    if contact is None:
        table = f"endplate_supply.{document.grade_preset}"
        return np.full(thickness.shape, sheet.graded("endplate supply", table, keys.endplate_supply))
    if not arrangement.has_endplates:
        raise _needs_endplates("marrow contact", "leave supply.marrow_contact out for this shape", where)
    fraction = sheet.take("marrow contact", "nutrition.marrow_contact.fraction", contact.fraction)
    radius = sheet.take("radius of a marrow window", "nutrition.marrow_contact.window_radius", contact.radius)
    return marrow_window_supply(fraction, radius, thickness)


def _endplate_supply(
    conductance: Float[np.ndarray, "columns"], keys: SupplyKeys, arrangement: Layout, form: DiscMap, where: str
) -> Float[np.ndarray, "2 columns"]:
    """Relative supply of the two faces at every column, with its patches."""
    supply = np.stack([conductance, conductance])
    points = np.asarray(node_coordinates(arrangement, form))[:, 0, :2]
    for patch in keys.patches:
        inside = np.hypot(points[:, 0] - patch.x, points[:, 1] - patch.y) <= patch.radius
        if not inside.any():
            raise InvalidInput(
                f"the patch of {patch.radius:g} mm at ({patch.x:g}, {patch.y:g}) mm covers no node of the mesh",
                where=where,
                allowed="a patch on the disc and wider than the mesh",
                remedy="move or enlarge it, or use a finer resolution",
            )
        supply[0 if patch.face == "inferior" else 1, inside] = patch.endplate_supply
    if not arrangement.has_endplates and np.any((supply > 0.0) & (supply < 1.0)):
        raise _needs_endplates("a partly open endplate", "endplate_supply 0 or 1 for this shape", where)
    return supply


def _needs_endplates(what: str, allowed: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"{what} needs a cartilage endplate", where=where, allowed=allowed, remedy="use shape.kind: layered-cylinder"
    )
