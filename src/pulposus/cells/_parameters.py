"""Constants of the cell laws, read from the parameter set (file cells.toml), grouped by the law that uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx

from pulposus.cells._arrays import Field, Scalar, as_field

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


def read(parameters: ParameterSet, prefix: str, *names: str) -> list[Scalar]:
    """Values of `prefix + name`, in the order of the names."""
    return [as_field(parameters.value(prefix + name)) for name in names]


class GlucoseDeath(eqx.Module):
    """Starvation: rate k0 [1/day], threshold g* [mM], half constant K [mM], one or by place."""

    rate: Scalar
    threshold: Scalar
    half: Field


class AcidDeath(eqx.Module):
    """Acid: rate [1/day], midpoint [pH], width [pH]."""

    rate: Scalar
    midpoint: Scalar
    width: Scalar


class OsmoticDeath(eqx.Module):
    """Salt: rate [1/day], midpoint [mOsm], width [mOsm]."""

    rate: Scalar
    midpoint: Scalar
    width: Scalar


class Senescence(eqx.Module):
    """Rate [1/day] and the gains of its factors; `clearance` of senescent cells [1/day]."""

    rate: Scalar
    cytokine_gain: Scalar
    acid_gain: Scalar
    acid_midpoint: Scalar
    acid_width: Scalar
    osmolarity_onset: Scalar
    osmolarity_scale: Scalar
    clearance: Scalar


class NativeCells(eqx.Module):
    """Native cells.

    Attributes:
        glucose, acid: Laws of death.
        growth_rate: Proliferation [1/day].
        senescence: Law of senescence.
        consumption_factor: Metabolism relative to a mature nucleus cell (1.5 where the nucleus is notochordal).
    """

    glucose: GlucoseDeath
    acid: AcidDeath
    growth_rate: Scalar
    senescence: Senescence
    consumption_factor: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, *, notochordal: bool = False) -> NativeCells:
        """Mature cells, or the notochordal cells of a young rat, rabbit, pig or dog (rulings 8)."""
        prefix = "cells.native."
        rate, mature, half, growth = read(
            parameters, prefix, "glucose_death_rate", "glucose_threshold", "glucose_half", "growth_rate"
        )
        special = read(parameters, "", "cells.notochordal.glucose_threshold", "nutrition.notochordal_weight")
        threshold, consumption = special if notochordal else (mature, as_field(1.0))
        senescence = read(
            parameters,
            prefix,
            "senescence_rate",
            "senescence_cytokine_gain",
            "senescence_acid_gain",
            "senescence_acid_midpoint",
            "senescence_acid_width",
            "senescence_osmolarity_onset",
            "senescence_osmolarity_scale",
            "senescent_clearance",
        )
        acid = AcidDeath(*read(parameters, prefix, "acid_death_rate", "acid_midpoint", "acid_width"))
        return cls(GlucoseDeath(rate, threshold, half), acid, growth, Senescence(*senescence), consumption)


class Growth(eqx.Module):
    """Growth of attached cells: rate r0 [1/day], mitogen window [day], and what slows it."""

    rate: Scalar
    mitogen_window: Scalar
    glucose_half: Scalar
    acid_midpoint: Scalar
    acid_width: Scalar
    osmolarity_midpoint: Scalar
    osmolarity_width: Scalar
    differentiated_fraction: Scalar


class Differentiation(eqx.Module):
    """Rate k0 [1/day] and the gains of the growth factor, of native contact, of oxygen, acid and cytokine."""

    rate: Scalar
    growth_factor_gain: Scalar
    growth_factor_half: Scalar
    contact_gain: Scalar
    contact_half: Scalar
    oxygen_low: Scalar
    oxygen_high: Scalar
    oxygen_floor: Scalar
    oxygen_offset: Scalar
    acid_midpoint: Scalar
    acid_width: Scalar
    cytokine_gain: Scalar


class DonorCells(eqx.Module):
    """Donor cells.

    Attributes:
        glucose, acid, osmotic: Laws of death of free and attached cells (osmotic: attached only).
        basal_death: Death without a cause above [1/day].
        differentiated_glucose, differentiated_acid: Laws of a mature nucleus cell.
        differentiated_basal_fraction: Basal death of differentiated cells over that of the others.
        growth, differentiation: Their laws.
    """

    glucose: GlucoseDeath
    acid: AcidDeath
    osmotic: OsmoticDeath
    basal_death: Scalar
    differentiated_glucose: GlucoseDeath
    differentiated_acid: AcidDeath
    differentiated_basal_fraction: Scalar
    growth: Growth
    differentiation: Differentiation

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> DonorCells:
        """Constants of cells_matrix 2.4."""
        prefix = "cells.donor."
        mature = NativeCells.from_parameters(parameters)
        basal, differentiated_basal = read(parameters, prefix, "basal_death", "differentiated_basal_fraction")
        growth = read(
            parameters,
            prefix,
            "growth_rate",
            "mitogen_window",
            "growth_glucose_half",
            "growth_acid_midpoint",
            "growth_acid_width",
            "growth_osmolarity_midpoint",
            "growth_osmolarity_width",
            "differentiated_growth_fraction",
        )
        differentiation = read(
            parameters,
            prefix + "differentiation_",
            "rate",
            "growth_factor_gain",
            "growth_factor_half",
            "contact_gain",
            "contact_half",
            "oxygen_low",
            "oxygen_high",
            "oxygen_floor",
            "oxygen_offset",
            "acid_midpoint",
            "acid_width",
            "cytokine_gain",
        )
        return cls(
            glucose=GlucoseDeath(*read(parameters, prefix, "glucose_death_rate", "glucose_threshold", "glucose_half")),
            acid=AcidDeath(*read(parameters, prefix, "acid_death_rate", "acid_midpoint", "acid_width")),
            osmotic=OsmoticDeath(*read(parameters, prefix, "osmotic_death_rate", "osmotic_midpoint", "osmotic_width")),
            basal_death=basal,
            differentiated_glucose=mature.glucose,
            differentiated_acid=mature.acid,
            differentiated_basal_fraction=differentiated_basal,
            growth=Growth(*growth),
            differentiation=Differentiation(*differentiation),
        )


class Motility(eqx.Module):
    """Motion of attached cells: random motility D [mm2/day], chemotaxis X [mm2/day per unit cytokine]."""

    random: Scalar
    chemotaxis: Scalar


class Switches(eqx.Module):
    """Mechanisms on (1) or off (0), for attribution (cells_matrix 5).

    `death` covers every cause but immunity; `paracrine` is carried for the signals and acts on no law of this room.
    """

    death: Scalar = eqx.field(converter=as_field, default=1.0)
    growth: Scalar = eqx.field(converter=as_field, default=1.0)
    differentiation: Scalar = eqx.field(converter=as_field, default=1.0)
    paracrine: Scalar = eqx.field(converter=as_field, default=1.0)
    immune: Scalar = eqx.field(converter=as_field, default=1.0)
    leak: Scalar = eqx.field(converter=as_field, default=1.0)


class CellParameters(eqx.Module):
    """Every constant of the cell laws that does not depend on the product.

    Attributes:
        native, donor: The two kinds of cells.
        motility: Coefficients of the motion of attached cells.
        crowding_capacity: Density of donor cells at which growth stops [10^6/mL].
        seal_time: Time in which the needle track closes [day].
        immune_switch_width: Time in which immunity wakes [day].
        dead_clearance: Rate at which dead cells vanish [1/day].
        switches: Mechanisms on or off.
    """

    native: NativeCells
    donor: DonorCells
    motility: Motility
    crowding_capacity: Scalar
    seal_time: Scalar
    immune_switch_width: Scalar
    dead_clearance: Scalar
    switches: Switches

    @classmethod
    def from_parameters(
        cls, parameters: ParameterSet, *, notochordal: bool = False, switches: Switches | None = None
    ) -> CellParameters:
        """Read the parameter set.

        Args:
            parameters: The loaded parameters.
            notochordal: Whether the nucleus holds notochordal cells (young rat, rabbit, pig, dog; rulings 8).
            switches: Mechanisms on or off; all on by default.
        """
        capacity, seal, width, clearance = read(
            parameters, "cells.", "crowding_capacity", "leak.seal_time", "immune.switch_width", "dead.clearance_rate"
        )
        return cls(
            native=NativeCells.from_parameters(parameters, notochordal=notochordal),
            donor=DonorCells.from_parameters(parameters),
            motility=Motility(*read(parameters, "cells.motility.", "random", "chemotaxis")),
            crowding_capacity=capacity,
            seal_time=seal,
            immune_switch_width=width,
            dead_clearance=clearance,
            switches=Switches() if switches is None else switches,
        )
