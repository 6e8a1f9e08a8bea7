"""From a protocol and a disc to what is simulated: the model of the disc, and the courses that its arms take.

Every arm starts from the same settled disc. Insults before the treatment happen in the course `history`. At day 0 the arm `with_cells` gets
the insults of that day, the needle and the product; `sham` the same without the product; `native_course` nothing at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellParameters
from pulposus.disc import Disc, Lesion, central_column, compose, lesion_of, lesion_on_axis
from pulposus.matrix import (
    Ageing,
    HealthyReference,
    Load,
    Medium,
    OutcomeLaws,
    SignalModel,
    SignalParameters,
    SignalState,
    ageing_multipliers,
    charge_of,
    initial_matrix,
    matrix_setting,
    steady_enzyme,
)
from pulposus.nutrition import Kinetics, NodeVolumes, SolverOptions, axial_geometry, solve, tissue_volumes
from pulposus.parameters import GRADES, ParameterSet
from pulposus.simulation._biology import Biology, Pulse
from pulposus.simulation._course import Course, stored_times
from pulposus.simulation._events import AgeingEvent, Event, InjectionEvent, InsultEvent, LoadEvent
from pulposus.simulation._model import DiscModel, axial_model, spatial_model
from pulposus.therapy import Placement, Protocol, Treatment, place, place_on_axis, resolve_treatment
from pulposus.therapy._insults import in_order

YEAR = 365.25
ARMS = ("with_cells", "sham", "native_course")
"""Courses of a run: the treatment, the same procedure without the product, the disc left alone."""


class Mesh(NamedTuple):
    """Where a disc is computed.

    Attributes:
        level: "disc", "slab" or "point".
        volumes: Volumes of the nodes by tissue.
        medium: Where signals diffuse.
        coordinates: Nodes [mm], (columns, levels, 3).
    """

    level: str
    volumes: NodeVolumes
    medium: Medium
    coordinates: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a nodal field."""
        return self.volumes.total.shape


@dataclass(frozen=True, eq=False)
class Plan:
    """What is simulated.

    Attributes:
        model: The disc, neither settled nor treated.
        coordinates: Its nodes [mm].
        history: Course before the treatment; None where nothing happens before.
        arms: Courses from day 0 by name; arms in which the same happens are one object.
        treatment: The treatment.
        insults: Kinds of the insults of the treated disc by time [day].
        injured: The disc after all insults, as the treatment finds it.
        opened_at_treatment: Whether an insult beside the needle happens with the treatment.
    """

    model: DiscModel
    coordinates: np.ndarray
    history: Course | None
    arms: Mapping[str, Course]
    treatment: Treatment
    insults: Mapping[float, tuple[str, ...]]
    injured: Disc
    opened_at_treatment: bool


def mesh_of(disc: Disc, level: str) -> Mesh:
    """The mesh of a disc at a level, "disc" (3D) or "slab" (the axis of its nucleus)."""
    if level == "disc":
        return Mesh(level, tissue_volumes(disc), Medium.of_disc(disc), np.asarray(disc.coordinates))
    bar = axial_geometry(disc)
    volumes = bar.volumes(disc.tissue.cell_density.shape[0])
    heights = np.asarray(bar.heights)
    points = np.stack([np.zeros_like(heights), np.zeros_like(heights), heights], axis=-1)[None]
    medium = Medium.of_bar(bar.mesh, bar.heights, bar.area)
    return Mesh(level, volumes, medium, points)


def point_mesh(disc: Disc) -> Mesh:
    """The nucleus of a disc as one well-mixed node (level 0)."""
    volume = jnp.sum(tissue_volumes(disc).by_tissue[0])
    by_tissue = jnp.zeros((disc.tissue.cell_density.shape[0], 1, 1)).at[0].set(volume)
    return Mesh("point", NodeVolumes(by_tissue), Medium.of_point(volume), np.zeros((1, 1, 3)))


