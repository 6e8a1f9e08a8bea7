"""`pulposus disc list` and `pulposus disc show DISC`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.disc import Disc, Measures

app = typer.Typer(help="Built-in discs and disc files.", no_args_is_help=True)

PICTURE_FORMATS = (".png", ".svg", ".pdf")


@app.command("list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """List the built-in discs."""
    from pulposus.disc import list_discs

    discs = list_discs()
    if as_json:
        typer.echo(json.dumps({"discs": [disc._asdict() for disc in discs]}, indent=2))
        return
    width = max(len(disc.name) for disc in discs)
    for disc in discs:
        typer.echo(f"{disc.name:<{width}}  {disc.text}")
    typer.echo(
        "\nAnimals and the generic disc also take a grade, such as sheep/lumbar/grade3: the human grade table is then used.",
        err=True,
    )


@app.command("show")
def show_command(
    disc: Annotated[
        str, typer.Argument(metavar="DISC", help="Built-in name such as human/L4-L5/grade3, or a disc.yaml.")
    ],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the disc.")
    ] = None,
    resolution: Annotated[str, typer.Option(help="coarse, standard or fine.")] = "standard",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write a picture: .png, .svg or .pdf.")] = None,
) -> None:
    """Show what a disc is: sizes, volumes, mesh quality, the numbers behind it and their status."""
    from pulposus.disc import load_disc, measure

    if out is not None and out.suffix.lower() not in PICTURE_FORMATS:
        raise InvalidInput(
            f'cannot write a picture to "{out}"', where="option --out", allowed="a name ending in .png, .svg or .pdf"
        )
    loaded = load_disc(disc, resolution, overrides=overrides or ())
    measures = measure(loaded)
    if out is not None:
        _write_picture(loaded, measures, out)
    if as_json:
        typer.echo(json.dumps(disc_record(loaded, measures), indent=2))
    else:
        typer.echo(disc_text(loaded, measures))
    if out is not None:
        typer.echo(f"picture written to {out}", err=True)


def _write_picture(disc: Disc, measures: Measures, path: Path) -> None:
    from pulposus.cli._disc_picture import save_picture

    try:
        save_picture(disc, measures, path)
    except OSError as error:
        raise InvalidInput(
            f'cannot write "{path}" ({error.strerror})',
            where="option --out",
            remedy="choose a folder that exists and can be written",
        ) from None


def disc_record(disc: Disc, measures: Measures) -> dict[str, Any]:
    """The disc as JSON data: lengths in mm, volumes in mL, areas in mm2."""
    described = disc.description
    return {
        "name": described.name,
        "text": described.text,
        "shape": disc.layout.kind,
        "species": described.species,
        "level": described.level,
        "grade": described.grade,
        "grade_preset": described.grade_preset,
        "preset": described.pore_model,
        "measures": {**dataclasses.asdict(measures), "volume": measures.volume},
        "values": [dataclasses.asdict(value) for value in described.values],
    }


def disc_text(disc: Disc, measures: Measures) -> str:
    """The disc for people."""
    described = disc.description
    sizes = [
        ("width x depth", f"{measures.width:.4g} x {measures.depth:.4g} mm"),
        ("anterior, central, posterior height", _heights(measures)),
        ("volume", f"{measures.volume:.4g} mL"),
        *((f"  {name}", f"{volume:.4g} mL") for name, volume in measures.volumes.items()),
        ("cross-section", f"{measures.outline_area:.4g} mm2, {100.0 * measures.nucleus_area_fraction:.1f} % nucleus"),
        ("nucleus behind the centroid", f"{measures.nucleus_offset:.3g} mm"),
        ("mean cartilage endplate", f"{measures.endplate_thickness:.3g} mm"),
        ("wedge, open to the front", f"{measures.wedge:.2f} degrees"),
        ("mesh", f"{disc.topology.resolution}: {measures.nodes} nodes, {measures.elements} hexahedra"),
        ("element quality", f"smallest over mean Jacobian {measures.smallest_element:.2f}"),
    ]
    lines = [described.name, described.text, f"porosity preset {described.pore_model}", ""]
    lines += [f"{label:<37}{text}" for label, text in sizes]
    lines += ["", f"{'number':<37}{'value':>10}  {'unit':<22}{'status':<10}source"]
    lines += [
        f"{value.name:<37}{value.value:>10.4g}  {value.unit:<22}{value.status:<10}{value.source}"
        for value in described.values
    ]
    return "\n".join(lines)


def _heights(measures: Measures) -> str:
    return f"{measures.anterior_height:.4g}, {measures.central_height:.4g}, {measures.posterior_height:.4g} mm"
