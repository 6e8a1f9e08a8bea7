"""Covariances of outcomes that share a cluster: of their sampling errors (known) and of their random effects (to be estimated).

sampling, constant correlation   V_ij = rho sqrt(v_i v_j)                      i, j of one cluster
nested                           G_ij = s_b + s_w [i = j]                      three levels, parameters (s_b, s_w) >= 0
unstructured                     G_ij = T[kind_i, kind_j], T = L L'            parameters: the entries of L
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pulposus.errors import InvalidInput
from pulposus.evidence._study_data import FloatArray, StudyData

IntArray = NDArray[np.int64]


class Structure(Protocol):
    """Covariance of the random effects as a function of its parameters."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what `variances` returns."""
        ...

    def covariance(self, theta: FloatArray) -> FloatArray:
        """Covariance of the random effects of all outcomes, shape (k, k)."""
        ...

    def derivatives(self, theta: FloatArray) -> list[FloatArray]:
        """Its derivative with each parameter."""
        ...

    def variances(self, theta: FloatArray) -> FloatArray:
        """The variances and covariances that people read."""
        ...

    def scale(self, unit: float) -> FloatArray:
        """Size of each parameter when variances have the size `unit`."""
        ...

    def starts(self) -> list[FloatArray]:
        """Starting points of the search, in units of `scale`."""
        ...

    def bounds(self) -> list[tuple[float | None, float | None]]:
        """Bounds of the parameters, in units of `scale`."""
        ...


@dataclass(frozen=True)
class Nested:
    """Three levels: a variance between clusters and one within."""

    together: FloatArray

    @property
    def names(self) -> tuple[str, ...]:
        """Between and within."""
        return ("between clusters", "within clusters")

    def covariance(self, theta: FloatArray) -> FloatArray:
        """Outcomes of a cluster share the first variance."""
        return theta[0] * self.together + theta[1] * np.eye(self.together.shape[0])

    def derivatives(self, theta: FloatArray) -> list[FloatArray]:
        """The parameters enter linearly."""
        del theta
        return [self.together, np.eye(self.together.shape[0])]

    def variances(self, theta: FloatArray) -> FloatArray:
        """The parameters themselves."""
        return theta

    def scale(self, unit: float) -> FloatArray:
        """Variances."""
        return np.full(2, unit)

    def starts(self) -> list[FloatArray]:
        """Small, even, mostly between, mostly within."""
        return [np.array(start) for start in ((0.1, 0.1), (1.0, 1.0), (10.0, 0.1), (0.1, 10.0))]

    def bounds(self) -> list[tuple[float | None, float | None]]:
        """No variance below 0."""
        return [(0.0, None), (0.0, None)]


@dataclass(frozen=True)
class Unstructured:
    """A free covariance matrix of the kinds of outcomes in a cluster, through its triangle L."""

    together: FloatArray
    kinds: IntArray
    titles: tuple[str, ...]

    @property
    def _entries(self) -> list[tuple[int, int]]:
        return [(row, column) for row in range(len(self.titles)) for column in range(row + 1)]

    @property
    def names(self) -> tuple[str, ...]:
        """Each kind, then each pair."""
        pairs = itertools.combinations(self.titles, 2)
        return (*self.titles, *(f"{first} with {second}" for first, second in pairs))

    def _triangle(self, theta: FloatArray) -> FloatArray:
        triangle = np.zeros((len(self.titles), len(self.titles)))
        for value, entry in zip(theta, self._entries, strict=True):
            triangle[entry] = value
        return triangle

    def covariance(self, theta: FloatArray) -> FloatArray:
        """T of the kinds of two outcomes of one cluster."""
        triangle = self._triangle(theta)
        return self._spread(triangle @ triangle.T)

    def derivatives(self, theta: FloatArray) -> list[FloatArray]:
        """dT = E L' + L E'."""
        triangle = self._triangle(theta)
        found: list[FloatArray] = []
        for entry in self._entries:
            one = np.zeros_like(triangle)
            one[entry] = 1.0
            half = one @ triangle.T
            found.append(self._spread(half + half.T))
        return found

    def _spread(self, table: FloatArray) -> FloatArray:
        return self.together * table[np.ix_(self.kinds, self.kinds)]

    def variances(self, theta: FloatArray) -> FloatArray:
        """Diagonal of T, then its upper triangle."""
        triangle = self._triangle(theta)
        table = triangle @ triangle.T
        pairs = itertools.combinations(range(len(self.titles)), 2)
        return np.array([*np.diag(table), *(table[pair] for pair in pairs)])

    def scale(self, unit: float) -> FloatArray:
        """Square roots of variances."""
        return np.full(len(self._entries), np.sqrt(unit))

    def starts(self) -> list[FloatArray]:
        """Independent kinds, small and large; then correlated ones."""
        diagonal = np.array([float(row == column) for row, column in self._entries])
        return [0.3 * diagonal, diagonal, 3.0 * diagonal, 0.5 + 0.5 * diagonal, -0.5 + 1.5 * diagonal]

    def bounds(self) -> list[tuple[float | None, float | None]]:
        """The diagonal of L is not negative."""
        return [(0.0, None) if row == column else (None, None) for row, column in self._entries]


