"""The HTML report of a run: one file, offline, printable, at most 5 MB.

The words, tables and figures come from their own modules, the page from the template `assets/report.html.j2`. The page allows itself no
request to anything outside it (Content-Security-Policy). Sections about the matrix, safety and the time before the treatment are there
only when the run knows something of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.report import _sections as tables
from pulposus.report import _words as words
from pulposus.report._atomic import write_text
from pulposus.report._ensemble import ensemble_label
from pulposus.report._fate import fate_figures
from pulposus.report._fields import shown_fields
from pulposus.report._history import history_figure, insult_table
from pulposus.report._images import image_section
from pulposus.report._maps import map_figures, matrix_map_figures
from pulposus.report._matrix_figures import matrix_figures, matrix_table
from pulposus.report._page import asset, render
from pulposus.report._picture import disc_picture
from pulposus.report._profile import axial_profiles
from pulposus.report._runs import comparators
from pulposus.report._safety import DISCLAIMER, over_claim_note, raised_signals, safety_table
from pulposus.report._scene import Scene, build_scene
from pulposus.report._timelines import nutrition_timeline
from pulposus.report._uncertainty import uncertainty_figures
from pulposus.report._wording import moment

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

_NAMES = {
    "answer": "Summary",
    "disc": "The disc in 3D",
    "before": "Before the treatment",
    "nutrition": "Nutrition",
    "cells": "Where the cells went",
    "matrix": "Matrix and signals",
    "images": "What an image would show",
    "safety": "Safety signals",
    "reported": "What the paper reported beside it",
    "uncertainty": "Uncertainty",
    "parameters": "Parameters used",
    "numerics": "Numerics",
    "reproduce": "Reproduce",
}


def history_section(record: RunRecord) -> dict[str, Any] | None:
    """What the page says of the time before the treatment; None where nothing is known."""
    if not record.history and not record.insults:
        return None
    return {"figure": history_figure(record), "injuries": insult_table(record)}


def matrix_section(record: RunRecord) -> dict[str, Any] | None:
    """What the page says of matrix and signals; None of a run with cells only."""
    maps = matrix_map_figures(record) if record.is_spatial else []
    figures = [*matrix_figures(record), *maps]
    if not figures:
        return None
    said = comparators(record)
    return {
        "comparators": said[:1].upper() + said[1:],
        "table": matrix_table(record),
        "figures": figures,
    }


def render_report(record: RunRecord) -> str:
    """The page as text.

    Args:
        record: The finished run.
    """
    spatial = record.is_spatial
    scene = build_scene(record) if spatial else None
    maps = map_figures(record) if spatial else [axial_profiles(record)] if record.trajectory.sizes["level"] > 1 else []
    optional = {
        "before": history_section(record),
        "matrix": matrix_section(record),
        "images": image_section(record),
        "safety": {"disclaimer": DISCLAIMER, "table": safety_table(record)} if record.safety else None,
    }
    sections = {key: name for key, name in _NAMES.items() if optional.get(key, True)}
    return render(
        "report.html.j2",
        sections=sections,
        heads={key: f"{place} {name}" for place, (key, name) in enumerate(sections.items(), start=1)},
        **optional,
        title=words.title(record),
        scene=scene.description if scene else None,
        scene_json=script_json(scene) if scene else "",
        scene_data=scene.encoded if scene else "",
        viewer_script=asset("viewer.js") if scene else "",
        viewer_licences=asset("viewer.LICENSE.txt") if scene else "",
        shape_note=words.shape_note(record),
        picture=disc_picture(record) if spatial else None,
        fields=shown_fields(record.trajectory),
        question=words.question(record),
        disc_text=record.disc.description.text,
        answer=words.answer(record),
        tiles=words.tiles(record),
        final=moment(float(record.cells[-1]["time_day"])),
        interval_label=ensemble_label(record),
        warnings=list(record.warnings),
        raised=raised_signals(record),
        over_claim=over_claim_note(record),
        protocol=tables.protocol_table(record.protocol),
        maps=maps,
        timeline=nutrition_timeline(record),
        nutrition=tables.nutrition_table(record),
        fate=fate_figures(record),
        reported=tables.reported_table(record),
        simulated=tables.simulated_table(record),
        not_stated=tables.not_stated_table(record),
        uncertainty=uncertainty_figures(record),
        parameters=tables.parameter_table(record),
        numerics=tables.numerics_table(record),
        command=str(record.manifest.get("command", "")),
        reproduce=tables.reproduce_table(record),
    )


def write_report(path: Path, record: RunRecord) -> Path:
    """Write `report.html` in one step."""
    return write_text(path, render_report(record))


def script_json(scene: Scene) -> str:
    """JSON that cannot end the script element that holds it."""
    return json.dumps(scene.description, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
