r"""The mechanics of a whole disc: from an image to its state under a load (mechanics_imaging 2.1, 2.4, 2.5; rulings 10, 26, 42).

The stress-free disc is found behind the image; an insult of its document then acts on it: matter that was lost shrinks the tissue
(F = F_e F_g with J_g = 1 - lost), what an enzyme cut takes charge, tears and cut fibres weaken the annulus and let water pass. Under a load
two states are reported: drained, where no water moves any more, and fast, an undrained increment from the drained supine state. The
stiffness is the tangent dF/dh of the fast state and comes from the linear system,

.. math:: k = \left(\frac{dh}{dF}\right)^{-1}, \qquad E = k\, H_C / A

with the central height and the section of the supine disc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Int

from pulposus.disc import Disc, Lesion
from pulposus.errors import SolverFailed
from pulposus.mechanics._arrays import Scalar, as_field
from pulposus.mechanics._cylinder import Cylinder
from pulposus.mechanics._disc_material import PointComposition, Points, point_materials
from pulposus.mechanics._disc_places import ANNULUS, DiscPlaces
from pulposus.mechanics._disc_problem import DiscSolid, at_corners, disc_solid
from pulposus.mechanics._equilibrium import drained_equilibrium, solve_disc, undrained_equilibrium, volume_ratios
from pulposus.mechanics._homogeneous import CONVERGED
from pulposus.mechanics._loading import BENDING, axial_load, free_to_bend
from pulposus.mechanics._loads import DailyCycle, SpineLoad, daily_cycle, posture_load
from pulposus.mechanics._newton import SolverOptions
from pulposus.mechanics._reading import Reading, read
from pulposus.mechanics._reference_state import NO_FIXED_POINT, ReferenceState, reference_state
from pulposus.mechanics._solid_problem import Deformation, SolidProblem, at_rest
from pulposus.mechanics._system import Storage

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


# An element that lost all its tissue would have no volume to deform: a cavity closes to this share.
_LEAST_LEFT = 0.1


class MechanicalDisc(eqx.Module):
    """A disc whose stress-free state is known.

    Attributes:
        places: Of its points.
        problem: As it is now, an insult included.
        rested: Its drained equilibrium under the load of the night.
        residual: Largest distance between the image and the rested shape before any insult [mm]; 0 for the benchmark.
        passes: Of the fixed point behind the image; 0 for the benchmark.
    """

    places: DiscPlaces
    problem: SolidProblem
    rested: Deformation
    residual: Scalar
    passes: Int[Array, ""]


class LoadedState(NamedTuple):
    """A disc under a load.

    Attributes:
        load: Force and moment.
        drained, fast: The states; where the whole moment was not reached, the last equilibrium.
        reading, fast_reading: What is read off them.
        stiffness: Tangent dF/dh of the fast state [N/mm].
        effective_modulus: [MPa].
    """

    load: SpineLoad
    drained: Deformation
    fast: Deformation
    reading: Reading
    fast_reading: Reading
    stiffness: Scalar
    effective_modulus: Scalar

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of the moment that the drained and the fast state bear; 1 without a moment."""
        return float(self.drained.load_share), float(self.fast.load_share)


def mechanical_disc(disc: Disc, parameters: ParameterSet, *, body_mass: float | None = None) -> MechanicalDisc:
    """Find the stress-free state of a disc, and apply the insults of its document.

    Args:
        disc: Loaded at the resolution "mechanics" or "mechanics-fine".
        parameters: The loaded parameters.
        body_mass: Of a person [kg]; the reference man's where left out.

    Raises:
        InvalidInput: The mesh has no quadratic elements, or the shape a void.
        SolverFailed: No stress-free state was found.
    """
    solid = disc_solid(disc, parameters)
    supine = axial_load(resting_load(disc, parameters, body_mass).force)
    reference = reference_state(solid, supine)
    _require_reference(reference, disc.description.name)
    problem = injured_problem(solid, reference, disc.lesion)
    rested = reference.supine
    if bool(disc.lesion.acts):
        rested = drained_equilibrium(problem, supine, reference.supine)
        require_state(rested, f"{disc.description.name} after its insult")
    return MechanicalDisc(solid.places, problem, rested, reference.residual, reference.passes)


