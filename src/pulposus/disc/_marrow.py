r"""Marrow contact of the bony endplate as a relative supply (transport 3.2).

Solutes enter through windows of radius :math:`a` that cover the share :math:`f` of the interface. Parallel absorbing discs, each of
conductance :math:`4 D a`, with a first interaction correction :math:`1 - f`, give the film coefficient and, in series with the cartilage
endplate of thickness :math:`t`, the relative supply

.. math:: k = \frac{4 D f}{\pi a (1 - f)}, \qquad P = \frac{k}{k + D/t} .

:math:`k` is proportional to :math:`D`, so one :math:`P` serves every solute. A contact of 10 % costs much less than 90 % of the supply.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float


def marrow_window_film(fraction: float, radius: float) -> float:
    """Film coefficient of the windows over the diffusivity of the cartilage endplate, k/D [1/mm].

    Args:
        fraction: Share of the interface in contact with marrow, above 0 and below 1.
        radius: Radius of a window [mm].
    """
    return 4.0 * fraction / (math.pi * radius * (1.0 - fraction))


def marrow_window_supply(
    fraction: float, radius: float, thickness: Float[np.ndarray, "columns"]
) -> Float[np.ndarray, "columns"]:
    """Relative supply P of an endplate that touches marrow in windows only.

    Args:
        fraction: Share of the interface in contact with marrow, above 0 and below 1.
        radius: Radius of a window [mm].
        thickness: Thickness of the cartilage endplate [mm].
    """
    film = marrow_window_film(fraction, radius) * thickness
    return film / (1.0 + film)
