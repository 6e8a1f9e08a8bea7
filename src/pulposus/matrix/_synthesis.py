r"""Synthesis of matrix by the cells: what the place allows, and what each population contributes (cells_matrix 2.7; rulings 8, 24).

.. math::

    F &= \frac{f_{pH} f_g f_O f_{os} f_{mech}}{1 + c / K_{cs}}
         \left(1 + e_G \frac{G}{G + K_G} + \frac{p}{2 (1 + p)}\right) \\
    f_{pH} &= \frac{H(\mathrm{pH}; 6.90, 0.20)}{H(7.2; 6.90, 0.20)}, \qquad f_g = H(g; 0.57, 0.056), \\
    f_O &= \min\left(1, \frac{1.3\, O_2}{O_2 + 1.5}\right), \qquad f_{os} = e^{-((Osm - 430) / 150)^2}

Collagen II has the midpoints of its own mRNA (pH 6.80, glucose 0.636 mM), collagen I that of pH, no glucose factor, and
:math:`\min(1 / f_{os}, 2)`. f_mech is 1 at rest and between 0.1 and 1 MPa at 0.1 to 3 Hz; it falls above both ranges, and linearly to one
half where the load becomes static. Sources: acid https://www.dpag.ox.ac.uk/publications/113772,
osmolarity https://www.dpag.ox.ac.uk/publications/413526, midpoints and cross-overs https://github.com/bmmbUPF/abaqusIVD.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._death import switch
from pulposus.matrix._acid import acid_factor
from pulposus.matrix._load import Load
from pulposus.matrix._matrix_parameters import LoadResponse, Synthesis, Weights
from pulposus.matrix._signal_state import SignalState


class SynthesisFactors(eqx.Module):
    """F of glycosaminoglycan, F2 of collagen II and F1 of collagen I; 1 in a healthy place without stimulation."""

    glycosaminoglycan: Field
    collagen_II: Field
    collagen_I: Field


def oxygen_factor(oxygen: Field, law: Synthesis) -> Field:
    """f_O = min(1, gain O2 / (O2 + half))."""
    available = jnp.maximum(oxygen, 0.0)
    return jnp.minimum(1.0, law.oxygen_gain * available / (available + law.oxygen_half))


def osmotic_factor(osmolarity: Field, law: Synthesis) -> Field:
    """f_os = exp(-((Osm - optimum) / width)^2)."""
    return jnp.exp(-(((osmolarity - law.osmolarity_optimum) / law.osmolarity_width) ** 2))


def load_factor(load: Load, law: LoadResponse) -> Scalar:
    """f_mech, 1 at rest whatever the frequency."""
    strong = jnp.exp(-jnp.maximum(load.magnitude - law.limit, 0.0) / law.width)
    fast = jnp.exp(-jnp.maximum(load.frequency - law.frequency_limit, 0.0) / law.frequency_width)
    moving = jnp.minimum(load.frequency / law.slow_frequency, 1.0)
    slow = law.static_fraction + (1.0 - law.static_fraction) * moving
    return jnp.where(load.magnitude < law.resting, 1.0, strong * fast * slow)


def stimulation(signals: SignalState, growth_factor_gain: ArrayLike, law: Synthesis) -> Field:
    """(1 + eG G / (G + KG) + gain p / (half + p)) / (1 + c / Kcs)."""
    factor, calm = signals.growth_factor, signals.paracrine
    raised = as_field(growth_factor_gain) * factor / (factor + law.growth_factor_half)
    soothed = law.paracrine_gain * calm / (calm + law.paracrine_half)
    return (1.0 + raised + soothed) / (1.0 + signals.cytokine / law.cytokine_half)


def synthesis_factors(
    environment: Environment, signals: SignalState, load: Load, growth_factor_gain: ArrayLike, law: Synthesis
) -> SynthesisFactors:
    """F, F2 and F1.

    Args:
        environment: Oxygen, glucose, pH and osmolarity; its cytokine and growth factor are not used.
        signals: Cytokine, paracrine and growth factor.
        load: Daily load.
        growth_factor_gain: eG of the factor in use (4 for TGF-beta, 2 for GDF-5 and BMP-7).
        law: Constants.
    """
    common = (
        oxygen_factor(environment.oxygen, law)
        * load_factor(load, law.load)
        * stimulation(signals, growth_factor_gain, law)
    )
    salt = osmotic_factor(environment.osmolarity, law)
    opposite = jnp.minimum(1.0 / jnp.maximum(salt, 1.0 / law.largest_inverse), law.largest_inverse)
    fed = switch(environment.glucose, law.aggrecan_glucose, law.glucose_width)
    fed_collagen = switch(environment.glucose, law.collagen_II_glucose, law.glucose_width)
    sour_collagen = acid_factor(environment.pH, law.collagen_acid.midpoint, law.collagen_acid.width)
    sour = acid_factor(environment.pH, law.aggrecan_acid.midpoint, law.aggrecan_acid.width)
    return SynthesisFactors(
        glycosaminoglycan=sour * fed * salt * common,
        collagen_II=sour_collagen * fed_collagen * salt * common,
        collagen_I=sour_collagen * opposite * common,
    )


def native_output(cells: CellState, native_weight: ArrayLike, weights: Weights) -> Field:
    """y n + y_s s, native cells as synthesisers of glycosaminoglycan and collagen II [10^6/mL]."""
    return as_field(native_weight) * cells.native + weights.senescent * cells.senescent


def donor_output(cells: CellState, weights: Weights) -> Field:
    """y_mA mA + y_mD mD [10^6/mL]."""
    return weights.attached * cells.attached + weights.differentiated * cells.differentiated


def fibrous_output(cells: CellState, native_weight: ArrayLike, weights: Weights) -> Field:
    """y1 n + y1_s s + y1_mA mA + y1_mD mD, cells as synthesisers of collagen I [10^6/mL]."""
    return (
        as_field(native_weight) * cells.native
        + weights.senescent_fibrous * cells.senescent
        + weights.attached_fibrous * cells.attached
        + weights.differentiated_fibrous * cells.differentiated
    )


def fibrous_weight(shares: tuple[Field, Field, Field], cytokine: Field, weights: Weights) -> Field:
    """y1 of a native cell by tissue: (1 + c) times a small weight in nucleus and endplate, one in the annulus.

    Args:
        shares: Volume shares of nucleus, annulus and endplate at every node.
        cytokine: c.
        weights: Constants.
    """
    nucleus, annulus, endplate = shares
    quiet = nucleus * weights.nucleus_native + endplate * weights.endplate_native
    return quiet * (1.0 + cytokine) + annulus * weights.annulus_native


def annulus_output(cells: CellState, weights: Weights) -> Field:
    """Cells as repairers of the annulus, with its weights y1 everywhere [10^6/mL]."""
    return fibrous_output(cells, weights.annulus_native, weights)
