"""The run directory."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from pulposus.errors import InvalidInput
from pulposus.report import EventLog, RunDirectory, RunRecord, run_name

TEXT = "schema_version: 1\n"


@pytest.fixture(scope="module")
def finished(
    run_record: RunRecord, tmp_path_factory: pytest.TempPathFactory, synthetic: SimpleNamespace
) -> RunDirectory:
    folder = RunDirectory.create(tmp_path_factory.mktemp("runs") / "one", TEXT, synthetic.protocol)
    folder.events.append("started", seed=1)
    assert not folder.finished
    written = folder.write(run_record)
    assert all(path.is_file() for path in written.values())
    return folder


def test_holds_what_the_design_promises(finished: RunDirectory, synthetic: SimpleNamespace) -> None:
    names = {path.relative_to(finished.path).as_posix() for path in finished.path.rglob("*") if path.is_file()}
    vtu = {name for name in names if name.startswith("fields/")}
    assert len(vtu) == 9
    assert names - vtu == {
        "protocol.yaml", "protocol.resolved.json", "summary.json", "timeseries.csv", "fields.nc", "fields.pvd", "report.html",
        "manifest.json", "events.jsonl",
    }  # fmt: skip
    assert (finished.path / "protocol.yaml").read_text(encoding="utf-8") == TEXT
    assert finished.resolved() == json.loads(json.dumps(synthetic.protocol))


def test_manifest_names_version_seed_inputs_files_and_parameters(finished: RunDirectory, run_record: RunRecord) -> None:
    manifest = json.loads((finished.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["version"] == run_record.manifest["version"]
    assert manifest["seed"] == run_record.manifest["seed"]
    assert manifest["inputs"]["protocol.yaml"] == hashlib.sha256(TEXT.encode()).hexdigest()
    for name, entry in manifest["files"].items():
        content = (finished.path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert [row["key"] for row in manifest["parameters"]] == [row["key"] for row in run_record.parameters]
    assert finished.finished


def test_a_finished_run_is_never_overwritten(
    finished: RunDirectory, run_record: RunRecord, synthetic: SimpleNamespace
) -> None:
    before = (finished.path / "summary.json").stat().st_mtime_ns
    with pytest.raises(InvalidInput, match="finished"):
        finished.write(run_record)
    with pytest.raises(InvalidInput, match="already holds files"):
        RunDirectory.create(finished.path, TEXT, synthetic.protocol)
    assert (finished.path / "summary.json").stat().st_mtime_ns == before


def test_an_unfinished_run_is_resumed_not_overwritten(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    RunDirectory.create(tmp_path / "run", TEXT, synthetic.protocol)
    with pytest.raises(InvalidInput, match="unfinished run") as caught:
        RunDirectory.create(tmp_path / "run", TEXT, synthetic.protocol)
    assert "pulposus resume" in caught.value.remedy
    assert not RunDirectory.open(tmp_path / "run").finished


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a run directory"):
        RunDirectory.open(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput, match="cannot write"):
        RunDirectory.create(tmp_path / "file" / "run", TEXT, synthetic.protocol)


def test_events_survive_a_cut_line(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    assert log.read() == []
    log.append("step", day=0.5)
    log.append("finished", seconds=1.0)
    with log.path.open("a", encoding="utf-8") as target:
        target.write('{"at": "2026-')
    events = log.read()
    assert [event["event"] for event in events] == ["step", "finished"]
    assert events[0]["day"] == 0.5
    assert events[0]["at"] <= events[1]["at"]


def test_events_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot write"):
        EventLog(tmp_path / "missing" / "events.jsonl").append("step")


def test_run_names_sort_by_time_and_tell_protocols_apart(synthetic: SimpleNamespace) -> None:
    moment = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    name = run_name(synthetic.protocol, moment)
    assert name.startswith("20261123T120000Z-orozco-2011-")
    assert name != run_name({**synthetic.protocol, "seed": 1}, moment)
    assert run_name({}, moment).startswith("20261123T120000Z-run-")


def test_a_reduced_run_has_no_mesh_files(tmp_path: Path, synthetic: SimpleNamespace) -> None:
    folder = RunDirectory.create(tmp_path / "run", TEXT, synthetic.protocol)
    written = folder.write(synthetic.reduced())
    assert "fields.nc" in written
    assert not [name for name in written if name.endswith((".vtu", ".pvd"))]
