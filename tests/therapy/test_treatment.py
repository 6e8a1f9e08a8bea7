"""From protocol and disc to numbers, and what is refused (cells_matrix 2.2, 2.3, 5; rulings 14 to 16)."""

from __future__ import annotations

import math
import re

import equinox as eqx
import jax
import pytest

from pulposus.disc import load_disc
from pulposus.errors import InvalidInput
from pulposus.therapy import list_protocols, load_protocol, resolve_treatment
from pulposus.therapy._arms import ARMS
from pulposus.therapy._bolus import nucleus_volume


def resolve(disc, *overrides, name="orozco-2011", parameters=None):
    return resolve_treatment(load_protocol(name, overrides), disc, parameters)


def refusal(disc, *overrides, name="orozco-2011") -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        resolve(disc, *overrides, name=name)
    assert caught.value.where.startswith(f"protocol {name}")
    assert caught.value.allowed
    return caught.value


def test_the_injected_number_is_dose_times_viability_times_needle(human):
    treatment = resolve(human)
    viability = 0.9 * math.exp(-0.01 * 2.0)
    assert treatment.nominal_cells == 10.0
    assert treatment.release_viability == pytest.approx(viability, rel=1e-9)
    assert treatment.needle_survival == pytest.approx(0.98, rel=1e-12)
    assert treatment.injected_cells == pytest.approx(10.0 * viability * 0.98, rel=1e-9)
    assert treatment.retained_cells + treatment.leaked_cells == pytest.approx(treatment.injected_cells, rel=1e-12)
    assert treatment.concentration == 10.0
    assert treatment.leaked_volume == pytest.approx(treatment.backflow_fraction * treatment.volume, rel=1e-12)


def test_the_bolus_density_is_that_of_the_tissue(human):
    treatment = resolve(human)
    # Back-flow takes cells and volume alike, so the retained density is that of the whole injectate in its tissue.
    assert treatment.bolus_density == pytest.approx(treatment.injected_cells * 0.35 / 1.0, rel=1e-12)
    assert treatment.accommodated_fraction == 0.35


def test_a_stated_viability_replaces_the_prior(human):
    treatment = resolve(human, "characteristics.viability=0.97", "delivery.hold_time=0 h")
    assert treatment.release_viability == 0.97


def test_dead_cells_are_a_dose_of_none(human):
    treatment = resolve(human, "characteristics.viability=0")
    assert treatment.injected_cells == 0.0
    assert treatment.nominal_cells == 10.0


def test_the_pressure_model_can_be_switched_off(human):
    treatment = resolve(human, "delivery.pressure_model=false")
    assert treatment.backflow_fraction == 0.2
    assert treatment.leaked_volume == 0.2
    assert treatment.peak_pressure == 0.0
    assert treatment.burst_pressure == 0.0
    sham = resolve(human, "delivery.pressure_model=false", "dose.cells=0 cell", "dose.volume=0 mL")
    assert sham.backflow_fraction == 0.0


def test_a_gel_a_thin_needle_and_a_sound_annulus_keep_more(human, mild):
    loss = resolve(human).backflow_fraction
    assert resolve(human, "dose.carrier=fibrin").backflow_fraction < loss
    assert resolve(human, "delivery.needle_gauge=27").backflow_fraction < loss
    assert resolve(human, "delivery.dwell_time=2 min").backflow_fraction < loss
    assert resolve(mild).backflow_fraction < loss


def test_without_leak_everything_stays(human):
    treatment = resolve(human, "numerics.switches.leak=false", "numerics.switches.immune=false")
    assert treatment.backflow_fraction == 0.0
    assert treatment.retained_cells == treatment.injected_cells
    assert float(treatment.switches.leak) == 0.0
    assert float(treatment.switches.immune) == 0.0
    assert float(treatment.switches.growth) == 1.0


@pytest.mark.parametrize(
    ("overrides", "weight"),
    [
        ([], 0.5),
        (["disc.annulus=punctured"], 1.0),
        (["disc.annulus=nucleotomy"], 2.5),
        (["disc.annulus=fissured"], 2.0),
        (["disc.leak_weight=1.7"], 1.7),
    ],
)
def test_the_leak_weight_follows_the_annulus(human, overrides, weight):
    assert float(resolve(human, *overrides).product.track_weight) == weight


def test_the_leak_weight_never_passes_its_limit(human, parameters):
    wide = parameters.replace({"cells.leak.weight_nucleotomy": 4.0})
    assert float(resolve(human, "disc.annulus=nucleotomy", parameters=wide).product.track_weight) == 2.5


