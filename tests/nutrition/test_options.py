"""Nutrition with the options that a disc may ask for, and the capacity of an endplate-fed slab (transport 2, 3 and 5)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cli._nutrition import nutrition_document
from pulposus.disc import load_disc, stack_discs
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mesh import apply_stencil, element_volumes, face_areas
from pulposus.nutrition import (
    Kinetics,
    nutrition_problem,
    slab_capacity,
    solve_nutrition,
    solve_nutrition_batch,
    summarise,
    tissue_volumes,
)
from pulposus.nutrition import storage as storage_of
from pulposus.nutrition._capacity import _positive_root
from pulposus.parameters import load_parameters

AX1 = str(Path(__file__).parents[2] / "benchmarks" / "layered_cylinder.yaml")
PARAMETERS = load_parameters()
KINETICS = Kinetics.from_parameters(PARAMETERS)
# No value of AX1 on the standard mesh differs from the fine one by more (lowest oxygen, 0.009 kPa).
STANDARD_MESH = 0.01
# Balances are met to the solver's 1e-8 of the cold start.
BALANCE = 1e-6
SLOW = pytest.mark.slow


@cache
def _solved(*overrides, source=AX1, resolution="coarse"):
    disc = load_disc(source, resolution, overrides=overrides)
    state = solve_nutrition(disc)
    return disc, state, summarise(disc, state.problem, state.solution.solutes)


def _problem(*overrides, source=AX1):
    disc = load_disc(source, "coarse", overrides=overrides)
    return disc, jax.jit(nutrition_problem)(disc, KINETICS)


def _energy(disc, problem, field):
    """Integral of D |grad u|^2 for every solute."""
    return jnp.sum(field * apply_stencil(disc.topology.neighbours, problem.stencil, field), axis=(1, 2))


@cache
def _hindered(multiplier, resolution):
    """Lowest glucose, highest lactate and lowest pH; the test halves the rates, so a is half the written multiplier."""
    keys = ("stress_test=hindered", "metabolism.glucose_limiter=0.1 mM", f"metabolism.multiplier={multiplier}")
    _, _, found = _solved.__wrapped__(*keys, resolution=resolution)  # not kept: a fine problem is large
    return float(found.glucose.minimum), float(found.lactate.maximum), float(found.pH.minimum)


@pytest.mark.parametrize(("resolution", "error"), [("standard", STANDARD_MESH), pytest.param("fine", 1e-3, marks=SLOW)])
class TestHindered:
    """Stress test of transport 2.2 on AX1: glucose hindrance 0.4 and rates a, with the limiter 0.1 mM (ruling 29).

    Tolerance: half a printed digit and the error of the mesh.
    """

    def test_half_rates(self, resolution, error):
        glucose, lactate, pH = _hindered(1.0, resolution)
        assert (glucose, lactate) == pytest.approx((0.29, 2.97), abs=0.005 + error)
        assert pH == pytest.approx(7.13, abs=0.005 + error / 11.11)

    def test_rates_of_two_fifths(self, resolution, error):
        glucose, lactate, _ = _hindered(0.8, resolution)
        assert (glucose, lactate) == pytest.approx((0.74, 2.73), abs=0.005 + error)


@pytest.mark.parametrize(("resolution", "layer"), [("standard", 1.6), pytest.param("fine", 0.87, marks=SLOW)])
def test_full_rates_use_all_glucose(resolution, layer):
    """0.002 mM (transport 2.2), printed with one digit, so 0.0015 to 0.0025.

    Below K_lim glucose decays over sqrt(D K_lim / R) = 0.65 mm (D 1.63e-10 m2/s, R 3.8e-5 mM/s), four of these lengths from 0.1 to 0.002
    mM. Lumped linear elements of `layer` mm at mid-height see the smaller rate acosh(1 + x^2/2)/x per length, x = layer / length, so
    glucose is overestimated by exp(4 (1 - rate)).
    """
    x = layer / 0.65
    overestimate = np.exp(4.0 * (1.0 - np.arccosh(1.0 + x**2 / 2.0) / x))
    assert 0.0015 < _hindered(2.0, resolution)[0] < 0.0025 * overestimate


def test_measured_hindrance_of_the_endplate():
    """Wu's endplate (glucose 0.12, lactate 0.13) with full rates: at most the 0.09 mM of transport 2.2, where oxygen was hindered too."""
    keys = ("tissues.endplate.hindrance={glucose: 0.12, lactate: 0.13}", "metabolism.glucose_limiter=0.1 mM")
    _, _, found = _solved(*keys, resolution="standard")
    assert 0.0 < float(found.glucose.minimum) < 0.09


