"""`pulposus image RUN`: what a scanner or a microscope would show of a run at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, aligned, print_json, print_note, print_text
from pulposus.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from pulposus.readouts import Findings, StoredMoment

app = command_app()

HISTOLOGY = "histology"
SCANS = ("t2w", "t2map", "t1map", "t1rho", "adc", "sodium")
STAINS = ("he", "safranin-o", "collagen-2")
_FLAGS = {"high-intensity-zone": "high_intensity_zone", "vacuum": "vacuum", "schmorl": "schmorl"}
_LENGTHS = ("bulge", "hernia")
_FINDINGS = "high-intensity-zone, vacuum, schmorl, modic=1 (2, 3), bulge='2 mm', hernia='4 mm'"
_PICTURE, _VOLUMES = ".png", (".nii", ".nii.gz")


@app.command()
def image(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run directory, as `pulposus run` writes it.")],
    time: Annotated[
        str, typer.Option(help='Time since the treatment, such as "12mo"; the nearest stored one is shown.')
    ] = "",
    kind: Annotated[str, typer.Option(help=f"{', '.join(SCANS)} or {HISTOLOGY}.")] = "t2w",
    stain: Annotated[str | None, typer.Option(help=f"Of histology: {', '.join(STAINS)}; by default he.")] = None,
    arm: Annotated[
        str, typer.Option(help="with_cells, without_cells (the same procedure) or native_course.")
    ] = "with_cells",
    out: Annotated[
        Path | None,
        typer.Option(help="A .png, or a .nii.gz with labels and a JSON sidecar; by default both, in RUN/images."),
    ] = None,
    slices: Annotated[int, typer.Option(help="Sagittal slices of the scan, an odd number.")] = 1,
    neighbour_grade: Annotated[int, typer.Option(help="Pfirrmann grade drawn for the discs above and below.")] = 2,
    findings: Annotated[
        list[str] | None, typer.Option("--finding", metavar="NAME[=VALUE]", help=f"Drawn on the disc: {_FINDINGS}.")
    ] = None,
    mark_donor: Annotated[bool, typer.Option("--mark-donor", help="Show donor cells of a slide in green.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of noise, readers and the cells of a slide.")] = 0,
    as_json: Json = False,
) -> None:
    """Render a synthetic MR image, a map or a histology slide of a run; simulated, not a diagnosis."""
    if kind not in (*SCANS, HISTOLOGY):
        raise UsageError(f'there is no image "{kind}"', where="option --kind", allowed=", ".join((*SCANS, HISTOLOGY)))
    if stain is not None and (kind != HISTOLOGY or stain not in STAINS):
        raise UsageError(
            f'"{stain}" stains nothing here',
            where="option --stain",
            allowed=f"{', '.join(STAINS)}, with --kind {HISTOLOGY}",
        )
    check_ending(out, kind)
    from pulposus.readouts import ARMS, stored_moment

    if arm not in ARMS:
        raise UsageError(f'there is no arm "{arm}"', where="option --arm", allowed=", ".join(ARMS))
    moment = stored_moment(run, day_of(time), arm)
    base = run / "images" if out is None else out.parent
    name = f"{stain or 'he'}-slide" if kind == HISTOLOGY else kind
    stem = f"{name}-{moment_name(moment.time)}-{arm}" if out is None else _stem(out)
    if kind == HISTOLOGY:
        document = slide_document(moment, base / f"{stem}.png", stain or "he", seed, mark_donor=mark_donor)
    else:
        wanted = (_PICTURE, ".nii.gz") if out is None else (_ending(out),)
        document = scan_document(
            moment, base, stem, wanted, kind, slices, neighbour_grade, found_findings(findings or []), seed
        )
    if abs(moment.time - moment.asked) > 1e-6 * max(moment.asked, 1.0):
        print_note(f"nearest stored time: day {moment.time:g} (asked: day {moment.asked:g})")
    print_note("Simulated image. Research use only, not medical advice.")
    if as_json:
        print_json(document)
    else:
        print_text(*(aligned(_lines(document))), *document["files"])


def day_of(text: str) -> float:
    """Days of a time such as "12mo" or "6 week".

    Raises:
        UsageError: Nothing was given.
        InvalidInput: It is no time, or one before the treatment.
    """
    from pulposus.exports._stored import parse_moment

    if not text:
        raise UsageError("at which time?", where="option --time", allowed='a time such as "12mo" or "6 week"')
    days = parse_moment(text, "option --time")
    if days < 0.0:
        raise InvalidInput(f'"{text}" is before the treatment', where="option --time", allowed="a time of at least 0")
    return days


def moment_name(day: float) -> str:
    """A time in the name of a file: whole months where they fit, else days."""
    months = day / 30.4375
    return f"{round(months)}mo" if day > 0.0 and abs(months - round(months)) < 1e-6 else f"{day:g}d"


def found_findings(texts: list[str]) -> Findings:
    """The findings of the command line.

    Raises:
        InvalidInput: One is unknown or has a value that it cannot take.
    """
    from pulposus.readouts import Findings
    from pulposus.units import parse_quantity

    where, values = "option --finding", {}
    for text in texts:
        name, separator, value = text.partition("=")
        name, value = name.strip(), value.strip().strip("'\"")
        if name in _FLAGS and not separator:
            values[_FLAGS[name]] = True
        elif name == "modic" and value in ("1", "2", "3"):
            values[name] = int(value)
        elif name in _LENGTHS and separator:
            values[name] = parse_quantity(value, "mm", where)
        else:
            raise InvalidInput(f'"{text}" is no finding', where=where, allowed=_FINDINGS)
    return Findings(**values)


def check_ending(out: Path | None, kind: str) -> None:
    """Refuse a file that the image cannot be written to.

    Raises:
        UsageError: Another ending, or a slide as a volume.
    """
    if out is None or _ending(out) == _PICTURE or (kind != HISTOLOGY and _ending(out) in _VOLUMES):
        return
    allowed = _PICTURE if kind == HISTOLOGY else ", ".join((_PICTURE, *_VOLUMES))
    raise UsageError(f"{out.name} is not a picture", where="option --out", allowed=f"a file that ends with {allowed}")


def _ending(path: Path) -> str:
    return ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()


def _stem(path: Path) -> str:
    return path.name[: -len(_ending(path))]


def scan_document(
    moment: StoredMoment,
    folder: Path,
    stem: str,
    endings: tuple[str, ...],
    kind: Any,
    slices: int,
    neighbour_grade: int,
    findings: Findings,
    seed: int,
) -> dict[str, Any]:
    """Render a scan or a map, write its files, and say what they show."""
    from pulposus.readouts import Scan, fluid_signal, read_disc, render, scan_figure, scene_of, truth_of, volume_files
    from pulposus.readouts._image_files import sidecar_text
    from pulposus.readouts._picture import NAMES, png
    from pulposus.report._atomic import write_bytes

    scene = scene_of(moment.disc, moment.parameters, neighbour_grade=neighbour_grade, findings=findings)
    scan = Scan.from_parameters(moment.parameters, scene.spine.sizes.scale, slices=slices, seed=seed)
    reading = read_disc(scene, scan, moment.parameters)
    volume = render(scene, scan, kind)
    truth = _described(moment) | truth_of(scene, volume, reading)
    contents: dict[str, bytes] = {}
    if _PICTURE in endings:
        ground = volume if kind == "t2w" else render(scene, scan, "t2w")
        title = f"{NAMES[kind]}, simulated: {moment.title}, day {moment.time:g}, {moment.arm.replace('_', ' ')}"
        overlay = None if kind == "t2w" else volume
        contents[f"{stem}{_PICTURE}"] = png(scan_figure(ground, fluid_signal(scene, scan), title, overlay))
        contents[f"{stem}.json"] = sidecar_text(truth).encode("utf-8")
    for ending in endings:
        if ending in _VOLUMES:
            contents |= volume_files(f"{stem}{ending}", volume, truth)
    files = [write_bytes(folder / name, content) for name, content in contents.items()]
    return truth | {"files": [str(file) for file in files]}


def slide_document(moment: StoredMoment, path: Path, stain: str, seed: int, *, mark_donor: bool) -> dict[str, Any]:
    """Render a slide, write it with its sidecar, and say what it shows."""
    from pulposus.readouts import Stain, score_slide, slide_figure
    from pulposus.readouts._image_files import sidecar_text
    from pulposus.readouts._picture import png
    from pulposus.report._atomic import write_bytes, write_text

    title = f"{moment.title}, day {moment.time:g}, {moment.arm.replace('_', ' ')}"
    figure, slide = slide_figure(moment.disc, moment.parameters, Stain(stain), seed, title, mark_donor=mark_donor)
    write_bytes(path, png(figure))
    document = _described(moment) | slide | {"score": score_slide(moment.disc, moment.parameters, seed).as_dict()}
    sidecar = write_text(path.with_suffix(".json"), sidecar_text(document))
    return document | {"files": [str(path), str(sidecar)]}


def _described(moment: StoredMoment) -> dict[str, Any]:
    return {
        "run": moment.title,
        "arm": moment.arm,
        "time_day": moment.time,
        "asked_time_day": moment.asked,
    }


def _lines(document: dict[str, Any]) -> list[tuple[str, str]]:
    """What people want to know first."""
    lines = [("time [day]", f"{document['time_day']:g}"), ("arm", document["arm"])]
    if "reading" in document:
        read = document["reading"]
        lines += [
            ("T2 of the nucleus [ms]", f"{read['nucleus_T2_ms']:.1f}"),
            ("signal over fluid", f"{read['signal_over_fluid']:.3f}"),
            ("Pfirrmann (rule, continuous)", f"{read['pfirrmann_grade']}, {read['pfirrmann_latent']:.2f}"),
            ("three readers", ", ".join(str(one) for one in read["readers"])),
            ("disc height index", f"{read['disc_height_index']:.3f} ({read['height_class']})"),
        ]
    if "score" in document:
        score = document["score"]
        lines += [(item["item"], f"{item['score']} ({item['value']:.3g})") for item in score["items"]]
        lines.append(("sum 0 to 16, a reader", f"{score['total']}, {score['reader_total']:.1f}"))
    return lines
