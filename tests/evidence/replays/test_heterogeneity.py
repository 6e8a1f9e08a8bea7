"""Published analyses, replayed (see `published`). Estimators of the variance between studies, its interval, I² and H²."""

from __future__ import annotations

import math

import pytest
from published import METAFOR_STOPS, Table, all_printed, bcg, hypericum, interval, printed

from pulposus.evidence._event_sizes import log_odds_ratio
from pulposus.evidence._meta import meta_analysis

# metafor's test of confint, and of rma.uni
# https://github.com/wviechtb/metafor/blob/master/tests/testthat/test_misc_confint.r, test_misc_rma_uni.r


def test_bcg_dersimonian_laird_and_its_q_profile() -> None:
    effects = bcg()
    result = meta_analysis(effects.yi, effects.vi, method="DL", test="z")
    all_printed(interval(result, math.exp), "0.4896 0.3449 0.6950")
    assert result.tau2_ci is not None
    all_printed([result.tau2, *result.tau2_ci], "0.3088 0.1197 1.1115")
    all_printed([result.i2, result.h2], "92.1173 12.6861")


def test_bcg_paule_mandel_is_what_iterated_dersimonian_laird_ends_at() -> None:
    effects = bcg()
    printed(meta_analysis(effects.yi, effects.vi, method="PM").tau2, "0.3181")


# Raudenbush 2009 tables 16.2 and 16.3, https://www.metafor-project.org/doku.php/analyses:raudenbush2009

TABLE_16_3 = {
    ("FE", "z"): "0 0.060 0.036 1.655 -0.011 0.132",
    ("ML", "z"): "0.013 0.078 0.047 1.637 -0.015 0.171",
    ("REML", "z"): "0.019 0.084 0.052 1.621 -0.018 0.185",
    ("DL", "z"): "0.026 0.089 0.056 1.601 -0.020 0.199",
    ("HE", "z"): "0.080 0.114 0.079 1.443 -0.041 0.270",
    ("FE", "knha"): "0 0.060 0.051 1.173 -0.048 0.168",
    ("ML", "knha"): "0.013 0.078 0.059 1.311 -0.047 0.202",
    ("REML", "knha"): "0.019 0.084 0.062 1.359 -0.046 0.213",
    ("DL", "knha"): "0.026 0.089 0.064 1.405 -0.044 0.223",
    ("HE", "knha"): "0.080 0.114 0.071 1.608 -0.035 0.264",
}


@pytest.mark.parametrize(("method", "test"), TABLE_16_3)
def test_raudenbush_2009_estimators(method: str, test: str) -> None:
    table = Table("raudenbush1985")
    result = meta_analysis(table.number("yi"), table.number("vi"), method=method, test=test)
    values = [result.tau2, result.estimate, result.se, result.statistic, result.ci_low, result.ci_high]
    all_printed(values, TABLE_16_3[method, test])


# Viechtbauer 2005 p. 271-272, https://www.metafor-project.org/doku.php/analyses:viechtbauer2005

EXAMPLE_1 = (
    [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232],
    [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040],
)
EXAMPLE_2 = (
    [
        0.1, -0.162, -0.09, -0.049, -0.046, -0.01, -0.431, -0.261, 0.134,
        0.019, 0.175, 0.056, 0.045, 0.103, 0.121, -0.482, 0.29, 0.342,
    ],
    [
        0.016, 0.015, 0.05, 0.05, 0.032, 0.052, 0.036, 0.024, 0.034,
        0.033, 0.031, 0.034, 0.039, 0.167, 0.134, 0.096, 0.016, 0.035,
    ],
)  # fmt: skip
HETEROGENEITY = [
    (EXAMPLE_1, "HE", "0.148 68.80 3.21"),
    (EXAMPLE_1, "DL", "0.277 80.44 5.11"),
    (EXAMPLE_1, "ML", "0.197 74.51 3.92"),
    (EXAMPLE_1, "REML", "0.223 76.84 4.32"),
    (EXAMPLE_1, "PM", "0.192 74.05 3.85"),
    (EXAMPLE_1, "SJ", "0.199 74.75 3.96"),
    (EXAMPLE_2, "HE", "0.000 0.00 1.00"),
    (EXAMPLE_2, "DL", "0.013 27.53 1.38"),
    (EXAMPLE_2, "ML", "0.013 28.45 1.40"),
    (EXAMPLE_2, "REML", "0.016 32.02 1.47"),
    (EXAMPLE_2, "PM", "0.010 23.72 1.31"),
    (EXAMPLE_2, "SJ", "0.025 42.67 1.74"),
]


