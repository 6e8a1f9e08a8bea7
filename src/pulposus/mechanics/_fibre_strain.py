r"""Strain of the annulus: stretch along the fibres, radial strain, shear in the plane of a lamella (mechanics_imaging 2.5).

.. math::

    \lambda_f = |F a_0|, \qquad \lambda_r = |F n|, \qquad \sin\gamma = \frac{F t \cdot F z'}{|F t|\,|F z'|}, \qquad
    n = t \times z'

of the elastic deformation from the stress-free configuration. Percentiles are over volume.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar
from pulposus.mechanics._disc_material import Points
from pulposus.mechanics._disc_places import ANNULUS, DEPTHS, SECTORS, DiscPlaces
from pulposus.mechanics._fibres import Fibres

_PERCENTILE = 0.95


class AnnulusStrain(eqx.Module):
    """Strain at the points; it means something in the annulus only.

    Attributes:
        fibre_stretch: lambda_f of the family that is stretched more.
        radial_strain: lambda_r - 1, across the lamellae.
        in_plane_shear: gamma, change of the angle between the circumference and the axis [rad].
    """

    fibre_stretch: Points
    radial_strain: Points
    in_plane_shear: Points


def annulus_strain(F: Float[Array, "elements points 3 3"], fibres: Fibres) -> AnnulusStrain:
    """Strains of all points.

    Args:
        F: Elastic deformation gradient.
        fibres: With their directions at every point, (elements, points, 2, 3).
    """
    first, second = fibres.directions[..., 0, :], fibres.directions[..., 1, :]

    def pulled(direction: Float[Array, "elements points 3"]) -> Float[Array, "elements points 3"]:
        return jnp.einsum("epij,epj->epi", F, direction)

    def length(vector: Float[Array, "elements points 3"]) -> Points:
        return jnp.sqrt(jnp.sum(vector**2, axis=-1))

    def unit(vector: Float[Array, "elements points 3"]) -> Float[Array, "elements points 3"]:
        return vector / length(vector)[..., None]

    tangent, upward = unit(first + second), unit(first - second)
    around, along = pulled(tangent), pulled(upward)
    return AnnulusStrain(
        fibre_stretch=jnp.maximum(length(pulled(first)), length(pulled(second))),
        radial_strain=length(pulled(jnp.cross(tangent, upward))) - 1.0,
        in_plane_shear=jnp.arcsin(jnp.sum(around * along, axis=-1) / (length(around) * length(along))),
    )


def weighted_percentile(values: Points, weights: Points, share: float = _PERCENTILE) -> Scalar:
    """Value that a share of the weight does not exceed, linear between the points.

    Args:
        values: Of the points.
        weights: Zero or positive; where all are zero the result is 0.
        share: 0 to 1.
    """
    flat, weight = values.ravel(), weights.ravel()
    # Points without weight are moved to the lower end, where they add nothing.
    order = jnp.argsort(jnp.where(weight > 0.0, flat, -jnp.inf))
    ordered, mass = flat[order], weight[order]
    total = jnp.sum(mass)
    middle = (jnp.cumsum(mass) - 0.5 * mass) / jnp.where(total > 0.0, total, 1.0)
    lowest = jnp.min(jnp.where(weight > 0.0, flat, jnp.inf))
    found = jnp.interp(share, middle, jnp.where(mass > 0.0, ordered, lowest))
    return jnp.where(total > 0.0, found, 0.0)


def annulus_percentile(values: Points, volume: Points, places: DiscPlaces) -> Scalar:
    """95th percentile over the volume of the annulus."""
    return weighted_percentile(values, volume * places.within(ANNULUS))


def percentile_by_part(values: Points, volume: Points, places: DiscPlaces) -> Float[Array, "sectors depths"]:
    """95th percentile in every one of `SECTORS` and `DEPTHS` of the annulus."""
    annulus = volume * places.within(ANNULUS)
    part = places.sector * len(DEPTHS) + places.depth_third

    def of(number: Array) -> Scalar:
        return weighted_percentile(values, jnp.where(part == number, annulus, 0.0))

    return jax.lax.map(of, jnp.arange(len(SECTORS) * len(DEPTHS))).reshape(len(SECTORS), len(DEPTHS))
