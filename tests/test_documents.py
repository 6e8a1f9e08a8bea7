"""Documents: every problem at once, each with its line, what is allowed and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.documents import LARGEST_DOCUMENT, Document, nearest, read_document
from pulposus.errors import InvalidDocument, InvalidInput
from pulposus.units import Quantity


class Dose(Document):
    cells: Annotated[float, Quantity("1e6 cell", minimum=0.0)]
    """Number of cells."""

    volume: Annotated[float, Quantity("mL", minimum=0.0, exclusive_minimum=True)]
    viability: float = pydantic.Field(0.9, ge=0.0, le=1.0)

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Dose:
        if self.cells / self.volume > 60.0:
            message = "the bolus holds more than 60 million cells per mL"
            raise ValueError(message)
        return self


class Sham(Document):
    kind: Literal["sham"]


class Treated(Document):
    kind: Literal["treated"]
    note: str | None = None


class Protocol(Document):
    id: str
    dose: Dose
    arms: tuple[Annotated[Sham | Treated, pydantic.Field(discriminator="kind")], ...] = ()
    comparator: Sham | None = None
    gauge: int | None = None
    registered: str = ""
    blinded: bool = False

    @pydantic.field_validator("id")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.strip():
            message = "the id is blank"
            raise ValueError(message)
        return value


GOOD = """\
id: example
dose: {cells: 25e6 cell, volume: 1.5 mL}
"""


def problems(text: str, **options: object) -> list[tuple[str, str, str, str]]:
    with pytest.raises(InvalidDocument) as caught:
        read_document(text, Protocol, name="file.yaml", **options)
    return [(problem.what, problem.where, problem.allowed, problem.remedy) for problem in caught.value.problems]


def refusal(text: str | Path, **options: object) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_document(text, Protocol, **options)
    assert not isinstance(caught.value, InvalidDocument)
    return caught.value


def test_a_document_is_read() -> None:
    protocol = read_document(GOOD, Protocol)
    assert (protocol.dose.cells, protocol.dose.volume, protocol.dose.viability) == (25.0, 1.5, 0.9)


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    plain, marked = tmp_path / "plain.yaml", tmp_path / "marked.yaml"
    plain.write_text(GOOD, encoding="utf-8")
    marked.write_text(GOOD, encoding="utf-8-sig")
    assert read_document(plain, Protocol) == read_document(marked, Protocol) == read_document(GOOD, Protocol)


def test_documents_are_immutable() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        read_document(GOOD, Protocol).id = "other"


def test_yaml_is_version_1_2() -> None:
    protocol = read_document(GOOD + "registered: no\n", Protocol)
    assert protocol.registered == "no"  # YAML 1.1 would read false


def test_a_date_is_text() -> None:
    assert read_document(GOOD + "registered: 2011-05-01\n", Protocol).registered == "2011-05-01"


def test_scalars_become_plain_values() -> None:
    text = GOOD + "gauge: 0x16\nblinded: &flag true\n"
    protocol = read_document(text, Protocol)
    assert (protocol.gauge, type(protocol.gauge), protocol.blinded) == (22, int, True)


def test_a_boolean_with_an_anchor_is_a_boolean() -> None:
    with pytest.raises(InvalidDocument, match="true cannot be used here"):
        read_document(GOOD + "registered: &flag true\n", Protocol)


def test_all_problems_are_reported_in_the_order_of_the_file() -> None:
    text = """\
id: "  "
dose: {cells: 25e6 kg, volum: 3, viability: 1.2}
arms:
  - kind: sham
  - kind: treatd
  - {kind: treated, nots: x}
gauge: "22 gauge"
blinded:
  - a
