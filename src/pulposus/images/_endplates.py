r"""The two endplates of a disc, fitted to the lower and upper surface of its columns (mechanics_imaging 1.6, step 6).

.. math:: z_s = s_0 + s_1\eta + s_2\rho^2 + s_3(\xi^2-\eta^2) + s_4\rho^2\eta + s_5\rho^4 + s_6\xi + \dots

by Huber's least squares: residuals beyond a limit count with their size instead of its square, so a stray voxel does not bend an endplate.
The disc keeps a smallest height at its rim; where the free surfaces come closer, both are fitted again under that condition.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import nnls

from pulposus.disc._map import DiscMap, endplate_terms, section_gradient, section_point

NEWTON_STEPS = 15
REWEIGHTINGS = 8
REACH = 1.3
"""Reference radius at which points beside the disc are held: the map may fold farther outside."""


def reference_points_of(
    form: DiscMap, x: Float[NDArray, "points"], y: Float[NDArray, "points"]
) -> tuple[Float[NDArray, "points"], Float[NDArray, "points"]]:
    """Reference coordinates (xi, eta) of points of the cross-section: the inverse of the map by Newton's method."""
    xi, eta = x / form.half_width, (y - form.origin) / form.half_depth
    for _ in range(NEWTON_STEPS):
        xi, eta = _bounded(xi, eta)
        here_x, here_y = section_point(form, xi, eta)
        x_xi, x_eta, y_xi, y_eta = section_gradient(form, xi, eta)
        determinant = np.maximum(x_xi * y_eta - x_eta * y_xi, 1e-3 * form.half_width * form.half_depth)
        step_xi = (y_eta * (x - here_x) - x_eta * (y - here_y)) / determinant
        step_eta = (x_xi * (y - here_y) - y_xi * (x - here_x)) / determinant
        xi, eta = xi + np.clip(step_xi, -0.3, 0.3), eta + np.clip(step_eta, -0.3, 0.3)
    return _bounded(xi, eta)


def _bounded(
    xi: Float[NDArray, "points"], eta: Float[NDArray, "points"]
) -> tuple[Float[NDArray, "points"], Float[NDArray, "points"]]:
    scale = REACH / np.maximum(np.hypot(xi, eta), REACH)
    return xi * scale, eta * scale


def surface_terms(xi: Float[NDArray, "points"], eta: Float[NDArray, "points"]) -> Float[NDArray, "points terms"]:
    """The terms of an endplate in the order of its coefficients."""
    return np.stack(endplate_terms(xi, eta), axis=1)


def _normal(terms: Float[NDArray, "points terms"], weight: Float[NDArray, "points"]) -> Float[NDArray, "terms terms"]:
    # Not a matrix product: the threads of a linear algebra library cost more than this sum when the machine is busy.
    return np.einsum("pi,p,pj->ij", terms, weight, terms)


def _right(terms: Float[NDArray, "points terms"], values: Float[NDArray, "points"]) -> Float[NDArray, "terms"]:
    return np.einsum("pi,p->i", terms, values)


def fit_surface(
    terms: Float[NDArray, "points terms"], z: Float[NDArray, "points"], limit: float
) -> tuple[Float[NDArray, "terms"], Float[NDArray, "points"]]:
    """Coefficients of an endplate through some points, and the weights of the points.

    Args:
        terms: Terms at the points.
        z: Heights of the points [mm].
        limit: Residual beyond which Huber's loss grows linearly [mm].
    """
    weight = np.ones_like(z)
    coefficients = np.zeros(terms.shape[1])
    for _ in range(REWEIGHTINGS):
        coefficients = np.linalg.solve(_normal(terms, weight), _right(terms, weight * z))
        weight = np.minimum(1.0, limit / np.maximum(np.abs(z - terms @ coefficients), 1e-9))
    return coefficients, weight


def fit_endplates(
    terms: Float[NDArray, "points terms"],
    lower: Float[NDArray, "points"],
    upper: Float[NDArray, "points"],
    limit: float,
    watched: Float[NDArray, "places terms"],
    floor: Float[NDArray, "places"],
) -> tuple[Float[NDArray, "terms"], Float[NDArray, "terms"]]:
    """Coefficients of the inferior and the superior endplate.

    Args:
        terms: Terms at the columns.
        lower, upper: Surfaces of the columns [mm].
        limit: Of Huber's loss [mm].
        watched: Terms at the places where the height has a floor.
        floor: Smallest height there [mm].
    """
    (inferior, below), (superior, above) = fit_surface(terms, lower, limit), fit_surface(terms, upper, limit)
    factors = [np.linalg.cholesky(_normal(terms, weight)) for weight in (below, above)]
    # In u = L^T (s - s_free) the residual grows with |u|^2, and the floors read G u >= lacking.
    slopes = np.concatenate([np.linalg.solve(factors[0], -watched.T), np.linalg.solve(factors[1], watched.T)]).T
    lacking = floor - watched @ (superior - inferior)
    nearest = _nearest_allowed(slopes, lacking)
    count = terms.shape[1]
    return (
        inferior + np.linalg.solve(factors[0].T, nearest[:count]),
        superior + np.linalg.solve(factors[1].T, nearest[count:]),
    )


def _nearest_allowed(slopes: Float[NDArray, "places n"], lacking: Float[NDArray, "places"]) -> Float[NDArray, "n"]:
    """The shortest u with slopes u >= lacking (Lawson and Hanson, Solving Least Squares Problems, chapter 23)."""
    if np.all(lacking <= 0.0):
        return np.zeros(slopes.shape[1])
    scale = np.abs(slopes).max()
    table = np.concatenate([slopes.T / scale, lacking[None, :]])
    target = np.zeros(len(table))
    target[-1] = 1.0
    weights, _ = nnls(table, target)
    residual = table @ weights - target
    return -residual[:-1] / residual[-1] / scale
