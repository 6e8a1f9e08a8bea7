"""`pulposus disc list` and `pulposus disc show DISC`; `import` and `export` have their own modules."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._disc_export import export_command
from pulposus.cli._disc_import import import_command
from pulposus.cli._output import Json, aligned, print_json, print_note, print_text
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.disc import Disc, Measures

app = command_app(help="List the built-in discs, show one, import one from an image or a mesh, or export one.")

app.command("import")(import_command)
app.command("export")(export_command)

PICTURE_FORMATS = (".png", ".svg", ".pdf")


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the built-in discs."""
    from pulposus.disc import list_discs

    discs = list_discs()
    if as_json:
        print_json({"discs": [disc._asdict() for disc in discs]})
        return
    print_text(*aligned([disc.name, disc.text] for disc in discs))
    print_note(
        "Animals and the generic disc also take a grade, such as sheep/lumbar/grade3: the human grade table is then used."
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
    as_json: Json = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--picture", help="Write a picture: sections, and the disc in 3D (.png, .svg or .pdf)."),
    ] = None,
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
        print_json(disc_record(loaded, measures))
    else:
        print_text(*disc_lines(loaded, measures))
    if out is not None:
        print_note(f"picture written to {out}")


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
        "warnings": list(described.warnings),
    }


def disc_lines(disc: Disc, measures: Measures) -> list[str]:
    """The disc for people."""
    described = disc.description
    heights = (measures.anterior_height, measures.central_height, measures.posterior_height)
    sizes = [
        ("width x depth", f"{measures.width:.4g} x {measures.depth:.4g} mm"),
        ("anterior, central, posterior height", f"{', '.join(f'{height:.4g}' for height in heights)} mm"),
        ("volume", f"{measures.volume:.4g} mL"),
        *((f"  {name}", f"{volume:.4g} mL") for name, volume in measures.volumes.items()),
        ("cross-section", f"{measures.outline_area:.4g} mm2, {100.0 * measures.nucleus_area_fraction:.1f} % nucleus"),
        ("nucleus behind the centroid", f"{measures.nucleus_offset:.3g} mm"),
        ("mean cartilage endplate", f"{measures.endplate_thickness:.3g} mm"),
        ("wedge, open to the front", f"{measures.wedge:.2f} degrees"),
        ("mesh", f"{disc.topology.resolution}: {measures.nodes} nodes, {measures.elements} hexahedra"),
        ("element quality", f"smallest over mean Jacobian {measures.smallest_element:.2f}"),
    ]
    numbers = [
        (value.name, f"{value.value:.4g}", "" if value.unit == "1" else value.unit, value.status, value.source)
        for value in described.values
    ]
    return [
        described.name,
        described.text,
        f"porosity preset {described.pore_model}",
        *(f"warning: {text}" for text in described.warnings),
        "",
        *aligned(sizes),
        "",
        *aligned([("number", "value", "unit", "status", "source"), *numbers]),
    ]