@pytest.mark.parametrize(("example", "method", "texts"), HETEROGENEITY)
def test_viechtbauer_2005(example: tuple[list[float], list[float]], method: str, texts: str) -> None:
    result = meta_analysis(*example, method=method)
    # dI²/dtau² is at most 100 / v~ with v~ = 0.034 at the least, which makes 0.03 of metafor's 1e-5.
    slack = 0.03 if method in {"ML", "REML"} else 0.0
    for value, text in zip((result.tau2, result.i2, result.h2), texts.split(), strict=True):
        printed(value, text, slack if value == result.i2 else 0.0)


# DerSimonian & Kacker 2007 tables 3 and 4, https://www.metafor-project.org/doku.php/analyses:dersimonian2007

CLASP = (
    [5, 5, 12, 69, 9, 313],
    [156, 303, 565, 1570, 103, 4659],
    [8, 17, 9, 94, 11, 352],
    [74, 303, 477, 1565, 105, 4650],
)
"""Events and patients of the treated, then of the controls."""
CLASP_PRINTED = {
    "PM": "0.3681 -0.3811 0.2060",
    "HE": "0.4410 -0.4035 0.2327",
    "DL": "0.2323 -0.3240 0.1540",
    "REML": "0.1843 -0.2980 0.1343",
    "SJ": "0.4572 -0.4079 0.2386",
}


@pytest.mark.parametrize("method", CLASP_PRINTED)
def test_dersimonian_2007(method: str) -> None:
    effects = log_odds_ratio(*CLASP)
    result = meta_analysis(effects.yi, effects.vi, method=method, test="z")
    slack = METAFOR_STOPS / (2.0 * math.sqrt(result.tau2)) if method == "REML" else 0.0
    for value, text in zip(
        (math.sqrt(result.tau2), result.estimate, result.se), CLASP_PRINTED[method].split(), strict=True
    ):
        printed(value, text, slack)


def test_dersimonian_2007_maximum_likelihood_lies_at_zero() -> None:
    """metafor prints tau 0.0023, -0.1974 and 0.0694: its search stopped at tau² = 5e-6 on the way to the bound."""
    effects = log_odds_ratio(*CLASP)
    result = meta_analysis(effects.yi, effects.vi, method="ML", test="z")
    assert result.tau2 <= METAFOR_STOPS
    all_printed([result.estimate, result.se], "-0.1974 0.0694", 1e-3)


# Viechtbauer 2007 table II, https://www.metafor-project.org/doku.php/analyses:viechtbauer2007a


def test_viechtbauer_2007_intervals_of_heterogeneity() -> None:
    table = Table("collins1985b")
    effects = log_odds_ratio(*(table.number(name) for name in ("events1", "n1", "events2", "n2")))
    for method, text in (("DL", "0.230"), ("ML", "0.239"), ("REML", "0.301"), ("SJ", "0.456")):
        printed(meta_analysis(effects.yi, effects.vi, method=method).tau2, text)
    bounds = meta_analysis(effects.yi, effects.vi, method="DL").tau2_ci
    assert bounds is not None
    all_printed(bounds, "0.072 2.203")


# Viechtbauer 2007 (hypericum), https://www.metafor-project.org/doku.php/analyses:viechtbauer2007b


@pytest.mark.parametrize(
    ("method", "text"),
    [("HE", "0.0388"), ("DL", "0.0475"), ("SJ", "0.0912"), ("PM", "0.0633"), ("ML", "0.024"), ("REML", "0.0558")],
)
def test_viechtbauer_2007_estimators_with_moderators(method: str, text: str) -> None:
    effects, moderators = hypericum()
    printed(meta_analysis(effects.yi, effects.vi, moderators=moderators, method=method).tau2, text, METAFOR_STOPS)
