"""`pulposus evidence`: the studies, their pools, claims and protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pulposus.cli import _evidence_files, _evidence_pictures, _evidence_pool
from pulposus.cli._commands import command_app
from pulposus.cli._evidence_options import RESEARCH_USE, Add, evidence_base
from pulposus.cli._output import Json, print_json, print_note, print_text
from pulposus.documents import nearest
from pulposus.errors import InvalidInput, UsageError

app = command_app(help="List, pool, draw, check and extend the published evidence.")
app.command("meta")(_evidence_pool.meta)
app.command("forest")(_evidence_pictures.forest)
app.command("funnel")(_evidence_pictures.funnel)
app.command("timeline")(_evidence_pictures.timeline)
app.command("import")(_evidence_files.import_studies)
app.command("export")(_evidence_files.export)

_COLUMNS = {
    "studies": (
        "study_id",
        "first_author",
        "year",
        "cell_class",
        "allocation",
        "n_treated",
        "n_control",
        "followup_months",
        "status",
    ),
    "arms": ("study_id", "arm", "role", "content", "analysis_set", "n"),
    "outcomes": ("study_id", "arm", "outcome", "month", "n", "mean", "sd", "se", "events", "total", "status"),
    "adverse_events": ("study_id", "arm", "event", "serious", "month", "events", "total", "status"),
    "measures": ("outcome", "domain", "form", "better", "description"),
    "pooled": (
        "review_id",
        "year",
        "comparison",
        "outcome",
        "effect_measure",
        "k",
        "effect",
        "ci_low",
        "ci_high",
        "i2",
    ),
    "expectations": ("pool", "k", "estimate", "ci_low", "ci_high", "prediction_low", "prediction_high", "i2"),
    "comparisons": ("review_id", "outcome", "measure", "contrast", "month", "reason"),
    "thresholds": ("item", "instrument", "value", "low", "high", "unit", "source"),
    "claims": ("claim", "verdict", "text"),
    "disagreements": ("study_id", "item", "value", "preferred", "source"),
    "protocol_items": ("number", "section", "path", "required", "doses", "mibo"),
    "statements": ("study_id", "path", "value", "source"),
    "animal_studies": (
        "study_id",
        "first_author",
        "year",
        "species",
        "degeneration_model",
        "donor",
        "cell_source",
        "dose_cells_per_disc",
        "status",
    ),
    "animal_outcomes": ("study_id", "group", "outcome", "time_days", "n", "mean", "sd", "unit", "direction", "status"),
    "in_vitro": ("experiment", "cell_type", "condition", "outcome", "value", "unit", "direction", "status"),
    "pooled_animal": (
        "meta_id",
        "outcome",
        "species",
        "effect_measure",
        "effect",
        "ci_low",
        "ci_high",
        "finding",
        "p_value",
    ),
}


@app.command("list")
def list_command(
    table: Annotated[str, typer.Argument(help="Table; `tables` lists them.")] = "studies",
    search: Annotated[str, typer.Option(help="Words that a row contains.")] = "",
    add: Add = None,
    as_json: Json = False,
) -> None:
    """List the rows of a table, by default the studies."""
    from pulposus.cli._evidence_text import table_lines
    from pulposus.evidence import TABLES, table_records

    base = evidence_base(add)
    if table == "tables":
        rows = [{"table": name, "rows": len(getattr(base, name)), "what": one.text} for name, one in TABLES.items()]
        if as_json:
            print_json({"tables": rows, "version": base.version, "sha256": base.digest, "text_read": base.text_read})
        else:
            print_text(
                *table_lines(rows, ("table", "rows", "what"), 90),
                "",
                f"version {base.version}; read: {base.text_read}",
                RESEARCH_USE,
            )
        return
    if table not in TABLES:
        raise UsageError(
            f'there is no table "{table}"', allowed=", ".join(["tables", *TABLES]), remedy=nearest(table, TABLES)
        )
    words = search.lower().split()
    found = [
        row
        for row in getattr(base, table)
        if all(word in " ".join(str(value) for value in dict(row).values()).lower() for word in words)
    ]
    if as_json:
        print_json({table: table_records(found), "version": base.version, "research_use_only": True})
        return
    print_text(*table_lines([dict(row) for row in found], _COLUMNS[table]), "", RESEARCH_USE)
    print_note(f"{len(found)} of {len(getattr(base, table))} rows; --json prints every field with its source")


@app.command("show")
def show_command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study.")],
    add: Add = None,
    as_json: Json = False,
) -> None:
    """Show everything that is known of a study, conflicting values side by side."""
    from pulposus.cli._evidence_text import study_lines
    from pulposus.evidence import check_evidence, find_conflicts, score_study, table_records

    base = evidence_base(add)
    animal = {row.study_id.lower(): row for row in base.animal_studies}
    if study.lower() in animal and study.lower() not in {name.lower() for name in base.by_study}:
        _show_animal(animal[study.lower()], base, as_json=as_json)
        return
    found = base.study(study)
    conflicts = [one for one in find_conflicts(base) if one.study_id == found.study_id]
    score = score_study(found, base) if found.kind in ("cells", "tissue") else None
    if as_json:
        rows = {name: table_records(part) for name, part in base.rows_of(found.study_id).items()}
        print_json(
            {
                "study": found.model_dump(mode="json"),
                **rows,
                "conflicts": [one.as_dict() for one in conflicts],
                "warnings": [one.as_dict() for one in check_evidence(base) if f" {found.study_id}" in one.where],
                "completeness": score.as_dict(items=False) if score is not None else None,
                "research_use_only": True,
            }
        )
        return
    print_text(*study_lines(found, base, conflicts, score), "", RESEARCH_USE)


def _show_animal(study: Any, base: Any, *, as_json: bool) -> None:
    from pulposus.cli._evidence_text import table_lines
    from pulposus.cli._output import aligned
    from pulposus.evidence import field_text, table_records

    rows = [row for row in base.animal_outcomes if row.study_id == study.study_id]
    if as_json:
        print_json(
            {
                "animal_study": study.model_dump(mode="json"),
                "animal_outcomes": table_records(rows),
                "research_use_only": True,
            }
        )
        return
    facts = [(f"  {name}", field_text(value)) for name, value in dict(study).items() if field_text(value)]
    print_text(
        study.study_id,
        *aligned(facts),
        "",
        *table_lines([dict(row) for row in rows], _COLUMNS["animal_outcomes"]),
        "",
        RESEARCH_USE,
    )


@app.command("claims")
def claims_command(
    group: Annotated[str, typer.Option(help="clinical or animal; both where left out.")] = "", as_json: Json = False
) -> None:
    """List claims about the therapy with the verdict of the literature and its source."""
    from pulposus.cli._evidence_text import claim_lines
    from pulposus.evidence import load_evidence, table_records

    base = load_evidence()
    if group not in ("", "clinical", "animal"):
        raise UsageError(f'there is no group "{group}"', where="option --group", allowed="clinical, animal")
    found = [one for one in base.claims if group in ("", one.group)]
    if as_json:
        print_json({"claims": table_records(found), "version": base.version, "research_use_only": True})
    else:
        print_text(*claim_lines(found), RESEARCH_USE)


@app.command("score")
def score_command(
    study: Annotated[
        str,
        typer.Argument(
            metavar="[STUDY]", help="A study, a built-in protocol or a protocol file; all studies where left out."
        ),
    ] = "",
    add: Add = None,
    as_json: Json = False,
) -> None:
    """Score studies or a protocol against the protocol standard; say what is never stated."""
    from pulposus.cli._evidence_text import score_lines, table_lines
    from pulposus.evidence import score_study

    base = evidence_base(add)
    if study:
        found = _score(study, base)
        if as_json:
            print_json({**found.as_dict(), "research_use_only": True})
        else:
            print_text(*score_lines(found), "", RESEARCH_USE)
        return
    scores = [score_study(one, base) for one in base.studies if one.kind in ("cells", "tissue")]
    scores.sort(key=lambda one: (-one.score, one.name))
    if as_json:
        print_json(
            {
                "scores": [one.as_dict(items=False) for one in scores],
                "text_read": base.text_read,
                "research_use_only": True,
            }
        )
        return
    rows = [
        {
            "study": one.name,
            "score": f"{100.0 * one.score:.0f} %",
            "stated": f"{one.stated} of {len(one.required)}",
            "read": one.text_read,
            **{part: f"{stated}/{total}" for part, (stated, total) in one.checklist("DOSES").items()},
        }
        for one in scores
    ]
    print_text(*table_lines(rows, tuple(rows[0])), "", f"Scored on what was read: {base.text_read}.", RESEARCH_USE)


def _score(name: str, base: Any) -> Any:
    """Score of a study, a built-in protocol, or a file."""
    from pulposus.evidence import score_protocol, score_study
    from pulposus.therapy import list_protocols, load_protocol

    if name.lower() in {known.lower() for known in base.by_study}:
        return score_study(base.study(name), base)
    if name in list_protocols() or Path(name).suffix or Path(name).exists():
        return score_protocol(load_protocol(name), base)
    raise InvalidInput(
        f'there is no study and no protocol "{name}"',
        where=f"study {name}",
        allowed="a study of `pulposus evidence list`, a built-in protocol, or a protocol file",
        remedy=nearest(name.upper(), base.by_study) or nearest(name, list_protocols()),
    )


@app.command("check")
def check_command(add: Add = None, as_json: Json = False) -> None:
    """Run the integrity checks on the evidence, with your own files where given."""
    from pulposus.evidence import CHECKS, check_evidence, find_conflicts

    base = evidence_base(add)
    findings, conflicts = check_evidence(base), find_conflicts(base)
    if as_json:
        print_json(
            {
                "checks": list(CHECKS),
                "findings": [one.as_dict() for one in findings],
                "conflicts": [one.as_dict() for one in conflicts],
            }
        )
        return
    lines = [f"{one.severity}: {one.where}: {one.what}" for one in findings]
    lines += [
        f"conflict: {one.study_id}, {one.item}: {' | '.join(value.value for value in one.values)}" for one in conflicts
    ]
    print_text(
        *lines,
        f"{len(CHECKS)} checks: {', '.join(CHECKS)}",
        f"no error; {len(findings)} warnings, {len(conflicts)} conflicts kept side by side",
    )


@app.command("compare")
def compare_command(as_json: Json = False) -> None:
    """Print our pools beside the expected and the published ones, with the reasons for differences."""
    from pulposus.cli._evidence_text import comparison_lines
    from pulposus.evidence import expected_pools, load_evidence, published_pools

    base = load_evidence()
    expected, published = expected_pools(base), published_pools(base)
    if as_json:
        print_json(
            {
                "expected": [one.as_dict() for one in expected],
                "published": [one.as_dict() for one in published],
                "version": base.version,
                "research_use_only": True,
            }
        )
        return
    print_text("EXPECTED", "", *comparison_lines(expected), "PUBLISHED", "", *comparison_lines(published), RESEARCH_USE)
