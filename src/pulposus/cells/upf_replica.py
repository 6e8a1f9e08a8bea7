r"""Replica of the death law of the UPF code, hard switches and all (transport 4; rulings 13, 36).

.. math::

    k_G &= 2 k_0 \frac{(G_t - G)^+}{G + K(r)} \\
    K(r) &= \frac{K_s}{2} \left[1 - \frac{r - r_0}{\sqrt{(r - r_0)^2 + \delta^2}}\right] \\
    k_{pH} &= k_a \text{ if } \mathrm{pH} < \mathrm{pH}^* \text{ else } 0

with the cell density r in 10^6/mL (https://github.com/bmmbUPF/abaqusIVD). The half constant K(r) makes death almost
instantaneous above 4 and is stiff; the laws of this package use a constant K and a smooth acid switch instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._death import glucose_death
from pulposus.cells._parameters import AcidDeath, GlucoseDeath, read

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class UpfDeath(eqx.Module):
    """Constants of the replica.

    Attributes:
        rate: k0 [1/day].
        threshold: G_t [mM].
        half_scale: K_s [mM].
        density_midpoint: r0 [10^6/mL].
        density_width: delta [10^6/mL].
    """

    rate: Scalar
    threshold: Scalar
    half_scale: Scalar
    density_midpoint: Scalar
    density_width: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> UpfDeath:
        """Constants of the newer property files."""
        (rate,) = read(parameters, "cells.native.", "glucose_death_rate")
        names = ("glucose_threshold", "glucose_half_scale", "density_midpoint", "density_width")
        return cls(rate, *read(parameters, "cells.upf_replica.", *names))


def half_constant(density: ArrayLike, law: UpfDeath) -> Field:
    """K(r) [mM] at a cell density [10^6/mL]."""
    excess = as_field(density) - law.density_midpoint
    return 0.5 * law.half_scale * (1.0 - excess / jnp.hypot(excess, law.density_width))


def density_dependent_glucose_death(glucose: ArrayLike, density: ArrayLike, law: UpfDeath) -> Field:
    """k_G with the half constant of the density [1/day]."""
    constant = GlucoseDeath(law.rate, law.threshold, half_constant(density, law))
    return glucose_death(as_field(glucose), constant)


def hard_acid_death(pH: ArrayLike, law: AcidDeath) -> Field:
    """k_pH, all or nothing at the midpoint of the smooth law [1/day]."""
    return jnp.where(as_field(pH) < law.midpoint, law.rate, 0.0)
