"""What several commands read in the same way: constants changed on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from pulposus.errors import InvalidInput

_PREFIX = "parameters."


def split_overrides(overrides: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The constants that `parameters.<key>=<value>` changes, by key, and the other overrides.

    Raises:
        InvalidInput: An override has no "=".
    """
    constants: dict[str, str] = {}
    others = []
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise InvalidInput(
                f'"{text}" sets nothing', where="option --set", allowed="KEY=VALUE, such as dose.cells='4e6 cell'"
            )
        key = key.strip()
        if key.startswith(_PREFIX):
            constants[key.removeprefix(_PREFIX)] = value.strip().strip("'\"")
        else:
            others.append(text)
    return constants, others
