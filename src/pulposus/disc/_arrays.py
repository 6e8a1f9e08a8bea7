"""Array types of the disc room."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from pulposus import _backend  # noqa: F401

Scalar = Float[Array, ""]


def as_array(value: ArrayLike) -> Array:
    """A float64 array: a Python number inside a PyTree would be a new compilation for every value."""
    return jnp.asarray(value, dtype=jnp.float64)


def as_optional_array(value: ArrayLike | None) -> Array | None:
    """The same for what a disc may do without."""
    return None if value is None else as_array(value)
