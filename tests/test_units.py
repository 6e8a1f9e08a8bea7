"""Text with a unit in, a number out; everything else refused with the fix."""

from __future__ import annotations

import json
from typing import Annotated

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.errors import InvalidInput
from pulposus.parameters import load_parameters
from pulposus.units import Quantity, format_quantity, parse_quantity, readable


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("25 million cell", "1e6 cell", 25.0),
        ("25e6 cell", "1e6 cell", 25.0),
        ("25000000 cells", "1e6 cell", 25.0),
        ("40 thousand cell", "1e6 cell", 0.04),
        ("1.5 mL", "mL", 1.5),
        ("1 L", "mL", 1000.0),
        ("10 uL", "mL", 0.01),
        ("10 \u00b5L", "uL", 10.0),
        ("10 \u03bcL", "uL", 10.0),
        ("6 week", "day", 42.0),
        ("12 month", "day", 365.25),
        ("1 month", "day", 30.4375),
        ("2 years", "day", 730.5),
        ("36 h", "day", 1.5),
        ("5.1 kPa", "kPa", 5.1),
        ("4 mM", "mM", 4.0),
        ("4 mmol/L", "mM", 4.0),
        ("4 mol/m3", "mM", 4.0),
        ("405 mOsm/L", "mOsm", 405.0),
        ("0.3 mEq/mL", "mEq/mL", 0.3),
        ("3600 cell/mm3", "10^6/mL", 3.6),
        ("3.6 million cell/mL", "1e6 cell/mL", 3.6),
        ("3.0e-9 m2/s", "mm^2/day", 259.2),
        ("0.12 1/day", "1/day", 0.12),
        ("0.12 /day", "1/day", 0.12),
        ("0.12 per day", "1/day", 0.12),
        ("0.12 day^-1", "1/day", 0.12),
        ("-5 mm", "mm", -5.0),
    ],
)
def test_quantities_are_converted(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


def test_cells_are_a_dimension_inside_a_rate() -> None:
    # 9.2 pmol per cell and day is 383.33 nmol per million cells and hour (transport 5: x 1000/24); 1e-14: one rounding per factor.
    assert parse_quantity("9.2 pmol/cell/day", "nmol/(1e6 cell)/h") == pytest.approx(9200.0 / 24.0, rel=1e-14)


@pytest.mark.parametrize(
    ("value", "unit", "remedy"),
    [
        (25, "1e6 cell", 'write "25 million cell"'),
        (10_000_000, "1e6 cell", 'write "10000000 cell"'),
        (1.5, "mL", 'write "1.5 mL"'),
        ("1.5", "mL", 'write "1.5 mL"'),
    ],
)
def test_bare_numbers_are_refused_with_the_fix(value: object, unit: str, remedy: str) -> None:
    with pytest.raises(InvalidInput, match="has no unit") as caught:
        parse_quantity(value, unit, where="file.yaml:4:24")
    assert caught.value.remedy == remedy
    assert caught.value.where == "file.yaml:4:24"
    assert f'"{parse_and_show(remedy, unit)}"' in remedy


def parse_and_show(remedy: str, unit: str) -> str:
    """The quoted text of a remedy, which must itself be accepted."""
    text = remedy.split('"')[1]
    parse_quantity(text, unit)
    return text


@pytest.mark.parametrize(
    ("text", "unit", "what"),
    [
        ("6e6 kg", "1e6 cell", '"kg" cannot be converted to million cell'),
        ("5 %", "kPa", '"%" cannot be converted to kPa'),
        ("5 mL", "day", '"mL" cannot be converted to day'),
        ("400 mM", "mOsm", '"mM" cannot be converted to mOsm'),
        ("5 foo", "mL", '"foo" is not a known unit'),
        ("37 degC", "kelvin", '"degC" is not a'),
        ("3 dB", "1", '"dB" is not a'),
        ("5 mL/0", "mL", '"mL/0" is not a known unit'),
        ("5 mL-mL", "mL", '"mL-mL" is not a unit that can be scaled'),
        ("1,5 mL", "mL", '"1,5 mL" is not a number with a unit'),
        ("5 2 mL", "mL", '"5 2 mL" is not a number with a unit'),
        ("five mL", "mL", '"five mL" is not a number with a unit'),
        ("nan mL", "mL", '"nan mL" is not a number with a unit'),
        ("inf mL", "mL", '"inf mL" is not a number with a unit'),
        ("", "mL", '"" is not a number with a unit'),
        ("5 mL^9^9^9", "mL", "is not a number with a unit"),
        ("5 mL**(9**9)", "mL", "is not a number with a unit"),
        ("1e400 mL", "mL", "is too large"),
        (True, "mL", "True is not a quantity"),
        (None, "mL", "None is not a quantity"),
        (["5 mL"], "mL", "is not a quantity"),
    ],
)
def test_odd_text_is_refused(text: object, unit: str, what: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_quantity(text, unit)
    assert what in caught.value.what
    assert caught.value.allowed.startswith("a number with a unit, such as")


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300, max_value=1e300),
    unit=st.sampled_from(["1e6 cell", "mL", "day", "mM", "kPa", "10^6/mL", "1/day", "mm^2/day"]),
)
def test_written_quantities_are_read_back_exactly(value: float, unit: str) -> None:
    assert parse_quantity(format_quantity(value, unit), unit) == value


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_an_invalid_input(text: str) -> None:
    try:
        assert isinstance(parse_quantity(text, "mL"), float)
    except InvalidInput as error:
        assert error.allowed


