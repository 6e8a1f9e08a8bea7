"""Published analyses, replayed (see `published`). Leave-one-out and cumulative pools."""

from __future__ import annotations

import pytest
from published import METAFOR_STOPS, Table, all_printed, bcg

from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._sensitivity import cumulative, leave_one_out

# Leave-one-out and cumulative, metafor's tests test_misc_influence.r, test_misc_cumul.r


def test_bcg_without_the_first_trial() -> None:
    effects = bcg()
    first = leave_one_out(meta_analysis(effects.yi, effects.vi, test="z"))[0].result
    # Printed with all digits of a search that stops at 1e-5.
    assert first.tau2 == pytest.approx(0.336156745300306, abs=METAFOR_STOPS)
    assert first.estimate == pytest.approx(-0.707083788031436, abs=METAFOR_STOPS)
    assert first.se == pytest.approx(0.189961024702717, abs=METAFOR_STOPS)
    assert first.q == pytest.approx(151.582572747109, rel=1e-12)
    assert first.i2 == pytest.approx(93.2259349111223, abs=1e-3)


CUMULATIVE = (
    "-0.889311 -1.325003 -0.97208 -1.001094 -1.101424 -0.973464 -0.901251 "
    "-0.788566 -0.865607 -0.785211 -0.708206 -0.794768 -0.714532"
)


def test_bcg_cumulative_by_year() -> None:
    effects = bcg()
    steps = cumulative(meta_analysis(effects.yi, effects.vi, test="z"), Table("colditz1994").number("year"))
    all_printed([step.result.estimate for step in steps], CUMULATIVE, METAFOR_STOPS)
