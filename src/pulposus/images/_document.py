"""The disc.yaml of an imported disc: coefficients, place in the patient, residuals and provenance."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pulposus
from pulposus.disc._map import DiscMap
from pulposus.images._frame import Frame

if TYPE_CHECKING:
    from pulposus.images._imported import ImportedDisc

_HEAD = """# A disc that pulposus fitted to a segmentation: research use only, not medical advice.
# Sizes are those of the disc on the image: a grade changes its tissue, never its height.
"""
_SCALARS = ("half_width", "half_depth", "origin", "nucleus_shift", "endplate_centre", "endplate_rise")
_PLAIN = (
    "width_first",
    "width_second",
    "width_third",
    "depth_first",
    "depth_second",
    "depth_third",
    "squeeze",
    "nucleus_radius",
    "endplate_radius",
    "endplate_share",
)


def _millimetres(value: float) -> str:
    return f"{float(value):.6g} mm"


def _number(value: float) -> float:
    return float(f"{float(value):.7g}")


def coefficients_of(form: DiscMap) -> dict[str, Any]:
    """The `shape.coefficients` of a document."""
    return {
        **{name: _millimetres(getattr(form, name)) for name in _SCALARS},
        **{name: _number(getattr(form, name)) for name in _PLAIN},
        "endplate_power": form.endplate_power,
        **{
            name: [[_number(value) for value in pair] for pair in getattr(form, name)]
            for name in ("width_harmonics", "depth_harmonics")
        },
        **{name: [_millimetres(value) for value in getattr(form, name)] for name in ("superior", "inferior")},
    }


def frame_of(frame: Frame) -> dict[str, Any]:
    """The `shape.frame` of a document."""
    return {
        "origin": [_millimetres(value) for value in frame.origin],
        "axes": [[float(f"{value:.9f}") for value in axis] for axis in frame.axes],
    }


def document_of(disc: ImportedDisc) -> dict[str, Any]:
    """The disc document as plain data."""
    found, fit = disc.measurements, disc.fit
    return {
        "schema_version": 1,
        "name": disc.name,
        "note": disc.note,
        "grade": disc.grade,
        "shape": {
            "kind": "anatomical",
            "species": disc.species,
            "level": disc.level,
            "coefficients": coefficients_of(fit.form),
            "frame": frame_of(disc.frame),
        },
        "provenance": {
            "source": disc.source,
            "sha256": disc.digest,
            "software": f"pulposus {pulposus.__version__}",
            "scheme": disc.scheme,
            "label": disc.label,
            "spacing": [_millimetres(length) for length in disc.spacing],
            "orientation": disc.orientation,
            "header": disc.header,
            "nucleus": fit.nucleus.origin,
            "frame": disc.frame_source,
            "fit": {
                "status": disc.status,
                "reasons": [refusal.code for refusal in disc.refusals],
                "dice": round(found.dice, 5),
                "volume": f"{found.volume:.6g} mm^3",
                "mask_volume": f"{disc.mask_volume:.6g} mm^3",
                "mean_surface_distance": f"{found.mean_surface_distance:.4g} mm",
                "outline_residual": f"{fit.outline_residual:.4g} mm",
                "superior_residual": f"{fit.superior_residual:.4g} mm",
                "inferior_residual": f"{fit.inferior_residual:.4g} mm",
            },
            "notes": list(disc.notes),
        },
    }


def yaml_of(disc: ImportedDisc) -> str:
    """The disc document as YAML text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedSeq

    def flowing(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: flowing(value) for key, value in node.items()}
        if isinstance(node, list):
            sequence = CommentedSeq([flowing(item) for item in node])
            if not any(isinstance(item, str) and len(item) > 20 for item in node):
                sequence.fa.set_flow_style()
            return sequence
        return node

    writer = YAML()
    writer.width = 140
    stream = io.StringIO()
    writer.dump(flowing(document_of(disc)), stream)
    return _HEAD + stream.getvalue()
