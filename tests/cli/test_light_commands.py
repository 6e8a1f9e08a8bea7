"""The commands that compute nothing: parameters, schema, validate, doctor, cite."""

from __future__ import annotations

import re
from pathlib import Path

import jax
import pytest

from pulposus import __version__
from pulposus.cli import _doctor
from pulposus.parameters import load_parameters

ROOT = Path(__file__).parents[2]
BENCHMARK = """\
schema_version: 1
name: block
shape: {kind: elliptic-cylinder, half_width: 25 mm, half_depth: 18 mm, height: 10 mm, nucleus_area_fraction: 0.45}
"""


def test_parameters_lists_every_constant(run) -> None:
    lines = run("parameters").out.splitlines()
    assert [line.split()[0] for line in lines] == list(load_parameters())


def test_parameters_shows_source_and_note_of_a_few(run) -> None:
    ending = run("parameters", "glucose", "LIMITER")
    assert ending.code == 0
    record = load_parameters()["nutrition.glucose_limiter"]
    for text in (record.key, "0.1 mM  (0 to 0.2 mM, triangular)", record.source, record.note):
        assert text in ending.out


def test_parameters_as_json(run) -> None:
    document = run("parameters", "--json").json
    assert [record["key"] for record in document["parameters"]] == list(load_parameters())
    assert set(document["parameters"][0]) >= {"key", "value", "low", "high", "unit", "source", "status"}


def test_parameters_without_a_match(run) -> None:
    ending = run("parameters", "nosuchthing")
    assert (ending.code, ending.out) == (3, "")
    assert 'no constant matches "nosuchthing"' in ending.err


@pytest.mark.parametrize(("kind", "required"), [("protocol", "dose"), ("disc", "shape")])
def test_schemas(run, kind: str, required: str) -> None:
    schema = run("schema", kind).json
    assert required in schema["required"]
    assert schema["additionalProperties"] is False
    assert "x-unit" in str(schema)
    assert run("schema", kind, "--json").json == schema


def test_a_disc_file_is_valid(run, tmp_path: Path) -> None:
    file = tmp_path / "block.yaml"
    file.write_text(BENCHMARK, encoding="utf-8")
    assert run("validate", str(file)).out == f"{file}: valid disc (block)\n"
    assert run("validate", str(file), "--json").json == {
        "file": str(file),
        "kind": "disc",
        "name": "block",
        "valid": True,
    }


def test_every_problem_of_a_disc_file_is_reported(run, tmp_path: Path) -> None:
    file = tmp_path / "block.yaml"
    file.write_text(
        BENCHMARK.replace("25 mm", "25").replace("18 mm", "18 kPa").replace("name:", "nam:"), encoding="utf-8"
    )
    ending = run("validate", str(file), "--json")
    assert ending.code == 3
    assert [problem["where"].partition("field ")[2] for problem in ending.json["error"]["problems"]] == [
        "name)",
        "nam)",
        "shape.half_width)",
        "shape.half_depth)",
    ]
    assert f"4 problems in {file}" in ending.err


def test_overrides_are_checked_too(run, tmp_path: Path) -> None:
    file = tmp_path / "block.yaml"
    file.write_text(BENCHMARK, encoding="utf-8")
    assert run("validate", str(file), "--set", "shape.height=12 mm").code == 0
    ending = run("validate", str(file), "--set", "shape.hieght=12 mm")
    assert ending.code == 3
    assert "--set shape.hieght=12 mm" in ending.err
    assert 'did you mean "height"?' in ending.err


def test_a_built_in_disc_is_valid(run) -> None:
    assert run("validate", "human/L4L5/grade3").out == "human/L4L5/grade3: valid disc (human/L4-L5/grade3)\n"
    ending = run("validate", "human/L4-L6/grade3")
    assert ending.code == 3
    assert 'unknown disc "human/L4-L6/grade3"' in ending.err


