"""Safety signals of whole treatments: which are given, their numbers, flags and evidence (cells_matrix 9; rulings 20)."""

from __future__ import annotations

import dataclasses
import math

import pytest

from pulposus.therapy import Observed, SafeDose, load_protocol, resolve_treatment, safety_signals
from pulposus.therapy._safe_dose import Burden
from pulposus.therapy._safety_delivery import leak_side

YEAR = 365.25
DOSE = SafeDose(5.0, 3.0, 0.6, "glucose", Burden(0.05, 0.97), 10.0, Burden(0.2, 0.8), 20, "disc")


def signals(disc, name="orozco-2011", *overrides, seen=None):
    protocol = load_protocol(name, overrides)
    treatment = resolve_treatment(protocol, disc)
    return {one.name: one for one in safety_signals(protocol, treatment, disc, seen or Observed(time=YEAR))}


def test_every_signal_has_its_evidence(human):
    seen = Observed(
        time=YEAR,
        leaked=1.0,
        low_glucose_share=0.0,
        native_survival=1.0,
        glycosaminoglycan=(28.0, 28.5),
        sham=27.0,
        untreated=27.5,
        sensitisation=0.9,
        safe_dose=DOSE,
    )
    found = signals(human, "orozco-2011", "donor.relation=allogeneic", "dose.carrier=fibrin", seen=seen)
    assert set(found) == {
        "leaked cells",
        "osteophyte",
        "infection",
        "needle pressure",
        "gel plug",
        "puncture harm",
        "over-dose starvation",
        "largest safe dose",
        "immune response",
        "aged product",
        "over-claim",
        "tumour",
    }
    for one in found.values():
        assert one.statement
        assert one.source
        assert one.status in ("verified", "recalled", "derived", "prior")
        assert one.value is None or one.low is None or one.high is None or one.low <= one.value <= one.high


def test_what_was_not_seen_is_not_claimed(human):
    assert set(signals(human)) == {"infection", "needle pressure", "aged product", "tumour"}
    assert set(signals(human, "orozco-2011:none")) == set()
    assert set(signals(human, "sham-needle")) == {"infection"}


def test_leaked_cells_and_their_side(human):
    found = signals(human, "orozco-2011", "delivery.side=left", seen=Observed(time=YEAR, leaked=0.25))
    assert found["leaked cells"].value == 0.25
    assert "left posterolateral" in found["leaked cells"].statement
    # beta 2 (0.2 to 10) per million.
    osteophyte = found["osteophyte"]
    assert osteophyte.value == pytest.approx(1.0 - math.exp(-0.5), rel=1e-12)
    assert osteophyte.low == pytest.approx(1.0 - math.exp(-0.05), rel=1e-12)
    assert osteophyte.high == pytest.approx(1.0 - math.exp(-2.5), rel=1e-12)
    assert osteophyte.flagged
    few = signals(human, seen=Observed(time=YEAR, leaked=0.01))["osteophyte"]
    assert not few.flagged
    gel = signals(human, "orozco-2011", "dose.carrier=fibrin", seen=Observed(time=YEAR, leaked=0.25))["osteophyte"]
    assert gel.value == pytest.approx(1.0 - math.exp(-0.05), rel=1e-12)


@pytest.mark.parametrize(
    ("overrides", "side"),
    [
        ([], "right posterolateral"),
        (["delivery.approach=lateral", "delivery.side=left"], "left lateral"),
        (["delivery.approach=posterior"], "posterior"),
        (["delivery.approach=anterior"], "anterior"),
        (
            [
                "delivery={route: fenestration, sponge: {width: 5 mm, depth: 5 mm, height: 4 mm}}",
                "dose.carrier=collagen",
                "dose.cells=1e6 cell",
            ],
            "posterior",
        ),
    ],
)
def test_the_side_is_that_of_the_way_in(human, overrides, side):
    assert leak_side(resolve_treatment(load_protocol("orozco-2011", overrides), human)) == side


def test_nothing_leaks_without_a_needle(human):
    assert leak_side(resolve_treatment(load_protocol("orozco-2011:none"), human)) == ""


def test_infection_is_needle_and_product(human):
    assert signals(human)["infection"].value == pytest.approx(0.003, rel=1e-12)
    assert signals(human, "sham-saline")["infection"].value == pytest.approx(0.00094, rel=1e-9)
    assert signals(human, "sham-saline")["infection"].status == "verified"
    careful = ["delivery.needles=two", "delivery.antibiotic=cefazolin"]
    assert signals(human, "orozco-2011", *careful)["infection"].value == pytest.approx(0.0009, rel=1e-9)
    careless = ["delivery.needles=two", "delivery.antibiotic=none"]
    assert signals(human, "orozco-2011", *careless)["infection"].value == pytest.approx(0.003, rel=1e-12)
    twice = signals(human, "orozco-2011", "dose.repeat_at=[3 month]")["infection"]
    assert twice.value == pytest.approx(1.0 - 0.997**2, rel=1e-9)
    plasma = signals(human, "platelet-rich-plasma")["infection"]
    assert plasma.value == pytest.approx(0.003, rel=1e-12)


