r"""What stays the same while a disc lives through time, at three levels of detail.

Level 2 is the disc in 3D; level 1 the axis of its nucleus, a bar of the nucleus' volume between its two cartilage endplates; level 0 one
well-mixed node whose environment is given. All three are the same data on another mesh, so the laws and the time stepping are written once.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellParameters, CellState, Environment, Product, demand_weights
from pulposus.disc import Disc, central_column
from pulposus.matrix import MatrixState, SignalState
from pulposus.mesh import Topology, exchange_stencil, point_topology, slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import (
    Kinetics,
    NodeVolumes,
    NutritionProblem,
    acidity,
    kinetics_of,
    nutrition_problem,
    tissue_volumes,
)
from pulposus.nutrition._problem import GLUCOSE, LACTATE, OXYGEN
from pulposus.nutrition._summary import Regions, regions
from pulposus.simulation._biology import Biology

_NUCLEUS, _ENDPLATE = 0, 2


class Surroundings(eqx.Module):
    """Conditions that the grade gives where signals and matrix are not computed; scalars. The load holds in any case.

    Attributes:
        osmolarity: Osmolarity [mOsm].
        cytokine: Catabolic cytokine; 1 is typical of grade IV.
        growth_factor: Exogenous growth factor [ng/mL].
        annulus_opening: Fissure fraction of the annulus.
        endplate_opening: Open share of the endplate.
        load: Daily load index.
    """

    osmolarity: Float[Array, ""]
    cytokine: Float[Array, ""]
    growth_factor: Float[Array, ""]
    annulus_opening: Float[Array, ""]
    endplate_opening: Float[Array, ""]
    load: Float[Array, ""]

    @classmethod
    def of_disc(cls, disc: Disc, load: Float[Array, ""] | float = 1.0) -> Surroundings:
        """The grade's constants."""
        zero = jnp.zeros(())
        return cls(
            osmolarity=disc.condition.osmolarity,
            cytokine=disc.condition.cytokine,
            growth_factor=zero,
            annulus_opening=disc.condition.fissure_fraction,
            endplate_opening=zero,
            load=jnp.asarray(load, dtype=jnp.float64),
        )


class DiscModel(eqx.Module):
    """A disc, a product in it, and the constants of the laws.

    Attributes:
        mesh: Topology.
        problem: Nutrition problem; its demand is replaced by that of the present cells.
        volume: Volume of every node [mm3].
        where: Averaging regions.
        oxygen_water: Factor on the oxygen sink of every node (porosity form of the metabolic model).
        native_rate_factor: Factor on all native metabolic rates.
        surroundings: Conditions given by the grade.
        product, parameters: Cell product and constants of the cell laws.
        leak_weight: Spatial weight of the leak.
        exchange: Exchange stencil of unit conductivity, for the motion of cells [mm].
        initial_cells: Cells at the start [10^6/mL].
        injected: Living donor cells that left the needle before the start [million].
        leaked_at_once: Those that left with the back-flow [million].
        biology: Signals and matrix; None where the grade's constants stand for them.
    """

    mesh: Topology = eqx.field(static=True)
    problem: NutritionProblem
    volume: Float[Array, "columns levels"]
    where: Regions
    oxygen_water: Float[Array, "columns levels"]
    native_rate_factor: Float[Array, ""]
    surroundings: Surroundings
    product: Product
    parameters: CellParameters
    leak_weight: Float[Array, "columns levels"]
    exchange: Float[Array, "1 columns width 3 levels"]
    initial_cells: CellState
    injected: Float[Array, ""]
    leaked_at_once: Float[Array, ""]
    biology: Biology | None

    def environment(
        self,
        solutes: Float[Array, "3 columns levels"],
        signals: SignalState | None = None,
        matrix: MatrixState | None = None,
    ) -> Environment:
        """What the cells feel; `signals` and `matrix` are those of the biology, and needed where there is one."""
        around, pH = self.surroundings, acidity(self.problem.kinetics, solutes[LACTATE])
        if self.biology is not None and signals is not None and matrix is not None:
            return self.biology.environment(solutes[OXYGEN], solutes[GLUCOSE], pH, around.load, signals, matrix)
        return Environment(
            oxygen=solutes[OXYGEN],
            glucose=solutes[GLUCOSE],
            pH=pH,
            osmolarity=around.osmolarity,
            cytokine=around.cytokine,
            growth_factor=around.growth_factor,
            annulus_opening=around.annulus_opening,
            endplate_opening=around.endplate_opening,
            load=around.load,
        )

    def nutrition(self, cells: CellState) -> NutritionProblem:
        """Nutrition problem with the demand of the given cells (rulings 6, 12, 30, 31)."""
        oxygen, glucose = demand_weights(cells, self.product, 1.0, self.native_rate_factor, 1.0)
        demand = self.volume[None] * jnp.stack([self.oxygen_water * oxygen, glucose, glucose])
        return self.problem.with_demand(demand)


