"""`pulposus run`: the JSON document, the run directory, and what the options change."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from pulposus import __version__
from pulposus.cli import _run, _run_record, main
from pulposus.cli._progress import ProgressLine
from pulposus.disc import load_disc
from pulposus.simulation import Progress, stored_times
from pulposus.therapy import load_protocol, protocol_text, resolve_treatment

QUICK = ("--set", "numerics.resolution=coarse")
SLAB = (*QUICK, "--set", "numerics.level=slab")
CELLS = [
    "time_day",
    "injected",
    "born",
    "leaked",
    "dead",
    "free",
    "attached",
    "differentiated",
    "alive",
    "native_alive_fraction",
]
FIELDS = ("oxygen_kPa", "glucose_mM", "lactate_mM", "pH")
SUMMARY = ["min", "max", "mean", "nucleus_mean", "centre"]
BLOCK = """\
schema_version: 1
name: block
shape: {kind: elliptic-cylinder, half_width: 25 mm, half_depth: 18 mm, height: 10 mm, nucleus_area_fraction: 0.45}
"""


@dataclass(frozen=True)
class Finished:
    """A finished run."""

    folder: Path
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    def read(self, name: str) -> Any:
        """A JSON file of the folder."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def finish(folder: Path, *arguments: str) -> Finished:
    """Run a command outside any test's capture, so that several tests can look at one run."""
    out, err, before = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as caught:
        main(["run", *arguments, "--out", str(folder)])
    signal.signal(signal.SIGTERM, before)
    return Finished(folder, caught.value.code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A month in three dimensions with an ensemble of three."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return finish(folder, "orozco-2011", *QUICK, "--until", "30 day", "--ensemble", "3", "--json")


@pytest.fixture(scope="module")
def slab(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A day on the slab."""
    return finish(tmp_path_factory.mktemp("runs") / "slab", "orozco-2011", *SLAB, "--until", "1 day", "--json")


# The document


def test_stdout_is_one_document_and_the_rest_is_on_stderr(whole: Finished) -> None:
    assert whole.code == 0
    document, end = json.JSONDecoder().raw_decode(whole.out)
    assert whole.out[end:] == "\n"
    assert document == whole.read("summary.json")
    for text in (f"pulposus resume {whole.folder}", "with cells", "living donor cells", "Research use only"):
        assert text in whole.err


def test_cells_over_time(whole: Finished) -> None:
    rows = whole.json["cells"]
    assert [row["time_day"] for row in rows] == stored_times(30.0)
    assert all(list(row) == CELLS for row in rows)
    for row in rows:
        assert row["injected"] + row["born"] == pytest.approx(row["alive"] + row["leaked"] + row["dead"], rel=1e-10)
        assert row["alive"] == pytest.approx(row["free"] + row["attached"] + row["differentiated"], rel=1e-12)
    for name in ("born", "leaked", "dead"):
        assert np.all(np.diff([row[name] for row in rows]) >= 0.0), f"{name} is cumulative"
    assert whole.json["ledger_error"] < 1e-10


def test_injected_cells_are_the_living_ones_that_leave_the_needle(whole: Finished) -> None:
    treatment = resolve_treatment(load_protocol("orozco-2011"), load_disc("human/L4-L5/grade4", "coarse"))
    expected = 1e7 * treatment.release_viability * treatment.needle_survival
    assert all(row["injected"] == pytest.approx(expected, rel=1e-12) for row in whole.json["cells"])
    steps = whole.json["dose_steps"]
    assert (steps["nominal"], steps["injected"]) == (1e7, pytest.approx(expected, rel=1e-12))
    assert steps["nominal"] > steps["released_viable"] > steps["injected"]


def test_nutrition_at_the_promised_days(whole: Finished) -> None:
    rows = whole.json["nutrition"]
    assert [row["time_day"] for row in rows] == [0.0, 1.0, 28.0, 30.0]
    for row in rows:
        assert set(row) == {"time_day", *FIELDS}
        for key in FIELDS:
            assert list(row[key]) == SUMMARY
            assert row[key]["min"] <= row[key]["nucleus_mean"] <= row[key]["max"]


def test_the_ensemble_and_the_warnings_are_in_the_document(whole: Finished) -> None:
    document = whole.json
    assert document["ensemble"]["members"] == 3
    assert "slab" in document["ensemble"]["level"]
    assert document["ensemble"]["time_day"] == stored_times(30.0)
    assert isinstance(document["warnings"], list)
    assert all(isinstance(text, str) and text for text in document["warnings"])
    assert (document["simulated"], document["research_use_only"], document["version"]) == (True, True, __version__)


# The run directory


def test_the_files_of_the_run_directory(whole: Finished) -> None:
    names = {entry.name for entry in whole.folder.iterdir()}
    assert names == {
        "protocol.yaml",
        "protocol.resolved.json",
        "options.json",
        "summary.json",
        "timeseries.csv",
        "fields.nc",
        "fields",
        "fields.pvd",
        "report.html",
        "manifest.json",
        "events.jsonl",
    }
    assert (whole.folder / "protocol.yaml").read_text(encoding="utf-8") == protocol_text("orozco-2011")
    resolved = load_protocol(whole.folder / "protocol.resolved.json")
    assert (resolved.numerics.resolution, resolved.follow_up.duration, resolved.numerics.ensemble) == (
        "coarse",
        30.0,
        3,
    )


def test_the_time_series_is_a_tidy_table(whole: Finished) -> None:
    with (whole.folder / "timeseries.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time_day", "run", "region", "quantity", "statistic", "value"]
    assert {row["run"] for row in rows} == {"with_cells", "without_cells", "native_course", "ensemble"}
    alive = [float(row["value"]) for row in rows if row["quantity"] == "alive_cells" and row["statistic"] == "ledger"]
    assert alive == [row["alive"] for row in whole.json["cells"]]


def test_xarray_opens_the_fields(whole: Finished) -> None:
    with xarray.open_dataset(whole.folder / "fields.nc", decode_timedelta=False) as fields:
        assert set(fields.dims) >= {"run", "time", "column", "level"}
        assert fields["time"].values.tolist() == stored_times(30.0)
        glucose = fields["glucose"].sel(run="with_cells").isel(time=-1)
        assert glucose.attrs["units"]
        assert float(glucose.min()) == pytest.approx(whole.json["nutrition"][-1]["glucose_mM"]["min"], rel=1e-12)


def test_vtk_opens_the_fields_for_paraview(whole: Finished) -> None:
    vtk = pytest.importorskip("vtk", reason="the optional extra viz is not installed")
    listed = re.findall(r'timestep="([^"]*)"[^>]*file="([^"]*)"', (whole.folder / "fields.pvd").read_text())
    assert [float(time) for time, _ in listed] == stored_times(30.0)
    for _, name in (listed[0], listed[-1]):
        reader = vtk.vtkXMLUnstructuredGridReader()
        reader.SetFileName(str(whole.folder / name))
        reader.Update()
        assert reader.GetErrorCode() == 0
        assert reader.GetOutput().GetNumberOfPoints() == whole.json["disc"]["nodes"]


def test_the_report_is_one_small_file_that_loads_nothing(whole: Finished) -> None:
    report = (whole.folder / "report.html").read_text(encoding="utf-8")
    assert len(report.encode()) < 5_000_000
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//[^"'>]*\.(?:js|css|png|svg|woff2?)""", report)
    assert "orozco-2011" in report


def test_the_manifest_identifies_the_run(whole: Finished) -> None:
    manifest = whole.read("manifest.json")
    assert manifest["version"] == __version__
    assert manifest["seed"] == 2011
    assert {"commit", "lock", "machine", "seconds", "command"} <= set(manifest)
    for name, digest in manifest["inputs"].items():
        assert hashlib.sha256((whole.folder / name).read_bytes()).hexdigest() == digest
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((whole.folder / name).read_bytes()).hexdigest() == entry["sha256"]
    constants = {row["key"] for row in manifest["parameters"]}
    assert {"cells.donor.growth_rate", "cells.injection.track_conductance_ratio"} <= constants


def test_the_events_tell_the_story(whole: Finished) -> None:
    events = [json.loads(line) for line in (whole.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("started", "finished")
    told = [(event["run"], event["time_day"]) for event in events if event["event"] == "stored"]
    assert told == [
        (run, time) for run in ("ensemble", "with_cells", "sham", "native_course") for time in stored_times(30.0)[1:]
    ]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)


# What the options change


def test_a_run_on_the_slab(slab: Finished) -> None:
    assert slab.code == 0
    assert slab.json["disc"]["nodes"] == load_disc("human/L4-L5/grade4", "coarse").topology.levels
    assert slab.json["ensemble"] is None
    assert not (slab.folder / "fields.pvd").exists()
    with xarray.open_dataset(slab.folder / "fields.nc", decode_timedelta=False) as fields:
        assert fields.sizes["column"] == 1


def test_without_json_the_answer_is_the_folder(run, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    ending = run("run", "orozco-2011", *SLAB, "--until", "0.25 day", "--out", str(folder))
    assert (ending.code, ending.out) == (0, f"{folder}\n")
    assert f"pulposus resume '{folder}'" in ending.err
    assert f"report: {folder / 'report.html'}" in ending.err


def test_the_default_folder_is_new_and_named_by_time_and_study(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ending = run("run", "sham-saline", *SLAB, "--until", "0.25 day")
    assert ending.code == 0
    assert re.fullmatch(r"runs/\d{8}T\d{6}Z-sham-saline-[0-9a-f]{8}\n", ending.out)
    assert (tmp_path / ending.out.strip() / "manifest.json").is_file()


def test_another_disc_and_another_end(run, tmp_path: Path) -> None:
    arguments = ("--disc", "human/L1L2/grade2", "--until", "2 day", "--out", str(tmp_path / "run"), "--json")
    ending = run("run", "orozco-2011", *SLAB, *arguments)
    assert ending.json["disc"]["name"] == "human/L1-L2/grade2"
    assert ending.json["cells"][-1]["time_day"] == 2.0
    resolved = json.loads((tmp_path / "run" / "protocol.resolved.json").read_text(encoding="utf-8"))
    assert resolved["disc"]["name"] == "human/L1L2/grade2"


def test_a_disc_file_is_copied_into_the_run(run, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(BLOCK, encoding="utf-8")
    arguments = ("--disc", str(file), "--until", "0.25 day", "--out", str(tmp_path / "run"), "--json")
    assert run("run", "sham-saline", *SLAB, *arguments).json["disc"]["name"] == "block"
    assert (tmp_path / "run" / "disc.yaml").read_text(encoding="utf-8") == BLOCK


def test_a_disc_file_beside_the_protocol_file(run, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(protocol_text("sham-saline").replace("human/L4-L5/grade4", "own.yaml"), encoding="utf-8")
    (tmp_path / "own.yaml").write_text(BLOCK, encoding="utf-8")
    ending = run("run", str(study), *SLAB, "--until", "0.25 day", "--out", str(tmp_path / "run"), "--json")
    assert ending.json["disc"]["name"] == "block"


def test_zero_cells_are_the_sham_arm_and_the_untreated_disc(run, tmp_path: Path) -> None:
    folder = tmp_path / "sham"
    ending = run(
        "run", "orozco-2011", *SLAB, "--set", "dose.cells=0 cell", "--until", "1 day", "--out", str(folder), "--json"
    )
    assert ending.code == 0
    assert all(
        row[name] == 0.0 for row in ending.json["cells"] for name in ("injected", "born", "leaked", "dead", "alive")
    )
    with xarray.open_dataset(folder / "fields.nc", decode_timedelta=False) as fields:
        for name in ("oxygen", "glucose", "lactate", "native", "senescent"):
            np.testing.assert_array_equal(*(fields[name].sel(run=arm) for arm in ("with_cells", "without_cells")))


def test_a_constant_can_be_changed(run, tmp_path: Path, slab: Finished) -> None:
    setting = "parameters.cells.donor.growth_rate = 0.2 1/day"
    ending = run(
        "run", "orozco-2011", *SLAB, "--set", setting, "--until", "1 day", "--out", str(tmp_path / "run"), "--json"
    )
    assert ending.json["cells"][-1]["born"] > 1.2 * slab.json["cells"][-1]["born"]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert {row["key"]: row["value"] for row in manifest["parameters"]}["cells.donor.growth_rate"] == 0.2


@pytest.mark.slow
def test_the_seed_decides_the_ensemble_and_nothing_else(run, tmp_path: Path) -> None:
    endings = [
        run(
            "run",
            "orozco-2011",
            *SLAB,
            "--until",
            "0.5 day",
            "--ensemble",
            "3",
            *seed,
            "--out",
            str(tmp_path / f"{n}"),
            "--json",
        ).json
        for n, seed in enumerate([("--seed", "5"), ("--seed", "5"), ("--seed", "6")])
    ]
    same, again, other = endings
    assert (same["seed"], other["seed"]) == (5, 6)
    assert same["ensemble"] == again["ensemble"]
    assert same["ensemble"]["quantiles"]["alive"] != other["ensemble"]["quantiles"]["alive"]
    assert same["cells"] == again["cells"] == other["cells"]


def test_an_ensemble_of_nobody_is_none(run, tmp_path: Path) -> None:
    arguments = ("--ensemble", "0", "--until", "0.25 day", "--out", str(tmp_path / "run"), "--json")
    ending = run("run", "orozco-2011", *SLAB, "--set", "numerics.ensemble=9", *arguments)
    assert ending.json["ensemble"] is None


def test_too_many_cells_are_pointed_out(run, tmp_path: Path) -> None:
    """A hundred million cells starve a grade IV disc: less than 0.5 mM glucose, and the native cells suffer (cells_matrix 9)."""
    arguments = ("--set", "dose.cells=100e6 cell", "--until", "28 day", "--out", str(tmp_path / "run"), "--json")
    ending = run("run", "orozco-2011", *SLAB, *arguments)
    (starved,) = (text for text in ending.json["warnings"] if "over-dose starvation" in text)
    assert "of the nucleus holds less than 0.5 mM glucose" in starved
    assert "native cells against the sham at day 28" in starved
    (safe,) = (row for row in ending.json["safety"] if row["signal"] == "largest safe dose")
    assert safe["flagged"]
    assert 0.0 < safe["value"] < 100.0
    assert ending.err.count("warning: ") == len(ending.json["warnings"])


def test_the_document_tells_matrix_arms_safety_and_insults(slab: Finished) -> None:
    """With the needle as the only insult, and no history before it."""
    document = slab.json
    assert set(document["arms"]) == {"sham", "native_course"}
    assert {row["run"] for row in document["matrix"]} == {"with_cells", "sham", "native_course"}
    for row in document["matrix"]:
        assert {"time_day", "run", "nucleus", "disc"} <= set(row)
        assert 0.0 < row["nucleus"]["glycosaminoglycan_mg_per_mL"] < 100.0
    assert document["matrix_ledger_error"] < 1e-10
    assert [row["kind"] for row in document["insults"]] == ["needle puncture, gauge 22"]
    assert document["history"] == []
    names = {row["signal"] for row in document["safety"]}
    assert {"leaked cells", "osteophyte", "needle pressure", "puncture harm", "largest safe dose"} <= names
    assert all(row["status"] and row["source"] for row in document["safety"])


def test_an_insult_before_the_treatment_is_in_the_history(run, tmp_path: Path) -> None:
    insult = "insults=[{kind: nucleotomy, removed_fraction: 0.3, time_before_treatment: 7 day}]"
    arguments = ("--set", insult, "--until", "0.25 day", "--out", str(tmp_path / "run"), "--json")
    document = run("run", "orozco-2011", *SLAB, *arguments).json
    times = [row["time_day"] for row in document["history"]]
    assert (times[0], times[-1]) == (-7.0, 0.0)
    assert [(row["time_day"], row["kind"]) for row in document["insults"]] == [
        (-7.0, "nucleotomy"),
        (0.0, "needle puncture, gauge 22"),
    ]
    assert document["insults"][0]["left"]["glycosaminoglycan_mg"] > 0.0


def test_members_that_are_missing_are_pointed_out() -> None:
    assert _run_record.ensemble_warnings({"refused": [], "failed": 0}) == []
    first, second = _run_record.ensemble_warnings({"refused": ["9 mL is too much", "8 mL is too much"], "failed": 3})
    assert first == "2 draws of the ensemble contradict the study and were replaced: 9 mL is too much"
    assert second.startswith("3 members")


def test_a_solver_that_fails_ends_with_its_exit_code(run, tmp_path: Path) -> None:
    """A density that no number can hold; the folder stays, and says that it can be continued."""
    file = tmp_path / "absurd.yaml"
    file.write_text(BLOCK + "tissues: {nucleus: {cell_density: 1.0e+200 million cell/mL}}\n", encoding="utf-8")
    ending = run("run", "sham-saline", *SLAB, "--disc", str(file), "--until", "1 day", "--out", str(tmp_path / "run"))
    assert (ending.code, ending.out) == (4, "")
    assert "error[solver-failed]: the run settling stopped at day 0" in ending.err
    assert "Traceback" not in ending.err
    assert not (tmp_path / "run" / "manifest.json").exists()


# What identifies the program and shows its progress


def test_the_source_of_the_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}|installed package|unknown", _run_record.commit())
    assert re.fullmatch(r"[0-9a-f]{16}|not a checkout", _run_record.lock_digest())
    assert "Python" in _run_record.machine()
    monkeypatch.setattr(_run_record, "__file__", str(tmp_path / "src" / "pulposus" / "cli" / "_run_record.py"))
    assert (_run_record.commit(), _run_record.lock_digest()) == ("installed package", "not a checkout")
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _run_record.commit() == "unknown"


def test_progress_moves_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    line = ProgressLine()
    line(Progress("with_cells", 7.0, 28.0, 31))
    line(Progress("sham", 28.0, 28.0, 50))
    line.close()
    line.close()
    first, second = terminal.getvalue().split("\r")[1:]
    assert first.rstrip() == "with cells    day     7.00 of 28   25%  31 steps"
    assert second.startswith("without cells day    28.00 of 28  100%")
    assert terminal.getvalue().count("\n") == 1


def test_progress_is_rare_in_a_log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from pulposus.cli import _progress

    clock = {"now": 0.0}
    monkeypatch.setattr(_progress.time, "monotonic", lambda: clock["now"])
    line = ProgressLine()
    for seconds, day in ((3.0, 1.0), (11.0, 2.0), (12.0, 3.0), (13.0, 28.0)):
        clock["now"] = seconds
        line(Progress("ensemble", day, 28.0, 1))
    line.close()
    lines = capsys.readouterr().err.splitlines()
    assert [re.findall(r"day +([\d.]+)", text)[0] for text in lines] == ["2.00", "28.00"]


def test_the_command_is_kept_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pulposus", "run", "orozco-2011", "--until", "2 day"])
    *_, command = _run.job_inputs("orozco-2011", None, "2 day", None, [], None, None)
    assert command == "pulposus run orozco-2011 --until '2 day'"
