"""The mid-sagittal section of a disc as even pixels: tissue, fields, and the coordinates that a histologist follows.

The section runs from front (left) to back (right), head up. Columns of the mesh are vertical, so a column of pixels lies at one place of
the cross-section, and only the heights are searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from pulposus.readouts._disc_view import CELLS, COMPOSITION, OUTSIDE, DiscView


@dataclass(frozen=True)
class Window:
    """A rectangle of the mid-sagittal plane in the frame of the disc.

    Attributes:
        front, back: Coordinates y of its left and right edge [mm]; the left one is larger.
        low, high: Coordinates z of its lower and upper edge [mm].
        pixel: Size of a pixel [mm].
    """

    front: float
    back: float
    low: float
    high: float
    pixel: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (
            max(round((self.high - self.low) / self.pixel), 1),
            max(round((self.front - self.back) / self.pixel), 1),
        )

    @property
    def y(self) -> Float[np.ndarray, "columns"]:
        """Coordinates of the columns of pixels [mm]."""
        return self.front - self.pixel * (np.arange(self.shape[1]) + 0.5)

    @property
    def z(self) -> Float[np.ndarray, "rows"]:
        """Coordinates of the rows of pixels, from above [mm]."""
        return self.high - self.pixel * (np.arange(self.shape[0]) + 0.5)


@dataclass(frozen=True, eq=False)
class Section:
    """Pixels of a window.

    Attributes:
        window: Where they lie.
        tissue: 0 nucleus, 1 annulus, 2 cartilage endplate, -1 void, -2 outside the disc, (rows, columns).
        depth: Depth in the annulus, 0 at the nucleus and 1 at the rim, clipped, (rows, columns).
        height: Height over that of the column, 0 at the inferior face; below 0 and above 1 in bone, (rows, columns).
        gap: Distance from the nearer face into bone [mm], negative inside the disc, (rows, columns).
        anterior: 1 in front of the nucleus' middle, -1 behind it, (columns,).
        fields: Fields by name, zero outside the disc, (rows, columns).
    """

    window: Window
    tissue: Int[np.ndarray, "rows columns"]
    depth: Float[np.ndarray, "rows columns"]
    height: Float[np.ndarray, "rows columns"]
    gap: Float[np.ndarray, "rows columns"]
    anterior: Float[np.ndarray, "columns"]
    fields: dict[str, Float[np.ndarray, "rows columns"]]

    @property
    def glycosaminoglycan(self) -> Float[np.ndarray, "rows columns"]:
        """Aggrecan and fragments [mg/mL]."""
        return self.fields["aggrecan"] + self.fields["fragments"]

    @property
    def collagen(self) -> Float[np.ndarray, "rows columns"]:
        """Collagen I and half of collagen II, what eosin stains [mg/mL]."""
        return self.fields["collagen_I"] + 0.5 * self.fields["collagen_II"]


def cut_section(disc: DiscView, window: Window) -> Section:
    """The pixels of a window of the mid-sagittal plane.

    Args:
        disc: The disc.
        window: Where to look.
    """
    y, z = window.y, window.z
    # A hair beside the plane of symmetry, which runs along faces of the mesh.
    columns = disc.locate(np.full_like(y, 1e-6 * np.ptp(disc.rim[:, 0])), y)
    levels = columns.of_columns(disc.coordinates[..., 2])
    layer = np.clip((levels[None] <= z[:, None, None]).sum(axis=2) - 1, 0, levels.shape[1] - 2)
    column = np.arange(len(y))[None, :]
    low, high = levels[column, layer], levels[column, layer + 1]
    share = np.clip((z[:, None] - low) / (high - low), 0.0, 1.0)
    bottom, top = levels[:, 0], levels[:, -1]
    within = columns.inside[None] & (z[:, None] >= bottom) & (z[:, None] <= top)
    tissue = np.where(within, disc.tissue[np.maximum(columns.quad, 0)[None], layer], OUTSIDE)

    def values(name: str) -> np.ndarray:
        at_levels = columns.of_columns(disc.fields[name])
        mixed = (1.0 - share) * at_levels[column, layer] + share * at_levels[column, layer + 1]
        return np.where(within, mixed, 0.0)

    rho = np.hypot(*columns.of_columns(disc.reference).T)
    depth = np.clip((rho - disc.nucleus_radius) / (1.0 - disc.nucleus_radius), 0.0, 1.0)
    # Bone beside the disc: outside its outline there is none.
    away = np.maximum(bottom - z[:, None], z[:, None] - top)
    middle = float(disc.section[disc.topology.centre[0], 1])
    return Section(
        window=window,
        tissue=tissue,
        depth=np.broadcast_to(depth, tissue.shape),
        height=(z[:, None] - bottom) / (top - bottom),
        gap=np.where(columns.inside[None], away, np.inf),
        anterior=np.where(y > middle, 1.0, -1.0),
        fields={name: values(name) for name in (*COMPOSITION, *CELLS)},
    )


def whole_window(disc: DiscView, pixels: int, margin: float) -> Window:
    """The whole section with some bone above and below.

    Args:
        disc: The disc.
        pixels: Pixels from front to back.
        margin: Bone above and below the faces on the midline [mm].
    """
    on_midline = np.abs(disc.reference[:, 0]) < 1e-9
    nodes = disc.coordinates[on_midline]
    low, high = nodes[..., 2].min() - margin, nodes[..., 2].max() + margin
    back, front = nodes[..., 1].min(), nodes[..., 1].max()
    side = 0.02 * (front - back)
    return Window(front + side, back - side, low, high, (front - back + 2.0 * side) / pixels)


def magnified_window(disc: DiscView, depth: float, height: float, width: float, pixels: int) -> Window:
    """A magnified field on the midline.

    Args:
        disc: The disc.
        depth: Middle of the field: -1 is the middle of the nucleus, 0 its front border, 1 the front of the annulus.
        height: Middle of the field over the height of the disc.
        width: Width of the field [mm]; it is three quarters as high.
        pixels: Pixels across.
    """
    centre = float(disc.section[disc.topology.centre[0], 1])
    line = (np.abs(disc.reference[:, 0]) < 1e-9) & (disc.reference[:, 1] >= 0.0)
    order = np.argsort(disc.reference[line, 1])
    rho, place = disc.reference[line, 1][order], disc.section[line, 1][order]
    border, rim = float(np.interp(disc.nucleus_radius, rho, place)), float(place[-1])
    y = centre + (1.0 + depth) * (border - centre) if depth < 0.0 else border + depth * (rim - border)
    column = disc.locate(np.zeros(1), np.array([min(y, rim - 1e-6)]))
    bottom, top = column.of_columns(disc.coordinates[:, [0, -1], 2])[0]
    z = float(bottom + height * (top - bottom))
    return Window(y + 0.5 * width, y - 0.5 * width, z - 0.375 * width, z + 0.375 * width, width / pixels)
