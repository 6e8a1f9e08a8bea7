"""A small stored run on a real disc with fields that are linear in space and time, so that every export can be checked exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray

from pulposus.disc import Disc, load_disc
from pulposus.report import RunRecord, write_netcdf
from pulposus.report._fields import MATRIX, POPULATIONS, SIGNALS, SOLUTES

TIMES = (0.0, 7.0, 182.625, 365.25)
_SLOPES = (0.01, 0.02, 0.03)


def linear(points: np.ndarray, day: float) -> np.ndarray:
    """The oxygen of the run [kPa]."""
    return 2.0 + points @ np.array(_SLOPES) + 1e-3 * day


@pytest.fixture(scope="session")
def disc() -> Disc:
    return load_disc("human/L4-L5/grade3", "coarse")


def _course(disc: Disc, gain: float) -> xarray.Dataset:
    points = np.asarray(disc.coordinates)
    shape = (len(TIMES), *points.shape[:2])
    days = np.array(TIMES)[:, None, None]
    values = {
        info.key: np.full(shape, 0.1 + 0.01 * number)
        for number, info in enumerate((*SOLUTES, *POPULATIONS, *SIGNALS, *MATRIX[1:]))
    }
    values["oxygen"] = np.stack([linear(points, day) for day in TIMES])
    values["free"], values["attached"] = np.exp(-days) * np.ones(shape), gain * np.ones(shape)
    values["water_fraction"] = np.broadcast_to(0.75 + 0.002 * points[..., 1], shape).copy()
    values["fixed_charge_density"] = np.broadcast_to(0.2 + 0.001 * points[..., 0], shape).copy()
    return xarray.Dataset(
        {key: (("time", "column", "level"), value) for key, value in values.items()},
        coords={"time": ("time", list(TIMES))},
    )


def _record(disc: Disc, *, slab: bool = False) -> RunRecord:
    courses = [_course(disc, gain) for gain in (1.5, 0.0)]
    if slab:
        column = disc.topology.centre[0]
        z = np.asarray(disc.coordinates)[[column], :, 2]
        extra = {
            name: (("column", "level"), z if name == "z" else np.ones_like(z))
            for name in ("z", "volume", "nucleus_volume")
        }
        courses = [one.isel(column=[column]).assign(extra) for one in courses]
    return RunRecord(
        protocol={"id": {"name": "example"}},
        disc=disc,
        trajectory=courses[0],
        sham=courses[1],
        cells=(),
        ensemble=None,
        nutrition=(),
        ledger_error=0.0,
        warnings=(),
        parameters=(),
        manifest={"version": "0.0.0"},
    )


@pytest.fixture(scope="session")
def make_run(disc: Disc) -> Callable[..., Path]:
    """`make_run(folder)` writes what an export reads of a run directory."""

    def make(folder: Path, *, slab: bool = False, finished: bool = True) -> Path:
        folder.mkdir(parents=True)
        (folder / "protocol.resolved.json").write_text("{}")
        (folder / "summary.json").write_text(json.dumps({"disc": {"grade": 3}}))
        write_netcdf(folder / "fields.nc", _record(disc, slab=slab))
        if finished:
            (folder / "manifest.json").write_text("{}")
        return folder

    return make


@pytest.fixture(scope="session")
def run_folder(make_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run in three dimensions."""
    return make_run(tmp_path_factory.mktemp("runs") / "spatial")


@pytest.fixture(scope="session")
def slab_folder(make_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on one column."""
    return make_run(tmp_path_factory.mktemp("runs") / "slab", slab=True)


@pytest.fixture(scope="session")
def oxygen() -> Callable[[np.ndarray, float], np.ndarray]:
    """`oxygen(points, day)` of the run [kPa]."""
    return linear
