r"""Equilibrium of a specimen that deforms homogeneously along its axes, drained or undrained (mechanics_imaging 2.1).

Unknown are the logarithms of the three principal stretches and the chemical potential of water; along every axis either the stretch or the
true stress is prescribed, and either the chemical potential (drained) or the volume (undrained) is:

.. math::

    \ln \lambda_i = \ln \bar\lambda_i \quad\text{or}\quad \sigma_i(\lambda, \mu) = \bar\sigma_i, \qquad
    \mu = \bar\mu \quad\text{or}\quad \ln J = \ln \bar J

Newton's method with steps that are halved while they leave J > n_s or do not lower the residual, continued in equal increments from a given
state. The iterations are not differentiated: one more Newton step from the solution is, and it carries the exact first derivative in
forward and reverse mode. Slopes of a state come from the linear equations (`slope_by_strain`), so a slope can be differentiated once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mechanics._arrays import Flag, Numbers, Scalar, Status, Vector, as_field
from pulposus.mechanics._energy import principal_stress
from pulposus.mechanics._material import Material

CONVERGED, NOT_FOUND = 0, 1
STATUS_TEXT = {
    CONVERGED: "converged",
    NOT_FOUND: "no equilibrium found; apply less load, or in more increments",
}

Unknowns = Float[Array, "4"]

# In the logarithm of a stretch and in MPa: far below any reading, far above rounding.
_TOLERANCE = 1e-11
_MOST_ITERATIONS = 40
_MOST_HALVINGS = 30


class Control(eqx.Module):
    """What is prescribed along the axes circumferential (0), radial (1) and axial (2), and for the water.

    Attributes:
        by_stretch: Whether the stretch is prescribed, else the stress, (3,).
        target: Stretch, or total true stress [MPa, compression negative], (3,).
        drained: Whether the chemical potential is prescribed, else the volume ratio.
        water: Chemical potential [MPa], or J.
    """

    by_stretch: Bool[Array, "3"] = eqx.field(converter=jnp.asarray)
    target: Vector = eqx.field(converter=as_field)
    drained: Flag = eqx.field(converter=jnp.asarray)
    water: Scalar = eqx.field(converter=as_field)


class Equilibrium(eqx.Module):
    """A state of a specimen.

    Attributes:
        stretch: Principal stretches from the reference volume, (3,).
        chemical_potential: Of water [MPa]; 0 is the bath.
        stress: Total true stress along the axes [MPa], (3,).
        load_share: Share of the way to the prescribed state at which equilibrium was last found; 1 when converged.
        status: Key of `STATUS_TEXT`.
    """

    stretch: Vector
    chemical_potential: Scalar
    stress: Vector
    load_share: Scalar
    status: Status

    @property
    def volume_ratio(self) -> Scalar:
        """J."""
        return jnp.prod(self.stretch)


def require_equilibrium(state: Equilibrium, what: str) -> None:
    """Turn a failure that is data into an error, at the edge.

    Raises:
        SolverFailed: No equilibrium was found; says how much of the load was reached.
    """
    if bool(jnp.any(state.status != CONVERGED)):
        share = 100.0 * float(jnp.min(state.load_share))
        raise SolverFailed(
            f"{what}: no equilibrium found, the load was reached to {share:.0f} %", remedy="apply less load"
        )


def drained(by_stretch: Sequence[bool], target: Numbers) -> Control:
    """Control of a specimen in the bath, in equilibrium with it."""
    return Control(jnp.asarray(by_stretch), as_field(target), jnp.asarray(True), 0.0)


def undrained(by_stretch: Sequence[bool], target: Numbers, J: ArrayLike) -> Control:
    """Control of a specimen that has no time to give off water; J is the volume that it keeps."""
    return Control(jnp.asarray(by_stretch), as_field(target), jnp.asarray(False), J)


@eqx.filter_jit
def equilibrium(
    material: Material, control: Control, start: Equilibrium | None = None, *, increments: int = 10
) -> Equilibrium:
    """The state that a control prescribes.

    Args:
        material: The tissue.
        control: What is prescribed.
        start: State to go on from; the reference volume in the bath where left out.
        increments: Equal steps from the start to the prescribed state, at least 1.

    Raises:
        InvalidInput: There is no increment.
    """
    if increments < 1:
        raise InvalidInput(f"{increments} increments", where="equilibrium", allowed="1 or more")
    begin = jnp.zeros(4) if start is None else jnp.append(jnp.log(start.stretch), start.chemical_potential)
    unknowns, share = _continue(material, control, begin, increments)
    converged = share >= 1.0
    polished = unknowns + _newton_step(unknowns, material, control)
    unknowns = jnp.where(converged, polished, unknowns)
    stretch, mu = jnp.exp(unknowns[:3]), unknowns[3]
    status = jnp.where(converged, CONVERGED, NOT_FOUND)
    return Equilibrium(stretch, mu, principal_stress(stretch, mu, material), share, status)


def slope_by_strain(
    state: Equilibrium, material: Material, control: Control, loaded: Bool[Array, "3"]
) -> tuple[Vector, Vector]:
    """How a state answers to more strain along one axis, whose stretch is prescribed.

    Args:
        state: Equilibrium under the control.
        material: The tissue.
        control: What is prescribed.
        loaded: True for the axis, (3,).

    Returns:
        Slopes over the logarithmic strain of the axis: of the logarithmic strains, (3,), and of the true stresses [MPa], (3,).
    """
    point = jnp.append(jnp.log(state.stretch), state.chemical_potential)
    moved = jnp.linalg.solve(
        jax.jacfwd(_residual)(point, material, control), jnp.append(loaded, False).astype(jnp.float64)
    )

    def stress(at: Unknowns) -> Vector:
        return principal_stress(jnp.exp(at[:3]), at[3], material)

    return moved[:3], jax.jvp(stress, (point,), (moved,))[1]


def _continue(material: Material, control: Control, begin: Unknowns, increments: int) -> tuple[Unknowns, Scalar]:
    """Unknowns at the prescribed state, or where the last equilibrium was found, and the share of the way."""
    fixed_material, fixed, begin = lax.stop_gradient((material, control, begin))
    stretch, mu = jnp.exp(begin[:3]), begin[3]
    # A stretch or a volume is approached by equal factors, a stress or a potential by equal amounts.
    first = jnp.where(fixed.by_stretch, begin[:3], principal_stress(stretch, mu, fixed_material))
    last = jnp.where(fixed.by_stretch, jnp.log(jnp.where(fixed.by_stretch, fixed.target, 1.0)), fixed.target)
    first_water = jnp.where(fixed.drained, mu, jnp.sum(begin[:3]))
    last_water = jnp.where(fixed.drained, fixed.water, jnp.log(jnp.where(fixed.drained, 1.0, fixed.water)))

    def at(share: Scalar) -> Control:
        target, water = first + share * (last - first), first_water + share * (last_water - first_water)
        return Control(
            fixed.by_stretch,
            jnp.where(fixed.by_stretch, jnp.exp(target), target),
            fixed.drained,
            jnp.where(fixed.drained, water, jnp.exp(water)),
        )

    def increment(carry: tuple[Unknowns, Scalar, Flag], share: Scalar) -> tuple[tuple[Unknowns, Scalar, Flag], None]:
        unknowns, reached, going = carry
        solved, found = _newton(unknowns, fixed_material, at(share))
        going = going & found
        return (jnp.where(going, solved, unknowns), jnp.where(going, share, reached), going), None

    shares = jnp.arange(1, increments + 1, dtype=jnp.float64) / increments
    (unknowns, reached, _), _ = lax.scan(increment, (begin, jnp.zeros(()), jnp.asarray(True)), shares)
    return unknowns, reached


def _newton(unknowns: Unknowns, material: Material, control: Control) -> tuple[Unknowns, Flag]:
    """Unknowns at a control, and whether they were found."""

    def going(carry: tuple[Unknowns, Scalar, Array]) -> Flag:
        _, size, iteration = carry
        return (size > _TOLERANCE) & (iteration < _MOST_ITERATIONS)

    def iterate(carry: tuple[Unknowns, Scalar, Array]) -> tuple[Unknowns, Scalar, Array]:
        point, _, iteration = carry
        step = _newton_step(point, material, control)
        taken = _share_of_step(point, step, material, control) * step
        # The full step measures the distance to the solution, also where only a part of it was taken.
        return point + taken, jnp.max(jnp.abs(step)), iteration + 1

    solved, size, _ = lax.while_loop(going, iterate, (unknowns, jnp.asarray(jnp.inf), jnp.asarray(0)))
    return solved, size <= _TOLERANCE


def _share_of_step(point: Unknowns, step: Unknowns, material: Material, control: Control) -> Scalar:
    """Largest of 1, 1/2, 1/4 ... that stays above the solid volume and lowers the residual; 0 where none does."""
    before = _size(point, material, control)

    def too_far(carry: tuple[Scalar, Array]) -> Flag:
        share, halvings = carry
        after = _size(point + share * step, material, control)
        # Written so that a size which is not a number counts as too far; rounding may keep a converged residual from falling.
        return ~(after <= before * (1.0 - 1e-4 * share) + _TOLERANCE) & (halvings < _MOST_HALVINGS)

    def halve(carry: tuple[Scalar, Array]) -> tuple[Scalar, Array]:
        return 0.5 * carry[0], carry[1] + 1

    share, halvings = lax.while_loop(too_far, halve, (jnp.ones(()), jnp.asarray(0)))
    return jnp.where(halvings < _MOST_HALVINGS, share, 0.0)


def _size(point: Unknowns, material: Material, control: Control) -> Scalar:
    """Norm of the residual; infinite where less volume is left than the solid has."""
    room = jnp.exp(jnp.sum(point[:3])) > material.donnan.solid_fraction
    return jnp.where(room, jnp.sqrt(jnp.sum(_residual(point, material, control) ** 2)), jnp.inf)


def _newton_step(point: Unknowns, material: Material, control: Control) -> Unknowns:
    """-J^-1 R."""
    slope = jax.jacfwd(_residual)(point, material, control)
    return -jnp.linalg.solve(slope, _residual(point, material, control))


def _residual(point: Unknowns, material: Material, control: Control) -> Unknowns:
    """The four equations of the module."""
    logarithms, mu = point[:3], point[3]
    stress = principal_stress(jnp.exp(logarithms), mu, material)
    wanted = jnp.log(jnp.where(control.by_stretch, control.target, 1.0))
    axes = jnp.where(control.by_stretch, logarithms - wanted, stress - control.target)
    volume = jnp.log(jnp.where(control.drained, 1.0, control.water))
    water = jnp.where(control.drained, mu - control.water, jnp.sum(logarithms) - volume)
    return jnp.append(axes, water)
