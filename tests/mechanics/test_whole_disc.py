"""A whole disc on a small mesh: its stress-free state, insults, loads, bending, growth, and the signs that the answers must have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc, load_disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.mechanics import (
    CONVERGED,
    POSTURES,
    MechanicalDisc,
    SpineLoad,
    disc_day,
    disc_load,
    disc_solid,
    drained_equilibrium,
    fast_state,
    mechanical_disc,
    read,
    under_load,
)
from pulposus.mechanics._disc_places import NUCLEUS
from pulposus.mechanics._loading import BENDING, axial_load, endplate_reaction, free_to_bend
from pulposus.mechanics._whole_disc import grown_at_once
from pulposus.mesh._topology import PLANS
from pulposus.parameters import ParameterSet

FORCE, MOMENT = 2900.0, 1e5  # N, N mm: more than a drained disc of even so coarse a mesh bears
ELLIPTIC = Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml"


def test_the_rested_disc_is_the_imaged_one(tiny: MechanicalDisc, tiny_disc: Disc, parameters: ParameterSet) -> None:
    """Rulings 10, 44: under the load of the night the disc has the shape of its image, to the 0.02 mm at which the passes stop."""
    image = disc_solid(tiny_disc, parameters).image
    assert float(tiny.residual) < 0.02 and 1 < int(tiny.passes) < 20
    shape = tiny.problem.coordinates + tiny.rested.displacement
    assert float(jnp.max(jnp.abs(shape - image))) == pytest.approx(float(tiny.residual), rel=1e-9)
    # It was lower without load: a disc at rest is swollen against its fibres and the force.
    assert float(tiny.rested.load[2]) == -250.0


def test_the_supports_carry_the_load_of_the_night(tiny: MechanicalDisc) -> None:
    """The axial reaction is the force; a disc that is symmetric from left to right has no lateral force and no such moments."""
    reaction = np.asarray(endplate_reaction(tiny.problem, tiny.rested))
    assert reaction[2] == pytest.approx(-250.0, abs=1e-6)
    np.testing.assert_allclose(reaction[[0, 4, 5]], 0.0, atol=1e-3)


def test_a_disc_under_load(tiny: MechanicalDisc, tiny_disc: Disc, parameters: ParameterSet) -> None:
    """Standing after lying: lower and under more pressure; fast, before water leaves, higher than drained and with its volume kept."""
    resting = read(tiny.places, tiny.problem, tiny.rested)
    state = under_load(tiny, disc_load(tiny_disc, "standing", parameters))
    slow, fast = state.reading, state.fast_reading
    assert state.shares == (1.0, 1.0)
    assert float(slow.heights.mean) < float(fast.heights.mean) < float(resting.heights.mean)
    assert float(resting.pressure) < float(slow.pressure)
    assert float(slow.volumes.water) < float(resting.volumes.water)
    # Element means of the volume are kept, so the whole is, to the solver's tolerance.
    assert float(fast.volumes.total) == pytest.approx(float(resting.volumes.total), rel=1e-9)
    modulus = float(state.stiffness) * float(resting.heights.middle) / float(resting.section_area)
    assert float(state.effective_modulus) == pytest.approx(modulus, rel=1e-12)


def test_the_tangent_stiffness_is_the_slope(tiny: MechanicalDisc) -> None:
    """dF/dh from the linear system against a central difference.

    The stress of a fibre has a kink where it becomes slack, so a step must be too short to pass one at any point: 0.1 N of 500.
    """
    _, stiffness = fast_state(tiny, 500.0)
    low, high = (fast_state(tiny, 500.0 + step)[0].motion[2] for step in (-0.1, 0.1))
    assert float(stiffness) == pytest.approx(float(0.2 / (low - high)), rel=1e-6)


def test_a_moment_in_flexion_lowers_the_front(tiny: MechanicalDisc) -> None:
    """On top of the force, drained and fast; the mean of front and back moves far less than either."""
    upright, bent = (under_load(tiny, SpineLoad(300.0, moment)) for moment in (0.0, 1000.0))
    for before, after in ((upright.reading, bent.reading), (upright.fast_reading, bent.fast_reading)):
        front = float(after.heights.anterior - before.heights.anterior)
        back = float(after.heights.posterior - before.heights.posterior)
        assert front < -0.1 < 0.1 < back
    assert float(bent.drained.motion[3]) < float(bent.fast.motion[3]) < 0.0
    # The stiffness is that of the axis before the moment.
    assert float(bent.stiffness) == pytest.approx(float(upright.stiffness), rel=1e-9)


@pytest.mark.slow
def test_a_drained_disc_may_bear_a_part_of_a_moment_only(tiny: MechanicalDisc) -> None:
    """Drained, the front yields; what was reached is an equilibrium, and the fast state is shown beside it."""
    state = under_load(tiny, SpineLoad(FORCE, MOMENT))
    drained_share, fast_share = state.shares
    assert 0.0 < drained_share < 1.0 == fast_share
    assert int(state.drained.status) != CONVERGED
    # What it did reach is an equilibrium: the same moment asked for is found, and gives the same.
    part = under_load(tiny, SpineLoad(FORCE, MOMENT * drained_share))
    assert part.shares[0] == 1.0
    assert float(part.reading.pressure) == pytest.approx(float(state.reading.pressure), rel=1e-5)


def test_a_freed_endplate_stays_where_its_reaction_holds_it(tiny: MechanicalDisc) -> None:
    """Without a moment nothing turns; another force replaces the one that acted."""
    direction = BENDING["flexion"]
    bent = free_to_bend(tiny.problem, tiny.rested, direction)
    state = drained_equilibrium(bent.problem, bent.under(0.0, direction), bent.start)
    np.testing.assert_allclose(state.motion, tiny.rested.motion, atol=1e-9)
    assert float(bent.under(0.0, direction, force=320.0)[2]) == -320.0


def test_lost_matter_and_cut_fibres_weaken_a_disc(
    tiny: MechanicalDisc, tiny_disc: Disc, parameters: ParameterSet
) -> None:
    """Half of the nucleus' matter gone: lower, and less pressure; without charge and with a torn annulus lower still (2.1, insults)."""
    lesion = tiny_disc.lesion
    inside = jnp.hypot(*jnp.moveaxis(tiny_disc.coordinates[..., :2], -1, 0)) < 10.0
    lost = lesion.lost.at[0].set(jnp.where(inside, 0.5, 0.0))
    emptied = eqx.tree_at(lambda one: one.lesion.lost, tiny_disc, lost)
    torn = eqx.tree_at(
        lambda one: (one.lesion.lost, one.lesion.aggrecan_left, one.lesion.fissure, one.lesion.order_left),
        tiny_disc,
        (lost, 0.7 * lesion.aggrecan_left, lesion.fissure + 0.3, 0.7 * lesion.order_left),
    )
    whole, less, weak = (
        read(disc.places, disc.problem, disc.rested)
        for disc in (tiny, mechanical_disc(emptied, parameters), mechanical_disc(torn, parameters))
    )
    assert float(weak.heights.mean) < float(less.heights.mean) < float(whole.heights.mean)
    assert float(weak.pressure) < float(less.pressure) < float(whole.pressure)


