r"""Motion of the upper endplate: a rigid body with six degrees of freedom (mechanics_imaging 2.1).

.. math:: u(X) = t + (R(\theta) - I)(X - c), \qquad R = I + a\,[\theta]_\times + b\,[\theta]_\times^2, \quad
    a = \frac{\sin |\theta|}{|\theta|}, \; b = \frac{1 - \cos |\theta|}{|\theta|^2}

theta is the rotation vector, c the place where the force acts; the rotation may be finite. The moment is conjugate to the rotation vector,
so that its work has a potential; about a single axis it is the ordinary moment.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar, Tensor, Vector

Motion = Float[Array, "6"]

# Below this square of the angle the series is exact to double precision, also in its second derivative.
_SMALL = 1e-3


def rotation(vector: Vector) -> Tensor:
    """R of a rotation vector [rad]; smooth at zero."""
    square = jnp.sum(vector**2)
    a, b = _coefficients(square)
    x, y, z = vector
    zero = jnp.zeros(())
    cross = jnp.stack([jnp.stack([zero, -z, y]), jnp.stack([z, zero, -x]), jnp.stack([-y, x, zero])])
    return jnp.eye(3) + a * cross + b * (cross @ cross)


def _coefficients(square: Scalar) -> tuple[Scalar, Scalar]:
    """A = sin(t)/t and b = (1 - cos t)/t^2 of t^2."""
    small = square < _SMALL
    angle = jnp.sqrt(jnp.where(small, 1.0, square))
    first = jnp.sin(angle) / angle
    second = (1.0 - jnp.cos(angle)) / angle**2
    series_first = 1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0)))
    series_second = 0.5 - square / 24.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0 * (1.0 - square / 90.0)))
    return jnp.where(small, series_first, first), jnp.where(small, series_second, second)


def rigid_displacement(motion: Motion, places: Float[Array, "n 3"], centre: Vector) -> Float[Array, "n 3"]:
    """Displacement of points of the rigid body.

    Args:
        motion: Translation [mm] and rotation vector [rad].
        places: Points in the reference configuration.
        centre: c.
    """
    turned = (places - centre[None]) @ (rotation(motion[3:]) - jnp.eye(3)).T
    return motion[:3][None] + turned
