"""Manufactured solutions of transport 8.6 in three dimensions, on the curved map of a human disc.

The fields are p = 3 + c, L = 2 + c/2, G = 3 + 0.8 c with c = cos(pi x/l) cos(pi y/l) cos(pi z/l), l = 10 mm, with the constants of the
nucleus; the forcing is f = -div(D grad u) - R(u), lumped like every source.

Linear elements: order 2 in L2, 1 in H1. Both norms are taken at the Gauss points of the elements, where the gradient of trilinear
elements is not superconvergent, so the orders are those of the theory.
"""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.mesh import apply_stencil, diffusion_stencil, node_volumes
from pulposus.mesh._operators import _GAUSS_POINTS, _gauss_geometry, _shape_functions, element_corners
from pulposus.mesh._topology import PLANS, Plan
from pulposus.nutrition import Kinetics, NutritionProblem, SolverOptions, backward_euler, metabolic_rates, solve
from pulposus.parameters import load_parameters

SIDE = 10.0  # mm
PER_DAY = 86400.0
DENSITY, WATER = 3.6, 0.8  # million per mL; the oxygen sink carries the water fraction (upf2025)
OPTIONS = SolverOptions(tolerance=1e-10)  # far below the discretisation error
REFINEMENTS = (1, 2, 3)
CYLINDER = Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml"


@pytest.fixture(scope="module")
def kinetics():
    constants = Kinetics.from_parameters(load_parameters())
    return eqx.tree_at(lambda k: k.glucose_limiter, constants, jnp.asarray(0.0))  # 8.6 has no limiter


@pytest.fixture(scope="module")
def diffusivity():
    parameters = load_parameters()
    tortuosity = (WATER / (2.0 - WATER)) ** 2
    return (
        jnp.array(
            [parameters.value(f"nutrition.diffusivity_water.{name}") for name in ("oxygen", "lactate", "glucose")]
        )
        * tortuosity
    )


def exact(point):
    """The manufactured solution at a point (3,)."""
    c = jnp.prod(jnp.cos(jnp.pi * point / SIDE))
    return jnp.stack([3.0 + c, 2.0 + 0.5 * c, 3.0 + 0.8 * c])


def reaction(kinetics, solutes):
    """Production R [per day] of the cells of a nucleus of full water fraction."""
    return (
        DENSITY
        * jnp.array([WATER, 1.0, 1.0]).reshape((3,) + (1,) * (solutes.ndim - 1))
        * metabolic_rates(kinetics, solutes)
    )


def forcing(kinetics, diffusivity, tortuosity, point):
    """f = -div(D tau grad u) - R(u) at a point [per day]."""

    def flux(where):
        return tortuosity(where) * jax.jacfwd(exact)(where)

    divergence = jnp.trace(jax.jacfwd(flux)(point), axis1=1, axis2=2)
    return -diffusivity * divergence - reaction(kinetics, exact(point))


def uniform(point):
    return jnp.ones(()) + 0.0 * point[0]


def variable(point):
    """A tortuosity that varies by a factor of two over the body."""
    return 1.0 + 0.3 * jnp.sin(0.4 * point[0] + 0.2) * jnp.cos(0.3 * point[1]) + 0.2 * point[2] / SIDE


def test_printed_values(kinetics, diffusivity):
    """Solution and forcing at (l/3, l/4, l/5) as printed."""
    point = jnp.array([SIDE / 3.0, SIDE / 4.0, SIDE / 5.0])
    assert np.asarray(exact(point)) == pytest.approx([3.28603070, 2.14301535, 3.22882456], abs=6e-9)
    source = np.asarray(forcing(kinetics, diffusivity, uniform, point)) / PER_DAY
    # Nine printed digits; the constants are printed with seven.
    assert source == pytest.approx([4.16837529e-4, -8.33208002e-5, 8.23431190e-5], rel=1e-6)


def _bodies(source):
    """Meshes of one body, refined uniformly, brought to a width, depth and height of 10 mm."""
    result = []
    for k in REFINEMENTS:
        name = f"manufactured-{k}"
        PLANS[name] = Plan(square=4 * k, inner=2 * k, middle=2 * k, outer=2 * k, plate=k, core=6 * k, grading=2.0)
        disc = load_disc(source, name)
        points = np.asarray(disc.coordinates)
        low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
        result.append((disc.topology, jnp.asarray(SIDE * (points - low) / (high - low))))
    return result


@pytest.fixture(scope="module")
def bodies():
    """A smooth curved body: a human disc."""
    return _bodies("human/L4-L5")


def _over(function, points):
    """A function of a point at every point of an array (..., 3)."""
    flat = jax.vmap(function)(points.reshape(-1, 3))
    return jnp.moveaxis(flat, 0, -1).reshape(*flat.shape[1:], *points.shape[:-1])


