"""Arms without cells, derived from any protocol (cells_matrix 5)."""

from __future__ import annotations

import json

import pytest

from pulposus.documents import read_document
from pulposus.errors import InvalidInput
from pulposus.therapy import Protocol, list_protocols, load_protocol, protocol_text, split_arm
from pulposus.therapy._arms import ARMS

INJECTING = [name for name in list_protocols() if load_protocol(name).dose.volume > 0.0]


@pytest.mark.parametrize("name", INJECTING)
@pytest.mark.parametrize("arm", ARMS)
def test_every_injecting_protocol_has_every_arm(name, arm):
    protocol = load_protocol(name)
    other = protocol.arm(arm)
    assert other.name == f"{name}.{arm}"
    assert other.dose.cells == 0.0
    assert other.dose.growth_factor is None
    assert other.dose.platelet_rich_plasma is None
    assert other.dose.product == "cells"
    assert other.reported == ()
    assert (other.disc, other.follow_up, other.seed) == (protocol.disc, protocol.follow_up, protocol.seed)
    # What it became is itself a valid protocol.
    assert read_document(json.dumps(other.resolved()), Protocol) == other
    assert load_protocol(f"{name}:{arm}") == other


@pytest.mark.parametrize(
    ("arm", "route", "volume", "carrier", "load"),
    [
        ("none", "none", 0.0, "saline", 1.0),
        ("conservative", "none", 0.0, "saline", 0.8),
        ("sham-needle", "needle", 0.0, "saline", 1.0),
        ("saline", "needle", 2.0, "saline", 1.0),
        ("carrier", "needle", 2.0, "hyaluronan", 1.0),
    ],
)
def test_every_arm_gives_less(arm, route, volume, carrier, load):
    protocol = load_protocol("amirdelfan-2021", [f"comparator.arm={arm}", "dose.repeat_at=[6 month]"])
    other = protocol.comparator_arm()
    assert (other.delivery.route, other.dose.volume, other.dose.carrier) == (route, volume, carrier)
    assert other.co_care.load_index == load
    # Every needle of the protocol is a needle of its sham.
    assert other.dose.repeat_at == (protocol.dose.repeat_at if route == "needle" else ())


def test_the_lactose_group_of_masuda_is_its_saline_arm():
    lactose = load_protocol("masuda-2006").comparator_arm()
    assert lactose.dose.volume == pytest.approx(0.01, rel=1e-12)
    assert lactose.dose.growth_factor is None
    # The injury of four weeks before belongs to the animal, in every arm.
    assert all(load_protocol(f"masuda-2006:{arm}").insults == lactose.insults for arm in ARMS)


def test_surgery_at_the_treatment_is_part_of_it():
    operated = load_protocol("omlor-2014")
    for arm, kept in (("none", 0), ("conservative", 0), ("sham-needle", 1), ("saline", 1), ("carrier", 1)):
        assert len(operated.arm(arm).insults) == kept, arm


def test_a_sponge_stays_in_the_carrier_arm_only():
    sponge = load_protocol(
        "orozco-2011",
        [
            "delivery={route: fenestration, sponge: {width: 5 mm, depth: 5 mm, height: 4 mm}}",
            "dose.carrier=collagen",
            "dose.cells=1e6 cell",
        ],
    )
    assert sponge.arm("carrier").delivery.sponge is not None
    assert (sponge.arm("saline").delivery.route, sponge.arm("saline").delivery.sponge) == ("needle", None)


@pytest.mark.parametrize("arm", ["saline", "carrier"])
def test_a_protocol_that_injects_nothing_has_no_injection_to_compare_with(arm):
    with pytest.raises(InvalidInput, match="injects nothing") as caught:
        load_protocol(f"discectomy:{arm}")
    assert "sham-needle" in caught.value.allowed
    assert load_protocol("discectomy:sham-needle").delivery.route == "needle"


def test_an_unknown_arm_names_the_nearest():
    with pytest.raises(InvalidInput) as caught:
        load_protocol("orozco-2011:sham-needel")
    assert caught.value.what == 'unknown arm "sham-needel"'
    assert "sham-needle" in caught.value.remedy
    assert "conservative" in caught.value.allowed


def test_overrides_change_the_protocol_before_the_arm_is_made():
    arm = load_protocol("orozco-2011:saline", ["dose.volume=0.5 mL", "dose.cells=1e6 cell"])
    assert (arm.dose.cells, arm.dose.volume) == (0.0, 0.5)


def test_arms_of_files(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(protocol_text("orozco-2011"), encoding="utf-8")
    assert load_protocol(f"{path}:none") == load_protocol("orozco-2011:none")
    assert protocol_text(f"{path}:none") == protocol_text("orozco-2011")
    # A colon in a folder or in the file's own name is no arm.
    odd = tmp_path / "a:none"
    odd.write_text(protocol_text("orozco-2011"), encoding="utf-8")
    assert load_protocol(odd).name == "orozco-2011"
    assert split_arm("C:\\studies\\trial.yaml") == ("C:\\studies\\trial.yaml", None)
    assert split_arm("orozco-2011") == ("orozco-2011", None)
