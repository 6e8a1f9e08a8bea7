"""The runs that a report shows side by side: the disc with cells, after the same procedure without cells, and left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pulposus.report._fields import field_values

if TYPE_CHECKING:
    import xarray

    from pulposus.report._geometry import Region
    from pulposus.report._record import RunRecord

WITH_CELLS, WITHOUT_CELLS, NATIVE_COURSE = "with_cells", "without_cells", "native_course"


@dataclass(frozen=True)
class Run:
    """One run of a report.

    Attributes:
        key: Name in files.
        row_key: Name in the rows of the matrix.
        label: Name for people.
        data: Its fields.
    """

    key: str
    row_key: str
    label: str
    data: xarray.Dataset


def runs(record: RunRecord) -> tuple[Run, ...]:
    """The treated disc first, then its comparators."""
    pair = (
        Run(WITH_CELLS, "with_cells", "with cells", record.trajectory),
        Run(WITHOUT_CELLS, "sham", "without cells", record.sham),
    )
    if record.native_course is None:
        return pair
    return (*pair, Run(NATIVE_COURSE, "native_course", "native course", record.native_course))


def comparators(record: RunRecord) -> str:
    """The comparators in words for captions."""
    sham = "without cells: the same procedure, no cells given"
    return sham if record.native_course is None else f"{sham}; native course: the disc left alone"


def living_share(disc: Region, data: xarray.Dataset, start: float | None = None) -> np.ndarray:
    """Living native cells (senescent ones included) over those before anything was done, shape (time,).

    Args:
        disc: The whole disc.
        data: A run.
        start: Native cells before anything was done [cells]; those at the first stored time if None.
    """
    living = disc.in_run(data).cells(field_values(data, "native") + field_values(data, "senescent"))
    whole = living[0] if start is None else start
    # A disc without native cells has lost none.
    return living / whole if whole > 0.0 else np.ones_like(living)


def native_share(record: RunRecord) -> dict[str, np.ndarray]:
    """The share of living native cells in every run, by the label of the run."""
    disc, _ = record.regions
    return {run.label: living_share(disc, run.data, record.native_start) for run in runs(record)}
