"""Selection and pools: one row per cohort, kinds of evidence apart, and the expected pools of clinical_model 1."""

from __future__ import annotations

import dataclasses

import pytest

from pulposus.errors import InvalidInput
from pulposus.evidence import (
    CONTRASTS,
    Sampling,
    arm_evidence,
    bias_adjusted_pool,
    courses_of,
    expected_pools,
    important_change,
    load_evidence,
    pool,
    pool_events,
    pools_by_class,
    published_pools,
    select,
)
from pulposus.evidence._bias_pool import bias_priors
from pulposus.evidence._comparison import standardised
from pulposus.evidence._pools import require_alike
from pulposus.evidence._selection import one_per_cohort
from pulposus.parameters import load_parameters

BASE = load_evidence()


def ids(rows) -> list[str]:
    return [row.study.study_id for row in rows]


def test_the_rows_before_after_are_the_seven_cohorts_of_the_specification() -> None:
    found = select(BASE, "before-after")
    assert sorted(ids(found.rows)) == [
        "BEAL2021",
        "CORI2013",
        "KUMA2017",
        "LEWA2023",
        "NORI2017",
        "OROZ2011",
        "PETT2015",
    ]
    reasons = dict(found.left_out)
    assert reasons["AMIR2021"] == "no number at 12 months (nearest: 36)"


def test_rule_5_reports_of_one_cohort_count_once() -> None:
    found = select(BASE, "before-after", month=6, nearest=True)
    cohorts = [row.study.cohort for row in found.rows]
    assert len(cohorts) == len(set(cohorts))
    (main,) = [row for row in select(BASE, "before-after").rows if row.study.study_id == "BEAL2021"]
    interim = dataclasses.replace(main, study=BASE.by_study["BEAL2020"])
    kept, left = one_per_cohort([interim, main])
    assert (ids(kept), left[0].reason) == (["BEAL2021"], "same patients as BEAL2021")


def test_a_difference_between_arms_is_that_of_their_changes() -> None:
    (row,) = [row for row in select(BASE, "between-arms").rows if row.study.study_id == "NORI2017"]
    assert row.estimate == pytest.approx(-20.0 + 15.0)
    # SDs of the change from 26, 36 and 23, 28 with r = 0.5, 12 patients in either arm.
    variance = (26**2 + 36**2 - 26 * 36) / 12 + (23**2 + 28**2 - 23 * 28) / 12
    assert row.variance == pytest.approx(variance, rel=1e-12)
    assert (row.n, row.n_control, row.arms) == (12, 12, ("MSC", "control"))
    assert row.as_dict()["se"] == pytest.approx(variance**0.5)


def test_studies_without_a_control_have_no_difference() -> None:
    reasons = dict(select(BASE, "between-arms").left_out)
    assert reasons["OROZ2011"] == "no change of a control arm is printed"


def test_arms_without_a_time_in_common_have_no_difference() -> None:
    rows = tuple(
        row.model_copy(update={"month": 6.0})
        if (row.study_id, row.arm, row.month) == ("NORI2017", "control", 12)
        else row
        for row in BASE.outcomes
    )
    reasons = dict(select(dataclasses.replace(BASE, outcomes=rows), "between-arms").left_out)
    assert reasons["NORI2017"] == "treated and control arms have no time in common"


def test_fifty_two_weeks_and_twelve_months_are_one_visit() -> None:
    rows = tuple(
        row.model_copy(update={"month": 52 * 7 / 30.4375})
        if (row.study_id, row.arm, row.month) == ("NORI2017", "control", 12)
        else row
        for row in BASE.outcomes
    )
    found = select(dataclasses.replace(BASE, outcomes=rows), "between-arms")
    assert [row.estimate for row in found.rows if row.study.study_id == "NORI2017"] == [pytest.approx(-5.0)]


def test_studies_whose_treated_arm_prints_nothing_are_named() -> None:
    rows = tuple(row for row in BASE.outcomes if (row.study_id, row.arm) != ("NORI2017", "MSC"))
    reasons = dict(select(dataclasses.replace(BASE, outcomes=rows), "between-arms").left_out)
    assert reasons["NORI2017"] == "no change of a treated arm is printed"


