"""Mechanics along a course: read off it, or acting on it (mechanics_imaging 2.1).

What acts: the coordinates and volumes of the nodes, and with them the paths, the water, the fixed charge and the concentrations of what
stays; and the daily load of the matrix laws, which is the pressure in the nucleus under a fast load of the day, times the load index of
the protocol. Shape and water are those of the supine equilibrium, or the time means of a representative day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.errors import SolverFailed
from pulposus.mechanics._equilibrium import drained_equilibrium
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._whole_disc import require_state
from pulposus.simulation._course import Course
from pulposus.simulation._imaged import Change
from pulposus.simulation._mechanics import DiscMechanics, biology_of, change_of
from pulposus.simulation._mechanics_reading import MechanicsReading, reading_of
from pulposus.simulation._model import DiscModel
from pulposus.simulation._reshaping import (
    deformed_disc,
    ratio_of,
    reshaped_model,
    reshaped_state,
    tissue_means,
    volumes_of,
)
from pulposus.simulation._state import SimulationState

Nodal = Float[Array, "columns levels"]

# Stored times and the interval agree to this share.
_ROUNDING = 1e-9


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
    days_apart: float | None = None,
) -> list[MechanicsReading]:
    """Mechanics of the stored states of a course that it does not act on.

    Args:
        mechanics: The disc.
        models: Constants at every state (`models_along`).
        states: Stored states.
        stiffness: Whether the stiffness is wanted too; it costs as much as the rest.
        days_apart: A representative day is followed at the first state, and at those that lie so far [day] from the one before; at none
            where left out.

    Returns:
        A reading per state; where no equilibrium was found its status says so, and the next one starts from the last that was.
    """
    readings, last, lived = [], mechanics.rested, -np.inf
    for model, state in zip(models, states, strict=True):
        time = float(state.time)
        problem, found = equilibrium_of(mechanics, model, state, last)
        daily = days_apart is not None and time - lived >= days_apart * (1.0 - _ROUNDING)
        readings.append(reading_of(mechanics, problem, found, time, stiffness=stiffness, daily=daily))
        lived = time if daily else lived
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
    daily: bool = False,
) -> Deformed:
    """Give a disc the shape and the load that its matrix and its mechanics leave it.

    Args:
        mechanics: The disc.
        model, state: In the present shape.
        disc: The present shape.
        last: The equilibrium before.
        stiffness: Whether a fast load of the day is put on it, for the stiffness and for the load that the matrix feels.
        daily: Whether it takes the mean shape of a representative day instead of the supine one.

    Returns:
        The disc with the cells and solids that it had; its nutrients are still those of the shape before.

    Raises:
        SolverFailed: No equilibrium was found, or an element of the simulation lost its volume.
    """
    time = float(state.time)
    where = f"{disc.description.name} on day {time:.4g}"
    problem, found = equilibrium_of(mechanics, model, state, last)
    require_state(found, where)
    reading = reading_of(mechanics, problem, found, time, stiffness=stiffness, daily=daily)
    if daily and reading.day is None:
        raise SolverFailed(
            f"{where}: a state of the representative day was not found",
            where="coupled mechanics",
            remedy="set numerics.mechanics_day=false, or a finer interval",
        )
    before, change = mechanics.imaged.volume, change_of(mechanics, model, state)
    rested = mechanics.shape(found.displacement)
    moved = rested if reading.day is None else mechanics.shape(reading.day.displacement)
    volume = volumes_of(moved)
    change = _in_volume(change, volume, before)
    inside = before > 0.0
    if not bool(jnp.all(jnp.where(inside, (volume > 0.0) & (change.water > 0.0), True))):
        raise SolverFailed(
            f"{where}: a node was squeezed to less than its solid",
            where="coupled mechanics",
            remedy="use mechanics: readout, or a finer interval",
        )
    shift = tissue_means(moved, change.water) - tissue_means(mechanics.disc, mechanics.imaged.water)
    after = deformed_disc(mechanics.disc, moved.coordinates, shift)
    reshaped = reshaped_model(model, disc, after, change, _in_volume(change, volumes_of(rested), before).water)
    return Deformed(
        model=loaded_model(reshaped, reading.day_pressure),
        state=reshaped_state(jax.tree.map(jnp.asarray, state), ratio_of(volume, model.volume)),
        disc=after,
        reading=reading,
    )


def _in_volume(change: Change, volume: Nodal, before: Nodal) -> Change:
    """The same change with other volumes of the nodes."""
    return eqx.tree_at(lambda one: one.volume_ratio, change, ratio_of(volume, before))


def loaded_model(model: DiscModel, pressure: float) -> DiscModel:
    """The constants with the daily load that mechanics gives: the pressure in the nucleus, times the load index.

    Args:
        model: The disc; its load stays where the pressure is not known.
        pressure: Under a fast load of the day [MPa].
    """
    biology = model.biology
    if biology is None or not np.isfinite(pressure):
        return model
    load = replace(biology.load, magnitude=model.surroundings.load * pressure)
    return replace(model, biology=replace(biology, load=load))


def before_settling(mechanics: DiscMechanics, model: DiscModel, state: SimulationState, *, daily: bool) -> Deformed:
    """The disc as it settles: with the load of its own mechanics and, where days act, in the mean shape of a day.

    Without days the shape is that of the image, which is the supine equilibrium.

    Args:
        mechanics: The disc.
        model, state: As it was imaged.
        daily: Whether it takes the mean shape of a representative day.
    """
    deformed = deform(mechanics, model, state, mechanics.disc, mechanics.rested, daily=daily)
    if not daily:
        return deformed._replace(
            model=loaded_model(model, deformed.reading.day_pressure), state=state, disc=mechanics.disc
        )
    biology, matrix = biology_of(deformed.model), deformed.state.matrix
    assert matrix is not None
    # The grade's composition and osmolarity are those of the start (rulings 7, 10).
    settled = replace(biology, initial_matrix=matrix, charge_at_start=biology.charge(matrix))
    return deformed._replace(model=replace(deformed.model, initial_cells=deformed.state.cells, biology=settled))
