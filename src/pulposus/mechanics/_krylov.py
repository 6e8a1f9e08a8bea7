"""Generalised conjugate residuals (Eisenstat, Elman, Schultz 1983, doi:10.1137/0720023) around a direct solver of fewer digits.

The factors may be those of an earlier tangent in single precision: a step costs a hundredth of new factors, so up to a few dozen steps are
the cheaper way to the same answer. All products and sums are in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from pulposus import _backend  # noqa: F401

Vector = Float[Array, "unknowns"]
LinearMap = Callable[[Vector], Vector]


class KrylovResult(NamedTuple):
    """Solution, number of steps, and the residual norm over that of the right-hand side."""

    solution: Vector
    steps: Int[Array, ""]
    relative_residual: Float[Array, ""]


class _State(NamedTuple):
    solution: Vector
    residual: Vector
    directions: Float[Array, "most unknowns"]
    images: Float[Array, "most unknowns"]
    norm: Array
    norm_before: Array
    steps: Array


def conjugate_residuals(
    matrix: LinearMap,
    right: Vector,
    preconditioner: LinearMap,
    weight: Vector,
    tolerance: ArrayLike,
    most_steps: int,
) -> KrylovResult:
    """Solve `matrix(x) = right`; the best effort where it takes more steps than allowed or makes no more progress.

    Args:
        matrix: The tangent.
        right: Right-hand side.
        preconditioner: Approximate inverse.
        weight: Factor on every residual in norms.
        tolerance: Wanted residual norm over that of the right-hand side.
        most_steps: Directions that are kept.
    """
    weighted = right * weight
    start = jnp.sqrt(jnp.sum(weighted**2))
    safe = jnp.where(start > 0.0, start, 1.0)

    def unfinished(state: _State) -> Bool[Array, ""]:
        progress = state.norm < 0.99 * state.norm_before
        return (state.norm > tolerance * start) & progress & (state.steps < most_steps)

    def step(state: _State) -> _State:
        direction = preconditioner(state.residual / weight)
        image = matrix(direction) * weight
        # Twice, since one pass of Gram and Schmidt loses the digits that the last steps live on.
        for _ in range(2):
            shares = state.images @ image
            direction = direction - shares @ state.directions
            image = image - shares @ state.images
        length = jnp.sqrt(jnp.sum(image**2))
        length = jnp.where(length > 0.0, length, 1.0)
        direction, image = direction / length, image / length
        along = jnp.sum(image * state.residual)
        residual = state.residual - along * image
        return _State(
            state.solution + along * direction,
            residual,
            state.directions.at[state.steps].set(direction),
            state.images.at[state.steps].set(image),
            jnp.sqrt(jnp.sum(residual**2)),
            state.norm,
            state.steps + 1,
        )

    kept = jnp.zeros((most_steps, right.shape[0]))
    first = _State(
        jnp.zeros_like(right), weighted, kept, kept, start, jnp.asarray(jnp.inf), jnp.zeros((), dtype=jnp.int64)
    )
    last = lax.while_loop(unfinished, step, first)
    return KrylovResult(last.solution, last.steps, last.norm / safe)