@eqx.filter_jit
def _problem(mesh, coordinates, kinetics, diffusivity, tortuosity, open_faces=True):
    corners = element_corners(mesh, coordinates)
    at_centre = _over(tortuosity, jnp.mean(corners, axis=2))
    volumes = node_volumes(mesh, coordinates)
    surface = np.zeros((mesh.columns, mesh.levels), dtype=bool)
    surface[:, [0, -1]] = open_faces
    surface[mesh.rim] = True
    solution = _over(exact, coordinates)
    source = _over(lambda point: forcing(kinetics, diffusivity, tortuosity, point), coordinates)
    return NutritionProblem(
        mesh=mesh,
        stencil=diffusion_stencil(mesh, coordinates, diffusivity[:, None, None] * at_centre[None]),
        free=jnp.asarray(~surface, dtype=jnp.float64),
        start=jnp.where(jnp.asarray(surface)[None], solution, jnp.mean(solution, axis=(1, 2), keepdims=True)),
        exchange=jnp.zeros_like(solution),
        load=source * volumes[None],
        demand=jnp.stack([WATER * volumes, volumes, volumes]) * DENSITY,
        kinetics=kinetics,
    )


@eqx.filter_jit
def _errors(mesh, coordinates, solutes):
    """L2 and H1 errors of every solute, at the Gauss points."""
    corners = element_corners(mesh, coordinates)
    lower, upper = solutes[:, mesh.quads, :-1], solutes[:, mesh.quads, 1:]
    nodal = jnp.moveaxis(jnp.concatenate([lower, upper], axis=2), 2, 3)
    values = gradients = jnp.zeros(3)
    for point in _GAUSS_POINTS:
        shape, local = _shape_functions(point)
        determinant, spatial = _gauss_geometry(corners, local)
        where = jnp.einsum("a,qlax->qlx", shape, corners)
        difference = jnp.einsum("a,sqla->sql", shape, nodal) - _over(exact, where)
        slope = jnp.einsum("qlax,sqla->sxql", spatial, nodal) - _over(jax.jacfwd(exact), where)
        values += jnp.sum(determinant[None] * difference**2, axis=(1, 2))
        gradients += jnp.sum(determinant[None, None] * slope**2, axis=(1, 2, 3))
    return jnp.sqrt(values), jnp.sqrt(gradients)


@eqx.filter_jit
def _solve(problem):
    return solve(problem, options=OPTIONS)


def _orders(bodies, kinetics, diffusivity, tortuosity, open_faces):
    """Observed orders in L2 and H1 of the three solutes between the two finest meshes."""
    errors = []
    for mesh, coordinates in bodies:
        solution = _solve(_problem(mesh, coordinates, kinetics, diffusivity, tortuosity, open_faces))
        assert int(solution.status) == 0
        errors.append(np.asarray(_errors(mesh, coordinates, solution.solutes)))
    return np.log(errors[-2] / errors[-1]) / np.log(REFINEMENTS[-1] / REFINEMENTS[-2])


@pytest.mark.parametrize("tortuosity", [uniform, variable])
def test_orders_on_the_curved_map(bodies, kinetics, diffusivity, tortuosity):
    values, gradients = _orders(bodies, kinetics, diffusivity, tortuosity, True)
    assert values == pytest.approx([2.0] * 3, abs=0.1)
    assert gradients == pytest.approx([1.0] * 3, abs=0.1)


def test_orders_with_a_natural_boundary(kinetics, diffusivity):
    """Faces without a condition pass no flux, as cos(pi z/l) at z = 0 and z = l; values are fixed on the side of a cylinder only."""
    values, gradients = _orders(_bodies(CYLINDER), kinetics, diffusivity, uniform, False)
    assert values == pytest.approx([2.0] * 3, abs=0.1)
    assert gradients == pytest.approx([1.0] * 3, abs=0.1)


def test_time_order(bodies, kinetics, diffusivity):
    """u exp(-t/1 h): backward Euler is of order 1.

    The forcing is that of the semi-discrete equations, so that the nodal field itself is the exact solution in time and the error is
    that of time alone.
    """
    mesh, coordinates = bodies[0]
    steady = _problem(mesh, coordinates, kinetics, diffusivity, uniform)
    volumes = jnp.broadcast_to(node_volumes(mesh, coordinates), steady.start.shape)
    field = _over(exact, coordinates)
    decay = 24.0  # per day: a time constant of one hour

    def at(time):
        return field * jnp.exp(-decay * time)

    def load(time):
        now = at(time)
        return (
            apply_stencil(mesh.neighbours, steady.stencil, now)
            - steady.demand * metabolic_rates(kinetics, now)
            - decay * volumes * now
        )

    @eqx.filter_jit
    def march(step, times):
        def one(previous, time):
            problem = eqx.tree_at(lambda p: (p.load, p.start), steady, (load(time), at(time)))
            solution = backward_euler(problem, volumes, previous, step, OPTIONS)
            return solution.solutes, solution.status

        return jax.lax.scan(one, at(0.0), times)

    errors = []
    for steps in (8, 16, 32):
        step = 1.0 / 24.0 / steps
        last, status = march(jnp.asarray(step), step * jnp.arange(1, steps + 1))
        assert np.all(np.asarray(status) == 0)
        errors.append(np.max(np.abs(np.asarray(last - at(1.0 / 24.0))), axis=(1, 2)))
    assert np.log2(np.divide(errors[-2], errors[-1])) == pytest.approx([1.0] * 3, abs=0.1)
