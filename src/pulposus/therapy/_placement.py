"""Putting a treatment into a mesh: the fields that the cell laws start from (cells_matrix 2.2; rulings 14)."""

from __future__ import annotations

import equinox as eqx
import numpy as np
from jaxtyping import Float

from pulposus.disc import CentralColumn, Disc
from pulposus.errors import InvalidInput
from pulposus.therapy._bolus import (
    ANNULUS,
    NUCLEUS,
    Room,
    block_share,
    bolus_share,
    normalised_leak_weight,
    rim_point,
    room_of,
    sphere_radius,
    tip_position,
    track_share,
)
from pulposus.therapy._treatment import Treatment

Nodal = Float[np.ndarray, "columns levels"]


class Placement(eqx.Module):
    """Fields right after the injection.

    Attributes:
        free: Free donor cells [10^6/mL]; its sum over the node volumes is the retained number.
        carrier: Share of every node that the carrier fills, 0 to 1; 0 everywhere for saline.
        leak_weight: How freely cells leak from a node; its mean over the injected cells is 1. Zeros where nothing was injected.
        filled: Share of every node that the injectate fills, 0 to 1, whatever it holds.
        spread: Part of the injectate in a node over the node's volume [1/mL]; times an amount that stays in the disc it is the
            concentration of that amount.
    """

    free: Nodal
    carrier: Nodal
    leak_weight: Nodal
    filled: Nodal
    spread: Nodal


def place(treatment: Treatment, disc: Disc) -> Placement:
    """Put a treatment into a disc in 3D.

    Args:
        treatment: The numbers of the treatment in this disc.
        disc: The disc, not a batch.

    Raises:
        InvalidInput: The needle tip lies outside nucleus and annulus.
    """
    room = room_of(disc, treatment.front)
    if treatment.route == "none" or treatment.filled_volume == 0.0:
        nothing = np.zeros_like(room.volume)
        return Placement(nothing, nothing, nothing, nothing, nothing)
    if treatment.route == "fenestration":
        share = block_share(disc, room, treatment.sponge)
        # The whole sponge lies in the opening.
        weight = np.ones_like(share)
    else:
        share, weight = _bolus(treatment, disc, room)
    filled = share * room.fillable
    # One over mm3 is 1000 over mL.
    spread = 1e3 * (filled / filled.sum()) / np.where(room.volume > 0.0, room.volume, 1.0)
    carrier = share if float(treatment.product.carrier.gel_half_life) > 0.0 else np.zeros_like(share)
    return Placement(treatment.retained_cells * spread, carrier, normalised_leak_weight(weight, filled), share, spread)


def _bolus(treatment: Treatment, disc: Disc, room: Room) -> tuple[Nodal, Nodal]:
    """Share of the nodes in the bolus, and the leak weight (rulings 14: 1 inside track or fissure, 0 outside).

    The injectate opens a cleft that the track ends in, and its cells float in it, so the whole bolus counts as fissure. With `leak_from:
    track` only the track and the fissures of the annulus count; their few free cells run out, and the leak falls as the mesh gets finer.
    """
    points = np.asarray(disc.coordinates)
    tip = tip_position(disc, *treatment.tip)
    try:
        share = bolus_share(disc, room, tip, 1e3 * treatment.filled_volume)
    except ValueError:
        raise InvalidInput(
            f"the needle tip lies outside the nucleus and annulus of {disc.description.name}",
            where=f"protocol {treatment.text.name}, field delivery.tip",
            allowed="shares of the half width, depth and height from the centre of the nucleus",
            remedy="move the tip towards 0, 0, 0",
        ) from None
    if treatment.leak_from == "cleft":
        return share, (share > 0.0).astype(np.float64)
    track = track_share(
        points, room.width, tip, rim_point(disc.topology, points, treatment.entry_angle), treatment.needle_radius
    )
    return share, np.maximum(track, room.fissure)


def place_on_axis(treatment: Treatment, column: CentralColumn, volumes: Float[np.ndarray, "levels"]) -> Placement:
    """Put a treatment into an axial slab, the axis of a disc.

    The filled region is the sphere of the same volume around the needle tip, cut at the cartilage endplates; the cells are uniform in it.
    One column cannot tell the track from the rest, so the leak weight is 1.

    Args:
        treatment: The numbers of the treatment in the disc that the slab stands for.
        column: Axis of that disc.
        volumes: Volume of every node of the slab [mm3].

    Returns:
        Fields of shape (1, levels).

    Raises:
        InvalidInput: The treatment is a sponge, which does not touch the axis.
    """
    if treatment.route == "fenestration":
        raise InvalidInput(
            "a sponge in the annulus does not touch the axis of the disc",
            where=f"protocol {treatment.text.name}, field numerics.level",
            allowed="level: disc",
        )
    volumes = np.asarray(volumes, dtype=float)
    nothing = np.zeros((1, len(volumes)))
    if treatment.filled_volume == 0.0:
        return Placement(nothing, nothing, nothing, nothing, nothing)
    positions = np.asarray(column.positions, dtype=float)
    height = np.diff(positions)
    is_open = np.isin(column.tissue, (NUCLEUS, ANNULUS))
    half = 0.5 * height
    node_height = np.append(half, 0.0) + np.insert(half, 0, 0.0)
    open_height = np.append(half * is_open, 0.0) + np.insert(half * is_open, 0, 0.0)
    fillable = volumes * open_height / node_height
    radius = sphere_radius(treatment.filled_volume, 1.0)
    tip = 0.5 * (1.0 + treatment.tip[2]) * positions[-1] + 0.5 * (1.0 - treatment.tip[2]) * positions[0]
    share = np.clip((radius - np.abs(positions - tip)) / node_height + 0.5, 0.0, 1.0)
    filled = share * fillable
    spread = 1e3 * (filled / filled.sum()) / volumes
    carrier = share if float(treatment.product.carrier.gel_half_life) > 0.0 else np.zeros_like(share)
    weight = np.ones((1, len(volumes)))
    return Placement(treatment.retained_cells * spread[None], carrier[None], weight, share[None], spread[None])
