"""Array types of the mechanics room, and the few operations on a deformation gradient that its laws share.

F is the deformation gradient, J = det F the volume over the reference volume; axes of a specimen are circumferential, radial, axial.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from pulposus import _backend  # noqa: F401

Scalar = Float[Array, ""]
Field = Float[Array, "..."]
Vector = Float[Array, "3"]
Tensor = Float[Array, "3 3"]
Flag = Bool[Array, ""]
Status = Int[Array, ""]


Numbers = ArrayLike | Sequence[ArrayLike]
"""A number, an array, or a list of numbers."""


def as_field(value: Numbers) -> Array:
    """A number or an array as a double-precision array."""
    return jnp.asarray(value, dtype=jnp.float64)


def volume_ratio(F: Tensor) -> Scalar:
    """J = det F, a triple product."""
    return jnp.dot(F[0], jnp.cross(F[1], F[2]))
