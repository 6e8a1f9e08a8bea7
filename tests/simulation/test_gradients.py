"""Derivatives of a whole simulation: living cells after 28 days with respect to ten constants, against central differences."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc
from pulposus.nutrition import SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, advance_by_steps, start_state
from pulposus.simulation._simulate import build_model
from pulposus.therapy import load_protocol, resolve_treatment

# Ten constants that the number of living donor cells depends on; a row of the carrier's table also stands for the time after the gel.
CONSTANTS: dict[str, Callable[[DiscModel], tuple]] = {
    "growth rate": lambda model: (model.parameters.donor.growth.rate,),
    "mitogen window": lambda model: (model.parameters.donor.growth.mitogen_window,),
    "basal death": lambda model: (model.parameters.donor.basal_death,),
    "differentiation rate": lambda model: (model.parameters.donor.differentiation.rate,),
    "acid width": lambda model: (model.parameters.donor.acid.width,),
    "leak rate": lambda model: (model.product.carrier.leak_rate, model.product.saline.leak_rate),
    "attachment rate": lambda model: (model.product.carrier.attachment_rate, model.product.saline.attachment_rate),
    "anoikis rate": lambda model: (model.product.carrier.anoikis_rate,),
    "oxygen use of a donor cell": lambda model: (model.product.demand.oxygen,),
    "metabolism of native cells": lambda model: (model.native_rate_factor,),
}
# 28 days in fixed steps: the adaptive choice of steps is no differentiable function.
STEPS = jnp.concatenate([jnp.full(10, 0.1), jnp.full(9, 0.5), jnp.full(15, 1.5)])
OPTIONS = SolverOptions(tolerance=1e-12)
# Relative change of a constant. The difference is wrong by its square (1e-8) and by the noise of a solve to 1e-12 over it (1e-8).
CHANGE = 1e-4


def model_of(disc: Disc, constants: ParameterSet, level: str) -> DiscModel:
    treatment = resolve_treatment(load_protocol("orozco-2011"), disc, constants)
    return build_model(disc, treatment, constants, level, treatment)[0]


def scaled(model: DiscModel, factors: jnp.ndarray) -> DiscModel:
    """The model with every constant multiplied by its factor."""
    for number, where in enumerate(CONSTANTS.values()):
        model = eqx.tree_at(where, model, replace_fn=lambda value, number=number: value * factors[number])
    return model


def living(model: DiscModel) -> Callable[[jnp.ndarray], jnp.ndarray]:
    """Million living donor cells after 28 days as a function of the ten factors."""

    def number(factors: jnp.ndarray) -> jnp.ndarray:
        changed = scaled(model, factors)
        start = start_state(changed, 0.1, OPTIONS)
        return advance_by_steps(changed, start, STEPS, OPTIONS).totals(changed).alive

    return number


def central_difference(number: Callable, direction: np.ndarray) -> float:
    ones = np.ones(len(CONSTANTS))
    above, below = (float(number(jnp.asarray(ones + sign * CHANGE * direction))) for sign in (1.0, -1.0))
    return (above - below) / (2.0 * CHANGE)


def test_the_gradient_on_the_slab(human_disc: Disc, constants: ParameterSet) -> None:
    number = living(model_of(human_disc, constants, "slab"))
    gradient = np.asarray(jax.jit(jax.jacfwd(number))(jnp.ones(len(CONSTANTS))))
    jitted = jax.jit(number)
    for name, direction, derivative in zip(CONSTANTS, np.eye(len(CONSTANTS)), gradient, strict=True):
        assert abs(derivative) > 1e-4, f"{name} does not matter"
        assert derivative == pytest.approx(central_difference(jitted, direction), rel=1e-5), name


@pytest.mark.slow
def test_the_gradient_in_three_dimensions(human_disc: Disc, constants: ParameterSet) -> None:
    """One direction that changes all ten constants, each with its sign, so that no two effects cancel by accident."""
    number = living(model_of(human_disc, constants, "disc"))
    signs = np.array([1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0, -1.0])
    point = (jnp.ones(len(CONSTANTS)),)
    _, derivative = jax.jit(lambda factors: jax.jvp(number, (factors,), (jnp.asarray(signs),)))(*point)
    assert float(derivative) == pytest.approx(central_difference(jax.jit(number), signs), rel=1e-5)