def test_surgery_brings_reherniation(mild):
    found = signals(mild, "discectomy")
    assert (found["reherniation"].low, found["reherniation"].high) == (0.05, 0.15)
    assert (found["reoperation"].low, found["reoperation"].high) == (0.13, 0.25)
    # An injury of long ago is not this treatment's.
    earlier = signals(mild, "discectomy", "insults=[{kind: nucleotomy, time_before_treatment: 1 year}]")
    assert "reherniation" not in earlier


def test_the_pressure_is_compared_with_what_the_annulus_holds(human):
    one = signals(human)["needle pressure"]
    assert one.unit == "MPa"
    assert "1.25 MPa" in one.statement
    assert not one.flagged
    assert "needle pressure" not in signals(human, "orozco-2011", "delivery.pressure_model=false")


@pytest.mark.parametrize(("share", "survival", "flagged"), [(0.04, 0.96, False), (0.06, 0.96, True), (0.0, 0.9, True)])
def test_starvation_is_flagged(human, share, survival, flagged):
    seen = Observed(time=YEAR, low_glucose_share=share, native_survival=survival)
    assert signals(human, seen=seen)["over-dose starvation"].flagged is flagged


@pytest.mark.parametrize("limit", ["glucose", "native cells", "injection", "disc"])
def test_a_dose_above_the_largest_safe_one_is_flagged(human, limit):
    dose = dataclasses.replace(DOSE, limited_by=limit)
    one = signals(human, seen=Observed(time=YEAR, safe_dose=dose))["largest safe dose"]
    assert (one.value, one.unit, one.flagged) == (5.0, "million cell", True)
    enough = dataclasses.replace(dose, given=4.0)
    assert not signals(human, seen=Observed(time=YEAR, safe_dose=enough))["largest safe dose"].flagged


def test_the_harm_of_the_puncture_is_sham_less_untreated(human):
    one = signals(human, seen=Observed(time=YEAR, sham=26.0, untreated=27.5))["puncture harm"]
    assert (one.value, one.flagged) == (-1.5, True)


def test_a_gel_leaves_a_fissured_disc_only(human, rat):
    # Fissure fraction 0.5: the whole hazard of 0.002 per day while fibrin of half-life 14 d lasts.
    one = signals(human, "orozco-2011", "dose.carrier=fibrin")["gel plug"]
    exposure = 14.0 / math.log(2.0) * (1.0 - 2.0 ** (-YEAR / 14.0))
    assert one.value == pytest.approx(1.0 - math.exp(-0.002 * exposure), rel=1e-9)
    assert one.flagged
    sound = signals(rat, "crevensten-2004", "dose.gelled=true")["gel plug"]
    assert (sound.value, sound.flagged) == (0.0, False)


def test_immunity_matters_where_the_annulus_is_open(human, rat):
    awake = Observed(time=YEAR, sensitisation=0.9)
    assert signals(human, "orozco-2011", "donor.relation=allogeneic", seen=awake)["immune response"].flagged
    assert "immune response" not in signals(human, seen=awake)
    assert not signals(rat, "crevensten-2004", seen=awake)["immune response"].flagged


def test_an_old_product_is_flagged(human):
    one = signals(human, "orozco-2011", "culture.population_doublings=19")["aged product"]
    assert (one.value, one.flagged) == (19.0, True)
    assert not signals(human)["aged product"].flagged


@pytest.mark.parametrize(("amount", "flagged"), [("250 ug", True), ("25 ug", True), ("2.5 ug", False)])
def test_bmp_7_makes_bone_from_25_micrograms(human, amount, flagged):
    name = "willems-2015"
    overrides = ["dose.volume=1 mL", f"dose.growth_factor={{name: BMP-7, amount: {amount}}}"]
    assert signals(human, name, *overrides)["ectopic bone"].flagged is flagged
    other = signals(human, name, "dose.volume=1 mL", "dose.growth_factor={name: GDF-5, amount: 250 ug}")
    assert "ectopic bone" not in other


def test_a_fast_gain_is_an_overclaim_in_humans(human, rat):
    fast = Observed(time=YEAR, glycosaminoglycan=(28.0, 31.0))
    one = signals(human, seen=fast)["over-claim"]
    assert one.flagged
    assert "half-life of 12 years" in one.statement
    assert not signals(human, seen=Observed(time=YEAR, glycosaminoglycan=(28.0, 29.0)))["over-claim"].flagged
    assert "over-claim" not in signals(rat, "crevensten-2004", seen=fast)


def test_tumours_are_not_represented(human):
    one = signals(human)["tumour"]
    assert one.value is None
    assert "not represented" in one.statement


def test_an_earlier_operation_leaves_the_disc_open_to_immunity(mild):
    treatment = [
        "donor.relation=allogeneic",
        "insults=[{kind: nucleotomy, removed_fraction: 0.3, time_before_treatment: 4 week}]",
        "delivery.pressure_model=false",
    ]
    found = signals(mild, "crevensten-in-human", *treatment, seen=Observed(time=YEAR, sensitisation=0.9))
    assert "open" in found["immune response"].statement