typo: 3
"""
    kinds = "'sham', 'treated'"
    assert problems(text) == [
        ("the id is blank", "file.yaml:1:5 (field id)", "", ""),
        ('the key "volume" is missing', "file.yaml:2:7 (field dose.volume)", "", 'add "volume"'),
        (
            '"kg" cannot be converted to million cell',
            "file.yaml:2:15 (field dose.cells)",
            'a number with a unit, such as "25 million cell"',
            "",
        ),
        (
            'unknown key "volum"',
            "file.yaml:2:24 (field dose.volum)",
            "cells, volume, viability",
            'did you mean "volume"?',
        ),
        ("1.2 cannot be used here", "file.yaml:2:45 (field dose.viability)", "less than or equal to 1", ""),
        ('"treatd" cannot be used here', "file.yaml:5:11 (field arms.1.kind)", kinds, 'did you mean "treated"?'),
        ('unknown key "nots"', "file.yaml:6:21 (field arms.2.nots)", "kind, note", 'did you mean "note"?'),
        ('"22 gauge" cannot be used here', "file.yaml:7:8 (field gauge)", "a valid integer", ""),
        ("a list cannot be used here", "file.yaml:9:3 (field blinded)", "a valid boolean", ""),
        (
            'unknown key "typo"',
            "file.yaml:10:1 (field typo)",
            "id, dose, arms, comparator, gauge, registered, blinded",
            "",
        ),
    ]


def test_a_missing_key_is_described() -> None:
    ((what, where, allowed, remedy),) = problems("id: x\ndose:\n  volume: 1 mL\n")
    assert (what, allowed, remedy) == ('the key "cells" is missing', "Number of cells.", 'add "cells"')
    assert where == "file.yaml:3:3 (field dose.cells)"


def test_a_rule_of_a_group_stands_at_the_group() -> None:
    text = "id: x\ndose:\n  cells: 100e6 cell\n  volume: 1 mL\n"
    assert problems(text) == [
        ("the bolus holds more than 60 million cells per mL", "file.yaml:3:3 (field dose)", "", "")
    ]


def test_an_item_without_the_key_that_tells_its_kind() -> None:
    assert problems(GOOD + "arms: [{note: x}]\n") == [
        ('the key "kind" is missing', "file.yaml:3:8 (field arms.0)", "", 'add "kind"')
    ]


def test_unknown_keys_of_an_optional_group_are_compared_with_its_keys() -> None:
    ((what, _, allowed, remedy),) = problems(GOOD + "comparator: {kind: sham, knd: sham}\n")
    assert (what, allowed, remedy) == ('unknown key "knd"', "kind", 'did you mean "kind"?')


@pytest.mark.parametrize(
    ("value", "shown"),
    [("{a: 1}", "a group of keys"), ("", "an empty value"), ("true", "true"), ("x" * 80, '"' + "x" * 55 + '..."')],
)
def test_wrong_values_are_shown_shortly(value: str, shown: str) -> None:
    ((what, *_),) = problems(f"id: x\ndose: {{cells: 1e6 cell, volume: 1 mL}}\nregistered: x\narms: {value}\n")
    assert what == f"{shown} cannot be used here"


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("", "the document is empty", "x.yaml"),
        ("# only a comment\n", "the document is empty", "x.yaml"),
        ("[1, 2]", "the document is a list", "x.yaml"),
        ("hello", "the document is a single value", "x.yaml"),
        ("id: a\nid: b\n", 'the key "id" stands twice', "x.yaml:2:1"),
        ("id: a\ndose: {cells: 1, cells: 2}\n", 'the key "cells" stands twice', "x.yaml:2:18"),
        ("a: b: c\n", "not valid YAML: mapping values are not allowed here", "x.yaml:1:5"),
        ("a: [1\n", "not valid YAML: expected ',' or ']', but got '<stream end>'", "x.yaml:2:1"),
        ("a: 'open\n", "not valid YAML: found unexpected end of stream", "x.yaml:2:1"),
        ("a: 1\n\tb: 2\n", "not valid YAML: found character '\\t' that cannot start any token", "x.yaml:2:1"),
        ("id: a\n---\nid: b\n", "not valid YAML: but found another document", "x.yaml:2:1"),
        ("a: \x01\n", "not valid YAML: unacceptable character #x0001: special characters are not allowed", "x.yaml"),
        ("id: !secret a\n", "the tag of 'a' is not understood", "x.yaml"),
    ],
)
def test_text_that_is_not_one_mapping(text: str, what: str, where: str) -> None:
    error = refusal(text, name="x.yaml")
    assert (error.what, error.where) == (what, where)


def test_an_expanding_document_is_refused() -> None:
    """Ten lines with aliases that would become a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert refusal("\n".join(lines)).what == "the document is nested too deeply or repeats itself"


def test_a_deep_document_is_refused() -> None:
    assert refusal("a: " + "[" * 60 + "]" * 60).what == "the document is nested too deeply or repeats itself"


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "protocol.yaml").write_text(GOOD, encoding="utf-8")
    error = refusal(tmp_path / "protocl.yaml")
    assert (error.what, error.remedy) == ("the file does not exist", 'did you mean "protocol.yaml"?')
    assert refusal(tmp_path / "none" / "protocol.yaml").remedy == "check the path"


