"""The disc as the host of donor cells: its native cells and its supply, in 3D or on the axis of its nucleus.

The axis is a bar of the nucleus' volume between its two cartilage endplates; nothing enters through its side, so a wide nucleus is fed as
its centre is.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellParameters
from pulposus.cells._parameters import NativeCells
from pulposus.disc import Disc, central_column
from pulposus.mesh import slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import Kinetics, NodeVolumes, NutritionProblem, kinetics_of, nutrition_problem, tissue_volumes
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
        parameters,
    )


def axial_host(disc: Disc, parameters: ParameterSet) -> Host:
    """The axis of a disc's nucleus."""
    column, plan, tissue = central_column(disc), disc.topology.plan, disc.tissue
    layers = np.asarray(column.tissue)
    in_nucleus = jnp.asarray(layers == _NUCLEUS, dtype=jnp.float64)
    lengths = jnp.diff(column.positions)
    area = jnp.sum(tissue_volumes(disc).by_tissue[_NUCLEUS]) / jnp.sum(lengths * in_nucleus)
    mesh = slab_topology(plan.plate, plan.core)
    volumes = NodeVolumes(
        jnp.stack(
            [
                slab_volumes(column.positions, area, np.asarray(layers == code))
                for code in range(tissue.cell_density.shape[0])
            ]
        )
    )
    full = column.endplate_supply >= 1.0
    partial = jnp.where(full, 0.5, column.endplate_supply)
    thickness = jnp.where(column.endplate_thickness > 0.0, column.endplate_thickness, 1.0)
    conductance = jnp.where(full, 0.0, area * partial / (1.0 - partial) / thickness)
    face = tissue.diffusivity[:, _ENDPLATE if _ENDPLATE in layers else _NUCLEUS]
    ends = jnp.array([0, -1])
    exchange = jnp.zeros((3, 1, mesh.levels)).at[:, 0, ends].set(face[:, None] * conductance[None])
    marrow = jnp.broadcast_to(disc.supply.endplate_values[:, None, None], exchange.shape)
    problem = NutritionProblem(
        mesh=mesh,
        stencil=slab_stencil(column.positions, area, tissue.diffusivity[:, layers]),
        free=jnp.ones((1, mesh.levels)).at[0, ends].set(1.0 - full.astype(jnp.float64)),
        start=marrow,
        exchange=exchange,
        load=exchange * marrow,
        demand=jnp.zeros_like(exchange),
        kinetics=kinetics_of(disc, Kinetics.from_parameters(parameters)),
    )
    return _host(disc, problem, volumes, volumes.by_tissue[_NUCLEUS], (area * lengths * in_nucleus)[None], parameters)


def _host(
    disc: Disc,
    problem: NutritionProblem,
    volumes: NodeVolumes,
    nucleus: Float[Array, "columns levels"],
    nucleus_layers: Float[Array, "columns layers"],
    parameters: ParameterSet,
) -> Host:
    density, water = disc.tissue.cell_density, disc.oxygen_source_factor
    native = volumes.average(density)
    some = native > 0.0
    laws = CellParameters.from_parameters(parameters, notochordal=disc.description.notochordal).native
    return Host(
        problem=problem,
        volume=volumes.total,
        nucleus=nucleus,
        nucleus_layers=nucleus_layers,
        native=native,
        # On the border of tissues weighed by their cells, so that the native demand is exact.
        oxygen_water=jnp.where(
            some, volumes.average(density * water) / jnp.where(some, native, 1.0), volumes.average(water)
        ),
        native_rate_factor=disc.condition.native_rate_factor,
        # A disc may set its own threshold.
        laws=eqx.tree_at(lambda cells: cells.glucose.threshold, laws, disc.condition.glucose_threshold),
    )
