"""`pulposus compare PROTOCOL...`: arms side by side in one disc."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_note, print_text

app = command_app()


@app.command()
def compare(
    protocols: Annotated[
        list[str],
        typer.Argument(
            metavar="PROTOCOL...",
            help="Built-in studies or YAML files; orozco-2011:sham-needle is an arm without cells of a study"
            " (none, conservative, sham-needle, saline, carrier).",
        ),
    ],
    disc: Annotated[str | None, typer.Option(help="One disc for all arms; by default that of each protocol.")] = None,
    until: Annotated[str | None, typer.Option(help='Length of the follow-up, such as "24 month".')] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; by default a new one under runs/.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of every protocol, or parameters.<key>."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the ensembles.")] = None,
    ensemble: Annotated[
        int | None, typer.Option(min=0, help="Members of the ensemble of every arm; 0 for none.")
    ] = None,
    ensemble_level: Annotated[
        str | None, typer.Option(help="Level of the ensembles: slab (axial slab) or 3d (coarse mesh).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate several arms and show them side by side in one report and one JSON document."""
    from pulposus.cli._comparison import ArmInput, begin_comparison, finish_comparison
    from pulposus.cli._run import job_inputs

    arms = []
    for protocol in protocols:
        _, loaded, text, treated, constants, _ = job_inputs(
            protocol, disc, until, out, overrides or [], seed, ensemble, ensemble_level
        )
        arms.append(ArmInput(_name(protocol), loaded, text, treated, constants))
    folder = out if out is not None else Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-comparison"
    command = shlex.join(["pulposus", *sys.argv[1:]])
    document = finish_comparison(begin_comparison(folder, arms, command))
    print_note(f"report: {folder / 'compare.html'}", "Research use only, not medical advice.")
    if as_json:
        print_json(document)
    else:
        print_text(str(folder / "compare.html"))


def _name(protocol: str) -> str:
    """Name of an arm: the protocol as typed, without folders and the ending of a file."""
    from pulposus.therapy import split_arm

    name, arm = split_arm(protocol)
    path = Path(name)
    short = path.stem if path.suffix in (".yaml", ".yml") else path.name
    return short if arm is None else f"{short}:{arm}"