def test_a_built_in_protocol_is_valid(run) -> None:
    assert run("validate", "orozco-2011", "--json").json["kind"] == "protocol"
    ending = run("validate", "orozco-2012")
    assert ending.code == 3
    assert 'did you mean "orozco-2011"?' in ending.err


def test_the_disc_of_a_protocol_is_checked(run) -> None:
    ending = run("validate", "orozco-2011", "--set", "disc.name=human/L4-L5/grade9")
    assert ending.code == 3
    assert 'unknown disc "human/L4-L5/grade9"' in ending.err


def test_a_disc_file_of_a_protocol_is_looked_for_beside_it(run, tmp_path: Path) -> None:
    from importlib import resources

    text = (resources.files("pulposus") / "data" / "protocols" / "orozco-2011.yaml").read_text(encoding="utf-8")
    protocol = tmp_path / "own.yaml"
    protocol.write_text(text, encoding="utf-8")
    ending = run("validate", str(protocol), "--set", "disc.name=block.yaml")
    assert (ending.code, "the file does not exist" in ending.err) == (3, True)
    (tmp_path / "block.yaml").write_text(BENCHMARK, encoding="utf-8")
    assert run("validate", str(protocol), "--set", "disc.name=block.yaml").code == 0


def test_a_missing_file(run, tmp_path: Path) -> None:
    ending = run("validate", str(tmp_path / "none.yaml"))
    assert (ending.code, "the file does not exist" in ending.err) == (3, True)


def test_doctor_reports_a_healthy_installation(run) -> None:
    ending = run("doctor", "--json")
    assert ending.code == 0
    report = ending.json
    assert (report["pulposus"], report["computes"], report["healthy"]) == (__version__, "ok", True)
    assert report["packages"]["jax"] == jax.__version__
    assert report["cores"] >= 1
    text = run("doctor").out
    assert re.search(rf"^jax +{re.escape(jax.__version__)}$", text, flags=re.MULTILINE)
    assert "MISSING" not in text


def test_doctor_names_what_is_missing(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_doctor, "REQUIRED", ("jax", "no-such-package"))
    monkeypatch.setattr(_doctor, "OPTIONAL", (_doctor.Part("nosuchlib", True, "pictures", "apt install libnosuch1"),))
    ending = run("doctor")
    assert ending.code == 6
    assert re.search(r"^no-such-package +MISSING: pip install pulposus$", ending.out, flags=re.MULTILINE)
    assert re.search(r"^nosuchlib +missing, for pictures: apt install libnosuch1$", ending.out, flags=re.MULTILINE)
    assert run("doctor", "--json").json["healthy"] is False


def test_doctor_tells_that_it_cannot_compute(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ImportError("libstdc++ is too old")

    monkeypatch.setattr(jax.numpy, "arange", broken)
    ending = run("doctor", "--json")
    assert (ending.code, ending.json["computes"]) == (6, "ImportError: libstdc++ is too old")


def test_doctor_shows_the_cache(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULPOSUS_CACHE", "off")
    assert run("doctor", "--json").json["cache"] == {"path": "off", "writable": True}
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PULPOSUS_CACHE", str(tmp_path / "file"))
    assert run("doctor", "--json").json["cache"] == {"path": str(tmp_path / "file"), "writable": False}
    assert "NOT WRITABLE: set PULPOSUS_CACHE" in run("doctor").out


def test_doctor_without_a_memory_figure(run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(_doctor.os, "sysconf", unknown)
    assert re.search(r"^memory +unknown$", run("doctor").out, flags=re.MULTILINE)


def test_cite_agrees_with_the_citation_file(run) -> None:
    from pulposus.cli import _cite

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {__version__}\n" in citation
    assert f"license: {_cite.LICENSE}\n" in citation
    assert _cite.TITLE in citation
    assert f"version = {{{__version__}}}" in run("cite").out
    assert run("cite", "--json").json["version"] == __version__
