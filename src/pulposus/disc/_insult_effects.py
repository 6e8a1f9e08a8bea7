r"""What insults have in common: lost nucleus, the pressure that goes with it, and trauma (cells_matrix 2.6, 3).

Matter of the nucleus leaves in proportion, a share x of what every node still holds of it,

.. math:: l_a = x\, V_a^{NP} / V_a, \qquad x = V_{removed} / V_{nucleus}

so the total is the asked one on any mesh. A needle of diameter d lets out the power law through the printed ends, gauge 14 and gauge 34,

.. math:: x(d) = x_{14} (d / d_{14})^{\,p}, \qquad p = \ln(x_{14} / x_{34}) / \ln(d_{14} / d_{34}) ,

which is nothing for no needle. The pressure of the nucleus falls with what leaves as at a fracture of the endplate, the only insult whose
pressure loss is printed: :math:`(1 - 0.30)^{x / 0.05}`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pulposus.disc._insult_site import Site
from pulposus.disc._lesion import DESTINATIONS, TRAUMA_SOURCES, Lesion
from pulposus.disc._sheet import Sheet

_THICKEST, _THINNEST = 14, 34


def no_damage(site: Site) -> Lesion:
    """No damage on the mesh of the disc."""
    mesh = site.disc.topology
    return Lesion.none(mesh.columns, mesh.levels)


def changed(lesion: Lesion, **fields: object) -> Lesion:
    """A lesion with other values of some fields."""
    return replace(lesion, **fields)


def extruded_share(diameter: float, height: float, sheet: Sheet) -> float:
    """Share of the nucleus that a needle lets out, x(d) min(1, h0 / h).

    The printed range is that of animals made ill by a puncture. A needle is small or large relative to the disc, so in a disc higher than
    the rabbit's h0 it counts for less, in proportion (prior).

    Args:
        diameter: Outer diameter d of the needle [mm].
        height: Central height h of the disc [mm].
        sheet: Constants.
    """
    thickest = sheet.take("extrusion by gauge 14", "insults.puncture.extrusion_thickest")
    thinnest = sheet.take("extrusion by gauge 34", "insults.puncture.extrusion_thinnest")
    largest, smallest = (needle_diameter(gauge, sheet) for gauge in (_THICKEST, _THINNEST))
    power = math.log(thickest / thinnest) / math.log(largest / smallest)
    # A needle beyond gauge 14 is outside the printed range; it lets out no more than that one.
    punctured = sheet.take("height of the punctured rabbit disc", "geometry.species.rabbit.lumbar.height")
    return thickest * min(diameter / largest, 1.0) ** power * min(1.0, punctured / height)


def needle_diameter(gauge: int, sheet: Sheet) -> float:
    """Nominal outer diameter of a hypodermic needle [mm]."""
    return sheet.take(f"outer diameter, gauge {gauge}", f"therapy.needle.outer_diameter.gauge_{gauge}")


def extrusion(share: float, destination: str, site: Site) -> Lesion:
    """A share of the nucleus leaves, and takes pressure with it."""
    lesion, sheet = no_damage(site), site.sheet
    lost = np.zeros(lesion.lost.shape)
    lost[DESTINATIONS.index(destination)] = share * site.in_nucleus
    pressure = sheet.take("pressure loss of a fractured endplate", "insults.endplate_fracture.pressure_loss")
    reference = sheet.take("nucleus lost with it", "insults.endplate_fracture.extruded_fraction")
    return changed(lesion, lost=lost, nucleus_pressure_factor=(1.0 - pressure) ** (share / reference))


def cavity(share: float, destination: str, site: Site) -> Lesion:
    """A share of the nucleus leaves a cavity behind, and an inflamed disc with a wide way out."""
    return changed(
        extrusion(share, destination, site),
        void=share * site.in_nucleus,
        track_weight=site.sheet.take("way out of a nucleotomy", "cells.leak.weight_nucleotomy"),
        **trauma("nucleotomy", site),
    )


def trauma(source: str, site: Site) -> dict[str, np.ndarray]:
    """Cytokine source in the nucleus."""
    slot, columns_levels = TRAUMA_SOURCES.index(source), site.volume.shape
    strength, until = np.zeros((len(TRAUMA_SOURCES), *columns_levels)), np.zeros(len(TRAUMA_SOURCES))
    words = source.replace("_", " ")
    strength[slot] = site.in_nucleus * site.sheet.take(
        f"cytokine source of a {words}", f"insults.trauma.{source}.strength"
    )
    until[slot] = site.sheet.take(f"its duration, {words}", f"insults.trauma.{source}.duration")
    return {"trauma": strength, "trauma_until": until}
