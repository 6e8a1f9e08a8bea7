r"""Collagen fibres of the annulus: two families, stiff in tension and without resistance in compression (mechanics_imaging 1.4, 2.1).

.. math::

    W_f &= C_f \left[\frac{\lambda^{k_1} - 1}{k_1} - \ln \lambda\right] \ (\lambda > 1), \qquad \lambda = |F a_0| \\
    a_0 &= \cos\theta\, t \pm \sin\theta\, z'

The Cauchy stress of a family along F a0 is C_f (lambda^k1 - 1) / J. C_f is per family, linear in depth from the nucleus to the outline;
theta is linear from the inner to the outer annulus and blends its anterior and posterior values with (1 - eta/rho)/2 (rulings 40).
t is the circumferential direction, z' the axial one made orthogonal to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Field, Scalar, Tensor, Vector, as_field

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class Fibres(eqx.Module):
    """The fibres at one place.

    Attributes:
        stiffness: C_f of every family [MPa].
        exponent: k1.
        directions: a0 of the two families, unit vectors in the stress-free configuration, (2, 3).
    """

    stiffness: Scalar = eqx.field(converter=as_field)
    exponent: Scalar = eqx.field(converter=as_field)
    directions: Float[Array, "2 3"] = eqx.field(converter=as_field)

    def stretches(self, F: Tensor) -> Float[Array, "2"]:
        """Lambda = |F a0| of every family."""
        return jnp.sqrt(jnp.sum((self.directions @ F.T) ** 2, axis=1))

    def principal_stretches(self, stretch: Vector) -> Float[Array, "2"]:
        """Lambda of every family where the specimen is stretched along its axes."""
        return jnp.sqrt(self.directions**2 @ stretch**2)

    def energy(self, stretch: Float[Array, "2"]) -> Scalar:
        """W_f of both families [MPa] at their stretches; zero where a family is not pulled."""
        pulled = stretch > 1.0
        # The branch that is not taken is evaluated at 1, where it is zero with its derivative.
        logarithm = jnp.log(jnp.where(pulled, stretch, 1.0))
        return self.stiffness * jnp.sum(jnp.expm1(self.exponent * logarithm) / self.exponent - logarithm)


class FibreMap(eqx.Module):
    """Stiffness and angle over the annulus.

    Attributes:
        inner_stiffness, outer_stiffness: C_f at the nucleus and at the outline [MPa].
        exponent: k1.
        anterior, posterior: Angle to the transverse plane at the nucleus and at the outline [degree], (2,).
    """

    inner_stiffness: Scalar = eqx.field(converter=as_field)
    outer_stiffness: Scalar = eqx.field(converter=as_field)
    exponent: Scalar = eqx.field(converter=as_field)
    anterior: Float[Array, "2"] = eqx.field(converter=as_field)
    posterior: Float[Array, "2"] = eqx.field(converter=as_field)

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> FibreMap:
        """Constants of mechanics_imaging 2.2 and 1.1."""

        def constant(name: str) -> float:
            return parameters.value(f"mechanics.fibre.{name}")

        return cls(
            inner_stiffness=constant("stiffness.inner"),
            outer_stiffness=constant("stiffness.outer"),
            exponent=constant("exponent"),
            anterior=jnp.array([constant("angle.anterior_inner"), constant("angle.anterior_outer")]),
            posterior=jnp.array([constant("angle.posterior_inner"), constant("angle.posterior_outer")]),
        )

    def stiffness(self, depth: Field) -> Field:
        """C_f [MPa] at a depth (rho - rho_N) / (1 - rho_N): 0 at the nucleus, 1 at the outline."""
        return self.inner_stiffness + depth * (self.outer_stiffness - self.inner_stiffness)

    def angle(self, depth: Field, forward: Field) -> Field:
        """Angle theta to the transverse plane [degree].

        Args:
            depth: 0 at the nucleus, 1 at the outline.
            forward: eta / rho, 1 in front, 0 at the side, -1 behind.
        """
        behind = 0.5 * (1.0 - forward)
        inner, outer = ((1.0 - behind) * self.anterior[i] + behind * self.posterior[i] for i in range(2))
        return inner + depth * (outer - inner)

    def at(self, depth: Scalar, forward: Scalar, tangent: Vector, axial: Vector) -> Fibres:
        """The fibres of one place.

        Args:
            depth: 0 at the nucleus, 1 at the outline.
            forward: eta / rho.
            tangent: Unit circumferential direction t.
            axial: Axial direction; its part along t is removed.
        """
        return Fibres(
            self.stiffness(depth), self.exponent, fibre_directions(self.angle(depth, forward), tangent, axial)
        )


def fibre_directions(angle: Scalar, tangent: Vector, axial: Vector) -> Float[Array, "2 3"]:
    """a0 = cos(theta) t +- sin(theta) z' of both families.

    Args:
        angle: theta [degree].
        tangent: Unit circumferential direction t.
        axial: Axial direction, not parallel to t.
    """
    across = axial - jnp.dot(axial, tangent) * tangent
    upward = across / jnp.sqrt(jnp.sum(across**2))
    theta = jnp.deg2rad(angle)
    return jnp.cos(theta) * tangent[None] + jnp.array([[1.0], [-1.0]]) * (jnp.sin(theta) * upward)[None]
