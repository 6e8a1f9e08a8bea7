"""Bringing a disc into balance before anything is done to it (cells_matrix 3; rulings 4).

The grade gives the composition of a disc, not its rates. The cells and nutrients of the grade live for two months; then one factor on the
source of cytokine makes its mean in the nucleus steady at the value of the grade, and two factors on synthesis and on cleavage of aggrecan
make both pools of glycosaminoglycan change at the rate of the chosen natural history; with one factor the pools of the grade table, which
are not those of a disc at rest, would exchange for decades. All else, cytokine elsewhere, collagens, annulus order, water, cells, follows
from the laws.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax.numpy as jnp

from pulposus import _backend  # noqa: F401
from pulposus.matrix import balance_source, balance_synthesis
from pulposus.simulation._ledger import Ledger, MatrixLedger
from pulposus.simulation._model import DiscModel
from pulposus.simulation._state import SimulationState

SETTLING = 60.0
"""Days that cells and nutrients of a grade live before the disc is balanced (cells_matrix 3)."""


def balanced(model: DiscModel, state: SimulationState) -> tuple[DiscModel, SimulationState]:
    """The disc with its two factors, and its state with the composition of the grade and closed accounts.

    Args:
        model: The disc.
        state: Its cells and solutes; signals and matrix are replaced.
    """
    none = jnp.zeros((), dtype=jnp.int64)
    ledger = Ledger.open(model.volume, state.cells, model.injected, model.leaked_at_once)
    started = replace(state, since_event=jnp.zeros(()), ledger=ledger, steps=none, rejected=none)
    biology = model.biology
    if biology is None:
        return model, started
    grade = biology.initial_matrix
    around = model.environment(state.solutes, biology.initial_signals, grade)
    sources, signals = balance_source(
        biology.signals, state.cells, around, biology.load, biology.setting.nucleus_weight, model.surroundings.cytokine
    )
    around = model.environment(state.solutes, signals, grade)
    setting = balance_synthesis(
        biology.setting,
        grade,
        state.cells,
        around,
        signals,
        biology.load,
        biology.laws.matrix,
        biology.natural_change,
        keep_split=True,
    )
    balanced_biology = replace(biology, signals=sources, setting=setting, initial_signals=signals)
    return (
        replace(model, biology=balanced_biology),
        replace(started, signals=signals, matrix=grade, matrix_ledger=MatrixLedger.open(model.volume, grade)),
    )


def moved_to(state: SimulationState, time: float) -> SimulationState:
    """The same state at another time [day]."""
    return eqx.tree_at(lambda one: one.time, state, jnp.full_like(state.time, time))