def mechanical_cylinder(cylinder: Cylinder) -> MechanicalDisc:
    """The benchmark at rest under the load of its night.

    Raises:
        SolverFailed: No equilibrium was found.
    """
    rested = drained_equilibrium(cylinder.problem, axial_load(cylinder.cycle.night.force), at_rest(cylinder.problem))
    require_state(rested, cylinder.document.name)
    return MechanicalDisc(cylinder.places, cylinder.problem, rested, jnp.zeros(()), jnp.zeros((), dtype=jnp.int64))


def injured_problem(solid: DiscSolid, reference: ReferenceState, lesion: Lesion) -> SolidProblem:
    """The stress-free disc with the damage of an insult.

    Args:
        solid: The disc before.
        reference: Its stress-free state.
        lesion: The damage, on the nodes of its mesh.
    """
    places, whole = solid.places, solid.imaged.at_reference(reference.J)
    annulus = places.within(ANNULUS)
    torn = at_corners(places, lesion.fissure)
    state = PointComposition(
        solid_fraction=whole.solid_fraction,
        fixed_charge=whole.fixed_charge * at_corners(places, lesion.aggrecan_left),
        fissure=whole.fissure + (1.0 - whole.fissure) * torn,
        fibre_loss=annulus * (1.0 - at_corners(places, lesion.order_left)),
    )
    left = jnp.maximum(at_corners(places, lesion.matrix_left), _LEAST_LEFT)
    return with_state(solid, reference.problem, state, left)


def with_state(solid: DiscSolid, problem: SolidProblem, state: PointComposition, growth: Points) -> SolidProblem:
    """The same stress-free shape with another composition, damage and growth.

    Args:
        solid: The disc.
        problem: On its stress-free shape.
        state: Composition at the stress-free volume, and damage.
        growth: J_g, above 1 where matter was added.
    """
    frame = solid.places.frame(problem.coordinates)
    material = point_materials(solid.table, solid.places.tissue, frame, state)
    return eqx.tree_at(lambda one: (one.material, one.growth), problem, (material, growth))


def resting_load(disc: Disc, parameters: ParameterSet, body_mass: float | None = None) -> SpineLoad:
    """The supine load of a disc."""
    return disc_load(disc, "supine", parameters, body_mass)


def disc_load(disc: Disc, posture: str, parameters: ParameterSet, body_mass: float | None = None) -> SpineLoad:
    """The load of a posture on a disc: people by body mass, animals by the area of the disc.

    Args:
        disc: A disc of a species; one without (a cylinder) counts as human.
        posture: One of `POSTURES`.
        parameters: The loaded parameters.
        body_mass: Of a person [kg].

    Raises:
        InvalidInput: No load is known for the posture or animal, or the body mass has no meaning or is not positive.
    """
    species = disc.description.species or "human"
    if species == "human":
        return posture_load(posture, parameters, body_mass=body_mass)
    from pulposus.disc import measure

    return posture_load(posture, parameters, species=species, body_mass=body_mass, area=measure(disc).outline_area)


def disc_day(disc: Disc, parameters: ParameterSet, body_mass: float | None = None) -> DailyCycle:
    """The daily cycle of a disc; that of an animal is standing by day and lying by night, by its area.

    Raises:
        InvalidInput: The body mass has no meaning or is not positive.
    """
    if disc.description.species in ("", "human"):
        return daily_cycle(parameters, body_mass=body_mass)
    day, night = (disc_load(disc, posture, parameters, body_mass) for posture in ("standing", "supine"))
    return DailyCycle(day, night, parameters.value("mechanics.load.day_length"))


