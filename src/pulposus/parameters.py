"""Model constants: every number with its unit, range, source and status.

The constants live in `data/parameters/<file>.toml`; a key is the file's stem and the table path, `cells.donor.growth_rate`. Each has one
owner file. A record with five `values` is a table of the Pfirrmann grades I to V; it becomes the five records `<key>.I` to `<key>.V`.

A record with a range has a distribution, given by `distribution` or by this rule:

* `two-piece-log-normal` for a range above zero with the value inside: the median is the value, the ends are the 2.5 % and 97.5 % limits of
  the untruncated law, and the law is truncated there;
* `triangular`, with the value as mode, for a range that starts at zero or below, or whose end is the value itself;
* `logit-normal` (only where the record says so: fractions): the value is the median, the ends are never reached, and the logit has a
  standard deviation of one.

A record without a range is `fixed`. Every law is sampled through its quantile function from a stream of uniform numbers that depends on the
seed and the key alone, so that asking for one more constant changes nobody else's draws (Philox, `SeedSequence` with the key's hash).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, get_args

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

Status = Literal["verified", "recalled", "derived", "prior"]
Distribution = Literal["fixed", "two-piece-log-normal", "triangular", "logit-normal"]

GRADES = ("I", "II", "III", "IV", "V")
"""Pfirrmann grades, in the order of the grade tables."""

_NORMAL = NormalDist()
_UPPER_TAIL = _NORMAL.inv_cdf(0.975)
_FIELDS = {"value", "values", "low", "high", "unit", "distribution", "source", "status", "note"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One constant of the model.

    Attributes:
        key: Dotted name; the first part is the owner file.
        value: In `unit`.
        low, high: Plausible range; both or neither.
        unit: Internal unit; "1" for plain numbers.
        distribution: Law of the prior over the range.
        source: Where the number comes from: a DOI, a URL, or a section of the specification.
        status: `verified` (seen in its source), `recalled` (attributed to a paper, not re-read), `derived` (computed from others) or
            `prior` (judgement).
        note: What else a reader should know, such as the printed value before conversion.
    """

    key: str
    value: float
    low: float | None
    high: float | None
    unit: str
    distribution: Distribution
    source: str
    status: Status
    note: str = ""

    @property
    def range(self) -> str:
        """The range in words; empty without one."""
        return (
            ""
            if self.low is None or self.high is None
            else f"{self.low:g} to {self.high:g} {self.unit if self.unit != '1' else ''}".strip()
        )

    def quantile(self, probability: float) -> float:
        """Value below which the constant lies with this probability, inside (0, 1).

        Raises:
            InvalidInput: The constant is fixed.
        """
        low, high, value = self.low, self.high, self.value
        if self.distribution == "fixed" or low is None or high is None:
            raise InvalidInput(f"{self.key} has no range to sample from", allowed="a parameter with low and high")
        if self.distribution == "triangular":
            share = (value - low) / (high - low)
            if probability <= share:
                return low + math.sqrt(probability * (high - low) * (value - low))
            return high - math.sqrt((1.0 - probability) * (high - low) * (high - value))
        if self.distribution == "logit-normal":
            median = (value - low) / (high - low)
            odds = median / (1.0 - median) * math.exp(_NORMAL.inv_cdf(probability))
            return low + (high - low) * odds / (1.0 + odds)
        deviate = _NORMAL.inv_cdf(0.025 + 0.95 * probability) / _UPPER_TAIL
        return value * ((high / value) ** deviate if deviate > 0.0 else (value / low) ** deviate)

    def as_dict(self) -> dict[str, Any]:
        """The record for `--json` and for a run's manifest."""
        return dataclasses.asdict(self)


