"""Wrong input of every kind ends with one clear error: what, where, what is allowed, what to do, and the exit code of the contract.

There is no traceback, nothing is computed and nothing is left behind.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulposus.therapy import protocol_text

ROOT = Path(__file__).parents[2]
CYLINDER = str(ROOT / "benchmarks" / "elliptic_cylinder.yaml")
STUDY = "orozco-2011"
QUICK = ("--set", "numerics.level=slab", "--set", "numerics.resolution=coarse", "--until", "1 day")
BLOCK = """\
schema_version: 1
name: block
shape: {kind: elliptic-cylinder, half_width: 25 mm, half_depth: 18 mm, height: 10 mm, nucleus_area_fraction: 0.45}
"""


@pytest.fixture
def refused(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`refused(code, *command, what=..., where=..., ...)` checks the one error of a command, in text and in JSON."""
    monkeypatch.chdir(tmp_path)

    def check(code: int, *command: str, what: str, where: str = "", allowed: str = "", remedy: str = "") -> dict:
        before = sorted(tmp_path.rglob("*"))
        ending = run(*command)
        assert (ending.code, ending.out) == (code, "")
        assert "Traceback" not in ending.err
        assert ending.err.count("error[") == 1
        assert ending.err.splitlines()[0].startswith(f"error[{'usage' if code == 2 else 'invalid-input'}]: ")
        assert len(ending.err) < 1500
        with_json = run(*command, "--json")
        assert with_json.code == code
        error = with_json.json["error"]
        error = error.get("problems", [error])[0]
        for part, expected in (("what", what), ("where", where), ("allowed", allowed), ("remedy", remedy)):
            assert expected in error[part]
            assert expected in ending.err
        assert error["what"]
        assert error["allowed"] or error["remedy"], "every error says what would be right, or what to do"
        assert sorted(tmp_path.rglob("*")) == before, "nothing is left behind"
        return error

    return check


# Protocols: keys and units


@pytest.mark.parametrize(
    ("setting", "what", "allowed", "remedy"),
    [
        ("dose.cells=10", "10 has no unit", "a number with a unit", 'write "10 million cell"'),
        ("dose.volume=1.5", "1.5 has no unit", "a number with a unit", 'write "1.5 mL"'),
        ("follow_up.duration=12", "12 has no unit", "a number with a unit", 'write "12 day"'),
        ("dose.cells=10 mL", '"mL" cannot be converted to million cell', "25 million cell", ""),
        ("dose.volume=1 mm", '"mm" cannot be converted to mL', "1.5 mL", ""),
        ("dose.volume=1 mLL", '"mLL" is not a known unit', "1.5 mL", ""),
        ("delivery.needle_gauge=22 mm", '"22 mm" cannot be used here', "integer", ""),
        ("dose.cels=10e6 cell", 'unknown key "cels"', "cells, cells_range", 'did you mean "cells"?'),
        (
            "dose.cells=-1e6 cell",
            "a dose of -1 million cells is negative",
            "0 to 1000 million",
            "0 cell is the sham arm",
        ),
        ("dose.cells=1e10 cell", "a dose of 10000 million cells is absurd", "0 to 1000 million", "10e6 cell"),
        ("dose.cells=many", '"many" is not a number with a unit', "a number with a unit", ""),
        ("dose.cells=nan cell", '"nan cell" is not a number with a unit', "a number with a unit", ""),
        ("dose.carrier=salin", '"salin" cannot be used here', "'saline'", 'did you mean "saline"?'),
        ("dose.volume=-1 mL", '"-1 mL" is too small', "at least 0 mL", ""),
        ("delivery.needle_gauge=13", "13 cannot be used here", "14", ""),
        ("delivery.needle_gauge=35", "35 cannot be used here", "34", ""),
        ("disc.ageing=smoking", '"smoking" cannot be used here', "'none', 'nutrition' or 'cytokine'", ""),
        ("numerics.ensemble_level=2d", '"2d" cannot be used here', "'slab' or '3d'", ""),
        ("numerics.resolution=medium", '"medium" cannot be used here', "'coarse', 'standard' or 'fine'", ""),
        ("numerics.level=cube", '"cube" cannot be used here', "'disc', 'slab'", ""),
        ("follow_up.duration=200 year", '"200 year" is too', "at most 36525 day", ""),
    ],
)
def test_a_wrong_value_in_a_protocol(refused, setting: str, what: str, allowed: str, remedy: str) -> None:
    key = setting.partition("=")[0]
    refused(3, "run", STUDY, "--set", setting, what=what, where=f"--set {setting}", allowed=allowed, remedy=remedy)
    refused(3, "run", STUDY, "--set", setting, what=what, where=f"field {key}")


