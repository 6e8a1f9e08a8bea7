"""Strict numerics for every test: float64, no rank promotion, and the array types of the numerical rooms checked at run time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import jax
import jaxtyping
import pytest

ROOMS = ("mesh", "disc", "nutrition", "cells", "matrix", "mechanics", "simulation")

jax.config.update("jax_numpy_rank_promotion", "raise")
jaxtyping.install_import_hook([f"pulposus.{room}" for room in ROOMS], "beartype.beartype")

# Linux allows a process 65530 memory mappings, and every compiled function takes some; beyond it the next one to be loaded crashes.
_MAPPINGS = Path("/proc/self/maps")
_MOST_MAPPINGS = 20_000


@pytest.fixture(autouse=True, scope="module")
def _few_mappings() -> Iterator[None]:
    """Compiled functions are dropped between modules before a long run has too many of them."""
    yield
    if _MAPPINGS.exists() and len(_MAPPINGS.read_text(encoding="utf-8").splitlines()) > _MOST_MAPPINGS:
        jax.clear_caches()
        gc.collect()
