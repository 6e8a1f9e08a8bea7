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


def reduced(levels: int = 9, whole: RunRecord | None = None) -> RunRecord:
    """A run on one column: the fields of the middle of the cylinder with volumes of their own."""
    whole = whole or record()
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
        native_course=whole.native_course.isel(select).assign(extra) if whole.native_course is not None else None,
    )


LIVING_TIMES = (*TIMES, 547.875, 730.5, 1095.75, 1826.25)
# Means of a row of the matrix: name in the row -> variable of the dataset; glycosaminoglycan is the sum of aggrecan and fragments.
ROW_NAMES = {
    "aggrecan_mg_per_mL": "aggrecan",
    "fragments_mg_per_mL": "fragments",
    "collagen_II_mg_per_mL": "collagen_II",
    "collagen_I_mg_per_mL": "collagen_I",
    "water_fraction": "water_fraction",
    "fixed_charge_density_mEq_per_mL": "fixed_charge_density",
    "osmolarity_mOsm": "osmolarity",
    "cytokine": "cytokine",
    "enzyme": "enzyme",
    "paracrine": "paracrine",
    "growth_factor_ng_per_mL": "growth_factor",
    "annulus_order": "annulus_order",
    "fissure": "fissure",
}


def living_fields(disc: Any, times: tuple[float, ...], run: str, gain: float = 1.0) -> xarray.Dataset:
    """The fields of a run with a matrix: glycosaminoglycan that slowly falls, slower with cells; a needle that stirs up cytokine."""
    base = fields(disc, times, cells=run == "with_cells")
    x, y, z = np.moveaxis(np.asarray(disc.coordinates), -1, 0)
    radius2 = (x / SEMI_AXES[0]) ** 2 + (y / SEMI_AXES[1]) ** 2
    inner = 1.0 / (1.0 + np.exp((np.sqrt(radius2) - NUCLEUS_RADIUS) / 0.06))
    track = np.exp(-((x / 2.0) ** 2 + (z / 2.0) ** 2)) * (y < 0.0)
    needle = float(run != "native_course")
    cells = gain * float(run == "with_cells")
    t = np.asarray(times)[:, None, None]
    healing = np.exp(-t / 40.0)
    effect = cells * (1.0 - np.exp(-t / 300.0)) * inner
    glycosaminoglycan = (22.0 + 18.0 * inner) * np.exp(-3.0e-5 * t) - 1.2 * needle * track * healing + 1.1 * effect
    water = 0.55 + 0.0042 * glycosaminoglycan
    charge = 0.0038 * glycosaminoglycan / water
    values = {
        "cytokine": 0.47 + 0.1 * inner + 2e-5 * t + 0.5 * needle * track * np.exp(-t / 14.0) - 0.06 * effect,
        "paracrine": 0.3 * cells * inner * np.exp(-t / 200.0),
        "growth_factor": 0.0 * inner * t,
        "enzyme": 1.1 + 0.2 * inner + 0.4 * needle * track * np.exp(-t / 20.0) - 0.05 * effect,
        "aggrecan": 0.45 * glycosaminoglycan,
        "fragments": 0.55 * glycosaminoglycan,
        "collagen_II": (60.0 - 25.0 * inner) * (1.0 - 2e-5 * t * (1.0 - 0.2 * effect)),
        "collagen_I": (110.0 - 100.0 * inner) * (1.0 + 1e-5 * t),
        "annulus_order": 0.75 - 0.02 * needle * track + 0.0 * t,
        "fissure": 0.08 * needle * track * healing + 0.02,
        "fixed_charge_density": charge,
        "water_fraction": water,
        "osmolarity": 300.0 + 1000.0 * (np.sqrt(charge**2 + 0.09) - 0.3) + 40.0,
    }
    shape = base["oxygen"].shape
    return base.assign(
        {key: (("time", "column", "level"), np.broadcast_to(value, shape).copy()) for key, value in values.items()}
    )


def matrix_rows(data: xarray.Dataset, disc: Any, run: str) -> list[dict[str, Any]]:
    """Rows as a simulation gives them; plain means over the nodes of a part stand for means over its volume."""
    inner = np.zeros(disc.topology.columns, dtype=bool)
    inner[disc.topology.quads[disc.topology.quad_region == 0].ravel()] = True
    rows = []
    for index, time in enumerate(data["time"].to_numpy()):
        row: dict[str, Any] = {"time_day": float(time), "run": run}
        for part, chosen in (("nucleus", inner), ("annulus", ~inner), ("disc", np.ones_like(inner))):
            means = {name: float(data[key].to_numpy()[index][chosen].mean()) for name, key in ROW_NAMES.items()}
            total = means["aggrecan_mg_per_mL"] + means["fragments_mg_per_mL"]
            row[part] = {"glycosaminoglycan_mg_per_mL": total, **means}
        row["disc"] |= {"relative_stiffness": 0.62 - 1e-5 * float(time), "relative_strength": 0.7, "T2_ms": None}
        rows.append(row)
    return rows