def cluster_numbers(cluster: Sequence[Any], labels: Sequence[str]) -> IntArray:
    """Clusters as numbers 0, 1, ... in the order of their first outcome."""
    if len(cluster) != len(labels):
        raise InvalidInput(
            f"{len(cluster)} clusters for {len(labels)} outcomes", where="cluster", allowed="one per outcome"
        )
    seen: dict[str, int] = {}
    numbers = [seen.setdefault(str(name), len(seen)) for name in cluster]
    if len(seen) < 2:
        raise InvalidInput(
            "all outcomes belong to one cluster",
            where="cluster",
            allowed="at least two clusters",
            remedy="one study cannot tell how much studies differ",
        )
    return np.array(numbers, dtype=np.int64)


def nested_structure(numbers: IntArray) -> Nested:
    """Random effects of three levels."""
    if int(np.bincount(numbers).max()) == 1:
        raise InvalidInput(
            "every cluster has one outcome, so between and within cannot be told apart",
            where="cluster",
            allowed="a cluster with at least two outcomes",
            remedy="pool with meta_analysis",
        )
    return Nested(_together(numbers))


def unstructured_structure(numbers: IntArray, inner: Sequence[Any], labels: Sequence[str]) -> Unstructured:
    """Random effects with a free covariance of the kinds of outcomes."""
    if len(inner) != numbers.size:
        raise InvalidInput(f"{len(inner)} kinds for {numbers.size} outcomes", where="inner", allowed="one per outcome")
    texts = [str(kind) for kind in inner]
    titles = tuple(sorted(set(texts)))
    kinds = np.array([titles.index(text) for text in texts], dtype=np.int64)
    seen: set[tuple[int, int]] = set()
    for label, pair in zip(labels, zip(numbers.tolist(), kinds.tolist(), strict=True), strict=True):
        if pair in seen:
            raise InvalidInput(
                f"{label} repeats the kind {titles[pair[1]]!r} of its cluster",
                where=label,
                allowed="each kind of outcome once per cluster",
                remedy="use the nested model (no inner) for repeated outcomes",
            )
        seen.add(pair)
    return Unstructured(_together(numbers), kinds, titles)


def sampling_covariance(data: StudyData, numbers: IntArray, *, rho: float, sampling: ArrayLike | None) -> FloatArray:
    """Known covariance of the sampling errors, shape (k, k)."""
    if sampling is None:
        if not 0.0 <= rho < 1.0:
            raise InvalidInput(f"the correlation of sampling errors is {rho:g}", where="rho", allowed="0 to below 1")
        roots = np.sqrt(data.vi)
        return np.where(np.eye(data.k) > 0.0, 1.0, rho * _together(numbers)) * np.outer(roots, roots)
    matrix = np.asarray(sampling, dtype=np.float64)
    if matrix.shape != (data.k, data.k):
        raise InvalidInput(
            f"the sampling covariance has the shape {matrix.shape}", where="sampling", allowed=f"({data.k}, {data.k})"
        )
    if not np.allclose(np.diag(matrix), data.vi, rtol=1e-9, atol=0.0):
        raise InvalidInput(
            "the diagonal of the sampling covariance differs from vi", where="sampling", allowed="the variances vi"
        )
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0.0) or np.any((matrix != 0.0) & (_together(numbers) == 0.0)):
        raise InvalidInput(
            "the sampling covariance is not symmetric or joins different clusters",
            where="sampling",
            allowed="a symmetric matrix with zeros between clusters",
        )
    if float(np.linalg.eigvalsh(matrix / np.sqrt(np.outer(data.vi, data.vi)))[0]) <= 0.0:
        raise InvalidInput(
            "the sampling covariance is not positive definite",
            where="sampling",
            allowed="correlations that fit together",
        )
    return matrix


def _together(numbers: IntArray) -> FloatArray:
    return (numbers[:, None] == numbers[None, :]).astype(np.float64)
