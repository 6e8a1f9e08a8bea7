"""Array types of the cells room: numbers become double-precision arrays at the border, to differentiate and batch."""

from __future__ import annotations

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401

Scalar = Float[Array, ""]
Field = Float[Array, "..."]


def as_field(value: ArrayLike) -> Array:
    """A number or an array as a double-precision array."""
    return jnp.asarray(value, dtype=jnp.float64)
