"""A synthetic run on a cylinder: analytic fields with the layout of a real one, so that the report room is tested alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from pulposus import _backend  # noqa: F401
from pulposus.mesh import Topology, axial_positions, reference_points, topology
from pulposus.report import RunRecord

SEMI_AXES = (25.0, 18.0)
HEIGHT = 10.0
NUCLEUS_RADIUS, ENDPLATE_RADIUS = 0.66, 0.85
TIMES = (0.0, 0.25, 1.0, 3.0, 7.0, 28.0, 90.0, 182.625, 365.25)


@dataclass(frozen=True)
class CylinderDisc:
    """What the report room uses of a disc."""

    topology: Topology
    coordinates: jax.Array
    tissue_of_element: np.ndarray
    description: SimpleNamespace


def cylinder(resolution: str, *, void_beside_endplate: bool = False) -> CylinderDisc:
    mesh = topology(resolution)
    points = reference_points(mesh, NUCLEUS_RADIUS, ENDPLATE_RADIUS)
    zeta = axial_positions(mesh, 0.08)
    coordinates = np.empty((mesh.columns, mesh.levels, 3))
    coordinates[..., 0] = SEMI_AXES[0] * points[:, :1]
    coordinates[..., 1] = SEMI_AXES[1] * points[:, 1:]
    coordinates[..., 2] = 0.5 * HEIGHT * zeta
    quad, plate = mesh.quad_region[:, None], (mesh.layer_region != 1)[None, :]
    tissue = np.broadcast_to(np.where(quad == 0, 0, 1), (len(mesh.quads), len(mesh.layer_region))).copy()
    tissue[plate & (quad <= 1)] = 2
    if void_beside_endplate:
        tissue[plate & (quad == 2)] = -1
    description = SimpleNamespace(
        name="human/L4-L5/grade3",
        species="human",
        level="L4-L5",
        grade=3,
        text="Synthetic cylinder that stands for a human L4-L5 disc of Pfirrmann grade III.",
    )
    return CylinderDisc(mesh, jnp.asarray(coordinates), tissue, description)


def fields(disc: Any, times: tuple[float, ...], *, cells: bool) -> xarray.Dataset:
    """Smooth fields: a nutrient pit that deepens with the cells, a bolus that spreads and fades."""
    x, y, z = np.moveaxis(np.asarray(disc.coordinates), -1, 0)
    radius2 = (x / SEMI_AXES[0]) ** 2 + (y / SEMI_AXES[1]) ** 2
    depth = (1.0 - (2.0 * z / HEIGHT) ** 2) * (1.0 - 0.8 * radius2)
    bolus = np.exp(-(x**2 + (y + 2.0) ** 2 + (1.6 * z) ** 2) / 40.0)
    t = np.asarray(times)[:, None, None]
    load = 1.0 + (0.35 * np.exp(-t / 400.0) * (1.0 - np.exp(-t / 2.0)) if cells else 0.0 * t)
    donor = 12.0 * bolus * np.exp(-t / 500.0) if cells else 0.0 * bolus * (1.0 + t)
    share = np.exp(-t / 1.5)
    mature = 1.0 - np.exp(-t / 120.0)
    native = 3.6 * (1.0 - 0.0004 * t * load * depth)
    values = {
        "oxygen": 5.1 - 4.0 * depth * load / 1.35,
        "glucose": 4.0 - 2.6 * depth * load / 1.35,
        "lactate": 0.8 + 4.2 * depth * load / 1.35,
        "pH": 7.4 - 0.09 * (0.8 + 4.2 * depth * load / 1.35),
        "native": native * (1.0 - 0.15),
        "senescent": native * 0.15,
        "free": donor * share,
        "attached": donor * (1.0 - share) * (1.0 - mature),
        "differentiated": donor * (1.0 - share) * mature,
        "dead": 4.0 * bolus * (1.0 - np.exp(-t / 60.0)) * float(cells),
    }
    shape = (len(times), *depth.shape)
    return xarray.Dataset(
        {key: (("time", "column", "level"), np.broadcast_to(value, shape).copy()) for key, value in values.items()},
        coords={"time": ("time", list(times))},
    )


def ledger(times: tuple[float, ...]) -> list[dict[str, float]]:
    rows = []
    injected = 1e7 * 0.95 * 0.98
    for t in times:
        leaked = 0.35 * injected * (1.0 - np.exp(-t / 2.0))
        dead = 0.4 * injected * (1.0 - np.exp(-t / 60.0))
        born = 0.3 * injected * (1.0 - np.exp(-t / 20.0))
        alive = injected + born - leaked - dead
        free = alive * np.exp(-t / 1.5)
        attached = (alive - free) * np.exp(-t / 120.0)
        rows.append(
            {
                "time_day": t,
                "injected": injected,
                "born": born,
                "leaked": leaked,
                "dead": dead,
                "free": free,
                "attached": attached,
                "differentiated": alive - free - attached,
                "alive": alive,
                "native_alive_fraction": float(np.exp(-t / 5500.0)),
            }
        )
    return rows


def nutrition(trajectory: xarray.Dataset, disc: CylinderDisc) -> list[dict[str, Any]]:
    inner = np.zeros(disc.topology.columns, dtype=bool)
    inner[disc.topology.quads[disc.topology.quad_region == 0].ravel()] = True
    column, level = disc.topology.centre
    rows = []
    for index in (0, 2, 5, -1):
        row: dict[str, Any] = {"time_day": float(trajectory["time"][index])}
        for key, name in (("oxygen", "oxygen_kPa"), ("glucose", "glucose_mM"), ("lactate", "lactate_mM"), ("pH", "pH")):
            values = trajectory[key].to_numpy()[index]
            row[name] = {
                "min": float(values.min()),
                "max": float(values.max()),
                "mean": float(values.mean()),
                "nucleus_mean": float(values[inner].mean()),
                "centre": float(values[column, level]),
            }
        rows.append(row)
    return rows


def ensemble(times: tuple[float, ...]) -> dict[str, Any]:
    rows = ledger(times)

    def spread(series: list[float], share: float) -> dict[str, list[float]]:
        return {
            "p05": [value * (1.0 - share) for value in series],
            "p50": series,
            "p95": [value * (1.0 + share) for value in series],
        }

    keys = ("alive", "leaked", "dead", "attached", "differentiated")
    quantiles = {key: spread([0.9 * row[key] for row in rows], 0.45) for key in keys}
    quantiles["glucose_nucleus_mean"] = spread([2.1 - 0.2 * (1.0 - np.exp(-t / 2.0)) for t in times], 0.2)
    drivers = [
        ("cells.donor.leak_rate", 0.3, 0.1, 0.9, "1/day", "prior", -0.71),
        ("cells.donor.attachment_rate", 0.6, 0.2, 1.5, "1/day", "prior", 0.48),
        ("cells.donor.growth_rate", 0.12, 0.03, 0.3, "1/day", "recalled", 0.33),
        ("therapy.track.initial_open_fraction", 0.5, 0.1, 2.5, "-", "prior", -0.22),
    ]
    names = ("key", "value", "low", "high", "unit", "status", "rank_correlation")
    return {
        "time_day": list(times),
        "quantiles": quantiles,
        "members": 64,
        "level": "axial slab (level 1)",
        "drivers": [dict(zip(names, row, strict=True)) for row in drivers],
    }


PROTOCOL: dict[str, Any] = {
    "schema_version": 1,
    "id": {
        "name": "orozco-2011",
        "title": "Autologous bone-marrow MSC, synthetic fixture",
        "sources": ["https://doi.org/10.1097/TP.0b013e3182298a15"],
    },
    "disc": {"name": "human/L4-L5/grade3", "annulus": "intact"},
    "donor": {"relation": "autologous", "species": "human", "age": "35.0 year", "sex": ""},
    "origin": {"source": "bone-marrow", "volume": "40.0 mL"},
    "dose": {
        "cells": "10.0 million cell",
        "cells_range": ["10.0 million cell", "23.0 million cell"],
        "volume": "1.0 mL",
        "carrier": "saline",
    },
    "delivery": {
        "route": "needle",
        "needle_gauge": 22,
        "duration": "0.0006944444444444444 day",
        "hold_time": "0.08333333333333333 day",
    },
    "outcomes": [{"instrument": "VAS", "times": ["0.0 day", "365.25 day"]}],
    "follow_up": {"duration": "365.25 day", "visits": []},
    "seed": 2011,
    "reported": [
        {
            "outcome": "VAS lumbar pain, change",
            "arm": "cells",
            "time": "365.25 day",
            "value": -49.0,
            "unit": "mm of 100",
            "n": 10,
            "source": "https://pmc.ncbi.nlm.nih.gov/articles/PMC9841054/table/tbl0002",
            "status": "verified",
            "note": "secondary source",
        },
        {
            "outcome": "ODI",
            "arm": "cells",
            "time": "365.25 day",
            "value": 7.4,
            "unit": "points of 100",
            "n": 10,
            "spread": 2.3,
            "spread_kind": "SE",
            "source": "https://doi.org/10.1097/TP.0b013e3182298a15",
            "status": "recalled",
            "note": "",
        },
        {
            "outcome": "number of cells in the disc",
            "arm": "cells",
            "time": "365.25 day",
            "unit": "",
            "source": "https://doi.org/10.1097/TP.0b013e3182298a15",
            "status": "recalled",
            "note": "not reported",
        },
    ],
    "not_stated": [
        {"item": "results", "used": "no number", "range": "", "note": "the paper has no count of cells"},
        {"item": "delivery.needle_gauge", "used": "22", "range": "18 to 27", "note": "prior"},
    ],
}


def record(resolution: str = "coarse", times: tuple[float, ...] = TIMES, **changes: Any) -> RunRecord:
    disc = cylinder(resolution)
    trajectory = fields(disc, times, cells=True)
    whole = RunRecord(
        protocol=PROTOCOL,
        disc=disc,  # pyright: ignore[reportArgumentType]
        trajectory=trajectory,
        sham=fields(disc, times, cells=False),
        cells=ledger(times),
        ensemble=ensemble(times),
        nutrition=nutrition(trajectory, disc),
        ledger_error=3.2e-14,
        warnings=["The dose is above the largest number that nutrition sustains in this disc."],
        parameters=[
            {
                "key": "cells.donor.leak_rate",
                "value": 0.3,
                "low": 0.1,
                "high": 0.9,
                "unit": "1/day",
                "source": "cells_matrix 2.2",
                "status": "prior",
            },
            {
                "key": "nutrition.oxygen.solubility",
                "value": 0.010268,
                "low": None,
                "high": None,
                "unit": "mM/kPa",
                "source": "transport 1.1",
                "status": "verified",
            },
        ],
        manifest={
            "version": "0.1.0",
            "commit": "0123abc",
            "seed": 20260101,
            "machine": "2 cores",
            "seconds": 41.5,
            "command": "pulposus run orozco-2011",
        },
        dose_steps={"nominal": 1e7, "released_viable": 0.95e7, "injected": 0.95 * 0.98 * 1e7},
        numerics={"solver tolerance": "1e-10", "largest oxygen balance error": 2.1e-9},
    )
    return replace(whole, **changes)


def reduced(levels: int = 9) -> RunRecord:
    """A run on one column: the fields of the middle of the cylinder with volumes of their own."""
    whole = record()
    column, _ = whole.disc.topology.centre
    thin = np.linspace(0, whole.trajectory.sizes["level"] - 1, levels).round().astype(int)
    z = np.asarray(whole.disc.coordinates)[column, thin, 2][None, :]
    volume = np.full(z.shape, 900.0)
    extra = {
        "z": (("column", "level"), z),
        "volume": (("column", "level"), volume),
        "nucleus_volume": (
            ("column", "level"),
            np.where(np.abs(z) < 0.49 * HEIGHT, volume, 0.0 if levels > 1 else volume),
        ),
    }
    select = {"column": [column], "level": thin}
    return replace(
        whole,
        trajectory=whole.trajectory.isel(select).assign(extra),
        sham=whole.sham.isel(select).assign(extra),
    )


@pytest.fixture(scope="session")
def run_record() -> RunRecord:
    """A coarse run with an ensemble."""
    return record()


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """The builders of this file, for tests that need another disc or run."""
    return SimpleNamespace(
        record=record,
        reduced=reduced,
        cylinder=cylinder,
        fields=fields,
        protocol=PROTOCOL,
        times=TIMES,
        height=HEIGHT,
        semi_axes=SEMI_AXES,
    )