def build_biology(
    disc: Disc,
    mesh: Mesh,
    treatment: Treatment,
    parameters: ParameterSet,
    change: float | None = None,
    age: float | None = None,
) -> Biology:
    """Signals and matrix of a disc, not yet balanced.

    Args:
        disc: The disc; its lesion is not applied, since an insult is an event.
        mesh: Where it is computed.
        treatment: For what the product secretes and brings.
        parameters: Model constants.
        change: Natural change of the nucleus' glycosaminoglycan [1/day]; that of the grade if None.
        age: Age of the subject [year], for the turnover of collagen; an adult's if None.
    """
    value, condition, supplement = parameters.value, disc.condition, treatment.supplement
    laws, reference = OutcomeLaws.from_parameters(parameters), healthy_reference(disc, mesh, treatment, parameters)
    setting = matrix_setting(disc, mesh.volumes, parameters, reference=reference, age=age)
    matrix = initial_matrix(disc, mesh.volumes, parameters)
    nothing = jnp.zeros(mesh.shape)
    if change is None:
        change = value(f"grades.glycosaminoglycan_change.{GRADES[disc.description.grade - 1]}")
    return Biology(
        signals=SignalModel(
            medium=mesh.medium,
            parameters=SignalParameters.from_parameters(parameters),
            healthy_density=mesh.volumes.average(disc.tissue.cell_density),
            source_factor=1.0,
            secretion=treatment.product.paracrine_factor * treatment.switches.paracrine,
            growth_factor_decay=math.log(2.0) / supplement.growth_factor_half_life,
        ),
        setting=setting.stimulated_by(supplement.growth_factor_gain),
        laws=laws,
        load=Load(value("matrix.reference.load"), value("matrix.reference.frequency")),
        lesion=Lesion.none(*mesh.shape),
        insult_time=jnp.zeros(()),
        pulse=Pulse(
            nothing,
            supplement.paracrine * treatment.switches.paracrine,
            supplement.cytokine,
            supplement.paracrine_duration,
        ),
        drives_differentiation=jnp.asarray(supplement.drives_differentiation, dtype=jnp.float64),
        osmolarity_at_start=condition.osmolarity,
        charge_at_start=charge_of(matrix.glycosaminoglycan, setting, laws.matrix),
        access=condition.fissure_fraction,
        annulus_on_mesh=setting.fissure_exposure,
        natural_change=jnp.asarray(change, dtype=jnp.float64),
        initial_signals=SignalState.untreated(jnp.full(mesh.shape, condition.cytokine), nothing),
        initial_matrix=matrix,
    )


def healthy_reference(disc: Disc, mesh: Mesh, treatment: Treatment, parameters: ParameterSet) -> HealthyReference:
    """The conditions in which the disc would keep its matrix: its own shape and tissue, fed and metabolising as in grade I (rulings 24).

    Args:
        disc, mesh, treatment, parameters: As in `build_biology`.
    """
    species = HealthyReference.of_species(parameters, disc.description.species)
    if mesh.level == "point":
        # One node has no nutrients of its own: they are given.
        return species
    grade, preset = GRADES[0], disc.description.grade_preset
    condition = replace(
        disc.condition,
        metabolically_active_fraction=parameters.value(f"grades.metabolically_active_fraction.{grade}"),
        metabolic_multiplier=parameters.value(f"grades.metabolic_multiplier.{preset}.{grade}"),
    )
    supply = disc.supply.endplate_supply
    fed = jnp.where(supply > 0.0, parameters.value(f"grades.endplate_supply.{preset}.{grade}"), supply)
    healthy = replace(disc, condition=condition, supply=replace(disc.supply, endplate_supply=fed))
    model = build_model(healthy, treatment, parameters, mesh, None)
    solutes = _solutes_of(model)
    quiet = model.environment(solutes)
    environment = replace(quiet, osmolarity=species.environment.osmolarity, cytokine=species.environment.cytokine)
    nothing, cytokine = jnp.zeros(mesh.shape), jnp.full(mesh.shape, species.signals.cytokine)
    enzyme = steady_enzyme(cytokine, nothing, environment.pH, SignalParameters.from_parameters(parameters))
    return replace(species, environment=environment, signals=SignalState.untreated(cytokine, enzyme))


