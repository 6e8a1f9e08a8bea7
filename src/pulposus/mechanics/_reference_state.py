r"""The stress-free disc behind an image (mechanics_imaging 2.1; rulings 10, 44).

An image shows the disc swollen and loaded. Its stress-free shape X is the fixed point of

.. math:: X \leftarrow X + (x_{image} - x(X)), \qquad x(X) = X + u(X; \text{supine load})

(Sellier 2011, doi:10.1016/j.mechrescom.2011.07.004). Composition is that of the image too, so every pass also sets

.. math:: n_s \leftarrow J (1 - \varphi_w), \qquad c_0 \leftarrow c\,\frac{J - n_s}{1 - n_s}

and at the end (J - n_s)/J and c of the supine equilibrium are those of the matrix room. Connectivity never changes: a pass changes arrays
only, so many discs of one mesh can be searched at once (`vmap`, `lax.map`), each with its own passes and status.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from pulposus.mechanics._arrays import Flag, Scalar, Status, as_field
from pulposus.mechanics._disc_material import Points
from pulposus.mechanics._disc_problem import DiscSolid
from pulposus.mechanics._equilibrium import drained_equilibrium, volume_ratios
from pulposus.mechanics._homogeneous import CONVERGED
from pulposus.mechanics._solid_problem import Deformation, SolidProblem, at_rest


class Passes(NamedTuple):
    """When the fixed point is found.

    Attributes:
        distance: Largest distance between the image and the shape under the supine load [mm]; a quarter of the 0.08 mm to which the
            height of a rested disc repeats in images.
        water: Largest error of the water fraction at any point; it is at the corners of the rim, the mean is thirty times smaller.
        most: Number of passes after which it counts as not found; the distance falls by a third in each.
    """

    distance: Scalar | float = 0.02
    water: Scalar | float = 0.005
    most: Int[Array, ""] | int = 30


USUAL = Passes()
NO_FIXED_POINT = 2
"""Status of a disc whose passes did not settle, beside those of an equilibrium."""


class ReferenceState(eqx.Module):
    """The stress-free disc and its supine equilibrium.

    Attributes:
        problem: On the stress-free shape, with its composition.
        supine: Equilibrium under the supine load.
        J: Volume ratio that the composition was set with; that of the equilibrium to the error of the water.
        residual: Largest distance between image and supine shape [mm].
        water_error: Largest error of the water fraction of the supine state.
        passes: Number of passes.
        status: 0 found; that of the equilibrium where one was not found; `NO_FIXED_POINT` where the passes did not settle.
    """

    problem: SolidProblem
    supine: Deformation
    J: Points
    residual: Scalar
    water_error: Scalar
    passes: Int[Array, ""]
    status: Status


def reference_state(
    solid: DiscSolid, load: Float[Array, "6"], start: ReferenceState | None = None, passes: Passes = USUAL
) -> ReferenceState:
    """Find the stress-free disc.

    Args:
        solid: The imaged disc.
        load: Supine load of the upper endplate.
        start: Reference state of a similar disc of the same mesh, such as the one before a parameter changed.
        passes: When to stop.

    Returns:
        The state; look at its status.
    """
    if start is None:
        J = jnp.ones_like(solid.imaged.water)
        begin = _Search(solid.image, J, at_rest(solid.problem(solid.image, J)))
    else:
        begin = _Search(start.problem.coordinates, start.J, start.supine)
    # As arrays: other limits are not compiled again.
    return _search(
        solid, load, begin, Passes(as_field(passes.distance), as_field(passes.water), jnp.asarray(passes.most))
    )


class _Search(NamedTuple):
    """What a pass begins with."""

    coordinates: Float[Array, "nodes 3"]
    J: Points
    deformation: Deformation


class _Pass(NamedTuple):
    """A pass that was done, and what the next one begins with; where none follows, what this one began with."""

    next: _Search
    residual: Scalar
    water_error: Scalar
    passes: Int[Array, ""]
    status: Status
    going: Flag


@eqx.filter_jit
def _search(solid: DiscSolid, load: Float[Array, "6"], begin: _Search, limits: Passes) -> ReferenceState:
    def unfinished(last: _Pass) -> Flag:
        return last.going

    def one_more(last: _Pass) -> _Pass:
        coordinates, J, deformation = last.next
        problem = solid.problem(coordinates, J)
        deformation = drained_equilibrium(problem, load, deformation)
        now = volume_ratios(problem, deformation)
        shift = solid.image - (coordinates + deformation.displacement)
        residual = jnp.max(jnp.abs(shift))
        error = jnp.max(jnp.abs(now - J) / now * (1.0 - solid.imaged.water))
        found = (residual < limits.distance) & (error < limits.water)
        failed = deformation.status != CONVERGED
        passes = last.passes + 1
        going = ~found & ~failed & (passes < limits.most)
        following = _Search(jnp.where(going, coordinates + shift, coordinates), jnp.where(going, now, J), deformation)
        status = jnp.where(found | failed, deformation.status, NO_FIXED_POINT)
        return _Pass(following, residual, error, passes, status, going)

    nothing = jnp.asarray(jnp.inf)
    first = _Pass(begin, nothing, nothing, jnp.asarray(0), jnp.asarray(NO_FIXED_POINT), jnp.asarray(True))
    last = lax.while_loop(unfinished, one_more, first)
    coordinates, J, supine = last.next
    return ReferenceState(
        problem=solid.problem(coordinates, J),
        supine=supine,
        J=J,
        residual=last.residual,
        water_error=last.water_error,
        passes=last.passes,
        status=last.status,
    )