def under_load(disc: MechanicalDisc, load: SpineLoad) -> LoadedState:
    """The disc under a load, drained and fast.

    Args:
        disc: At rest.
        load: Axial force, and a moment in flexion on top of the reaction of the held endplate. The disc alone, without ligaments,
            does not bear every moment: how far it came is data, not an error.

    Raises:
        SolverFailed: No equilibrium was found under the force; says the force that was reached.
    """
    force = axial_load(load.force)
    slow = drained_equilibrium(disc.problem, force, disc.rested)
    require_state(slow, "the drained disc")
    fast, stiffness = fast_state(disc, load.force)
    require_state(fast, "the disc under a fast load")
    resting = read(disc.places, disc.problem, disc.rested)
    problem = disc.problem
    if float(load.moment) != 0.0:
        problem, slow = _flexed(disc.problem, slow, load.moment, drained=True)
        _, fast = _flexed(disc.problem, fast, load.moment, drained=False)
    return LoadedState(
        load=load,
        drained=slow,
        fast=fast,
        reading=read(disc.places, problem, slow),
        fast_reading=read(disc.places, problem, fast),
        stiffness=stiffness,
        effective_modulus=stiffness * resting.heights.middle / resting.section_area,
    )


def _flexed(
    problem: SolidProblem, state: Deformation, moment: Scalar, *, drained: bool
) -> tuple[SolidProblem, Deformation]:
    """The disc bent forward from a held state, as far as there is an equilibrium."""
    direction = BENDING["flexion"]
    bent = free_to_bend(problem, state, direction)
    load = bent.under(moment, direction)
    solve = drained_equilibrium if drained else undrained_equilibrium
    return bent.problem, solve(bent.problem, load, bent.start)


@eqx.filter_jit
def _fast_and_rate(problem: SolidProblem, force: Scalar, rested: Deformation) -> tuple[Deformation, Scalar]:
    """The undrained state, and the change of its endplate's place by the force [mm/N]."""

    def solve(at: Scalar) -> Deformation:
        return undrained_equilibrium(problem, axial_load(at), rested)

    state, rate = eqx.filter_jvp(solve, (force,), (jnp.ones(()),))
    return state, rate.motion[2]


def fast_state(disc: MechanicalDisc, force: ArrayLike) -> tuple[Deformation, Scalar]:
    """The rested disc under a force [N] that came fast, and its tangent stiffness dF/dh [N/mm] from the linear system."""
    state, rate = _fast_and_rate(disc.problem, as_field(force), disc.rested)
    copies = 2.0 if disc.problem.lower == "symmetry" else 1.0
    return state, -1.0 / (copies * rate)


def grown_at_once(problem: SolidProblem, before: Deformation, growth: Points) -> Deformation:
    """The disc just after matter was injected or taken away together with its water, before any water flows (F = F_e F_g).

    Every point changes its volume by the ratio of the new to the old growth, so the water per matter that stays is what it was.

    Args:
        problem: The disc before.
        before: Its state; its load stays.
        growth: J_g now; above that of the problem where matter was added.

    Returns:
        State of the problem with that growth.
    """
    grown = eqx.tree_at(lambda one: one.growth, problem, growth)
    storage = Storage(volume_ratios(problem, before) * growth / problem.growth, None)
    return solve_disc(grown, before.load, before, storage, SolverOptions())


def require_state(state: Deformation, what: str) -> None:
    """Refuse a state that was not found.

    Raises:
        SolverFailed: Says the load that was reached.
    """
    if bool(state.status != CONVERGED):
        reached = -float(state.load[2])
        raise SolverFailed(
            f"{what}: no equilibrium found; the last one was at {reached:.4g} N, {float(state.load_share):.0%} of the way to the load",
            remedy="apply less load, or bring changed constants back into their range",
        )


def _require_reference(reference: ReferenceState, name: str) -> None:
    if int(reference.status) == NO_FIXED_POINT:
        raise SolverFailed(
            f"{name}: the stress-free shape behind the image was not found; {float(reference.residual):.2g} mm are left after"
            f" {int(reference.passes)} passes",
            remedy="bring changed constants back into their range",
        )
    require_state(reference.supine, f"{name}, supine")
