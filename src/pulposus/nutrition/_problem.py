r"""The discrete nutrition problem: oxygen, lactate and glucose on a mesh, in one form for every boundary and for time steps.

For each solute :math:`s` and node :math:`i` (transport 1.2, 3.1, 3.2)

.. math:: F_{si} = (K_s u_s)_i + e_{si} u_{si} - l_{si} - w_{si}\, r_s(u_i) = 0

with the diffusion operator :math:`K_s`, the exchange :math:`e` (Robin boundary, storage of a time step, first-order sinks), the load
:math:`l` (their right-hand sides, prescribed sources), the demand :math:`w` (cells per volume times volume) and the metabolic rates
:math:`r` of 10^6 native cells per mL. On fixed nodes the equation is :math:`u = u_b`.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.mesh import Topology, apply_stencil
from pulposus.nutrition._kinetics import Kinetics, metabolic_rates

OXYGEN, LACTATE, GLUCOSE = 0, 1, 2
SOLUTES = ("oxygen", "lactate", "glucose")


class NutritionProblem(eqx.Module):
    """Everything that the solver needs, in mm, day, mM and kPa.

    Attributes:
        mesh: Topology.
        stencil: Diffusion operator of the three solutes [mm3/day].
        free: 1 where the solution is sought, 0 where it is fixed.
        start: Boundary values on fixed nodes; on free nodes the values from which a cold solution starts.
        exchange: Linear exchange coefficient [mm3/day].
        load: Its right-hand side [mM mm3/day; kPa mm3/day for oxygen].
        demand: Native-cell equivalents of every solute [10^6/mL mm3].
        kinetics: Constants of the metabolic laws.
    """

    mesh: Topology = eqx.field(static=True)
    stencil: Float[Array, "3 columns width 3 levels"]
    free: Float[Array, "columns levels"]
    start: Float[Array, "3 columns levels"]
    exchange: Float[Array, "3 columns levels"]
    load: Float[Array, "3 columns levels"]
    demand: Float[Array, "3 columns levels"]
    kinetics: Kinetics

    def with_demand(self, demand: Float[Array, "3 columns levels"]) -> NutritionProblem:
        """The same problem with other cells."""
        return eqx.tree_at(lambda problem: problem.demand, self, demand)


def flux_balance(
    problem: NutritionProblem, solutes: Float[Array, "3 columns levels"]
) -> Float[Array, "3 columns levels"]:
    """Net outflow of every node that diffusion and exchange carry, less what the cells make; zero at free nodes of a solution.

    At a fixed node it is the consistent nodal reaction: the inflow through the boundary [mM mm3/day; kPa mm3/day for oxygen].
    """
    transported = apply_stencil(problem.mesh.neighbours, problem.stencil, solutes)
    return (
        transported
        + problem.exchange * solutes
        - problem.load
        - problem.demand * metabolic_rates(problem.kinetics, solutes)
    )


def residual(problem: NutritionProblem, solutes: Float[Array, "3 columns levels"]) -> Float[Array, "3 columns levels"]:
    """The residual F; on fixed nodes the distance from the boundary value."""
    return jnp.where(problem.free[None] > 0.0, flux_balance(problem, solutes), solutes - problem.start)


def reaction_jacobian(
    problem: NutritionProblem, solutes: Float[Array, "3 columns levels"]
) -> Float[Array, "3 3 columns levels"]:
    """Derivative of the cells' production `demand * rates` of solute i with respect to solute j, at every node."""

    def along(solute: int) -> Float[Array, "3 columns levels"]:
        direction = jnp.zeros_like(solutes).at[solute].set(1.0)
        return jax.jvp(lambda values: metabolic_rates(problem.kinetics, values), (solutes,), (direction,))[1]

    return problem.demand[:, None] * jnp.stack([along(solute) for solute in range(3)], axis=1)
