"""Make `docs/evidence.md`: what the evidence base holds, and our pools beside the expected and the published ones.

Run from the root of the repository (a few seconds):

    python docs/make_evidence.py
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pulposus.evidence import (
    CHECKS,
    TABLES,
    EvidenceBase,
    SideBySide,
    check_evidence,
    expected_pools,
    find_conflicts,
    load_evidence,
    pool,
    pool_events,
    published_pools,
    score_study,
    select,
)

TARGET = Path(__file__).parent / "evidence.md"
CORRELATIONS = (0.3, 0.5, 0.7)

USE = """\
```
pulposus evidence list [TABLE]          every table; `list tables` names them
pulposus evidence show STUDY            one study, with the values that sources give differently
pulposus evidence meta                  pools by class of product, controlled and uncontrolled evidence apart
pulposus evidence meta --bias-adjusted  one Bayesian model that tells the effect from the change that comes anyway
pulposus evidence meta --data FILE.csv --yi COL --vi COL [--mods COL] --json      your own numbers
pulposus evidence forest|funnel --across-classes --out PICTURE.svg      one pool; or --class NAME [--contrast before-after]
pulposus evidence timeline --out PICTURE.svg
pulposus evidence score [STUDY|PROTOCOL]
pulposus evidence claims | check | compare
pulposus evidence import FILE... --out FOLDER      CSV, YAML, ClinicalTrials.gov records (API v2)
pulposus evidence export --to csv --out FOLDER     --to json|schema|registry prints where no --out is given
```

Studies of your own stand beside the shipped ones with `--add FILE`. A YAML holds whole studies; a CSV holds rows of one table, whose
columns `pulposus evidence export --to csv --out FOLDER` shows. Mistakes are reported with file, row and field, and no row is dropped in
silence.

```yaml
schema_version: 1
studies:
  - study_id: MINE2026
    cell_class: expanded-msc
    allocation: randomised
    text_read: user
    source: https://doi.org/10.0000/mine
    status: verified
    arms:
      - {arm: cells, role: treated, content: cells, n: 20}
      - {arm: saline, role: comparator, content: saline, n: 18}
    outcomes:
      - {arm: cells, outcome: VAS_change, scale_min: -100, scale_max: 100, month: 12, n: 19, mean: -28, sd: 22,
         source: table 2, status: verified}
      - {arm: saline, outcome: VAS_change, scale_min: -100, scale_max: 100, month: 52 week, n: 17, mean: -20, sd: 23,
         source: table 2, status: verified}
```"""
RESEARCH_USE = "Research use only, not medical advice."
EFFECT = """\
Before-after studies show about 40 points less pain of 100; randomised arms differ by about 8, with an interval of prediction that
includes zero. No command pools the two kinds of shipped evidence together; `meta --bias-adjusted` takes both, and keeps the effect of the
cells apart from the change that comes anyway. A file of your own whose column `allocation`, `design`, `contrast`, `controlled` or
`evidence` names both kinds is refused unless `--mixed` is given or that column is a moderator."""
EXPECTED = """\
Computed as the expectation was: DerSimonian-Laird, normal test, one assumed SD of the change (25 points of pain, 18 of disability)."""
PUBLISHED = """\
Ours: REML, Knapp-Hartung, printed spreads where there are any. Before-after, all classes of products stand
together."""
ABSENT = """\
- **Risk of bias.** No study has a judgement (RoB 2, ROBINS-I), which would take full texts, so no pool here is restricted, weighted or
  split by it. `pulposus.evidence.risk_of_bias_strata` pools by judgements that you bring; no command does.
- **MIBO and DOSES as they were published.** `score` counts items of our protocol schema, each under the section of MIBO for stem cells
  and the part of DOSES that ask for it. The 25 statements of MIBO are not scored one by one: its line is not adherence to MIBO.
- **Patients one by one, and the correlation** of baseline and follow-up: rows are means and counts of arms.
- **Commands for every method.** Leave-one-out, rank test, several levels or outcomes and Bayesian models with priors of your own are
  functions of `pulposus.evidence` ([statistics](evidence-statistics.md))."""
COMPLETENESS = """\
Stated over required items of the protocol schema, on what was read. An item that was not found may stand in the full text."""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows), ""]


def number(value: float | None, digits: int = 1) -> str:
    """A number with some decimals; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def numbers(one: SideBySide, ours: bool) -> tuple[str, ...]:
    """k, estimate, intervals and I2 of one side."""
    side = one.ours if ours else one.other
    digits = 2 if one.unit != "points of 100" else 1
    estimate = number(side.estimate, digits)
    interval = "–" if side.ci_low is None else f"{number(side.ci_low, digits)} to {number(side.ci_high, digits)}"
    prediction = (
        "–"
        if side.prediction_low is None
        else f"{number(side.prediction_low, digits)} to {number(side.prediction_high, digits)}"
    )
    return (
        "–" if side.k is None else str(side.k),
        estimate,
        interval,
        prediction,
        "–" if side.i2 is None else f"{side.i2:.1f} %",
    )


def side_by_side(rows: tuple[SideBySide, ...]) -> list[str]:
    """Two lines per pool, and the reason."""
    head = ("pool", "", "k", "estimate", "95 % interval", "prediction interval", "I2")
    lines: list[tuple[str, ...]] = []
    for one in rows:
        lines.append((f"{one.name} [{one.unit}]", "ours", *numbers(one, True)))
        lines.append(("", one.source, *numbers(one, False)))
    reasons = [f"- **{one.name}**: {one.reason}" for one in rows]
    return [*table(head, lines), "Why they differ:", "", *reasons, ""]