class TestMarrowWindows:
    def test_exchange_is_that_of_the_windows(self):
        """k_s = 4 D f / (pi a (1 - f)) times the area of a node, whatever the thickness of the endplate."""
        disc, problem = _problem("supply={marrow_contact: {fraction: 0.1, radius: 50 um}}")
        mesh = disc.topology
        film = disc.tissue.diffusivity[:, 2] * 4.0 * 0.1 / (np.pi * 0.05 * 0.9)
        for level in (0, mesh.levels - 1):
            area = face_areas(mesh, disc.coordinates[:, level], disc.layout.endplate_quads.astype(float))
            exact = np.asarray(film[:, None] * area[None])
            assert np.asarray(problem.exchange[:, :, level]) == pytest.approx(exact, rel=1e-12)

    def test_wide_contact_is_full_supply(self):
        """Windows of 99.99 % leave P = 0.99999: the disc with a fixed face, to the 1e-5 that is missing."""
        contact = "supply={marrow_contact: {fraction: 0.9999, radius: 50 um}}"
        _, windows, _ = _solved(contact)
        _, full, _ = _solved("supply={endplate_supply: 1.0}")
        assert np.asarray(windows.solution.solutes) == pytest.approx(np.asarray(full.solution.solutes), abs=1e-4)

    def test_both_reductions_are_warned_of(self):
        disc, state, _ = _solved("supply={endplate_vessels: 0.8, marrow_contact: {}}")
        assert nutrition_document(disc, state)["warnings"] == list(disc.description.warnings) != []


