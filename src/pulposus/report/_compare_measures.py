"""What arms are compared by: numbers of cells, nutrition, and means of the matrix, each over time in every run of an arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import field_values, times
from pulposus.report._matrix_rows import (
    ANNULUS_ORDER,
    COLLAGEN_II_NUCLEUS,
    CYTOKINE_NUCLEUS,
    ENZYME_NUCLEUS,
    GLYCOSAMINOGLYCAN_NUCLEUS,
    WATER_NUCLEUS,
    Quantity,
    Series,
    series,
)
from pulposus.report._runs import living_share, runs

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord
    from pulposus.report._runs import Run

Arm = tuple[str, "RunRecord"]


@dataclass(frozen=True)
class Measure:
    """One number of an arm over time.

    Attributes:
        name: Name in files, with its unit.
        title: Name for people.
        unit: As printed; "-" for a pure number.
        mean: The mean of the matrix rows that it is; None for cells and nutrition.
    """

    name: str
    title: str
    unit: str
    mean: Quantity | None = None


ALIVE = Measure("alive_million_cells", "living donor cells", "million")
NATIVE = Measure("native_alive_percent", "native cells alive", "% of day 0")
GLUCOSE = Measure("glucose_nucleus_mean_mM", "glucose, nucleus", "mM")
MEASURES = (
    ALIVE,
    NATIVE,
    GLUCOSE,
    *(
        Measure(mean.name, mean.title, mean.unit, mean)
        for mean in (
            GLYCOSAMINOGLYCAN_NUCLEUS,
            COLLAGEN_II_NUCLEUS,
            WATER_NUCLEUS,
            CYTOKINE_NUCLEUS,
            ENZYME_NUCLEUS,
            ANNULUS_ORDER,
        )
    ),
)


def measured(record: RunRecord, run: Run, measure: Measure) -> Series | None:
    """A measure of one run of an arm; None where that run does not have it."""
    disc, nucleus = record.regions
    if measure == ALIVE:
        # The comparators of an arm have no donor cells.
        return _alive(record) if run.data is record.trajectory else None
    if measure == NATIVE:
        return Series(times(run.data), 100.0 * living_share(disc, run.data))
    if measure == GLUCOSE:
        return Series(times(run.data), nucleus.in_run(run.data).mean(field_values(run.data, "glucose")))
    return None if measure.mean is None else series(record, run.row_key, measure.mean)


def _alive(record: RunRecord) -> Series:
    days, alive = (np.array([float(row[key]) for row in record.cells]) for key in ("time_day", "alive"))
    return Series(days, 1e-6 * alive)


def treated(record: RunRecord, measure: Measure) -> Series | None:
    """A measure of the treated run of an arm."""
    return measured(record, runs(record)[0], measure)


def comparator(record: RunRecord, key: str, measure: Measure) -> Series | None:
    """A measure of a comparator of an arm; None where the arm does not have it."""
    run = next((run for run in runs(record)[1:] if run.key == key), None)
    return None if run is None else measured(record, run, measure)


def shown_measures(arms: list[Arm]) -> list[Measure]:
    """Measures that at least one arm has."""
    return [measure for measure in MEASURES if any(treated(record, measure) is not None for _, record in arms)]


def common_end(arms: list[Arm]) -> float:
    """The last time [day] that all arms reach."""
    return min(float(record.cells[-1]["time_day"]) for _, record in arms)
