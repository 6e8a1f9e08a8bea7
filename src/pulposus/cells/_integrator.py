r"""One time step of the cell populations: positive by construction, exact in its ledger, second order.

A population :math:`y` with a constant net rate :math:`g` and an amount :math:`S` that enters in the middle of a step of
length :math:`h` has the end value :math:`y_1` and the time integral :math:`I` (cells_matrix 2.9, 6.1, 6.2)

.. math::

    y_1 &= y_0 e^{g h} + S e^{g h / 2} \\
    I &= y_0 h \varphi(g h) + S \tfrac{h}{2} \varphi(g h / 2), \qquad \varphi(x) = (e^x - 1) / x

so that :math:`y_1 - y_0 = g I + S` holds to rounding. Every flow is a rate times an integral: what leaves one population is
exactly what enters the next and what the ledger counts,

.. math::

    S_F = 0, \qquad S_A = (1 - \pi) k_{att} I_F, \qquad S_D = \pi k_{att} I_F + k_{dif} I_A

for free, attached and differentiated donor cells. Native cells feed senescent ones, and all deaths feed the dead, in the
same way. Rates are those of the middle of the step, crowding and native contact at a predicted middle.
"""

from __future__ import annotations

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._clocks import Clocks, as_clocks
from pulposus.cells._environment import Environment
from pulposus.cells._flows import CellFlows, DonorDeaths, NativeFlows
from pulposus.cells._parameters import CellParameters
from pulposus.cells._product import Product
from pulposus.cells._rates import Rates, cell_rates
from pulposus.cells._state import CellState

RatesOfOne = TypeVar("RatesOfOne", bound=eqx.Module)

# Below this |x| the Taylor polynomial of degree 4 is exact to rounding (its remainder is x^5 / 720 < 2e-18); above it the
# derivative of expm1(x) / x loses no more than three digits.
SERIES_BELOW = 1e-3


def mean_exponential(exponent: Field) -> Field:
    """phi(x) = (exp(x) - 1) / x, the mean of exp over [0, x]; 1 at zero, smooth in value and gradient."""
    small = jnp.abs(exponent) < SERIES_BELOW
    away = jnp.where(small, 1.0, exponent)
    near = jnp.where(small, exponent, 0.0)
    series = 1.0 + near / 2.0 * (1.0 + near / 3.0 * (1.0 + near / 4.0 * (1.0 + near / 5.0)))
    return jnp.where(small, series, jnp.expm1(away) / away)


def fed_exponential(start: Field, source: Field, rate: Field, step: Scalar) -> tuple[Field, Field]:
    """Solve dy/dt = rate y with an amount `source` that enters in the middle of the step.

    Args:
        start: y at the start [10^6/mL].
        source: What enters during the step [10^6/mL].
        rate: Net rate, any sign [1/day].
        step: Length of the step [day].

    Returns:
        y at the end [10^6/mL] and its integral over the step [10^6 day/mL]; end - start = rate * integral + source.
    """
    half = 0.5 * step
    end = start * jnp.exp(rate * step) + source * jnp.exp(rate * half)
    integral = start * step * mean_exponential(rate * step) + source * half * mean_exponential(rate * half)
    return end, integral


def advance(
    state: CellState,
    environment: Environment,
    product: Product,
    parameters: CellParameters,
    time: Clocks | ArrayLike,
    step: ArrayLike,
    leak_weight: ArrayLike = 1.0,
) -> tuple[CellState, CellFlows]:
    """Advance the cells over one step.

    Args:
        state: Densities at the start; any shape.
        environment: Conditions in the middle of the step.
        product: The cell product.
        parameters: Constants of the laws.
        time: Clocks at the start of the step; a single time [day] stands for one injection at 0.
        step: Length of the step [day].
        leak_weight: Spatial weight of the leak, of mean 1 over the disc, a scalar or of the shape of the state.

    Returns:
        The densities at the end and the flows of the step, all [10^6/mL].
    """
    length = as_field(step)
    middle = as_clocks(time).later(0.5 * length)
    first = cell_rates(state, environment, product, parameters, middle, leak_weight)
    predicted, _ = exponential_step(state, first, 0.5 * length)
    rates = cell_rates(predicted, environment, product, parameters, middle, leak_weight)
    return exponential_step(state, rates, length)


def exponential_step(state: CellState, rates: Rates, step: Scalar) -> tuple[CellState, CellFlows]:
    """Advance with constant rates; see the equations of this module.

    Args:
        state: Densities at the start [10^6/mL].
        rates: Rates per cell [1/day].
        step: Length of the step [day].
    """
    none = jnp.zeros_like(state.native)
    native_loss = rates.native.glucose + rates.native.acid
    native, native_time = fed_exponential(
        state.native, none, rates.native.growth - native_loss - rates.native.senescence, step
    )
    senesced = rates.native.senescence * native_time
    senescent, senescent_time = fed_exponential(state.senescent, senesced, -native_loss - rates.native.clearance, step)

    free, free_time = fed_exponential(state.free, none, -rates.free.loss, step)
    of_free = _passed(rates.free, free_time)
    joining = rates.predifferentiated * of_free.attachment

    attached, attached_time = fed_exponential(state.attached, of_free.attachment - joining, rates.attached.net, step)
    of_attached = _passed(rates.attached, attached_time)
    differentiating = of_attached.differentiation + joining

    differentiated, differentiated_time = fed_exponential(
        state.differentiated, differentiating, rates.differentiated.net, step
    )
    of_differentiated = _passed(rates.differentiated, differentiated_time)

    deaths = DonorDeaths(
        anoikis=of_free.anoikis,
        glucose=of_free.glucose + of_attached.glucose + of_differentiated.glucose,
        acid=of_free.acid + of_attached.acid + of_differentiated.acid,
        osmotic=of_attached.osmotic + of_differentiated.osmotic,
        basal=of_free.basal + of_attached.basal + of_differentiated.basal,
        immune=of_attached.immune + of_differentiated.immune,
    )
    native_flows = NativeFlows(
        born=rates.native.growth * native_time,
        glucose=rates.native.glucose * (native_time + senescent_time),
        acid=rates.native.acid * (native_time + senescent_time),
        cleared=rates.native.clearance * senescent_time,
        senesced=senesced,
    )
    dead, dead_time = fed_exponential(state.dead, deaths.total + native_flows.dead, -rates.dead_clearance, step)
    flows = CellFlows(
        leaked=of_free.leak,
        attached=of_free.attachment,
        differentiated=differentiating,
        born=of_attached.growth + of_differentiated.growth,
        deaths=deaths,
        native=native_flows,
        removed=rates.dead_clearance * dead_time,
    )
    return CellState(native, senescent, free, attached, differentiated, dead), flows


def _passed(rates: RatesOfOne, density_time: Field) -> RatesOfOne:
    """Amounts that took each way during the step: rate times the integral of the density [10^6/mL]."""
    return jax.tree.map(lambda rate: rate * density_time, rates)
