"""Readouts of homogeneous deformations that are imposed by hand: every one has a closed form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import Deformation, load_cylinder, read
from pulposus.mechanics._disc_places import ANNULUS, NUCLEUS, SECTORS
from pulposus.mechanics._fibre_strain import percentile_by_part, weighted_percentile
from pulposus.mechanics._readouts import core_weight, section_areas, stress_profile
from pulposus.mechanics._solid_problem import at_rest
from pulposus.mechanics._strength import (
    FailureLaw,
    endplate_strength,
    fissure_hazard,
    herniates,
    torn_sectors,
)
from pulposus.parameters import load_parameters

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "swelling_cylinder.yaml"
LAW = FailureLaw.from_parameters(load_parameters())
# The circle is eight quadratic arcs; an arc of half angle a = pi/8 errs by a^4/24 of the radius at most.
ARC = (np.pi / 8) ** 4 / 24


@pytest.fixture(scope="module")
def cylinder():
    return load_cylinder(BENCHMARK, ["mesh=cylinder-coarse"])


def stretched(cylinder, radial: float, axial: float) -> Deformation:
    """The half cylinder stretched along its axes, under 1 N."""
    moved = cylinder.problem.coordinates * jnp.array([radial - 1.0, radial - 1.0, axial - 1.0])[None]
    return eqx.tree_at(
        lambda one: (one.displacement, one.load), at_rest(cylinder.problem), (moved, jnp.zeros(6).at[2].set(-1.0))
    )


@pytest.fixture(scope="module")
def reading(cylinder):
    return read(cylinder.places, cylinder.problem, stretched(cylinder, 1.1, 0.8))


def test_heights_are_those_of_the_whole_disc(reading) -> None:
    heights = reading.heights
    for height in (heights.anterior, heights.middle, heights.posterior, heights.mean):
        assert float(height) == pytest.approx(8.0, rel=1e-12)


def test_bulge_is_the_way_of_the_side(reading) -> None:
    """(1.1 - 1) R all around; between the nodes the arc lies a little inside the circle, which no node sees."""
    assert float(reading.bulge.largest) == pytest.approx(2.2, rel=2 * ARC)
    np.testing.assert_allclose(reading.bulge.by_sector, 2.2, rtol=2 * ARC)
    assert reading.bulge.by_sector.shape == (len(SECTORS),)


def test_volumes_and_areas(cylinder, reading) -> None:
    """J = 1.1^2 0.8; water leaves out the solid of nucleus and annulus."""
    area, nucleus = section_areas(cylinder.places, cylinder.problem.coordinates)
    assert float(area) == pytest.approx(np.pi * 22.0**2, rel=2 * ARC)
    assert float(nucleus) == pytest.approx(np.pi * 14.5**2, rel=2 * ARC)
    J = 1.1**2 * 0.8
    solid = 10.0 * (0.19 * np.pi * 14.5**2 + 0.25 * np.pi * (22.0**2 - 14.5**2))
    assert float(reading.volumes.total) == pytest.approx(J * 10.0 * np.pi * 22.0**2, rel=2 * ARC)
    assert float(reading.volumes.water) == pytest.approx(J * 10.0 * np.pi * 22.0**2 - solid, rel=4 * ARC)
    assert float(reading.volumes.nucleus) == pytest.approx(J * 10.0 * np.pi * 14.5**2, rel=2 * ARC)


def test_pressure_is_that_of_the_nucleus_in_its_core(cylinder, reading) -> None:
    """Without fibres -tr(sigma)/3 = pi - p_K - mu_s (tr b - 3 J^(2/3)) / (3 J) of the laws of mechanics_imaging 2.1."""
    J, b = 1.1**2 * 0.8, 2 * 1.1**2 + 0.8**2
    ns, mu_s, K0 = 0.19, 0.02, 0.65
    B = (2 * J + ns) / (J - ns) * (1 - ns) / (2 + ns)
    slope = (2 / (J - ns) - (2 * J + ns) / (J - ns) ** 2) * (1 - ns) / (2 + ns)
    solid = 0.5 * K0 * (slope * np.log(J) ** 2 + 2 * B * np.log(J) / J)
    c = 0.25 * (1 - ns) / (J - ns)
    osmotic = 0.59 * 8.314462618e-3 * 310.15 * (np.sqrt(c**2 + 0.09) - 0.3)
    expected = osmotic - solid - mu_s * (b - 3 * J ** (2 / 3)) / (3 * J)
    assert float(reading.pressure) == pytest.approx(expected, rel=1e-12)
    assert float(reading.load_share) == pytest.approx(expected * float(reading.nucleus_area), rel=1e-12)


def test_the_core_of_a_half_model_reaches_half_its_height(cylinder) -> None:
    """rho < 0.8 rho_N, |z| < 2.5 mm (rulings 41): the points inside stand for its volume to the size of an element."""
    _, volume = cylinder.places.mesh.point_slopes(cylinder.problem.coordinates)
    inside = core_weight(cylinder.places, volume, symmetric=True)
    assert float(jnp.sum(inside)) == pytest.approx(np.pi * 11.6**2 * 2.5, rel=0.2)
    assert float(jnp.max(jnp.where(inside > 0.0, cylinder.places.zeta, -1.0))) < 0.0


def test_fibre_stretch_follows_the_angle(cylinder, reading) -> None:
    """lambda_f^2 = (1.1 cos)^2 + (0.8 sin)^2, largest at the flattest fibres, 26 degrees at the outline."""
    expected = {theta: np.hypot(1.1 * np.cos(theta), 0.8 * np.sin(theta)) for theta in np.radians([26.0, 38.0])}
    low, high = expected[np.radians(38.0)], expected[np.radians(26.0)]
    assert low < float(reading.fibre_stretch) < high
    assert float(reading.fibre_stretch) > low + 0.9 * (high - low)
    by_part = np.asarray(reading.fibre_stretch_by_part)
    assert by_part.shape == (8, 3)
    assert (np.diff(by_part, axis=1) > 0.0).all()
    assert float(reading.radial_strain) == pytest.approx(0.1, rel=1e-12)
    assert float(reading.in_plane_shear) == pytest.approx(0.0, abs=1e-12)


def test_a_percentile_is_of_the_weight() -> None:
    values, weights = jnp.array([[3.0, 1.0, 2.0, 9.0]]), jnp.array([[1.0, 2.0, 1.0, 0.0]])
    # Middles of the masses at 0.25, 0.625, 0.875: linear between them.
    assert float(weighted_percentile(values, weights, 0.75)) == pytest.approx(2.5)
    assert float(weighted_percentile(values, weights, 0.99)) == 3.0
    assert float(weighted_percentile(values, weights, 0.01)) == 1.0
    assert float(weighted_percentile(values, 0.0 * weights)) == 0.0


def test_parts_hold_the_whole_annulus(cylinder) -> None:
    """A field that is the depth has its thirds in order and below one."""
    _, volume = cylinder.places.mesh.point_slopes(cylinder.problem.coordinates)
    found = np.asarray(percentile_by_part(cylinder.places.depth, volume, cylinder.places))
    assert ((found > [0.0, 1 / 3, 2 / 3]) & (found < [1 / 3, 2 / 3, 1.0])).all()


def test_a_profile_of_uniform_stress_is_flat(cylinder) -> None:
    shape = cylinder.places.reference.shape[:2]
    stress = jnp.broadcast_to(jnp.diag(jnp.array([-0.1, -0.2, -0.3])), (*shape, 3, 3))
    positions = cylinder.places.mesh.at_points(cylinder.problem.coordinates)
    whole = replace(cylinder.places, reference=cylinder.places.reference.at[..., 2].set(0.0))
    profile = stress_profile(whole, positions, stress, jnp.ones(shape), bins=6)
    np.testing.assert_allclose(profile.vertical, 0.3, rtol=1e-12)
    np.testing.assert_allclose(profile.horizontal, 0.2, rtol=1e-12)
    assert float(profile.hydrostatic_width(0.1)) == 0.0
    assert float(profile.hydrostatic_width(0.6)) == pytest.approx(
        float(profile.position[-1] - profile.position[0]) * 6 / 5
    )


def test_hazard_grows_with_the_power_of_the_strain() -> None:
    """r0 sum n (eps/eps_u)^8: doubling the strain of every activity multiplies it by 256; compression adds nothing."""
    strain = jnp.array([0.02, 0.03, 0.04])
    assert float(fissure_hazard(2.0 * strain, LAW) / fissure_hazard(strain, LAW)) == pytest.approx(256.0)
    assert float(fissure_hazard(-strain, LAW)) == 0.0
    by_place = fissure_hazard(jnp.stack([strain, -strain], axis=1), LAW)
    assert by_place.shape == (2,) and float(by_place[1]) == 0.0


def test_a_fissure_is_full_through_all_depths_of_a_sector(cylinder) -> None:
    places = cylinder.places
    _, volume = places.mesh.point_slopes(cylinder.problem.coordinates)
    behind = jnp.where(places.forward < -0.9, 1.0, 0.0)
    torn = torn_sectors(behind, volume, places, LAW)
    assert bool(jnp.any(torn)) and not bool(jnp.all(torn))
    inner_only = jnp.where(places.depth < 0.5, behind, 0.0)
    assert not bool(jnp.any(torn_sectors(inner_only, volume, places, LAW)))
    assert bool(herniates(jnp.asarray(1.2), torn, LAW))
    assert not bool(herniates(jnp.asarray(1.0), torn, LAW))
    assert not bool(herniates(jnp.asarray(1.2), jnp.zeros_like(torn), LAW))


def test_strength_of_the_endplate_in_the_units_of_its_source() -> None:
    """0.32 kN + 0.00308 x 150 mg/mL x 15 cm2 = 7.25 kN."""
    assert float(endplate_strength(150.0, 1500.0, LAW)) == pytest.approx(7250.0, rel=1e-12)


def test_the_annulus_has_no_place_in_the_core(cylinder) -> None:
    _, volume = cylinder.places.mesh.point_slopes(cylinder.problem.coordinates)
    inside = core_weight(cylinder.places, volume, symmetric=True)
    assert float(jnp.max(inside * cylinder.places.within(ANNULUS))) == 0.0
    assert float(jnp.sum(inside * cylinder.places.within(NUCLEUS))) == float(jnp.sum(inside))
