r"""Free cells: they leak through the track, attach or die unattached while the gel disappears (cells_matrix 2.3).

.. math::

    \dot b &= -b \ln 2 / t_{gel} \\
    w_{track} &= w_0 e^{-t / t_{seal}} \\
    \dot m_F &= -(k_{leak}(b)\, w_{track}\, c_{leak}\, \mathrm{load} + k_{att}(b) + k_{an} + k_d)\, m_F

with :math:`k(b) = k_{saline} + b\,(k_{carrier} - k_{saline})` for leak and attachment (rulings 14, 15).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, Scalar
from pulposus.cells._product import Product


def gel_fraction(time: Scalar, half_life: Scalar) -> Scalar:
    """Gel left, b = exp(-ln 2 t / t_gel); zero for a carrier without gel (t_gel = 0)."""
    has_gel = half_life > 0.0
    return jnp.where(has_gel, jnp.exp2(-time / jnp.where(has_gel, half_life, 1.0)), 0.0)


def track_weight(time: Scalar, initial: Scalar, seal_time: Scalar) -> Scalar:
    """w_track = w0 exp(-t / t_seal)."""
    return initial * jnp.exp(-time / seal_time)


def attachment_rate(gel: Scalar, product: Product) -> Scalar:
    """k_att(b) [1/day]."""
    return product.saline.attachment_rate + gel * (product.carrier.attachment_rate - product.saline.attachment_rate)


def leak_rate(gel: Scalar, track: Scalar, load: Field, weight: ArrayLike, product: Product) -> Field:
    """k_leak(b) w_track c_leak load [1/day]."""
    leak = product.saline.leak_rate + gel * (product.carrier.leak_rate - product.saline.leak_rate)
    return leak * track * weight * load
