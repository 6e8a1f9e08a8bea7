"""What `pulposus evidence` prints for people: tables, studies, claims and scores."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pulposus.cli._output import aligned

if TYPE_CHECKING:
    from pulposus.evidence import Claim, Completeness, Conflict, EvidenceBase, Study

WIDTH = 118


def number(value: Any, digits: int = 4) -> str:
    """A number for a table; a dash for none."""
    if value is None or value == "":
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def wrapped(text: str, indent: str = "") -> list[str]:
    """Text in lines."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def table_lines(rows: Sequence[dict[str, Any]], columns: Sequence[str], limit: int = 44) -> list[str]:
    """Rows as a table; long cells are cut."""

    def cell(value: Any) -> str:
        text = "; ".join(str(one) for one in value) if isinstance(value, list | tuple) else number(value, 6)
        return text if len(text) <= limit else f"{text[: limit - 1]}…"

    return aligned([tuple(columns), *(tuple(cell(row.get(name)) for name in columns) for row in rows)])


def study_lines(
    study: Study, base: EvidenceBase, conflicts: Iterable[Conflict], score: Completeness | None
) -> list[str]:
    """A study with everything that is known of it."""
    from pulposus.evidence import field_text

    rows = base.rows_of(study.study_id)
    facts = [
        (name, field_text(value)) for name, value in dict(study).items() if field_text(value) and name != "study_id"
    ]
    recalled = set(study.recalled)
    lines = [f"{study.study_id}: {study.label}", ""]
    lines += aligned((f"  {name}", f"{text}{' (recalled)' if name in recalled else ''}") for name, text in facts)
    if rows["arms"]:
        lines += [
            "",
            "arms",
            *indented(
                table_lines(
                    [dict(row) for row in rows["arms"]], ("arm", "role", "content", "analysis_set", "n", "note")
                )
            ),
        ]
    if rows["outcomes"]:
        shown = [
            {
                **dict(row),
                "value": _value(row),
                "scale": "" if row.scale_min is None else f"{row.scale_min:g} to {row.scale_max:g}",
                "spread": _spread(row),
            }
            for row in sorted(rows["outcomes"], key=lambda row: (row.arm, row.outcome, row.month or 0.0))
        ]
        head = ("arm", "outcome", "month", "n", "value", "spread", "scale", "status", "source_kind")
        lines += ["", "outcomes, as printed", *indented(table_lines(shown, head, 32))]
    if rows["adverse_events"]:
        head = ("arm", "event", "serious", "related", "month", "events", "total", "status")
        lines += ["", "adverse events", *indented(table_lines([dict(row) for row in rows["adverse_events"]], head))]
    found = list(conflicts)
    if found:
        lines += ["", "sources disagree; the first value is the one in use"]
        for one in found:
            lines += wrapped(
                f"{one.item}: {' | '.join(f'{value.value} [{value.source}, {value.status}]' for value in one.values)}",
                "  ",
            )
    if score is not None:
        lines += [
            "",
            f"protocol items stated: {_share(score)}, text read: {score.text_read}",
        ]
    return lines


def indented(lines: Iterable[str]) -> list[str]:
    """Lines, two spaces in."""
    return [f"  {line}" for line in lines]


def _value(row: Any) -> str:
    if row.events is not None:
        return f"{row.events} of {row.total if row.total is not None else '?'}"
    if row.mean is not None:
        return f"{row.mean:g}"
    return "-" if row.median is None else f"median {row.median:g}"


def _spread(row: Any) -> str:
    if row.sd is not None:
        return f"SD {row.sd:g}"
    if row.se is not None:
        return f"SE {row.se:g}"
    return "-" if row.ci_low is None else f"{row.ci_low:g} to {row.ci_high:g}"


def claim_lines(claims: Sequence[Claim]) -> list[str]:
    """Claims with verdicts."""
    lines: list[str] = []
    for one in claims:
        lines += [*wrapped(f"{one.claim}  {one.text}"), f"    verdict: {one.verdict.upper()}"]
        lines += wrapped(one.finding, "    ")
        lines += [*wrapped(f"[{one.status}] {one.source}", "    "), ""]
    return lines


def score_lines(score: Completeness) -> list[str]:
    """The completeness of one study or protocol."""
    lines = [
        f"{score.name}: items stated {_share(score)}; text read: {score.text_read}",
        "",
    ]
    lines += indented(
        aligned(
            [
                ("section", "stated"),
                *((name, f"{stated} of {total}") for name, (stated, total) in score.by_section().items() if total),
            ]
        )
    )
    for name in ("DOSES", "MIBO"):
        parts = score.checklist(name)
        lines += [
            "",
            f"  {name}: " + "; ".join(f"{part} {stated}/{total}" for part, (stated, total) in parts.items() if total),
        ]
    for state, text in (
        ("stated", "stated"),
        ("not stated", "never stated, as its readers say"),
        ("not found", "not found in what was read (the full text may have it)"),
    ):
        found = score.with_state(state)  # pyright: ignore[reportArgumentType]
        if found:
            lines += ["", f"  {text}:"]
            lines += wrapped("; ".join(one.item.label for one in found), "    ")
    return lines


def _share(score: Completeness) -> str:
    return f"{score.stated} of {len(score.required)} required ({100.0 * score.score:.0f} %)"
