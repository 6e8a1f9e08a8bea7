r"""Transport properties of a tissue from its composition and its deformation (transport 1.5 and 6).

Water volume fraction :math:`\varphi` from the mass fraction :math:`w` of water or the void ratio :math:`e_v`; under a volume ratio
:math:`J` the solid keeps its volume and the cells their number; the diffusivity may follow a measured law of compressive strain
:math:`\varepsilon` instead:

.. math::

    \varphi = \frac{w \rho_s}{1 - w + w \rho_s}, \qquad \varphi = \frac{e_v}{1 + e_v}, \qquad
    \varphi(J) = \frac{\varphi_0 - 1 + J}{J}, \qquad \rho(J) = \rho_0 \frac{v}{J}, \qquad
    D(\varepsilon) = D(0)\, e^{-s \varepsilon}

with the density of the solid :math:`\rho_s` over that of water and the viability :math:`v`. Nothing here is applied by default.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401

# A number, NumPy or JAX: these laws are arithmetic and do not care.
Numbers = Any


def water_fraction_of_mass(mass_fraction: Numbers, solid_density: Numbers) -> Numbers:
    """Water volume fraction from the mass fraction of water.

    Args:
        mass_fraction: Mass of water over the mass of the wet tissue.
        solid_density: Density of the dry tissue [g/mL]; water has 1 g/mL.
    """
    water = mass_fraction * solid_density
    return water / (1.0 - mass_fraction + water)


def water_fraction_of_void_ratio(void_ratio: Numbers) -> Numbers:
    """Water volume fraction from the volume of water over that of the solid."""
    return void_ratio / (1.0 + void_ratio)


def deformed_water_fraction(water_fraction: Numbers, volume_ratio: Numbers) -> Numbers:
    """Water volume fraction after a deformation that leaves the volume of the solid.

    Args:
        water_fraction: Before the deformation.
        volume_ratio: Volume after over before, J; above 1 - `water_fraction`, where no water would be left.
    """
    return (water_fraction - 1.0 + volume_ratio) / volume_ratio


def deformed_cell_density(cell_density: Numbers, volume_ratio: Numbers, viability: Numbers = 1.0) -> Numbers:
    """Living cells per volume of deformed tissue.

    Args:
        cell_density: Cells per volume before the deformation.
        volume_ratio: Volume after over before, J.
        viability: Living share of the cells.
    """
    return cell_density * viability / volume_ratio


def strained_diffusivity(
    diffusivity: Float[Array, "*shape"], strain: Float[Array, "*shape"], sensitivity: Float[Array, ""] | float
) -> Float[Array, "*shape"]:
    """Diffusivity under compression by the empirical law, in place of the Mackie-Meares law of the deformed water fraction.

    Fitted in bovine annulus between 0 and 20 % for glucose (transport 6, https://metajournal.com/articles/394217) and between 4.7 and
    23.7 % for oxygen (PMC2719819); there is no measurement for lactate.

    Args:
        diffusivity: At the reference of the strain.
        strain: Compressive strain, positive where compressed.
        sensitivity: `nutrition.strain_sensitivity` of the solute.
    """
    return diffusivity * jnp.exp(-sensitivity * strain)
