r"""Growth of donor cells (cells_matrix 2.4; rulings 11, 15).

.. math::

    r_A &= r_0 e^{-t / \tau_m} P_g P_{pH} P_{os} P_{pot} \\
    P_g &= \frac{g}{g + K_g}, \quad P_{pH} = H(\mathrm{pH}; \mathrm{pH}_r, d), \quad
    P_{os} = H(\mathrm{Osm}_r - \mathrm{Osm}; 0, d)

times the crowding factor :math:`(1 - (m_F + m_A + m_D) / K_{geo})^+`. Directions: low pH and high osmolarity strongly
cut proliferation, low glucose does not (Wuertz 2009, https://pubmed.ncbi.nlm.nih.gov/19133233; Liang 2012,
https://pmc.ncbi.nlm.nih.gov/articles/PMC3338074).
"""

from __future__ import annotations

import jax.numpy as jnp

from pulposus.cells._arrays import Field, Scalar
from pulposus.cells._death import switch
from pulposus.cells._environment import Environment
from pulposus.cells._parameters import Growth
from pulposus.cells._product import Product


def mitogen_window(time: Scalar, law: Growth) -> Scalar:
    """exp(-t / tau_m): the serum or mitogen of the culture wears off."""
    return jnp.exp(-time / law.mitogen_window)


def glucose_support(glucose: Field, law: Growth) -> Field:
    """P_g = g / (g + K_g)."""
    available = jnp.maximum(glucose, 0.0)
    return available / (available + law.glucose_half)


def acid_support(pH: Field, law: Growth) -> Field:
    """P_pH = H(pH; pH_r, d)."""
    return switch(pH, law.acid_midpoint, law.acid_width)


def osmotic_support(osmolarity: Field, law: Growth) -> Field:
    """P_os = H(Osm_r - Osm; 0, d)."""
    return switch(law.osmolarity_midpoint - osmolarity, 0.0, law.osmolarity_width)


def growth_support(environment: Environment, law: Growth) -> Field:
    """P_g P_pH P_os, the share of growth that the disc allows."""
    return (
        glucose_support(environment.glucose, law)
        * acid_support(environment.pH, law)
        * osmotic_support(environment.osmolarity, law)
    )


def growth_rate(environment: Environment, time: Scalar, law: Growth, product: Product) -> Field:
    """r_A, uncrowded [1/day]."""
    rate = law.rate * mitogen_window(time, law) * product.potency * product.carrier.growth_factor
    return rate * growth_support(environment, law)


def crowding(donor: Field, capacity: Scalar) -> Field:
    """(1 - N / K_geo)+ with the donor cells only."""
    return jnp.maximum(1.0 - donor / capacity, 0.0)
