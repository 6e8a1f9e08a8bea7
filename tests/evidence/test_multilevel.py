"""Three levels, several outcomes, correlated sampling errors, cluster-robust inference: properties, limits, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pulposus.errors import InvalidInput, SolverFailed
from pulposus.evidence import _random_effects
from pulposus.evidence._cluster_robust import cluster_robust
from pulposus.evidence._covariance import cluster_numbers, nested_structure, sampling_covariance, unstructured_structure
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._multilevel import multilevel_meta_analysis
from pulposus.evidence._random_effects import general_fit
from pulposus.evidence._study_data import study_data

CLUSTER = ["a", "a", "a", "b", "b", "c", "c", "c", "d", "d", "e", "f", "f"]
YI = np.array([0.2, 0.5, 0.1, 0.9, 1.2, -0.3, 0.1, -0.2, 0.4, 0.3, 0.8, -0.1, 0.2])
VI = np.array([0.05, 0.04, 0.06, 0.03, 0.05, 0.02, 0.04, 0.03, 0.05, 0.06, 0.04, 0.02, 0.03])


def test_order_of_outcomes_and_names_of_clusters_do_not_matter() -> None:
    one = multilevel_meta_analysis(YI, VI, CLUSTER, rho=0.5)
    order = np.random.default_rng(3).permutation(13)
    other = multilevel_meta_analysis(YI[order], VI[order], [f"study {CLUSTER[place]}" for place in order], rho=0.5)
    # The search ends where the slope is 1e-9 of the likelihood: about 1e-5 of the variances and 1e-8 of the mean.
    assert other.coefficients[0].estimate == pytest.approx(one.coefficients[0].estimate, rel=1e-6)
    assert other.coefficients[0].se == pytest.approx(one.coefficients[0].se, rel=1e-5)
    assert [c.estimate for c in other.components] == pytest.approx(
        [c.estimate for c in one.components], rel=1e-4, abs=1e-7
    )


@pytest.mark.parametrize("inference", ["z", "t", "CR1", "CR2"])
def test_another_unit_and_direction(inference: str) -> None:
    one = multilevel_meta_analysis(YI, VI, CLUSTER, inference=inference)
    other = multilevel_meta_analysis(-1000.0 * YI, 1e6 * VI, CLUSTER, inference=inference)
    mean, scaled = one.coefficients[0], other.coefficients[0]
    assert (scaled.estimate, scaled.se) == pytest.approx((-1000.0 * mean.estimate, 1000.0 * mean.se), rel=1e-6)
    assert (scaled.ci_low, scaled.p) == pytest.approx((-1000.0 * mean.ci_high, mean.p), rel=1e-6)
    assert [c.estimate for c in other.components] == pytest.approx(
        [1e6 * c.estimate for c in one.components], rel=1e-4, abs=1e-3
    )
    assert other.i2 == pytest.approx(one.i2, rel=1e-4)
    assert (one.df is None) == (inference == "z")


def test_without_differences_between_clusters_it_is_the_random_effects_model() -> None:
    """Outcomes shuffled over clusters so that their cluster means agree: the variance between clusters is 0, the other is tau²."""
    yi = np.array([-1.0, 1.0, -0.9, 0.9, -1.1, 1.1, -0.8, 0.8])
    vi = np.full(8, 0.05)
    nested = multilevel_meta_analysis(yi, vi, ["a", "a", "b", "b", "c", "c", "d", "d"], inference="z")
    flat = meta_analysis(yi, vi, test="z")
    assert nested.components[0].estimate == 0.0
    assert nested.components[1].estimate == pytest.approx(flat.tau2, rel=1e-5)
    assert (nested.coefficients[0].estimate, nested.coefficients[0].se) == pytest.approx(
        (flat.estimate, flat.se), rel=1e-5, abs=1e-12
    )
    assert nested.intraclass == 0.0 and nested.i2 == pytest.approx((0.0, flat.i2), rel=1e-5)
    assert nested.q == pytest.approx(flat.q, rel=1e-10)


def test_clusters_that_agree_within_show_no_variance_within() -> None:
    yi = np.repeat([0.0, 1.0, 2.0, 3.0], 2) + np.tile([0.001, -0.001], 4)
    result = multilevel_meta_analysis(
        yi, np.full(8, 0.05), np.repeat(["a", "b", "c", "d"], 2), inference="t", profile=True
    )
    between, within = result.components
    assert within.estimate == 0.0 and within.ci_low == 0.0 and result.intraclass == 1.0
    assert (
        between.ci_low is not None
        and between.ci_high is not None
        and between.ci_low < between.estimate < between.ci_high
    )
    # Cluster means differ by 1, sampling variance of a mean 0.025: between = 5/3 - 0.025.
    assert between.estimate == pytest.approx(5.0 / 3.0 - 0.025, rel=1e-4)


def test_no_heterogeneity_at_all() -> None:
    result = multilevel_meta_analysis(YI * 1e-3, VI, CLUSTER, inference="z", profile=True)
    assert [c.estimate for c in result.components] == [0.0, 0.0]
    assert result.intraclass is None and result.i2 == (0.0, 0.0)
    assert all(c.ci_low == 0.0 and c.ci_high is not None and c.ci_high > 0.0 for c in result.components)


def test_correlated_sampling_errors_carry_less_information() -> None:
    """Two outcomes of one study with rho near 1 are one outcome: the standard error of fixed variances rises."""
    errors = [
        multilevel_meta_analysis(YI * 1e-3, VI, CLUSTER, rho=rho, inference="z").coefficients[0].se
        for rho in (0.0, 0.4, 0.8)
    ]
    assert errors[0] < errors[1] < errors[2]


def test_a_whole_sampling_covariance_is_the_constant_correlation_written_out() -> None:
    data = study_data(YI, VI)
    matrix = sampling_covariance(data, cluster_numbers(CLUSTER, data.labels), rho=0.6, sampling=None)
    assert matrix[0, 1] == pytest.approx(0.6 * math.sqrt(0.05 * 0.04), rel=1e-14) and matrix[0, 3] == 0.0
    one = multilevel_meta_analysis(YI, VI, CLUSTER, rho=0.6)
    other = multilevel_meta_analysis(YI, VI, CLUSTER, sampling=matrix)
    assert other.coefficients == one.coefficients


def test_gradient_of_the_likelihood() -> None:
    data = study_data(YI, VI)
    numbers = cluster_numbers(CLUSTER, data.labels)
    known = sampling_covariance(data, numbers, rho=0.3, sampling=None)
    kinds = [["x", "y", "z"][sum(c == CLUSTER[j] for j in range(i))] for i, c in enumerate(CLUSTER)]
    rng = np.random.default_rng(0)
    for structure, size in ((nested_structure(numbers), 2), (unstructured_structure(numbers, kinds, data.labels), 6)):
        theta = 0.1 + rng.random(size)
        for part in range(size):
            step = np.zeros(size)
            step[part] = 1e-6
            high, low = (
                general_fit(data, known + structure.covariance(theta + sign * step), restricted=True).log_likelihood
                for sign in (1, -1)
            )
            fit = general_fit(data, known + structure.covariance(theta), restricted=True)
            weighted = fit.inverse @ data.design
            projection = fit.inverse - weighted @ fit.covariance @ weighted.T
            pull, slope = fit.inverse @ fit.residual, structure.derivatives(theta)[part]
            analytic = 0.5 * (pull @ slope @ pull - np.sum(projection * slope))
            # Central differences: 1e-12 of curvature, 1e-10 of rounding.
            assert analytic == pytest.approx((high - low) / 2e-6, rel=1e-6, abs=1e-7)


def test_unstructured_covariance_is_positive_and_named() -> None:
    kinds = [["x", "y", "z"][sum(c == CLUSTER[j] for j in range(i))] for i, c in enumerate(CLUSTER)]
    result = multilevel_meta_analysis(YI, VI, CLUSTER, inner=kinds, moderators={"kind": kinds}, inference="t")
    assert [c.name for c in result.components] == ["x", "y", "z", "x with y", "x with z", "y with z"]
    x, y, z, xy, xz, yz = (c.estimate for c in result.components)
    table = np.array([[x, xy, xz], [xy, y, yz], [xz, yz, z]])
    # A boundary estimate is singular: rounding may leave an eigenvalue at -1e-16.
    assert np.linalg.eigvalsh(table)[0] > -1e-12
    assert result.prediction_low is None and result.intraclass is None and result.i2 == ()


def test_cluster_robust_with_one_outcome_per_cluster_is_the_jackknife_like_correction() -> None:
    """For a mean with equal variances CR2 is the unbiased s² / n on n - 1 degrees of freedom, and so is CR1."""
    y = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    design, working = np.ones((5, 1)), np.eye(5)
    for kind in ("CR1", "CR2"):
        found = cluster_robust(design, y - y.mean(), working, np.arange(5), kind=kind)
        assert found.covariance[0, 0] == pytest.approx(y.var(ddof=1) / 5.0, rel=1e-12)
        assert found.df[0] == pytest.approx(4.0, rel=1e-12)


def test_cluster_robust_is_not_moved_by_the_working_correlation_much() -> None:
    errors = [
        multilevel_meta_analysis(YI, VI, CLUSTER, rho=rho, inference="CR2").coefficients[0].se for rho in (0.0, 0.7)
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.1)


def test_a_coefficient_that_only_one_cluster_knows_is_kept() -> None:
    """Cluster f alone has x = 1: its residuals vanish in one direction and the adjustment leaves that out."""
    x = [float(c == "f") for c in CLUSTER]
    result = multilevel_meta_analysis(YI, VI, CLUSTER, moderators={"x": x}, inference="CR2")
    assert math.isfinite(result.coefficients[1].se) and result.df is not None and result.df[1] > 0.0


def test_few_clusters_are_said_to_be_few() -> None:
    result = multilevel_meta_analysis(YI[:8], VI[:8], CLUSTER[:8])
    assert result.clusters == 3 and "with 3 clusters" in result.notes[0]
    assert multilevel_meta_analysis(YI, VI, CLUSTER).notes == ()


def test_a_search_that_fails_is_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_random_effects, "_MOST_SLOPE", -1.0)
    with pytest.raises(SolverFailed, match="no maximum that the search reaches"):
        multilevel_meta_analysis(YI, VI, CLUSTER)


BAD = np.diag(VI)
BAD[0, 3] = BAD[3, 0] = 0.01
IMPOSSIBLE = np.diag(VI)
IMPOSSIBLE[0, 1] = IMPOSSIBLE[1, 0] = 0.06


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cluster": ["a"] * 13}, "all outcomes belong to one cluster"),
        ({"cluster": ["a", "b"]}, "2 clusters for 13 outcomes"),
        ({"cluster": [str(number) for number in range(13)]}, "every cluster has one outcome"),
        ({"rho": 1.0}, "the correlation of sampling errors is 1"),
        ({"rho": -0.2}, "the correlation of sampling errors is -0.2"),
        ({"sampling": np.eye(2)}, "the sampling covariance has the shape"),
        ({"sampling": np.eye(13)}, "the diagonal of the sampling covariance differs from vi"),
        ({"sampling": BAD}, "joins different clusters"),
        ({"sampling": IMPOSSIBLE}, "not positive definite"),
        ({"inner": ["x"] * 3}, "3 kinds for 13 outcomes"),
        ({"inner": ["x"] * 13}, "study 2 repeats the kind 'x' of its cluster"),
        ({"method": "DL"}, "the method 'DL' is not known"),
        ({"inference": "knha"}, "the inference 'knha' is not known"),
    ],
)
def test_bad_input_is_one_clear_message(options: dict[str, object], message: str) -> None:
    arguments = {"cluster": CLUSTER, **options}
    with pytest.raises(InvalidInput, match=message):
        multilevel_meta_analysis(YI, VI, **arguments)


def test_robust_inference_needs_more_clusters_than_coefficients() -> None:
    with pytest.raises(InvalidInput, match="2 clusters cannot carry 2 coefficients"):
        multilevel_meta_analysis(YI[:5], VI[:5], CLUSTER[:5], moderators={"x": np.arange(5.0)})
