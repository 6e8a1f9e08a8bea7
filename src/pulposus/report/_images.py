"""What a scanner and a microscope would show: the disc before and after, as a T2-weighted image and as a histology slide.

The pictures are those of the readouts room; here they are put side by side. Both scans have the same noise, so a difference is one of the
disc. The readings stand in a table for every run, since a person cannot see small changes in a picture and must not be led to believe so.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.disc import Disc
from pulposus.report._fields import (
    LIVE_DONOR,
    MATRIX,
    POPULATIONS,
    carries,
    displacement,
    field_values,
    shape_fields,
    times,
)
from pulposus.report._figure import Figure, Table, canvas, csv_link, data_link, mark_simulated
from pulposus.report._runs import runs
from pulposus.report._wording import moment, number

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure as Canvas

    from pulposus.readouts import DiscView, Reading, Scan, Scene, SlideScore
    from pulposus.report._record import RunRecord

# The report has at most 5 MB: these two pictures take about 200 kB.
_DOTS_PER_INCH, _QUALITY = 150, 78
_SLIDE_PIXELS = 800
_CELLS = ("native", "senescent", *LIVE_DONOR, "dead")


def image_section(record: RunRecord) -> list[Figure]:
    """Before and after of a run in three dimensions with a matrix; none of any other run."""
    # A record that was made by hand may carry a mesh without tissue properties; there is nothing to picture then.
    if not record.is_spatial or not isinstance(record.disc, Disc):
        return []
    if not all(carries(record.trajectory, info.key) for info in (*MATRIX, *POPULATIONS)):
        return []
    from pulposus.parameters import load_parameters
    from pulposus.readouts import Scan, read_disc, scene_of, score_slide

    parameters = load_parameters()
    last = record.trajectory.sizes["time"] - 1
    moments = times(record.trajectory)
    first_name, last_name = moment(float(moments[0])), moment(float(moments[-1]))
    shown = [(first_name, _view(record.disc, record.trajectory, 0))]
    shown += [(f"{last_name}, {run.label}", _view(record.disc, run.data, last)) for run in runs(record)]
    scenes = [scene_of(view, parameters) for _, view in shown]
    scan = Scan.from_parameters(parameters, scenes[0].spine.sizes.scale)
    names = [name for name, _ in shown]
    readings = [read_disc(scene, scan, parameters) for scene in scenes]
    scores = [score_slide(view, parameters) for _, view in shown]
    return [
        _scan_figure(record, scenes[:2], scan, names, readings),
        _slide_figure([view for _, view in shown[:2]], names, scores),
    ]


def _view(disc: Disc, data: xarray.Dataset, index: int) -> DiscView:
    from pulposus.parameters import load_parameters
    from pulposus.readouts import disc_view

    names = [info.key for info in MATRIX if info.key in data]
    fields = {name: field_values(data, name)[index] for name in (*names, *_CELLS)}
    return disc_view(disc, fields, load_parameters(), displacement(data, index))


def _small_link(drawn: Canvas) -> str:
    """The drawing as a small WebP."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn.set_dpi(_DOTS_PER_INCH)
    agg = FigureCanvasAgg(drawn)
    agg.draw()
    target = io.BytesIO()
    Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3]).save(target, format="webp", quality=_QUALITY, method=6)
    return data_link("image/webp", target.getvalue())


