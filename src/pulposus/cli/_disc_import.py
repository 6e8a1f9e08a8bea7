"""`pulposus disc import MASK --label N --level L4-L5 --out disc.yaml`: a real disc on the standard mesh, with a quality verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulposus.cli._output import Json, aligned, print_json, print_note, print_text
from pulposus.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from pulposus.images import ImportedDisc

PICTURE_FORMATS = (".png", ".svg", ".pdf")


def import_command(
    mask: Annotated[
        Path,
        typer.Argument(
            metavar="MASK",
            help="Label image (.nii, .nii.gz, .mha, .mhd, .nrrd, DICOM-SEG .dcm) or finite-element mesh (.inp, .vtu, .feb).",
        ),
    ],
    level: Annotated[str, typer.Option(help="Level of the disc, such as L4-L5.")],
    label: Annotated[int | None, typer.Option(help="Label of the disc in the image.")] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            help="Label scheme: spider, totalspineseg, totalspineseg-old, spineps, spineps-subregion, totalsegmentator-mr, by-hand."
        ),
    ] = None,
    component: Annotated[
        int | None, typer.Option(help="Where one label holds all discs: which one, 1 is the lowest in the image.")
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(help='Voxel size along the array axes in place of the header\'s: "0.43,0.43,4.4" (mm).'),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="Where the array axes (of a mesh: x, y, z) point, such as PIR or RAS.")
    ] = None,
    t2: Annotated[
        Path | None, typer.Option("--t2", help="T2-weighted image in the same space; the nucleus is read from it.")
    ] = None,
    nucleus_set: Annotated[str | None, typer.Option(help="Element set of a mesh that is the nucleus.")] = None,
    species: Annotated[str, typer.Option(help="Species; limits of size hold for human discs.")] = "human",
    grade: Annotated[int, typer.Option(min=1, max=5, help="Pfirrmann grade; it sets the tissue, not the height.")] = 1,
    name: Annotated[str | None, typer.Option(help="Name of the disc.")] = None,
    note: Annotated[str, typer.Option(help="Free text for the disc.yaml, such as scanner, age or time of day.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write the disc here: a .yaml that every other command takes.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Write a picture of mask and fit: .png, .svg or .pdf.")] = None,
    as_json: Json = False,
) -> None:
    """Fit a disc to a segmentation or a mesh. A refused one exits with 3, says why, and writes no disc."""
    from pulposus.images import import_disc, import_mesh, is_mesh

    _check_names(out, picture)
    if is_mesh(mask):
        _refuse({"--label": label, "--scheme": scheme, "--component": component, "--t2": t2}, "a mesh has no labels")
        disc = import_mesh(
            mask,
            level,
            axes=axes,
            scale=spacing,
            nucleus_set=nucleus_set,
            species=species,
            grade=grade,
            name=name,
            note=note,
        )
    else:
        _refuse({"--nucleus-set": nucleus_set}, "an image has no element sets")
        disc = import_disc(
            mask,
            level,
            label,
            scheme,
            component=component,
            spacing=spacing,
            axes=axes,
            t2=t2,
            species=species,
            grade=grade,
            name=name,
            note=note,
        )
    _report(disc, out, picture, as_json)
    if disc.refusals:
        raise typer.Exit(InvalidInput.exit_code)


def _check_names(out: Path | None, picture: Path | None) -> None:
    """Refuse endings that nothing could read again, and a disc that would be lost, before anything is computed.

    Raises:
        InvalidInput: A name has another ending, its folder does not exist, or the disc exists already.
    """
    for option, path, endings in (("--out", out, (".yaml", ".yml")), ("--picture", picture, PICTURE_FORMATS)):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise InvalidInput(
                f'cannot write to "{path}"', where=f"option {option}", allowed="a name ending in " + ", ".join(endings)
            )
        if not path.parent.is_dir():
            raise InvalidInput(
                f'the folder of "{path}" does not exist', where=f"option {option}", remedy="make it first"
            )
    # A picture may be drawn again; a disc.yaml may have been edited, and runs name it.
    if out is not None and out.exists():
        raise InvalidInput(
            f'"{out}" exists already',
            where="option --out",
            allowed="a new file",
            remedy="choose another name, or remove the file",
        )


def _refuse(options: dict[str, object], reason: str) -> None:
    """Refuse options that have no meaning for this kind of file.

    Raises:
        UsageError: One of them was given.
    """
    given = [option for option, value in options.items() if value is not None]
    if given:
        raise UsageError(f"{given[0]} cannot be used here: {reason}", remedy=f"leave {given[0]} out")


def _report(disc: ImportedDisc, out: Path | None, picture: Path | None, as_json: bool) -> None:
    from pulposus.report._atomic import write_text

    print_note("Research use only, not medical advice.")
    accepted = not disc.refusals
    if picture is not None:
        from pulposus.images import save_fit_picture

        save_fit_picture(disc, picture)
    if out is not None and accepted:
        write_text(out, disc.yaml())
    if as_json:
        print_json(disc.as_dict())
    else:
        print_text(*import_lines(disc))
    if out is not None:
        print_note(f"disc written to {out}" if accepted else f"no disc written to {out}: it was refused")
    if picture is not None:
        print_note(f"picture written to {picture}")


def import_lines(disc: ImportedDisc) -> list[str]:
    """The result for people."""
    found = disc.measurements
    heights = (found.height_anterior, found.height_middle, found.height_posterior)
    rows = [
        ("volume of the fitted disc", f"{found.volume:.5g} mm3"),
        ("volume of the mask", f"{disc.mask_volume:.5g} mm3"),
        ("overlap (Dice)", f"{found.dice:.3f}"),
        ("mean distance of the surfaces", f"{found.mean_surface_distance:.2f} mm"),
        ("width x depth in the patient", f"{found.width:.4g} x {found.depth:.4g} mm"),
        ("width x depth along the disc", f"{found.own_width:.4g} x {found.own_depth:.4g} mm"),
        ("anterior, middle, posterior height", f"{', '.join(f'{height:.3g}' for height in heights)} mm"),
        ("mean height", f"{found.mean_height:.3g} mm"),
        ("tilt against the image", f"{disc.frame.tilt:.0f} degrees"),
        ("nucleus", disc.fit.nucleus.origin),
        ("frame", disc.frame_source),
        (
            "spacing and orientation",
            f"{' x '.join(f'{length:.4g}' for length in disc.spacing)} mm, {disc.orientation} ({disc.header})",
        ),
        ("label", f"{disc.label} ({disc.scheme})"),
        ("seconds", f"{disc.seconds:.2f}"),
    ]
    return [
        f"{disc.name}: {disc.status}",
        *(f"refused, {refusal.code}: {refusal.text}" for refusal in disc.refusals),
        *(f"note: {text}" for text in disc.notes),
        "",
        *aligned(rows),
    ]
