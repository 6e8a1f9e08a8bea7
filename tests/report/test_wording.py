"""Numbers and times as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from pulposus.report import _wording as wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), ("", "–"), ("text", "text"), (True, "yes"), (False, "no"), (12345, "12,345"), (float("nan"), "–"), (0.0, "0"),
        (4.0, "4.00"), (0.123456, "0.123"), (1234.5, "1,234"), (-7.05, "−7.05".replace("−", "-")), (2.5e-14, "2.50e-14"), (3.1e7, "3.10e7"),
    ],
)  # fmt: skip
def test_number(value: Any, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (22.0, "22"), ([1.0, 2.5], "1, 2.5"), (None, "–"), (7, "7"), ("prior", "prior")]
)
def test_exact(value: Any, text: str) -> None:
    assert wording.exact(value) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("10.0 million cell", "10 million cell"), ("365.25 day", "12 month"), ("28.0 day", "28 day"), ("0.0 day", "0 day"),
        ("0.0006944444444444444 day", "60 s"), ("0.08333333333333333 day", "2 hour"), ("bone-marrow", "bone-marrow"), ("1.5 mL", "1.5 mL"),
        ("lumbar pain", "lumbar pain"),
    ],
)  # fmt: skip
def test_quantity(given: str, text: str) -> None:
    assert wording.quantity(given) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1e7, "10 million"),
        (4.934e6, "4.93 million"),
        (12412.0, "12,400"),
        (0.0, "0"),
        (3e-90, "0"),
        (None, "–"),
        (999.4, "999"),
    ],
)
def test_cells(count: float | None, text: str) -> None:
    assert wording.cells(count) == text


def test_cells_in_common() -> None:
    assert wording.cells_in_common((2.5e6, 4e6, 6.689e6)) == (("2.50", "4", "6.69"), "million cells")
    assert wording.cells_in_common((100.0, 2000.0)) == (("100", "2,000"), "cells")


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (0.0, "day 0"),
        (0.01, "14 min"),
        (0.25, "6 h"),
        (3.0, "day 3"),
        (2.53, "day 2.5"),
        (28.0, "day 28"),
        (365.25, "day 365 (12 months)"),
        (-84.0, "84 days before"),
        (-1826.25, "1826 days before"),
    ],
)
def test_moment(day: float, text: str) -> None:
    assert wording.moment(day) == text


@pytest.mark.parametrize(("value", "text"), [(0.25, "+0.250"), (-0.0012, "−0.00120"), (0.0, "±0")])
def test_signed(value: float, text: str) -> None:
    assert wording.signed(value) == text


def test_a_difference_of_rounding_is_none() -> None:
    assert wording.difference(28.0, 28.0 + 2.84e-14) == wording.signed(0.0)
    assert wording.difference(28.0, 27.9) == wording.signed(0.1)
    assert wording.difference(0.0, 1e-14) == wording.signed(-1e-14)


def test_share_and_ensemble_name() -> None:
    assert wording.share(0.5131) == "51.3 %"
    assert wording.share(0.0244) == "2.4 %"
    assert wording.ensemble_name("axial slab (level 1)", 64) == "axial slab ensemble (level 1), 64 members"
    assert wording.ensemble_name("disc", 8) == "disc ensemble, 8 members"
