r"""A disc ready to be solved: what does not change in a solve, and how its unknowns are read.

The unknowns are the displacements u of the free nodes, the motion q of the endplate and the potentials mu at the corners, one flat vector.
Their equations are `_residual`, the derivative of these `_tangent`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar, volume_ratio
from pulposus.mechanics._element import Geometry, Points, Tissue, deformation_gradients, geometry
from pulposus.mechanics._motion import rigid_displacement
from pulposus.mechanics._numbering import Numbering, Water, numbering
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mesh._quadratic import FACE_CORNER_SHAPE

Unknowns = Float[Array, "unknowns"]


class Storage(NamedTuple):
    """The time step: what the volume was, and how long it lasts.

    Attributes:
        volume_before: J at its start, (elements, 27).
        dt: Length [day]; None where there is no time to flow (undrained).
    """

    volume_before: Points
    dt: Scalar | None


class System(NamedTuple):
    """What does not change while a problem is solved.

    Attributes:
        problem: The disc.
        places: Of the unknowns.
        shape: Reference geometry of the elements.
        tissue: Material and growth.
        film: Conductance of the endplates as element matrices [mm3/(MPa day)], (elements, 8, 8).
        height: Of the mesh [mm].
        area: Of the upper face [mm2].
        storage: The time step; None where drained.
    """

    problem: SolidProblem
    places: Numbering
    shape: Geometry
    tissue: Tissue
    film: Float[Array, "elements 8 8"]
    height: Scalar
    area: Scalar
    storage: Storage | None


def system(problem: SolidProblem, storage: Storage | None = None) -> System:
    """Prepare a problem; `storage` selects between drained (None), undrained and a time step."""
    mesh = problem.mesh
    water: Water = "drained"
    if storage is not None:
        water = "closed" if storage.dt is None else ("all open" if problem.open_endplates else "sides open")
    level = mesh.nodes[:, 1]
    axial = problem.coordinates[:, 2]
    height = jnp.mean(axial[level == level.max()]) - jnp.mean(axial[level == 0])
    return System(
        problem=problem,
        places=numbering(mesh, problem.lower, problem.side, water),
        shape=geometry(mesh, problem.coordinates),
        tissue=Tissue(problem.material, problem.growth),
        film=_film(problem),
        height=height,
        area=jnp.sum(mesh.upper.weights(problem.coordinates)),
        storage=storage,
    )


def _film(problem: SolidProblem) -> Float[Array, "elements 8 8"]:
    mesh = problem.mesh
    shape = jnp.asarray(FACE_CORNER_SHAPE)
    matrices = jnp.zeros((len(mesh.elements), 8, 8))
    for faces, conductance, first in ((mesh.lower, problem.film[0], 0), (mesh.upper, problem.film[1], 4)):
        face = jnp.einsum("fp,pc,pd->fcd", faces.weights(problem.coordinates) * conductance[:, None], shape, shape)
        matrices = matrices.at[faces.elements, first : first + 4, first : first + 4].add(face)
    return matrices


def start_unknowns(parts: System, state: Deformation) -> Unknowns:
    """The flat vector of a state; zero on what is not free."""
    places = parts.places
    potential = state.potential if places.corners else jnp.zeros(0)
    return jnp.where(places.free, places.join(state.displacement, state.motion, potential), 0.0)


def force_scale(parts: System) -> Float[Array, "6"]:
    """Stiffness that turns a deviation of a held motion into a force or moment: 1 MPa over the area and height."""
    along = parts.area / parts.height
    return jnp.where(jnp.arange(6) < 3, along, along * parts.height**2)


def weights(parts: System) -> Unknowns:
    """Factor that turns every residual into a force [N]; the water's with 1 MPa over the height."""
    lever = jnp.where(jnp.arange(6) < 3, 1.0, 1.0 / parts.height)
    places = parts.places
    return jnp.concatenate([jnp.ones(3 * places.nodes), lever, jnp.ones(places.corners) / parts.height])


def displacement_of(parts: System, unknowns: Unknowns) -> Float[Array, "nodes 3"]:
    """Displacement of all nodes, those on the endplate included."""
    free, motion, _ = parts.places.split(unknowns)
    problem = parts.problem
    with_plate = rigid_displacement(motion, problem.coordinates, problem.centre)
    return jnp.where(parts.places.upper[:, None], with_plate, free)


def point_gradients(parts: System, unknowns: Unknowns) -> Float[Array, "elements 27 3 3"]:
    """F at the Gauss points."""
    return deformation_gradients(parts.shape, displacement_of(parts, unknowns)[parts.problem.mesh.elements])


def element_potential(parts: System, unknowns: Unknowns) -> Float[Array, "elements 8"]:
    """mu at the corners of the elements; 0 where drained."""
    mesh = parts.problem.mesh
    if not parts.places.corners:
        return jnp.zeros((len(mesh.elements), 8))
    return parts.places.split(unknowns)[2][mesh.element_corners]


def room_of(parts: System, unknowns: Unknowns) -> Scalar:
    """Smallest J_e - ns."""
    return smallest_room(parts, point_gradients(parts, unknowns))


def smallest_room(parts: System, F: Float[Array, "elements 27 3 3"]) -> Scalar:
    """Smallest J_e - ns of deformation gradients at the Gauss points."""
    J = jax.vmap(jax.vmap(volume_ratio))(F)
    return jnp.min(J / parts.tissue.growth - parts.tissue.material.donnan.solid_fraction)
