"""The disc as a solid that holds water: what is given, and what is found (mechanics_imaging 2.1).

Lengths mm, forces N, stresses MPa, time in days. The upper endplate is rigid and bonded: each of its six degrees of freedom has its motion
or its load prescribed. The lateral face is free of traction. A compressive axial force is negative.
"""

from __future__ import annotations

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from pulposus.mechanics._arrays import Scalar, Status, as_field
from pulposus.mechanics._material import Material
from pulposus.mesh import QuadraticMesh

Held = tuple[bool, bool, bool, bool, bool, bool]
ONLY_AXIAL: Held = (True, True, False, True, True, True)
"""The endplate moves along the axis only; the axial force is prescribed."""
FREE_ENDPLATE: Held = (False, False, False, False, False, False)
"""All three forces and all three moments are prescribed."""


class SolidProblem(eqx.Module):
    """A disc, or a half of it, in its stress-free configuration.

    Attributes:
        mesh: Connectivity.
        coordinates: Stress-free nodes [mm], (nodes, 3).
        material: Tissue of every Gauss point; its arrays have the leading axes (elements, 27).
        growth: Jg, volume ratio of matter added (above 1) or taken away, F = F_e F_g, (elements, 27).
        film: Hydraulic conductance kappa of the cartilage endplate in front of the lower and the upper face [mm/(MPa day)]; 0 is
            impermeable, (2, faces).
        centre: Point of the upper endplate that its translation refers to and the force acts on [mm], (3,).
        lower: "bonded" (fixed) or "symmetry" (no axial displacement, else free: the disc is the upper half of a symmetrical one).
        held: For the translations x, y, z and rotations about x, y, z: whether the motion is prescribed, else the load.
        open_endplates: Whether the chemical potential is 0 on both endplates, as it always is on the lateral face; a symmetry plane
            is never open.
        side: "free" of traction and at the potential of the bath, or "confined": a plug in a chamber, sealed, that moves along its axis
            only.
    """

    mesh: QuadraticMesh = eqx.field(static=True)
    coordinates: Float[Array, "nodes 3"] = eqx.field(converter=as_field)
    material: Material
    growth: Float[Array, "elements 27"] = eqx.field(converter=as_field)
    film: Float[Array, "2 faces"] = eqx.field(converter=as_field)
    centre: Float[Array, "3"] = eqx.field(converter=as_field)
    lower: Literal["bonded", "symmetry"] = eqx.field(static=True, default="bonded")
    held: Held = eqx.field(static=True, default=ONLY_AXIAL)
    open_endplates: bool = eqx.field(static=True, default=False)
    side: Literal["free", "confined"] = eqx.field(static=True, default="free")


class Deformation(eqx.Module):
    """A state of the disc.

    Attributes:
        displacement: Of every node [mm], (nodes, 3).
        motion: Translation [mm] and rotation vector [rad] of the upper endplate, (6,).
        potential: Chemical potential of water mu [MPa] at the corners; 0 where drained, (corners,).
        load: What was prescribed when this state was found: force [N] and moment [N mm], or motion where that is held, (6,).
        load_share: Share of the way to the prescribed load at which equilibrium was last found; 1 when converged.
        status: Key of `STATUS_TEXT`.
        iterations: Newton steps.
    """

    displacement: Float[Array, "nodes 3"]
    motion: Float[Array, "6"]
    potential: Float[Array, "corners"]
    load: Float[Array, "6"]
    load_share: Scalar
    status: Status
    iterations: Int[Array, ""]


def at_rest(problem: SolidProblem) -> Deformation:
    """The stress-free configuration without load: a start, not an equilibrium (the tissue would swell)."""
    return Deformation(
        displacement=jnp.zeros_like(problem.coordinates),
        motion=jnp.zeros(6),
        potential=jnp.zeros(len(problem.mesh.corners)),
        load=jnp.zeros(6),
        load_share=jnp.zeros(()),
        status=jnp.asarray(0),
        iterations=jnp.asarray(0),
    )


def uniform(material: Material, mesh: QuadraticMesh) -> Material:
    """One tissue at every Gauss point."""
    shape = (len(mesh.elements), 27)
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (*shape, *leaf.shape)), material)
