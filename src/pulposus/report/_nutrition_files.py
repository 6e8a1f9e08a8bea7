"""Files of a steady nutrition solve: the numbers as JSON, the fields for ParaView."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._atomic import make_folder, write_bytes, write_text
from pulposus.report._geometry import all_hexahedra, node_points, occupied
from pulposus.report._tables import json_text
from pulposus.report._vtu import vtu_bytes

if TYPE_CHECKING:
    from pulposus.disc import Disc
    from pulposus.nutrition import SteadyState

NUMBERS, FIELDS = "nutrition.json", "fields.vtu"


def prepare_nutrition_folder(folder: Path) -> None:
    """Make the folder of a steady solve.

    Args:
        folder: New or empty of these files; made if absent.

    Raises:
        InvalidInput: The folder cannot be written, or holds such files already.
    """
    make_folder(folder, (NUMBERS, FIELDS))


def write_nutrition(folder: Path, disc: Disc, state: SteadyState, document: dict[str, Any]) -> list[Path]:
    """Write `nutrition.json` and `fields.vtu`.

    Args:
        folder: New or empty of these files; made if absent.
        disc: The disc.
        state: Its solution.
        document: The numbers.

    Raises:
        InvalidInput: The folder cannot be written, or holds such files already.
    """
    from pulposus.nutrition import acidity

    prepare_nutrition_folder(folder)
    mask = occupied(disc)
    elements = all_hexahedra(disc.topology)[mask]
    nodes, compact = np.unique(elements, return_inverse=True)
    oxygen, lactate, glucose = state.solution.solutes
    fields = {
        "oxygen_kPa": oxygen,
        "glucose_mM": glucose,
        "lactate_mM": lactate,
        "pH": acidity(state.problem.kinetics, lactate),
    }
    point_data = {name: np.asarray(values).reshape(-1)[nodes].astype(np.float32) for name, values in fields.items()}
    cell_data = {"tissue": np.asarray(disc.tissue_of_element)[mask].astype(np.int8)}
    content = vtu_bytes(node_points(disc)[nodes], compact.reshape(elements.shape), point_data, cell_data)
    return [write_text(folder / NUMBERS, json_text(document)), write_bytes(folder / FIELDS, content)]
