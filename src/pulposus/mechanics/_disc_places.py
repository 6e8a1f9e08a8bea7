r"""Where the points and nodes of a disc lie: tissue, reference radius, depth in the annulus, sector (mechanics_imaging 1.4; rulings 40).

The map of a disc is a family of harmonics whose first ones on the ring of reference radius rho are

.. math:: A_1(\rho) = A \rho (1 + e (1 - \rho^2)), \qquad C_1(\rho) = C \rho (1 - e (1 - \rho^2)),

so a ring's radius follows from the nodes alone, exactly and for every disc: rho = [A_1(rho)/A_1(1) + C_1(rho)/C_1(1)] / 2.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.mechanics._arrays import Field, Scalar, as_field
from pulposus.mechanics._disc_material import FibreFrame, Points
from pulposus.mesh import QuadraticMesh, Topology, axial_positions, quadratic_mesh, reference_points
from pulposus.mesh._quadratic import _FACE_PLACES, FACE_POINTS, SLOPE, _serendipity

SECTORS = (
    "right",
    "right anterior",
    "anterior",
    "left anterior",
    "left",
    "left posterior",
    "posterior",
    "right posterior",
)
"""Eighths of the circumference, counter-clockwise seen from above; the first is centred on the subject's right."""
DEPTHS = ("inner", "middle", "outer")
"""Thirds of the annulus in reference radius."""
NUCLEUS, ANNULUS, ENDPLATE = 0, 1, 2

FACE_SHAPE = np.stack([_serendipity(_FACE_PLACES, point)[0] for point in FACE_POINTS])
"""Functions of the 8 nodes of a face at its Gauss points, (9, 8)."""


class DiscPlaces(eqx.Module):
    """Places of one disc; compiled functions are shared by all discs of a mesh.

    Attributes:
        mesh: Connectivity.
        tissue: 0 nucleus, 1 annulus, 2 cartilage endplate, (elements,).
        reference: xi (right), eta (anterior), zeta (cranial) at the Gauss points, (elements, 27, 3).
        plate_radius: Reference radius at the Gauss points of the faces of the plates, (faces, 9).
        nucleus_radius, endplate_radius: rho_N and rho_CEP.
    """

    mesh: QuadraticMesh = eqx.field(static=True)
    tissue: Int[Array, "elements"] = eqx.field(converter=jnp.asarray)
    reference: Float[Array, "elements points 3"] = eqx.field(converter=as_field)
    plate_radius: Float[Array, "faces 9"] = eqx.field(converter=as_field)
    nucleus_radius: Scalar = eqx.field(converter=as_field)
    endplate_radius: Scalar = eqx.field(converter=as_field)

    @property
    def rho(self) -> Points:
        """Reference radius."""
        return jnp.sqrt(jnp.sum(self.reference[..., :2] ** 2, axis=-1))

    @property
    def zeta(self) -> Points:
        """Axial reference coordinate, -1 at the lower and 1 at the upper endplate."""
        return self.reference[..., 2]

    @property
    def depth(self) -> Points:
        """0 at the nucleus, 1 at the outline."""
        return (self.rho - self.nucleus_radius) / (1.0 - self.nucleus_radius)

    @property
    def forward(self) -> Points:
        """eta / rho: 1 in front, -1 behind."""
        rho = self.rho
        return self.reference[..., 1] / jnp.where(rho > 0.0, rho, 1.0)

    @property
    def sector(self) -> Int[Array, "elements points"]:
        """Number in `SECTORS`."""
        return sector_of(self.reference[..., 0], self.reference[..., 1])

    @property
    def depth_third(self) -> Int[Array, "elements points"]:
        """Number in `DEPTHS`."""
        return jnp.clip(jnp.floor(len(DEPTHS) * self.depth), 0, len(DEPTHS) - 1).astype(jnp.int64)

    def within(self, code: int) -> Points:
        """1 in a tissue, 0 outside."""
        inside = jnp.where(self.tissue == code, 1.0, 0.0)
        return jnp.broadcast_to(inside[:, None], self.reference.shape[:2])

    def frame(self, coordinates: Float[Array, "nodes 3"]) -> FibreFrame:
        """Depth and circumferential direction on a stress-free shape.

        The elements of a ring run along it, so their second axis is the circumference; in the central block it is any direction.
        """
        along = jnp.einsum("eax,pa->epx", coordinates[self.mesh.elements], jnp.asarray(SLOPE[..., 1]))
        tangent = along / jnp.sqrt(jnp.sum(along**2, axis=-1, keepdims=True))
        return FibreFrame(depth=self.depth, forward=self.forward, tangent=tangent)