@eqx.filter_jit
def _solutes_of(model: DiscModel) -> Float[Array, "3 columns levels"]:
    """Steady solutes of a disc with its native cells."""
    options = SolverOptions(tolerance=1e-6)
    return solve(model.nutrition(model.initial_cells), options=options, operator=model.transport).solutes


def build_model(
    disc: Disc, treatment: Treatment, parameters: ParameterSet, mesh: Mesh, biology: Biology | None
) -> DiscModel:
    """The model of a disc without donor cells, with the product of a treatment.

    Args:
        disc: The disc.
        treatment: For its product, its switches and its loading.
        parameters: Model constants.
        mesh: Where it is computed.
        biology: Signals and matrix; None for the constants of the grade.
    """
    cells = CellParameters.from_parameters(
        parameters, notochordal=disc.description.notochordal, switches=treatment.switches
    )
    # A disc may set its own threshold; it holds for the native cells of that disc.
    cells = eqx.tree_at(lambda one: one.native.glucose.threshold, cells, disc.condition.glucose_threshold)
    constants, none, nothing = Kinetics.from_parameters(parameters), jnp.zeros(()), jnp.zeros(mesh.shape)
    # A disc settles and is balanced at normal loading; that of the treatment begins with it (`LoadEvent`).
    load = jnp.ones(())
    if mesh.level == "disc":
        return spatial_model(disc, constants, treatment.product, cells, nothing, nothing, none, none, load, biology)
    return axial_model(disc, constants, treatment.product, cells, nothing, none, none, load, biology)


def placement_on(mesh: Mesh, treatment: Treatment, disc: Disc) -> Placement:
    """The treatment in the mesh of a disc."""
    if mesh.level == "disc":
        return place(treatment, disc)
    return place_on_axis(treatment, central_column(disc), np.asarray(mesh.volumes.total[0]))


def injection_event(mesh: Mesh, treatment: Treatment, disc: Disc) -> InjectionEvent:
    """One injection of a treatment."""
    placed = placement_on(mesh, treatment, disc)
    return InjectionEvent(
        free=jnp.asarray(placed.free),
        leak_weight=jnp.asarray(placed.leak_weight),
        injected=jnp.asarray(treatment.injected_cells, dtype=jnp.float64),
        leaked_at_once=jnp.asarray(treatment.leaked_cells, dtype=jnp.float64),
        growth_factor=treatment.supplement.growth_factor_mass * jnp.asarray(placed.spread),
        place=jnp.asarray(placed.filled),
    )


def insult_event(mesh: Mesh, lesion: Lesion, disc: Disc) -> InsultEvent:
    """An insult whose lesion was made on the mesh of the disc."""
    added = mean_in_annulus(disc, np.asarray(lesion.fissure))
    if mesh.level != "disc":
        lesion = lesion_on_axis(replace(disc, lesion=lesion))
    return InsultEvent(lesion=lesion, access=jnp.asarray(added, dtype=jnp.float64))


def mean_in_annulus(disc: Disc, field: Float[np.ndarray, "columns levels"]) -> float:
    """Mean of a nodal field over the annulus; zero in a disc without one."""
    by_tissue = np.asarray(tissue_volumes(disc).by_tissue)
    # The third tissue is the endplate; a fourth is the outer annulus.
    annulus = by_tissue.sum(axis=0) - by_tissue[0] - by_tissue[2]
    whole = float(annulus.sum())
    return float((annulus * field).sum() / whole) if whole > 0.0 else 0.0


