"""What `pulposus evidence` prints for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pulposus.cli._output import aligned

if TYPE_CHECKING:
    from pulposus.evidence import (
        ArmEvidence,
        BayesResult,
        Claim,
        Completeness,
        Conflict,
        EventPool,
        EvidenceBase,
        MetaResult,
        Pool,
        SideBySide,
        Study,
    )

WIDTH = 118


def number(value: Any, digits: int = 4) -> str:
    """A number for a table; a dash for none."""
    if value is None or value == "":
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def interval(low: float | None, high: float | None) -> str:
    """An interval, or a dash."""
    return "-" if low is None or high is None else f"{low:.4g} to {high:.4g}"


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
            *_indented(
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
        lines += ["", "outcomes, as printed", *_indented(table_lines(shown, head, 32))]
    if rows["adverse_events"]:
        head = ("arm", "event", "serious", "related", "month", "events", "total", "status")
        lines += ["", "adverse events", *_indented(table_lines([dict(row) for row in rows["adverse_events"]], head))]
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


def _indented(lines: Iterable[str]) -> list[str]:
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


def result_lines(result: MetaResult) -> list[str]:
    """A pooled result."""
    percent = f"{100.0 * result.level:g} %"
    rows = [
        ("studies", str(result.k)),
        (
            "estimate" if result.r2 is None and len(result.coefficients) == 1 else "intercept",
            f"{result.estimate:.4g}  ({percent} {interval(result.ci_low, result.ci_high)}), p {p_value(result.p)}",
        ),
        (
            "prediction interval",
            f"{interval(result.prediction_low, result.prediction_high)}  ({result.prediction_rule})",
        ),
        ("tau2", f"{result.tau2:.4g}  ({interval(*result.tau2_ci) if result.tau2_ci else '-'})"),
        ("I2, Q", f"{result.i2:.1f} %, Q {result.q:.4g} on {result.q_df}, p {p_value(result.q_p)}"),
        ("method, test", f"{result.method}, {result.test}"),
    ]
    lines = aligned((f"  {name}", text) for name, text in rows)
    if len(result.coefficients) > 1:
        head = ("coefficient", "estimate", "se", "ci_low", "ci_high", "p")
        table = [
            {
                "coefficient": one.name,
                "estimate": one.estimate,
                "se": one.se,
                "ci_low": one.ci_low,
                "ci_high": one.ci_high,
                "p": p_value(one.p),
            }
            for one in result.coefficients
        ]
        lines += ["", *_indented(table_lines(table, head))]
        degrees = ", ".join(str(df) for df in result.qm_df)
        explained = "-" if result.r2 is None else f"{result.r2:.1f} %"
        lines += [f"  R2 {explained}; test of moderators {number(result.qm)} on {degrees}, p {p_value(result.qm_p)}"]
    return [*lines, *(line for note in result.notes for line in wrapped(f"note: {note}", "  "))]


def p_value(p: float | None) -> str:
    """A p value in words of a paper."""
    if p is None:
        return "-"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def pool_lines(pool: Pool) -> list[str]:
    """A pool with its rows."""
    lines = [pool.name]
    rows = [
        {
            "study": row.study.study_id,
            "class": row.cell_class,
            "month": row.month,
            "n": f"{row.n} vs {row.n_control}" if row.n_control else str(row.n),
            "change": round(row.estimate, 2),
            "se": round(row.variance**0.5, 2),
            "SD of change": row.spread,
            "status": row.status,
        }
        for row in pool.rows
    ]
    if rows:
        lines += _indented(
            table_lines(rows, ("study", "class", "month", "n", "change", "se", "SD of change", "status"))
        )
    if pool.result is not None:
        shown = [note for note in pool.notes if note not in pool.result.notes]
        lines += result_lines(pool.result)
    else:
        shown = list(pool.notes)
    return [*lines, *(line for note in shown for line in wrapped(f"note: {note}", "  "))]


def event_lines(pool: EventPool, level: float) -> list[str]:
    """The pooled share of an event."""
    rows = [
        {
            "study": one.study.study_id,
            "event": one.row.event,
            "month": one.row.month,
            "patients": f"{one.events} of {one.total}",
        }
        for one in pool.rows
    ]
    lines = [f"{pool.category}, treated arms", *_indented(table_lines(rows, ("study", "event", "month", "patients")))]
    if pool.share is not None and pool.ci_low is not None and pool.ci_high is not None:
        ends = f"{100.0 * pool.ci_low:.1f} to {100.0 * pool.ci_high:.1f} %"
        lines.append(f"  pooled {100.0 * pool.share:.1f} %  ({100.0 * level:g} %: {ends})")
    lines.append("  note: studies that do not report the event are missing; no event in a small study shows little")
    return [*lines, *(f"  left out: {one.study_id}, {one.reason}" for one in pool.left_out)]


def posterior_lines(result: BayesResult, rows: Sequence[ArmEvidence]) -> list[str]:
    """The bias-adjusted model."""
    shown = [
        {"study": one.study, "arm": one.kind, "change": round(one.value, 1), "se": round(one.variance**0.5, 2)}
        for one in rows
    ]
    table = [
        {"": one.name, "mean": one.mean, "low": one.low, "high": one.high, "P(below 0)": one.below_zero}
        for one in result.quantities.values()
    ]
    return [
        "bias-adjusted model of controlled and uncontrolled arms, points of 100 (negative is better)",
        *_indented(table_lines(shown, ("study", "arm", "change", "se"))),
        "",
        *_indented(table_lines(table, ("", "mean", "low", "high", "P(below 0)"))),
        *(line for text in (*result.priors, *result.notes) for line in wrapped(text, "  ")),
    ]


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
    lines += _indented(
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


def comparison_lines(rows: Sequence[SideBySide]) -> list[str]:
    """Pools side by side."""
    lines: list[str] = []
    for one in rows:
        lines += [f"{one.name}  [{one.unit}]"]
        table = [
            {
                "": label,
                "k": numbers.k,
                "estimate": numbers.estimate,
                "interval": interval(numbers.ci_low, numbers.ci_high),
                "prediction": interval(numbers.prediction_low, numbers.prediction_high),
                "I2": "-" if numbers.i2 is None else f"{numbers.i2:.0f} %",
            }
            for label, numbers in (("ours", one.ours), (one.source, one.other))
        ]
        lines += _indented(table_lines(table, ("", "k", "estimate", "interval", "prediction", "I2")))
        lines += wrapped(f"ours: {', '.join(one.studies)}", "  ")
        lines += [*wrapped(f"why they differ: {one.reason}", "  "), ""]
    return lines
