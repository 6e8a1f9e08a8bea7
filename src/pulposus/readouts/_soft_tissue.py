"""What surrounds the spine of a scene: canal with fluid, cord and roots, fat and ligaments, spinous processes, skin, and the front.

All of it is a schematic of the median plane, placed by its distance from the back or the front of the column of bodies and discs. Its sizes
are judgement (prior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from pulposus.readouts._bodies import rounded_depth
from pulposus.readouts._spine import Vertebra
from pulposus.readouts._texture import smooth_field
from pulposus.readouts._tissues import (
    BLOOD,
    CANAL_LABEL,
    CORD,
    CORD_LABEL,
    CSF,
    FAT,
    LIGAMENT,
    MARROW,
    MUSCLE,
    VERTEBRA_LABELS,
    Samples,
    Scene,
)

# Seeds of the lobules of fat between the spinous processes, and of what lies before the spine.
_STREAKS, _GUT = 11, 12


@dataclass(frozen=True)
class _Border:
    """A line along the spine in the median plane: y and its slope over z [mm]."""

    y: np.ndarray
    cosine: np.ndarray


def _border(scene: Scene, z: np.ndarray, *, posterior: bool) -> _Border:
    """Where the column of bodies and discs ends behind or in front, smooth over its length."""
    from scipy.interpolate import PchipInterpolator

    spine = scene.spine
    sign = -1.0 if posterior else 1.0
    marks: list[np.ndarray] = []
    for posed in spine.discs:
        rim = posed.disc.rim
        middle = rim[np.abs(rim[:, 0]) < 0.15 * np.ptp(rim[:, 0])]
        edge = sign * (sign * middle[:, 1]).max()
        low, high = (
            posed.outline.read(table, np.array([[0.0, edge, 0.0]]))[0]
            for table in (posed.outline.inferior, posed.outline.superior)
        )
        marks.append(posed.placed(np.array([[0.0, edge, 0.5 * (low + high)]]))[0])
    step = 1.5 * spine.sizes.vertebra_height
    first, last = spine.discs[0], spine.discs[-1]
    tilt = first.inclination + (spine.sizes.sacral_tilt if spine.sacrum else 0.0)
    below = marks[0] - 2.0 * step * np.array([0.0, np.sin(tilt), np.cos(tilt)])
    marks = [below, *marks, marks[-1] + 2.0 * step * last.axes[2]]
    line = PchipInterpolator([mark[2] for mark in marks], [mark[1] for mark in marks])
    slope = line(z, 1)
    return _Border(line(z), 1.0 / np.sqrt(1.0 + slope**2))


def depth_below_skin(scene: Scene, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points"]:
    """Depth below the skin of the back [mm], 0 in the air behind it; the skin follows the spine."""
    back = _border(scene, points[:, 2], posterior=True)
    return np.clip(scene.spine.sizes.skin_depth - (back.y - points[:, 1]) * back.cosine, 0.0, None)


def take_surroundings(scene: Scene, found: Samples) -> None:
    """Canal, back and what lies before the spine."""
    sizes = scene.spine.sizes
    x, y, z = found.points.T
    back, front = _border(scene, z, posterior=True), _border(scene, z, posterior=False)
    behind = (back.y - y) * back.cosine
    before = (y - front.y) * front.cosine
    heights = np.array([posed.origin[2] for posed in scene.spine.discs])
    bow = np.exp(-(((z[:, None] - heights[None]) / (7.0 * sizes.scale)) ** 2)).max(axis=1)
    _take_canal(scene, found, x, z, behind, bow)
    _take_back(scene, found, x, behind, bow)
    _take_front(scene, found, x, z, before)
    found.take(behind > -2.0 * sizes.cortex, MUSCLE)
    found.take(np.ones(len(x), dtype=bool), LIGAMENT)


def _take_canal(
    scene: Scene, found: Samples, x: np.ndarray, z: np.ndarray, behind: np.ndarray, bow: np.ndarray
) -> None:
    """Posterior ligament and dura, the sac with fluid and roots (or the cord above L1-L2), the fat around it, the yellow ligament."""
    sizes = scene.spine.sizes
    scale = sizes.scale
    # The sac leaves the bodies at their waist, and the sacrum altogether: fat and veins fill the gap.
    gap = sizes.posterior_ligament + 0.7 * scale * (1.0 - bow)
    if scene.spine.sacrum:
        gap = gap + 0.16 * np.clip(scene.spine.discs[0].origin[2] - 4.0 * scale - z, 0.0, None)
    depth = behind - gap
    middle = depth - 0.5 * sizes.sac_depth
    radius = np.hypot(middle / (0.5 * sizes.sac_depth), x / (0.5 * sizes.sac_width))
    sac = radius < 1.0
    cord = sac & _in_cord(scene, x, middle, z)
    roots = sac & ~cord & _in_roots(scene, x, depth, z)
    found.take(cord, CORD, CORD_LABEL)
    found.take(roots, CORD, CANAL_LABEL)
    found.take(sac, CSF, CANAL_LABEL)
    dura = radius < 1.0 + 0.6 * scale / (0.5 * sizes.sac_depth)
    canal = np.abs(x) < 0.62 * sizes.sac_width
    found.take((behind > 0.0) & (behind <= 0.8 * sizes.posterior_ligament) & canal, LIGAMENT)
    # The ligament bridges the hollow back of a body; fat and veins lie in front of it.
    found.take((behind <= 0.0) & (behind > -5.0 * scale) & (bow < 0.75) & canal, FAT)
    found.take(dura, LIGAMENT)
    end = _canal_end(scene, bow)
    found.take((behind > 0.0) & (behind < end) & canal, FAT)
    found.take((behind >= end) & (behind < end + sizes.flavum) & canal, LIGAMENT)


def _canal_end(scene: Scene, bow: np.ndarray) -> np.ndarray:
    """Depth behind the bodies [mm] at which the yellow ligament and the laminae begin."""
    sizes = scene.spine.sizes
    return sizes.posterior_ligament + sizes.sac_depth + 1.3 * sizes.scale + sizes.posterior_fat * bow


def _in_cord(scene: Scene, x: np.ndarray, middle: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The conus, which ends at L1-L2 and tapers over 25 mm above its end."""
    sizes, last = scene.spine.sizes, scene.spine.discs[-1]
    if last.level != "L1-L2":
        return np.zeros(len(z), dtype=bool)
    taper = np.clip((z - last.origin[2]) / (25.0 * sizes.scale), 0.0, 1.0)
    radius = 0.5 * sizes.cord_width * taper
    return np.hypot(1.25 * middle, x) < radius


