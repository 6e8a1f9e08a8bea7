"""Physical quantities at the edge: text with a unit in, a plain number in an internal unit out.

Inside the program every number is a float in one fixed unit system (mm, day, mM, kPa for oxygen, MPa for stress, million cells, mL for
doses). A quantity is converted exactly once, here. A bare number is refused, because nobody can tell whether 25 means cells or millions.
"""

from __future__ import annotations

import functools
import math
import numbers
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*(?:(thousand|million|billion)\b)?\s*(\S.*?)?\s*")
_SCALES = {None: 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_MICRO = "\u00b5\u03bc"  # the micro sign and the Greek letter that replaces it on many keyboards
_UNIT_TEXT = re.compile(rf"(?:1\s*/|/|per )?\s*[A-Za-z{_MICRO}%][A-Za-z0-9{_MICRO}%_ /*^().-]*")
# A power of one digit only: the parser would try to evaluate `mL^9^9^9`.
_ODD_POWER = re.compile(r"(?:\*\*|\^)(?!\s*-?\d(?!\s*(?:[\d.eE^]|\*\*)))")
_SCALED_UNIT = re.compile(rf"({_NUMBER})\s+(\S.*)")


@functools.cache
def _registry() -> Any:
    """Pint's units, with cells and osmolarity as dimensions of their own, and charge equivalents.

    Month (30.4375 d) and year (365.25 d) are Pint's, and those of rulings 20.
    """
    import pint

    registry = pint.UnitRegistry(preprocessors=[_spell_out])
    registry.define("cell = [cell]")
    registry.define("osmolar = [osmolarity] = Osm")
    registry.define("equivalent = mole = Eq")
    return registry


def _spell_out(text: str) -> str:
    """Rewrite the habits of the field: `mm2` for a square, `mOsm/L` for an osmolarity, `/day` for a rate."""
    text = re.sub(r"^(?:/|per )\s*", "1/", text.replace("Osm/L", "Osm"))
    return re.sub(rf"(?<=[A-Za-z{_MICRO}])(?<!\d[eE])(?=\d)", "^", text)


@functools.cache
def _factor(unit_text: str, target: str) -> float:
    """Value of one `unit_text` in `target`.

    Raises:
        ValueError: The unit is unknown, or has another dimension, or is not proportional (degrees Celsius, decibel).
    """
    import pint

    registry = _registry()
    scale, target_unit = split_scale(target)
    try:
        unit, wanted = (registry.parse_expression(text) * registry.Unit("") for text in (unit_text, target_unit))
        zero, one = ((amount * unit).to(wanted.units).magnitude for amount in (0.0, 1.0))
    except pint.DimensionalityError:
        raise ValueError(f"cannot be converted to {readable(target)}") from None
    except Exception as error:  # the parser of pint is built on Python's tokenizer and raises whatever that raises
        raise ValueError("is not a known unit") from error
    factor = one / (wanted.magnitude * scale)
    if zero != 0.0 or not 0.0 < factor < math.inf:
        raise ValueError("is not a unit that can be scaled")
    # A factor with few digits is exact in principle: remove the last-bit noise that would make "1 L" 999.9999999999999 mL.
    tidy = float(f"{factor:.12g}")
    return tidy if math.isclose(tidy, factor, rel_tol=1e-15) else factor


def split_scale(unit: str) -> tuple[float, str]:
    """The number and the unit of an internal unit such as `1e6 cell`; `10^6/mL` is `1e6 cell/mL`."""
    match = _SCALED_UNIT.fullmatch(unit.replace("10^6", "1e6 cell"))
    return (float(match[1]), match[2]) if match else (1.0, unit)


def readable(unit: str) -> str:
    """An internal unit in words: `1e6 cell` is `million cell`."""
    scale, name = split_scale(unit)
    return f"million {name}" if scale == 1e6 else unit


def format_quantity(value: float, unit: str) -> str:
    """Text that `parse_quantity` reads back to exactly `value`."""
    return f"{value!r} {readable(unit)}"


def parse_quantity(text: object, unit: str, where: str = "") -> float:
    """Number of `text` in `unit`.

    Args:
        text: For example `"25 million cell"`, `"1.5 mL"` or `"6 week"`.
        unit: Internal unit of the result, for example `"1e6 cell"`, `"mL"`, `"day"`.
        where: File, line and field, for the error.

    Raises:
        InvalidInput: A bare number, an unknown unit, another dimension, or text that is not one number and one unit.
    """
    example = f'a number with a unit, such as "{_example(unit)}"'
    if isinstance(text, numbers.Real) and not isinstance(text, bool):
        raise InvalidInput(
            f"{text} has no unit", where=where, allowed=example, remedy=f'write "{text} {_bare_unit(text, unit)}"'
        )
    if not isinstance(text, str):
        raise InvalidInput(f"{text!r} is not a quantity", where=where, allowed=example)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InvalidInput(f'"{text}" is not a number with a unit', where=where, allowed=example)
    number, scale, unit_text = match.groups()
    if unit_text is None:
        raise InvalidInput(
            f'"{text}" has no unit', where=where, allowed=example, remedy=f'write "{text} {_bare_unit(1, unit)}"'
        )
    if not _UNIT_TEXT.fullmatch(unit_text) or _ODD_POWER.search(unit_text):
        raise InvalidInput(f'"{text}" is not a number with a unit', where=where, allowed=example)
    try:
        factor = _factor(unit_text, unit)
    except ValueError as error:
        raise InvalidInput(f'"{unit_text}" {error}', where=where, allowed=example) from None
    value = float(number) * (_SCALES[scale] * factor)
    if not math.isfinite(value):
        raise InvalidInput(f'"{text}" is too large', where=where, allowed=example)
    return value


def _example(unit: str) -> str:
    return _EXAMPLES.get(unit, f"1 {readable(unit)}")


def _bare_unit(value: numbers.Real | float, unit: str) -> str:
    """Unit that a person most likely meant: a small number of cells is meant in millions."""
    return readable(unit) if abs(float(value)) < 1e4 else split_scale(unit)[1]


_EXAMPLES = {
    "1e6 cell": "25 million cell",
    "1e6 cell/mL": "10 million cell/mL",
    "mL": "1.5 mL",
    "uL": "10 uL",
    "day": "6 week",
    "mM": "4 mM",
    "kPa": "5.1 kPa",
    "MPa": "0.5 MPa",
    "mm": "11.3 mm",
}


@dataclass(frozen=True)
class Quantity:
    """Marks a pydantic field that is written with a unit and held as a number.

    `Annotated[float, Quantity("mL", minimum=0.0)]` reads `"1.5 mL"` and holds 1.5. The JSON Schema is a string with `x-unit`; the JSON
    form of the value is text with its unit, so that a written document can be read again.

    Attributes:
        unit: Internal unit.
        minimum, maximum: Closed limits in that unit.
        exclusive_minimum: The minimum itself is refused.
    """

    unit: str
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False

    def parse(self, text: object, where: str = "") -> float:
        """Number of `text` in the unit, inside the limits.

        Raises:
            InvalidInput: Not a quantity of this kind, or outside the limits.
        """
        value = parse_quantity(text, self.unit, where)
        too_small = self.minimum is not None and (
            value <= self.minimum if self.exclusive_minimum else value < self.minimum
        )
        too_large = self.maximum is not None and value > self.maximum
        if too_small or too_large:
            raise InvalidInput(f'"{text}" is too {"small" if too_small else "large"}', where=where, allowed=self.limits)
        return value

    @property
    def limits(self) -> str:
        """The limits in words."""
        parts = []
        if self.minimum is not None:
            parts.append(
                f"{'more than' if self.exclusive_minimum else 'at least'} {self.minimum:g} {readable(self.unit)}"
            )
        if self.maximum is not None:
            parts.append(f"at most {self.maximum:g} {readable(self.unit)}")
        return ", ".join(parts)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import PydanticCustomError, core_schema

        def validate(text: object) -> float:
            try:
                return self.parse(text)
            except InvalidInput as error:
                raise PydanticCustomError(
                    "quantity", "{what}", {"what": error.what, "allowed": error.allowed, "remedy": error.remedy}
                ) from None

        return core_schema.no_info_plain_validator_function(
            validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: format_quantity(value, self.unit),
                return_schema=core_schema.str_schema(),
                when_used="json",
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        json_schema: dict[str, Any] = {
            "type": "string",
            "x-unit": readable(self.unit),
            "examples": [_example(self.unit)],
        }
        if self.minimum is not None:
            json_schema["x-exclusive-minimum" if self.exclusive_minimum else "x-minimum"] = self.minimum
        if self.maximum is not None:
            json_schema["x-maximum"] = self.maximum
        return json_schema
