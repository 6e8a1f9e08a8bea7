r"""Mechanics along the course of a simulated disc (mechanics_imaging 2.1, 2.5; rulings 2, 10, 44).

At chosen times the matrix of the simulation (charge, solid, fissures, order of the annulus, tissue that insults took) goes to the Gauss
points of the mechanics of the same disc. The supine equilibrium is solved there, from the one before it:

.. math::

    c_0 (1 - n_s) = [c_0 (1 - n_s)]_{image}\, \frac{r}{J_g}, \qquad n_s = n_{s,image}\, \frac{s}{(1 - \varphi_0)\, J_g}, \qquad
    J_g = \text{tissue left}

with r, s and the water of the image of `ImagedDisc`. Two uses: `read_course` reads heights, pressure, stiffness and strain off a finished
course and changes nothing; `deform` gives the disc of the simulation the shape, the volumes and the water of that equilibrium, so that
nutrients, cells and matrix feel it. Moduli and permeability at the stress-free volume stay those of the grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells._arrays import Scalar
from pulposus.disc import Disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mechanics._arrays import as_field
from pulposus.mechanics._disc_material import PointComposition
from pulposus.mechanics._disc_places import ANNULUS
from pulposus.mechanics._disc_problem import DiscSolid, disc_solid
from pulposus.mechanics._equilibrium import drained_equilibrium
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._reading import Reading, read
from pulposus.mechanics._reference_state import ReferenceState, reference_state
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._whole_disc import (
    MechanicalDisc,
    disc_day,
    fast_state,
    require_state,
    resting_load,
    with_state,
)
from pulposus.simulation._biology import Biology
from pulposus.simulation._carrying import ToNodes, ToPoints, node_reference, to_nodes, to_points
from pulposus.simulation._course import Course
from pulposus.simulation._imaged import Change, ImagedDisc
from pulposus.simulation._model import DiscModel
from pulposus.simulation._reshaping import (
    deformed_disc,
    reshaped_model,
    reshaped_state,
    tissue_means,
    volumes_of,
)
from pulposus.simulation._state import SimulationState

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

MODES = ("off", "readout", "coupled")
"""What mechanics does in a run: nothing, readouts over time, or the shape that nutrition feels."""

# Tissue that is gone altogether leaves this share of its volume, so that the elements keep one.
_LEAST_GROWTH = 0.05


class DiscMechanics(eqx.Module):
    """The mechanics of a simulated disc, and its stress-free state.

    Attributes:
        disc: The disc of the simulation as it was imaged.
        imaged: Its nodes then.
        solid: The same disc on quadratic elements.
        reference: Its stress-free state.
        supine: Supine load, (6,).
        standing: Axial force of the day, at which the stiffness is read [N].
        points, nodes: Fields to the Gauss points, and displacements back.
    """

    disc: Disc
    imaged: ImagedDisc
    solid: DiscSolid
    reference: ReferenceState
    supine: Float[Array, "6"]
    standing: Scalar
    points: ToPoints
    nodes: ToNodes

    @property
    def rested(self) -> Deformation:
        """Supine equilibrium of the unchanged disc; its shape is the image."""
        return self.reference.supine

    def problem(self, change: Change) -> SolidProblem:
        """The stress-free disc with what has changed since the image."""
        carry, before = self.points.bounded, self.imaged
        whole, fissure = self.reference.problem.material.donnan, self.solid.imaged.fissure
        # Tissue that was lost shrinks; what is left keeps its composition.
        growth = jnp.maximum(carry(change.left), _LEAST_GROWTH)
        kept = jnp.maximum(change.left, _LEAST_GROWTH) * (1.0 - before.water)
        solid = whole.solid_fraction * carry(jnp.where(kept > 0.0, change.solid / kept, 1.0))
        charge = whole.fixed_charge * (1.0 - whole.solid_fraction) * carry(change.charge_ratio)
        annulus = self.solid.places.within(ANNULUS)
        torn = fissure + annulus * carry(change.fissure - before.matrix.fissure)
        state = PointComposition(
            solid_fraction=solid,
            fixed_charge=charge / growth / (1.0 - solid),
            fissure=jnp.clip(torn, 0.0, 1.0),
            fibre_loss=annulus * carry(change.fibre_loss),
        )
        return with_state(self.solid, self.reference.problem, state, growth)

    def positions(self, state: Deformation) -> Float[Array, "columns levels 3"]:
        """Nodes of the simulation [mm] in an equilibrium: those of the image and what has moved since."""
        return self.disc.coordinates + self.nodes(state.displacement - self.rested.displacement)


class MechanicsReading(NamedTuple):
    """What is read off a disc at one time.

    Attributes:
        time: [day].
        state: Supine equilibrium.
        reading: Off it.
        stiffness: Tangent dF/dh of a fast load of the day on the supine disc [N/mm]; not a number where it was not asked for or not found.
        effective_modulus: [MPa].
        volume_ratio: Of nucleus, annulus and endplate over the image.
    """

    time: float
    state: Deformation
    reading: Reading
    stiffness: float
    effective_modulus: float
    volume_ratio: tuple[float, float, float]

    def row(self) -> dict[str, Any]:
        """The numbers as plain data."""
        heights, volumes = self.reading.heights, self.reading.volumes
        parts = ("anterior", "middle", "posterior", "mean")
        return {
            "time_day": self.time,
            "status": int(self.state.status),
            "height_mm": {part: float(getattr(heights, part)) for part in parts},
            "intradiscal_pressure_MPa": float(self.reading.pressure),
            "stiffness_N_per_mm": self.stiffness,
            "effective_modulus_MPa": self.effective_modulus,
            "bulge_mm": float(self.reading.bulge.largest),
            "fibre_stretch_p95": float(self.reading.fibre_stretch),
            "water_volume_mm3": float(volumes.water),
            "disc_volume_mm3": float(volumes.total),
            "volume_ratio": dict(zip(("nucleus", "annulus", "endplate"), self.volume_ratio, strict=True)),
        }


def disc_mechanics(
    disc: Disc, quadratic: Disc, model: DiscModel, parameters: ParameterSet, *, body_mass: float | None = None
) -> DiscMechanics:
    """Find the stress-free state of a simulated disc.

    Args:
        disc: The disc of the simulation.
        quadratic: The same disc, loaded at the resolution "mechanics".
        model: The disc before anything happened to it.
        parameters: The loaded parameters.
        body_mass: Of a person [kg]; the reference man's where left out.

    Raises:
        InvalidInput: The simulation is not in 3D or computes no matrix, or the two are not one disc.
        SolverFailed: No stress-free state was found.
    """
    biology = biology_of(model)
    if model.mesh is not disc.topology:
        raise InvalidInput(
            "mechanics needs the disc in 3D", where=disc.description.name, allowed="numerics.level: disc"
        )
    if disc.description.name != quadratic.description.name:
        raise InvalidInput(
            f"{disc.description.name} and {quadratic.description.name} are two discs",
            where="disc_mechanics",
            allowed="one disc, loaded at two resolutions",
        )
    solid = disc_solid(quadratic, parameters)
    supine = axial_load(resting_load(disc, parameters, body_mass).force)
    reference = reference_state(solid, supine)
    if int(reference.status) != 0:
        raise SolverFailed(
            f"{disc.description.name}: the stress-free shape behind the image was not found",
            where=f"{float(reference.residual):.2g} mm are left after {int(reference.passes)} passes",
            remedy="bring changed constants back into their range",
        )
    places = solid.places
    radii = float(places.nucleus_radius), float(places.endplate_radius)
    reference_places = node_reference(disc, *radii)
    return DiscMechanics(
        disc=disc,
        imaged=ImagedDisc.of_model(model, biology, parameters.value("nutrition.solid_density")),
        solid=solid,
        reference=reference,
        supine=supine,
        standing=as_field(disc_day(disc, parameters, body_mass).day.force),
        points=to_points(disc, reference_places, np.asarray(places.tissue), np.asarray(places.reference)),
        nodes=to_nodes(reference_places, places.mesh, node_reference(quadratic, *radii)),
    )


def biology_of(model: DiscModel) -> Biology:
    """Signals and matrix of a model.

    Raises:
        InvalidInput: It has none.
    """
    if model.biology is None:
        raise InvalidInput("mechanics needs the matrix of the disc", where="mechanics", allowed="a run with its matrix")
    return model.biology


def models_along(course: Course, model: DiscModel, states: Sequence[SimulationState]) -> list[DiscModel]:
    """The constants that held at every stored time, its events included; `model` holds those before the first."""
    models: list[DiscModel] = []
    for state in states:
        for event in course.events.get(float(state.time), ()):
            model = event.change(model, jnp.asarray(state.time))
        models.append(model)
    return models


def read_course(
    mechanics: DiscMechanics,
    models: Iterable[DiscModel],
    states: Iterable[SimulationState],
    *,
    stiffness: bool = True,
) -> list[MechanicsReading]:
    """Mechanics of the stored states of a course that it does not act on.

    Args:
        mechanics: The disc.
        models: Constants at every state (`models_along`).
        states: Stored states.
        stiffness: Whether the stiffness is wanted too; it costs as much as the rest.

    Returns:
        A reading per state; where no equilibrium was found its status says so, and the next one starts from the last that was.
    """
    readings, last = [], mechanics.rested
    for model, state in zip(models, states, strict=True):
        problem, found = equilibrium_of(mechanics, model, state, last)
        readings.append(reading_of(mechanics, problem, found, float(state.time), stiffness=stiffness))
        last = found if int(found.status) == 0 else last
    return readings


def equilibrium_of(
    mechanics: DiscMechanics, model: DiscModel, state: SimulationState, last: Deformation
) -> tuple[SolidProblem, Deformation]:
    """Supine equilibrium of a state of the simulation, from the one before it.

    Raises:
        InvalidInput: The state has no matrix.
    """
    problem = mechanics.problem(change_of(mechanics, model, state))
    return problem, drained_equilibrium(problem, mechanics.supine, last)


def change_of(mechanics: DiscMechanics, model: DiscModel, state: SimulationState) -> Change:
    """What has changed at the nodes since the image.

    Raises:
        InvalidInput: The state has no matrix.
    """
    biology = biology_of(model)
    if state.matrix is None:
        raise InvalidInput("mechanics needs the matrix of the disc", where="mechanics", allowed="a run with its matrix")
    # A stored state lies in the memory of the host.
    return mechanics.imaged.change(model, biology, jax.tree.map(jnp.asarray, state.matrix))


def reading_of(
    mechanics: DiscMechanics, problem: SolidProblem, state: Deformation, time: float, *, stiffness: bool
) -> MechanicsReading:
    """What is read off an equilibrium."""
    reading = read(mechanics.solid.places, problem, state)
    rate = np.nan
    if stiffness and int(state.status) == 0:
        none, passes = jnp.zeros(()), jnp.zeros((), dtype=jnp.int64)
        at_rest = MechanicalDisc(mechanics.solid.places, problem, state, none, passes)
        fast, tangent = fast_state(at_rest, mechanics.standing)
        rate = float(tangent) if int(fast.status) == 0 else np.nan
    before, after = (volumes_of(one) for one in (mechanics.disc, _moved(mechanics, state)))
    ratio = tissue_means(mechanics.disc, jnp.where(before > 0.0, after / jnp.where(before > 0.0, before, 1.0), 1.0))
    return MechanicsReading(
        time=time,
        state=state,
        reading=reading,
        stiffness=rate,
        effective_modulus=rate * float(reading.heights.middle) / float(reading.section_area),
        volume_ratio=(float(ratio[0]), float(ratio[1]), float(ratio[2])),
    )


def _moved(mechanics: DiscMechanics, state: Deformation) -> Disc:
    return eqx.tree_at(lambda one: one.coordinates, mechanics.disc, mechanics.positions(state))


class Deformed(NamedTuple):
    """A disc of the simulation in the shape of its equilibrium.

    Attributes:
        model, state: As nutrition and cells go on with them.
        disc: Its shape and tissue.
        reading: Of the equilibrium.
    """

    model: DiscModel
    state: SimulationState
    disc: Disc
    reading: MechanicsReading


def deform(
    mechanics: DiscMechanics,
    model: DiscModel,
    state: SimulationState,
    disc: Disc,
    last: Deformation,
    *,
    stiffness: bool = True,
) -> Deformed:
    """Give a disc the shape that its matrix keeps under the supine load.

    Args:
        mechanics: The disc.
        model, state: In the present shape.
        disc: The present shape.
        last: The equilibrium before.
        stiffness: Whether the stiffness is read too.

    Returns:
        The disc with the cells and solids that it had; its nutrients are still those of the shape before.

    Raises:
        SolverFailed: No equilibrium was found, or an element of the simulation lost its volume.
    """
    time = float(state.time)
    problem, found = equilibrium_of(mechanics, model, state, last)
    require_state(found, f"{disc.description.name} on day {time:.4g}")
    moved = _moved(mechanics, found)
    volume = volumes_of(moved)
    inside = model.volume > 0.0
    change = change_of(mechanics, model, state)
    start = mechanics.imaged.volume
    change = eqx.tree_at(
        lambda one: one.volume_ratio, change, jnp.where(inside, volume / jnp.where(inside, start, 1.0), 1.0)
    )
    if not bool(jnp.all(jnp.where(inside, (volume > 0.0) & (change.water > 0.0), True))):
        raise SolverFailed(
            f"{disc.description.name} on day {time:.4g}: a node was squeezed to less than its solid",
            where="coupled mechanics",
            remedy="use mechanics: readout, or a finer interval",
        )
    shift = tissue_means(moved, change.water) - tissue_means(mechanics.disc, mechanics.imaged.water)
    after = deformed_disc(mechanics.disc, moved.coordinates, shift)
    ratio = jnp.where(inside, volume / jnp.where(inside, model.volume, 1.0), 1.0)
    return Deformed(
        model=reshaped_model(model, disc, after, change),
        state=reshaped_state(jax.tree.map(jnp.asarray, state), ratio),
        disc=after,
        reading=reading_of(mechanics, problem, found, time, stiffness=stiffness),
    )
