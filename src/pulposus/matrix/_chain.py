r"""A linear chain of two pools with constant rates, solved exactly for a step of any length (cells_matrix 2.7, 6.2).

.. math::

    A' &= s - a A \\
    F' &= b A - d F

With :math:`x = -a h`, :math:`y = -d h` and the divided differences of the exponential, which are means of exp and so positive,

.. math::

    A(h) &= A_0 e^x + s h\, e[0, x] \\
    F(h) &= F_0 e^y + b h\, (A_0\, e[x, y] + s h\, e[0, x, y]) \\
    \int_0^h A\, dt &= h\, (A_0\, e[0, x] + s h\, e[0, 0, x]) \\
    \int_0^h F\, dt &= h\, (F_0\, e[0, y] + b h\, (A_0\, e[0, x, y] + s h\, e[0, 0, x, y]))

so that pools and flows are sums of positive terms and the balances hold to rounding, also where the two rates agree or vanish.
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from pulposus.cells._arrays import Field, Scalar
from pulposus.cells._integrator import mean_exponential

# Below this magnitude of both arguments the Taylor series is used. The first term left out is below 17 x 0.5^16 / 18! = 4e-20; above it
# the differences lose less than one digit.
SERIES_BELOW = 0.5
_TERMS = 16


def divided_exponential(x: Field, y: Field) -> Field:
    """e[x, y] = (exp(x) - exp(y)) / (x - y); exp(x) where both agree."""
    upper, lower = jnp.maximum(x, y), jnp.minimum(x, y)
    return jnp.exp(upper) * mean_exponential(lower - upper)


def once_integrated(x: Field, y: Field) -> Field:
    """e[0, x, y] for x, y <= 0: the mean of e[x, y] along its integral; 1/2 at zero."""
    upper, lower = jnp.maximum(x, y), jnp.minimum(x, y)
    far = jnp.where(lower > -SERIES_BELOW, -SERIES_BELOW, lower)
    difference = (mean_exponential(upper) - divided_exponential(far, upper)) / -far
    return jnp.where(lower > -SERIES_BELOW, _series(x, y, 1), difference)


def twice_integrated(x: Field, y: Field) -> Field:
    """e[0, 0, x, y] for x, y <= 0; 1/6 at zero."""
    upper, lower = jnp.maximum(x, y), jnp.minimum(x, y)
    far = jnp.where(lower > -SERIES_BELOW, -SERIES_BELOW, lower)
    difference = (mean_of_mean(upper) - once_integrated(far, upper)) / -far
    return jnp.where(lower > -SERIES_BELOW, _series(x, y, 2), difference)


def mean_of_mean(x: Field) -> Field:
    """e[0, 0, x] = (exp(x) - 1 - x) / x^2 for x <= 0; 1/2 at zero."""
    return once_integrated(x, jnp.zeros_like(x))


def _series(x: Field, y: Field, zeros: int) -> Field:
    """Sum of h_n(x, y) / (n + zeros + 1)!, h_n the complete homogeneous polynomial; arguments far from zero are held at the border."""
    near_x = jnp.maximum(x, -SERIES_BELOW)
    near_y = jnp.maximum(y, -SERIES_BELOW)
    polynomial = jnp.ones_like(near_x * near_y)
    power = polynomial
    total = polynomial / math.factorial(zeros + 1)
    for degree in range(1, _TERMS):
        power = power * near_y
        polynomial = near_x * polynomial + power
        total = total + polynomial / math.factorial(degree + zeros + 1)
    return total


def pool_step(start: Field, source: Field, loss: Field, step: Scalar) -> tuple[Field, Field]:
    """One pool: A at the end and its integral over the step.

    Args:
        start: A at the start [mg/mL].
        source: s [mg/mL/day].
        loss: a, not negative [1/day].
        step: Length of the step [day].
    """
    x = -loss * step
    end = start * jnp.exp(x) + source * step * mean_exponential(x)
    return end, step * (start * mean_exponential(x) + source * step * mean_of_mean(x))


def fed_pool_step(
    start: Field, feeding: Field, source: Field, loss: Field, cleavage: Field, exit_rate: Field, step: Scalar
) -> tuple[Field, Field]:
    """The second pool: F at the end and its integral over the step.

    Args:
        start: F at the start [mg/mL].
        feeding: A at the start [mg/mL].
        source: s, what enters A [mg/mL/day].
        loss: a, all that leaves A [1/day].
        cleavage: b, what passes from A to F [1/day].
        exit_rate: d, what leaves F [1/day].
        step: Length of the step [day].
    """
    x, y = -loss * step, -exit_rate * step
    made = source * step
    end = start * jnp.exp(y) + cleavage * step * (feeding * divided_exponential(x, y) + made * once_integrated(x, y))
    fed = cleavage * step * (feeding * once_integrated(x, y) + made * twice_integrated(x, y))
    return end, step * (start * mean_exponential(y) + fed)
