r"""Total stored energy of disc tissue and the stress that follows from it (mechanics_imaging 2.1).

.. math::

    \Psi(F, \mu) = W_{solid}(F) + \sum_\pm W_f(\lambda) + U(J) - \mu J, \qquad P = \frac{\partial \Psi}{\partial F}
        = \frac{\partial W}{\partial F} - (\pi + \mu) J F^{-T}

mu = p - pi is the chemical potential of water over its molar volume: 0 in the bath, in marrow and in the drained state. Stress is total
(solid and fluid); compression is negative. Stresses and tangents are derivatives taken by the machine, never written by hand.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from pulposus.mechanics._arrays import Scalar, Tensor, Vector, volume_ratio
from pulposus.mechanics._material import Material


def stored_energy(F: Tensor, material: Material) -> Scalar:
    """W_solid + W_fibres + U [MPa = mJ per mm3 of reference volume]; never negative.

    Args:
        F: Deformation gradient with det F above the solid fraction.
        material: The tissue.
    """
    energy = _isotropic(jnp.sum(F * F), volume_ratio(F), material)
    return energy if material.fibres is None else energy + material.fibres.energy(material.fibres.stretches(F))


def principal_energy(stretch: Vector, material: Material) -> Scalar:
    """The same where the specimen is stretched along its axes [MPa]."""
    energy = _isotropic(jnp.sum(stretch**2), jnp.prod(stretch), material)
    fibres = material.fibres
    return energy if fibres is None else energy + fibres.energy(fibres.principal_stretches(stretch))


def _isotropic(I1: Scalar, J: Scalar, material: Material) -> Scalar:
    return material.solid.energy(I1, J) + material.donnan.energy(J)


def nominal_stress(F: Tensor, mu: Scalar, material: Material) -> Tensor:
    """Total first Piola-Kirchhoff stress P [MPa], force per reference area.

    Args:
        F: Deformation gradient.
        mu: Chemical potential of water [MPa].
        material: The tissue.
    """

    def potential(gradient: Tensor) -> Scalar:
        return stored_energy(gradient, material) - mu * volume_ratio(gradient)

    return jax.grad(potential)(F)


def cauchy_stress(F: Tensor, mu: Scalar, material: Material) -> Tensor:
    """Total Cauchy stress sigma = P F^T / J [MPa], force per area now."""
    return nominal_stress(F, mu, material) @ F.T / volume_ratio(F)


def principal_stress(stretch: Vector, mu: Scalar, material: Material) -> Vector:
    """Total Cauchy stress along the axes of a specimen that is stretched along them [MPa].

    The two fibre families lie symmetrically to the axes, so there is no shear, and sigma_i = lambda_i (d Psi / d lambda_i) / J.
    """
    return jax.grad(principal_energy)(stretch, material) * stretch / jnp.prod(stretch) - mu


def confined_stress(stretch: Scalar, material: Material) -> Scalar:
    """Total axial stress of a drained specimen that is confined laterally [MPa]; true and nominal stress are the same."""

    def energy(axial: Scalar) -> Scalar:
        return principal_energy(jnp.ones(3).at[2].set(axial), material)

    return jax.grad(energy)(stretch)


def aggregate_modulus(stretch: Scalar, material: Material) -> Scalar:
    """H_A, slope of the confined stress over the stretch [MPa]; its osmotic part is included."""
    return jax.grad(confined_stress)(stretch, material)
