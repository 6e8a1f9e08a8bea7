"""`pulposus nutrition DISC`: steady oxygen, glucose, lactate and pH of one disc."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, aligned, print_json, print_note, print_text

if TYPE_CHECKING:
    from pulposus.disc import Disc
    from pulposus.nutrition import SteadyState

app = command_app()

# kPa or mM; a solute that is used up ends this close to zero, on either side, when the solver has converged.
_ROUNDING = 1e-6
# Share by which a solute may pass the vessels before it is no longer the interpolation of a coarse mesh.
_OVERSHOOT = 1e-3

_FIELDS = {"oxygen_kPa": "oxygen [kPa]", "glucose_mM": "glucose [mM]", "lactate_mM": "lactate [mM]", "pH": "pH"}


@app.command()
def nutrition(
    disc: Annotated[
        str, typer.Argument(metavar="DISC", help="Built-in name such as human/L4-L5/grade3, or a disc.yaml.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the disc, or parameters.<key>."),
    ] = None,
    resolution: Annotated[str, typer.Option(help="coarse, standard or fine.")] = "standard",
    out: Annotated[Path | None, typer.Option(help="Folder for nutrition.json and fields.vtu.")] = None,
    as_json: Json = False,
) -> None:
    """Solve the steady solutes of one disc, and print extremes, means, fluxes and balances."""
    from pulposus.cli._inputs import split_overrides
    from pulposus.disc import load_disc
    from pulposus.nutrition import solve_nutrition
    from pulposus.parameters import load_parameters

    changed, keys = split_overrides(overrides or [])
    constants = load_parameters().replace(changed)
    loaded = load_disc(disc, resolution, constants, keys)
    if out is not None:
        from pulposus.report import prepare_nutrition_folder

        prepare_nutrition_folder(out)
    started = time.perf_counter()
    state = solve_nutrition(loaded, constants)
    seconds = time.perf_counter() - started
    document = nutrition_document(loaded, state) | {"seconds": seconds}
    if out is not None:
        _write(out, loaded, state, document)
    if as_json:
        print_json(document)
    else:
        _print(document)


def nutrition_document(disc: Disc, state: SteadyState) -> dict[str, Any]:
    """The result as plain data."""
    from pulposus.nutrition import measured_nodes, summarise
    from pulposus.nutrition._newton import STATUS_TEXT
    from pulposus.nutrition._summary import summary_document

    solution = state.solution
    summary = summary_document(summarise(disc, state.problem, solution.solutes))
    return {
        "disc": disc.description.name,
        "simulated": True,
        "research_use_only": True,
        **summary,
        "warnings": [*disc.description.warnings, *undershoot_warnings(summary), *overshoot_warnings(disc, summary)],
        "nodes": measured_nodes(disc),
        "resolution": disc.topology.resolution,
        "iterations": int(solution.iterations),
        "krylov_steps": int(solution.krylov_steps),
        "relative_residual": float(solution.relative_residual),
        "status": STATUS_TEXT[int(solution.status)],
    }


def undershoot_warnings(summary: dict[str, Any]) -> list[str]:
    """A solute below zero is an artefact of the mesh or of a missing limiter; it is reported, never clipped."""
    found = []
    for key, label in (("oxygen_kPa", "oxygen"), ("glucose_mM", "glucose")):
        lowest = summary[key]["min"]
        if lowest < -_ROUNDING:
            found.append(
                f"{label} falls to {lowest:.3g} somewhere: below zero; use a finer mesh or a glucose limiter above 0 mM"
            )
    return found


def overshoot_warnings(disc: Disc, summary: dict[str, Any]) -> list[str]:
    """Cells take oxygen and glucose and give none, so nothing inside can exceed both boundaries; slivers of a mesh can make it so."""
    found = []
    for number, key, label in ((0, "oxygen_kPa", "oxygen"), (2, "glucose_mM", "glucose")):
        highest = max(float(disc.supply.endplate_values[number]), float(disc.supply.annulus_values[number]))
        if summary[key]["max"] > highest * (1.0 + _OVERSHOOT):
            found.append(
                f"{label} reaches {summary[key]['max']:.4g} somewhere, above the {highest:.4g} of the vessels: elements are too flat;"
                " use a finer mesh or move the border of the nucleus away from the rim"
            )
    return found


def _print(document: dict[str, Any]) -> None:
    rows: list[tuple[str, ...]] = [("", "min", "max", "mean", "nucleus mean", "centre")]
    for key, label in _FIELDS.items():
        values = document[key]
        rows.append((label, *(f"{values[name]:.4g}" for name in ("min", "max", "mean", "nucleus_mean", "centre"))))
    fluxes: list[tuple[str, ...]] = [("inflow [mol/s]", "oxygen", "glucose", "lactate")]
    for surface, values in document["fluxes"].items():
        fluxes.append(
            (surface, *(f"{values[f'{solute}_mol_per_s']:.4e}" for solute in ("oxygen", "glucose", "lactate")))
        )
    balance = document["balance"]
    ratio = balance["lactate_per_glucose"]
    exchange = "nothing passes the surface" if ratio is None else f"lactate per glucose {ratio:.6f}"
    print_text(
        f"{document['disc']}: simulated steady nutrition ({document['resolution']} mesh, {document['nodes']} nodes)",
        "",
        *aligned(rows),
        "",
        *aligned(fluxes),
        "",
        f"{exchange}; oxygen balance to {balance['oxygen_relative_error']:.1e}",
        f"{document['status']} in {document['iterations']} iterations, {document['seconds']:.2f} s with compilation",
        "Research use only, not medical advice.",
    )
    if document["warnings"]:
        print_note(*(f"warning: {text}" for text in document["warnings"]))


def _write(folder: Path, disc: Disc, state: SteadyState, document: dict[str, Any]) -> None:
    from pulposus.report import write_nutrition

    files = write_nutrition(folder, disc, state, document)
    print_note(*(f"written {file}" for file in files))
