"""Rows of the clinical evidence: studies, arms, outcomes, adverse events (clinical_model 2 and 11).

One row holds what a source prints, on the scale of the source, with source and status. Nothing is converted here; `_harmonise` does that.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pulposus.documents import Document
from pulposus.evidence._record_fields import (
    Allocation,
    AnalysisSet,
    ArmName,
    CellClass,
    Content,
    Count,
    EventCategory,
    Kind,
    Month,
    Role,
    SourceKind,
    StudyId,
    Text,
    TextRead,
    Words,
)
from pulposus.parameters import Status
from pulposus.therapy._fields import refused


class Study(Document):
    """A study: who was treated with what, in what design, and how it is known."""

    study_id: StudyId
    """Short name that the other tables refer to."""
    kind: Kind = "cells"
    """What the study is kept for."""
    cell_class: CellClass
    """Class of the product; classes are never pooled silently."""
    first_author: str = ""
    """Surname of the first author."""
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    """Year of publication."""
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    """DOI of the main report."""
    pmid: Annotated[str, Field(pattern=r"^\d+$")] | None = None
    """PubMed number."""
    registry: Words = ()
    """Numbers in trial registries."""
    country: str = ""
    """Country."""
    design: str = ""
    """Design in the words of the source."""
    allocation: Allocation
    """How arms were formed."""
    blinding: Literal["double-blind", "single-blind", "open"] | None = None
    """Who knew the arm; empty where not read."""
    phase: str = ""
    """Phase of the trial."""
    part_of: StudyId | None = None
    """Study whose patients these are; both are one cohort."""
    n_treated: Count | None = None
    """Treated patients."""
    n_control: Count | None = None
    """Control patients; 0 without a control."""
    mean_age: Annotated[float, Field(ge=0.0, le=120.0)] | None = None
    """Mean age in years."""
    female_pct: Annotated[float, Field(ge=0.0, le=100.0)] | None = None
    """Share of women in percent."""
    indication: str = ""
    """Disease."""
    pfirrmann: str = ""
    """Grades that were treated, in the words of the source."""
    cell_source: str = ""
    """Tissue of origin."""
    donor: Literal["autologous", "allogeneic", "xenogeneic"] | None = None
    """Relation of the donor."""
    expanded: bool | None = None
    """Whether the cells were grown in culture."""
    dose: str = ""
    """Dose as printed."""
    dose_low: Annotated[float, Field(ge=0.0)] | None = None
    """Cells per disc, lowest value that a source gives."""
    dose_high: Annotated[float, Field(ge=0.0)] | None = None
    """Cells per disc, highest value that a source gives."""
    volume: str = ""
    """Volume as printed."""
    volume_low: Annotated[float, Field(ge=0.0)] | None = None
    """mL per disc, lowest value."""
    volume_high: Annotated[float, Field(ge=0.0)] | None = None
    """mL per disc, highest value."""
    carrier: str = ""
    """What the cells came in."""
    delivery: str = ""
    """How they were given."""
    comparator: str = ""
    """What the treatment was compared with; `none` where nothing."""
    followup_months: Month | None = None
    """Longest follow-up."""
    funding: str = ""
    """Who paid."""
    text_read: TextRead
    """What was read of the study."""
    protocol: str = ""
    """Built-in protocol of this study."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    recalled: Words = ()
    """Fields of this row that are recalled, not read."""
    notes: str = ""
    """What else a reader should know."""

    @property
    def cohort(self) -> str:
        """Name of the patients: studies of one cohort count once in a pool."""
        return self.part_of or self.study_id

    @property
    def label(self) -> str:
        """Author and year, for tables and plots."""
        if not self.first_author or self.year is None:
            return f"{self.first_author} ({self.study_id})" if self.first_author else self.study_id
        return f"{self.first_author} {self.year}"

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        for low, high in (("dose_low", "dose_high"), ("volume_low", "volume_high")):
            first, last = getattr(self, low), getattr(self, high)
            if first is not None and last is not None and first > last:
                raise refused(f"{low} is larger than {high}", allowed="the low value first")
        if self.part_of == self.study_id:
            raise refused("a study cannot be part of itself", allowed="part_of: another study, or nothing")
        unknown = [name for name in self.recalled if name not in type(self).model_fields]
        if unknown:
            raise refused(f'"{unknown[0]}" in recalled is no field of a study', allowed="names of fields of this row")
        return self