def test_requests_are_kept() -> None:
    found = select(BASE, "before-after", exclude=["LEWA2023"], classes=["expanded-msc"])
    assert sorted(ids(found.rows)) == ["KUMA2017", "NORI2017", "OROZ2011"]
    assert ("LEWA2023", "left out by request") in found.left_out


def test_there_is_no_default_contrast() -> None:
    with pytest.raises(TypeError):
        select(BASE)  # pyright: ignore[reportCallIssue]


def test_kinds_of_evidence_never_share_a_pool() -> None:
    mixed = dataclasses.replace(
        select(BASE, "before-after", classes=["expanded-msc"]),
        rows=(
            *select(BASE, "before-after", classes=["expanded-msc"]).rows[:1],
            *select(BASE, "between-arms", classes=["expanded-msc"]).rows,
        ),
    )
    with pytest.raises(InvalidInput, match="controlled and uncontrolled evidence in one pool"):
        pool(mixed, across_classes=True)


def test_domains_and_doubled_cohorts_never_share_a_pool() -> None:
    pain, other = select(BASE, "before-after").rows, select(BASE, "before-after", "disability").rows
    with pytest.raises(InvalidInput, match="back pain and disability"):
        require_alike((pain[0], other[1]), across_classes=True)
    with pytest.raises(InvalidInput, match="counted twice"):
        require_alike((pain[0], pain[0]), across_classes=True)


def test_rule_7_classes_are_pooled_together_only_where_asked_for() -> None:
    found = select(BASE, "before-after")
    with pytest.raises(InvalidInput, match="several classes"):
        pool(found)
    together = pool(found, across_classes=True)
    assert any(note.startswith("all classes together") for note in together.notes)
    apart = pools_by_class(found)
    assert [len(one.rows) for one in apart] == [4, 1, 1, 1]
    assert {row.cell_class for row in apart[0].rows} == {"expanded-msc"}


def test_before_after_pools_say_that_they_are_no_effect_of_cells() -> None:
    for contrast in CONTRASTS:
        notes = pool(select(BASE, contrast), across_classes=True).notes
        assert any("not the effect of cells" in note for note in notes) == (contrast == "before-after")


def test_a_single_cohort_is_no_pool() -> None:
    found = pool(select(BASE, "before-after", classes=["marrow-concentrate"]))
    assert found.result is None
    assert found.as_dict()["result"] is None
    assert "fewer than two cohorts: nothing to pool" in found.notes


def test_a_knapp_hartung_interval_that_narrows_is_said_to() -> None:
    notes = pool(select(BASE, "between-arms"), across_classes=True).notes
    assert any("narrower than the normal one" in note for note in notes)
    assert not any(
        "narrower" in note for note in pool(select(BASE, "between-arms"), across_classes=True, test="z").notes
    )


# Tolerances: the expectations are printed in whole points (half a point), and once a baseline of "about 70" stands for 70.4 (another half).
@pytest.mark.parametrize("name", [one.pool for one in BASE.expectations])
def test_our_pools_are_those_that_the_specification_expects(name: str) -> None:
    (found,) = [one for one in expected_pools(BASE) if one.name == name]
    ours, other = found.ours, found.other
    assert ours.k == other.k
    for field in ("estimate", "ci_low", "ci_high", "prediction_low", "prediction_high"):
        assert getattr(ours, field) == pytest.approx(getattr(other, field), abs=1.0), field
    assert ours.i2 == pytest.approx(
        other.i2, abs=4.0
    )  # I2 of three trials moves by that with half a point of one of them
    assert found.intervals_overlap
    assert found.reason


def test_published_pools_stand_beside_ours_with_reasons() -> None:
    found = {(one.name.split(",")[0], one.name.split(", ")[1]): one for one in published_pools(BASE)}
    assert len(found) == len(BASE.comparisons)
    assert all(len(one.reason) > 40 for one in found.values())
    zhang = found["Zhang 2023", "VAS"]
    assert zhang.other.estimate == -41.62
    assert zhang.ours.estimate == pytest.approx(-41.62, abs=5.0)  # other studies, one scale: within 5 of 100 points
    xie = found["Xie 2021", "VAS"]
    assert xie.ours.estimate == pytest.approx(-0.50, abs=0.1)
    width = (xie.other.ci_high or 0.0) - (xie.other.ci_low or 0.0)
    assert (xie.ours.ci_high or 0.0) - (xie.ours.ci_low or 0.0) > 2.0 * width  # the printed interval is too narrow
    assert found["Xie 2021", "ODI"].intervals_overlap is None
    assert all("intervals_overlap" in one.as_dict() for one in found.values())


