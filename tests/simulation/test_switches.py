"""Mechanisms switched off one by one (cells_matrix 5): each does what it says, so that what it contributes can be told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pulposus.simulation import SimulationResult, simulate
from pulposus.therapy import load_protocol

SLAB = ["numerics.level=slab", "numerics.resolution=coarse"]


def without(switch: str, *more: str, until: float = 28.0) -> SimulationResult:
    return simulate(load_protocol("orozco-2011", [*SLAB, f"numerics.switches.{switch}=false", *more]), until=until)


def largest(result: SimulationResult, pick: Callable) -> float:
    """Largest value of a field at any stored time of the treated disc."""
    return max(float(np.max(pick(state))) for state in result.with_cells.states)


def test_without_differentiation_no_cell_becomes_nucleus_like(month: SimulationResult) -> None:
    off = without("differentiation")
    assert largest(off, lambda state: state.cells.differentiated) == 0.0
    assert largest(month, lambda state: state.cells.differentiated) > 0.0
    assert largest(off, lambda state: state.cells.attached) > 0.0


def test_without_the_paracrine_effect_donor_cells_calm_nothing(month: SimulationResult) -> None:
    off = without("paracrine")
    assert largest(off, lambda state: state.signals.paracrine) == 0.0
    assert largest(month, lambda state: state.signals.paracrine) > 0.0
    calm, usual = (result.with_cells.matrix_rows()[-1]["nucleus"]["cytokine"] for result in (month, off))
    assert calm < 0.99 * usual


def test_without_puncture_damage_the_needle_leaves_no_trace(month: SimulationResult) -> None:
    off = without("puncture_damage")
    assert off.insult_rows() == []
    assert off.sham is off.native_course
    assert float(off.with_cells.states[-1].matrix_ledger.removed.glycosaminoglycan) == 0.0
    assert month.sham is not month.native_course
    (row,) = month.insult_rows()
    assert (row["time_day"], row["kind"]) == (0.0, "needle puncture, gauge 22")
    assert row["left"]["glycosaminoglycan_mg"] > 0.0
    assert float(off.with_cells.model.biology.access) < float(month.with_cells.model.biology.access)


def test_without_immunity_strange_cells_are_spared() -> None:
    """Kill of allogeneic cells begins a month after the injection."""
    strange = ("donor.relation=allogeneic",)
    on = simulate(load_protocol("orozco-2011", [*SLAB, *strange]), until=60.0)
    off = without("immune", *strange, until=60.0)
    killed = [float(result.with_cells.states[-1].ledger.flows.deaths.immune) for result in (on, off)]
    assert killed[0] > 0.0
    assert killed[1] == 0.0
    assert off.with_cells.cell_rows()[-1]["alive"] > on.with_cells.cell_rows()[-1]["alive"]


def test_without_leak_every_cell_stays_in_the_disc(month: SimulationResult) -> None:
    """At the injection and after it."""
    off = without("leak", until=1.0)
    assert all(row["leaked"] == 0.0 for row in off.with_cells.cell_rows())
    assert month.with_cells.cell_rows()[0]["leaked"] > 0.0
    assert off.with_cells.cell_rows()[-1]["dead"] > 0.0


@pytest.mark.parametrize("switch", ["death", "growth"])
def test_without_death_or_growth_nobody_dies_or_is_born(switch: str, month: SimulationResult) -> None:
    off = without(switch, until=7.0)
    name = {"death": "dead", "growth": "born"}[switch]
    assert off.with_cells.cell_rows()[-1][name] == 0.0
    assert month.with_cells.cell_rows()[-1][name] > 0.0
