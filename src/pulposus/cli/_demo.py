"""`pulposus demo`: the published protocol of Orozco 2011 in 3D, with an ensemble over the priors, and its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_note, print_text

app = command_app()

PROTOCOL = "orozco-2011"
MEMBERS = 64


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option(help="Run directory; by default a new folder under runs/.")] = None,
    as_json: Json = False,
) -> None:
    """Run Orozco 2011 (10 million marrow cells in saline, degenerated L4-L5 disc, 12 months) and write its report."""
    from pulposus.cli._job import begin, complete, tell
    from pulposus.cli._run import job_inputs
    from pulposus.report import summary

    print_note(
        f"{PROTOCOL}: one disc in 3D with cells, with the needle alone and left alone, and {MEMBERS} draws from the priors",
        "the first run compiles for about a minute",
    )
    job = begin(*job_inputs(PROTOCOL, None, None, out, [], None, MEMBERS))
    record = complete(job)
    tell(record, job.directory.path)
    if as_json:
        print_json(summary(record))
    else:
        print_text(str(job.directory.path / "report.html"))
