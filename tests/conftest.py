"""Strict numerics for every test: float64, no rank promotion, and the array types of the numerical rooms checked at run time."""

from __future__ import annotations

import jax
import jaxtyping

ROOMS = ("mesh", "disc", "nutrition", "cells", "matrix", "mechanics", "simulation")

jax.config.update("jax_numpy_rank_promotion", "raise")
jaxtyping.install_import_hook([f"pulposus.{room}" for room in ROOMS], "beartype.beartype")