class TestOuterAnnulus:
    def test_equal_zones_are_one_annulus(self):
        zone = "{cell_density: 5.55 million cell/mL, transport_water_fraction: 0.75}"
        _, one = _problem()
        _, two = _problem(f"tissues.outer_annulus={zone}")
        assert np.asarray(two.stencil) == pytest.approx(np.asarray(one.stencil), rel=1e-13)
        assert np.asarray(two.demand) == pytest.approx(np.asarray(one.demand), rel=1e-12)

    @staticmethod
    def _zones(*more):
        """AX1 with the published zones; the layered cylinder writes its annulus, so they are written too."""
        inner = "tissues.annulus={cell_density: 4.5 million cell/mL, transport_water_fraction: 0.78}"
        return (inner, "tissues.outer_annulus={}", *more)

    def test_cells_and_storage_of_the_zones(self):
        """Volumes of the cylinders: pi (r2^2 - r1^2) 12 mm."""
        disc, problem = _problem(*self._zones("metabolism.preset=mixture"))
        border = 14.0 + 16.0 / 3.0
        squares = np.array([14.0**2, border**2 - 14.0**2, 22.0**2 - border**2])
        nucleus, inner, outer = np.pi * 12.0 * squares
        endplates = np.pi * 18.0**2 * 1.2
        cells = 3.6 * nucleus + 4.5 * inner + 13.5 * endplates + 9.0 * outer
        assert np.sum(problem.demand, axis=(1, 2)) == pytest.approx([cells] * 3, rel=1e-12)
        water = 0.80 * nucleus + 0.78 * inner + 0.66 * endplates + 0.70 * outer
        held = storage_of(disc, tissue_volumes(disc))
        assert np.sum(held, axis=(1, 2)) == pytest.approx([water] * 3, rel=1e-12)
        volumes = tissue_volumes(disc)
        assert np.sum(volumes.by_tissue, axis=(1, 2)) == pytest.approx([nucleus, inner, endplates, outer], rel=1e-12)

    def test_conductivity_of_the_zones(self):
        """Energy of a field along the axis: D times the volume of every zone."""
        disc, problem = _problem(*self._zones())
        field = jnp.broadcast_to(disc.coordinates[..., 2], problem.start.shape)
        energy = np.asarray(_energy(disc, problem, field))
        volume = np.sum(tissue_volumes(disc).by_tissue, axis=(1, 2))
        assert energy == pytest.approx(np.asarray(disc.tissue.diffusivity @ volume), rel=1e-10)

    def test_solution(self):
        """More cells under the rim and fewer inside: less glucose outside, more inside; balances and the harmonic bound hold."""
        _, plain, _ = _solved()
        disc, zoned, found = _solved(*self._zones())
        mesh, level = disc.topology, disc.topology.centre[1]
        # Node rings of the standard annulus: one inside the rim, and the border of the nucleus.
        near_rim, border = mesh.rim - len(mesh.rim), mesh.nucleus_ring
        change = np.asarray(zoned.solution.solutes - plain.solution.solutes)[2, :, level]
        assert np.all(change[near_rim] < 0.0)
        assert np.all(change[border] > 0.0)
        assert float(found.balance.glucose) < BALANCE
        assert float(found.balance.lactate_per_glucose) == pytest.approx(-2.0, rel=BALANCE)
        assert float(found.balance.invariant_excess) < BALANCE

    def test_a_zone_of_other_hindrance_is_not_harmonic(self):
        _, _, found = _solved("tissues.outer_annulus={hindrance: {glucose: 0.5}}")
        assert np.isnan(float(found.balance.invariant_excess))

    def test_axis_of_the_disc_does_not_feel_the_zones(self):
        from pulposus.cells import CellParameters, Product
        from pulposus.nutrition import axial_geometry
        from pulposus.simulation import axial_model

        def model(*overrides):
            disc = load_disc("human/L4-L5", "coarse", overrides=overrides)
            free = jnp.zeros((1, len(axial_geometry(disc).heights)))
            product = Product.from_parameters(PARAMETERS, carrier="saline")
            amounts = (jnp.zeros(()), jnp.zeros(()))
            return axial_model(disc, KINETICS, product, CellParameters.from_parameters(PARAMETERS), free, *amounts)

        for one, other in zip(
            jax.tree.leaves(model()), jax.tree.leaves(model("tissues.outer_annulus={}")), strict=True
        ):
            assert np.array_equal(one, other)


class TestAnisotropy:
    KEY = "tissues.annulus.anisotropy={radial_ratio: 0.66}"

    def test_ratio_one_is_isotropic(self):
        _, one = _problem()
        _, other = _problem("tissues.annulus.anisotropy={radial_ratio: 1}")
        # The option adds a term that is zero.
        assert np.asarray(other.stencil) == pytest.approx(np.asarray(one.stencil), rel=1e-13)

    def test_only_the_radius_of_the_annulus_is_slower(self):
        """Energy of a field along the axis is untouched; that of x falls by (1 - 0.66) of the mean cos^2, a half, of the annulus."""
        disc, plain = _problem()
        _, slow = _problem(self.KEY)

        def energy(problem, axis):
            field = jnp.broadcast_to(disc.coordinates[..., axis], problem.start.shape)
            return np.asarray(_energy(disc, problem, field))

        assert energy(slow, 2) == pytest.approx(energy(plain, 2), rel=1e-12)
        volume = np.asarray(element_volumes(disc.topology, disc.coordinates))[disc.tissue_of_element == 1].sum()
        lost = (1.0 - 0.66) * 0.5 * np.asarray(disc.tissue.diffusivity[:, 1]) * volume
        assert energy(plain, 0) - energy(slow, 0) == pytest.approx(lost, rel=1e-10)

    def test_solution(self):
        """Less comes in through the annulus, so the disc has less; balances and the harmonic bound hold."""
        _, _, plain = _solved()
        disc, _, slow = _solved(self.KEY)
        assert float(slow.fluxes.glucose[2]) < float(plain.fluxes.glucose[2])
        assert float(slow.glucose.minimum) < float(plain.glucose.minimum)
        assert float(slow.balance.glucose) < BALANCE
        assert float(slow.balance.invariant_excess) < BALANCE
        assert disc.tissue.radial_diffusion_ratio is not None

    def test_an_anatomical_disc_with_both_options(self):
        keys = ("tissues.annulus.anisotropy={}", "tissues.outer_annulus={}")
        _, _, found = _solved(*keys, source="human/L4-L5/grade3")
        assert float(found.balance.oxygen) < BALANCE
        assert float(found.balance.glucose) < BALANCE