def test_the_void_of_a_nucleotomy_takes_more(human):
    assert (
        resolve(human, "disc.annulus=nucleotomy", "dose.volume=2.5 mL", "delivery.duration=5 min").accommodated_fraction
        == 0.9
    )
    assert resolve(human, "delivery.accommodated_fraction=0.5").accommodated_fraction == 0.5


def test_the_product_carries_source_immunity_and_potency(mild, parameters):
    treatment = resolve(mild, name="crevensten-in-human")
    assert float(treatment.product.immune_rate) == 0.02
    assert float(treatment.product.potency) == pytest.approx(treatment.expansion.potency, rel=1e-12)
    assert float(treatment.product.carrier.gel_half_life) == 7.0
    assert treatment.text.relation == "allogeneic"
    cord = resolve(mild, "origin={source: wharton-jelly, length: 5 cm}", name="crevensten-in-human")
    # Source factor 0.6 on immunity.
    assert float(cord.product.immune_rate) == pytest.approx(0.012, rel=1e-12)
    ready = resolve(mild, "characteristics.predifferentiated_fraction=0.3", name="crevensten-in-human")
    assert float(ready.product.predifferentiated_fraction) == 0.3


def test_xenogeneic_cells_are_milder_in_dogs(parameters):
    overrides = ["donor={relation: xenogeneic, species: human}", "dose.volume=10 uL", "dose.cells=1e5 cell"]
    dog = resolve(load_disc("dog/lumbar", "coarse"), *overrides)
    assert float(dog.product.immune_rate) == 0.01
    rabbit = resolve(load_disc("rabbit/lumbar", "coarse"), *overrides)
    assert float(rabbit.product.immune_rate) == 0.15


@pytest.mark.parametrize(
    "donor",
    [
        "{relation: xenogeneic, species: human}",
        "{relation: allogeneic, species: rat}",
        "{relation: autologous, species: dog}",
    ],
)
def test_a_donor_of_the_wrong_species_is_refused(human, donor):
    error = refusal(human, f"donor={donor}")
    assert "do not fit a human disc" in error.what


def test_a_volume_beyond_the_nucleus_is_refused_with_what_fits(mild):
    error = refusal(mild, "dose.volume=3 mL")
    assert "more than the nucleus" in error.what
    assert "0.35" in error.allowed
    accept_what_is_offered(mild, error)


def test_a_pressure_beyond_the_annulus_is_refused_with_what_fits(human):
    # 1.25 MPa hold in grade IV; 1 mL at once needs 2 MPa.
    error = refusal(human, "delivery.duration=1 s")
    assert "MPa" in error.what
    assert "1.25 MPa" in error.allowed
    assert "delivery.duration" in error.remedy
    accept_what_is_offered(human, error, "delivery.duration=1 s")


def test_a_bolus_beyond_sixty_million_per_ml_is_refused_with_what_fits(human):
    error = refusal(human, "dose.cells=300e6 cell")
    assert "60 million" in error.allowed
    accept_what_is_offered(human, error)


def test_what_does_not_fit_a_rat_is_said_in_microlitres(rat):
    error = refusal(rat, "dose.volume=5 uL", name="crevensten-2004")
    assert "5 uL is more than the nucleus of rat/tail can take" in error.what
    assert "uL" in error.remedy
    accept_what_is_offered(rat, error, name="crevensten-2004")


def accept_what_is_offered(disc, error: InvalidInput, *overrides, name="orozco-2011"):
    """The message's own volume and dose are accepted, and the next three-digit volume is not."""
    offered = re.search(
        r"largest volume that fits is ([\d.e-]+) (mL|uL); the largest dose in ([\d.e-]+) (mL|uL) is ([\d.e+-]+)",
        error.remedy,
    )
    assert offered is not None
    largest, unit, volume, volume_unit, cells = offered.groups()
    resolve(disc, *overrides, f"dose.volume={volume} {volume_unit}", f"dose.cells={cells} million cell", name=name)
    with pytest.raises(InvalidInput, match="million cells per mL"):
        resolve(
            disc,
            *overrides,
            f"dose.volume={volume} {volume_unit}",
            f"dose.cells={1.01 * float(cells)} million cell",
            name=name,
        )
    with pytest.raises(InvalidInput):
        resolve(disc, *overrides, f"dose.volume={1.01 * float(largest)} {unit}", "dose.cells=1 cell", name=name)


