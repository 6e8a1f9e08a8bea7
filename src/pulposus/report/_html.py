"""The HTML report of a run: one file, offline, printable, at most 5 MB.

The words, tables and figures come from their own modules, the page from the template `assets/report.html.j2`. The page allows itself no
request to anything outside it (Content-Security-Policy).
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from pulposus.report import _sections as sections
from pulposus.report import _words as words
from pulposus.report._atomic import write_text
from pulposus.report._fate import fate_figures
from pulposus.report._fields import SHOWN
from pulposus.report._maps import map_figures
from pulposus.report._picture import disc_picture
from pulposus.report._profile import axial_profiles
from pulposus.report._scene import Scene, build_scene
from pulposus.report._timelines import nutrition_timeline
from pulposus.report._uncertainty import ensemble_label, uncertainty_figures
from pulposus.report._wording import moment

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

MAXIMUM_BYTES = 5_000_000
STATUSES = {
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

    spatial = record.is_spatial
    scene = build_scene(record) if spatial else None
    maps = map_figures(record) if spatial else [axial_profiles(record)] if record.trajectory.sizes["level"] > 1 else []
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(asset("report.html.j2")).render(
        title=words.title(record),
        style=asset("report.css"),
        scene=scene.description if scene else None,
        scene_json=script_json(scene) if scene else "",
        scene_data=scene.encoded if scene else "",
        viewer_script=asset("viewer.js") if scene else "",
        viewer_licences=asset("viewer.LICENSE.txt") if scene else "",
        picture=disc_picture(record) if spatial else None,
        fields=SHOWN,
        question=words.question(record),
        disc_text=record.disc.description.text,
        answer=words.answer(record),
        tiles=words.tiles(record),
        final=moment(float(record.cells[-1]["time_day"])),
        interval_label=ensemble_label(record),
        warnings=list(record.warnings),
        protocol=sections.protocol_table(record.protocol),
        maps=maps,
        timeline=nutrition_timeline(record),
        nutrition=sections.nutrition_table(record),
        fate=fate_figures(record),
        reported=sections.reported_table(record),
        simulated=sections.simulated_table(record),
        not_stated=sections.not_stated_table(record),
        uncertainty=uncertainty_figures(record),
        parameters=sections.parameter_table(record),
        statuses=STATUSES,
        numerics=sections.numerics_table(record),
        command=str(record.manifest.get("command", "")),
        reproduce=sections.reproduce_table(record),
    )


def write_report(path: Path, record: RunRecord) -> Path:
    """Write `report.html` in one step."""
    return write_text(path, render_report(record))


def script_json(scene: Scene) -> str:
    """JSON that cannot end the script element that holds it."""
    return json.dumps(scene.description, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
