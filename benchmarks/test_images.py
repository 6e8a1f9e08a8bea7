"""Real discs in, pictures out: seconds of one imported disc, of one rendered slice and of one histology slide."""

from __future__ import annotations

import numpy as np

from pulposus.disc import load_disc
from pulposus.exports import export_disc
from pulposus.exports._nifti import ImageTarget
from pulposus.images import Frame, import_disc
from pulposus.parameters import load_parameters
from pulposus.readouts import Scan, Stain, graded_view, render, scene_of, slide_figure

_DISC = "human/L4-L5/grade3"


def test_one_imported_disc(benchmark, table, tmp_path):
    """A mask of half a millimetre, made of the disc itself: reading, fit, gates."""
    frame = Frame(origin=np.zeros(3), axes=np.eye(3))
    path = tmp_path / "mask.nii.gz"
    export_disc(load_disc(_DISC), "nifti-mask", path, ImageTarget(frame=frame, voxel=0.5))
    import nibabel

    image = nibabel.load(path)
    whole = (np.asarray(image.dataobj) > 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(whole, image.affine), path)
    found = benchmark.pedantic(lambda: import_disc(path, "L4-L5", 1), rounds=3)
    assert found.status == "accepted"
    table.append(
        (f"one imported disc, {whole.sum():,} voxels of 0.5 mm", f"{benchmark.stats.stats.median:.2f} s (median of 3)")
    )


def test_one_rendered_slice(benchmark, table):
    """A T2-weighted slice at the resolution of the scan, the second time, so that nothing is compiled."""
    parameters = load_parameters()
    scene = scene_of(graded_view(load_disc(_DISC, parameters=parameters), parameters), parameters)
    scan = Scan.from_parameters(parameters)
    render(scene, scan)
    benchmark.pedantic(lambda: render(scene, scan), rounds=3)
    table.append(("one rendered T2-weighted slice", f"{benchmark.stats.stats.median:.2f} s (median of 3)"))


def test_one_slide(benchmark, table):
    """A slide in haematoxylin and eosin with its figure."""
    parameters = load_parameters()
    disc = graded_view(load_disc(_DISC, parameters=parameters), parameters)
    benchmark.pedantic(lambda: slide_figure(disc, parameters, Stain.HE, 0, "bench"), rounds=1, warmup_rounds=1)
    table.append(("one histology slide", f"{benchmark.stats.stats.min:.2f} s"))