def test_a_refused_sham_offers_a_volume_only(mild):
    error = refusal(mild, "dose.volume=3 mL", "dose.cells=0 cell")
    assert "dose in" not in error.remedy


def test_without_the_pressure_model_only_the_room_counts(mild):
    fits = 0.35 * nucleus_volume(mild)
    assert resolve(mild, "delivery.pressure_model=false", f"dose.volume={0.99 * fits} mL").volume == pytest.approx(
        0.99 * fits
    )
    error = refusal(mild, "delivery.pressure_model=false", f"dose.volume={1.01 * fits} mL")
    assert "more than the nucleus" in error.what


def test_a_dense_sponge_is_refused(human):
    overrides = [
        "delivery.route=fenestration",
        "dose.carrier=collagen",
        "delivery.sponge={width: 5 mm, depth: 5 mm, height: 4 mm}",
    ]
    error = refusal(human, *overrides)
    assert "sponge" in error.what
    largest = float(re.search(r"is ([\d.]+) million", error.remedy)[1])
    treatment = resolve(human, *overrides, f"dose.cells={largest} million cell")
    # A sponge needs no needle: nothing flows back, no shear; w0 of a fenestration.
    assert treatment.needle_survival == 1.0
    assert treatment.backflow_fraction == 0.0
    assert treatment.filled_volume == pytest.approx(0.1, rel=1e-12)
    assert treatment.needle_radius == 0.0
    assert float(treatment.product.track_weight) == 0.5
    assert treatment.bolus_density <= 60.0


def test_the_needle_radius_and_angle(human):
    assert resolve(human).needle_radius == pytest.approx(0.3588, rel=1e-12)
    assert resolve(human, "delivery.needle_gauge=18").needle_radius == pytest.approx(0.635, rel=1e-12)
    assert resolve(human, "delivery.needle_gauge=null").needle_radius == pytest.approx(0.3588, rel=1e-12)
    assert resolve(human).entry_angle == 45.0
    assert resolve(human, "delivery.side=left").entry_angle == -45.0
    assert resolve(human, "delivery.approach=lateral").entry_angle == 90.0


def test_the_published_range_of_volumes_fits(human):
    for volume in ("0.5 mL", "1.5 mL"):
        assert resolve(human, f"dose.volume={volume}").peak_pressure < 1.25


def test_a_duration_that_is_not_stated_takes_the_prior(human):
    silent = resolve(human, "delivery.duration=null")
    assert silent.peak_pressure == pytest.approx(resolve(human, "delivery.duration=120 s").peak_pressure, rel=1e-9)


@pytest.mark.parametrize("name", list_protocols())
def test_every_built_in_protocol_fits_its_disc(name):
    protocol = load_protocol(name)
    treatment = resolve_treatment(protocol, load_disc(protocol.disc.name, "coarse"))
    assert treatment.bolus_density < 60.0
    assert treatment.peak_pressure == 0.0 or treatment.peak_pressure < treatment.burst_pressure
    assert 0.0 <= treatment.backflow_fraction < 0.95


@pytest.mark.parametrize("arm", ARMS)
def test_every_comparator_resolves_without_cells(mild, arm):
    protocol = load_protocol("crevensten-in-human", [f"comparator.arm={arm}"]).comparator_arm()
    treatment = resolve_treatment(protocol, mild)
    assert treatment.nominal_cells == treatment.retained_cells == 0.0
    assert treatment.volume == (1.0 if arm in ("saline", "carrier") else 0.0)
    assert (treatment.route == "none") == (arm in ("none", "conservative"))
    assert (treatment.needle_insult is None) == (treatment.route == "none")
    assert treatment.dose_times == (() if treatment.route == "none" else (0.0,))
    assert treatment.load_index == (0.8 if arm == "conservative" else 1.0)
    has_gel = float(treatment.product.carrier.gel_half_life) > 0.0
    assert has_gel == (arm == "carrier")
    assert treatment.text.source == ""
    assert treatment.concentration == 0.0 or treatment.volume == 1.0


def test_a_shipped_treatment_of_a_human_disc_warns_of_nothing(human):
    assert resolve(human).warnings == ()


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        (["culture.passages=9"], "passage 9"),
        (["culture.population_doublings=25"], "25 doublings"),
        (["delivery.hold_time=30 h"], "30 h"),
        (["dose.cells=40e6 cell"], "starvation is expected"),
        (["dose.carrier=alginate"], "plug"),
    ],
)
def test_warnings(human, overrides, part):
    assert any(part in warning for warning in resolve(human, *overrides).warnings)


