"""The tables of a run: `timeseries.csv` and `summary.json`.

`timeseries.csv` is tidy: one row per time, run, region, quantity and statistic; the name of a quantity ends with its unit.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._atomic import write_text
from pulposus.report._fields import POPULATIONS, SOLUTES, field_values, suffixed, times

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

COLUMNS = ("time_day", "run", "region", "quantity", "statistic", "value")
WITH_CELLS, WITHOUT_CELLS = "with_cells", "without_cells"
# Entries of a ledger row that are not a number of cells.
_SHARES = ("native_alive_fraction",)


def csv_text(columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]] | list[tuple[Any, ...]]) -> str:
    """Comma-separated text with Unix line ends; floats are written so that they read back exactly."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([repr(float(cell)) if isinstance(cell, float | np.floating) else cell for cell in row])
    return target.getvalue()


def json_text(document: Any) -> str:
    """Strict JSON: NumPy scalars and arrays become plain numbers, a value that is not finite becomes null."""
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Path):
        return str(value)
    return _plain(np.asarray(value).tolist())


def study_name(protocol: Mapping[str, Any]) -> str:
    """Short name of the study, or "run" where the protocol has none."""
    return str(protocol.get("id", {}).get("name") or "run")


def summary(record: RunRecord) -> dict[str, Any]:
    """The answer of a run as plain data, also printed by `pulposus run --json`."""
    description = record.disc.description
    document = {
        "id": study_name(record.protocol),
        "simulated": True,
        "research_use_only": True,
        "disc": {
            "name": description.name,
            "species": description.species,
            "level": description.level,
            "grade": description.grade,
            "resolution": record.disc.topology.resolution,
            "nodes": record.trajectory.sizes["column"] * record.trajectory.sizes["level"],
        },
        "dose_steps": record.dose_steps,
        "cells": list(record.cells),
        "ledger_error": record.ledger_error,
        "nutrition": list(record.nutrition),
        "ensemble": record.ensemble,
        "warnings": list(record.warnings),
        "version": record.manifest.get("version"),
        "seed": record.manifest.get("seed"),
        "seconds": record.manifest.get("seconds"),
    }
    return _plain(document)


def write_summary(path: Path, record: RunRecord) -> Path:
    """Write `summary.json`."""
    return write_text(path, json_text(summary(record)))


def timeseries_rows(record: RunRecord) -> Iterator[tuple[Any, ...]]:
    """Rows of `timeseries.csv`: regions of both runs, then the ledger, then the quantiles of the ensemble."""
    for run, dataset in ((WITH_CELLS, record.trajectory), (WITHOUT_CELLS, record.sham)):
        moments = times(dataset)
        for part in record.regions:
            for info in (*SOLUTES, *POPULATIONS):
                values = field_values(dataset, info.key)
                low, high = part.extremes(values)
                statistics: dict[str, np.ndarray] = {"min": low, "mean": part.mean(values), "max": high}
                for statistic, series in statistics.items():
                    for moment, value in zip(moments, series, strict=True):
                        yield float(moment), run, part.key, suffixed(info), statistic, float(value)
                if info in POPULATIONS:
                    for moment, value in zip(moments, part.cells(values), strict=True):
                        yield float(moment), run, part.key, f"{info.key}_cells", "total", float(value)
    for row in record.cells:
        for key, value in row.items():
            if key != "time_day":
                name = key if key in _SHARES else f"{key}_cells"
                yield float(row["time_day"]), WITH_CELLS, "disc", name, "ledger", float(value)
    if record.ensemble is not None:
        for quantity, quantiles in record.ensemble["quantiles"].items():
            for statistic, series in quantiles.items():
                for moment, value in zip(record.ensemble["time_day"], series, strict=True):
                    yield float(moment), "ensemble", "slab", quantity, statistic, float(value)


def write_timeseries(path: Path, record: RunRecord) -> Path:
    """Write `timeseries.csv`."""
    return write_text(path, csv_text(COLUMNS, timeseries_rows(record)))
