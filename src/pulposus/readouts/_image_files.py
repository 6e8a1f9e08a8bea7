"""A rendered scan as files: NIfTI in the patient's space with its labels, and a JSON sidecar with the truth behind it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.errors import MissingPart
from pulposus.readouts._tissues import CANAL_LABEL, CORD_LABEL, DISC_LABELS, VERTEBRA_LABELS

if TYPE_CHECKING:
    from pulposus.readouts._reading import Reading
    from pulposus.readouts._render import Volume
    from pulposus.readouts._tissues import Scene

_MILLIMETRES, _SCANNER_SPACE = "mm", 1
NOTICE = "Simulated image. Research use only, not medical advice."


def nifti(values: np.ndarray, affine: np.ndarray, description: str) -> bytes:
    """A NIfTI-1 file in scanner space (RAS+), uncompressed; qform and sform agree.

    Raises:
        MissingPart: nibabel is not installed.
    """
    try:
        import nibabel
    except ImportError as error:
        raise MissingPart(
            "NIfTI files need nibabel", where="nibabel", remedy="install it with: pip install 'pulposus[images]'"
        ) from error
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units(_MILLIMETRES)
    image.set_sform(affine, code=_SCANNER_SPACE)
    image.set_qform(affine, code=_SCANNER_SPACE)
    image.header["descrip"] = description.encode("ascii")[:79]
    return image.to_bytes()


def truth_of(scene: Scene, volume: Volume, reading: Reading) -> dict[str, Any]:
    """Everything behind a rendered volume as plain data: ground truth, scan, seed, labels, findings."""
    spine = scene.spine
    disc = spine.treated.disc
    inside = volume.disc_share > 0.999
    values = volume.truth[inside]
    spread = {"measured_spread_about_the_law_ms": float(scene.laws.t1rho_residual)} if volume.kind == "t1rho" else {}
    return spread | {
        "simulated": True,
        "research_use_only": NOTICE,
        "kind": volume.kind,
        "unit": volume.unit,
        "scan": volume.scan.as_dict(),
        "affine": volume.affine.tolist(),
        "space": "RAS+ millimetres; origin at the centre of the treated disc",
        "disc": {"name": disc.name, "level": spine.treated.level, "grade_at_start": disc.grade},
        "discs": [
            {
                "level": posed.level,
                "name": posed.disc.name,
                "treated": posed.treated,
                "centre_mm": posed.origin.tolist(),
                "inclination_degree": float(np.degrees(posed.inclination)),
            }
            for posed in spine.discs
        ],
        "reading": reading.as_dict(),
        "truth": {
            "whole_voxels_of_the_disc": int(inside.sum()),
            "mean": float(values.mean()) if values.size else None,
            "lowest": float(values.min()) if values.size else None,
            "highest": float(values.max()) if values.size else None,
        },
        "findings": {level: vars(findings) for level, findings in scene.findings.items()},
        "labels": {
            "scheme": "TotalSpineSeg (commit ddab04b)",
            "cord": CORD_LABEL,
            "canal": CANAL_LABEL,
            **{f"disc {level}": number for level, number in DISC_LABELS.items()},
            **{(f"vertebra {name}" if name != "S1" else "sacrum"): number for name, number in VERTEBRA_LABELS.items()},
        },
        "remarks": list(spine.remarks),
        "prior": [
            "sizes of everything but the discs",
            "proton densities and the T1 law",
            "T1rho law",
            "cuts of the image-only grade and the error of readers",
        ],
    }


def sidecar_text(truth: dict[str, Any]) -> str:
    """The sidecar as JSON."""
    return json.dumps(truth, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def volume_files(name: str, volume: Volume, truth: dict[str, Any]) -> dict[str, bytes]:
    """The files of a volume by name: values, labels, sidecar.

    Args:
        name: Name of the values, ending with .nii or .nii.gz.
        volume: The volume.
        truth: Content of the sidecar.
    """
    ending = ".nii.gz" if name.endswith(".nii.gz") else ".nii"
    stem = name.removesuffix(ending)
    values = nifti(volume.values.astype(np.float32), volume.affine, f"pulposus simulated {volume.kind} [{volume.unit}]")
    labels = nifti(volume.labels, volume.affine, "pulposus simulated labels, TotalSpineSeg")
    if ending == ".nii.gz":
        # Without a time stamp, so that the same image is the same file.
        values, labels = gzip.compress(values, mtime=0), gzip.compress(labels, mtime=0)
    return {
        name: values,
        f"{stem}_labels{ending}": labels,
        f"{stem}.json": sidecar_text(truth).encode("utf-8"),
    }
