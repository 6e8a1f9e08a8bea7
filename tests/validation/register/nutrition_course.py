"""Rows about supply and clocks: 21 to 25, published simulations that the program has to agree with in direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from pulposus.disc import load_disc
from pulposus.matrix import node_setting
from pulposus.matrix._species import Clock
from pulposus.nutrition import NodeVolumes, SolverOptions
from pulposus.parameters import load_parameters
from pulposus.simulation import (
    Course,
    DiscModel,
    Plan,
    SimulationState,
    StepControl,
    Trajectory,
    follow,
    plan_of,
    settle,
)
from pulposus.simulation._course import SINGLE
from pulposus.simulation._plan import build_model, mesh_of
from pulposus.simulation._simulate import checked
from pulposus.therapy import load_protocol

from .studies import YEAR, Entry, content, judged, percent

OPTIONS = SolverOptions(tolerance=1e-6)


@lru_cache
def settled(
    disc_name: str, overrides: tuple[str, ...] = (), protocol: str = "no-treatment"
) -> tuple[Plan, DiscModel, SimulationState]:
    """A disc on the axis in balance at day 0, and what a protocol would do to it."""
    chosen, constants = (
        load_protocol(
            protocol, [f"disc.name={disc_name}", "numerics.level=slab", "numerics.switches.puncture_damage=false"]
        ),
        load_parameters(),
    )
    plan = plan_of(chosen, load_disc(disc_name, "standard", constants, overrides), constants, "slab", 10.0 * YEAR)
    model, state = settle(plan, StepControl(), OPTIONS)
    return plan, model, jax.tree.map(jnp.asarray, state)


def lived(plan: Plan, model: DiscModel, state: SimulationState, times: Sequence[float], events=None) -> Trajectory:
    """A changed disc through time."""
    changed, states = follow(
        Course("register", times, events or {}), model, state, SINGLE, StepControl(), OPTIONS, check=checked("register")
    )
    return Trajectory(changed, states, plan.coordinates)


def with_supply(disc_name: str, factor: float) -> tuple[Plan, DiscModel, SimulationState]:
    """A settled disc whose supply through the endplates is cut at day 0."""
    plan, model, state = settled(disc_name)
    constants = load_parameters()
    disc = load_disc(disc_name, "standard", constants)
    cut = replace(disc, supply=replace(disc.supply, endplate_supply=disc.supply.endplate_supply * factor))
    return (
        plan,
        model.fed_by(build_model(cut, plan.treatment, constants, mesh_of(cut, "slab"), None).problem),
        state,
    )


def without_senescence(model: DiscModel) -> DiscModel:
    """The same disc, whose native cells do not age."""
    return eqx.tree_at(
        lambda one: one.parameters.native.senescence.rate,
        model,
        jnp.zeros_like(model.parameters.native.senescence.rate),
    )


def alive(course: Trajectory, number: int) -> float:
    """Living native cells over those at the start."""
    return course.cell_rows()[number]["native_alive_fraction"]


def residence() -> list[Entry]:
    """Row 21: the half-lives that are pinned."""
    constants = load_parameters()
    clock = Clock.from_parameters(constants)
    nucleus = node_setting(NodeVolumes(jnp.array([1.0, 0.0, 0.0])[:, None, None]), jnp.full((1, 1), 3.6), constants)
    gain = 1.0 + constants.value("matrix.enzyme_gain")
    # Printed rate, what the program has, tolerance of the print: half of its last digit.
    rates = {
        "aggrecan, nucleus": (0.059, YEAR / float(nucleus.aggrecan.residence()[0, 0]), 5e-4),
        "aggrecan, annulus": (0.063, YEAR * float(clock.aggrecan_turnover * clock.annulus_ratio), 5e-4),
        "aggrecan, degenerate nucleus (e = 1)": (0.084, YEAR * gain / float(nucleus.aggrecan.residence()[0, 0]), 5e-4),
        "large monomer": (0.13, YEAR * float(nucleus.aggrecan.cleavage[0, 0]), 5e-3),
        "collagen, 20 to 40 years": (0.00728, YEAR * float(clock.collagen_turnover(30.0)), 5e-6),
        "collagen, 50 to 80 years": (0.00323, YEAR * float(clock.collagen_turnover(65.0)), 5e-6),
    }
    text = "; ".join(
        f"{name} {found:.4g} per year (printed {printed:g})" for name, (printed, found, _) in rates.items()
    )
    exact = all(abs(found - printed) <= tolerance for printed, found, tolerance in rates.values())
    return [
        Entry(
            "21",
            "human aggrecan and collagen residence",
            "T",
            "half-lives 12, 11.23, 8.77 and 5.56 years; 95 and 215 years [V]",
            "every rate to its printed digits",
            text,
            judged(exact),
            "exact by construction",
        )
    ]


def supply_cut() -> list[Entry]:
    """Row 22."""
    years = 3.0 / (YEAR * float(Clock.from_parameters(load_parameters()).aggrecan_turnover))
    times = [
        0.0,
        10.0,
        30.0,
        60.0,
        180.0,
        *(YEAR * year for year in (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 100, 150)),
    ]
    # The published disc does not age, so senescence is off in both.
    whole, cut = (
        lived(plan, without_senescence(model), state, times)
        for plan, model, state in (with_supply("human/L4-L5/grade1", factor) for factor in (1.0, 0.3))
    )
    ratio = np.array([content(cut, time) / content(whole, time) for time in times])
    # The last stored time at which more than 5 % of the change is still to come, and the first one after it.
    number = int(np.flatnonzero(np.abs(ratio - ratio[-1]) > 0.05 * abs(1.0 - ratio[-1]))[-1])
    span = (times[number] / YEAR, times[number + 1] / YEAR)
    decade = times.index(10.0 * YEAR)
    early, late = (1.0 - alive(cut, times.index(time)) for time in (30.0, YEAR))
    study = "human grade I, supply through the endplates cut to 30 %"
    return [
        Entry(
            "22a",
            "clock of the human nucleus",
            "T",
            "proteoglycan and water take 55 years [V]",
            "3 / kT within 5 years",
            f"{years:.1f} years",
            judged(abs(years - 55.0) < 5.0),
            "exact by construction",
        ),
        Entry(
            "22b",
            study,
            "H",
            "cells re-equilibrate in 30 d [V]",
            "nine tenths of the cells that die in the first year die in 30 d",
            f"{percent(early, 2)} dead at 30 d, {percent(late, 2)} at 1 year, {percent(1.0 - alive(cut, decade), 2)} at 10 years, "
            f"{percent(1.0 - alive(whole, decade), 2)} there without the cut",
            judged(early > 0.9 * late),
            "the acid law has a width of 0.03 in pH, so cells go on dying where pH is just above its threshold; a hard step would stop",
        ),
        Entry(
            "22c",
            study,
            "H",
            "proteoglycan takes 55 years [V]",
            "95 % of the change of 150 years, over the uncut disc, between 35 and 75 years",
            f"95 % between {span[0]:.0f} and {span[1]:.0f} years; GAG then {percent(ratio[-1])} of that of the uncut disc",
            judged(span[0] >= 35.0 and span[1] <= 75.0),
            "senescence is off in both discs",
        ),
    ]


def therapies_by_severity() -> list[Entry]:
    """Row 23."""
    plan, model, state = settled("human/L4-L5/grade2", (), "orozco-2011")
    times, end = [0.0, 28.0, YEAR, 10.0 * YEAR], 10.0 * YEAR
    setting = model.biology.setting
    turnover = jax.tree.map(lambda rate: 0.5 * rate, setting.aggrecan)
    discs = {
        "cells": (model, plan.arms["with_cells"].events),
        "synthesis x 2": (
            eqx.tree_at(lambda one: one.biology.setting.synthesis_factor, model, 2.0 * setting.synthesis_factor),
            {},
        ),
        "degradation x 0.5": (eqx.tree_at(lambda one: one.biology.setting.aggrecan, model, turnover), {}),
    }
    gains: dict[str, list[float]] = {}
    left = {}
    for severity, viable in (("mild", 0.8), ("severe", 0.3)):
        populations = eqx.tree_at(
            lambda one: (one.native, one.senescent),
            state.cells,
            (viable * state.cells.native, viable * state.cells.senescent),
        )
        fewer = replace(state, cells=populations)
        untreated = content(lived(plan, model, fewer, times), end)
        left[severity] = untreated
        for name, (changed, events) in discs.items():
            gains.setdefault(name, []).append(content(lived(plan, changed, fewer, times, events), end) - untreated)
    text = "; ".join(f"{name}: {mild:+.2f} mg/mL mild, {severe:+.2f} severe" for name, (mild, severe) in gains.items())
    cells, *others = gains.values()
    return [
        Entry(
            "23",
            "human grade II with 80 % (mild) or 30 % (severe) of its cells, 10 years: 1e7 marrow cells, synthesis x 2, degradation x 0.5",
            "H",
            "cells help both if nutrition suffices; synthesis up and degradation down help the mild disc only [V]",
            "cells: severe gains at least half of mild, and more than 0.5 mg/mL; the others: severe gains less than half of mild",
            f"untreated {left['mild']:.1f} and {left['severe']:.1f}; {text}",
            judged(
                cells[1] >= 0.5 * cells[0] and cells[1] > 0.5 and all(severe < 0.5 * mild for mild, severe in others)
            ),
            "less degradation keeps what is there, whoever made it, so its gain falls with the content and not with the cells",
        )
    ]


def smoking() -> list[Entry]:
    """Row 24."""
    times = [0.0, 30.0, *(YEAR * year for year in (1, 10, 20, 40))]
    whole = lived(*with_supply("human/L4-L5/grade1", 1.0), times)
    text, found = [], {}
    for factor in (0.7, 0.5, 0.3):
        cut = lived(*with_supply("human/L4-L5/grade1", factor), times)
        found[factor] = (
            alive(cut, -1) / alive(whole, -1) - 1.0,
            content(cut, times[-1]) / content(whole, times[-1]) - 1.0,
        )
        text.append(f"supply {factor:g}: cells {100 * found[factor][0]:+.0f} %, GAG {100 * found[factor][1]:+.0f} %")
    return [
        Entry(
            "24",
            "human grade I, supply through the endplates reduced for 40 years (transport part only)",
            "H, Q",
            "cells and GAG to -50 % from transport; nicotine on the endplate, quitting and cells not computed [V]",
            "both fall by 30 to 70 % at some supply of 0.3 or more",
            "; ".join(text) + ", over the same disc with its supply",
            judged(any(-0.7 <= one <= -0.3 and -0.7 <= other <= -0.3 for one, other in found.values())),
            "how far smoking cuts the supply is not in what could be read",
        )
    ]


def crowded_endplates() -> list[Entry]:
    """Row 25."""
    text, least, kept = [], {}, {}
    for porosity in (0.60, 0.48):
        plan, model, state = settled("human/L4-L5/grade3", (f"tissues.endplate.transport_water_fraction={porosity}",))
        for added in (0.0, 0.5, 1.0, 1.5):
            # Only the nucleus gets more cells.
            more = 1.0 + added * model.where.nucleus / model.volume
            crowd = eqx.tree_at(
                lambda one: (one.native, one.senescent),
                state.cells,
                (more * state.cells.native, more * state.cells.senescent),
            )
            course = lived(plan, model, replace(state, cells=crowd), [0.0, 0.01, 60.0])
            rows = course.nutrition_rows()
            before, after = (
                float(jnp.sum(model.where.nucleus * (one.cells.native + one.cells.senescent)))
                for one in (state, course.states[-1])
            )
            least[porosity, added], kept[porosity, added] = rows[1]["glucose_mM"]["min"], after / before
        text.append(
            f"porosity {porosity:.2f}, least glucose and cells at 60 d over the first: "
            + ", ".join(
                f"+{100 * added:g} %: {least[porosity, added]:.2f} mM and {percent(kept[porosity, added], 0)}"
                for added in (0.0, 0.5, 1.0, 1.5)
            )
        )
    falls = all(
        least[porosity, 0.0] > least[porosity, 0.5] > least[porosity, 1.0] > least[porosity, 1.5]
        for porosity in (0.60, 0.48)
    )
    worse = all(
        least[0.48, added] < least[0.60, added] and kept[0.48, added] < kept[0.60, added] for added in (0.5, 1.0, 1.5)
    )
    return [
        Entry(
            "25",
            "human grade III, 50, 100 and 150 % more native cells in the nucleus, endplate porosity 0.60 or 0.48",
            "H, Q",
            "nutrients fall; a calcified endplate limits the therapy [V]",
            "least glucose falls with every addition; it and the cells left are lower at 0.48",
            "; ".join(text),
            judged(falls and worse),
        )
    ]
