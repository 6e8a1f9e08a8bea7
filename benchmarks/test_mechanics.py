"""Mechanics of discs against scikit-fem with a direct solver, as ratios in one run.

    make bench

Both codes hold the same problem: the same 20-node elements, Gauss points and constants (`peer_mechanics.same_problem`), solved to
equilibrium under the same loads. The peer takes as few load steps as Newton's method needs; assembly is in its time, mesh and basis
are not, nor is compilation in ours. Ours is measured before and after the peer and the better of both counts, so that other work on
the machine that comes or goes meanwhile does not favour one side. A day of the peer takes minutes, so its time is that of three of its
steps (a jump, a first and a long one), each weighed with the number of such steps; a batch is compared with members that the peer
solves alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import peer_mechanics
from pulposus.disc import load_disc
from pulposus.mechanics import Deformation, SolidProblem, drained_equilibrium, hold, undrained_equilibrium
from pulposus.mechanics._cylinder import load_cylinder
from pulposus.mechanics._disc_problem import disc_solid
from pulposus.parameters import load_parameters

# A direct solver takes its time.
pytestmark = pytest.mark.timeout(1800)

SUPINE, STANDING = -250.0, -500.0
SECONDS = 86400.0
MEMBERS, MEASURED = 64, 2
# Implicit steps after a jump [day], the same for both codes: they grow from a minute to an hour.
_FIRST, _LONGEST, _GROWTH = 60.0 / SECONDS, 3600.0 / SECONDS, 1.5


def axial(force: float) -> jnp.ndarray:
    return jnp.zeros(6).at[2].set(force)


def phase_steps(hours: float) -> list[float]:
    """Lengths of the steps of a phase [day]."""
    left, step, steps = hours / 24.0, _FIRST, []
    while left > 1e-9:
        steps.append(min(step, left))
        left, step = left - steps[-1], min(_GROWTH * step, _LONGEST)
    return steps


class Taken(NamedTuple):
    """Seconds on the clock, and of the processor (all cores together)."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.processor:.2f} s of processor)"


def timed(action: Callable[[], Any]) -> tuple[Any, Taken]:
    """What an action returns, and how long it took."""
    began, busy = time.perf_counter(), time.process_time()
    value = jax.block_until_ready(action())
    return value, Taken(time.perf_counter() - began, time.process_time() - busy)


def ratios(theirs: Taken, ours: Taken) -> str:
    """Theirs over ours, by the clock and by the processor."""
    return f"**{theirs.wall / ours.wall:.0f}** (processor {theirs.processor / ours.processor:.0f})"