class Arm(Document):
    """A group of a study, or a part of a group that a source reports on its own."""

    study_id: StudyId
    """Study."""
    arm: ArmName
    """Name of the group, as the outcomes use it."""
    role: Role
    """treated, comparator, or contrast (a row about the difference of two groups)."""
    content: Content
    """What the group got."""
    analysis_set: AnalysisSet = "all"
    """Which patients of the group."""
    parent: str = ""
    """Group that this is a part of, or came from."""
    n: Count | None = None
    """Patients."""
    note: str = ""
    """What else a reader should know."""


class Outcome(Document):
    """One number of one arm at one time, as printed."""

    study_id: StudyId
    """Study."""
    arm: ArmName
    """Group."""
    outcome: Text
    """Name of the measure; `measures` lists them. A measure without a name there is `other: title`."""
    scale_min: float | None = None
    """Lowest value of the scale."""
    scale_max: float | None = None
    """Highest value of the scale."""
    month: Month | None = None
    """Months after the treatment; 0 is the baseline."""
    n: Count | None = None
    """Patients behind the number."""
    mean: float | None = None
    """Mean, or a percentage, on the scale of the source."""
    sd: Annotated[float, Field(ge=0.0)] | None = None
    """Standard deviation: only where the source says so."""
    se: Annotated[float, Field(ge=0.0)] | None = None
    """Standard error: never the same as sd."""
    ci_low: float | None = None
    """Lower end of the 95 % interval."""
    ci_high: float | None = None
    """Upper end of the 95 % interval."""
    median: float | None = None
    """Median."""
    events: Annotated[int, Field(ge=0)] | None = None
    """Patients with the event or response."""
    total: Count | None = None
    """Patients that events are counted in."""
    source_kind: SourceKind = "primary"
    """Where the number was read."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the number is known."""
    note: str = ""
    """What else a reader should know."""

    @model_validator(mode="after")
    def _consistent(self) -> Outcome:
        if (self.ci_low is None) != (self.ci_high is None):
            raise refused("only one end of the interval is given", allowed="ci_low and ci_high together")
        if self.ci_low is not None and self.ci_high is not None and self.ci_low > self.ci_high:
            raise refused("ci_low is larger than ci_high", allowed="the low value first")
        if self.scale_min is not None and self.scale_max is not None and self.scale_min >= self.scale_max:
            raise refused("scale_min is not below scale_max", allowed="such as 0 and 100")
        return self


class AdverseEvent(Document):
    """How many patients of an arm had an event."""

    study_id: StudyId
    """Study."""
    arm: ArmName
    """Group."""
    event: Text
    """What happened."""
    category: EventCategory = "other"
    """Kind of event, which pools go by."""
    serious: Literal["yes", "no"] | None = None
    """Whether it was serious; empty where not said."""
    related: Literal["yes", "no", "unclear"] | None = None
    """Whether it was called related to the treatment; empty where not said."""
    month: Month | None = None
    """Months of follow-up."""
    events: Annotated[int, Field(ge=0)] | None = None
    """Patients with the event."""
    total: Count | None = None
    """Patients at risk."""
    pct: Annotated[float, Field(ge=0.0)] | None = None
    """Percentage as printed."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    note: str = ""
    """What else a reader should know."""


class Measure(Document):
    """What the name of an outcome means."""

    outcome: Text
    """Name in the outcomes."""
    domain: Text
    """What is measured; outcomes of one domain can be compared after harmonisation."""
    form: Literal["mean", "change", "percent change", "difference", "share"]
    """mean at a time, change since baseline, change in percent of baseline, difference between arms, share of patients."""
    better: Literal["lower", "higher"]
    """Direction of improvement."""
    description: Text
    """One line for people."""
