"""Every integrity check finds what it is for, on a base that is sound otherwise; disagreements are kept side by side."""

from __future__ import annotations

import dataclasses

import pytest

from pulposus.errors import InvalidDocument
from pulposus.evidence import check_evidence, find_conflicts, load_evidence, require_sound
from pulposus.evidence._records import AdverseEvent, Arm, Outcome, Study

BASE = load_evidence()
STUDY = Study(
    study_id="MINE",
    cell_class="expanded-msc",
    allocation="single-arm",
    text_read="user",
    source="x",
    status="verified",
    followup_months=12,
)
ARM = Arm(study_id="MINE", arm="cells", role="treated", content="cells", n=25)
LEFT = Arm(study_id="MINE", arm="left", role="treated", content="cells", analysis_set="survivors")


def outcome(name: str = "VAS", **changes) -> Outcome:
    fields = {
        "study_id": "MINE", "arm": "cells", "outcome": name, "scale_min": 0, "scale_max": 100, "month": 12, "n": 20,
        "mean": 40.0, "sd": 18.0, "source": "x", "status": "verified",
    }  # fmt: skip
    return Outcome(**{**fields, **changes})


def event(**changes) -> AdverseEvent:
    fields = {
        "study_id": "MINE",
        "arm": "cells",
        "event": "pain",
        "events": 2,
        "total": 20,
        "source": "x",
        "status": "verified",
    }
    return AdverseEvent(**{**fields, **changes})


def found(**tables) -> list[tuple[str, str]]:
    """Checks and severities that speak about these rows."""
    parts = {"studies": (STUDY,), "arms": (ARM,), **tables}
    base = dataclasses.replace(BASE, **{name: (*getattr(BASE, name), *rows) for name, rows in parts.items()})
    known = set(check_evidence(BASE))
    return [(one.check, one.severity) for one in check_evidence(base) if one not in known]


def test_sound_additions_have_no_findings() -> None:
    assert found(outcomes=(outcome(),), adverse_events=(event(),)) == []


@pytest.mark.parametrize(
    ("tables", "check", "severity"),
    [
        ({"studies": (STUDY, STUDY)}, "doubled names", "error"),
        ({"arms": (ARM, ARM)}, "doubled names", "error"),
        ({"outcomes": (outcome(study_id="NOBODY"),)}, "orphans", "error"),
        ({"outcomes": (outcome(arm="cell"),)}, "orphans", "error"),
        ({"outcomes": (outcome("VSA"),)}, "orphans", "error"),
        ({"adverse_events": (event(arm="nobody"),)}, "orphans", "error"),
        ({"arms": (ARM, Arm(study_id="NOBODY", arm="a", role="treated", content="cells"))}, "orphans", "error"),
        ({"arms": (ARM, Arm(study_id="MINE", arm="part", role="treated", content="cells", parent="cels"))}, "orphans", "error"),
        ({"studies": (STUDY.model_copy(update={"part_of": "NOBODY"}),)}, "orphans", "error"),
        ({"animal_outcomes": (BASE.animal_outcomes[0].model_copy(update={"study_id": "NOBODY"}),)}, "orphans", "error"),
        ({"claims": (BASE.claims[0].model_copy(update={"claim": "X1", "studies": ("NOBODY",)}),)}, "orphans", "error"),
        ({"disagreements": (BASE.disagreements[0].model_copy(update={"study_id": "NOBODY"}),)}, "orphans", "error"),
        ({"outcomes": (outcome(mean=140.0),)}, "scale bounds", "error"),
        ({"outcomes": (outcome("NRS", scale_max=10),)}, "scale bounds", "error"),
        ({"outcomes": (outcome(scale_min=None, scale_max=None),)}, "scale bounds", "warning"),
        ({"outcomes": (outcome(sd=60.0),)}, "scale bounds", "error"),
        ({"outcomes": (outcome(sd=None, ci_low=-5.0, ci_high=60.0),)}, "scale bounds", "warning"),
        ({"outcomes": (outcome("VAS_change", mean=-120.0, sd=None),)}, "scale bounds", "error"),
        ({"studies": (STUDY.model_copy(update={"doi": "10.1002/STEM.1845"}),)}, "doubled cohorts", "error"),
        ({"studies": (STUDY.model_copy(update={"registry": ("nct01860417",)}),)}, "doubled cohorts", "error"),
        ({"outcomes": (outcome(sd=18.0, se=18.0),)}, "spreads", "error"),
        ({"outcomes": (outcome(sd=4.0),)}, "spreads", "warning"),
        ({"outcomes": (outcome(sd=None, se=18.0),)}, "spreads", "warning"),
        ({"outcomes": (outcome(ci_low=39.0, ci_high=41.0),)}, "spreads", "warning"),
        ({"outcomes": (outcome("responder_50pct", mean=None, sd=None, events=21, total=20),)}, "counts", "error"),
        ({"outcomes": (outcome(n=26),)}, "counts", "error"),
        ({"adverse_events": (event(total=26),)}, "counts", "error"),
        ({"adverse_events": (event(pct=40.0),)}, "counts", "error"),
        ({"adverse_events": (event(events=None, pct=140.0),)}, "counts", "error"),
        ({"outcomes": (outcome("responder_50pct", mean=33.0, sd=None),)}, "percentages", "warning"),
        ({"outcomes": (outcome(month=24),)}, "times", "error"),
        ({"outcomes": (outcome("VAS_change", month=0, mean=-5.0),)}, "times", "error"),
        ({"outcomes": (outcome(), outcome(mean=41.0))}, "same twice", "error"),
        ({"arms": (ARM, LEFT)}, "survivors", "warning"),
    ],
)  # fmt: skip
def test_each_check_finds_what_it_is_for_and_nothing_else(tables, check: str, severity: str) -> None:
    findings = found(**tables)
    assert (check, severity) in findings
    # A wrong value may be wrong in two ways (a spread beyond its scale also looks odd), never in three.
    assert len({name for name, _ in findings}) <= 2


