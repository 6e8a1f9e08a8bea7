"""The uncertain numbers of a study: which constants are in use, and their draws.

Every constant has a stream of its own (`ParameterSet.sample`), so a member keeps its draws when another number is added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pulposus.matrix import sample_grade
from pulposus.parameters import GRADES, Parameter, ParameterSet
from pulposus.therapy import Protocol

# The ten uncertainties of cells_matrix 2.9 (w0, k_leak, k_an, r0, tau_m, Kg, y_mD, Kp, kT, aE): they stand first.
_TEN = (
    "cells.leak.weight_",
    "cells.carrier.",
    "cells.donor.growth_rate",
    "cells.donor.mitogen_window",
    "cells.native.glucose_half",
    "matrix.differentiated_synthesis_weight",
    "matrix.paracrine_inhibition",
    "matrix.aggrecan_turnover.",
    "matrix.enzyme_gain",
)
# Sizes belong to the disc that was asked for; limits of warnings and safety signals change nothing; native growth has no bound of its own,
# since crowding counts donor cells only (rulings 11), so a draw of it would explode within years.
_NOT_DRAWN = (
    "geometry.",
    "therapy.safety.",
    "therapy.warning.",
    "cells.expansion.largest_passage",
    "cells.native.growth_rate",
)


@dataclass(frozen=True)
class Driver:
    """One uncertain number of the ensemble.

    Attributes:
        key: Constant, or the field of the protocol.
        value, low, high: Central value and range.
        unit, status: Of the number.
        draws: Its value in every member.
    """

    key: str
    value: float
    low: float
    high: float
    unit: str
    status: str
    draws: np.ndarray


def uncertain(used: Iterable[Parameter]) -> list[str]:
    """Keys of the constants with a range among those that a run used, the ten of cells_matrix 2.9 first."""
    keys = [record.key for record in used if _has_range(record) and not record.key.startswith(_NOT_DRAWN)]
    return sorted(keys, key=lambda key: (not key.startswith(_TEN), key))


def _has_range(record: Parameter) -> bool:
    return record.low is not None and record.high is not None and record.low < record.high


def draw(
    protocol: Protocol, parameters: ParameterSet, keys: Iterable[str], members: int, grade: int | None = None
) -> list[Driver]:
    """The uncertain numbers of a study and their draws.

    Args:
        protocol: The study; its seed and the names of the numbers decide the draws.
        parameters: Central constants.
        keys: Constants to draw, each with a range.
        members: Number of draws.
        grade: Pfirrmann grade of the disc, whose rows of the grade table are drawn together (cells_matrix 3; rulings 9); None draws
            every row on its own.
    """
    drivers = []
    together = {} if grade is None else _grade_rows(parameters, grade, protocol.seed, members)
    for key, own in parameters.sample(keys, protocol.seed, members).items():
        draws = together.get(key, own)
        record = parameters[key]
        assert record.low is not None and record.high is not None
        drivers.append(Driver(key, record.value, record.low, record.high, record.unit, record.status, draws))
    for name, (value, (low, high), unit) in _protocol_ranges(protocol).items():
        prior = Parameter(name, 0.5, 0.0, 1.0, "1", "triangular", "protocol", "prior", "")
        uniform = _even(prior, protocol.seed, members)
        # A dose is known to an order of magnitude at best, so it is drawn evenly in its logarithm; a range from zero has none.
        draws = low * (high / low) ** uniform if low > 0.0 else high * uniform
        drivers.append(Driver(f"protocol.{name}", value, low, high, unit, "prior", draws))
    return drivers


def _grade_rows(parameters: ParameterSet, grade: int, seed: int, members: int) -> dict[str, np.ndarray]:
    """Correlated draws of the grade table by constant; what a log-normal law puts beyond the range of a constant stands at its end."""
    rows = {}
    for row, draws in sample_grade(parameters, grade, seed, members).items():
        record = parameters[f"grades.{row}.{GRADES[grade - 1]}"]
        rows[record.key] = draws if record.low is None else np.clip(draws, record.low, record.high)
    return rows


def _protocol_ranges(protocol: Protocol) -> dict[str, tuple[float, tuple[float, float], str]]:
    """Dose and volume with the range that the study leaves open: field -> value, range, unit."""
    dose, ranges = protocol.dose, {}
    if dose.cells_range is not None and dose.cells > 0.0:
        ranges["dose.cells"] = (dose.cells, dose.cells_range, "million cell")
    if dose.volume_range is not None and dose.volume > 0.0:
        ranges["dose.volume"] = (dose.volume, dose.volume_range, "mL")
    return ranges


def _even(prior: Parameter, seed: int, members: int) -> np.ndarray:
    """Even draws on (0, 1) from the stream that belongs to the name of the number."""
    triangular = ParameterSet([prior]).sample([prior.key], seed, members)[prior.key]
    # The distribution function of the triangle makes its draws even.
    return np.where(triangular < 0.5, 2.0 * triangular**2, 1.0 - 2.0 * (1.0 - triangular) ** 2)


def drawn(
    protocol: Protocol, parameters: ParameterSet, drivers: list[Driver], number: int
) -> tuple[Protocol, ParameterSet]:
    """Protocol and constants of one member."""
    constants = parameters.replace(
        {one.key: float(one.draws[number]) for one in drivers if not one.key.startswith("protocol.")}
    )
    given = {
        one.key.removeprefix("protocol.dose."): float(one.draws[number])
        for one in drivers
        if one.key.startswith("protocol.")
    }
    return protocol.model_copy(update={"dose": protocol.dose.model_copy(update=given)}), constants


def rank_correlation(draws: np.ndarray, results: np.ndarray) -> float:
    """Spearman's correlation; 0 where the result or the draw does not vary."""
    import scipy.stats

    if np.ptp(results) == 0.0 or np.ptp(draws) == 0.0:
        return 0.0
    ranks = (scipy.stats.rankdata(values) for values in (draws, results))
    return float(np.corrcoef(*ranks)[0, 1])
