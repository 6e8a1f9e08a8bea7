"""The accounts close through an insult before the treatment and two doses, each with its needle (cells_matrix 6.1, 6.13)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.simulation import SimulationResult, simulate
from pulposus.simulation._ledger import pools_of
from pulposus.therapy import load_protocol

INSULT = "insults=[{kind: nucleotomy, removed_fraction: 0.3, time_before_treatment: 2 day}]"
SETTINGS = ["numerics.resolution=coarse", INSULT, "dose.repeat_at=[2 day]"]


@pytest.fixture(scope="module", params=["slab", "disc"])
def treated(request: pytest.FixtureRequest) -> SimulationResult:
    return simulate(load_protocol("orozco-2011", [*SETTINGS, f"numerics.level={request.param}"]), until=3.0)


def states(result: SimulationResult) -> list:
    """History and treated disc, in order."""
    return [*result.history.states, *result.with_cells.states]


def test_donor_cells_are_injected_and_born_or_alive_leaked_and_dead(treated: SimulationResult) -> None:
    assert treated.with_cells.ledger_error < 1e-10
    injected = [row["injected"] for row in treated.with_cells.cell_rows()]
    dose = 1e6 * treated.treatment.injected_cells
    assert injected[0] == pytest.approx(dose, rel=1e-12)
    assert injected[-1] == pytest.approx(2.0 * dose, rel=1e-12)


def test_native_cells_are_alive_dead_or_removed(treated: SimulationResult) -> None:
    for course in (treated.history, *treated.arms.values()):
        for one in course.snapshots:
            assert abs(float(one.totals.native_imbalance)) < 1e-10 * float(one.totals.native_initial)


def test_the_matrix_is_made_lost_removed_or_there(treated: SimulationResult) -> None:
    for course in (treated.history, *treated.arms.values()):
        assert course.matrix_ledger_error < 1e-10


def test_a_second_dose_loses_donor_cells_to_its_needle(treated: SimulationResult) -> None:
    """The needle of the second injection takes and kills donor cells of the first: they are in the account."""
    ledger = treated.with_cells.states[-1].ledger
    assert float(ledger.donor_removed) + float(ledger.donor_killed) > 0.0
    assert float(treated.with_cells.states[0].ledger.donor_removed) == 0.0


def test_what_left_at_every_insult_is_in_a_row(treated: SimulationResult) -> None:
    rows = treated.insult_rows()
    assert [row["time_day"] for row in rows] == [-2.0, 0.0, 2.0]
    assert [row["kind"] for row in rows] == ["nucleotomy", *["needle puncture, gauge 22"] * 2]
    last = treated.with_cells.states[-1]
    taken = [sum(row["left"][name] for row in rows) for name in ("glycosaminoglycan_mg", "collagen_mg", "native_cells")]
    removed = last.matrix_ledger.removed
    assert taken[0] == pytest.approx(float(removed.glycosaminoglycan), rel=1e-12)
    assert taken[1] == pytest.approx(float(removed.collagen_II) + float(removed.collagen_I), rel=1e-12)
    assert taken[2] == pytest.approx(1e6 * float(last.ledger.native_removed), rel=1e-12)
    assert all(value > 0.0 for row in rows for value in row["left"].values()), rows


def test_a_row_tells_where_the_tissue_went(treated: SimulationResult) -> None:
    """The surgeon keeps what a nucleotomy takes; a needle presses tissue out of the annulus."""
    nucleotomy, *needles = treated.insult_rows()
    assert nucleotomy["where"].startswith("out with the surgeon")
    assert all(row["where"].startswith("out of the annulus") for row in needles)
    volume = sum(row["left"]["volume_mm3"] for row in treated.insult_rows())
    assert volume == pytest.approx(float(np.sum(treated.with_cells.states[-1].matrix_ledger.tissue_removed)), rel=1e-12)
    nucleus = np.asarray(treated.history.model.biology.setting.shares.nucleus * treated.history.model.volume)
    assert nucleotomy["left"]["volume_mm3"] == pytest.approx(0.3 * float(np.sum(nucleus)), rel=0.02)


def test_the_first_row_is_what_the_nucleotomy_took(treated: SimulationResult) -> None:
    """30 % of the glycosaminoglycan of the nucleus: the first state of the history is that after the insult."""
    first = treated.history.states[0]
    row, model = treated.insult_rows()[0], treated.history.model
    before, after = first.matrix_ledger.initial, pools_of(model.volume, jax.tree.map(jnp.asarray, first.matrix))
    gone = float(before.glycosaminoglycan - after.glycosaminoglycan)
    assert row["left"]["glycosaminoglycan_mg"] == pytest.approx(gone, rel=1e-9)
    nucleus = np.asarray(model.biology.setting.nucleus_weight)
    held = float(np.sum(nucleus * np.asarray(model.biology.initial_matrix.glycosaminoglycan)))
    left = float(np.sum(nucleus * (first.matrix.aggrecan + first.matrix.fragments)))
    assert left == pytest.approx(0.7 * held, rel=0.02)


def test_nothing_is_negative(treated: SimulationResult) -> None:
    for state in states(treated):
        for leaf in jax.tree.leaves((state.cells, state.signals, state.matrix, state.solutes)):
            assert float(np.min(leaf)) >= 0.0
        assert float(np.max(state.matrix.annulus_order)) <= 1.0
        assert float(np.max(state.matrix.fissure)) <= 1.0
