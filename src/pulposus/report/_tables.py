"""The tables of a run: `timeseries.csv` and `summary.json`.

`timeseries.csv` is tidy: one row per time, run, region, quantity and statistic; the name of a quantity ends with its unit.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._atomic import write_text
from pulposus.report._fields import POPULATIONS, all_fields, field_values, suffixed, times
from pulposus.report._matrix_rows import REGIONS, final_row, rows_of
from pulposus.report._runs import WITH_CELLS, native_share, runs

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

COLUMNS = ("time_day", "run", "region", "quantity", "statistic", "value")
HISTORY = "history"
# Entries of a ledger row that are not a number of cells.
_SHARES = ("native_alive_fraction",)


def csv_text(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
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
        "matrix_ledger_error": record.matrix_ledger_error,
        "nutrition": list(record.nutrition),
        "matrix": list(record.matrix),
        "arms": arms(record),
        "safety": list(record.safety),
        "history": list(record.history),
        "insults": list(record.insults),
        "ensemble": record.ensemble,
        "warnings": list(record.warnings),
        "version": record.manifest.get("version"),
        "seed": record.manifest.get("seed"),
        "seconds": record.manifest.get("seconds"),
    }
    return _plain(document)


def arms(record: RunRecord) -> dict[str, dict[str, Any]]:
    """How the comparators of a run end: the share of living native cells, and the last row of the matrix (None without one)."""
    shares = native_share(record)
    return {
        run.row_key: {
            "native_alive_fraction": float(shares[run.label][-1]),
            "matrix": final_row(record, run.row_key),
        }
        for run in runs(record)[1:]
    }


def write_summary(path: Path, record: RunRecord) -> Path:
    """Write `summary.json`."""
    return write_text(path, json_text(summary(record)))


Row = tuple[float, str, str, str, str, float]


def _field_rows(record: RunRecord) -> Iterator[Row]:
    """Statistics of every field in every region of all runs, and the number of cells of every population."""
    for run in runs(record):
        moments = times(run.data)
        for part, info in itertools.product(record.regions, all_fields(run.data)):
            values, here = field_values(run.data, info.key), part.in_run(run.data)
            low, high = here.extremes(values)
            series = {
                (suffixed(info), "min"): low,
                (suffixed(info), "mean"): here.mean(values),
                (suffixed(info), "max"): high,
            }
            if info in POPULATIONS:
                series[f"{info.key}_cells", "total"] = here.cells(values)
            for (quantity, statistic), line in series.items():
                for moment, value in zip(moments, line, strict=True):
                    yield float(moment), run.key, part.key, quantity, statistic, float(value)


def _ledger_rows(record: RunRecord) -> Iterator[Row]:
    """The ledger of the donor cells."""
    for row in record.cells:
        for key, value in row.items():
            if key != "time_day":
                name = key if key in _SHARES else f"{key}_cells"
                yield float(row["time_day"]), WITH_CELLS, "disc", name, "ledger", float(value)


def _matrix_rows(record: RunRecord) -> Iterator[Row]:
    """Means of the regions by the rows of the matrix; those before the treatment have negative days and a run of their own."""
    named = [(run.key, row) for run in runs(record) for row in rows_of(record, run.row_key)]
    for run, row in [*((HISTORY, row) for row in record.history), *named]:
        for region in REGIONS:
            for quantity, value in (row.get(region) or {}).items():
                if value is not None:
                    yield float(row["time_day"]), run, region, quantity, "matrix", float(value)


def _ensemble_rows(ensemble: Mapping[str, Any]) -> Iterator[Row]:
    """Quantiles of the ensemble; its region is the slab, or the disc where it was run in three dimensions."""
    region = "slab" if "slab" in str(ensemble["level"]) else "disc"
    for quantity, quantiles in ensemble["quantiles"].items():
        for statistic, series in quantiles.items():
            for moment, value in zip(ensemble["time_day"], series, strict=True):
                yield float(moment), "ensemble", region, quantity, statistic, float(value)


def timeseries_rows(record: RunRecord) -> Iterator[Row]:
    """Rows of `timeseries.csv`."""
    yield from _field_rows(record)
    yield from _ledger_rows(record)
    yield from _matrix_rows(record)
    if record.ensemble is not None:
        yield from _ensemble_rows(record.ensemble)


def write_timeseries(path: Path, record: RunRecord) -> Path:
    """Write `timeseries.csv`."""
    return write_text(path, csv_text(COLUMNS, timeseries_rows(record)))
