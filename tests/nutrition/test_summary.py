"""Regional values, fluxes and balances of a solution."""

from __future__ import annotations

import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.nutrition import Population, acidity, population_demand, solve_nutrition, summarise
from pulposus.nutrition._summary import SURFACES, regions, summarise_field, summary_document, surface_inflow


@pytest.fixture(scope="module")
def summary(human, human_state):
    return summarise(human, human_state.problem, human_state.solution.solutes)


def test_extremes_and_centre(human, human_state, summary):
    solutes = np.asarray(human_state.solution.solutes)
    for field, values in zip((summary.oxygen, summary.lactate, summary.glucose), solutes, strict=True):
        assert float(field.minimum) == values.min()
        assert float(field.maximum) == values.max()
        assert float(field.centre) == values[human.topology.centre]
        assert float(field.minimum) < float(field.nucleus_mean) < float(field.maximum)
    pH = np.asarray(acidity(human_state.problem.kinetics, human_state.solution.solutes[1]))
    assert float(summary.pH.minimum) == pytest.approx(pH.min(), rel=1e-14)


def test_the_centre_is_the_middle_of_the_map(human):
    """ruling 27: the point (0, 0, 0)."""
    x, _, z = np.asarray(human.coordinates)[human.topology.centre]
    faces = np.asarray(human.coordinates)[human.topology.centre[0], [0, -1], 2]
    assert x == pytest.approx(0.0, abs=1e-12)
    assert z == pytest.approx(faces.mean(), abs=1e-12)


def test_means_are_weighted_by_volume(human):
    """A constant is its own mean; so is the mean of a field quadratic along the axis (the rule is exact for it)."""
    where = regions(human)
    mesh = human.topology
    constant = summarise_field(mesh, where, jnp.full(where.heights.shape, 3.5))
    assert float(constant.mean) == pytest.approx(3.5, rel=1e-12)
    assert float(constant.nucleus_mean) == pytest.approx(3.5, rel=1e-12)


def test_means_on_a_cylinder(elliptic):
    """z^2 has the mean H^2/12 over disc and nucleus alike, to rounding."""
    where = regions(elliptic)
    field = summarise_field(elliptic.topology, where, where.heights**2)
    assert float(field.mean) == pytest.approx(100.0 / 12.0, rel=1e-12)
    assert float(field.nucleus_mean) == pytest.approx(100.0 / 12.0, rel=1e-12)


def test_void_does_not_count(ax1):
    where = regions(ax1)
    values = jnp.where(where.inside > 0.0, 2.0, -50.0)
    field = summarise_field(ax1.topology, where, values)
    assert float(field.minimum) == float(field.maximum) == 2.0
    assert float(field.mean) == pytest.approx(2.0, rel=1e-12)


def test_balances(summary):
    balance = summary.balance
    # The solver stops at 1e-8 of the cold residual, which is of the size of the production.
    assert max(float(balance.oxygen), float(balance.lactate), float(balance.glucose)) < 1e-6
    assert float(balance.lactate_per_glucose) == pytest.approx(-2.0, rel=1e-6)
    assert float(balance.invariant_excess) < 1e-8


def test_fluxes_by_surface(human, human_state, summary):
    inflow, made = surface_inflow(human, human_state.problem, human_state.solution.solutes)
    by_surface = dict(zip(SURFACES, np.asarray(inflow).T, strict=True))
    for surface in ("endplate_inferior", "endplate_superior", "outer_annulus"):
        oxygen, lactate, glucose = by_surface[surface]
        assert oxygen > 0.0 > lactate
        assert glucose > 0.0
    assert np.all(by_surface["rim"] == 0.0)
    assert np.asarray(jnp.sum(inflow, axis=1)) == pytest.approx(-np.asarray(made), rel=1e-6)
    # mM mm3/day to mol/s; oxygen from kPa.
    assert float(summary.fluxes.glucose[1]) == pytest.approx(
        by_surface["endplate_superior"][2] * 1e-9 / 86400.0, rel=1e-12
    )
    assert float(summary.fluxes.oxygen[1]) == pytest.approx(
        by_surface["endplate_superior"][0] * 0.010268 * 1e-9 / 86400.0, rel=1e-12
    )


def test_a_sealed_face_has_no_flux():
    patch = "supply.patches=[{face: inferior, radius: 200 mm, endplate_supply: 0}]"
    disc = load_disc("human/L4-L5/grade1", "coarse", overrides=[patch])
    state = solve_nutrition(disc)
    fluxes = summarise(disc, state.problem, state.solution.solutes).fluxes
    assert float(fluxes.glucose[0]) == 0.0
    assert float(fluxes.glucose[1]) > 0.0


def test_the_invariant_is_named_only_where_it_holds(human, human_state):
    """ruling 35: one ratio of diffusivities and two lactate per glucose; otherwise it is not a number."""
    solutes = human_state.solution.solutes
    shape = solutes.shape[1:]
    unequal = human_state.problem.with_demand(
        population_demand(human, [Population(jnp.full(shape, 4.0), 1.0, 1.0, 1.5)])
    )
    assert np.isnan(float(summarise(human, unequal, solutes).balance.invariant_excess))
    hindered = eqx.tree_at(lambda d: d.tissue.diffusivity, human, human.tissue.diffusivity.at[2, 1].multiply(0.4))
    assert np.isnan(float(summarise(hindered, human_state.problem, solutes).balance.invariant_excess))


def test_the_invariant_notices_a_wrong_field(human, human_state):
    wrong = human_state.solution.solutes.at[2].add(3.0)
    assert float(summarise(human, human_state.problem, wrong).balance.invariant_excess) > 0.1


def test_without_cells_nothing_is_divided_by_zero(human, human_state):
    problem = human_state.problem
    empty = problem.with_demand(jnp.zeros_like(problem.demand))
    balance = summarise(human, empty, jnp.zeros_like(problem.start)).balance
    assert np.isfinite(float(balance.glucose))
    assert np.isnan(float(balance.lactate_per_glucose))  # the marrow feeds a disc that was empty, but no cell uses it
    sealed = eqx.tree_at(
        lambda p: (p.stencil, p.exchange, p.load), empty, (0.0 * empty.stencil, 0.0 * empty.exchange, 0.0 * empty.load)
    )
    assert np.isnan(float(summarise(human, sealed, problem.start).balance.lactate_per_glucose))


def test_document(human, human_state, summary):
    document = summary_document(summary)
    assert list(document) == ["oxygen_kPa", "glucose_mM", "lactate_mM", "pH", "fluxes", "balance"]
    assert set(document["glucose_mM"]) == {"min", "max", "mean", "nucleus_mean", "centre"}
    assert document["glucose_mM"]["min"] == float(summary.glucose.minimum)
    assert tuple(document["fluxes"]) == SURFACES
    assert set(document["fluxes"]["rim"]) == {"oxygen_mol_per_s", "lactate_mol_per_s", "glucose_mol_per_s"}
    assert document["balance"]["lactate_per_glucose"] == float(summary.balance.lactate_per_glucose)
    unequal = eqx.tree_at(lambda s: s.balance.invariant_excess, summary, jnp.asarray(jnp.nan))
    assert json.loads(json.dumps(summary_document(unequal), allow_nan=False))["balance"]["invariant_excess"] is None
