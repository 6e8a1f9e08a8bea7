"""BiCGStab for the non-symmetric Jacobian (van der Vorst 1992, doi:10.1137/0913035), with the solutes weighed against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from pulposus import _backend  # noqa: F401

Vector = Float[Array, "3 columns levels"]
LinearMap = Callable[[Vector], Vector]


class KrylovResult(NamedTuple):
    """Solution, number of steps and the residual norm over that of the right-hand side."""

    solution: Vector
    steps: Int[Array, ""]
    relative_residual: Float[Array, ""]


class _State(NamedTuple):
    solution: Vector
    residual: Vector
    direction: Vector
    image: Vector
    rho: Array
    alpha: Array
    omega: Array
    steps: Array


def bicgstab(
    matrix: LinearMap,
    right: Vector,
    preconditioner: LinearMap,
    weight: Float[Array, "3"],
    tolerance: Float[Array, ""] | float,
    most_steps: int,
) -> KrylovResult:
    """Solve `matrix(x) = right`.

    Args:
        matrix: The Jacobian on the free nodes.
        right: Right-hand side, zero on fixed nodes.
        preconditioner: Approximate inverse.
        weight: Weight of every solute in the norms.
        tolerance: Wanted residual norm over that of the right-hand side.
        most_steps: Steps after which the best effort is returned.
    """
    square = (weight**2)[:, None, None]

    def dot(left: Vector, other: Vector) -> Array:
        return jnp.sum(square * left * other)

    start_norm = jnp.sqrt(dot(right, right))
    safe_norm = jnp.where(start_norm > 0.0, start_norm, 1.0)

    def relative(state: _State) -> Array:
        return jnp.sqrt(dot(state.residual, state.residual)) / safe_norm

    def unfinished(state: _State) -> Array:
        # A broken-down iteration is not finite: it ends too, and the caller sees the norm.
        return (relative(state) > tolerance) & (state.steps < most_steps)

    def step(state: _State) -> _State:
        rho = dot(right, state.residual)
        beta = (rho / state.rho) * (state.alpha / state.omega)
        direction = state.residual + beta * (state.direction - state.omega * state.image)
        steered = preconditioner(direction)
        image = matrix(steered)
        alpha = rho / dot(right, image)
        half = state.residual - alpha * image
        second = preconditioner(half)
        second_image = matrix(second)
        length = dot(second_image, second_image)
        omega = dot(second_image, half) / jnp.where(length > 0.0, length, 1.0)
        return _State(
            solution=state.solution + alpha * steered + omega * second,
            residual=half - omega * second_image,
            direction=direction,
            image=image,
            rho=rho,
            alpha=alpha,
            omega=omega,
            steps=state.steps + 1,
        )

    zero, one = jnp.zeros_like(right), jnp.ones(())
    first = _State(zero, right, zero, zero, one, one, one, jnp.zeros((), dtype=jnp.int64))
    last = lax.while_loop(unfinished, step, first)
    return KrylovResult(last.solution, last.steps, relative(last))
