"""What several commands read in the same way: constants changed on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

_PREFIX = "parameters."


def split_overrides(overrides: Sequence[str]) -> tuple[ParameterSet, list[str]]:
    """Constants with the `parameters.<key>=<value>` overrides applied, and the other overrides.

    Raises:
        InvalidInput: An override has no "=", or names no constant, or lies outside the constant's range.
    """
    from pulposus.parameters import load_parameters

    values: dict[str, float | str] = {}
    others = []
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise InvalidInput(
                f'"{text}" sets nothing', where="option --set", allowed="KEY=VALUE, such as dose.cells='4e6 cell'"
            )
        if key.startswith(_PREFIX):
            values[key.removeprefix(_PREFIX)] = value.strip().strip("'\"")
        else:
            others.append(text)
    return load_parameters().replace(values), others
