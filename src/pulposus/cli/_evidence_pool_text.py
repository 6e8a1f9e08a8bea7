"""What `pulposus evidence meta` and `compare` print for people: pools, shares of events, the bias-adjusted model, pools side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.cli._evidence_text import indented, number, table_lines, wrapped
from pulposus.cli._output import aligned

if TYPE_CHECKING:
    from pulposus.evidence import ArmEvidence, BayesResult, EventPool, MetaResult, Pool, SideBySide


def interval(low: float | None, high: float | None) -> str:
    """An interval, or a dash."""
    return "-" if low is None or high is None else f"{low:.4g} to {high:.4g}"


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
        lines += ["", *indented(table_lines(table, head))]
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
        lines += indented(table_lines(rows, ("study", "class", "month", "n", "change", "se", "SD of change", "status")))
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
    lines = [f"{pool.category}, treated arms", *indented(table_lines(rows, ("study", "event", "month", "patients")))]
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
        *indented(table_lines(shown, ("study", "arm", "change", "se"))),
        "",
        *indented(table_lines(table, ("", "mean", "low", "high", "P(below 0)"))),
        *(line for text in (*result.priors, *result.notes) for line in wrapped(text, "  ")),
    ]


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
        lines += indented(table_lines(table, ("", "k", "estimate", "interval", "prediction", "I2")))
        lines += wrapped(f"ours: {', '.join(one.studies)}", "  ")
        lines += [*wrapped(f"why they differ: {one.reason}", "  "), ""]
    return lines
