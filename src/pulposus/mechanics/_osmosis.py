r"""Donnan osmosis: charges fixed to the solid hold ions, and the ions draw water (mechanics_imaging 2.1).

.. math::

    \pi(J) &= \Phi R T \left(\sqrt{c^2 + c_b^2} - c_b\right), \qquad c = c_0 \frac{1 - n_s}{J - n_s} \\
    U(J) &= \int_J^\infty \pi \, dJ
         = \Phi R T \left[ q \operatorname{asinh}\frac{c}{c_b} - \frac{q^2}{\sqrt{q^2 + c_b^2 V^2} + c_b V} \right],
         \qquad q = c_0 (1 - n_s), \; V = J - n_s

The energy U is zero where the tissue is infinitely diluted, hence never negative, and its derivative is minus the pressure. With
Phi = 1 the pressure is the "Donnan equilibrium" of FEBio (FEDonnanEquilibrium). J never reaches n_s, where both diverge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp

from pulposus.mechanics._arrays import Field, Scalar, as_field

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

_LITRE_MEGAPASCAL_PER_JOULE = 1e-3
_BATH_IONS_PER_SALT = 2.0


class Donnan(eqx.Module):
    """Charge and water of a tissue at the reference volume, and the bath.

    Attributes:
        fixed_charge: c0 at J = 1 [mEq/mL of water].
        solid_fraction: n_s, solid by volume at J = 1.
        osmotic_coefficient: Phi, on the total fixed charge.
        bath: c_b, osmolarity of the mobile ions outside [osmol/L].
        thermal_energy: R T [MPa L/mol].
    """

    fixed_charge: Scalar = eqx.field(converter=as_field)
    solid_fraction: Scalar = eqx.field(converter=as_field)
    osmotic_coefficient: Scalar = eqx.field(converter=as_field)
    bath: Scalar = eqx.field(converter=as_field)
    thermal_energy: Scalar = eqx.field(converter=as_field)

    @classmethod
    def from_parameters(
        cls, parameters: ParameterSet, fixed_charge: float, solid_fraction: float, osmotic_coefficient: float
    ) -> Donnan:
        """The bath and body temperature of the parameter set, and a tissue's own charge and solid."""
        kelvin = parameters.value("mechanics.gas_constant") * parameters.value("mechanics.body_temperature")
        return cls(
            fixed_charge=fixed_charge,
            solid_fraction=solid_fraction,
            osmotic_coefficient=osmotic_coefficient,
            bath=_BATH_IONS_PER_SALT * parameters.value("matrix.external_salt"),
            thermal_energy=kelvin * _LITRE_MEGAPASCAL_PER_JOULE,
        )

    def charge(self, J: Field) -> Field:
        """c = c0 (1 - ns) / (J - ns), fixed charge now [mEq/mL of water]."""
        ns = self.solid_fraction
        return self.fixed_charge * (1.0 - ns) / (J - ns)

    def water_fraction(self, J: Field) -> Field:
        """phi_w = (J - ns) / J, water by volume now."""
        return (J - self.solid_fraction) / J

    def pressure(self, J: Field) -> Field:
        """Osmotic pressure pi(J) [MPa]; sqrt(c^2 + cb^2) - cb without cancellation."""
        c, cb = self.charge(J), self.bath
        return self.osmotic_coefficient * self.thermal_energy * c * c / (jnp.sqrt(c * c + cb * cb) + cb)

    def energy(self, J: Field) -> Field:
        """U(J) [MPa = mJ per mm3 of reference volume]: work that the pressure can still do."""
        q, V, cb = self.fixed_charge * (1.0 - self.solid_fraction), J - self.solid_fraction, self.bath
        stored = q * jnp.arcsinh(q / (cb * V)) - q * q / (jnp.sqrt(q * q + (cb * V) ** 2) + cb * V)
        return self.osmotic_coefficient * self.thermal_energy * stored


def reference_composition(water_fraction: Field, fixed_charge: Field, J: Field) -> tuple[Field, Field]:
    """The ns and c0 with which a tissue at volume ratio J has a given water and charge (rulings 44).

    Args:
        water_fraction: phi_w now, that of the imaged, supine disc.
        fixed_charge: c now [mEq/mL of water].
        J: Volume now over the reference volume.

    Returns:
        Solid fraction at the reference volume, and the fixed charge there [mEq/mL of water].
    """
    solid = J * (1.0 - water_fraction)
    return solid, fixed_charge * (J - solid) / (1.0 - solid)