def test_files_that_cannot_be_text(tmp_path: Path) -> None:
    assert refusal(tmp_path).what == "this is a folder"
    binary, zeros, large = tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "c.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    zeros.write_bytes(b"id: \x00")
    large.write_bytes(b"#" * (LARGEST_DOCUMENT + 1))
    assert refusal(binary).what == refusal(zeros).what == "the file is not text"
    assert refusal(large).what == "the file is too large"


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    error = refusal(tmp_path / "a.yaml")
    assert (error.what, error.remedy) == ("the file cannot be read (Permission denied)", "check its permissions")


def test_overrides_replace_and_add() -> None:
    text = GOOD + "arms:\n  - {kind: sham}\n  - {kind: treated}\n"
    overrides = ["dose.cells=4e6 cell", "gauge=22", "arms.1.note=first", "comparator.kind=sham", "blinded=true"]
    protocol = read_document(text, Protocol, overrides=overrides)
    assert (protocol.dose.cells, protocol.dose.volume, protocol.gauge, protocol.blinded) == (4.0, 1.5, 22, True)
    assert protocol.arms[1] == Treated(kind="treated", note="first")
    assert protocol.comparator == Sham(kind="sham")


def test_an_override_may_be_a_list_or_contain_an_equals_sign() -> None:
    protocol = read_document(GOOD, Protocol, overrides=["arms=[{kind: sham}]", "registered=a=b"])
    assert (protocol.arms, protocol.registered) == ((Sham(kind="sham"),), "a=b")


def test_problems_of_overrides_name_the_option() -> None:
    found = problems(GOOD, overrides=["dose.cels=4e6 cell", "dose.volume=3", "gage=22"])
    assert [(what, where, remedy) for what, where, _, remedy in found] == [
        ('unknown key "gage"', "--set gage=22 (field gage)", 'did you mean "gauge"?'),
        ("3 has no unit", "--set dose.volume=3 (field dose.volume)", 'write "3 mL"'),
        ('unknown key "cels"', "--set dose.cels=4e6 cell (field dose.cels)", 'did you mean "cells"?'),
    ]


@pytest.mark.parametrize(
    ("override", "what", "allowed"),
    [
        ("dose", '"dose" is not key=value', 'for example "dose.cells=4e6 cell"'),
        ("=3", '"=3" is not key=value', 'for example "dose.cells=4e6 cell"'),
        ("dose..cells=3", '"dose..cells=3" is not key=value', 'for example "dose.cells=4e6 cell"'),
        ("dose.cells.x=3", '"dose.cells" is a single value, it has no "x"', ""),
        ("arms.2.kind=sham", '"arms" has no item "2"', "0 to 0"),
        ("arms.first.kind=sham", '"arms" has no item "first"', "0 to 0"),
        ("registered=[", "the value is not valid YAML", ""),
    ],
)
def test_overrides_that_cannot_be_applied(override: str, what: str, allowed: str) -> None:
    error = refusal(GOOD + "arms: [{kind: sham}]\n", overrides=[override])
    assert (error.what, error.where, error.allowed) == (what, f"--set {override}", allowed)


def test_an_empty_list_has_no_items() -> None:
    assert refusal(GOOD + "arms: []\n", overrides=["arms.0.kind=sham"]).allowed == "it is an empty list"


def test_the_error_lists_every_problem_for_people_and_programs() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_document("id: x\n", Protocol, name="p.yaml")
    error = caught.value
    assert error.exit_code == 3
    assert str(error).endswith("1 problem in p.yaml")
    assert error.as_dict()["problems"][0]["what"] == 'the key "dose" is missing'


def test_a_document_without_a_name_is_called_document() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_document("id: x\n", Protocol)
    assert caught.value.where == "document"


def test_nearest() -> None:
    assert nearest("volum", ["cells", "volume"]) == 'did you mean "volume"?'
    assert nearest("zzz", ["cells", "volume"]) == ""


@given(st.text(max_size=60))
def test_any_text_gives_a_document_or_an_invalid_input(text: str) -> None:
    try:
        read_document(text, Protocol)
    except InvalidInput as error:
        assert error.what


def test_a_group_that_an_override_made_is_blamed_on_the_override(tmp_path):
    path = tmp_path / "doc.yaml"
    path.write_text("name: x\n", encoding="utf-8")

    class Plain(Document):
        name: str

    with pytest.raises(InvalidDocument) as caught:
        read_document(path, Plain, overrides=["nam.x=1"])
    (problem,) = caught.value.problems
    assert problem.where == "--set nam.x=1 (field nam)"
    assert problem.remedy == 'did you mean "name"?'
