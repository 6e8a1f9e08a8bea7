"""Tables of a comparison: the arms, their ends side by side, safety signals and what the papers reported, and the files of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pulposus.report import _wording as wording
from pulposus.report._compare_measures import (
    ALIVE,
    MEASURES,
    NATIVE,
    Arm,
    Measure,
    common_end,
    comparator,
    measured,
    shown_measures,
    treated,
)
from pulposus.report._figure import Table
from pulposus.report._matrix_rows import CYTOKINE_NUCLEUS, GLYCOSAMINOGLYCAN_NUCLEUS, final_row
from pulposus.report._runs import WITH_CELLS, WITHOUT_CELLS, runs
from pulposus.report._safety import QUIET, RAISED, raised_signals, with_unit
from pulposus.report._sections import reported_table
from pulposus.report._tables import arms as comparator_ends
from pulposus.report._tables import study_name
from pulposus.report._wording import difference, moment, number, quantity
from pulposus.report._words import nominal_dose, title

COLUMNS = ("arm", "time_day", "quantity", "value")
_MAIN = (
    ALIVE,
    NATIVE,
    *(measure for measure in MEASURES if measure.mean in (GLYCOSAMINOGLYCAN_NUCLEUS, CYTOKINE_NUCLEUS)),
)
_LEDGER = (
    ("injected, viable", "injected"),
    ("alive", "alive"),
    ("leaked", "leaked"),
    ("died", "dead"),
    ("born", "born"),
)


def arm_table(arms: list[Arm]) -> Table:
    """What every arm does."""
    rows = []
    for name, record in arms:
        dose, delivery = record.protocol.get("dose", {}), record.protocol.get("delivery", {})
        gauge = delivery.get("needle_gauge")
        rows.append(
            (
                name,
                title(record),
                record.disc.description.name,
                wording.cells(nominal_dose(record)),
                quantity(str(dose.get("volume") or "–")),
                str(dose.get("carrier") or "–"),
                " ".join(str(part) for part in (delivery.get("route"), f"{gauge} G" if gauge else "") if part) or "–",
                moment(float(record.cells[-1]["time_day"])),
            )
        )
    return Table(("arm", "study", "disc", "cells", "volume", "carrier", "route", "end"), tuple(rows), "The arms")


def _value(measure: Measure, value: float) -> str:
    return number(value) if measure.unit == "-" else f"{number(value)} {measure.unit}"


def ends_table(arms: list[Arm]) -> Table:
    """Every measure of every arm at the last time that all arms reach."""
    end = common_end(arms)
    rows = []
    for measure in shown_measures(arms):
        lines = [treated(record, measure) for _, record in arms]
        values = ("–" if line is None else number(line.at(end)) for line in lines)
        rows.append((measure.title, measure.unit, *values))
    for label, key in _LEDGER:
        values = (wording.cells(record.cells[-1][key]) for _, record in arms)
        rows.append((f"donor cells: {label}, at the arm's own end", "cells", *values))
    head = ("measure", "unit", *(name for name, _ in arms))
    return Table(head, tuple(rows), f"Arms side by side at {moment(end)} (simulated)")


def difference_table(arms: list[Arm], key: str) -> Table:
    """What every arm changes against a comparator of its own disc.

    Args:
        arms: The arms.
        key: `without_cells` (the same procedure without cells) or `native_course` (the disc left alone).
    """
    end = common_end(arms)
    rows = []
    for measure in shown_measures(arms):
        pairs = [(treated(record, measure), comparator(record, key, measure)) for _, record in arms]
        if all(other is None for _, other in pairs):
            continue
        cells = (
            "–" if line is None or other is None else difference(line.at(end), other.at(end)) for line, other in pairs
        )
        rows.append((measure.title, measure.unit, *cells))
    name = "the same procedure without cells" if key == WITHOUT_CELLS else "the native course, the disc left alone"
    return Table(
        ("measure", "unit", *(name for name, _ in arms)),
        tuple(rows),
        f"Difference from {name}, at {moment(end)} (simulated)",
    )


def safety_by_arm(arms: list[Arm]) -> Table:
    """Every safety signal of every arm; rows with a raised signal stand out."""
    signals = list(dict.fromkeys(str(row["signal"]) for _, record in arms for row in record.safety))
    rows = []
    for signal in signals:
        found = [next((row for row in record.safety if row["signal"] == signal), None) for _, record in arms]
        status = next(str(row.get("status") or "–") for row in found if row is not None)
        rows.append((signal, status, *(_signal(row) for row in found)))
    marked = frozenset(place for place, row in enumerate(rows) if any(cell.startswith(RAISED) for cell in row[2:]))
    head = ("signal", "status", *(name for name, _ in arms))
    return Table(head, tuple(rows), "Safety signals by arm (simulated; not medical advice)", marked)


def _signal(row: Any) -> str:
    if row is None:
        return "–"
    return f"{RAISED if row.get('flagged') else QUIET}: {number(row.get('value'))}{with_unit(row)}"


def reported_by_arm(arms: list[Arm]) -> Table:
    """What the papers reported, arm by arm, beside the simulated number."""
    rows, head = [], ()
    for name, record in arms:
        table = reported_table(record)
        head = ("arm of this comparison", *(f"{part} in the paper" if part == "arm" else part for part in table.head))
        rows += [(name, *row) for row in table.rows]
    return Table(head, tuple(rows), "What the papers reported, and what these runs give")


def identity_table(arms: list[Arm]) -> Table:
    """What identifies the runs."""
    keys = ("version", "commit", "seed", "seconds", "command")
    rows = tuple((name, *(str(record.manifest.get(key) or "–") for key in keys)) for name, record in arms)
    return Table(("arm", *keys), rows, "Identity of the runs")


def arm_document(record: Any) -> dict[str, Any]:
    """An arm as plain data: dose, cells, the last matrix of every run, safety, intervals."""
    ensemble = record.ensemble
    final = None
    if ensemble is not None:
        final = {
            "level": ensemble["level"],
            "members": ensemble["members"],
            "time_day": ensemble["time_day"][-1],
            "quantiles": {
                key: {name: line[-1] for name, line in spread.items()} for key, spread in ensemble["quantiles"].items()
            },
        }
    return {
        "study": study_name(record.protocol),
        "disc": record.disc.description.name,
        "nominal_cells": nominal_dose(record),
        "dose": dict(record.protocol.get("dose", {})),
        "cells": list(record.cells),
        "ledger_error": record.ledger_error,
        "matrix_ledger_error": record.matrix_ledger_error,
        "native_alive_fraction": float(record.cells[-1]["native_alive_fraction"]),
        "matrix": final_row(record, WITH_CELLS),
        "comparators": comparator_ends(record),
        "safety_flags": raised_signals(record),
        "safety": list(record.safety),
        "ensemble": final,
        "warnings": list(record.warnings),
        "version": record.manifest.get("version"),
        "seed": record.manifest.get("seed"),
    }


def csv_rows(arms: list[Arm]) -> Iterator[tuple[str, float, str, float]]:
    """Every measure over time; the name of a comparator's quantity ends with the comparator."""
    for name, record in arms:
        for run in runs(record):
            ending = "" if run.key == WITH_CELLS else f"_{run.key}"
            for measure in shown_measures(arms):
                line = measured(record, run, measure)
                if line is not None:
                    for day, value in zip(line.moments, line.values, strict=True):
                        yield name, float(day), f"{measure.name}{ending}", float(value)
        for row in record.cells:
            for _, key in _LEDGER:
                yield name, float(row["time_day"]), f"{key}_cells", float(row[key])


def answer_table(arms: list[Arm]) -> Table:
    """The main numbers of every arm, with what it changes against the same procedure without cells."""
    end = common_end(arms)
    measures = [measure for measure in shown_measures(arms) if measure in _MAIN]
    rows = []
    for name, record in arms:
        cells = []
        for measure in measures:
            line, other = treated(record, measure), comparator(record, WITHOUT_CELLS, measure)
            text = "–" if line is None else _value(measure, line.at(end))
            beside = "" if line is None or other is None else f" ({difference(line.at(end), other.at(end))})"
            cells.append(f"{text}{beside}")
        rows.append((name, *cells))
    caption = f"At {moment(end)}; in brackets: difference from the same procedure without cells (simulated)"
    return Table(("arm", *(measure.title for measure in measures)), tuple(rows), caption)


def grouped(said: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sentences about arms, every sentence once: names of its arms, sentence."""
    names: dict[str, list[str]] = {}
    for name, sentence in said:
        names.setdefault(sentence, []).append(name)
    return [(", ".join(arms), sentence) for sentence, arms in names.items()]
