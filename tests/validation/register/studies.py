"""Runs that the register shares: a protocol on the axis of the nucleus, and what its arms come to.

Studies without a built-in protocol are variations of one; what a variation changes is named where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from pulposus.simulation import SimulationResult, Trajectory, simulate
from pulposus.therapy import load_protocol

YEAR = 365.25
WEEK = 7.0


@dataclass(frozen=True)
class Entry:
    """One row of the validation table, or a part of one.

    Attributes:
        number: Row of cells_matrix 7, with a letter where it has parts.
        study: Set-up.
        use: T tuned to, H held out, Q direction or ordering only.
        observed: What was seen, with its tag (V seen in the source, M from memory).
        rule: When it counts as met; written before the run.
        computed: What the program gives.
        verdict: met, not met, not computable (needs data nobody has), or not computed yet.
        note: What a reader has to know.
    """

    number: str
    study: str
    use: str
    observed: str
    rule: str
    computed: str
    verdict: str
    note: str = ""


VERDICTS = ("met", "not met", "not computable", "not computed yet")


def judged(holds: bool | np.bool_) -> str:
    """A verdict."""
    return "met" if bool(holds) else "not met"


@lru_cache
def run(name: str, overrides: tuple[str, ...] = (), until: float | None = None) -> SimulationResult:
    """A protocol on the axis, with overrides."""
    return simulate(load_protocol(name, ["numerics.level=slab", *overrides]), until=until)


def at(course: Trajectory, time: float) -> int:
    """Number of the stored state nearest to a time [day]."""
    return int(np.argmin(np.abs(course.times - time)))


def nucleus(course: Trajectory, name: str, time: float) -> float:
    """Mean of a quantity in the nucleus at a time."""
    return float(course.matrix_rows()[at(course, time)]["nucleus"][name])


def content(course: Trajectory, time: float) -> float:
    """Glycosaminoglycan of the nucleus [mg/mL]."""
    return nucleus(course, "glycosaminoglycan_mg_per_mL", time)


def cells(course: Trajectory, time: float) -> Mapping[str, Any]:
    """Numbers of cells at a time."""
    return course.cell_rows()[at(course, time)]


def share(course: Trajectory, time: float) -> float:
    """Living donor cells over those that left the needle."""
    row = cells(course, time)
    return row["alive"] / row["injected"]


def over_sham(result: SimulationResult, time: float) -> float:
    """Glycosaminoglycan of the nucleus over that of the sham arm, minus 1."""
    return content(result.with_cells, time) / content(result.sham, time) - 1.0


def percent(value: float, digits: int = 1) -> str:
    """A share as text."""
    return f"{100.0 * value:.{digits}f} %"
