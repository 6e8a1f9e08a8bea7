"""What a matrix state means for the disc as a whole: charge, water, salt, modulus, strength, image (cells_matrix 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx

from pulposus.cells._arrays import Field, Scalar
from pulposus.matrix._composition import (
    composition_water,
    fixed_charge,
    relative_modulus,
    relative_strength,
    t2_relaxation,
)
from pulposus.matrix._matrix_parameters import MatrixParameters, T2Law
from pulposus.matrix._matrix_state import MatrixState
from pulposus.matrix._setting import MatrixSetting
from pulposus.matrix._structure import nucleus_cleft

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class OutcomeLaws(eqx.Module):
    """Constants from the matrix to what is measured.

    Attributes:
        matrix: Constants of the matrix laws.
        t2: Law of the transverse relaxation time.
    """

    matrix: MatrixParameters
    t2: T2Law

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> OutcomeLaws:
        """Read the parameter set."""
        return cls(MatrixParameters.from_parameters(parameters), T2Law.from_parameters(parameters))


class MatrixOutcomes(eqx.Module):
    """Derived quantities; fields by node, the others for the whole disc.

    Attributes:
        water: Water of composition, by volume.
        fixed_charge: Fixed charge density [mEq/mL of water].
        cleft: Lost continuity of the nucleus (w_NP), 0 to 1.
        T2: Transverse relaxation time [ms], nucleus and annulus.
        aggregating_share: A / (A + Af), mean of the nucleus.
        relative_modulus: Modulus over that of the healthy disc (fallback law).
        relative_strength: Strength over that of the healthy disc (fallback law).
    """

    water: Field
    fixed_charge: Field
    cleft: Field
    T2: Field
    aggregating_share: Scalar
    relative_modulus: Scalar
    relative_strength: Scalar


def charge_of(glycosaminoglycan: Field, setting: MatrixSetting, parameters: MatrixParameters) -> Field:
    """Fixed charge density of a glycosaminoglycan field [mEq/mL]; for the osmolarity that follows it."""
    law = parameters.composition
    water = composition_water(glycosaminoglycan, setting.shares.all, setting.endplate_water, law)
    return fixed_charge(glycosaminoglycan, water, law)


def matrix_outcomes(state: MatrixState, setting: MatrixSetting, laws: OutcomeLaws) -> MatrixOutcomes:
    """Derived quantities of a state.

    Args:
        state: The matrix.
        setting: The disc.
        laws: Constants.
    """
    law = laws.matrix.composition
    content = state.glycosaminoglycan
    water = composition_water(content, setting.shares.all, setting.endplate_water, law)
    charge = fixed_charge(content, water, law)
    healthy_charge = charge_of(setting.healthy_glycosaminoglycan, setting, laws.matrix)
    order, fissure = setting.annulus_mean(state.annulus_order), setting.annulus_mean(state.fissure)
    return MatrixOutcomes(
        water=water,
        fixed_charge=charge,
        cleft=nucleus_cleft(content, laws.matrix),
        T2=t2_relaxation(water, setting.shares.annulus, laws.t2),
        aggregating_share=setting.nucleus_mean(state.aggrecan) / setting.nucleus_mean(content),
        relative_modulus=relative_modulus(
            setting.nucleus_mean(charge) / setting.nucleus_mean(healthy_charge),
            setting.nucleus_mean(state.collagen_II) / setting.nucleus_mean(setting.healthy_collagen_II),
            order,
            law,
        ),
        relative_strength=relative_strength(order, fissure),
    )
