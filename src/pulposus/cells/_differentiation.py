r"""Differentiation of attached donor cells into nucleus-like cells (cells_matrix 2.4; rulings 15).

.. math::

    k_{dif} &= k_0 \left(1 + a_T \frac{T}{T + K_T}\right) \left(1 + a_N \frac{n}{n + K_n}\right) (o + O_h)\, Y_{env} \\
    Y_{env} &= \frac{H(\mathrm{pH}; \mathrm{pH}_d, d)}{1 + a_c c}

:math:`O_h` is 1 below 5 kPa, falls linearly to 0.5 at 20 kPa and stays there. Human stem cells put
into bovine nucleus explants became nucleus-like without an added factor within 28 days (Le Maitre 2009,
https://doi.org/10.1186/ar2611).
"""

from __future__ import annotations

import jax.numpy as jnp

from pulposus.cells._arrays import Field
from pulposus.cells._death import switch
from pulposus.cells._environment import Environment
from pulposus.cells._parameters import Differentiation


def oxygen_support(oxygen: Field, law: Differentiation) -> Field:
    """O_h: 1 at low oxygen, linear down to its floor."""
    share = jnp.clip((oxygen - law.oxygen_low) / (law.oxygen_high - law.oxygen_low), 0.0, 1.0)
    return 1.0 - (1.0 - law.oxygen_floor) * share


def environment_yield(environment: Environment, law: Differentiation) -> Field:
    """Y_env = H(pH; pH_d, d) / (1 + a_c c)."""
    return switch(environment.pH, law.acid_midpoint, law.acid_width) / (1.0 + law.cytokine_gain * environment.cytokine)


def differentiation_rate(environment: Environment, native: Field, law: Differentiation) -> Field:
    """k_dif before the factor of the source [1/day]; `native` is the density of native cells in contact [10^6/mL]."""
    factor = 1.0 + law.growth_factor_gain * environment.growth_factor / (
        environment.growth_factor + law.growth_factor_half
    )
    contact = 1.0 + law.contact_gain * native / (native + law.contact_half)
    oxygen = law.oxygen_offset + oxygen_support(environment.oxygen, law)
    return law.rate * factor * contact * oxygen * environment_yield(environment, law)
