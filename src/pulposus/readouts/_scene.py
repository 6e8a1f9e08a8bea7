"""What lies at a point of the patient: tissue, its relaxation times and its label (mechanics_imaging 4.3 steps 2 and 3).

The discs carry the state of the run; everything else is the schematic of `_spine`. A point is given, in this order, to a disc (with its
findings), to a vertebral body, and to what surrounds them: canal, spinous processes and back, front.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import numpy as np
from jaxtyping import Float

from pulposus.readouts._bodies import take_body
from pulposus.readouts._disc_view import ANNULUS, ENDPLATE, NUCLEUS, locate
from pulposus.readouts._findings import NO_FINDINGS, Findings, cleft_factor, intensity_zone, posterior_rise, vacuum
from pulposus.readouts._relaxation import at_points, longitudinal_relaxation, transverse_relaxation
from pulposus.readouts._soft_tissue import take_surroundings
from pulposus.readouts._spine import PosedDisc
from pulposus.readouts._tissues import DISC, DISC_LABELS, LEAST_WATER, MARROW, NOTHING, Samples, Scene


def sample(scene: Scene, points: Float[np.ndarray, "points 3"]) -> Samples:
    """Tissue, relaxation and label at points.

    Args:
        scene: The scene.
        points: Positions in the space of the patient [mm].
    """
    found = Samples(points)
    for number, posed in enumerate(scene.spine.discs):
        _take_disc(scene, posed, number, found)
    marrow_t1, marrow_t2 = np.ones(len(points)), np.ones(len(points))
    for vertebra in scene.spine.vertebrae:
        take_body(scene, vertebra, found, marrow_t1, marrow_t2)
    take_surroundings(scene, found)
    plain = (found.kind >= 0) & (found.kind != DISC)
    kind = found.kind[plain]
    found.proton_density[plain] = scene.tissues.proton_density[kind]
    found.longitudinal[plain] = scene.tissues.longitudinal[kind] * np.where(kind == MARROW, marrow_t1[plain], 1.0)
    found.transverse[plain] = scene.tissues.transverse[kind] * np.where(kind == MARROW, marrow_t2[plain], 1.0)
    return found


def sample_again(scene: Scene, before: Samples) -> Samples:
    """Tissue at the points of an earlier sample when only the state of the treated disc has changed, not its shape.

    Args:
        scene: The scene with the new state.
        before: Samples of the scene with the old state.
    """
    number, posed = next((number, posed) for number, posed in enumerate(scene.spine.discs) if posed.treated)
    found = replace(before)
    for name in (
        "kind",
        "proton_density",
        "longitudinal",
        "transverse",
        "label",
        "disc",
        "disc_tissue",
        "water",
        "glycosaminoglycan",
        "fixed_charge",
    ):
        setattr(found, name, getattr(before, name).copy())
    found.kind[before.disc == number] = NOTHING
    _take_disc(scene, posed, number, found)
    return found


def _take_disc(scene: Scene, posed: PosedDisc, number: int, found: Samples) -> None:
    """Points inside a disc, with its state and its findings."""
    disc, findings = posed.disc, scene.findings.get(posed.level, NO_FINDINGS)
    local = posed.local(found.points)
    low, high = disc.coordinates.min(axis=(0, 1)), disc.coordinates.max(axis=(0, 1))
    reach = 1.0 + findings.bulge + findings.hernia
    near = np.nonzero(((local > low - reach) & (local < high + reach)).all(axis=1) & found.free)[0]
    inner = local[near]
    if findings.bulge > 0.0 or findings.hernia > 0.0:
        inner = _drawn_in(scene, posed, findings, inner)
    places = locate(disc, inner)
    inside = places.tissue >= 0
    chosen = near[inside]
    tissue = places.tissue[inside]

    def values(name: str) -> np.ndarray:
        return places.values(disc.fields[name])[inside]

    water = np.clip(values("water_fraction"), LEAST_WATER, 1.0 - 1e-6)
    annulus = places.values(disc.annulus_share)[inside]
    transverse = at_points(eqx.Partial(transverse_relaxation, laws=scene.laws), water, annulus)
    height = places.columns.of_columns(disc.faces[1] - disc.faces[0])
    if disc.grade > 1:
        band = cleft_factor(scene.sizes, places, height, scene.spine.sizes.scale)[inside]
        transverse *= np.where(tissue == NUCLEUS, band, 1.0)
    transverse[tissue == ENDPLATE] = float(scene.laws.endplate_t2)
    density = water.copy()
    if findings.high_intensity_zone:
        bright = intensity_zone(disc, scene.sizes, inner)[inside] & (tissue == ANNULUS)
        transverse[bright] = scene.sizes.intensity_zone_t2
    if findings.vacuum:
        density[vacuum(disc, scene.sizes, places)[inside] & (tissue == NUCLEUS)] = 0.0
    found.kind[chosen] = DISC
    found.label[chosen] = DISC_LABELS[posed.level]
    found.disc[chosen], found.disc_tissue[chosen] = number, tissue
    found.proton_density[chosen], found.transverse[chosen] = density, transverse
    found.longitudinal[chosen] = at_points(eqx.Partial(longitudinal_relaxation, laws=scene.laws), water)
    found.water[chosen] = water
    found.glycosaminoglycan[chosen] = values("aggrecan") + values("fragments")
    found.fixed_charge[chosen] = values("fixed_charge_density")


def _drawn_in(
    scene: Scene, posed: PosedDisc, findings: Findings, local: Float[np.ndarray, "points 3"]
) -> Float[np.ndarray, "points 3"]:
    """Where material that stands out came from: points of a bulge or hernia, moved back inside the outline.

    The rise is largest at mid-height and ends at the rims of the vertebrae.
    """
    outline = posed.outline
    distance = outline.read(outline.distance, local)
    centre = posed.disc.rim.mean(axis=0)
    away = local[:, :2] - centre
    angle = np.arctan2(away[:, 0], -away[:, 1])
    low, high = outline.read(outline.inferior, local), outline.read(outline.superior, local)
    middle = 1.0 - (2.0 * (local[:, 2] - low) / np.maximum(high - low, 1e-6) - 1.0) ** 2
    rise = posterior_rise(findings, scene.sizes, angle) * np.sqrt(np.clip(middle, 0.0, 1.0))
    outside = (distance > 0.0) & (distance < rise)
    inward = away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    moved = local.copy()
    # A twentieth of a millimetre inside, because the outline is a polygon and the distance a table.
    moved[outside, :2] -= (distance[outside, None] + 0.2) * inward[outside]
    return moved
