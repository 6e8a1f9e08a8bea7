"""The numeric part of a cell product in its carrier (cells_matrix 2.3, 2.5; rulings 12, 15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx

from pulposus.cells._arrays import Scalar, as_field
from pulposus.cells._parameters import read
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from pulposus.parameters import ParameterSet

CARRIERS = ("saline", "hyaluronan", "fibrin", "collagen", "alginate")
SOURCES = ("bone_marrow", "adipose", "peripheral_blood", "umbilical_cord_blood", "wharton_jelly", "disc_cells")
IMMUNITIES = ("autologous", "allogeneic", "xenogeneic", "xenogeneic_dog")


class Carrier(eqx.Module):
    """What the cells are injected in.

    Attributes:
        leak_rate: Leak of free cells per unit track weight [1/day].
        attachment_rate: Attachment of free cells [1/day].
        anoikis_rate: Death of free cells for want of attachment [1/day].
        gel_half_life: Half-life of the gel [day]; 0 means no gel.
        growth_factor: Factor on the growth of attached cells.
    """

    leak_rate: Scalar
    attachment_rate: Scalar
    anoikis_rate: Scalar
    gel_half_life: Scalar
    growth_factor: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, name: str) -> Carrier:
        """The row of a carrier in the table of cells_matrix 2.3."""
        _require(name, CARRIERS, "carrier")
        prefix = f"cells.carrier.{name}."
        names = ("leak_rate", "attachment_rate", "anoikis_rate", "gel_half_life", "growth_factor")
        return cls(*read(parameters, prefix, *names))


class Demand(eqx.Module):
    """Consumption of a donor cell over that of a native nucleus cell: oxygen; glucose (and release of lactate)."""

    oxygen: Scalar
    glucose: Scalar


class Product(eqx.Module):
    """A cell product as the laws see it.

    Attributes:
        carrier: What the cells come in.
        saline: The carrier whose leak and attachment hold when the gel has disappeared.
        track_weight: w0, how open the way out is right after the injection, 0 to 2.5.
        potency: P_pot, share of the growth of young cells that is left.
        differentiation_factor: Factor of the source on differentiation.
        paracrine_factor: x_p, factor of the source on the secretion of the paracrine factor.
        predifferentiated_fraction: Share of the attaching cells that is nucleus-like already.
        immune_rate: Kill of fully exposed cells [1/day], immunogenicity of the source included.
        immune_delay: Time until immunity wakes [day].
        privilege: a0, exposure of cells in an intact disc, 0 to 1.
        demand: Consumption of a free or attached cell.
        differentiated_demand: Consumption of a differentiated cell.
    """

    carrier: Carrier
    saline: Carrier
    track_weight: Scalar
    potency: Scalar
    differentiation_factor: Scalar
    paracrine_factor: Scalar
    predifferentiated_fraction: Scalar
    immune_rate: Scalar
    immune_delay: Scalar
    privilege: Scalar
    demand: Demand
    differentiated_demand: Demand

    @classmethod
    def from_parameters(
        cls,
        parameters: ParameterSet,
        *,
        carrier: str = "saline",
        source: str = "bone_marrow",
        immunity: str = "autologous",
        track_weight: ArrayLike | None = None,
        potency: ArrayLike = 1.0,
        predifferentiated_fraction: ArrayLike | None = None,
    ) -> Product:
        """Read a product from the parameter set.

        Args:
            parameters: The loaded parameters.
            carrier: One of saline, hyaluronan, fibrin, collagen, alginate.
            source: One of bone_marrow, adipose, peripheral_blood, umbilical_cord_blood, wharton_jelly, disc_cells.
            immunity: One of autologous, allogeneic, xenogeneic, xenogeneic_dog.
            track_weight: w0; by default that of a thin needle in an intact annulus.
            potency: P_pot after expansion.
            predifferentiated_fraction: By default that of the source.

        Raises:
            InvalidInput: A name is unknown.
        """
        _require(source, SOURCES, "source")
        _require(immunity, IMMUNITIES, "immunity")
        factor, paracrine, immunogenicity, nucleus_like = read(
            parameters,
            f"cells.source.{source}.",
            "differentiation_factor",
            "paracrine_factor",
            "immunogenicity",
            "predifferentiated_fraction",
        )
        rate, delay = read(parameters, f"cells.immune.{immunity}.", "rate", "delay")
        intact, privilege = read(parameters, "cells.", "leak.weight_intact", "immune.privilege")
        weights = "nutrition.donor_weight."
        fresh = weights + ("differentiated." if source == "disc_cells" else "undifferentiated.")
        return cls(
            carrier=Carrier.from_parameters(parameters, carrier),
            saline=Carrier.from_parameters(parameters, "saline"),
            track_weight=intact if track_weight is None else as_field(track_weight),
            potency=as_field(potency),
            differentiation_factor=factor,
            paracrine_factor=paracrine,
            predifferentiated_fraction=(
                nucleus_like if predifferentiated_fraction is None else as_field(predifferentiated_fraction)
            ),
            immune_rate=rate * immunogenicity,
            immune_delay=delay,
            privilege=privilege,
            demand=Demand(*read(parameters, fresh, "oxygen", "lactate")),
            differentiated_demand=Demand(*read(parameters, weights + "differentiated.", "oxygen", "lactate")),
        )


def _require(name: str, allowed: tuple[str, ...], what: str) -> None:
    if name not in allowed:
        raise InvalidInput(
            f"unknown {what} '{name}'",
            where=what,
            allowed=", ".join(allowed),
            remedy=f"use one of the listed {what} names",
        )
