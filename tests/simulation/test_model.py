"""The model of a disc: cells and volumes are those of the disc, nutrients those of the nutrition room, at the level that is asked for."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, CellState, Product
from pulposus.disc import Disc, central_column, load_disc
from pulposus.mesh import element_volumes
from pulposus.nutrition import Kinetics, SolverOptions, axial_geometry, solve_nutrition
from pulposus.parameters import ParameterSet
from pulposus.simulation import DiscModel, Plan, SimulationState, axial_model, plan_of
from pulposus.simulation._course import SINGLE
from pulposus.simulation._events import InjectionEvent, LoadEvent
from pulposus.simulation._model import Surroundings
from pulposus.therapy import Treatment, load_protocol

MILLION = 1e-3  # 10^6/mL times mm3
OPTIONS = SolverOptions(tolerance=1e-8)

OPEN_CYLINDER = """
schema_version: 1
name: open cylinder
shape:
  kind: layered-cylinder
  half_width: 12 mm
  half_depth: 12 mm
  nucleus_half_width: 8 mm
  endplate_half_width: 10 mm
  nucleus_height: 8 mm
  endplate_thickness: 0.5 mm
supply: {endplate_supply: 1.0}
"""


@pytest.fixture(scope="module")
def plans(human_disc: Disc, constants: ParameterSet) -> dict[str, Plan]:
    """A published study at both levels."""
    protocol = load_protocol("orozco-2011")
    return {level: plan_of(protocol, human_disc, constants, level) for level in ("disc", "slab")}


@pytest.fixture(scope="module")
def treatment(plans: dict[str, Plan]) -> Treatment:
    return plans["disc"].treatment


@pytest.fixture(scope="module")
def models(plans: dict[str, Plan]) -> dict[str, DiscModel]:
    """The disc of the study without cells, at both levels."""
    return {level: plan.model for level, plan in plans.items()}


@pytest.fixture(scope="module")
def started(models: dict[str, DiscModel]) -> dict[str, SimulationState]:
    """Both levels at the start, before anything is done to the disc."""
    return {level: SINGLE.start(model, 0.05, OPTIONS) for level, model in models.items()}


def volume_of(disc: Disc, tissue: int) -> float:
    volumes = np.asarray(element_volumes(disc.topology, disc.coordinates))
    return float(volumes[disc.tissue_of_element == tissue].sum())


def test_native_cells_are_density_times_volume_of_every_tissue(human_disc: Disc, models: dict) -> None:
    """Nodes on a border hold a mean of tissues, so that the sum over nodes is exact to rounding."""
    model = models["disc"]
    volumes = np.array([volume_of(human_disc, tissue) for tissue in range(3)])
    density = np.asarray(human_disc.tissue.cell_density)
    cells = model.initial_cells
    assert float(jnp.sum(model.volume)) == pytest.approx(volumes.sum(), rel=1e-12)
    assert float(jnp.sum(model.volume * cells.native_alive)) == pytest.approx(volumes @ density, rel=1e-12)
    senescent = volumes @ (density * np.asarray(human_disc.tissue.senescent_share))
    assert senescent > 0.0
    assert float(jnp.sum(model.volume * cells.senescent)) == pytest.approx(senescent, rel=1e-12)


def test_the_slab_has_the_volume_of_the_nucleus(human_disc: Disc, models: dict) -> None:
    model, column = models["slab"], central_column(human_disc)
    assert float(jnp.sum(model.where.nucleus)) == pytest.approx(volume_of(human_disc, 0), rel=1e-12)
    height = float(column.positions[-1] - column.positions[0])
    assert float(jnp.sum(model.volume)) == pytest.approx(float(axial_geometry(human_disc).area) * height, rel=1e-12)
    assert model.mesh.columns == 1
    np.testing.assert_array_equal(np.asarray(model.where.heights[0]), np.asarray(column.positions))


@pytest.mark.parametrize("level", ["disc", "slab"])
def test_the_cells_that_the_needle_leaves_are_in_the_disc(
    plans: dict[str, Plan], models: dict[str, DiscModel], started: dict, treatment: Treatment, level: str
) -> None:
    (event,) = (one for one in plans[level].arms["with_cells"].events[0.0] if isinstance(one, InjectionEvent))
    model, before = models[level], started[level]
    _, treated = SINGLE.happen(event, model, before)
    donor = MILLION * float(jnp.sum(model.volume * treated.cells.donor))
    assert donor == pytest.approx(treatment.retained_cells, rel=1e-12)
    assert float(treated.ledger.injected) == pytest.approx(treatment.injected_cells, rel=1e-15)
    assert float(treated.ledger.leaked_at_once) == pytest.approx(treatment.leaked_cells, rel=1e-15)
    assert float(jnp.max(before.cells.donor)) == 0.0
    assert (float(before.ledger.injected), float(before.ledger.leaked_at_once)) == (0.0, 0.0)


def test_without_cells_the_nutrients_are_those_of_the_nutrition_room(
    human_disc: Disc, constants: ParameterSet, started: dict
) -> None:
    """Two ways to the same equations; each is solved to 1e-8 of the cold start, 1e-6 of the fields."""
    direct = solve_nutrition(human_disc, constants, options=OPTIONS).solution.solutes
    np.testing.assert_allclose(np.asarray(started["disc"].solutes), np.asarray(direct), rtol=1e-6, atol=1e-6)


def test_demand_is_that_of_native_and_donor_cells(human_disc: Disc, models: dict) -> None:
    """One free cell counts 5 for oxygen and 2 for glucose and lactate; the water factor acts on oxygen alone (rulings 12, 31)."""
    model = models["disc"]
    one = CellState.without_donor(jnp.zeros_like(model.volume)).with_injected(jnp.ones_like(model.volume))
    native = model.nutrition(model.initial_cells).demand
    donor = model.nutrition(one).demand
    weights = [float(model.product.demand.oxygen), float(model.product.demand.glucose)]
    np.testing.assert_allclose(
        np.asarray(donor[0]), weights[0] * np.asarray(model.oxygen_water * model.volume), rtol=1e-12
    )
    np.testing.assert_allclose(np.asarray(donor[1]), weights[1] * np.asarray(model.volume), rtol=1e-12)
    factor = float(human_disc.condition.metabolically_active_fraction * human_disc.condition.metabolic_multiplier)
    expected = factor * np.asarray(model.volume * model.initial_cells.native_alive)
    np.testing.assert_allclose(np.asarray(native[2]), expected, rtol=1e-12)
    assert 0.0 < float(jnp.min(model.oxygen_water)) < float(jnp.max(model.oxygen_water)) < 1.0


def test_the_endplates_of_the_slab_exchange_by_robin_law(human_disc: Disc, models: dict) -> None:
    """k = D / t P / (1 - P) on both faces of the axis, times the cross-section."""
    model, column = models["slab"], central_column(human_disc)
    area, relative = float(axial_geometry(human_disc).area), np.asarray(column.endplate_supply)
    assert np.all((relative > 0.0) & (relative < 1.0))
    diffusivity = np.asarray(human_disc.tissue.diffusivity)[:, 2]
    for face, level in ((0, 0), (1, -1)):
        conductance = relative[face] / (1.0 - relative[face]) / float(column.endplate_thickness[face])
        expected = diffusivity * conductance * area
        np.testing.assert_allclose(np.asarray(model.problem.exchange[:, 0, level]), expected, rtol=1e-12)
    assert float(jnp.min(model.problem.free)) == 1.0
    assert float(jnp.sum(jnp.abs(model.problem.exchange[:, :, 1:-1]))) == 0.0


def test_open_endplates_fix_the_marrow_values(
    tmp_path: Path, kinetics: Kinetics, product: Product, cell_parameters: CellParameters
) -> None:
    file = tmp_path / "cylinder.yaml"
    file.write_text(OPEN_CYLINDER, encoding="utf-8")
    disc = load_disc(file, "coarse")
    none, zero = jnp.zeros((1, disc.topology.levels)), jnp.asarray(0.0)
    model = axial_model(disc, kinetics, product, cell_parameters, none, zero, zero)
    assert np.asarray(model.problem.free[0]).tolist() == [0.0, *[1.0] * (disc.topology.levels - 2), 0.0]
    assert float(jnp.sum(jnp.abs(model.problem.exchange))) == 0.0
    for level in (0, -1):
        np.testing.assert_array_equal(
            np.asarray(model.problem.start[:, 0, level]), np.asarray(disc.supply.endplate_values)
        )


def test_the_surroundings_are_those_of_the_grade(human_disc: Disc, models: dict) -> None:
    around, condition = Surroundings.of_disc(human_disc, 0.8), human_disc.condition
    assert float(around.osmolarity) == float(condition.osmolarity)
    assert float(around.cytokine) == float(condition.cytokine)
    assert float(around.annulus_opening) == float(condition.fissure_fraction)
    assert (float(around.growth_factor), float(around.endplate_opening), float(around.load)) == (0.0, 0.0, 0.8)
    model = models["slab"]
    solutes = jnp.stack([jnp.full_like(model.volume, value) for value in (2.0, 3.0, 1.2)])
    environment = model.environment(solutes)
    metabolism = human_disc.metabolism
    assert float(environment.oxygen[0, 0]) == 2.0
    assert float(environment.glucose[0, 0]) == 1.2
    expected = float(metabolism.neutral_pH - 3.0 / metabolism.lactate_per_pH)
    assert float(environment.pH[0, 0]) == pytest.approx(expected, rel=1e-15)


def test_load_and_switches_of_the_protocol_reach_the_model(human_disc: Disc, constants: ParameterSet) -> None:
    protocol = load_protocol(
        "orozco-2011",
        ["co_care.load_index=0.8", "numerics.switches.growth=false", "numerics.switches.paracrine=false"],
    )
    plan = plan_of(protocol, human_disc, constants, "slab")
    model, biology = plan.model, plan.model.biology
    assert (float(model.parameters.switches.growth), float(model.parameters.switches.death)) == (0.0, 1.0)
    assert biology is not None
    assert float(biology.signals.secretion) == 0.0
    # The disc settles at normal loading; every arm changes it at day 0.
    usual = constants.value("matrix.reference.load")
    assert (float(model.surroundings.load), float(biology.load.magnitude)) == (1.0, usual)
    for course in plan.arms.values():
        (event,) = (one for one in course.events[0.0] if isinstance(one, LoadEvent))
        loaded = event.change(model, jnp.zeros(()))
        assert float(loaded.surroundings.load) == 0.8
        assert float(loaded.biology.load.magnitude) == pytest.approx(0.8 * usual, rel=1e-15)


def test_the_glucose_threshold_of_the_disc_holds_for_its_native_cells(constants: ParameterSet) -> None:
    """A notochordal disc (rat) starves at 0.8 mM (rulings 8); its donor cells at their own threshold."""
    rat = load_disc("rat/tail", "coarse", constants)
    model = plan_of(load_protocol("crevensten-2004"), rat, constants, "slab").model
    assert float(model.parameters.native.glucose.threshold) == 0.8
    assert float(model.parameters.donor.glucose.threshold) == constants.value("cells.donor.glucose_threshold")


def test_coordinates_are_those_of_the_nodes(human_disc: Disc, plans: dict[str, Plan]) -> None:
    np.testing.assert_array_equal(plans["disc"].coordinates, np.asarray(human_disc.coordinates))
    axis = plans["slab"].coordinates
    assert axis.shape == (1, human_disc.topology.levels, 3)
    np.testing.assert_array_equal(axis[0, :, 2], np.asarray(central_column(human_disc).positions))
