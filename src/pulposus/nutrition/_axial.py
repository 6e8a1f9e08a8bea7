"""The axis of a disc as a bar: its mesh, its volumes and its nutrition problem.

The bar has the nucleus' volume between the two cartilage endplates; nothing enters through its side, so a wide nucleus is fed as its centre
is.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc, central_column
from pulposus.mesh import Topology, slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition._assembly import NodeVolumes, kinetics_of, tissue_volumes
from pulposus.nutrition._kinetics import Kinetics
from pulposus.nutrition._problem import NutritionProblem
from pulposus.nutrition._summary import Regions

_NUCLEUS, _ENDPLATE = 0, 2


class AxialGeometry(eqx.Module):
    """The bar that stands for a disc.

    Attributes:
        mesh: Topology, one column.
        heights: Node heights [mm].
        area: Cross-section that gives the bar the nucleus' volume [mm2].
        tissue: Tissue of every layer.
    """

    mesh: Topology = eqx.field(static=True)
    heights: Float[Array, "levels"]
    area: Float[Array, ""]
    tissue: tuple[int, ...] = eqx.field(static=True)

    def volumes(self, tissues: int = 3) -> NodeVolumes:
        """Volumes of the nodes by tissue [mm3]; a disc with zones of the annulus has more than three tissues, none of them on the axis."""
        layers = np.asarray(self.tissue)
        return NodeVolumes(
            jnp.stack([slab_volumes(self.heights, self.area, layers == code) for code in range(tissues)])
        )

    def regions(self) -> Regions:
        """Averaging regions of the bar."""
        heights, volumes = self.heights[None], self.volumes()
        layers = self.area * jnp.diff(heights)
        in_nucleus = jnp.asarray(np.asarray(self.tissue) == _NUCLEUS, dtype=jnp.float64)
        return Regions(
            heights=heights,
            inside=jnp.ones_like(heights),
            disc=volumes.total,
            nucleus=volumes.by_tissue[_NUCLEUS],
            disc_layers=layers,
            nucleus_layers=layers * in_nucleus[None],
        )


@eqx.filter_jit
def axial_geometry(disc: Disc) -> AxialGeometry:
    """The axis of a disc as a bar of the nucleus' volume."""
    column, plan = central_column(disc), disc.topology.plan
    nucleus = np.asarray(column.tissue) == _NUCLEUS
    height = jnp.sum(jnp.diff(column.positions) * jnp.asarray(nucleus, dtype=jnp.float64))
    volume = jnp.sum(tissue_volumes(disc).by_tissue[_NUCLEUS])
    return AxialGeometry(
        mesh=slab_topology(plan.plate, plan.core),
        heights=column.positions,
        area=volume / height,
        tissue=tuple(int(code) for code in column.tissue),
    )


def axial_problem(disc: Disc, bar: AxialGeometry, constants: Kinetics) -> NutritionProblem:
    """Nutrition problem of the bar, without any demand (transport 3.2).

    Args:
        disc: The disc.
        bar: Its axis.
        constants: Constants of metabolism.
    """
    column, layers = central_column(disc), np.asarray(bar.tissue)
    full = column.endplate_supply >= 1.0
    partial = jnp.where(full, 0.5, column.endplate_supply)
    thickness = jnp.where(column.endplate_thickness > 0.0, column.endplate_thickness, 1.0)
    conductance = jnp.where(full, 0.0, bar.area * partial / (1.0 - partial) / thickness)
    face = disc.tissue.diffusivity[:, _ENDPLATE if _ENDPLATE in bar.tissue else _NUCLEUS]
    ends = jnp.array([0, -1])
    exchange = jnp.zeros((3, 1, bar.mesh.levels)).at[:, 0, ends].set(face[:, None] * conductance[None])
    marrow = jnp.broadcast_to(disc.supply.endplate_values[:, None, None], exchange.shape)
    return NutritionProblem(
        mesh=bar.mesh,
        stencil=slab_stencil(bar.heights, bar.area, disc.tissue.diffusivity[:, layers]),
        free=jnp.ones((1, bar.mesh.levels)).at[0, ends].set(1.0 - full.astype(jnp.float64)),
        start=marrow,
        exchange=exchange,
        load=exchange * marrow,
        demand=jnp.zeros_like(exchange),
        kinetics=kinetics_of(disc, constants),
    )


def oxygen_water(disc: Disc, volumes: NodeVolumes) -> Float[Array, "columns levels"]:
    """Factor on the oxygen sink; on the border of tissues weighed by their cells, so that the native demand is exact as well."""
    density, factor = disc.tissue.cell_density, disc.oxygen_source_factor
    cells = volumes.average(density)
    some = cells > 0.0
    return jnp.where(some, volumes.average(density * factor) / jnp.where(some, cells, 1.0), volumes.average(factor))
