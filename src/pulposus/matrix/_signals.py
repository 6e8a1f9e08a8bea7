r"""Cytokine, paracrine factor, growth factor and enzyme activity of a disc (cells_matrix 2.6; rulings 4, 22).

.. math::

    \partial_t c &= D \nabla^2 c + \frac{f\,[sc_0 s/n_{ref} + sc_1 (n/n_{ref}) Z + sc_3\, c^2/(1 + c^2)] + sc_2(t)}{1 + p/K_p}
        + a_{imm} k + q_c(t) - k_c c \\
    \partial_t p &= D \nabla^2 p + k_c\, x_p (m_A + 0.3\, m_D)/m_1 + q_p(t) - k_c p \\
    \partial_t G &= D \nabla^2 G + q_G(t) - k_G G \\
    \dot e &= (e_{ss} - e)/t_e, \qquad e_{ss} = \frac{c\,[1 + 2 (1 - f_T(\mathrm{pH}))]}{(1 + p/K_p)\, e_{IV}}

with the senescent and the other native cells s and n over the healthy density of the place, the stress Z, the trauma of insults
:math:`sc_2`, one factor f per disc (`balance_source`), and the kill k by immunity. f_T is the acid factor, at most 1, and
:math:`e_{IV} = 1 + 2 (1 - f_T(6.8))` makes e = 1 at c = 1, pH 6.8 and p = 0.

The fields are implicit in time (`_diffusion`), the autocrine term and the inhibition are taken from the given, lagged signals, and the
enzyme relaxes exactly. No term is negative, so all signals stay positive; where sc_3 is below 1.54 k_c, repeating the step with its own
result contracts to the one solution. Acid and TIMP: Razaq 2003 (https://www.dpag.ox.ac.uk/publications/113772); stem cells lowered the
response to interleukin-1 beta (https://pmc.ncbi.nlm.nih.gov/articles/PMC4581747).
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.matrix._acid import acid_factor
from pulposus.matrix._diffusion import Medium, Transport, diffuse
from pulposus.matrix._load import Load
from pulposus.matrix._signal_parameters import EnzymeLaw, SignalParameters
from pulposus.matrix._signal_state import SignalState
from pulposus.matrix._stress import stress

Nodal = Float[Array, "columns levels"]


class SignalModel(eqx.Module):
    """What stays the same while signals come and go.

    Attributes:
        medium: Where they diffuse.
        parameters: Constants of the laws.
        healthy_density: n_ref, native cells of a healthy disc of the species at every node [10^6/mL].
        source_factor: f, factor of this disc on its source of cytokine.
        secretion: x_p, paracrine secretion of the product's cells over that of marrow stem cells; 0 switches the paracrine effect off.
        growth_factor_decay: Decay of the growth factor in the tissue [1/day].
    """

    medium: Medium
    parameters: SignalParameters
    healthy_density: Nodal
    source_factor: Scalar = eqx.field(converter=as_field)
    secretion: Scalar = eqx.field(converter=as_field)
    growth_factor_decay: Scalar = eqx.field(converter=as_field)


class SignalInputs(eqx.Module):
    """What comes from outside the laws during a step; scalars or fields.

    Attributes:
        trauma: Source sc2 of cytokine by insults [1/day].
        immune_kill: Donor cells that immunity kills [10^6/mL/day].
        cytokine: Release of cytokine, such as by injected leukocytes [1/day].
        paracrine: Pulse of paracrine factor, such as by platelets [1/day].
        growth_factor: Release of growth factor [ng/mL/day].
    """

    trauma: Field = eqx.field(converter=as_field, default=0.0)
    immune_kill: Field = eqx.field(converter=as_field, default=0.0)
    cytokine: Field = eqx.field(converter=as_field, default=0.0)
    paracrine: Field = eqx.field(converter=as_field, default=0.0)
    growth_factor: Field = eqx.field(converter=as_field, default=0.0)


def autocrine(cytokine: Field) -> Field:
    """c2 / (1 + c2)."""
    return cytokine**2 / (1.0 + cytokine**2)


def cytokine_production(
    model: SignalModel,
    lagged: SignalState,
    cells: CellState,
    environment: Environment,
    load: Load,
    trauma: ArrayLike = 0.0,
) -> Field:
    """Source of the cytokine without immunity [1/day]; the factor of the disc acts on what its own cells make, not on trauma.

    Args:
        model: The disc.
        lagged: Signals that the autocrine term and the inhibition see.
        cells: Cells of the step.
        environment: Glucose and pH of the step.
        load: Load of the day.
        trauma: sc2 [1/day].
    """
    law, density = model.parameters.source, model.healthy_density
    healthy = jnp.where(density > 0.0, density, 1.0)
    made = (
        law.senescent * cells.senescent / healthy
        + law.stress * (cells.native / healthy) * stress(environment, load, model.parameters.stress)
        + law.autocrine * autocrine(lagged.cytokine)
    )
    return (model.source_factor * made + jnp.asarray(trauma)) / (
        1.0 + lagged.paracrine / model.parameters.paracrine.inhibition
    )


def paracrine_secretion(model: SignalModel, cells: CellState) -> Field:
    """Source of the paracrine factor by donor cells [1/day]; one attached million per mL, uniform, keeps it at 1."""
    law = model.parameters.paracrine
    secreting = (cells.attached + law.differentiated_weight * cells.differentiated) / law.unit_density
    return model.parameters.transport.decay * model.secretion * secreting


def inhibitor_loss(pH: Field, law: EnzymeLaw) -> Field:
    """1 + 2 (1 - f_T), how far acid tilts the balance of enzymes and inhibitors."""
    return 1.0 + law.acid_gain * (1.0 - jnp.minimum(acid_factor(pH, law.acid_midpoint, law.acid_width), 1.0))


def steady_enzyme(cytokine: Field, paracrine: Field, pH: Field, parameters: SignalParameters) -> Field:
    """e_ss, the activity that the signals keep up."""
    law = parameters.enzyme
    tilt = inhibitor_loss(pH, law) / inhibitor_loss(law.unit_pH, law)
    return cytokine * tilt / (1.0 + paracrine / parameters.paracrine.inhibition)


def advance_signals(
    model: SignalModel,
    start: SignalState,
    lagged: SignalState,
    cells: CellState,
    environment: Environment,
    load: Load,
    inputs: SignalInputs,
    step: ArrayLike,
) -> SignalState:
    """Signals after a step.

    Args:
        model: The disc.
        start: Signals at the start.
        lagged: Signals that the autocrine term and the inhibition of the cytokine see: `start` to predict, the prediction to correct.
        cells: Cells of the step.
        environment: Glucose and pH of the step; its signals are not read.
        load: Load of the day.
        inputs: What comes from outside.
        step: Length of the step [day].
    """
    medium, parameters = model.medium, model.parameters
    length, shape = as_field(step), medium.volume.shape
    cytokine_source = (
        cytokine_production(model, lagged, cells, environment, load, inputs.trauma)
        + parameters.source.immune * inputs.immune_kill
        + inputs.cytokine
    )
    paracrine_source = paracrine_secretion(model, cells) + inputs.paracrine
    own = diffuse(
        medium,
        parameters.transport,
        jnp.stack([start.cytokine, start.paracrine]),
        jnp.stack([jnp.broadcast_to(cytokine_source, shape), jnp.broadcast_to(paracrine_source, shape)]),
        length,
    )
    exogenous = diffuse(
        medium,
        _with_decay(parameters.transport, model.growth_factor_decay),
        start.growth_factor[None],
        jnp.broadcast_to(inputs.growth_factor, (1, *shape)),
        length,
    )
    cytokine, paracrine = own.values
    kept_up = steady_enzyme(cytokine, paracrine, environment.pH, parameters)
    passed = length / parameters.enzyme.lag
    enzyme = start.enzyme * jnp.exp(-passed) - kept_up * jnp.expm1(-passed)
    return SignalState(cytokine, paracrine, exogenous.values[0], enzyme)


def _with_decay(transport: Transport, decay: Scalar) -> Transport:
    return eqx.tree_at(lambda law: law.decay, transport, decay)
