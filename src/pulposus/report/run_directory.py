"""The run directory: the product of a run as files that other programs open.

    protocol.yaml            as given
    protocol.resolved.json   every value that the run used
    events.jsonl             what happened while it ran, one JSON object per line
    summary.json             the answer
    timeseries.csv           tidy table
    fields.nc                all fields (NetCDF-4)
    fields.pvd, fields/      the same for ParaView
    report.html              one file for people
    manifest.json            written last: version, machine, seed, digests of all files

Every file is written in one step, so a folder without `manifest.json` is an unfinished run and nothing in it is half a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pulposus.errors import InvalidInput
from pulposus.report._atomic import make_empty_folder, refuse, write_text
from pulposus.report._tables import json_text, study_name, write_summary, write_timeseries

if TYPE_CHECKING:
    from pulposus.report._record import RunRecord

PROTOCOL = "protocol.yaml"
RESOLVED = "protocol.resolved.json"
MANIFEST = "manifest.json"
EVENTS = "events.jsonl"


class EventLog:
    """What happens during a run, appended line by line so that another program can follow it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, **details: Any) -> None:
        """Append one event and hand it to the operating system at once.

        Args:
            event: Name of the event, such as "step" or "finished".
            **details: Plain data.

        Raises:
            InvalidInput: The file cannot be written.
        """
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps(json.loads(json_text({"at": stamp, "event": event, **details})), ensure_ascii=False)
        try:
            with self.path.open("a", encoding="utf-8") as target:
                target.write(line + "\n")
                target.flush()
        except OSError as error:
            raise refuse(self.path, error) from error

    def read(self) -> list[dict[str, Any]]:
        """All events; a last line that a kill cut short is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1] if line]


def run_name(protocol: Mapping[str, Any], moment: datetime) -> str:
    """Folder name of a run: time in UTC, the protocol's id and the first eight digits of the digest of the resolved protocol."""
    slug = re.sub(r"[^a-z0-9]+", "-", study_name(protocol).lower()).strip("-")[:40] or "run"
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{slug}-{_digest(json_text(protocol).encode())[:8]}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class RunDirectory:
    """A folder that holds one run."""

    path: Path

    @classmethod
    def create(cls, path: Path, protocol_text: str, resolved: Mapping[str, Any]) -> Self:
        """Make the folder and write the protocol into it.

        Args:
            path: Folder; it may exist when it is empty.
            protocol_text: The protocol as given.
            resolved: The resolved protocol as plain data.

        Raises:
            InvalidInput: The folder cannot be written or holds something already.
        """
        make_empty_folder(path, "run", RESOLVED, MANIFEST)
        write_text(path / PROTOCOL, protocol_text)
        write_text(path / RESOLVED, json_text(resolved))
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing run, finished or not.

        Raises:
            InvalidInput: The folder holds no run.
        """
        if not (path / RESOLVED).is_file():
            raise InvalidInput(
                f"{path.name} is not a run directory",
                where=str(path),
                allowed=f"a folder with {RESOLVED}, as `pulposus run` writes it",
                remedy="check the path",
            )
        return cls(path)

    @property
    def events(self) -> EventLog:
        """The log of the run."""
        return EventLog(self.path / EVENTS)

    @property
    def finished(self) -> bool:
        """Whether the run was written completely."""
        return (self.path / MANIFEST).is_file()

    def resolved(self) -> dict[str, Any]:
        """The resolved protocol."""
        return json.loads((self.path / RESOLVED).read_text(encoding="utf-8"))

    def write(self, record: RunRecord) -> dict[str, Path]:
        """Write tables, fields, report and manifest.

        Args:
            record: The finished run.

        Returns:
            Files by name.

        Raises:
            InvalidInput: The folder holds a finished run, or it cannot be written.
        """
        from pulposus.report._html import write_report
        from pulposus.report._netcdf import write_netcdf
        from pulposus.report._vtu import write_time_series

        if self.finished:
            raise InvalidInput(
                f"the run in {self.path.name} is finished",
                where=str(self.path),
                remedy="choose another folder with --out",
            )
        files = [
            write_summary(self.path / "summary.json", record),
            write_timeseries(self.path / "timeseries.csv", record),
            write_netcdf(self.path / "fields.nc", record),
            *(write_time_series(self.path, record) if record.is_spatial else ()),
            write_report(self.path / "report.html", record),
        ]
        inputs = [self.path / PROTOCOL, self.path / RESOLVED]
        manifest = {
            **record.manifest,
            "inputs": {file.name: _digest(file.read_bytes()) for file in inputs},
            "files": {
                file.relative_to(self.path).as_posix(): {
                    "sha256": _digest(file.read_bytes()),
                    "bytes": file.stat().st_size,
                }
                for file in files
            },
            "parameters": list(record.parameters),
        }
        write_text(self.path / MANIFEST, json_text(manifest))
        files = [*inputs, *files, self.path / MANIFEST]
        return {file.relative_to(self.path).as_posix(): file for file in files}
