r"""From a disc to its nutrition problem: operator, supply and demand (transport 1.2, 3; rulings 29 to 32).

The endplates feed the disc through a Robin law with the conductance of their cartilage in series with what is left of the route,

.. math:: -D\,\partial_n u = k\,(u - u_b), \qquad k = \frac{D_{CEP}}{t_{CEP}} \frac{P}{1 - P} ,

P being the relative supply: 1 fixes the marrow value at the face, below 1e-6 the face is sealed.

Advection by the fluid is left out: it is negligible for these three solutes (transport 6; doi:10.1371/journal.pcbi.1002112). Its term
:math:`v \cdot \nabla u` would be one more stencil, added to that of diffusion in `nutrition_problem`; being unsymmetric, it would also
need its transpose in the derivative of the solver.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.mesh import Anisotropy, diffusion_stencil, face_areas, node_volumes, ring_normals
from pulposus.nutrition._kinetics import Kinetics
from pulposus.nutrition._problem import NutritionProblem

# A relative supply below this is a sealed face (transport 3.2).
SEALED_BELOW = 1e-6
_NUCLEUS, _ANNULUS, _ENDPLATE, _OUTER_ANNULUS = 0, 1, 2, 3


class NodeVolumes(eqx.Module):
    """Lumped volumes [mm3] of the nodes, by tissue.

    Attributes:
        by_tissue: Volume of every node inside nucleus, annulus and endplate, and the outer annulus where it is a tissue of its own.
    """

    by_tissue: Float[Array, "tissues columns levels"]

    @property
    def total(self) -> Float[Array, "columns levels"]:
        """Volume of every node."""
        return jnp.sum(self.by_tissue, axis=0)

    def average(self, values: Float[Array, "tissues"]) -> Float[Array, "columns levels"]:
        """Volume-weighted nodal value of a property given by tissue; 0 in void."""
        total = self.total
        return jnp.einsum("t,tcz->cz", values, self.by_tissue) / jnp.where(total > 0.0, total, 1.0)


def tissue_volumes(disc: Disc) -> NodeVolumes:
    """Volumes of the nodes of a disc by tissue."""
    weights = [jnp.asarray(disc.tissue_of_element == code, dtype=jnp.float64) for code in range(3)]
    share = disc.tissue.outer_annulus_share
    if share is not None:
        outer = weights[_ANNULUS] * share[:, None]
        weights[_ANNULUS] = weights[_ANNULUS] - outer
        weights.append(outer)
    return NodeVolumes(jnp.stack([node_volumes(disc.topology, disc.coordinates, weight) for weight in weights]))


def kinetics_of(disc: Disc, constants: Kinetics) -> Kinetics:
    """The metabolic constants with the limiter, solubility and pH line that the disc sets."""
    metabolism = disc.metabolism
    return eqx.tree_at(
        lambda kinetics: (
            kinetics.glucose_limiter,
            kinetics.oxygen_solubility,
            kinetics.neutral_pH,
            kinetics.lactate_per_pH,
        ),
        constants,
        (metabolism.glucose_limiter, metabolism.oxygen_solubility, metabolism.neutral_pH, metabolism.lactate_per_pH),
    )


def _conductivity(disc: Disc) -> Float[Array, "3 quads layers"]:
    """Diffusion coefficient of every element; void conducts nothing."""
    tissue, diffusivity = disc.tissue_of_element, disc.tissue.diffusivity
    conductivity = jnp.where(jnp.asarray(tissue >= 0), diffusivity[:, np.maximum(tissue, 0)], 0.0)
    share = disc.tissue.outer_annulus_share
    if share is None:
        return conductivity
    step = (diffusivity[:, _OUTER_ANNULUS] - diffusivity[:, _ANNULUS])[:, None, None] * share[None, :, None]
    return conductivity + jnp.where(jnp.asarray(tissue == _ANNULUS)[None], step, 0.0)


def _annulus_anisotropy(disc: Disc) -> Anisotropy | None:
    """Slower diffusion across the lamellae of the annulus (transport 2.2), where the disc asks for it."""
    ratio = disc.tissue.radial_diffusion_ratio
    if ratio is None:
        return None
    of_element = jnp.where(jnp.asarray(disc.tissue_of_element == _ANNULUS), ratio, 1.0)
    return Anisotropy(ring_normals(disc.topology, disc.coordinates), of_element)


def _endplate_exchange(disc: Disc) -> tuple[Float[Array, "3 columns levels"], Float[Array, "columns levels"]]:
    """Robin coefficient times area of every node [mm3/day], and 1 on the nodes where the supply is full."""
    mesh, layout, supply = disc.topology, disc.layout, disc.supply
    relative = supply.endplate_supply
    full = relative >= 1.0
    # A full or sealed face has no finite coefficient: the placeholder keeps the other branch of `where` finite, also in derivatives.
    inner = jnp.where(full | (relative < SEALED_BELOW), 0.5, relative)
    conductance = inner / (1.0 - inner) / jnp.where(supply.endplate_thickness > 0.0, supply.endplate_thickness, 1.0)
    conductance = jnp.where(full | (relative < SEALED_BELOW), 0.0, conductance)
    tissue = _ENDPLATE if layout.has_endplates else _NUCLEUS
    exchange = jnp.zeros((3, mesh.columns, mesh.levels))
    fixed = jnp.zeros((mesh.columns, mesh.levels))
    for face, level in ((0, 0), (1, mesh.levels - 1)):
        area = face_areas(mesh, disc.coordinates[:, level], layout.endplate_quads.astype(np.float64))
        exchange = exchange.at[:, :, level].set(
            disc.tissue.diffusivity[:, tissue, None] * (conductance[face] * area)[None, :]
        )
        fixed = fixed.at[:, level].set(full[face].astype(jnp.float64))
    return exchange, fixed * layout.endplate_nodes


def native_demand(disc: Disc, volumes: NodeVolumes) -> Float[Array, "3 columns levels"]:
    """Demand of the native cells of the disc [10^6/mL mm3] (rulings 30, 31)."""
    density = disc.tissue.cell_density * disc.condition.native_rate_factor
    oxygen = jnp.einsum("t,tcz->cz", density * disc.oxygen_source_factor, volumes.by_tissue)
    others = jnp.einsum("t,tcz->cz", density, volumes.by_tissue)
    return jnp.stack([oxygen, others, others])


def nutrition_problem(
    disc: Disc, constants: Kinetics, demand: Float[Array, "3 columns levels"] | None = None
) -> NutritionProblem:
    """The nutrition problem of a disc.

    Args:
        disc: One disc (use `vmap` for a batch).
        constants: Constants of the metabolic laws.
        demand: Demand of the cells [10^6/mL mm3]; the native cells if None.
    """
    mesh, layout, supply = disc.topology, disc.layout, disc.supply
    exchange, fixed_face = _endplate_exchange(disc)
    annulus = jnp.asarray(layout.annulus_nodes)
    exchange = jnp.where(annulus, 0.0, exchange)
    fixed = jnp.maximum(fixed_face, jnp.asarray(layout.annulus_nodes | layout.void_nodes, dtype=jnp.float64))
    marrow = jnp.broadcast_to(supply.endplate_values[:, None, None], exchange.shape)
    start = jnp.where(annulus, supply.annulus_values[:, None, None], marrow)
    return NutritionProblem(
        mesh=mesh,
        stencil=diffusion_stencil(mesh, disc.coordinates, _conductivity(disc), _annulus_anisotropy(disc)),
        free=1.0 - fixed,
        start=start,
        exchange=exchange,
        load=exchange * marrow,
        demand=native_demand(disc, tissue_volumes(disc)) if demand is None else demand,
        kinetics=kinetics_of(disc, constants),
    )
