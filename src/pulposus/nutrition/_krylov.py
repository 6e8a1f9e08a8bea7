"""BiCGStab for the non-symmetric Jacobian (van der Vorst 1992, doi:10.1137/0913035)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32, Int

from pulposus import _backend  # noqa: F401

Vector = Float32[Array, "levels 3 columns"]
LinearMap = Callable[[Vector], Vector]


class KrylovResult(NamedTuple):
    """Solution, number of steps and the residual norm over that of the right-hand side."""

    solution: Vector
    steps: Int[Array, ""]
    relative_residual: Float32[Array, ""]


class _State(NamedTuple):
    solution: Vector
    residual: Vector
    direction: Vector
    image: Vector
    rho: Array
    alpha: Array
    omega: Array
    norm: Array
    steps: Array


def _dot(left: Vector, right: Vector) -> Float32[Array, ""]:
    return jnp.sum(left * right)


def bicgstab(
    matrix: LinearMap,
    right: Vector,
    preconditioner: LinearMap,
    tolerance: Float32[Array, ""] | float,
    most_steps: int,
) -> KrylovResult:
    """Solve `matrix(x) = right`.

    Args:
        matrix: The Jacobian on the free nodes.
        right: Right-hand side, zero on fixed nodes.
        preconditioner: Approximate inverse.
        tolerance: Wanted residual norm over that of the right-hand side.
        most_steps: Steps after which the best effort is returned.
    """
    start_norm = jnp.sqrt(_dot(right, right))

    def unfinished(state: _State) -> Array:
        # A broken-down iteration is not finite: it ends too, and the caller sees the norm.
        return (state.norm > tolerance * start_norm) & (state.steps < most_steps)

    def step(state: _State) -> _State:
        rho = _dot(right, state.residual)
        beta = (rho / state.rho) * (state.alpha / state.omega)
        direction = state.residual + beta * (state.direction - state.omega * state.image)
        steered = preconditioner(direction)
        image = matrix(steered)
        alpha = rho / _dot(right, image)
        half = state.residual - alpha * image
        second = preconditioner(half)
        second_image = matrix(second)
        length = _dot(second_image, second_image)
        omega = _dot(second_image, half) / jnp.where(length > 0.0, length, 1.0)
        residual = half - omega * second_image
        return _State(
            solution=state.solution + alpha * steered + omega * second,
            residual=residual,
            direction=direction,
            image=image,
            rho=rho,
            alpha=alpha,
            omega=omega,
            norm=jnp.sqrt(_dot(residual, residual)),
            steps=state.steps + 1,
        )

    zero, one = jnp.zeros_like(right), jnp.ones((), dtype=right.dtype)
    first = _State(zero, right, zero, zero, one, one, one, start_norm, jnp.zeros((), dtype=jnp.int64))
    last = lax.while_loop(unfinished, step, first)
    return KrylovResult(last.solution, last.steps, last.norm / jnp.where(start_norm > 0.0, start_norm, 1.0))
