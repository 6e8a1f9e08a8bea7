r"""Senescence of native cells (cells_matrix 2.1).

.. math::

    k_{sen} = k_0\, (1 + a_c c)\, (1 + a_a H(\mathrm{pH}_s - \mathrm{pH}; 0, d))\,
    \frac{1 + (\mathrm{Osm} - \mathrm{Osm}_0)^+ / \Delta}{1 + p}

Acid raises senescence markers in ten days (Biosci Rep BSR20181451), so does a hyper-osmolar medium
(https://pmc.ncbi.nlm.nih.gov/articles/PMC6753320); the paracrine factor p of donor cells slows it (cells_matrix 2.6). The numbers are
priors.
"""

from __future__ import annotations

import jax.numpy as jnp

from pulposus.cells._arrays import Field
from pulposus.cells._death import switch
from pulposus.cells._environment import Environment
from pulposus.cells._parameters import Senescence


def senescence_rate(environment: Environment, law: Senescence) -> Field:
    """k_sen [1/day]."""
    cytokine = 1.0 + law.cytokine_gain * environment.cytokine
    acid = 1.0 + law.acid_gain * switch(law.acid_midpoint - environment.pH, 0.0, law.acid_width)
    salt = 1.0 + jnp.maximum(environment.osmolarity - law.osmolarity_onset, 0.0) / law.osmolarity_scale
    return law.rate * cytokine * acid * salt / (1.0 + environment.paracrine)