def test_an_unknown_section_of_a_protocol(refused) -> None:
    setting = ("--set", "doze.cells=10e6 cell")
    refused(3, "run", STUDY, *setting, what='unknown key "doze"', where="field doze", remedy='did you mean "dose"?')


def test_a_wrong_value_in_a_file_is_found_by_line(run, tmp_path: Path) -> None:
    """All problems at once, each with its line."""
    text = protocol_text(STUDY)
    text = text.replace("cells: 10e6 cell\n", "cells: 10e6\n").replace("  carrier: saline", "  carier: saline")
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    ending = run("run", str(file), *QUICK)
    assert ending.code == 3
    rows = [row.strip() for row in text.splitlines()]
    line = {word: 1 + rows.index(word) for word in ("cells: 10e6", "carier: saline")}
    assert re.search(rf"own\.yaml:{line['cells: 10e6']}:\d+ \(field dose\.cells\)", ending.err)
    assert re.search(rf"own\.yaml:{line['carier: saline']}:\d+ \(field dose\.carier\)", ending.err)
    assert ending.err.splitlines()[-1] == f"3 problems in {file}"


@pytest.mark.parametrize("end", ["0 day", "-3 day"])
def test_a_follow_up_without_length(refused, end: str) -> None:
    refused(
        3, "run", STUDY, "--until", end, what=f'"{end}" is too small', where="option --until", allowed="more than 0 day"
    )


@pytest.mark.parametrize("end", ["", "nan day", "inf day", "3 mL", "soon", "1e400 day"])
def test_a_follow_up_that_is_no_time(refused, end: str) -> None:
    refused(3, "run", STUDY, "--until", end, what="", where="option --until", allowed="such as")


def test_a_follow_up_without_a_unit(refused) -> None:
    refused(3, "run", STUDY, "--until", "12", what='"12" has no unit', where="option --until", remedy='write "12 day"')


def test_a_level_that_a_disc_does_not_have(refused) -> None:
    """Refused before the ensemble is run and a folder is made."""
    setting = ("--set", "numerics.level=well-mixed", "--ensemble", "3", "--out", "run")
    refused(
        3,
        "run",
        STUDY,
        *setting,
        what="no well-mixed run",
        where="field numerics.level",
        allowed="disc, slab",
        remedy="slab",
    )


def test_a_puncture_by_a_needle_that_does_not_exist(refused) -> None:
    setting = "insults=[{kind: annular-puncture, needle_gauge: 40}]"
    refused(3, "run", STUDY, "--set", setting, what="40 cannot be used here", where="needle_gauge", allowed="34")


def test_an_injection_after_the_end(refused) -> None:
    refused(
        3,
        "run",
        STUDY,
        *QUICK,
        "--set",
        "dose.repeat_at=[3 day]",
        what="an injection at day 3 lies outside the follow-up",
        allowed="before day 1",
        remedy="follow_up.duration",
    )


# What a disc can take