def _native_cells(disc: Disc, volumes: NodeVolumes) -> CellState:
    """Native cells of the disc; a node on the border of tissues holds the volume-weighted mean, so that totals are exact."""
    density = volumes.average(disc.tissue.cell_density)
    senescent = volumes.average(disc.tissue.cell_density * disc.tissue.senescent_share)
    return CellState.without_donor(density - senescent, senescent)


def _oxygen_water(disc: Disc, volumes: NodeVolumes) -> Float[Array, "columns levels"]:
    """Factor on the oxygen sink; on the border of tissues weighed by their cells, so that the native demand is exact as well."""
    density, factor = disc.tissue.cell_density, disc.oxygen_source_factor
    cells = volumes.average(density)
    some = cells > 0.0
    return jnp.where(some, volumes.average(density * factor) / jnp.where(some, cells, 1.0), volumes.average(factor))


@eqx.filter_jit
def spatial_model(
    disc: Disc,
    constants: Kinetics,
    product: Product,
    parameters: CellParameters,
    free: Float[Array, "columns levels"],
    leak_weight: Float[Array, "columns levels"],
    injected: Float[Array, ""],
    leaked_at_once: Float[Array, ""],
    load: Float[Array, ""] | float = 1.0,
    biology: Biology | None = None,
) -> DiscModel:
    """Level 2: the disc in 3D.

    Args:
        disc: The disc.
        constants: Constants of metabolism.
        product, parameters: Cell product and constants of the cell laws.
        free: Free donor cells right after the injection [10^6/mL].
        leak_weight: Spatial weight of the leak, of mean 1 over the free cells.
        injected: Living donor cells that left the needle [million].
        leaked_at_once: Those that left with the back-flow [million].
        load: Daily load index; 1 is normal.
        biology: Signals and matrix of this disc on this mesh.
    """
    mesh, volumes = disc.topology, tissue_volumes(disc)
    solid = jnp.asarray(disc.tissue_of_element >= 0, dtype=jnp.float64)
    return DiscModel(
        mesh=mesh,
        problem=nutrition_problem(disc, constants),
        volume=volumes.total,
        where=regions(disc),
        oxygen_water=_oxygen_water(disc, volumes),
        native_rate_factor=disc.condition.native_rate_factor,
        surroundings=Surroundings.of_disc(disc, load),
        product=product,
        parameters=parameters,
        leak_weight=jnp.asarray(leak_weight),
        exchange=exchange_stencil(mesh, disc.coordinates, solid[None]),
        initial_cells=_native_cells(disc, volumes).with_injected(jnp.asarray(free)),
        injected=jnp.asarray(injected, dtype=jnp.float64),
        leaked_at_once=jnp.asarray(leaked_at_once, dtype=jnp.float64),
        biology=biology,
    )


class AxialGeometry(eqx.Module):
    """The bar that stands for a disc at level 1.

    Attributes:
        heights: Node heights [mm].
        area: Cross-section that gives the bar the nucleus' volume [mm2].
        tissue: Tissue of every layer.
    """

    heights: Float[Array, "levels"]
    area: Float[Array, ""]
    tissue: tuple[int, ...] = eqx.field(static=True)

    def volumes(self, tissues: int = 3) -> NodeVolumes:
        """Volumes of the nodes by tissue [mm3]; a disc with zones of the annulus has more than three tissues, none of them on the axis."""
        layers = np.asarray(self.tissue)
        return NodeVolumes(
            jnp.stack([slab_volumes(self.heights, self.area, layers == code) for code in range(tissues)])
        )


@eqx.filter_jit
def axial_geometry(disc: Disc) -> AxialGeometry:
    """The axis of a disc as a bar of the nucleus' volume."""
    column = central_column(disc)
    nucleus = np.asarray(column.tissue) == _NUCLEUS
    height = jnp.sum(jnp.diff(column.positions) * jnp.asarray(nucleus, dtype=jnp.float64))
    volume = jnp.sum(tissue_volumes(disc).by_tissue[_NUCLEUS])
    return AxialGeometry(column.positions, volume / height, tuple(int(code) for code in column.tissue))


