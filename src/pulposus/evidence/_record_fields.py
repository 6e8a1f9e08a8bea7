"""Fields of the rows of the evidence: names that are allowed (clinical_model 2), times, lists of words, counts."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pulposus.errors import InvalidInput
from pulposus.evidence._scales import months
from pulposus.therapy._fields import refused

CellClass = Literal[
    "expanded-msc",
    "marrow-concentrate",
    "stromal-vascular-fraction",
    "disc-or-cartilage-cells",
    "tissue-allograft",
    "haematopoietic-cells",
    "multi-site",
    "unclear",
    "none",
]
"""What was injected (clinical_model 2, rule 7); `none` where no cells are given."""
Kind = Literal["cells", "tissue", "non-cell", "review", "safety-case"]
"""cells: a cell therapy; tissue: a tissue product; non-cell: kept for its placebo arm; review and safety-case: events only."""
Allocation = Literal["randomised", "controlled", "single-arm", "case-report", "review"]
"""`controlled`: has a control, not known to be randomised."""
TextRead = Literal["full-text", "abstract", "secondary", "registry", "company", "user"]
"""What was read of the study; a statement that was not found may stand in what was not read."""
SourceKind = Literal["primary", "secondary", "registry", "company", "user"]
Role = Literal["treated", "comparator", "contrast"]
Content = Literal[
    "cells",
    "tissue",
    "drug",
    "saline",
    "carrier",
    "sham",
    "local-anaesthetic",
    "discography",
    "discectomy",
    "usual-care",
    "mixed",
    "unclear",
]
AnalysisSet = Literal["all", "pooled-arms", "subset", "post-hoc", "completers", "survivors", "crossover", "contrast"]
"""all: the arm as followed; survivors: patients whose treatment failed are left out; the rest are parts of an arm."""

EventCategory = Literal["surgery", "infection", "any-serious", "related", "death", "other"]

StudyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=60)]
ArmName = Annotated[str, Field(min_length=1, max_length=120)]
Text = Annotated[str, Field(min_length=1)]


def _words(value: Any) -> Any:
    """A cell such as `doi;pmid` as a tuple of words."""
    return tuple(word.strip() for word in value.split(";") if word.strip()) if isinstance(value, str) else value


def _month(value: Any) -> Any:
    """A time such as `6 week` in months; a plain number is in months already."""
    if not isinstance(value, str) or re.fullmatch(r"[+-]?[\d.]+([eE][+-]?\d+)?", value.strip()):
        return value
    try:
        return months(value)
    except InvalidInput as problem:
        raise refused(problem.what, allowed="months as a number, or a time such as 6 week") from None


Month = Annotated[float, Field(ge=0.0, le=600.0), BeforeValidator(_month)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Count = Annotated[int, Field(ge=0)]


def slug(text: str) -> str:
    """A DOI without its prefix and capitals, so that two spellings of one paper are the same text."""
    return re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", text.strip().lower())
