"""`pulposus doctor`: what is installed, what the machine has, what is missing and how to get it."""

from __future__ import annotations

import ctypes.util
import os
import platform
import tempfile
from importlib import metadata, util
from pathlib import Path
from typing import Any, NamedTuple

import typer

from pulposus import __version__
from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, aligned, print_json, print_text

MISSING = 6
REQUIRED = (
    "equinox",
    "h5netcdf",
    "jax",
    "jaxlib",
    "jaxtyping",
    "jinja2",
    "matplotlib",
    "numpy",
    "pint",
    "platformdirs",
    "pydantic",
    "rich",
    "ruamel.yaml",
    "scipy",
    "typer",
    "xarray",
)


class Part(NamedTuple):
    """An optional package or system library.

    Attributes:
        name: What it is called.
        library: Whether it is a shared library of the system, and no Python package.
        purpose: What it is for.
        remedy: How to get it.
    """

    name: str
    library: bool
    purpose: str
    remedy: str


OPTIONAL = (
    Part("vtk", False, "pictures and meshes through VTK", "pip install 'pulposus[viz]'"),
    Part("SimpleITK", False, "images in MetaImage and NRRD format", "pip install 'pulposus[images]'"),
    Part("meshio", False, "finite-element meshes in VTU format", "pip install 'pulposus[images]'"),
    Part("highdicom", False, "DICOM segmentations", "pip install 'pulposus[dicom]'"),
    Part("numpyro", False, "Bayesian pooling of evidence", "pip install 'pulposus[bayes]'"),
    Part("EGL", True, "VTK pictures without a screen", "apt install libegl1 libgl1-mesa-dri"),
    Part("pytest", False, "the tests", "pip install 'pulposus[dev]'"),
    Part("skfem", False, "the comparison with another finite-element library", "pip install 'pulposus[dev]'"),
)

app = command_app()


@app.command()
def doctor(as_json: Json = False) -> None:
    """Show versions, machine, cache and optional parts; say what is missing."""
    versions = {name: _version(name) for name in REQUIRED}
    report = {
        "pulposus": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": _cores(),
        "memory_GiB": _memory(),
        "cache": _cache(),
        "packages": versions,
        "optional": [{**part._asdict(), "present": _present(part)} for part in OPTIONAL],
        "computes": _computes(),
    }
    healthy = all(versions.values()) and report["computes"] == "ok"
    if as_json:
        print_json({**report, "healthy": healthy})
    else:
        print_text(*_lines(report))
    if not healthy:
        raise typer.Exit(MISSING)


def _lines(report: dict[str, Any]) -> list[str]:
    rows = [[name, str(report[name])] for name in ("pulposus", "python", "platform", "cores")]
    memory = report["memory_GiB"]
    rows.append(["memory", "unknown" if memory is None else f"{memory:.1f} GiB"])
    rows.append(
        [
            "cache",
            report["cache"]["path"] + ("" if report["cache"]["writable"] else "  NOT WRITABLE: set PULPOSUS_CACHE"),
        ]
    )
    rows += [[name, version or "MISSING: pip install pulposus"] for name, version in report["packages"].items()]
    rows += [
        [part["name"], "present" if part["present"] else f"missing, for {part['purpose']}: {part['remedy']}"]
        for part in report["optional"]
    ]
    rows.append(["computes", report["computes"]])
    return aligned(rows)


def _version(name: str) -> str:
    """Installed version; empty where the package is missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _present(part: Part) -> bool:
    if part.library:
        return ctypes.util.find_library(part.name) is not None
    return util.find_spec(part.name) is not None


def _cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory() -> float | None:
    """Memory of the machine in GiB, where the system tells it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None


def _cache() -> dict[str, object]:
    """Directory of compiled kernels, and whether it can be written."""
    import platformdirs

    path = Path(os.environ.get("PULPOSUS_CACHE", platformdirs.user_cache_dir("pulposus")))
    if str(path) == "off":
        return {"path": "off", "writable": True}
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return {"path": str(path), "writable": True}
    except OSError:
        return {"path": str(path), "writable": False}


def _computes() -> str:
    """Outcome of a small computation: ok, or why the array library cannot compute in double precision here."""
    try:
        import jax.numpy as jnp

        from pulposus import _backend  # noqa: F401

        total = jnp.arange(3.0).sum()
    except Exception as error:  # a broken binary package fails in its own ways
        return f"{type(error).__name__}: {error}"
    return "ok" if total.dtype == "float64" and float(total) == 3.0 else "not in double precision"
