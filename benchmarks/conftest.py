"""Discs of the benchmarks and the table of measured ratios, printed at the end of a run and written to `benchmarks/results.md`."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROWS: list[tuple[str, str]] = []
FOLDER = Path(__file__).parent
# Compilation is measured too: nothing compiled in an earlier run is taken over. Set before the first import of the package.
os.environ["PULPOSUS_CACHE"] = "off"


@pytest.fixture(scope="session")
def table() -> list[tuple[str, str]]:
    """Rows of the result table: what was measured and its value."""
    return ROWS


@pytest.fixture(scope="session")
def bandwidth() -> float:
    """Memory bandwidth of a triad `a = b + 3 c` on arrays of 96 MB, one thread [GB/s]: the best of ten."""
    b, c = np.ones(12_000_000), np.ones(12_000_000)
    a = np.empty_like(b)
    best = np.inf
    for _ in range(10):
        began = time.perf_counter()
        np.multiply(c, 3.0, out=a)
        np.add(a, b, out=a)
        best = min(best, time.perf_counter() - began)
    # Two passes: read c, write a; read a and b, write a.
    return 5 * b.nbytes / best / 1e9


@pytest.fixture(scope="session", autouse=True)
def _written() -> Iterator[None]:
    yield
    if not ROWS:
        return
    load = os.getloadavg()[0]
    lines = [
        f"Measured {time.strftime('%Y-%m-%d')}: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" load average at the end {load:.1f}.",
        "",
        "| measured | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in ROWS),
    ]
    (FOLDER / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
