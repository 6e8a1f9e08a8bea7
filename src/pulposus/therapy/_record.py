"""Sections of a protocol that the physics does not use: kept, validated and handed on as the record of a study (clinical_model 11)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pulposus.documents import Document
from pulposus.therapy._fields import Age, Duration, Status, refused


class Identification(Document):
    """What the study is."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)
    """Short name: lower-case letters, digits, hyphens and dots."""
    title: str = ""
    """One line for people."""
    version: str = ""
    """Version of the protocol."""
    registry: tuple[str, ...] = ()
    """Numbers in trial registries, such as NCT01860417."""
    phase: str = ""
    """Phase of the trial."""
    sponsor: str = ""
    """Who runs the study."""
    funding: str = ""
    """Who pays."""
    conflicts: str = ""
    """Declared conflicts of interest."""
    notes: tuple[str, ...] = ()
    """What a reader of the result has to know; the report shows each as a warning."""
    sources: tuple[str, ...] = ()
    """Where the numbers of this protocol come from: DOI or URL."""


class Population(Document):
    """Who is treated."""

    age: tuple[Age, Age] | None = None
    """Youngest and oldest age, such as ["18 year", "65 year"]."""
    mean_age: Age | None = None
    """Mean age as reported."""
    female_share: float | None = Field(default=None, ge=0.0, le=1.0)
    """Share of women or female animals, 0 to 1."""
    patients: int | None = Field(default=None, ge=0)
    """Number of treated subjects."""
    indication: str = ""
    """Disease."""
    pain_duration: Duration | None = None
    """Shortest duration of pain at entry."""
    pain_window: tuple[float, float] | None = None
    """Low back pain at entry, VAS 0 to 100."""
    disability_window: tuple[float, float] | None = None
    """Oswestry disability index at entry, 0 to 100."""
    leg_to_back: str = ""
    """Ratio of leg to back pain."""
    levels: tuple[str, ...] = ()
    """Disc levels, such as L4-L5."""
    grades: tuple[int, ...] = ()
    """Degeneration grades that were treated."""
    grade_scale: Literal["Pfirrmann 1-5", "modified Pfirrmann 1-8"] = "Pfirrmann 1-5"
    """Scale of the grades."""
    modic: str = ""
    """Modic changes that are allowed."""
    height_loss: str = ""
    """Loss of disc height that is allowed."""
    herniation: str = ""
    """Type of herniation."""
    annulus_integrity: str = ""
    """State of the annulus at entry."""
    provocation_test: str = ""
    """Discography and its criterion."""
    prior_surgery: str = ""
    """Operations before."""
    covariates: str = ""
    """Smoking, body mass index, diabetes, opioids, compensation."""


class Outcome(Document):
    """One measure of the study."""

    instrument: str
    """Name, such as VAS, ODI, EQ-5D."""
    version: str = ""
    """Version and recall window."""
    times: tuple[Duration, ...] = ()
    """When it is measured after the treatment."""


class Reported(Document):
    """One number or direction that the paper reports; a row without either says that the paper reports nothing."""

    outcome: str
    """What was measured."""
    arm: str = "treated"
    """Group of the study."""
    time: Duration
    """Time after the treatment."""
    value: float | None = None
    """The number, in `unit`."""
    unit: str = ""
    """Unit of value and spread, as text."""
    direction: Literal["up", "down", "unchanged"] | None = None
    """Direction, where the paper gives no number."""
    n: int | None = Field(default=None, ge=0)
    """Subjects behind the value."""
    spread: float | None = Field(default=None, ge=0.0)
    """Standard error or deviation."""
    spread_kind: Literal["SE", "SD"] | None = None
    """Which of the two `spread` is."""
    source: str
    """DOI or URL."""
    status: Status
    """How well the row is known."""
    note: str = ""
    """What else a reader should know."""

    @property
    def is_reported(self) -> bool:
        """Whether the paper says anything about it."""
        return self.value is not None or self.direction is not None

    @model_validator(mode="after")
    def _complete(self) -> Reported:
        if self.value is not None and not self.unit:
            raise refused(f"the reported {self.outcome} has no unit", remedy='add "unit"')
        if (self.spread is None) != (self.spread_kind is None):
            raise refused(
                f"the spread of {self.outcome} is not complete",
                allowed="spread and spread_kind together",
                remedy='state whether the spread is "SE" or "SD"; never read an unlabelled +- as SD',
            )
        return self


class NotStated(Document):
    """Something that the paper does not state, and what stands in its place."""

    item: str
    """Field of this protocol, such as dose.cells, or `results` for an observation."""
    used: str = ""
    """What this protocol uses instead."""
    range: str = ""
    """Plausible range of it."""
    note: str = ""
    """Why, in a sentence."""


class Imaging(Document):
    """How images are taken and read."""

    scanner: str = ""
    """Scanner and field strength."""
    sequences: tuple[str, ...] = ()
    """Sequences, such as T2 mapping."""
    measures: tuple[str, ...] = ()
    """Measures, such as disc height index, Pfirrmann, Modic."""
    readers: str = ""
    """Readers and their blinding."""
    time_of_day: str = ""
    """When images are taken; disc height changes over the day."""


class Safety(Document):
    """What is watched."""

    events: tuple[str, ...] = ()
    """Discitis, herniation, neurological, immunological, ectopic bone, neoplasm, re-operation."""
    coding: str = ""
    """Dictionary of the events, such as MedDRA."""
    follow_up: Duration | None = None
    """How long safety is followed."""


class Statistics(Document):
    """How the study is analysed."""

    estimand: str = ""
    """What is estimated."""
    primary: str = ""
    """Primary outcome."""
    important_change: str = ""
    """Smallest change that matters."""
    alpha: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Significance level."""
    power: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Power."""
    randomisation: str = ""
    """Method of allocation."""
    missing_data: str = ""
    """Handling of missing data."""
    intercurrent_events: str = ""
    """Handling of surgery and second injections."""


class Economics(Document):
    """What the treatment costs."""

    perspective: str = ""
    """Whose costs count."""
    resources: tuple[str, ...] = ()
    """Resources that are counted."""
    unit_costs: str = ""
    """Source of the prices."""


class Ethics(Document):
    """Approval and oversight."""

    approval: str = ""
    """Ethics committee and number."""
    consent: str = ""
    """Informed consent."""
    monitoring: str = ""
    """Data and safety monitoring board."""
    stopping: str = ""
    """Stopping rules."""


class DataSharing(Document):
    """What happens to the data."""

    dictionary: str = ""
    """Where the variables are explained."""
    licence: str = ""
    """Licence of the data."""
    availability: str = ""
    """How others get them."""
