"""One protocol: everything that is done to a disc, in one schema (clinical_model 11).

A protocol is a YAML file. Every physical quantity is text with a unit. `load_protocol` reads a file or a built-in study; the sections that
the physics does not use are validated and kept as record. `reported` is what the paper published, `not_stated` what it does not state and
what stands in its place.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from pulposus.documents import Document, nearest, read_document
from pulposus.errors import InvalidInput
from pulposus.therapy._fields import refused
from pulposus.therapy._product_sections import HARVEST, Characteristics, Culture, Donor, Dose, Origin, Separation
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

    def comparator_arm(self) -> Protocol:
        """The protocol of the other arm: the same disc and follow-up, without cells (cells_matrix 5)."""
        arm = self.comparator.arm
        dose: dict[str, Any] = {"cells": 0.0, "cells_range": None}
        delivery: dict[str, Any] = {}
        if arm in ("none", "sham-needle"):
            dose |= {"volume": 0.0, "volume_range": None}
        if arm in ("saline", "none", "sham-needle"):
            dose |= {"carrier": "saline", "gelled": None}
            delivery = {"route": "none" if arm == "none" else "needle", "sponge": None}
        return self.model_copy(
            update={
                "id": self.id.model_copy(update={"name": f"{self.name}.{arm}"}),
                "dose": self.dose.model_copy(update=dose),
                "delivery": self.delivery.model_copy(update=delivery),
                "reported": (),
            }
        )

    def resolved(self) -> dict[str, Any]:
        """Every value that is in force, defaults included, as plain data that `load_protocol` can read again."""
        return self.model_dump(mode="json", exclude_none=True)


def load_protocol(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Protocol:
    """Read a built-in protocol or a YAML file.

    Args:
        name_or_path: Name of a built-in protocol (`list_protocols` has them), or the path of a file.
        overrides: `key=value` texts, such as `"dose.cells=4e6 cell"`.

    Raises:
        InvalidInput: Unknown name, unreadable file.
        InvalidDocument: The content does not fit the schema; holds every problem.
    """
    name = str(name_or_path)
    built_in = list_protocols()
    if name in built_in:
        text = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
        return read_document(text, Protocol, overrides=overrides, name=f"{name} (built in)")
    path = Path(name_or_path)
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        raise InvalidInput(
            f'unknown protocol "{name}"',
            where=f"protocol {name}",
            allowed=f"{', '.join(built_in)}, or the path of a YAML file",
            remedy=nearest(name, built_in),
        )
    return read_document(path, Protocol, overrides=overrides)


def protocol_text(name_or_path: str | Path) -> str:
    """The text of a protocol as its author wrote it, for the record of a run.

    Raises:
        OSError: The file cannot be read.
    """
    name = str(name_or_path)
    source = _folder() / f"{name}.yaml" if name in list_protocols() else Path(name_or_path)
    return source.read_text(encoding="utf-8")


def list_protocols() -> tuple[str, ...]:
    """Names of the built-in protocols."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml"))
    )


def protocol_schema() -> dict[str, Any]:
    """JSON Schema of a protocol file; editors use it to check and complete."""
    schema = Protocol.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pulposus protocol",
        **{key: entry for key, entry in schema.items() if key != "title"},
    }


def _folder() -> Any:
    return resources.files("pulposus") / "data" / "protocols"


def _paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted names of every field."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        yield path
        for inner in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _paths(inner, f"{path}.")
