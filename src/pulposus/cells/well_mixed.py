"""Level 0: a disc that is one well-mixed drop, integrated over a list of steps (cells_matrix 2.9).

dy/dt = f(y, environment(t), t),  flows summed into the ledger of cells_matrix 6.1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._environment import Environment
from pulposus.cells._flows import CellFlows
from pulposus.cells._integrator import advance
from pulposus.cells._parameters import CellParameters
from pulposus.cells._product import Product
from pulposus.cells._state import CellState

Record = TypeVar("Record", bound=eqx.Module)


class WellMixedRun(eqx.Module):
    """Densities and summed flows at the start and after every step; the leading axis is time.

    Attributes:
        time: Time since the injection [day], shape (steps + 1,).
        state: Densities [10^6/mL].
        ledger: Flows summed since the start [10^6/mL].
    """

    time: Float[Array, " times"]
    state: CellState
    ledger: CellFlows

    @property
    def donor_imbalance(self) -> Field:
        """(injected + born) - (alive + leaked + dead) at every time; zero to rounding [10^6/mL]."""
        donor = self.state.donor
        return donor[0] + self.ledger.born - donor - self.ledger.leaked - self.ledger.deaths.total

    @property
    def native_imbalance(self) -> Field:
        """(initial + born) - (alive + dead) of the native cells at every time; zero to rounding [10^6/mL]."""
        alive = self.state.native_alive
        return alive[0] + self.ledger.native.born - alive - self.ledger.native.dead

    @property
    def dead_imbalance(self) -> Field:
        """(initial + all deaths) - (dead in place + removed) at every time; zero to rounding [10^6/mL]."""
        deaths = self.ledger.deaths.total + self.ledger.native.dead
        return self.state.dead[0] + deaths - self.state.dead - self.ledger.removed


@eqx.filter_jit
def integrate(
    state: CellState,
    environment: Environment | Callable[[Scalar], Environment],
    product: Product,
    parameters: CellParameters,
    steps: Float[Array, " steps"],
    *,
    start: ArrayLike = 0.0,
    leak_weight: ArrayLike = 1.0,
) -> WellMixedRun:
    """Integrate the cells over a fixed list of steps.

    Args:
        state: Densities at the start.
        environment: Conditions, constant or as a function of the time [day].
        product: The cell product.
        parameters: Constants of the laws.
        steps: Lengths of the steps [day].
        start: Time since the injection at the start [day].
        leak_weight: Spatial weight of the leak.
    """
    ends = as_field(start) + jnp.cumsum(steps)
    starts = ends - steps

    def one_step(
        carry: tuple[CellState, CellFlows], interval: tuple[Scalar, Scalar]
    ) -> tuple[tuple[CellState, CellFlows], tuple[CellState, CellFlows]]:
        current, ledger = carry
        time, step = interval
        local = environment if isinstance(environment, Environment) else environment(time + 0.5 * step)
        following, flows = advance(current, local, product, parameters, time, step, leak_weight)
        ledger = jax.tree.map(jnp.add, ledger, flows)
        return (following, ledger), (following, ledger)

    nothing = CellFlows.nothing(state)
    _, (states, ledgers) = jax.lax.scan(one_step, (state, nothing), (starts, steps))
    return WellMixedRun(
        time=jnp.concatenate([as_field(start)[None], ends]),
        state=_preceded(state, states),
        ledger=_preceded(nothing, ledgers),
    )


def _preceded(first: Record, later: Record) -> Record:
    """The initial record in front of the later ones."""
    return jax.tree.map(lambda one, many: jnp.concatenate([one[None], many]), first, later)
