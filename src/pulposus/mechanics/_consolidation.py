r"""A confined column of tissue that drains on one face: creep and stress relaxation (mechanics_imaging 2.1; rulings 42, 43).

.. math::

    \sigma_c(\lambda) - \mu &= \sigma, \qquad J = \lambda \\
    \frac{\partial J}{\partial t} &= \frac{\partial}{\partial Z}\left(\frac{k(J)}{J} \frac{\partial \mu}{\partial Z}\right)

Z runs from the impermeable base (0) to the draining face (h), where mu is 0; sigma is the total stress on the column, one number. A column
that drains on both faces is two such columns of half the height. The element is that of the disc in one dimension: the displacement is
quadratic, hence the stretch linear in every element and free at two Gauss points, and mu is linear and continuous. Time steps are implicit
Euler; a jump of the load is an undrained solve. Unknown is y with lambda = n_s + (1 - n_s) e^y, so the solid cannot be squeezed further.
The integral of J - J0 is minus the water that left, to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float
from numpy.typing import NDArray

from pulposus.errors import InvalidInput
from pulposus.mechanics._arrays import Flag, Scalar, Status, as_field
from pulposus.mechanics._energy import aggregate_modulus, confined_stress
from pulposus.mechanics._homogeneous import CONVERGED, NOT_FOUND
from pulposus.mechanics._material import Material

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

Unknowns = Float[Array, "unknowns"]

# The two Gauss points of an element of length 1.
_GAUSS = np.array([0.5 - 0.5 / np.sqrt(3.0), 0.5 + 0.5 / np.sqrt(3.0)])
_TOLERANCE = 1e-11
_MOST_ITERATIONS = 40


class Column(eqx.Module):
    """A confined specimen and its mesh.

    Attributes:
        material: The tissue, one for the whole column.
        nodes: Heights in the reference configuration [mm], 0 at the impermeable base, rising to the draining face, (nodes,).
    """

    material: Material
    nodes: Float[Array, "nodes"] = eqx.field(converter=as_field)

    @classmethod
    def of_height(cls, material: Material, height: float, *, elements: int = 16, refinement: float = 1.0) -> Column:
        """A column of equal elements, or with elements that shrink towards the draining face.

        Args:
            material: The tissue.
            height: In the reference configuration [mm].
            elements: Number of elements.
            refinement: Length of the first element over that of the last, 1 or more.

        Raises:
            InvalidInput: The height is not positive, there is no element, or the refinement is below 1.
        """
        if not (height > 0.0 and elements >= 1 and refinement >= 1.0):
            raise InvalidInput(
                f"a column of {height:g} mm, {elements} elements, refinement {refinement:g}",
                where="Column.of_height",
                allowed="a height above 0 mm, 1 or more elements, refinement 1 or more",
            )
        lengths = refinement ** -(np.arange(elements) / max(elements - 1, 1))
        places = np.concatenate([[0.0], np.cumsum(lengths)]) / lengths.sum()
        return cls(material, height * places)

    @property
    def lengths(self) -> Float[Array, "elements"]:
        """Reference lengths of the elements [mm]."""
        return jnp.diff(self.nodes)

    @property
    def height(self) -> Scalar:
        """Reference height [mm]."""
        return self.nodes[-1]


class TimeSteps(eqx.Module):
    """Times of a test, and what is prescribed at the face.

    Attributes:
        times: End of every step [day], rising from above 0, (steps,).
        by_displacement: Whether the mean stretch is prescribed, else the stress, (steps,).
        target: Mean stretch of the column, or total stress [MPa, compression negative], (steps,).
    """

    times: Float[Array, "steps"] = eqx.field(converter=as_field)
    by_displacement: Bool[Array, "steps"] = eqx.field(converter=jnp.asarray)
    target: Float[Array, "steps"] = eqx.field(converter=as_field)

    @classmethod
    def creep(cls, times: Array | NDArray[np.float64], stress: ArrayLike) -> TimeSteps:
        """A constant total stress [MPa], applied by a jump at time 0."""
        count = len(times)
        return cls(times, np.full(count, False), jnp.full(count, stress))

    @classmethod
    def relaxation(cls, times: Array | NDArray[np.float64], start: float, stretch: float, ramp: float) -> TimeSteps:
        """A mean stretch that goes linearly from `start` to `stretch` within `ramp` [day], and is then held."""
        moved = np.clip(np.asarray(times) / ramp, 0.0, 1.0)
        return cls(times, np.full(len(times), True), start + moved * (stretch - start))


class Consolidation(eqx.Module):
    """A test on a column; the first entry of every history is the state just after the jump at time 0.

    Attributes:
        times: [day], (times,).
        shortening: Way of the draining face into the column since time 0 [mm], (times,).
        stress: Total stress [MPa, compression negative], (times,).
        base_potential: Chemical potential of water at the base [MPa]; under a small load the excess pressure, (times,).
        base_pressure: Fluid pressure at the base, potential and osmotic pressure [MPa], (times,).
        outflow: Water that left through the face since time 0 [mm3 per mm2], (times,).
        stretch: At the Gauss points of every element, (times, elements, 2).
        status: Key of `STATUS_TEXT`.
    """

    times: Float[Array, "times"]
    shortening: Float[Array, "times"]
    stress: Float[Array, "times"]
    base_potential: Float[Array, "times"]
    base_pressure: Float[Array, "times"]
    outflow: Float[Array, "times"]
    stretch: Float[Array, "times elements 2"]
    status: Status


def time_steps(
    column: Column, duration: float, parameters: ParameterSet, *, stretch: float = 1.0, growth: float = 1.2
) -> NDArray[np.float64]:
    """Times of implicit steps that grow by a factor, from the shortest that does not oscillate to one hour [day].

    Args:
        column: The specimen; its last element and its aggregate modulus set the first step, h_e^2 / (6 H_A k).
        duration: End of the test [day].
        parameters: The loaded parameters.
        stretch: Of the column at the start.
        growth: Factor from step to step, above 1.

    Raises:
        InvalidInput: The duration is not positive or the factor not above 1.
    """
    if not (duration > 0.0 and growth > 1.0):
        raise InvalidInput(
            f"a duration of {duration:g} days, steps that grow by {growth:g}",
            where="time_steps",
            allowed="a duration above 0, a factor above 1",
        )
    at = as_field(stretch)
    conductivity = column.material.permeability.at(at) * aggregate_modulus(at, column.material) / at
    stable = float(column.lengths[-1] ** 2 / (6.0 * conductivity))
    step = max(parameters.value("mechanics.time_step.shortest_first"), stable)
    longest = max(parameters.value("mechanics.time_step.longest"), step)
    times = [0.0]
    while times[-1] < duration:
        times.append(min(times[-1] + step, duration))
        step = min(growth * step, longest)
    return np.array(times[1:])


@eqx.filter_jit
def consolidate(column: Column, steps: TimeSteps, stretch: Scalar | float = 1.0) -> Consolidation:
    """Follow a column in time.

    Args:
        column: The specimen.
        steps: Times and load. The first target is applied by an undrained jump at time 0 where it is a stress; under a prescribed
            displacement nothing can jump, so the column starts as it is.
        stretch: Uniform stretch at the start, in equilibrium with the bath.

    Returns:
        The history. Forward-mode derivatives and `vmap` pass through it.
    """
    begin = _start(column, steps, as_field(stretch))
    first = (begin, jnp.zeros(()), jnp.asarray(True))
    lengths_of_time = jnp.diff(jnp.concatenate([jnp.zeros(1), steps.times]))

    def advance(carry: tuple[Unknowns, Scalar, Flag], step: tuple[Scalar, Flag, Scalar]) -> tuple[tuple, tuple]:
        before, outflow, going = carry
        after, found = _newton(before, column, *step)
        going = going & found
        after = jnp.where(going, after, before)
        outflow = outflow + jnp.where(going, _outflow(after, before, column, step[0]), 0.0)
        return (after, outflow, going), (after, outflow)

    (_, _, found), (states, outflow) = lax.scan(advance, first, (lengths_of_time, steps.by_displacement, steps.target))
    history = jnp.concatenate([begin[None], states])
    stretches, mu, stress = jax.vmap(lambda unknowns: _split(unknowns, column))(history)
    heights = jnp.sum(_weights(column)[None] * stretches, axis=(1, 2))
    base = jax.vmap(lambda unknowns: _base_stretch(unknowns, column))(history)
    return Consolidation(
        times=jnp.concatenate([jnp.zeros(1), steps.times]),
        shortening=heights[0] - heights,
        stress=stress,
        base_potential=mu[:, 0],
        base_pressure=mu[:, 0] + column.material.donnan.pressure(base),
        outflow=jnp.concatenate([jnp.zeros(1), outflow]),
        stretch=stretches,
        status=jnp.where(found, CONVERGED, NOT_FOUND),
    )


def _start(column: Column, steps: TimeSteps, stretch: Scalar) -> Unknowns:
    """The uniform column just after the undrained jump: no stretch changes, the water takes the new load."""
    ns = column.material.donnan.solid_fraction
    carried = confined_stress(stretch, column.material)
    stress = jnp.where(steps.by_displacement[0], carried, steps.target[0])
    elements, nodes = len(column.nodes) - 1, len(column.nodes)
    y = jnp.log((stretch - ns) / (1.0 - ns))
    return jnp.concatenate([jnp.full(2 * elements, y), jnp.full(nodes, carried - stress), stress[None]])


def _split(unknowns: Unknowns, column: Column) -> tuple[Float[Array, "elements 2"], Float[Array, "nodes"], Scalar]:
    """Stretch at the Gauss points, mu at the nodes, total stress."""
    elements = len(column.nodes) - 1
    ns = column.material.donnan.solid_fraction
    stretch = ns + (1.0 - ns) * jnp.exp(unknowns[: 2 * elements].reshape(elements, 2))
    return stretch, unknowns[2 * elements : -1], unknowns[-1]


def _weights(column: Column) -> Float[Array, "elements 2"]:
    """Length that every Gauss point stands for [mm]."""
    return 0.5 * jnp.stack([column.lengths, column.lengths], axis=1)


def _shapes() -> Float[Array, "2 2"]:
    """Linear shape functions at the Gauss points: [point, lower and upper node]."""
    return jnp.asarray(np.stack([1.0 - _GAUSS, _GAUSS], axis=1))


def _base_stretch(unknowns: Unknowns, column: Column) -> Scalar:
    """Stretch at the base, linear from the Gauss points of the first element."""
    stretch, _, _ = _split(unknowns, column)
    share = _GAUSS[0] / (_GAUSS[1] - _GAUSS[0])
    return stretch[0, 0] - share * (stretch[0, 1] - stretch[0, 0])


def _water_balance(after: Unknowns, before: Unknowns, column: Column, dt: Scalar) -> Float[Array, "nodes"]:
    """Water gained in a step, weighed with the shape function of every node, and what flows past it [mm3 per mm2]."""
    stretch, mu, _ = _split(after, column)
    old, _, _ = _split(before, column)
    gain = jnp.einsum("eg,eg,gn->en", _weights(column), stretch - old, _shapes())
    slope = jnp.diff(mu) / column.lengths
    conductance = jnp.sum(_weights(column) * column.material.permeability.at(stretch) / stretch, axis=1)
    passing = dt * conductance * slope / column.lengths
    lower, upper = gain[:, 0] - passing, gain[:, 1] + passing
    return jnp.append(lower, 0.0) + jnp.concatenate([jnp.zeros(1), upper])


def _outflow(after: Unknowns, before: Unknowns, column: Column, dt: Scalar) -> Scalar:
    """Water that left through the draining face in a step: the reaction of its node [mm3 per mm2]."""
    return -_water_balance(after, before, column, dt)[-1]


def _residual(
    after: Unknowns, before: Unknowns, column: Column, dt: Scalar, by_displacement: Flag, target: Scalar
) -> Unknowns:
    """Equilibrium at every Gauss point, water at every node (mu = 0 at the face), and the load."""
    stretch, mu, stress = _split(after, column)
    carried = jax.vmap(lambda one: confined_stress(one, column.material))(stretch.reshape(-1))
    inside = (jnp.stack([mu[:-1], mu[1:]], axis=1) @ _shapes().T).reshape(-1)
    momentum = carried - inside - stress
    water = _water_balance(after, before, column, dt).at[-1].set(mu[-1])
    mean = jnp.sum(_weights(column) * stretch) / column.height
    load = jnp.where(by_displacement, mean - target, stress - target)
    return jnp.concatenate([momentum, water, load[None]])


def _newton(
    before: Unknowns, column: Column, dt: Scalar, by_displacement: Flag, target: Scalar
) -> tuple[Unknowns, Flag]:
    """The state at the end of a step, and whether it was found."""

    def residual(after: Unknowns) -> Unknowns:
        return _residual(after, before, column, dt, by_displacement, target)

    def going(carry: tuple[Unknowns, Scalar, Array]) -> Flag:
        return (carry[1] > _TOLERANCE) & (carry[2] < _MOST_ITERATIONS)

    def iterate(carry: tuple[Unknowns, Scalar, Array]) -> tuple[Unknowns, Scalar, Array]:
        after, _, iteration = carry
        change = -jnp.linalg.solve(jax.jacfwd(residual)(after), residual(after))
        size = jnp.max(jnp.abs(change))
        # A change of y above 1 leaves the region in which the linear equations say anything.
        return after + change * jnp.minimum(1.0, 1.0 / size), size, iteration + 1

    after, size, _ = lax.while_loop(going, iterate, (before, jnp.asarray(jnp.inf), jnp.asarray(0)))
    return after, size <= _TOLERANCE
