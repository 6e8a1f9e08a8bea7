r"""A simulated disc in another shape (mechanics_imaging 2.1, 2.5): coordinates, volumes, water and charge as nutrition and cells feel them.

When tissue gives off or takes up water, its cells and solids stay with it: with the volume ratio v of a node since the shape before

.. math:: n \to n / v, \qquad X \to X / v, \qquad c = \frac{0.0038\, X}{\varphi}, \qquad
    \varphi_T \to \varphi_T + \langle \varphi - \varphi_0 \rangle_{tissue}

so the number of cells and the mass of the matrix are kept at every node. The water of transport moves by the change of composition
(rulings 2), tissue by tissue, and the diffusivities follow it by their own law; paths and areas change with the coordinates. What is
dissolved, signals and nutrients, goes with the water: its concentration stays, nutrients are then solved anew.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc, effective_diffusivity
from pulposus.matrix import MatrixSetting, MatrixState, Medium
from pulposus.matrix._composition import fixed_charge
from pulposus.mesh import exchange_stencil
from pulposus.nutrition import nutrition_problem, oxygen_water, tissue_volumes
from pulposus.nutrition._summary import regions
from pulposus.simulation._biology import Biology
from pulposus.simulation._events import AgeingEvent, Event, InjectionEvent
from pulposus.simulation._imaged import Change
from pulposus.simulation._model import DiscModel
from pulposus.simulation._state import SimulationState

Nodal = Float[Array, "columns levels"]

# A relative supply that is neither full nor sealed, so that the exchange of every face is finite.
_PARTIAL = 0.5


class DeformedBiology(Biology):
    """Signals and matrix of a disc whose water is that of its mechanics.

    Attributes:
        water: Water fraction of the shape that the cells live in.
        rested_water: That of the disc lying at rest, which an image shows; the same where the cells live in that shape.
    """

    water: Nodal
    rested_water: Nodal

    def charge(self, matrix: MatrixState) -> Nodal:
        """Fixed charge density [mEq/mL of water]."""
        return fixed_charge(matrix.glycosaminoglycan, self.water, self.laws.matrix.composition)

    def composition_water(self, matrix: MatrixState) -> Nodal:
        """Water fraction of the disc at rest."""
        del matrix
        return self.rested_water


def deformed_disc(disc: Disc, coordinates: Float[Array, "columns levels 3"], water_shift: Float[Array, "3"]) -> Disc:
    """A disc in another shape.

    Args:
        disc: As it was imaged.
        coordinates: Nodes now [mm].
        water_shift: Change of the water fraction of nucleus, annulus and endplate.
    """
    tissue, plate = disc.tissue, disc.topology.plan.plate
    count = tissue.transport_water_fraction.shape[0]
    # An outer annulus of its own is the fourth tissue.
    water = tissue.transport_water_fraction + jnp.append(water_shift, water_shift[1])[:count]
    exponent, ones = disc.metabolism.diffusion_water_exponent, jnp.ones((3, count))

    def tortuosity(fraction: Float[Array, "tissues"]) -> Float[Array, "3 tissues"]:
        return effective_diffusivity(jnp.ones(3), fraction, ones, exponent)

    diffusivity = tissue.diffusivity * tortuosity(water) / tortuosity(tissue.transport_water_fraction)
    thickness = disc.supply.endplate_thickness * _plates(coordinates, plate) / _plates(disc.coordinates, plate)
    return replace(
        disc,
        coordinates=coordinates,
        tissue=replace(tissue, transport_water_fraction=water, diffusivity=diffusivity),
        supply=replace(disc.supply, endplate_thickness=thickness),
    )


def _plates(coordinates: Float[Array, "columns levels 3"], plate: int) -> Float[Array, "2 columns"]:
    """Length of the lower and the upper plate region of every column [mm]."""
    ends = coordinates[:, plate] - coordinates[:, 0], coordinates[:, -1] - coordinates[:, -1 - plate]
    return jnp.stack([jnp.sqrt(jnp.sum(end**2, axis=-1)) for end in ends])


def tissue_means(disc: Disc, field: Nodal) -> Float[Array, "3"]:
    """Volume-weighted means of a field over nucleus, annulus and endplate; zero where there is no such tissue."""
    volumes = tissue_volumes(disc).by_tissue
    own = jnp.concatenate([volumes[:1], volumes[1:2] + jnp.sum(volumes[3:], axis=0)[None], volumes[2:3]])
    whole = jnp.sum(own, axis=(1, 2))
    return jnp.sum(own * field[None], axis=(1, 2)) / jnp.where(whole > 0.0, whole, 1.0)


class TissueRatios(NamedTuple):
    """Volumes of the tissues over those of the image."""

    nucleus: float
    annulus: float
    endplate: float


def tissue_ratios(before: Disc, after: Disc) -> TissueRatios:
    """Mean volume ratios of the nodes of the tissues between two shapes of a disc."""
    means = tissue_means(before, ratio_of(volumes_of(after), volumes_of(before)))
    return TissueRatios(*(float(one) for one in means))


def _film(disc: Disc, model: DiscModel) -> Float[Array, "3 columns levels"]:
    """Exchange of the faces of a disc whose endplates are all half open: what area, thickness and diffusivity give."""
    supply = replace(disc.supply, endplate_supply=jnp.full_like(disc.supply.endplate_supply, _PARTIAL))
    return nutrition_problem(replace(disc, supply=supply), model.problem.kinetics).exchange


def ratio_of(now: Array, before: Array) -> Array:
    """Ratio of two fields; 1 where there was nothing."""
    some = before > 0.0
    return jnp.where(some, now / jnp.where(some, before, 1.0), 1.0)


@eqx.filter_jit
def volumes_of(disc: Disc) -> Nodal:
    """Volumes of the nodes of a disc [mm3]."""
    return tissue_volumes(disc).total


@eqx.filter_jit
def reshaped_model(
    model: DiscModel, before: Disc, after: Disc, change: Change, rested_water: Nodal | None = None
) -> DiscModel:
    """The constants of a disc in another shape.

    Args:
        model: In the shape `before`; its supply may have aged since.
        before, after: The disc in both shapes.
        change: State of its nodes in the shape `after`.
        rested_water: Water fraction of the disc lying at rest; that of `change` where left out.
    """
    mesh, volumes = after.topology, tissue_volumes(after)
    solid = jnp.asarray(after.tissue_of_element >= 0, dtype=jnp.float64)
    film = ratio_of(_film(after, model), _film(before, model))
    problem = replace(
        model.problem,
        stencil=nutrition_problem(after, model.problem.kinetics).stencil,
        exchange=model.problem.exchange * film,
        load=model.problem.load * film,
    )
    biology = model.biology
    if biology is not None:
        rested = change.water if rested_water is None else rested_water
        biology = _reshaped_biology(biology, after, ratio_of(volumes.total, model.volume), change.water, rested)
    return replace(
        model.fed_by(problem),
        volume=volumes.total,
        where=regions(after),
        oxygen_water=oxygen_water(after, volumes),
        exchange=exchange_stencil(mesh, after.coordinates, solid[None]),
        biology=biology,
    )


def _reshaped_biology(
    biology: Biology, after: Disc, ratio: Nodal, water: Nodal, rested_water: Nodal
) -> DeformedBiology:
    own = {one.name: getattr(biology, one.name) for one in fields(Biology)}
    setting: MatrixSetting = biology.setting
    nucleus, annulus = (weight * ratio for weight in (setting.nucleus_weight, setting.annulus_weight))
    setting = replace(setting, nucleus_weight=nucleus / jnp.sum(nucleus), annulus_weight=annulus / jnp.sum(annulus))
    signals = replace(biology.signals, medium=Medium.of_disc(after))
    return DeformedBiology(**{**own, "signals": signals, "setting": setting}, water=water, rested_water=rested_water)


def reshaped_state(state: SimulationState, ratio: Nodal) -> SimulationState:
    """The state of a disc whose nodes have changed their volume, with the cells and the solids that it had.

    Args:
        state: Before.
        ratio: Volume of every node over that before.
    """
    cells = jax.tree.map(lambda density: density / ratio, state.cells)
    matrix = state.matrix
    if matrix is not None:
        matrix = replace(
            matrix,
            aggrecan=matrix.aggrecan / ratio,
            fragments=matrix.fragments / ratio,
            collagen_II=matrix.collagen_II / ratio,
            collagen_I=matrix.collagen_I / ratio,
        )
    return replace(state, cells=cells, matrix=matrix)


@eqx.filter_jit
def reshaped_event(event: Event, model: DiscModel, start: Disc, now: Disc) -> Event:
    """An event that was planned for the imaged shape, in the present one.

    Args:
        event: As planned.
        model: For its kinetics.
        start, now: The disc as it was imaged, and now.
    """
    if isinstance(event, InjectionEvent):
        ratio = ratio_of(tissue_volumes(now).total, tissue_volumes(start).total)
        # As many cells and as much drug reach a node, whatever its volume.
        return replace(event, free=event.free / ratio, growth_factor=event.growth_factor / ratio)
    if isinstance(event, AgeingEvent):
        film = ratio_of(_film(now, model), _film(start, model))
        return replace(event, exchange=event.exchange * film, load=event.load * film)
    return event
