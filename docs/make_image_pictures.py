"""Make the pictures of images and slides: the fit of a mask, the five grades, and a run before and after.

Run from the root of the repository (a run of a year takes about two minutes, the pictures one):

    python docs/make_image_pictures.py [RUN]

RUN is a finished run directory; without it, orozco-2011 is run for twelve months into a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import nibabel
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from pulposus.disc import load_disc
from pulposus.exports import export_disc
from pulposus.exports._nifti import ImageTarget
from pulposus.images import Frame, import_disc
from pulposus.images._picture import save_fit_picture
from pulposus.parameters import load_parameters
from pulposus.readouts import (
    DiscView,
    Scan,
    Stain,
    fluid_signal,
    graded_view,
    read_disc,
    render,
    scene_of,
    score_slide,
    stored_moment,
)
from pulposus.readouts._picture import draw_scan
from pulposus.readouts._slide_figure import field_windows, overview_window, show, slide

FOLDER = Path(__file__).parent / "pictures"
NUMERALS = ("I", "II", "III", "IV", "V")
PIXEL, PIXELS_PER_SLICE = 0.43, 10  # slices of 4.3 mm, as of a clinical scan


def scans(views: list[DiscView], titles: list[str], file: str, note: str, width: float) -> None:
    """T2-weighted scans side by side, with what is read off them."""
    parameters = load_parameters()
    figure, panels = plt.subplots(
        1, len(views), figsize=(width, width / len(views) * 0.93 + 0.75), layout="constrained"
    )
    for axes, view, title in zip(panels, views, titles, strict=True):
        scene = scene_of(view, parameters)
        scan = Scan.from_parameters(parameters)
        reading = read_disc(scene, scan, parameters)
        draw_scan(axes, render(scene, scan), fluid_signal(scene, scan))
        axes.set_title(
            f"{title}\nT2 {reading.nucleus_T2_ms:.1f} ms, Pfirrmann {reading.pfirrmann_grade} ({reading.pfirrmann_latent:.2f})",
            fontsize=8.5,
            loc="left",
        )
    figure.suptitle(note, fontsize=8, x=0.01, ha="left")
    figure.savefig(FOLDER / file, dpi=110)
    plt.close(figure)


def slides(views: list[DiscView], titles: list[str], file: str, note: str, stain: Stain) -> None:
    """Slides side by side: the whole section and two fields, with the score."""
    parameters = load_parameters()
    figure = plt.figure(figsize=(5.4 * len(views), 4.3), layout="constrained")
    grid = figure.add_gridspec(2, 2 * len(views), height_ratios=[1.0, 0.85])
    for place, (view, title) in enumerate(zip(views, titles, strict=True)):
        window = overview_window(view, parameters, 900)
        axes = figure.add_subplot(grid[0, 2 * place : 2 * place + 2])
        show(axes, slide(view, parameters, window, stain, 0, mark_donor=True), window)
        score = score_slide(view, parameters)
        axes.set_title(f"{title}: score {score.total} of 16, Thompson {score.thompson}", fontsize=9, loc="left")
        for part, (name, field) in enumerate(field_windows(view, parameters)[:2]):
            axes = figure.add_subplot(grid[1, 2 * place + part])
            show(axes, slide(view, parameters, field, stain, 1 + part, mark_donor=True), field)
            axes.set_title(name, fontsize=8, loc="left")
    figure.suptitle(note, fontsize=8, x=0.01, ha="left")
    figure.savefig(FOLDER / file, dpi=110)
    plt.close(figure)


def import_picture() -> None:
    """A library disc, seen in thick sagittal slices and fitted again."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "mask.nii.gz"
        frame = Frame(origin=np.zeros(3), axes=np.eye(3))
        export_disc(load_disc("human/L2-L3/grade1"), "nifti-mask", path, ImageTarget(frame=frame, voxel=PIXEL))
        image = nibabel.load(path)
        first = PIXELS_PER_SLICE // 2
        slices = (np.asarray(image.dataobj)[first::PIXELS_PER_SLICE] > 0).astype(np.uint8)
        affine = image.affine.copy()
        affine[:3, 3] += first * affine[:3, 0]
        affine[:3, 0] *= PIXELS_PER_SLICE
        nibabel.save(nibabel.Nifti1Image(slices, affine), path)
        disc = import_disc(path, "L2-L3", 1, name="synthetic mask, slices of 4.3 mm, L2-L3")
    save_fit_picture(disc, FOLDER / "import_fit.png")


def grade_pictures() -> None:
    """The five grades of the grade table."""
    parameters = load_parameters()
    views = [
        graded_view(load_disc(f"human/L4-L5/grade{number}", "coarse", parameters), parameters) for number in range(1, 6)
    ]
    titles = [f"grade {one}" for one in NUMERALS]
    note = (
        "Simulated T2-weighted images of the human L4-L5 disc with the composition of each Pfirrmann grade. "
        "The discs beside it are grade II; bone, canal and muscle are a schematic."
    )
    scans(views, titles, "grades-mri.png", note, 16.0)
    slides(
        [views[0], views[4]],
        ["grade I", "grade V"],
        "grades-histology.png",
        "Simulated safranin-O sections of the human L4-L5 disc, composition of the grade table. Look and score limits are priors.",
        Stain.SAFRANIN_O,
    )


def run_pictures(folder: Path) -> None:
    """A run before and after, with cells."""
    first = stored_moment(folder, 0.0)
    last = stored_moment(folder, 365.25)
    views, titles = [first.disc, last.disc], ["day 0, after the injection", "12 months, with cells"]
    note = f"Simulated: {first.title.removeprefix('pulposus run ')}. The same noise in both; what differs is the disc in the middle."
    scans(views, titles, "before-after-mri.png", note, 9.6)
    slides(
        views,
        titles,
        "before-after-histology.png",
        "Simulated safranin-O sections, donor cells green. Look and score limits are priors.",
        Stain.SAFRANIN_O,
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    import_picture()
    grade_pictures()
    if len(sys.argv) > 1:
        run_pictures(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            run = Path(temporary) / "run"
            words = ["run", "orozco-2011", "--until", "12 month", "--ensemble", "0", "--out", str(run)]
            subprocess.run(["pulposus", *words], check=True)
            run_pictures(run)
