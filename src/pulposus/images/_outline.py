r"""The outline of a disc, fitted to points of its border (mechanics_imaging 1.6, step 5).

.. math::

    x = x_0 + \sum_{k=1}^{N} p_k \cos kt + q_k \sin kt, \qquad y = y_0 + \sum_{k=1}^{N} r_k \cos kt + s_k \sin kt

Closest points on the curve and linear least squares for the coefficients take turns until nothing moves. The seven terms of a symmetric
outline are :math:`p_1, q_2, p_3, y_0, s_1, r_2, s_3`; the others let left differ from right and follow finer waves. :math:`q_1` is zero:
together with :math:`r_1` it would only turn the parameter t along the same curve.

A point of the border is known to its error e where the border runs across the slices of a stack, and only to the slice where it runs along
them: with the step s from one slice to the next, evenly likely places between two slices, and the normal n of the border,

.. math:: w = e^2 / (e^2 + (n \cdot s)^2 / 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

RAYS = 240
PASSES = 60  # mechanics_imaging 1.6: fewer suffice on the published mesh
CURVE = 2.0 * np.pi * np.arange(720) / 720.0
STILL = 5e-5  # of the half width; a curve that moves less has converged, far below a pixel


@dataclass(frozen=True, eq=False)
class Border:
    """A fitted outline.

    Attributes:
        width: x0, p1, q1, p2, q2, ... [mm], (1 + 2 orders,).
        depth: y0, r1, s1, r2, s2, ... [mm], (1 + 2 orders,).
        residual: Distances of the points from the curve [mm], (points,).
    """

    width: Float[NDArray, "terms"]
    depth: Float[NDArray, "terms"]
    residual: Float[NDArray, "points"]

    def at(self, angle: Float[NDArray, "angles"]) -> Float[NDArray, "angles 2"]:
        """Points of the curve [mm]."""
        return _terms(angle, len(self.width) // 2) @ np.stack([self.width, self.depth], axis=1)

    def normals(self, angle: Float[NDArray, "angles"]) -> Float[NDArray, "angles 2"]:
        """Unit vectors across the curve."""
        along = _slopes(angle, len(self.width) // 2) @ np.stack([self.width, self.depth], axis=1)
        return np.stack([along[:, 1], -along[:, 0]], axis=1) / np.linalg.norm(along, axis=1)[:, None]


def _terms(t: Float[NDArray, "angles"], orders: int) -> Float[NDArray, "angles terms"]:
    waves = [wave(order * t) for order in range(1, orders + 1) for wave in (np.cos, np.sin)]
    return np.stack([np.ones_like(t), *waves], axis=1)


def _slopes(t: Float[NDArray, "angles"], orders: int) -> Float[NDArray, "angles terms"]:
    waves = [
        slope for order in range(1, orders + 1) for slope in (-order * np.sin(order * t), order * np.cos(order * t))
    ]
    return np.stack([np.zeros_like(t), *waves], axis=1)


def border_points(
    field: Float[NDArray, "nx ny"], x: Float[NDArray, "nx"], y: Float[NDArray, "ny"], threshold: float
) -> Float[NDArray, "rays 2"]:
    """Points where a field falls below a threshold for the last time on rays from the middle of what lies above it [mm]."""
    above = field > threshold
    middle = np.array([x[above.any(axis=1)].mean(), y[above.any(axis=0)].mean()])
    step = 0.5 * (x[1] - x[0])
    radii: Float[NDArray, "radii"] = np.arange(0.0, np.hypot(np.ptp(x), np.ptp(y)), step)
    angle = 2.0 * np.pi * np.arange(RAYS) / RAYS
    direction = np.stack([np.cos(angle), np.sin(angle)])
    points = middle[:, None, None] + direction[:, :, None] * radii[None, None, :]
    index = np.stack([(points[0] - x[0]) / (x[1] - x[0]), (points[1] - y[0]) / (y[1] - y[0])])
    sampled: Any = map_coordinates(field, index, order=1, mode="constant", cval=0.0)
    last = sampled.shape[1] - 1 - np.argmax(sampled[:, ::-1] > threshold, axis=1)
    rows = np.arange(RAYS)
    inner, outer = sampled[rows, last], sampled[rows, np.minimum(last + 1, sampled.shape[1] - 1)]
    radius = radii[last] + step * (inner - threshold) / np.maximum(inner - outer, 1e-12)
    return middle + radius[:, None] * direction.T


def fit_border(
    points: Float[NDArray, "points 2"], orders: int, ridge: float, slices: Float[NDArray, "2"], error: float
) -> Border:
    """The outline through some points, in the sense of least squares of the distance.

    Args:
        points: Points of the border in their order around it [mm].
        orders: Number N of harmonics.
        ridge: Weight of the second harmonics themselves beside the points; that of harmonics k grows with k^2, so the sum is the
            square of the slope of the curve along t. A change of t that keeps the curve would otherwise be free to drift, until the map
            inside folds, and fine waves fold it first.
        slices: Step from one slice of the mask to the next in the plane of the outline [mm]; zero where there are no thick slices.
        error: Standard error of a point across a border that is drawn within a slice [mm].
    """
    gaps = np.linalg.norm(np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0), axis=1)
    middle, half = 0.5 * (points.max(axis=0) + points.min(axis=0)), 0.5 * np.ptp(points, axis=0)
    count = 1 + 2 * orders
    width, depth = np.zeros(count), np.zeros(count)
    width[0], width[1], depth[0], depth[2] = middle[0], half[0], middle[1], half[1]
    border = Border(width, depth, np.zeros(len(points)))
    free = np.arange(count) != 2
    harmonic = np.repeat(np.arange(orders + 1), 2)[1:]
    weights = ridge * len(points) * np.where(harmonic > 1, harmonic / 2.0, 0.0) ** 2
    for _ in range(PASSES):
        angle = _closest(border, points)
        certain = error**2 / (error**2 + (border.normals(angle) @ slices) ** 2 / 12.0)
        weight = np.sqrt(gaps / gaps.mean() * certain)[:, None]
        terms = _terms(angle, orders) * weight
        normal = terms.T @ terms + np.diag(weights)
        right = terms.T @ (points * weight)
        width = np.zeros(count)
        width[free] = np.linalg.solve(normal[np.ix_(free, free)], right[free, 0])
        following = Border(width, np.linalg.solve(normal, right[:, 1]), border.residual)
        moved = np.abs(following.at(CURVE) - border.at(CURVE)).max()
        border = following
        if moved < STILL * half[0]:
            break
    residual = np.linalg.norm(border.at(_closest(border, points)) - points, axis=1)
    return Border(border.width, border.depth, residual)


def _closest(border: Border, points: Float[NDArray, "points 2"]) -> Float[NDArray, "points"]:
    """Parameter of the point of the curve next to every point: the nearest sample, then one Newton step."""
    curve = border.at(CURVE)
    nearest = KDTree(curve).query(points)[1]
    step = CURVE[1]
    before, here, after = curve[nearest - 1], curve[nearest], curve[(nearest + 1) % len(curve)]
    first, second = (after - before) / (2.0 * step), (after - 2.0 * here + before) / step**2
    gap = here - points
    slope = (gap * first).sum(axis=1)
    curvature = (first**2).sum(axis=1) + (gap * second).sum(axis=1)
    return CURVE[nearest] - np.clip(slope / np.maximum(curvature, 1e-9), -step, step)
