"""`pulposus disc export DISC --to FORMAT --out FILE`: the mesh of a disc in the format of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pulposus.cli._export import image_target, refuse_unless_image
from pulposus.cli._output import Json, print_json, print_note, print_text


def export_command(
    disc: Annotated[
        str, typer.Argument(metavar="DISC", help="Built-in name such as human/L4-L5/grade3, or a disc.yaml.")
    ],
    to: Annotated[str, typer.Option("--to", help="vtu, febio, abaqus or nifti-mask.")],
    out: Annotated[Path, typer.Option(help="File to write: .vtu, .feb, .inp or .nii.gz.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the disc.")
    ] = None,
    resolution: Annotated[str, typer.Option(help="coarse, standard or fine.")] = "standard",
    voxel: Annotated[str | None, typer.Option(help='nifti-mask: edge of a voxel, such as "0.5 mm".')] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="IMAGE", help="nifti-mask: take the voxels of this image; for an imported disc."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a disc for ParaView (vtu), FEBio, Abaqus, or as a labelled image (nifti-mask, in the patient's space if imported)."""
    from pulposus.disc import load_disc
    from pulposus.exports import export_disc
    from pulposus.exports._disc import check_disc_format
    from pulposus.exports._patient import with_place_of

    check_disc_format(to, out)
    image = to == "nifti-mask"
    refuse_unless_image(image, {"--voxel": voxel, "--like": like})
    loaded = load_disc(disc, resolution, overrides=overrides or ())
    target = with_place_of(image_target(None, voxel, like), disc) if image else None
    files, facts = export_disc(loaded, to, out, target)
    print_note("Research use only, not medical advice.")
    if as_json:
        print_json({"disc": loaded.description.name, "to": to, "files": [str(file) for file in files], **facts})
    else:
        print_text(str(files[0]))
