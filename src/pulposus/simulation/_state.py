"""The state of a simulated disc between two steps."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellState, Clocks
from pulposus.matrix import MatrixState, SignalState
from pulposus.nutrition import SolverOptions, solve
from pulposus.simulation._ledger import CellTotals, Ledger, MatrixLedger
from pulposus.simulation._model import DiscModel


class SimulationState(eqx.Module):
    """Everything that a run needs to go on.

    Attributes:
        time: Time since the treatment [day]; negative before it.
        since_event: Time since the start, the last insult or the last injection [day].
        step: Length of the step to try next [day].
        cells: Densities [10^6/mL].
        clocks: Clocks of the donor cells.
        solutes: Oxygen [kPa], lactate and glucose [mM] in balance with the cells.
        signals: Cytokine, paracrine factor, growth factor, enzyme; None where the grade's constants stand for them.
        matrix: Matrix of the disc; None likewise.
        ledger: Account of the cells.
        matrix_ledger: Account of the matrix; None without one.
        status: 0, or the status of the nutrition solve that failed.
        steps, rejected: Steps taken and refused.
    """

    time: Float[Array, ""]
    since_event: Float[Array, ""]
    step: Float[Array, ""]
    cells: CellState
    clocks: Clocks
    solutes: Float[Array, "3 columns levels"]
    signals: SignalState | None
    matrix: MatrixState | None
    ledger: Ledger
    matrix_ledger: MatrixLedger | None
    status: Int[Array, ""]
    steps: Int[Array, ""]
    rejected: Int[Array, ""]

    def totals(self, model: DiscModel) -> CellTotals:
        """Numbers of cells now."""
        return CellTotals.count(model.volume, self.cells, self.ledger)


def start_state(model: DiscModel, first_step: float, options: SolverOptions) -> SimulationState:
    """The state at the start, with the nutrients in balance with all cells."""
    solution = solve(model.nutrition(model.initial_cells), options=options, operator=model.transport)
    count = jnp.zeros((), dtype=jnp.int64)
    biology = model.biology
    return SimulationState(
        time=jnp.zeros(()),
        since_event=jnp.zeros(()),
        step=jnp.asarray(first_step, dtype=jnp.float64),
        cells=model.initial_cells,
        clocks=Clocks.together(0.0),
        solutes=solution.solutes,
        signals=None if biology is None else biology.initial_signals,
        matrix=None if biology is None else biology.initial_matrix,
        ledger=Ledger.open(model.volume, model.initial_cells, model.injected, model.leaked_at_once),
        matrix_ledger=None if biology is None else MatrixLedger.open(model.volume, biology.initial_matrix),
        # Of one type from the start, so that all steps share compiled code.
        status=solution.status.astype(jnp.int64),
        steps=count,
        rejected=count,
    )
