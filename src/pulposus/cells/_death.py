r"""Death of cells by starvation, acid and salt (cells_matrix 2.1, 2.4; transport 4; rulings 13, 15).

.. math::

    k_g &= 2 k_0 \frac{(g^* - g)^+}{g + K} \\
    k_a &= k_a^{max} H(\mathrm{pH}^* - \mathrm{pH}; 0, d) \\
    k_o &= k_o^{max} H(\mathrm{Osm} - \mathrm{Osm}^*; 0, d)

with the smooth switch :math:`H(x; x_0, d) = 1 / (1 + e^{-(x - x_0) / d})`. Oxygen does not kill: cells survive without
it while they have glucose (Bibby and Urban 2004, https://www.dpag.ox.ac.uk/publications/238241). The glucose and acid
laws are those of https://github.com/bmmbUPF/abaqusIVD with the acid threshold smoothed. Rates add.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field
from pulposus.cells._parameters import AcidDeath, GlucoseDeath, OsmoticDeath


def switch(value: ArrayLike, midpoint: ArrayLike, width: ArrayLike) -> Field:
    """H(x; x0, d) = 1 / (1 + exp(-(x - x0) / d)), the smooth step of every law."""
    return jax.nn.sigmoid((jnp.asarray(value) - midpoint) / width)


def glucose_death(glucose: Field, law: GlucoseDeath) -> Field:
    """k_g = 2 k0 (g* - g)+ / (g + K) [1/day].

    A solve without glucose limiter may leave glucose below zero (rulings 29); such a cell starves as at zero.
    """
    available = jnp.maximum(glucose, 0.0)
    return 2.0 * law.rate * jnp.maximum(law.threshold - available, 0.0) / (available + law.half)


def acid_death(pH: Field, law: AcidDeath) -> Field:
    """k_a = k_a_max H(pH* - pH; 0, d) [1/day]."""
    return law.rate * switch(law.midpoint - pH, 0.0, law.width)


def osmotic_death(osmolarity: Field, law: OsmoticDeath) -> Field:
    """k_o = k_o_max H(Osm - Osm*; 0, d) [1/day]; attached donor cells only."""
    return law.rate * switch(osmolarity, law.midpoint, law.width)
