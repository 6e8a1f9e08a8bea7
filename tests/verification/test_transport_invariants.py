"""Invariants of transport 8.9 and the consequences of 1.4, on a curved human disc, on AX1 and on random slabs."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from pulposus.disc import load_disc
from pulposus.mesh import node_volumes, reference_points, slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import (
    Kinetics,
    NutritionProblem,
    SolverOptions,
    acidity,
    flux_balance,
    metabolic_rates,
    nutrition_problem,
    solve,
    summarise,
)
from pulposus.nutrition._summary import surface_inflow
from pulposus.parameters import load_parameters

AX1 = Path(__file__).parents[2] / "benchmarks" / "layered_cylinder.yaml"
# A residual of 1e-12 of the cold start leaves about 1e-10 in the fields (condition of a disc about 1e2): the bound on equal fields.
OPTIONS = SolverOptions(tolerance=1e-12)
EQUAL = 1e-9
UNIFORM_BLOOD = ("supply.annulus.oxygen=5.1 kPa", "supply.annulus.lactate=0.8 mM", "supply.annulus.glucose=4 mM")


@pytest.fixture(scope="module")
def kinetics():
    return Kinetics.from_parameters(load_parameters())


@eqx.filter_jit
def _problem(disc, kinetics, rates):
    problem = nutrition_problem(disc, kinetics)
    return problem.with_demand(rates * problem.demand)


@eqx.filter_jit
def _fields(problem):
    return solve(problem, options=OPTIONS)


def _solved(disc, kinetics, rates=1.0):
    problem = _problem(disc, kinetics, jnp.asarray(rates))
    solution = _fields(problem)
    assert int(solution.status) == 0
    return problem, solution.solutes


@pytest.fixture(scope="module", params=["human/L4-L5/grade1", "human/L4-L5/grade3", "human/L5-S1/grade5", AX1], ids=str)
def disc(request):
    """Dirichlet endplates (grade I, AX1) and Robin endplates, healthy and badly starved."""
    return load_disc(request.param, "coarse")


@pytest.fixture(scope="module")
def solved(disc, kinetics):
    return _solved(disc, kinetics)


def test_two_lactate_leave_for_each_glucose(disc, solved):
    """8.9 (a), 1e-6 of the total."""
    inflow, _ = surface_inflow(disc, *solved)
    oxygen, lactate, glucose = np.asarray(jnp.sum(inflow, axis=1))
    assert oxygen > 0.0
    assert glucose > 0.0
    assert lactate == pytest.approx(-2.0 * glucose, rel=1e-6)


def test_inflow_equals_what_the_cells_use(disc, solved):
    """8.9 (b), with the use integrated from the tissues: density, active share, multiplier and (oxygen) the water fraction."""
    problem, solutes = solved
    inflow, _ = surface_inflow(disc, problem, solutes)
    used = np.zeros(3)
    rates = np.asarray(metabolic_rates(problem.kinetics, solutes))
    condition, tissue = disc.condition, disc.tissue
    for code in range(3):
        volume = np.asarray(
            node_volumes(disc.topology, disc.coordinates, (disc.tissue_of_element == code).astype(float))
        )
        cells = float(
            tissue.cell_density[code] * condition.metabolically_active_fraction * condition.metabolic_multiplier
        )
        water = np.array([float(tissue.transport_water_fraction[code]), 1.0, 1.0])
        used -= cells * water * np.sum(volume * rates, axis=(1, 2))
    assert np.asarray(jnp.sum(inflow, axis=1)) == pytest.approx(used, rel=1e-8)


def test_signs(disc, solved):
    """8.9 (d)."""
    _, solutes = solved
    oxygen, lactate, glucose = np.asarray(solutes)
    lowest = min(float(disc.supply.endplate_values[1]), float(disc.supply.annulus_values[1]))
    assert oxygen.min() > 0.0
    assert glucose.min() > 0.0
    assert lactate.min() >= lowest - EQUAL
    assert oxygen.max() <= float(disc.supply.annulus_values[0]) + EQUAL
    assert glucose.max() <= float(disc.supply.annulus_values[2]) + EQUAL


def test_weighted_sum_stays_within_its_boundary_values(disc, solved):
    """8.9 (c): w = D_g G + D_l L/2 in free water, without the tortuosity (ruling 35)."""
    problem, solutes = solved
    parameters = load_parameters()
    lactate, glucose = (parameters.value(f"nutrition.diffusivity_water.{name}") for name in ("lactate", "glucose"))
    w = (glucose * np.asarray(solutes[2]) + 0.5 * lactate * np.asarray(solutes[1])) * 1e-6 / 86400.0
    inside = (
        np.asarray(node_volumes(disc.topology, disc.coordinates, (disc.tissue_of_element >= 0).astype(float))) > 0.0
    )
    # mM m2/s = mol/m/s; printed with seven digits in 1.4 and ruling 34.
    assert w[inside].min() >= 4.222668e-9 * (1.0 - 1e-6)
    assert w[inside].max() <= 5.208835e-9 * (1.0 + 1e-6)
    assert float(summarise(disc, problem, solutes).balance.invariant_excess) < EQUAL


def test_bounds_of_the_weighted_sum():
    parameters = load_parameters()
    lactate, glucose = (
        parameters.value(f"nutrition.diffusivity_water.{name}") * 1e-6 / 86400.0 for name in ("lactate", "glucose")
    )
    values = [
        parameters.value(f"nutrition.boundary.{surface}.glucose") * glucose
        + 0.5 * parameters.value(f"nutrition.boundary.{surface}.lactate") * lactate
        for surface in ("endplate", "annulus")
    ]
    assert values == pytest.approx([4.222668e-9, 5.208835e-9], rel=2e-7)  # seven printed digits
    assert 2.0 * glucose / lactate == pytest.approx(1.318945, abs=6e-7)


@pytest.mark.parametrize(
    ("glucose", "endplate", "annulus"),
    [(0.0, (6.076, 6.853), (7.495, 6.725)), (0.5, (None, 6.912), (None, 6.785)), (1.0, (None, 6.972), (None, 6.844))],
)
def test_acid_where_glucose_runs_out(kinetics, glucose, endplate, annulus):
    """Lactate and pH that belong to a glucose on either route (transport 1.4); three printed decimals."""
    for blood, (lactate, pH) in (((4.0, 0.8), endplate), ((5.0, 0.9), annulus)):
        found = blood[1] + 1.318945 * (blood[0] - glucose)
        if lactate is not None:
            assert found == pytest.approx(lactate, abs=6e-4)
        assert float(acidity(kinetics, jnp.asarray(found))) == pytest.approx(pH, abs=6e-4)


@pytest.mark.parametrize(
    "keys",
    [
        ("supply.endplate_supply=1",),
        ("supply.endplate_supply=0.3", "metabolism.glucose_limiter=0.4 mM"),
        ("supply.endplate_supply=0.5", "metabolism.glucose_limiter=0 mM", "metabolism.preset=mixture"),
    ],
)
def test_lactate_follows_glucose(kinetics, keys):
    """With uniform blood, L - L_b = 1.318945 (G_b - G) at every node: any geometry, kinetics, limiter, Robin law (transport 1.4)."""
    disc = load_disc("human/L4-L5/grade2", "coarse", overrides=(*UNIFORM_BLOOD, *keys))
    _, solutes = _solved(disc, kinetics)
    ratio = 2.0 * np.asarray(disc.tissue.diffusivity[2] / disc.tissue.diffusivity[1])
    assert ratio == pytest.approx([1.318945] * 3, rel=1e-6)
    lactate, glucose = np.asarray(solutes[1:])
    assert lactate - 0.8 == pytest.approx(ratio[0] * (4.0 - glucose), abs=1e-8)
    assert np.ptp(glucose) > 2.0  # a starved disc, not a trivial one


class TestWithoutCells:
    """8.9 (e)."""

    def test_uniform_blood_gives_a_constant(self, kinetics):
        disc = load_disc("human/L4-L5/grade3", "coarse", overrides=UNIFORM_BLOOD)
        _, solutes = _solved(disc, kinetics, rates=0.0)
        for values, expected in zip(np.asarray(solutes), (5.1, 0.8, 4.0), strict=True):
            assert values == pytest.approx(expected, rel=EQUAL)

    def test_all_solutes_are_one_harmonic_field(self, disc, kinetics):
        """Between the values of endplate and annulus; one field, since all solutes share the tortuosity of a tissue."""
        _, solutes = _solved(disc, kinetics, rates=0.0)
        marrow, annulus = disc.supply.endplate_values, disc.supply.annulus_values
        share = (np.asarray(solutes) - np.asarray(marrow)[:, None, None]) / np.asarray(annulus - marrow)[:, None, None]
        assert share.min() > -EQUAL
        assert share.max() < 1.0 + EQUAL
        assert share[1] == pytest.approx(
            share[0], abs=1e-8
        )  # lactate differs by 0.1 mM only: ten times the relative error
        assert share[2] == pytest.approx(share[0], abs=1e-8)

    def test_a_linear_field_is_reproduced(self, disc, kinetics):
        """Harmonic in one material: a linear field on the boundary continues inside the curved mesh."""
        uniform = eqx.tree_at(
            lambda d: d.tissue.diffusivity, disc, jnp.broadcast_to(disc.tissue.diffusivity[:, :1], (3, 3))
        )
        uniform = eqx.tree_at(lambda d: d.supply.endplate_supply, uniform, jnp.ones_like(disc.supply.endplate_supply))
        problem = _problem(uniform, kinetics, jnp.asarray(0.0))
        mesh = disc.topology
        surface = np.zeros((mesh.columns, mesh.levels), dtype=bool)
        surface[:, [0, -1]] = True
        surface[mesh.rim] = True
        linear = 3.0 + jnp.einsum("czx,x->cz", disc.coordinates, jnp.array([0.02, -0.03, 0.1]))
        fixed = surface | (np.asarray(problem.free) == 0.0)
        if disc.layout.kind == "layered-cylinder":  # the border of the void is a surface too
            fixed |= np.asarray(node_volumes(mesh, disc.coordinates, (disc.tissue_of_element < 0).astype(float))) > 0.0
        problem = eqx.tree_at(
            lambda p: (p.free, p.start),
            problem,
            (
                jnp.asarray(~fixed, dtype=jnp.float64),
                jnp.where(jnp.asarray(fixed), linear, 3.0)[None] * jnp.ones((3, 1, 1)),
            ),
        )
        solution = _fields(problem)
        assert int(solution.status) == 0
        for values in np.asarray(solution.solutes):
            assert values == pytest.approx(np.asarray(linear), abs=1e-8)


def _scaled(disc, size):
    """Every length times a factor (nodes and endplate thickness)."""
    return eqx.tree_at(
        lambda d: (d.coordinates, d.supply.endplate_thickness),
        disc,
        (disc.coordinates * size, disc.supply.endplate_thickness * size),
    )


def test_size_and_density(disc, solved, kinetics):
    """8.9 (f): a disc s times as large with density/s^2 has the same fields."""
    size = 1.7
    larger = eqx.tree_at(lambda d: d.tissue.cell_density, _scaled(disc, size), disc.tissue.cell_density / size**2)
    _, solutes = _solved(larger, kinetics)
    assert np.asarray(solutes) == pytest.approx(np.asarray(solved[1]), rel=EQUAL)


def test_diffusion_and_rates(disc, kinetics):
    """8.9 (h): all diffusivities doubled equals all rates halved (the Robin coefficient doubles with them)."""
    faster = eqx.tree_at(lambda d: d.tissue.diffusivity, disc, 2.0 * disc.tissue.diffusivity)
    _, first = _solved(faster, kinetics)
    _, second = _solved(disc, kinetics, rates=0.5)
    assert np.asarray(first) == pytest.approx(np.asarray(second), rel=EQUAL)


@pytest.fixture(scope="module")
def lopsided():
    """A human disc with a calcified patch and a tilted endplate."""
    keys = ("supply.endplate_supply=0.8",)
    disc = load_disc("human/L4-L5/grade3", "coarse", overrides=keys)
    x, y, z = jnp.moveaxis(disc.coordinates, -1, 0)
    tilted = jnp.stack([x + 0.02 * y, y, z * (1.0 + 0.006 * x) + 0.03 * x], axis=-1)
    patch = jnp.hypot(tilted[:, 0, 0] - 8.0, tilted[:, 0, 1] - 3.0) < 7.0
    relative = disc.supply.endplate_supply.at[1].set(jnp.where(patch, 0.05, 0.9))
    return eqx.tree_at(lambda d: (d.coordinates, d.supply.endplate_supply), disc, (tilted, relative))


class TestMirror:
    """8.9 (g): a mirrored disc has mirrored fields."""

    @pytest.mark.parametrize("axis", [0, 1])
    def test_left_right_and_front_back(self, lopsided, kinetics, axis):
        mesh = lopsided.topology
        sign = np.ones(3)
        sign[axis] = -1.0
        points = reference_points(mesh, 0.6, 0.8)
        _, partner = cKDTree(points).query(points * sign[:2])
        supply = lopsided.supply
        mirrored = eqx.tree_at(
            lambda d: (d.coordinates, d.supply.endplate_supply, d.supply.endplate_thickness),
            lopsided,
            (
                np.asarray(lopsided.coordinates)[partner] * sign,
                supply.endplate_supply[:, partner],
                supply.endplate_thickness[:, partner],
            ),
        )
        self._compare(lopsided, mirrored, kinetics, lambda values: values[:, partner])

    def test_upside_down(self, lopsided, kinetics):
        supply = lopsided.supply
        mirrored = eqx.tree_at(
            lambda d: (d.coordinates, d.supply.endplate_supply, d.supply.endplate_thickness),
            lopsided,
            (
                np.asarray(lopsided.coordinates)[:, ::-1] * np.array([1.0, 1.0, -1.0]),
                supply.endplate_supply[::-1],
                supply.endplate_thickness[::-1],
            ),
        )
        self._compare(lopsided, mirrored, kinetics, lambda values: values[:, :, ::-1])

    @staticmethod
    def _compare(disc, mirrored, kinetics, turn):
        _, first = _solved(disc, kinetics)
        _, second = _solved(mirrored, kinetics)
        assert np.asarray(second) == pytest.approx(np.asarray(turn(first)), rel=EQUAL)
        assert np.max(np.abs(first - turn(first))) > 0.05  # lopsided indeed


LAYERS = 40


@eqx.filter_jit
def _slab(kinetics, height, density, relative_supply, blood, preset_water):
    """A slab of nucleus, sealed at its middle, fed by an endplate of relative supply at its face."""
    mesh = slab_topology(0, LAYERS)
    heights = jnp.linspace(0.0, 1.0, LAYERS + 1) * height
    water = jnp.asarray(259.2), jnp.asarray(120.096), jnp.asarray(79.2)
    diffusivity = jnp.stack(water) * (0.8 / 1.2) ** 2
    volume = slab_volumes(heights, 1.0, np.ones(LAYERS))
    film = 0.5 * diffusivity / 0.6 * relative_supply / (1.0 - relative_supply)
    face = jnp.zeros((3, 1, LAYERS + 1)).at[:, 0, 0].set(film)
    start = jnp.broadcast_to(blood[:, None, None], face.shape)
    problem = NutritionProblem(
        mesh=mesh,
        stencil=slab_stencil(heights, 1.0, jnp.broadcast_to(diffusivity[:, None], (3, LAYERS))),
        free=jnp.ones((1, LAYERS + 1)),
        start=start,
        exchange=face,
        load=face * start,
        demand=density * jnp.stack([preset_water * volume, volume, volume]),
        kinetics=kinetics,
    )
    solution = solve(problem, options=OPTIONS)
    return problem, solution, flux_balance(problem, solution.solutes)


@settings(max_examples=40, deadline=None)
@given(
    height=st.floats(0.1, 7.0),
    density=st.floats(0.0, 25.0),
    supply=st.floats(0.05, 0.95),
    blood=st.tuples(st.floats(1.0, 12.0), st.floats(0.0, 3.0), st.floats(0.5, 10.0)),
    limiter=st.floats(0.01, 1.0),
    water=st.floats(0.6, 1.0),
)
@example(
    height=2.0, density=6.0, supply=0.25, blood=(1.0, 2.0, 1.0), limiter=0.015625, water=0.75
)  # a sharp kink at low glucose
@example(
    height=1.0, density=2.8e-145, supply=0.5, blood=(1.0, 0.0, 1.0), limiter=1.0, water=1.0
)  # next to no cells, and no lactate but theirs
def test_random_slabs(height, density, supply, blood, limiter, water):
    """Positivity, balance and the weighted sum for any size, density, supply, blood and limiter; the profile is monotone."""
    kinetics = eqx.tree_at(
        lambda k: k.glucose_limiter, Kinetics.from_parameters(load_parameters()), jnp.asarray(limiter)
    )
    arguments = (jnp.asarray(value) for value in (height, density, supply, blood, water))
    problem, solution, _ = _slab(kinetics, *arguments)
    assert int(solution.status) == 0
    oxygen, lactate, glucose = np.asarray(solution.solutes[:, 0])
    scale = max(blood)
    slack = EQUAL * scale
    assert oxygen.min() > -slack
    assert glucose.min() > -slack
    assert lactate.min() > blood[1] - slack
    assert np.all(np.diff(oxygen) < slack)
    assert np.all(np.diff(glucose) < slack)
    assert np.all(np.diff(lactate) > -slack)
    ratio = 2.0 * 79.2 / 120.096
    assert lactate - blood[1] == pytest.approx(ratio * (blood[2] - glucose), abs=1e-8 * scale)
    inflow = np.asarray(jnp.sum(problem.load - problem.exchange * solution.solutes, axis=(1, 2)))
    used = -np.asarray(jnp.sum(problem.demand * metabolic_rates(problem.kinetics, solution.solutes), axis=(1, 2)))
    assert inflow == pytest.approx(used, rel=1e-8, abs=1e-8 * float(jnp.sum(problem.exchange[2])) * scale)
