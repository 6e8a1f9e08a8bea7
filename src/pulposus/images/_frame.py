r"""The frame of a disc in a patient: x right, y anterior, z cranial (mechanics_imaging 1.6, step 3; rulings 28).

z is the axis along which the disc varies least, the eigenvector of the smallest eigenvalue of the covariance of its volume. Where the
neighbouring vertebrae are known it is the normal of the mean of the two interface planes instead. y is the direction from the canal, or the
patient's anterior direction where there is none, made orthogonal to z; x = y x z.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from pulposus.images._distance import Solid

CRANIAL = np.array([0.0, 0.0, 1.0])
ANTERIOR = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Frame:
    """A right-handed frame in patient coordinates (right, anterior, superior).

    Attributes:
        origin: Patient coordinates of the frame's origin [mm], (3,).
        axes: Rows are the unit vectors x, y, z in patient coordinates, (3, 3).
    """

    origin: Float[NDArray, "3"]
    axes: Float[NDArray, "3 3"]

    def to_disc(self, points: Float[NDArray, "points 3"]) -> Float[NDArray, "points 3"]:
        """Patient coordinates to the coordinates of the disc [mm]."""
        return (points - self.origin) @ self.axes.T

    def to_patient(self, points: Float[NDArray, "points 3"]) -> Float[NDArray, "points 3"]:
        """Coordinates of the disc to patient coordinates [mm]."""
        return points @ self.axes + self.origin

    def moved(self, shift: Float[NDArray, "3"]) -> Frame:
        """The same axes with the origin at a point of the disc's coordinates."""
        return replace(self, origin=self.origin + shift @ self.axes)

    @property
    def tilt(self) -> float:
        """Angle between the disc's axis and the patient's cranial direction [degree]."""
        return float(np.degrees(np.arccos(np.clip(self.axes[2] @ CRANIAL, -1.0, 1.0))))


def held_points(solid: Solid) -> Float[NDArray, "points 3"]:
    """Patient coordinates of the grid points inside a solid."""
    return indexed_points(solid.distance > 0.0, solid.affine)


def indexed_points(held: Bool[NDArray, "i j k"], affine: Float[NDArray, "4 4"]) -> Float[NDArray, "points 3"]:
    """Patient coordinates of the marked voxels."""
    return np.argwhere(held) @ affine[:3, :3].T + affine[:3, 3]


def disc_frame(
    points: Float[NDArray, "points 3"],
    normal: Float[NDArray, "3"] | None = None,
    canal: Float[NDArray, "3"] | None = None,
) -> Frame:
    """The frame of the disc that fills some points.

    Args:
        points: Patient coordinates of points that fill the disc evenly [mm].
        normal: Normal of the mean of the interfaces with the vertebrae; the axis of least variance where left out.
        canal: Centroid of the canal beside the disc [mm]; the patient's anterior direction is used where left out.
    """
    centre = points.mean(axis=0)
    axis = np.linalg.eigh(np.cov(points.T))[1][:, 0] if normal is None else normal / np.linalg.norm(normal)
    axis = axis if axis @ CRANIAL >= 0.0 else -axis
    forward = ANTERIOR if canal is None else centre - canal
    forward = forward - (forward @ axis) * axis
    forward /= np.linalg.norm(forward)
    return Frame(origin=centre, axes=np.stack([np.cross(forward, axis), forward, axis]))
