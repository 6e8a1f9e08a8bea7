"""Smooth random fields for the natural look of tissue: sums of plane waves with random directions, lengths and phases.

They are decoration: seeded, without information, the same on every machine.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_WAVES = 36


def smooth_field(
    points: Float[np.ndarray, "points 3"],
    finest: float,
    coarsest: float,
    seed: int,
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Float[np.ndarray, "points"]:
    """A random field of mean 0 and standard deviation 1.

    Args:
        points: Positions [mm].
        finest, coarsest: Wave lengths [mm], evenly spread on a logarithmic scale.
        seed: Of directions, lengths and phases.
        stretch: Factors on the wave length along the axes.
    """
    random = np.random.Generator(np.random.Philox(seed))
    direction = random.standard_normal((_WAVES, 3)) / np.asarray(stretch)
    direction /= np.linalg.norm(direction * np.asarray(stretch), axis=1, keepdims=True)
    length = np.exp(random.uniform(np.log(finest), np.log(coarsest), _WAVES))
    phase = random.uniform(0.0, 2.0 * np.pi, _WAVES)
    total = np.zeros(len(points))
    for (across, along, up), wave, start in zip(direction, length, phase, strict=True):
        factor = 2.0 * np.pi / wave
        total += np.sin(factor * (across * points[:, 0] + along * points[:, 1] + up * points[:, 2]) + start)
    return np.sqrt(2.0 / _WAVES) * total