@eqx.filter_jit
def axial_model(
    disc: Disc,
    constants: Kinetics,
    product: Product,
    parameters: CellParameters,
    free: Float[Array, "1 levels"],
    injected: Float[Array, ""],
    leaked_at_once: Float[Array, ""],
    load: Float[Array, ""] | float = 1.0,
    biology: Biology | None = None,
) -> DiscModel:
    """Level 1: the axis of the nucleus. Arguments as in `spatial_model`; the leak weight is 1 (one column has no track)."""
    plan, bar, supply = disc.topology.plan, axial_geometry(disc), disc.supply
    mesh = slab_topology(plan.plate, plan.core)
    volumes = bar.volumes(disc.tissue.cell_density.shape[0])
    layers = np.asarray(bar.tissue)
    conductivity = disc.tissue.diffusivity[:, layers]
    column = central_column(disc)
    relative, thickness = column.endplate_supply, column.endplate_thickness
    full = relative >= 1.0
    inner = jnp.where(full, 0.5, relative)
    conductance = jnp.where(full, 0.0, inner / (1.0 - inner) / jnp.where(thickness > 0.0, thickness, 1.0))
    face = disc.tissue.diffusivity[:, _ENDPLATE if _ENDPLATE in bar.tissue else _NUCLEUS]
    exchange = jnp.zeros((3, 1, mesh.levels))
    exchange = (
        exchange.at[:, 0, 0].set(face * conductance[0] * bar.area).at[:, 0, -1].set(face * conductance[1] * bar.area)
    )
    free_nodes = jnp.ones((1, mesh.levels)).at[0, jnp.array([0, -1])].set(1.0 - full.astype(jnp.float64))
    marrow = jnp.broadcast_to(supply.endplate_values[:, None, None], exchange.shape)
    zero = jnp.zeros((3, 1, mesh.levels))
    heights, nucleus = bar.heights[None], (layers == _NUCLEUS)
    thicknesses = bar.area * jnp.diff(heights)
    return DiscModel(
        mesh=mesh,
        problem=NutritionProblem(
            mesh=mesh,
            stencil=slab_stencil(bar.heights, bar.area, conductivity),
            free=free_nodes,
            start=marrow,
            exchange=exchange,
            load=exchange * marrow,
            demand=zero,
            kinetics=kinetics_of(disc, constants),
        ),
        volume=volumes.total,
        where=Regions(
            heights=heights,
            inside=jnp.ones_like(heights),
            disc=volumes.total,
            nucleus=volumes.by_tissue[_NUCLEUS],
            disc_layers=thicknesses,
            nucleus_layers=thicknesses * jnp.asarray(nucleus, dtype=jnp.float64)[None],
        ),
        oxygen_water=_oxygen_water(disc, volumes),
        native_rate_factor=disc.condition.native_rate_factor,
        surroundings=Surroundings.of_disc(disc, load),
        product=product,
        parameters=parameters,
        leak_weight=jnp.ones_like(heights),
        exchange=slab_stencil(bar.heights, bar.area, jnp.ones((1, len(layers)))),
        initial_cells=_native_cells(disc, volumes).with_injected(jnp.asarray(free)),
        injected=jnp.asarray(injected, dtype=jnp.float64),
        leaked_at_once=jnp.asarray(leaked_at_once, dtype=jnp.float64),
        biology=biology,
    )


def well_mixed_model(
    product: Product,
    parameters: CellParameters,
    kinetics: Kinetics,
    surroundings: Surroundings,
    solutes: Float[Array, "3"],
    cells: CellState,
    volume: float,
    injected: float,
    leaked_at_once: float,
    biology: Biology | None = None,
) -> DiscModel:
    """Level 0: one well-mixed node in a given environment.

    Args:
        product, parameters, kinetics, surroundings: As in a disc.
        solutes: Oxygen [kPa], lactate and glucose [mM]; they stay as given.
        cells: Scalar densities right after the injection [10^6/mL].
        volume: Volume of the node [mm3].
        injected, leaked_at_once: As in `spatial_model` [million].
        biology: Signals and matrix of the node.
    """
    mesh = point_topology()
    node = jnp.full((1, 1), volume, dtype=jnp.float64)
    none = jnp.zeros((3, 1, 1))
    return DiscModel(
        mesh=mesh,
        problem=NutritionProblem(
            mesh=mesh,
            stencil=jnp.zeros((3, 1, 1, 3, 1)),
            free=jnp.zeros((1, 1)),
            start=jnp.asarray(solutes, dtype=jnp.float64)[:, None, None],
            exchange=none,
            load=none,
            demand=none,
            kinetics=kinetics,
        ),
        volume=node,
        where=Regions(jnp.zeros((1, 1)), jnp.ones((1, 1)), node, node, jnp.zeros((1, 0)), jnp.zeros((1, 0))),
        oxygen_water=jnp.ones((1, 1)),
        native_rate_factor=jnp.ones(()),
        surroundings=surroundings,
        product=product,
        parameters=parameters,
        leak_weight=jnp.ones((1, 1)),
        exchange=jnp.zeros((1, 1, 1, 3, 1)),
        initial_cells=jax.tree.map(lambda density: jnp.broadcast_to(density, (1, 1)), cells),
        injected=jnp.asarray(injected, dtype=jnp.float64),
        leaked_at_once=jnp.asarray(leaked_at_once, dtype=jnp.float64),
        biology=biology,
    )
