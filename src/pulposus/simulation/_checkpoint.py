"""Stored states on disk, so that a run that was killed goes on from its last stored time.

One file per stored time, written to a temporary name and moved into place, so a file is complete or absent. Going on from a checkpoint
takes exactly the steps that an uninterrupted run takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import equinox as eqx

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

    def load(self, like: SimulationState) -> list[SimulationState]:
        """All states from the first on without a gap.

        Args:
            like: A state of the same shape.
        """
        states: list[SimulationState] = []
        while self.path(len(states)).exists():
            states.append(eqx.tree_deserialise_leaves(self.path(len(states)), like))
        return states
