"""Results do not change when the unit system is scaled (design 5): lengths, times and amounts in any unit give the same fields."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.nutrition import Kinetics, SolverOptions, nutrition_problem, solve
from pulposus.nutrition._summary import surface_inflow
from pulposus.parameters import load_parameters

# The iteration takes the same steps in every unit system, so only rounding and its growth over the steps differ.
SAME = 1e-9


@eqx.filter_jit
def _solve(disc, kinetics):
    problem = nutrition_problem(disc, kinetics)
    solution = solve(problem, options=SolverOptions(tolerance=1e-12))
    return solution, surface_inflow(disc, problem, solution.solutes)[0]


def _in_units(disc, kinetics, length, time, amount, tension):
    """The same disc with numbers in other units; each argument is the number of new units in an old one."""
    concentration = amount / length**3
    fields = np.array([tension, concentration, concentration])
    tissue, supply, metabolism = disc.tissue, disc.supply, disc.metabolism
    kinetics = eqx.tree_at(
        lambda k: (k.oxygen_half_base, k.oxygen_half_slope, k.lactate_oxygen, k.lactate_oxygen_squared),
        kinetics,
        (
            kinetics.oxygen_half_base * tension,
            kinetics.oxygen_half_slope * tension,
            kinetics.lactate_oxygen / tension,
            kinetics.lactate_oxygen_squared / tension**2,
        ),
    )
    disc = eqx.tree_at(
        lambda d: (
            d.coordinates,
            d.supply.endplate_thickness,
            d.tissue.diffusivity,
            d.tissue.cell_density,
            d.supply.endplate_values,
            d.supply.annulus_values,
            d.metabolism.glucose_limiter,
            d.metabolism.lactate_per_pH,
            d.metabolism.oxygen_solubility,
        ),
        disc,
        (
            disc.coordinates * length,
            supply.endplate_thickness * length,
            tissue.diffusivity * length**2 / time,
            tissue.cell_density * concentration / time,  # cells enter as what they use per volume and time
            supply.endplate_values * fields,
            supply.annulus_values * fields,
            metabolism.glucose_limiter * concentration,
            metabolism.lactate_per_pH * concentration,
            metabolism.oxygen_solubility * concentration / tension,
        ),
    )
    return disc, kinetics, fields


@pytest.mark.parametrize(
    ("length", "time", "amount", "tension"),
    [
        (1e-3, 86400.0, 1e-9, 1e3),  # metre, second, mol, Pa
        (0.1, 24.0, 1e-3, 7.5),  # cm, hour, umol, mmHg
        (1e3, 1.0, 1e6, 1.0),  # micrometre, pmol
        (1.0, 1e-3, 1e3, 0.1),  # kday, nmol, 10 kPa
    ],
)
def test_unit_system(length, time, amount, tension):
    disc, kinetics = load_disc("human/L4-L5/grade3", "coarse"), Kinetics.from_parameters(load_parameters())
    expected, inflow = _solve(disc, kinetics)
    other, constants, fields = _in_units(disc, kinetics, length, time, amount, tension)
    found, moved = _solve(other, constants)
    assert int(expected.status) == int(found.status) == 0
    assert np.asarray(found.solutes) / fields[:, None, None] == pytest.approx(np.asarray(expected.solutes), rel=SAME)
    assert np.asarray(moved) / (fields * length**3 / time)[:, None] == pytest.approx(
        np.asarray(inflow), rel=1e-8, abs=1e-12
    )
    assert int(found.iterations) == int(expected.iterations)


def test_the_scaling_is_not_trivial():
    """A unit that is forgotten is seen: without the solubility the oxygen field changes."""
    disc, kinetics = load_disc("human/L4-L5/grade3", "coarse"), Kinetics.from_parameters(load_parameters())
    expected, _ = _solve(disc, kinetics)
    other, constants, _ = _in_units(disc, kinetics, 0.1, 24.0, 1.0, 1.0)
    other = eqx.tree_at(lambda d: d.metabolism.oxygen_solubility, other, disc.metabolism.oxygen_solubility)
    found, _ = _solve(other, constants)
    assert float(jnp.max(jnp.abs(found.solutes[0] - expected.solutes[0]))) > 0.1
