"""Vertebral bodies of a scene: marrow inside a dark cortex, the bed of their vein, Modic changes and Schmorl nodes.

A body lies between the faces of two discs, or reaches a height beyond the last one. Its outline goes over from that of the lower to that of
the upper disc, with a waist half way up and rounded rims.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from pulposus.readouts._findings import NO_FINDINGS
from pulposus.readouts._relaxation import longitudinal_relaxation, transverse_relaxation
from pulposus.readouts._spine import PosedDisc, Vertebra
from pulposus.readouts._tissues import DISC, DISC_LABELS, FAT, LIGAMENT, MARROW, VERTEBRA_LABELS, Samples, Scene


def take_body(scene: Scene, vertebra: Vertebra, found: Samples, marrow_t1: np.ndarray, marrow_t2: np.ndarray) -> None:
    """Points inside a vertebral body: marrow within a dark cortex, with what Modic changes and Schmorl nodes do to it."""
    sizes, change = scene.spine.sizes, scene.marrow_change
    centre, reach = vertebra.centre, 2.2 * sizes.vertebra_height
    near = np.nonzero((np.abs(found.points - centre) < reach).all(axis=1) & found.free)[0]
    if not len(near):
        return
    sides = []
    for disc, sign in ((vertebra.below, 1.0), (vertebra.above, -1.0)):
        if disc is None:
            continue
        local = disc.local(found.points[near])
        table = disc.outline
        face = table.read(table.superior if sign > 0.0 else table.inferior, local)
        sides.append((disc, sign * (local[:, 2] - face), table.read(table.distance, local), local))
    if len(sides) == 2:
        (lower, below, from_lower, local), (upper, above, from_upper, _) = sides
    elif vertebra.below is not None:
        (lower, below, from_lower, local), upper = sides[0], None
        above, from_upper = vertebra.height - below, from_lower
    else:
        (upper, above, from_upper, local), lower = sides[0], None
        below, from_lower = vertebra.height - above, from_upper
    share = np.clip(below / np.where(np.abs(below + above) > 1e-9, below + above, 1.0), 0.0, 1.0)
    hollow = 4.0 * share * (1.0 - share)
    front = np.clip(0.5 + local[:, 1] / (8.0 * sizes.scale), 0.0, 1.0)
    waist = sizes.posterior_waist + (sizes.waist - sizes.posterior_waist) * front
    distance = (1.0 - share) * from_lower + share * from_upper + waist * hollow - 0.6 * sizes.scale * (1.0 - hollow)
    depth = rounded_depth(np.stack([distance, -below, -above]), sizes.corner)
    inside = depth > 0.0
    vein = _vein(scene, local, distance, share)
    shell = (depth < sizes.cortex) & ~vein
    for disc, gap in ((lower, below), (upper, above)):
        if disc is None:
            continue
        findings = scene.findings.get(disc.level, NO_FINDINGS)
        soft = 1.0 / (1.0 + np.exp((gap - change.depth * sizes.scale) / (0.8 * sizes.scale)))
        marrow_t1[near[inside]] *= change.longitudinal[findings.modic] ** soft[inside]
        marrow_t2[near[inside]] *= change.transverse[findings.modic] ** soft[inside]
        if findings.schmorl and disc is lower:
            _take_node(scene, disc, gap, near, found)
    name = VERTEBRA_LABELS.get(vertebra.name, 0)
    bone = np.zeros(len(found.points), dtype=bool)
    for which, kind in ((inside & shell, LIGAMENT), (inside & ~shell & ~vein, MARROW), (inside & vein, FAT)):
        bone[:] = False
        bone[near[which]] = True
        found.take(bone, kind, name)


def _vein(scene: Scene, local: np.ndarray, distance: np.ndarray, share: np.ndarray) -> Bool[np.ndarray, "points"]:
    """The bed of the basivertebral vein with its fat: a wedge from the back of the body, half way up."""
    scale = scene.spine.sizes.scale
    from_back = -distance / scale
    thick = 0.055 * np.clip(1.0 - from_back / 12.0, 0.0, 1.0)
    return (np.abs(share - 0.52) < thick) & (np.abs(local[:, 0]) < 7.0 * scale) & (local[:, 1] < 0.0)


def _take_node(scene: Scene, posed: PosedDisc, gap: np.ndarray, near: np.ndarray, found: Samples) -> None:
    """A Schmorl node: disc material that stands through the superior endplate into the body, with a dark wall."""
    sizes, scale = scene.sizes, scene.spine.sizes.scale
    disc = posed.disc
    local = posed.local(found.points[near])
    centre = disc.section[disc.topology.centre[0]]
    radius = np.linalg.norm(local[:, :2] - centre, axis=1) / (sizes.schmorl_radius * scale)
    form = radius**2 + (gap / (sizes.schmorl_depth * scale)) ** 2
    column, level = disc.topology.centre
    water = float(disc.fields["water_fraction"][column, level])
    chosen = near[(gap > -scale) & (form < 1.0) & found.free[near]]
    found.kind[chosen] = DISC
    found.label[chosen] = DISC_LABELS[posed.level]
    found.proton_density[chosen] = water
    found.transverse[chosen] = float(transverse_relaxation(water, 0.0, scene.laws))
    found.longitudinal[chosen] = float(longitudinal_relaxation(water, scene.laws))
    wall = np.zeros(len(found.points), dtype=bool)
    wall[near[(gap > -scale) & (form >= 1.0) & (form < 1.45)]] = True
    found.take(wall, LIGAMENT)


def rounded_depth(faces: Float[np.ndarray, "faces points"], radius: float) -> Float[np.ndarray, "points"]:
    """Depth below the surface of a body that signed distances bound, its edges rounded with a radius; negative outside."""
    beyond = np.maximum(faces + radius, 0.0)
    outside = np.linalg.norm(beyond, axis=0)
    within = np.minimum((faces + radius).max(axis=0), 0.0)
    return radius - outside - within
