"""A disc at one moment as a scanner or a microscope finds it: its mesh and its fields, and where a point of space lies in it.

A mesh of this program is the closed-form map of mechanics_imaging 1.4 sampled at its nodes, with vertical columns: x and y of a column do
not depend on the height. So the inverse map splits: (x, y) is found in the cross-section by Newton's method on the bilinear quadrilateral
that holds it (less than ten passes; a parallelogram takes one), z in the column of nodes at that place. The inverse is that of the mesh
that was solved, so it holds as well for a disc fitted to a mask, an imported mesh or a cylinder, which have no coefficients of 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from pulposus import _backend  # noqa: F401
from pulposus.disc._layout import ANNULUS, ENDPLATE, NUCLEUS
from pulposus.errors import InvalidInput
from pulposus.matrix import initial_matrix
from pulposus.mesh import Topology, node_volumes, reference_points
from pulposus.nutrition._assembly import tissue_volumes

if TYPE_CHECKING:
    from pulposus.disc import Disc
    from pulposus.parameters import ParameterSet

OUTSIDE = -2
_KINDS = ("nucleus", "annulus", "endplate")
NEWTON_PASSES = 10
# Newton's method stops at this step in the reference square: far below a micrometre in any disc.
_SMALL_STEP = 1e-12

# What the pictures need of a state; the names are those of a run's fields.
COMPOSITION = (
    "water_fraction",
    "aggrecan",
    "fragments",
    "collagen_II",
    "collagen_I",
    "annulus_order",
    "fissure",
    "fixed_charge_density",
)
DISPLACEMENT = ("displacement_right", "displacement_anterior", "displacement_cranial")
"""Of the nodes since the image, in a run with mechanics [mm]."""
CELLS = ("native", "senescent", "free", "attached", "differentiated", "dead")


@dataclass(frozen=True, eq=False)
class DiscView:
    """Mesh and fields of one disc at one moment.

    Attributes:
        topology: Connectivity of the mesh.
        coordinates: Nodes [mm], x right, y anterior, z cranial, (columns, levels, 3).
        tissue: Tissue of every element: 0 nucleus, 1 annulus, 2 cartilage endplate, -1 void, (quads, layers).
        fields: Nodal fields by name (`COMPOSITION`, `CELLS`), (columns, levels).
        species, level: Animal and disc level; empty for explicit shapes.
        grade: Pfirrmann grade of the constants that the disc was built with.
        height_ratio: Height over that of the same disc in health.
        notochordal: Whether the nucleus holds notochordal cells.
        healthy_cell_density: Living cells of the healthy nucleus [10^6/mL]; flat over grades (ruling 4).
        endplate_supply: Mean supply through the endplates over that of intact ones.
        endplate_fractured: Whether an endplate is fractured.
        name: Name of the disc.
    """

    topology: Topology
    coordinates: Float[np.ndarray, "columns levels 3"]
    tissue: Int[np.ndarray, "quads layers"]
    fields: Mapping[str, Float[np.ndarray, "columns levels"]]
    species: str
    level: str
    grade: int
    height_ratio: float
    notochordal: bool
    healthy_cell_density: float
    endplate_supply: float
    endplate_fractured: bool
    name: str

    @cached_property
    def section(self) -> Float[np.ndarray, "columns 2"]:
        """Places (x, y) of the columns [mm]."""
        return self.coordinates[:, 0, :2]

    @cached_property
    def rim(self) -> Float[np.ndarray, "rim 2"]:
        """The outline, counter-clockwise [mm]."""
        return self.section[self.topology.rim]

    @cached_property
    def reference(self) -> Float[np.ndarray, "columns 2"]:
        """Places of the columns in the unit disc, (xi, eta).

        The radii of the named rings follow from the areas they enclose: rho^2 is the share of the area, up to the squeeze of the nucleus.
        """
        whole = polygon_area(self.rim)
        inner, outer = (
            np.sqrt(polygon_area(self.section[ring]) / whole)
            for ring in (self.topology.nucleus_ring, self.topology.endplate_ring)
        )
        return reference_points(self.topology, float(inner), float(outer))

    @cached_property
    def nucleus_radius(self) -> float:
        """Radius of the nucleus in the unit disc."""
        return float(np.hypot(*self.reference[self.topology.nucleus_ring].T).mean())

    @property
    def glycosaminoglycan(self) -> Float[np.ndarray, "columns levels"]:
        """Aggrecan and its fragments [mg/mL]."""
        return self.fields["aggrecan"] + self.fields["fragments"]

    @cached_property
    def nodal_volumes(self) -> Float[np.ndarray, "tissues columns levels"]:
        """Volume [mm3] that every node has in nucleus, annulus and endplate."""
        shares = [(self.tissue == code).astype(np.float64) for code in (NUCLEUS, ANNULUS, ENDPLATE)]
        nodes = jnp.asarray(self.coordinates)
        return np.stack([np.asarray(node_volumes(self.topology, nodes, jnp.asarray(one))) for one in shares])

    @cached_property
    def annulus_share(self) -> Float[np.ndarray, "columns levels"]:
        """Share of the annulus in the nucleus and annulus of every node, as the law of T2 takes it."""
        volumes = self.nodal_volumes
        soft = volumes[NUCLEUS] + volumes[ANNULUS]
        return volumes[ANNULUS] / np.where(soft > 0.0, soft, 1.0)

    def pure_volumes(self, tissue: int) -> Float[np.ndarray, "columns levels"]:
        """Volumes [mm3] of the nodes that lie wholly in a tissue; a node on a border has the mean composition of both.

        Args:
            tissue: 0 nucleus, 1 annulus, 2 cartilage endplate.
        """
        volumes = self.nodal_volumes
        return volumes[tissue] * (volumes[tissue] == volumes.sum(axis=0))

    def mean(self, values: Float[np.ndarray, "columns levels"], tissue: int) -> float:
        """Volume-weighted mean of a nodal field over the nodes that lie wholly in a tissue."""
        weights = self.pure_volumes(tissue)
        return float((weights * values).sum() / weights.sum())

    @cached_property
    def faces(self) -> tuple[Float[np.ndarray, "columns"], Float[np.ndarray, "columns"]]:
        """Heights [mm] of the inferior and the superior face at every column."""
        return self.coordinates[:, 0, 2], self.coordinates[:, -1, 2]

    def locate(self, x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]) -> Columns:
        """Where points of the cross-section lie in the mesh; the inverse of (xi, eta) -> (x, y)."""
        return locate_columns(self, x, y)


@dataclass(frozen=True, eq=False)
class Columns:
    """Places in the cross-section of a mesh.

    Attributes:
        quad: Quadrilateral that holds the point, -1 outside, (points,).
        columns: Its four columns, (points, 4).
        weights: Bilinear weights of the four columns, (points, 4).
        passes: Passes that Newton's method took.
    """

    quad: Int[np.ndarray, "points"]
    columns: Int[np.ndarray, "points 4"]
    weights: Float[np.ndarray, "points 4"]
    passes: int

    @property
    def inside(self) -> Bool[np.ndarray, "points"]:
        """Whether the point lies inside the outline."""
        return self.quad >= 0

    def of_columns(self, values: Float[np.ndarray, "columns ..."]) -> Float[np.ndarray, "points ..."]:
        """Values at the points from values at the columns."""
        return np.einsum("pc,pc...->p...", self.weights, values[self.columns])


@dataclass(frozen=True, eq=False)
class Places:
    """Places in the mesh: columns and the layer between two levels.

    Attributes:
        columns: Places in the cross-section.
        layer: Layer that holds the point, (points,).
        share: Position in the layer, 0 at its lower level, (points,).
        tissue: Tissue at the point; -1 in void, -2 outside the disc, (points,).
        height: Height above the inferior face over that of the column, (points,).
    """

    columns: Columns
    layer: Int[np.ndarray, "points"]
    share: Float[np.ndarray, "points"]
    tissue: Int[np.ndarray, "points"]
    height: Float[np.ndarray, "points"]

    def values(self, field: Float[np.ndarray, "columns levels"]) -> Float[np.ndarray, "points"]:
        """A nodal field at the points, linear in every direction of the element."""
        weights, columns = self.columns.weights, self.columns.columns
        lower = np.einsum("pc,pc->p", weights, field[columns, self.layer[:, None]])
        upper = np.einsum("pc,pc->p", weights, field[columns, self.layer[:, None] + 1])
        return (1.0 - self.share) * lower + self.share * upper


def polygon_area(corners: Float[np.ndarray, "corners 2"]) -> float:
    """Area of a polygon, positive counter-clockwise."""
    following = np.roll(corners, -1, axis=0)
    return 0.5 * float((corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]).sum())


_SIGNS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _bilinear(place: Float[np.ndarray, "points 2"]) -> tuple[np.ndarray, np.ndarray]:
    """Weights (points, 4) of the corners at (s, t) in [-1, 1]^2, and their derivatives (points, 4, 2)."""
    along = 1.0 + _SIGNS[None] * place[:, None]
    weights = 0.25 * along[..., 0] * along[..., 1]
    slopes = 0.25 * _SIGNS[None] * along[..., ::-1]
    return weights, slopes


def locate_columns(disc: DiscView, x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]) -> Columns:
    """Where points of the cross-section lie: the triangle that holds each, then Newton's method in its quadrilateral.

    Args:
        disc: The disc.
        x, y: Coordinates [mm] in the frame of the disc.
    """
    from matplotlib.tri import Triangulation

    quads = np.asarray(disc.topology.quads)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    find = Triangulation(disc.section[:, 0], disc.section[:, 1], triangles).get_trifinder()
    found = np.asarray(find(x, y))
    quad = np.where(found >= 0, found % len(quads), -1)
    columns = quads[np.maximum(quad, 0)]
    corners, target = disc.section[columns], np.stack([x, y], axis=-1)
    place = np.zeros_like(target)
    inside = quad >= 0
    passes = 0
    while passes < NEWTON_PASSES:
        weights, slopes = _bilinear(place)
        passes += 1
        miss = np.einsum("pc,pcd->pd", weights, corners) - target
        jacobian = np.einsum("pcs,pcd->pds", slopes, corners)
        step = np.zeros_like(place)
        step[inside] = np.linalg.solve(jacobian[inside], miss[inside][..., None])[..., 0]
        place = np.clip(place - step, -1.5, 1.5)
        if not inside.any() or np.abs(step).max() < _SMALL_STEP:
            break
    return Columns(quad, columns, _bilinear(np.clip(place, -1.0, 1.0))[0], passes)


def locate(disc: DiscView, points: Float[np.ndarray, "points 3"]) -> Places:
    """Where points of space lie in the mesh of a disc.

    Args:
        disc: The disc.
        points: Positions [mm] in the frame of the disc.
    """
    columns = disc.locate(points[:, 0], points[:, 1])
    levels = columns.of_columns(disc.coordinates[..., 2])
    z = points[:, 2]
    layer = np.clip((levels <= z[:, None]).sum(axis=1) - 1, 0, levels.shape[1] - 2)
    row = np.arange(len(z))
    low, high = levels[row, layer], levels[row, layer + 1]
    within = columns.inside & (z >= levels[:, 0]) & (z <= levels[:, -1])
    tissue = np.where(within, disc.tissue[np.maximum(columns.quad, 0), layer], OUTSIDE)
    return Places(
        columns=columns,
        layer=layer,
        share=np.clip((z - low) / (high - low), 0.0, 1.0),
        tissue=tissue,
        height=(z - levels[:, 0]) / (levels[:, -1] - levels[:, 0]),
    )


def disc_view(
    disc: Disc,
    fields: Mapping[str, Float[np.ndarray, "columns levels"]],
    parameters: ParameterSet,
    displacement: Float[np.ndarray, "columns levels 3"] | None = None,
) -> DiscView:
    """A simulated disc at a stored time.

    Args:
        disc: The disc of the run, on the mesh of the fields.
        fields: Its fields (`COMPOSITION`, `CELLS`) at that time.
        parameters: The loaded parameters; the height of the grade over that in health is one of them (ruling 47).
        displacement: Of the nodes since the image [mm], where mechanics gives it. Only its axial part is taken, since the columns of a
            view are vertical: heights are exact, a change of the bulge (less than a voxel) is left out.

    Raises:
        InvalidInput: The run has no matrix, or another mesh than the disc.
    """
    described = disc.description
    missing = [name for name in (*COMPOSITION, *CELLS) if name not in fields]
    if missing:
        raise InvalidInput(
            f"the run has no field {', '.join(missing)}",
            where=described.name,
            allowed="a run with signals and matrix",
            remedy="run again without switching the matrix off",
        )
    nodes = disc.coordinates.shape[:2]
    if any(np.shape(fields[name]) != nodes for name in (*COMPOSITION, *CELLS)):
        raise InvalidInput(
            f"the fields do not lie on the mesh of {described.name}",
            where=described.name,
            allowed=f"{nodes[0]} by {nodes[1]} nodes",
        )
    imaged = np.asarray(disc.coordinates, dtype=np.float64)
    present = imaged if displacement is None else imaged + displacement * np.array([0.0, 0.0, 1.0])
    return DiscView(
        topology=disc.topology,
        coordinates=present,
        tissue=np.asarray(disc.tissue_of_element),
        fields={name: np.asarray(fields[name], dtype=np.float64) for name in (*COMPOSITION, *CELLS)},
        species=described.species,
        level=described.level,
        grade=described.grade,
        height_ratio=parameters.by_grade("grades.height_factor")[described.grade - 1] * _rise(present) / _rise(imaged),
        notochordal=described.notochordal,
        healthy_cell_density=float(disc.tissue.cell_density[NUCLEUS]),
        endplate_supply=float(np.asarray(disc.supply.endplate_supply).mean()),
        endplate_fractured=bool((np.asarray(disc.lesion.endplate_opening) > 0.0).any()),
        name=described.name,
    )


def _rise(coordinates: Float[np.ndarray, "columns levels 3"]) -> float:
    """Mean height of the columns [mm]."""
    return float((coordinates[:, -1, 2] - coordinates[:, 0, 2]).mean())


def graded_view(disc: Disc, parameters: ParameterSet) -> DiscView:
    """A disc with the composition and the cells that the grade table gives it; nothing was done to it.

    The water is that of composition (rulings 2, 46), uniform in every tissue.
    """
    volumes = tissue_volumes(disc)
    matrix = initial_matrix(disc, volumes, parameters)
    water = volumes.average(
        jnp.array([_of_grade(disc, parameters, "composition_water_fraction", one) for one in _KINDS])
    )
    charge = volumes.average(jnp.array([_of_grade(disc, parameters, "fixed_charge", one) for one in _KINDS]))
    density, share = volumes.average(disc.tissue.cell_density), volumes.average(disc.tissue.senescent_share)
    nothing = np.zeros(disc.coordinates.shape[:2])
    fields = {
        "water_fraction": water,
        "aggrecan": matrix.aggrecan,
        "fragments": matrix.fragments,
        "collagen_II": matrix.collagen_II,
        "collagen_I": matrix.collagen_I,
        "annulus_order": matrix.annulus_order,
        "fissure": matrix.fissure,
        "fixed_charge_density": charge,
        "native": (1.0 - share) * density,
        "senescent": share * density,
    }
    return disc_view(disc, fields | dict.fromkeys(("free", "attached", "differentiated", "dead"), nothing), parameters)


def _of_grade(disc: Disc, parameters: ParameterSet, key: str, tissue: str) -> float:
    return parameters.by_grade(f"grades.{key}.{tissue}")[disc.description.grade - 1]
