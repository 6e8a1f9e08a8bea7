"""`pulposus export RUN --to FORMAT`: a run in the format of another program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_note, print_text
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.exports._nifti import ImageTarget
    from pulposus.images import Frame

app = command_app()


@app.command()
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory, as `pulposus run` writes it.")],
    to: Annotated[str, typer.Option("--to", help="vtu, xdmf, nifti, febio, abaqus, csv or netcdf.")],
    time: Annotated[
        str | None,
        typer.Option(
            help='Time after the injection, such as 12mo or "6 week"; the nearest stored one is taken. Left out: all times,'
            " or the last one for nifti, febio and abaqus."
        ),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="NAME", help="A field, such as oxygen, donor or T2; may be repeated."),
    ] = None,
    course: Annotated[
        str, typer.Option("--run", metavar="COURSE", help="with_cells, without_cells or native_course.")
    ] = "with_cells",
    out: Annotated[
        Path | None, typer.Option(help="File, or folder for vtu and nifti; by default under exports/ in the run.")
    ] = None,
    patient: Annotated[
        Path | None,
        typer.Option(
            metavar="DISC.yaml",
            help="nifti: the imported disc of this run, whose place in the patient is taken; found by itself where it still is.",
        ),
    ] = None,
    voxel: Annotated[str | None, typer.Option(help='nifti: edge of a voxel, such as "0.5 mm".')] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="IMAGE", help="nifti: lay the fields on the voxels of this image.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a run for ParaView (vtu, xdmf), 3D Slicer (nifti), FEBio, Abaqus, or as a table (csv) or NetCDF."""
    from pulposus.exports import RUN_FORMATS, export_run, open_run
    from pulposus.exports._patient import frame_of_run
    from pulposus.exports._run import check_format, default_path
    from pulposus.exports._stored import parse_moment

    check_format(to)
    image = to == "nifti"
    refuse_unless_image(image, {"--patient": patient, "--voxel": voxel, "--like": like})
    stored = open_run(run, course)
    target = image_target(frame_of_run(stored, patient), voxel, like) if image else None
    path = out if out is not None else default_path(stored, to)
    day = parse_moment(time, "option --time") if time is not None else None
    written = export_run(stored, to, path, day=day, names=fields or (), target=target)
    if day is not None and abs(written.times[0] - day) > 1e-6 * max(1.0, abs(day)):
        print_note(f"the run holds no day {day:g}: the nearest stored time, day {written.times[0]:g}, was taken")
    print_note("Simulated. Research use only, not medical advice.")
    if not as_json:
        print_text(str(written.files[0]))
        return
    print_json(
        {
            "run": str(run),
            "course": stored.course,
            "to": to,
            "for": RUN_FORMATS[to].summary,
            "files": [str(file) for file in written.files],
            "times_day": written.times,
            "fields": [{"name": info.key, "label": info.label, "unit": info.unit} for info in written.fields],
            **written.facts,
        }
    )


def refuse_unless_image(image: bool, given: Mapping[str, object]) -> None:
    """Refuse options that say where voxels lie, for a format without voxels.

    Raises:
        InvalidInput: Such an option is given.
    """
    for option, value in given.items():
        if value is not None and not image:
            raise InvalidInput(
                f"{option} says where the voxels of an image lie",
                where=f"option {option}",
                allowed="with --to nifti or nifti-mask",
                remedy=f"leave {option} out",
            )


def image_target(frame: Frame | None, voxel: str | None, like: Path | None) -> ImageTarget:
    """Space and voxels of an image from the options.

    Raises:
        InvalidInput: The voxel is no length.
    """
    from pulposus.exports._nifti import ImageTarget
    from pulposus.units import Quantity

    edge = Quantity("mm", minimum=0.0, exclusive_minimum=True)
    return ImageTarget(frame=frame, voxel=edge.parse(voxel, "option --voxel") if voxel is not None else None, like=like)
