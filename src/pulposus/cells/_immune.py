r"""Immune kill of donor cells (cells_matrix 2.4).

.. math::

    k_{imm} = k_i \,[a_0 + (1 - a_0) \max(w_{AF}, w_{EP})]\, R(t), \qquad R = H(t; t_i, d)

The disc is privileged while it is intact; fissures and endplate defects open it. Unmatched cells raised
killing antibodies in horses (Berglund 2017, https://pmc.ncbi.nlm.nih.gov/articles/PMC5425313), and human cells in
rabbit discs fell after four weeks (Tao 2016, Biomed Rep 5:357).
"""

from __future__ import annotations

import jax.numpy as jnp

from pulposus.cells._arrays import Field, Scalar
from pulposus.cells._death import switch
from pulposus.cells._environment import Environment
from pulposus.cells._product import Product


def immune_access(environment: Environment, privilege: Scalar) -> Field:
    """Exposure a = a0 + (1 - a0) max(w_AF, w_EP)."""
    return privilege + (1.0 - privilege) * jnp.maximum(environment.annulus_opening, environment.endplate_opening)


def sensitisation(time: Scalar, delay: Scalar, width: Scalar) -> Scalar:
    """R = H(t; t_i, d), 0 to 1."""
    return switch(time, delay, width)


def immune_kill(environment: Environment, time: Scalar, width: Scalar, product: Product) -> Field:
    """k_imm [1/day]; acts on attached and differentiated cells."""
    return (
        product.immune_rate
        * immune_access(environment, product.privilege)
        * sensitisation(time, product.immune_delay, width)
    )
