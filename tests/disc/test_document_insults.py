"""The `insults` of a disc.yaml: units, ranges, defaults, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from pulposus.cli._disc import app
from pulposus.disc import apply_insult, disc_schema, load_disc
from pulposus.disc._document import DiscDocument
from pulposus.disc._insult_document import Discectomy, EnzymaticDigestion, Nucleotomy
from pulposus.documents import read_document
from pulposus.errors import InvalidInput

HEAD = "schema_version: 1\nname: mine\ngrade: 2\nshape: {kind: anatomical, species: human, level: L4-L5}\ninsults:\n"
ALL = """\
  - {kind: annular-puncture, needle_gauge: 18, approach: anterolateral, side: left, depth: 2 cm}
  - {kind: annular-puncture, needle_diameter: 500 um, angle: 0.5 rad}
  - {kind: aspiration}
  - {kind: discectomy, removed_fraction: 0.1, opening: 5 mm}
  - {kind: superficial-annular-lesion, approach: lateral}
  - {kind: endplate-fracture, face: inferior, x: 1 mm, radius: 0.5 cm}
  - {kind: radial-fissure, width: 3 mm}
  - {kind: herniation, volume: 200 uL}
  - {kind: enzymatic, agent: chymopapain}
"""


def read(insults: str) -> DiscDocument:
    return read_document(HEAD + insults, DiscDocument, name="mine.yaml")


def test_every_insult_is_read_in_internal_units():
    first, second, aspiration, cut, wound, fracture, fissure, herniation, enzyme = read(ALL).insults
    assert (first.needle_gauge, first.depth, first.approach, first.side) == (18, 20.0, "anterolateral", "left")
    assert second.needle_diameter == pytest.approx(0.5, rel=1e-14)
    assert second.angle == pytest.approx(np.degrees(0.5), rel=1e-12)
    assert aspiration.removed_fraction is None
    assert (cut.removed_fraction, cut.opening) == (0.1, 5.0)
    assert wound.approach == "lateral"
    assert (fracture.face, fracture.x, fracture.y, fracture.radius) == ("inferior", 1.0, 0.0, 5.0)
    assert (fissure.width, fissure.approach) == (3.0, "posterior")
    assert herniation.volume == pytest.approx(0.2, rel=1e-14)
    assert enzyme.agent == "chymopapain"


def test_a_written_document_reads_again():
    document = read(ALL)
    again = DiscDocument.model_validate_json(document.model_dump_json(exclude_unset=True))
    assert again == document


def test_the_disc_of_a_file_is_injured(tmp_path, parameters):
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + ALL)
    disc = load_disc(path, "coarse")
    assert float(disc.lesion.macrophages) == 1.0
    assert "; herniation; enzymatic" in disc.description.text
    plain = load_disc("human/L4-L5/grade2", "coarse")
    for insult in read(ALL).insults:
        plain = apply_insult(plain, insult, parameters)
    np.testing.assert_array_equal(plain.lesion.lost, disc.lesion.lost)
    np.testing.assert_array_equal(plain.lesion.fissure, disc.lesion.fissure)


def test_an_override_injures_a_built_in_disc():
    disc = load_disc("rat/tail", "coarse", overrides=["insults=[{kind: annular-puncture, needle_gauge: 21}]"])
    assert float(disc.lesion.acute) == 1.0
    assert float(load_disc("rat/tail", "coarse").lesion.acute) == 0.0


def test_disc_show_lists_the_numbers_behind_the_insults():
    arguments = ["show", "rat/tail", "--resolution", "coarse", "--set", "insults=[{kind: nucleotomy}]", "--json"]
    record = json.loads(CliRunner().invoke(app, arguments, catch_exceptions=False).stdout)
    assert record["text"].endswith("; nucleotomy")
    values = {value["name"]: value for value in record["values"]}
    assert values["removed share of the nucleus"]["value"] == 0.4
    assert values["removed share of the nucleus"]["status"] == "prior"


def test_the_printed_ranges_are_those_of_the_parameters(parameters):
    """A share stands in the schema, for editors, and in the parameters, for draws: the two agree."""
    for model, field, key in (
        (Nucleotomy, "removed_fraction", "insults.nucleotomy.removed_fraction"),
        (Discectomy, "removed_fraction", "insults.discectomy.removed_fraction"),
        (EnzymaticDigestion, "aggrecan_left", "insults.enzymatic.aggrecan_left"),
    ):
        limits = model.model_json_schema()["properties"][field]["anyOf"][0]
        assert (limits["minimum"], limits["maximum"]) == (parameters[key].low, parameters[key].high)


def test_the_schema_names_every_kind():
    kinds = disc_schema()["properties"]["insults"]["items"]["discriminator"]["mapping"]
    assert set(kinds) == {
        "annular-puncture",
        "nucleotomy",
        "aspiration",
        "discectomy",
        "sequestrectomy",
        "superficial-annular-lesion",
        "endplate-fracture",
        "radial-fissure",
        "herniation",
        "enzymatic",
    }


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        ("{kind: annular-puncture, needle_gauge: 12}", "12 cannot be used", "14"),
        ("{kind: annular-puncture, needle_gauge: 40}", "40 cannot be used", "34"),
        ("{kind: annular-puncture, needle_gauge: 22.5}", "22.5 cannot be used", "integer"),
        ("{kind: annular-puncture}", "the needle is missing", "needle_gauge: 22"),
        ("{kind: annular-puncture, needle_gauge: 22, needle_diameter: 1 mm}", "stands twice", "one of"),
        ("{kind: annular-puncture, needle_diameter: -1 mm}", "too small", "0"),
        ("{kind: annular-puncture, needle_gauge: 22, angle: 10 degree, side: left}", "says the same", "leave"),
        ("{kind: annular-punctur, needle_gauge: 22}", "cannot be used", 'did you mean "annular-puncture"'),
        ("{kind: annular-puncture, needle_guage: 22}", "unknown key", 'did you mean "needle_gauge"'),
        ("{kind: annular-puncture, needle_gauge: 22, approach: dorsal}", "cannot be used", "posterior"),
        ("{kind: nucleotomy, removed_fraction: 0.7}", "0.7 cannot be used", "0.6"),
        ("{kind: nucleotomy, removed_fraction: 0.1}", "0.1 cannot be used", "0.2"),
        ("{kind: discectomy, removed_fraction: 0.4, opening: 5 mm}", "0.4 cannot be used", "0.3"),
        ("{kind: discectomy, removed_fraction: 0.1}", 'the key "opening" is missing', "opening"),
        ("{kind: endplate-fracture, face: superior, radius: 5}", "has no unit", "5 mm"),
        ("{kind: endplate-fracture, radius: 5 mm}", 'the key "face" is missing', "endplate"),
        ("{kind: herniation, volume: 1 mm}", "cannot be converted", "mL"),
        ("{kind: herniation, volume: 1 mL, tears_annulus: true}", "width of the tear is missing", "width"),
        ("{kind: herniation, volume: 1 mL, width: 2 mm}", "a width without a tear", "tears_annulus"),
        ("{kind: enzymatic, aggrecan_left: 0.9}", "0.9 cannot be used", "0.7"),
        ("{needle_gauge: 22}", 'the key "kind" is missing', "kind"),
        ("{kind: nucleotomy, time_before_treatment: 2 week}", "a disc has no treatment", "protocol"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_way_out(line, what, hint):
    with pytest.raises(InvalidInput) as caught:
        read(f"  - {line}\n")
    message = str(caught.value)
    assert what in message
    assert hint in message
    assert "mine.yaml" in message
    assert message.count("error[") == 1
