"""What can be measured on the mesh of a disc: volumes by tissue, extents, heights, wedge and mesh quality (rulings 37 to 39)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulposus.disc._disc import Disc
from pulposus.disc._layout import ENDPLATE, NUCLEUS, TISSUES, VOID
from pulposus.mesh import element_volumes, jacobian_determinants


@dataclass(frozen=True)
class Measures:
    """Measures of one disc.

    Attributes:
        width, depth: Extents of the outline [mm].
        anterior_height, central_height, posterior_height: On the midline, bone to bone [mm].
        outline_area: Area of the cross-section [mm2].
        nucleus_area_fraction: Share of the cross-section inside the nucleus.
        nucleus_offset: How far the nucleus' centroid lies behind that of the cross-section [mm].
        volumes: Volume by tissue [mL].
        endplate_thickness: Mean thickness of a cartilage endplate [mm]; 0 where there is none.
        wedge: Angle between the area-integrated normals of the two faces, positive where the disc opens anteriorly [degree].
        smallest_element: Smallest over mean Jacobian determinant of the elements, each relative to its own mean: 1 is a parallelepiped.
        nodes, elements: Size of the mesh; void is not counted.
    """

    width: float
    depth: float
    anterior_height: float
    central_height: float
    posterior_height: float
    outline_area: float
    nucleus_area_fraction: float
    nucleus_offset: float
    volumes: dict[str, float]
    endplate_thickness: float
    wedge: float
    smallest_element: float
    nodes: int
    elements: int

    @property
    def volume(self) -> float:
        """Volume of the disc [mL]."""
        return sum(self.volumes.values())


def _section(points: np.ndarray, quads: np.ndarray) -> tuple[float, float]:
    """Area and centroid y of quadrilaterals, given the (x, y) of the columns."""
    x, y = points[quads, 0], points[quads, 1]
    following_x, following_y = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    cross = x * following_y - following_x * y
    area = 0.5 * float(cross.sum())
    return area, float(((y + following_y) * cross).sum()) / (6.0 * area)


def _face_normal(face: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Area-integrated normal of a face (columns, 3)."""
    corners = face[quads]
    return 0.5 * np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]).sum(axis=0)


def measure(disc: Disc) -> Measures:
    """Measures of one disc (not of a batch)."""
    mesh, layout = disc.topology, disc.layout
    coordinates = np.asarray(disc.coordinates)
    points = coordinates[:, 0, :2]
    heights = coordinates[:, -1, 2] - coordinates[:, 0, 2]
    centre = mesh.centre[0]
    # The rim starts at -45 degrees from +xi and runs counter-clockwise: 3/8 of it is anterior, 7/8 posterior.
    anterior, posterior = mesh.rim[3 * len(mesh.rim) // 8], mesh.rim[7 * len(mesh.rim) // 8]
    tissue = layout.tissue_of_element
    volumes = np.asarray(element_volumes(mesh, disc.coordinates))
    area, centroid = _section(points, mesh.quads)
    nucleus_area, nucleus_centroid = _section(points, mesh.quads[mesh.quad_region == NUCLEUS])
    covered_area, _ = _section(points, mesh.quads[layout.endplate_quads])
    endplate_volume = float(volumes[tissue == ENDPLATE].sum())
    superior = _face_normal(coordinates[:, -1], mesh.quads)
    inferior = _face_normal(coordinates[:, 0], mesh.quads)
    angles = [np.arctan2(normal[1], normal[2]) for normal in (inferior, superior)]
    determinants = np.asarray(jacobian_determinants(mesh, disc.coordinates))[:, tissue != VOID]
    return Measures(
        width=float(np.ptp(points[:, 0])),
        depth=float(np.ptp(points[:, 1])),
        anterior_height=float(heights[anterior]),
        central_height=float(heights[centre]),
        posterior_height=float(heights[posterior]),
        outline_area=area,
        nucleus_area_fraction=nucleus_area / area,
        nucleus_offset=centroid - nucleus_centroid,
        volumes={name: 1e-3 * float(volumes[tissue == code].sum()) for code, name in enumerate(TISSUES)},
        endplate_thickness=endplate_volume / (2.0 * covered_area),
        wedge=float(np.degrees(angles[0] - angles[1])),
        smallest_element=float((determinants.min(axis=0) / determinants.mean(axis=0)).min()),
        nodes=int((~layout.void_nodes).sum()),
        elements=int((tissue != VOID).sum()),
    )
