"""Write docs/validation.md: every row of the validation register as the program computes it now.

Usage: python docs/make_validation.py
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "validation"))

from register import VERDICTS, Entry, register  # noqa: E402  # pyright: ignore[reportMissingImports]

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
    text = f"{HEAD}\n| verdict | all | held out |\n|---|---|---|\n{summary}\n{TUNED}\n## The rows\n{table(entries)}\n"
    (DOCS / "validation.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
