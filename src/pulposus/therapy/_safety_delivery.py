"""Safety signals of the needle, the injectate and the surgery (cells_matrix 2.3, 9; rulings 20)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pulposus.therapy._safety_laws import infection_probability, osteophyte_probability, plug_hazard, plug_probability
from pulposus.therapy._safety_signal import Case, SafetySignal, signal_of
from pulposus.therapy._treatment import Treatment

_NO_ANTIBIOTIC = ("", "no", "none")


def leak_side(treatment: Treatment) -> str:
    """Where cells leave through the needle track; empty without a needle."""
    if treatment.route == "none":
        return ""
    if treatment.route == "fenestration":
        return "posterior"
    angle = (treatment.entry_angle + 180.0) % 360.0 - 180.0
    side = "" if abs(angle) in (0.0, 180.0) else "right " if angle > 0.0 else "left "
    size = abs(angle)
    place = "posterior" if size == 0.0 else "anterior" if size == 180.0 else "lateral" if size == 90.0 else "oblique"
    return f"{side}{'posterolateral' if place == 'oblique' and size < 90.0 else place}"


def leak(case: Case) -> Iterator[SafetySignal]:
    leaked, gel = case.seen.leaked, case.protocol.dose.is_gel
    if leaked is None or case.treatment.nominal_cells == 0.0:
        return
    side = leak_side(case.treatment)
    yield SafetySignal(
        name="leaked cells",
        value=leaked,
        unit="million cell",
        low=None,
        high=None,
        flagged=False,
        statement=f"living donor cells outside the disc, {side}, where the track opens",
        status="derived",
        source="cells_matrix 2.2, 2.3",
    )
    hazard = case.constant("osteophyte_hazard")
    probability = partial(
        osteophyte_probability,
        leaked,
        differentiated=case.seen.leaked_differentiated,
        differentiated_factor=case.value("osteophyte_predifferentiated"),
        kept=case.value("osteophyte_carrier") if gel else 1.0,
        stay=case.value("osteophyte_stay"),
    )
    value = probability(hazard=hazard.value)
    yield signal_of(
        hazard,
        "osteophyte",
        value,
        f"an osteophyte {side} of the disc from leaked cells: seen in rabbits, its rate is a guess",
        bounds=(probability(hazard=hazard.low), probability(hazard=hazard.high))
        if hazard.low and hazard.high
        else None,
        flagged=value > case.value("osteophyte_flag"),
    )


def infection(case: Case) -> Iterator[SafetySignal]:
    delivery, treatment = case.protocol.delivery, case.treatment
    if treatment.route == "none":
        return
    needle, product = case.constant("infection_needle"), case.constant("infection_product")
    dose = case.protocol.dose
    has_product = dose.cells > 0.0 or dose.platelet_rich_plasma is not None
    protected = delivery.needles == "two" and delivery.antibiotic.strip().lower() not in _NO_ANTIBIOTIC
    probability = partial(
        infection_probability,
        len(treatment.dose_times),
        prophylaxis=case.value("infection_prophylaxis") if protected else 1.0,
    )

    def risk(of_needle: float | None, of_product: float | None) -> float:
        return probability(needle=of_needle or 0.0, product=(of_product or 0.0) if has_product else 0.0)

    yield signal_of(
        product if has_product else needle,
        "infection",
        risk(needle.value, product.value),
        f"discitis per disc: {needle.value:.3%} from each puncture (12 of 12 770)"
        + (", the rest from the product, a guess; no trial is large enough to exclude it" if has_product else ""),
        bounds=(risk(needle.low, product.low), risk(needle.high, product.high)),
    )


def opened_disc(case: Case) -> Iterator[SafetySignal]:
    if not case.opens or not case.is_human:
        return
    for name, what in (("reherniation", "symptomatic re-herniation"), ("reoperation", "re-operation")):
        record = case.constant(name)
        bounds = (record.low, record.high) if record.low is not None and record.high is not None else None
        yield signal_of(record, name, record.value, f"{what} after the disc was opened; {record.note}", bounds=bounds)


def pressure(case: Case) -> Iterator[SafetySignal]:
    peak, burst = case.treatment.peak_pressure, case.treatment.burst_pressure
    if burst == 0.0 or case.treatment.volume == 0.0:
        return
    whole = case.constants["cells.injection.burst_pressure"]
    yield signal_of(
        whole,
        "needle pressure",
        peak,
        f"highest pressure above rest; this annulus holds {burst:.3g} MPa, and no aged disc held more than {whole.value:g} MPa",
        unit="MPa",
        flagged=peak > min(burst, whole.value),
    )


def gel_plug(case: Case) -> Iterator[SafetySignal]:
    half_life = float(case.treatment.product.carrier.gel_half_life)
    if not case.protocol.dose.is_gel or half_life == 0.0 or case.treatment.volume == 0.0:
        return
    record = case.constant("plug_hazard")

    def probability(whole: float | None) -> float:
        low, high = case.value("plug_fissure_low"), case.value("plug_fissure_high")
        return plug_probability(plug_hazard(case.fissure, whole or 0.0, low, high), case.seen.time, half_life)

    value = probability(record.value)
    yield signal_of(
        record,
        "gel plug",
        value,
        f"the gel leaves as a plug through an annulus of fissure fraction {case.fissure:g}",
        bounds=(probability(record.low), probability(record.high)),
        flagged=value > 0.0,
    )


def puncture(case: Case) -> Iterator[SafetySignal]:
    sham, untreated = case.seen.sham, case.seen.untreated
    if sham is None or untreated is None:
        return
    yield SafetySignal(
        name="puncture harm",
        value=sham - untreated,
        unit="mg/mL",
        low=None,
        high=None,
        flagged=sham < untreated,
        statement="glycosaminoglycan of the nucleus at the end, needle alone less no needle",
        status="prior",
        source="cells_matrix 9; https://pmc.ncbi.nlm.nih.gov/articles/PMC2587060",
    )
