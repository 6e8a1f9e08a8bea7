"""Names of the built-in discs: `species/level` or `species/level/gradeN`.

Which discs exist is what `data/parameters/geometry.toml` has sizes for. A lumbar level may be spelt L4-L5, L4L5 or L4-5; it is printed as
L4-L5. A built-in name stands for a short disc document, so overrides work on it as on a file.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet

GENERIC = "-generic"
_LEVEL = re.compile(r"L?([1-5])\s*[-_]?\s*([LS]?)([1-5])", re.IGNORECASE)
_GRADE = re.compile(r"grade[-_ ]?([1-5])", re.IGNORECASE)
_NUMERALS = ("I", "II", "III", "IV", "V")


class BuiltIn(NamedTuple):
    """A built-in disc.

    Attributes:
        name: Name to load it by.
        species, level: What it is.
        grade: Pfirrmann grade.
        text: One sentence.
    """

    name: str
    species: str
    level: str
    grade: int
    text: str


def numeral(grade: int) -> str:
    """Roman numeral of a Pfirrmann grade."""
    return _NUMERALS[grade - 1]


def canonical_level(text: str) -> str:
    """A lumbar level in its printed spelling, L4-L5 or L5-S1; any other text unchanged."""
    match = _LEVEL.fullmatch(text.strip())
    if match is None:
        return text
    upper, lower = int(match[1]), int(match[3])
    if upper == 5 and lower == 1 and match[2].upper() != "L":
        return "L5-S1"
    return f"L{upper}-L{lower}" if lower == upper + 1 and match[2].upper() != "S" else text


def known_levels(parameters: ParameterSet) -> dict[str, tuple[str, ...]]:
    """Levels of every species that have sizes."""
    levels: dict[str, list[str]] = {"human": []}
    for key in parameters.under("geometry.human"):
        level, _, quantity = key.partition(".")
        if quantity == "central_height":
            levels["human"].append(level)
            if level == "L4-L5":
                levels["human"].append(level + GENERIC)
    for key in parameters.under("geometry.species"):
        species, _, rest = key.partition(".")
        level, _, quantity = rest.partition(".")
        if quantity == "height":
            levels.setdefault(species, []).append(level)
    return {species: tuple(found) for species, found in levels.items()}


def list_discs(parameters: ParameterSet | None = None) -> list[BuiltIn]:
    """Every built-in disc: the human lumbar levels at grades 1 to 5, the generic human disc, and the animals' discs at grade 1.

    Animals take a grade as well (`sheep/lumbar/grade3`): the human grade table is then applied to them.
    """
    if parameters is None:
        from pulposus.parameters import load_parameters

        parameters = load_parameters()
    found = []
    for species, levels in known_levels(parameters).items():
        for level in levels:
            if species == "human" and not level.endswith(GENERIC):
                found += [
                    BuiltIn(
                        f"human/{level}/grade{grade}",
                        species,
                        level,
                        grade,
                        f"human {level}, Pfirrmann grade {numeral(grade)}",
                    )
                    for grade in range(1, 6)
                ]
            elif species == "human":
                text = f"human {level.removesuffix(GENERIC)}, fitted to a published finite-element disc"
                found.append(BuiltIn(f"human/{level}", species, level, 1, text))
            else:
                found.append(BuiltIn(f"{species}/{level}", species, level, 1, f"{species} {level}"))
    return found


def canonical_place(species: str, level: str, parameters: ParameterSet, where: str) -> tuple[str, str]:
    """Species and level of the library as they are printed.

    Raises:
        InvalidInput: There is no such disc.
    """
    levels = known_levels(parameters)
    animal = species.strip().lower()
    if animal not in levels:
        raise InvalidInput(
            f'unknown species "{species}"', where=where, allowed=", ".join(levels), remedy=nearest(animal, levels)
        )
    generic = level.lower().endswith(GENERIC)
    plain = level[: -len(GENERIC)] if generic else level
    place = canonical_level(plain) if animal == "human" else plain.strip().lower()
    place += GENERIC if generic else ""
    if place not in levels[animal]:
        raise InvalidInput(
            f'unknown {animal} level "{level}"',
            where=where,
            allowed=", ".join(levels[animal]),
            remedy=nearest(place, levels[animal]),
        )
    return animal, place


def document_of(name: str, parameters: ParameterSet) -> tuple[str, str]:
    """The printed name of a built-in disc, and its document as YAML text.

    Raises:
        InvalidInput: There is no such disc.
    """
    parts = name.strip().split("/")
    graded = _GRADE.fullmatch(parts[2]) if len(parts) == 3 else None
    if not (len(parts) == 2 or graded):
        raise _unknown(name, parameters)
    try:
        species, level = canonical_place(parts[0], parts[1], parameters, f"disc {name}")
    except InvalidInput as error:
        raise _unknown(name, parameters, error.remedy) from None
    grade = int(graded[1]) if graded else 1
    printed = (
        f"{species}/{level}/grade{grade}"
        if graded or (species == "human" and not level.endswith(GENERIC))
        else f"{species}/{level}"
    )
    shape = f"{{kind: anatomical, species: {species}, level: {level}}}"
    return printed, f"schema_version: 1\nname: {printed}\ngrade: {grade}\nshape: {shape}\n"


def _unknown(name: str, parameters: ParameterSet, remedy: str = "") -> InvalidInput:
    names = [disc.name for disc in list_discs(parameters)]
    levels = known_levels(parameters)
    return InvalidInput(
        f'unknown disc "{name}"',
        where=f"disc {name}",
        allowed="species/level or species/level/grade1 to grade5, or a disc.yaml: "
        + "; ".join(f"{species}/{', '.join(places)}" for species, places in levels.items()),
        remedy=nearest(name, names) or remedy or "see `pulposus disc list`",
    )
