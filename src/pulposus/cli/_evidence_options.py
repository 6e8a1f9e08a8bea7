"""Options that the commands of `pulposus evidence` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._output import print_note
from pulposus.documents import nearest
from pulposus.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from pulposus.evidence import EvidenceBase

RESEARCH_USE = "Research use only, not medical advice."

Add = Annotated[
    list[Path] | None,
    typer.Option(
        "--add",
        metavar="FILE",
        help="Studies of your own beside the shipped ones: CSV, YAML, registry JSON or a folder.",
    ),
]
Outcome = Annotated[
    str, typer.Option("--outcome", help="VAS (back pain) or ODI (disability); for meta also surgery or any-serious.")
]
Classes = Annotated[
    list[str] | None, typer.Option("--class", metavar="NAME", help="Class of product; all where left out.")
]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", metavar="STUDY", help="Leave a study out.")]

_DOMAINS = {
    "vas": "back pain",
    "nrs": "back pain",
    "pain": "back pain",
    "back pain": "back pain",
    "odi": "disability",
    "disability": "disability",
}


def evidence_base(add: list[Path] | None) -> EvidenceBase:
    """The shipped evidence, with the files of `--add`; what a person should look at goes to stderr."""
    from pulposus.evidence import add_files, load_evidence

    if not add:
        return load_evidence()
    extended = add_files(add)
    print_note(*(f"note: {note}" for note in extended.notes))
    return extended.base


def domain_of(outcome: str) -> str:
    """What an outcome measures."""
    if outcome.lower() not in _DOMAINS:
        raise UsageError(
            f'there is no pool of "{outcome}"',
            where="option --outcome",
            allowed="VAS, ODI",
            remedy=nearest(outcome.lower(), _DOMAINS),
        )
    return _DOMAINS[outcome.lower()]


def contrasts_of(contrast: str) -> tuple[Any, ...]:
    """The asked-for kind of evidence, or both."""
    from pulposus.evidence import CONTRASTS

    if contrast and contrast not in CONTRASTS:
        raise UsageError(
            f'there is no contrast "{contrast}"',
            where="option --contrast",
            allowed=", ".join(CONTRASTS),
            remedy=nearest(contrast, CONTRASTS),
        )
    return (contrast,) if contrast else tuple(reversed(CONTRASTS))


def require_classes(classes: list[str] | None) -> list[str]:
    """Known classes of products."""
    from typing import get_args

    from pulposus.evidence import CellClass

    known = get_args(CellClass)
    for name in classes or []:
        if name not in known:
            raise UsageError(
                f'there is no class "{name}"',
                where="option --class",
                allowed=", ".join(known),
                remedy=nearest(name, known),
            )
    return classes or []


def require_studies(base: EvidenceBase, names: list[str] | None) -> list[str]:
    """Names of studies as the base writes them."""
    return [base.study(name).study_id for name in names or []]


def write_output(path: Path, content: bytes) -> None:
    """Write a file, or say what to do."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise InvalidInput(
            f'cannot write "{path}" ({error.strerror})',
            where="option --out",
            remedy="choose a folder that can be written",
        ) from None
    print_note(f"written to {path}")
