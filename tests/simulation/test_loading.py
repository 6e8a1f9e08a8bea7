"""Daily loading begins with the treatment: the disc is balanced without it, so overload harms and cannot be balanced away."""

from __future__ import annotations

import pytest

from pulposus.simulation import SimulationResult, simulate
from pulposus.therapy import load_protocol


def life(load: float) -> SimulationResult:
    study = load_protocol(
        "no-treatment", ["disc.name=human/L4-L5/grade3", "numerics.level=slab", f"co_care.load_index={load}"]
    )
    return simulate(study, until=365.25)


@pytest.fixture(scope="module")
def lives() -> dict[float, SimulationResult]:
    return {load: life(load) for load in (1.0, 2.5)}


def nucleus(result: SimulationResult, name: str) -> list[float]:
    return [row["nucleus"][name] for row in result.native_course.matrix_rows()]


def test_the_balance_does_not_depend_on_the_loading_to_come(lives) -> None:
    quiet, loaded = (lives[load].native_course.model.biology for load in (1.0, 2.5))
    assert float(quiet.setting.synthesis_factor) == float(loaded.setting.synthesis_factor)
    assert float(quiet.signals.source_factor) == float(loaded.signals.source_factor)


def test_overload_costs_glycosaminoglycan_and_inflames(lives) -> None:
    """1.25 MPa is above the cross-over of 1 MPa: synthesis falls by exp(-0.25 / 0.3), stress rises (cells_matrix 2.6, 2.7)."""
    names = ("glycosaminoglycan_mg_per_mL", "cytokine")
    (quiet, calm), (loaded, inflamed) = ([nucleus(lives[load], name)[-1] for name in names] for load in (1.0, 2.5))
    assert loaded < quiet
    assert inflamed > calm


def test_both_begin_alike(lives) -> None:
    assert (
        nucleus(lives[1.0], "glycosaminoglycan_mg_per_mL")[0] == nucleus(lives[2.5], "glycosaminoglycan_mg_per_mL")[0]
    )