def _in_roots(scene: Scene, x: np.ndarray, depth: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Roots of the cauda equina: strands that lie at the back of the sac of a patient on their back, fewer further down."""
    sizes = scene.spine.sizes
    share = depth / sizes.sac_depth
    wave = np.sin(0.11 * z / sizes.scale + 0.5 * x / sizes.scale) + 0.5 * np.sin(0.043 * z / sizes.scale + 1.0)
    strand = np.sin(2.0 * np.pi * (depth + 0.55 * sizes.scale * wave) / (1.9 * sizes.scale) + 0.9 * x / sizes.scale)
    begin = 0.5 + 0.06 * np.sin(0.05 * z / sizes.scale)
    return (share > begin) & (share < 0.93) & (strand > 0.15) & (np.abs(x) < 0.4 * sizes.sac_width)


def _take_back(scene: Scene, found: Samples, x: np.ndarray, behind: np.ndarray, bow: np.ndarray) -> None:
    """Spinous processes, the ligaments and fat between them, the fat under the skin."""
    sizes = scene.spine.sizes
    begin = _canal_end(scene, bow) + sizes.flavum
    end = sizes.posterior_ligament + sizes.sac_depth + sizes.flavum + sizes.spinous_length + 2.0 * sizes.scale
    for vertebra in scene.spine.vertebrae:
        depth = _spinous_depth(scene, vertebra, found.points, x, behind)
        name = VERTEBRA_LABELS.get(vertebra.name, 0)
        found.take(depth > 1.1 * sizes.scale, MARROW, name)
        found.take(depth > 0.0, LIGAMENT, name)
    between = (behind >= begin) & (behind < end) & (np.abs(x) < 0.5 * sizes.spinous_width)
    inside = np.nonzero(between & found.free)[0]
    sheared = found.points[inside] + np.array([0.0, 0.0, 0.45]) * behind[inside, None]
    streak = smooth_field(sheared, 2.5 * sizes.scale, 9.0 * sizes.scale, _STREAKS, (1.0, 3.0, 0.6))
    fatty = np.zeros(len(x), dtype=bool)
    fatty[inside[streak > 0.55]] = True
    found.take(fatty, FAT)
    found.take(between, MUSCLE)
    found.take((behind >= end) & (behind < end + 2.0 * sizes.scale) & (np.abs(x) < 4.0 * sizes.scale), LIGAMENT)
    skin = sizes.skin_depth
    found.take((behind >= end) & (behind < skin - 2.0 * sizes.scale), FAT)
    found.take((behind >= skin - 2.0 * sizes.scale) & (behind < skin), MUSCLE)
    found.kind[(behind >= skin) & found.free] = BLOOD  # air gives no signal, and neither does flowing blood


def _spinous_depth(
    scene: Scene, vertebra: Vertebra, points: np.ndarray, x: np.ndarray, behind: np.ndarray
) -> Float[np.ndarray, "points"]:
    """Depth below the surface of a spinous process: a rounded plate that falls backward; negative outside."""
    sizes = scene.spine.sizes
    start = sizes.posterior_ligament + sizes.sac_depth + sizes.flavum + 1.0 * sizes.scale
    along = behind - start - 0.5 * sizes.spinous_length
    rise = points @ vertebra.up - vertebra.centre @ vertebra.up + sizes.spinous_drop + 0.12 * along
    half = np.array([0.5 * sizes.spinous_length, 0.5 * sizes.spinous_height, 0.5 * sizes.spinous_width])
    # Higher at its free end, as lumbar processes are.
    height = half[1] * (0.82 + 0.18 * np.clip(along / half[0], -1.0, 1.0))
    faces = np.stack([np.abs(along) - half[0], np.abs(rise) - height, np.abs(x) - half[2]])
    return rounded_depth(faces, 3.0 * sizes.scale)


def _take_front(scene: Scene, found: Samples, x: np.ndarray, z: np.ndarray, before: np.ndarray) -> None:
    """Anterior ligament, the fat behind the large vessel, the vessel down to its fork at L4, and what lies before it."""
    sizes = scene.spine.sizes
    found.take((before > -2.0 * sizes.cortex) & (before < sizes.anterior_ligament), LIGAMENT)
    wall = sizes.anterior_ligament + sizes.prevertebral_fat
    fork = scene.spine.treated.origin[2]
    for vertebra in scene.spine.vertebrae:
        if vertebra.name == "L4":
            fork = vertebra.centre[2]
    round_end = np.clip((z - fork) / sizes.vessel, 0.0, 1.0)
    radius = 0.5 * sizes.vessel * np.sqrt(round_end)
    lumen = np.hypot(before - wall - 0.5 * sizes.vessel, x - 4.0 * sizes.scale)
    found.take((radius > 0.0) & (lumen < radius - 1.0 * sizes.scale), BLOOD)
    found.take((radius > 0.0) & (lumen < radius), MUSCLE)
    far = np.nonzero((before > wall + 0.4 * sizes.vessel) & found.free)[0]
    gut = smooth_field(found.points[far], 7.0 * sizes.scale, 26.0 * sizes.scale, _GUT)
    soft = np.zeros(len(x), dtype=bool)
    soft[far[np.abs(gut) < 0.45]] = True
    found.take(soft, MUSCLE)
    found.take(before >= sizes.anterior_ligament, FAT)