def contents(base: EvidenceBase) -> list[str]:
    """The tables."""
    rows = []
    for name, one in TABLES.items():
        records = getattr(base, name)
        statuses = Counter(record.status for record in records if "status" in one.model.model_fields)
        rows.append(
            (
                f"`{name}`",
                str(len(records)),
                one.text,
                ", ".join(f"{count} {status}" for status, count in statuses.most_common()),
            )
        )
    return table(("table", "rows", "what", "status"), rows)


def read(base: EvidenceBase) -> str:
    """How many studies were read how."""
    return ", ".join(f"{count} {kind}" for kind, count in Counter(one.text_read for one in base.studies).most_common())


def sensitivity(base: EvidenceBase) -> list[str]:
    """The pools under the three correlations."""
    rows = []
    for contrast, domain in (
        ("before-after", "back pain"),
        ("before-after", "disability"),
        ("between-arms", "back pain"),
    ):
        for correlation in CORRELATIONS:
            found = pool(select(base, contrast, domain, correlation=correlation), across_classes=True, test="z")
            result = found.result
            if result is not None:
                interval = f"{result.ci_low:.1f} to {result.ci_high:.1f}"
                rows.append(
                    (
                        f"{contrast}, {domain}",
                        f"{correlation:g}",
                        str(result.k),
                        f"{result.estimate:.1f}",
                        interval,
                        f"{result.i2:.0f} %",
                    )
                )
    return table(("pool (12 months, REML, normal test)", "r", "k", "estimate", "95 % interval", "I2"), rows)


def completeness(base: EvidenceBase) -> list[str]:
    """The most and the least complete studies, and what is stated least."""
    scores = sorted(
        (score_study(one, base) for one in base.studies if one.kind in ("cells", "tissue")), key=lambda one: -one.score
    )
    rows = [
        (one.name, f"{100 * one.score:.0f} %", f"{one.stated} of {len(one.required)}", one.text_read) for one in scores
    ]
    silent: Counter[str] = Counter()
    applicable: Counter[str] = Counter()
    for score in scores:
        for name, (stated, total) in score.by_section().items():
            if total:
                applicable[name] += 1
                silent[name] += stated == 0
    worst = sorted(applicable, key=lambda name: -silent[name] / applicable[name])
    text = "; ".join(f"{name} {silent[name]} of {applicable[name]}" for name in worst)
    return [
        *table(("study", "score", "required items", "read"), rows),
        f"Studies without a single item found, by section: {text}.",
        "",
    ]


def page(base: EvidenceBase) -> str:
    """The page."""
    surgery = pool_events(base, "surgery")
    without = pool_events(base, "surgery", exclude=("HAUF2006",))
    claims = [(one.claim, one.text, one.verdict, one.finding) for one in base.claims]
    conflicts = [
        (one.study_id, one.item, "; ".join(f"{value.value} ({value.source})" for value in one.values))
        for one in find_conflicts(base)
    ]
    warnings = [f"- {one.where}: {one.what}" for one in check_evidence(base)]
    return (
        "\n".join(
            [
                "# The evidence base",
                "",
                f"Made by `docs/make_evidence.py` from version {base.version} (SHA-256 `{base.digest[:16]}`). {RESEARCH_USE}",
                "",
                f"What was read: {base.text_read}.",
                "",
                "## Using it",
                "",
                USE,
                "",
                "## What it holds",
                "",
                *contents(base),
                "### What it does not hold",
                "",
                ABSENT,
                "",
                f"Studies by what was read of them: {read(base)}.",
                "",
                "## A change before-after is not the effect of cells",
                "",
                EFFECT,
                "",
                "### Our pools against the expectation",
                "",
                EXPECTED,
                "",
                *side_by_side(expected_pools(base)),
                "### Our pools against the published ones",
                "",
                PUBLISHED,
                "",
                *side_by_side(published_pools(base)),
                f"Surgery: {100 * (surgery.share or 0):.1f} % ({100 * (surgery.ci_low or 0):.1f} to {100 * (surgery.ci_high or 0):.1f}) in "
                f"{len(surgery.rows)} cohorts; without HAUF2006 {100 * (without.share or 0):.1f} % "
                f"({100 * (without.ci_low or 0):.1f} to {100 * (without.ci_high or 0):.1f}).",
                "",
                "### How much the unknown correlation matters",
                "",
                "No study prints the correlation of baseline and follow-up. It matters only where both SDs are printed.",
                "",
                *sensitivity(base),
                "## Values that sources give differently",
                "",
                "The first value is the one in use.",
                "",
                *table(("study", "item", "values"), conflicts),
                "## Checks",
                "",
                f"{', '.join(CHECKS)}. The shipped tables have no error and these warnings:",
                "",
                *warnings,
                "",
                "## Claims",
                "",
                *table(("", "claim", "verdict", "what was found"), claims),
                "## Completeness against the protocol standard",
                "",
                COMPLETENESS,
                "",
                *completeness(base),
            ]
        ).rstrip()
        + "\n"
    )


if __name__ == "__main__":
    TARGET.write_text(page(load_evidence()), encoding="utf-8")
