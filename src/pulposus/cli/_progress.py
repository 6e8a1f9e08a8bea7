"""Progress of long work: a moving line on a terminal, otherwise a plain line every ten seconds; always on stderr."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pulposus.cli._output import print_note

if TYPE_CHECKING:
    from pulposus.simulation import Progress

_NAMES = {
    "with_cells": "with cells",
    "history": "before the treatment",
    "sham": "without cells",
    "native_course": "left alone",
    "ensemble": "ensemble",
}
_PLAIN_EVERY = 10.0


class ProgressLine:
    """Prints how far a run is."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._open = False

    def __call__(self, step: Progress) -> None:
        """Show one step."""
        share = step.time / step.end
        text = f"{_NAMES.get(step.run, step.run):<13} day {step.time:8.2f} of {step.end:.4g}  {share:4.0%}  {step.steps} steps"
        if self._terminal:
            sys.stderr.write(f"\r{text:<78}")
            sys.stderr.flush()
            self._open = True
        elif time.monotonic() - self._last > _PLAIN_EVERY or step.time >= step.end:
            print_note(text)
            self._last = time.monotonic()

    def close(self) -> None:
        """End the moving line."""
        if self._open:
            sys.stderr.write("\n")
            self._open = False
