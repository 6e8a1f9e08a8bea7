"""`pulposus resume RUN`: go on with a run that was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_text

app = command_app()


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an unfinished run.")],
    as_json: Json = False,
) -> None:
    """Go on with a run or a comparison that was interrupted, from its last stored time."""
    from pulposus.cli._comparison import COMPARISON, finish_comparison, reopen_comparison

    if (run / COMPARISON).is_file():
        document = finish_comparison(reopen_comparison(run))
        if as_json:
            print_json(document)
        else:
            print_text(str(run))
        return
    from pulposus.cli._job import complete, reopen, tell
    from pulposus.report import summary

    record = complete(reopen(run))
    tell(record, run)
    if as_json:
        print_json(summary(record))
    else:
        print_text(str(run))
