"""One tissue of one disc: ground matrix, osmosis, fibres, permeability (mechanics_imaging 2.1, 2.2; rulings 26, 40, 44).

A fissure fraction w multiplies the stiffness of the fibres by 1 - w and the permeability by 1 + 100 w.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.errors import InvalidInput
from pulposus.mechanics._arrays import as_field
from pulposus.mechanics._fibres import FibreMap, Fibres
from pulposus.mechanics._osmosis import Donnan
from pulposus.mechanics._permeability import Permeability
from pulposus.mechanics._solid import PorousNeoHookean, Solid
from pulposus.parameters import GRADES

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

TISSUES = ("nucleus", "annulus", "endplate")


class Material(eqx.Module):
    """One tissue; every array may be a batch under `vmap`.

    Attributes:
        solid: Ground matrix.
        donnan: Osmosis.
        permeability: Of the fluid through the tissue.
        fibres: Fibres of the annulus; None in nucleus and cartilage endplate.
    """

    solid: Solid
    donnan: Donnan
    permeability: Permeability
    fibres: Fibres | None = None

    def damaged(self, fissure: ArrayLike, parameters: ParameterSet) -> Material:
        """The tissue with a fissure fraction w of 0 to 1.

        Raises:
            InvalidInput: w is outside 0 to 1.
        """
        w = as_field(fissure)
        if not bool(jnp.all((w >= 0.0) & (w <= 1.0))):
            raise InvalidInput(f"a fissure fraction of {fissure}", where="Material.damaged", allowed="0 to 1")
        leak = 1.0 + parameters.value("mechanics.fissure_permeability_gain") * w
        torn = eqx.tree_at(lambda m: m.permeability.reference, self, self.permeability.reference * leak)
        if self.fibres is None:
            return torn
        return eqx.tree_at(lambda m: m.fibres.stiffness, torn, self.fibres.stiffness * (1.0 - w))


def tissue_material(
    parameters: ParameterSet,
    tissue: str,
    grade: int,
    *,
    depth: float = 0.5,
    forward: float = 1.0,
    solid_fraction: float | None = None,
    fixed_charge: float | None = None,
) -> Material:
    """A tissue of a Pfirrmann grade, as a specimen with the axes circumferential, radial, axial.

    Args:
        parameters: The loaded parameters.
        tissue: "nucleus", "annulus" or "endplate".
        grade: 1 to 5.
        depth: Place in the annulus, 0 at the nucleus, 1 at the outline.
        forward: Place around the annulus, eta / rho: 1 in front, -1 behind.
        solid_fraction: n_s; 1 minus the water of composition where left out (rulings 44).
        fixed_charge: c0 [mEq/mL of water]; that of the grade where left out.

    Raises:
        InvalidInput: There is no such tissue, grade or place.
    """
    keys = material_keys(tissue, grade)
    if not (0.0 <= depth <= 1.0 and -1.0 <= forward <= 1.0):
        raise InvalidInput(
            f"depth {depth:g}, forward {forward:g} is not in the annulus",
            where="tissue_material",
            allowed="depth 0 to 1, forward -1 to 1",
        )
    value = {name: parameters.value(key) for name, key in keys.items()}
    ns = 1.0 - value["water fraction"] if solid_fraction is None else solid_fraction
    charge = value["fixed charge"] if fixed_charge is None else fixed_charge
    axes = jnp.eye(3)
    return Material(
        solid=PorousNeoHookean(value["shear modulus"], value["bulk modulus"], ns),
        donnan=Donnan.from_parameters(parameters, charge, ns, value["osmotic coefficient"]),
        permeability=Permeability(value["permeability"], value["permeability exponent"]),
        fibres=FibreMap.from_parameters(parameters).at(as_field(depth), as_field(forward), axes[0], axes[2])
        if tissue == "annulus"
        else None,
    )


def material_keys(tissue: str, grade: int) -> dict[str, str]:
    """The constants behind a tissue of a grade: what each is, and its key in the parameter set; fibres are not listed.

    Raises:
        InvalidInput: There is no such tissue or grade.
    """
    if tissue not in TISSUES or grade not in range(1, len(GRADES) + 1):
        raise InvalidInput(
            f'no tissue "{tissue}" of grade {grade}', where="material", allowed=f"{', '.join(TISSUES)}; grade 1 to 5"
        )
    numeral = GRADES[grade - 1]
    constant = "mechanics.{}." + tissue
    by_grade = "grades.{}." + tissue + "." + numeral
    modulus = constant if tissue == "endplate" else by_grade
    return {
        "shear modulus": modulus.format("shear_modulus"),
        "bulk modulus": modulus.format("bulk_modulus"),
        "water fraction": by_grade.format("composition_water_fraction"),
        "fixed charge": by_grade.format("fixed_charge"),
        "osmotic coefficient": constant.format("osmotic_coefficient"),
        "permeability": (by_grade if tissue == "nucleus" else constant).format("hydraulic_permeability"),
        "permeability exponent": constant.format("permeability_exponent"),
    }
