"""The sentences and the numbers of the summary card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pulposus.report import _wording as wording
from pulposus.report._ensemble import final_interval, is_outside
from pulposus.report._fields import displacement, field_values
from pulposus.report._matrix_figures import difference_to_sham
from pulposus.report._matrix_rows import CYTOKINE_NUCLEUS, GLYCOSAMINOGLYCAN_NUCLEUS, Quantity, series
from pulposus.report._runs import native_share
from pulposus.report._tables import study_name
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

_ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}


def title(record: RunRecord) -> str:
    """Heading of the report."""
    return str(record.protocol.get("id", {}).get("title") or study_name(record.protocol))


def disc_name(record: RunRecord) -> str:
    """The disc in words, such as "a human L4-L5 disc, Pfirrmann grade III"."""
    description = record.disc.description
    if not description.species:
        return f"the disc {description.name}"
    kind = " ".join(word for word in (description.species, description.level) if word)
    grade = f", Pfirrmann grade {_ROMAN[description.grade]}" if description.grade in _ROMAN else ""
    return f"a {kind} disc{grade}"


def nominal_dose(record: RunRecord) -> float:
    """Cells in the syringe, or the injected ones when that is not known."""
    return float(record.dose_steps.get("nominal", record.cells[0]["injected"]))


def question(record: RunRecord) -> str:
    """What the run was asked."""
    dose, end = nominal_dose(record), moment(float(record.cells[-1]["time_day"]))
    if dose == 0.0:
        return f"How do nutrition and native cells of {disc_name(record)} develop until {end} without donor cells?"
    what = "its nutrition and its matrix" if record.matrix else "its nutrition"
    return f"What becomes of {wording.cells(dose)} cells given into {disc_name(record)} until {end}, and what do they do to {what}?"


def answer(record: RunRecord) -> str:
    """The main numbers of this run in a sentence or two."""
    end, dose = record.cells[-1], nominal_dose(record)
    when = moment(float(end["time_day"]))
    matrix = _matrix_answer(record, when)
    if dose == 0.0:
        alive = wording.share(end["native_alive_fraction"])
        return f"No cells were given; {alive} of the native cells are alive at {when}.{matrix}"
    return (
        f"Of {wording.cells(dose)} cells, {wording.cells(end['injected'])} leave the needle alive. By {when}, "
        f"{wording.cells(end['leaked'])} have leaked, {wording.cells(end['dead'])} have died and {wording.cells(end['born'])} were born; "
        f"{wording.cells(end['alive'])} are alive ({wording.share(end['alive'] / dose)} of the dose).{matrix}"
    )


def _matrix_answer(record: RunRecord, when: str) -> str:
    """What the nucleus holds at the end, against the same procedure without cells; empty without a matrix."""
    treated = series(record, "with_cells", GLYCOSAMINOGLYCAN_NUCLEUS)
    if treated is None:
        return ""
    difference = difference_to_sham(record, GLYCOSAMINOGLYCAN_NUCLEUS)
    beside = (
        "" if difference is None else f" ({wording.signed(difference)} mg/mL against the same procedure without cells)"
    )
    return (
        f" Glycosaminoglycan in the nucleus goes from {number(float(treated.values[0]))} to {number(float(treated.values[-1]))} mg/mL "
        f"at {when}{beside}."
    )


def interval(record: RunRecord, quantity: str) -> tuple[str, str, str]:
    """5, 50 and 95 % of a number of cells at the end as text; dashes where there is none."""
    found = final_interval(record, quantity)
    if found is None:
        return "–", "–", "–"
    low, middle, high = found
    return wording.cells(low), wording.cells(middle), wording.cells(high)


def _compact_interval(record: RunRecord, quantity: str) -> dict[str, object] | None:
    """The same for a tile: three numbers and their unit."""
    found = final_interval(record, quantity)
    if found is None:
        return None
    texts, unit = wording.cells_in_common(found)
    outside = is_outside(record, quantity)
    return {"values": dict(zip(("5 %", "50 %", "95 %"), texts, strict=True)), "unit": unit, "outside": outside}


def shape_note(record: RunRecord) -> str:
    """Which shape the three-dimensional pictures show, of a run with mechanics; empty otherwise."""
    moved = [displacement(record.trajectory, index) for index in range(record.trajectory.sizes["time"])]
    largest = [float(np.linalg.norm(one, axis=-1).max()) for one in moved if one is not None]
    if not largest:
        return ""
    return (
        "Views and maps keep the shape of the image at all times; with cells no point of the disc at rest moves more than "
        f"{number(max(largest))} mm from it. The present shape stands in the files for ParaView (fields.pvd)."
    )


def tiles(record: RunRecord) -> list[dict[str, object]]:
    """The numbers of the summary card: name, value of this run, note, interval of the ensemble."""
    end, dose = record.cells[-1], nominal_dose(record)
    names = {
        "alive": "donor cells alive",
        "attached": "of them attached",
        "differentiated": "of them differentiated",
        "leaked": "leaked",
        "dead": "died",
    }
    result: list[dict[str, object]] = [
        {
            "name": name,
            "value": wording.cells(end[key]),
            "note": f"{wording.share(end[key] / dose)} of the dose" if dose else "",
            "interval": _compact_interval(record, key),
        }
        for key, name in names.items()
    ]
    native = native_share(record)
    disc, _ = record.regions
    lowest = {
        run: float(disc.extremes(field_values(data, "glucose"))[0][-1])
        for run, data in (("with", record.trajectory), ("without", record.sham))
    }
    for name, value, without in (
        (
            "native cells alive",
            wording.share(float(native["with cells"][-1])),
            wording.share(float(native["without cells"][-1])),
        ),
        ("lowest glucose in the disc", f"{number(lowest['with'])} mM", f"{number(lowest['without'])} mM"),
    ):
        result.append({"name": name, "value": value, "note": f"without cells: {without}", "interval": None})
    for quantity, key in (
        (GLYCOSAMINOGLYCAN_NUCLEUS, "glycosaminoglycan_nucleus_mean"),
        (CYTOKINE_NUCLEUS, "cytokine_nucleus_mean"),
    ):
        result += _matrix_tile(record, quantity, key)
    return result


def _matrix_tile(record: RunRecord, quantity: Quantity, key: str) -> list[dict[str, object]]:
    """A mean of the nucleus at the end beside that without cells; nothing without a matrix."""
    treated, sham = (series(record, run, quantity) for run in ("with_cells", "sham"))
    if treated is None:
        return []
    unit = "" if quantity.unit == "-" else f" {quantity.unit}"
    found = final_interval(record, key)
    spread = None
    if found is not None:
        values = dict(zip(("5 %", "50 %", "95 %"), (number(one) for one in found), strict=True))
        spread = {"values": values, "unit": quantity.unit.replace("-", ""), "outside": is_outside(record, key)}
    note = "" if sham is None else f"without cells: {number(float(sham.values[-1]))}{unit}"
    value = f"{number(float(treated.values[-1]))}{unit}"
    return [{"name": quantity.title, "value": value, "note": note, "interval": spread}]
