r"""Forces, water balances and tangents of quadratic elements (mechanics_imaging 2.1; rulings 44).

At a Gauss point, with the deformation gradient F, the potential mu and its reference gradient g = Grad mu,

.. math::

    \Pi &= J_g\, \Psi(F J_g^{-1/3}) - \mu J, \qquad P = \partial \Pi / \partial F \\
    q &= \Delta t\, k(J / J_g)\, J F^{-1} F^{-T} g = -\Delta t\, Q

and the residuals of the nodes a and corners c are

.. math:: r_a = \int P\, \nabla N_a, \qquad r_c = -\int M_c (J - J_{before}) + \nabla M_c \cdot q

The second carries a minus so that the tangent is symmetric but for the dependence of q on F. Growth keeps F_e = F J_g^(-1/3) and is matter
added without stress: osmosis, stiffness and permeability see J_e = J / J_g, the balance of water sees J. Tangents of a Gauss point are
taken by automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar, Tensor, Vector, volume_ratio
from pulposus.mechanics._energy import stored_energy
from pulposus.mechanics._material import Material
from pulposus.mesh._quadratic import CORNER_SHAPE, CORNER_SLOPE, SLOPE, QuadraticMesh

Points = Float[Array, "elements 27"]


class Geometry(NamedTuple):
    """Reference configuration of the elements.

    Attributes:
        slope: Gradients of the 20 functions, (elements, 27, 20, 3).
        corner_slope: Gradients of the 8 functions, (elements, 27, 8, 3).
        volume: Volume that every Gauss point stands for [mm3], (elements, 27).
    """

    slope: Float[Array, "elements 27 20 3"]
    corner_slope: Float[Array, "elements 27 8 3"]
    volume: Points


class Tissue(NamedTuple):
    """What the law needs at every Gauss point: material and growth."""

    material: Material
    growth: Points


class ElementTangent(NamedTuple):
    """Derivatives of the residuals of an element by its displacements (u) and potentials (m); None where there is no potential."""

    uu: Float[Array, "elements 20 3 20 3"]
    um: Float[Array, "elements 20 3 8"] | None
    mu: Float[Array, "elements 8 20 3"] | None
    mm: Float[Array, "elements 8 8"] | None


def geometry(mesh: QuadraticMesh, coordinates: Float[Array, "nodes 3"]) -> Geometry:
    """Gradients and volumes in the reference configuration."""
    inverse, volume = mesh.point_slopes(coordinates)
    slope = jnp.einsum("par,eprx->epax", jnp.asarray(SLOPE), inverse)
    return Geometry(slope, jnp.einsum("pcr,eprx->epcx", jnp.asarray(CORNER_SLOPE), inverse), volume)


def deformation_gradients(
    shape: Geometry, displacement: Float[Array, "elements 20 3"]
) -> Float[Array, "elements 27 3 3"]:
    """F = I + grad u."""
    return jnp.eye(3)[None, None] + jnp.einsum("eai,epax->epix", displacement, shape.slope)


def grown_energy(F: Tensor, material: Material, growth: Scalar) -> Scalar:
    """Jg Psi(F Jg^(-1/3)), energy per volume before growth [MPa]."""
    return growth * stored_energy(F / jnp.cbrt(growth), material)


def grown_stress(F: Tensor, mu: Scalar, material: Material, growth: Scalar) -> Tensor:
    """P [MPa], total first Piola-Kirchhoff stress."""

    def potential(gradient: Tensor) -> Scalar:
        return grown_energy(gradient, material, growth) - mu * volume_ratio(gradient)

    return jax.grad(potential)(F)


def moved_water(F: Tensor, slope: Vector, material: Material, growth: Scalar, dt: Scalar) -> Vector:
    """Minus dt Q: water that passes a reference area in a time step, towards the larger potential [mm]."""
    J = volume_ratio(F)
    cofactor = jnp.stack([jnp.cross(F[1], F[2]), jnp.cross(F[2], F[0]), jnp.cross(F[0], F[1])])
    # J F^-1 F^-T = cof^T cof / J
    return dt * material.permeability.at(J / growth) / J * (cofactor.T @ (cofactor @ slope))


def _flow_of(dt: Scalar) -> Callable[[Tensor, Vector, Material, Scalar], Vector]:
    """`moved_water` in a given time."""

    def flow(F: Tensor, slope: Vector, material: Material, growth: Scalar) -> Vector:
        return moved_water(F, slope, material, growth, dt)

    return flow


def point_energies(F: Float[Array, "elements 27 3 3"], tissue: Tissue) -> Points:
    """Stored energy per reference volume at every Gauss point [MPa]."""
    return _spread(grown_energy, F, tissue.material, tissue.growth)


def _spread(law: Callable[..., Any], *arguments: Any) -> Any:
    """A law of one point at all points of all elements."""
    return jax.vmap(jax.vmap(law))(*arguments)


def solid_residual(
    shape: Geometry, tissue: Tissue, F: Float[Array, "elements 27 3 3"], mu: Points
) -> Float[Array, "elements 20 3"]:
    """r_a of every element [N]."""
    stress = _spread(grown_stress, F, mu, tissue.material, tissue.growth)
    return jnp.einsum("ep,epix,epax->eai", shape.volume, stress, shape.slope)


def water_residual(
    shape: Geometry,
    tissue: Tissue,
    F: Float[Array, "elements 27 3 3"],
    potential: Float[Array, "elements 8"],
    volume_before: Points,
    dt: Scalar | None,
) -> Float[Array, "elements 8"]:
    """r_c of every element [mm3]; without flow where dt is None."""
    gained = _spread(volume_ratio, F) - volume_before
    balance = -jnp.einsum("ep,ep,pc->ec", shape.volume, gained, jnp.asarray(CORNER_SHAPE))
    if dt is None:
        return balance
    slope = jnp.einsum("ec,epcx->epx", potential, shape.corner_slope)
    passing = _spread(_flow_of(dt), F, slope, tissue.material, tissue.growth)
    return balance - jnp.einsum("ep,epx,epcx->ec", shape.volume, passing, shape.corner_slope)


def solid_tangent(
    shape: Geometry, tissue: Tissue, F: Float[Array, "elements 27 3 3"], mu: Points
) -> Float[Array, "elements 20 3 20 3"]:
    """dr_a / du_b of every element [N/mm]."""
    slopes = (
        _spread(jax.jacfwd(grown_stress), F, mu, tissue.material, tissue.growth)
        * shape.volume[..., None, None, None, None]
    )
    # [element, point, J, i, node, k]: a sum of three products, cheaper than as a product of tiny matrices.
    half = sum(jnp.einsum("epiJk,epb->epJibk", slopes[..., axis], shape.slope[..., axis]) for axis in range(3))
    return jnp.einsum("epaJ,epJibk->eaibk", shape.slope, half)


def coupled_tangent(
    shape: Geometry,
    tissue: Tissue,
    F: Float[Array, "elements 27 3 3"],
    potential: Float[Array, "elements 8"],
    dt: Scalar | None,
) -> ElementTangent:
    """All derivatives of the residuals of an element; without flow where dt is None."""
    values = jnp.asarray(CORNER_SHAPE)
    mu = potential @ values.T
    uu = solid_tangent(shape, tissue, F, mu)
    # dP/dmu = -dJ/dF, so both couplings are the same numbers.
    cofactor = _spread(jax.grad(volume_ratio), F) * shape.volume[..., None, None]
    um = -jnp.einsum("epix,epax,pc->eaic", cofactor, shape.slope, values)
    mu_u = jnp.transpose(um, (0, 3, 1, 2))
    if dt is None:
        return ElementTangent(uu, um, mu_u, jnp.zeros((um.shape[0], 8, 8)))
    slope = jnp.einsum("ec,epcx->epx", potential, shape.corner_slope)
    by_F, by_slope = _spread(jax.jacfwd(_flow_of(dt), argnums=(0, 1)), F, slope, tissue.material, tissue.growth)
    by_F, by_slope = by_F * shape.volume[..., None, None, None], by_slope * shape.volume[..., None, None]
    carried = jnp.einsum("epcx,epxkL->epckL", shape.corner_slope, by_F)
    mu_u = mu_u - jnp.einsum("epckL,epbL->ecbk", carried, shape.slope)
    mm = -jnp.einsum("epcx,epxy,epdy->ecd", shape.corner_slope, by_slope, shape.corner_slope)
    return ElementTangent(uu, um, mu_u, mm)