class ParameterSet(Mapping[str, Parameter]):
    """Every constant of the model by key; immutable.

    `parameters["cells.donor.growth_rate"]` is the record, `parameters.value(...)` its number, `parameters.by_grade(...)` the five numbers
    of a grade table.
    """

    def __init__(self, records: Iterable[Parameter]) -> None:
        self._records = {record.key: record for record in records}

    def __getitem__(self, key: str) -> Parameter:
        try:
            return self._records[key]
        except KeyError:
            raise self._unknown(key) from None

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"ParameterSet({len(self)} constants)"

    def value(self, key: str) -> float:
        """Number of a constant in its unit.

        Raises:
            InvalidInput: Unknown key.
        """
        return self[key].value

    def by_grade(self, key: str) -> tuple[float, ...]:
        """The five numbers of a grade table, grade I first.

        Raises:
            InvalidInput: Unknown table.
        """
        return tuple(self[f"{key}.{grade}"].value for grade in GRADES)

    def under(self, prefix: str) -> dict[str, Parameter]:
        """Records below a table, by the rest of their key: `under("nutrition.boundary.endplate")["oxygen"]`."""
        start = f"{prefix}."
        return {key.removeprefix(start): record for key, record in self._records.items() if key.startswith(start)}

    def search(self, text: str) -> list[Parameter]:
        """Records whose key, unit, source or note contains every word of `text`, in any case."""
        words = text.lower().split()

        def described(record: Parameter) -> str:
            return f"{record.key} {record.unit} {record.source} {record.status} {record.note}".lower()

        return [record for record in self._records.values() if all(word in described(record) for word in words)]

    def replace(self, values: Mapping[str, float | str]) -> ParameterSet:
        """A copy with other values.

        Args:
            values: Key -> number in the constant's unit, or text with a unit.

        Raises:
            InvalidInput: Unknown key, or a value outside the constant's range.
        """
        changed = {key: self._replaced(self[key], value) for key, value in values.items()}
        return ParameterSet({**self._records, **changed}.values())

    def sample(self, keys: Iterable[str], seed: int, members: int) -> dict[str, np.ndarray]:
        """Draws from the priors of some constants.

        Args:
            keys: Constants with a range.
            seed: Seed of the study, not negative.
            members: Number of draws; the first ones do not depend on it.

        Returns:
            Key -> values in the constant's unit, `(members,)`.

        Raises:
            InvalidInput: Unknown key, or a constant without a range.
        """
        import numpy as np

        return {key: np.array([self[key].quantile(u) for u in _uniforms(seed, key, members)]) for key in keys}

    def _replaced(self, record: Parameter, value: float | str) -> Parameter:
        where = f"parameter {record.key}"
        if isinstance(value, str) and record.unit != "1":
            from pulposus.units import parse_quantity

            value = parse_quantity(value, record.unit, where)
        try:
            number = float(value)
        except ValueError:
            raise InvalidInput(f'"{value}" is not a number', where=where, allowed=record.range) from None
        outside = record.low is not None and record.high is not None and not record.low <= number <= record.high
        if outside or not math.isfinite(number):
            raise InvalidInput(f"{number:g} is outside the plausible range", where=where, allowed=record.range)
        at_an_end = record.distribution != "fixed" and number in (record.low, record.high)
        return dataclasses.replace(
            record, value=number, distribution="triangular" if at_an_end else record.distribution
        )

    def _unknown(self, key: str) -> InvalidInput:
        import difflib

        matches = difflib.get_close_matches(key, self._records, n=1, cutoff=0.6)
        remedy = f'did you mean "{matches[0]}"?' if matches else "see `pulposus parameters`"
        return InvalidInput(f'unknown parameter "{key}"', where=f"parameter {key}", remedy=remedy)


def load_parameters(directory: Path | None = None) -> ParameterSet:
    """The constants that ship with the program, or those of another directory of TOML files.

    Raises:
        InvalidInput: A file or a record is malformed.
    """
    return _built_in() if directory is None else _load(sorted(directory.glob("*.toml")))


@functools.cache
def _built_in() -> ParameterSet:
    folder = resources.files("pulposus") / "data" / "parameters"
    return _load(
        sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    )


