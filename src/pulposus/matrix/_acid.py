r"""Acid slows the synthesis of proteoglycan and of the enzymes' inhibitors (cells_matrix 2.6, 2.7).

.. math:: f_{pH} = \frac{H(\mathrm{pH}; x_0, d)}{H(7.2; x_0, d)}, \qquad H(x; x_0, d) = \frac{1}{1 + e^{-(x - x_0)/d}}

It is 1 at pH 7.2. Sulphated glycosaminoglycan and TIMP-1 fell by more than 90 % from pH 7.2 to 6.4 (Razaq 2003,
https://www.dpag.ox.ac.uk/publications/113772).
"""

from __future__ import annotations

from jax.typing import ArrayLike

from pulposus.cells._arrays import Field
from pulposus.cells._death import switch

# The pH of the control, to which the data are relative: it defines the unit of the factor and is no property of a disc.
_UNIT_PH = 7.2


def acid_factor(pH: ArrayLike, midpoint: ArrayLike, width: ArrayLike) -> Field:
    """f_pH; above 1 in alkaline tissue."""
    return switch(pH, midpoint, width) / switch(_UNIT_PH, midpoint, width)
