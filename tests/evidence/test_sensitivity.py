"""Leave-one-out, cumulative pools, subgroups, risk of bias."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.evidence._meta import meta_analysis
from pulposus.evidence._sensitivity import cumulative, leave_one_out, risk_of_bias_strata, subgroups

YI = np.array(
    [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694, -1.3713, -0.3394, 0.4459, -0.0173]
)
VI = np.array([0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714])
GROUP = ["random"] * 4 + ["alternate"] * 2 + ["random"] * 3 + ["systematic"] * 4


def test_each_study_is_left_out_once() -> None:
    steps = leave_one_out(meta_analysis(YI, VI, method="PM"))
    assert [step.label for step in steps] == [f"study {number}" for number in range(1, 14)]
    assert all(step.result.k == 12 and step.label not in step.result.labels for step in steps)
    assert steps[7].result.estimate == meta_analysis(np.delete(YI, 7), np.delete(VI, 7), method="PM").estimate


def test_the_last_cumulative_pool_is_the_pool_of_all() -> None:
    result = meta_analysis(YI, VI)
    steps = cumulative(result)
    assert steps[-1].result.estimate == result.estimate
    assert steps[0].result.method == "FE" and steps[0].result.notes == ("one study: its own interval",)
    assert [step.result.k for step in steps] == list(range(1, 14))
    backwards = cumulative(result, -np.arange(13.0))
    assert backwards[0].label == "study 13" and backwards[-1].result.estimate == pytest.approx(
        result.estimate, rel=1e-9
    )


def test_ties_in_the_order_keep_the_order_of_the_data() -> None:
    steps = cumulative(meta_analysis(YI[:4], VI[:4]), [2.0, 1.0, 2.0, 1.0])
    assert [step.label for step in steps] == ["study 2", "study 4", "study 1", "study 3"]


def test_subgroups_with_their_own_spread() -> None:
    result = meta_analysis(YI, VI, test="z")
    found = subgroups(result, GROUP)
    assert [step.label for step in found.groups] == ["random", "alternate", "systematic"]
    assert sum(step.result.k for step in found.groups) == 13 and found.df == 2 and not found.shared_tau2
    alone = meta_analysis(YI[4:6], VI[4:6], test="z")
    assert found.groups[1].result.estimate == alone.estimate
    # Q_B is the heterogeneity of the three pools.
    pools = meta_analysis(
        [s.result.estimate for s in found.groups], [s.result.se**2 for s in found.groups], method="FE", test="z"
    )
    assert (found.q_between, found.p) == pytest.approx((pools.q, pools.q_p), rel=1e-10)


def test_subgroups_that_share_their_spread_are_a_meta_regression() -> None:
    result = meta_analysis(YI, VI, test="z")
    found = subgroups(result, GROUP, shared_tau2=True)
    regression = meta_analysis(YI, VI, test="z", moderators={"group": GROUP})
    assert (found.q_between, found.p) == pytest.approx((regression.qm, regression.qm_p), rel=1e-8)
    by_name = {step.label: step.result for step in found.groups}
    assert by_name["alternate"].estimate == pytest.approx(regression.estimate, rel=1e-8)
    assert by_name["random"].estimate == pytest.approx(
        regression.estimate + regression.coefficients[1].estimate, rel=1e-8
    )


def test_a_group_of_one_study_shows_its_own_interval() -> None:
    found = subgroups(meta_analysis(YI[:3], VI[:3]), ["a", "a", "b"])
    assert (found.groups[1].result.k, found.groups[1].result.method) == (1, "FE")
    assert found.groups[1].result.se == pytest.approx(np.sqrt(VI[2]), rel=1e-14)


def test_risk_of_bias_from_the_best_studies_to_all() -> None:
    result = meta_analysis(YI[:6], VI[:6])
    found = risk_of_bias_strata(result, ["High", "low", "some concerns", "low", "high", "low"])
    assert [step.label for step in found.cumulative] == ["low", "low + some concerns", "all studies"]
    assert [step.result.k for step in found.cumulative] == [3, 4, 6]
    assert found.cumulative[-1].result.estimate == result.estimate
    assert found.subgroups is not None and found.subgroups.df == 2


def test_one_judgement_has_no_subgroups() -> None:
    found = risk_of_bias_strata(meta_analysis(YI[:3], VI[:3]), ["high"] * 3)
    assert found.subgroups is None and [step.label for step in found.cumulative] == ["all studies"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: leave_one_out(meta_analysis(YI[:2], VI[:2])), "2 studies leave 1 behind"),
        (lambda r: cumulative(r, [1.0]), "the order is not one number per study"),
        (lambda r: cumulative(r, [np.nan] * 13), "the order is not one number per study"),
        (lambda r: subgroups(r, ["a"]), "1 groups for 13 studies"),
        (lambda r: subgroups(r, ["a"] * 13), "all studies are in the group 'a'"),
        (lambda r: subgroups(r, [*GROUP[:12], ""]), "the group of study 13 is missing"),
        (lambda r: risk_of_bias_strata(r, ["good"] * 13), "'good' is not a judgement of risk of bias"),
        (lambda r: leave_one_out(meta_analysis(YI, VI, moderators={"x": np.arange(13.0)})), "the model has moderators"),
    ],
)
def test_bad_input_is_one_clear_message(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InvalidInput, match=message):
        call(meta_analysis(YI, VI))