SAFETY: list[dict[str, Any]] = [
    {
        "signal": "discitis probability",
        "value": 0.0031,
        "unit": "1",
        "threshold": None,
        "flagged": False,
        "status": "prior",
        "source": "cells_matrix 9",
        "note": "needle and product",
    },
    {
        "signal": "over-claim guard",
        "value": 0.14,
        "unit": "1/year",
        "threshold": 0.1,
        "flagged": True,
        "status": "verified",
        "source": "https://doi.org/10.1074/jbc.M600296200",
        "note": "gain of glycosaminoglycan in the nucleus",
    },
]
INSULTS: list[dict[str, Any]] = [
    {
        "time_day": -84.0,
        "kind": "nucleotomy",
        "what": "10 % of the nucleus removed through a 2 mm window",
        "left": {"glycosaminoglycan_mg": 31.5, "collagen_mg": 24.0, "native_cells": 2.9e6, "volume_mm3": 790.0},
        "where": "out of the body",
    },
    {"time_day": 0.0, "kind": "puncture", "what": "22 G needle", "left": {"volume_mm3": 3.1}, "where": None},
]


def living_ensemble(times: tuple[float, ...]) -> dict[str, Any]:
    """An ensemble in three dimensions with quantities of the matrix and a second outcome."""
    whole = ensemble(times)

    def spread(middle: float, width: float) -> dict[str, list[float]]:
        return {
            name: [middle + sign * width * (1.0 - np.exp(-t / 300.0)) for t in times]
            for name, sign in (("p05", -1.0), ("p50", 0.0), ("p95", 1.0))
        }

    quantiles = whole["quantiles"] | {
        "native_alive_fraction": spread(0.9, 0.05),
        "glycosaminoglycan_nucleus_mean": spread(39.5, 2.5),
        "glycosaminoglycan_gain_over_sham": spread(0.8, 0.7),
        "collagen_II_nucleus_mean": spread(36.0, 1.0),
        "water_nucleus_mean": spread(0.71, 0.02),
        "cytokine_nucleus_mean": spread(0.55, 0.1),
        "annulus_order_mean": spread(0.74, 0.02),
    }
    others = (
        {"glycosaminoglycan_nucleus_mean": 0.1, "cytokine_nucleus_mean": -0.05},
        {"glycosaminoglycan_nucleus_mean": 0.6, "cytokine_nucleus_mean": -0.4},
        {"glycosaminoglycan_nucleus_mean": -0.3, "cytokine_nucleus_mean": 0.2},
        {"glycosaminoglycan_nucleus_mean": None, "cytokine_nucleus_mean": 0.0},
    )
    drivers = [{**row, "rank_correlations": other} for row, other in zip(whole["drivers"], others, strict=True)]
    return {**whole, "quantiles": quantiles, "members": 8, "level": "coarse 3D (level 2)", "drivers": drivers}


def living(
    resolution: str = "coarse", times: tuple[float, ...] = LIVING_TIMES, gain: float = 1.0, **changes: Any
) -> RunRecord:
    """A run with matrix, signals, comparators, safety signals and a history.

    Args:
        resolution: Of the mesh.
        times: Stored times.
        gain: Factor on what the cells do.
        changes: Other fields of the record.
    """
    base = record(resolution, times)
    named = {run: living_fields(base.disc, times, run, gain) for run in ("with_cells", "sham", "native_course")}
    history = [
        {**row, "run": "history", "time_day": row["time_day"] - times[-1]}
        for row in matrix_rows(named["native_course"], base.disc, "history")
    ]
    whole = replace(
        base,
        trajectory=named["with_cells"],
        sham=named["sham"],
        native_course=named["native_course"],
        matrix=[row for run, data in named.items() for row in matrix_rows(data, base.disc, run)],
        safety=SAFETY,
        history=history,
        insults=INSULTS,
        matrix_ledger_error=4.5e-13,
        ensemble=living_ensemble(times),
    )
    return replace(whole, **changes)


@pytest.fixture(scope="session")
def run_record() -> RunRecord:
    """A coarse run with an ensemble."""
    return record()


@pytest.fixture(scope="session")
def living_record() -> RunRecord:
    """A coarse run with matrix, comparators, safety signals, history and an ensemble."""
    return living()


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """The builders of this file, for tests that need another disc or run."""
    return SimpleNamespace(
        record=record,
        reduced=reduced,
        living=living,
        matrix_rows=matrix_rows,
        safety=SAFETY,
        cylinder=cylinder,
        fields=fields,
        protocol=PROTOCOL,
        times=TIMES,
        height=HEIGHT,
        semi_axes=SEMI_AXES,
    )
