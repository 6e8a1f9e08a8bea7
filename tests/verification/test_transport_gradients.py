"""Derivatives of the nucleus-mean glucose with respect to eleven parameters, by the implicit-function theorem, against central differences.

The solver's tolerance is 1e-12, so a difference over a relative step h carries an error of about 1e-12/h from the solver and (k h)^2/6 from
the truncation, k at most 6 (the exponent of the acid law): both are below 1e-6 of the derivative at every step of the fixed list.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.mesh import integrate
from pulposus.nutrition import Kinetics, SolverOptions, nutrition_problem, solve
from pulposus.nutrition._summary import regions
from pulposus.parameters import load_parameters

OPTIONS = SolverOptions(tolerance=1e-12, linear_tolerance=1e-12)
STEPS = (1e-4, 1e-5)
AGREEMENT = 1e-5

# Each parameter is a factor on a number of the disc or of the kinetics.
NAMES = (
    "acid slope of lactate production",
    "amplitude of oxygen use",
    "glucose diffusivity of the nucleus",
    "oxygen diffusivity of the annulus",
    "cell density of the nucleus",
    "cell density of the endplate",
    "relative supply of the endplates",
    "glucose in the marrow",
    "oxygen at the annulus",
    "glucose limiter",
    "height",
)


@pytest.fixture(scope="module")
def functions():
    """Value, reverse-mode gradient and forward-mode derivative of the nucleus-mean glucose."""
    disc = load_disc("human/L4-L5/grade3", "coarse")
    kinetics = Kinetics.from_parameters(load_parameters())

    def changed(disc, kinetics, factors):
        acid, amplitude, nucleus, annulus, cells, endplate, supply, marrow, blood, limiter, height = factors
        kinetics = eqx.tree_at(
            lambda k: (k.lactate_acid, k.oxygen_amplitude),
            kinetics,
            (kinetics.lactate_acid * acid, kinetics.oxygen_amplitude * amplitude),
        )
        tissue, vessels = disc.tissue, disc.supply
        disc = eqx.tree_at(
            lambda d: (
                d.tissue.diffusivity,
                d.tissue.cell_density,
                d.supply.endplate_supply,
                d.supply.endplate_values,
                d.supply.annulus_values,
                d.metabolism.glucose_limiter,
                d.coordinates,
            ),
            disc,
            (
                tissue.diffusivity.at[2, 0].multiply(nucleus).at[0, 1].multiply(annulus),
                tissue.cell_density.at[0].multiply(cells).at[2].multiply(endplate),
                vessels.endplate_supply * supply,
                vessels.endplate_values.at[2].multiply(marrow),
                vessels.annulus_values.at[0].multiply(blood),
                disc.metabolism.glucose_limiter * limiter,
                disc.coordinates.at[..., 2].multiply(height),
            ),
        )
        return disc, kinetics

    def nucleus_glucose(arrays, factors):
        moved, constants = changed(eqx.combine(arrays, static), kinetics, factors)
        solution = solve(nutrition_problem(moved, constants), options=OPTIONS)
        where = regions(moved)
        total = integrate(moved.topology, where.heights, where.nucleus, where.nucleus_layers, solution.solutes[2])
        return total / jnp.sum(where.nucleus), solution.status

    arrays, static = eqx.partition(disc, eqx.is_array)
    value = jax.jit(nucleus_glucose)
    reverse = jax.jit(jax.grad(nucleus_glucose, argnums=1, has_aux=True))
    forward = jax.jit(
        lambda arrays, factors, way: jax.jvp(lambda f: nucleus_glucose(arrays, f)[0], (factors,), (way,))[1]
    )
    return (lambda f: value(arrays, f)), (lambda f: reverse(arrays, f)), (lambda f, way: forward(arrays, f, way))


@pytest.fixture(scope="module")
def differences(functions):
    """Central differences of every parameter at the fixed steps, (steps, parameters)."""
    value, _, _ = functions
    ones = jnp.ones(len(NAMES))

    def central(number, step):
        pair = [value(ones.at[number].add(sign * step)) for sign in (1.0, -1.0)]
        assert all(int(status) == 0 for _, status in pair)
        return float(pair[0][0] - pair[1][0]) / (2.0 * step)

    return np.array([[central(number, step) for number in range(len(NAMES))] for step in STEPS])


def _agree(derivative, differences):
    """Largest relative distance to the differences at the fixed steps."""
    return np.max(np.abs(differences / derivative[None] - 1.0), axis=0)


def test_reverse_mode(functions, differences):
    gradient, status = functions[1](jnp.ones(len(NAMES)))
    assert int(status) == 0
    assert dict(zip(NAMES, _agree(np.asarray(gradient), differences), strict=True)) == pytest.approx(
        dict.fromkeys(NAMES, 0.0), abs=AGREEMENT
    )


def test_forward_mode(functions, differences):
    ones = jnp.ones(len(NAMES))
    derivative = np.array([float(functions[2](ones, way)) for way in jnp.eye(len(NAMES))])
    assert dict(zip(NAMES, _agree(derivative, differences), strict=True)) == pytest.approx(
        dict.fromkeys(NAMES, 0.0), abs=AGREEMENT
    )


def test_signs(functions):
    """More supply and faster diffusion feed the nucleus; more cells and a taller disc starve it."""
    gradient = dict(zip(NAMES, np.asarray(functions[1](jnp.ones(len(NAMES)))[0]), strict=True))
    feeding = ("glucose diffusivity of the nucleus", "relative supply of the endplates", "glucose in the marrow")
    starving = (
        "cell density of the nucleus",
        "cell density of the endplate",
        "height",
        "acid slope of lactate production",
    )
    assert all(gradient[name] > 0.0 for name in feeding)
    assert all(gradient[name] < 0.0 for name in starving)
