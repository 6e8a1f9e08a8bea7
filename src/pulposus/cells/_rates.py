"""All rates per cell at one moment: the laws of this room gathered for the integrator (cells_matrix 2.1, 2.3, 2.4)."""

from __future__ import annotations

import equinox as eqx
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._clocks import Clocks, as_clocks
from pulposus.cells._death import acid_death, glucose_death, osmotic_death
from pulposus.cells._differentiation import differentiation_rate
from pulposus.cells._environment import Environment
from pulposus.cells._growth import crowding, growth_rate
from pulposus.cells._immune import immune_kill
from pulposus.cells._parameters import CellParameters
from pulposus.cells._product import Product
from pulposus.cells._retention import attachment_rate, gel_fraction, leak_rate, track_weight
from pulposus.cells._senescence import senescence_rate
from pulposus.cells._state import CellState


class NativeRates(eqx.Module):
    """Rates per native cell [1/day]; glucose and acid also hold for senescent cells, clearance only for them."""

    growth: Field
    glucose: Field
    acid: Field
    senescence: Field
    clearance: Field


class FreeRates(eqx.Module):
    """Rates per free donor cell [1/day]."""

    leak: Field
    attachment: Field
    anoikis: Field
    glucose: Field
    acid: Field
    basal: Field

    @property
    def loss(self) -> Field:
        """All ways out [1/day]."""
        return self.leak + self.attachment + self.anoikis + self.glucose + self.acid + self.basal


class AttachedRates(eqx.Module):
    """Rates per attached or per differentiated donor cell [1/day].

    Differentiated cells have no osmotic death and differentiate no further.
    """

    growth: Field
    glucose: Field
    acid: Field
    osmotic: Field
    basal: Field
    immune: Field
    differentiation: Field

    @property
    def net(self) -> Field:
        """Growth less every loss [1/day]."""
        return self.growth - self.glucose - self.acid - self.osmotic - self.basal - self.immune - self.differentiation


class Rates(eqx.Module):
    """Rates per cell [1/day].

    Attributes:
        native, free, attached, differentiated: By population.
        predifferentiated: Share of the attaching cells that is nucleus-like already.
        dead_clearance: Rate at which dead cells vanish.
    """

    native: NativeRates
    free: FreeRates
    attached: AttachedRates
    differentiated: AttachedRates
    predifferentiated: Scalar
    dead_clearance: Scalar


def cell_rates(
    state: CellState,
    environment: Environment,
    product: Product,
    parameters: CellParameters,
    time: Clocks | ArrayLike,
    leak_weight: ArrayLike = 1.0,
) -> Rates:
    """Every rate at one moment.

    Args:
        state: Densities; crowding and native contact depend on them.
        environment: Local conditions.
        product: The cell product.
        parameters: Constants of the laws.
        time: Clocks of the donor cells; a single time [day] stands for one injection at 0.
        leak_weight: Spatial weight of the leak, of mean 1 over the disc.
    """
    native, donor, switches = parameters.native, parameters.donor, parameters.switches
    clocks = as_clocks(time)
    crowd = crowding(state.donor, parameters.crowding_capacity) * switches.growth
    growth = growth_rate(environment, clocks.since_culture, donor.growth, product) * crowd
    immune = immune_kill(environment, clocks.since_exposure, parameters.immune_switch_width, product) * switches.immune
    differentiation = differentiation_rate(environment, state.native, donor.differentiation)
    gel = gel_fraction(clocks.since_injection, product.carrier.gel_half_life)
    track = track_weight(clocks.since_injection, product.track_weight, parameters.seal_time)
    glucose = glucose_death(environment.glucose, donor.glucose) * switches.death
    acid = acid_death(environment.pH, donor.acid) * switches.death
    basal = donor.basal_death * switches.death
    none = as_field(0.0)
    return Rates(
        native=NativeRates(
            growth=native.growth_rate * crowd,
            glucose=glucose_death(environment.glucose, native.glucose) * switches.death,
            acid=acid_death(environment.pH, native.acid) * switches.death,
            senescence=senescence_rate(environment, native.senescence),
            clearance=native.senescence.clearance,
        ),
        free=FreeRates(
            leak=leak_rate(gel, track, environment.load, leak_weight, product) * switches.leak,
            attachment=attachment_rate(gel, product),
            anoikis=product.carrier.anoikis_rate * switches.death,
            glucose=glucose,
            acid=acid,
            basal=basal,
        ),
        attached=AttachedRates(
            growth=growth,
            glucose=glucose,
            acid=acid,
            osmotic=osmotic_death(environment.osmolarity, donor.osmotic) * switches.death,
            basal=basal,
            immune=immune,
            differentiation=differentiation * product.differentiation_factor * switches.differentiation,
        ),
        differentiated=AttachedRates(
            growth=growth * donor.growth.differentiated_fraction,
            glucose=glucose_death(environment.glucose, donor.differentiated_glucose) * switches.death,
            acid=acid_death(environment.pH, donor.differentiated_acid) * switches.death,
            osmotic=none,
            basal=basal * donor.differentiated_basal_fraction,
            immune=immune,
            differentiation=none,
        ),
        predifferentiated=product.predifferentiated_fraction,
        dead_clearance=parameters.dead_clearance,
    )
