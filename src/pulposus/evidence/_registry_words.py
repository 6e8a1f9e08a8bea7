"""Words of a registry record: instruments, scales, times, products. What the words do not say is left open."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from pulposus.evidence._record_fields import CellClass, Content
from pulposus.evidence._scales import months

_CLASSES: tuple[tuple[CellClass, str], ...] = (
    ("tissue-allograft", r"allograft"),
    ("stromal-vascular-fraction", r"stromal vascular|\bsvf\b"),
    ("marrow-concentrate", r"marrow (aspirate )?concentrate|\bbma?c\b|concentrated bone marrow"),
    ("disc-or-cartilage-cells", r"chondrocyte|discogenic|dis[ck] (chondro)?cells|nucleus pulposus cells"),
    (
        "expanded-msc",
        r"(expand|cultur|passage).{0,80}(stem|stromal|precursor|msc)|(stem|stromal|precursor|msc).{0,80}(expand|cultur|passage)",
    ),
    ("expanded-msc", r"mesenchymal precursor|rexlemestrocel"),
    ("haematopoietic-cells", r"ha?ematopoietic"),
)
_CONTENTS: tuple[tuple[Content, str], ...] = (
    ("sham", r"\bsham\b|needle only|without cells"),
    ("cells", r"cell|\bmsc|\bmpc|rexlemestrocel|chondrocyte|marrow|stromal"),
    ("tissue", r"allograft"),
    ("saline", r"saline|sodium chloride"),
    ("carrier", r"hyaluron|vehicle|carrier|\bha\b|fibrin|hydrogel"),
    ("local-anaesthetic", r"lidocaine|bupivacaine|mepivacaine|ana?esthe"),
    ("discectomy", r"discectomy|sequestrectomy"),
    ("usual-care", r"conservative|standard of care|usual care|non-?surgical|no treatment"),
    ("drug", r"steroid|predniso|methylene|platelet|plasma"),
)
_BY_TYPE: dict[str, Content] = {"SHAM_COMPARATOR": "sham", "NO_INTERVENTION": "usual-care"}
_INSTRUMENTS = (
    ("ODI", r"\bodi\b|oswestry"),
    ("RMDQ", r"\brmdq\b|roland"),
    ("EQ5D", r"eq-?5d"),
    ("SF36_physical", r"sf-?36.{0,40}physical|physical.{0,40}sf-?36"),
    ("NRS", r"\bnrs\b|numeric(al)? (pain )?rating|\bnprs\b"),
    ("VAS", r"\bvas\b|visual analog"),
)
_HAS_CHANGE = ("VAS", "NRS", "ODI", "RMDQ", "EQ5D", "SF36_physical")
_UNIT = r"(day|week|month|year)s?"
_SPAN = re.compile(rf"(\d+(?:\.\d+)?(?:\s*(?:,|and|or|to|-|&)\s*(?:and\s*)?\d+(?:\.\d+)?)*)\s*-?\s*{_UNIT}\b")
_NAMED = re.compile(rf"\b{_UNIT}\s*(\d+(?:\.\d+)?)")
_SCALE = re.compile(r"(?<![\d.])(0|-\d{1,3})\s*(?:-|–|to|\.\.)\s*(\d{1,3})(?![\d.])")
_STATED_SCALE = re.compile(r"\bscale (-?\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)(?!\d)")


def words_of(texts: Iterable[Any]) -> str:
    """Texts as one, in small letters."""
    return " ".join(str(text) for text in texts if text).lower()


def number_in(text: Any) -> float | None:
    """A number of the registry, which are texts; None for NA and the like."""
    try:
        value = float(str(text).replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def cell_class_of(words: str) -> CellClass:
    """Class of the product: only where the words say it; unclear for other cells, none without cells."""
    for name, pattern in _CLASSES:
        if re.search(pattern, words):
            return name
    return "unclear" if re.search(r"\bcells?\b|\bmsc|marrow", words) else "none"


def donor_of(words: str) -> Any:
    """Relation of the donor, where it is said and is one."""
    found = [
        name for name, pattern in (("autologous", r"autolog"), ("allogeneic", r"allogen")) if re.search(pattern, words)
    ]
    return found[0] if len(found) == 1 else None


def arm_content(words: str, kind: str) -> Content:
    """What an arm got; the type of the registry decides where the words name several things."""
    words = words.lower()
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    # A control is described by what it lacks ("saline without cells"), so what it got counts first.
    order = _CONTENTS
    if kind in ("PLACEBO_COMPARATOR", "ACTIVE_COMPARATOR"):
        order = (*_CONTENTS[:1], *_CONTENTS[3:], *_CONTENTS[1:3])
    for name, pattern in order:
        if re.search(pattern, words):
            return name
    return "unclear"


def instrument_of(title: str, unit: str, description: str) -> str:
    """Name of the measure in the table of measures, or empty."""
    words = words_of([title])
    found = next((name for name, pattern in _INSTRUMENTS if re.search(pattern, words)), "")
    if not found and re.search(r"pain", words):
        more = words_of([unit, description])
        found = next((name for name, pattern in _INSTRUMENTS[4:] if re.search(pattern, more)), "")
    if not found or re.search(r"respond|proportion|percentage of (patient|participant|subject)|number of", words):
        return ""
    if found == "VAS" and re.search(r"\bleg\b|radicular|sciatic", words):
        found = "VAS_leg"
    if re.search(r"percent(age)? change|change.{0,20}percent", words):
        return f"{found}_pct_change" if found in ("VAS", "NRS", "ODI", "VAS_leg") else ""
    if re.search(r"\bchange\b|reduction|improvement", words):
        return f"{found}_change" if found in (*_HAS_CHANGE, "VAS_leg") else ""
    return found


def scale_of(outcome: str, title: str, unit: str, description: str) -> tuple[float | None, float | None, str]:
    """The scale of an outcome, and a note; None where the record does not say it."""
    stem = outcome.removesuffix("_change").removesuffix("_pct")
    if "pct_change" in outcome:
        return -100.0, 100.0, ""
    stated = _STATED_SCALE.search(description.lower())
    if stated and float(stated[1]) < float(stated[2]):
        return float(stated[1]), float(stated[2]), ""
    limits = {
        (float(low), float(high))
        for low, high in _SCALE.findall(words_of([title, unit, description]))
        if float(low) in (0.0, -float(high))
    }
    if len(limits) == 1:
        return (*limits.pop(), "")
    if stem.startswith("VAS") and unit.strip().lower() in ("mm", "millimeter", "millimeters", "millimetre"):
        return 0.0, 100.0, ""
    if stem.startswith("VAS") and unit.strip().lower() in ("cm", "centimeter", "centimeters", "centimetre"):
        return 0.0, 10.0, ""
    if stem == "ODI" and not limits:
        return 0.0, 100.0, "scale by the definition of the instrument"
    return None, None, "the record does not state the scale"


def months_in(text: str) -> list[float]:
    """Every time of a text, in months; 0 for a baseline."""
    lowered = text.lower()
    found = [0.0] if "baseline" in lowered or "pre-treatment" in lowered else []
    for numbers, unit in _SPAN.findall(lowered):
        found += [months(f"{number} {unit}") for number in re.findall(r"\d+(?:\.\d+)?", numbers)]
    found += [months(f"{number} {unit}") for unit, number in _NAMED.findall(_SPAN.sub(" ", lowered))]
    return sorted(set(found))


def month_of(category: str, time_frame: str, *, change: bool) -> tuple[float | None, str]:
    """The time of one number, and a note where it cannot be told; the title of the row counts before the time frame."""
    for text in (category, time_frame):
        times = months_in(text)
        if change:
            times = [time for time in times if time > 0.0]
        if len(times) == 1:
            return times[0], ""
        if len(times) > 1:
            return None, f'the time is one of "{text}"'
    return None, "no time is stated"
