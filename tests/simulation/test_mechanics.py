"""Mechanics along a course: fields between meshes, what has changed since the image, a disc in another shape, and coupled courses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc, load_disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mechanics._disc_places import disc_places
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.nutrition import SolverOptions, nutrition_problem, tissue_volumes
from pulposus.parameters import ParameterSet
from pulposus.simulation import (
    Course,
    DiscMechanics,
    DiscModel,
    MechanicsReading,
    Progress,
    SimulationState,
    StepControl,
    _mechanics,
    _mechanics_course,
    _mechanics_reading,
    _representative_day,
    deform,
    disc_mechanics,
    follow_coupled,
    models_along,
    plan_of,
    read_course,
)
from pulposus.simulation._carrying import ToPoints, _fit, from_points, node_reference, to_nodes, to_points
from pulposus.simulation._coupled import pieces
from pulposus.simulation._course import SINGLE
from pulposus.simulation._events import AgeingEvent, InjectionEvent, InsultEvent, LoadEvent
from pulposus.simulation._imaged import ImagedDisc
from pulposus.simulation._ledger import total
from pulposus.simulation._mechanics import biology_of, change_of
from pulposus.simulation._mechanics_course import before_settling, equilibrium_of, loaded_model
from pulposus.simulation._mechanics_reading import reading_of
from pulposus.simulation._representative_day import representative_day, time_mean
from pulposus.simulation._reshaping import (
    DeformedBiology,
    deformed_disc,
    reshaped_event,
    reshaped_model,
    reshaped_state,
    tissue_means,
    volumes_of,
)
from pulposus.therapy import load_protocol

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml"
OPTIONS = SolverOptions(tolerance=1e-6)
ROUNDING = 1e-10  # ledgers


# Fields between meshes


class Meshes(NamedTuple):
    """One disc on both of its meshes."""

    disc: Disc
    reference: np.ndarray
    points: ToPoints
    places: np.ndarray
    tissue: np.ndarray


@pytest.fixture(scope="module")
def meshes() -> Meshes:
    disc, quadratic = (load_disc("human/L4-L5/grade3", resolution) for resolution in ("coarse", "mechanics"))
    places = disc_places(quadratic)
    reference = node_reference(disc, float(places.nucleus_radius), float(places.endplate_radius))
    tissue, at = np.asarray(places.tissue), np.asarray(places.reference)
    return Meshes(disc, reference, to_points(disc, reference, tissue, at), at, tissue)


def test_constant_and_linear_fields_reach_the_points_exactly(meshes: Meshes) -> None:
    def linear(at: np.ndarray) -> np.ndarray:
        return 1.0 + 2.0 * at[..., 0] - 3.0 * at[..., 1] + 0.5 * at[..., 2]

    np.testing.assert_allclose(meshes.points(jnp.ones(meshes.reference.shape[:2])), 1.0, atol=1e-13)
    # Weights add up to one with a sum of sizes of about three, so rounding stays below 1e-13.
    np.testing.assert_allclose(meshes.points(jnp.asarray(linear(meshes.reference))), linear(meshes.places), atol=1e-12)


def test_smooth_fields_reach_the_points_to_second_order(meshes: Meshes) -> None:
    """The error of a wave falls by four when it is twice as long; its third derivatives change the order by less than a tenth."""

    def error(number: float) -> float:
        def wave(at: np.ndarray) -> np.ndarray:
            return np.sin(number * at[..., 0] + 0.7) * np.cos(number * (0.7 * at[..., 1] + at[..., 2]) + 0.4)

        return float(np.sqrt(np.mean((meshes.points(jnp.asarray(wave(meshes.reference))) - wave(meshes.places)) ** 2)))

    assert np.log2(error(0.2) / error(0.1)) == pytest.approx(2.0, abs=0.1)


def test_a_node_between_two_tissues_speaks_for_neither(meshes: Meshes) -> None:
    values = jnp.array([65.0, 30.0, 12.0])
    mixed = tissue_volumes(meshes.disc).average(values)
    expected = np.broadcast_to(np.asarray(values)[meshes.tissue][:, None], meshes.places.shape[:2])
    np.testing.assert_allclose(meshes.points(mixed), expected, rtol=1e-12)


def test_a_bounded_field_stays_between_its_extremes(meshes: Meshes) -> None:
    rough = jnp.asarray(np.random.default_rng(3).uniform(0.0, 1.0, meshes.reference.shape[:2]))
    free, bounded = meshes.points(rough), meshes.points.bounded(rough)
    assert float(jnp.min(free)) < 0.0
    assert float(jnp.min(bounded)) >= float(jnp.min(rough))
    assert float(jnp.max(bounded)) <= float(jnp.max(rough))


def test_points_of_the_annulus_speak_for_its_nodes(meshes: Meshes) -> None:
    """Means of the nearest points: constants are kept, a linear field is met to half the spacing of the points, nothing lies beyond."""
    carry = from_points(meshes.disc, meshes.reference, meshes.tissue, meshes.places, 1)
    height = meshes.places[..., 2]
    found = np.asarray(carry(jnp.asarray(height), 9.0))
    inside = np.asarray(carry.inside)
    assert (found[~inside] == 9.0).all()
    np.testing.assert_allclose(carry(jnp.full(height.shape, 1.3), 1.0)[inside], 1.3, rtol=1e-14)
    # Six elements of three points along the axis: the points lie at most 0.26 apart in zeta.
    assert np.abs(found[inside] - meshes.reference[inside][:, 2]).max() < 0.13 + 1e-9


@pytest.mark.parametrize("count", [10, 60], ids=["too few", "in one plane"])
def test_nodes_that_determine_no_linear_function_are_refused(count: int) -> None:
    grid = np.stack([np.tile(np.arange(10.0), 6), np.repeat(np.arange(6.0), 10), np.zeros(60)], axis=1)[:count]
    above = np.array([[0.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match="linear function"):
        _fit(np.concatenate([grid, above]), grid[-1:] + 0.1)


def test_displacements_reach_the_nodes_exactly(meshes: Meshes) -> None:
    """A function of the elements is evaluated as it is: quadratic ones of the local coordinates give back the reference itself."""
    quadratic = load_disc("human/L4-L5/grade3", "mechanics")
    places = disc_places(quadratic)
    lattice = node_reference(quadratic, float(places.nucleus_radius), float(places.endplate_radius))
    nodes = to_nodes(meshes.reference, places.mesh, lattice)
    field = places.mesh.gather(jnp.asarray(lattice))
    np.testing.assert_allclose(nodes(field), meshes.reference, atol=1e-12)
    # Positions are curved within an element, so they come back as far as quadratic functions follow the map: a share of 1e-3 of 50 mm.
    np.testing.assert_allclose(nodes(places.mesh.gather(quadratic.coordinates)), meshes.disc.coordinates, atol=0.05)


# A small disc: the elliptic cylinder


class Case(NamedTuple):
    """A disc at day 0, neither settled nor treated, and its mechanics."""

    disc: Disc
    model: DiscModel
    state: SimulationState
    mechanics: DiscMechanics
    course: Course


@pytest.fixture(scope="module")
def case(constants: ParameterSet) -> Case:
    disc, quadratic = (
        load_disc(BENCHMARK, resolution, constants) for resolution in ("coarse", "mechanics-cylinder-coarse")
    )
    plan = plan_of(load_protocol("no-treatment"), disc, constants, "disc", until=2.0)
    state = SINGLE.start(plan.model, 0.05, OPTIONS)
    return Case(disc, plan.model, state, disc_mechanics(disc, quadratic, plan.model, constants), plan.arms["sham"])


def test_a_stress_free_state_that_is_not_found_is_said(
    case: Case, constants: ParameterSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = SimpleNamespace(status=1, residual=0.3, passes=20)
    monkeypatch.setattr(_mechanics, "reference_state", lambda *given: lost)
    quadratic = load_disc(BENCHMARK, "mechanics-cylinder-coarse", constants)
    with pytest.raises(SolverFailed, match="stress-free shape"):
        disc_mechanics(case.disc, quadratic, case.model, constants)


def less_charge(case: Case, share: float) -> SimulationState:
    """The state with a share of its glycosaminoglycan."""
    matrix = case.state.matrix
    assert matrix is not None
    return replace(
        case.state, matrix=replace(matrix, aggrecan=share * matrix.aggrecan, fragments=share * matrix.fragments)
    )


def squeezed(disc: Disc, share: float) -> jnp.ndarray:
    """Nodes of a disc whose height is a share of its own."""
    return disc.coordinates * jnp.array([1.0, 1.0, share])[None, None]


# What has changed since the image


def test_nothing_has_changed_at_the_start(case: Case) -> None:
    change = change_of(case.mechanics, case.model, case.state)
    for field in (change.volume_ratio, change.charge_ratio, change.left):
        np.testing.assert_allclose(field, 1.0, rtol=1e-13)
    np.testing.assert_allclose(change.solid_gain, 0.0, atol=1e-15)
    np.testing.assert_allclose(change.fibre_loss, 0.0, atol=1e-15)
    np.testing.assert_allclose(change.water, case.mechanics.imaged.water, rtol=1e-13)


def test_charge_follows_the_glycosaminoglycan_and_its_mass_was_solid(case: Case) -> None:
    change = change_of(case.mechanics, case.model, less_charge(case, 0.5))
    lost = 0.5 * case.mechanics.imaged.matrix.glycosaminoglycan / case.mechanics.imaged.solid_density
    np.testing.assert_allclose(change.charge_ratio, 0.5, rtol=1e-13)
    np.testing.assert_allclose(change.solid, 1.0 - case.mechanics.imaged.water - lost, rtol=1e-13)
    np.testing.assert_allclose(change.solid_gain, -lost, rtol=1e-12)


def test_tissue_that_an_insult_took_took_its_solid_along(case: Case) -> None:
    biology, matrix = biology_of(case.model), case.state.matrix
    assert matrix is not None
    lost = jnp.zeros((3, *case.model.volume.shape)).at[2].set(0.3)
    injured = replace(biology, lesion=replace(biology.lesion, lost=lost))
    left = jax.tree.map(lambda pool: 0.7 * pool, matrix)
    left = replace(left, annulus_order=0.5 * matrix.annulus_order, fissure=matrix.fissure)
    change = case.mechanics.imaged.change(case.model, injured, left)
    np.testing.assert_allclose(change.left, 0.7, rtol=1e-13)
    np.testing.assert_allclose(change.solid, 0.7 * (1.0 - case.mechanics.imaged.water), rtol=1e-12)
    np.testing.assert_allclose(change.solid_gain, 0.0, atol=1e-15)
    np.testing.assert_allclose(change.fibre_loss, 0.5, rtol=1e-13)
    problem = case.mechanics.problem(change)
    whole = case.mechanics.reference.problem
    np.testing.assert_allclose(problem.growth, 0.7, rtol=1e-12)
    # What is left keeps its composition.
    np.testing.assert_allclose(problem.material.donnan.fixed_charge, whole.material.donnan.fixed_charge, rtol=1e-10)
    np.testing.assert_allclose(problem.material.donnan.solid_fraction, whole.material.donnan.solid_fraction, rtol=1e-10)
    fibres, before = problem.material.fibres, whole.material.fibres
    assert fibres is not None
    assert before is not None
    np.testing.assert_allclose(fibres.stiffness, 0.5 * before.stiffness, rtol=1e-10)


# Another shape


def test_cells_and_solids_stay_with_the_tissue(case: Case) -> None:
    moved = eqx.tree_at(lambda one: one.coordinates, case.disc, squeezed(case.disc, 0.9))
    volume = volumes_of(moved)
    np.testing.assert_allclose(volume / case.model.volume, 0.9, rtol=1e-10)
    after = reshaped_state(case.state, volume / case.model.volume)
    matrix, before = after.matrix, case.state.matrix
    assert matrix is not None
    assert before is not None
    for now, then in zip(jax.tree.leaves(after.cells), jax.tree.leaves(case.state.cells), strict=True):
        np.testing.assert_allclose(total(volume, now), total(case.model.volume, then), rtol=ROUNDING)
    for pool in ("aggrecan", "fragments", "collagen_II", "collagen_I"):
        held, had = (total(v, getattr(m, pool)) for v, m in ((volume, matrix), (case.model.volume, before)))
        np.testing.assert_allclose(held, had, rtol=ROUNDING)
    np.testing.assert_array_equal(matrix.fissure, before.fissure)
    np.testing.assert_array_equal(after.signals.cytokine, case.state.signals.cytokine)


def test_a_disc_in_another_shape_is_fed_as_one_that_was_built_so(case: Case) -> None:
    shift = jnp.array([-0.02, -0.03, 0.0])
    after = deformed_disc(case.disc, squeezed(case.disc, 0.9), shift)
    change = change_of(case.mechanics, case.model, case.state)
    change = eqx.tree_at(lambda one: one.volume_ratio, change, 0.9 * change.volume_ratio)
    model = reshaped_model(case.model, case.disc, after, change)
    fresh = nutrition_problem(after, case.model.problem.kinetics)
    for field in ("stencil", "free", "exchange", "load"):
        np.testing.assert_allclose(getattr(model.problem, field), getattr(fresh, field), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(jnp.sum(model.volume), 0.9 * jnp.sum(case.model.volume), rtol=1e-12)
    biology, matrix = model.biology, case.state.matrix
    assert isinstance(biology, DeformedBiology)
    assert matrix is not None
    solid = 1.0 - case.mechanics.imaged.water
    np.testing.assert_allclose(biology.water, 1.0 - solid / 0.9, rtol=1e-10)
    content = biology.laws.matrix.composition.charge * matrix.glycosaminoglycan
    np.testing.assert_allclose(biology.charge(matrix), content / biology.water, rtol=1e-12)
    np.testing.assert_allclose(jnp.sum(biology.setting.nucleus_weight), 1.0, rtol=1e-12)
    np.testing.assert_allclose(biology.signals.medium.volume, model.volume, rtol=1e-12)
    # Diffusivity follows the water of transport by its own law (Mackie-Meares).
    water = np.asarray(case.disc.tissue.transport_water_fraction)
    now = water + np.asarray(shift)[: len(water)]
    expected = (now / (2.0 - now) / (water / (2.0 - water))) ** 2
    ratio = np.asarray(after.tissue.diffusivity / case.disc.tissue.diffusivity)
    np.testing.assert_allclose(ratio, np.broadcast_to(expected, ratio.shape), rtol=1e-12)


def test_endplates_grow_thin_with_the_disc() -> None:
    disc = load_disc("human/L4-L5/grade3", "coarse")
    flat = deformed_disc(disc, squeezed(disc, 0.8), jnp.zeros(3))
    np.testing.assert_allclose(flat.supply.endplate_thickness, 0.8 * disc.supply.endplate_thickness, rtol=1e-12)
    means = tissue_means(disc, jnp.ones(disc.coordinates.shape[:2]))
    np.testing.assert_allclose(means, 1.0, rtol=1e-12)


def test_events_that_were_planned_for_the_image_are_made_to_fit(case: Case) -> None:
    flat = deformed_disc(case.disc, squeezed(case.disc, 0.8), jnp.zeros(3))
    one = jnp.ones(case.model.volume.shape)
    injection = InjectionEvent(one, one, jnp.asarray(1.0), jnp.asarray(0.0), 2.0 * one, one)
    fitted = reshaped_event(injection, case.model, case.disc, flat)
    assert isinstance(fitted, InjectionEvent)
    np.testing.assert_allclose(total(volumes_of(flat), fitted.free), total(case.model.volume, one), rtol=1e-12)
    np.testing.assert_allclose(fitted.growth_factor, 2.0 / 0.8, rtol=1e-10)
    partly = replace(
        case.disc,
        supply=replace(case.disc.supply, endplate_supply=0.4 * jnp.ones_like(case.disc.supply.endplate_supply)),
    )
    problem = nutrition_problem(partly, case.model.problem.kinetics)
    ageing = AgeingEvent(problem.free, problem.exchange, problem.load, jnp.asarray(0.0), jnp.asarray(0.0))
    aged = reshaped_event(ageing, case.model, case.disc, flat)
    assert isinstance(aged, AgeingEvent)
    # Area and diffusivity of the faces stay; their cartilage has become thinner where the shape has any.
    np.testing.assert_allclose(
        aged.load, problem.load * (aged.exchange / jnp.where(problem.exchange > 0.0, problem.exchange, 1.0)), rtol=1e-10
    )
    load = LoadEvent(jnp.asarray(2.0), jnp.asarray(1.0))
    assert float(reshaped_event(load, case.model, case.disc, flat).index) == 2.0


# Equilibrium along a course


def test_an_unchanged_disc_keeps_the_shape_of_its_image(case: Case) -> None:
    readings = read_course(case.mechanics, [case.model], [case.state], stiffness=False)
    row = readings[0].row()
    assert row["status"] == 0
    # The stress-free shape was found to 0.02 mm.
    assert row["height_mm"]["middle"] == pytest.approx(10.0, abs=0.025)
    assert row["volume_ratio"]["nucleus"] == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(row["stiffness_N_per_mm"])
    np.testing.assert_allclose(readings[0].displacement, 0.0, atol=1e-6)


def test_losing_charge_costs_height_pressure_and_water(case: Case) -> None:
    states = [case.state, less_charge(case, 0.6)]
    before, after = (one.row() for one in read_course(case.mechanics, [case.model] * 2, states))
    assert after["height_mm"]["mean"] < before["height_mm"]["mean"] - 0.1
    assert after["intradiscal_pressure_MPa"] < before["intradiscal_pressure_MPa"]
    assert after["water_volume_mm3"] < 0.98 * before["water_volume_mm3"]
    assert after["volume_ratio"]["nucleus"] < 0.98
    assert 100.0 < after["stiffness_N_per_mm"] < 10_000.0
    assert after["effective_modulus_MPa"] > 0.0


def test_gaining_charge_lifts_the_disc_and_its_pressure(case: Case) -> None:
    """The other way round: a third more glycosaminoglycan than in the image."""
    states = [case.state, less_charge(case, 1.3)]
    before, after = (one.row() for one in read_course(case.mechanics, [case.model] * 2, states, stiffness=False))
    assert after["height_mm"]["mean"] > before["height_mm"]["mean"] + 0.05
    assert after["intradiscal_pressure_MPa"] > before["intradiscal_pressure_MPa"]
    assert after["water_volume_mm3"] > before["water_volume_mm3"]


def test_a_state_without_equilibrium_is_data_for_the_reader_and_an_error_for_the_coupled_run(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def lost(problem: SolidProblem, load: jnp.ndarray, start: Deformation) -> Deformation:
        starts.append(start)
        return eqx.tree_at(lambda one: one.status, start, jnp.asarray(1))

    monkeypatch.setattr(_mechanics_course, "drained_equilibrium", lost)
    readings = read_course(case.mechanics, [case.model] * 2, [case.state] * 2)
    assert [one.row()["status"] for one in readings] == [1, 1]
    assert all(np.isnan(one.stiffness) for one in readings)
    # The second one starts from the last state that was found, not from the one that was lost.
    assert all(int(start.status) == 0 for start in starts)
    with pytest.raises(SolverFailed, match="no equilibrium found"):
        deform(case.mechanics, case.model, case.state, case.disc, case.mechanics.rested)


def test_the_deformed_disc_holds_what_it_held(case: Case) -> None:
    state = less_charge(case, 0.6)
    deformed = deform(case.mechanics, case.model, state, case.disc, case.mechanics.rested, stiffness=False)
    assert float(jnp.sum(deformed.model.volume)) < 0.98 * float(jnp.sum(case.model.volume))
    held, had = deformed.state.matrix, state.matrix
    assert held is not None
    assert had is not None
    np.testing.assert_allclose(
        total(deformed.model.volume, held.glycosaminoglycan),
        total(case.model.volume, had.glycosaminoglycan),
        rtol=ROUNDING,
    )
    np.testing.assert_allclose(
        total(deformed.model.volume, deformed.state.cells.native),
        total(case.model.volume, state.cells.native),
        rtol=ROUNDING,
    )
    # The water that the mechanics squeezed out of the nucleus is missing at its nodes too.
    lost = float(deformed.reading.reading.volumes.water) - float(
        read_course(case.mechanics, [case.model], [case.state], stiffness=False)[0].reading.volumes.water
    )
    biology = deformed.model.biology
    assert isinstance(biology, DeformedBiology)
    at_nodes = jnp.sum(deformed.model.volume * biology.water) - jnp.sum(case.model.volume * case.mechanics.imaged.water)
    # Trilinear elements of the simulation against quadratic ones: volumes of a curved shape agree within a few percent.
    assert float(at_nodes) == pytest.approx(lost, rel=0.1)
    # The solid of every node is what it was less the mass that was taken; the rest of its volume is water.
    imaged = case.mechanics.imaged
    taken = 0.4 * imaged.matrix.glycosaminoglycan / imaged.solid_density
    np.testing.assert_allclose(
        deformed.model.volume * (1.0 - biology.water), imaged.volume * (1.0 - imaged.water - taken), rtol=ROUNDING
    )
    # Again, in the new shape, nothing moves.
    again = deform(
        case.mechanics, deformed.model, deformed.state, deformed.disc, deformed.reading.state, stiffness=False
    )
    np.testing.assert_allclose(again.model.volume, deformed.model.volume, rtol=1e-6)


def test_the_matrix_feels_the_pressure_of_the_day_times_the_load_index(case: Case) -> None:
    light = replace(case.model, surroundings=replace(case.model.surroundings, load=jnp.asarray(0.8)))
    loaded = biology_of(loaded_model(light, 0.4)).load
    assert float(loaded.magnitude) == pytest.approx(0.32, rel=1e-12)
    assert float(loaded.frequency) == float(biology_of(case.model).load.frequency)
    for model, pressure in ((light, np.nan), (replace(light, biology=None), 0.4)):
        assert loaded_model(model, pressure) is model


# A representative day


@pytest.fixture(scope="module")
def day(case: Case) -> MechanicsReading:
    problem, found = equilibrium_of(case.mechanics, case.model, case.state, case.mechanics.rested)
    return reading_of(case.mechanics, problem, found, 0.0, daily=True)


def test_a_representative_day(day: MechanicsReading) -> None:
    """Order of heights over a day, and means between their extremes."""
    lived = day.day
    assert lived is not None
    assert lived.evening_height < lived.day.height < lived.morning_height < lived.night_end_height
    assert lived.evening_height < lived.night.height < lived.night_end_height < float(day.reading.heights.mean)
    assert lived.evening_pressure > lived.night_end_pressure > 0.0
    # A lumbar disc gains some 5 to 20 % of its volume overnight (mechanics_imaging 3.2).
    assert 0.02 < lived.overnight_volume < 0.25
    assert lived.day.volume_ratio.nucleus < lived.night.volume_ratio.nucleus < 1.0
    row = day.row()["day"]
    assert row["height_evening_mm"] == lived.evening_height
    assert row["volume_ratio_day"]["annulus"] == lived.day.volume_ratio.annulus


@pytest.mark.slow
def test_the_steps_of_a_representative_day_are_short_enough(case: Case, day: MechanicsReading) -> None:
    """Against steps of at most half an hour; implicit Euler is of first order, so 3 % of the height that a day costs is asked."""
    steps = case.mechanics.steps._replace(growth=1.2, longest=0.5 / 24.0)
    fine = replace(case.mechanics, steps=steps)
    problem, found = equilibrium_of(fine, case.model, case.state, fine.rested)
    exact, lived = representative_day(fine, problem, found), day.day
    assert exact is not None
    assert lived is not None
    allowed = 0.03 * (exact.morning_height - exact.evening_height)
    for name in ("morning_height", "evening_height", "night_end_height"):
        assert getattr(lived, name) == pytest.approx(getattr(exact, name), abs=allowed)
    assert lived.day.height == pytest.approx(exact.day.height, abs=allowed)
    assert lived.night.height == pytest.approx(exact.night.height, abs=allowed)
    assert lived.day.volume_ratio.nucleus == pytest.approx(exact.day.volume_ratio.nucleus, abs=0.005)


def test_the_mean_over_time_of_a_line_is_its_middle() -> None:
    times = np.array([0.0, 0.1, 0.5, 2.0])
    np.testing.assert_allclose(time_mean(times, jnp.asarray(3.0 + 4.0 * times)), 7.0, rtol=1e-14)


def test_days_are_followed_apart(case: Case, day: MechanicsReading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_mechanics_reading, "representative_day", lambda *given: day.day)
    states = [replace(case.state, time=jnp.asarray(time)) for time in (0.0, 1.0, 2.0, 4.0)]
    readings = read_course(case.mechanics, [case.model] * 4, states, stiffness=False, days_apart=2.0)
    assert [one.day is not None for one in readings] == [True, False, True, True]


def test_the_disc_settles_as_its_mechanics_has_it(
    case: Case, day: MechanicsReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = before_settling(case.mechanics, case.model, case.state, daily=False)
    assert still.disc is case.disc
    assert still.state is case.state
    assert float(biology_of(still.model).load.magnitude) == pytest.approx(day.day_pressure, rel=1e-6)
    monkeypatch.setattr(_mechanics_reading, "representative_day", lambda *given: day.day)
    mean = before_settling(case.mechanics, case.model, case.state, daily=True)
    biology, matrix = biology_of(mean.model), mean.state.matrix
    assert isinstance(biology, DeformedBiology)
    assert matrix is not None
    np.testing.assert_allclose(
        total(mean.model.volume, mean.model.initial_cells.native),
        total(case.model.volume, case.model.initial_cells.native),
        rtol=ROUNDING,
    )
    np.testing.assert_array_equal(biology.initial_matrix.aggrecan, matrix.aggrecan)
    # What is squeezed together holds more charge per water, and yet begins with the osmolarity of the grade.
    before = biology_of(case.model)
    assert float(jnp.mean(biology.charge_at_start)) > float(jnp.mean(before.charge_at_start))
    np.testing.assert_allclose(
        mean.model.environment(case.state.solutes, biology.initial_signals, biology.initial_matrix).osmolarity,
        biology.osmolarity_at_start,
        rtol=1e-12,
    )
    np.testing.assert_allclose(biology.rested_water, case.mechanics.imaged.water, atol=1e-5)


def test_a_day_that_is_not_found_stops_the_coupled_run(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(problem: SolidProblem, load: jnp.ndarray, before: Deformation, steps: np.ndarray) -> list[Deformation]:
        return [eqx.tree_at(lambda one: one.status, before, jnp.asarray(1))]

    monkeypatch.setattr(_representative_day, "_held", lost)
    with pytest.raises(SolverFailed, match="representative day"):
        deform(case.mechanics, case.model, case.state, case.disc, case.mechanics.rested, stiffness=False, daily=True)


def test_a_node_below_its_solid_is_refused(case: Case) -> None:
    heavy = eqx.tree_at(lambda one: one.imaged.water, case.mechanics, jnp.full_like(case.mechanics.imaged.water, -0.5))
    heavy = eqx.tree_at(lambda one: one.reference, heavy, case.mechanics.reference)
    with pytest.raises(SolverFailed, match="less than its solid"):
        deform(heavy, case.model, case.state, case.disc, case.mechanics.rested, stiffness=False)


def test_mechanics_refuses_what_it_cannot_read(case: Case, constants: ParameterSet) -> None:
    blind = replace(case.model, biology=None)
    other = load_disc("rat/tail", "mechanics", constants)
    with pytest.raises(InvalidInput, match="two discs"):
        disc_mechanics(case.disc, other, case.model, constants)
    with pytest.raises(InvalidInput, match="matrix"):
        disc_mechanics(case.disc, other, blind, constants)
    with pytest.raises(InvalidInput, match="in 3D"):
        disc_mechanics(other, other, case.model, constants)
    with pytest.raises(InvalidInput, match="matrix"):
        change_of(case.mechanics, case.model, replace(case.state, matrix=None))
    with pytest.raises(InvalidInput, match="interval"):
        follow_coupled(case.course, case.model, case.state, case.mechanics, StepControl(), OPTIONS, interval=0.0)


# Coupled courses


def test_pieces_of_a_course() -> None:
    insult = object.__new__(InsultEvent)
    load = LoadEvent(jnp.asarray(1.0), jnp.asarray(0.1))
    course = Course("x", [0.0, 1.0, 2.0, 10.0, 40.0], {0.0: (load,), 1.0: (load,), 2.0: (insult,)})
    found = pieces(course, 12.0)
    assert [list(piece.times) for piece in found] == [
        [0.0, 1.0, 2.0],
        [2.0, 10.0],
        [10.0, 22.0],
        [22.0, 34.0],
        [34.0, 40.0],
        [40.0],
    ]
    assert [list(piece.events) for piece in found] == [[1.0, 2.0], [], [], [], [], []]


def test_constants_along_a_course(case: Case) -> None:
    load = LoadEvent(jnp.asarray(3.0), jnp.asarray(0.1))
    later = replace(case.state, time=jnp.asarray(1.0))
    models = models_along(Course("x", [0.0, 1.0], {1.0: (load,)}), case.model, [case.state, later])
    assert [float(model.surroundings.load) for model in models] == [1.0, 3.0]


def test_a_coupled_course(case: Case, tmp_path: Path) -> None:
    """Half of the charge is gone at the start; the shape follows, and everything that lives in the disc is kept."""
    told: list[Progress] = []
    state = less_charge(case, 0.6)
    matrix = state.matrix
    assert matrix is not None
    assert state.matrix_ledger is not None
    state = replace(state, matrix_ledger=type(state.matrix_ledger).open(case.model.volume, matrix))

    def run(folder: Path | None = None):
        return follow_coupled(
            case.course,
            case.model,
            state,
            case.mechanics,
            StepControl(),
            OPTIONS,
            interval=1.0,
            checkpoints=folder,
            progress=told.append,
        )

    result = run(tmp_path)
    assert list(result.times) == [float(time) for time in case.course.times]
    assert [reading.time for reading in result.solved] == [0.0, 1.0, 2.0]
    assert result.ledger_error < ROUNDING
    assert result.matrix_ledger_error is not None
    assert result.matrix_ledger_error < ROUNDING
    for one in result.snapshots:
        assert abs(float(one.totals.native_imbalance)) < ROUNDING * float(one.totals.native_initial)
    assert float(jnp.sum(result.models[0].volume)) < 0.98 * float(jnp.sum(case.model.volume))
    assert [reading.time for reading in result.readings] == [float(np.floor(time)) for time in result.times]
    water = result.dataset["water_fraction"].values
    assert water.shape[0] == len(result.times)
    assert float(water[0].mean()) < float(case.mechanics.imaged.water.mean())
    assert [one.time for one in told] == sorted(one.time for one in told)
    assert told[-1].end == 2.0
    # A course that begins where another one ended goes on in its shape: nothing moves at the seam.
    later = follow_coupled(
        Course("later", [2.0, 3.0]),
        result.model,
        result.states[-1],
        case.mechanics,
        StepControl(),
        OPTIONS,
        interval=1.0,
        after=result,
    )
    np.testing.assert_allclose(later.models[0].volume, result.models[-1].volume, rtol=1e-6)
    assert later.matrix_ledger_error is not None
    assert later.matrix_ledger_error < ROUNDING
    again = run(tmp_path)
    np.testing.assert_array_equal(again.states[-1].cells.native, result.states[-1].cells.native)


def test_an_image_knows_its_disc(case: Case, constants: ParameterSet) -> None:
    biology = biology_of(case.model)
    imaged = ImagedDisc.of_model(case.model, biology, constants.value("nutrition.solid_density"))
    assert float(imaged.solid_density) == pytest.approx(1433.8)
    np.testing.assert_array_equal(imaged.volume, case.model.volume)
