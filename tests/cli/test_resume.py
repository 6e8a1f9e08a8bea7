"""`pulposus resume`: a run that was killed or interrupted goes on and ends with the same bits."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pulposus import __version__
from pulposus.cli import _job
from pulposus.therapy import load_protocol, protocol_text

# A process that a script starts in the background is born deaf to the keyboard's interrupt.
START = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pulposus.cli import main
main(sys.argv[1:])
"""
# In three dimensions, so that a stored time takes long enough to be killed between two.
SPATIAL = ("orozco-2011", "--set", "numerics.resolution=coarse", "--until", "7 day", "--ensemble", "2")
# Many stored times on the slab, which compiles in a fraction of the time.
AXIAL = ("orozco-2011", *SPATIAL[1:3], "--set", "numerics.level=slab", "--until", "20 year")
# Mechanics acts on days 0, 3, 5 and 7, each time with a shape that the next one starts from.
CYLINDER = str(Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml")
COUPLED = (
    *("orozco-2011", "--disc", CYLINDER, *SPATIAL[1:3], "--until", "7 day"),
    *("--set", "numerics.mechanics=coupled", "--set", "numerics.mechanics_interval=3 day"),
)
# A cold compilation on a busy machine.
LONGEST_START = 200.0


def events(folder: Path) -> list[dict[str, Any]]:
    file = folder / "events.jsonl"
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def stop(
    folder: Path, arguments: tuple[str, ...], number: signal.Signals, stored: int = 2, longest: float = LONGEST_START
) -> subprocess.CompletedProcess[str]:
    """Start a run in a process of its own and send it a signal after some stored times of the treated disc."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, "run", *arguments, "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        latest = time.monotonic() + longest
        while sum(event.get("run") == "with_cells" for event in events(folder)) < stored:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < latest, "the run stored nothing"
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate(timeout=60.0)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def compare(folder: Path, other: Path) -> None:
    """Everything but the time that it took is the same to the last bit."""
    one, two = (json.loads((run / "summary.json").read_text(encoding="utf-8")) for run in (folder, other))
    assert {key: value for key, value in one.items() if key != "seconds"} == {
        key: value for key, value in two.items() if key != "seconds"
    }
    assert (folder / "timeseries.csv").read_bytes() == (other / "timeseries.csv").read_bytes()


def test_a_killed_run_goes_on_to_the_same_bits(run, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert stop(killed, SPATIAL, signal.SIGKILL).returncode == -signal.SIGKILL
    assert not (killed / "manifest.json").exists()
    stored = len(events(killed))
    ending = run("resume", str(killed), "--json")
    assert ending.code == 0
    assert ending.json == json.loads((killed / "summary.json").read_text(encoding="utf-8"))
    later = events(killed)[stored:]
    assert (later[0]["event"], later[-1]["event"]) == ("resumed", "finished")
    told = [(event["run"], event["time_day"]) for event in later if event["event"] == "stored"]
    assert ("with_cells", 0.25) not in told, "what was stored is not computed again"
    assert "ensemble" not in {run for run, _ in told}
    assert not (killed / "checkpoints").exists()
    assert run("run", *SPATIAL, "--out", str(whole)).code == 0
    compare(killed, whole)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_coupled_run_goes_on_to_the_same_bits(run, tmp_path: Path) -> None:
    """It is killed in its second shape, which the resumed run has to meet again."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert stop(killed, COUPLED, signal.SIGKILL, stored=6, longest=2.0 * LONGEST_START).returncode == -signal.SIGKILL
    assert {file.name.split("_")[1][-3:] for file in (killed / "checkpoints").glob("with_cells*")} >= {"000", "001"}
    before = len(events(killed))
    assert run("resume", str(killed)).code == 0
    told = {event["time_day"] for event in events(killed)[before:] if event.get("run") == "with_cells"}
    assert told <= {5.0, 7.0}, "what was stored is not computed again"
    assert run("run", *COUPLED, "--out", str(whole)).code == 0
    compare(killed, whole)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted\n"),
        pytest.param(signal.SIGTERM, 143, "terminated\n", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_can_be_continued(run, tmp_path: Path, number: signal.Signals, code: int, said: str) -> None:
    folder = tmp_path / "run"
    ended = stop(folder, AXIAL, number)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.endswith(said)
    assert f"after an interruption: pulposus resume {folder}" in ended.stderr
    assert "Traceback" not in ended.stderr
    ending = run("resume", str(folder))
    assert (ending.code, ending.out) == (0, f"{folder}\n")
    assert (folder / "report.html").is_file()


# A folder with an unfinished run, which is cheap: nothing is computed before the first state is stored.


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    folder = tmp_path / "unfinished"
    settings = ["numerics.level=slab", "numerics.resolution=coarse", "follow_up.duration=1 day"]
    protocol = load_protocol("orozco-2011", settings)
    changed = {"cells.donor.growth_rate": "0.2 1/day"}
    _job.begin(folder, protocol, protocol_text("orozco-2011"), protocol.disc.name, changed, "pulposus run")
    return folder


def refused(run, folder: Path, *texts: str) -> None:
    """One error with exit code 3 that holds the texts; the folder keeps its files."""
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} if folder.is_dir() else {}
    ending = run("resume", str(folder))
    assert (ending.code, ending.out) == (3, "")
    assert "Traceback" not in ending.err
    assert ending.err.count("error[") == 1
    for text in texts:
        assert text in ending.err
    assert all(file.read_bytes() == content for file, content in before.items())


def test_changed_constants_are_kept(run, unfinished: Path) -> None:
    assert run("resume", str(unfinished)).code == 0
    manifest = json.loads((unfinished / "manifest.json").read_text(encoding="utf-8"))
    assert {row["key"]: row["value"] for row in manifest["parameters"]}["cells.donor.growth_rate"] == 0.2
    assert manifest["command"] == "pulposus run"


def test_a_finished_run(run, unfinished: Path) -> None:
    assert run("resume", str(unfinished)).code == 0
    refused(run, unfinished, "the run in unfinished is finished", f"help: open {unfinished / 'report.html'}")


def test_the_disc_file_of_a_run_is_kept_with_it(run, tmp_path: Path) -> None:
    file, folder = tmp_path / "own.yaml", tmp_path / "run"
    shape = (
        "{kind: elliptic-cylinder, half_width: 25 mm, half_depth: 18 mm, height: 10 mm, nucleus_area_fraction: 0.45}"
    )
    file.write_text(f"schema_version: 1\nname: own\nshape: {shape}\n", encoding="utf-8")
    settings = ["numerics.level=slab", "numerics.resolution=coarse", "follow_up.duration=0.25 day"]
    protocol = load_protocol("sham-saline", settings)
    _job.begin(folder, protocol, protocol_text("sham-saline"), str(file), {}, "pulposus run")
    file.unlink()
    assert run("resume", str(folder), "--json").json["disc"]["name"] == "own"


@pytest.mark.parametrize("name", ["nowhere", "empty", "file"])
def test_a_place_without_a_run(run, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("not a run", encoding="utf-8")
    refused(run, tmp_path / name, f"{name} is not a run directory", "protocol.resolved.json", "check the path")


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{",
        "[]",
        '{"disc": "human/L4-L5/grade4"}',
        '{"disc": "human/L4-L5/grade4", "parameters": [], "version": "0.1.0", "command": ""}',
        '{"disc": 3, "parameters": {}, "version": "0.1.0", "command": "", "more": 1}',
    ],
    ids=["absent", "empty", "cut short", "a list", "keys missing", "wrong type", "unknown key"],
)
def test_damaged_options(run, unfinished: Path, content: str | None) -> None:
    (unfinished / "options.json").unlink()
    if content is not None:
        (unfinished / "options.json").write_text(content, encoding="utf-8")
    refused(run, unfinished, "options.json of the run cannot be read", "start the run again in another folder")


def test_a_damaged_protocol(run, unfinished: Path) -> None:
    (unfinished / "protocol.resolved.json").write_text('{"schema_version": 1, "dose"', encoding="utf-8")
    refused(run, unfinished, "not valid YAML", "protocol.resolved.json")


def test_another_version(run, unfinished: Path) -> None:
    options = json.loads((unfinished / "options.json").read_text(encoding="utf-8"))
    (unfinished / "options.json").write_text(json.dumps({**options, "version": "0.0.9"}), encoding="utf-8")
    refused(run, unfinished, "begun by version 0.0.9", f"runs of this version, {__version__}", "install that version")


def test_a_damaged_checkpoint(run, unfinished: Path) -> None:
    (unfinished / "checkpoints").mkdir()
    (unfinished / "checkpoints" / "with_cells_0000.state").write_bytes(b"half")
    ending = run("resume", str(unfinished))
    assert ending.code == 3
    assert "with_cells_0000.state is damaged" in ending.err
    shutil.rmtree(unfinished / "checkpoints")
    assert run("resume", str(unfinished)).code == 0


def test_a_run_is_not_started_in_the_folder_of_another(run, unfinished: Path) -> None:
    ending = run("run", "orozco-2011", "--set", "numerics.level=slab", "--out", str(unfinished))
    assert ending.code == 3
    assert "already holds an unfinished run" in ending.err
    assert f"pulposus resume {unfinished}" in ending.err
