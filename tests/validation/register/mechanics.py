"""The validation table of mechanics_imaging 3.2: every row as the program computes it now, with the shipped, untuned constants.

Rows 5, 6, 9 and 14 were frozen before anything was computed. Rules are the tolerances of the table. The disc is the swelling cylinder v0 on
3 + 3 x 3 elements, or a shipped disc where a row names it.
"""

from __future__ import annotations

from collections.abc import Callable

from .mechanics_cylinder import CYLINDER_STUDIES
from .mechanics_discs import DISC_STUDIES
from .mechanics_time import TIME_STUDIES
from .mechanics_tissues import TISSUE_STUDIES
from .mechanics_treated import TREATED_STUDIES
from .studies import Entry

ROWS = 21
"""Of the table."""
FROZEN = (5, 6, 9, 14)

MECHANICS_STUDIES: tuple[Callable[[], list[Entry]], ...] = (
    *TISSUE_STUDIES,
    *CYLINDER_STUDIES,
    *TIME_STUDIES,
    *DISC_STUDIES,
    *TREATED_STUDIES,
)


def mechanics_register() -> list[Entry]:
    """All rows of mechanics_imaging 3.2, in their order."""
    rows = [entry for study in MECHANICS_STUDIES for entry in study()]
    return sorted(rows, key=lambda entry: (int(entry.number.rstrip("abc")), entry.number))
