"""The protocol document: built-in studies, bad input, schema, round trip (clinical_model 11)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pulposus.documents import read_document
from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.therapy import Protocol, list_protocols, load_protocol, protocol_schema

SHORT = """\
schema_version: 1
id:
  name: trial
disc:
  name: human/L4-L5/grade3
donor:
  relation: allogeneic
origin:
  source: adipose
  mass: 20 g
dose:
  cells: 6e6 cell
  volume: 2 mL
  carrier: hyaluronan
follow_up:
  duration: 6 month
"""


def problems(*overrides, text: str = SHORT) -> list[InvalidInput]:
    with pytest.raises(InvalidDocument) as caught:
        read_document(text, Protocol, overrides=overrides, name="trial.yaml")
    return caught.value.problems


def test_the_built_in_protocols():
    assert list_protocols() == (
        "amirdelfan-2021",
        "conservative-care",
        "crevensten-2004",
        "crevensten-in-human",
        "discectomy",
        "freeman-2016",
        "ganey-2003",
        "hyaluronan-alone",
        "masuda-2006",
        "no-treatment",
        "oehme-2016",
        "omlor-2014",
        "orozco-2011",
        "pettine-2015",
        "platelet-rich-plasma",
        "sham-needle",
        "sham-saline",
        "tao-2016",
        "willems-2015",
    )


@pytest.mark.parametrize("name", list_protocols())
def test_a_built_in_protocol_names_itself_and_its_sources(name):
    protocol = load_protocol(name)
    assert protocol.name == name
    assert protocol.id.title
    assert protocol.dose.cells == 0.0 or protocol.id.sources
    for row in protocol.reported:
        assert row.source.startswith("https://")
        assert row.is_reported or row.note
    for row in protocol.not_stated:
        assert row.note


def test_orozco_as_published():
    protocol = load_protocol("orozco-2011")
    assert protocol.disc.name == "human/L4-L5/grade4"
    assert protocol.disc.also == ("human/L4-L5/grade3",)
    assert protocol.dose.cells == 10.0
    assert protocol.dose.cells_range == (10.0, 23.0)
    assert protocol.dose.volume == 1.0
    assert protocol.dose.volume_range == (0.5, 1.5)
    assert protocol.follow_up.duration == pytest.approx(365.25, rel=1e-12)
    verified = {(row.outcome, row.value) for row in protocol.reported if row.status == "verified"}
    assert verified == {("VAS lumbar pain, change", -49.0), ("VAS sciatic pain, change", -32.0)}
    assert {row.spread_kind for row in protocol.reported if row.spread is not None} == {"SE"}
    (cells,) = [row for row in protocol.reported if row.outcome == "number of cells in the disc"]
    assert not cells.is_reported
    assert "results" in {row.item for row in protocol.not_stated}


def test_crevensten_shows_dose_and_volume_as_not_stated():
    protocol = load_protocol("crevensten-2004")
    assert protocol.dose.cells == pytest.approx(0.1)
    assert protocol.donor is not None
    assert protocol.donor.relation == "allogeneic"
    assert {"dose.cells", "dose.volume"} <= {row.item for row in protocol.not_stated}
    assert {row.status for row in protocol.reported} == {"recalled"}
    assert [row.direction for row in protocol.reported if row.direction] == ["down", "down", "up"]


@pytest.mark.parametrize("name", list_protocols())
def test_a_resolved_protocol_reads_back_as_itself(name):
    protocol = load_protocol(name)
    text = json.dumps(protocol.resolved())
    assert read_document(text, Protocol) == protocol
    assert protocol.resolved()["numerics"]["level"] == "disc"
    assert protocol.resolved()["delivery"]["dwell_time"] == "0.0 day"


def test_a_file_and_an_override(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(SHORT, encoding="utf-8")
    protocol = load_protocol(path, ["dose.cells=4 million cell", "culture.passages=3"])
    assert protocol.dose.cells == 4.0
    assert protocol.dose.concentration == 2.0
    assert protocol.culture.passages == 3
    assert load_protocol(str(path)).dose.cells == 6.0


def test_gel_by_carrier():
    def gel(*overrides):
        return read_document(SHORT, Protocol, overrides=overrides).dose.is_gel

    assert not gel()
    assert gel("dose.gelled=true")
    assert gel("dose.carrier=fibrin")
    assert not gel("dose.carrier=fibrin", "dose.gelled=false")


def test_unknown_built_in_names_the_nearest():
    with pytest.raises(InvalidInput) as caught:
        load_protocol("orosco-2011")
    assert caught.value.what == 'unknown protocol "orosco-2011"'
    assert "orozco-2011" in caught.value.remedy
    assert "crevensten-2004" in caught.value.allowed


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="does not exist"):
        load_protocol(tmp_path / "absent.yaml")
    with pytest.raises(InvalidInput, match="folder"):
        load_protocol(tmp_path)


@pytest.mark.parametrize(
    ("override", "what", "hint"),
    [
        ("dose.cells=10000000", "10000000 has no unit", "10000000 cell"),
        ("dose.cells=10 mL", "cannot be converted", "cell"),
        ("dose.cells=-5e6 cell", "negative", "sham"),
        ("dose.cells=5e12 cell", "absurd", "52 million cells (human)"),
        ("dose.cells_range=[9e6 cell, 1e6 cell]", "not ordered", "low value first"),
        ("dose.volume=-1 mL", "too small", "at least 0 mL"),
        ("dose.volume=2 L", "too large", "at most 100 mL"),
        ("dose.volume=0 mL", "volume of 0", "1 mL"),
        ("dose.carrier=salin", "cannot be used", "saline"),
        ("dose.colour=red", 'unknown key "colour"', "cells, cells_range"),
        ("dose.volum=1 mL", 'unknown key "volum"', 'did you mean "volume"?'),
        ("delivery.needle_gauge=40", "40 cannot be used", "34"),
        ("delivery.needle_gauge=13", "13 cannot be used", "14"),
        ("dose.product=soup", "cannot be used", "concentrate"),
        ("dose.growth_factor={name: TGF, amount: 1 ug}", "cannot be used", "TGF-beta"),
        ("dose.growth_factor={name: GDF-5, amount: 100}", "100 has no unit", "100 ng"),
        ("dose.growth_factor={name: GDF-5, amount: 0 ug}", "too small", "more than 0 ng"),
        ("dose.platelet_rich_plasma={growth_factor: 20 ng/mL}", '"leukocytes" is missing', "leukocytes"),
        ("dose.platelet_rich_plasma={leukocytes: rich, growth_factor: -1 ng/mL}", "too small", "at least 0 ng/mL"),
        ("dose.stem_cell_fraction=0.001", "belongs to a concentrate", "product: concentrate"),
        ("dose.repeat_at=[3 month, 2 month]", "do not follow each other", "each later"),
        ("dose.repeat_at=[0 day]", "do not follow each other", "day 0"),
        ("disc.glycosaminoglycan_change=-8 percent/year", "too small", "-0.04"),
        ("disc.glycosaminoglycan_change=1 percent/year", "too large", "0 1/year"),
        ("disc.ageing=smoking", "cannot be used", "nutrition"),
        ("insults=[{kind: stab}]", "stab", "annular-puncture"),
        ("insults=[{kind: annular-puncture, needle_gauge: 10}]", "10 cannot be used", "14"),
        ("delivery.hold_time=30 day", "hold time of 30 days", "24 h"),
        ("delivery.duration=3 day", "is absurd", "30 s"),
        ("delivery.duration=1e-9 s", "is absurd", "1 ms"),
        ("delivery.sponge={width: 1 mm, depth: 1 mm, height: 1 mm}", "cannot be placed", "fenestration"),
        ("delivery.tip.cranial=2", "2 cannot be used", "1"),
        ("characteristics.viability=90", "90 cannot be used", "1"),
        ("culture.passages=-1", "-1 cannot be used", "0"),
        ("follow_up.duration=0 day", "too small", "more than 0 day"),
        ("follow_up.duration=900 year", "too large", "36525 day"),
        ("donor.relation=xenogeneic", "species of a xenogeneic donor", "species: human"),
        ("donor.age=300 year", "too large", "120 year"),
        ("origin.volume=20 mL", "a volume of adipose", "mass"),
        ("disc.leak_weight=3", "3 cannot be used", "2.5"),
        ("schema_version=2", "2 cannot be used", "1"),
        ("id.name=My Trial", "cannot be used", "match pattern"),
        ("numerics.level=4D", "cannot be used", "slab"),
        ("co_care.load_index=-1", "-1 cannot be used", "0"),
        ("reported=[{outcome: VAS, time: 1 month, value: 3, source: x, status: verified}]", "has no unit", "unit"),
        (
            "reported=[{outcome: VAS, time: 1 month, value: 3, unit: mm, spread: 2, source: x, status: verified}]",
            "spread of VAS is not complete",
            "SD",
        ),
        ("not_stated=[{item: dose.cels}]", '"dose.cels" is no field', "dose.cells"),
    ],
)
def test_bad_input_says_what_where_and_what_to_do(override, what, hint):
    (problem,) = problems(override)
    assert what in problem.what
    assert override.partition("=")[0].split(".")[0] in problem.where
    assert hint in f"{problem.allowed} {problem.remedy}"


@pytest.mark.parametrize(
    ("overrides", "what", "hint"),
    [
        (["donor=null"], '"donor" is missing', "0 cell"),
        (["origin=null"], '"origin" is missing', "0 cell"),
        (["origin.mass=null"], "how far the cells were expanded", "origin.mass"),
        (["delivery.route=none"], 'by the route "none"', "0 cell"),
        (["dose.repeat_at=[3 month, 9 month]"], "outside the follow-up", "repeat_at"),
        (["dose.product=concentrate", "culture.passages=3"], "not expanded", "cells"),
        (["dose.product=concentrate", "dose.cells=0 cell"], "without cells", "nucleated"),
        (
            ["dose.growth_factor={name: GDF-5, amount: 1 ug}", "dose.platelet_rich_plasma={leukocytes: poor}"],
            "in one syringe",
            "one growth factor",
        ),
        (
            ["dose.cells=0 cell", "dose.volume=0 mL", "dose.growth_factor={name: GDF-5, amount: 1 ug}"],
            "a growth factor cannot be injected in a volume of 0",
            "1 mL",
        ),
        (
            ["dose.cells=0 cell", "dose.volume=0 mL", "dose.platelet_rich_plasma={leukocytes: poor}"],
            "plasma cannot be injected in a volume of 0",
            "1 mL",
        ),
        (["delivery.route=fenestration"], "size of the sponge", "sponge"),
        (
            ["delivery={route: fenestration, sponge: {width: 1 mm, depth: 1 mm, height: 1 mm}}"],
            "sponge of hyaluronan",
            "collagen",
        ),
    ],
)
def test_sections_have_to_fit_each_other(overrides, what, hint):
    (problem,) = problems(*overrides)
    assert what in problem.what
    assert hint in f"{problem.allowed} {problem.remedy}"


def test_every_problem_is_reported_at_once_with_its_line():
    text = SHORT.replace("6e6 cell", "6e6").replace("2 mL", "2 kg").replace("duration", "duraton")
    found = problems(text=text)
    assert len(found) == 4
    assert [problem.where.split(" ")[0].split(":")[1] for problem in found[:2]] == ["12", "13"]


def test_zero_cells_need_no_donor():
    text = SHORT.replace("6e6 cell", "0 cell").replace(
        "donor:\n  relation: allogeneic\norigin:\n  source: adipose\n  mass: 20 g\n", ""
    )
    assert read_document(text, Protocol).donor is None


def test_a_concentrate_needs_no_culture():
    protocol = read_document(SHORT, Protocol, overrides=["dose.product=concentrate", "origin.mass=null"])
    assert protocol.dose.stem_cell_fraction is None
    with pytest.raises(InvalidDocument):
        read_document(SHORT, Protocol, overrides=["origin.mass=null"])


def test_the_kind_of_growth_factor_that_acts():
    def kind(*overrides):
        return read_document(SHORT, Protocol, overrides=overrides).dose.growth_factor_kind

    assert kind() == ""
    assert kind("dose.growth_factor={name: OP-1, amount: 1 ug}") == "BMP-7"
    assert kind("dose.growth_factor={name: GDF-6, amount: 1 ug}") == "GDF-6"
    assert kind("dose.platelet_rich_plasma={leukocytes: rich}") == "TGF-beta"


def test_repeats_and_the_natural_course_are_read():
    protocol = read_document(
        SHORT,
        Protocol,
        overrides=[
            "dose.repeat_at=[1 month, 3 month]",
            "disc.glycosaminoglycan_change=-1 percent/year",
            "disc.ageing=cytokine",
        ],
    )
    assert protocol.dose.repeat_at == pytest.approx((30.4375, 91.3125), rel=1e-12)
    assert protocol.disc.glycosaminoglycan_change == pytest.approx(-0.01, rel=1e-12)
    assert protocol.disc.ageing == "cytokine"


def test_masuda_as_published():
    protocol = load_protocol("masuda-2006")
    (insult,) = protocol.insults
    assert (insult.kind, insult.needle_gauge, insult.time_before_treatment) == ("annular-puncture", 18, 28.0)
    # 100 ug in 10 uL.
    assert protocol.dose.growth_factor.amount == pytest.approx(1e5, rel=1e-12)
    assert protocol.dose.volume == pytest.approx(0.01, rel=1e-12)


def test_pettine_counts_its_stem_cells():
    dose = load_protocol("pettine-2015").dose
    # 121e6 nucleated cells and 2713 colony-forming units per mL; three digits are printed.
    assert dose.concentration == pytest.approx(121.0, rel=1e-12)
    assert dose.stem_cell_fraction == pytest.approx(2713 / 121e6, rel=2e-3)


def test_the_schema_describes_every_field_and_every_unit():
    schema = protocol_schema()
    assert schema["required"] == ["schema_version", "id", "disc", "dose", "follow_up"]
    used = [
        "schema_version",
        "id",
        "disc",
        "insults",
        "donor",
        "origin",
        "separation",
        "culture",
        "characteristics",
        "dose",
        "delivery",
    ]
    used += ["comparator", "co_care", "outcomes", "follow_up", "numerics", "seed"]
    record = ["population", "imaging", "safety", "statistics", "economics", "ethics", "data", "reported", "not_stated"]
    assert set(schema["properties"]) == {*used, *record}
    for name, section in schema["$defs"].items():
        for field, entry in section.get("properties", {}).items():
            assert entry.get("description"), f"{name}.{field}"
    cells = schema["$defs"]["Dose"]["properties"]["cells"]
    assert cells["type"] == "string"
    assert cells["x-unit"] == "million cell"
    # A default of a quantity is text, as the file would have it.
    assert schema["$defs"]["Delivery"]["properties"]["dwell_time"]["default"] == "0 s"
    json.dumps(schema)


def test_a_protocol_cannot_be_changed_in_place():
    protocol = load_protocol("orozco-2011")
    with pytest.raises(ValueError, match="frozen"):
        protocol.seed = 3  # type: ignore[misc]


def test_the_built_in_files_say_what_they_are():
    folder = Path(__file__).parents[2] / "src" / "pulposus" / "data" / "protocols"
    for path in folder.glob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# ")
