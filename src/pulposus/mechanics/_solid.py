r"""Stored energy of the ground matrix (mechanics_imaging 2.1, 2.6).

.. math::

    W = \frac{\mu_s}{2} \left(I_1 - 3 J^{2/3}\right) + \frac{K_0}{2} B(J) (\ln J)^2, \qquad
    B(J) = \frac{2J + n_s}{J - n_s} \, \frac{1 - n_s}{2 + n_s}

B is 1 at J = 1 and grows without bound towards J = n_s, so the solid cannot be squeezed to less than its own volume and no separate law of
compaction is needed. K_0 = mu_s (2 + n_s) / (3 (1 - n_s)) recovers the matrix of the published finite-element model
(https://github.com/bmmbUPF/abaqusIVD); the two moduli are independent here, because the nucleus is nearly a fluid in shear but not in bulk.
"""

from __future__ import annotations

import abc

import equinox as eqx
import jax.numpy as jnp

from pulposus.mechanics._arrays import Scalar, as_field


class Solid(eqx.Module):
    """A ground matrix: its stored energy as a function of invariants."""

    @abc.abstractmethod
    def energy(self, I1: Scalar, J: Scalar) -> Scalar:
        """W [MPa] of the first invariant I1 = F : F and the volume ratio J = det F; zero without deformation."""


class PorousNeoHookean(Solid):
    """The matrix of disc tissue.

    Attributes:
        shear_modulus: mu_s [MPa].
        bulk_modulus: K0 at J = 1 [MPa].
        solid_fraction: n_s, solid by volume at J = 1.
    """

    shear_modulus: Scalar = eqx.field(converter=as_field)
    bulk_modulus: Scalar = eqx.field(converter=as_field)
    solid_fraction: Scalar = eqx.field(converter=as_field)

    def energy(self, I1: Scalar, J: Scalar) -> Scalar:
        """W(I1, J) [MPa]."""
        ns = self.solid_fraction
        stiffening = (2.0 * J + ns) / (J - ns) * (1.0 - ns) / (2.0 + ns)
        shear = 0.5 * self.shear_modulus * (I1 - 3.0 * jnp.cbrt(J) ** 2)
        return shear + 0.5 * self.bulk_modulus * stiffening * jnp.log(J) ** 2


class NeoHookean(Solid):
    r"""The textbook law by which finite-element codes are compared.

    :math:`W = \mu/2\,(I_1 - 3 - 2 \ln J) + \lambda/2\,(\ln J)^2`, "gel A" of mechanics_imaging 2.6.

    Attributes:
        shear_modulus, lame_modulus: mu and lambda [MPa].
    """

    shear_modulus: Scalar = eqx.field(converter=as_field)
    lame_modulus: Scalar = eqx.field(converter=as_field)

    @classmethod
    def from_engineering(cls, youngs_modulus: float, poisson_ratio: float) -> NeoHookean:
        """From Young's modulus [MPa] and Poisson's ratio at small strain."""
        shear = youngs_modulus / (2.0 * (1.0 + poisson_ratio))
        return cls(shear, 2.0 * shear * poisson_ratio / (1.0 - 2.0 * poisson_ratio))

    def energy(self, I1: Scalar, J: Scalar) -> Scalar:
        """W(I1, J) [MPa]."""
        logarithm = jnp.log(J)
        return 0.5 * self.shear_modulus * (I1 - 3.0 - 2.0 * logarithm) + 0.5 * self.lame_modulus * logarithm**2
