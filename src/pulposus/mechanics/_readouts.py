r"""What is read off a deformed disc: heights, pressure, bulge, load share, volumes, stress profile (mechanics_imaging 2.5; rulings 27, 41).

.. math::

    p_N &= \langle -\tfrac{1}{3} \operatorname{tr} \sigma \rangle, \quad \rho < 0.8\, \rho_N,\ |\zeta| < 0.5 \\
    \bar h &= \int_{\rho < 0.8} h\, dA \Big/ \int_{\rho < 0.8} dA, \qquad
    b = \max_{side} u \cdot n, \qquad E = \frac{k H_C}{A}, \qquad \text{share} = \frac{p_N A_N}{F}

Heights are from bone to bone along the axis and of the whole disc, also where half of it is computed. The pressure averages over the
reference volume of a region of the stress-free shape. The bulge is the displacement from the stress-free shape along its outward normal.
Water is what the solid leaves free: the integral of J - J_g n_s.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar
from pulposus.mechanics._disc_material import Points, PointVectors
from pulposus.mechanics._disc_places import FACE_SHAPE, NUCLEUS, SECTORS, DiscPlaces
from pulposus.mesh import QuadraticMesh

NodeVectors = Float[Array, "nodes 3"]
PointTensors = Float[Array, "elements points 3 3"]

# Shares of the radii and of the half height that bound the regions of the readouts (mechanics_imaging 2.5).
_CORE_RADIUS, _CORE_HEIGHT, _PLATE_RADIUS = 0.8, 0.5, 0.8
# Reference half width and half height of the strip along which a stress transducer is pulled.
_PROFILE_WIDTH, _PROFILE_HEIGHT = 0.15, 0.35


class Heights(eqx.Module):
    """Heights of a disc from bone to bone [mm].

    Attributes:
        anterior, middle, posterior: At the front end, the centre and the back end of the midline.
        mean: Area-weighted over rho < 0.8.
    """

    anterior: Scalar
    middle: Scalar
    posterior: Scalar
    mean: Scalar


def heights(places: DiscPlaces, positions: NodeVectors, copies: int = 1) -> Heights:
    """Heights of a shape.

    Args:
        places: Of the disc.
        positions: Its nodes [mm].
        copies: 2 where the lower face is the symmetry plane of the whole disc, else 1.
    """
    mesh = places.mesh
    rim = mesh.topology.rim
    # The rim starts at -45 degrees from +xi and runs counter-clockwise: 3/8 of it is anterior, 7/8 posterior.
    columns = (rim[3 * len(rim) // 8], mesh.topology.centre[0], rim[7 * len(rim) // 8])
    anterior, middle, posterior = (copies * _column_height(mesh, positions, int(column)) for column in columns)
    rise = positions[mesh.upper.nodes, 2] - positions[mesh.lower.nodes, 2]
    area = jnp.where(places.plate_radius < _PLATE_RADIUS, mesh.upper.weights(positions), 0.0)
    mean = jnp.sum(area * (rise @ jnp.asarray(FACE_SHAPE.T))) / jnp.sum(area)
    return Heights(anterior, middle, posterior, copies * mean)


def _column_height(mesh: QuadraticMesh, positions: NodeVectors, column: int) -> Scalar:
    nodes = np.flatnonzero(mesh.nodes[:, 0] == column)
    return positions[nodes[-1], 2] - positions[nodes[0], 2]


def core_weight(places: DiscPlaces, volume: Points, *, symmetric: bool = False) -> Points:
    """Reference volume of the points of the nucleus' core, 0 outside: rho < 0.8 rho_N, |zeta| < 0.5.

    Args:
        places: Of the disc.
        volume: Reference volume of the points [mm3].
        symmetric: The lower face is the symmetry plane, so zeta = -1 is the middle of the whole disc.
    """
    from_middle = _from_middle(places, symmetric=symmetric)
    inside = (places.rho < _CORE_RADIUS * places.nucleus_radius) & (from_middle < _CORE_HEIGHT)
    return jnp.where(inside, volume, 0.0)


def _from_middle(places: DiscPlaces, *, symmetric: bool) -> Points:
    """Distance from the middle of the whole disc, over its half height."""
    return 0.5 * (places.zeta + 1.0) if symmetric else jnp.abs(places.zeta)


def mean_pressure(stress: PointTensors, weight: Points) -> Scalar:
    """Mean of -tr(sigma)/3 [MPa] of the total Cauchy stress.

    Args:
        stress: [MPa], compression negative.
        weight: Of the points.
    """
    pressure = -jnp.trace(stress, axis1=-2, axis2=-1) / 3.0
    return jnp.sum(weight * pressure) / jnp.sum(weight)


def section_areas(places: DiscPlaces, coordinates: NodeVectors) -> tuple[Scalar, Scalar]:
    """Area of the whole section and of the nucleus [mm2]: that of the upper face, projected along the axis."""
    mesh = places.mesh
    corners = coordinates[mesh.upper.nodes][..., :2]
    # Corners and middles of the edges in turn; a quadratic edge adds two thirds of its bow to the chord's polygon.
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    around = corners[:, order]
    following = jnp.roll(around, -1, axis=1)
    polygon = 0.5 * jnp.sum(around[..., 0] * following[..., 1] - following[..., 0] * around[..., 1], axis=1)
    chords = corners[:, :4]
    after = jnp.roll(chords, -1, axis=1)
    square = 0.5 * jnp.sum(chords[..., 0] * after[..., 1] - after[..., 0] * chords[..., 1], axis=1)
    area = square + (4.0 / 3.0) * (polygon - square)
    nucleus = jnp.asarray(mesh.element_region[mesh.upper.elements] == NUCLEUS)
    return jnp.sum(area), jnp.sum(jnp.where(nucleus, area, 0.0))


class Bulge(eqx.Module):
    """Outward displacement of the side from the stress-free shape [mm].

    Attributes:
        largest: On the whole side.
        by_sector: Largest in every one of `SECTORS`, (8,).
    """

    largest: Scalar
    by_sector: Float[Array, "sectors"]


def bulge(places: DiscPlaces, coordinates: NodeVectors, displacement: NodeVectors) -> Bulge:
    """Bulge of the side.

    Args:
        places: Of the disc.
        coordinates: Stress-free nodes [mm].
        displacement: [mm].
    """
    side = _side(places.mesh)
    around = coordinates[side.after] - coordinates[side.before]
    upward = coordinates[side.above] - coordinates[side.below]
    normal = jnp.cross(around, upward)
    normal = normal / jnp.sqrt(jnp.sum(normal**2, axis=1, keepdims=True))
    outward = jnp.sum(displacement[side.nodes] * normal, axis=1)
    by_sector = [jnp.max(outward[side.sector == number]) for number in range(len(SECTORS))]
    return Bulge(jnp.max(outward), jnp.stack(by_sector))


class _Side(NamedTuple):
    """Nodes of the side, the nodes beside and above each on it, and the sector."""

    nodes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    below: np.ndarray
    above: np.ndarray
    sector: np.ndarray


@cache
def _side(mesh: QuadraticMesh) -> _Side:
    """The side as a lattice of circumference and level, in which the middles of faces are missing."""
    rim, levels = mesh.topology.rim, mesh.topology.levels
    number = np.full((mesh.topology.columns, levels), -1)
    number[mesh.nodes[:, 0], mesh.nodes[:, 1]] = np.arange(len(mesh.nodes))
    lattice = number[rim]
    place, level = np.nonzero(lattice >= 0)
    step_around, step_up = np.where(level % 2 == 0, 1, 2), np.where(place % 2 == 0, 1, 2)
    turn = -0.125 + place / len(rim)
    return _Side(
        nodes=lattice[place, level],
        before=lattice[(place - step_around) % len(rim), level],
        after=lattice[(place + step_around) % len(rim), level],
        below=lattice[place, np.maximum(level - step_up, 0)],
        above=lattice[place, np.minimum(level + step_up, levels - 1)],
        sector=np.round(len(SECTORS) * turn).astype(np.int64) % len(SECTORS),
    )


class Volumes(eqx.Module):
    """Volumes of the deformed disc [mm3].

    Attributes:
        total: Of tissue.
        water: Of its water.
        nucleus: Of the nucleus.
    """

    total: Scalar
    water: Scalar
    nucleus: Scalar


def volumes(places: DiscPlaces, volume: Points, J: Points, solid: Points, copies: int = 1) -> Volumes:
    """Volumes now.

    Args:
        places: Of the disc.
        volume: Reference volume of the points [mm3].
        J: Volume ratio.
        solid: J_g n_s, solid per reference volume.
        copies: 2 where half of the disc is computed, else 1.
    """
    nucleus = places.within(NUCLEUS)
    parts = (volume * J, volume * (J - solid), volume * J * nucleus)
    return Volumes(*(copies * jnp.sum(part) for part in parts))


class StressProfile(eqx.Module):
    """Compressive stress along the midline at mid-height, from back to front (stress profilometry).

    Attributes:
        position: y [mm], (bins,).
        vertical, horizontal: -sigma_zz and -sigma_yy [MPa]; not a number where no point lies, (bins,).
    """

    position: Float[Array, "bins"]
    vertical: Float[Array, "bins"]
    horizontal: Float[Array, "bins"]

    def hydrostatic_width(self, tolerance: float) -> Scalar:
        """Length over which vertical and horizontal stress differ by less than a share of the largest pressure [mm]."""
        alike = jnp.abs(self.vertical - self.horizontal) < tolerance * jnp.nanmax(self.horizontal)
        return jnp.sum(alike) * (self.position[1] - self.position[0])


def stress_profile(
    places: DiscPlaces,
    positions: PointVectors,
    stress: PointTensors,
    volume: Points,
    bins: int = 24,
    *,
    symmetric: bool = False,
) -> StressProfile:
    """Profile of the total Cauchy stress [MPa].

    Args:
        places: Of the disc.
        positions: Of the points now [mm].
        stress: Compression negative.
        volume: Weight of the points.
        bins: Number of stations.
        symmetric: The lower face is the symmetry plane, so zeta = -1 is the middle of the whole disc.
    """
    from_middle = _from_middle(places, symmetric=symmetric)
    near = (jnp.abs(places.reference[..., 0]) < _PROFILE_WIDTH) & (from_middle < _PROFILE_HEIGHT)
    weight = jnp.where(near, volume, 0.0).ravel()
    y = positions[..., 1].ravel()
    edges = jnp.linspace(jnp.min(y), jnp.max(y), bins + 1)
    station = jnp.clip(jnp.searchsorted(edges, y) - 1, 0, bins - 1)
    total = jax.ops.segment_sum(weight, station, bins)

    def mean(axis: int) -> Float[Array, "bins"]:
        along = -stress[..., axis, axis].ravel()
        return jax.ops.segment_sum(weight * along, station, bins) / jnp.where(total > 0.0, total, jnp.nan)

    return StressProfile(0.5 * (edges[:-1] + edges[1:]), mean(2), mean(1))
