r"""The closed-form map from the reference cylinder to a disc (mechanics_imaging 1.4, rulings 37 and 38).

Reference: :math:`(\xi, \eta)` in the unit disc, :math:`\rho^2 = \xi^2 + \eta^2`, :math:`+\eta` anterior, :math:`\zeta \in [-1, 1]`.

.. math::

    x &= a\,[a_1 \xi (1 + e(1-\rho^2)) + 2 b_2 \xi\eta + a_3 (\xi^3 - 3\xi\eta^2) + h_x] \\
    y &= y_0 + b\,[c_1 \eta (1 - e(1-\rho^2)) + d_2 (\xi^2-\eta^2) + c_3 (3\xi^2\eta - \eta^3) + h_y] - \delta (1-\rho^2) \\
    z &= \tfrac{1-\zeta}{2} z_{inf} + \tfrac{1+\zeta}{2} z_{sup}, \qquad
    z_s = s_0 + s_1\eta + s_2\rho^2 + s_3(\xi^2-\eta^2) + s_4\rho^2\eta + s_5\rho^4 + \dots

The first-order and harmonic terms are the harmonic extension of a 3-harmonic outline, so the map is a smooth polynomial without a pole
at the centre; :math:`e` squeezes the nucleus and :math:`\delta` moves it back. :math:`x, y` do not depend on :math:`\zeta`: the columns of
a mesh are vertical. The nucleus is :math:`\rho \le \rho_N`; the cartilage endplate :math:`\rho \le \rho_{CEP}` within
:math:`t = t_0 + t_1 (\rho/\rho_{CEP})^m` of an endplate.

A disc that was fitted to an image (1.6) has more terms: :math:`h_x, h_y = \sum_k p_k\,\mathrm{Re}\,w^k + q_k\,\mathrm{Im}\,w^k` with
:math:`w = \xi + i\eta`, by which left differs from right and the outline has finer waves, and ten more terms of every endplate
(`endplate_terms`), of which the first is the coronal tilt. Where it is thin, a cartilage endplate takes at most a share of its column.

The functions use arithmetic only, so they take NumPy or JAX arrays and can be differentiated in every coefficient.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

# NumPy or JAX: the map is arithmetic and does not care.
Numbers = Any

# Trapezoid nodes on a circle: exact below this degree; the moments of an outline of n harmonics have degree 3n.
_CIRCLE = 2.0 * np.pi * np.arange(32) / 32.0


def no_harmonics() -> np.ndarray:
    """The harmonics of a disc that has none beside those of its outline."""
    return np.zeros((0, 2))


class DiscMap(eqx.Module):
    """Coefficients of the map of one disc; lengths in mm, the rest dimensionless.

    Attributes:
        half_width, half_depth: a, b.
        origin: y0, moves the disc along y.
        width_first, width_second, width_third: a1, b2, a3, the harmonics of x.
        depth_first, depth_second, depth_third: c1, d2, c3, the harmonics of y; a negative d2 makes the outline a kidney.
        squeeze: e, widens and flattens the nucleus.
        nucleus_shift: delta, moves the interior backward.
        superior, inferior: Coefficients of the two endplates [mm]: s0 to s5, or more where they were fitted.
        nucleus_radius, endplate_radius: rho_N and rho_CEP.
        endplate_centre, endplate_rise: t0 and t1 of the cartilage endplate; both 0 where there is none.
        width_harmonics, depth_harmonics: p_k and q_k of h_x and h_y for k = 1, 2, ..., (orders, 2); no rows but in a fitted disc.
        endplate_share: Largest share of a column that one cartilage endplate may take; it thins where the column is lower.
        endplate_power: m, the power of the rise towards the margin.
    """

    half_width: Numbers
    half_depth: Numbers
    origin: Numbers
    width_first: Numbers
    width_second: Numbers
    width_third: Numbers
    depth_first: Numbers
    depth_second: Numbers
    depth_third: Numbers
    squeeze: Numbers
    nucleus_shift: Numbers
    superior: Float[Numbers, "terms"]
    inferior: Float[Numbers, "terms"]
    nucleus_radius: Numbers
    endplate_radius: Numbers
    endplate_centre: Numbers
    endplate_rise: Numbers
    width_harmonics: Float[Numbers, "orders 2"] = eqx.field(default_factory=no_harmonics)
    depth_harmonics: Float[Numbers, "orders 2"] = eqx.field(default_factory=no_harmonics)
    endplate_share: Numbers = 0.5
    endplate_power: int = eqx.field(static=True, default=4)


def _harmonics(coefficients: Float[Numbers, "orders 2"], xi: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Sum of p_k Re w^k + q_k Im w^k over k = 1, 2, ..., and its derivatives by xi and eta."""
    value, by_xi, by_eta = 0.0 * xi, 0.0 * xi, 0.0 * xi
    real, imaginary = 1.0 + 0.0 * xi, 0.0 * xi
    for order in range(1, len(coefficients) + 1):
        p, q = coefficients[order - 1, 0], coefficients[order - 1, 1]
        by_xi = by_xi + order * (p * real + q * imaginary)
        by_eta = by_eta + order * (q * real - p * imaginary)
        real, imaginary = real * xi - imaginary * eta, real * eta + imaginary * xi
        value = value + p * real + q * imaginary
    return value, by_xi, by_eta


