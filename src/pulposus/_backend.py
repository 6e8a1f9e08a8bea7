"""The one place where JAX is configured: double precision and the compilation cache.

Imported by every module that computes, never by user code.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax
import platformdirs

jax.config.update("jax_enable_x64", True)


def _use_persistent_cache() -> None:
    """Keep compiled kernels between processes, in a directory that only the user can write (its content is trusted)."""
    if os.environ.get("PULPOSUS_CACHE") == "off":
        return
    directory = Path(os.environ.get("PULPOSUS_CACHE", platformdirs.user_cache_dir("pulposus"))) / "jax"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


_use_persistent_cache()
