r"""Derivative of the equations of a disc, and its use as a preconditioner.

.. math::

    K = \begin{pmatrix} A & C \\ B & D \end{pmatrix}, \qquad S = D - B A^{-1} C

The tangent is kept as element matrices, which multiply vectors; a copy in single precision is assembled into the blocks of the direct
solver (A, the unknowns inside), bordered by the six unknowns of the endplate (C, B, D).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._block_solver import BlockFactors, factorise, solve
from pulposus.mechanics._element import ElementTangent, coupled_tangent, solid_tangent
from pulposus.mechanics._motion import rigid_displacement
from pulposus.mechanics._numbering import Numbering
from pulposus.mechanics._system import System, Unknowns, element_potential, force_scale, point_gradients


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


def tangent_of(parts: System, unknowns: Unknowns, forces: Float[Array, "nodes 3"]) -> Tangent:
    """Derivative of the residual by the unknowns; `forces` are those of the evaluation there."""
    problem, places = parts.problem, parts.places
    F = point_gradients(parts, unknowns)
    potential = element_potential(parts, unknowns)
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
