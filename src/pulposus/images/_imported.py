"""A disc that came from a segmentation mask or a mesh: the fit, what is measured on it, the verdict, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from pulposus.images._columns import Columns
from pulposus.images._fit import Fit
from pulposus.images._frame import Frame
from pulposus.images._gates import Refusal
from pulposus.images._quality import Measurements


@dataclass(frozen=True, eq=False)
class ImportedDisc:
    """A disc that was fitted to a mask or a mesh.

    Attributes:
        name: Name of the disc.
        species, level: Of the library.
        grade: Pfirrmann grade whose constants the disc takes.
        fit: The fitted map and its residuals.
        frame: Where the disc lies in the patient.
        frame_source: What the frame was made from.
        measurements: What is measured on the fitted disc.
        mask_volume: Volume of the mask [mm3].
        refusals: Gates that did not hold.
        source, digest, header: The file, its SHA-256, and where spacing and orientation come from.
        scheme, label: Label scheme and label of the disc in it.
        spacing: Edges of a voxel [mm].
        orientation: Directions of the array axes.
        notes: What a reader has to know.
        note: Free text of the user.
        columns: The mask as it was fitted, in its own frame (the fit's before its shift).
        seconds: Wall time of the import.
    """

    name: str
    species: str
    level: str
    grade: int
    fit: Fit
    frame: Frame
    frame_source: str
    measurements: Measurements
    mask_volume: float
    refusals: tuple[Refusal, ...]
    source: str
    digest: str
    header: str
    scheme: str
    label: str
    spacing: tuple[float, ...]
    orientation: str
    notes: tuple[str, ...]
    note: str
    columns: Columns
    seconds: float

    @property
    def status(self) -> str:
        """accepted or refused."""
        return "refused" if self.refusals else "accepted"

    def as_dict(self) -> dict[str, object]:
        """The result as JSON data; lengths in mm, volumes in mm3.

        `width_mm`, `depth_mm` and `height_mean_mm` are measured along the axes of the patient, as on a mask; those that begin with `own`
        in the frame of the disc, which follows its tilt.
        """
        found, fit = self.measurements, self.fit
        return {
            "status": self.status,
            "reasons": [refusal.code for refusal in self.refusals],
            "level": self.level,
            "volume_mm3": found.volume,
            "mask_volume_mm3": self.mask_volume,
            "dice": found.dice,
            "mean_surface_distance_mm": found.mean_surface_distance,
            "height_anterior_mm": found.height_anterior,
            "height_middle_mm": found.height_middle,
            "height_posterior_mm": found.height_posterior,
            "width_mm": found.width,
            "depth_mm": found.depth,
            "seconds": self.seconds,
            "explanations": [refusal.text for refusal in self.refusals],
            "notes": list(self.notes),
            "height_mean_mm": found.mean_height,
            "own_height_mean_mm": found.own_mean_height,
            "own_width_mm": found.own_width,
            "own_depth_mm": found.own_depth,
            "midline_depth_mm": found.midline_depth,
            "tilt_degree": self.frame.tilt,
            "outline_residual_mm": fit.outline_residual,
            "superior_residual_mm": fit.superior_residual,
            "inferior_residual_mm": fit.inferior_residual,
            "smallest_height_mm": found.smallest_height,
            "smallest_area_element": found.smallest_determinant,
            "nucleus": fit.nucleus.origin,
            "frame": self.frame_source,
            "scheme": self.scheme,
            "label": self.label,
            "source": self.source,
            "spacing_mm": list(self.spacing),
            "orientation": self.orientation,
        }

    def yaml(self) -> str:
        """The disc.yaml of the disc, refused or not."""
        from pulposus.images._document import yaml_of

        return yaml_of(self)
