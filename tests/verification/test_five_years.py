"""A human disc of grade III left alone for five years: what was not balanced at the start, and that it converges (cells_matrix 3, 6.12).

At day 0 two numbers are set: the mean cytokine of the nucleus, steady, and the change of its glycosaminoglycan, -1 % per year (rulings 4).
All else is an outcome of the laws: cytokine away from the nucleus, enzyme, collagens, order and fissures of the annulus, the water that
T2 sees, the living native cells. Their tolerances were set from theory, before the numbers were seen:

Steps. Cells are of second order, signals of first (implicit Euler; the autocrine source lags). The matrix is exact for the rates of the
middle of a step, but the enzyme in them is a signal, so it is of first order too, with a small constant. Nothing in an untreated disc is
faster than about 0.2 per year, so halving steps of 30 days, (0.2 x 0.08)^2 / 12 = 2e-5 of a number, has to change cells, and what hardly
feels the enzyme, by less than 1e-4; a signal by less than half a step of its drift, (0.05 per year) x 0.04 year = 2e-3. With each halving
the difference falls fourfold or twofold; a quarter is allowed on top for the next order.

Meshes. Lumped linear elements solve c'' = c / range^2 with a range that is wrong by (h / range)^2 / 24, 4 % for h = range = 1.6 mm, the
largest elements of the coarse mesh: 4 % for signals. Acidity may differ by 0.004, as 1 % of lactate does (rulings 33), which changes the
deaths, of width 0.03, by 14 %; a tenth of the cells dies at most, so 0.014 of the cells. The matrix follows the signals: 4 % of a loss of
5 % is 2e-3 of collagen, order, fissures and water; T2 goes with the second power of water over solid, five times as much: 1e-2.
Nodes on the border of tissues hold a mixture, so means of the nucleus are compared as ratios to their start.
"""

from __future__ import annotations

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.nutrition import SolverOptions
from pulposus.parameters import load_parameters
from pulposus.simulation import StepControl, Trajectory, advance_by_steps, plan_of, settle, simulate
from pulposus.therapy import load_protocol

YEAR = 365.25
DURATION = 5.0 * YEAR
SIGNALS = ("cytokine outside the nucleus", "cytokine", "enzyme")
ACCURATE = SolverOptions(tolerance=1e-10)

STEP_TOLERANCE = {"cytokine outside the nucleus": 2e-3, "cytokine": 2e-3, "enzyme": 2e-3}
MESH_TOLERANCE = {
    "cytokine outside the nucleus": 4e-2,
    "cytokine": 4e-2,
    "enzyme": 4e-2,
    "T2": 1e-2,
    "native cells": 1.4e-2,
}


def protocol(level: str, resolution: str = "standard"):
    return load_protocol("no-treatment", [f"numerics.level={level}", f"numerics.resolution={resolution}"])


@lru_cache
def untreated(level: str, resolution: str = "standard", control: StepControl | None = None) -> Trajectory:
    """The disc left alone for five years."""
    return simulate(protocol(level, resolution), until=DURATION, control=control).native_course


def outcomes(course: Trajectory) -> tuple[dict[str, float], dict[str, float]]:
    """What was not balanced, at the start and over it at the end; the amount itself of both for the signals."""
    start, end = course.matrix_rows()[0], course.matrix_rows()[-1]
    cells = course.cell_rows()[-1]["native_alive_fraction"]
    # The axis of the nucleus has no annulus; there the endplates are what is not the nucleus.
    away = "annulus" if "annulus" in start else "disc"
    values: dict[str, tuple[float, float]] = {
        "cytokine outside the nucleus": (start[away]["cytokine"], end[away]["cytokine"]),
        "cytokine": (start["nucleus"]["cytokine"], end["nucleus"]["cytokine"]),
        "enzyme": (start["disc"]["enzyme"], end["disc"]["enzyme"]),
        "T2": (start["disc"]["T2_ms"], end["disc"]["T2_ms"]),
        "water": (start["nucleus"]["water_fraction"], end["nucleus"]["water_fraction"]),
        "native cells": (1.0, cells),
        "strength": (start["disc"]["relative_strength"], end["disc"]["relative_strength"]),
    }
    for region in {"nucleus", away}:
        for name in ("collagen_II_mg_per_mL", "collagen_I_mg_per_mL"):
            values[f"{name} of the {region}"] = (start[region][name], end[region][name])
    if away == "annulus":
        values |= {name: (start[away][name], end[away][name]) for name in ("annulus_order", "fissure")}
    first = {name: one for name, (one, _) in values.items()}
    last = {name: other if name in SIGNALS else other / one for name, (one, other) in values.items()}
    return first, last


def show(title: str, columns: dict[str, dict[str, float]]) -> None:
    """Print numbers side by side."""
    print(f"\n{title}")
    print(" " * 40 + "".join(f"{name:>16}" for name in columns))
    for name in next(iter(columns.values())):
        print(f"{name:40}" + "".join(f"{values[name]:16.6g}" for values in columns.values()))


def compare(finer: dict[str, float], coarser: dict[str, float], tolerance: dict[str, float], otherwise: float) -> None:
    """Check every number against its tolerance: relative to itself, the others being ratios of about one."""
    for name, value in finer.items():
        assert coarser[name] == pytest.approx(value, rel=tolerance.get(name, otherwise)), name