def _scan_figure(
    record: RunRecord, scenes: list[Scene], scan: Scan, names: list[str], readings: list[Reading]
) -> Figure:
    """The two scans, and the readings of all runs."""
    from pulposus.readouts import fluid_signal, render_pair
    from pulposus.readouts._picture import draw_scan

    before, after = render_pair(*scenes, scan)
    fluid = fluid_signal(scenes[0], scan)
    rows, columns = before.values.shape[2], before.values.shape[1]
    with canvas(9.6, 4.75 * rows / columns + 0.6) as drawn:
        for axes, volume, name in zip(drawn.subplots(1, 2), (before, after), names[:2], strict=True):
            draw_scan(axes, volume, fluid)
            axes.set_title(name)
        mark_simulated(drawn)
        image = _small_link(drawn)
    rows_of_table = [
        ("T2 of the central nucleus", "ms", *(number(one.nucleus_T2_ms, 4) for one in readings)),
        ("signal of the nucleus over that of spinal fluid", "-", *(number(one.signal_over_fluid) for one in readings)),
        ("Pfirrmann grade by the rule", "-", *(str(one.pfirrmann_grade) for one in readings)),
        ("continuous grade", "-", *(number(one.pfirrmann_latent) for one in readings)),
        ("modified Pfirrmann grade", "-", *(str(one.modified_pfirrmann) for one in readings)),
        ("disc height index", "-", *(number(one.disc_height_index) for one in readings)),
    ]
    error = readings[0].reader_deviation
    level = scenes[0].spine.treated.level
    human = record.disc.description.species in ("human", "")
    around = (
        f"; the discs above and below {level} are drawn at grade II"
        if human
        else "; neighbours are the same disc at grade II, surroundings are scaled from man"
    )
    return Figure(
        key="images-mri",
        image=image,
        alt=(
            f"Two synthetic sagittal T2-weighted images of the lumbar spine, {names[0]} and {names[1]}: T2 of the nucleus "
            f"{number(readings[0].nucleus_T2_ms)} and {number(readings[1].nucleus_T2_ms)} ms."
        ),
        caption=(
            f"Simulated T2-weighted images: {names[0]}, right after the procedure, beside {names[1]}; one disc (n = 1). "
            f"TE {scan.echo_time:g} ms, TR {scan.repetition_time:g} ms, voxel {scan.voxel:.2g} x {scan.voxel:.2g} x "
            f"{scan.thickness:.2g} mm, the same noise in both. Only the treated disc ({level}, in the middle) carries the run"
            f"{around}; bone, canal and muscle are a schematic. {_shape_words(record)}"
            f"A reader errs by {error:g} grade (SD, prior), so changes below "
            "that cannot be told from one image."
        ),
        table=Table(("reading", "unit", *names), tuple(rows_of_table), "Read off the simulated disc, without noise"),
        data=csv_link(
            ("moment", "T2_ms", "signal_over_fluid", "pfirrmann", "latent_grade", "disc_height_index"),
            [
                (
                    name,
                    one.nucleus_T2_ms,
                    one.signal_over_fluid,
                    one.pfirrmann_grade,
                    one.pfirrmann_latent,
                    one.disc_height_index,
                )
                for name, one in zip(names, readings, strict=True)
            ],
        ),
    )


def _shape_words(record: RunRecord) -> str:
    """Which shape is pictured."""
    if not shape_fields(record.trajectory):
        return "No mechanics was computed, so the height stays that of the image. "
    return "Heights are those of the disc lying at rest at that time; its bulge is drawn as at the start. "


def _slide_figure(views: list[DiscView], names: list[str], scores: list[SlideScore]) -> Figure:
    """The two slides, whole and magnified, and the scores of all runs."""
    from pulposus.parameters import load_parameters
    from pulposus.readouts import Stain
    from pulposus.readouts._slide_figure import field_windows, overview_window, show, slide

    parameters = load_parameters()
    stain = Stain.SAFRANIN_O
    whole = [overview_window(view, parameters, _SLIDE_PIXELS) for view in views]
    rows, columns = whole[0].shape
    height = 4.75 * rows / columns
    with canvas(9.6, height + 2.55) as drawn:
        grid = drawn.add_gridspec(2, 4, height_ratios=[height, 1.85])
        for place, (view, window, name) in enumerate(zip(views, whole, names[:2], strict=True)):
            axes = drawn.add_subplot(grid[0, 2 * place : 2 * place + 2])
            show(axes, slide(view, parameters, window, stain, 0, mark_donor=True), window)
            axes.set_title(name)
            for part, (label, field) in enumerate(field_windows(view, parameters)[:2]):
                axes = drawn.add_subplot(grid[1, 2 * place + part])
                show(axes, slide(view, parameters, field, stain, 1 + part, mark_donor=True), field)
                axes.set_title(label, fontsize=8, fontweight="normal")
        mark_simulated(drawn)
        image = _small_link(drawn)
    items: list[tuple[Any, ...]] = [
        (item.item, *(f"{score.items[place].score} ({number(score.items[place].value)})" for score in scores))
        for place, item in enumerate(scores[0].items)
    ]
    error = scores[0].reader_deviation
    table = (
        *items,
        ("sum, 0 healthy to 16", *(str(score.total) for score in scores)),
        ("Masuda, 4 to 12", *(str(score.masuda) for score in scores)),
        ("Thompson, nearest grade", *(str(score.thompson) for score in scores)),
    )
    return Figure(
        key="images-histology",
        image=image,
        alt=(
            f"Two synthetic safranin-O sections of the disc, {names[0]} and {names[1]}, with magnified fields of the nucleus and "
            f"its border; score {scores[0].total} and {scores[1].total} of 16."
        ),
        caption=(
            "Simulated histology, safranin-O (red: glycosaminoglycan) and fast green (collagen), mid-sagittal, front to the left: "
            f"{names[0]} beside {names[1]}; one disc (n = 1). Below: nucleus, and border of nucleus and annulus; live donor cells "
            f"green. Colours, textures and limits of the score are judgement (prior); a reader errs by {error:g} points (SD). In "
            "brackets: the field value behind the points."
        ),
        table=Table(("item", *names), tuple(table), "Histology score from the fields: points (value)"),
        data=csv_link(
            ("moment", *scores[0].fields, "score", "masuda", "thompson"),
            [
                (name, *score.fields.values(), score.total, score.masuda, score.thompson)
                for name, score in zip(names, scores, strict=True)
            ],
        ),
    )
