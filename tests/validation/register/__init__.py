"""The validation register: every row of cells_matrix 7 as the program computes it now, against what was observed.

Nothing here is tuned. Rules are written beside the rows; a row that is not met stays not met. Everything runs on the axis of the nucleus.
"""

from __future__ import annotations

from collections.abc import Callable

from .cell_fate import dog_doses, healthy_dog, human_two_doses, minipig, rabbit_leak, rabbit_xenogeneic, rat_hyaluronan
from .injury_course import animals_attenuate, dog_growth_factor, rabbit_endplate, rabbit_growth_factor, rat_needles
from .laws import bovine_beads, goat_beads, waiting
from .matrix_course import dog_wharton, goat, rabbit_autologous, rat_without_factor, sheep, shepherds
from .nutrition_course import crowded_endplates, residence, smoking, supply_cut, therapies_by_severity
from .studies import VERDICTS, Entry

STUDIES: tuple[Callable[[], list[Entry]], ...] = (
    rat_hyaluronan,
    minipig,
    rabbit_xenogeneic,
    dog_wharton,
    rabbit_autologous,
    rat_without_factor,
    goat,
    sheep,
    shepherds,
    healthy_dog,
    dog_doses,
    animals_attenuate,
    rabbit_growth_factor,
    dog_growth_factor,
    residence,
    supply_cut,
    therapies_by_severity,
    smoking,
    crowded_endplates,
    rat_needles,
    rabbit_endplate,
    bovine_beads,
    goat_beads,
    human_two_doses,
    rabbit_leak,
    waiting,
)


def number_of(entry: Entry) -> tuple[int, str]:
    """Row and part of an entry."""
    row = entry.number.rstrip("abc")
    return int(row), entry.number.removeprefix(row)


def register() -> list[Entry]:
    """All rows, in their order."""
    return sorted((entry for study in STUDIES for entry in study()), key=number_of)


__all__ = ["STUDIES", "VERDICTS", "Entry", "number_of", "register"]
