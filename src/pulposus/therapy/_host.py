"""The disc as the host of donor cells: its native cells and its supply, in 3D or on the axis of its nucleus.

The axis is a bar of the nucleus' volume between its two cartilage endplates; nothing enters through its side, so a wide nucleus is fed as
its centre is.
"""

from __future__ import annotations

import equinox as eqx
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellParameters
from pulposus.cells._parameters import NativeCells
from pulposus.disc import Disc, lesion_on_axis
from pulposus.nutrition import (
    Kinetics,
    NodeVolumes,
    NutritionProblem,
    axial_geometry,
    axial_problem,
    nutrition_problem,
    oxygen_water,
    tissue_volumes,
)
from pulposus.nutrition._summary import regions
from pulposus.parameters import ParameterSet

_NUCLEUS, _ENDPLATE = 0, 2


class Host(eqx.Module):
    """Native cells of a disc and what feeds them.

    Attributes:
        problem: Nutrition problem; its demand is replaced by that of the present cells.
        volume, nucleus: Volume of every node, and the part of it in the nucleus [mm3].
        nucleus_layers: Volume of the nucleus by column and layer [mm3].
        native: Living native cells [10^6/mL].
        oxygen_water: Factor on the oxygen sink of every node.
        native_rate_factor: Factor on all native metabolic rates.
        laws: Death laws of the native cells.
    """

    problem: NutritionProblem
    volume: Float[Array, "columns levels"]
    nucleus: Float[Array, "columns levels"]
    nucleus_layers: Float[Array, "columns layers"]
    native: Float[Array, "columns levels"]
    oxygen_water: Float[Array, "columns levels"]
    native_rate_factor: Float[Array, ""]
    laws: NativeCells


def spatial_host(disc: Disc, parameters: ParameterSet) -> Host:
    """A disc in 3D."""
    where = regions(disc)
    return _host(
        disc,
        nutrition_problem(disc, Kinetics.from_parameters(parameters)),
        tissue_volumes(disc),
        where.nucleus,
        where.nucleus_layers,
        disc.lesion.live_cells_left,
        parameters,
    )


def axial_host(disc: Disc, parameters: ParameterSet) -> Host:
    """The axis of a disc's nucleus."""
    bar = axial_geometry(disc)
    where = bar.regions()
    problem = axial_problem(disc, bar, Kinetics.from_parameters(parameters))
    volumes = bar.volumes(disc.tissue.cell_density.shape[0])
    left = lesion_on_axis(disc).live_cells_left
    return _host(disc, problem, volumes, where.nucleus, where.nucleus_layers, left, parameters)


def _host(
    disc: Disc,
    problem: NutritionProblem,
    volumes: NodeVolumes,
    nucleus: Float[Array, "columns levels"],
    nucleus_layers: Float[Array, "columns layers"],
    left: Float[Array, "columns levels"],
    parameters: ParameterSet,
) -> Host:
    laws = CellParameters.from_parameters(parameters, notochordal=disc.description.notochordal).native
    return Host(
        problem=problem,
        volume=volumes.total,
        nucleus=nucleus,
        nucleus_layers=nucleus_layers,
        native=volumes.average(disc.tissue.cell_density) * left,
        oxygen_water=oxygen_water(disc, volumes),
        native_rate_factor=disc.condition.native_rate_factor,
        # A disc may set its own threshold.
        laws=eqx.tree_at(lambda cells: cells.glucose.threshold, laws, disc.condition.glucose_threshold),
    )