def against(benchmark: Any, ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[Any, Taken, Any, Taken]:
    """Ours before and after theirs, the better of the two counts; nothing is compiled in these times."""
    jax.block_until_ready(ours())
    _, before = timed(ours)
    their_value, their_time = timed(theirs)
    value, after = benchmark.pedantic(lambda: timed(ours), rounds=1)
    return value, min(before, after), their_value, their_time


class Standard:
    """The standard disc in both codes: a human disc of grade III whose image counts as stress-free."""

    def __init__(self) -> None:
        parameters = load_parameters()
        solid = disc_solid(load_disc("human/L4-L5/grade3", "mechanics", parameters), parameters)
        self.problem = solid.problem(solid.image, jnp.ones_like(solid.imaged.water))
        self.peer = peer_mechanics.same_problem(self.problem)


def with_charge(problem: SolidProblem, factor: float | jnp.ndarray) -> SolidProblem:
    """The same disc with more or less charge."""
    return eqx.tree_at(
        lambda one: one.material.donnan.fixed_charge, problem, factor * problem.material.donnan.fixed_charge
    )


@pytest.fixture(scope="module")
def standard() -> Standard:
    return Standard()


@pytest.fixture(scope="module")
def supine(standard: Standard) -> Deformation:
    return drained_equilibrium(standard.problem, axial(SUPINE))


@pytest.fixture(scope="module")
def peer_supine(standard: Standard) -> dict[str, peer_mechanics.State]:
    """The peer's drained equilibrium, filled by the cold solve."""
    return {}


def cold(standard: Standard) -> peer_mechanics.State:
    """The peer's drained equilibrium from rest."""
    return standard.peer.solve(standard.peer.solve(standard.peer.rest(), 0.0), SUPINE)


def test_drained_cold(benchmark, standard, peer_supine, table):
    ours, mine, theirs, other = against(
        benchmark, lambda: drained_equilibrium(standard.problem, axial(SUPINE)), lambda: cold(standard)
    )
    peer_supine["state"] = theirs
    difference = abs(standard.peer.plate(theirs) - float(ours.motion[2]))
    table += [
        ("drained equilibrium of the standard disc, unknowns", f"{standard.peer.transform.shape[1]}"),
        ("scikit-fem with a direct solver, cold", f"{other}"),
        ("pulposus, cold", f"{mine}, {int(ours.iterations)} Newton"),
        ("**ratio, drained, cold**", ratios(other, mine)),
        ("difference of the height to scikit-fem", f"{difference:.1e} mm"),
    ]
    assert difference < 1e-6


def test_drained_warm(benchmark, standard, supine, peer_supine, table):
    """From the solution, with 2 % less charge."""
    poorer = with_charge(standard.problem, 0.98)
    peer = peer_mechanics.same_problem(poorer)
    start = peer_supine.get("state") or cold(standard)
    ours, mine, theirs, other = against(
        benchmark, lambda: drained_equilibrium(poorer, axial(SUPINE), supine), lambda: peer.solve(start, SUPINE)
    )
    difference = abs(peer.plate(theirs) - float(ours.motion[2]))
    table += [
        ("scikit-fem, warm (2 % less charge)", f"{other}, {theirs.newton} Newton"),
        ("pulposus, warm", f"{mine}, {int(ours.iterations)} Newton"),
        ("**ratio, drained, warm**", ratios(other, mine)),
    ]
    assert difference < 1e-6


def test_a_day(benchmark, table):
    """16 h under 500 N and 8 h under 250 N of the swelling cylinder; a jump each, then flow."""
    problem = load_cylinder(Path(__file__).with_name("swelling_cylinder.yaml"), ["mesh=cylinder-coarse"]).problem
    parts = ((STANDING, phase_steps(16.0)), (SUPINE, phase_steps(8.0)))
    rested = drained_equilibrium(problem, axial(SUPINE))

    def day() -> Deformation:
        state = rested
        for force, steps in parts:
            jumped = undrained_equilibrium(problem, axial(force), state)
            states = hold(problem, axial(force), jumped, jnp.asarray(steps)).states
            state = jax.tree.map(lambda leaf: leaf[-1], states)
        return state

    model = peer_mechanics.same_problem(problem)

    def three_steps() -> list[Taken]:
        state = model.solve(model.solve(model.rest(), 0.0), SUPINE)
        times = []
        for force, dt in ((STANDING, 0.0), (STANDING, _FIRST), (STANDING, _LONGEST)):
            state, taken = timed(lambda begin=state, force=force, dt=dt: model.solve(begin, force, dt=SECONDS * dt))
            times.append(taken)
        return times

    ours, mine, times, _ = against(benchmark, day, three_steps)
    short = sum(dt < 0.5 * _LONGEST for _, steps in parts for dt in steps)
    long = sum(len(steps) for _, steps in parts) - short
    other = Taken(*(len(parts) * jump + short * first + long * late for jump, first, late in zip(*times, strict=True)))
    table += [
        (
            f"scikit-fem, a day of the swelling cylinder, {short + long} steps and two jumps (from three steps)",
            f"{other}",
        ),
        ("pulposus, the same day", f"{mine}"),
        ("**ratio, a day**", ratios(other, mine)),
    ]
    assert int(ours.status) == 0


def test_a_batch(benchmark, standard, supine, peer_supine, table):
    """64 discs of different charge, warm-started from the standard one; members of the peer in between."""
    factors = jnp.asarray(np.random.default_rng(64).uniform(0.9, 1.1, MEMBERS))

    def solve(problem: SolidProblem, start: Deformation, batch: jnp.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
        def one(factor: jnp.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
            state = drained_equilibrium(with_charge(problem, factor), axial(SUPINE), start)
            return state.motion[2], state.status

        return jax.lax.map(one, batch)

    # One half of the batch before the peer, the other after it.
    halves = factors.reshape(2, -1)
    compiled = jax.jit(solve).lower(standard.problem, supine, halves[0]).compile()
    start = peer_supine.get("state") or cold(standard)
    peers = [peer_mechanics.same_problem(with_charge(standard.problem, factor)) for factor in factors[:MEASURED]]
    (heights, status), first = timed(lambda: compiled(standard.problem, supine, halves[0]))
    theirs, other = timed(lambda: [peer.solve(start, SUPINE) for peer in peers])
    (_, later), second = benchmark.pedantic(
        lambda: timed(lambda: compiled(standard.problem, supine, halves[1])), rounds=1
    )
    mine = Taken(*((a + b) / MEMBERS for a, b in zip(first, second, strict=True)))
    other = Taken(*(seconds / MEASURED for seconds in other))
    table += [
        (f"batch of {MEMBERS} discs of different charge, warm: scikit-fem per disc ({MEASURED} measured)", f"{other}"),
        (f"batch of {MEMBERS}: pulposus per disc", f"{mine}"),
        ("**ratio, batch**", ratios(other, mine)),
    ]
    assert int(jnp.sum(status != 0) + jnp.sum(later != 0)) == 0
    for number, peer in enumerate(peers):
        assert peer.plate(theirs[number]) == pytest.approx(float(heights[number]), abs=1e-6)