def resolve(protocol: Protocol, disc: Disc, parameters: ParameterSet) -> tuple[Treatment, Disc]:
    """Numbers of a protocol in the disc that its insults leave, and that disc.

    Args:
        protocol: The protocol.
        disc: The disc before the insults of the protocol.
        parameters: Model constants.

    Raises:
        InvalidInput: An insult does not fit the disc, or the disc cannot take the treatment.
    """
    injured, last = disc, 0.0
    for insult in in_order(protocol.insults):
        before = insult.time_before_treatment
        lesion = lesion_of(injured, insult, parameters)
        damage = compose(injured.lesion.after(max(last - before, 0.0)), lesion)
        injured, last = replace(injured, lesion=damage), before
    condition = disc.condition
    added = mean_in_annulus(disc, np.asarray(injured.lesion.fissure))
    torn = condition.fissure_fraction + (1.0 - condition.fissure_fraction) * added
    # A tear from the nucleus to the outside is a way out, however little of the annulus it takes (cells_matrix 3).
    torn = jnp.maximum(torn, injured.lesion.full_fissure)
    opened = replace(injured, condition=replace(condition, fissure_fraction=torn))
    return resolve_treatment(protocol, opened, parameters), opened


def plan_of(protocol: Protocol, disc: Disc, parameters: ParameterSet, level: str, until: float | None = None) -> Plan:
    """What a protocol does to a disc.

    Args:
        protocol: The protocol.
        disc: The disc; an insult of its file happens right before the treatment.
        parameters: Model constants.
        level: "disc" or "slab".
        until: Length of the follow-up [day]; that of the protocol if None.

    Raises:
        InvalidInput: An insult does not fit the disc, the disc cannot take the treatment, or the needle tip lies outside it.
    """
    treatment, injured = resolve(protocol, disc, parameters)
    mesh = mesh_of(disc, level)
    model = build_model(
        disc,
        treatment,
        parameters,
        mesh,
        build_biology(
            disc, mesh, treatment, parameters, _per_day(protocol.disc.glycosaminoglycan_change), protocol.disc.age
        ),
    )
    end = protocol.follow_up.duration if until is None else until
    earlier, at_treatment = _insults(mesh, disc, treatment, parameters)
    doses = [time for time in treatment.dose_times if time <= end]
    needle: tuple[Event, ...] = ()
    if treatment.needle_insult is not None:
        needle = (insult_event(mesh, lesion_of(injured, treatment.needle_insult, parameters), disc),)
    brought = (treatment.injected_cells, treatment.supplement.growth_factor, treatment.supplement.paracrine)
    product: tuple[Event, ...] = ()
    if doses and max(brought) > 0.0:
        product = (injection_event(mesh, treatment, injured),)
    times = stored_times(end, protocol.follow_up.visits, [*doses, *_pulse_ends(treatment, doses, end)])
    ageing = _ageing_events(
        protocol.disc.ageing, protocol.disc.ageing_severity, disc, treatment, parameters, mesh, times
    )
    opened = {0.0: at_treatment} if at_treatment else {}
    loaded: dict[float, tuple[Event, ...]] = {}
    if treatment.load_index != 1.0:
        magnitude = parameters.value("matrix.reference.load") * treatment.load_index
        loaded[0.0] = (LoadEvent(jnp.asarray(float(treatment.load_index)), jnp.asarray(magnitude)),)
    constant = _merged(loaded, ageing)
    sham = Course("sham", times, _merged(constant, opened, dict.fromkeys(doses, needle)))
    treated = Course("with_cells", times, _merged(constant, opened, dict.fromkeys(doses, (*needle, *product))))
    native = Course("native_course", times, constant)
    sham = sham if at_treatment or needle else native
    return Plan(
        model=model,
        coordinates=mesh.coordinates,
        history=_history(earlier),
        arms={"with_cells": treated if product else sham, "sham": sham, "native_course": native},
        treatment=treatment,
        insults=_kinds(disc, treatment, doses),
        injured=injured,
        opened_at_treatment=bool(at_treatment),
    )