def test_a_volume_that_does_not_fit(run, refused) -> None:
    """The message names the largest volume and the largest dose, and what it names is accepted."""
    error = refused(
        3, "run", STUDY, *QUICK, "--set", "dose.volume=8 mL",
        what="8 mL is more than the nucleus of human/L4-L5/grade4 can take",
        where="field dose.volume", allowed="of its", remedy="the largest volume that fits is",
    )  # fmt: skip
    volume, dose = re.findall(r"([\d.]+) mL;.* is ([\d.]+) million cells", error["remedy"])[0]
    accepted = ("--set", f"dose.volume={volume} mL", "--set", f"dose.cells={dose} million cell")
    assert run("run", STUDY, *QUICK, *accepted, "--out", "fits").code == 0


def test_a_pressure_that_the_annulus_does_not_hold(refused) -> None:
    refused(
        3, "run", STUDY, *QUICK, "--set", "delivery.duration=1 s",
        what="the injection would reach", where="field dose.volume", allowed="MPa, which this annulus holds",
        remedy="inject more slowly (delivery.duration)",
    )  # fmt: skip


def test_a_dose_that_is_too_dense(refused) -> None:
    refused(
        3, "run", STUDY, *QUICK, "--set", "dose.cells=500e6 cell",
        what="million cells per mL of tissue", where="field dose.cells", allowed="at most 60 million", remedy="the largest dose in",
    )  # fmt: skip


def test_a_donor_that_does_not_fit(refused) -> None:
    what = "autologous cells of a human donor do not fit a rat disc"
    refused(3, "run", STUDY, *QUICK, "--disc", "rat/tail", what=what, where="field donor", remedy="choose another disc")


# Discs


@pytest.mark.parametrize("command", [("run", STUDY, "--disc"), ("nutrition",)])
@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("human/L4-L6/grade3", 'did you mean "human/L4-L5/grade3"?'),
        ("human/L4-L5/grade9", ""),
        ("unicorn", "pulposus disc list"),
    ],
)
def test_an_unknown_disc(refused, command: tuple[str, ...], name: str, remedy: str) -> None:
    refused(
        3, *command, name, what=f'unknown disc "{name}"', where=f"disc {name}", allowed="human/L1-L2", remedy=remedy
    )


def test_a_disc_file_that_does_not_exist(refused) -> None:
    error = refused(
        3, "nutrition", CYLINDER.replace("elliptic", "eliptic"), what="does not exist", remedy="elliptic_cylinder.yaml"
    )
    assert error["where"].endswith("eliptic_cylinder.yaml")


@pytest.mark.parametrize(
    ("setting", "what", "allowed"),
    [
        ("shape.height=-3 mm", "too small", "more than 0 mm"),
        ("shape.height=10", "10 has no unit", "a number with a unit"),
        ("shape.nucleus_area_fraction=1.5", "1.5 cannot be used here", "less than"),
        ("shape.kind=sphere", '"sphere" cannot be used here', "elliptic-cylinder"),
        ("metabolism.preset=upf", '"upf" cannot be used here', "'upf2025', 'field' or 'mixture'"),
        ("tissues.nucleus.cell_density=-1 million cell/mL", "too small", "at least 0"),
        ("supply.endplate_supply=0.5", "a partly open endplate needs a cartilage endplate", "0 or 1"),
    ],
)
def test_an_impossible_disc(refused, setting: str, what: str, allowed: str) -> None:
    refused(3, "nutrition", CYLINDER, "--set", setting, what=what, allowed=allowed)


@pytest.mark.parametrize(
    ("settings", "what", "allowed", "remedy"),
    [
        (
            ["kidney=-0.4", "nucleus_offset=0.2"],
            "the cross-section folds",
            "at least",
            "reduce the offset of the nucleus",
        ),
        (["central_height=1 mm", "posterior_height=0.5 mm"], "mm high at its lowest point", "above", "raise the"),
        (
            ["nucleus_area_fraction=0.99"],
            "does not fit inside the endplate ring",
            "nucleus < endplate",
            "reduce the nucleus",
        ),
    ],
)
def test_a_shape_that_folds(refused, settings: list[str], what: str, allowed: str, remedy: str) -> None:
    words = [word for setting in settings for word in ("--set", f"shape.{setting}")]
    where = "human/L4-L5/grade3"
    refused(3, "nutrition", where, *words, what=what, where=where, allowed=allowed, remedy=remedy)