def sector_of(xi: Field, eta: Field, sectors: int = len(SECTORS)) -> Int[Array, "..."]:
    """Number of the sector of a reference point, counter-clockwise from +xi; by default that in `SECTORS`."""
    turn = jnp.arctan2(eta, xi) / (2.0 * jnp.pi)
    return jnp.mod(jnp.round(sectors * turn), sectors).astype(jnp.int64)


def cylinder_places(mesh: QuadraticMesh, nucleus_radius: float, ring: float) -> DiscPlaces:
    """Places in a cylinder without cartilage endplates.

    Args:
        mesh: Connectivity, without plates.
        nucleus_radius: Of the nucleus over that of the cylinder.
        ring: Radius of the outer named ring.
    """
    tissue = np.where(mesh.element_region == NUCLEUS, NUCLEUS, ANNULUS)
    zeta = axial_positions(mesh.topology, 0.0)
    return _places(mesh, tissue, zeta, nucleus_radius, ring)


def disc_places(disc: Disc) -> DiscPlaces:
    """Places of a disc that was loaded at a resolution for mechanics.

    Raises:
        InvalidInput: The mesh has no quadratic elements, or its shape has a void.
    """
    topology, layout = disc.topology, disc.layout
    if not topology.plan.quadratic:
        raise InvalidInput(
            f"the mesh {topology.resolution} has no quadratic elements",
            where=disc.description.name,
            allowed='a disc loaded at the resolution "mechanics" or "mechanics-fine"',
        )
    if layout.kind == "layered-cylinder":
        raise InvalidInput(
            "a layered cylinder has a void beside its endplates, which mechanics cannot compute",
            where=disc.description.name,
            allowed="the disc of an animal, or an elliptic cylinder",
        )
    mesh = quadratic_mesh(topology)
    # The tissue of a cell depends on its region of the section and of the axis only.
    table = np.zeros((3, 3), dtype=np.int64)
    table[topology.quad_region[:, None], topology.layer_region[None, :]] = layout.tissue_of_element
    nucleus, ring = ring_radii(topology, disc.coordinates)
    z = np.asarray(disc.coordinates)[..., 2]
    zeta = (2.0 * z - z[:, :1] - z[:, -1:]) / (z[:, -1:] - z[:, :1])
    tissue = table[mesh.element_region, mesh.element_layer]
    return _places(mesh, tissue, zeta, nucleus, ring)


def _places(mesh: QuadraticMesh, tissue: np.ndarray, zeta: np.ndarray, nucleus: float, ring: float) -> DiscPlaces:
    """Places on a mesh whose nodes lie at the axial coordinates zeta, (columns, levels)."""
    section = reference_points(mesh.topology, nucleus, ring)
    lattice = np.concatenate([np.broadcast_to(section[:, None, :], (*zeta.shape, 2)), zeta[..., None]], axis=-1)
    faces = np.einsum("fax,pa->fpx", section[mesh.nodes[mesh.upper.nodes, 0]], FACE_SHAPE)
    radius = np.hypot(faces[..., 0], faces[..., 1])
    return DiscPlaces(mesh, tissue, mesh.point_reference(jnp.asarray(lattice)), radius, nucleus, ring)


def ring_radii(topology: Topology, coordinates: Float[Array, "columns levels 3"]) -> tuple[float, float]:
    """rho_N and rho_CEP of a disc, from the first harmonics of its rings.

    Args:
        topology: Of its mesh; the nodes of a ring lie at equal angles.
        coordinates: Its nodes [mm].
    """
    section = np.asarray(coordinates)[:, 0, :2]
    # A ring starts at -45 degrees from +xi and runs counter-clockwise.
    angle = -np.pi / 4.0 + 2.0 * np.pi * np.arange(len(topology.rim)) / len(topology.rim)

    def first(ring: np.ndarray) -> np.ndarray:
        return np.array([section[ring, 0] @ np.cos(angle), section[ring, 1] @ np.sin(angle)])

    outline = first(topology.rim)
    nucleus, endplate = (
        float(np.mean(first(ring) / outline)) for ring in (topology.nucleus_ring, topology.endplate_ring)
    )
    return nucleus, endplate
