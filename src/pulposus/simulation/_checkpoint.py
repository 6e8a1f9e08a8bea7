"""Stored states on disk, so that a run that was killed goes on from its last stored time.

One file per stored time, written to a temporary name and moved into place, so a file is complete or absent. Going on from a checkpoint
takes exactly the steps that an uninterrupted run takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from pulposus import _backend  # noqa: F401
from pulposus.errors import InvalidInput
from pulposus.simulation._state import SimulationState


@dataclass(frozen=True)
class Checkpoints:
    """Checkpoints of one run in a folder.

    Attributes:
        folder: Where they are; made when the first is written.
        name: Name of the run inside the folder, such as "with_cells".
    """

    folder: Path
    name: str

    def path(self, number: int) -> Path:
        """File of a stored time."""
        return self.folder / f"{self.name}_{number:04d}.state"

    def save(self, number: int, state: SimulationState) -> None:
        """Write a state.

        Raises:
            InvalidInput: The folder cannot be written.
        """
        target = self.path(number)
        partial = target.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            eqx.tree_serialise_leaves(partial, state)
            partial.replace(target)
        except OSError as error:
            raise InvalidInput(
                f"cannot write the checkpoint {target.name} ({error.strerror})",
                where=str(self.folder),
                remedy="free space or choose another --out",
            ) from error

    def load(self, like: SimulationState, times: Sequence[float]) -> list[SimulationState]:
        """The states of the stored times, from the first on without a gap.

        Args:
            like: The state at the start of the run.
            times: Stored times of the run [day].

        Raises:
            InvalidInput: A file is damaged, or belongs to another run.
        """
        states: list[SimulationState] = []
        for number, time in enumerate(times):
            if not self.path(number).exists():
                break
            state = self._read(number, like)
            if float(state.time) != time or (number == 0 and not _same(state, like)):
                raise self._refusal(number, "belongs to another run", "give every run a folder of its own")
            states.append(state)
        return states

    def _read(self, number: int, like: SimulationState) -> SimulationState:
        try:
            return eqx.tree_deserialise_leaves(self.path(number), like)
        except (OSError, RuntimeError) as error:
            remedy = "remove this file to go on from the one before it"
            raise self._refusal(number, "is damaged, or belongs to another run", remedy) from error

    def _refusal(self, number: int, what: str, remedy: str) -> InvalidInput:
        return InvalidInput(f"the checkpoint {self.path(number).name} {what}", where=str(self.folder), remedy=remedy)


def _same(one: SimulationState, other: SimulationState) -> bool:
    """Whether two runs start with the same cells, up to what the rounding of another machine changes."""
    pairs = jax.tree.map(lambda *values: np.allclose(*values, rtol=1e-6, atol=0.0), one.cells, other.cells)
    return all(jax.tree.leaves(pairs))
