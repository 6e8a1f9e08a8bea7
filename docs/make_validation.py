"""Write docs/validation.md: every row of the validation register as the program computes it now.

Usage: python docs/make_validation.py
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

DOCS = Path(__file__).parent
for folder in ("validation", "verification"):
    sys.path.insert(0, str(DOCS.parent / "tests" / folder))

from register import VERDICTS, Entry, register  # noqa: E402  # pyright: ignore[reportMissingImports]
from test_five_years import SIGNALS, outcomes, untreated  # noqa: E402  # pyright: ignore[reportMissingImports]

HEAD = """# Validation: what the program reproduces, and what it does not

Every row of the validation table (cells_matrix 7), computed with the shipped constants on the axis of the nucleus. Nothing was tuned to
make a row come out. Some constants had been tuned to rows marked T before this table was made, so agreement there proves nothing. Rows
marked H were held out, rows marked Q ask for a direction only. The rule of a verdict stands beside it. Where an animal study reports disc
height, glycosaminoglycan (GAG) of the nucleus stands for it, since height waits for mechanics. Doses that a paper leaves out are priors.
[V] seen in its source, [M] from memory. Rows with letters are parts of one row.

This page is written by `python docs/make_validation.py`; the computations and the rules are in `tests/validation/register`.
"""
TUNED = """
## What the tuned rows do not show
Growth and leak of donor cells were tuned in a well-mixed model (rulings 17), whose numbers a test reproduces: 0.97 of the injected cells at
day 28 in the rat, 0.10 at day 3 in the pig. Its lowest number in the rat is that of day 3: the dip at days 7 to 14 that the paper is
remembered for is not met. In space the same constants give other numbers, as rows 1 to 3 show.
"""
FIVE_YEARS = """
## A human grade III disc left alone for five years
What was not balanced at the start, by mesh. Signals in their own unit, the rest over its value at the start; "disc" is in 3D, "axis" the
axis of the nucleus, where what lies outside the nucleus are the endplates. Tolerances, and the convergence in steps:
`tests/verification/test_five_years.py`.
"""
MESHES = (("slab", "coarse"), ("slab", "standard"), ("slab", "fine"), ("disc", "coarse"), ("disc", "standard"))


def five_years() -> str:
    """Outcomes of the untreated disc on five meshes as Markdown."""
    found = {mesh: outcomes(untreated(*mesh)) for mesh in MESHES}
    names = list(found["disc", "standard"][1])
    heads = [f"{'axis' if level == 'slab' else level}, {resolution}" for level, resolution in MESHES]
    rows = [f"| | start (disc, standard) | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for name in names:
        start = f"{found['disc', 'standard'][0][name]:.4g}" if name in SIGNALS else "1"
        ends = (f"{found[mesh][1][name]:.4f}" if name in found[mesh][1] else "–" for mesh in MESHES)
        rows.append(f"| {name.replace('_mg_per_mL', '').replace('_', ' ')} | {start} | {' | '.join(ends)} |")
    return "\n".join(rows)


def table(entries: list[Entry]) -> str:
    """The register as Markdown."""
    rows = ["| # | set-up | use | observed | met if | computed | verdict | note |", "|---|---|---|---|---|---|---|---|"]
    for one in entries:
        cells = (one.number, one.study, one.use, one.observed, one.rule, one.computed, f"**{one.verdict}**", one.note)
        rows.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """Compute all rows and write the page."""
    entries = register()
    count = Counter(entry.verdict for entry in entries)
    held = Counter(entry.verdict for entry in entries if "H" in entry.use)
    summary = "\n".join(f"| {name} | {count[name]} | {held[name]} |" for name in VERDICTS)
    counts = f"| verdict | all | held out |\n|---|---|---|\n{summary}"
    text = f"{HEAD}\n{counts}\n{TUNED}{FIVE_YEARS}\n{five_years()}\n\n## The rows\n{table(entries)}\n"
    (DOCS / "validation.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
