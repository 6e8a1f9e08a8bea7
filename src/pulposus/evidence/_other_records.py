"""Rows of the evidence that is about studies as a whole: published pools, expectations, claims, thresholds, the protocol standard."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pulposus.documents import Document
from pulposus.evidence._record_fields import Count, StudyId, Text, Words
from pulposus.parameters import Status

Verdict = Literal[
    "confirmed",
    "confirmed with a nuance",
    "confirmed for surgery only",
    "consistent",
    "agrees in part",
    "plausible, weakly sourced",
    "differs",
    "not verified",
    "not found",
    "not established",
]


class PublishedPool(Document):
    """A pooled result that a review, a meta-analysis or a cohort published."""

    review_id: StudyId
    """Short name of the review."""
    first_author: str = ""
    """Surname of the first author."""
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None
    """Year."""
    population: Text
    """Who."""
    comparison: str = ""
    """What with what."""
    outcome: str = ""
    """Measure."""
    effect_measure: str = ""
    """Mean change, SMD, OR, proportion."""
    k: Count | None = None
    """Studies."""
    n: Count | None = None
    """Patients."""
    effect: float | None = None
    """Pooled value."""
    ci_low: float | None = None
    """Lower end of the 95 % interval."""
    ci_high: float | None = None
    """Upper end of the 95 % interval."""
    i2: Annotated[float, Field(ge=0.0, le=100.0)] | None = None
    """Heterogeneity in percent."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    note: str = ""
    """What else a reader should know."""


class Expectation(Document):
    """What a first meta-analysis of the outcomes should give (clinical_model 1)."""

    pool: Text
    """Name."""
    contrast: Literal["before-after", "between-arms"]
    """Kind of evidence."""
    domain: Text
    """What is measured."""
    month: float
    """Time."""
    k: Count
    """Cohorts."""
    estimate: float
    """Points of 100."""
    ci_low: float
    """Lower end of the 95 % interval."""
    ci_high: float
    """Upper end of the 95 % interval."""
    prediction_low: float
    """Lower end of the interval of prediction."""
    prediction_high: float
    """Upper end of the interval of prediction."""
    i2: float
    """Heterogeneity in percent."""
    left_out: Words = ()
    """Studies that are left out."""
    reading: str = ""
    """What is pooled."""


class Comparison(Document):
    """A published pool, the pool of the tables that is nearest to it, and why they differ."""

    review_id: StudyId
    """Published pool."""
    outcome: Text
    """Its outcome."""
    measure: Literal["points", "SMD", "share"]
    """Unit of both."""
    contrast: Literal["before-after", "between-arms"] | None = None
    """Kind of evidence; empty for events."""
    domain: Text
    """What is measured, or the category of events."""
    month: float
    """Time of ours."""
    classes: Words = ()
    """Classes of products in ours; all where empty."""
    reason: Text
    """Why the two differ."""


class Threshold(Document):
    """An important change or a measurement error of an instrument (clinical_model 3)."""

    item: Text
    """What."""
    instrument: Text
    """Instrument."""
    value: float
    """In `unit`."""
    low: float | None = None
    """Lowest value of the sources."""
    high: float | None = None
    """Highest value of the sources."""
    unit: Text
    """Unit as text."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the row is known."""
    note: str = ""
    """What else a reader should know."""


class Claim(Document):
    """A claim that is often told of this therapy, with the verdict of the literature (clinical_model 12, animal_summary 10)."""

    claim: Text
    """Number."""
    group: Literal["clinical", "animal"]
    """Where it belongs."""
    text: Text
    """The claim."""
    verdict: Verdict
    """What the literature says."""
    finding: Text
    """What was found."""
    studies: Words = ()
    """Studies in the tables that it is about."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the verdict is known."""


class Disagreement(Document):
    """One of several values that sources give for one thing."""

    study_id: StudyId
    """Study."""
    item: Text
    """What it is about."""
    value: Text
    """The value as text."""
    preferred: bool
    """Whether it is the one in use."""
    source: Text
    """DOI or address."""
    status: Status
    """How well the value is known."""
    note: str = ""
    """What else a reader should know."""


class ProtocolItem(Document):
    """One thing that a protocol states (clinical_model 11), by its place in the protocol schema of `pulposus.therapy`."""

    path: Text
    """Field of a protocol; alternatives with `|`, of which one is enough."""
    number: Annotated[int, Field(ge=1, le=18)]
    """Section."""
    section: Text
    """Name of the section."""
    required: bool
    """Whether the section is required."""
    applies: Literal["always", "cells", "allogeneic", "expanded", "controlled"]
    """Studies that it applies to."""
    label: Text
    """What it is, for people."""
    doses: str = ""
    """Part of DOSES that asks for it (doi:10.2106/JBJS.18.00915)."""
    mibo: str = ""
    """Section of MIBO for stem cells that asks for it (https://www.mibo-statement.org/stem-cells)."""


class Statement(Document):
    """Something that a study states beyond its row in the studies."""

    study_id: StudyId
    """Study."""
    path: Text
    """Field of a protocol."""
    value: Text
    """What is stated, as text."""
    source: Text
    """DOI or address."""
    status: Status
    """How well it is known."""
