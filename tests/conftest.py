"""Strict numerics for every test: float64, no rank promotion, and the array types of the numerical rooms checked at run time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import jax
import jaxtyping
import pytest

ROOMS = ("mesh", "disc", "images", "nutrition", "cells", "matrix", "mechanics", "simulation")

jax.config.update("jax_numpy_rank_promotion", "raise")
jaxtyping.install_import_hook([f"pulposus.{room}" for room in ROOMS], "beartype.beartype")

# Linux allows a process 65530 memory mappings, and every compiled function takes some; beyond it the next one to be loaded crashes.
_MAPPINGS = Path("/proc/self/maps")
_MOST_MAPPINGS = 20_000

# One tissue and a sealed side: no field depends on the radius.
SEALED_CYLINDER = """
schema_version: 1
name: sealed cylinder
shape: {kind: elliptic-cylinder, half_width: 12 mm, half_depth: 12 mm, height: 10 mm, nucleus_area_fraction: 0.5}
tissues:
  nucleus: {cell_density: 3.6 million cell/mL, transport_water_fraction: 0.78}
  annulus: {cell_density: 3.6 million cell/mL, transport_water_fraction: 0.78}
supply:
  endplate: {oxygen: 5.1 kPa, lactate: 0.8 mM, glucose: 4.0 mM}
  annulus_sealed: true
  endplate_supply: 1.0
"""


@pytest.fixture(scope="session")
def sealed_cylinder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disc.yaml in which 3D and the axis give the same answer."""
    file = tmp_path_factory.mktemp("discs") / "cylinder.yaml"
    file.write_text(SEALED_CYLINDER, encoding="utf-8")
    return file


@pytest.fixture(autouse=True, scope="module")
def _few_mappings() -> Iterator[None]:
    """Compiled functions are dropped between modules before a long run has too many of them."""
    yield
    if _MAPPINGS.exists() and len(_MAPPINGS.read_text(encoding="utf-8").splitlines()) > _MOST_MAPPINGS:
        jax.clear_caches()
        gc.collect()
