"""Every constant has a unit, a source and a status; values are replaced and sampled inside their ranges."""

from __future__ import annotations

import csv
import io
import math
import tomllib
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulposus.errors import InvalidInput
from pulposus.parameters import GRADES, Distribution, Parameter, ParameterSet, Status, load_parameters

FOLDER = resources.files("pulposus") / "data" / "parameters"
RANGED = [record for record in load_parameters().values() if record.distribution != "fixed"]


@pytest.fixture(scope="module")
def parameters() -> ParameterSet:
    return load_parameters()


@pytest.mark.parametrize("record", load_parameters().values(), ids=lambda record: record.key)
def test_every_record_has_a_unit_a_source_and_a_status(record: Parameter) -> None:
    assert record.unit
    assert record.source
    assert record.status in get_args(Status)
    assert math.isfinite(record.value)
    assert record.distribution in get_args(Distribution)
    if record.low is not None and record.high is not None:
        assert record.low <= record.value <= record.high
    assert ".md" not in record.source + record.note, "specification sections are cited in the short form"
    assert "shared" not in record.source + record.note


def test_every_file_is_loaded_and_no_constant_is_defined_twice(parameters: ParameterSet) -> None:
    files = sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml"))
    assert files == sorted({key.partition(".")[0] for key in parameters})
    names = Counter(key.partition(".")[2] for key in parameters)
    assert [name for name, count in names.items() if count > 1] == []


def test_keys_are_names(parameters: ParameterSet) -> None:
    for key in parameters:
        assert all(part.replace("_", "").replace("-", "").isalnum() for part in key.split(".")), key


def test_files_are_in_toml_without_a_repeated_table() -> None:
    for entry in FOLDER.iterdir():
        tomllib.loads(entry.read_text(encoding="utf-8"))  # a table that stands twice is an error of TOML itself


# transport 1.2, 2.1, 3.1; rulings 4, 5, 8, 12, 29: printed values, converted by hand.
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nutrition.oxygen_solubility", 0.010268),
        ("nutrition.diffusivity_water.oxygen", 259.2),
        ("nutrition.diffusivity_water.lactate", 120.096),
        ("nutrition.diffusivity_water.glucose", 79.2000288),
        ("nutrition.kinetics.oxygen_amplitude", 7.28),
        ("nutrition.kinetics.lactate_constant", -2.47),
        ("nutrition.boundary.endplate.oxygen", 5.1),
        ("nutrition.boundary.annulus.glucose", 5.0),
        ("nutrition.glucose_limiter", 0.1),
        ("nutrition.donor_weight.undifferentiated.oxygen", 5.0),
        ("geometry.human.L4-L5.central_height", 12.0),
        ("geometry.human.nucleus_area_fraction", 0.43),
        ("geometry.generic.a", 24.96164),
        ("geometry.generic.superior.s5", 1.7636),
        ("geometry.species.rat.tail.cell_density", 15.0),
        ("geometry.species.rat.tail.nucleus_area_fraction", 0.375),
        ("grades.transport_water_fraction.endplate.V", 0.54),
        ("grades.height_factor.IV", 0.8),
    ],
)
def test_printed_values(parameters: ParameterSet, key: str, value: float) -> None:
    assert parameters.value(key) == value


def test_densities_are_those_of_the_rulings(parameters: ParameterSet) -> None:
    for tissue, density in (("nucleus", 3.6), ("annulus", 5.55), ("endplate", 13.5)):
        assert parameters.by_grade(f"grades.cell_density.{tissue}") == (density,) * 5


