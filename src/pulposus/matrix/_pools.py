r"""The step of the matrix: glycosaminoglycan pools, collagens and structure (cells_matrix 2.7, 6.2; rulings 23 to 25).

.. math::

    \frac{dA}{dt} &= \sigma_A F \sum y N - k_A (1 + a_E e)(1 + a_W w) A \\
    \frac{dA_f}{dt} &= k_A (1 + a_E e) A - k_{Af} (1 + a_E e)(1 + a_W w) A_f

Cleavage :math:`k_A (1 + a_E e)` turns aggrecan into fragments that stay; a fissure washes out both. With one pool, all glycosaminoglycan
leaves with k_T. The rates are those of the middle of the step (the caller gives cells, environment and signals there, the fissure is
predicted), and with them every equation is solved exactly, for a step of any length: the fields stay positive and every flow is what left
one place and entered the other.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.matrix._chain import fed_pool_step, pool_step
from pulposus.matrix._load import Load
from pulposus.matrix._matrix_parameters import MatrixParameters
from pulposus.matrix._matrix_state import MatrixFlows, MatrixState
from pulposus.matrix._setting import MatrixSetting
from pulposus.matrix._signal_state import SignalState
from pulposus.matrix._structure import structure_step
from pulposus.matrix._synthesis import (
    SynthesisFactors,
    annulus_output,
    donor_output,
    fibrous_output,
    fibrous_weight,
    native_output,
    synthesis_factors,
)


class MatrixRates(eqx.Module):
    """Rates at one moment; synthesis in mg/mL/day, all others in 1/day.

    Attributes:
        native, donor: Synthesis of glycosaminoglycan by native and by donor cells.
        cleavage: Aggrecan that becomes fragments.
        washout: Aggrecan that leaves.
        departure: Fragments that leave.
        collagen_II, collagen_I: Synthesis.
        collagen_loss: Of both collagens.
        repair, decay: Of the annulus order.
        healing: Of fissures, per order.
    """

    native: Field
    donor: Field
    cleavage: Field
    washout: Field
    departure: Field
    collagen_II: Field
    collagen_I: Field
    collagen_loss: Field
    repair: Field
    decay: Field
    healing: Field


def glycosaminoglycan_losses(
    fissure: Field, enzyme: Field, setting: MatrixSetting, parameters: MatrixParameters
) -> tuple[Field, Field, Field]:
    """Cleavage and washout of aggrecan and departure of fragments [1/day].

    Args:
        fissure: w, 0 to 1.
        enzyme: e.
        setting: The disc.
        parameters: Constants.
    """
    gain = 1.0 + parameters.enzyme_gain * enzyme
    open_share = setting.fissure_gain * setting.fissure_exposure * fissure
    turnover = setting.aggrecan
    cleavage = setting.cleavage_factor * turnover.cleavage * gain
    washout = turnover.direct * gain * (1.0 + open_share) + cleavage * open_share
    return cleavage, washout, turnover.departure * gain * (1.0 + open_share)


def matrix_rates(
    fissure: Field,
    cells: CellState,
    environment: Environment,
    signals: SignalState,
    load: Load,
    setting: MatrixSetting,
    parameters: MatrixParameters,
) -> MatrixRates:
    """Every rate at one moment; arguments as in `advance_matrix`."""
    weights = parameters.weights
    factors = synthesis_factors(environment, signals, load, setting.growth_factor_gain, parameters.synthesis)
    cleavage, washout, departure = glycosaminoglycan_losses(fissure, signals.enzyme, setting, parameters)
    per_output = setting.synthesis_factor * setting.aggrecan_synthesis * factors.glycosaminoglycan
    native, donor = native_output(cells, setting.native_weight, weights), donor_output(cells, weights)
    fibrous = fibrous_output(cells, fibrous_weight(setting.shares.all, signals.cytokine, weights), weights)
    turnover = setting.clock.collagen_turnover(setting.age)
    repair, healing = _repair(factors, cells, setting, parameters)
    return MatrixRates(
        native=per_output * native,
        donor=per_output * donor,
        cleavage=cleavage,
        washout=washout,
        departure=departure,
        collagen_II=turnover * setting.collagen_II_synthesis * factors.collagen_II * (native + donor),
        collagen_I=turnover * setting.collagen_I_synthesis * factors.collagen_I * fibrous,
        collagen_loss=turnover * (1.0 + parameters.collagen_enzyme_gain * signals.enzyme),
        repair=repair,
        decay=parameters.order_loss_ratio * setting.clock.order_recovery * signals.enzyme,
        healing=healing,
    )


def _repair(
    factors: SynthesisFactors, cells: CellState, setting: MatrixSetting, parameters: MatrixParameters
) -> tuple[Field, Field]:
    """kS+ Y1 / N_ref F1 and k_heal Y1 / N_ref [1/day]."""
    density = setting.native_reference
    healthy = jnp.where(density > 0.0, density, 1.0)
    activity = setting.clock.order_recovery * annulus_output(cells, parameters.weights) / healthy
    return activity * factors.collagen_I, parameters.healing_ratio * activity


def advance_matrix(
    state: MatrixState,
    cells: CellState,
    environment: Environment,
    signals: SignalState,
    load: Load,
    setting: MatrixSetting,
    parameters: MatrixParameters,
    step: ArrayLike,
) -> tuple[MatrixState, MatrixFlows]:
    """Advance the matrix over one step.

    Args:
        state: Matrix at the start; any shape.
        cells: Cells in the middle of the step.
        environment: Oxygen, glucose, pH and osmolarity in the middle of the step; its cytokine and growth factor are not used.
        signals: Signals in the middle of the step.
        load: Daily load.
        setting: The disc.
        parameters: Constants of the laws.
        step: Length of the step [day].

    Returns:
        The matrix at the end and the flows of the step.
    """
    length = as_field(step)
    rates = matrix_rates(state.fissure, cells, environment, signals, load, setting, parameters)
    order, fissure = _structure(state, rates, length)
    _, middle_fissure = _structure(state, rates, 0.5 * length)
    cleavage, washout, departure = glycosaminoglycan_losses(middle_fissure, signals.enzyme, setting, parameters)

    loss = cleavage + washout
    made = rates.native + rates.donor
    aggrecan, aggrecan_time = pool_step(state.aggrecan, made, loss, length)
    fragments, fragments_time = fed_pool_step(state.fragments, state.aggrecan, made, loss, cleavage, departure, length)
    collagen_II, collagen_II_time = pool_step(state.collagen_II, rates.collagen_II, rates.collagen_loss, length)
    collagen_I, collagen_I_time = pool_step(state.collagen_I, rates.collagen_I, rates.collagen_loss, length)
    flows = MatrixFlows(
        made_by_native=rates.native * length,
        made_by_donor=rates.donor * length,
        fragmented=cleavage * aggrecan_time,
        aggrecan_lost=washout * aggrecan_time,
        fragments_lost=departure * fragments_time,
        collagen_II_made=rates.collagen_II * length,
        collagen_II_lost=rates.collagen_loss * collagen_II_time,
        collagen_I_made=rates.collagen_I * length,
        collagen_I_lost=rates.collagen_loss * collagen_I_time,
    )
    return MatrixState(aggrecan, fragments, collagen_II, collagen_I, order, fissure), flows


def _structure(state: MatrixState, rates: MatrixRates, step: Scalar) -> tuple[Field, Field]:
    return structure_step(state.annulus_order, state.fissure, rates.repair, rates.decay, rates.healing, step)
