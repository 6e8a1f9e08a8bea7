r"""Discs of one grade that differ as people do (cells_matrix 3; rulings 9).

Every row of the grade table has a normal score,

.. math:: z_i = h_i \left(\sqrt{\rho}\, z_0 + \sqrt{1 - \rho}\, \zeta_i\right), \qquad h_i = \pm 1,

with one number z0 per disc and one of its own; h is 1 where more of the row is healthier and -1 where it is worse, so that the scores
agree on how healthy the disc is, with correlation rho between any two rows. Glycosaminoglycan, cytokine and cell density are log-normal
with the table as mean; fractions, and collagen II, follow the law of their record inside their range; the height factor is normal, cut at
its range. Every row has its own stream of random numbers: the draws of one never depend on the others, nor on how many discs are drawn.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from pulposus.errors import InvalidInput
from pulposus.parameters import GRADES, Parameter, _uniforms

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

_NORMAL = NormalDist()
_HEALTHIER, _WORSE = 1.0, -1.0
# Rows that follow one score because they are one quantity in several tissues.
LOG_NORMAL_ROWS: dict[str, tuple[float, tuple[str, ...]]] = {
    "glycosaminoglycan": (_HEALTHIER, ("glycosaminoglycan.nucleus", "glycosaminoglycan.annulus")),
    "cytokine": (_WORSE, ("cytokine",)),
    "cell_density": (_HEALTHIER, ("cell_density.nucleus", "cell_density.annulus", "cell_density.endplate")),
}
RANGED_ROWS: dict[str, float] = {
    "senescent_share": _WORSE,
    "collagen_II.nucleus": _HEALTHIER,
    "fissure_fraction": _WORSE,
    "annulus_order": _HEALTHIER,
}
HEIGHT_ROW = "height_factor"


def sample_grade(
    parameters: ParameterSet, grade: int, seed: int, members: int
) -> dict[str, Float[np.ndarray, "members"]]:
    """Correlated draws of the grade table.

    Args:
        parameters: The loaded parameters.
        grade: Pfirrmann grade 1 to 5.
        seed: Seed of the study, not negative.
        members: Number of discs; the first ones do not depend on it.

    Returns:
        Values by key without the grade, such as `glycosaminoglycan.nucleus` [mg/mL]: for `GradeMatrix.of_grade`, and over the table's
        value as factors on a disc that is already built.

    Raises:
        InvalidInput: The grade is not 1 to 5.
    """
    if grade not in range(1, len(GRADES) + 1):
        raise InvalidInput(f"{grade} is no Pfirrmann grade", where="grade", allowed="1 to 5")
    correlation = parameters.value("matrix.sampling.correlation")
    variation = parameters.value("matrix.sampling.variation")
    common = _scores("common", seed, members)

    def score(row: str, sign: float) -> np.ndarray:
        return sign * (math.sqrt(correlation) * common + math.sqrt(1.0 - correlation) * _scores(row, seed, members))

    def record(key: str) -> Parameter:
        return parameters[f"grades.{key}.{GRADES[grade - 1]}"]

    draws: dict[str, np.ndarray] = {}
    spread = math.sqrt(math.log1p(variation**2))
    for row, (sign, keys) in LOG_NORMAL_ROWS.items():
        factor = np.exp(spread * score(row, sign) - 0.5 * spread**2)
        draws |= {key: record(key).value * factor for key in keys}
    for row, sign in RANGED_ROWS.items():
        draws[row] = np.array([record(row).quantile(_inside(z)) for z in score(row, sign)])
    height = record(HEIGHT_ROW)
    deviation = parameters.value("matrix.sampling.height_deviation")
    draws[HEIGHT_ROW] = np.array([_cut_normal(height, deviation, z) for z in score(HEIGHT_ROW, _HEALTHIER)])
    return draws


def _scores(row: str, seed: int, members: int) -> np.ndarray:
    """Standard normal numbers of the row's own stream."""
    return np.array([_NORMAL.inv_cdf(_open(u)) for u in _uniforms(seed, f"matrix.sampling.{row}", members)])


def _open(probability: float) -> float:
    """The same number, inside the open interval from 0 to 1."""
    return min(max(probability, np.finfo(np.float64).tiny), 1.0 - np.finfo(np.float64).epsneg)


def _inside(score: float) -> float:
    """Probability of a normal score, inside the open interval from 0 to 1."""
    return _open(_NORMAL.cdf(score))


def _cut_normal(record: Parameter, deviation: float, score: float) -> float:
    """Normal law about the value, cut at the range of the record, at a normal score."""
    assert record.low is not None and record.high is not None
    law = NormalDist(record.value, deviation)
    low, high = law.cdf(record.low), law.cdf(record.high)
    value = law.inv_cdf(_open(low + (high - low) * _NORMAL.cdf(score)))
    return min(max(value, record.low), record.high)