@pytest.mark.parametrize("command", [("run", STUDY, *QUICK, "--disc"), ("nutrition",)])
def test_a_disc_file_with_an_impossible_shape(run, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "thin.yaml"
    shape = "{kind: anatomical, species: human, level: L4-L5, central_height: 1 mm, posterior_height: 0.5 mm}"
    file.write_text(f"schema_version: 1\nname: thin\nshape: {shape}\n", encoding="utf-8")
    ending = run(*command, str(file))
    assert (ending.code, ending.out) == (3, "")
    assert "mm high at its lowest point" in ending.err
    assert f"--> {file}" in ending.err
    assert "help: raise the anterior, central or posterior height" in ending.err


def test_a_resolution_that_does_not_exist(refused) -> None:
    what = 'unknown resolution "medium"'
    refused(3, "nutrition", "rat/tail", "--resolution", "medium", what=what, allowed="coarse, standard, fine")


# Files that cannot be read


@pytest.mark.parametrize("command", ["run", "nutrition", "validate"])
def test_a_file_that_does_not_exist(refused, tmp_path: Path, command: str) -> None:
    (tmp_path / "nearby.yaml").write_text(BLOCK, encoding="utf-8")
    what, remedy = "the file does not exist", 'did you mean "nearby.yaml"?'
    refused(3, command, "nearly.yaml", what=what, where="nearly.yaml", remedy=remedy)


def unreadable(tmp_path: Path, kind: str) -> tuple[str, str]:
    """A path that cannot be read as a document, and what is said of it."""
    path = tmp_path / "document.yaml"
    if kind == "folder":
        path.mkdir()
        return str(path), "this is a folder"
    if kind == "binary":
        path.write_bytes(bytes(range(256)))
        return str(path), "the file is not text"
    if kind == "empty":
        path.touch()
        return str(path), "the document is empty"
    if kind == "a list":
        path.write_text("- a\n- b\n", encoding="utf-8")
        return str(path), "the document is a list"
    if kind == "broken":
        path.write_text("dose: {cells: 10e6 cell\n", encoding="utf-8")
        return str(path), "not valid YAML"
    # Root may read any file of a disk, but nobody the memory of a process from its start.
    if not Path("/proc/self/mem").exists():
        pytest.skip("this system has no /proc")
    path.symlink_to("/proc/self/mem")
    return str(path), "the file cannot be read"


@pytest.mark.parametrize("kind", ["folder", "binary", "empty", "a list", "broken", "unreadable"])
@pytest.mark.parametrize("command", [("run",), ("nutrition",), ("run", STUDY, "--disc")])
def test_a_file_that_is_no_document(run, tmp_path: Path, command: tuple[str, ...], kind: str) -> None:
    path, what = unreadable(tmp_path, kind)
    ending = run(*command, path)
    assert (ending.code, ending.out) == (3, "")
    assert ending.err.startswith(f"error[invalid-input]: {what}")
    assert f"--> {path}" in ending.err
    assert "Traceback" not in ending.err


@pytest.mark.parametrize("name", ["orozcu-2011", "orozco"])
def test_an_unknown_protocol(refused, name: str) -> None:
    what = f'unknown protocol "{name}"'
    refused(3, "run", name, what=what, allowed="crevensten-2004", remedy='did you mean "orozco-2011"?')


# Places that cannot be written


@pytest.mark.parametrize(
    "command", [("run", "sham-saline", *QUICK), ("demo",), ("nutrition", CYLINDER, "--resolution", "coarse")]
)
@pytest.mark.parametrize("place", ["file", "file/inside", "/proc/pulposus"])
def test_an_output_folder_that_cannot_be_made(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], place: str
) -> None:
    """Permission bits do not stop root, a file in the way and the kernel's file system do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    ending = run(*command, "--out", place)
    assert (ending.code, ending.out) == (3, "")
    assert f"cannot write {Path(place).name}" in ending.err
    assert f"--> {place}" in ending.err
    assert "choose another folder with --out" in ending.err
    assert "Traceback" not in ending.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_output_folder_that_holds_something(refused, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    refused(
        3, "run", "sham-saline", *QUICK, "--out", str(tmp_path),
        what="already holds files (notes.txt)", where=str(tmp_path), allowed="a new or an empty folder", remedy="--out",
    )  # fmt: skip
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


# The command line


@pytest.mark.parametrize(
    ("command", "what", "remedy"),
    [
        (("run",), "Missing argument 'PROTOCOL'", "see pulposus run --help"),
        (("nutrition",), "Missing argument 'DISC'", "see pulposus nutrition --help"),
        (("resume",), "Missing argument 'RUN'", "see pulposus resume --help"),
        (("run", STUDY, "--untl", "3 day"), "No such option: --untl", "see pulposus run --help"),
        (("run", STUDY, "again"), "unexpected extra argument", "see pulposus run --help"),
        (("demo", "again"), "unexpected extra argument", "see pulposus demo --help"),
        (("run", STUDY, "--seed", "-1"), "Invalid value for '--seed'", "see pulposus run --help"),
        (("run", STUDY, "--seed", "x"), "Invalid value for '--seed'", "see pulposus run --help"),
        (("run", STUDY, "--ensemble", "-1"), "Invalid value for '--ensemble'", "see pulposus run --help"),
        (("simulate", STUDY), 'unknown command "simulate"', ""),
        (("nutritio", CYLINDER), 'unknown command "nutritio"', 'did you mean "nutrition"?'),
    ],
)
def test_a_wrong_command_line(refused, command: tuple[str, ...], what: str, remedy: str) -> None:
    refused(2, *command, what=what, remedy=remedy)


def test_an_option_without_its_value(run) -> None:
    ending = run("run", STUDY, "--until")
    assert (ending.code, ending.out) == (2, "")
    assert ending.err.startswith("error[usage]: Option '--until' requires an argument\n")


@pytest.mark.parametrize("command", [("run", STUDY), ("nutrition", "rat/tail")])
@pytest.mark.parametrize(
    ("setting", "what", "where", "allowed", "remedy"),
    [
        ("dose.cells", '"dose.cells" sets nothing', "option --set", "KEY=VALUE", ""),
        ("parameters.cells.donor.growth_rat=0.1 1/day", 'unknown parameter "cells.donor.growth_rat"', "parameter", "", "growth_rate"),
        ("parameters.cells.donor.growth_rate=9 1/day", "9 is outside the plausible range", "growth_rate", "0.03 to 0.3", ""),
        ("parameters.cells.donor.growth_rate=0.1", '"0.1" has no unit', "parameter cells.donor.growth_rate", "with a unit", "0.1 1/day"),
        ("parameters.cells.donor.growth_rate=0.1 mM", "cannot be converted", "parameter cells.donor.growth_rate", "with a unit", ""),
        ("parameters.cells.release.viability=high", '"high" is not a number', "parameter cells.release.viability", "0.7 to 0.98", ""),
        ("parameters.cells.release.viability=nan", "nan is outside", "parameter cells.release.viability", "0.7 to 0.98", ""),
        ("parameters.=1", 'unknown parameter ""', "parameter", "", "pulposus parameters"),
    ],
)  # fmt: skip
def test_a_wrong_setting(
    refused, command: tuple[str, ...], setting: str, what: str, where: str, allowed: str, remedy: str
) -> None:
    refused(3, *command, "--set", setting, what=what, where=where, allowed=allowed, remedy=remedy)


@pytest.mark.parametrize("setting", ["=3 mL", "dose.=3 mL", ".cells=3 cell"])
def test_a_setting_without_a_key(refused, setting: str) -> None:
    refused(
        3,
        "run",
        STUDY,
        "--set",
        setting,
        what="is not key=value",
        where=f"--set {setting}",
        allowed="dose.cells=4e6 cell",
    )