def test_every_unit_of_the_parameter_files_is_known() -> None:
    for unit in {record.unit for record in load_parameters().values()} - {"1", "(10^6/mL)^2"}:
        assert parse_quantity(format_quantity(1.5, unit), unit) == 1.5, unit


def test_units_read_well() -> None:
    assert [readable(unit) for unit in ("1e6 cell", "10^6/mL", "mL")] == ["million cell", "million cell/mL", "mL"]


class Dose(pydantic.BaseModel):
    cells: Annotated[float, Quantity("1e6 cell", minimum=0.0)]
    volume: Annotated[float, Quantity("mL", minimum=0.0, maximum=10.0, exclusive_minimum=True)] | None = None


def test_a_field_holds_the_internal_number() -> None:
    dose = Dose.model_validate({"cells": "25e6 cell", "volume": "1500 uL"})
    assert (dose.cells, dose.volume) == (25.0, 1.5)


def test_a_field_is_written_as_text_and_read_again() -> None:
    dose = Dose.model_validate({"cells": "10.1 million cell", "volume": "0.3 mL"})
    assert json.loads(dose.model_dump_json()) == {"cells": "10.1 million cell", "volume": "0.3 mL"}
    assert Dose.model_validate_json(dose.model_dump_json()) == dose
    assert dose.model_dump() == {"cells": 10.1, "volume": 0.3}


@pytest.mark.parametrize(
    ("document", "what", "allowed"),
    [
        ({"cells": "-1 cell"}, '"-1 cell" is too small', "at least 0 million cell"),
        ({"cells": "1 cell", "volume": "0 mL"}, '"0 mL" is too small', "more than 0 mL, at most 10 mL"),
        ({"cells": "1 cell", "volume": "1 L"}, '"1 L" is too large', "more than 0 mL, at most 10 mL"),
        ({"cells": 5}, "5 has no unit", 'a number with a unit, such as "25 million cell"'),
    ],
)
def test_limits_of_a_field(document: dict[str, object], what: str, allowed: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Dose.model_validate(document)
    (detail,) = caught.value.errors()
    assert detail["type"] == "quantity"
    assert (detail["ctx"]["what"], detail["ctx"]["allowed"]) == (what, allowed)


def test_limits_include_their_ends() -> None:
    assert Dose.model_validate({"cells": "0 cell", "volume": "10 mL"}).volume == 10.0


def test_the_schema_of_a_field_is_text_with_a_unit() -> None:
    properties = Dose.model_json_schema()["properties"]
    assert properties["cells"] == {
        "title": "Cells",
        "type": "string",
        "x-unit": "million cell",
        "x-minimum": 0.0,
        "examples": ["25 million cell"],
    }
    assert properties["volume"]["anyOf"][0]["x-exclusive-minimum"] == 0.0
    assert properties["volume"]["anyOf"][0]["x-maximum"] == 10.0
