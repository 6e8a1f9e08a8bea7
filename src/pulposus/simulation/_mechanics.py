r"""Mechanics along the course of a simulated disc (mechanics_imaging 2.1, 2.5; rulings 2, 10, 44).

At chosen times the matrix of the simulation (charge, solid, fissures, order of the annulus, tissue that insults took) goes to the Gauss
points of the mechanics of the same disc. The supine equilibrium is solved there, from the one before it:

.. math::

    c_0 (1 - n_s) = [c_0 (1 - n_s)]_{image}\, \frac{r}{J_g}, \qquad n_s = n_{s,image}\, \frac{s}{(1 - \varphi_0)\, J_g}, \qquad
    J_g = \text{tissue left}

with r, s and the water of the image of `ImagedDisc`. Two uses: `_mechanics_course.read_course` reads heights, pressure, stiffness and
strain off a finished course and changes nothing; `deform` gives the disc of the simulation the shape, the volumes and the water of that
equilibrium, so that nutrients, cells and matrix feel it. Moduli and permeability at the stress-free volume stay those of the grade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import Disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mechanics._day import StepLengths, step_lengths
from pulposus.mechanics._disc_material import PointComposition
from pulposus.mechanics._disc_places import ANNULUS
from pulposus.mechanics._disc_problem import DiscSolid, disc_solid
from pulposus.mechanics._loading import axial_load
from pulposus.mechanics._loads import DailyCycle
from pulposus.mechanics._reference_state import ReferenceState, reference_state
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._whole_disc import disc_day, resting_load, with_state
from pulposus.simulation._biology import Biology
from pulposus.simulation._carrying import (
    FromPoints,
    ToNodes,
    ToPoints,
    from_points,
    node_reference,
    to_nodes,
    to_points,
)
from pulposus.simulation._imaged import Change, ImagedDisc
from pulposus.simulation._model import DiscModel
from pulposus.simulation._state import SimulationState

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

MODES = ("off", "readout", "coupled")
"""What mechanics does in a run: nothing, readouts over time, or the shape that nutrition feels."""

# Tissue that is gone altogether leaves this share of its volume, so that the elements keep one.
_LEAST_GROWTH = 0.05
# Time steps of a representative day grow faster and longer than those of `pulposus mechanics --day`: its means need no fine start.
_STEP_GROWTH, _LONGEST_STEP = 1.6, 2.0 / 24.0


class DiscMechanics(eqx.Module):
    """The mechanics of a simulated disc, and its stress-free state.

    Attributes:
        disc: The disc of the simulation as it was imaged.
        imaged: Its nodes then.
        solid: The same disc on quadratic elements.
        reference: Its stress-free state.
        supine: Supine load, (6,).
        cycle: Loads of day and night; the stiffness is read under that of the day.
        steps: Time steps of a representative day.
        points, nodes: Fields to the Gauss points, and displacements back.
        annulus: Fields of the Gauss points of the annulus to its nodes.
    """

    disc: Disc
    imaged: ImagedDisc
    solid: DiscSolid
    reference: ReferenceState
    supine: Float[Array, "6"]
    cycle: DailyCycle
    steps: StepLengths = eqx.field(static=True)
    points: ToPoints
    nodes: ToNodes
    annulus: FromPoints

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

    def moved_since_image(self, displacement: Float[Array, "nodes 3"]) -> Float[Array, "columns levels 3"]:
        """What the nodes of the simulation have moved since the image [mm].

        Args:
            displacement: Of the nodes of the quadratic elements from the stress-free shape [mm].
        """
        return self.nodes(displacement - self.rested.displacement)

    def shape(self, displacement: Float[Array, "nodes 3"]) -> Disc:
        """The disc of the simulation at such a displacement: its image and what has moved since."""
        moved = self.disc.coordinates + self.moved_since_image(displacement)
        return eqx.tree_at(lambda one: one.coordinates, self.disc, moved)


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
    tissue, at = np.asarray(places.tissue), np.asarray(places.reference)
    cycle = disc_day(disc, parameters, body_mass)
    usual = step_lengths(places, reference.problem, parameters)
    return DiscMechanics(
        disc=disc,
        imaged=ImagedDisc.of_model(model, biology, parameters.value("nutrition.solid_density")),
        solid=solid,
        reference=reference,
        supine=supine,
        cycle=cycle,
        steps=StepLengths(usual.first, max(usual.first, _LONGEST_STEP), _STEP_GROWTH),
        points=to_points(disc, reference_places, tissue, at),
        nodes=to_nodes(reference_places, places.mesh, node_reference(quadratic, *radii)),
        annulus=from_points(disc, reference_places, tissue, at, ANNULUS),
    )


def biology_of(model: DiscModel) -> Biology:
    """Signals and matrix of a model.

    Raises:
        InvalidInput: It has none.
    """
    if model.biology is None:
        raise InvalidInput("mechanics needs the matrix of the disc", where="mechanics", allowed="a run with its matrix")
    return model.biology


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
