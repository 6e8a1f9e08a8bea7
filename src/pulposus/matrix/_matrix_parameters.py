"""Constants of the matrix laws, read from the parameter set (file matrix.toml), grouped by the law that uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx

from pulposus.cells._arrays import Scalar, as_field
from pulposus.cells._parameters import read

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class AcidResponse(eqx.Module):
    """f_pH = H(pH; midpoint, width), relative to pH 7.2."""

    midpoint: Scalar
    width: Scalar


class LoadResponse(eqx.Module):
    """f_mech: limits and widths in amplitude [MPa] and frequency [Hz], and the factor of a static load."""

    resting: Scalar
    limit: Scalar
    width: Scalar
    slow_frequency: Scalar
    static_fraction: Scalar
    frequency_limit: Scalar
    frequency_width: Scalar


class Synthesis(eqx.Module):
    """Factors of synthesis.

    Attributes:
        aggrecan_acid, collagen_acid: Laws of pH.
        aggrecan_glucose, collagen_II_glucose: Midpoints [mM].
        glucose_width: Width of both [mM].
        oxygen_gain, oxygen_half: f_O = min(1, gain O2 / (O2 + half)), half in kPa.
        osmolarity_optimum, osmolarity_width: Of f_os [mOsm].
        largest_inverse: Cap of 1 / f_os, the factor of collagen I.
        load: Law of f_mech.
        cytokine_half: Cytokine that halves synthesis.
        growth_factor_half: KG [ng/mL].
        paracrine_gain, paracrine_half: The factor gain p / (half + p).
    """

    aggrecan_acid: AcidResponse
    collagen_acid: AcidResponse
    aggrecan_glucose: Scalar
    collagen_II_glucose: Scalar
    glucose_width: Scalar
    oxygen_gain: Scalar
    oxygen_half: Scalar
    osmolarity_optimum: Scalar
    osmolarity_width: Scalar
    largest_inverse: Scalar
    load: LoadResponse
    cytokine_half: Scalar
    growth_factor_half: Scalar
    paracrine_gain: Scalar
    paracrine_half: Scalar


class Weights(eqx.Module):
    """What a cell makes, over what a mature native cell makes; free donor cells make nothing.

    Attributes:
        senescent, attached, differentiated: y, for glycosaminoglycan and collagen II.
        notochordal: y of a native cell in a notochordal nucleus.
        nucleus_native, annulus_native, endplate_native: y1, for collagen I, of native cells by tissue.
        senescent_fibrous, attached_fibrous, differentiated_fibrous: y1 of the other cells.
    """

    senescent: Scalar
    attached: Scalar
    differentiated: Scalar
    notochordal: Scalar
    nucleus_native: Scalar
    annulus_native: Scalar
    endplate_native: Scalar
    senescent_fibrous: Scalar
    attached_fibrous: Scalar
    differentiated_fibrous: Scalar


class Composition(eqx.Module):
    """From glycosaminoglycan to charge and water, and the fallback laws of mechanics.

    Attributes:
        charge: Fixed charge per glycosaminoglycan [mEq/mg].
        nucleus_base, nucleus_slope, annulus_base, annulus_slope: phi_w = base + slope X, slope in mL/mg.
        lowest, highest: Limits of the water laws.
        external_salt: Salt outside the disc [mEq/mL].
        charge_share, charge_exponent, collagen_share, order_share: Law of the relative modulus.
    """

    charge: Scalar
    nucleus_base: Scalar
    nucleus_slope: Scalar
    annulus_base: Scalar
    annulus_slope: Scalar
    lowest: Scalar
    highest: Scalar
    external_salt: Scalar
    charge_share: Scalar
    charge_exponent: Scalar
    collagen_share: Scalar
    order_share: Scalar


class T2Law(eqx.Module):
    """1 / T2 = rate s^exponent with s in g of solid per mL of water: rates [1/s], density of the solid [g/mL]."""

    nucleus_rate: Scalar
    annulus_rate: Scalar
    exponent: Scalar
    dry_density: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> T2Law:
        """Constants of mechanics_imaging 4.1."""
        return cls(*read(parameters, "imaging.t2.", "nucleus_rate", "annulus_rate", "exponent", "dry_density"))


class MatrixParameters(eqx.Module):
    """Every constant of the matrix laws that depends neither on the species nor on the disc.

    Attributes:
        synthesis, weights, composition: See there.
        enzyme_gain: aE, gain of enzyme activity on the loss of glycosaminoglycan.
        collagen_enzyme_gain: bE, the same for collagen.
        order_loss_ratio: kS- over kS+.
        healing_ratio: k_heal over kS+.
        continuity_midpoint, continuity_width: Of the cleft of the nucleus [mg/mL].
    """

    synthesis: Synthesis
    weights: Weights
    composition: Composition
    enzyme_gain: Scalar
    collagen_enzyme_gain: Scalar
    order_loss_ratio: Scalar
    healing_ratio: Scalar
    continuity_midpoint: Scalar
    continuity_width: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> MatrixParameters:
        """Read the parameter set."""
        return cls(
            _synthesis(parameters),
            _weights(parameters),
            _composition(parameters),
            *read(
                parameters,
                "matrix.",
                "enzyme_gain",
                "collagen_enzyme_gain",
                "order_loss_ratio",
                "fissure_healing_ratio",
                "continuity.midpoint",
                "continuity.width",
            ),
        )


def _synthesis(parameters: ParameterSet) -> Synthesis:
    midpoint, width = read(parameters, "signals.acid.", "midpoint", "width")
    prefix = "matrix.synthesis."
    oxygen_gain, oxygen_half = read(parameters, prefix, "oxygen_gain", "oxygen_half")
    optimum, spread, inverse = read(
        parameters, prefix, "osmolarity_optimum", "osmolarity_width", "osmolarity_largest_inverse"
    )
    cytokine, growth_factor = read(parameters, prefix, "cytokine_half", "growth_factor_half")
    load = read(
        parameters,
        prefix,
        "resting_load",
        "load_limit",
        "load_width",
        "slow_frequency",
        "static_fraction",
        "frequency_limit",
        "frequency_width",
    )
    return Synthesis(
        aggrecan_acid=AcidResponse(midpoint, width),
        collagen_acid=AcidResponse(as_field(parameters.value("matrix.collagen_acid_midpoint")), width),
        aggrecan_glucose=as_field(parameters.value(prefix + "glucose_midpoint")),
        collagen_II_glucose=as_field(parameters.value(prefix + "collagen_II_glucose_midpoint")),
        glucose_width=as_field(parameters.value(prefix + "glucose_width")),
        oxygen_gain=oxygen_gain,
        oxygen_half=oxygen_half,
        osmolarity_optimum=optimum,
        osmolarity_width=spread,
        largest_inverse=inverse,
        load=LoadResponse(*load),
        cytokine_half=cytokine,
        growth_factor_half=growth_factor,
        paracrine_gain=as_field(parameters.value(prefix + "paracrine_gain")),
        paracrine_half=as_field(parameters.value(prefix + "paracrine_half")),
    )


def _weights(parameters: ParameterSet) -> Weights:
    return Weights(
        *read(
            parameters,
            "matrix.",
            "synthesis_weight.senescent",
            "synthesis_weight.attached",
            "differentiated_synthesis_weight",
            "synthesis_weight.notochordal",
            "collagen_I_weight.nucleus_native",
            "collagen_I_weight.annulus_native",
            "collagen_I_weight.endplate_native",
            "collagen_I_weight.senescent_cell",
            "collagen_I_weight.attached_cell",
            "collagen_I_weight.differentiated_cell",
        )
    )


def _composition(parameters: ParameterSet) -> Composition:
    return Composition(
        *read(
            parameters,
            "matrix.",
            "fixed_charge_per_glycosaminoglycan",
            "water.nucleus_base",
            "water.nucleus_slope",
            "water.annulus_base",
            "water.annulus_slope",
            "water.lowest",
            "water.highest",
            "external_salt",
            "stiffness.charge_share",
            "stiffness.charge_exponent",
            "stiffness.collagen_share",
            "stiffness.order_share",
        )
    )
