r"""Metabolism of disc cells: oxygen, lactate and glucose rates and their derivatives.

Rates of 10^6 native cells (Bibby et al. 2005, doi:10.1097/01.brs.0000154619.38122.47, as coded in the UPF model; transport 1.2), in
nmol per hour, with the oxygen tension :math:`p` in kPa and :math:`\mathrm{pH} = \mathrm{pH}_0 - L / \alpha`:

.. math::

    q_O &= \frac{a\, p\, (\mathrm{pH} - b)^+}{k + p + s\, (\mathrm{pH} - b)^+} \\
    q_L &= \exp(c_0 + c_1 \mathrm{pH} + c_2 p + c_3 p^2)\; m(G), \qquad m(G) = \frac{G^+}{G^+ + K_{lim}} \\
    q_G &= q_L / 2

Outside the physical range the laws are continued, never clipped (performance: clamping stalls Newton): :math:`q_O` continues linearly below
zero oxygen, :math:`q_L` with the value of zero oxygen there, and the limiter linearly below zero glucose. A converged solution lies
inside the range, where the continuation is not used; with :math:`K_{lim} = 0` the limiter is one everywhere and glucose may go negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from pulposus import _backend  # noqa: F401

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

# 1 nmol/(10^6 cells h) in 10^6 cells/mL is 1 nmol/(mL h) = 1e-3 mM/h = 0.024 mM/day.
MILLIMOLAR_PER_DAY = 0.024

Scalar = Float[Array, ""]


def _array(value: ArrayLike) -> Array:
    """A float64 array: a Python number inside a PyTree would be a new compilation for every value."""
    return jnp.asarray(value, dtype=jnp.float64)


class Kinetics(eqx.Module):
    """Constants of the metabolic laws.

    Attributes:
        oxygen_amplitude, oxygen_half_base, oxygen_acid_offset, oxygen_half_slope: a, k, b, s of the oxygen law.
        lactate_constant, lactate_acid, lactate_oxygen, lactate_oxygen_squared: c0 to c3 of the lactate law.
        glucose_limiter: Half constant of the limiter [mM]; 0 switches it off.
        neutral_pH: pH at zero lactate.
        lactate_per_pH: Lactate per unit of pH [mM].
        oxygen_solubility: Oxygen per tension [mM/kPa].
    """

    oxygen_amplitude: Scalar = eqx.field(converter=_array)
    oxygen_half_base: Scalar = eqx.field(converter=_array)
    oxygen_acid_offset: Scalar = eqx.field(converter=_array)
    oxygen_half_slope: Scalar = eqx.field(converter=_array)
    lactate_constant: Scalar = eqx.field(converter=_array)
    lactate_acid: Scalar = eqx.field(converter=_array)
    lactate_oxygen: Scalar = eqx.field(converter=_array)
    lactate_oxygen_squared: Scalar = eqx.field(converter=_array)
    glucose_limiter: Scalar = eqx.field(converter=_array)
    neutral_pH: Scalar = eqx.field(converter=_array)
    lactate_per_pH: Scalar = eqx.field(converter=_array)
    oxygen_solubility: Scalar = eqx.field(converter=_array)

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> Kinetics:
        """Constants from the parameter files."""

        def value(name: str) -> float:
            return parameters.value(f"nutrition.kinetics.{name}")

        return cls(
            oxygen_amplitude=value("oxygen_amplitude"),
            oxygen_half_base=value("oxygen_half_base"),
            oxygen_acid_offset=value("oxygen_acid_offset"),
            oxygen_half_slope=value("oxygen_half_slope"),
            lactate_constant=value("lactate_constant"),
            lactate_acid=value("lactate_acid"),
            lactate_oxygen=value("lactate_oxygen"),
            lactate_oxygen_squared=value("lactate_oxygen_squared"),
            glucose_limiter=parameters.value("nutrition.glucose_limiter"),
            neutral_pH=value("neutral_pH"),
            lactate_per_pH=value("lactate_per_pH"),
            oxygen_solubility=parameters.value("nutrition.oxygen_solubility"),
        )


def acidity(kinetics: Kinetics, lactate: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """pH from lactate [mM]."""
    return kinetics.neutral_pH - lactate / kinetics.lactate_per_pH


def oxygen_consumption(
    kinetics: Kinetics, oxygen: Float[Array, "*shape"], pH: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Oxygen use [nmol per 10^6 cells and hour] at a tension [kPa] and pH."""
    excess = jnp.maximum(pH - kinetics.oxygen_acid_offset, 0.0)
    half = kinetics.oxygen_half_base + kinetics.oxygen_half_slope * excess
    present = jnp.maximum(oxygen, 0.0)
    saturated = kinetics.oxygen_amplitude * present * excess / (half + present)
    return saturated + kinetics.oxygen_amplitude * excess / half * jnp.minimum(oxygen, 0.0)


def lactate_production(
    kinetics: Kinetics, oxygen: Float[Array, "*shape"], pH: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Lactate production without the limiter [nmol per 10^6 cells and hour]."""
    present = jnp.maximum(oxygen, 0.0)
    return jnp.exp(
        kinetics.lactate_constant
        + kinetics.lactate_acid * pH
        + kinetics.lactate_oxygen * present
        + kinetics.lactate_oxygen_squared * present**2
    )


def glucose_limitation(kinetics: Kinetics, glucose: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Factor on lactate production and glucose use when glucose runs out; 1 everywhere without a limiter."""
    limiter = jnp.asarray(kinetics.glucose_limiter)
    limited = limiter > 0.0
    half = jnp.where(limited, limiter, 1.0)
    present = jnp.maximum(glucose, 0.0)
    factor = present / (present + half) + jnp.minimum(glucose, 0.0) / half
    return jnp.where(limited, factor, 1.0)


def metabolic_rates(kinetics: Kinetics, solutes: Float[Array, "3 *shape"]) -> Float[Array, "3 *shape"]:
    """Change of oxygen tension [kPa/day], lactate and glucose [mM/day] per 10^6 native cells in a millilitre.

    Args:
        kinetics: Constants.
        solutes: Oxygen tension [kPa], lactate and glucose [mM].
    """
    oxygen, lactate, glucose = solutes
    pH = acidity(kinetics, lactate)
    used_oxygen = oxygen_consumption(kinetics, oxygen, pH)
    made_lactate = lactate_production(kinetics, oxygen, pH) * glucose_limitation(kinetics, glucose)
    return MILLIMOLAR_PER_DAY * jnp.stack(
        [-used_oxygen / kinetics.oxygen_solubility, made_lactate, -0.5 * made_lactate]
    )
