"""Options of a disc document that are off by default: stress test, marrow windows, zones and anisotropy of the annulus, water by mass."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cli._disc import disc_lines, disc_record
from pulposus.disc import (
    deformed_cell_density,
    deformed_water_fraction,
    load_disc,
    marrow_window_film,
    marrow_window_supply,
    measure,
    stack_discs,
    strained_diffusivity,
    water_fraction_of_mass,
    water_fraction_of_void_ratio,
)
from pulposus.errors import InvalidInput
from pulposus.mesh import element_volumes
from pulposus.therapy import load_protocol, resolve_treatment

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LAYERED = BENCHMARKS / "layered_cylinder.yaml"
ELLIPTIC = BENCHMARKS / "elliptic_cylinder.yaml"


def _load(*overrides, source="human/L4-L5", resolution="coarse"):
    return load_disc(source, resolution, overrides=overrides)


def _values(disc):
    return {value.name: value for value in disc.description.values}


# Composition and deformation


@pytest.mark.parametrize(("mass", "volume"), [(0.745, 0.8073), (0.704, 0.7732), (0.589, 0.6726)])
def test_water_by_mass(mass, volume, parameters):
    """transport 1.5; four printed digits."""
    solid = parameters.value("nutrition.solid_density")
    assert water_fraction_of_mass(mass, solid) == pytest.approx(volume, abs=5e-5)


def test_water_by_mass_in_a_document(parameters):
    disc = _load("tissues.endplate.water_mass_fraction=0.589")
    water = np.asarray(disc.tissue.transport_water_fraction)
    assert water == pytest.approx([0.80, 0.75, 0.6726], abs=5e-5)
    written = _load(f"tissues.endplate.transport_water_fraction={float(water[2])!r}")
    assert np.array_equal(disc.tissue.diffusivity, written.tissue.diffusivity)
    value = _values(disc)["transport water fraction, endplate"]
    assert (value.status, value.source) == ("given", "from the mass fraction of water in the disc document")
    assert _values(disc)["density of the solid, endplate"].value == parameters.value("nutrition.solid_density")


@pytest.mark.parametrize(("void_ratio", "water"), [(4.0, 0.80), (3.0, 0.75), (1.94, 0.66)])
def test_water_of_a_void_ratio(void_ratio, water):
    """transport 2.1; two printed digits."""
    assert water_fraction_of_void_ratio(void_ratio) == pytest.approx(water, abs=0.005)


def test_deformation_keeps_solid_and_cells():
    volume_ratio = jnp.asarray([0.7, 1.0, 1.3])
    water = deformed_water_fraction(0.8, volume_ratio)
    # Solid per reference volume, and cells per reference volume: rounding only.
    assert np.asarray((1.0 - water) * volume_ratio) == pytest.approx(0.2, rel=1e-14)
    assert float(water[1]) == pytest.approx(0.8, rel=1e-15)
    density = deformed_cell_density(3.6, volume_ratio, 0.5)
    assert np.asarray(density * volume_ratio) == pytest.approx(1.8, rel=1e-14)
    assert float(deformed_cell_density(3.6, jnp.asarray(0.9))) == pytest.approx(4.0, rel=1e-14)


@pytest.mark.parametrize(
    ("solute", "strain", "law", "measured"),
    [
        ("glucose", 0.20, 0.549, 0.765 / 1.38),
        ("glucose", 0.10, 0.741, 1.00 / 1.38),
        ("oxygen", 0.237 - 0.0468, 0.539, 7.71 / 14.3),
    ],
)
def test_empirical_strain_law(solute, strain, law, measured, parameters):
    """transport 6: three printed digits of the law; the fit meets the measurements of 2.2 to 3 %."""
    sensitivity = parameters.value(f"nutrition.strain_sensitivity.{solute}")
    found = float(strained_diffusivity(jnp.asarray(2.0), jnp.asarray(strain), sensitivity)) / 2.0
    assert found == pytest.approx(law, abs=5e-4)
    assert found == pytest.approx(measured, rel=0.03)


# Hindered stress test


def test_hindered_is_two_factors():
    disc, plain = _load("stress_test=hindered", "grade=4"), _load("grade=4")
    ratio = np.asarray(disc.tissue.diffusivity / plain.tissue.diffusivity)
    assert ratio == pytest.approx(np.array([[1.0] * 3, [1.0] * 3, [0.4] * 3]), rel=1e-14)
    assert float(disc.condition.native_rate_factor) == pytest.approx(0.5 * float(plain.condition.native_rate_factor))
    assert "stress test hindered" in disc.description.text
    assert "stress test" not in plain.description.text
    assert _values(disc)["hindrance of glucose, nucleus"].status == "prior"


def test_a_written_hindrance_or_multiplier_holds_in_the_stress_test():
    disc = _load("stress_test=hindered", "tissues.endplate.hindrance={glucose: 0.12}", "metabolism.multiplier=0.8")
    plain = _load()
    ratio = np.asarray(disc.tissue.diffusivity / plain.tissue.diffusivity)
    assert ratio[2] == pytest.approx([0.4, 0.4, 0.12], rel=1e-14)
    assert float(disc.condition.metabolic_multiplier) == pytest.approx(0.4)
    # A hindrance of one solute says nothing about another.
    other = _load("stress_test=hindered", "tissues.endplate.hindrance={oxygen: 0.5}")
    assert float(other.tissue.diffusivity[2, 2]) == pytest.approx(0.4 * float(plain.tissue.diffusivity[2, 2]))


# Marrow windows


@pytest.mark.parametrize(("radius", "film", "supply"), [(0.05, 6.29e-7, 0.63), (0.1, 3.15e-7, 0.46)])
def test_marrow_windows(radius, film, supply):
    """transport 3.2: 10 % contact, endplate of 0.6 mm with D = 2.2238e-10 m2/s; printed digits."""
    diffusivity, thickness = 2.2238e-10, 0.6
    assert diffusivity / (1e-3 * thickness) == pytest.approx(3.71e-7, rel=2e-3)
    assert 1e3 * diffusivity * marrow_window_film(0.10, radius) == pytest.approx(film, rel=2e-3)
    assert marrow_window_supply(0.10, radius, np.array([thickness])) == pytest.approx([supply], abs=0.005)


def test_marrow_contact_in_a_document():
    disc = _load("supply.marrow_contact={fraction: 0.10, radius: 50 um}", "grade=4")
    thickness = np.asarray(disc.supply.endplate_thickness)
    exact = marrow_window_supply(0.10, 0.05, thickness[0])
    assert np.asarray(disc.supply.endplate_supply) == pytest.approx(np.stack([exact, exact]), rel=1e-14)
    assert np.ptp(np.asarray(disc.supply.endplate_supply)) > 0.05  # a thick margin loses less than the thin centre
    assert _values(disc)["radius of a marrow window"].value == pytest.approx(0.05)
    assert "endplate supply" not in _values(disc)  # the grade's is not used
    shipped = _load("supply.marrow_contact={}", "grade=4")
    assert np.array_equal(shipped.supply.endplate_supply, disc.supply.endplate_supply)
    assert _values(shipped)["marrow contact"].status == "verified"


def test_a_patch_lies_on_top_of_marrow_contact():
    patch = "supply.patches=[{face: superior, radius: 5 mm, endplate_supply: 0.2}]"
    disc, plain = _load("supply.marrow_contact={}", patch), _load("supply.marrow_contact={}")
    assert float(disc.supply.endplate_supply[1, disc.topology.centre[0]]) == 0.2
    assert np.array_equal(disc.supply.endplate_supply[0], plain.supply.endplate_supply[0])


@pytest.mark.parametrize(
    ("overrides", "warned"),
    [
        (("supply.endplate_vessels=0.8",), False),
        (("supply.endplate_supply=0.5",), False),
        (("supply.annulus_vessels=0.5", "supply.endplate_supply=0.5"), False),
        (("supply.endplate_vessels=0.8", "supply.endplate_supply=0.5"), True),
        (("supply.endplate_vessels=0.8", "supply.marrow_contact={}"), True),
        (("supply.endplate_vessels=0.8", "grade=4"), True),
    ],
)
def test_vessels_and_conductance_together_are_warned_of(overrides, warned):
    """transport 3.3: not both for the same mechanism."""
    assert any("both reduced" in text for text in _load(*overrides).description.warnings) == warned


def test_warnings_of_a_disc_are_shown():
    disc = _load("supply.endplate_vessels=0.8", "supply.endplate_supply=0.5")
    measures = measure(disc)
    assert disc_record(disc, measures)["warnings"] == list(disc.description.warnings)
    assert any(line.startswith("warning: the vessels (0.8)") for line in disc_lines(disc, measures))
    assert disc.description.warnings[0] in resolve_treatment(load_protocol("orozco-2011"), disc).warnings


# Zones of the annulus


def test_outer_annulus_of_a_layered_cylinder():
    """The outer third, r above 14 + 2/3 8 mm, has (22^2 - 19.333^2)/(22^2 - 14^2) of the annulus, on every mesh."""
    for resolution in ("coarse", "standard"):
        disc = _load("tissues.outer_annulus={}", source=str(LAYERED), resolution=resolution)
        share = np.asarray(disc.tissue.outer_annulus_share)
        volumes = np.asarray(element_volumes(disc.topology, disc.coordinates))
        annulus = disc.tissue_of_element == 1
        outer = float((volumes * share[:, None])[annulus].sum() / volumes[annulus].sum())
        assert outer == pytest.approx((22.0**2 - (14.0 + 16.0 / 3.0) ** 2) / (22.0**2 - 14.0**2), rel=1e-12)
        assert np.all(share[disc.topology.quad_region == 0] == 0.0)
        assert share.min() == 0.0
        assert share.max() == 1.0


def test_numbers_of_the_zones():
    """transport 2.1: inner two thirds 4.5 million/mL and 0.78, outer third 9 and 0.70; the other tissues keep theirs."""
    disc = _load("tissues.outer_annulus={}")
    assert np.asarray(disc.tissue.cell_density) == pytest.approx([3.6, 4.5, 13.5, 9.0])
    assert np.asarray(disc.tissue.transport_water_fraction) == pytest.approx([0.80, 0.78, 0.66, 0.70])
    assert disc.tissue.diffusivity.shape == (3, 4)
    assert disc.tissue.senescent_share.shape == (4,)
    ratio = float(disc.tissue.diffusivity[2, 3] / disc.tissue.diffusivity[2, 1])
    assert ratio == pytest.approx((0.70 / 1.30) ** 2 / (0.78 / 1.22) ** 2)
    assert _values(disc)["living cells, outer annulus"].status == "recalled"


def test_the_grade_changes_the_zones_as_it_changes_the_annulus():
    disc = _load("tissues.outer_annulus={}", "grade=3")
    water = np.asarray(disc.tissue.transport_water_fraction)
    assert water == pytest.approx([0.76, 0.78 * 0.70 / 0.75, 0.60, 0.70 * 0.70 / 0.75])


def test_written_numbers_of_the_zones():
    disc = _load(
        "tissues.annulus.cell_density=5 million cell/mL",
        "tissues.outer_annulus={cell_density: 8 million cell/mL, water_mass_fraction: 0.6, hindrance: {glucose: 0.5}}",
    )
    assert np.asarray(disc.tissue.cell_density) == pytest.approx([3.6, 5.0, 13.5, 8.0])
    outer = water_fraction_of_mass(0.6, 1.4338)
    assert float(disc.tissue.transport_water_fraction[3]) == pytest.approx(outer, rel=1e-14)
    ratio = np.asarray(disc.tissue.diffusivity[:, 3] / disc.tissue.diffusivity[:, 1])
    tortuosity = (outer / (2.0 - outer)) ** 2 / (0.78 / 1.22) ** 2
    assert ratio == pytest.approx(tortuosity * np.array([1.0, 1.0, 0.5]))


def test_anisotropy_takes_the_measured_ratio_or_a_written_one():
    measured = _load("tissues.annulus.anisotropy={}")
    assert float(measured.tissue.radial_diffusion_ratio) == 0.66
    assert _values(measured)["radial over axial diffusivity, annulus"].status == "derived"
    assert float(_load("tissues.annulus.anisotropy={radial_ratio: 0.5}").tissue.radial_diffusion_ratio) == 0.5


def test_options_are_off_by_default():
    disc = _load()
    assert disc.tissue.outer_annulus_share is None
    assert disc.tissue.radial_diffusion_ratio is None
    assert disc.tissue.cell_density.shape == (3,)
    assert disc.description.warnings == ()


def test_discs_with_other_options_cannot_be_stacked():
    with pytest.raises(InvalidInput, match="different annuli"):
        stack_discs([_load(), _load("tissues.annulus.anisotropy={}")])
    batch = stack_discs([_load("tissues.outer_annulus={}"), _load("tissues.outer_annulus={}", "grade=3")])
    assert batch.tissue.cell_density.shape == (2, 4)


@pytest.mark.parametrize(
    ("source", "override", "message", "hint"),
    [
        ("rat/tail", "tissues.nucleus={water_mass_fraction: 0.7, transport_water_fraction: 0.8}", "say the same", ""),
        ("rat/tail", "supply={endplate_supply: 0.5, marrow_contact: {}}", "same mechanism", "write one"),
        ("rat/tail", "supply.marrow_contact={fraction: 1.0}", "cannot be used", "1"),
        ("rat/tail", "supply.marrow_contact={radius: 50}", "has no unit", "50 mm"),
        (str(ELLIPTIC), "stress_test=hindered", "written diffusivity", "write one"),
        ("rat/tail", "stress_test=hinderd", "cannot be used", "hindered"),
        ("rat/tail", "tissues.annulus.anisotropy={radial_ratio: 0}", "cannot be used", "0"),
        ("rat/tail", "tissues.nucleus.anisotropy={}", "unknown key", ""),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_way_out(source, override, message, hint):
    with pytest.raises(InvalidInput) as caught:
        load_disc(source, "coarse", overrides=[override])
    assert message in str(caught.value)
    assert hint in str(caught.value)


def test_marrow_contact_needs_a_cartilage_endplate():
    with pytest.raises(InvalidInput, match="marrow contact needs a cartilage endplate"):
        load_disc(str(ELLIPTIC), "coarse", overrides=["supply={marrow_contact: {}}"])
