r"""What the matrix means for water, charge, salt, stiffness and images (cells_matrix 2.7; rulings 3, 7; mechanics_imaging 4.1).

.. math::

    \varphi_w &= 0.663 + 0.0028\, X \ (\text{nucleus}), \quad 0.545 + 0.0042\, X \ (\text{annulus}), \qquad X = A + A_f \\
    c &= 0.0038\, X / \varphi_w \\
    Osm &= Osm(t_0) + 1000 \left[\sqrt{c^2 + 0.3^2} - \sqrt{c(t_0)^2 + 0.3^2}\right] \\
    E_{rel} &= 0.45\, (c / c_{ref})^{1.3} + 0.25\, K_2 / K_{2, ref} + 0.30\, S \\
    1 / T_2 &= 83.8\, s^{1.967}, \qquad s = 1.43\, (1 - \varphi_w) / \varphi_w

Water and modulus are fallback laws until mechanics gives them. The water here is that of composition, never the water of transport
(rulings 2).
"""

from __future__ import annotations

import jax.numpy as jnp

from pulposus.cells._arrays import Field, Scalar
from pulposus.matrix._matrix_parameters import Composition, T2Law

_MILLISECONDS = 1000.0
_MILLIOSMOLE_PER_MILLIEQUIVALENT_PER_ML = 1000.0


def composition_water(
    glycosaminoglycan: Field, shares: tuple[Field, Field, Field], endplate_water: Scalar, law: Composition
) -> Field:
    """phi_w, water by volume; the endplate keeps that of its grade.

    Args:
        glycosaminoglycan: X [mg/mL].
        shares: Volume shares of nucleus, annulus and endplate at every node.
        endplate_water: Water fraction of the cartilage endplate.
        law: Constants.
    """
    nucleus, annulus, endplate = shares
    in_nucleus = jnp.clip(law.nucleus_base + law.nucleus_slope * glycosaminoglycan, law.lowest, law.highest)
    in_annulus = jnp.clip(law.annulus_base + law.annulus_slope * glycosaminoglycan, law.lowest, law.highest)
    return nucleus * in_nucleus + annulus * in_annulus + endplate * endplate_water


def fixed_charge(glycosaminoglycan: Field, water: Field, law: Composition) -> Field:
    """c = 0.0038 X / phi_w [mEq per mL of water]; 0 where there is no tissue."""
    some = water > 0.0
    return jnp.where(some, law.charge * glycosaminoglycan / jnp.where(some, water, 1.0), 0.0)


def osmolarity(charge: Field, charge_at_start: Field, at_start: Field, law: Composition) -> Field:
    """Osmolarity that follows the fixed charge by the Donnan law from its value at the start [mOsm].

    Args:
        charge, charge_at_start: c now and at the start [mEq/mL].
        at_start: Osmolarity at the start, that of the grade [mOsm].
        law: Constants.
    """
    salt = (2.0 * law.external_salt) ** 2
    change = jnp.sqrt(charge**2 + salt) - jnp.sqrt(charge_at_start**2 + salt)
    return at_start + _MILLIOSMOLE_PER_MILLIEQUIVALENT_PER_ML * change


def relative_modulus(charge_ratio: Field, collagen_ratio: Field, order: Field, law: Composition) -> Field:
    """E_rel, modulus over that of the healthy disc.

    Args:
        charge_ratio: Fixed charge of the nucleus over the healthy one.
        collagen_ratio: Collagen II of the nucleus over the healthy one.
        order: Order of the annulus.
        law: Constants.
    """
    return (
        law.charge_share * charge_ratio**law.charge_exponent
        + law.collagen_share * collagen_ratio
        + law.order_share * order
    )


def relative_strength(order: Field, fissure: Field) -> Field:
    """S (1 - w) of the annulus."""
    return order * (1.0 - fissure)


def t2_relaxation(water: Field, annulus_share: Field, law: T2Law) -> Field:
    """T2 of nucleus and annulus [ms] from their water fraction; the rate of a mixed node is weighed by volume.

    Args:
        water: phi_w, above 0 and below 1.
        annulus_share: Volume share of the annulus.
        law: Constants.
    """
    solid = law.dry_density * (1.0 - water) / water
    rate = law.nucleus_rate + annulus_share * (law.annulus_rate - law.nucleus_rate)
    return _MILLISECONDS / (rate * solid**law.exponent)
