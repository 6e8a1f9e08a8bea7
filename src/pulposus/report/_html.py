"""The HTML report of a run: one file, offline, printable, at most 5 MB.

This module turns the record into the words and tables of the sections; the figures come from their own modules, the page from the template
`assets/report.html.j2`. The page allows itself no request to anything outside it (Content-Security-Policy).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.report import _wording as wording
from pulposus.report._atomic import write_text
from pulposus.report._fate import fate_figures, native_share
from pulposus.report._fields import SHOWN, SOLUTES, suffixed
from pulposus.report._figure import Table
from pulposus.report._maps import map_figures
from pulposus.report._picture import disc_picture
from pulposus.report._scene import Scene, build_scene
from pulposus.report._timelines import nutrition_timeline
from pulposus.report._uncertainty import ensemble_label, final_interval, uncertainty_figures
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

MAXIMUM_BYTES = 5_000_000
NOT_REPORTED = "not reported"
_ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V"}
_BOOKKEEPING = ("schema_version", "id", "title", "question", "reported", "not_stated", "seed")
_STATUS = {
    "verified": "seen in its source",
    "recalled": "attributed to a paper, not re-read",
    "derived": "computed from others",
    "prior": "a judgement with a range",
    "given": "written by the user",
}


def render_report(record: RunRecord) -> str:
    """The page as text.

    Args:
        record: The finished run.
    """
    import jinja2

    assets = resources.files("pulposus.report") / "assets"

    def asset(name: str) -> str:
        return (assets / name).read_text(encoding="utf-8")

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    scene = build_scene(record)
    return environment.from_string(asset("report.html.j2")).render(
        title=title(record),
        style=asset("report.css"),
        viewer_script=asset("viewer.js"),
        viewer_licences=asset("viewer.LICENSE.txt"),
        scene_json=_script_json(scene),
        scene_data=scene.encoded,
        scene=scene.description,
        fields=SHOWN,
        question=question(record),
        disc_text=record.disc.description.text,
        answer=answer(record),
        tiles=tiles(record),
        interval_label=ensemble_label(record),
        warnings=list(record.warnings),
        protocol=list(protocol_rows(record.protocol)),
        picture=disc_picture(record),
        maps=map_figures(record),
        timeline=nutrition_timeline(record),
        nutrition=nutrition_table(record),
        fate=fate_figures(record),
        compared=compared_table(record),
        reported=reported_table(record),
        not_stated=not_stated_table(record),
        uncertainty=uncertainty_figures(record),
        parameters=parameter_table(record),
        statuses=_STATUS,
        numerics=numerics_table(record),
        reproduce=reproduce_table(record),
        command=str(record.manifest.get("command", "")),
        final=moment(float(record.cells[-1]["time_day"])),
    )


def write_report(path: Path, record: RunRecord) -> Path:
    """Write `report.html` in one step."""
    return write_text(path, render_report(record))


def _script_json(scene: Scene) -> str:
    """JSON that cannot end the script element that holds it."""
    return json.dumps(scene.description, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def title(record: RunRecord) -> str:
    """Heading of the report."""
    return str(record.protocol.get("title") or record.protocol.get("id") or "Run")


def disc_name(record: RunRecord) -> str:
    """The disc in words, such as "human L4-L5 disc, Pfirrmann grade III"."""
    description = record.disc.description
    if not description.species:
        return f"the disc {description.name}"
    grade = f", Pfirrmann grade {_ROMAN[description.grade]}" if description.grade in _ROMAN else ""
    return f"a {description.species} {description.level} disc{grade}".replace("  ", " ")


def nominal_dose(record: RunRecord) -> float:
    """Cells in the syringe, or the injected ones when that is not known."""
    return float(record.dose_steps.get("nominal", record.cells[0]["injected"]))


def question(record: RunRecord) -> str:
    """What the run was asked."""
    given = record.protocol.get("question")
    if given:
        return str(given)
    dose, end = nominal_dose(record), moment(float(record.cells[-1]["time_day"]))
    if dose == 0.0:
        return f"How do nutrition and native cells of {disc_name(record)} develop until {end} after an injection without cells?"
    return f"What becomes of {wording.cells(dose)} cells injected into {disc_name(record)} until {end}, and what do they do to its nutrition?"


def answer(record: RunRecord) -> str:
    """One sentence with the main numbers of this run."""
    end = record.cells[-1]
    when = moment(float(end["time_day"]))
    dose = nominal_dose(record)
    if dose == 0.0:
        return f"No cells were given; {wording.share(end['native_alive_fraction'])} of the native cells are alive at {when}."
    return (
        f"Of {wording.cells(dose)} cells, {wording.cells(end['injected'])} reach the disc alive. By {when}, {wording.cells(end['leaked'])} "
        f"have leaked, {wording.cells(end['dead'])} have died and {wording.cells(end['born'])} were born; "
        f"{wording.cells(end['alive'])} are alive ({wording.share(end['alive'] / dose)} of the dose)."
    )


def _interval_text(record: RunRecord, quantity: str) -> str:
    found = final_interval(record, quantity)
    if found is None:
        return "no interval: not in the ensemble" if record.ensemble is not None else "no interval: no ensemble was run"
    low, middle, high = found
    return f"5 % {wording.cells(low)} · 50 % {wording.cells(middle)} · 95 % {wording.cells(high)}"


def tiles(record: RunRecord) -> list[dict[str, str]]:
    """The numbers of the summary card: name, value of this run, note, interval of the ensemble."""
    end, dose = record.cells[-1], nominal_dose(record)
    names = {
        "alive": "donor cells alive",
        "attached": "of them attached",
        "differentiated": "of them differentiated",
        "leaked": "leaked",
        "dead": "died",
    }
    result = [
        {
            "name": name,
            "value": wording.cells(end[key]),
            "note": f"{wording.share(end[key] / dose)} of the dose" if dose else "",
            "interval": _interval_text(record, key),
        }
        for key, name in names.items()
    ]
    native = native_share(record)
    last = record.nutrition[-1]["glucose_mM"]
    result.append(
        {
            "name": "native cells alive",
            "value": wording.share(float(native["with cells"][-1])),
            "note": f"without cells: {wording.share(float(native['without cells'][-1]))}",
            "interval": "",
        }
    )
    without = float(record.sham["glucose"].to_numpy()[-1].reshape(-1)[_tissue_nodes(record)].min())
    result.append(
        {"name": "lowest glucose", "value": f"{number(last['min'])} mM", "note": f"without cells: {number(without)} mM", "interval": ""}
    )
    return result


def _tissue_nodes(record: RunRecord) -> Any:
    from pulposus.report._geometry import all_hexahedra, occupied

    return all_hexahedra(record.disc.topology)[occupied(record.disc)].ravel()


def protocol_rows(protocol: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Section, key and value of everything that the protocol says."""
    for section, content in protocol.items():
        if section in _BOOKKEEPING:
            continue
        yield from ((section.replace("_", " "), key, value) for key, value in _leaves("", content))


