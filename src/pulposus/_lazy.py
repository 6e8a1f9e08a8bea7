"""Lazy re-export of public names, so that importing a package costs nothing until a name is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Module-level `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: `__name__` of the package.
        names: Public name -> module that defines it, relative to the package (".module"). A name equal to its module's
            offers the module itself.
    """
    public = sorted(names)

    def __getattr__(name: str) -> Any:
        if name not in names:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        module = importlib.import_module(names[name], package)
        value = module if names[name].rpartition(".")[2] == name else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    def __dir__() -> list[str]:
        return public

    return __getattr__, __dir__, public
