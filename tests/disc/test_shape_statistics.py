"""Shape statistics: coefficients there and back, shrinkage, and discs drawn from them."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from pulposus.disc import layout, node_coordinates
from pulposus.disc._anatomy import Dimensions, Outline, disc_map
from pulposus.disc._map import DiscMap, column_height, ring_area, ring_centroid, section_point, validity
from pulposus.disc._shape_statistics import (
    COEFFICIENTS,
    FILE,
    ShapeStatistics,
    coefficients_of,
    estimate_statistics,
    sample_shapes,
    shape_of,
    shape_statistics,
)
from pulposus.errors import InvalidInput
from pulposus.images import map_volume
from pulposus.mesh import jacobian_determinants
from pulposus.parameters import ParameterSet, load_parameters


@pytest.fixture(scope="module")
def parameters() -> ParameterSet:
    return load_parameters()


@pytest.fixture(scope="module")
def shape() -> DiscMap:
    outline = Outline(1.02, -0.06, -0.027, 1.02, -0.15, 0.022, 0.15)
    sizes = Dimensions(50.0, 35.0, 13.0, 12.0, 8.0, 0.43, 0.05, 0.68, 0.81, 0.54, 0.32)
    return disc_map(outline, sizes)


@pytest.fixture(scope="module")
def statistics(shape: DiscMap) -> ShapeStatistics:
    """A made-up level whose draws are all valid: deviations of a few per cent, some of them correlated."""
    mean = coefficients_of(shape)
    spread = np.full(len(mean), 0.02)
    spread[[0, 3]] = 0.5
    correlation = np.eye(len(mean))
    correlation[0, 3] = correlation[3, 0] = 0.7
    correlation[6, 8] = correlation[8, 6] = -0.5
    return ShapeStatistics("L4-L5", 25, mean, correlation * np.outer(spread, spread), 0.0)


def test_coefficients_there_and_back(shape: DiscMap, parameters: ParameterSet) -> None:
    found = coefficients_of(shape)
    back = shape_of(found, parameters)
    # Projections of functions that are in the space: exact in double precision, with lengths of 30 mm.
    np.testing.assert_allclose(coefficients_of(back), found, atol=1e-12)
    angle = np.linspace(0.0, 2.0 * np.pi, 17)
    for one, other in zip(
        section_point(shape, np.cos(angle), np.sin(angle)),
        section_point(back, np.cos(angle), np.sin(angle)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-12)
    xi, eta = np.array([0.0, 0.3, -0.6]), np.array([0.2, -0.8, 0.5])
    np.testing.assert_allclose(column_height(back, xi, eta), column_height(shape, xi, eta), atol=1e-12)


def test_finer_waves_are_left_out(shape: DiscMap) -> None:
    tilted = replace(shape, superior=np.append(shape.superior, 0.4), inferior=np.append(shape.inferior, 0.4))
    # A coronal tilt is odd in xi and so orthogonal to the six terms.
    np.testing.assert_allclose(coefficients_of(tilted), coefficients_of(shape), atol=1e-12)


def test_the_nucleus_is_that_of_the_parameter_set(shape: DiscMap, parameters: ParameterSet) -> None:
    drawn = shape_of(coefficients_of(shape), parameters)
    share = ring_area(drawn, drawn.nucleus_radius) / ring_area(drawn)
    assert share == pytest.approx(parameters.value("geometry.human.nucleus_area_fraction"), rel=1e-9)
    behind = ring_centroid(drawn) - ring_centroid(drawn, drawn.nucleus_radius)
    assert behind == pytest.approx(35.0 * parameters.value("geometry.human.nucleus_offset"), rel=1e-9)


def test_samples_recover_mean_and_covariance(statistics: ShapeStatistics) -> None:
    count = 500
    drawn = sample_shapes("L4-L5", count, 7, statistics=statistics)
    assert (len(drawn.maps), drawn.replaced) == (count, 0)
    spread = np.sqrt(np.diag(statistics.covariance))
    error = (drawn.coefficients.mean(axis=0) - statistics.mean) / (spread / np.sqrt(count))
    # Seventeen standard normal numbers: one beyond 4 has a chance of 0.1 %.
    assert np.abs(error).max() < 4.0
    scaled = np.cov(drawn.coefficients.T) / np.outer(spread, spread)
    target = statistics.covariance / np.outer(spread, spread)
    # The error of a covariance of standard normals is sqrt((1 + r^2) / n), 0.045 to 0.063; 153 entries stay within 4.5 of it.
    assert np.abs(scaled - target).max() < 4.5 * 0.063


def test_every_draw_is_a_valid_shape(statistics: ShapeStatistics, parameters: ParameterSet) -> None:
    drawn = sample_shapes("L4-L5", 50, 1, parameters, statistics)
    floor = parameters.value("geometry.minimum_determinant_ratio")
    for shape, coefficients in zip(drawn.maps, drawn.coefficients, strict=True):
        ratio, height = validity(shape)
        assert ratio >= floor
        assert height > 0.0
        np.testing.assert_allclose(coefficients_of(shape), coefficients, atol=1e-9)


def test_invalid_draws_are_replaced_and_counted(statistics: ShapeStatistics) -> None:
    """With a large spread of d2 some outlines fold; the valid ones are those of the longer stream in order."""
    wide = np.array(statistics.covariance)
    wide[4, 4] = 36.0
    wider = replace(statistics, covariance=wide)
    drawn = sample_shapes("L4-L5", 40, 3, statistics=wider)
    assert 0 < drawn.replaced < 200
    assert len(drawn.maps) == 40
    assert min(validity(shape)[0] for shape in drawn.maps) >= 0.15
    np.testing.assert_array_equal(sample_shapes("L4-L5", 15, 3, statistics=wider).coefficients, drawn.coefficients[:15])


def test_statistics_of_no_disc_are_found_out(statistics: ShapeStatistics) -> None:
    flat = np.array(statistics.mean)
    flat[7] = np.log(0.2)
    with pytest.raises(InvalidInput, match="hardly any draw"):
        sample_shapes("L4-L5", 3, 0, statistics=replace(statistics, mean=flat))


def test_seeds_and_levels_have_their_own_streams(statistics: ShapeStatistics) -> None:
    first = sample_shapes("L4-L5", 3, 5, statistics=statistics).coefficients
    np.testing.assert_array_equal(first, sample_shapes("L4-L5", 3, 5, statistics=statistics).coefficients)
    assert not np.allclose(first, sample_shapes("L4-L5", 3, 6, statistics=statistics).coefficients)
    other = sample_shapes("L3-L4", 3, 5, statistics=replace(statistics, level="L3-L4")).coefficients
    assert not np.allclose(first, other)
    assert sample_shapes("L4-L5", 0, 5, statistics=statistics).coefficients.shape == (0, 17)


def test_a_shape_without_height_has_no_coefficients(shape: DiscMap) -> None:
    with pytest.raises(ValueError, match="not positive"):
        coefficients_of(replace(shape, superior=shape.inferior))


def test_wrong_questions(statistics: ShapeStatistics) -> None:
    with pytest.raises(InvalidInput, match="no shape statistics"):
        sample_shapes("C3-C4", 1, 0)
    with pytest.raises(InvalidInput, match="-1 shapes"):
        sample_shapes("L4-L5", -1, 0, statistics=statistics)


def test_shrinkage_keeps_variances_and_vanishes_with_many_discs(statistics: ShapeStatistics) -> None:
    draws = np.random.default_rng(0).multivariate_normal(statistics.mean, statistics.covariance, 4000)
    few, many = (estimate_statistics("L4-L5", draws[:count]) for count in (25, 4000))
    for found, count in ((few, 25), (many, 4000)):
        np.testing.assert_allclose(np.diag(found.covariance), draws[:count].var(axis=0, ddof=1), rtol=1e-12)
        np.testing.assert_array_equal(found.covariance, found.covariance.T)
        assert np.linalg.eigvalsh(found.covariance).min() > 0.0
        assert found.discs == count
    # 136 sample correlations of 25 discs are mostly noise (1/25 each against 2 (0.49 + 0.25) / 272 of signal on average): shrunk by far
    # more than half. With 4,000 discs the noise is 1/4000 each, 0.034 in sum against 0.74: a few per cent.
    assert 0.5 < few.shrinkage <= 1.0
    assert many.shrinkage < 0.1
    np.testing.assert_allclose(many.mean, statistics.mean, atol=4.0 * 0.5 / np.sqrt(4000))


def test_independent_discs_are_shrunk_to_independence() -> None:
    """Hand-made rows whose sample correlation is zero but for noise: lambda is one and the covariance diagonal."""
    draws = np.random.default_rng(1).standard_normal((12, 17))
    found = estimate_statistics("L4-L5", draws)
    assert found.shrinkage > 0.8


def test_too_few_discs() -> None:
    with pytest.raises(ValueError, match="at least four"):
        estimate_statistics("L4-L5", np.zeros((3, len(COEFFICIENTS))))


@pytest.fixture(scope="module")
def shipped() -> dict:
    text = resources.files("pulposus").joinpath("data", "shapes", FILE).read_text(encoding="utf-8")
    return tomllib.loads(text)


def test_the_shipped_file_names_its_source_and_its_limits(shipped: dict) -> None:
    assert tuple(shipped["coefficients"]) == COEFFICIENTS
    assert shipped["source"]["doi"] == "10.21037/qims.2016.08.01"
    limits = " ".join(shipped["source"]["limits"])
    assert "young" in limits and "without symptoms" in limits and "4.4 mm" in limits
    assert set(shipped["levels"]) == {"L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"}


@pytest.mark.parametrize("level", ["L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"])
def test_shipped_statistics_draw_discs_like_those_measured(shipped: dict, level: str, parameters: ParameterSet) -> None:
    table = shipped["levels"][level]
    found = shape_statistics()[level]
    assert found.discs == table["discs"] >= 20
    assert found.discs + table["refused"] == shipped["source"]["persons"]
    assert np.linalg.eigvalsh(found.covariance).min() > 0.0
    drawn = sample_shapes(level.replace("-", ""), 40, 2016, parameters)
    assert drawn.level == level
    # The masks' discs are real ones: a normal distribution around them folds seldom.
    assert drawn.replaced <= 20
    mean, deviation = table["measured"]["volume_mm3"]
    volumes = np.array([map_volume(shape) for shape in drawn.maps])
    # Standard error of 40 draws, 0.16 SD, and what the leaving out of finer waves changes, 5 %.
    assert abs(volumes.mean() - mean) < 4.0 * 0.16 * deviation + 0.05 * mean
    mesh = layout("coarse", "anatomical")
    for shape in drawn.maps[:5]:
        determinants = jacobian_determinants(mesh.topology, node_coordinates(mesh, shape))
        assert float(np.asarray(determinants).min()) > 0.0
    widths = np.array([2.0 * float(shape.half_width) for shape in drawn.maps])
    # Human lumbar discs of adults: the gate of an import (mechanics_imaging 1.6, step 8).
    assert 30.0 < widths.min() < widths.max() < 70.0
