r"""A disc through time: implicit Euler steps under constant load, and the ledger of the water (mechanics_imaging 2.1, 3.1 V6).

.. math:: \int (J - J_{before})\, dV = -\Bigl[\sum_{c \in bath} R_c + \Delta t \oint \kappa \mu \Bigr]

The water that leaves is the sum of the consistent reactions of the corners that are held at the potential of the bath, and of the film in
front of the endplates; it balances the volume to the residual of the solution. Factors of the direct solver pass from step to step.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Flag
from pulposus.mechanics._equilibrium import Load, volume_ratios, volume_ratios_of
from pulposus.mechanics._homogeneous import CONVERGED, NOT_FOUND
from pulposus.mechanics._newton import SolverOptions, newton, no_factors
from pulposus.mechanics._residual import reactions
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._system import Storage, System, Unknowns, displacement_of, start_unknowns, system
from pulposus.mechanics._tangent import Factors


class Outflow(NamedTuple):
    """Water that left a disc [mm3].

    Attributes:
        bath: Through faces at the potential of the bath.
        film: Through the film in front of the endplates.
    """

    bath: Array
    film: Array

    @property
    def total(self) -> Array:
        """All of it."""
        return self.bath + self.film


class History(NamedTuple):
    """A disc under constant load.

    Attributes:
        times: Since the start, at the end of every step [day], (steps,).
        states: Every array with the leading axis of the steps; a state that was not found repeats the last one that was.
        outflow: Water that left since the start, (steps,) each.
    """

    times: Float[Array, "steps"]
    states: Deformation
    outflow: Outflow


class _Carry(NamedTuple):
    unknowns: Unknowns
    outflow: Outflow
    factors: Factors
    stale: Flag
    going: Flag


@eqx.filter_jit
def hold(
    problem: SolidProblem,
    load: Load,
    before: Deformation,
    steps: Float[Array, "steps"],
    options: SolverOptions | None = None,
) -> History:
    """Follow a disc under a constant load; a jump to this load comes first (`undrained_equilibrium`).

    Args:
        problem: The disc.
        load: Force [N] and moment [N mm], or motion, on the upper endplate.
        before: State at the start, under this load.
        steps: Lengths of the implicit Euler steps [day].
        options: Accuracy.
    """
    options = options or SolverOptions()

    def parts_of(state_ratio: Array, dt: Array) -> System:
        return system(problem, Storage(state_ratio, dt))

    ratios = volume_ratios(problem, before)
    first_parts = parts_of(ratios, steps[0])
    zero = jnp.zeros(())

    def step(carry: _Carry, dt: Array) -> tuple[_Carry, tuple[Deformation, Outflow]]:
        displacement = displacement_of(first_parts, carry.unknowns)
        parts = parts_of(volume_ratios_of(problem, displacement), dt)
        found = newton(parts, carry.unknowns, load, carry.factors, carry.stale, options)
        going = carry.going & found.converged
        unknowns = jnp.where(going, found.unknowns, carry.unknowns)
        left = outflow(parts, unknowns)
        gone = Outflow(*(total + jnp.where(going, new, 0.0) for total, new in zip(carry.outflow, left, strict=True)))
        _, motion, potential = parts.places.split(unknowns)
        state = Deformation(
            displacement=displacement_of(parts, unknowns),
            motion=motion,
            potential=potential,
            load=load,
            load_share=jnp.where(going, 1.0, 0.0),
            status=jnp.where(going, CONVERGED, NOT_FOUND),
            iterations=found.iterations,
        )
        return _Carry(unknowns, gone, found.factors, found.stale, going), (state, gone)

    begin = _Carry(
        start_unknowns(first_parts, before),
        Outflow(zero, zero),
        no_factors(first_parts),
        jnp.asarray(True),
        jnp.asarray(True),
    )
    _, (states, gone) = lax.scan(step, begin, steps)
    return History(jnp.cumsum(steps), states, gone)


def outflow(parts: System, unknowns: Unknowns) -> Outflow:
    """Water that leaves in the time step of a system [mm3]."""
    places, mesh = parts.places, parts.problem.mesh
    _, _, balance = places.split(reactions(parts, unknowns))
    free = places.free[3 * places.nodes + 6 :]
    potential = places.split(unknowns)[2][mesh.element_corners]
    film = jnp.sum(jnp.einsum("ecd,ed->e", parts.film, potential))
    dt = jnp.zeros(()) if parts.storage is None or parts.storage.dt is None else parts.storage.dt
    return Outflow(jnp.sum(jnp.where(free, 0.0, balance)), dt * film)