def test_the_constants_of_a_rat_are_those_of_a_human(rat):
    assert any("those of a human disc" in warning for warning in resolve(rat, name="crevensten-2004").warnings)


def test_treatments_that_differ_in_words_share_compiled_code(human):
    one, other = resolve(human), resolve(human, "id.name=other")
    assert jax.tree.structure(one) == jax.tree.structure(other)
    assert hash(one.text) == hash(other.text)
    assert one.text == other.text
    assert one.text != "orozco-2011"
    assert eqx.tree_equal(one, other)


def test_the_needle_is_an_insult_of_its_gauge_and_place(human):
    insult = resolve(human, "delivery.needle_gauge=18", "delivery.side=left").needle_insult
    assert insult is not None
    assert (insult.kind, insult.needle_gauge, insult.angle) == ("annular-puncture", 18, -45.0)
    assert insult.time_before_treatment == 0.0
    assert resolve(human, "numerics.switches.puncture_damage=false").needle_insult is None


@pytest.mark.parametrize("gauge", [14, 31, 32, 33, 34])
def test_every_gauge_has_a_needle(human, gauge):
    treatment = resolve(human, f"delivery.needle_gauge={gauge}", "delivery.duration=10 min")
    thinner = resolve(human, f"delivery.needle_gauge={min(gauge + 1, 34)}", "delivery.duration=10 min")
    assert thinner.needle_radius < treatment.needle_radius or gauge == 34


def test_paracrine_can_be_switched_off(human):
    assert float(resolve(human).switches.paracrine) == 1.0
    assert float(resolve(human, "numerics.switches.paracrine=false").switches.paracrine) == 0.0


def test_every_repeat_is_a_dose(human):
    treatment = resolve(human, "dose.repeat_at=[3 month, 6 month]")
    assert treatment.dose_times == pytest.approx((0.0, 91.3125, 182.625), rel=1e-12)


@pytest.mark.parametrize(
    ("insults", "weight"),
    [
        ("[]", 0.5),
        ("[{kind: annular-puncture, needle_gauge: 18, time_before_treatment: 4 week}]", 1.0),
        ("[{kind: radial-fissure, width: 3 mm}]", 2.0),
        ("[{kind: radial-fissure, width: 3 mm}, {kind: nucleotomy}]", 2.5),
        ("[{kind: discectomy, opening: 6 mm}]", 2.5),
        ("[{kind: superficial-annular-lesion}]", 0.5),
    ],
)
def test_the_insults_open_the_way_out(human, insults, weight):
    treatment = resolve(human, "disc.annulus=null", f"insults={insults}", "delivery.duration=10 min")
    assert float(treatment.product.track_weight) == weight
    # Room as in a void only where nucleus was taken out.
    assert treatment.accommodated_fraction == (0.9 if weight == 2.5 else 0.35)
    # What is stated wins.
    stated = resolve(human, "disc.annulus=intact", f"insults={insults}")
    assert float(stated.product.track_weight) == 0.5


def test_the_insults_are_in_the_order_of_time(human):
    treatment = resolve(
        human,
        "insults=[{kind: nucleotomy, time_before_treatment: 1 week}, {kind: enzymatic, time_before_treatment: 4 week}]",
    )
    assert [insult.kind for insult in treatment.insults] == ["enzymatic", "nucleotomy"]


def test_only_the_stem_cells_of_a_concentrate_are_followed(mild):
    treatment = resolve(mild, name="pettine-2015")
    assert treatment.nominal_cells == pytest.approx(242.0 * 2.24e-5, rel=1e-12)
    assert treatment.nominal_cells + treatment.other_cells == pytest.approx(242.0, rel=1e-12)
    assert treatment.retained_other_cells / treatment.retained_cells == pytest.approx(1.0 / 2.24e-5 - 1.0, rel=1e-9)
    assert treatment.other_cells_lifetime == 7.0
    assert treatment.expansion.population_doublings == 0.0
    # The prior where the study does not count them: 0.01 percent.
    silent = resolve(mild, "dose.stem_cell_fraction=null", name="pettine-2015")
    assert silent.nominal_cells == pytest.approx(242.0e-4, rel=1e-12)
    assert resolve(mild, name="crevensten-in-human").other_cells == 0.0


def test_the_other_cells_of_a_concentrate_take_room(mild):
    error = refusal(mild, "dose.cells=600e6 cell", name="pettine-2015")
    assert "60 million" in error.allowed
