r"""How human lumbar discs differ in shape: mean and covariance of seventeen coefficients by level, and discs drawn from them.

Six coefficients are the harmonics of the outline in mm (mechanics_imaging 1.4),

.. math:: x = A_1 \cos t + B_2 \sin 2t + A_3 \cos 3t, \qquad y = D_2 + C_1 \sin t + D_2 \cos 2t + C_3 \sin 3t .

Six describe the height :math:`h = z_{sup} - z_{inf}` over the six terms of an endplate: the logarithms of the height at the centre, at
the anterior, posterior and lateral rim, and half way (the mean of the ring of half the area), and the slope of the height at the centre
from back to front. Logarithms, because a height is positive and thin rims vary by their own size. Five are the middle surface
:math:`m_k = (s_k^{sup} + s_k^{inf}) / 2` in mm with :math:`m_0 = 0`, which places the disc. A drawn disc is symmetric from left to right;
its nucleus and cartilage endplates are those of the parameter set, since a mask does not show them.

With some 25 discs for 17 coefficients the sample correlation has a few good directions only. It is drawn towards independence,
:math:`r^*_{ij} = (1 - \lambda) r_{ij}` for :math:`i \ne j`, by the :math:`\lambda` of least expected error (Schaefer and Strimmer 2005,
doi 10.2202/1544-6115.1175); variances stay as measured.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.disc._anatomy import check_map, with_nucleus
from pulposus.disc._library import canonical_level
from pulposus.disc._map import DiscMap, column_height, depth_extent, endplate_surface, section_point, validity
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

OUTLINE = ("A1", "B2", "A3", "C1", "D2", "C3")
ENDPLATE_TERMS = 6
HEIGHTS = ("ln_height_centre", "ln_height_anterior", "ln_height_posterior", "ln_height_lateral", "ln_height_halfway")
COEFFICIENTS = (*OUTLINE, *HEIGHTS, "slope_centre", *(f"middle_{order}" for order in range(1, ENDPLATE_TERMS)))
# Rows: the five heights and the slope as sums of the coefficients h0 to h5 of the height.
_HEIGHT_ROWS = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, -1.0, 1.0, 1.0],
        [1.0, -1.0, 1.0, -1.0, -1.0, 1.0],
        [1.0, 0.0, 1.0, 1.0, 0.0, 1.0],
        [1.0, 0.0, 0.5, 0.0, 0.0, 0.25],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
FILE = "lumbar_shape_statistics.toml"
# Trapezoid nodes: exact for the harmonics of an outline up to the 31st.
_ANGLE = 2.0 * np.pi * np.arange(64) / 64.0
# Where the five heights are measured: reference points (xi, eta), of which the mean counts.
_RING = (np.sqrt(0.5) * np.cos(_ANGLE), np.sqrt(0.5) * np.sin(_ANGLE))
_HEIGHT_PLACES = (
    (np.array([0.0]), np.array([0.0])),
    (np.array([0.0]), np.array([1.0])),
    (np.array([0.0]), np.array([-1.0])),
    (np.array([-1.0, 1.0]), np.array([0.0, 0.0])),
    _RING,
)
# Means over the unit disc of 1, eta, rho^2, xi^2 - eta^2, rho^2 eta and rho^4.
_MEAN_TERMS = np.array([1.0, 0.0, 1.0 / 2.0, 0.0, 0.0, 1.0 / 3.0])
# A level whose draws are mostly impossible has wrong statistics: stop instead of drawing for ever.
_MOST_INVALID_PER_DISC, _FEWEST_ALLOWED_INVALID = 20, 200


@dataclass(frozen=True, eq=False)
class ShapeStatistics:
    """Distribution of the coefficients of a level.

    Attributes:
        level: Printed name, such as "L4-L5".
        discs: Number of discs behind it.
        mean: Mean of `COEFFICIENTS`, (17,).
        covariance: Covariance after shrinkage, (17, 17).
        shrinkage: The share lambda by which correlations were reduced.
    """

    level: str
    discs: int
    mean: Float[NDArray, "17"]
    covariance: Float[NDArray, "17 17"]
    shrinkage: float


@dataclass(frozen=True, eq=False)
class ShapeSamples:
    """Shapes that were drawn.

    Attributes:
        level: Printed name of the level.
        maps: The shapes; all are valid.
        coefficients: Their coefficients, (count, 17).
        replaced: Number of draws that folded or nearly closed at the rim, and were replaced by the next one.
    """

    level: str
    maps: tuple[DiscMap, ...]
    coefficients: Float[NDArray, "count 17"]
    replaced: int


def coefficients_of(disc: DiscMap) -> Float[NDArray, "17"]:
    """The coefficients of a shape; finer waves and left-right terms of a fitted shape are left out.

    The outline is projected on its first three harmonics. The five heights are those of the shape itself, the lateral one a mean of both
    sides; slope and middle surface come from the six terms of each endplate that are nearest to it over the unit disc.

    Raises:
        ValueError: A height is not positive.
    """
    x, y = section_point(disc, np.cos(_ANGLE), np.sin(_ANGLE))

    def harmonic(values: NDArray[np.float64], wave: NDArray[np.float64]) -> float:
        return 2.0 * float((values * wave).mean())

    outline = [
        harmonic(x, np.cos(_ANGLE)),
        harmonic(x, np.sin(2.0 * _ANGLE)),
        harmonic(x, np.cos(3.0 * _ANGLE)),
        harmonic(y, np.sin(_ANGLE)),
        harmonic(y, np.cos(2.0 * _ANGLE)),
        harmonic(y, np.sin(3.0 * _ANGLE)),
    ]
    superior, inferior = _endplate(disc.superior), _endplate(disc.inferior)
    slope, middle = (superior - inferior)[1], 0.5 * (superior + inferior)
    heights = np.array([float(np.mean(column_height(disc, xi, eta))) for xi, eta in _HEIGHT_PLACES])
    if heights.min() <= 0.0:
        message = f"a height is not positive: {heights.min():.3f} mm"
        raise ValueError(message)
    return np.concatenate([outline, np.log(heights), [slope], middle[1:]])


def _height_coefficients(coefficients: Float[NDArray, "17"]) -> Float[NDArray, "6"]:
    """The coefficients h0 to h5 of the height [mm]."""
    return np.linalg.solve(_HEIGHT_ROWS, np.concatenate([np.exp(coefficients[6:11]), coefficients[11:12]]))


def _endplate(surface: Float[NDArray, "terms"]) -> Float[NDArray, "6"]:
    """The six coefficients of a surface that is nearest to an endplate over the unit disc."""
    # Rings at the midpoints of equal areas weigh every part of the section alike.
    radius = np.sqrt((np.arange(40) + 0.5) / 40.0)[:, None]
    xi, eta = (radius * np.cos(_ANGLE)).ravel(), (radius * np.sin(_ANGLE)).ravel()
    terms = np.stack([endplate_surface(unit, xi, eta) for unit in np.eye(ENDPLATE_TERMS)], axis=1)
    return np.linalg.lstsq(terms, endplate_surface(np.asarray(surface, dtype=np.float64), xi, eta), rcond=None)[0]


def shape_of(coefficients: Float[NDArray, "17"], parameters: ParameterSet) -> DiscMap:
    """The disc of some coefficients, with nucleus and cartilage endplates of the parameter set (rulings 37).

    Args:
        coefficients: `COEFFICIENTS`.
        parameters: Model constants.
    """
    first_x, second_x, third_x, first_y, second_y, third_y = coefficients[:6].tolist()
    heights = _height_coefficients(coefficients)
    middle = np.concatenate([[0.0], coefficients[12:]])
    value = parameters.value
    outline = DiscMap(
        half_width=first_x,
        half_depth=first_y,
        origin=second_y,
        width_first=1.0,
        width_second=second_x / first_x,
        width_third=third_x / first_x,
        depth_first=1.0,
        depth_second=second_y / first_y,
        depth_third=third_y / first_y,
        squeeze=value("geometry.generic.e"),
        nucleus_shift=0.0,
        superior=middle + 0.5 * heights,
        inferior=middle - 0.5 * heights,
        nucleus_radius=1.0,
        endplate_radius=value("geometry.generic.rho_CEP"),
        endplate_centre=value("geometry.generic.t0"),
        endplate_rise=value("geometry.generic.t1"),
        endplate_share=value("segmentation.fit.endplate_share"),
    )
    low, high = depth_extent(1.0, second_y / first_y, third_y / first_y)
    offset = value("geometry.human.nucleus_offset") * first_y * (high - low)
    return with_nucleus(outline, value("geometry.human.nucleus_area_fraction"), offset)


def estimate_statistics(level: str, coefficients: Float[NDArray, "discs 17"]) -> ShapeStatistics:
    """Mean and shrunk covariance of the coefficients of measured discs.

    Args:
        level: Printed name of the level.
        coefficients: One row per disc.

    Raises:
        ValueError: There are fewer than four discs.
    """
    count = len(coefficients)
    if count < 4:
        message = f"{count} discs of {level}: a covariance needs at least four"
        raise ValueError(message)
    mean = coefficients.mean(axis=0)
    spread = coefficients.std(axis=0, ddof=1)
    standard = (coefficients - mean) / spread
    products = standard[:, :, None] * standard[:, None, :]
    correlation = products.sum(axis=0) / (count - 1)
    # Var(r_ij) = n / (n - 1)^3 sum (w_kij - mean w_ij)^2, Schaefer and Strimmer 2005, appendix A.
    variance = count / (count - 1) ** 3 * ((products - products.mean(axis=0)) ** 2).sum(axis=0)
    beside = ~np.eye(len(mean), dtype=bool)
    shrinkage = float(np.clip(variance[beside].sum() / (correlation[beside] ** 2).sum(), 0.0, 1.0))
    correlation[beside] *= 1.0 - shrinkage
    return ShapeStatistics(level, count, mean, correlation * np.outer(spread, spread), shrinkage)


@cache
def shape_statistics() -> dict[str, ShapeStatistics]:
    """The shipped statistics by level; the file says where they come from and what they cannot say."""
    text = resources.files("pulposus").joinpath("data", "shapes", FILE).read_text(encoding="utf-8")
    document = tomllib.loads(text)
    return {level: _from_table(level, table) for level, table in document["levels"].items()}


def _from_table(level: str, table: dict) -> ShapeStatistics:
    lower = np.zeros((len(COEFFICIENTS), len(COEFFICIENTS)))
    for row, values in enumerate(table["covariance"]):
        lower[row, : row + 1] = values
    return ShapeStatistics(
        level,
        int(table["discs"]),
        np.array(table["mean"], dtype=np.float64),
        lower + np.tril(lower, -1).T,
        float(table["shrinkage"]),
    )


def _valid_shape(coefficients: Float[NDArray, "17"], parameters: ParameterSet) -> DiscMap | None:
    """The disc of some coefficients; None where it folds or nearly closes somewhere."""
    mean_height = float(_height_coefficients(coefficients) @ _MEAN_TERMS)
    try:
        shape = shape_of(coefficients, parameters)
        check_map(shape, parameters.value("geometry.minimum_determinant_ratio"), "sample_shapes")
    except (InvalidInput, ValueError):
        return None
    return shape if validity(shape)[1] >= parameters.value("shapes.smallest_height_ratio") * mean_height else None


def _of_level(level: str) -> ShapeStatistics:
    known = shape_statistics()
    place = canonical_level(level)
    if place not in known:
        raise InvalidInput(f'no shape statistics of level "{level}"', where="sample_shapes", allowed=", ".join(known))
    return known[place]


def sample_shapes(
    level: str,
    count: int,
    seed: int,
    parameters: ParameterSet | None = None,
    statistics: ShapeStatistics | None = None,
) -> ShapeSamples:
    """Shapes of a human lumbar level from the normal distribution of their coefficients.

    A draw that folds (rulings 37), or that nearly closes somewhere, is replaced by the next one and
    counted. The shape with a number does not depend on how many are drawn after it. Levels are drawn independently of each other.

    Args:
        level: Lumbar level, such as "L4-L5".
        count: Number of shapes.
        seed: Seed; each level has a stream of its own.
        parameters: Model constants; the shipped ones where left out.
        statistics: Distribution of the coefficients; the shipped one of the level where left out.

    Raises:
        InvalidInput: There are no statistics of the level, the count is negative, or hardly any draw is a valid shape.
    """
    if count < 0:
        raise InvalidInput(f"{count} shapes", where="sample_shapes", allowed="0 or more")
    if parameters is None:
        from pulposus.parameters import load_parameters

        parameters = load_parameters()
    chosen = _of_level(level) if statistics is None else statistics
    root = np.linalg.cholesky(chosen.covariance)
    stream = np.random.default_rng([seed, *chosen.level.encode()])
    maps: list[DiscMap] = []
    kept: list[NDArray[np.float64]] = []
    replaced = 0
    while len(maps) < count:
        drawn = chosen.mean + root @ stream.standard_normal(len(chosen.mean))
        shape = _valid_shape(drawn, parameters)
        if shape is None:
            replaced += 1
            if replaced > max(_FEWEST_ALLOWED_INVALID, _MOST_INVALID_PER_DISC * count):
                raise InvalidInput(
                    f"hardly any draw of {chosen.level} is a valid shape ({replaced} of {replaced + len(maps)} are not)",
                    where="sample_shapes",
                    remedy="check the statistics",
                )
            continue
        maps.append(shape)
        kept.append(drawn)
    return ShapeSamples(chosen.level, tuple(maps), np.array(kept).reshape(-1, len(COEFFICIENTS)), replaced)
