"""`pulposus evidence list` and `show`: the rows of a table, and everything that is known of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pulposus.cli._evidence_options import RESEARCH_USE, Add, evidence_base
from pulposus.cli._output import Json, aligned, print_json, print_note, print_text
from pulposus.documents import nearest
from pulposus.errors import UsageError

if TYPE_CHECKING:
    from pulposus.evidence import EvidenceBase
    from pulposus.evidence._laboratory_records import AnimalStudy

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


def list_rows(
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


def show_study(
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


def _show_animal(study: AnimalStudy, base: EvidenceBase, *, as_json: bool) -> None:
    from pulposus.cli._evidence_text import table_lines
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
