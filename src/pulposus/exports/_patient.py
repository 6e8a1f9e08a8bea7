"""Where a disc lies in the patient it was imported from: the frame that its disc.yaml holds (mechanics_imaging 1.6)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.exports._nifti import ImageTarget
    from pulposus.exports._stored import StoredRun
    from pulposus.images import Frame

# A run stores its nodes in double precision; a thousandth of a millimetre tells one disc from another in any image.
_SAME_PLACE = 1e-3


def frame_in(path: Path) -> Frame | None:
    """The frame that a disc.yaml holds; None for a disc that did not come from an image.

    Raises:
        InvalidInput: The file cannot be read or is no disc.
    """
    from pulposus.disc import DiscDocument
    from pulposus.documents import read_document
    from pulposus.images import Frame

    held = getattr(read_document(path, DiscDocument).shape, "frame", None)
    if held is None:
        return None
    return Frame(origin=np.array(held.origin), axes=np.array(held.axes))


def frame_of_run(run: StoredRun, given: Path | None) -> Frame | None:
    """Where the disc of a run lies in a patient.

    Args:
        run: A run in three dimensions.
        given: The disc.yaml that the user names; the file that the run was started with where left out.

    Returns:
        The frame; None where no file is named and the run was started with a built-in disc, or with a file that is gone or was changed.

    Raises:
        InvalidInput: The named file cannot be read, is no disc, did not come from an image, or is another disc than that of the run.
    """
    if given is None:
        path = _started_with(run)
        return frame_in(path) if path is not None and _same_disc(run, path) else None
    frame = frame_in(given)
    if frame is None:
        raise InvalidInput(
            f"the disc of {given.name} did not come from an image: it has no place in a patient",
            where="option --patient",
            allowed="a disc.yaml that `pulposus disc import` wrote",
            remedy="leave --patient out: the images then lie in the disc's own frame",
        )
    if not _same_disc(run, given):
        raise InvalidInput(
            f"{given.name} is not the disc of the run: their meshes differ",
            where="option --patient",
            allowed="the disc.yaml that the run was made with",
            remedy="run the protocol with --disc and this file",
        )
    return frame


def _started_with(run: StoredRun) -> Path | None:
    """The disc.yaml that a run was started with: the copy in its directory, or the file itself where that is still there."""
    options = run.path / "options.json"
    name = json.loads(options.read_text(encoding="utf-8")).get("disc") if options.is_file() else None
    if not isinstance(name, str) or not name.endswith((".yaml", ".yml")):
        return None
    path = run.path / name  # an absolute name stays what it is
    return path if path.is_file() else None


def _same_disc(run: StoredRun, path: Path) -> bool:
    """Whether a file describes the mesh of a run."""
    from pulposus.disc import load_disc
    from pulposus.exports._mesh import mesh_of_disc

    points = mesh_of_disc(load_disc(path, str(run.data.attrs["resolution"]))).points
    return points.shape == run.mesh.points.shape and bool(np.abs(points - run.mesh.points).max() < _SAME_PLACE)


def with_place_of(target: ImageTarget, source: str) -> ImageTarget:
    """A target in the patient of a disc that is named by its file; unchanged for a built-in disc or one without a patient."""
    path = Path(source)
    return replace(target, frame=frame_in(path)) if path.is_file() else target
