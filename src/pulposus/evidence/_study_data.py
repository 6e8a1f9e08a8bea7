"""The numbers that a meta-analysis needs of each study, checked once: outcome, sampling variance, moderators, label.

Every problem is one `InvalidInput` that names the study. Nothing is dropped in silence: who wants to leave a study out does so before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pulposus.errors import InvalidInput

FloatArray = NDArray[np.floating[Any]]
INTERCEPT = "intercept"


@dataclass(frozen=True)
class StudyData:
    """Outcomes of k studies and the design of the model.

    Attributes:
        yi: Observed outcomes, shape (k,).
        vi: Sampling variances, shape (k,), all positive.
        design: Model matrix, shape (k, p); the first column is the intercept.
        names: Names of the p columns.
        labels: Names of the k studies.
    """

    yi: FloatArray
    vi: FloatArray
    design: FloatArray
    names: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def k(self) -> int:
        """Number of studies."""
        return self.yi.size

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return self.design.shape[1]

    def without_moderators(self) -> StudyData:
        """The same studies with the intercept alone."""
        return StudyData(self.yi, self.vi, self.design[:, :1], self.names[:1], self.labels)


def study_data(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    moderators: Mapping[str, Any] | None = None,
    labels: Sequence[str] | None = None,
) -> StudyData:
    """Check outcomes, variances and moderators of k studies.

    A moderator of numbers is one column; a moderator of text is a factor, whose first level in sorted order is the reference and whose
    other levels are columns `name: level` of zeros and ones.

    Args:
        yi: Observed outcomes, k numbers.
        vi: Sampling variances, k positive numbers.
        moderators: Name -> k numbers or k texts.
        labels: Names of the studies; "study 1", ... if left out.

    Raises:
        InvalidInput: Lengths that differ, a missing or infinite value, a variance that is not positive, a moderator that does not vary or
            that repeats others, as many coefficients as studies.
    """
    outcomes, variances = column(yi, "yi"), column(vi, "vi")
    k = outcomes.size
    if variances.size != k:
        raise InvalidInput(
            f"{k} outcomes but {variances.size} variances", where="yi, vi", allowed="one variance per outcome"
        )
    if k == 0:
        raise InvalidInput("no studies", where="yi", allowed="at least one study")
    names = study_labels(labels, k)
    require_finite(outcomes, names, "outcome")
    require_positive(variances, names)
    columns: list[FloatArray] = [np.ones(k)]
    titles = [INTERCEPT]
    for name, values in (moderators or {}).items():
        for title, part in _moderator_columns(name, values, names):
            columns.append(part)
            titles.append(title)
    design = np.column_stack(columns)
    _require_full_rank(design, titles)
    return StudyData(outcomes, variances, design, tuple(titles), names)


def column(values: ArrayLike, name: str) -> FloatArray:
    """One-dimensional array of floats."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} holds something that is not a number", where=name, allowed="numbers") from error
    if array.ndim != 1:
        raise InvalidInput(f"{name} has {array.ndim} dimensions", where=name, allowed="one number per study")
    return array


def study_labels(labels: Sequence[str] | None, k: int) -> tuple[str, ...]:
    """Names of k studies."""
    if labels is None:
        return tuple(f"study {number}" for number in range(1, k + 1))
    if len(labels) != k:
        raise InvalidInput(f"{len(labels)} labels for {k} studies", where="labels", allowed="one label per study")
    return tuple(str(label) for label in labels)


def require_finite(values: FloatArray, labels: Sequence[str], what: str) -> None:
    """Every value is a finite number."""
    for label, value in zip(labels, values, strict=True):
        if not math.isfinite(value):
            raise InvalidInput(
                f"the {what} of {label} is {value}",
                where=label,
                allowed="a finite number",
                remedy="leave the study out, or impute the value and say so",
            )


def require_positive(variances: FloatArray, labels: Sequence[str]) -> None:
    """Every sampling variance is a finite, positive number."""
    require_finite(variances, labels, "sampling variance")
    for label, value in zip(labels, variances, strict=True):
        if value <= 0.0:
            raise InvalidInput(
                f"the sampling variance of {label} is {value:g}",
                where=label,
                allowed="a variance above 0",
                remedy="give the squared standard error of the outcome; for zero cells use a continuity correction",
            )


def require_level(level: float) -> None:
    """A confidence level is a share, not a percentage."""
    if not 0.0 < level < 1.0:
        raise InvalidInput(f"the level is {level}", where="level", allowed="between 0 and 1, such as 0.95")


def require_choice(value: str, allowed: Sequence[str], what: str) -> None:
    """One of some names."""
    if value not in allowed:
        raise InvalidInput(f"the {what} {value!r} is not known", where=what, allowed=", ".join(allowed))


def _moderator_columns(name: str, values: Any, labels: Sequence[str]) -> list[tuple[str, FloatArray]]:
    raw = np.asarray(values)
    if raw.ndim != 1 or raw.size != len(labels):
        raise InvalidInput(
            f"the moderator {name} has the shape {raw.shape}",
            where=name,
            allowed=f"one value for each of {len(labels)} studies",
        )
    if raw.dtype.kind in "bif":
        numbers = raw.astype(np.float64)
        require_finite(numbers, labels, f"moderator {name}")
        if np.ptp(numbers) == 0.0:
            raise InvalidInput(
                f"the moderator {name} is {numbers[0]:g} in every study", where=name, allowed="values that differ"
            )
        return [(name, numbers)]
    texts = [str(value).strip() for value in raw]
    for label, text in zip(labels, texts, strict=True):
        if text in {"", "nan", "None"}:
            raise InvalidInput(f"the moderator {name} of {label} is missing", where=label, allowed="a number or a name")
    levels = sorted(set(texts))
    if len(levels) == 1:
        raise InvalidInput(
            f"the moderator {name} is {levels[0]!r} in every study", where=name, allowed="values that differ"
        )
    return [(f"{name}: {level}", np.array([float(text == level) for text in texts])) for level in levels[1:]]


def _require_full_rank(design: FloatArray, titles: Sequence[str]) -> None:
    k, p = design.shape
    if k < p or (p > 1 and k == p):
        raise InvalidInput(
            f"{k} studies cannot carry {p} coefficients ({', '.join(titles)})",
            where="moderators",
            allowed=f"more studies than coefficients: at least {p + 1}",
            remedy="use fewer moderators",
        )
    scaled = design / np.linalg.norm(design, axis=0)
    if np.linalg.matrix_rank(scaled) < p:
        raise InvalidInput(
            "the moderators repeat one another",
            where=", ".join(titles[1:]),
            allowed="columns that are not combinations of the others",
            remedy="leave one of them out",
        )
