r"""The material of a whole disc, point by point (mechanics_imaging 2.1, 2.2; rulings 26, 40, 44).

Moduli, osmotic coefficient and permeability belong to the tissue and its grade; charge, solid and damage to the point:

.. math::

    C_f = C_f(\rho)\,(1 - w)(1 - d), \qquad k_0 \to k_0\,(1 + 100\, w)

with the fissure fraction w and the share d of fibres that an injury took. The water and the charge of a disc are those of its imaged,
supine shape, so the solid fraction and the charge at the stress-free volume follow from the volume ratio J of that shape,

.. math:: n_s = J (1 - \varphi_w), \qquad c_0 = c\, \frac{J - n_s}{1 - n_s} .

The fibres lie in the plane of t, the unit derivative of the position along the circumference at constant rho and layer, and z', the part
of the axis that is orthogonal to it; both in the stress-free configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pulposus.mechanics._arrays import Scalar, as_field
from pulposus.mechanics._fibres import FibreMap, Fibres, fibre_directions
from pulposus.mechanics._material import TISSUES, Material, material_keys
from pulposus.mechanics._osmosis import Donnan, reference_composition
from pulposus.mechanics._permeability import Permeability
from pulposus.mechanics._solid import PorousNeoHookean

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

Points = Float[Array, "elements points"]
PointVectors = Float[Array, "elements points 3"]

_ANNULUS = TISSUES.index("annulus")
_UP = np.array([0.0, 0.0, 1.0])


class TissueTable(eqx.Module):
    """Constants of nucleus, annulus and cartilage endplate, and what they have in common.

    Attributes:
        shear_modulus, bulk_modulus: mu_s and K0 [MPa], (3,).
        osmotic_coefficient: Phi, (3,).
        permeability: k0 [mm2/(MPa day)], (3,).
        permeability_exponent: Mk, (3,).
        fibres: Stiffness and angle of the fibres of the annulus.
        bath: c_b [osmol/L].
        thermal_energy: R T [MPa L/mol].
        fissure_gain: Rise of the permeability by a fissure fraction of 1.
    """

    shear_modulus: Float[Array, "3"] = eqx.field(converter=as_field)
    bulk_modulus: Float[Array, "3"] = eqx.field(converter=as_field)
    osmotic_coefficient: Float[Array, "3"] = eqx.field(converter=as_field)
    permeability: Float[Array, "3"] = eqx.field(converter=as_field)
    permeability_exponent: Float[Array, "3"] = eqx.field(converter=as_field)
    fibres: FibreMap
    bath: Scalar = eqx.field(converter=as_field)
    thermal_energy: Scalar = eqx.field(converter=as_field)
    fissure_gain: Scalar = eqx.field(converter=as_field)

    @classmethod
    def of_grade(cls, parameters: ParameterSet, grade: int) -> TissueTable:
        """The tissues of a Pfirrmann grade.

        Args:
            parameters: The loaded parameters.
            grade: 1 to 5.

        Raises:
            InvalidInput: There is no such grade.
        """
        keys = [material_keys(tissue, grade) for tissue in TISSUES]

        def by_tissue(name: str) -> list[float]:
            return [parameters.value(key[name]) for key in keys]

        water = Donnan.from_parameters(parameters, 0.0, 0.0, 0.0)
        return cls(
            shear_modulus=by_tissue("shear modulus"),
            bulk_modulus=by_tissue("bulk modulus"),
            osmotic_coefficient=by_tissue("osmotic coefficient"),
            permeability=by_tissue("permeability"),
            permeability_exponent=by_tissue("permeability exponent"),
            fibres=FibreMap.from_parameters(parameters),
            bath=water.bath,
            thermal_energy=water.thermal_energy,
            fissure_gain=parameters.value("mechanics.fissure_permeability_gain"),
        )


class FibreFrame(eqx.Module):
    """Where a point lies in the annulus, and which way the lamella runs there.

    Attributes:
        depth: 0 at the nucleus, 1 at the outline; anything inside the nucleus.
        forward: eta / rho, 1 in front, -1 behind.
        tangent: t, unit vector along the circumference in the stress-free configuration.
    """

    depth: Points
    forward: Points
    tangent: PointVectors


class PointComposition(eqx.Module):
    """What the tissue is made of and how it is damaged, by point.

    Attributes:
        solid_fraction: n_s at the stress-free volume.
        fixed_charge: c0 at the stress-free volume [mEq/mL of water].
        fissure: w, 0 to 1.
        fibre_loss: d, share of the fibres that an injury took, 0 to 1.
    """

    solid_fraction: Points
    fixed_charge: Points
    fissure: Points
    fibre_loss: Points


class ImagedState(eqx.Module):
    """The same as the imaged, supine disc shows it.

    Attributes:
        water: phi_w, water by volume.
        fixed_charge: c [mEq/mL of water].
        fissure, fibre_loss: As in `PointComposition`.
    """

    water: Points
    fixed_charge: Points
    fissure: Points
    fibre_loss: Points

    def at_reference(self, J: Points) -> PointComposition:
        """The composition at the stress-free volume, of tissue whose imaged volume is J times that (rulings 44)."""
        solid, charge = reference_composition(self.water, self.fixed_charge, J)
        return PointComposition(solid, charge, self.fissure, self.fibre_loss)


def point_materials(
    table: TissueTable, tissue: Int[Array, "elements"], frame: FibreFrame, state: PointComposition
) -> Material:
    """The material at every point; every array of the result is (elements, points, ...).

    Args:
        table: Constants by tissue.
        tissue: 0 nucleus, 1 annulus, 2 cartilage endplate of every element, (elements,).
        frame: Place and direction in the annulus.
        state: Composition and damage.
    """

    def at(code: Array, depth: Scalar, forward: Scalar, tangent: Array, here: PointComposition) -> Material:
        has_fibres = jnp.where(code == _ANNULUS, 1.0, 0.0)
        inside = jnp.clip(depth, 0.0, 1.0)
        intact = (1.0 - here.fissure) * (1.0 - here.fibre_loss)
        return Material(
            solid=PorousNeoHookean(table.shear_modulus[code], table.bulk_modulus[code], here.solid_fraction),
            donnan=Donnan(
                fixed_charge=here.fixed_charge,
                solid_fraction=here.solid_fraction,
                osmotic_coefficient=table.osmotic_coefficient[code],
                bath=table.bath,
                thermal_energy=table.thermal_energy,
            ),
            permeability=Permeability(
                table.permeability[code] * (1.0 + table.fissure_gain * here.fissure), table.permeability_exponent[code]
            ),
            fibres=Fibres(
                stiffness=has_fibres * intact * table.fibres.stiffness(inside),
                exponent=table.fibres.exponent,
                directions=fibre_directions(table.fibres.angle(inside, forward), tangent, jnp.asarray(_UP)),
            ),
        )

    by_point = jax.vmap(at, in_axes=(None, 0, 0, 0, 0))
    return jax.vmap(by_point)(tissue, frame.depth, frame.forward, frame.tangent, state)