def _load(files: Iterable[Any]) -> ParameterSet:
    records: list[Parameter] = []
    for file in files:
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise InvalidInput(f"not valid TOML: {error}", where=str(file.name)) from None
        records += _records(file.name.removesuffix(".toml"), tables)
    return ParameterSet(records)


def _records(key: str, table: Mapping[str, Any]) -> Iterator[Parameter]:
    """Records of a table and of the tables below it."""
    if "value" in table or "values" in table:
        unknown = set(table) - _FIELDS
        if unknown:
            raise InvalidInput(f'unknown field "{min(unknown)}"', where=key, allowed=", ".join(sorted(_FIELDS)))
        yield from _grade_records(key, table) if "values" in table else [_record(key, table)]
        return
    for name, inner in table.items():
        if not isinstance(inner, Mapping):
            raise InvalidInput(
                f'"{name}" stands outside a record', where=key, allowed="tables with value, unit, source and status"
            )
        yield from _records(f"{key}.{name}", inner)


def _grade_records(key: str, table: Mapping[str, Any]) -> Iterator[Parameter]:
    """The five records of a grade table; a field is one for all grades or a list of five."""
    columns = {name: entry if isinstance(entry, list) else [entry] * len(GRADES) for name, entry in table.items()}
    for name, entries in columns.items():
        if len(entries) != len(GRADES):
            raise InvalidInput(f'"{name}" has {len(entries)} entries', where=key, allowed="one for all grades, or five")
    columns["value"] = columns.pop("values")
    for index, grade in enumerate(GRADES):
        yield _record(f"{key}.{grade}", {name: entries[index] for name, entries in columns.items()})


def _record(key: str, table: Mapping[str, Any]) -> Parameter:
    for name, kind in (("value", int | float), ("unit", str), ("source", str), ("status", str)):
        if not isinstance(table.get(name), kind) or table[name] == "":
            raise InvalidInput(f'"{name}" is missing or of another type', where=key)
    if table["status"] not in get_args(Status):
        raise InvalidInput(f'unknown status "{table["status"]}"', where=key, allowed=", ".join(get_args(Status)))
    value = float(table["value"])
    low, high = (float(table[name]) if name in table else None for name in ("low", "high"))
    if (low is None) != (high is None):
        raise InvalidInput("a range needs both low and high", where=key)
    if low is not None and high is not None and not low <= value <= high:
        raise InvalidInput(f"the value {value:g} is outside its range", where=key, allowed=f"{low:g} to {high:g}")
    distribution = table.get("distribution", _default_distribution(value, low, high))
    if distribution not in get_args(Distribution) or (distribution == "fixed") != (low == high):
        raise InvalidInput(
            f'the distribution "{distribution}" does not fit', where=key, allowed=", ".join(get_args(Distribution))
        )
    if distribution != _default_distribution(value, low, high) and value in (low, high):
        raise InvalidInput(f'"{distribution}" needs a value inside the range', where=key, allowed="triangular")
    return Parameter(
        key=key,
        value=value,
        low=low,
        high=high,
        unit=table["unit"],
        distribution=distribution,
        source=table["source"],
        status=table["status"],
        note=table.get("note", ""),
    )


def _default_distribution(value: float, low: float | None, high: float | None) -> Distribution:
    if low is None or high is None or low == high:
        return "fixed"
    return "two-piece-log-normal" if 0.0 < low < value < high else "triangular"


def _uniforms(seed: int, key: str, members: int) -> list[float]:
    """Uniform numbers inside (0, 1) of one constant's own stream."""
    import numpy as np

    words = np.frombuffer(hashlib.sha256(key.encode()).digest(), dtype="<u4")
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(int(word) for word in words))
    draws = np.random.Generator(np.random.Philox(sequence)).random(members)
    return [float(draw) for draw in np.maximum(draws, np.finfo(np.float64).tiny)]
