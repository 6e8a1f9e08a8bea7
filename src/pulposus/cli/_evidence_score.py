"""`pulposus evidence score`: how much of the protocol standard a study or a protocol states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulposus.cli._evidence_options import RESEARCH_USE, Add, evidence_base
from pulposus.cli._output import Json, print_json, print_text
from pulposus.documents import nearest
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.evidence import Completeness, EvidenceBase


def score_studies(
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


def _score(name: str, base: EvidenceBase) -> Completeness:
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
