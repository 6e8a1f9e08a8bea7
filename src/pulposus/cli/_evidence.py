"""`pulposus evidence`: the studies, their pools, claims and protocols."""

from __future__ import annotations

from typing import Annotated

import typer

from pulposus.cli import _evidence_files, _evidence_pictures, _evidence_pool, _evidence_rows, _evidence_score
from pulposus.cli._commands import command_app
from pulposus.cli._evidence_options import RESEARCH_USE, Add, evidence_base
from pulposus.cli._output import Json, print_json, print_text
from pulposus.errors import UsageError


def claims(
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


def check(add: Add = None, as_json: Json = False) -> None:
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


def compare(as_json: Json = False) -> None:
    """Print our pools beside the expected and the published ones, with the reasons for differences."""
    from pulposus.cli._evidence_pool_text import comparison_lines
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


app = command_app(help="List, pool, draw, check and extend the published evidence.")
app.command("meta")(_evidence_pool.meta)
app.command("forest")(_evidence_pictures.forest)
app.command("funnel")(_evidence_pictures.funnel)
app.command("timeline")(_evidence_pictures.timeline)
app.command("import")(_evidence_files.import_studies)
app.command("export")(_evidence_files.export)
app.command("list")(_evidence_rows.list_rows)
app.command("show")(_evidence_rows.show_study)
app.command("claims")(claims)
app.command("score")(_evidence_score.score_studies)
app.command("check")(check)
app.command("compare")(compare)
