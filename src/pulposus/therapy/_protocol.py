"""One protocol: everything that is done to a disc, in one schema (clinical_model 11).

A protocol is a YAML file. Every physical quantity is text with a unit. The sections that the physics does not use are validated and kept as
record. `reported` is what the paper published, `not_stated` what it does not state and
what stands in its place.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from pulposus.disc._insult_document import InsultSection
from pulposus.documents import Document, nearest
from pulposus.therapy._arms import derive_arm
from pulposus.therapy._dose_section import Dose
from pulposus.therapy._fields import refused
from pulposus.therapy._product_sections import HARVEST, Characteristics, Culture, Donor, Origin, Separation
from pulposus.therapy._record import (
    DataSharing,
    Economics,
    Ethics,
    Identification,
    Imaging,
    NotStated,
    Outcome,
    Population,
    Reported,
    Safety,
    Statistics,
)
from pulposus.therapy._study_sections import CoCare, Comparator, Delivery, DiscChoice, FollowUp, Numerics


class Protocol(Document):
    """A cell therapy of one disc, from donor to follow-up."""

    schema_version: Literal[1]
    """Version of this schema: 1."""
    id: Identification
    """What the study is."""
    disc: DiscChoice
    """The disc that is treated."""
    insults: tuple[InsultSection, ...] = ()
    """Injuries of the disc before or at the treatment."""
    population: Population = Population()
    """Who is treated (record)."""
    donor: Donor | None = None
    """Who the cells come from; required where cells are given."""
    origin: Origin | None = None
    """The tissue that the cells come from; required where cells are given."""
    separation: Separation = Separation()
    """How the cells are taken from the tissue (record)."""
    culture: Culture = Culture()
    """How the cells are expanded."""
    characteristics: Characteristics = Characteristics()
    """What is known of the cells at release."""
    dose: Dose
    """What is injected into one disc."""
    delivery: Delivery = Delivery()
    """How the product gets into the disc."""
    comparator: Comparator = Comparator()
    """What the treatment is compared with."""
    co_care: CoCare = CoCare()
    """What happens beside the injection."""
    outcomes: tuple[Outcome, ...] = ()
    """What the study measures (record)."""
    imaging: Imaging = Imaging()
    """How images are taken and read (record)."""
    safety: Safety = Safety()
    """What is watched (record)."""
    statistics: Statistics = Statistics()
    """How the study is analysed (record)."""
    economics: Economics = Economics()
    """What the treatment costs (record)."""
    ethics: Ethics = Ethics()
    """Approval and oversight (record)."""
    data: DataSharing = DataSharing()
    """What happens to the data (record)."""
    follow_up: FollowUp
    """How long the disc is followed."""
    numerics: Numerics = Numerics()
    """How the run is computed."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of every random number."""
    reported: tuple[Reported, ...] = ()
    """What the paper reports."""
    not_stated: tuple[NotStated, ...] = ()
    """What the paper does not state."""

    @property
    def name(self) -> str:
        """Short name of the study."""
        return self.id.name

    @field_validator("not_stated")
    @classmethod
    def _items_exist(cls, rows: tuple[NotStated, ...]) -> tuple[NotStated, ...]:
        known = [*_paths(cls), "results"]
        for row in rows:
            if row.item not in known:
                raise refused(
                    f'"{row.item}" is no field of a protocol',
                    allowed="a field such as dose.cells, or results",
                    remedy=nearest(row.item, known),
                )
        return rows

    @model_validator(mode="after")
    def _cells_are_described(self) -> Protocol:
        if self.dose.cells == 0.0:
            return self
        for name in ("donor", "origin"):
            if getattr(self, name) is None:
                raise refused(
                    f'cells are given, but the section "{name}" is missing',
                    remedy=f'add "{name}", or set dose.cells to "0 cell"',
                )
        culture = self.culture
        if self.dose.product == "concentrate":
            return self._not_expanded()
        if self.origin is not None and (culture.population_doublings, self.origin.harvest, culture.passages) == (
            None,
            None,
            None,
        ):
            raise refused(
                "nothing tells how far the cells were expanded",
                allowed=f"culture.population_doublings, origin.{HARVEST[self.origin.source]} or culture.passages",
                remedy="add one of them; where the paper states none, give a plausible one and list it under not_stated",
            )
        return self

    def _not_expanded(self) -> Protocol:
        if self.culture.population_doublings or self.culture.passages:
            raise refused(
                "a concentrate is not expanded",
                allowed="no culture.population_doublings and no culture.passages with product: concentrate",
                remedy="set dose.product to cells for cultured cells",
            )
        return self

    @model_validator(mode="after")
    def _route_fits_dose(self) -> Protocol:
        if self.delivery.route == "none" and (self.dose.cells > 0.0 or self.dose.volume > 0.0):
            raise refused(
                'nothing can be given by the route "none"',
                allowed='cells "0 cell" and volume "0 mL"',
                remedy='set "route" to needle',
            )
        if self.delivery.route == "fenestration" and self.dose.carrier != "collagen":
            raise refused(
                f"a sponge of {self.dose.carrier} is not known", allowed="carrier: collagen with route: fenestration"
            )
        return self

    @model_validator(mode="after")
    def _repeats_in_follow_up(self) -> Protocol:
        if self.dose.repeat_at and self.dose.repeat_at[-1] >= self.follow_up.duration:
            raise refused(
                f"an injection at day {self.dose.repeat_at[-1]:g} lies outside the follow-up",
                allowed=f"dose.repeat_at before day {self.follow_up.duration:g}, the end of the follow-up",
                remedy='give a longer "follow_up.duration", or leave the injection out',
            )
        return self

    def arm(self, name: str) -> Protocol:
        """An arm without cells of the same disc and follow-up: none, conservative, sham-needle, saline or carrier (cells_matrix 5).

        Raises:
            InvalidInput: Unknown arm, or an injection is asked of a protocol that injects nothing.
        """
        return derive_arm(self, name)

    def comparator_arm(self) -> Protocol:
        """The protocol of the arm that this one is compared with.

        Raises:
            InvalidInput: See `arm`.
        """
        return self.arm(self.comparator.arm)

    def resolved(self) -> dict[str, Any]:
        """Every value that is in force, defaults included, as plain data that `load_protocol` can read again."""
        return self.model_dump(mode="json", exclude_none=True)


def _paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted names of every field."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        yield path
        for inner in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _paths(inner, f"{path}.")
