r"""Where the injectate goes: the filled region, the needle track and the sponge (cells_matrix 2.2; rulings 14).

Cells do not permeate an intact matrix: the injectate opens a cleft, water drains and the cells stay. The region B is filled by a front
from the needle tip with speed :math:`v = v_0 (1 + 10 w)(1 - 0.9\,[AF])`,

.. math:: B = \{T \le T^*\}, \qquad \int_B \varphi_{acc}\, dV = V - V_{leak}

and the cells are uniform in B. Cartilage endplates are closed. On the mesh a node belongs to B by the share of its volume that the front
has passed, which grows linearly while the front crosses the node; so B is continuous in V, mirrored discs fill alike, and the cells in
B are those delivered, to rounding, on any mesh.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from pulposus.disc import Disc
from pulposus.disc._layout import ANNULUS, NUCLEUS
from pulposus.disc._places import Nodal, nucleus_volume, rim_point, tip_position
from pulposus.mesh import node_volumes
from pulposus.therapy._arrival import arrival_times

__all__ = [
    "ANNULUS",
    "NUCLEUS",
    "Front",
    "Room",
    "block_share",
    "bolus_share",
    "filled_share",
    "front_speed",
    "normalised_leak_weight",
    "nucleus_volume",
    "rim_point",
    "room_of",
    "sphere_radius",
    "tip_position",
    "track_share",
]


class Front(NamedTuple):
    """Constants of the front: v / v0 = (1 + fissure_gain w)(1 - annulus_reduction [AF])."""

    fissure_gain: float
    annulus_reduction: float


class Room(NamedTuple):
    """The part of a disc that an injectate can fill.

    Attributes:
        speed: Front speed in every element, relative to that in an intact nucleus; 0 where closed, (quads, layers).
        volume: Volume of every node [mm3]; what cells per volume refer to.
        fillable: The part of it that can be filled [mm3].
        fissure: Fissure fraction at every node, 0 to 1.
        crossing: Time in which the front crosses a node, in the unit of the arrival times; 0 where nothing can be filled.
        width: Size of every node, the cube root of its volume [mm].
    """

    speed: Float[np.ndarray, "quads layers"]
    volume: Nodal
    fillable: Nodal
    fissure: Nodal
    crossing: Nodal
    width: Nodal


def room_of(disc: Disc, front: Front) -> Room:
    """What the front finds in a disc.

    The fissure fraction of the condition is the mean of the annulus; it is taken as uniform there.
    """
    mesh, tissue = disc.topology, disc.tissue_of_element
    fissure = float(disc.condition.fissure_fraction) * (tissue == ANNULUS)
    speed = front_speed(tissue, fissure, front)
    volume = np.asarray(node_volumes(mesh, disc.coordinates, (tissue >= 0).astype(float)))
    fillable = np.asarray(node_volumes(mesh, disc.coordinates, (speed > 0.0).astype(float)))
    inside = np.where(fillable > 0.0, fillable, 1.0)
    mean_speed = np.asarray(node_volumes(mesh, disc.coordinates, speed)) / inside
    width = np.cbrt(volume)
    return Room(
        speed=speed,
        volume=volume,
        fillable=fillable,
        fissure=np.asarray(node_volumes(mesh, disc.coordinates, fissure)) / inside,
        crossing=np.where(fillable > 0.0, width / np.where(fillable > 0.0, mean_speed, 1.0), 0.0),
        width=width,
    )


def front_speed(
    tissue: np.ndarray, fissure: Float[np.ndarray, "quads layers"], front: Front
) -> Float[np.ndarray, "quads layers"]:
    """Speed v / v0 in nucleus and annulus, 0 elsewhere; v0 does not matter."""
    speed = (1.0 + front.fissure_gain * fissure) * np.where(tissue == ANNULUS, 1.0 - front.annulus_reduction, 1.0)
    return np.where((tissue == NUCLEUS) | (tissue == ANNULUS), speed, 0.0)


def filled_share(arrival: Nodal, crossing: Nodal, fillable: Nodal, volume: float) -> Nodal:
    """Share of every node inside the region of the given volume.

    The share is (T* - T) / crossing + 1/2, held between 0 and 1; T* solves the piecewise linear volume balance exactly.

    Args:
        arrival: Arrival times; infinite where the front never comes.
        crossing: Time in which the front crosses each node.
        fillable: Volume of each node [mm3].
        volume: Volume of the region [mm3]; at least that of all nodes fills them all.
    """
    reached = np.isfinite(arrival) & (fillable > 0.0)
    start = (arrival - 0.5 * crossing)[reached]
    end = (arrival + 0.5 * crossing)[reached]
    rate = (fillable / np.where(crossing > 0.0, crossing, 1.0))[reached]
    times = np.concatenate([start, end])
    order = np.argsort(times, kind="stable")
    times, rates = times[order], np.cumsum(np.concatenate([rate, -rate])[order])
    filled = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(times))])
    front = np.interp(volume, filled, times)
    share = np.zeros_like(arrival)
    share[reached] = np.clip((front - start) / (end - start), 0.0, 1.0)
    return share


def sphere_radius(volume: float, accommodated_fraction: float) -> float:
    """Radius [mm] of the region that a volume [mL] fills in uniform tissue, (3 V / (4 pi phi_acc))^(1/3)."""
    return (3.0 * 1e3 * volume / (4.0 * math.pi * accommodated_fraction)) ** (1.0 / 3.0)


def bolus_share(disc: Disc, room: Room, tip: Float[np.ndarray, "3"], volume: float) -> Nodal:
    """Share of every node in the region of a volume [mm3] that a front from the tip fills.

    Raises:
        ValueError: The tip lies outside nucleus and annulus.
    """
    arrival = arrival_times(disc.topology, np.asarray(disc.coordinates), room.speed, tip)
    return filled_share(arrival, room.crossing, room.fillable, volume)


def block_share(disc: Disc, room: Room, size: tuple[float, float, float]) -> Nodal:
    """Share of every node in a block at the posterior border of the disc.

    Args:
        disc: The disc.
        room: What can be filled.
        size: Width, depth from the outer annulus inward, and height [mm].
    """
    points = np.asarray(disc.coordinates)
    width, depth, height = size
    centre = rim_point(disc.topology, points, 0.0) + np.array([0.0, 0.5 * depth, 0.0])
    is_open = room.fillable > 0.0
    share = np.where(is_open, 1.0, 0.0)
    for axis, extent in enumerate((width, depth, height)):
        distance = np.abs(points[..., axis] - centre[axis])
        share = share * np.clip((0.5 * (extent + room.width) - distance) / room.width, 0.0, 1.0)
    # A block smaller than a node is that node.
    nearest = np.where(is_open, np.linalg.norm(points - centre, axis=-1), np.inf).argmin()
    share.flat[nearest] = 1.0
    return share


def track_share(
    points: Float[np.ndarray, "columns levels 3"],
    width: Nodal,
    tip: Float[np.ndarray, "3"],
    entry: Float[np.ndarray, "3"],
    radius: float,
) -> Nodal:
    """1 within the radius of the straight track from the entry to the tip, falling to 0 over one node.

    A needle is thinner than most elements, so the tissue near the track, and with it what leaks from there later, shrinks with the mesh.
    """
    along = entry - tip
    position = np.clip((points - tip) @ along / (along @ along), 0.0, 1.0)
    distance = np.linalg.norm(points - tip - position[..., None] * along, axis=-1)
    return np.clip((radius + width - distance) / width, 0.0, 1.0)


def normalised_leak_weight(weight: Nodal, filled: Nodal) -> Nodal:
    """The weight over its mean in the filled volume, so that the mean over the injected free cells is 1 (rulings 14)."""
    return weight * (filled.sum() / (weight * filled).sum())
