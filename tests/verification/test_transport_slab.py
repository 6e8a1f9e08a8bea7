"""Closed forms of transport 8.1 to 8.4 and one-dimensional benchmarks of the coupled solver: S1 (8.5), the species table (7) and the
slab densities (5).

Closed forms use the rounded coefficients that are printed there; the coupled ones compute them in double precision (ruling 33).
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import slab_stencil, slab_topology, slab_volumes
from pulposus.nutrition import Kinetics, NutritionProblem, SolverOptions, acidity, backward_euler, flux_balance, solve
from pulposus.parameters import load_parameters

PER_DAY = 86400.0  # seconds
MM2_PER_DAY = 1e6 * PER_DAY  # m2/s in mm2/day
TIGHT = SolverOptions(tolerance=1e-12)

# Constants of transport 8: half thickness [mm], glucose diffusion [m2/s], boundary value [mM], zero-order use [mM/s].
HALF, DIFFUSION, BOUNDARY, USE = 5.0, 4.0741e-10, 4.0, 6e-5


@pytest.fixture(scope="module")
def kinetics():
    return Kinetics.from_parameters(load_parameters())


@eqx.filter_jit
def _solve(problem):
    return solve(problem, options=TIGHT)


def _solved(problem):
    solution = _solve(problem)
    assert int(solution.status) == 0
    return np.asarray(solution.solutes)


def _bar(kinetics, heights, conductivity, *, source=0.0, decay=0.0, boundary=BOUNDARY, robin=None):
    """A bar from its middle (first node, no flux) to its face (last node): glucose stands for the solute of the closed form.

    All three solutes get the same numbers, and no cells live here.
    """
    layers = len(heights) - 1
    mesh = slab_topology(0, layers)
    heights = jnp.asarray(heights)
    volumes = jnp.broadcast_to(slab_volumes(heights, 1.0, np.ones(layers)), (3, 1, layers + 1))
    by_layer = jnp.broadcast_to(jnp.asarray(source, dtype=jnp.float64), (layers,))
    half = 0.5 * by_layer * jnp.diff(heights)
    load = jnp.broadcast_to((jnp.pad(half, (0, 1)) + jnp.pad(half, (1, 0)))[None], volumes.shape)
    exchange = decay * volumes
    free = jnp.ones((1, layers + 1))
    if robin is None:
        free = free.at[0, -1].set(0.0)
    else:
        exchange = exchange.at[:, :, -1].add(robin)
        load = load.at[:, :, -1].add(robin * boundary)
    return NutritionProblem(
        mesh=mesh,
        stencil=slab_stencil(heights, 1.0, jnp.broadcast_to(jnp.asarray(conductivity), (3, layers))),
        free=free,
        start=jnp.full(volumes.shape, boundary),
        exchange=exchange,
        load=load,
        demand=jnp.zeros_like(volumes),
        kinetics=kinetics,
    )


def _uneven(layers, length=HALF):
    """Nodes that are not evenly spaced, so that no error cancels by symmetry."""
    share = np.linspace(0.0, 1.0, layers + 1)
    return length * share * (1.4 - 0.4 * share)


class TestClosedForms:
    """Linear elements with lumped sources: a zero-order source is exact at the nodes, so only rounding remains."""

    rounding = 1e-9  # relative; a solver tolerance of 1e-12 on a matrix of condition number about 1e3
    printed = 6e-9  # eight printed decimals

    def test_zero_order_slab(self, kinetics):
        x = _uneven(16)
        rate = USE * PER_DAY
        glucose = _solved(_bar(kinetics, x, DIFFUSION * MM2_PER_DAY, source=-rate))[2, 0]
        exact = BOUNDARY - rate * (HALF**2 - x**2) / (2.0 * DIFFUSION * MM2_PER_DAY)
        assert glucose == pytest.approx(exact, rel=self.rounding)
        assert glucose[0] == pytest.approx(2.15910262, abs=self.printed)

    def test_zero_order_exhaustion(self, kinetics):
        """The half thickness at which the middle runs dry, 7.37030 mm."""
        x = _uneven(16, 7.37030)
        glucose = _solved(_bar(kinetics, x, DIFFUSION * MM2_PER_DAY, source=-USE * PER_DAY))[2, 0, 0]
        # Five printed decimals: dC/dH = -R H/D is 1.09 mM/mm, so 5e-6 mm are 5.4e-6 mM.
        assert glucose == pytest.approx(0.0, abs=6e-6)

    def test_first_order_slab(self, kinetics):
        decay = 1.5e-5
        number = 1e-3 * HALF * np.sqrt(decay / DIFFUSION)
        assert number == pytest.approx(0.95940017, abs=self.printed)
        assert np.tanh(number) / number == pytest.approx(0.77549412, abs=self.printed)
        errors = []
        for layers in (20, 40, 80):
            x = np.linspace(0.0, HALF, layers + 1)
            glucose = _solved(_bar(kinetics, x, DIFFUSION * MM2_PER_DAY, decay=decay * PER_DAY))[2, 0]
            exact = BOUNDARY * np.cosh(number * x / HALF) / np.cosh(number)
            errors.append(np.max(np.abs(glucose - exact)))
            assert exact[0] == pytest.approx(2.67267752, abs=self.printed)
        assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx(2.0, abs=0.1)  # order of the elements
        assert errors[-1] < 1e-4 * BOUNDARY

    def test_effectiveness(self, kinetics):
        """Use of the slab over that at the boundary value, from the nodal reaction at the face: tanh(mH)/(mH), of order 2."""
        decay = 1.5e-5 * PER_DAY
        errors = []
        for layers in (20, 40, 80):
            x = np.linspace(0.0, HALF, layers + 1)
            problem = _bar(kinetics, x, DIFFUSION * MM2_PER_DAY, decay=decay)
            inflow = flux_balance(problem, jnp.asarray(_solved(problem)))[2, 0, -1]
            errors.append(abs(float(inflow) / (decay * BOUNDARY * HALF) - 0.77549412))
        # The printed digits end at 5e-9, which matters to the finest mesh at the level of 1e-4 of its error.
        assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx(2.0, abs=0.1)

    def test_robin_with_zero_order_use(self, kinetics):
        x = _uneven(16)
        rate, film = USE * PER_DAY, 5e-7 * 1e3 * PER_DAY
        glucose = _solved(_bar(kinetics, x, DIFFUSION * MM2_PER_DAY, source=-rate, robin=film))[2, 0]
        assert glucose[-1] == pytest.approx(3.4, abs=self.printed)
        assert glucose[0] == pytest.approx(1.55910262, abs=self.printed)
        assert glucose[-1] == pytest.approx(BOUNDARY - rate * HALF / film, rel=self.rounding)

    def test_two_layers(self, kinetics):
        thickness, outer_diffusion, outer_use = 0.6, 2.2238e-10, 2.25e-4
        inner, outer = 16, 4
        x = np.concatenate([_uneven(inner), HALF + thickness * np.linspace(0.0, 1.0, outer + 1)[1:]])
        conductivity = np.repeat([DIFFUSION, outer_diffusion], [inner, outer]) * MM2_PER_DAY
        source = -np.repeat([USE, outer_use], [inner, outer]) * PER_DAY
        glucose = _solved(_bar(kinetics, x, conductivity, source=source))[2, 0]
        assert glucose[inner] == pytest.approx(3.00845400, abs=self.printed)
        assert glucose[0] == pytest.approx(1.16755662, abs=self.printed)

    @staticmethod
    def _transient(kinetics, hours, steps, layers=200):
        """Glucose at the middle after a step at the faces, by backward Euler."""
        x = np.linspace(0.0, HALF, layers + 1)
        problem = _bar(kinetics, x, DIFFUSION * MM2_PER_DAY)
        capacity = jnp.broadcast_to(slab_volumes(jnp.asarray(x), 1.0, np.ones(layers)), problem.start.shape)
        options = SolverOptions(tolerance=1e-10)

        @eqx.filter_jit
        def march(first, step):
            def one(solutes, _):
                solution = backward_euler(problem, capacity, solutes, step, options)
                return solution.solutes, solution.status

            return jax.lax.scan(one, first, None, length=steps)

        first = jnp.where(problem.free > 0.0, 0.0, problem.start)
        last, status = march(first, hours / 24.0 / steps)
        assert np.all(np.asarray(status) == 0)
        return float(last[2, 0, 0])

    @staticmethod
    def _series(hours):
        n = np.arange(200)
        decay = np.exp(-DIFFUSION * (2 * n + 1) ** 2 * np.pi**2 * 3600.0 * hours / (4.0 * (1e-3 * HALF) ** 2))
        return BOUNDARY * (1.0 - np.sum(4.0 * (-1.0) ** n / (np.pi * (2 * n + 1)) * decay))

    @pytest.mark.parametrize(("hours", "printed"), [(1.0, 0.02805991), (6.0, 1.86384397), (24.0, 3.84217430)])
    def test_transient_slab(self, kinetics, hours, printed):
        exact = self._series(hours)
        assert exact == pytest.approx(printed, abs=self.printed)
        values = np.array([self._transient(kinetics, hours, steps) for steps in (80, 160, 320)])
        errors = np.abs(values - exact)
        assert np.log2(errors[1] / errors[2]) == pytest.approx(1.0, abs=0.1)  # backward Euler
        # Both errors removed to leading order: the time error by extrapolation, the rest is that of 200 elements (h^2/12 of D/H^2 u'').
        assert 2.0 * values[2] - values[1] == pytest.approx(exact, abs=2e-4)


class Layers(NamedTuple):
    """Half a disc: cartilage endplate on nucleus, from the bony face to the mid-plane."""

    endplate: float
    nucleus: float


# Layers through the endplate and the nucleus, enough for 1e-5: the error is (H/1200)^2/12 of the curvature, about 1e-7.
ENDPLATE_LAYERS, NUCLEUS_LAYERS = 240, 1200
S1 = Layers(0.6, 6.0)
WATER = (0.66, 0.80)
DENSITY = (13.5, 3.6)


@eqx.filter_jit
def _half_disc(kinetics, layers, density, free_water, oxygen_exponent, diffusion_exponent, blood, water, coarser):
    """Coupled solution (3, nodes) and inflow through the outer face [per mm2 and day]; `coarser` divides the numbers of layers."""
    counts = np.array([ENDPLATE_LAYERS, NUCLEUS_LAYERS]) // coarser
    outer = jnp.linspace(0.0, 1.0, counts[0] + 1) * layers.endplate
    inner = layers.endplate + jnp.linspace(0.0, 1.0, counts[1] + 1)[1:] * layers.nucleus
    heights = jnp.concatenate([outer, inner])
    tortuosity = (water / (2.0 - water)) ** 2 * water**diffusion_exponent
    of_layer = np.repeat([0, 1], counts)
    masks = [of_layer == 0, of_layer == 1]
    volumes = jnp.stack([slab_volumes(heights, 1.0, mask) for mask in masks])
    others = jnp.einsum("t,tcz->cz", density, volumes)
    oxygen = jnp.einsum("t,tcz->cz", density * water**oxygen_exponent, volumes)
    start = jnp.broadcast_to(blood[:, None, None], (3, 1, len(of_layer) + 1))
    problem = NutritionProblem(
        mesh=slab_topology(0, len(of_layer)),
        stencil=slab_stencil(heights, 1.0, free_water[:, None] * tortuosity[of_layer][None, :]),
        free=jnp.ones((1, len(of_layer) + 1)).at[0, 0].set(0.0),
        start=start,
        exchange=jnp.zeros_like(start),
        load=jnp.zeros_like(start),
        demand=jnp.stack([oxygen, others, others]),
        kinetics=kinetics,
    )
    solution = solve(problem, options=TIGHT)
    return solution, flux_balance(problem, solution.solutes)[:, 0, 0]


PRESETS = {"upf2025": (1.0, 0.0), "field": (0.0, 0.0), "mixture": (0.0, 1.0)}


@pytest.fixture(scope="module")
def half_disc(kinetics):
    parameters = load_parameters()
    free_water = jnp.array(
        [parameters.value(f"nutrition.diffusivity_water.{name}") for name in ("oxygen", "lactate", "glucose")]
    )

    def run(
        *,
        layers=S1,
        density=DENSITY,
        preset="upf2025",
        limiter=0.0,
        blood=(5.1, 0.8, 4.0),
        water=WATER,
        coarser=1,
    ):
        constants = eqx.tree_at(lambda k: k.glucose_limiter, kinetics, jnp.asarray(limiter))
        oxygen, diffusion = (jnp.asarray(value) for value in PRESETS[preset])
        sizes = Layers(jnp.asarray(layers.endplate), jnp.asarray(layers.nucleus))
        arrays = (
            constants,
            sizes,
            jnp.asarray(density),
            free_water,
            oxygen,
            diffusion,
            jnp.asarray(blood),
            jnp.asarray(water),
        )
        solution, inflow = _half_disc(*arrays, coarser)
        assert int(solution.status) == 0
        return np.asarray(solution.solutes[:, 0]), np.asarray(inflow)

    return run


# Six printed decimals and the tolerance of transport 8.5.
S1_TOLERANCE = 1e-5


class TestS1:
    """The coupled two-layer benchmark of transport 8.5."""

    @pytest.mark.parametrize(
        ("node", "expected"),
        [
            (ENDPLATE_LAYERS, (3.785219, 1.961589, 3.119304)),
            (ENDPLATE_LAYERS + NUCLEUS_LAYERS // 2, (1.909958, 3.696581, 1.803866)),
            (-1, (1.391354, 4.227577, 1.401274)),
        ],
        ids=["interface", "3 mm into the nucleus", "mid-plane"],
    )
    def test_values(self, half_disc, node, expected):
        assert half_disc()[0][:, node] == pytest.approx(expected, rel=S1_TOLERANCE)

    @pytest.mark.parametrize(
        ("preset", "limiter", "expected"),
        [
            ("field", 0.0, (1.061142, 4.108920, 1.491238)),
            ("mixture", 0.0, (0.735105, 4.806876, 0.962061)),
            ("upf2025", 0.1, (1.389402, 4.084543, 1.509720)),
            ("upf2025", 0.2, (1.387764, 3.964328, 1.600865)),
        ],
    )
    def test_mid_plane_of_the_presets(self, half_disc, preset, limiter, expected):
        assert half_disc(preset=preset, limiter=limiter)[0][:, -1] == pytest.approx(expected, rel=S1_TOLERANCE)

    def test_fluxes(self, half_disc, kinetics):
        inflow = half_disc()[1]
        # mM mm/day to mol/m2/s; oxygen is solved in kPa.
        moles = inflow * 1e-3 / PER_DAY * np.array([float(kinetics.oxygen_solubility), 1.0, 1.0])
        assert moles == pytest.approx([2.013561e-8, -8.076689e-7, 4.038344e-7], rel=S1_TOLERANCE)
        assert inflow[1] / inflow[2] == pytest.approx(-2.0, rel=1e-9)  # exact but for the solver

    def test_second_order(self, half_disc):
        """The mesh of the other tests is fine enough: its error at the mid-plane, from coarser ones, is below a tenth of the tolerance."""
        values = [half_disc(coarser=coarser)[0][:, -1] for coarser in (8, 4, 2)]
        steps = np.abs(np.diff(values, axis=0))
        assert np.log2(steps[0] / steps[1]) == pytest.approx([2.0, 2.0, 2.0], abs=0.1)
        assert np.all(steps[1] / 4.0 < 0.1 * S1_TOLERANCE * np.abs(values[-1]))

    def test_share_of_the_endplate(self, half_disc):
        """37 % of the glucose that enters is used in the endplate (transport 10, pitfall 14)."""
        solutes, inflow = half_disc()
        inner = ENDPLATE_LAYERS + 1
        nucleus = 4.0741e-10 * MM2_PER_DAY * (solutes[2, inner] - solutes[2, inner - 1]) / (6.0 / NUCLEUS_LAYERS)
        assert 1.0 + nucleus / inflow[2] == pytest.approx(0.37, abs=0.01)  # two printed digits, first-order slope


# transport 7: half-height H, endplate t [mm], density [10^6/mL], then mid-plane oxygen, lactate, glucose, pH; last digits as in ruling 34.
SPECIES = {
    "mouse lumbar": (0.155, 0.05, 20.0, 5.05, 0.84, 3.97, 7.32),
    "mouse tail": (0.13, 0.05, 20.0, 5.06, 0.83, 3.98, 7.33),
    "rat lumbar": (0.4, 0.10, 15.0, 4.89, 0.95, 3.88, 7.31),
    "rat tail": (0.5, 0.10, 15.0, 4.81, 1.01, 3.84, 7.31),
    "rabbit lumbar": (0.8, 0.15, 10.0, 4.63, 1.15, 3.74, 7.30),
    "dog": (2.0, 0.3, 8.0, 3.35, 2.12, 3.00, 7.21),
    "goat": (2.2, 0.3, 6.0, 3.50, 1.99, 3.10, 7.22),
    "sheep": (2.1, 0.3, 6.0, 3.59, 1.92, 3.15, 7.23),
    "minipig": (2.5, 0.4, 8.0, 2.66, 2.69, 2.57, 7.16),
    "human L1-2": (4.0, 0.6, 4.0, 2.24, 3.09, 2.26, 7.12),
    "human L4-5": (6.0, 0.6, 4.0, 1.25, 4.30, 1.35, 7.01),
}


@pytest.mark.parametrize("species", SPECIES)
def test_species_table(half_disc, kinetics, species):
    """Mid-plane values of the one-dimensional model with the limiter (transport 7); two printed decimals."""
    half_height, thickness, density, *expected = SPECIES[species]
    solutes, _ = half_disc(layers=Layers(thickness, half_height), density=(13.5, density), limiter=0.1)
    pH = float(acidity(kinetics, jnp.asarray(solutes[1, -1])))
    assert [*solutes[:, -1], pH] == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize(
    ("half_height", "density"), [(2.0, 35.1), (3.0, 18.7), (4.0, 11.65), (5.0, 7.98), (6.0, 5.82), (7.0, 4.43)]
)
def test_densities_that_leave_half_a_millimolar(half_disc, half_height, density):
    """transport 5, without limiter (ruling 29); three printed digits of the density move the glucose by up to 3.5 x 0.5 %."""
    glucose = half_disc(layers=Layers(0.6, half_height), density=(13.5, density))[0][2, -1]
    assert glucose == pytest.approx(0.5, abs=0.0175)


@pytest.mark.parametrize(
    ("density", "half_thickness"), [(2.0, 13.1), (4.0, 9.26), (8.0, 6.55), (16.0, 4.63), (25.0, 3.70)]
)
def test_diffusion_chamber(half_disc, density, half_thickness):
    """T15 of transport 9: half thickness that leaves 0.5 mM in a slab of water fraction 0.95 between bovine medium (20 kPa, 0, 5 mM)."""
    layers = Layers(0.1 * half_thickness, 0.9 * half_thickness)
    solutes, _ = half_disc(layers=layers, density=(density, density), water=(0.95, 0.95), blood=(20.0, 0.0, 5.0))
    # Three printed digits of the thickness, twice that in the drop of 4.5 mM.
    assert solutes[2, -1] == pytest.approx(0.5, abs=4.5 * 2.0 * 0.005 / half_thickness + 1e-3)
