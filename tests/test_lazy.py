"""Importing the package costs nothing, and every public name can be reached."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

import pulposus
from pulposus._lazy import attach

HEAVY = ("jax", "numpy", "scipy", "matplotlib", "xarray", "pint", "vtk", "pydantic", "ruamel", "typer", "rich")


def test_import_of_the_package_imports_nothing_heavy() -> None:
    code = "import sys, pulposus; print(' '.join(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pulposus" in modules
    assert not set(HEAVY) & set(modules)


@pytest.mark.parametrize("name", pulposus.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(pulposus, name) is not None


def test_version_is_a_release_number() -> None:
    assert all(part.isdecimal() for part in pulposus.__version__.split("."))


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("pulposus_example")
    module.__path__ = []
    inner = types.ModuleType("pulposus_example._inner")
    inner.answer = 42
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, inner.__name__, inner)
    module.__getattr__, module.__dir__, module.__all__ = attach(
        module.__name__, {"answer": "._inner", "_inner": "._inner"}
    )
    return module


def test_a_name_is_read_from_its_module_and_kept(package: types.ModuleType) -> None:
    assert "answer" not in vars(package)
    assert package.answer == 42
    assert vars(package)["answer"] == 42


def test_a_name_equal_to_its_module_is_the_module(package: types.ModuleType) -> None:
    assert package._inner is sys.modules["pulposus_example._inner"]


def test_dir_and_all_list_the_public_names(package: types.ModuleType) -> None:
    assert dir(package) == package.__all__ == ["_inner", "answer"]


def test_an_unknown_name_is_an_attribute_error(package: types.ModuleType) -> None:
    with pytest.raises(AttributeError, match="'pulposus_example' has no attribute 'anser'"):
        _ = package.anser