def test_reports_of_one_cohort_may_share_a_number() -> None:
    follow_up = STUDY.model_copy(update={"doi": "10.1002/stem.1845", "part_of": "PETT2015"})
    assert found(studies=(follow_up,)) == []


def test_orozcos_standard_errors_would_be_noticed_as_sds() -> None:
    # The trap of rule 2: 3.3 and 6.5 read as SD.
    wrong = tuple(
        row.model_copy(update={"sd": row.se, "se": None}) if row.study_id == "OROZ2011" and row.se else row
        for row in BASE.outcomes
    )
    findings = [one for one in check_evidence(dataclasses.replace(BASE, outcomes=wrong)) if one.check == "spreads"]
    assert len(findings) >= 3
    assert all("looks like a standard error" in one.what for one in findings)


def test_errors_are_raised_together() -> None:
    base = dataclasses.replace(BASE, outcomes=(outcome(study_id="NOBODY"), outcome(study_id="NOBODY2")))
    with pytest.raises(InvalidDocument) as caught:
        require_sound(base, "mine")
    assert len(caught.value.problems) == 2
    assert {one.severity for one in require_sound(BASE)} == {"warning"}


@pytest.mark.parametrize(
    ("study", "item", "first", "second"),
    [
        ("OROZ2011", "cells per disc", "1.0e7", "23+-5e6"),
        ("KUMA2017", "cells per disc in the two groups", "2e7 and 4e7", "1e7 and 2e7"),
        ("PETT2015", "VAS of BMC at month 0", "79.3", "80.1"),
        ("NORI2017", "patients of the MSC arm with minor pain (NSAID use)", "25 percent", "1 of 12"),
        (
            "WOLF2020",
            "what the percentages mean",
            "share of patients with at least 50 percent improvement",
            "mean improvement",
        ),
        ("TSCH2017", "which arm has 12 patients", "NOVOCART Disc plus", "NOVOCART Disc basic"),
    ],
)
def test_rule_8_every_known_conflict_is_kept_side_by_side(study: str, item: str, first: str, second: str) -> None:
    (conflict,) = [one for one in find_conflicts(BASE) if (one.study_id, one.item) == (study, item)]
    assert [value.value for value in conflict.values][:2] == [first, second]
    assert all(value.source for value in conflict.values)
    assert conflict.as_dict()["values"][0]["value"] == first


def test_a_printed_change_that_does_not_fit_the_printed_means_is_a_conflict() -> None:
    rows = (outcome(month=0, mean=70.0), outcome(mean=40.0), outcome("VAS_change", mean=-20.0, sd=None))
    base = dataclasses.replace(BASE, studies=(STUDY,), arms=(ARM,), outcomes=rows, disagreements=())
    (conflict,) = find_conflicts(base)
    assert [value.value for value in conflict.values] == ["-20 (printed change)", "-30 (difference of printed means)"]
    # Within rounding the two are one.
    near = (*rows[:2], outcome("VAS_change", mean=-29.5, sd=None))
    assert find_conflicts(dataclasses.replace(base, outcomes=near)) == ()


def test_a_conflict_without_a_month_is_named_without_one() -> None:
    rows = (outcome(month=None), outcome(month=None, mean=50.0, source="y"))
    base = dataclasses.replace(BASE, studies=(STUDY,), arms=(ARM,), outcomes=rows, disagreements=())
    assert [one.item for one in find_conflicts(base)] == ["VAS of cells"]
