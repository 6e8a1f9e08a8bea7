"""Published analyses, replayed (see `published`). Outcomes of single studies: differences, changes, proportions and their pools."""

from __future__ import annotations

import math

from published import METAFOR_STOPS, Table, all_printed, bcg, interval, printed

from pulposus.evidence._effect_sizes import hedges_g, mean_change, standardised_mean_change
from pulposus.evidence._event_sizes import (
    freeman_tukey_proportion,
    harmonic_mean,
    inverse_freeman_tukey,
    inverse_logit,
    logit_proportion,
    raw_proportion,
)
from pulposus.evidence._meta import meta_analysis

# Miller 1978 p. 138, https://www.metafor-project.org/doku.php/analyses:miller1978


def test_miller_1978() -> None:
    effects = freeman_tukey_proportion([3, 6, 10, 1], [11, 17, 21, 6])
    all_printed(effects.yi, "0.5695 0.6444 0.7626 0.4758")
    all_printed(effects.vi, "0.0217 0.0143 0.0116 0.0385")
    all_printed(2.0 * effects.yi, "1.1391 1.2888 1.5253 0.9515")
    all_printed(inverse_freeman_tukey(effects.yi, effects.ni), "0.2727273 0.3529412 0.4761905 0.1666667")
    middle = harmonic_mean(effects.ni)
    all_printed([2.0 * effects.yi.mean(), inverse_freeman_tukey(effects.yi.mean(), middle)], "1.2262 0.3164")
    result = meta_analysis(effects.yi, effects.vi, method="EE", test="z")
    all_printed([2.0 * result.estimate, inverse_freeman_tukey(result.estimate, middle)], "1.3093 0.3595")


def test_freeman_tukey_with_none_and_all() -> None:
    effects = freeman_tukey_proportion([0, 4, 9, 16, 20], [10, 10, 15, 20, 20])
    all_printed(inverse_freeman_tukey(effects.yi, effects.ni), "0.0 0.4 0.6 0.8 1.0")
    result = meta_analysis(effects.yi, effects.vi, method="EE", test="z")
    middle = harmonic_mean(effects.ni)
    all_printed([inverse_freeman_tukey(value, middle) for value in interval(result)], "0.6886 0.5734 0.7943")


# Pritz 1997, https://wviechtb.github.io/metadat/reference/dat.pritz1997.html


def test_pritz_1997() -> None:
    table = Table("pritz1997")
    raw = raw_proportion(table.number("events"), table.number("n"))
    result = meta_analysis(raw.yi, raw.vi, test="z")
    all_printed([result.estimate, result.se, result.ci_low, result.ci_high], "0.7968 0.0423 0.7138 0.8797")
    all_printed([result.prediction_low, result.prediction_high], "0.5306 1.0629")
    logit = logit_proportion(table.number("events"), table.number("n"))
    result = meta_analysis(logit.yi, logit.vi, test="z")
    assert result.prediction_low is not None and result.prediction_high is not None
    bounds = [*interval(result), result.prediction_low, result.prediction_high]
    all_printed([float(inverse_logit(value)) for value in bounds], "0.7575 0.6605 0.8337 0.4661 0.9179")


# Effect sizes, https://github.com/wviechtb/metafor/blob/master/tests/testthat/test_misc_escalc.r


def test_effect_sizes_of_metafor() -> None:
    table = Table("normand1999")
    g = hedges_g(*(table.number(name)[:4] for name in ("m1", "sd1", "n1", "m2", "sd2", "n2")))
    all_printed(g.yi, "-0.3552 -0.3479 -2.3176 -1.8880")
    all_printed(g.vi, "0.0131 0.0645 0.0458 0.1606")
    printed(meta_analysis(g.yi, g.vi).tau2, "1.0090", METAFOR_STOPS)
    change = mean_change([22], [26], [math.sqrt(20)], [math.sqrt(30)], [60], 0.7)
    all_printed([change.yi[0], change.vi[0]], "4.0000 0.2618")
    first = bcg()
    all_printed([first.yi[0], first.vi[0]], "-0.8893 0.3256")
    assert first.labels[0] == "Aronson 1948"


def test_standardised_changes_of_morris_2008() -> None:
    """https://www.metafor-project.org/doku.php/analyses:morris2008, treated groups; tau² in metafor's test_misc_rma_uni.r."""
    before, after = [30.6, 23.5, 0.5, 53.4, 35.6], [38.5, 26.8, 0.7, 75.9, 36.0]
    effects = standardised_mean_change(
        before, after, [15.0, 3.1, 0.1, 14.5, 4.7], [20, 50, 9, 10, 14], [0.47, 0.64, 0.77, 0.89, 0.44]
    )
    printed(meta_analysis(effects.yi, effects.vi).tau2, "0.3164", METAFOR_STOPS)
