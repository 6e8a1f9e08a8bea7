r"""What stays the same while a disc lives through time, at three levels of detail.

Level 2 is the disc in 3D; level 1 the axis of its nucleus, a bar of the nucleus' volume between its two cartilage endplates; level 0 one
well-mixed node whose environment is given. All three are the same data on another mesh, so the laws and the time stepping are written once.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellParameters, CellState, Environment, Product, demand_weights
from pulposus.disc import Disc
from pulposus.matrix import MatrixState, SignalState
from pulposus.mesh import Topology, exchange_stencil, point_topology, slab_stencil
from pulposus.nutrition import (
    Kinetics,
    NodeVolumes,
    NutritionProblem,
    TransportOperator,
    acidity,
    axial_geometry,
    axial_problem,
    nutrition_problem,
    oxygen_water,
    tissue_volumes,
    transport_operator,
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
        transport: Its operator as the solver wants it, prepared once.
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
    transport: TransportOperator
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

    def fed_by(self, problem: NutritionProblem) -> DiscModel:
        """The same disc with another supply; the prepared operator belongs to the problem, so it changes with it."""
        return replace(self, problem=problem, transport=transport_operator(problem))

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
    solid, problem = jnp.asarray(disc.tissue_of_element >= 0, dtype=jnp.float64), nutrition_problem(disc, constants)
    return DiscModel(
        mesh=mesh,
        problem=problem,
        transport=transport_operator(problem),
        volume=volumes.total,
        where=regions(disc),
        oxygen_water=oxygen_water(disc, volumes),
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
    bar = axial_geometry(disc)
    volumes, problem = bar.volumes(disc.tissue.cell_density.shape[0]), axial_problem(disc, bar, constants)
    heights = bar.heights[None]
    return DiscModel(
        mesh=bar.mesh,
        problem=problem,
        transport=transport_operator(problem),
        volume=volumes.total,
        where=bar.regions(),
        oxygen_water=oxygen_water(disc, volumes),
        native_rate_factor=disc.condition.native_rate_factor,
        surroundings=Surroundings.of_disc(disc, load),
        product=product,
        parameters=parameters,
        leak_weight=jnp.ones_like(heights),
        exchange=slab_stencil(bar.heights, bar.area, jnp.ones((1, len(bar.tissue)))),
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
    problem = NutritionProblem(
        mesh=mesh,
        stencil=jnp.zeros((3, 1, 1, 3, 1)),
        free=jnp.zeros((1, 1)),
        start=jnp.asarray(solutes, dtype=jnp.float64)[:, None, None],
        exchange=none,
        load=none,
        demand=none,
        kinetics=kinetics,
    )
    return DiscModel(
        mesh=mesh,
        problem=problem,
        transport=transport_operator(problem),
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