def section_point(disc: DiscMap, xi: Numbers, eta: Numbers) -> tuple[Numbers, Numbers]:
    """Position (x, y) [mm] of a reference point."""
    inside = 1.0 - (xi**2 + eta**2)
    across = (
        disc.width_first * xi * (1.0 + disc.squeeze * inside)
        + 2.0 * disc.width_second * xi * eta
        + disc.width_third * (xi**3 - 3.0 * xi * eta**2)
    )
    along = (
        disc.depth_first * eta * (1.0 - disc.squeeze * inside)
        + disc.depth_second * (xi**2 - eta**2)
        + disc.depth_third * (3.0 * xi**2 * eta - eta**3)
    )
    if len(disc.width_harmonics):
        across = across + _harmonics(disc.width_harmonics, xi, eta)[0]
        along = along + _harmonics(disc.depth_harmonics, xi, eta)[0]
    return disc.half_width * across, disc.origin + disc.half_depth * along - disc.nucleus_shift * inside


def section_gradient(disc: DiscMap, xi: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """dx/dxi, dx/deta, dy/dxi, dy/deta [mm]."""
    inside = 1.0 - (xi**2 + eta**2)
    e, shift = disc.squeeze, disc.nucleus_shift
    x_xi = (
        disc.width_first * (1.0 + e * inside - 2.0 * e * xi**2)
        + 2.0 * disc.width_second * eta
        + 3.0 * disc.width_third * (xi**2 - eta**2)
    )
    x_eta = xi * (-2.0 * e * disc.width_first * eta + 2.0 * disc.width_second - 6.0 * disc.width_third * eta)
    y_xi = xi * (2.0 * e * disc.depth_first * eta + 2.0 * disc.depth_second + 6.0 * disc.depth_third * eta)
    y_eta = (
        disc.depth_first * (1.0 - e * inside + 2.0 * e * eta**2)
        - 2.0 * disc.depth_second * eta
        + 3.0 * disc.depth_third * (xi**2 - eta**2)
    )
    if len(disc.width_harmonics):
        _, across_xi, across_eta = _harmonics(disc.width_harmonics, xi, eta)
        _, along_xi, along_eta = _harmonics(disc.depth_harmonics, xi, eta)
        x_xi, x_eta = x_xi + across_xi, x_eta + across_eta
        y_xi, y_eta = y_xi + along_xi, y_eta + along_eta
    a, b = disc.half_width, disc.half_depth
    return a * x_xi, a * x_eta, b * y_xi + 2.0 * shift * xi, b * y_eta + 2.0 * shift * eta


def section_determinant(disc: DiscMap, xi: Numbers, eta: Numbers) -> Numbers:
    """Determinant of d(x, y)/d(xi, eta) [mm2]: the area of the disc per area of the reference."""
    x_xi, x_eta, y_xi, y_eta = section_gradient(disc, xi, eta)
    return x_xi * y_eta - x_eta * y_xi


def endplate_terms(xi: Numbers, eta: Numbers) -> tuple[Numbers, ...]:
    """Terms of the surface of an endplate: those of s0 to s5, the coronal tilt, and nine finer ones of fitted discs."""
    square = xi**2 + eta**2
    return (
        1.0 + 0.0 * xi,
        eta,
        square,
        xi**2 - eta**2,
        square * eta,
        square**2,
        xi,
        xi * eta,
        square * xi,
        xi**3 - 3.0 * xi * eta**2,
        3.0 * xi**2 * eta - eta**3,
        square * (xi**2 - eta**2),
        square * xi * eta,
        square**3,
        square**2 * eta,
        square**2 * xi,
    )


def endplate_surface(surface: Float[Numbers, "terms"], xi: Numbers, eta: Numbers) -> Numbers:
    """Height z [mm] of an endplate with these coefficients."""
    terms = endplate_terms(xi, eta)
    return sum(surface[order] * terms[order] for order in range(len(surface)))


def column_height(disc: DiscMap, xi: Numbers, eta: Numbers) -> Numbers:
    """Height [mm] from bone to bone, cartilage endplates included."""
    return endplate_surface(disc.superior, xi, eta) - endplate_surface(disc.inferior, xi, eta)


def disc_point(disc: DiscMap, xi: Numbers, eta: Numbers, zeta: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Position (x, y, z) [mm] of a point of the reference cylinder."""
    x, y = section_point(disc, xi, eta)
    lower = endplate_surface(disc.inferior, xi, eta)
    upper = endplate_surface(disc.superior, xi, eta)
    return x, y, 0.5 * (1.0 - zeta) * lower + 0.5 * (1.0 + zeta) * upper


def endplate_thickness(disc: DiscMap, rho: Numbers) -> Numbers:
    """Thickness [mm] of the cartilage endplate at a reference radius up to `endplate_radius`."""
    return disc.endplate_centre + disc.endplate_rise * (rho / disc.endplate_radius) ** disc.endplate_power


def ring_harmonics(disc: DiscMap, rho: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers, Numbers]:
    """Harmonics A1, B2, A3 of x and C1, D2, C3 of y [mm] on the ring of a reference radius.

    x = A1 cos t + B2 sin 2t + A3 cos 3t and y = const + C1 sin t + D2 cos 2t + C3 sin 3t, beside h_x and h_y.
    """
    inside = 1.0 - rho**2
    return (
        disc.half_width * disc.width_first * rho * (1.0 + disc.squeeze * inside),
        disc.half_width * disc.width_second * rho**2,
        disc.half_width * disc.width_third * rho**3,
        disc.half_depth * disc.depth_first * rho * (1.0 - disc.squeeze * inside),
        disc.half_depth * disc.depth_second * rho**2,
        disc.half_depth * disc.depth_third * rho**3,
    )


def _ring_coefficients(
    disc: DiscMap, rho: Numbers
) -> tuple[list[Numbers], list[Numbers], list[Numbers], list[Numbers]]:
    """Coefficients of cos kt and sin kt of x, then of y [mm], for k = 1, 2, ... on the ring of a reference radius."""
    first_x, second_x, third_x, first_y, second_y, third_y = ring_harmonics(disc, rho)
    cosine_x, sine_x = [first_x, 0.0, third_x], [0.0, second_x, 0.0]
    cosine_y, sine_y = [0.0, second_y, 0.0], [first_y, 0.0, third_y]
    for row in range(len(disc.width_harmonics)):
        scale = rho ** (row + 1)
        for table, half, harmonics, column in (
            (cosine_x, disc.half_width, disc.width_harmonics, 0),
            (sine_x, disc.half_width, disc.width_harmonics, 1),
            (cosine_y, disc.half_depth, disc.depth_harmonics, 0),
            (sine_y, disc.half_depth, disc.depth_harmonics, 1),
        ):
            if row >= len(table):
                table.append(0.0)
            table[row] = table[row] + half * scale * harmonics[row, column]
    return cosine_x, sine_x, cosine_y, sine_y


def ring_area(disc: DiscMap, rho: Numbers = 1.0) -> Numbers:
    """Area [mm2] inside the ring of a reference radius; exact. It depends on neither the origin nor the shift of the nucleus."""
    orders = zip(*_ring_coefficients(disc, rho), strict=True)
    return np.pi * sum(
        (row + 1) * (cosine_x * sine_y - sine_x * cosine_y)
        for row, (cosine_x, sine_x, cosine_y, sine_y) in enumerate(orders)
    )


def ring_centroid(disc: DiscMap, rho: Numbers = 1.0) -> Numbers:
    """Coordinate y [mm] of the centroid of the area inside the ring of a reference radius; exact.

    The first moment is the line integral of -y^2/2 dx, here a mean over equally spaced points.
    """
    cosine_x, sine_x, _, _ = _ring_coefficients(disc, rho)
    _, y = section_point(disc, rho * np.cos(_CIRCLE), rho * np.sin(_CIRCLE))
    slope = sum(
        (row + 1) * (sine * np.cos((row + 1) * _CIRCLE) - cosine * np.sin((row + 1) * _CIRCLE))
        for row, (cosine, sine) in enumerate(zip(cosine_x, sine_x, strict=True))
    )
    return -np.pi * (y**2 * slope).mean() / ring_area(disc, rho)


def posterior_concavity(disc: DiscMap) -> Numbers:
    """C1 + 4 D2 - 9 C3 [mm]: negative exactly when the posterior border is concave (without h_x and h_y)."""
    return disc.half_depth * (disc.depth_first + 4.0 * disc.depth_second - 9.0 * disc.depth_third)


def depth_extent(depth_first: float, depth_second: float, depth_third: float) -> tuple[float, float]:
    """Lowest and highest (y - y0)/b of the outline: its extremes in sin t, where y is a cubic."""

    def position(s: float) -> float:
        return depth_first * s + depth_second * (1.0 - 2.0 * s**2) + depth_third * (3.0 * s - 4.0 * s**3)

    # d/ds = (c1 + 3 c3) - 4 d2 s - 12 c3 s^2
    stationary = np.roots([-12.0 * depth_third, -4.0 * depth_second, depth_first + 3.0 * depth_third])
    inner = [float(root.real) for root in stationary if abs(root.imag) < 1e-12 and abs(root.real) < 1.0]
    values = [position(s) for s in (-1.0, 1.0, *inner)]
    return min(values), max(values)


def validity(disc: DiscMap) -> tuple[float, float]:
    """How far the map is from folding.

    Returns:
        The smallest section determinant over its mean, and the smallest column height [mm], on a grid that includes the rim. A map is
        valid when the first is at least the geometry's limit (ruling 37: 0.15) and the second is above twice the cartilage endplate.
    """
    rho, angle = np.meshgrid(np.linspace(0.0, 1.0, 41), 2.0 * np.pi * np.arange(144) / 144.0)
    xi, eta = rho * np.cos(angle), rho * np.sin(angle)
    mean = ring_area(disc) / np.pi
    return float(np.min(section_determinant(disc, xi, eta)) / mean), float(np.min(column_height(disc, xi, eta)))
