r"""The spine around a disc, laid out in the space of the patient (mechanics_imaging 4.3 step 2).

Right, anterior, superior are the axes (RAS+), the origin is the centre of the treated disc, lying (supine). A disc of another level stands
above and below it where the library has one; bodies of the vertebrae fill the space between, the sacrum follows L5-S1. A disc is turned in
the median plane by its inclination alpha (front edge lower): its own axes y and z are

.. math:: (0, \cos\alpha, -\sin\alpha), \qquad (0, \sin\alpha, \cos\alpha).

Everything here but the discs is a schematic of the median plane with rounded cross-sections: all its sizes are judgement (prior), and it
carries no information about a patient. Sideways from the canal there are no pedicles, facets or nerve roots. For another species the whole
surroundings are scaled by the depth of its disc.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from pulposus.errors import InvalidInput
from pulposus.readouts._disc_view import DiscView

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

LEVELS = ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")
_TABLE_STEP = 0.5
_TABLE_MARGIN = 14.0


@dataclass(frozen=True)
class SpineSizes:
    """Sizes of the surroundings [mm, radian], already scaled to the species; see `data/parameters/imaging.toml`, table `spine`."""

    scale: float
    vertebra_height: float
    waist: float
    posterior_waist: float
    corner: float
    cortex: float
    anterior_ligament: float
    posterior_ligament: float
    sac_depth: float
    sac_width: float
    flavum: float
    posterior_fat: float
    spinous_length: float
    spinous_height: float
    spinous_width: float
    spinous_drop: float
    prevertebral_fat: float
    vessel: float
    skin_depth: float
    cord_width: float
    sacral_tilt: float

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, scale: float) -> SpineSizes:
        """Read the parameter set; lengths times the scale."""
        names = [name for name in cls.__dataclass_fields__ if name not in ("scale", "sacral_tilt")]
        lengths = {name: scale * parameters.value(f"imaging.spine.{name}") for name in names}
        return cls(scale=scale, sacral_tilt=float(np.radians(parameters.value("imaging.spine.sacral_tilt"))), **lengths)


@dataclass(frozen=True, eq=False)
class PosedDisc:
    """A disc in the space of the patient.

    Attributes:
        disc: Mesh and fields.
        origin: Its centre [mm], (3,).
        inclination: alpha [radian].
        level: Lumbar level, for labels.
        treated: Whether it is the disc of the run.
    """

    disc: DiscView
    origin: Float[np.ndarray, "3"]
    inclination: float
    level: str
    treated: bool

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Rows: the axes x, y, z of the disc in the space of the patient."""
        c, s = np.cos(self.inclination), np.sin(self.inclination)
        return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])

    def local(self, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
        """Points of the patient in the frame of the disc."""
        c, s = np.cos(self.inclination), np.sin(self.inclination)
        x, y, z = (points - self.origin).T
        # Written out: a product with a 3 by 3 matrix takes ten times as long on a million points.
        return np.stack([x, c * y - s * z, s * y + c * z], axis=-1)

    def placed(self, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
        """Points of the disc in the space of the patient."""
        return points @ self.axes + self.origin

    @cached_property
    def outline(self) -> OutlineTable:
        """Distance from the outline, and the heights of both faces, over the plane of the disc."""
        return OutlineTable.of(self.disc)


@dataclass(frozen=True, eq=False)
class OutlineTable:
    """What the surroundings ask of a disc, on an even grid of (x, y): the bones go on where the disc ends.

    Attributes:
        origin: Lower left corner of the grid [mm].
        distance: Distance from the outline, negative inside [mm].
        inferior, superior: Heights of the faces; outside the outline those of its nearest point [mm].
    """

    origin: Float[np.ndarray, "2"]
    distance: Float[np.ndarray, "nx ny"]
    inferior: Float[np.ndarray, "nx ny"]
    superior: Float[np.ndarray, "nx ny"]

    @classmethod
    def of(cls, disc: DiscView) -> OutlineTable:
        """The table of a disc."""
        from matplotlib.path import Path
        from scipy.interpolate import LinearNDInterpolator
        from scipy.spatial import KDTree

        rim = disc.rim
        low, high = rim.min(axis=0) - _TABLE_MARGIN, rim.max(axis=0) + _TABLE_MARGIN
        axes = [np.arange(a, b + _TABLE_STEP, _TABLE_STEP) for a, b in zip(low, high, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        flat = grid.reshape(-1, 2)
        following = np.roll(rim, -1, axis=0)
        share = np.linspace(0.0, 1.0, 16, endpoint=False)[None, :, None]
        dense = ((1.0 - share) * rim[:, None] + share * following[:, None]).reshape(-1, 2)
        away, nearest = KDTree(dense).query(flat)
        inside = Path(rim).contains_points(flat)
        # Nearest points lie on the rim itself; a hair inward keeps them in the triangulation.
        centre = rim.mean(axis=0)
        seen = np.where(inside[:, None], flat, centre + 0.999 * (dense[nearest] - centre))
        faces = np.stack(disc.faces, axis=-1)
        heights = LinearNDInterpolator(disc.section, faces)(seen)
        edge = np.isnan(heights[:, 0])
        if edge.any():
            heights[edge] = faces[KDTree(disc.section).query(seen[edge])[1]]
        shape = grid.shape[:2]
        return cls(low, np.where(inside, -away, away).reshape(shape), *(heights[:, k].reshape(shape) for k in (0, 1)))

    def read(
        self, table: Float[np.ndarray, "nx ny"], local: Float[np.ndarray, "points 3"]
    ) -> Float[np.ndarray, "points"]:
        """A table at points in the frame of the disc; constant beyond its border."""
        from scipy.ndimage import map_coordinates

        index = ((local[:, :2] - self.origin) / _TABLE_STEP).T
        return map_coordinates(table, index, order=1, mode="nearest")


@dataclass(frozen=True, eq=False)
class Vertebra:
    """A vertebral body between two discs, or beyond the last of them.

    Attributes:
        name: L1 to L5, S1, or empty where the label scheme of the project has no name.
        below, above: The discs at its faces; one of them may be missing.
        height: Of the body where a disc is missing [mm].
    """

    name: str
    below: PosedDisc | None
    above: PosedDisc | None
    height: float

    @property
    def centre(self) -> Float[np.ndarray, "3"]:
        """Middle of the body in the space of the patient."""
        if self.below is not None and self.above is not None:
            return 0.5 * (_top(self.below) + _bottom(self.above))
        if self.below is not None:
            return _top(self.below) + 0.5 * self.height * self.below.axes[2]
        assert self.above is not None
        return _bottom(self.above) - 0.5 * self.height * self.above.axes[2]

    @property
    def up(self) -> Float[np.ndarray, "3"]:
        """Direction from face to face."""
        found = [one.axes[2] for one in (self.below, self.above) if one is not None]
        mean = np.mean(found, axis=0)
        return mean / np.linalg.norm(mean)


def _top(disc: PosedDisc) -> np.ndarray:
    return disc.placed(np.array([[0.0, 0.0, disc.disc.faces[1].mean()]]))[0]


def _bottom(disc: PosedDisc) -> np.ndarray:
    return disc.placed(np.array([[0.0, 0.0, disc.disc.faces[0].mean()]]))[0]


@dataclass(frozen=True, eq=False)
class Spine:
    """Discs from below to above, and the bodies between and beside them.

    Attributes:
        discs: The discs, the lowest first.
        vertebrae: One more than discs, the lowest first.
        sizes: Sizes of the surroundings.
        sacrum: Whether the lowest body is the sacrum.
        remarks: What a reader of the pictures has to know.
    """

    discs: tuple[PosedDisc, ...]
    vertebrae: tuple[Vertebra, ...]
    sizes: SpineSizes
    sacrum: bool
    remarks: tuple[str, ...]

    @property
    def treated(self) -> PosedDisc:
        """The disc of the run."""
        return next(disc for disc in self.discs if disc.treated)


def lay_out(treated: DiscView, neighbours: Sequence[DiscView | None], parameters: ParameterSet) -> Spine:
    """Put a disc and its neighbours into the space of the patient.

    Args:
        treated: The disc of the run.
        neighbours: The disc below and the disc above; None where there is none.
        parameters: The loaded parameters.

    Raises:
        InvalidInput: There are not two neighbours.
    """
    if len(neighbours) != 2:
        raise InvalidInput(
            "a spine needs the disc below and the disc above", where="lay_out", allowed="None where there is none"
        )
    depth = float(np.ptp(treated.rim[:, 1]))
    human = treated.species in ("human", "") and depth > 20.0
    scale = 1.0 if human else depth / parameters.value("imaging.spine.reference_depth")
    sizes = SpineSizes.from_parameters(parameters, scale)
    level = treated.level.removesuffix("-generic")
    number = LEVELS.index(level) if human and level in LEVELS else LEVELS.index("L3-L4")
    angle = {one: float(np.radians(parameters.value(f"imaging.spine.inclination.{one}"))) for one in LEVELS}

    def pose(disc: DiscView, place: int, origin: np.ndarray) -> PosedDisc:
        return PosedDisc(disc, origin, angle[LEVELS[place]] if human else 0.0, LEVELS[place], disc is treated)

    # The map's origin lies at mid depth of the outline, so the middles of neighbouring discs stand over each other.
    middle = pose(treated, number, np.zeros(3))
    discs = [middle]
    below, above = neighbours
    if below is not None and number < len(LEVELS) - 1:
        probe = pose(below, number + 1, np.zeros(3))
        discs.insert(0, pose(below, number + 1, _chained(probe, middle, sizes, -1.0)))
    if above is not None and number > 0:
        probe = pose(above, number - 1, np.zeros(3))
        discs.append(pose(above, number - 1, _chained(probe, middle, sizes, 1.0)))
    lowest = LEVELS.index(discs[0].level)
    sacrum = human and lowest == len(LEVELS) - 1
    # The body above disc k of the list of levels is L(k+1); that below is L(k+2).
    names = [f"L{lowest + 2}" if lowest + 2 <= 5 else "S1", *(f"L{LEVELS.index(one.level) + 1}" for one in discs)]
    ends = [None, *discs], [*discs, None]
    vertebrae = tuple(
        Vertebra(name if human else "", lower, upper, sizes.vertebra_height)
        for name, lower, upper in zip(names, *ends, strict=True)
    )
    remarks = ["vertebrae, canal, muscle and fat are a schematic with judged sizes"]
    if not human:
        remarks.append(
            f"the surroundings are those of man scaled by {scale:.3g}; the neighbours are copies of the disc"
        )
    return Spine(tuple(discs), vertebrae, sizes, sacrum, tuple(remarks))


def _chained(disc: PosedDisc, middle: PosedDisc, sizes: SpineSizes, side: float) -> np.ndarray:
    """Centre of the neighbour of a disc, one vertebral body away along both axes; side is 1 above, -1 below."""
    face = 1 if side > 0.0 else 0
    near = abs(float(middle.disc.faces[face].mean())) + 0.5 * sizes.vertebra_height
    far = abs(float(disc.disc.faces[1 - face].mean())) + 0.5 * sizes.vertebra_height
    return middle.origin + side * (near * middle.axes[2] + far * disc.axes[2])