def test_growth_at_once_moves_no_water(tiny: MechanicalDisc) -> None:
    """1 mL into the nucleus: the volume grows by exactly that and the pressure rises; after the water has moved it falls."""
    before = read(tiny.places, tiny.problem, tiny.rested)
    nucleus = tiny.places.within(NUCLEUS)
    growth = 1.0 + 200.0 / float(before.volumes.nucleus) * nucleus
    at_once = grown_at_once(tiny.problem, tiny.rested, growth)
    problem = eqx.tree_at(lambda one: one.growth, tiny.problem, growth)
    jumped = read(tiny.places, problem, at_once)
    assert float(jumped.volumes.total - before.volumes.total) == pytest.approx(200.0, rel=1e-7)
    settled = drained_equilibrium(problem, axial_load(250.0), at_once)
    assert int(settled.status) == CONVERGED
    later = read(tiny.places, problem, settled)
    assert float(before.pressure) < float(later.pressure) < float(jumped.pressure)
    assert float(later.volumes.total) < float(jumped.volumes.total)


def test_a_load_out_of_reach_says_how_far_it_came(tiny: MechanicalDisc) -> None:
    """200 kN: one sentence with the load that was reached, and no number that is none."""
    with pytest.raises(
        SolverFailed, match=r"no equilibrium found; the last one was at [\d.e+]+ N, \d+% of the way"
    ) as caught:
        under_load(tiny, SpineLoad(200_000.0))
    assert "nan" not in str(caught.value)


def test_loads_of_people_and_animals(tiny_disc: Disc, parameters: ParameterSet) -> None:
    """People by body mass, animals by area; a disc without species counts as human."""
    assert "standing" in POSTURES
    reference = float(disc_load(tiny_disc, "standing", parameters).force)
    assert float(disc_load(tiny_disc, "standing", parameters, body_mass=35.0).force) == pytest.approx(0.5 * reference)
    day = disc_day(tiny_disc, parameters)
    assert (float(day.day.force), float(day.night.force)) == (500.0, 250.0)
    rat = load_disc("rat/tail", "coarse", parameters)
    cycle = disc_day(rat, parameters)
    # 0.41 and 0.16 MPa on one area (rulings 26).
    assert float(cycle.day.force / cycle.night.force) == pytest.approx(0.41 / 0.16)
    with pytest.raises(InvalidInput, match="animals"):
        disc_load(rat, "standing", parameters, body_mass=0.3)


def test_a_shape_without_endplates_has_no_film(monkeypatch: pytest.MonkeyPatch, parameters: ParameterSet) -> None:
    """Both faces of an elliptic cylinder drain freely."""
    plan = replace(PLANS["mechanics"], square=4, inner=2, middle=2, outer=2, plate=2, core=2)
    monkeypatch.setitem(PLANS, "mechanics-tiny-cylinder", plan)
    solid = disc_solid(load_disc(str(ELLIPTIC), "mechanics-tiny-cylinder", parameters), parameters)
    assert solid.open_endplates
    np.testing.assert_array_equal(solid.film, 0.0)
