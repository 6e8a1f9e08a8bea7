"""Mechanics of discs against scikit-fem with a direct solver, as ratios in one run.

    make bench

Both codes hold the same problem: the same 20-node elements, Gauss points and constants (`peer_mechanics.same_problem`), solved to
equilibrium under the same loads. The peer takes as few load steps as Newton's method needs; assembly is in its time, mesh and basis
are not, nor is compilation in ours. A day of the peer takes minutes, so its time is that of three of its steps (a jump, a first and a
long one), each weighed with the number of such steps; a batch is compared with one disc of the peer.
"""

from __future__ import annotations

import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import peer_mechanics
from pulposus.disc import load_disc
from pulposus.mechanics import Deformation, SolidProblem, advance, drained_equilibrium, undrained_equilibrium
from pulposus.mechanics._cylinder import load_cylinder
from pulposus.mechanics._disc_problem import disc_solid
from pulposus.parameters import load_parameters

# A direct solver takes its time.
pytestmark = pytest.mark.timeout(1800)

SUPINE, STANDING = -250.0, -500.0
SECONDS = 86400.0
MEMBERS = 64
CHUNK = 8
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


def finished(state: Deformation) -> Deformation:
    return jax.block_until_ready(state)


class Standard:
    """The standard disc in both codes: a human disc of grade III whose image counts as stress-free."""

    def __init__(self) -> None:
        parameters = load_parameters()
        solid = disc_solid(load_disc("human/L4-L5/grade3", "mechanics", parameters), parameters)
        self.problem = solid.problem(solid.image, jnp.ones_like(solid.imaged.water))
        self.peer = peer_mechanics.same_problem(self.problem)

    def with_charge(self, factor: float) -> SolidProblem:
        return eqx.tree_at(lambda one: one.material.donnan.fixed_charge, self.problem, factor * self._charge)

    @property
    def _charge(self) -> jnp.ndarray:
        return self.problem.material.donnan.fixed_charge


@pytest.fixture(scope="module")
def standard() -> Standard:
    return Standard()


@pytest.fixture(scope="module")
def peer_cold(standard: Standard) -> tuple[float, peer_mechanics.State]:
    """The peer's drained equilibrium from rest, and its seconds."""
    began = time.perf_counter()
    state = standard.peer.solve(standard.peer.rest(), 0.0)
    state = standard.peer.solve(state, SUPINE)
    return time.perf_counter() - began, state


def test_drained_cold(benchmark, standard, peer_cold, table):
    seconds, theirs = peer_cold
    ours = finished(drained_equilibrium(standard.problem, axial(SUPINE)))
    benchmark.pedantic(lambda: finished(drained_equilibrium(standard.problem, axial(SUPINE))), rounds=3)
    mine = benchmark.stats.stats.min
    difference = abs(standard.peer.plate(theirs) - float(ours.motion[2]))
    table += [
        ("drained equilibrium of the standard disc, unknowns", f"{standard.peer.transform.shape[1]}"),
        ("scikit-fem with a direct solver, cold", f"{seconds:.1f} s"),
        ("pulposus, cold", f"{mine:.2f} s ({int(ours.iterations)} Newton)"),
        ("**ratio, drained, cold**", f"**{seconds / mine:.0f}**"),
        ("difference of the height to scikit-fem", f"{difference:.1e} mm"),
    ]
    assert difference < 1e-6


def test_drained_warm(benchmark, standard, peer_cold, table):
    """From the solution, with 2 % less charge."""
    _, theirs = peer_cold
    start = drained_equilibrium(standard.problem, axial(SUPINE))
    poorer = standard.with_charge(0.98)
    ours = finished(drained_equilibrium(poorer, axial(SUPINE), start))
    benchmark.pedantic(lambda: finished(drained_equilibrium(poorer, axial(SUPINE), start)), rounds=5)
    mine = benchmark.stats.stats.min
    other = peer_mechanics.same_problem(poorer)
    began = time.perf_counter()
    found = other.solve(theirs, SUPINE)
    seconds = time.perf_counter() - began
    difference = abs(other.plate(found) - float(ours.motion[2]))
    table += [
        ("scikit-fem, warm (2 % less charge)", f"{seconds:.1f} s ({found.newton} Newton)"),
        ("pulposus, warm", f"{mine:.2f} s"),
        ("**ratio, drained, warm**", f"**{seconds / mine:.0f}**"),
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
            state = undrained_equilibrium(problem, axial(force), state)
            for dt in steps:
                state = advance(problem, axial(force), state, dt)
        return state

    finished(day())
    benchmark.pedantic(lambda: finished(day()), rounds=1)
    mine = benchmark.stats.stats.min
    model = peer_mechanics.same_problem(problem)
    state = model.solve(model.solve(model.rest(), 0.0), SUPINE)
    times = []
    for force, dt in ((STANDING, 0.0), (STANDING, _FIRST), (STANDING, _LONGEST)):
        began = time.perf_counter()
        state = model.solve(state, force, dt=SECONDS * dt)
        times.append(time.perf_counter() - began)
    short = sum(dt < 0.5 * _LONGEST for _, steps in parts for dt in steps)
    long = sum(len(steps) for _, steps in parts) - short
    seconds = len(parts) * times[0] + short * times[1] + long * times[2]
    table += [
        (
            f"scikit-fem, a day of the swelling cylinder, {short + long} steps and two jumps (from three steps)",
            f"{seconds:.0f} s",
        ),
        ("pulposus, the same day", f"{mine:.1f} s"),
        ("**ratio, a day**", f"**{seconds / mine:.0f}**"),
    ]


def test_a_batch(benchmark, standard, peer_cold, table):
    """64 discs of different charge, warm-started from the standard one."""
    factors = jnp.asarray(np.random.default_rng(64).uniform(0.9, 1.1, MEMBERS))
    start = drained_equilibrium(standard.problem, axial(SUPINE))

    @eqx.filter_jit
    def solve(batch: jnp.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
        def one(factor: jnp.ndarray) -> tuple[jnp.ndarray, jnp.ndarray]:
            state = drained_equilibrium(standard.with_charge(factor), axial(SUPINE), start)
            return state.motion[2], state.status

        return jax.lax.map(one, batch, batch_size=CHUNK)

    _, status = jax.block_until_ready(solve(factors))
    benchmark.pedantic(lambda: jax.block_until_ready(solve(factors)), rounds=1)
    mine = benchmark.stats.stats.min / MEMBERS
    _, theirs = peer_cold
    other = peer_mechanics.same_problem(standard.with_charge(factors[0]))
    began = time.perf_counter()
    other.solve(theirs, SUPINE)
    seconds = time.perf_counter() - began
    table += [
        (f"batch of {MEMBERS} discs of different charge, warm: scikit-fem per disc (one measured)", f"{seconds:.1f} s"),
        (f"batch of {MEMBERS}: pulposus per disc", f"{mine:.2f} s"),
        ("**ratio, batch**", f"**{seconds / mine:.0f}**"),
    ]
    assert int(jnp.sum(status != 0)) == 0
