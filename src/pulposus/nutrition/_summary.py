r"""Numbers that describe a nutrition field: regional values, fluxes through surfaces, balances (transport 8.9; rulings 27, 33).

Fluxes are consistent nodal reactions, positive into the disc, so that in steady state they balance the cells to solver accuracy. Where one
ratio of lactate to glucose diffusivity holds in every tissue and two lactate are made of each glucose, :math:`w = G + \frac{D_L}{2 D_G} L`
is harmonic: it stays within its boundary values (transport 1.4).
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.mesh import Topology, integrate, layer_volumes, node_volumes
from pulposus.nutrition._kinetics import acidity, metabolic_rates
from pulposus.nutrition._problem import GLUCOSE, LACTATE, OXYGEN, NutritionProblem, flux_balance

# mM mm3/day to mol/s: 1 mM mm3 is 1e-9 mol.
MOL_PER_SECOND = 1e-9 / 86400.0
SURFACES = ("endplate_inferior", "endplate_superior", "outer_annulus", "rim")


class FieldSummary(eqx.Module):
    """Extremes, volume means and centre value of one field."""

    minimum: Float[Array, ""]
    maximum: Float[Array, ""]
    mean: Float[Array, ""]
    nucleus_mean: Float[Array, ""]
    centre: Float[Array, ""]


class Fluxes(eqx.Module):
    """Inflow of each solute through a named surface [mol/s], in the order of `SURFACES`."""

    oxygen: Float[Array, "4"]
    lactate: Float[Array, "4"]
    glucose: Float[Array, "4"]


class Balance(eqx.Module):
    """How well the solution conserves.

    Attributes:
        oxygen, lactate, glucose: |inflow + production| over the total production or use.
        lactate_per_glucose: Lactate inflow over glucose inflow; -2 where the yield is 2, not a number where no cell uses glucose.
        invariant_excess: How far w leaves its boundary values, over their mean; not a number where w is not harmonic.
    """

    oxygen: Float[Array, ""]
    lactate: Float[Array, ""]
    glucose: Float[Array, ""]
    lactate_per_glucose: Float[Array, ""]
    invariant_excess: Float[Array, ""]


class NutritionSummary(eqx.Module):
    """Everything that `pulposus nutrition` prints of a solution."""

    oxygen: FieldSummary
    lactate: FieldSummary
    glucose: FieldSummary
    pH: FieldSummary
    fluxes: Fluxes
    balance: Balance


class Regions(eqx.Module):
    """Volumes over which fields are averaged; they depend on the mesh of the disc only.

    Attributes:
        heights: Axial coordinate of the nodes [mm].
        inside: 1 on nodes that carry volume.
        disc, nucleus: Lumped volumes.
        disc_layers, nucleus_layers: Volumes by column and layer.
    """

    heights: Float[Array, "columns levels"]
    inside: Float[Array, "columns levels"]
    disc: Float[Array, "columns levels"]
    nucleus: Float[Array, "columns levels"]
    disc_layers: Float[Array, "columns layers"]
    nucleus_layers: Float[Array, "columns layers"]


def regions(disc: Disc) -> Regions:
    """The averaging regions of a disc."""
    mesh, coordinates, tissue = disc.topology, disc.coordinates, disc.tissue_of_element
    whole, nucleus = (tissue >= 0).astype(np.float64), (tissue == 0).astype(np.float64)
    volume = node_volumes(mesh, coordinates, whole)
    return Regions(
        heights=coordinates[..., 2],
        inside=(volume > 0.0).astype(jnp.float64),
        disc=volume,
        nucleus=node_volumes(mesh, coordinates, nucleus),
        disc_layers=layer_volumes(mesh, coordinates, whole),
        nucleus_layers=layer_volumes(mesh, coordinates, nucleus),
    )


def summarise_field(mesh: Topology, where: Regions, values: Float[Array, "columns levels"]) -> FieldSummary:
    """Extremes, means and centre value of a field."""
    inside = where.inside > 0.0
    return FieldSummary(
        minimum=jnp.min(jnp.where(inside, values, jnp.inf)),
        maximum=jnp.max(jnp.where(inside, values, -jnp.inf)),
        mean=integrate(mesh, where.heights, where.disc, where.disc_layers, values) / jnp.sum(where.disc),
        nucleus_mean=integrate(mesh, where.heights, where.nucleus, where.nucleus_layers, values)
        / jnp.sum(where.nucleus),
        centre=values[mesh.centre],
    )


def surface_inflow(
    disc: Disc, problem: NutritionProblem, solutes: Float[Array, "3 columns levels"]
) -> tuple[Float[Array, "3 4"], Float[Array, "3"]]:
    """Inflow through every named surface and the reaction at the nodes [mM mm3/day; kPa mm3/day for oxygen].

    Returns:
        Inflow (solutes, surfaces) and the total that the cells make of every solute (negative where they use it).
    """
    layout = disc.layout
    through_fixed = jnp.where(problem.free[None] > 0.0, 0.0, flux_balance(problem, solutes))
    through_robin = problem.load - problem.exchange * solutes
    face = through_fixed * jnp.asarray(layout.endplate_nodes)[None] + through_robin
    side = jnp.sum(through_fixed * jnp.asarray(layout.annulus_nodes)[None], axis=(1, 2))
    # A fixed node that is on no fed surface lies in void and carries nothing; the bone over the annulus rim passes no flux.
    rim = jnp.zeros(3)
    inflow = jnp.stack([jnp.sum(face[:, :, 0], axis=1), jnp.sum(face[:, :, -1], axis=1), side, rim], axis=1)
    return inflow, jnp.sum(problem.demand * metabolic_rates(problem.kinetics, solutes), axis=(1, 2))


def _invariant_excess(
    disc: Disc, problem: NutritionProblem, where: Regions, solutes: Float[Array, "3 columns levels"]
) -> Float[Array, ""]:
    # The outer annulus, the fourth tissue where there is one, has elements wherever the disc has an annulus.
    zones = np.arange(3, disc.tissue.diffusivity.shape[1])
    present = np.concatenate([np.unique(disc.tissue_of_element[disc.tissue_of_element >= 0]), zones])
    ratio = (disc.tissue.diffusivity[LACTATE] / disc.tissue.diffusivity[GLUCOSE])[present]
    harmonic = jnp.max(ratio) - jnp.min(ratio) < 1e-9 * jnp.max(ratio)
    share = 0.5 * ratio[0]
    invariant = solutes[GLUCOSE] + share * solutes[LACTATE]
    marrow, annulus = disc.supply.endplate_values, disc.supply.annulus_values
    bounds = jnp.stack([values[GLUCOSE] + share * values[LACTATE] for values in (marrow, annulus)])
    inside = where.inside > 0.0
    above = jnp.max(jnp.where(inside, invariant, -jnp.inf)) - jnp.max(bounds)
    below = jnp.min(bounds) - jnp.min(jnp.where(inside, invariant, jnp.inf))
    excess = jnp.maximum(jnp.maximum(above, below), 0.0) / jnp.mean(bounds)
    same_yield = jnp.all(problem.demand[LACTATE] == problem.demand[GLUCOSE])
    return jnp.where(harmonic & same_yield, excess, jnp.nan)


@eqx.filter_jit
def summarise(disc: Disc, problem: NutritionProblem, solutes: Float[Array, "3 columns levels"]) -> NutritionSummary:
    """Summary of a solution.

    Args:
        disc: The disc.
        problem: Its nutrition problem.
        solutes: The solution.
    """
    where = regions(disc)
    inflow, made = surface_inflow(disc, problem, solutes)
    total = jnp.sum(inflow, axis=1)
    scale = jnp.where(made == 0.0, 1.0, jnp.abs(made))
    # Without use the inflow is rounding; without inflow there is no ratio either.
    used = jnp.where(made[GLUCOSE] == 0.0, 0.0, total[GLUCOSE])
    imbalance = jnp.abs(total + made) / scale
    moles = inflow * MOL_PER_SECOND
    return NutritionSummary(
        oxygen=summarise_field(disc.topology, where, solutes[OXYGEN]),
        lactate=summarise_field(disc.topology, where, solutes[LACTATE]),
        glucose=summarise_field(disc.topology, where, solutes[GLUCOSE]),
        pH=summarise_field(disc.topology, where, acidity(problem.kinetics, solutes[LACTATE])),
        fluxes=Fluxes(moles[OXYGEN] * problem.kinetics.oxygen_solubility, moles[LACTATE], moles[GLUCOSE]),
        balance=Balance(
            oxygen=imbalance[OXYGEN],
            lactate=imbalance[LACTATE],
            glucose=imbalance[GLUCOSE],
            lactate_per_glucose=total[LACTATE] / jnp.where(used == 0.0, jnp.nan, used),
            invariant_excess=_invariant_excess(disc, problem, where, solutes),
        ),
    )


def measured_nodes(disc: Disc) -> int:
    """Nodes of the mesh that carry volume."""
    return int((~disc.layout.void_nodes).sum())


def field_document(summary: FieldSummary) -> dict[str, float]:
    """A field summary as plain numbers."""
    return {
        "min": float(summary.minimum),
        "max": float(summary.maximum),
        "mean": float(summary.mean),
        "nucleus_mean": float(summary.nucleus_mean),
        "centre": float(summary.centre),
    }


def summary_document(summary: NutritionSummary) -> dict[str, object]:
    """A nutrition summary as plain numbers, with the keys of the command line."""

    def finite(value: Array) -> float | None:
        number = float(value)
        return number if np.isfinite(number) else None

    return {
        "oxygen_kPa": field_document(summary.oxygen),
        "glucose_mM": field_document(summary.glucose),
        "lactate_mM": field_document(summary.lactate),
        "pH": field_document(summary.pH),
        "fluxes": {
            surface: {
                f"{solute}_mol_per_s": float(values[number])
                for solute, values in (
                    ("oxygen", summary.fluxes.oxygen),
                    ("lactate", summary.fluxes.lactate),
                    ("glucose", summary.fluxes.glucose),
                )
            }
            for number, surface in enumerate(SURFACES)
        },
        "balance": {
            "oxygen_relative_error": finite(summary.balance.oxygen),
            "lactate_relative_error": finite(summary.balance.lactate),
            "glucose_relative_error": finite(summary.balance.glucose),
            "lactate_per_glucose": finite(summary.balance.lactate_per_glucose),
            "invariant_excess": finite(summary.balance.invariant_excess),
        },
    }