def test_a_batch_with_both_options():
    """The answer of a disc does not depend on its batch: 1e-9, as without the options."""
    keys = ("tissues.annulus.anisotropy={}", "tissues.outer_annulus={}")
    discs = [load_disc(name, "coarse", overrides=keys) for name in ("human/L4-L5/grade3", "human/L1-L2/grade2")]
    together = solve_nutrition_batch(stack_discs(discs))
    alone = _solved(*keys, source="human/L4-L5/grade3")[1].solution.solutes
    assert np.asarray(together.status).tolist() == [0, 0]
    assert np.asarray(together.solutes[0]) == pytest.approx(np.asarray(alone), abs=1e-9)


class TestSlabCapacity:
    """Density of nucleus cells that leaves 0.5 mM at the mid-plane (transport 5, ruling 34), without limiter."""

    @pytest.mark.parametrize(
        ("half_height", "density", "digit"),
        [
            (2.0, 35.1, 0.1),
            (3.0, 18.7, 0.1),
            (4.0, 11.65, 0.01),
            (5.0, 7.98, 0.01),
            (6.0, 5.82, 0.01),
            (7.0, 4.43, 0.01),
        ],
    )
    def test_table(self, half_height, density, digit):
        # Half of the last printed digit; the mesh errs by less than 1e-4 of the density.
        assert slab_capacity(half_height, 0.6) == pytest.approx(density, abs=0.5 * digit + 1e-4 * density)

    def test_a_small_disc_tolerates_any_dose(self):
        """rho H^2 stays of the order of the human one (140-217): a mouse disc feeds more than 1e9 cells/mL."""
        assert slab_capacity(0.155, 0.05) * 0.155**2 == pytest.approx(140.0, rel=0.1)

    def test_scaling(self):
        """Sizes times s and densities over s^2 leave the solution (transport 8.9 f)."""
        larger = (13.5 / 12.0) ** 0.5
        scaled = PARAMETERS.replace({"grades.cell_density.endplate.I": 12.0})
        expected = slab_capacity(4.0, 0.6) / larger**2
        assert slab_capacity(4.0 * larger, 0.6 * larger, scaled) == pytest.approx(expected, rel=1e-7)

    def test_forms_of_the_model(self):
        """`mixture` lets less through, the limiter saves glucose, and less is left where more may be used."""
        base = slab_capacity(6.0, 0.6)
        assert slab_capacity(6.0, 0.6, preset="mixture") < base
        assert slab_capacity(6.0, 0.6, glucose_limiter=0.1) > base
        assert slab_capacity(6.0, 0.6, glucose=1.0) < base

    def test_an_endplate_that_uses_everything(self):
        assert slab_capacity(6.0, 5.0) == 0.0

    @pytest.mark.parametrize(
        ("arguments", "options", "where"),
        [
            ((0.0, 0.6), {}, "half_height"),
            ((6.0, float("nan")), {}, "endplate_thickness"),
            ((6.0, 0.6), {"glucose": 4.0}, "glucose"),
        ],
    )
    def test_impossible_questions(self, arguments, options, where):
        with pytest.raises(InvalidInput) as caught:
            slab_capacity(*arguments, **options)
        assert caught.value.where == where

    def test_a_failed_solve_is_an_error(self):
        with pytest.raises(SolverFailed, match="not finite"):
            slab_capacity(1e-20, 0.6)  # nodes coincide in double precision

    def test_root_of_a_line_is_met_at_once(self):
        assert _positive_root(lambda x: 3.0 - x, 2.0) == 3.0
