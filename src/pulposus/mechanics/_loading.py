r"""Loads of the upper endplate, and which of its motions are free (mechanics_imaging 2.4, 2.5).

The axial force acts at the centroid of the endplate. Without a moment the endplate moves along the axis only: rotations and lateral motion
are held, as muscles and the facet joints do at rest, and the moment that this takes is a reaction. A bending moment acts on top of that
reaction: the rotation about its axis and the translation in its plane are freed, every other motion stays held and the lateral force keeps
its value, so the endplate rotates by the moment alone, and the force follows the endplate.

Rotations follow the right hand about x (to the right), y (anterior) and z (cranial): flexion, which lowers the front, is a negative
rotation about x.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import as_field
from pulposus.mechanics._element import Tissue, deformation_gradients, geometry, solid_residual
from pulposus.mechanics._motion import rigid_displacement
from pulposus.mechanics._solid_problem import Deformation, Held, SolidProblem

Load = Float[Array, "6"]


class Bending(NamedTuple):
    """A direction in which a disc is bent.

    Attributes:
        held: Motions that stay prescribed.
        axis: Number of the rotation among the six motions.
        along: Number of the translation in the plane of bending; that of the axis itself in torsion.
        sign: Of the moment about the axis.
    """

    held: Held
    axis: int
    along: int
    sign: float


BENDING = {
    "flexion": Bending((True, False, False, False, True, True), 3, 1, -1.0),
    "extension": Bending((True, False, False, False, True, True), 3, 1, 1.0),
    "lateral": Bending((False, True, False, True, False, True), 4, 0, 1.0),
    "torsion": Bending((True, True, False, True, True, False), 5, 2, 1.0),
}
"""What a moment frees."""


class Bent(NamedTuple):
    """A disc whose endplate may rotate in one plane.

    Attributes:
        problem: The disc with the freed motions.
        start: The state before, in equilibrium with its own reaction as load.
        load: That reaction.
    """

    problem: SolidProblem
    start: Deformation
    load: Load

    def under(self, moment: ArrayLike, direction: Bending, force: ArrayLike | None = None) -> Load:
        """The load with a moment [N mm] in a direction, and another axial compression [N] if one is given."""
        loaded = self.load.at[direction.axis].add(direction.sign * as_field(moment))
        return loaded if force is None else loaded.at[2].set(-as_field(force))


def axial_load(force: ArrayLike) -> Load:
    """An axial compression [N], every other motion held at zero."""
    return jnp.zeros(6).at[2].set(-as_field(force))


@eqx.filter_jit
def endplate_reaction(problem: SolidProblem, state: Deformation) -> Load:
    """Force [N] and moment [N mm] about its centre that the upper endplate exerts on the disc."""
    mesh = problem.mesh
    shape = geometry(mesh, problem.coordinates)
    F = deformation_gradients(shape, state.displacement[mesh.elements])
    mu = mesh.corners_at_points(state.potential)
    by_element = solid_residual(shape, Tissue(problem.material, problem.growth), F, mu)
    forces = jnp.zeros_like(problem.coordinates).at[mesh.elements].add(by_element)
    top = mesh.nodes[:, 1] == mesh.topology.levels - 1
    _, pull = jax.vjp(lambda motion: rigid_displacement(motion, problem.coordinates, problem.centre), state.motion)
    return pull(jnp.where(top[:, None], forces, 0.0))[0]


def free_to_bend(problem: SolidProblem, state: Deformation, direction: Bending) -> Bent:
    """Free the motions of a direction; the state stays in equilibrium with the reaction that held it.

    Args:
        problem: The disc with a held endplate.
        state: Its equilibrium.
        direction: One of `BENDING`.
    """
    reaction = endplate_reaction(problem, state)
    load = jnp.where(jnp.asarray(direction.held), state.motion, reaction)
    freed = replace(problem, held=direction.held)
    return Bent(freed, eqx.tree_at(lambda one: one.load, state, load), load)