def test_a_standardised_difference_keeps_sign_and_sample_sizes() -> None:
    (row,) = [row for row in select(BASE, "between-arms", spread="assumed").rows if row.study.study_id == "NORI2017"]
    found = standardised(row)
    # Hedges: J(22) = 0.9655 of the difference over the common SD of 25; 1/n1 + 1/n2 + g^2 / (2 N).
    assert found.estimate == pytest.approx(-5.0 / 25.0 * 0.9655, rel=1e-3)
    assert found.variance == pytest.approx(2.0 / 12.0 + found.estimate**2 / 48.0, rel=1e-9)


def test_shares_of_events_are_pooled_once_per_cohort() -> None:
    found = pool_events(BASE, "surgery", exclude=("HAUF2006",))
    assert [(row.study.study_id, row.events, row.total) for row in found.rows] == [
        ("CORI2013", 3, 15),
        ("CENT2017", 2, 33),
        ("PETT2015", 2, 26),
    ]
    assert found.share == pytest.approx(7 / 74, abs=0.02)  # crude share; the pool weighs small arms more
    assert ("HAUF2006", "left out by request") in found.left_out
    assert ("DREAM2025", '"major adverse event": the number of patients is not printed') in pool_events(
        BASE, "any-serious"
    ).left_out
    assert found.as_dict()["k"] == 3
    assert pool_events(BASE, "death").share is None


def test_courses_show_whole_arms_of_every_cohort_once() -> None:
    courses = {one.label: one for one in courses_of(BASE)}
    assert courses["Pettine 2015"].months == (0.0, 3.0, 6.0, 12.0)  # later means are of survivors
    assert courses["Noriega 2017, control"].arm == "control"
    assert not [label for label in courses if "Beall 2020" in label]
    assert [one.label for one in courses_of(BASE, classes=["marrow-concentrate"])] == ["Pettine 2015"]
    with pytest.raises(InvalidInput, match="no arm"):
        courses_of(BASE, classes=["haematopoietic-cells"])
    assert important_change(BASE, "disability").value == 10.0


def test_arms_of_the_bias_adjusted_model_are_those_of_the_selections() -> None:
    rows = arm_evidence(BASE)
    assert [row.study for row in rows if row.kind == "control"] == ["NORI2017", "BEAL2021"]
    assert len([row for row in rows if row.kind == "cells"]) == 7
    (control,) = [row for row in rows if (row.study, row.kind) == ("NORI2017", "control")]
    assert control.value == pytest.approx(-15.0)
    assert control.variance == pytest.approx((23**2 + 28**2 - 23 * 28) / 12, rel=1e-9)


def test_the_bias_adjusted_model_needs_a_control() -> None:
    with pytest.raises(InvalidInput, match="no cohort with a control arm"):
        bias_adjusted_pool(arm_evidence(BASE, classes=["marrow-concentrate"]))


def test_the_priors_of_the_bias_adjusted_model_are_those_of_the_parameters() -> None:
    constants = load_parameters()
    priors = bias_priors(constants)
    assert priors == bias_priors()
    assert (priors.effect.mean, priors.effect.sd) == tuple(
        constants.value(f"evidence.bias.effect_{part}") for part in ("mean", "sd")
    )
    assert priors.open_label.sd == constants.value("evidence.bias.open_label_sd")
    assert priors.effect_spread.scale == constants.value("evidence.bias.effect_spread")


def test_controlled_and_uncontrolled_evidence_meet_in_one_model() -> None:
    pytest.importorskip("numpyro")
    evidence = arm_evidence(BASE, nearest=True, derived_baselines=True)
    found = bias_adjusted_pool(evidence, sampling=Sampling(draws=2500, warmup=500, chains=2, seed=1))
    effect, anyway = (found.quantities[name] for name in ("effect of the cells", "change without cells"))
    # Most of the change comes anyway: the pools before-after and between arms are 40 and 8 points apart from zero.
    assert anyway.mean < effect.mean
    assert effect.low < effect.mean < effect.high
