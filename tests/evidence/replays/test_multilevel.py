"""Published analyses, replayed (see `published`). Three levels, several outcomes, cluster-robust variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from published import UNIROOT_STOPS, Table, all_printed, bcg, printed

from pulposus.evidence._cluster_robust import cluster_robust
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._multilevel import MultilevelResult, multilevel_meta_analysis

# Konstantopoulos 2011 tables 4 and 5, https://www.metafor-project.org/doku.php/analyses:konstantopoulos2011


def _schools(**options: object) -> MultilevelResult:
    table = Table("konstantopoulos2011")
    return multilevel_meta_analysis(
        table.number("yi"), table.number("vi"), table.text("district"), inference="z", **options
    )


def test_konstantopoulos_2011_two_levels() -> None:
    table = Table("konstantopoulos2011")
    result = meta_analysis(table.number("yi"), table.number("vi"), test="z")
    all_printed([result.estimate, result.se, result.tau2, result.tau2_se], "0.1279 0.0439 0.0884 0.0202")
    assert result.tau2_ci is not None
    all_printed(result.tau2_ci, "0.0564 0.1388", UNIROOT_STOPS)
    year = table.number("year")
    trend = meta_analysis(table.number("yi"), table.number("vi"), moderators={"year": year - year.mean()}, test="z")
    all_printed([one.estimate for one in trend.coefficients], "0.1258 0.0052")
    all_printed([one.se for one in trend.coefficients], "0.0440 0.0044")
    all_printed([trend.tau2, trend.tau2_se], "0.0889 0.0205")
    assert trend.tau2_ci is not None
    all_printed(trend.tau2_ci, "0.0560 0.1376", UNIROOT_STOPS)


def test_konstantopoulos_2011_three_levels_by_maximum_likelihood() -> None:
    result = _schools(method="ML")
    all_printed([result.coefficients[0].estimate, result.coefficients[0].se], "0.1845 0.0805")
    all_printed([one.estimate for one in result.components], "0.0577 0.0329")
    all_printed([result.prediction_low, result.prediction_high], "-0.4262 0.7951")
    year = Table("konstantopoulos2011").number("year")
    trend = _schools(method="ML", moderators={"year": year - year.mean()})
    all_printed([one.estimate for one in trend.coefficients], "0.1780 0.0051")
    all_printed([one.se for one in trend.coefficients], "0.0805 0.0085")
    all_printed([one.estimate for one in trend.components], "0.0565 0.0329")


def test_konstantopoulos_2011_three_levels_with_profile_intervals() -> None:
    result = _schools(profile=True)
    all_printed([result.coefficients[0].estimate, result.coefficients[0].se], "0.1847132 0.08455592")
    all_printed([one.estimate for one in result.components], "0.06506194 0.03273652")
    all_printed([result.intraclass, result.log_likelihood], "0.6653 -7.9587")
    between, within = result.components
    all_printed([between.ci_low, between.ci_high, within.ci_low, within.ci_high], "0.0222 0.2072 0.0163 0.0628")


# Berkey et al. 1998 table II, https://www.metafor-project.org/doku.php/analyses:berkey1998, and metafor's `robust`
# https://wviechtb.github.io/metafor/reference/robust.html


def _gums(reference: str, **options: object) -> MultilevelResult:
    """The two outcomes as columns of zeros and ones; the intercept is the mean of the reference outcome."""
    table = Table("berkey1998")
    sampling = np.zeros((10, 10))
    for row in range(10):
        first = row - row % 2
        sampling[row, first : first + 2] = [float(table.rows[row]["v1"]), float(table.rows[row]["v2"])]
    other = np.array([float(outcome != reference) for outcome in table.text("outcome")])
    return multilevel_meta_analysis(
        table.number("yi"),
        table.number("vi"),
        table.text("trial"),
        inner=table.text("outcome"),
        sampling=sampling,
        moderators={"other": other},
        **options,
    )


@pytest.mark.parametrize(
    ("method", "inference", "reference", "texts"),
    [
        ("ML", "z", "AL", "-0.3379 0.0798"),
        ("ML", "z", "PD", "0.3448 0.0495"),
        ("REML", "z", "AL", "-0.3392 0.0879 -3.8589 0.0001 -0.5115 -0.1669"),
        ("REML", "z", "PD", "0.3534 0.0588 6.0057 0.0000 0.2381 0.4688"),
        ("REML", "CR1", "AL", "-0.3392 0.1010 -3.3597 0.0437 -0.6605 -0.0179"),
        ("REML", "CR1", "PD", "0.3534 0.0675 5.2338 0.0136 0.1385 0.5683"),
        ("REML", "CR2", "AL", "-0.3392 0.0892 -3.8031 0.0208 -0.5919 -0.0866"),
        ("REML", "CR2", "PD", "0.3534 0.0582 6.0776 0.0044 0.1884 0.5185"),
    ],
)
def test_berkey_1998_means(method: str, inference: str, reference: str, texts: str) -> None:
    mean = _gums(reference, method=method, inference=inference).coefficients[0]
    values = [mean.estimate, mean.se, mean.statistic, mean.p, mean.ci_low, mean.ci_high]
    all_printed(values[: len(texts.split())], texts)


def test_berkey_1998_covariance_and_degrees_of_freedom() -> None:
    result = _gums("AL", method="ML", inference="z")
    first, second, both = (one.estimate for one in result.components)
    all_printed([first, second, both / math.sqrt(first * second)], "0.0261 0.0070 0.6992")
    result = _gums("AL", inference="CR2")
    first, second, both = (one.estimate for one in result.components)
    all_printed([first, second, both / math.sqrt(first * second)], "0.0327 0.0117 0.6088")
    printed(result.q, "128.2267")
    assert result.df is not None
    printed(result.df[0], "3.81")
    other = _gums("PD", inference="CR2").df
    assert other is not None
    printed(other[0], "3.79")
    assert _gums("PD", inference="CR1").df == (3.0, 3.0)


def test_bcg_robust_variance() -> None:
    """metafor's test of robust(): https://github.com/wviechtb/metafor/blob/master/tests/testthat/test_misc_robust.r."""
    effects = bcg()
    result = meta_analysis(effects.yi, effects.vi, test="z")
    residual = effects.yi - result.estimate
    working = np.diag(effects.vi + result.tau2)
    found = cluster_robust(result.data.design, residual, working, np.arange(13), kind="CR1")
    printed(found.covariance[0, 0], "0.032106")
    printed(found.covariance[0, 0] * 12.0 / 13.0, "0.029636")
