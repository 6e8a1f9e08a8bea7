"""Years of one disc in 3D and ensembles, after compilation: the main jobs."""

from __future__ import annotations

import time
from statistics import median

import equinox as eqx
import jax
import jax.numpy as jnp

from pulposus.nutrition import SolverOptions, solve
from pulposus.simulation import run_ensemble, simulate
from pulposus.therapy import load_protocol

_YEAR = 365.25
_MEMBERS = 64


def test_one_patient_year(benchmark, table):
    """A human grade III disc left alone on the standard mesh, all fields; the first two days compile everything."""
    study = load_protocol("no-treatment", ["disc.name=human/L4-L5/grade3"])
    began = time.perf_counter()
    simulate(study, until=2.0)
    table.append(("first two simulated days with all compilation", f"{time.perf_counter() - began:.0f} s"))
    result = benchmark.pedantic(lambda: simulate(study, until=_YEAR), rounds=1)
    course = result.native_course
    seconds, last = benchmark.stats.stats.min, course.states[-1]
    solves = int(last.steps) + int(last.rejected)
    share = solves * _nutrition_seconds(course) / seconds
    table.append(
        (
            "one patient-year in 3D, all fields, settling included",
            f"{seconds:.1f} s, {int(last.steps)} steps; nutrient solves of the year {share:.0%}",
        )
    )


def _nutrition_seconds(course) -> float:
    """Seconds of one warm nutrition solve at the end of a course."""
    state = jax.tree.map(jnp.asarray, course.states[-1])
    problem, options = course.model.nutrition(state.cells), SolverOptions(tolerance=1e-6)
    compiled = eqx.filter_jit(solve)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        # A guess a little off, as between two steps.
        jax.block_until_ready(compiled(problem, 1.001 * state.solutes, options))
        times.append(time.perf_counter() - began)
    return median(times[1:])


def test_two_years_of_the_demo(benchmark, table):
    """Orozco 2011 on the standard mesh: with cells, sham and left alone."""
    simulate("orozco-2011", until=2.0)
    result = benchmark.pedantic(lambda: simulate("orozco-2011", until=2.0 * _YEAR), rounds=1)
    steps = [int(course.states[-1].steps) for course in result.arms.values()]
    table.append(
        (
            "24 months in 3D, with cells, sham and left alone (wanted below 90 s)",
            f"{benchmark.stats.stats.min:.1f} s, {', '.join(str(count) for count in steps)} steps",
        )
    )


def test_slab_ensemble(benchmark, table):
    """64 members on the axial slab, 12 months, treated and sham."""
    study = load_protocol("orozco-2011")
    run_ensemble(study, _MEMBERS, until=1.0)
    benchmark.pedantic(lambda: run_ensemble(study, _MEMBERS), rounds=1)
    seconds = benchmark.stats.stats.min
    table.append(
        (
            f"{_MEMBERS} slab members, 12 months, treated and sham (wanted below 30 s)",
            f"{seconds:.1f} s, {_MEMBERS / seconds:.1f} members per second",
        )
    )


def test_spatial_ensemble(benchmark, table):
    """64 members in coarse 3D over a month against one member (wanted at most 0.7 of 64 times one)."""
    study = load_protocol("orozco-2011")
    times = {}
    for members in (1, _MEMBERS):
        run_ensemble(study, members, until=1.0, level="3d")
        began = time.perf_counter()
        if members == 1:
            run_ensemble(study, members, until=28.0, level="3d")
        else:
            benchmark.pedantic(lambda: run_ensemble(study, _MEMBERS, until=28.0, level="3d"), rounds=1)
        times[members] = time.perf_counter() - began
    ratio = times[_MEMBERS] / (_MEMBERS * times[1])
    table.append(
        (
            f"{_MEMBERS} members in coarse 3D, 28 days (wanted at most 0.70 times {_MEMBERS} single ones)",
            f"{times[_MEMBERS]:.0f} s against {times[1]:.1f} s for one: {ratio:.2f}",
        )
    )
