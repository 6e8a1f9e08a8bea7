"""Twelve months of one disc in 3D after compilation: the main job."""

from __future__ import annotations

import time

from pulposus.simulation import simulate


def test_twelve_months(benchmark, table):
    """Orozco 2011 on the standard mesh, with and without cells; the first two days of a first run compile everything."""
    began = time.perf_counter()
    simulate("orozco-2011", until=2.0)
    table.append(("first two simulated days with all compilation", f"{time.perf_counter() - began:.0f} s"))
    result = benchmark.pedantic(lambda: simulate("orozco-2011"), rounds=1)
    steps = [int(one.states[-1].steps) for one in (result.with_cells, result.without_cells)]
    table.append(
        (
            "12 months in 3D, with and without cells, after compilation (wanted below 60 s)",
            f"{benchmark.stats.stats.min:.1f} s, {steps[0]} and {steps[1]} steps",
        )
    )
