"""How loosely a disc holds its vertebrae, on a small mesh; its strength and what activities do to its fibres."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc, Lesion
from pulposus.mechanics import CONVERGED, MechanicalDisc, SpineLoad, disc_solid, read, stability
from pulposus.mechanics._disc_places import SECTORS
from pulposus.mechanics._stability import Moments
from pulposus.mechanics._strength import FailureLaw, activity_strain, compressive_strength, fibre_failure, fissures
from pulposus.parameters import ParameterSet


@pytest.fixture(scope="module")
def law(parameters: ParameterSet) -> FailureLaw:
    return FailureLaw.from_parameters(parameters)


def test_flexion_and_extension(tiny: MechanicalDisc, parameters: ParameterSet) -> None:
    """Rotation grows with the moment; the softening start of the curve makes laxity more than the ratio of the moments, 1/15."""
    moments = Moments.from_parameters(parameters)
    assert (float(moments.neutral), float(moments.largest)) == (500.0, 7500.0)
    found = stability(tiny, "flexion-extension", Moments(moments.neutral, 0.4 * moments.largest))
    assert int(found.status) == CONVERGED
    np.testing.assert_allclose(found.moments, [-3000.0, -500.0, 500.0, 3000.0], rtol=1e-9)
    assert (np.diff(found.rotation) > 0.0).all()
    assert float(found.rotation[1]) < 0.0 < float(found.rotation[2])
    assert float(found.neutral_zone) == pytest.approx(float(found.rotation[2] - found.rotation[1]), rel=1e-12)
    assert float(found.range_of_motion) == pytest.approx(float(found.rotation[3] - found.rotation[0]), rel=1e-12)
    assert float(found.laxity) > 500.0 / 3000.0
    # A flexed endplate moves forward, an extended one backward.
    assert float(found.translation[0]) < 0.0 < float(found.translation[3])
    assert float(found.translation_per_degree) > 0.0


def test_fibres_fail_at_the_force_that_strains_them_so(tiny: MechanicalDisc, law: FailureLaw) -> None:
    """A limit just above the strain at rest is met, and a lower one at a lower force; the search meets the strain to 0.2 %."""

    resting = float(read(tiny.places, tiny.problem, tiny.rested).fibre_stretch) - 1.0
    targets = (resting + 0.01, resting + 0.02)
    first, second = (
        fibre_failure(tiny, eqx.tree_at(lambda one: one.fibre_strain, law, jnp.asarray(target))) for target in targets
    )
    for found, target in zip((first, second), targets, strict=True):
        assert found.reached
        assert found.strain == pytest.approx(target, rel=2.1e-3)
    assert 250.0 < first.force < second.force


def test_the_weaker_part_limits_the_strength(tiny: MechanicalDisc, law: FailureLaw) -> None:
    """The endplate of a person's vertebra, or the fibres; an animal has the fibres only. A limit out of reach gives a lower bound."""

    soon = eqx.tree_at(lambda one: one.fibre_strain, law, jnp.asarray(0.12))
    animal, person = (compressive_strength(tiny, soon, density) for density in (None, 150.0))
    assert animal.endplate is None and animal.limited_by == "annulus" and not animal.lower_bound
    assert person.endplate is not None
    assert person.compressive == min(person.endplate, person.annulus.force)
    never = compressive_strength(tiny, eqx.tree_at(lambda one: one.fibre_strain, law, jnp.asarray(50.0)), None)
    assert not never.annulus.reached and never.lower_bound
    assert never.annulus.strain < 50.0


def test_a_search_that_is_cut_short_says_so(
    tiny: MechanicalDisc, law: FailureLaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last force that was tried, as a lower bound."""
    monkeypatch.setattr("pulposus.mechanics._strength._MOST_STEPS", 1)
    found = fibre_failure(tiny, eqx.tree_at(lambda one: one.fibre_strain, law, jnp.asarray(0.5)))
    assert not found.reached
    assert found.force > 250.0 and found.strain < 0.5


def test_activities_strain_the_fibres(tiny: MechanicalDisc, tiny_disc: Disc, parameters: ParameterSet) -> None:
    """A moment in flexion pulls the fibres behind, on the mean of their depths, and eases those in front.

    Where the force has no equilibrium the answer is what was reached, here the rest, without a moment.
    """
    upright, bent = (activity_strain(tiny, SpineLoad(400.0, moment)) for moment in (0.0, 1000.0))
    assert upright.reached and bent.reached
    assert (upright.moment, bent.moment, bent.force) == (0.0, 1000.0, pytest.approx(400.0, abs=1e-6))
    change = jnp.mean(bent.strain - upright.strain, axis=1)
    assert float(change[SECTORS.index("anterior")]) < 0.0 < float(change[SECTORS.index("posterior")])
    lost = activity_strain(tiny, SpineLoad(np.nan, 1000.0))
    assert (lost.reached, lost.moment, lost.force) == (False, 0.0, 250.0)
    assert bool(jnp.all(jnp.isfinite(lost.strain)))


def test_a_tear_adds_to_the_fissures_of_the_grade(tiny_disc: Disc, parameters: ParameterSet) -> None:
    solid = disc_solid(tiny_disc, parameters)
    whole = Lesion.none(*tiny_disc.coordinates.shape[:2])
    np.testing.assert_array_equal(fissures(solid, whole), solid.imaged.fissure)

    torn = eqx.tree_at(lambda one: one.fissure, whole, jnp.full_like(whole.fissure, 0.5))
    np.testing.assert_allclose(fissures(solid, torn), 0.5 + 0.5 * solid.imaged.fissure, rtol=1e-12)