def _kinds(disc: Disc, treatment: Treatment, doses: Iterable[float]) -> dict[float, tuple[str, ...]]:
    """Kinds of the insults by time, in the order in which they happen."""
    found: dict[float, tuple[str, ...]] = {0.0: ("those of the disc file",)} if bool(disc.lesion.acts) else {}
    for insult in treatment.insults:
        time = -insult.time_before_treatment
        found[time] = (*found.get(time, ()), insult.kind)
    if treatment.needle_insult is not None:
        for time in doses:
            found[time] = (*found.get(time, ()), f"needle puncture, gauge {treatment.needle_insult.needle_gauge}")
    return found


def _per_day(change: float | None) -> float | None:
    """A change per day from one per year."""
    return None if change is None else change / YEAR


def _insults(
    mesh: Mesh, disc: Disc, treatment: Treatment, parameters: ParameterSet
) -> tuple[dict[float, tuple[Event, ...]], tuple[Event, ...]]:
    """Insults before the treatment by time, and those at it; each acts on what the ones before it have left."""
    by_time: dict[float, tuple[Event, ...]] = {}
    found = replace(disc, lesion=Lesion.none(*disc.coordinates.shape[:2]))
    if bool(disc.lesion.acts):
        by_time[0.0] = (insult_event(mesh, disc.lesion, disc),)
        found = disc
    for insult in treatment.insults:
        time = -insult.time_before_treatment
        lesion = lesion_of(found, insult, parameters)
        by_time[time] = (*by_time.get(time, ()), insult_event(mesh, lesion, disc))
        # The shares of a lesion do not depend on the age of the damage before it.
        found = replace(found, lesion=compose(found.lesion, lesion))
    at_treatment = by_time.pop(0.0, ())
    return by_time, at_treatment


def _history(earlier: Mapping[float, tuple[Event, ...]]) -> Course | None:
    """The course before the treatment; stored densely after every insult."""
    if not earlier:
        return None
    start = min(earlier)
    times = {start + time for time in stored_times(-start)} | set(earlier) | {0.0}
    return Course("history", sorted(time for time in times if time <= 0.0), earlier)


def _pulse_ends(treatment: Treatment, doses: Iterable[float], end: float) -> list[float]:
    """Times at which a release ends, so that no step contains one."""
    duration = treatment.supplement.paracrine_duration
    return [time + duration for time in doses if duration > 0.0 and time + duration <= end]


def _ageing_events(
    driver: str,
    severity: float,
    disc: Disc,
    treatment: Treatment,
    parameters: ParameterSet,
    mesh: Mesh,
    times: list[float],
) -> dict[float, tuple[Event, ...]]:
    """Supply and senescence at every stored time, constant until the next; nothing without a driver of ageing."""
    if driver == "none":
        return {}
    law = Ageing.from_parameters(
        parameters, nutrition=float(driver == "nutrition"), cells=float(driver == "cytokine"), severity=severity
    )
    events: dict[float, tuple[Event, ...]] = {}
    for number, time in enumerate(times[:-1]):
        # The mean of the interval until the next stored time.
        factor = ageing_multipliers(law, 0.5 * (time + times[number + 1]))
        supply = replace(disc.supply, endplate_supply=disc.supply.endplate_supply * factor.endplate_supply)
        fed = replace(disc, supply=supply)
        aged = build_model(fed, treatment, parameters, mesh, None)
        problem = aged.problem
        years = 0.0 if number == 0 else (time - times[number - 1]) / YEAR
        events[time] = (
            AgeingEvent(
                free=problem.free,
                exchange=problem.exchange,
                load=problem.load,
                senescence_rate=aged.parameters.native.senescence.rate * factor.senescence,
                years=jnp.asarray(years),
            ),
        )
    return events


def _merged(*parts: Mapping[float, tuple[Event, ...]]) -> dict[float, tuple[Event, ...]]:
    """Events of several kinds by time, in the order of the kinds."""
    times = sorted({time for part in parts for time in part})
    return {time: tuple(event for part in parts for event in part.get(time, ())) for time in times}
