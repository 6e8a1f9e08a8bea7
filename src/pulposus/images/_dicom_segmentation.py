"""DICOM segmentations (DICOM-SEG) through highdicom; segments are known by their label, not by their number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.errors import InvalidInput, MissingPart

_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_segmentation(path: Path) -> tuple[NDArray[np.int64], Float[NDArray, "4 4"], dict[int, str]]:
    """Labels, affine (right, anterior, superior) and the names of the segments.

    Raises:
        InvalidInput: The file is no DICOM segmentation, or its frames are no regular stack.
        MissingPart: highdicom is not installed.
    """
    try:
        import highdicom
    except ImportError as error:
        raise MissingPart(
            "DICOM segmentations need the package highdicom", remedy="pip install 'pulposus[dicom]'"
        ) from error
    try:
        segmentation: Any = highdicom.seg.segread(path)
        names = {
            int(number): str(segmentation.get_segment_description(number).segment_label)
            for number in segmentation.segment_numbers
        }
        volume: Any = segmentation.get_volume(combine_segments=True, skip_overlap_checks=False)
        voxels = np.asarray(volume.array).astype(np.int64)
        affine = _FLIP @ np.asarray(volume.affine, dtype=np.float64)
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)[:160]
        raise InvalidInput(
            f"the file cannot be read as a DICOM segmentation: {first}",
            where=str(path),
            allowed="one DICOM-SEG object whose segments do not overlap and whose frames are evenly spaced",
            remedy="export the segmentation as NIfTI",
        ) from error
    return voxels, affine, names
