r"""The equations of a disc: forces on the free nodes, water at the corners, loads on the endplate.

With the displacements u of the free nodes, the motion q of the endplate and the potentials mu,

.. math::

    R_u = f(u, q, \mu), \qquad R_q = \Bigl(\frac{\partial u_{top}}{\partial q}\Bigr)^T f_{top} - \text{load}
    \;\text{ or }\; s\,(q - \text{motion}), \qquad R_\mu = -\int M (J - J_{before}) - \Delta t\,(\dots)

Residuals are sums in a fixed order in double precision.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar
from pulposus.mechanics._element import point_energies, solid_residual, water_residual
from pulposus.mechanics._motion import rigid_displacement
from pulposus.mechanics._system import (
    System,
    Unknowns,
    element_potential,
    force_scale,
    point_gradients,
    smallest_room,
    weights,
)
from pulposus.mesh._quadratic import CORNER_SHAPE


class Evaluation(NamedTuple):
    """The equations at a point.

    Attributes:
        residual: Zero at a solution, and on what is not free, (unknowns,).
        norm: Its weighted norm [N].
        scale: The norm of the forces and volumes it is the sum of [N].
        energy: Potential energy of a drained disc [N mm].
        room: Smallest J_e - ns; below zero there is no such state.
        forces: Of the tissue on every node [N], (nodes, 3).
    """

    residual: Unknowns
    norm: Scalar
    scale: Scalar
    energy: Scalar
    room: Scalar
    forces: Float[Array, "nodes 3"]


def evaluate(parts: System, unknowns: Unknowns, load: Float[Array, "6"]) -> Evaluation:
    """The equations, their size, and what a line search asks."""
    problem, places = parts.problem, parts.places
    F = point_gradients(parts, unknowns)
    forces, by_node, scale = _node_forces(parts, unknowns, F)
    residual = jnp.where(places.free, by_node, 0.0) + _endplate_residual(parts, unknowns, forces, load)
    stored = jnp.sum(parts.shape.volume * point_energies(F, parts.tissue))
    motion = places.split(unknowns)[1]
    work = jnp.sum(jnp.where(jnp.asarray(problem.held), 0.0, load * motion))
    return Evaluation(
        residual=residual,
        norm=jnp.sqrt(jnp.sum((weights(parts) * residual) ** 2)),
        scale=scale,
        energy=stored - work,
        room=smallest_room(parts, F),
        forces=forces,
    )


def residual_of(parts: System, unknowns: Unknowns, load: Float[Array, "6"]) -> Unknowns:
    """The residual alone, for derivatives."""
    forces, by_node, _ = _node_forces(parts, unknowns, point_gradients(parts, unknowns))
    return jnp.where(parts.places.free, by_node, 0.0) + _endplate_residual(parts, unknowns, forces, load)


def reactions(parts: System, unknowns: Unknowns) -> Unknowns:
    """Residuals before the fixed ones are struck out: forces of the supports [N], minus the water that enters from the bath [mm3]."""
    return _node_forces(parts, unknowns, point_gradients(parts, unknowns))[1]


def _node_forces(parts: System, unknowns: Unknowns, F: Array) -> tuple[Float[Array, "nodes 3"], Unknowns, Scalar]:
    """Forces of the nodes, the same with the waters as a flat vector (zero for the motion), and the norm of what was summed."""
    places, shape = parts.places, parts.shape
    potential = element_potential(parts, unknowns)
    mu = potential @ jnp.asarray(CORNER_SHAPE).T
    solid = solid_residual(shape, parts.tissue, F, mu)
    entries = solid.reshape(len(solid), 60)
    size = jnp.sum(entries**2)
    if parts.storage is not None:
        water = water_residual(shape, parts.tissue, F, potential, parts.storage.volume_before, parts.storage.dt)
        if parts.storage.dt is not None:
            water = water - parts.storage.dt * jnp.einsum("ecd,ed->ec", parts.film, potential)
        entries = jnp.concatenate([entries, water], axis=1)
        size = size + jnp.sum(jnp.sum(shape.volume, axis=1) ** 2) / parts.height**2
    by_node = places.sum_elements(entries)
    return places.split(by_node)[0], by_node, jnp.sqrt(size)


def _endplate_residual(parts: System, unknowns: Unknowns, forces: Array, load: Array) -> Unknowns:
    """R_q as a flat vector."""
    problem, places = parts.problem, parts.places
    motion = places.split(unknowns)[1]
    _, pull = jax.vjp(lambda q: rigid_displacement(q, problem.coordinates, problem.centre), motion)
    (carried,) = pull(jnp.where(places.upper[:, None], forces, 0.0))
    held = jnp.asarray(problem.held)
    rows = jnp.where(held, force_scale(parts) * (motion - load), carried - load)
    return places.join(jnp.zeros((places.nodes, 3)), rows, jnp.zeros(places.corners))
