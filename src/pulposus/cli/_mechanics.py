"""`pulposus mechanics DISC`: the whole disc under a load, before and after a treatment, or a standard material test on its tissues."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._mechanics_specimens import TESTS, mechanics_document, print_specimens
from pulposus.cli._output import Json, print_json
from pulposus.errors import InvalidInput, UsageError

app = command_app()


@app.command()
def mechanics(
    disc: Annotated[
        str,
        typer.Argument(
            metavar="DISC",
            help="Built-in name such as human/L4-L5/grade3, a disc.yaml, or the benchmark swelling_cylinder.yaml.",
        ),
    ],
    load: Annotated[
        str,
        typer.Option(help='A posture such as standing, or a force such as "500 N"; supine and standing if left out.'),
    ] = "",
    day: Annotated[bool, typer.Option("--day", help="Follow two days of 16 h on the feet and 8 h lying.")] = False,
    stability: Annotated[
        bool,
        typer.Option(
            "--stability", help="Bend and twist the disc at its supine preload: neutral zone and range of motion."
        ),
    ] = False,
    strength: Annotated[
        bool | None,
        typer.Option(
            "--strength/--no-strength",
            help="Surrogates of compressive strength, fissure hazard and herniation; on for animals, off for people if left out.",
            show_default=False,
        ),
    ] = None,
    treatment: Annotated[
        str,
        typer.Option(
            metavar="PROTOCOL",
            help="Simulate a protocol on the disc: stiffness, modulus and strength before and after it (about two minutes).",
        ),
    ] = "",
    test: Annotated[
        str,
        typer.Option(
            help="A test of the tissues: confined-compression, unconfined-compression, annulus-tension or free-swelling."
        ),
    ] = "",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one key of the disc (of the protocol with --treatment), or parameters.<key>.",
        ),
    ] = None,
    body_mass: Annotated[str, typer.Option(help='Of a person, such as "80 kg"; 70 kg if left out.')] = "",
    resolution: Annotated[str, typer.Option(help="mechanics or mechanics-fine.")] = "mechanics",
    out: Annotated[Path | None, typer.Option(help="Folder for mechanics.json and deformed.vtu.")] = None,
    as_json: Json = False,
) -> None:
    """Compute height, pressure, stiffness, bulge and strain of a disc under a load, or run a material test on its tissues."""
    from pulposus.cli._inputs import split_overrides
    from pulposus.mechanics._cylinder import is_cylinder
    from pulposus.parameters import load_parameters

    alone = {"--test": test, "--treatment": treatment}
    others = {"--load": load, "--day": day, "--stability": stability, "--strength": strength is not None}
    others |= {"--body-mass": body_mass, "--resolution": resolution != "mechanics", "--out": out}
    _require_alone(alone, others)
    if test and test not in TESTS:
        raise UsageError(f'there is no material test "{test}"', where="option --test", allowed=", ".join(TESTS))
    if (test or treatment) and is_cylinder(disc):
        option = "--test" if test else "--treatment"
        raise InvalidInput(
            "the benchmark is loaded as a whole only", where=f"option {option}", remedy=f"leave {option} out"
        )
    changed, keys = split_overrides(overrides or [])
    constants = load_parameters().replace(changed)
    if test:
        from pulposus.disc import load_disc

        document = mechanics_document(load_disc(disc, "coarse", constants, keys), test, constants)
        show = print_specimens
    elif treatment:
        from pulposus.cli._mechanics_treated import print_treated, treated, treated_document

        document = treated_document(treated(disc, treatment, constants, keys), constants)
        show = print_treated
    else:
        from pulposus.cli import _mechanics_disc as whole_disc
        from pulposus.cli._mechanics_text import print_document
        from pulposus.units import parse_quantity

        if out is not None:
            whole_disc.prepare_folder(out)
        mass = parse_quantity(body_mass, "kg", "option --body-mass") if body_mass else None
        subject = whole_disc.Subject(
            disc, keys, constants, resolution, mass, load, stability=stability, strength=strength
        )
        document, state = whole_disc.disc_document(subject, load, day=day, stability=stability)
        if out is not None:
            whole_disc.write_files(out, subject, state, document)
        show = print_document
    if as_json:
        print_json(document)
    else:
        show(document)


def _require_alone(alone: Mapping[str, object], others: Mapping[str, object]) -> None:
    """Refuse `--test` or `--treatment` beside any other choice.

    Raises:
        UsageError: Two were given.
    """
    given = [name for name, value in alone.items() if value]
    beside = [name for name, value in others.items() if value]
    if given and (beside or len(given) > 1):
        extra = (given[1:] + beside)[0]
        raise UsageError(f"{given[0]} has no {extra}", where=f"option {extra}", remedy=f"leave {extra} out")
