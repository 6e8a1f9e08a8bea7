r"""The standard tests of a tissue specimen, on the laws of the disc (mechanics_imaging 2.5, 3.2 targets 1 to 4; rulings 45).

Every test is a homogeneous state of the specimen in a bath of physiological salt:

* free swelling: no load;
* confined compression: lateral stretch 1, drained; swelling pressure :math:`\pi(1)`, aggregate modulus and permeability,

  .. math:: H_A = K_0 + \tfrac{4}{3} \mu_s + \frac{\Phi R T c_0^2}{(1 - n_s) \sqrt{c_0^2 + c_b^2}} \quad (J = 1,\ \text{no fibres});

* unconfined compression of the nucleus and tension of the annulus: no lateral stress; strain is engineering strain from the swollen free
  length, stress is nominal on the swollen free area, once drained and once without time to give off water.

Stress is total, compression negative. Axes are circumferential (0), radial (1) and axial (2). All results can be differentiated and
batched; `status` says whether equilibrium was found.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from pulposus.errors import InvalidInput
from pulposus.mechanics._arrays import Numbers, Scalar, Status, Vector, as_field
from pulposus.mechanics._energy import aggregate_modulus, principal_stress
from pulposus.mechanics._homogeneous import CONVERGED, NOT_FOUND, Control, drained, equilibrium, slope_by_strain
from pulposus.mechanics._material import Material

_AXES = {"circumferential": 0, "axial": 2}
_FREE = (False, False, False)
_NO_STRESS = (0.0, 0.0, 0.0)


class FreeSwelling(eqx.Module):
    """A specimen without load in the bath.

    Attributes:
        stretch: Along the axes, from the reference volume, (3,).
        volume_ratio: Volume over the reference volume.
        water_fraction: Water by volume.
        fixed_charge: [mEq/mL of water].
        osmotic_pressure: Held by the solid [MPa].
        status: Key of `STATUS_TEXT`.
    """

    stretch: Vector
    volume_ratio: Scalar
    water_fraction: Scalar
    fixed_charge: Scalar
    osmotic_pressure: Scalar
    status: Status


class ConfinedCompression(eqx.Module):
    """A specimen between lateral walls, drained.

    Attributes:
        stretch: Axial stretch from the reference height, (points,).
        axial_stress, lateral_stress: Total stress, the mean of both lateral axes for the second [MPa], (points,).
        osmotic_pressure: [MPa], (points,).
        aggregate_modulus: Slope of the axial stress over the stretch [MPa], (points,).
        permeability: [mm2/(MPa day)], (points,).
        swelling_pressure: Compression that holds the reference height [MPa].
        reference_modulus: Aggregate modulus at the reference height [MPa].
        reference_permeability: Permeability at the reference height [mm2/(MPa day)].
        status: Key of `STATUS_TEXT`; not found where the solid has no room, (points,).
    """

    stretch: Float[Array, "points"]
    axial_stress: Float[Array, "points"]
    lateral_stress: Float[Array, "points"]
    osmotic_pressure: Float[Array, "points"]
    aggregate_modulus: Float[Array, "points"]
    permeability: Float[Array, "points"]
    swelling_pressure: Scalar
    reference_modulus: Scalar
    reference_permeability: Scalar
    status: Int[Array, "points"]

    def consolidation_time(self, height: ArrayLike) -> Scalar:
        """h^2 / (H_A k) [day] of a specimen that drains on one face, at the reference height [mm]."""
        return as_field(height) ** 2 / (self.reference_modulus * self.reference_permeability)


class UniaxialTest(eqx.Module):
    """A specimen pulled or pressed along one axis, free on the others.

    Attributes:
        strain: Engineering strain from the swollen free length, extension positive, (points,).
        stress: Nominal stress on the swollen free area, drained [MPa], (points,).
        modulus: Its slope over the strain [MPa], (points,).
        undrained_stress, undrained_modulus: The same without time to give off water [MPa], (points,).
        stretch: Drained, along the axes, from the reference volume, (points, 3).
        poisson_ratio: Minus the slope of the logarithmic strain of every axis over that of the loaded axis, whose own entry is -1; drained,
            (points, 3).
        free_stretch: Of the swollen specimen without load, (3,).
        status: Key of `STATUS_TEXT`, (points,).
    """

    strain: Float[Array, "points"]
    stress: Float[Array, "points"]
    modulus: Float[Array, "points"]
    undrained_stress: Float[Array, "points"]
    undrained_modulus: Float[Array, "points"]
    stretch: Float[Array, "points 3"]
    poisson_ratio: Float[Array, "points 3"]
    free_stretch: Vector
    status: Int[Array, "points"]


@eqx.filter_jit
def free_swelling(material: Material) -> FreeSwelling:
    """Let a specimen swell in the bath without load."""
    state = equilibrium(material, drained(_FREE, _NO_STRESS))
    J, donnan = state.volume_ratio, material.donnan
    return FreeSwelling(state.stretch, J, donnan.water_fraction(J), donnan.charge(J), donnan.pressure(J), state.status)


@eqx.filter_jit
def confined_compression(material: Material, stretch: Numbers) -> ConfinedCompression:
    """Press a specimen between lateral walls, slowly enough to stay drained.

    Args:
        material: The tissue.
        stretch: Axial stretches from the reference height, each above the solid fraction; 0.9 is a compression by 10 %.
    """
    points = jnp.atleast_1d(as_field(stretch))
    walls = jnp.ones_like(points)
    stress = jax.vmap(principal_stress, in_axes=(0, None, None))(
        jnp.stack([walls, walls, points], axis=1), jnp.zeros(()), material
    )
    room = points > material.donnan.solid_fraction
    reference = jnp.ones(())
    return ConfinedCompression(
        stretch=points,
        axial_stress=stress[:, 2],
        lateral_stress=0.5 * (stress[:, 0] + stress[:, 1]),
        osmotic_pressure=material.donnan.pressure(points),
        aggregate_modulus=jax.vmap(aggregate_modulus, in_axes=(0, None))(points, material),
        permeability=material.permeability.at(points),
        swelling_pressure=material.donnan.pressure(reference),
        reference_modulus=aggregate_modulus(reference, material),
        reference_permeability=material.permeability.at(reference),
        status=jnp.where(room, CONVERGED, NOT_FOUND),
    )


def unconfined_compression(material: Material, strain: Numbers) -> UniaxialTest:
    """Press a specimen axially between smooth plates, free at its sides.

    Args:
        material: The tissue.
        strain: Compressive strains from the swollen free height, positive and below 1. The strains of the result are negative.
    """
    return _uniaxial(material, -jnp.atleast_1d(as_field(strain)), _along("axial"))


def annulus_tension(material: Material, strain: Numbers, direction: str = "circumferential") -> UniaxialTest:
    """Pull a specimen of annulus along one axis.

    Args:
        material: The tissue.
        strain: Tensile strains from the swollen free length, positive.
        direction: "circumferential" or "axial".

    Raises:
        InvalidInput: There is no such direction.
    """
    if direction not in _AXES:
        raise InvalidInput(f'no direction "{direction}"', where="annulus_tension", allowed=", ".join(_AXES))
    return _uniaxial(material, jnp.atleast_1d(as_field(strain)), _along(direction))


def _along(direction: str) -> Bool[Array, "3"]:
    return jnp.arange(3) == _AXES[direction]


@eqx.filter_jit
def _uniaxial(material: Material, strain: Float[Array, "points"], loaded: Bool[Array, "3"]) -> UniaxialTest:
    """Stress, slope and lateral strain at every strain, drained and undrained."""
    free = equilibrium(material, drained(_FREE, _NO_STRESS))

    def at(one: Scalar, dry: Bool[Array, ""]) -> tuple[Scalar, Scalar, Vector, Vector, Status]:
        target = jnp.where(loaded, free.stretch * (1.0 + one), 0.0)
        control = Control(loaded, target, dry, jnp.where(dry, 0.0, free.volume_ratio))
        state = equilibrium(material, control, free)
        # Force over the free area is the true stress times the growth of the area; ln(1 + strain) is the logarithmic strain from there.
        area = jnp.prod(jnp.where(loaded, 1.0, state.stretch / free.stretch))
        strains, stresses = slope_by_strain(state, material, control, loaded)
        along, growing = (jnp.sum(jnp.where(loaded, entries, 0.0)) for entries in (state.stress, stresses))
        widening = jnp.sum(jnp.where(loaded, 0.0, strains))
        slope = area * (growing + along * widening) / (1.0 + one)
        return area * along, slope, state.stretch, -strains, jnp.maximum(free.status, state.status)

    # The same points in two conditions: drained and undrained.
    both = jax.vmap(jax.vmap(at, in_axes=(0, None)), in_axes=(None, 0))
    stress, modulus, stretch, poisson, status = both(strain, jnp.array([True, False]))
    return UniaxialTest(
        strain=strain,
        stress=stress[0],
        modulus=modulus[0],
        undrained_stress=stress[1],
        undrained_modulus=modulus[1],
        stretch=stretch[0],
        poisson_ratio=poisson[0],
        free_stretch=free.stretch,
        status=jnp.maximum(status[0], status[1]),
    )