@pytest.mark.parametrize(("level", "resolution"), [("slab", "standard"), ("disc", "coarse")])
def test_five_years_without_treatment(level, resolution):
    course = untreated(level, resolution)
    start, end = outcomes(course)
    show(f"{level}, {resolution}: five years untreated", {"start": start, "end (over start)": end})
    rows = course.matrix_rows()
    # What was balanced: the mean cytokine of the nucleus, exactly, and a start at -1 % of glycosaminoglycan per year.
    assert rows[0]["nucleus"]["cytokine"] == pytest.approx(0.4, rel=1e-12)
    first, second = rows[0]["nucleus"], rows[1]["nucleus"]
    passed = (course.times[1] - course.times[0]) / YEAR
    change = np.log(second["glycosaminoglycan_mg_per_mL"] / first["glycosaminoglycan_mg_per_mL"]) / passed
    # The rate itself drifts by less than 1 per year, over a quarter of a day.
    assert change == pytest.approx(-0.01, rel=2e-3)
    # What was not: all of it moves, and none of it leaves its bounds.
    for name, value in end.items():
        assert np.isfinite(value) and value > 0.0, name
        assert abs(value / (start[name] if name in SIGNALS else 1.0) - 1.0) > 1e-4, name
    last = jax.tree.map(jnp.asarray, course.states[-1])
    assert last.matrix_ledger is not None and last.matrix is not None
    # Every pool is what it was, and was made, less what left: sums of some hundred steps, each exact to rounding.
    assert float(last.matrix_ledger.imbalance(course.model.volume, last.matrix)) < 1e-12


@lru_cache
def with_equal_steps(count: int) -> dict[str, float]:
    """Outcomes of five years on the axis in equal steps, all from one settled disc."""
    chosen = protocol("slab")
    parameters = load_parameters()
    disc = load_disc(chosen.disc.name, chosen.numerics.resolution, parameters)
    plan = plan_of(chosen, disc, parameters, "slab", DURATION)
    model, state = settle(plan, StepControl(), ACCURATE)
    states = [state]
    for _ in range(count // 32):
        state = GO_ON(model, state, jnp.full(32, DURATION / count))
        states.append(state)
    return outcomes(Trajectory(model, [states[0], states[-1]], plan.coordinates))[1]


# Every number of steps shares the compiled function of 32.
GO_ON = eqx.filter_jit(lambda model, state, steps: advance_by_steps(model, state, steps, ACCURATE))


@pytest.mark.slow
def test_equal_steps_converge():
    """57, 29 and 14 days."""
    long, middle, short = (with_equal_steps(count) for count in (32, 64, 128))
    show("axis, steps of 57, 29 and 14 days", {"57 d": long, "29 d": middle, "14 d": short})
    compare(short, middle, STEP_TOLERANCE, 1e-4)
    for name, finest in short.items():
        order = 2 if name == "native cells" else 1
        # Below 1e-8 a difference is that of the solves, accurate to 1e-10 of the solutes in each of a hundred steps.
        largest = max(1.25 * abs(long[name] - middle[name]) / 2**order, 1e-8)
        assert abs(middle[name] - finest) <= largest, name


@pytest.mark.slow
@pytest.mark.parametrize(("level", "resolution"), [("slab", "standard"), ("disc", "coarse")])
def test_controlled_steps_converge(level, resolution):
    """Tolerance and longest step tightened together, so that every step is halved: 2e-3 and 60 days, 5e-4 and 30, 1.25e-4 and 15."""
    loose, used, tight = (
        outcomes(untreated(level, resolution, StepControl(tolerance=tolerance, longest=longest)))[1]
        for tolerance, longest in ((2e-3, 60.0), (5e-4, 30.0), (1.25e-4, 15.0))
    )
    show(f"{level}, {resolution}: controlled steps", {"2e-3, 60 d": loose, "5e-4, 30 d": used, "1.25e-4, 15 d": tight})
    compare(tight, used, STEP_TOLERANCE, 1e-4)
    for name, finest in tight.items():
        # Stored times cut the steps, so the orders are those of equal steps, but not their constants: at least half the error goes, or it
        # is that of the solves, accurate to 1e-6.
        assert abs(used[name] - finest) <= max(0.5 * abs(loose[name] - finest), 1e-6), name


@pytest.mark.slow
def test_finer_axes_converge():
    coarse, standard, fine = (outcomes(untreated("slab", name))[1] for name in ("coarse", "standard", "fine"))
    show("axis: meshes", {"coarse": coarse, "standard": standard, "fine": fine})
    compare(standard, coarse, MESH_TOLERANCE, 2e-3)
    compare(fine, standard, MESH_TOLERANCE, 2e-3)
    for name, finest in fine.items():
        # 8, 10 and 22 layers: the border of tissues, of first order, leaves (1/10 - 1/22) / (1/8 - 1/22) = 0.69 of the distance.
        assert abs(standard[name] - finest) <= 0.75 * abs(coarse[name] - finest) + 1e-5, name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_finer_discs_converge():
    coarse, standard = (outcomes(untreated("disc", name))[1] for name in ("coarse", "standard"))
    show("disc: meshes", {"coarse": coarse, "standard": standard})
    compare(standard, coarse, MESH_TOLERANCE, 2e-3)
