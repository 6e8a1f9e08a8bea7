"""Safety signals of the product and of what it does to the disc (cells_matrix 9)."""

from __future__ import annotations

from collections.abc import Iterator

from pulposus.therapy._safety_laws import starves, yearly_gain
from pulposus.therapy._safety_signal import Case, SafetySignal, signal_of
from pulposus.therapy._supplement import injected_mass

_MICROGRAM = 1e-3
"""Micrograms per nanogram."""


def starvation(case: Case) -> Iterator[SafetySignal]:
    seen = case.seen
    if seen.low_glucose_share is None or seen.native_survival is None:
        return
    glucose, share, survival, time = (
        case.constants[f"cells.safety.{name}"]
        for name in ("starvation_glucose", "starvation_volume_fraction", "native_survival", "native_survival_time")
    )
    yield signal_of(
        survival,
        "over-dose starvation",
        seen.native_survival,
        f"native cells against the sham at day {time.value:g} (flagged below {survival.value:g}); {seen.low_glucose_share:.1%} of the"
        f" nucleus holds less than {glucose.value:g} mM glucose (flagged above {share.value:.0%})",
        flagged=starves(seen.low_glucose_share, seen.native_survival, share.value, survival.value),
    )


def safe_dose(case: Case) -> Iterator[SafetySignal]:
    dose = case.seen.safe_dose
    if dose is None:
        return
    why = {
        "glucose": "more would leave too much of the nucleus without glucose",
        "native cells": "more would cost too many native cells",
        "injection": "no dose that can be injected starves this disc",
        "disc": "this disc starves without any donor cells",
    }[dose.limited_by]
    yield signal_of(
        case.constants["cells.safety.starvation_glucose"],
        "largest safe dose",
        dose.cells,
        f"cells in the syringe; {why} (steady nutrition with all retained cells alive, {dose.level})",
        unit="million cell",
        # Repeated doses count together: some of the cells of the first live when the last is given.
        flagged=dose.given * len(case.treatment.dose_times) > dose.cells,
    )


def immunity(case: Case) -> Iterator[SafetySignal]:
    sensitisation = case.seen.sensitisation
    if sensitisation is None or float(case.treatment.product.immune_rate) == 0.0:
        return
    record = case.constant("immune_access")
    broken = case.fissure > case.value("plug_fissure_low") or case.opened
    yield signal_of(
        record,
        "immune response",
        sensitisation,
        f"sensitisation to {case.treatment.text.relation} cells; the annulus is {'open' if broken else 'closed'} to it",
        flagged=sensitisation > record.value and broken,
    )


def aged_product(case: Case) -> Iterator[SafetySignal]:
    origin, expansion = case.protocol.origin, case.treatment.expansion
    if origin is None or case.treatment.nominal_cells == 0.0:
        return
    midpoint = case.constants[f"cells.source.{origin.source.replace('-', '_')}.potency_midpoint"]
    yield signal_of(
        midpoint,
        "aged product",
        expansion.population_doublings,
        f"doublings since harvest, {expansion.senescent_fraction:.1%} of the cells senescent; half of the growth is lost at"
        f" {midpoint.value:g}",
        flagged=expansion.population_doublings > midpoint.value,
    )


def ectopic_bone(case: Case) -> Iterator[SafetySignal]:
    if case.treatment.text.growth_factor != "BMP-7":
        return
    record = case.constant("ectopic_bone_dose")
    mass = _MICROGRAM * injected_mass(case.protocol.dose, case.constants) * len(case.treatment.dose_times)
    yield signal_of(
        record,
        "ectopic bone",
        mass,
        f"BMP-7 in one disc; {record.value:g} ug and more made bone outside the disc in dogs",
        unit="ug",
        flagged=mass >= record.value,
    )


def over_claim(case: Case) -> Iterator[SafetySignal]:
    if case.seen.glycosaminoglycan is None or not case.is_human:
        return
    record, limit = case.constant("aggrecan_half_life"), case.value("overclaim_rate")
    seen = case.seen
    rate = yearly_gain(*case.seen.glycosaminoglycan, seen.time) if seen.yearly_gain is None else seen.yearly_gain
    yield signal_of(
        record,
        "over-claim",
        rate,
        f"gain of glycosaminoglycan; human aggrecan has a half-life of {record.value:g} years, so a gain above {limit:.0%} per year is"
        " not credible without another mechanism",
        unit="1/year",
        flagged=rate > limit,
    )


def tumour(case: Case) -> Iterator[SafetySignal]:
    if case.treatment.nominal_cells == 0.0:
        return
    yield SafetySignal(
        name="tumour",
        value=None,
        unit="1",
        low=None,
        high=None,
        flagged=False,
        statement="not represented: nothing in the model can form a tumour",
        status="prior",
        source="cells_matrix 9",
    )
