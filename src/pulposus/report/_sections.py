"""The tables of the report: protocol, reported outcomes beside simulated ones, parameters, numerics, identity of the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report import _wording as wording
from pulposus.report._ensemble import ANNULUS_ORDER_MEAN, ensemble_label, final_interval
from pulposus.report._fields import SOLUTES, suffixed
from pulposus.report._figure import Table
from pulposus.report._matrix_rows import (
    ANNULUS_ORDER,
    COLLAGEN_II_NUCLEUS,
    CYTOKINE_NUCLEUS,
    GLYCOSAMINOGLYCAN_NUCLEUS,
    WATER_NUCLEUS,
    series,
)
from pulposus.report._wording import exact, moment, number, quantity
from pulposus.report._words import interval

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

NOT_REPORTED = "not reported"
NOT_SIMULATED = "not simulated"
# Parts of a protocol that have a place of their own in the report.
_ELSEWHERE = ("schema_version", "reported", "not_stated", "seed", "numerics")
# Matrix at the end, with the name of the same quantity in the ensemble.
_MATRIX_ENDS = (
    (GLYCOSAMINOGLYCAN_NUCLEUS, "glycosaminoglycan_nucleus_mean"),
    (COLLAGEN_II_NUCLEUS, "collagen_II_nucleus_mean"),
    (WATER_NUCLEUS, "water_nucleus_mean"),
    (CYTOKINE_NUCLEUS, "cytokine_nucleus_mean"),
    (ANNULUS_ORDER, ANNULUS_ORDER_MEAN),
)
_STATISTICS = ("min", "max", "mean", "nucleus_mean", "centre")


def protocol_table(protocol: Mapping[str, Any]) -> Table:
    """One row per section of the protocol; empty fields are left out."""
    rows = []
    for section, content in protocol.items():
        entries = [f"{name}: {value}" if name else value for name, value in _leaves("", content)]
        if section not in _ELSEWHERE and entries:
            rows.append((section.replace("_", " "), "; ".join(entries)))
    return Table(("section", "content"), tuple(rows), "The protocol as it was run")


def _leaves(name: str, content: Any) -> Iterator[tuple[str, str]]:
    """Every field with a content, named by its path."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(f"{name} {key}".strip().replace("_", " "), value)
    elif isinstance(content, list | tuple):
        if any(isinstance(part, Mapping) for part in content):
            for place, part in enumerate(content):
                yield from _leaves(f"{name} {place + 1}".strip(), part)
        elif content:
            yield name, ", ".join(quantity(part) if isinstance(part, str) else exact(part) for part in content)
    elif content is not None and content != "":
        yield name, quantity(content) if isinstance(content, str) else exact(content)


def nutrition_table(record: RunRecord) -> Table:
    """The nutrition of the run at its reported times."""
    rows = tuple(
        (
            moment(float(row["time_day"])),
            info.label,
            info.unit,
            *(number(row[suffixed(info)].get(key)) for key in _STATISTICS),
        )
        for row in record.nutrition
        for info in SOLUTES
    )
    return Table(
        ("time", "field", "unit", "min", "max", "mean", "nucleus mean", "centre"),
        rows,
        "Nutrition with cells (simulated)",
    )


def _ledger_at(record: RunRecord, key: str, day: float) -> float:
    """A number of the ledger, linear between the stored times."""
    return float(np.interp(day, [row["time_day"] for row in record.cells], [row[key] for row in record.cells]))


def _alive_over_injected(record: RunRecord, day: float) -> str:
    injected = _ledger_at(record, "injected", day)
    return number(_ledger_at(record, "alive", day) / injected) if injected > 0.0 else "–"


def _alive(record: RunRecord, day: float) -> str:
    return wording.cells(_ledger_at(record, "alive", day))


# Outcomes of papers that a run simulates, under the names that protocols give them.
_SIMULATED: dict[str, Callable[[RunRecord, float], str]] = {
    "cell number over injected number": _alive_over_injected,
    "number of cells in the disc": _alive,
}


def _days(time: object) -> float | None:
    """Days of a time of a resolved protocol ("28.0 day")."""
    if isinstance(time, int | float):
        return float(time)
    amount, _, unit = str(time).partition(" ")
    return float(amount) if unit == "day" else None


def _simulated_beside(record: RunRecord, row: Mapping[str, Any]) -> str:
    measure = _SIMULATED.get(str(row.get("outcome")))
    day = _days(row.get("time", ""))
    if measure is None or day is None:
        return NOT_SIMULATED
    end = float(record.cells[-1]["time_day"])
    # A follow-up of 12 months ends on day 365.25; rounding of the stored time must not lose the comparison.
    return measure(record, day) if day <= end * (1.0 + 1e-9) else "after the end of the run"


def reported_table(record: RunRecord) -> Table:
    """All outcomes that the paper reports, as it reports them, beside the simulated ones."""
    rows = []
    for row in record.protocol.get("reported", ()):
        day = _days(row.get("time", ""))
        rows.append(
            (
                str(row.get("outcome", "")),
                str(row.get("arm", "")),
                moment(day) if day is not None else str(row.get("time", "")),
                _reported_value(row),
                _or_not_reported(row.get("n")),
                _spread(row),
                str(row.get("source", "")),
                str(row.get("status", "")),
                _simulated_beside(record, row),
                str(row.get("note", "")),
            )
        )
    head = ("outcome", "arm", "time", "reported", "n", "spread", "source", "status", "simulated (this run)", "note")
    return Table(head, tuple(rows), "What the paper reported, and what this run gives")


