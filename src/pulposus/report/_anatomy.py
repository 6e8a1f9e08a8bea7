"""The disc as parts that people know: nucleus, annulus, cartilage endplates as surfaces, and injected cells as dots.

Every dot stands for the same number of live donor cells at all times of a run, so that leak, death and growth are seen as fewer or more
dots. Elements give their dots by systematic sampling of the cell number along the elements: the n-th dot lies where the sum of cells passes
(n - 1/2) times the number per dot, so a picture holds the right number of dots everywhere, without chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from pulposus.report._geometry import HEXAHEDRON_FACES, all_hexahedra, boundary_faces, node_points, occupied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulposus.disc import Disc

NUCLEUS, ANNULUS, ENDPLATE = 0, 1, 2
CELLS_PER_MILLION_PER_ML_MM3 = 1e3
DOTS = 1000
# Okabe-Ito colours, softened: they stay apart for colour-blind readers and in grey.
COLOURS = {"nucleus": "#4aa3dc", "annulus": "#f2c879", "endplates": "#3f9b7f", "cells": "#a5003c"}
OPACITY = {"nucleus": 0.28, "annulus": 0.16, "endplates": 0.22}
LABELS = {"nucleus": "nucleus pulposus", "annulus": "annulus fibrosus", "endplates": "cartilage endplates"}
CELLS_LABEL = "injected cells"


@dataclass(frozen=True)
class Part:
    """A part of the disc.

    Attributes:
        key: "nucleus", "annulus" or "endplates".
        faces: Node numbers of the quadrilaterals of its surface, counter-clockwise seen from outside, (faces, 4).
    """

    key: str
    faces: Int[np.ndarray, "faces 4"]

    @property
    def label(self) -> str:
        """Name for people."""
        return LABELS[self.key]

    @property
    def colour(self) -> str:
        """Colour as #rrggbb."""
        return COLOURS[self.key]

    @property
    def opacity(self) -> float:
        """How much of what lies behind it a part hides."""
        return OPACITY[self.key]


def disc_parts(disc: Disc) -> tuple[Part, ...]:
    """Surfaces of the parts: the whole nucleus, the outside of the annulus, outside and margin of the cartilage endplates."""
    tissue = np.asarray(disc.tissue_of_element)
    hexahedra = all_hexahedra(disc.topology)
    outer, owner = boundary_faces(hexahedra[occupied(disc)])
    behind = tissue[occupied(disc)][owner]
    found = {
        "nucleus": boundary_faces(hexahedra[tissue == NUCLEUS])[0],
        "annulus": outer[behind == ANNULUS],
        "endplates": np.concatenate([outer[behind == ENDPLATE], _margins(hexahedra[tissue == ENDPLATE])]),
    }
    return tuple(Part(key, faces) for key, faces in found.items() if len(faces))


def _margins(plates: Int[np.ndarray, "elements 8"]) -> Int[np.ndarray, "faces 4"]:
    """The upright outer faces of some elements."""
    faces, owner = boundary_faces(plates)
    upright = plates[owner][:, HEXAHEDRON_FACES[2:]]
    return faces[(upright == faces[:, None, :]).all(axis=2).any(axis=1)]


def cells_per_dot(most_cells: float, dots: int = DOTS) -> float:
    """A round number of cells (1, 2 or 5 times a power of ten) that draws at most `dots` dots."""
    wanted = max(most_cells / dots, 1.0)
    decade = 10.0 ** math.floor(math.log10(wanted))
    return next(step * decade for step in (1.0, 2.0, 5.0, 10.0) if step * decade >= wanted * (1.0 - 1e-9))


class DonorCells:
    """The live donor cells of a disc as dots."""

    def __init__(self, disc: Disc, densities: Sequence[Float[np.ndarray, "columns levels"]]) -> None:
        """Count the cells of every element.

        Args:
            disc: The disc.
            densities: Live donor cells at the times that will be shown [10^6/mL].
        """
        from pulposus.mesh import element_volumes

        held = occupied(disc)
        volumes = np.asarray(element_volumes(disc.topology, disc.coordinates))[held]
        self._corners = all_hexahedra(disc.topology)[held]
        self._points = node_points(disc)
        self._cells = [
            np.maximum(density.reshape(-1)[self._corners].mean(axis=1), 0.0) * volumes * CELLS_PER_MILLION_PER_ML_MM3
            for density in densities
        ]
        self.totals = [float(cells.sum()) for cells in self._cells]
        self.per_dot = cells_per_dot(max(self.totals))
        # Places inside an element, the same in every picture, so that dots stay where they are while their number changes.
        self._places = np.random.default_rng(0).random((1024, 3))

    def dots(self, index: int) -> Float[np.ndarray, "dots 3"]:
        """Positions of the dots [mm] at one of the times."""
        sums = np.cumsum(self._cells[index])
        marks = (np.arange(int(sums[-1] / self.per_dot + 0.5)) + 0.5) * self.per_dot
        element = np.searchsorted(sums, marks[marks < sums[-1]])
        rank = np.arange(len(element)) - np.searchsorted(element, element)
        share = self._places[(7 * element + rank) % len(self._places)]
        corners = self._points[self._corners[element]]
        x, y, z = (share[:, [axis], None] for axis in range(3))
        near = (1.0 - x) * corners[:, [0, 4]] + x * corners[:, [1, 5]]
        far = (1.0 - x) * corners[:, [3, 7]] + x * corners[:, [2, 6]]
        lower, upper = np.moveaxis((1.0 - y) * near + y * far, 1, 0)
        return (1.0 - z[:, 0]) * lower + z[:, 0] * upper
