"""Rows of the evidence from the laboratory: animal studies, their outcomes and pools, cells in culture (animal_summary)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pulposus.documents import Document
from pulposus.evidence._record_fields import Count, StudyId, Text
from pulposus.parameters import Status


class AnimalStudy(Document):
    """An animal study or model."""

    study_id: StudyId
    """Short name that the outcomes refer to."""
    first_author: str = ""
    """Surname of the first author."""
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    """Year."""
    doi: str = ""
    """DOI."""
    pmid: str = ""
    """PubMed number."""
    species: Text
    """Species."""
    strain: str = ""
    """Strain."""
    disc_level: str = ""
    """Discs."""
    degeneration_model: str = ""
    """How the disc was made to degenerate."""
    donor: Literal["auto", "allo", "xeno"] | None = None
    """Relation of the donor."""
    cell_source: str = ""
    """Cells."""
    dose_cells_per_disc: str = ""
    """Dose as printed."""
    volume_ul: str = ""
    """Volume in microlitres, as printed."""
    carrier: str = ""
    """Carrier."""
    label: str = ""
    """How cells were tracked."""
    time_of_injection_after_injury: str = ""
    """Delay."""
    timepoints_weeks: str = ""
    """When the animals were looked at."""
    groups: str = ""
    """Groups."""
    n_per_group: str = ""
    """Animals or discs."""
    role: Text
    """What the study serves for: scenario, context or model."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    recalled: str = ""
    """Fields that are recalled: names, or `all`."""
    notes: str = ""
    """What else a reader should know."""


class AnimalOutcome(Document):
    """One number or direction of an animal study."""

    study_id: StudyId
    """Animal study."""
    group: Text
    """Group, or two groups that are compared."""
    outcome: Text
    """Measure."""
    time_days: Annotated[float, Field(ge=0.0)] | None = None
    """Days since `time_zero`."""
    time_zero: str = ""
    """What the days count from."""
    n: Count | None = None
    """Animals or discs."""
    mean: float | None = None
    """Mean in `unit`."""
    sd: Annotated[float, Field(ge=0.0)] | None = None
    """Standard deviation."""
    unit: str = ""
    """Unit as text."""
    direction: Literal["up", "down", "ns"] | None = None
    """Direction where no number is printed; ns: no significant change."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    note: str = ""
    """What else a reader should know."""


class InVitro(Document):
    """One result of cells in culture."""

    experiment: Text
    """Experiment."""
    cell_type: Text
    """Cells."""
    condition: Text
    """Condition."""
    outcome: Text
    """Measure."""
    value: float | None = None
    """In `unit`."""
    unit: str = ""
    """Unit as text."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    direction: str = ""
    """Direction where no number is printed."""
    note: str = ""
    """What else a reader should know."""


class PublishedAnimalPool(Document):
    """A pooled result of animal studies."""

    meta_id: StudyId
    """Short name of the review."""
    first_author: str = ""
    """Surname of the first author."""
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    """Year."""
    doi: str = ""
    """DOI."""
    outcome: Text
    """Measure."""
    k: Count | None = None
    """Studies."""
    effect_measure: Text
    """What is pooled."""
    effect: float | None = None
    """Pooled value."""
    ci_low: float | None = None
    """Lower end of the 95 % interval."""
    ci_high: float | None = None
    """Upper end of the 95 % interval."""
    finding: str = ""
    """What is said where no number is printed."""
    p_value: str = ""
    """As printed."""
    heterogeneity: str = ""
    """As printed."""
    species: str = ""
    """Species."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    note: str = ""
    """What else a reader should know."""