def test_derived_numbers_agree_with_what_they_are_derived_from(parameters: ParameterSet) -> None:
    """The annulus water law, the collagen ratio and the fixed charge (rulings 3, 25, 26), to the digits printed."""
    water = np.array(parameters.by_grade("grades.composition_water_fraction.annulus"))
    glycosaminoglycan = np.array(parameters.by_grade("grades.glycosaminoglycan.annulus"))
    # 5e-4: water is printed to three decimals.
    np.testing.assert_allclose(0.545 + 0.0042 * glycosaminoglycan, water, atol=5e-4)
    ratio = np.array(parameters.by_grade("grades.collagen_ratio"))
    second = np.array(parameters.by_grade("grades.collagen_II.nucleus"))
    np.testing.assert_allclose(ratio * second, parameters.by_grade("grades.collagen_I.nucleus"), rtol=1e-12)
    nucleus = np.array(parameters.by_grade("grades.glycosaminoglycan.nucleus"))
    phi = np.array(parameters.by_grade("grades.composition_water_fraction.nucleus"))
    # 6e-4: the charge is printed to three decimals.
    np.testing.assert_allclose(0.0038 * nucleus / phi, parameters.by_grade("grades.fixed_charge.nucleus"), atol=6e-4)


def test_a_grade_table_has_one_record_per_grade(parameters: ParameterSet) -> None:
    table = "grades.transport_water_fraction.nucleus"
    assert parameters.by_grade(table) == (0.80, 0.78, 0.76, 0.74, 0.72)
    assert [parameters[f"{table}.{grade}"].status for grade in GRADES] == [
        "verified",
        "prior",
        "verified",
        "prior",
        "prior",
    ]
    assert table not in parameters


def test_the_set_is_a_mapping(parameters: ParameterSet) -> None:
    assert len(list(parameters)) == len(parameters) > 200
    assert "nutrition.glucose_limiter" in parameters
    assert "nutrition" not in parameters
    assert repr(parameters) == f"ParameterSet({len(parameters)} constants)"


def test_records_under_a_table(parameters: ParameterSet) -> None:
    supply = parameters.under("nutrition.boundary.endplate")
    assert {name: record.value for name, record in supply.items()} == {"oxygen": 5.1, "lactate": 0.8, "glucose": 4.0}
    assert parameters.under("nutrition.bound") == {}


def test_search_finds_every_word_in_any_case(parameters: ParameterSet) -> None:
    keys = [record.key for record in parameters.search("GLUCOSE limiter")]
    assert "nutrition.glucose_limiter" in keys
    assert "nutrition.oxygen_solubility" not in keys
    assert parameters.search("no such thing anywhere") == []
    assert len(parameters.search("")) == len(parameters)


def test_an_unknown_key_names_the_nearest(parameters: ParameterSet) -> None:
    with pytest.raises(InvalidInput, match=r'unknown parameter "nutrition\.glucose_limitr"') as caught:
        parameters.value("nutrition.glucose_limitr")
    assert caught.value.remedy == 'did you mean "nutrition.glucose_limiter"?'
    with pytest.raises(InvalidInput) as caught:
        parameters.value("zzz")
    assert caught.value.remedy == "see `pulposus parameters`"


def test_replace_changes_one_value_of_a_copy(parameters: ParameterSet) -> None:
    changed = parameters.replace({"nutrition.glucose_limiter": 0.05})
    assert changed.value("nutrition.glucose_limiter") == 0.05
    assert parameters.value("nutrition.glucose_limiter") == 0.1
    assert {key for key in parameters if changed[key] != parameters[key]} == {"nutrition.glucose_limiter"}


def test_replace_reads_text_with_a_unit(parameters: ParameterSet) -> None:
    assert parameters.replace({"nutrition.glucose_limiter": "50 umol/L"}).value("nutrition.glucose_limiter") == 0.05
    assert parameters.replace({"nutrition.hindrance.glucose": "0.4"}).value("nutrition.hindrance.glucose") == 0.4


