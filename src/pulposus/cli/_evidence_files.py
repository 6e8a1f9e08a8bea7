"""`pulposus evidence import` and `export`: studies in, tables, schemas and records out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pulposus.cli._evidence_options import Add, evidence_base, write_output
from pulposus.cli._output import Json, print_json, print_text
from pulposus.documents import nearest
from pulposus.errors import InvalidInput, UsageError


def import_studies(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="CSV, YAML, registry JSON, or folders of them.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the added rows to, as CSV that --add reads.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check studies of your own, or registry records, and turn them into the same tables."""
    from pulposus.evidence import CLINICAL, TABLES, add_files, table_records, table_text

    extended = add_files(files)
    counts = {name: len(extended.added[name]) for name in CLINICAL}
    written: list[str] = []
    if out is not None:
        for name in CLINICAL:
            if extended.added[name]:
                path = out / TABLES[name].file
                write_output(path, table_text(extended.added[name], TABLES[name].model).encode("utf-8"))
                written.append(str(path))
    if as_json:
        rows = {name: table_records(extended.added[name]) for name in CLINICAL}
        print_json({"counts": counts, **rows, "notes": list(extended.notes), "written": written})
        return
    print_text(
        *(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()),
        *(f"note: {note}" for note in extended.notes),
        "no error found" + ("" if out else "; --out FOLDER writes the rows, --add uses them beside the shipped ones"),
    )


def export(
    study: Annotated[str, typer.Argument(metavar="[STUDY]", help="A study or a protocol (registry only).")] = "",
    to: Annotated[str, typer.Option("--to", help="csv, json, schema or registry.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File, or folder for csv.")] = None,
    add: Add = None,
    as_json: Json = False,
) -> None:
    """Write the evidence as CSV or JSON, the JSON Schemas, or a study or protocol as a ClinicalTrials.gov-like record."""
    base = evidence_base(add)
    if to == "csv":
        if out is None:
            raise UsageError("no folder was named", where="option --out", allowed="--out FOLDER")
        from pulposus.evidence import write_evidence

        try:
            files = [str(path) for path in write_evidence(base, out)]
        except OSError as error:
            raise InvalidInput(
                f'cannot write "{out}" ({error.strerror})', where="option --out", remedy="choose another folder"
            ) from None
        if as_json:
            print_json({"written": files, "version": base.version, "sha256": base.digest})
        else:
            print_text(*files)
        return
    document = _document(to, study, base)
    if out is None:
        print_json(document)
        return
    write_output(out, f"{json.dumps(document, indent=2, ensure_ascii=False)}\n".encode())
    if as_json:
        print_json({"written": [str(out)]})


def _document(to: str, study: str, base: Any) -> dict[str, Any]:
    from pulposus.evidence import TABLES, protocol_record, schemas, study_record, table_records
    from pulposus.therapy import list_protocols, load_protocol

    if to == "schema":
        return schemas()
    if to == "json":
        tables = {name: table_records(getattr(base, name)) for name in TABLES}
        return {"version": base.version, "sha256": base.digest, "text_read": base.text_read, **tables}
    if to != "registry":
        raise UsageError(
            f'there is no format "{to}"',
            where="option --to",
            allowed="csv, json, schema, registry",
            remedy=nearest(to, ("csv", "json", "schema", "registry")),
        )
    if not study:
        return {
            "studies": [study_record(one, base) for one in base.studies if one.kind in ("cells", "tissue", "non-cell")]
        }
    if study in list_protocols() or Path(study).suffix:
        return protocol_record(load_protocol(study))
    return study_record(base.study(study), base)
