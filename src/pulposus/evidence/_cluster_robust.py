"""Cluster-robust covariance of coefficients: valid whatever the working model says of dependence within clusters.

cov b = B [ sum_j X_j' W_j A_j r_j r_j' A_j' W_j X_j ] B,  B = (X'WX)^-1, W = M^-1, r the residuals, j the clusters
CR1   A_j = I, times n / (n - p) for n clusters; t on n - p                  as metafor's `robust`
CR2   A_j = D_j' C_j^(+1/2) D_j, D_j'D_j = M_j, C_j = D_j (M_j - X_j B X_j') D_j'; t on Satterthwaite's degrees of freedom
      df = (sum_j p_jj)² / sum_ij p_ij², p_ij = g_i' M g_j, g_j = (I - H)_j' A_j W_j X_j B c
      Bell & McCaffrey 2002; Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004; as the R package clubSandwich
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulposus.errors import InvalidInput
from pulposus.evidence._covariance import IntArray
from pulposus.evidence._study_data import FloatArray


@dataclass(frozen=True)
class Robust:
    """Covariance of the coefficients and the degrees of freedom of each.

    Attributes:
        covariance: Shape (p, p).
        df: Shape (p,).
    """

    covariance: FloatArray
    df: FloatArray


def cluster_robust(
    design: FloatArray, residual: FloatArray, working: FloatArray, numbers: IntArray, *, kind: str
) -> Robust:
    """Sandwich covariance of generalised least squares.

    Args:
        design: X, shape (k, p).
        residual: y - X b, shape (k,).
        working: M, the covariance of the outcomes that gave the weights, with zeros between clusters, shape (k, k).
        numbers: Cluster of each outcome, 0, 1, ...
        kind: `CR1` or `CR2`.

    Raises:
        InvalidInput: Not more clusters than coefficients.
    """
    clusters, p = int(numbers.max()) + 1, design.shape[1]
    if clusters <= p:
        raise InvalidInput(
            f"{clusters} clusters cannot carry {p} coefficients with cluster-robust inference",
            where="cluster",
            allowed=f"at least {p + 1} clusters",
            remedy="use the model-based inference t or z",
        )
    inverse = np.linalg.inv(working)
    bread = np.linalg.inv(design.T @ inverse @ design)
    members = [np.flatnonzero(numbers == number) for number in range(clusters)]
    adjusted = [
        _adjusted_design(design[rows], working[np.ix_(rows, rows)], inverse[np.ix_(rows, rows)], bread, kind=kind)
        for rows in members
    ]
    scores = [part.T @ residual[rows] for part, rows in zip(adjusted, members, strict=True)]
    covariance = bread @ sum(np.outer(score, score) for score in scores) @ bread
    if kind == "CR1":
        return Robust(clusters / (clusters - p) * covariance, np.full(p, float(clusters - p)))
    return Robust(covariance, _satterthwaite(design, inverse, working, bread, adjusted, members))


def _adjusted_design(
    design: FloatArray, working: FloatArray, inverse: FloatArray, bread: FloatArray, *, kind: str
) -> FloatArray:
    """A_j' W_j X_j of one cluster."""
    weighted = inverse @ design
    if kind == "CR1":
        return weighted
    triangle = np.linalg.cholesky(working).T
    middle = triangle @ (working - design @ bread @ design.T) @ triangle.T
    values, vectors = np.linalg.eigh(0.5 * (middle + middle.T))
    # A direction that the coefficients fit exactly carries no residual: its root is that of the pseudo-inverse.
    roots = np.where(values > 1e-12 * values[-1], 1.0 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
    adjustment = triangle.T @ (vectors * roots) @ vectors.T @ triangle
    return adjustment.T @ weighted


def _satterthwaite(
    design: FloatArray,
    inverse: FloatArray,
    working: FloatArray,
    bread: FloatArray,
    adjusted: list[FloatArray],
    members: list[IntArray],
) -> FloatArray:
    complement = np.eye(design.shape[0]) - design @ bread @ design.T @ inverse
    df: list[float] = []
    for contrast in np.eye(design.shape[1]):
        columns = np.column_stack(
            [complement[rows].T @ (part @ (bread @ contrast)) for part, rows in zip(adjusted, members, strict=True)]
        )
        table = columns.T @ working @ columns
        df.append(float(np.trace(table) ** 2 / np.sum(table**2)))
    return np.array(df)