def _reported_value(row: Mapping[str, Any]) -> str:
    if row.get("value") is not None:
        return f"{exact(row['value'])} {row.get('unit', '')}".strip()
    return str(row["direction"]) if row.get("direction") else NOT_REPORTED


def _spread(row: Mapping[str, Any]) -> str:
    return (
        NOT_REPORTED
        if row.get("spread") is None
        else f"{exact(row['spread'])} ({row.get('spread_kind', 'kind not reported')})"
    )


def _or_not_reported(value: Any) -> str:
    return NOT_REPORTED if value is None else exact(value)


def simulated_table(record: RunRecord) -> Table:
    """The simulated ends of the run, and whether the paper reports anything of them."""
    end = record.cells[-1]
    outcomes = [
        row for row in record.protocol.get("reported", ()) if row.get("value") is not None or row.get("direction")
    ]
    counted = any(row.get("outcome") in _SIMULATED for row in outcomes)
    rows = [
        (
            f"donor cells: {key}",
            wording.cells(end[key]),
            *interval(record, key),
            "see above" if key == "alive" and counted else NOT_REPORTED,
        )
        for key in ("alive", "attached", "differentiated", "free", "leaked", "dead", "born")
    ]
    dashes = ("–", "–", "–")
    rows.append(("native cells alive", wording.share(end["native_alive_fraction"]), *dashes, NOT_REPORTED))
    last = record.nutrition[-1]
    for info in SOLUTES:
        value = f"{number(last[suffixed(info)]['nucleus_mean'])}{'' if info.unit == '-' else f' {info.unit}'}"
        rows.append((f"{info.key}, nucleus mean", value, *dashes, NOT_REPORTED))
    for mean, key in _MATRIX_ENDS:
        line = series(record, "with_cells", mean)
        if line is not None:
            found = final_interval(record, key)
            unit = "" if mean.unit == "-" else f" {mean.unit}"
            low, middle, high = dashes if found is None else (f"{number(one)}{unit}" for one in found)
            rows.append((mean.title, f"{number(float(line.values[-1]))}{unit}", low, middle, high, NOT_REPORTED))
    when = moment(float(end["time_day"]))
    label = f"; 5, 50 and 95 %: {ensemble_label(record)}" if record.ensemble is not None else ""
    return Table(("quantity", "this run", "5 %", "50 %", "95 %", "paper"), tuple(rows), f"Simulated at {when}{label}")


def not_stated_table(record: RunRecord) -> Table:
    """What the paper does not say, with what stands in its place."""
    rows = tuple(
        tuple(str(row.get(key) or "–") for key in ("item", "used", "range", "note"))
        for row in record.protocol.get("not_stated", ())
    )
    return Table(("not stated in the paper", "used instead", "plausible range", "note"), rows, "Not stated, prior used")


def parameter_table(record: RunRecord) -> Table:
    """The parameters that the run used."""
    keys = ("value", "low", "high", "unit", "source", "status")
    rows = tuple((str(row["key"]), *(exact(row.get(key)) for key in keys)) for row in record.parameters)
    return Table(("parameter", *keys), rows, "Parameters of the run")


def numerics_table(record: RunRecord) -> Table:
    """Mesh, balances and time."""
    topology = record.disc.topology
    end = record.cells[-1]
    balance = end["injected"] + end["born"] - end["alive"] - end["leaked"] - end["dead"]
    nodes = record.trajectory.sizes["column"] * record.trajectory.sizes["level"]
    elements = (
        f", {len(topology.quads) * (topology.levels - 1):,} hexahedra ({topology.resolution})"
        if record.is_spatial
        else ""
    )
    rows = [
        ("mesh", f"{nodes:,} nodes{elements}"),
        ("largest error of the cell ledger [share of the injected cells]", number(record.ledger_error)),
        *(
            [("largest error of the matrix ledger [share of what the disc held]", number(record.matrix_ledger_error))]
            if record.matrix_ledger_error is not None
            else []
        ),
        ("injected + born − alive − leaked − died at the end [cells]", number(balance)),
        *((str(label), value if isinstance(value, str) else exact(value)) for label, value in record.numerics.items()),
        ("stored times", str(record.trajectory.sizes["time"])),
        ("computing time [s]", number(record.manifest.get("seconds"))),
    ]
    return Table(("check", "value"), tuple(rows), "Numerics of the run")


def reproduce_table(record: RunRecord) -> Table:
    """Everything that identifies the run."""
    rows = tuple(
        (str(key).replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in record.manifest.items()
        if value is not None and not _is_long(value)
    )
    return Table(("item", "value"), rows, "Identity of the run")


def _is_long(value: Any) -> bool:
    """Lists of parameters and files stand in `manifest.json`."""
    return isinstance(value, Sequence | Mapping) and not isinstance(value, str) and len(value) > 12
