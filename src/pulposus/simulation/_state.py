"""The state of a simulated disc between two steps."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellState
from pulposus.nutrition import SolverOptions, solve
from pulposus.simulation._ledger import CellTotals, Ledger
from pulposus.simulation._model import DiscModel


class SimulationState(eqx.Module):
    """Everything that a run needs to go on.

    Attributes:
        time: Time since the injection [day].
        step: Length of the step to try next [day].
        cells: Densities [10^6/mL].
        solutes: Oxygen [kPa], lactate and glucose [mM] in balance with the cells.
        ledger: Account of the cells.
        status: 0, or the status of the nutrition solve that failed.
        steps, rejected: Steps taken and refused.
    """

    time: Float[Array, ""]
    step: Float[Array, ""]
    cells: CellState
    solutes: Float[Array, "3 columns levels"]
    ledger: Ledger
    status: Int[Array, ""]
    steps: Int[Array, ""]
    rejected: Int[Array, ""]

    def totals(self, model: DiscModel) -> CellTotals:
        """Numbers of cells now."""
        return CellTotals.count(model.volume, self.cells, model.initial_cells, self.ledger, model.injected)


def start_state(model: DiscModel, first_step: float, options: SolverOptions) -> SimulationState:
    """The state right after the injection, with the nutrients in balance with all cells."""
    solution = solve(model.nutrition(model.initial_cells), options=options)
    count = jnp.zeros((), dtype=jnp.int64)
    return SimulationState(
        time=jnp.zeros(()),
        step=jnp.asarray(first_step, dtype=jnp.float64),
        cells=model.initial_cells,
        solutes=solution.solutes,
        ledger=Ledger.open(model.initial_cells, model.leaked_at_once),
        status=solution.status,
        steps=count,
        rejected=count,
    )