@pytest.mark.parametrize(
    ("key", "value", "what", "allowed"),
    [
        ("nutrition.glucose_limiter", 0.3, "0.3 is outside the plausible range", "0 to 0.2 mM"),
        (
            "nutrition.glucose_limiter",
            "1 kPa",
            '"kPa" cannot be converted to mM',
            'a number with a unit, such as "4 mM"',
        ),
        ("nutrition.hindrance.glucose", 0.1, "0.1 is outside the plausible range", "0.3 to 1"),
        ("nutrition.hindrance.glucose", "much", '"much" is not a number', "0.3 to 1"),
        ("nutrition.oxygen_solubility", math.inf, "inf is outside the plausible range", ""),
        ("nutrition.glucose_limiter", math.nan, "nan is outside the plausible range", "0 to 0.2 mM"),
    ],
)
def test_replace_refuses(parameters: ParameterSet, key: str, value: float | str, what: str, allowed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters.replace({key: value})
    assert (caught.value.what, caught.value.allowed) == (what, allowed)
    assert caught.value.where == f"parameter {key}"


def test_replace_refuses_an_unknown_key(parameters: ParameterSet) -> None:
    with pytest.raises(InvalidInput, match="unknown parameter"):
        parameters.replace({"nutrition.glucose_limitr": 0.1})


@pytest.mark.parametrize("record", RANGED, ids=lambda record: record.key)
def test_draws_stay_inside_the_range(record: Parameter) -> None:
    assert record.low is not None
    assert record.high is not None
    span = record.high - record.low
    quantiles = [record.quantile(u) for u in (1e-300, 0.025, 0.25, 0.5, 0.75, 0.975, 1.0 - 1e-16)]
    # 1e-12 of the range: rounding of the quantile functions at the ends.
    assert record.low - 1e-12 * span <= quantiles[0]
    assert quantiles[-1] <= record.high + 1e-12 * span
    assert quantiles == sorted(quantiles)
    if record.distribution != "triangular":
        assert quantiles[3] == pytest.approx(record.value, rel=1e-12)  # the value is the median


def example(value: float, low: float, high: float, distribution: Distribution) -> Parameter:
    return Parameter("example", value, low, high, "1", distribution, "test", "prior")


@given(st.floats(1e-6, 1.0 - 1e-6))
def test_the_triangular_law_has_its_mode_at_the_value(probability: float) -> None:
    """Closed form: the distribution function of a triangle with its mode at a third of the range."""
    draw = example(1.0, 0.0, 3.0, "triangular").quantile(probability)
    closed_form = draw**2 / 3.0 if draw <= 1.0 else 1.0 - (3.0 - draw) ** 2 / 6.0
    # 1e-9: the square root loses half the digits of a probability near the ends.
    assert closed_form == pytest.approx(probability, abs=1e-9)


def test_the_log_normal_law_is_two_piece_and_truncated() -> None:
    """Upper and lower halves are log-normals whose 2.5 % and 97.5 % limits are the ends of the range."""
    law = example(2.0, 1.0, 8.0, "two-piece-log-normal")
    assert law.quantile(0.0) == pytest.approx(1.0, rel=1e-12)
    assert law.quantile(1.0) == pytest.approx(8.0, rel=1e-12)
    # One standard deviation of the untruncated law is at Phi(1) = 0.8413447461; truncation maps it to (0.8413 - 0.025) / 0.95.
    above, below = (0.8413447460685429 - 0.025) / 0.95, (0.15865525393145707 - 0.025) / 0.95
    assert law.quantile(above) == pytest.approx(2.0 * 4.0 ** (1.0 / 1.959963984540054), rel=1e-12)
    assert law.quantile(below) == pytest.approx(2.0 * 2.0 ** (-1.0 / 1.959963984540054), rel=1e-12)


def test_the_logit_normal_law() -> None:
    """One standard deviation above the median adds one to the logit of the place in the range."""
    law = example(0.3, 0.2, 0.6, "logit-normal")
    place = (law.quantile(0.8413447460685429) - 0.2) / 0.4
    assert math.log(place / (1.0 - place)) == pytest.approx(math.log(0.25 / 0.75) + 1.0, rel=1e-12)


def test_sampling_is_repeatable_and_independent_of_the_other_keys(parameters: ParameterSet) -> None:
    key, other = "nutrition.glucose_limiter", "nutrition.hindrance.glucose"
    alone = parameters.sample([key], seed=7, members=16)
    together = parameters.sample([other, key], seed=7, members=64)
    assert list(together) == [other, key]
    assert together[key].shape == (64,)
    np.testing.assert_array_equal(alone[key], together[key][:16])
    assert not np.array_equal(parameters.sample([key], seed=8, members=16)[key], alone[key])
    # Two keys must not share a stream: the correlation of 64 independent draws is below 0.5 with probability 1 - 3e-5.
    assert abs(np.corrcoef(together[key], together[other])[0, 1]) < 0.5


def test_sampled_draws_follow_the_law(parameters: ParameterSet) -> None:
    record = parameters["nutrition.donor_weight.undifferentiated.lactate"]
    draws = parameters.sample([record.key], seed=1, members=4000)[record.key]
    # Five standard errors of a proportion of a half among 4000: 5 x 0.5 / sqrt(4000).
    assert abs(np.mean(draws < record.value) - 0.5) < 0.04


def test_draws_are_centred_on_the_value_that_was_set(parameters: ParameterSet) -> None:
    key = "nutrition.donor_weight.undifferentiated.lactate"
    draws = parameters.replace({key: 3.0}).sample([key], seed=1, members=4000)[key]
    assert abs(np.mean(draws < 3.0) - 0.5) < 0.04


@pytest.mark.parametrize("end", [0.28, 0.5])
def test_a_value_at_the_end_of_its_range_can_be_sampled(parameters: ParameterSet, end: float) -> None:
    key = "geometry.human.nucleus_area_fraction"
    assert parameters[key].distribution == "logit-normal"  # a law that never reaches its ends
    changed = parameters.replace({key: end})
    assert changed[key].distribution == "triangular"
    assert np.ptp(changed.sample([key], seed=1, members=32)[key]) > 0.05


def test_a_fixed_constant_cannot_be_sampled(parameters: ParameterSet) -> None:
    with pytest.raises(InvalidInput, match=r"nutrition\.oxygen_solubility has no range to sample from"):
        parameters.sample(["nutrition.oxygen_solubility"], seed=1, members=2)


def test_records_are_shown(parameters: ParameterSet) -> None:
    record = parameters["nutrition.glucose_limiter"]
    assert record.range == "0 to 0.2 mM"
    assert parameters["nutrition.oxygen_solubility"].range == ""
    assert record.as_dict()["value"] == 0.1
    table = io.StringIO()
    csv.DictWriter(table, record.as_dict()).writerow(record.as_dict())
    assert "nutrition.glucose_limiter" in table.getvalue()


RECORD = '[a]\nvalue = 1.0\nunit = "1"\nsource = "s"\nstatus = "prior"\n'


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("[a\n", "not valid TOML", "bad.toml"),
        ("[a]\nvalue = 1\n[a]\nvalue = 2\n", "not valid TOML", "bad.toml"),
        ('title = "x"\n', '"title" stands outside a record', "bad"),
        (RECORD.replace('unit = "1"\n', ""), '"unit" is missing or of another type', "bad.a"),
        (RECORD.replace('"s"', '""'), '"source" is missing or of another type', "bad.a"),
        (RECORD.replace("1.0", '"one"'), '"value" is missing or of another type', "bad.a"),
        (RECORD.replace("prior", "guess"), 'unknown status "guess"', "bad.a"),
        (RECORD + "low = 0.0\n", "a range needs both low and high", "bad.a"),
        (RECORD + "low = 2.0\nhigh = 3.0\n", "the value 1 is outside its range", "bad.a"),
        (RECORD + "lo = 2.0\n", 'unknown field "lo"', "bad.a"),
        (RECORD + 'distribution = "normal"\n', 'the distribution "normal" does not fit', "bad.a"),
        (RECORD + 'distribution = "triangular"\n', 'the distribution "triangular" does not fit', "bad.a"),
        (
            RECORD + 'low = 0.0\nhigh = 1.0\ndistribution = "logit-normal"\n',
            '"logit-normal" needs a value inside the range',
            "bad.a",
        ),
        (RECORD.replace("value = 1.0", "values = [1, 2]"), '"values" has 2 entries', "bad.a"),
    ],
)
def test_malformed_files_are_refused(tmp_path: Path, text: str, what: str, where: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_parameters(tmp_path)
    assert caught.value.what.startswith(what)
    assert caught.value.where == where


def test_another_directory_can_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RECORD + "low = 1.0\nhigh = 1.0\n", encoding="utf-8")
    own = load_parameters(tmp_path)
    assert own.value("own.a") == 1.0
    assert own["own.a"].distribution == "fixed"  # a range of no width is a fixed number
