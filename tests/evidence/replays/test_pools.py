"""Published analyses, replayed (see `published`). Pools of k outcomes: estimate, interval, heterogeneity, prediction."""

from __future__ import annotations

import dataclasses
import math

from published import (
    METAFOR_STOPS,
    UNIROOT_STOPS,
    Table,
    all_printed,
    bcg,
    bcg_odds,
    hypericum,
    interval,
    magnesium,
    printed,
)

from pulposus.evidence._effect_sizes import mean_difference
from pulposus.evidence._event_sizes import log_odds_ratio, risk_difference
from pulposus.evidence._meta import meta_analysis

# metafor README, https://github.com/wviechtb/metafor#example


def test_bcg_random_effects_with_knapp_hartung() -> None:
    effects = bcg()
    result = meta_analysis(effects.yi, effects.vi, labels=effects.labels)
    assert (result.k, result.q_df, result.df, result.test, result.method) == (13, 12, 12, "knha", "REML")
    all_printed([result.tau2, result.tau2_se, math.sqrt(result.tau2)], "0.3132 0.1664 0.5597")
    all_printed([result.i2, result.h2, result.q], "92.22 12.86 152.2330")
    all_printed([result.estimate, result.se, result.statistic, result.p], "-0.7145 0.1808 -3.9522 0.0019")
    all_printed([result.ci_low, result.ci_high], "-1.1084 -0.3206")
    assert result.prediction_low is not None and result.prediction_high is not None
    all_printed(interval(result, math.exp), "0.49 0.33 0.73")
    all_printed([math.exp(result.prediction_low), math.exp(result.prediction_high)], "0.14 1.76")
    assert result.prediction_rule == "t quantile on k - p = 12 degrees of freedom times sqrt(se² + tau²)"


# metafor's predict, https://wviechtb.github.io/metafor/reference/predict.rma.html


def test_bcg_prediction_with_normal_quantiles() -> None:
    effects = bcg()
    result = meta_analysis(effects.yi, effects.vi, test="z")
    assert result.prediction_low is not None and result.prediction_high is not None
    all_printed(interval(result, math.exp), "0.4894 0.3441 0.6962")
    all_printed([math.exp(result.prediction_low), math.exp(result.prediction_high)], "0.1546 1.5490")


# van Houwelingen et al. 2002, https://www.metafor-project.org/doku.php/analyses:vanhouwelingen2002


def test_van_houwelingen_2002() -> None:
    effects = bcg_odds()
    all_printed(effects.yi[:3], "-0.9387 -1.6662 -1.3863")
    all_printed(effects.vi[:3], "0.3571 0.2081 0.4334")
    all_printed(interval(meta_analysis(effects.yi, effects.vi, method="FE", test="z"), math.exp), "0.647 0.595 0.702")
    result = meta_analysis(effects.yi, effects.vi, method="ML", test="z")
    all_printed(interval(result, math.exp), "0.476 0.336 0.675")
    printed(result.tau2, "0.302")
    assert result.tau2_ci is not None
    all_printed(result.tau2_ci, "0.1302 1.1812", UNIROOT_STOPS)
    all_printed([result.prediction_low, result.prediction_high], "-1.875 0.391")
    knapp = meta_analysis(effects.yi, effects.vi, method="ML")
    all_printed([math.exp(knapp.ci_low), math.exp(knapp.ci_high)], "0.318 0.714")


# Normand 1999 tables III, VII, VIII, IX, https://www.metafor-project.org/doku.php/analyses:normand1999


def test_normand_1999_risk_differences() -> None:
    table = Table("hine1989")
    effects = risk_difference(*(table.number(name) for name in ("events1", "n1", "events2", "n2")))
    all_printed(100.0 * effects.yi, "2.8026 0.0000 1.9711 1.7961 3.5334 4.4031")
    all_printed(1e4 * effects.vi, "17.7575 37.5657 8.1323 10.8998 8.0114 6.1320")
    for method in ("FE", "REML", "DL"):
        result = meta_analysis(100.0 * effects.yi, 1e4 * effects.vi, method=method, test="z")
        all_printed([result.estimate, result.ci_low, result.ci_high, result.tau2], "2.94 0.4 5.5 0.000")


def test_normand_1999_mean_differences() -> None:
    table = Table("normand1999")
    effects = mean_difference(*(table.number(name) for name in ("m1", "sd1", "n1", "m2", "sd2", "n2")), pooled=True)
    all_printed(effects.vi, "40.59 2.05 15.28 150.22 20.19 1.22 95.38 8.03 20.69")
    all_printed(interval(meta_analysis(effects.yi, effects.vi, method="FE", test="z")), "-3.49 -5.03 -1.96")
    moments = meta_analysis(effects.yi, effects.vi, method="DL", test="z")
    all_printed([*interval(moments), moments.tau2], "-14.10 -24.45 -3.75 218.72")
    likelihood = meta_analysis(effects.yi, effects.vi, test="z")
    all_printed([*interval(likelihood), likelihood.tau2], "-15.12 -32.67 2.43 685.20")


# Viechtbauer 2007 (hypericum), https://www.metafor-project.org/doku.php/analyses:viechtbauer2007b


def test_viechtbauer_2007_pools() -> None:
    effects, _ = hypericum()
    equal = meta_analysis(effects.yi, effects.vi, method="EE", test="z")
    all_printed([*interval(equal, math.exp), equal.q], "1.3840 1.2599 1.5204 51.5454")
    result = meta_analysis(effects.yi, effects.vi, method="DL", test="z")
    all_printed([*interval(result, math.exp), result.tau2], "1.5722 1.3103 1.8864 0.0903")
    assert result.prediction_low is not None and result.prediction_high is not None
    all_printed([math.exp(result.prediction_low), math.exp(result.prediction_high)], "0.8488 2.9120")


# Henmi & Copas 2010 p. 2978, https://www.metafor-project.org/doku.php/analyses:henmi2010


def test_henmi_2010() -> None:
    table = Table("lee2004")
    effects = log_odds_ratio(*(table.number(name) for name in ("events1", "n1", "events2", "n2")))
    result = meta_analysis(effects.yi, effects.vi, method="DL", test="z")
    all_printed([result.tau2, *interval(result)], "0.3325 -0.6787 -1.0664 -0.2911")


# Regression and rank tests, https://wviechtb.github.io/metafor/reference/regtest.html, .../ranktest.html


def test_egger_2001_pool() -> None:
    result, _ = magnesium(without_the_largest=True)
    all_printed([result.tau2, result.tau2_se, result.i2, result.h2], "0.1911 0.2106 38.19 1.62", METAFOR_STOPS)
    all_printed([result.q, result.q_p, *interval(result)], "20.9184 0.1037 -0.8745 -1.2822 -0.4669")


def test_the_results_hold_what_they_say() -> None:
    """Every replay reads attributes of results; none of them is left unset."""
    effects = bcg()
    result = meta_analysis(effects.yi, effects.vi)
    unset = {field.name for field in dataclasses.fields(result) if getattr(result, field.name) is None}
    assert unset == {"r2", "qm", "qm_p"}