def _leaves(prefix: str, content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(f"{prefix}{' ' if prefix else ''}{str(key).replace('_', ' ')}", value)
    elif isinstance(content, list | tuple):
        yield prefix, ", ".join(number(part) if not isinstance(part, Mapping) else json.dumps(part, ensure_ascii=False) for part in content)
    elif content is not None:
        yield prefix, number(content, 6)


def nutrition_table(record: RunRecord) -> Table:
    """The nutrition of the run at its reported times."""
    rows = tuple(
        (moment(float(row["time_day"])), info.label, info.unit, *(number(row[suffixed(info)].get(key)) for key in _STATISTICS))
        for row in record.nutrition
        for info in SOLUTES
    )
    return Table(("time", "field", "unit", "min", "max", "mean", "nucleus mean", "centre"), rows, "Nutrition with cells (simulated)")


_STATISTICS = ("min", "max", "mean", "nucleus_mean", "centre")


def compared_table(record: RunRecord) -> Table:
    """Every simulated quantity beside what the paper reports of it."""
    end = record.cells[-1]
    when = moment(float(end["time_day"]))
    reported = {str(row["quantity"]): row for row in record.protocol.get("reported") or () if row.get("quantity")}

    def beside(quantity: str, name: str, simulated: str, interval: str) -> tuple[str, ...]:
        row = reported.get(quantity)
        given = NOT_REPORTED if row is None or row.get("value") is None else _reported_value(row)
        return name, when, simulated, interval, given, "" if row is None else str(row.get("source") or "")

    accounts = ("alive", "attached", "differentiated", "free", "leaked", "dead", "born")
    rows = [beside(key, f"donor cells: {key}", wording.cells(end[key]), _interval_text(record, key)) for key in accounts]
    rows.append(beside("native_alive_fraction", "native cells alive", wording.share(end["native_alive_fraction"]), ""))
    last = record.nutrition[-1]
    for info in SOLUTES:
        value = f"{number(last[suffixed(info)]['nucleus_mean'])}{'' if info.unit == '-' else f' {info.unit}'}"
        rows.append(beside(suffixed(info), f"{info.key}, nucleus mean", value, ""))
    head = ("quantity", "time", "simulated", ensemble_label(record) or "interval", "reported", "source")
    return Table(head, tuple(rows), "Simulated quantities and what the paper reports of them")


def _reported_value(row: Mapping[str, Any]) -> str:
    unit = str(row.get("unit") or "")
    value = f"{number(row.get('value'))} {'' if unit == '-' else unit}".strip()
    spread = row.get("spread")
    return value if spread is None else f"{value} ({row.get('spread_kind') or 'spread of unknown kind'} {number(spread)})"


def reported_table(record: RunRecord) -> Table:
    """All outcomes that the paper reports, as it reports them."""
    rows = []
    for row in record.protocol.get("reported") or ():
        value = row.get("value")
        when = row.get("time") if row.get("time") is not None else row.get("time_day")
        rows.append(
            (
                str(row.get("outcome") or row.get("quantity") or ""),
                moment(float(when)) if isinstance(when, int | float) else str(when or NOT_REPORTED),
                NOT_REPORTED if value is None else number(value),
                str(row.get("unit") or "") if value is not None else "",
                _or_not_reported(row.get("n")),
                _or_not_reported(row.get("spread")),
                _or_not_reported(row.get("spread_kind")),
                _or_not_reported(row.get("source")),
                str(row.get("status") or ""),
            )
        )
    head = ("outcome", "time", "value", "unit", "n", "spread", "kind of spread", "source", "status")
    return Table(head, tuple(rows), "What the paper reported")


def _or_not_reported(value: Any) -> str:
    return NOT_REPORTED if value is None or value == "" else number(value)


def not_stated_table(record: RunRecord) -> Table:
    """What the paper does not say, with the prior that stands for it."""
    rows = []
    for row in record.protocol.get("not_stated") or ():
        entry: Mapping[str, Any] = {"item": row} if isinstance(row, str) else row
        name = str(entry.get("item") or entry.get("key") or "")
        rows.append((name, *(number(entry.get(key)) for key in ("value", "low", "high", "unit")), str(entry.get("note") or "")))
    return Table(("not stated in the paper", "used instead", "low", "high", "unit", "note"), tuple(rows), "Not stated, prior used")


def parameter_table(record: RunRecord) -> Table:
    """The parameters that the run used."""
    head = ("parameter", "value", "low", "high", "unit", "source", "status")
    rows = tuple(
        (
            str(row["key"]),
            _values(row["value"]),
            _values(row.get("low")),
            _values(row.get("high")),
            str(row.get("unit") or ""),
            str(row.get("source") or ""),
            str(row.get("status") or ""),
        )
        for row in record.parameters
    )
    return Table(head, rows, "Parameters of the run")


def _values(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(number(part, 4) for part in value)
    return number(value, 4)


def numerics_table(record: RunRecord) -> Table:
    """Mesh, balances and time."""
    topology = record.disc.topology
    end = record.cells[-1]
    balance = end["injected"] + end["born"] - end["alive"] - end["leaked"] - end["dead"]
    elements = len(topology.quads) * (topology.levels - 1)
    rows = [
        ("mesh", f"{topology.resolution}: {topology.columns * topology.levels:,} nodes, {elements:,} hexahedra"),
        ("largest ledger error (share of the injected cells)", number(record.ledger_error)),
        ("injected + born − alive − leaked − died at the end [cells]", number(balance)),
        *((str(label), number(value) if isinstance(value, int | float) else str(value)) for label, value in record.numerics.items()),
        ("stored times", str(record.trajectory.sizes["time"])),
        ("computing time [s]", number(record.manifest.get("seconds"))),
    ]
    return Table(("check", "value"), tuple(rows), "Numerics of the run")


def reproduce_table(record: RunRecord) -> Table:
    """Everything that identifies the run."""
    rows = tuple(
        (str(key).replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in record.manifest.items()
        if value is not None
    )
    return Table(("item", "value"), rows, "Identity of the run")
