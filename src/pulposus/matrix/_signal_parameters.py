"""Constants of the signals, read from the parameter set (file signals.toml), grouped by the law that uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp

from pulposus.cells._arrays import Scalar
from pulposus.cells._parameters import read
from pulposus.matrix._diffusion import Transport
from pulposus.matrix._stress import StressLaw

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class CytokineSource(eqx.Module):
    """Sources of the cytokine: sc0, sc1 and sc3 [1/day], and the rise per density killed by immunity [1 per 10^6/mL]."""

    senescent: Scalar
    stress: Scalar
    autocrine: Scalar
    immune: Scalar


class Paracrine(eqx.Module):
    """Paracrine factor.

    Attributes:
        differentiated_weight: Secretion of a differentiated donor cell over that of an attached one.
        unit_density: Density m1 of attached cells that gives the factor 1 [10^6/mL].
        inhibition: Kp, the factor that halves the source of cytokine and the enzyme activity.
    """

    differentiated_weight: Scalar
    unit_density: Scalar
    inhibition: Scalar


class EnzymeLaw(eqx.Module):
    """Enzyme activity: lag te [day], gain in acid, the pH of unit activity, and midpoint and width of the acid factor [pH]."""

    lag: Scalar
    acid_gain: Scalar
    unit_pH: Scalar
    acid_midpoint: Scalar
    acid_width: Scalar


class SignalParameters(eqx.Module):
    """Every constant of the signals.

    Attributes:
        transport: Spread and decay of the cytokine and of the paracrine factor.
        source: Sources of the cytokine.
        stress: Stress indicator of the native cells.
        paracrine: Paracrine factor.
        enzyme: Enzyme activity.
    """

    transport: Transport
    source: CytokineSource
    stress: StressLaw
    paracrine: Paracrine
    enzyme: EnzymeLaw

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> SignalParameters:
        """Constants of cells_matrix 2.6."""
        diffusivity, half_life, permeability = read(
            parameters, "signals.", "diffusivity", "half_life", "endplate_permeability"
        )
        (inhibition,) = read(parameters, "matrix.", "paracrine_inhibition")
        weight, unit = read(parameters, "signals.paracrine.", "differentiated_weight", "unit_density")
        stress = read(
            parameters,
            "signals.stress.",
            "acid_midpoint",
            "acid_width",
            "glucose_midpoint",
            "glucose_width",
            "load_midpoint",
            "load_width",
        )
        return cls(
            transport=Transport(diffusivity, jnp.log(2.0) / half_life, permeability),
            source=CytokineSource(*read(parameters, "signals.source.", "senescent", "stress", "autocrine", "immune")),
            stress=StressLaw(*stress),
            paracrine=Paracrine(weight, unit, inhibition),
            enzyme=EnzymeLaw(
                *read(parameters, "signals.enzyme.", "lag", "acid_gain", "unit_pH"),
                *read(parameters, "signals.acid.", "midpoint", "width"),
            ),
        )
