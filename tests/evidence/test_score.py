"""Completeness against the protocol standard."""

from __future__ import annotations

import dataclasses

import pytest

from pulposus.evidence import CHECKLISTS, load_evidence, score_protocol, score_study
from pulposus.therapy import load_protocol

BASE = load_evidence()


def test_the_score_is_stated_over_required_items() -> None:
    found = score_study(BASE.study("KUMA2017"), BASE)
    required = [one for one in found.items if one.item.required and one.state != "not applicable"]
    stated = [one for one in required if one.state == "stated"]
    assert found.score == pytest.approx(len(stated) / len(required))
    assert 0.0 < found.score < 1.0


def test_items_are_stated_where_a_table_says_so() -> None:
    found = {one.item.path: one for one in score_study(BASE.study("KUMA2017"), BASE).items}
    assert found["dose.carrier"].value == "hyaluronic acid derivative"
    assert found["population.pain_window"].value == "VAS at least 4 of 10"
    assert found["culture.serum"].state == "not found"


def test_what_was_not_read_is_not_called_unstated() -> None:
    found = score_study(BASE.study("KUMA2017"), BASE)
    assert found.with_state("not stated") == ()
    read = score_study(BASE.study("KUMA2017").model_copy(update={"text_read": "full-text"}), BASE)
    assert read.with_state("not found") == ()
    assert len(read.with_state("not stated")) == len(found.with_state("not found"))


def test_a_built_in_protocol_adds_what_its_study_states_and_what_it_never_states() -> None:
    found = {one.item.path: one.state for one in score_study(BASE.study("OROZ2011"), BASE).items}
    assert found["population.annulus_integrity"] == "stated"
    assert found["delivery.needle_gauge"] == "not stated"  # the protocol fills it in, and says that it did


def test_items_apply_by_product_and_design() -> None:
    states = {
        name: {one.item.path: one.state for one in score_study(BASE.study(name), BASE).items}
        for name in ("PETT2015", "NORI2017", "KALL2019")
    }
    assert states["PETT2015"]["culture.medium"] == "not applicable"  # a concentrate is not cultured
    assert states["PETT2015"]["donor.hla_policy"] == "not applicable"  # autologous
    assert states["PETT2015"]["statistics.randomisation"] == "not applicable"  # one arm
    assert states["NORI2017"]["donor.hla_policy"] == "not found"
    assert states["NORI2017"]["statistics.randomisation"] == "stated"
    assert states["KALL2019"]["origin.source"] == "not applicable"


def test_most_early_papers_state_least_of_separation_characteristics_and_delivery() -> None:
    # clinical_model 11 expects sections 5, 7, 9 and 11 to be the empty ones.
    early = [one for one in BASE.studies if one.kind == "cells" and one.year and one.year <= 2017]
    empty = {"separation": 0, "characteristics": 0, "co_care": 0}
    for study in early:
        sections = score_study(study, BASE).by_section()
        for name in empty:
            empty[name] += sections[name][0] == 0
    assert all(count > 0.8 * len(early) for count in empty.values())


@pytest.mark.parametrize("name", CHECKLISTS)
def test_checklists_count_every_part(name: str) -> None:
    found = score_study(BASE.study("AMIR2021"), BASE).checklist(name)
    assert tuple(found) == CHECKLISTS[name]
    assert all(0 <= stated <= total for stated, total in found.values())
    assert all(total > 0 for _, total in found.values())


def test_a_protocol_states_what_it_sets_and_does_not_list_as_unstated() -> None:
    protocol = load_protocol("orozco-2011")
    found = {one.item.path: one for one in score_protocol(protocol).items}
    assert found["dose.volume"].state == "not stated"  # set, and listed under not_stated
    assert found["dose.carrier"].value == "saline"
    assert found["outcomes"].value == "3 rows"
    assert found["statistics.randomisation"].state == "not applicable"
    more = load_protocol("orozco-2011", ["delivery.antibiotic=cefazolin", "comparator.arm=saline"])
    better = score_protocol(more)
    assert next(one for one in better.items if one.item.path == "delivery.antibiotic").state == "stated"
    assert next(one for one in better.items if one.item.path == "comparator.blinding").state == "not stated"


def test_a_protocol_without_cells_owes_no_donor() -> None:
    found = score_protocol(load_protocol("sham-needle"), BASE)
    assert next(one for one in found.items if one.item.path == "donor.relation").state == "not applicable"


def test_plain_data() -> None:
    found = score_study(BASE.study("OROZ2011"), BASE).as_dict()
    assert found["stated"] <= found["required"]
    assert {"sections", "DOSES", "MIBO", "not_stated", "not_found", "items"} <= set(found)
    assert "items" not in score_study(BASE.study("OROZ2011"), BASE).as_dict(items=False)


def test_nothing_required_is_a_score_of_zero() -> None:
    found = score_study(BASE.study("OROZ2011"), dataclasses.replace(BASE, protocol_items=()))
    assert (found.score, found.required) == (0.0, ())
