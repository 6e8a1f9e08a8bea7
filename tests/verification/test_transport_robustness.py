"""The solver converges wherever a user may lead it, and says so where it cannot."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import list_discs, load_disc
from pulposus.errors import SolverFailed
from pulposus.nutrition import solve_nutrition

# Newton steps of a cold start. Exact Newton needs 3 on the mild problems (performance 0) and inexact steps about twice as many;
# starved discs have kinks near zero glucose.
NEWTON_STEPS, KRYLOV_STEPS = 20, 120
COARSE_UNDERSHOOT = (
    0.12  # kPa or mM: trilinear elements are not monotone (performance 2: -0.09 to -0.12 at 5,000 nodes)
)


def _check(state):
    solution = state.solution
    assert int(solution.status) == 0
    assert int(solution.iterations) <= NEWTON_STEPS
    assert int(solution.krylov_steps) <= KRYLOV_STEPS
    solutes = np.asarray(solution.solutes)
    assert np.all(np.isfinite(solutes))
    assert solutes.min() > -COARSE_UNDERSHOOT
    assert solutes[1].min() > 0.0
    return solutes


def _with_cells(disc, factor):
    return eqx.tree_at(lambda d: d.tissue.cell_density, disc, factor * disc.tissue.cell_density)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("name", ["human/L4-L5/grade1", "human/L4-L5/grade5"])
def test_densities(name, factor):
    """The robustness table of performance 2: densities from 0.3 to 5 times."""
    _check(solve_nutrition(_with_cells(load_disc(name, "coarse"), factor)))


@pytest.mark.parametrize("factor", [1.0, 5.0])
@pytest.mark.parametrize("supply", [0.0, 1e-7, 1e-5, 0.999999])
def test_blocked_endplates(supply, factor):
    """Sealed, almost sealed and almost open endplates, with the annulus open."""
    disc = load_disc("human/L4-L5/grade3", "coarse", overrides=[f"supply.endplate_supply={supply}"])
    _check(solve_nutrition(_with_cells(disc, factor)))


def test_the_limits_of_the_supply_are_continuous():
    """A relative supply near 1 approaches the fixed value, one near 0 the sealed face (transport 3.2)."""

    def solutes(supply):
        disc = load_disc("human/L4-L5/grade3", "coarse", overrides=[f"supply.endplate_supply={supply}"])
        return np.asarray(solve_nutrition(disc).solution.solutes)

    # The added resistance (1 - P)/P t/D is a millionth of that of the endplate.
    assert solutes(0.999999) == pytest.approx(solutes(1.0), abs=1e-5)
    assert solutes(2e-6) == pytest.approx(
        solutes(0.0), abs=1e-3
    )  # in a starved disc glucose is exponential in the supply


def test_sealed_annulus():
    disc = load_disc("human/L4-L5/grade3", "coarse", overrides=["supply.annulus_sealed=true"])
    solutes = _check(solve_nutrition(disc))
    assert solutes[2].max() < 4.0 + 1e-9


def test_calcified_patch():
    """Fully supplied and sealed columns side by side."""
    patch = "supply.patches=[{face: superior, radius: 8 mm, endplate_supply: 0}]"
    disc = load_disc("human/L4-L5/grade1", "coarse", overrides=[patch])
    assert set(np.unique(np.asarray(disc.supply.endplate_supply))) == {0.0, 1.0}
    solutes = _check(solve_nutrition(disc))
    whole = np.asarray(solve_nutrition(load_disc("human/L4-L5/grade1", "coarse")).solution.solutes)
    assert solutes[2].min() < whole[2].min()


@pytest.mark.parametrize("name", [disc.name for disc in list_discs()])
def test_every_built_in_disc(name):
    _check(solve_nutrition(load_disc(name, "coarse")))


def test_discs_of_rodents_are_never_starved():
    """transport 7: rodent and rabbit discs carry no information on nutrient limitation."""
    for name in ("mouse/tail", "rat/tail"):
        solutes = np.asarray(solve_nutrition(load_disc(name, "coarse")).solution.solutes)
        assert solutes[2].min() > 3.0


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
def test_numbers_that_are_not_finite(value):
    disc = load_disc("human/L4-L5/grade1", "coarse")
    broken = eqx.tree_at(lambda d: d.tissue.diffusivity, disc, disc.tissue.diffusivity.at[0, 0].set(value))
    with pytest.raises(SolverFailed, match="not finite") as failure:
        solve_nutrition(broken)
    assert failure.value.exit_code == 4
    assert "human/L4-L5/grade1" in str(failure.value)
    assert failure.value.remedy
