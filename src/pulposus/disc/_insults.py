"""Acute insults: operations that turn a disc into an injured one (cells_matrix 2.1, 2.6, 3; rulings 14).

What leaves the nucleus leaves every part of it in proportion. Tracks, tears and wounds are round tubes; a node gets the share of its volume
that the tube takes. So neither volume depends on the mesh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import numpy as np
from jaxtyping import Float

from pulposus.disc._disc import Disc
from pulposus.disc._insult_document import (
    AnnularPuncture,
    AnyInsult,
    Discectomy,
    EndplateFracture,
    EnzymaticDigestion,
    Herniation,
    Nucleotomy,
    RadialFissure,
    SuperficialAnnularLesion,
)
from pulposus.disc._insult_effects import cavity, changed, extruded_share, extrusion, needle_diameter, no_damage, trauma
from pulposus.disc._insult_site import (
    Site,
    annulus_share,
    entry_point,
    refuse_wider_than_disc,
    site_of,
    tube_share,
)
from pulposus.disc._layout import ANNULUS, NUCLEUS
from pulposus.disc._lesion import Lesion, compose
from pulposus.disc._places import central_height, patch_share, tip_position, tissue_at
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet

_FACES = {"inferior": 0, "superior": 1}


def apply_insult(disc: Disc, insult: AnyInsult, parameters: ParameterSet, where: str = "") -> Disc:
    """The disc right after an insult.

    Args:
        disc: The disc, not a batch; the clock of its earlier lesion is at this insult.
        insult: What happens.
        parameters: Model constants.
        where: File or name, for errors; that of the disc where left out.

    Raises:
        InvalidInput: The insult does not fit the disc, such as a needle that misses the nucleus.
    """
    sheet = Sheet(parameters, disc.description.grade)
    site = site_of(disc, sheet, where)
    lesion = compose(disc.lesion, _lesion_of(insult, site))
    described = disc.description
    return replace(
        eqx.tree_at(lambda one: one.lesion, disc, lesion),
        description=replace(
            described,
            text=f"{described.text}; {insult.kind}",
            values=described.values + tuple(sheet.values),
        ),
    )


def apply_insults(disc: Disc, insults: Sequence[AnyInsult], parameters: ParameterSet, where: str = "") -> Disc:
    """The disc after several insults, the first one first, all at the same time.

    Args:
        disc, parameters, where: As in `apply_insult`.
        insults: What happens, in this order.

    Raises:
        InvalidInput: An insult does not fit the disc that the ones before it have left.
    """
    for insult in insults:
        disc = apply_insult(disc, insult, parameters, where)
    return disc


def lesion_of(disc: Disc, insult: AnyInsult, parameters: ParameterSet, where: str = "") -> Lesion:
    """What an insult does to what is left of a disc; `compose` adds it to the earlier lesion.

    Args:
        disc, insult, parameters, where: As in `apply_insult`.

    Raises:
        InvalidInput: The insult does not fit the disc.
    """
    return _lesion_of(insult, site_of(disc, Sheet(parameters, disc.description.grade), where))


def _lesion_of(insult: AnyInsult, site: Site) -> Lesion:
    match insult:
        case AnnularPuncture():
            return _puncture(insult, site)
        case Nucleotomy():
            return _nucleotomy(insult, site)
        case Discectomy():
            return _discectomy(insult, site)
        case SuperficialAnnularLesion():
            return _superficial_lesion(insult, site)
        case EndplateFracture():
            return _endplate_fracture(insult, site)
        case RadialFissure():
            return _radial_fissure(entry_point(insult, site), insult.width, site)
        case Herniation():
            return _herniation(insult, site)
        case EnzymaticDigestion():
            return _digestion(insult, site)


def _puncture(insult: AnnularPuncture, site: Site) -> Lesion:
    """Track, cells killed beside it, nucleus let out, trauma of a needle."""
    sheet = site.sheet
    gauge = insult.needle_gauge
    diameter = insult.needle_diameter if gauge is None else needle_diameter(gauge, sheet)
    if not diameter:
        return no_damage(site)
    refuse_wider_than_disc(diameter, "needle", site)
    kill = sheet.take("kill beside a needle track", "cells.needle.track_kill_fraction")
    reach = sheet.take("reach of that kill", "cells.needle.track_kill_distance")
    entry, centre = entry_point(insult, site), tip_position(site.disc, 0.0, 0.0, 0.0)
    inward = (centre - entry) / np.linalg.norm(centre - entry)
    tip = centre if insult.depth is None else entry + insult.depth * inward
    if tissue_at(site.disc, tip) != NUCLEUS:
        raise InvalidInput(
            f"a needle that goes {insult.depth:g} mm deep does not end in the nucleus",
            where=site.where,
            allowed=f"about {np.linalg.norm(centre - entry):.3g} mm to its centre",
            remedy='change "depth" or leave it out; a wound of the annulus alone is "kind: superficial-annular-lesion"',
        )
    track = tube_share(entry, tip, 0.5 * diameter, site)
    return changed(
        extrusion(extruded_share(diameter, central_height(site.disc), sheet), "outside", site),
        fissure=track,
        order_left=1.0 - (1.0 - sheet.take("order inside a wound", "insults.wound_order")) * track,
        killed=kill * tube_share(entry, tip, 0.5 * diameter + reach, site),
        track_weight=sheet.take("way out of a punctured disc", "cells.leak.weight_punctured"),
        acute=1.0,
        **trauma("needle", site),
    )


def _nucleotomy(insult: Nucleotomy | Discectomy, site: Site) -> Lesion:
    """A cavity in the nucleus."""
    key = "discectomy" if isinstance(insult, Discectomy) else "nucleotomy"
    share = site.sheet.take("removed share of the nucleus", f"insults.{key}.removed_fraction", insult.removed_fraction)
    return cavity(share, "surgeon", site)


def _discectomy(insult: Discectomy, site: Site) -> Lesion:
    """A cavity in the nucleus behind an opening of the annulus."""
    refuse_wider_than_disc(insult.opening, "opening", site)
    opening = annulus_share(entry_point(insult, site), 0.5 * insult.opening, site)
    return changed(_nucleotomy(insult, site), fissure=opening, full_fissure=1.0)


def _superficial_lesion(insult: SuperficialAnnularLesion, site: Site) -> Lesion:
    """A wound of the outer annulus: fissure and order only."""
    sheet = site.sheet
    width = sheet.take("width of the wound", "insults.superficial_lesion.width", insult.width)
    depth = sheet.take("depth of the wound", "insults.superficial_lesion.depth", insult.depth)
    refuse_wider_than_disc(width, "wound", site)
    entry, centre = entry_point(insult, site), tip_position(site.disc, 0.0, 0.0, 0.0)
    radial = float(np.linalg.norm(centre - entry))
    end = entry + depth / radial * (centre - entry)
    # Beyond the centre lies the annulus of the other side.
    if depth >= radial or tissue_at(site.disc, end) != ANNULUS:
        raise InvalidInput(
            f"a wound that is {depth:g} mm deep does not end in the annulus",
            where=site.where,
            allowed="a depth less than that of the annulus there",
            remedy='lower "depth", or use "kind: annular-puncture"',
        )
    wound = tube_share(entry, end, 0.5 * width, site)
    return changed(
        no_damage(site),
        fissure=wound,
        order_left=1.0 - (1.0 - sheet.take("order inside a wound", "insults.wound_order")) * wound,
        acute=1.0,
    )


def _endplate_fracture(insult: EndplateFracture, site: Site) -> Lesion:
    """A broken patch of an endplate: nucleus in the bone, cells killed, permeability and pressure changed."""
    sheet, mesh = site.sheet, site.disc.topology
    patch = patch_share(site.disc, (insult.x, insult.y), insult.radius)
    if patch is None:
        raise InvalidInput(
            f"the patch of {insult.radius:g} mm at ({insult.x:g}, {insult.y:g}) mm leaves the endplate",
            where=site.where,
            allowed="a patch inside the endplate",
            remedy='lower "radius", or move it with "x" and "y"',
        )
    opening = np.zeros((2, mesh.columns))
    opening[_FACES[insult.face]] = patch
    factor = sheet.take("permeability of the fracture", "insults.endplate_fracture.permeability_factor")
    killed = sheet.take("cells killed by the fracture", "insults.endplate_fracture.killed_fraction")
    extruded = sheet.take("nucleus in the bone", "insults.endplate_fracture.extruded_fraction")
    return changed(
        extrusion(extruded, "bone", site),
        killed=killed * site.in_nucleus,
        endplate_opening=opening,
        endplate_permeability_factor=1.0 + (factor - 1.0) * opening,
        endplate_access=1.0,
        **trauma("endplate_fracture", site),
    )


def _radial_fissure(entry: Float[np.ndarray, "3"], width: float, site: Site) -> Lesion:
    """A tear through the whole annulus."""
    refuse_wider_than_disc(width, "tear", site)
    return changed(
        no_damage(site),
        fissure=annulus_share(entry, 0.5 * width, site),
        full_fissure=1.0,
        vascular_ingrowth=1.0,
        acute=1.0,
        track_weight=site.sheet.take("way out through a full fissure", "cells.leak.weight_fissure"),
    )


def _herniation(insult: Herniation, site: Site) -> Lesion:
    """A nucleotomy without surgery."""
    if not insult.tears_annulus and float(site.disc.lesion.full_fissure) == 0.0:
        raise InvalidInput(
            "the nucleus cannot leave: the disc has no full fissure",
            where=site.where,
            allowed="a herniation after a radial-fissure or a discectomy",
            remedy='put "kind: radial-fissure" before it, or write "tears_annulus: true" and a "width"',
        )
    present = site.nucleus_present
    share = 1e3 * insult.volume / present
    if share >= 1.0:
        raise InvalidInput(
            f"{insult.volume:g} mL of nucleus cannot leave",
            where=site.where,
            allowed=f"less than the {1e-3 * present:.3g} mL that the disc has",
            remedy='lower "volume"',
        )
    lost = changed(cavity(share, "outside", site), macrophages=1.0)
    if insult.width is None:
        return lost
    return compose(_radial_fissure(entry_point(insult, site), insult.width, site), lost)


def _digestion(insult: EnzymaticDigestion, site: Site) -> Lesion:
    """Aggrecan of the nucleus cut; the cells stay."""
    left = site.sheet.take("aggrecan left by the enzyme", "insults.enzymatic.aggrecan_left", insult.aggrecan_left)
    return changed(no_damage(site), aggrecan_left=1.0 - (1.0 - left) * site.in_nucleus)
