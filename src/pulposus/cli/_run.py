"""`pulposus run PROTOCOL`: simulate a protocol in a disc, beside the same disc without cells."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_text

if TYPE_CHECKING:
    from pulposus.therapy import Protocol

app = command_app()


@app.command()
def run(
    protocol: Annotated[
        str, typer.Argument(metavar="PROTOCOL", help="Built-in study such as orozco-2011, or a YAML file.")
    ],
    disc: Annotated[str | None, typer.Option(help="Another disc: built-in name or disc.yaml.")] = None,
    until: Annotated[str | None, typer.Option(help='Length of the follow-up, such as "24 month".')] = None,
    out: Annotated[Path | None, typer.Option(help="Run directory; by default a new folder under runs/.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the protocol, or parameters.<key>."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the ensemble.")] = None,
    ensemble: Annotated[
        int | None, typer.Option(min=0, help="Members of the ensemble over the priors; 0 for none.")
    ] = None,
    ensemble_level: Annotated[
        str | None, typer.Option(help="Level of the ensemble: slab (axial slab, the default) or 3d (coarse mesh).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate a protocol in a disc and write a run directory with tables, fields and a report."""
    from pulposus.cli._job import begin, complete, tell
    from pulposus.report import summary

    job = begin(*job_inputs(protocol, disc, until, out, overrides or [], seed, ensemble, ensemble_level))
    record = complete(job)
    tell(record, job.directory.path)
    if as_json:
        print_json(summary(record))
    else:
        print_text(str(job.directory.path))


def job_inputs(
    protocol: str,
    disc: str | None,
    until: str | None,
    out: Path | None,
    overrides: list[str],
    seed: int | None,
    ensemble: int | None,
    ensemble_level: str | None = None,
) -> tuple[Path, Protocol, str, str, dict[str, str], str]:
    """The arguments of `_job.begin`, from those of the command line.

    Raises:
        InvalidInput: The protocol cannot be used.
    """
    from pulposus.cli._inputs import split_overrides
    from pulposus.report import run_name
    from pulposus.simulation import disc_of
    from pulposus.therapy import load_protocol, protocol_text

    constants, keys = split_overrides(overrides)
    keys += [f"follow_up.duration={_duration(until)}"] if until is not None else []
    keys += [f"seed={seed}"] if seed is not None else []
    keys += [f"numerics.ensemble={ensemble}"] if ensemble is not None else []
    keys += [f"numerics.ensemble_level={ensemble_level}"] if ensemble_level is not None else []
    keys += [f"disc.name={disc}"] if disc is not None else []
    loaded = load_protocol(protocol, keys)
    treated = disc if disc is not None else disc_of(loaded, protocol)
    folder = out if out is not None else Path("runs") / run_name(loaded.resolved(), datetime.now(UTC))
    command = shlex.join(["pulposus", *sys.argv[1:]])
    return folder, loaded, protocol_text(protocol), treated, constants, command


def _duration(until: str) -> str:
    """The text of `--until`.

    Raises:
        InvalidInput: It is no length of a follow-up; names the option, which the protocol does not know.
    """
    from pulposus.therapy._study_sections import FollowUp

    for quantity in FollowUp.model_fields["duration"].metadata:
        quantity.parse(until, "option --until")
    return until
