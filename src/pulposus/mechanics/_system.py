r"""The equations of a disc: forces on the free nodes, water at the corners, loads on the endplate, and their tangent.

With the displacements u of the free nodes, the motion q of the endplate and the potentials mu,

.. math::

    R_u = f(u, q, \mu), \qquad R_q = \Bigl(\frac{\partial u_{top}}{\partial q}\Bigr)^T f_{top} - \text{load}
    \;\text{ or }\; s\,(q - \text{motion}), \qquad R_\mu = -\int M (J - J_{before}) - \Delta t\,(\dots)

Residuals are sums in a fixed order in double precision. The tangent is kept as element matrices, which multiply vectors; a copy in single
precision is assembled into the blocks of the direct solver, bordered by the six unknowns of the endplate.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar, volume_ratio
from pulposus.mechanics._block_solver import BlockFactors, factorise, solve
from pulposus.mechanics._element import (
    ElementTangent,
    Geometry,
    Points,
    Tissue,
    coupled_tangent,
    deformation_gradients,
    geometry,
    point_energies,
    solid_residual,
    solid_tangent,
    water_residual,
)
from pulposus.mechanics._motion import rigid_displacement
from pulposus.mechanics._numbering import Numbering, Water, numbering
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mesh._quadratic import CORNER_SHAPE, FACE_CORNER_SHAPE

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


class Tangent(NamedTuple):
    """Derivative of the residual.

    Attributes:
        elements: Element matrices.
        lever: Displacement of every node by the motion of the endplate, (nodes, 3, 6).
        turning: What the load on the endplate changes by its rotation, (6, 6).
    """

    elements: ElementTangent
    lever: Float[Array, "nodes 3 6"]
    turning: Float[Array, "6 6"]


class Factors(NamedTuple):
    """The tangent ready for use as a preconditioner, in single precision.

    Attributes:
        blocks: Of the unknowns inside.
        border: Inside unknowns per motion at rest inside, A^-1 C, (unknowns, 6).
        row: Residual of the endplate by the unknowns inside, (6, unknowns).
        corner: Inverse of the endplate's own 6 x 6, corrected.
    """

    blocks: BlockFactors
    border: Float[Array, "unknowns 6"]
    row: Float[Array, "6 unknowns"]
    corner: Float[Array, "6 6"]


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


def _element_potential(parts: System, unknowns: Unknowns) -> Float[Array, "elements 8"]:
    mesh = parts.problem.mesh
    if not parts.places.corners:
        return jnp.zeros((len(mesh.elements), 8))
    return parts.places.split(unknowns)[2][mesh.element_corners]


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
        room=_room(parts, F),
        forces=forces,
    )


def room_of(parts: System, unknowns: Unknowns) -> Scalar:
    """Smallest J_e - ns."""
    return _room(parts, point_gradients(parts, unknowns))


def _room(parts: System, F: Float[Array, "elements 27 3 3"]) -> Scalar:
    J = jax.vmap(jax.vmap(volume_ratio))(F)
    return jnp.min(J / parts.tissue.growth - parts.tissue.material.donnan.solid_fraction)


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
    potential = _element_potential(parts, unknowns)
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


def tangent_of(parts: System, unknowns: Unknowns, forces: Float[Array, "nodes 3"]) -> Tangent:
    """Derivative of the residual by the unknowns; `forces` are those of the evaluation there."""
    problem, places = parts.problem, parts.places
    F = point_gradients(parts, unknowns)
    potential = _element_potential(parts, unknowns)
    if parts.storage is None:
        uu = solid_tangent(parts.shape, parts.tissue, F, jnp.zeros(F.shape[:2]))
        elements = ElementTangent(uu, None, None, None)
    else:
        elements = coupled_tangent(parts.shape, parts.tissue, F, potential, parts.storage.dt)
        if parts.storage.dt is not None and elements.mm is not None:
            elements = elements._replace(mm=elements.mm - parts.storage.dt * parts.film)
    motion = places.split(unknowns)[1]
    top = jnp.asarray(places.upper)

    def lever_at(q: Array) -> Float[Array, "nodes 3 6"]:
        slope = jax.jacfwd(lambda at: rigid_displacement(at, problem.coordinates, problem.centre))(q)
        return jnp.where(top[:, None, None], slope, 0.0)

    turning = jax.jacfwd(lambda q: jnp.einsum("niq,ni->q", lever_at(q), forces))(motion)
    return Tangent(elements, lever_at(motion), turning)


def element_matrices(tangent: Tangent) -> Float[Array, "elements local local"]:
    """One matrix per element, displacements first."""
    uu, um, mu, mm = tangent.elements
    count = uu.shape[0]
    solid = uu.reshape(count, 60, 60)
    if um is None or mu is None or mm is None:
        return solid
    upper = jnp.concatenate([solid, um.reshape(count, 60, 8)], axis=2)
    return jnp.concatenate([upper, jnp.concatenate([mu.reshape(count, 8, 60), mm], axis=2)], axis=1)


def multiply(
    parts: System,
    matrices: Float[Array, "elements local local"],
    tangent: Tangent,
    vector: Float[Array, "unknowns columns"],
) -> Float[Array, "unknowns columns"]:
    """The tangent times vectors; what is not free stays zero."""
    places = parts.places
    columns = vector.shape[1]
    free, motion, potential = places.split(jnp.where(places.free[:, None], vector, 0.0))
    moved = free + jnp.einsum("niq,qc->nic", tangent.lever, motion)
    full = places.join(moved, motion, potential)
    forces = places.sum_elements(jnp.einsum("eij,ejc->eic", matrices, places.gather_elements(full)))
    carried = jnp.einsum("niq,nic->qc", tangent.lever, places.split(forces)[0]) + tangent.turning @ motion
    held = jnp.asarray(parts.problem.held)[:, None]
    rows = jnp.where(held, force_scale(parts)[:, None] * motion, carried)
    border = places.join(jnp.zeros((places.nodes, 3, columns)), rows, jnp.zeros((places.corners, columns)))
    return jnp.where(places.free[:, None], forces, 0.0) + border


def factors_of(parts: System, matrices: Float[Array, "elements local local"], tangent: Tangent) -> Factors:
    """Eliminate the inside, then the endplate."""
    places = parts.places
    blocks = factorise(places.assemble(matrices.astype(jnp.float32)))
    unit = jnp.zeros((places.unknowns, 6)).at[3 * places.nodes + jnp.arange(6), jnp.arange(6)].set(1.0)
    pushed = multiply(parts, matrices, tangent, unit)
    border = places.from_blocks(solve(blocks, places.to_blocks(pushed.astype(jnp.float32))))
    # Rows of the endplate: forces at its nodes by the unknowns inside, so the transposed element matrices times the lever.
    lever = places.join(tangent.lever, jnp.zeros((6, 6)), jnp.zeros((places.corners, 6)))
    back = places.sum_elements(jnp.einsum("eij,eic->ejc", matrices, places.gather_elements(lever)))
    held = jnp.asarray(parts.problem.held)
    row = jnp.where(places.inside[:, None] & ~held[None], back, 0.0).T
    own = places.split(pushed)[1]
    corner = jnp.linalg.inv(own - row @ border.astype(jnp.float64))
    return Factors(blocks, border, row.astype(jnp.float32), corner.astype(jnp.float32))


def precondition(places: Numbering, factors: Factors, right: Unknowns) -> Unknowns:
    """Approximate solution of the tangent, linear in the right-hand side."""
    column = right.astype(jnp.float32)[:, None]
    inside = places.from_blocks(solve(factors.blocks, places.to_blocks(column)))[:, 0]
    motion = factors.corner @ (places.split(column)[1][:, 0] - factors.row @ inside)
    inside = inside - factors.border @ motion
    first = 3 * places.nodes
    return inside.at[first : first + 6].set(motion).astype(jnp.float64)
